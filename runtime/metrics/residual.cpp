#include "runtime/metrics/residual.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/metrics/draws.h"

namespace am::metrics {
namespace {

/// Sums over functions, and what each row adds to them by its deviation from the mean of its kind.
struct Parts {
  std::vector<double> sums;        // [K]: R_k
  std::vector<double> sizes;       // [K]: the sum of the sizes of what R_k is made of
  std::vector<double> squares;     // [K]: τ_k²
  std::vector<double> deviations;  // [rows of all means, K]
};

void add(const Mean& mean, size_t functions, Parts& parts) {
  const size_t n = mean.rows.size() / functions;
  const double total = std::accumulate(mean.weights.begin(), mean.weights.end(), 0.0);
  const auto share = [&](size_t i) { return mean.weights.empty() ? 1.0 / static_cast<double>(n) : mean.weights[i] / total; };
  std::vector<double> centre(functions);
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < functions; ++k) centre[k] += share(i) * mean.rows[i * functions + k];
  // Deviations from a mean of the rows themselves are short by one in n.
  const double longer = std::sqrt(static_cast<double>(n) / (static_cast<double>(n) - 1));
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < functions; ++k) {
      const double c = mean.factor * longer * share(i) * (mean.rows[i * functions + k] - centre[k]);
      parts.deviations.push_back(c);
      parts.squares[k] += static_cast<double>(n) * c * c;
    }
  for (size_t k = 0; k < functions; ++k) {
    parts.sums[k] += mean.factor * centre[k];
    parts.sizes[k] += std::abs(mean.factor * centre[k]);
  }
}

/// 1/τ_k. Of a function that does not vary beyond rounding in single precision there is no chance: its sum is zero,
/// which 0 says, or certainly not.
double inverse_scale(const Parts& parts, size_t k) {
  constexpr double kRounding = 1e-5;
  const double scale = std::sqrt(parts.squares[k]), rounding = kRounding * parts.sizes[k];
  if (scale > rounding) return 1 / scale;
  return std::abs(parts.sums[k]) > rounding ? std::numeric_limits<double>::infinity() : 0;
}

/// The largest |Σ ± deviation|/τ over functions, with a random sign for each row.
double by_chance(const Parts& parts, size_t functions, std::vector<double>& sums, Draws& draws) {
  std::fill(sums.begin(), sums.end(), 0.0);
  uint64_t coins = 0;
  const size_t rows = parts.deviations.size() / functions;
  for (size_t i = 0; i < rows; ++i, coins >>= 1) {
    if (i % 64 == 0) coins = draws.bits();
    const double sign = (coins & 1) ? 1 : -1;
    const double* row = &parts.deviations[i * functions];
    for (size_t k = 0; k < functions; ++k) sums[k] += sign * row[k];
  }
  double most = 0;
  for (const double s : sums) most = std::max(most, std::abs(s));
  return most;
}

}  // namespace

Residual residual(std::span<const Mean> means, size_t functions, int resamples, uint64_t seed) {
  AM_CHECK(functions > 0 && resamples > 0, "{} functions, {} resamples", functions, resamples);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> zero(functions);
  Parts parts{zero, zero, zero, {}};
  for (const Mean& mean : means) {
    AM_CHECK(mean.rows.size() % functions == 0, "{} numbers for {} functions", mean.rows.size(), functions);
    if (mean.rows.size() < 2 * functions) return {kNone, kNone, kNone, 0};
    add(mean, functions, parts);
  }
  for (size_t k = 0; k < functions; ++k)
    if (!std::isfinite(parts.sums[k]) || !std::isfinite(parts.squares[k])) return {kNone, kNone, kNone, k};
  std::vector<double> inverse(functions);
  for (size_t k = 0; k < functions; ++k) inverse[k] = inverse_scale(parts, k);
  for (size_t i = 0; i < parts.deviations.size(); ++i)
    parts.deviations[i] *= std::isfinite(inverse[i % functions]) ? inverse[i % functions] : 0;
  Residual out;
  for (size_t k = 0; k < functions; ++k)
    if (const double v = inverse[k] > 0 ? std::abs(parts.sums[k]) * inverse[k] : 0; v > out.value)
      out.value = v, out.worst = k;
  Draws draws(seed);
  std::vector<double> sums(functions);
  int as_much = 1;
  for (int r = 0; r < resamples; ++r) {
    const double v = by_chance(parts, functions, sums, draws);
    out.floor += v / resamples;
    as_much += v >= out.value;
  }
  out.p = static_cast<double>(as_much) / (resamples + 1);
  return out;
}

}  // namespace am::metrics
