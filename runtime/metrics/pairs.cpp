// Means over pairs of points, of a function of their distance: mmd and energy.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/metrics/masses.h"
#include "runtime/metrics/metrics.h"

/// Compiles a loop for several vector widths, of which the CPU at hand takes the widest. (A sanitizer's runtime is not
/// up yet when the choice is made.)
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define AM_WIDEST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define AM_WIDEST
#endif

namespace am::metrics {
namespace {

/// Points of a tile: its distances and sums stay in the first-level cache.
constexpr size_t kTile = 256;

/// A cloud by coordinates, so that loops over points are contiguous.
struct Columns {
  std::vector<double> points;  // [d, count]
  std::vector<double> mass;    // [count], sums to one
  size_t dimension;

  size_t count() const { return mass.size(); }
};

Columns columns(const Cloud& cloud) {
  Columns result{std::vector<double>(cloud.points.size()), masses(cloud), static_cast<size_t>(cloud.dimension)};
  for (size_t i = 0; i < result.count(); ++i)
    for (size_t k = 0; k < result.dimension; ++k)
      result.points[k * result.count() + i] = cloud.points[i * result.dimension + k];
  return result;
}

/// squares[j] += (y[j] − x)².
AM_WIDEST void add_squares(double* __restrict squares, const double* __restrict y, double x, size_t count) {
  for (size_t j = 0; j < count; ++j) squares[j] += (y[j] - x) * (y[j] - x);
}

/// sums[j] += mass·exp(−gamma·squares[j]), to a relative error of 1e-13.
///
/// With x = k·ln 2 + r, |r| ≤ ½ ln 2, the exponential is 2^k times a Taylor polynomial in r. Adding 1.5·2^52 rounds to
/// the integer k and leaves it in the low bits, from where it is shifted into the exponent. Below −700, where the true
/// value is less than 1e-304, x stays −700.
AM_WIDEST void add_exponentials(double* __restrict sums, const double* __restrict squares, double gamma, double mass,
                                size_t count) {
  constexpr double kRound = 6755399441055744.0, kLog2e = 1.4426950408889634;
  constexpr double kLn2High = 0.693147180369123816490, kLn2Low = 1.90821492927058770002e-10;
  for (size_t j = 0; j < count; ++j) {
    const double least = gamma * squares[j];
    const double x = least < 700.0 ? -least : -700.0;
    const double shifted = x * kLog2e + kRound;
    const double k = shifted - kRound;
    const double r = (x - k * kLn2High) - k * kLn2Low;
    double e = 1.0 / 39916800;
    e = e * r + 1.0 / 3628800;
    e = e * r + 1.0 / 362880;
    e = e * r + 1.0 / 40320;
    e = e * r + 1.0 / 5040;
    e = e * r + 1.0 / 720;
    e = e * r + 1.0 / 120;
    e = e * r + 1.0 / 24;
    e = e * r + 1.0 / 6;
    e = e * r + 1.0 / 2;
    e = e * r + 1.0;
    e = e * r + 1.0;
    const uint64_t power = (std::bit_cast<uint64_t>(shifted) << 52) + std::bit_cast<uint64_t>(1.0);
    sums[j] += mass * (e * std::bit_cast<double>(power));
  }
}

/// sums[j] −= mass·√squares[j].
AM_WIDEST void subtract_distances(double* __restrict sums, const double* __restrict squares, double mass,
                                  size_t count) {
  for (size_t j = 0; j < count; ++j) sums[j] -= mass * std::sqrt(squares[j]);
}

/// Σ_γ exp(−γ|x − y|²).
struct Gaussians {
  const std::vector<double>& gammas;

  void add(double* sums, const double* squares, double mass, size_t count) const {
    for (const double gamma : gammas) add_exponentials(sums, squares, gamma, mass, count);
  }
  /// What a point has with itself.
  double self() const { return static_cast<double>(gammas.size()); }
};

/// −|x − y|.
struct NegativeDistance {
  void add(double* sums, const double* squares, double mass, size_t count) const {
    subtract_distances(sums, squares, mass, count);
  }
  double self() const { return 0; }
};

/// Σ w_i v_j k(x_i, y_j) over one tile of each cloud. Sums run down the columns of the tile and are added up at its
/// end, which keeps every inner loop elementwise.
template <class Kernel>
double tile_sum(const Columns& a, size_t row, const Columns& b, size_t column, const Kernel& kernel) {
  const size_t width = std::min(kTile, b.count() - column), end = std::min(row + kTile, a.count());
  double sums[kTile] = {};
  for (size_t i = row; i < end; ++i) {
    double squares[kTile] = {};
    for (size_t k = 0; k < a.dimension; ++k)
      add_squares(squares, &b.points[k * b.count() + column], a.points[k * a.count() + i], width);
    kernel.add(sums, squares, a.mass[i], width);
  }
  double sum = 0;
  for (size_t j = 0; j < width; ++j) sum += sums[j] * b.mass[column + j];
  return sum;
}

template <class Kernel>
double cross_sum(const Columns& a, const Columns& b, const Kernel& kernel) {
  double sum = 0;
  for (size_t row = 0; row < a.count(); row += kTile)
    for (size_t column = 0; column < b.count(); column += kTile) sum += tile_sum(a, row, b, column, kernel);
  return sum;
}

/// The mean over pairs of points of one cloud. Tiles above the diagonal count twice. Of the unbiased estimate, what
/// points have with themselves, Σ w_i² k(x, x), is taken off; it is NaN for one point, which makes no pair.
template <class Kernel>
double pair_sum(const Columns& a, const Kernel& kernel, Estimate estimate) {
  double sum = 0, squares = 0;
  for (size_t row = 0; row < a.count(); row += kTile)
    for (size_t column = row; column < a.count(); column += kTile)
      sum += (column > row ? 2 : 1) * tile_sum(a, row, a, column, kernel);
  if (estimate == Estimate::Biased) return sum;
  for (const double mass : a.mass) squares += mass * mass;
  return squares < 1 ? (sum - squares * kernel.self()) / (1 - squares) : std::numeric_limits<double>::quiet_NaN();
}

/// E k(x, x′) + E k(y, y′) − 2E k(x, y).
template <class Kernel>
double discrepancy(const Cloud& a, const Cloud& b, const Kernel& kernel, Estimate estimate) {
  AM_CHECK(a.dimension == b.dimension, "clouds in R^{} and R^{}", a.dimension, b.dimension);
  if (!measurable(a) || !measurable(b)) return std::numeric_limits<double>::quiet_NaN();
  const Columns x = columns(a), y = columns(b);
  return pair_sum(x, kernel, estimate) + pair_sum(y, kernel, estimate) - 2 * cross_sum(x, y, kernel);
}

}  // namespace

double mmd(const Cloud& a, const Cloud& b, const Kernel& kernel, Estimate estimate) {
  AM_CHECK(!kernel.gammas.empty(), "a kernel without γ");
  for (const double gamma : kernel.gammas)
    if (!(gamma > 0 && std::isfinite(gamma))) return std::numeric_limits<double>::quiet_NaN();
  const double sum = discrepancy(a, b, Gaussians{kernel.gammas}, estimate);
  return kernel.scale * sum / static_cast<double>(kernel.gammas.size());
}

double energy(const Cloud& a, const Cloud& b) {
  return discrepancy(a, b, NegativeDistance{}, Estimate::Unbiased);
}

double median_distance(const Cloud& cloud) {
  constexpr size_t kMost = 1000;
  const size_t count = cloud.count(), used = std::min(count, kMost);
  const auto row = [&](size_t i) { return &cloud.points[i * count / used * cloud.dimension]; };
  std::vector<double> squares;
  for (size_t i = 0; i < used; ++i)
    for (size_t j = 0; j < i; ++j) squares.push_back(squared_distance(row(i), row(j), cloud.dimension));
  if (squares.empty()) return 0;
  const auto middle = squares.begin() + static_cast<ptrdiff_t>(squares.size() / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  return std::sqrt(*middle);
}

double median_gamma(const Cloud& cloud) {
  const double h = median_distance(cloud);
  return 1 / (2 * h * h);
}

}  // namespace am::metrics
