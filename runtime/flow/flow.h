// Training, sampling and evaluating a compiled model: the interface that `amc` and host programs use.
//
// Nothing here prints, exits or keeps global state. User-visible failures are reported to a `Sink`.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/driver/compile.h"
#include "runtime/flow/buffer.h"

namespace am::flow {

/// What is learned, and the optimizer's memory: all that a checkpoint holds.
struct Weights {
  std::vector<Buffer> parameters;  // by the model's parameter number
  std::vector<Buffer> states;      // parameter-major
  std::vector<Buffer> averages;    // empty without a moving average
  std::vector<Buffer> statistics;  // running sums of the time sampler
  int step = 0;                    // steps done
  /// What serves sampling and evaluation: the averages where there are some.
  const std::vector<Buffer>& serving() const { return averages.empty() ? parameters : averages; }
};

/// The initial weights of a model: its own draws, keyed by its seed.
std::optional<Weights> initialise(const elaborate::Model& model, const Machine& machine, diagnostics::Sink& sink);

/// What a training step tells. Means over the steps since the last report, but for the step itself.
struct Progress {
  int step = 0;        // steps done
  double seconds = 0;  // since training began
  double objective = 0, gradient_norm = 0;
  std::optional<double> rate;
  std::vector<double> terms;
};

struct TrainOptions {
  /// Steps between calls of `report`.
  int report_every = 10;
  /// Called with the progress; false ends training cleanly after this step.
  std::function<bool(const Progress&, const Weights&)> report;
  /// Looked at after every step: true ends training cleanly.
  const std::atomic<bool>* stop = nullptr;
};

enum class Ending { Finished, Stopped, Failed };

/// Trains from `weights` on to the model's number of steps. A NaN or an infinity ends it with a diagnostic that names
/// the step and the term; `weights` are then the last ones with which all was finite, or the first ones.
Ending train(const elaborate::Model& model, Weights& weights, const Machine& machine, const TrainOptions& options,
             diagnostics::Sink& sink);

/// Writes beside the file and renames. Readable by numpy: "parameter/NAME", "average/NAME", "state/NAME/k",
/// "statistic/NAME", "step".
bool save(const std::string& path, const elaborate::Model& model, const Weights& weights, diagnostics::Sink& sink);
std::optional<Weights> load(const std::string& path, const elaborate::Model& model, diagnostics::Sink& sink);

/// Points at recorded times; rows of `points` are [count, dimension].
struct Particles {
  int dimension = 1;
  std::vector<double> times;
  std::vector<std::vector<double>> points;
  /// Per time, normalised to sum to one; empty without growth, unless the particles start as rows with weights.
  std::vector<std::vector<double>> weights;
  std::vector<double> mass;  // per time, total of the unnormalised weights relative to the start; empty without growth
};

std::optional<Particles> sample(const elaborate::Sampling& sampling, const elaborate::Model& model,
                                const Weights& weights, const Machine& machine, diagnostics::Sink& sink);

/// A figure with its sampling floor: the same distance between two independent real samples of the same sizes; of
/// `nll`, what the known density itself has on the samples.
struct Figure {
  std::string metric;
  double value = 0, deviation = 0;  // mean and standard deviation over the repeats
  std::optional<double> floor, floor_deviation;
  /// Of `nll`: the standard error of one repeat, which is a mean over its samples; the value in bits per dimension; and
  /// the samples of all repeats where the model's density is zero, which make it infinite.
  std::optional<double> standard_error, bits_per_dimension;
  size_t impossible = 0;
};

struct Comparison {
  double time = 0;
  size_t generated = 0, reference = 0;  // sample sizes
  std::vector<Figure> figures;
};

struct EvaluationResult {
  std::vector<Comparison> comparisons;
  std::optional<double> gap, action;  // ½∫E|drift − exact|² and ½∫E|exact|²
  double objective = 0;               // over `objective_samples` fresh draws
  size_t objective_samples = 0;
  std::optional<Particles> particles;           // of the last repeat, from the start or each one-step target
  std::vector<std::vector<double>> references;  // per comparison
};

std::optional<EvaluationResult> evaluate(const elaborate::Evaluation& evaluation, const elaborate::Model& model,
                                         const Weights& weights, const Machine& machine, diagnostics::Sink& sink);

/// Values of a model's functions (Model::functions) at points [count, dimension] and times: by output name, [count,
/// size].
struct FunctionValues {
  std::vector<std::string> names;
  std::vector<int> sizes;
  std::vector<std::vector<double>> values;
};
std::optional<FunctionValues> functions_at(const elaborate::Model& model, const Weights& weights,
                                           std::span<const double> points, std::span<const double> times,
                                           const Machine& machine, diagnostics::Sink& sink);

/// `count` draws of the model's path at `time`, [count, dimension].
std::optional<std::vector<double>> draw(const elaborate::Program& program, int dimension, double time, size_t count,
                                        uint64_t seed, bool f64, const Machine& machine, diagnostics::Sink& sink);

}  // namespace am::flow
