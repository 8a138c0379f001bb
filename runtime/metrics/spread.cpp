#include <cmath>
#include <limits>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/metrics/masses.h"
#include "runtime/metrics/metrics.h"

namespace am::metrics {
namespace {

/// Trace of the covariance, Σ w|x − mean|²/(1 − Σ w²): for equal weights the usual division by count − 1. NaN for one
/// point.
double total_variance(const Cloud& cloud) {
  const std::vector<double> mass = masses(cloud);
  std::vector<double> mean(cloud.dimension);
  for (size_t i = 0; i < mass.size(); ++i)
    for (int k = 0; k < cloud.dimension; ++k) mean[k] += mass[i] * cloud.points[i * cloud.dimension + k];
  double variance = 0, squares = 0;
  for (size_t i = 0; i < mass.size(); ++i) {
    variance += mass[i] * squared_distance(&cloud.points[i * cloud.dimension], mean.data(), cloud.dimension);
    squares += mass[i] * mass[i];
  }
  return squares < 1 ? variance / (1 - squares) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double spread(const Cloud& a, const Cloud& b) {
  AM_CHECK(a.dimension == b.dimension, "clouds in R^{} and R^{}", a.dimension, b.dimension);
  if (!measurable(a) || !measurable(b)) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt(total_variance(a) / total_variance(b));
}

}  // namespace am::metrics
