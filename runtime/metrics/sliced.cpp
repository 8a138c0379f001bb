#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/metrics/draws.h"
#include "runtime/metrics/masses.h"
#include "runtime/metrics/metrics.h"

namespace am::metrics {
namespace {

/// Points on a line with their masses, from left to right.
using Line = std::vector<std::pair<double, double>>;

Line project(const Cloud& cloud, const std::vector<double>& mass, const std::vector<double>& direction) {
  Line out(mass.size());
  for (size_t i = 0; i < out.size(); ++i) {
    double at = 0;
    for (int k = 0; k < cloud.dimension; ++k) at += direction[k] * cloud.points[i * cloud.dimension + k];
    out[i] = {at, mass[i]};
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// ∫ |F⁻¹ − G⁻¹|^p over the levels, which are walked in order: on a line, mass moves in order of position.
double moved(const Line& a, const Line& b, int order) {
  double sum = 0, left_a = a[0].second, left_b = b[0].second;
  for (size_t i = 0, j = 0;;) {
    const double step = std::min(left_a, left_b), length = std::abs(a[i].first - b[j].first);
    sum += step * (order == 1 ? length : length * length);
    left_a -= step, left_b -= step;
    // Rounding may leave a crumb on one side when the other has come to its end.
    if (left_a <= left_b) {
      if (++i == a.size()) return sum;
      left_a += a[i].second;
    } else {
      if (++j == b.size()) return sum;
      left_b += b[j].second;
    }
  }
}

}  // namespace

double sliced(const Cloud& a, const Cloud& b, int order, int directions, uint64_t seed) {
  AM_CHECK(a.dimension == b.dimension, "clouds in R^{} and R^{}", a.dimension, b.dimension);
  AM_CHECK((order == 1 || order == 2) && directions > 0, "order {}, {} directions", order, directions);
  if (!measurable(a) || !measurable(b)) return std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> mass_a = masses(a), mass_b = masses(b);
  Draws draws(seed);
  double total = 0;
  for (int n = 0; n < directions; ++n) {
    std::vector<double> direction(a.dimension);
    double squares = 0;
    for (double& x : direction) x = draws.normal(), squares += x * x;
    for (double& x : direction) x /= std::sqrt(squares);
    total += moved(project(a, mass_a, direction), project(b, mass_b, direction), order);
  }
  return std::pow(total / directions, 1.0 / order);
}

}  // namespace am::metrics
