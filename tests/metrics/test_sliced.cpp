// The sliced distance and the choices of `mmd`, against closed forms and sums by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "runtime/metrics/metrics.h"

namespace am::metrics {
namespace {

using Points = std::vector<double>;

Points normal(size_t count, int dimension, uint64_t seed, double scale = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw(0, scale);
  Points points(count * dimension);
  for (double& x : points) x = draw(random);
  return points;
}

Points shifted(Points points, const Points& by) {
  for (size_t i = 0; i < points.size(); ++i) points[i] += by[i % by.size()];
  return points;
}

/// N(0, I) and N(m, s²I) in R^d lie W₂² = (θ·m)² + (s − 1)² apart along θ, and E(θ·m)² = |m|²/d, of variance
/// |m|⁴·(3/(d(d + 2)) − 1/d²).
TEST(Sliced, GaussiansByTheirClosedForm) {
  constexpr int d = 3, kDirections = 400;
  constexpr size_t n = 5000;
  const Points m = {1, -2, 2};
  const double squared = 9;
  const double value = sliced({normal(n, d, 1), d}, {shifted(normal(n, d, 2, 1.5), m), d}, 2, kDirections, 3);
  const double exact = squared / d + 0.25;
  const double by_directions = squared * std::sqrt((3.0 / 15 - 1.0 / 9) / kDirections);
  // 2·W₂ times the error of a mean of deviation at most 1.5 a side, twice over for the scales.
  const double by_samples = 2 * std::sqrt(exact) * 2 * std::sqrt((1 + 2.25) / n);
  EXPECT_NEAR(value * value, exact, 5 * std::hypot(by_directions, by_samples));
}

/// Along θ a cloud and its shift by m lie |θ·m| apart, whatever the cloud; in the plane the mean is 2/π·|m| with variance
/// (½ − 4/π²)|m|².
TEST(Sliced, ShiftOfOrderOneAndTwo) {
  constexpr int kDirections = 2000;
  const Points a = normal(50, 2, 1), m = {3, 4}, b = shifted(a, m);
  const double pi = std::numbers::pi;
  EXPECT_NEAR(sliced({a, 2}, {b, 2}, 1, kDirections, 5), 5 * 2 / pi,
              5 * 5 * std::sqrt((0.5 - 4 / (pi * pi)) / kDirections));
  const double second = sliced({a, 2}, {b, 2}, 2, kDirections, 5);
  EXPECT_NEAR(second * second, 12.5, 5 * 25 * std::sqrt((3.0 / 8 - 0.25) / kDirections));
}

TEST(Sliced, LineIsTheExactDistance) {
  Points u = normal(40, 1, 3), v = normal(31, 1, 4);
  for (double& w : u) w = 0.1 + w * w;
  for (double& w : v) w = 0.1 + w * w;
  const Points x = normal(40, 1, 1), y = normal(31, 1, 2, 2);
  const Cloud a{x, 1, u}, b{y, 1, v};
  EXPECT_NEAR(sliced(a, b, 1, 3, 1), w1(a, b), 1e-9);
  EXPECT_NEAR(sliced(a, b, 2, 3, 1), w2(a, b), 1e-9);
}

TEST(Sliced, WeightsAreReplications) {
  const Points x = {0, 0, 1, 3}, once = {1, 2}, twice = {0, 0, 1, 3, 1, 3}, y = normal(7, 2, 1);
  EXPECT_NEAR(sliced({x, 2, once}, {y, 2}, 2, 50, 9), sliced({twice, 2}, {y, 2}, 2, 50, 9), 1e-12);
}

TEST(Sliced, IsAtMostTheWhole) {
  const Points x = normal(60, 4, 1), y = normal(50, 4, 2, 2);
  EXPECT_LT(sliced({x, 4}, {y, 4}, 1, 100, 1), w1({x, 4}, {y, 4}));
  EXPECT_LT(sliced({x, 4}, {y, 4}, 2, 100, 1), w2({x, 4}, {y, 4}));
}

TEST(Sliced, SeedFixesTheDirections) {
  const Points x = normal(60, 4, 1), y = normal(50, 4, 2, 2);
  EXPECT_EQ(sliced({x, 4}, {y, 4}, 2, 10, 1), sliced({x, 4}, {y, 4}, 2, 10, 1));
  EXPECT_NE(sliced({x, 4}, {y, 4}, 2, 10, 1), sliced({x, 4}, {y, 4}, 2, 10, 2));
  EXPECT_EQ(sliced({x, 4}, {x, 4}, 2, 10, 1), 0);
}

TEST(Sliced, NothingToMeasureIsNaN) {
  const Points x = {1, 2}, bad = {1, NAN};
  EXPECT_TRUE(std::isnan(sliced({x, 2}, {bad, 2}, 2, 10, 1)));
  EXPECT_TRUE(std::isnan(sliced({{}, 2}, {x, 2}, 2, 10, 1)));
}

/// Σ wᵢwⱼk over all pairs, those of a point with itself included.
double mean_kernel(const Cloud& a, const Cloud& b, double gamma) {
  double sum = 0, u = 0, v = 0;
  for (const double w : a.weights) u += w;
  for (const double w : b.weights) v += w;
  for (size_t i = 0; i < a.count(); ++i)
    for (size_t j = 0; j < b.count(); ++j) {
      double square = 0;
      for (int k = 0; k < a.dimension; ++k)
        square += std::pow(a.points[i * a.dimension + k] - b.points[j * a.dimension + k], 2);
      sum += a.weights[i] / u * b.weights[j] / v * std::exp(-gamma * square);
    }
  return sum;
}

TEST(Mmd, BiasedAgreesWithTheDoubleLoopAndIsNotNegative) {
  const Points x = normal(30, 2, 1), y = normal(25, 2, 2);
  Points u = normal(30, 1, 3), v = normal(25, 1, 4);
  for (double& w : u) w = 0.1 + w * w;
  for (double& w : v) w = 0.1 + w * w;
  const Cloud a{x, 2, u}, b{y, 2, v};
  const double exact = mean_kernel(a, a, 0.7) + mean_kernel(b, b, 0.7) - 2 * mean_kernel(a, b, 0.7);
  EXPECT_NEAR(mmd(a, b, {{0.7}, 3}, Estimate::Biased), 3 * exact, 1e-12);
  EXPECT_NEAR(mmd(a, a, {{0.7}, 1}, Estimate::Biased), 0, 1e-12);
  EXPECT_LT(mmd(a, a, {{0.7}, 1}), -1e-3);
  // A single point has itself.
  EXPECT_NEAR(mmd({Points{0}, 1}, {Points{1}, 1}, {{1}, 1}, Estimate::Biased), 2 - 2 * std::exp(-1), 1e-12);
}

TEST(Mmd, MedianByHand) {
  // Distances 1, 3 and 4.
  const Points x = {0, 1, 4};
  EXPECT_EQ(median_distance({x, 1}), 3);
  EXPECT_EQ(median_gamma({x, 1}), 1 / 18.0);
  EXPECT_EQ(median_distance({Points{5}, 1}), 0);
  // Of points that coincide no width follows, and no figure.
  const Points same = {1, 1, 1};
  EXPECT_TRUE(std::isnan(mmd({same, 1}, {x, 1}, {{median_gamma({same, 1})}, 1})));
}

/// |x − y|² of two standard normals in R^d is 2χ²_d, in two dimensions with median 4·log 2; 5000 points are thinned to
/// 1000. The error of a median of pairs is below that of 500 independent ones, 1/(2f√500) with the density f of |x − y| at
/// its median h, h/2·exp(−h²/4) = h/4.
TEST(Mmd, MedianOfNormals) {
  const double h = std::sqrt(4 * std::numbers::ln2);
  EXPECT_NEAR(median_distance({normal(5000, 2, 1), 2}), h, 5 / (2 * h / 4 * std::sqrt(500)));
}

}  // namespace
}  // namespace am::metrics
