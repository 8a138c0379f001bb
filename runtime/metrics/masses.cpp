#include "runtime/metrics/masses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/diagnostics/diagnostics.h"

namespace am::metrics {
namespace {

/// Finite, and small enough that sums of squares are.
bool bounded(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::abs(v) < 1e150; });
}

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

bool measurable(const Cloud& cloud) {
  if (cloud.points.empty() || !bounded(cloud.points)) return false;
  if (cloud.weights.empty()) return true;
  AM_CHECK(cloud.weights.size() == cloud.count(), "{} weights for {} points", cloud.weights.size(), cloud.count());
  const bool negative = std::any_of(cloud.weights.begin(), cloud.weights.end(), [](double w) { return w < 0; });
  const double total = sum(cloud.weights);
  return !negative && std::isfinite(total) && total > 0;
}

std::vector<double> masses(const Cloud& cloud) {
  if (cloud.weights.empty()) return std::vector<double>(cloud.count(), 1.0 / static_cast<double>(cloud.count()));
  std::vector<double> result(cloud.weights.begin(), cloud.weights.end());
  const double total = sum(result);
  for (double& mass : result) mass /= total;
  return result;
}

std::vector<int64_t> units(const Cloud& cloud, int64_t total) {
  const size_t count = cloud.count();
  if (cloud.weights.empty() && total % static_cast<int64_t>(count) == 0)
    return std::vector<int64_t>(count, total / static_cast<int64_t>(count));
  const std::vector<double> mass = masses(cloud);
  const double whole = sum(mass);
  std::vector<int64_t> result(count);
  double before = 0;
  int64_t given = 0;
  for (size_t i = 0; i < count; ++i) {
    before += mass[i];
    const int64_t upto = std::llround(before / whole * static_cast<double>(total));
    result[i] = upto - given;
    given = upto;
  }
  return result;
}

int64_t common_total(const Cloud& a, const Cloud& b) {
  if (a.weights.empty() && b.weights.empty())
    return std::lcm(static_cast<int64_t>(a.count()), static_cast<int64_t>(b.count()));
  return int64_t{1} << 50;
}

double squared_distance(const double* x, const double* y, int dimension) {
  double sum = 0;
  for (int k = 0; k < dimension; ++k) sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum;
}

}  // namespace am::metrics
