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
  std::vector<double> by_repeat;    // what they are of; empty where several trainings were summed up
  /// Of several trainings that differ in their seed alone: the figure of each, and the standard deviation of these.
  /// `value` is then their mean, and `deviation` the root mean square of theirs.
  std::vector<double> by_seed;
  double seed_deviation = 0;
  std::optional<double> floor, floor_deviation;
  /// Of `nll` and `bpd`, which are of a density: the standard error of one repeat, which is a mean over its samples; the
  /// value in bits per dimension (of `nll`); and the samples of all repeats where the model's density is zero, which make
  /// it infinite.
  bool of_density = false;
  std::optional<double> standard_error, bits_per_dimension;
  size_t impossible = 0;
  /// Of `mass`, beside its standard error: the mass that the data have.
  std::optional<double> real_mass;
  /// Of `fit`: the probability of a value as large by chance, and the test function that has it. Of several repeats twice
  /// the mean p, which is one again (Rüschendorf 1982), and the function of the first.
  std::optional<double> p;
  std::string worst;
};

/// A mean over draws with its standard error.
struct Estimate {
  double value = 0, standard_error = 0;
};

struct Comparison {
  double time = 0;
  size_t generated = 0, reference = 0;  // sample sizes
  std::vector<Figure> figures;
};

struct EvaluationResult {
  std::vector<Comparison> comparisons;
  std::vector<Figure> means;          // over the times of the comparisons, metric by metric
  std::optional<double> gap, action;  // ½∫E|drift − exact|² and ½∫E|exact|²
  std::optional<double> growth_gap, growth_square;  // ½∫E(growth − exact)² and ½∫E exact²
  /// The gap of the drift relative to the action, and that of the growth to its square; one that is known to be zero
  /// has its gap relative to the other. Nothing where there is nothing to compare with.
  std::optional<double> relative_gap() const { return relative(gap, action, growth_square); }
  std::optional<double> relative_growth_gap() const { return relative(growth_gap, growth_square, action); }
  double objective = 0;               // over `objective_samples` fresh draws
  /// If asked for: that of the learned functions, and −objective, which no potential brings above the least action.
  std::optional<Estimate> learned_action, action_bound;
  std::vector<double> objective_by_seed, gap_by_seed, growth_gap_by_seed;  // as `Figure::by_seed`
  size_t objective_samples = 0;
  std::optional<Particles> particles;           // of the last repeat, from the start or each one-step target
  std::vector<std::vector<double>> references;  // per comparison

 private:
  using Number = std::optional<double>;
  static Number relative(Number gap, Number own, Number other) {
    const double size = own.value_or(0) > 0 ? *own : other.value_or(0);
    return gap && size > 0 ? Number(*gap / size) : Number();
  }
};

/// Without `floors` these are left out, which have nothing to do with the weights and take as long as the figures.
std::optional<EvaluationResult> evaluate(const elaborate::Evaluation& evaluation, const elaborate::Model& model,
                                         const Weights& weights, const Machine& machine, diagnostics::Sink& sink,
                                         bool floors = true);

/// The means over time of each metric's figures; their deviations are those of the means, repeat by repeat. A floor that is
/// missing somewhere has no mean.
std::vector<Figure> means(const std::vector<Comparison>& comparisons);

/// The standard deviation (with n − 1) of figures of several trainings; 0 of one.
double deviation(const std::vector<double>& by_seed);

/// Evaluations of one model at different times as one.
EvaluationResult joined(std::vector<EvaluationResult> at_times);

/// Evaluations of trainings that differ in their seed alone as one: particles, references and floors are those of the
/// first. One alone stays as it is unless its figures are to be told as those of a seed, `seeded`.
EvaluationResult over_seeds(std::vector<EvaluationResult> trainings, bool seeded);

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
