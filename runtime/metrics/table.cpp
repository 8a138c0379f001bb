#include "runtime/metrics/table.h"

#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"

namespace am::metrics {
namespace {

bool positive(double v) { return v > 0; }
bool any(double) { return true; }

double number(const Arguments& arguments, std::string_view name) { return argument(arguments, name).numbers[0]; }

}  // namespace

const std::vector<Metric>& table() {
  static const std::vector<Metric> rows = {
      {"w1", Of::Clouds, {},
       "Exact Wasserstein distance of order 1 to the reference samples.",
       "min E|x - y| over couplings, exact",
       [](const Cloud& a, const Cloud& b, const Arguments&, uint64_t) { return w1(a, b); }},
      {"w2", Of::Clouds, {},
       "Exact Wasserstein distance of order 2 to the reference samples.",
       "(min E|x - y|^2)^(1/2) over couplings, exact",
       [](const Cloud& a, const Cloud& b, const Arguments&, uint64_t) { return w2(a, b); }},
      {"mmd", Of::Clouds,
       {{"gamma", {2, 1, 0.5, 0.1, 0.01, 0.005}, "positive", positive}, {"scale", {1}, "a number", any}},
       "Squared maximum mean discrepancy with the kernel Σ exp(−γ|x − y|²) over the list `gamma`.",
       "squared maximum mean discrepancy, unbiased, kernel scale*exp(-gamma|x-y|^2) averaged over gamma",
       [](const Cloud& a, const Cloud& b, const Arguments& given, uint64_t) {
         return mmd(a, b, {argument(given, "gamma").numbers, number(given, "scale")});
       }},
      {"energy", Of::Clouds, {},
       "Energy distance 2E|x − y| − E|x − x′| − E|y − y′|, unbiased.",
       "2E|x - y| - E|x - x'| - E|y - y'|, unbiased",
       [](const Cloud& a, const Cloud& b, const Arguments&, uint64_t) { return energy(a, b); }},
      {"spread", Of::Clouds, {},
       "Root of the ratio of total variances: how widely particles are spread, relative to the samples.",
       "root of the ratio of total variances, generated over real",
       [](const Cloud& a, const Cloud& b, const Arguments&, uint64_t) { return spread(a, b); }},
      {"nll", Of::Likelihood, {},
       "Mean negative log-likelihood of the reference samples, in nats; needs the setting `density`.",
       "mean over the real samples of -log q_t(x), nats; q_t is the start density carried along the drift",
       nullptr},
  };
  return rows;
}

const Metric* find(std::string_view name) {
  const auto row = std::find_if(table().begin(), table().end(), [&](const Metric& m) { return m.name == name; });
  return row == table().end() ? nullptr : &*row;
}

const Argument& argument(const Arguments& arguments, std::string_view name) {
  const auto at = std::find_if(arguments.begin(), arguments.end(), [&](const Argument& a) { return a.name == name; });
  AM_CHECK(at != arguments.end(), "a metric without its argument `{}`", name);
  return *at;
}

}  // namespace am::metrics
