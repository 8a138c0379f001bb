#include "runtime/metrics/table.h"

#include <algorithm>
#include <cmath>

#include "compiler/diagnostics/diagnostics.h"

namespace am::metrics {
namespace {

bool positive(double v) { return v > 0 && std::isfinite(v); }
bool any(double) { return true; }
bool one_or_two(double v) { return v == 1 || v == 2; }
bool truth(double v) { return v == 0 || v == 1; }
bool whole(double v, double least, double most) { return v == std::floor(v) && v >= least && v <= most; }
bool up_to_a_thousand(double v) { return whole(v, 0, 1000); }
bool up_to_a_million(double v) { return whole(v, 1, 1e6); }
bool even(double v) { return whole(v, 0, 10'000) && whole(v / 2, 0, 5'000); }

constexpr std::string_view kTruth = "true or false";

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
      {"sliced", Of::Clouds,
       {{"directions", {200}, "a whole number from 1 to a million", up_to_a_million},
        {"order", {2}, "1 or 2", one_or_two}},
       "Sliced Wasserstein distance to the reference samples, over random directions; for large clouds in many "
       "dimensions.",
       "(mean over random unit vectors u of W_p(u.x, u.y)^p)^(1/p), p = order",
       [](const Cloud& a, const Cloud& b, const Arguments& given, uint64_t seed) {
         return sliced(a, b, static_cast<int>(number(given, "order")), static_cast<int>(number(given, "directions")),
                       seed);
       }},
      {"mmd", Of::Clouds,
       {{"gamma", {2, 1, 0.5, 0.1, 0.01, 0.005}, "positive", positive, "bandwidth"},
        {"scale", {1}, "a number", any},
        {"biased", {0}, kTruth, truth}},
       "Squared maximum mean discrepancy with the kernel exp(−γ|x − y|²), averaged over the list `gamma`, or with "
       "`gamma = median` of the width of the reference samples; unbiased, or with `biased = true` never negative.",
       "squared maximum mean discrepancy, unbiased unless asked otherwise, kernel scale*exp(-gamma|x-y|^2) averaged over "
       "gamma; median: gamma = 1/(2 h^2), h the median distance of the real samples",
       [](const Cloud& a, const Cloud& b, const Arguments& given, uint64_t) {
         const Argument& gamma = argument(given, "gamma");
         const auto estimate = number(given, "biased") == 1 ? Estimate::Biased : Estimate::Unbiased;
         return mmd(a, b, {gamma.word.empty() ? gamma.numbers : std::vector{median_gamma(b)}, number(given, "scale")},
                    estimate);
       }},
      {"energy", Of::Clouds, {},
       "Energy distance 2E|x − y| − E|x − x′| − E|y − y′|, unbiased.",
       "2E|x - y| - E|x - x'| - E|y - y'|, unbiased",
       [](const Cloud& a, const Cloud& b, const Arguments&, uint64_t) { return energy(a, b); }},
      {"spread", Of::Clouds, {},
       "Root of the ratio of total variances: how widely particles are spread, relative to the samples.",
       "root of the ratio of total variances, generated over real",
       [](const Cloud& a, const Cloud& b, const Arguments&, uint64_t) { return spread(a, b); }},
      {"nll", Of::Likelihood, {{"probes", {0}, "a whole number from 0 to 1000", up_to_a_thousand}},
       "Mean negative log-likelihood of the reference samples, in nats; needs the setting `density`. The divergence along "
       "the way is exact, or with `probes` estimated by as many of Hutchinson's.",
       "mean over the real samples of -log q_t(x), nats; q_t is the start density carried along the drift",
       nullptr},
      {"bpd", Of::Likelihood,
       {{"width", {1}, "positive", positive}, {"probes", {0}, "a whole number from 0 to 1000", up_to_a_thousand}},
       "As `nll`, in bits for each coordinate that is rounded to a multiple of `width`, such as a grey level.",
       "nll/(d log 2) - log2(width): bits for each coordinate rounded to a multiple of width",
       nullptr},
      {"mass", Of::Mass, {},
       "Mass that particles with growth have come to, beside that of the data.",
       "mean weight of the particles, which start with weight 1; data: mass at this time over mass where they started",
       nullptr},
      {"fit", Of::WeakForm,
       {{"waves", {64}, "an even number from 0 to 10000", even},
        {"resamples", {999}, "a whole number from 1 to a million", up_to_a_million},
        {"carried", {0}, kTruth, truth}},
       "Certificate of fit: whether the learned drift, noise and growth carry the reference, by the means of many test "
       "functions, with a p-value. Along a path; where the reference is data, or with `carried = true`, by carried samples.",
       "largest |R|/tau over test functions phi; R = E phi(x_b) - E phi(x_a) - int E[drift.grad phi + noise^2/2 lap phi + "
       "growth phi] dt along the path, or E phi(real) - E phi(carried); tau = standard deviation of R times sqrt(n); floor: "
       "its mean with random signs; p: share of these that is as large",
       nullptr},
      {"action", Of::Path, {},
       "The learned action, that of the drift and growth along the model's path, and its lower bound −objective.",
       "d/da L(a s) - L(s) at a = 1 for the objective L of the potential s: int E[1/2|grad s|^2] dt for am; of a velocity "
       "int E[1/2|v|^2] dt",
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
