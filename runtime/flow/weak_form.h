// The certificate of fit: the weak form of the equation that a model's law obeys, tested on samples. Internal to this
// folder.
#pragma once

#include "runtime/flow/particles.h"
#include "runtime/metrics/residual.h"

namespace am::flow {

/// A residual with the function that has the largest, as text.
struct Fit {
  metrics::Residual residual;
  std::string worst;
};

/// What `fit` was asked for with.
struct FitSettings {
  int waves = 0, resamples = 0;
  bool carried = false;         // where there is a path too
  uint64_t functions_seed = 0;  // the same functions at all times
};
FitSettings fit_settings(const elaborate::Metric& metric, uint64_t seed);

/// Along the path that the model is compared with: E φ(x_b) − E φ(x_a) − ∫ E[v·∇φ + ½σ²Δφ + gφ] dt over fresh,
/// independent draws of all three.
class WeakForm {
 public:
  /// `evaluation` has a `weak_form`.
  WeakForm(const elaborate::Evaluation& evaluation, const elaborate::Model& model, const Weights& weights, size_t count,
           const Machine& machine, diagnostics::Sink& sink);
  explicit operator bool() const { return static_cast<bool>(session_); }
  /// Between two times, for `start` at a and `end` at b, [count, dimension].
  Fit operator()(double a, double b, std::span<const double> start, std::span<const double> end,
                 const FitSettings& settings, uint64_t seed);

 private:
  const elaborate::Model& model_;
  Session session_;
};

/// Of particles that a model carried, against real samples at the same time, both with their weights if there are:
/// E φ(y) − E φ(x). Of exact particles it is the weak form along their own law, in which no path occurs.
Fit carried_fit(const metrics::Cloud& particles, const metrics::Cloud& real, const elaborate::Model& model,
                const FitSettings& settings, uint64_t seed);

}  // namespace am::flow
