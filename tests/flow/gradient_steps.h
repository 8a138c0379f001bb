// Training steps at fixed parameters: what a step's gradient is for given draws.
#pragma once

#include "runtime/flow/session.h"

namespace am {

/// Runs a model's training step, whose optimizer must be `sgd(lr = 1)` without clipping, at parameters that stay: then
/// what the step takes off is the gradient. Running sums of the time sampler move on from step to step.
class GradientSteps {
 public:
  GradientSteps(const elaborate::Model& model, const flow::Weights& weights, const Machine& machine,
                diagnostics::Sink& sink)
      : model_(model), weights_(weights), session_(model.step, model.f64, model.batch, machine, sink, model.span) {
    if (!session_) return;
    for (size_t i = 0; i < session_.plan().outputs.size(); ++i)
      outputs_.push_back(session_.make_output(static_cast<int>(i), 1));
    for (const auto& s : weights.statistics) statistics_.emplace_back(s.precision(), s.count());
  }
  explicit operator bool() const { return static_cast<bool>(session_); }

  /// The gradient by all parameters, one behind the other, with the draws of step `k`.
  std::vector<double> operator()(uint32_t k, uint64_t seed = 77) {
    session_.bind_weights(weights_.parameters);
    for (size_t i = 0; i < weights_.states.size(); ++i)
      session_.bind(elaborate::Role::State, weights_.states[i].data(), static_cast<int>(i));
    for (size_t i = 0; i < statistics_.size(); ++i)
      session_.bind(elaborate::Role::Statistic, statistics_[i].data(), static_cast<int>(i));
    session_.set(elaborate::Role::StepNumber, 1);
    session_.run(model_.batch, seed, k);
    std::vector<double> out;
    for (size_t p = 0; p < weights_.parameters.size(); ++p)
      for (size_t i = 0; i < weights_.parameters[p].count(); ++i)
        out.push_back(weights_.parameters[p].get(i) - outputs_[p].get(i));
    // Statistics stand behind parameters and states.
    const size_t first = weights_.parameters.size() + weights_.states.size() + weights_.averages.size();
    for (size_t i = 0; i < statistics_.size(); ++i)
      for (size_t j = 0; j < statistics_[i].count(); ++j) statistics_[i].set(j, outputs_[first + i].get(j));
    return out;
  }

 private:
  const elaborate::Model& model_;
  const flow::Weights& weights_;
  flow::Session session_;
  std::vector<flow::Buffer> outputs_, statistics_;
};

/// Mean and variance of every entry of the gradient over `steps` steps, after `warm_up` that fill the running sums.
struct GradientMoments {
  std::vector<double> mean, variance;
  double total() const {
    double sum = 0;
    for (double v : variance) sum += v;
    return sum;
  }
};

inline GradientMoments gradient_moments(GradientSteps& gradient, int warm_up, int steps) {
  for (int k = 0; k < warm_up; ++k) gradient(static_cast<uint32_t>(k));
  GradientMoments out;
  std::vector<double> squares;
  for (int k = 0; k < steps; ++k) {
    const std::vector<double> g = gradient(static_cast<uint32_t>(warm_up + k));
    out.mean.resize(g.size()), squares.resize(g.size());
    for (size_t i = 0; i < g.size(); ++i) out.mean[i] += g[i] / steps, squares[i] += g[i] * g[i] / steps;
  }
  for (size_t i = 0; i < squares.size(); ++i)
    out.variance.push_back((squares[i] - out.mean[i] * out.mean[i]) * steps / (steps - 1));
  return out;
}

}  // namespace am
