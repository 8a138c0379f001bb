#include "runtime/flow/weak_form.h"

#include "runtime/metrics/test_functions.h"

namespace am::flow {

using elaborate::Model;
using elaborate::Role;
using metrics::Mean;
using metrics::TestFunctions;

namespace {

Fit judged(const TestFunctions& functions, std::span<const Mean> means, const FitSettings& settings, uint64_t seed) {
  Fit out{metrics::residual(means, functions.count(), settings.resamples, key(seed, "signs")), {}};
  out.worst = functions.text(out.residual.worst);
  return out;
}

/// Rows [count, size] of an output; one that is the same for all samples is repeated.
std::vector<double> rows(const Session& session, int output, const Buffer& values, size_t count) {
  const ir::Slot& slot = session.plan().outputs[output];
  const auto size = static_cast<size_t>(slot.shape.count());
  const size_t stride = stride_of(count);
  std::vector<double> out(count * size);
  for (size_t i = 0; i < count; ++i)
    for (size_t e = 0; e < size; ++e) out[i * size + e] = values.get(slot.sampled ? e * stride + i : e);
  return out;
}

}  // namespace

FitSettings fit_settings(const elaborate::Metric& metric, uint64_t seed) {
  const auto whole = [&](std::string_view name) {
    return static_cast<int>(metrics::argument(metric.arguments, name).numbers[0]);
  };
  return {whole("waves"), whole("resamples"), whole("carried") == 1, key(seed, "test functions")};
}

WeakForm::WeakForm(const elaborate::Evaluation& evaluation, const Model& model, const Weights& weights, size_t count,
                   const Machine& machine, diagnostics::Sink& sink)
    : model_(model), session_(*evaluation.weak_form, model.f64, count, machine, sink, evaluation.span) {
  if (session_) session_.bind_weights(weights.serving());
}

Fit WeakForm::operator()(double a, double b, std::span<const double> start, std::span<const double> end,
                         const FitSettings& settings, uint64_t seed) {
  const size_t count = start.size() / model_.dimension;
  session_.set(Role::Time, a);
  session_.set(Role::TimeStep, b - a);
  std::vector<Buffer> outputs;
  for (size_t k = 0; k < session_.plan().outputs.size(); ++k)
    outputs.push_back(session_.make_output(static_cast<int>(k), count));
  session_.run(count, key(seed, "between"), 0);
  const auto values = [&](std::string_view name) {
    const int k = session_.output(name);
    return k < 0 ? std::vector<double>{} : rows(session_, k, outputs[k], count);
  };
  const std::vector<double> between = values("x"), drift = values("drift"), noise = values("noise"),
                            growth = values("growth");
  // Scaled to both ends.
  std::vector<double> both(start.begin(), start.end());
  both.insert(both.end(), end.begin(), end.end());
  const TestFunctions functions({both, model_.dimension}, model_.moving, settings.waves, model_.has_growth,
                                settings.functions_seed);
  const Mean means[] = {{functions.values(end), 1},
                        {functions.values(start), -1},
                        {functions.rates(between, {drift, noise, growth}), a - b}};
  return judged(functions, means, settings, seed);
}

Fit carried_fit(const metrics::Cloud& particles, const metrics::Cloud& real, const Model& model,
                const FitSettings& settings, uint64_t seed) {
  const TestFunctions functions(real, model.moving, settings.waves, false, settings.functions_seed);
  const auto mean = [&](const metrics::Cloud& cloud, double factor) {
    return Mean{functions.values(cloud.points), factor, {cloud.weights.begin(), cloud.weights.end()}};
  };
  const Mean means[] = {mean(real, 1), mean(particles, -1)};
  return judged(functions, means, settings, seed);
}

}  // namespace am::flow
