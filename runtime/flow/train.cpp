#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "runtime/flow/session.h"

namespace am::flow {

using diagnostics::Kind;
using elaborate::Model;
using elaborate::Role;

std::optional<Weights> initialise(const Model& model, const Machine& machine, diagnostics::Sink& sink) {
  size_t largest = 1;
  for (const auto& p : model.parameters) largest = std::max<size_t>(largest, p.shape.count());
  Session init(model.initial, model.f64, largest, machine, sink, model.span);
  if (!init) return {};
  std::vector<Buffer> drawn;
  for (size_t k = 0; k < model.parameters.size(); ++k) drawn.push_back(init.make_output(static_cast<int>(k), largest));
  // Every entry of a parameter is one sample of its initial distribution.
  init.run(largest, key(model.seed, "initial"), 0);
  Weights w;
  const lower::Precision precision = precision_of(model.f64);
  for (size_t k = 0; k < model.parameters.size(); ++k) {
    const size_t count = model.parameters[k].shape.count();
    const bool sampled = init.plan().outputs[k].sampled;
    Buffer& p = w.parameters.emplace_back(precision, count);
    for (size_t i = 0; i < count; ++i) p.set(i, drawn[k].get(sampled ? i : 0));
    for (int s = 0; s < model.states; ++s) {
      Buffer& state = w.states.emplace_back(precision, count);
      for (size_t i = 0; i < count; ++i) state.set(i, model.initial_states[s]);
    }
  }
  if (model.average > 0)
    for (const Buffer& p : w.parameters) {
      Buffer& a = w.averages.emplace_back(precision, p.count());
      std::copy(p.bytes().begin(), p.bytes().end(), a.bytes().begin());
    }
  for (const auto& p : model.statistics) {
    Buffer& b = w.statistics.emplace_back(precision, p.shape.count());
    for (size_t i = 0; i < b.count(); ++i) b.set(i, 0);
  }
  return w;
}

namespace {

/// The step program with two sets of weights: the present ones, and those being written, which until then are those
/// before the present ones. An objective that is not finite tells that the present ones are not good; so the new ones are
/// written only where it is finite, and otherwise those before are still there.
class Stepper {
 public:
  Stepper(const Model& model, Weights& weights, const Machine& machine, diagnostics::Sink& sink)
      : model_(model), weights_(weights), session_(model.step, model.f64, model.batch, machine, sink, model.span) {
    if (!session_) return;
    for (auto* group : groups(weights_))
      for (const Buffer& b : *group) next_.emplace_back(b.precision(), b.count());
    for (size_t i = next_.size(); i < session_.plan().outputs.size(); ++i)
      scalars_.push_back(session_.make_output(static_cast<int>(i), 1));
    session_.call().accept = [this] { return finite(); };
  }
  Stepper(const Stepper&) = delete;
  explicit operator bool() const { return static_cast<bool>(session_); }

  /// Runs step `k` (counted from one) into the second set, which is left as it is where the step is not finite.
  void run(int k) {
    session_.bind_weights(weights_.parameters);
    for (size_t i = 0; i < weights_.states.size(); ++i)
      session_.bind(Role::State, weights_.states[i].data(), static_cast<int>(i));
    for (size_t i = 0; i < weights_.averages.size(); ++i)
      session_.bind(Role::Average, weights_.averages[i].data(), static_cast<int>(i));
    session_.bind_statistics(weights_);
    for (size_t i = 0; i < next_.size(); ++i) session_.call().outputs[i] = next_[i].data();
    session_.set(Role::StepNumber, k);
    session_.run(model_.batch, key_, static_cast<uint32_t>(k - 1));
  }

  bool finite() const { return std::isfinite(value("objective")) && std::isfinite(value("gradient_norm")); }

  void accept(int k) {
    exchange();
    weights_.step = k;
    has_before_ = true;
  }

  /// Back to the weights before the last accepted step, if there was one. Only after a step that is not finite.
  void restore() {
    if (!has_before_) return;
    exchange();
    --weights_.step;
    has_before_ = false;
  }

  double value(std::string_view name) const {
    const int output = session_.output(name);
    return scalars_[output - next_.size()].get(0);
  }
  bool has(std::string_view name) const { return session_.output(name) >= 0; }

 private:
  void exchange() {
    size_t i = 0;
    for (auto* group : groups(weights_))
      for (Buffer& b : *group) std::swap(b, next_[i++]);
  }

  static std::array<std::vector<Buffer>*, 4> groups(Weights& w) {
    return {&w.parameters, &w.states, &w.averages, &w.statistics};
  }

  const Model& model_;
  Weights& weights_;
  Session session_;
  std::vector<Buffer> next_, scalars_;
  bool has_before_ = false;
  const uint64_t key_ = key(model_.seed, "training");
};

std::string_view word_for(double v) { return std::isnan(v) ? "NaN" : v > 0 ? "infinite" : "negative infinite"; }

/// Reports the first of terms, objective and gradient that is not finite. True if all are.
bool finite(const Model& model, const Stepper& step, int k, diagnostics::Sink& sink) {
  if (step.finite()) return true;
  const double objective = step.value("objective"), norm = step.value("gradient_norm");
  source::Span span = model.span;
  std::string what = std::isfinite(objective) ? "the gradient's norm" : "the objective";
  double value = std::isfinite(objective) ? norm : objective;
  for (size_t i = model.terms.size(); i-- > 0;)
    if (const double term = step.value(fmt::format("term{}", i + 1)); !std::isfinite(term))
      span = model.terms[i].span, what = fmt::format("the term `{}`", model.terms[i].text), value = term;
  auto& report = sink.report<Kind::NonFiniteLoss>(span, model.name, k, what, word_for(value));
  if (!(span == model.span)) report.notes.push_back({model.span, "this is the model in training"});
  report.suggestion = k == 1 ? "the parameters are still the initial ones: look for a logarithm, root or quotient of "
                               "what may be zero or negative"
                             : "a smaller learning rate (`lr`), `clip = 1` or a warm-up keeps steps short";
  return false;
}

}  // namespace

Ending train(const Model& model, Weights& weights, const Machine& machine, const TrainOptions& options,
             diagnostics::Sink& sink) {
  Stepper step(model, weights, machine, sink);
  if (!step) return Ending::Failed;
  const auto began = std::chrono::steady_clock::now();
  Progress mean;
  mean.terms.assign(model.terms.size(), 0);
  int since = 0;
  for (int k = weights.step + 1; k <= model.steps; ++k) {
    step.run(k);
    if (!finite(model, step, k, sink)) {
      step.restore();
      return Ending::Failed;
    }
    step.accept(k);
    mean.objective += step.value("objective");
    mean.gradient_norm += step.value("gradient_norm");
    for (size_t i = 0; i < mean.terms.size(); ++i) mean.terms[i] += step.value(fmt::format("term{}", i + 1));
    ++since;
    const bool stop = options.stop && *options.stop && k < model.steps;
    if (stop) return Ending::Stopped;
    if (!options.report || (k % options.report_every != 0 && k != model.steps && k != 1)) continue;
    mean.step = k;
    mean.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    mean.objective /= since, mean.gradient_norm /= since;
    for (double& term : mean.terms) term /= since;
    if (step.has("rate")) mean.rate = step.value("rate");
    if (!options.report(mean, weights)) return k == model.steps ? Ending::Finished : Ending::Stopped;
    mean.objective = mean.gradient_norm = 0;
    std::fill(mean.terms.begin(), mean.terms.end(), 0);
    since = 0;
  }
  return Ending::Finished;
}

}  // namespace am::flow
