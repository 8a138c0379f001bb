// Expectations about the programs of a model: gradients, operations, plans, native code, training.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <random>
#include <sstream>

#include "compiler/differentiate/differentiate.h"
#include "compiler/ir/interpret.h"
#include "compiler/ir/ops.h"
#include "compiler/simplify/simplify.h"
#include "runtime/flow/flow.h"
#include "tests/execute/compare.h"
#include "tests/golden/checks.h"

namespace am::golden {
namespace {

using elaborate::Model;
using elaborate::Program;
using elaborate::Role;
using ir::NodeId;

constexpr size_t kSamples = 6;

/// AVX2, whatever the machine is: plans and schedules are the same everywhere.
const lower::Target kTarget{.cpu = "x86-64-v3", .features = "", .vector_bytes = 32, .cache_bytes = 1 << 20};

/// A number in (−1, 1) that is exact in f32.
double small(std::mt19937_64& random) { return static_cast<float>(static_cast<double>(random() % 2001) / 1000 - 1); }

/// Initial values by the interpreter, moved by a tenth so that biases are not zero.
std::vector<std::vector<double>> parameters(const Model& m) {
  size_t largest = 1;
  for (const auto& p : m.parameters) largest = std::max<size_t>(largest, p.shape.count());
  const auto drawn = ir::interpret(m.initial.graph, m.initial.outputs, {.inputs = {}, .samples = largest, .seed = 5});
  std::mt19937_64 random(1);
  std::vector<std::vector<double>> out;
  for (size_t k = 0; k < m.parameters.size(); ++k) {
    auto& values = out.emplace_back(m.parameters[k].shape.count());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(drawn[k][drawn[k].size() > 1 ? i : 0] + 0.1 * small(random));
  }
  return out;
}

/// Plausible values for every slot of a program.
ir::Bindings plausible(const Program& program, const Model& m, const std::vector<std::vector<double>>& weights,
                       size_t samples) {
  ir::Bindings out{.inputs = {}, .samples = samples, .seed = 11};
  std::mt19937_64 random(2);
  for (size_t slot = 0; slot < program.inputs.size(); ++slot) {
    const elaborate::Input& in = program.inputs[slot];
    const ir::Slot& s = program.graph.slots()[slot];
    std::vector<double> values(s.shape.count() * (s.sampled ? samples : 1));
    switch (in.role) {
      case Role::Parameter:
      case Role::Average: values = weights[in.index]; break;
      case Role::Data: values = in.data->get(); break;
      case Role::State: std::fill(values.begin(), values.end(), 0.015625); break;
      case Role::Statistic: {
        // Sums of 1, f and f² over the four samples of each bin; the same in every program.
        std::mt19937_64 own(static_cast<uint64_t>(in.index) + 1);
        for (double& v : values) v = in.index % 3 == 0 ? 4 : in.index % 3 == 1 ? small(own) : 3 + small(own);
        break;
      }
      case Role::StepNumber: values = {3}; break;
      case Role::Time: values = {static_cast<float>(m.from + 0.375 * (m.to - m.from))}; break;
      case Role::TimeStep: values = {0.125}; break;
      case Role::PointTime:
        for (double& v : values) v = static_cast<float>(m.from + (0.5 + 0.5 * small(random)) * (m.to - m.from));
        break;
      case Role::Number: std::iota(values.begin(), values.end(), 0); break;
      case Role::Point:
      case Role::LogWeight:
        for (double& v : values) v = small(random);
        break;
    }
    out.inputs[static_cast<uint32_t>(slot)] = std::move(values);
  }
  return out;
}

// --- gradcheck
// ---------------------------------------------------------------------------------------------------------

class GradientCheck {
 public:
  explicit GradientCheck(const Model& m) : m_(m), g_(m.objective.graph), weights_(parameters(m)) {
    for (size_t slot = 0; slot < m.objective.inputs.size(); ++slot)
      if (m.objective.inputs[slot].role == Role::Parameter) {
        by_.push_back(g_.slot(static_cast<uint32_t>(slot)));
        numbers_.push_back(m.objective.inputs[slot].index);
      }
  }

  /// Empty if reverse mode, forward mode, the simplified gradient and that of the training step agree with differences.
  std::string run() {
    const auto gradients = differentiate::gradient(g_, m_.objective.outputs[0], {by_});
    std::vector<std::vector<double>> reverse;
    double largest = 1, squares = 0;
    for (size_t k = 0; k < by_.size(); ++k) {
      reverse.push_back(gradients[k].valid() ? value(gradients[k]) : std::vector<double>(g_[by_[k]].shape.count()));
      for (double v : reverse[k]) largest = std::max(largest, std::fabs(v)), squares += v * v;
    }
    for (size_t k = 0; k < by_.size(); ++k) {
      if (std::string bad = differences(k, reverse[k], largest); !bad.empty()) return bad;
      if (gradients[k].valid()) {
        const auto simple = simplify::simplify(g_, {{gradients[k]}});
        const auto again = ir::interpret(simple.graph, simple.outputs, bindings())[0];
        for (size_t i = 0; i < again.size(); ++i)
          if (!(std::fabs(again[i] - reverse[k][i]) <= 1e-10 * largest))
            return fmt::format("simplified, entry {} of `{}` is {} and not {}", i, name(k), again[i], reverse[k][i]);
      }
    }
    if (std::string bad = forward(reverse, largest); !bad.empty()) return bad;
    if (squares == 0) return "every gradient is zero: nothing was checked";
    const auto step = ir::interpret(m_.step.graph, m_.step.outputs, plausible(m_.step, m_, weights_, kSamples));
    const size_t at = std::find(m_.step.names.begin(), m_.step.names.end(), "gradient_norm") - m_.step.names.begin();
    if (!(std::fabs(step[at][0] - std::sqrt(squares)) <= 1e-9 * largest))
      return fmt::format("the training step has a gradient of norm {}, and it is {}", step[at][0], std::sqrt(squares));
    return "";
  }

 private:
  std::string name(size_t k) const { return m_.parameters[numbers_[k]].name; }
  ir::Bindings bindings() const { return plausible(m_.objective, m_, weights_, kSamples); }
  std::vector<double> value(NodeId node) const { return ir::interpret(g_, {{node}}, bindings())[0]; }

  /// Central differences by every entry, or by some forty of many.
  std::string differences(size_t k, const std::vector<double>& reverse, double largest) {
    std::vector<double>& w = weights_[numbers_[k]];
    const size_t stride = std::max<size_t>(1, w.size() / 40);
    const double h = 1e-5;
    for (size_t i = 0; i < w.size(); i += stride) {
      const double saved = w[i];
      w[i] = saved + h;
      const double up = value(m_.objective.outputs[0])[0];
      w[i] = saved - h;
      const double down = value(m_.objective.outputs[0])[0];
      w[i] = saved;
      const double difference = (up - down) / (2 * h);
      if (!(std::fabs(difference - reverse[i]) <= 2e-7 * largest))
        return fmt::format("the derivative by entry {} of `{}` is {} and the difference {}", i, name(k), reverse[i],
                           difference);
    }
    return "";
  }

  /// The derivative along a random direction, in forward mode.
  std::string forward(const std::vector<std::vector<double>>& reverse, double largest) {
    std::mt19937_64 random(3);
    std::vector<NodeId> tangents;
    double wanted = 0;
    for (size_t k = 0; k < by_.size(); ++k) {
      std::vector<double> direction(reverse[k].size());
      for (size_t i = 0; i < direction.size(); ++i) wanted += (direction[i] = small(random)) * reverse[k][i];
      tangents.push_back(g_.table(direction, g_[by_[k]].shape));
    }
    const NodeId along = differentiate::directional(g_, m_.objective.outputs[0], {by_}, tangents);
    const double got = along.valid() ? value(along)[0] : 0;
    return std::fabs(got - wanted) <= 1e-9 * largest * static_cast<double>(reverse.size())
               ? ""
               : fmt::format("forward mode gives {} and reverse mode {}", got, wanted);
  }

  const Model& m_;
  ir::Graph g_;
  std::vector<std::vector<double>> weights_;
  std::vector<NodeId> by_;
  std::vector<int> numbers_;
};

// --- graphs and plans
// --------------------------------------------------------------------------------------------------

struct Subject {
  const Model* model = nullptr;
  const Program* program = nullptr;
  std::vector<NodeId> outputs;  // all of the program's, or the one that is named
  std::string complaint;
};

/// "m.functions.laplacian": a model, one of its programs, one of the program's outputs.
Subject subject(const Script& script, const std::string& text) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, '.');) words.push_back(word);
  Subject out;
  out.model = words.empty() ? nullptr : script.elaborated.model(words[0]);
  if (!out.model) return out.complaint = fmt::format("there is no model `{}`", text), out;
  if (words.size() < 2) return out;
  const Model& m = *out.model;
  const std::pair<std::string_view, const Program*> programs[] = {{"initial", &m.initial},
                                                                  {"step", &m.step},
                                                                  {"objective", &m.objective},
                                                                  {"draw", &m.draw},
                                                                  {"functions", &m.functions}};
  for (const auto& [name, program] : programs)
    if (name == words[1]) out.program = program;
  if (!out.program) return out.complaint = fmt::format("`{}` is not a program of a model", words[1]), out;
  out.outputs = out.program->outputs;
  if (words.size() > 2) {
    const auto at = std::find(out.program->names.begin(), out.program->names.end(), words[2]);
    if (at == out.program->names.end())
      return out.complaint = fmt::format("`{}` has no output `{}`", words[1], words[2]), out;
    out.outputs = {out.program->outputs[at - out.program->names.begin()]};
  }
  return out;
}

/// The names in "matmul = 11, sigmoid = 2".
std::vector<std::string> asked(const std::string& rest) {
  std::vector<std::string> out;
  std::istringstream in(rest);
  for (std::string item; std::getline(in, item, ',');) out.push_back(trimmed(item.substr(0, item.find('='))));
  return out;
}

Answer counts(const Expectation& e, const Subject& s) {
  const auto small = simplify::simplify(s.program->graph, s.outputs);
  std::map<std::string, int> count;
  const auto nodes = ir::reachable(small.graph, small.outputs);
  for (NodeId id : nodes) ++count[std::string(ir::info(small.graph[id].op).name)];
  std::string text;
  for (const std::string& name : asked(e.rest))
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name,
                        name == "all" ? static_cast<int>(nodes.size()) : count[name]);
  return {fmt::format("#~ ops {}: {}", e.subject, text), ""};
}

lower::Lowered lowered(const Subject& s) {
  const auto small = simplify::simplify(s.program->graph, s.outputs);
  return lower::lower(small.graph, small.outputs,
                      {.precision = s.model->f64 ? lower::Precision::F64 : lower::Precision::F32,
                       .target = kTarget,
                       .samples = static_cast<size_t>(s.model->batch)});
}

Answer plan(const Expectation& e, const Subject& s) {
  const lower::Plan p = lowered(s).plan;
  std::string text;
  for (const std::string& name : asked(e.rest)) {
    const int v = name == "tile"     ? p.tile
                  : name == "lanes"  ? p.lanes
                  : name == "phases" ? p.phases
                  : name == "flops"  ? static_cast<int>(p.flops_contract)
                                     : -1;
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, v);
  }
  return {fmt::format("#~ plan {}: {}", e.subject, text), ""};
}

/// The subject ends in "contains" or "lacks".
Answer schedule(const Expectation& e, const Subject& s) {
  const bool contains = e.subject.ends_with(" contains");
  if (!contains && !e.subject.ends_with(" lacks")) return {"", "`contains: …` or `lacks: …` is expected"};
  const std::string text = lowered(s).schedule;
  const bool found = text.find(e.rest) != std::string::npos;
  return {"", found == contains ? "" : "the schedule is\n" + text};
}

// --- native code
// -------------------------------------------------------------------------------------------------------

/// Every program of the model, by the interpreter as elaborated and by native code as simplified and lowered.
Answer native(const Model& m) {
  const auto weights = parameters(m);
  const std::pair<const char*, const Program*> programs[] = {
      {"objective", &m.objective}, {"step", &m.step}, {"draw", &m.draw}, {"functions", &m.functions}};
  for (const auto& [name, program] : programs) {
    const size_t samples = 37;
    const ir::Bindings bindings = plausible(*program, m, weights, samples);
    const auto want = ir::interpret(program->graph, program->outputs, bindings);
    const auto small = simplify::simplify(program->graph, program->outputs);
    for (lower::Precision precision : {lower::Precision::F64, lower::Precision::F32}) {
      const bool f64 = precision == lower::Precision::F64;
      test::Setting setting{.precision = precision};
      setting.samples = samples, setting.threads = 2;
      const auto got = test::run_compiled(small.graph, small.outputs, bindings, setting);
      for (size_t k = 0; k < want.size(); ++k) {
        double scale = 1;
        for (double v : want[k]) scale = std::max(scale, std::fabs(v));
        // What simplify finds to be the same for every sample comes once.
        const size_t repeat = got[k].empty() ? 1 : want[k].size() / got[k].size();
        for (size_t i = 0; i < want[k].size(); ++i)
          if (!(std::fabs(got[k][i / repeat] - want[k][i]) <= (f64 ? 1e-12 : 1e-5) * scale))
            return {"", fmt::format("entry {} of output {} (`{}`) of `{}` is {} in {} and {} by the interpreter", i, k,
                                    program->names[k], name, got[k][i / repeat], f64 ? "f64" : "f32", want[k][i])};
      }
    }
  }
  return {};
}

// --- training
// ----------------------------------------------------------------------------------------------------------

struct Trained {
  flow::Weights weights;
  double objective = 0;
};

std::optional<Trained> trained(const Model& m, int threads, std::string& complaint) {
  std::string error;
  const Machine machine{.target = jit::host_target("", error), .threads = threads};
  diagnostics::Sink sink;
  auto weights = flow::initialise(m, machine, sink);
  Trained out;
  flow::TrainOptions options{.report_every = 1, .report = {}};
  options.report = [&](const flow::Progress& p, const flow::Weights&) { return out.objective = p.objective, true; };
  if (!weights || flow::train(m, *weights, machine, options, sink) != flow::Ending::Finished) {
    complaint = "training fails";
    for (const auto& d : sink.sorted()) complaint += "\n" + d.message;
    return {};
  }
  out.weights = std::move(*weights);
  return out;
}

bool same_bits(const std::vector<flow::Buffer>& a, const std::vector<flow::Buffer>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& p, const auto& q) { return std::ranges::equal(p.bytes(), q.bytes()); });
}

/// `rest` is "", "objective < NUMBER" or "objective = NUMBER ± TOLERANCE", of the last step.
Answer run(const Expectation& e, const Model& m) {
  if (m.steps > 50) return {"", "a golden trains for at most 50 steps"};
  std::string complaint;
  const auto one = trained(m, 1, complaint), three = one ? trained(m, 3, complaint) : std::nullopt;
  if (!three) return {"", complaint};
  for (const auto& p : one->weights.parameters)
    for (size_t i = 0; i < p.count(); ++i)
      if (!std::isfinite(p.get(i))) return {"", "a parameter is not finite"};
  if (!same_bits(one->weights.parameters, three->weights.parameters) ||
      !same_bits(one->weights.states, three->weights.states) || one->objective != three->objective)
    return {"", "one thread and three give other bits"};
  if (e.rest.empty()) return {};
  const std::vector<double> bounds = numbers(e.rest);
  const bool below = e.rest.starts_with("objective < ") && bounds.size() == 1,
             near = e.rest.starts_with("objective = ") && bounds.size() == 2;
  if (!below && !near) return {"", "`objective < NUMBER` or `objective = NUMBER ± TOLERANCE` is expected"};
  const bool fine = below ? one->objective < bounds[0] : std::fabs(one->objective - bounds[0]) <= bounds[1];
  return {"", fine ? "" : fmt::format("the objective is {}", one->objective)};
}

/// "x = [1, 2] ± 0.1" or "mass = 2 ± 0.1": the mean of the particles at the last time, or their mass.
Answer sample(const Expectation& e, const Script& script) {
  const elaborate::Sampling* s = nullptr;
  for (const auto& candidate : script.elaborated.samplings)
    if (candidate.name == e.subject) s = &candidate;
  const Model* m = s ? script.elaborated.model(s->model) : nullptr;
  if (!m) return {"", fmt::format("there is no `sample {}`", e.subject)};
  std::string complaint, error;
  const auto model = trained(*m, 1, complaint);
  if (!model) return {"", complaint};
  diagnostics::Sink sink;
  std::vector<flow::Particles> runs;
  for (int threads : {1, 3}) {
    auto particles =
        flow::sample(*s, *m, model->weights, {.target = jit::host_target("", error), .threads = threads}, sink);
    if (!particles) return {"", "sampling fails: " + sink.sorted()[0].message};
    runs.push_back(std::move(*particles));
  }
  if (runs[0].points != runs[1].points || runs[0].mass != runs[1].mass)
    return {"", "one thread and three give other bits"};
  std::vector<double> mean(runs[0].dimension), wanted;
  const auto& points = runs[0].points.back();
  for (size_t i = 0; i < points.size(); ++i)
    mean[i % mean.size()] += points[i] * static_cast<double>(mean.size()) / static_cast<double>(points.size());
  const bool mass = e.rest.starts_with("mass");
  if (mass) mean = {runs[0].mass.empty() ? NAN : runs[0].mass.back()};
  wanted = numbers(e.rest);
  if (wanted.size() != mean.size() + 1)
    return {"", fmt::format("`= [NUMBER, …] ± TOLERANCE` with {} numbers is expected", mean.size())};
  const double tolerance = wanted.back();
  wanted.pop_back();
  bool fine = true;
  for (size_t i = 0; fine && i < mean.size(); ++i) fine = std::fabs(mean[i] - wanted[i]) <= tolerance;
  return {"", fine ? "" : fmt::format("it is [{}]", fmt::join(mean, ", "))};
}

}  // namespace

Answer check_model(const Expectation& e, const Script& script) {
  if (e.key == "sample") return sample(e, script);
  const bool of_program = e.key == "ops" || e.key == "plan" || e.key == "schedule";
  const Subject s = subject(script, e.subject.substr(0, e.subject.find(' ')));
  if (!s.complaint.empty()) return {"", s.complaint};
  if (of_program != (s.program != nullptr))
    return {"", of_program ? "a program such as `m.step` is expected" : "a model alone is expected"};
  if (e.key == "gradcheck") return {"", GradientCheck(*s.model).run()};
  if (e.key == "native") return native(*s.model);
  if (e.key == "ops") return counts(e, s);
  if (e.key == "plan") return plan(e, s);
  if (e.key == "schedule") return schedule(e, s);
  if (e.key == "run") return run(e, *s.model);
  return {"", fmt::format("`{}` is not an expectation", e.key)};
}

}  // namespace am::golden
