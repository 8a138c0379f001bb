#include "runtime/metrics/test_functions.h"

#include <cmath>
#include <fmt/format.h>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/metrics/draws.h"

namespace am::metrics {
namespace {

/// What each coordinate is divided by; 0 for one that does not vary.
std::vector<double> deviations(const Cloud& sample) {
  const auto d = static_cast<size_t>(sample.dimension);
  const auto n = static_cast<double>(sample.count());
  std::vector<double> mean(d), out(d);
  for (size_t i = 0; i < sample.points.size(); ++i) mean[i % d] += sample.points[i] / n;
  for (size_t i = 0; i < sample.points.size(); ++i) out[i % d] += std::pow(sample.points[i] - mean[i % d], 2) / n;
  for (double& v : out) v = std::sqrt(v);
  return out;
}

}  // namespace

TestFunctions::TestFunctions(const Cloud& sample, int moving, int waves, bool constant, uint64_t seed)
    : dimension_(sample.dimension), moving_(moving), constant_(constant), omega_(waves / 2 * dimension_) {
  AM_CHECK(sample.count() > 0 && moving <= sample.dimension && waves % 2 == 0, "{} points, {} of {} move, {} waves",
           sample.count(), moving, sample.dimension, waves);
  const std::vector<double> scale = deviations(sample);
  std::vector<double> scaled(sample.points.begin(), sample.points.end());
  for (size_t i = 0; i < scaled.size(); ++i)
    if (const double s = scale[i % dimension_]; s > 0) scaled[i] /= s;
  const double width = median_distance({scaled, sample.dimension});
  Draws draws(seed);
  for (size_t i = 0; i < omega_.size(); ++i) {
    const double shrink = std::exp2(static_cast<double>(i / dimension_ % 3)), s = scale[i % dimension_];
    const double z = draws.normal();
    omega_[i] = s > 0 && width > 0 ? z * shrink / (width * s) : 0;
  }
}

std::string TestFunctions::text(size_t k) const {
  if (k < moving_) return fmt::format("x[{}]", k);
  k -= moving_;
  if (k >= 2 * frequencies()) return "1";
  std::string inside;
  for (size_t i = 0; i < dimension_; ++i) {
    const double w = omega_[k / 2 * dimension_ + i];
    inside += inside.empty() ? (w < 0 ? "−" : "") : (w < 0 ? " − " : " + ");
    inside += fmt::format("{:.3g}·x[{}]", std::abs(w), i);
    if (constexpr size_t kShown = 3; i + 1 == kShown && dimension_ > kShown) {
      inside += " + …";
      break;
    }
  }
  return fmt::format("{}({})", k % 2 == 0 ? "cos" : "sin", inside);
}

std::vector<double> TestFunctions::values(std::span<const double> points) const {
  std::vector<double> out;
  out.reserve(points.size() / dimension_ * count());
  for (size_t at = 0; at < points.size(); at += dimension_) {
    const auto x = points.subspan(at, dimension_);
    out.insert(out.end(), x.begin(), x.begin() + static_cast<ptrdiff_t>(moving_));
    for (size_t f = 0; f < frequencies(); ++f) {
      double phase = 0;
      for (size_t i = 0; i < dimension_; ++i) phase += omega_[f * dimension_ + i] * x[i];
      out.push_back(std::cos(phase)), out.push_back(std::sin(phase));
    }
    if (constant_) out.push_back(1);
  }
  return out;
}

std::vector<double> TestFunctions::rates(std::span<const double> points, const Field& field) const {
  const size_t n = points.size() / dimension_;
  AM_CHECK(field.drift.size() == n * moving_, "{} numbers of drift for {} points", field.drift.size(), n);
  std::vector<double> out;
  out.reserve(n * count());
  for (size_t row = 0; row < n; ++row) {
    const auto x = points.subspan(row * dimension_, dimension_), v = field.drift.subspan(row * moving_, moving_);
    const double half = field.noise.empty() ? 0 : 0.5 * field.noise[row] * field.noise[row];
    const double g = field.growth.empty() ? 0 : field.growth[row];
    for (size_t i = 0; i < moving_; ++i) out.push_back(v[i] + g * x[i]);
    for (size_t f = 0; f < frequencies(); ++f) {
      double phase = 0, along = 0, squares = 0;
      for (size_t i = 0; i < dimension_; ++i) {
        const double w = omega_[f * dimension_ + i];
        phase += w * x[i];
        // What does not move has neither drift nor noise.
        if (i < moving_) along += w * v[i], squares += w * w;
      }
      const double c = std::cos(phase), s = std::sin(phase), still = g - half * squares;
      out.push_back(-along * s + still * c), out.push_back(along * c + still * s);
    }
    if (constant_) out.push_back(g);
  }
  return out;
}

}  // namespace am::metrics
