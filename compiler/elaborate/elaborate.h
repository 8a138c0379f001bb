// The checked program to graphs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/graph.h"
#include "runtime/data/data.h"
#include "runtime/data/view.h"
#include "runtime/metrics/table.h"

namespace am::elaborate {

/// What the runtime binds to a slot of a program.
enum class Role {
  Parameter,   // index: which parameter of the model
  State,       // index: parameter·states + state: the optimizer's memory
  Average,     // index: which parameter: its moving average
  Statistic,   // index: which running sum of the time sampler
  StepNumber,  // scalar: 1, 2, …
  Time,        // scalar
  TimeStep,    // scalar h
  Point,       // sampled [d]
  PointTime,   // sampled scalar
  Number,      // sampled scalar: 0, 1, … of a particle
  LogWeight,   // sampled scalar
  Data,        // values in Input::data
};

/// Numbers that a program reads, made when they are first asked for: checking a script need not solve its transport
/// problems.
class Values {
 public:
  explicit Values(std::function<std::vector<double>()> make) : make_(std::move(make)) {}
  const std::vector<double>& get() const {
    std::call_once(once_, [this] { values_ = make_(); });
    return values_;
  }

 private:
  std::function<std::vector<double>()> make_;
  mutable std::once_flag once_;
  mutable std::vector<double> values_;
};

/// Thrown by `Values::get` where a simulation leaves the numbers.
struct SimulationFailure : std::runtime_error {
  SimulationFailure(source::Span where, std::string data, double time)
      : std::runtime_error("a simulation left the numbers"), span(where), name(std::move(data)), at(time) {}
  source::Span span;
  std::string name;  // of the data set
  double at;         // the time of the first sample that is not finite
};

/// Samples in groups, whose rows are made when they are first asked for.
struct Samples {
  /// Times, groups and dimension. Its own rows are empty where `rows` are made later.
  std::shared_ptr<const data::Snapshots> samples;
  std::shared_ptr<const Values> rows;  // [samples->offsets.back(), samples->dimension]
};

struct Input {
  Role role;
  int index = 0;
  std::shared_ptr<const Values> data;
};

/// A graph with what its slots and outputs are. Slots and inputs correspond by number.
struct Program {
  ir::Graph graph;
  std::vector<ir::NodeId> outputs;
  std::vector<std::string> names;  // of the outputs
  std::vector<Input> inputs;
  bool split_products = false;     // where that is faster (lower::Options)
  int held = 0;                    // outputs, the first ones, that the caller may refuse (lower::Options)
};

/// One learned tensor.
struct Parameter {
  std::string name;  // "s.mlp.linear1.W": potential, nets, parameter
  ir::Shape shape;
  source::Span span;
};

/// One additive term of an objective.
struct Term {
  std::string text;
  source::Span span;
};

/// A `train` declaration, or a retraining of one: everything that training, sampling and evaluating its model needs.
struct Model {
  std::string name;
  source::Span span;
  int steps = 0, batch = 0;
  uint64_t seed = 0;
  /// `seeds`: the model is trained once for each, and `seed` is the first. Empty: `seed` alone.
  std::vector<uint64_t> seeds;
  /// The time that was held out of the data, where this is a retraining.
  std::optional<double> without;
  double average = 0;  // decay of the moving average; 0: none
  bool f64 = false;
  int dimension = 0;        // of the points, conditions included
  int moving = 0;           // of these, how many move: the conditions follow
  /// The data set with times that the path draws from; null without one, and where there are several.
  std::shared_ptr<const Samples> snapshots;
  double from = 0, to = 1;  // the path's time range
  bool has_noise = false, has_growth = false;
  /// The coordinates of the data that the path draws from, if its points have as many; null if there are no such data.
  std::shared_ptr<const data::Frame> frame;
  /// Its points and velocities in other coordinates. False if they do not lead there: `what` says why, and what to do.
  bool view(data::Coordinates coordinates, const std::vector<std::string>& genes, data::View& out,
            std::string& what) const;
  std::string objective_text;

  std::vector<Parameter> parameters;
  std::vector<Parameter> conditions;   // of the potential beside x and t, by the name of its parameter
  std::vector<Parameter> statistics;   // running sums of the time sampler; they start at zero
  int states = 0;                      // the optimizer's tensors per parameter
  std::vector<double> initial_states;  // one value for each of them
  std::vector<Term> terms;

  /// Outputs: one scalar per parameter; run over as many samples as the largest parameter has elements: entry i is its
  /// element i.
  Program initial;
  /// Outputs: parameters, states (parameter-major), averages if any, statistics, then "objective", "gradient_norm", "rate", and
  /// the terms.
  Program step;
  /// Outputs: "objective" and the terms, for evaluation over many samples.
  Program objective;
  /// x ~ q(Time): output "x" (sampled), with its conditions; of a dynamics without a path, a sample of the snapshot
  /// nearest to Time.
  Program draw;
  /// At (Point, PointTime): outputs "value" (s; or the velocity), "gradient", "time_derivative", "laplacian" where
  /// there is a potential, "drift", "noise", "growth" where there are such.
  Program functions;
};

/// Samples that a script makes by moving particles: one stage after another, from one draw for each particle.
struct Simulation {
  struct Stage {
    Program move;  // inputs Point, Time, TimeStep; output "x"
    double from = 0, to = 1;
    int steps = 1;
  };
  std::string name;
  source::Span span;
  int dimension = 0;
  Program start;  // output "x"
  std::vector<Stage> stages;
  size_t count = 0;     // particles
  bool record = false;  // after every step of the last stage, and at its start; else at its end alone
  uint64_t seed = 0;
  /// Of the result's rows: [instant][particle][coordinate].
  size_t instants() const { return record ? static_cast<size_t>(stages.back().steps) + 1 : 1; }
};

/// How particles are carried by a model.
struct Stepper {
  /// Inputs Point, LogWeight, Time, TimeStep; outputs "x", "log_weight", and "error" (scalar per particle) if adaptive.
  Program step;
  double steps_per_unit = 0;  // fixed step; 0 for an adaptive solver
  double tolerance = 0;       // adaptive
  int order = 1;
  std::string text;  // the solver as written
};

/// Where particles or reference samples come from.
struct Origin {
  Program draw;                             // output "x" (sampled); slots Time and Number where it needs them
  std::shared_ptr<const Samples> snapshots;  // instead: the very rows of a snapshot …
  size_t group = 0;                         // … this one
  int dimension = 0;
  size_t rows() const;
};

/// Particles as images: of each, the first channels·height·width numbers, in this order.
struct Picture {
  int height = 0, width = 0, channels = 1;
  double low = 0, high = 1;    // what is black, and what is white
  int rows = 10, columns = 10;  // of the sheet
};

struct Sampling {
  std::string name, model;
  source::Span span;
  Origin start;
  size_t count = 0;
  std::vector<double> times;
  uint64_t seed = 0;
  Stepper stepper;
  std::optional<Picture> picture;
  data::View view;  // in which particles are written
};

struct Metric {
  const metrics::Metric* kind = nullptr;
  metrics::Arguments arguments;
  std::string label;  // its name; as it is written where the name is asked for more than once
  source::Span span;
};

/// What the log-density of the model at a point and time t follows from: that of the start, and how it changes on the way.
struct Likelihood {
  /// Carries [x, ℓ] by ẋ = v and ℓ′ = ∇·v − g from t back to the start, from ℓ = 0: log q_t(x_t) = log q_0(x_0) + ℓ. Its
  /// LogWeight and "log_weight" are ℓ; TimeStep is negative.
  Stepper back;
  /// Inputs Point, Time; output "log_density": of the start, and of the reference at any time if `known`.
  Program density;
  bool known = false;
  std::string text;  // the density as written
};

struct HoldOut;

struct Evaluation {
  std::string model;
  source::Span span;
  bool one_step = false;
  std::vector<Metric> metrics;
  std::vector<double> times;
  size_t count = 0;
  int repeats = 1;
  uint64_t seed = 0;
  Stepper stepper;
  std::shared_ptr<const Samples> against;  // data; or
  Program against_draw;                    // a path at Time
  /// Training data with times, if the model's path is made of some: the floor's independent real samples.
  std::shared_ptr<const Samples> training;
  bool against_path = false;
  std::string against_text;
  bool has_velocity = false, has_growth = false;
  /// Over the path, all times the length of the time range: outputs "gap" ½E|drift − exact|² and "action" ½E|exact|² where
  /// a velocity is known, "growth_gap" ½E(growth − exact)² and "growth_square" ½E exact² where a growth is.
  Program gap;
  /// If `nll` or `bpd` is among the metrics.
  std::optional<Likelihood> likelihood;
  /// If `fit` is, along the path `against_draw`. Inputs Time a and TimeStep b − a; outputs "x", drawn at a time of its own
  /// that is uniform in a..b, and there "drift", and "noise" and "growth" where there are such.
  std::optional<Program> weak_form;
  /// If `action` is: outputs "action" and, where the learned function is a potential, "bound", −objective of the same
  /// draws.
  std::optional<Program> action;
  /// The objective and the gap, which are over the whole path, belong to the result.
  bool over_path = true;
  std::vector<HoldOut> hold_outs;
};

/// A time of the setting `hold_out`: a model whose training knows nothing of the samples there.
struct HoldOut {
  Model model;            // `model.without` is the time
  Evaluation evaluation;  // of the one comparison at that time, from the time where particles set out
};

/// The elaborated script. Runs in the order train, sample, evaluate, each in source order.
struct Elaborated {
  std::vector<Model> models;
  std::vector<Sampling> samplings;
  std::vector<Evaluation> evaluations;
  /// The value of Options::asked: one output, a sampled input for each variable.
  std::optional<Program> asked;

  const Model* model(std::string_view name) const;
};

/// An expression over the script's names, from elsewhere: that of `amc derive`.
struct Asked {
  ast::ExprId expression;
  std::string model;                         // whose dynamics is in scope; empty: the first
  std::map<std::string, ir::Shape> shapes;   // of variables, as far as they were said
  std::vector<std::string> variables;        // names that nothing declares
  std::vector<std::string> points, times;    // those of them that are a point of the model, and a time
};

struct Options {
  std::string data_folder;                      // relative file names start here
  std::map<std::string, std::string> data;      // --data NAME=FILE
  std::map<std::string, double> constants;      // --const NAME=VALUE
  std::map<std::string, ast::ExprId> settings;  // --set "train.flow.steps" = an expression, parsed
  std::map<std::string, ast::ExprId> defaults;  // of settings, "train.steps", from check/settings.def, parsed
  /// Runs a simulation in f64 and gives its rows; throws SimulationFailure.
  std::function<std::vector<double>(const Simulation&)> simulate;
  std::optional<Asked> asked;
};

/// Reports what is wrong and leaves out what it could not make.
Elaborated elaborate(const ast::Program& program, const source::Sources& sources, const Options& options,
                     diagnostics::Sink& sink);

}  // namespace am::elaborate
