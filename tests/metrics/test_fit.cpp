// The test functions against finite differences, and the residual where its law is known.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "runtime/metrics/residual.h"
#include "runtime/metrics/test_functions.h"

namespace am::metrics {
namespace {

using Points = std::vector<double>;

Points normal(size_t count, int dimension, uint64_t seed, double mean = 0) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw(mean, 1);
  Points points(count * dimension);
  for (double& x : points) x = draw(random);
  return points;
}

/// Differences of φ along a line at t: first and second derivative, with errors of order h².
struct Differences {
  double first, second;
};
Differences differences(const TestFunctions& f, Points at, const Points& direction, size_t k) {
  constexpr double h = 1e-4;
  const auto moved = [&](double by) {
    Points x = at;
    for (size_t i = 0; i < x.size(); ++i) x[i] += by * direction[i];
    return f.values(x)[k];
  };
  return {(moved(h) - moved(-h)) / (2 * h), (moved(h) - 2 * moved(0) + moved(-h)) / (h * h)};
}

TEST(TestFunctions, RatesAgreeWithDifferences) {
  constexpr int d = 3, kMoving = 2;
  const Points sample = normal(100, d, 1), x = {0.3, -1.2, 0.7}, v = {0.8, -0.5}, along = {0.8, -0.5, 0};
  const TestFunctions f({sample, d}, kMoving, 20, true, 7);
  ASSERT_EQ(f.count(), 2u + 20u + 1u);
  const Points sigma = {0.9}, growth = {-0.4};
  const Points values = f.values(x), rates = f.rates(x, {v, sigma, growth}), drift = f.rates(x, {v});
  for (size_t k = 0; k < f.count(); ++k) {
    double laplacian = 0;
    for (size_t i = 0; i < kMoving; ++i) {
      Points unit(d);
      unit[i] = 1;
      laplacian += differences(f, x, unit, k).second;
    }
    const double first = differences(f, x, along, k).first;
    EXPECT_NEAR(drift[k], first, 1e-6) << f.text(k);
    EXPECT_NEAR(rates[k], first + 0.5 * 0.81 * laplacian - 0.4 * values[k], 1e-5) << f.text(k);
  }
}

/// A change of units leaves the waves as they are, and with them the certificate: coordinates are judged by their own
/// standard deviation.
TEST(TestFunctions, WavesDoNotDependOnUnits) {
  constexpr int d = 2;
  Points sample = normal(200, d, 1);
  const Points before = TestFunctions({sample, d}, d, 30, false, 3).values(sample);
  for (size_t i = 0; i < sample.size(); i += d) sample[i] *= 1000, sample[i + 1] = 5 + sample[i + 1] / 50;
  const TestFunctions scaled({sample, d}, d, 30, false, 3);
  const Points after = scaled.values(sample);
  // A shift turns cos and sin of one ω into each other, so their squares' sum over the cloud's mean is compared.
  for (size_t k = d; k < scaled.count(); k += 2) {
    const auto length = [&](const Points& values) {
      double c = 0, s = 0;
      for (size_t i = 0; i < 200; ++i) c += values[i * 32 + k], s += values[i * 32 + k + 1];
      return std::hypot(c, s) / 200;
    };
    EXPECT_NEAR(length(before), length(after), 1e-9);
  }
}

TEST(TestFunctions, CoordinatesThatDoNotVaryAreSafe) {
  const Points sample = {1, 2, 1, 3, 1, 5};
  const TestFunctions f({sample, 2}, 2, 8, false, 1);
  for (const double v : f.values(sample)) EXPECT_TRUE(std::isfinite(v));
  const TestFunctions none({Points{1, 1, 1}, 1}, 1, 8, false, 1);
  for (const double v : none.values(Points{1})) EXPECT_TRUE(std::isfinite(v));
}

/// Of one function and n rows a side, the difference of means is N(δ, 2/n), τ² estimates 2: the value is |δ|/√2 within
/// five of its standard deviations 1/√n, and chance alone gives √(2/π)/√n on average over signs.
TEST(Residual, OneFunctionByHand) {
  constexpr size_t n = 4000;
  constexpr double kShift = 0.5;
  const Mean means[] = {{normal(n, 1, 1, kShift), 1}, {normal(n, 1, 2), -1}};
  const Residual r = residual(means, 1, 999, 5);
  EXPECT_NEAR(r.value, kShift / std::numbers::sqrt2, 5 / std::sqrt(n));
  const double floor = std::sqrt(2 / std::numbers::pi / n);
  EXPECT_NEAR(r.floor, floor, 5 * floor * std::sqrt(std::numbers::pi / 2 - 1) / std::sqrt(999));
  EXPECT_EQ(r.p, 1e-3);
}

struct Chance {
  double mean = 0, below_half = 0, below_tenth = 0;
  int count = 0;
  void add(double p) { mean += p / count, below_half += p <= 0.5, below_tenth += p <= 0.1; }
};

/// p of samples of one law, `means` of them with weights that do not depend on the rows.
Chance under_the_truth(size_t n, int waves, bool weighted, int seeds) {
  Chance out{.count = seeds};
  for (int s = 0; s < seeds; ++s) {
    const auto seed = static_cast<uint64_t>(s);
    const Points x = normal(n, 2, 2 * seed + 1), y = normal(n, 2, 2 * seed + 2);
    Points weights;
    if (weighted)
      for (const double v : normal(n, 1, 9999 + seed)) weights.push_back(std::exp(v / 2));
    const TestFunctions f({y, 2}, 2, waves, false, 3);
    const Mean means[] = {{f.values(x), 1, weights}, {f.values(y), -1}};
    out.add(residual(means, f.count(), 199, seed).p);
  }
  return out;
}

/// With B = 199, p of exchangeable signs is uniform on 1/200, …, 1: P(p ≤ 0.1) = 0.1, P(p ≤ ½) = ½, mean 0.5025,
/// variance 1/12. What is left is the approximation of the sum's law, for which 2 % of room are left beside five
/// standard deviations.
void expect_uniform(const Chance& c) {
  const double n = c.count;
  EXPECT_NEAR(c.mean, 0.5025, 5 * std::sqrt(1 / 12.0 / n) + 0.02);
  EXPECT_NEAR(c.below_half / n, 0.5, 5 * std::sqrt(0.25 / n) + 0.02);
  EXPECT_NEAR(c.below_tenth / n, 0.1, 5 * std::sqrt(0.09 / n) + 0.02);
}

/// Means of different sizes, one of them weighted. Weights that turn N(0, 1) into N(δ, 1) make the residual vanish but for
/// chance, and nothing else does.
TEST(Residual, WeightsAreTheLaw) {
  constexpr size_t n = 1000;
  constexpr double kShift = 0.5;
  Chance weighted{.count = 400};
  for (int s = 0; s < weighted.count; ++s) {
    const auto seed = static_cast<uint64_t>(s);
    const Points x = normal(n, 1, 2 * seed + 1), y = normal(n / 2, 1, 2 * seed + 2, kShift);
    Points weights;
    for (const double v : x) weights.push_back(std::exp(kShift * v));
    const Mean means[] = {{x, 1, weights}, {y, -1}}, plain[] = {{x, 1}, {y, -1}};
    weighted.add(residual(means, 1, 199, seed).p);
    EXPECT_EQ(residual(plain, 1, 199, seed).p, 1 / 200.0);
  }
  expect_uniform(weighted);
}

TEST(Residual, PIsUniformUnderTheTruth) { expect_uniform(under_the_truth(200, 32, false, 600)); }
TEST(Residual, PIsUniformUnderTheTruthWithWeights) { expect_uniform(under_the_truth(200, 32, true, 600)); }

TEST(Residual, SeesADifferenceThatNoCoordinateHas) {
  // Same means and variances, another shape: ±1 with equal chance, against a normal.
  constexpr size_t n = 1000;
  const Points x = normal(n, 1, 1);
  Points y;
  for (const double v : normal(n, 1, 2)) y.push_back(v < 0 ? -1 : 1);
  const TestFunctions waves({x, 1}, 1, 64, false, 3), coordinates({x, 1}, 1, 0, false, 3);
  const Mean seen[] = {{waves.values(x), 1}, {waves.values(y), -1}},
             unseen[] = {{coordinates.values(x), 1}, {coordinates.values(y), -1}};
  EXPECT_EQ(residual(seen, waves.count(), 999, 5).p, 1e-3);
  EXPECT_GT(residual(unseen, 1, 999, 5).p, 0.01);
}

TEST(Residual, WhatDoesNotVaryCountsIfItIsNotZero) {
  const Points ones(100, 1.0), twos(100, 2.0);
  const Mean same[] = {{ones, 1}, {ones, -1}}, other[] = {{ones, 1}, {twos, -1}};
  EXPECT_EQ(residual(same, 1, 99, 1).value, 0);
  EXPECT_EQ(residual(same, 1, 99, 1).p, 1);
  EXPECT_EQ(residual(other, 1, 99, 1).value, INFINITY);
  EXPECT_EQ(residual(other, 1, 99, 1).p, 0.01);
}

TEST(Residual, WhatIsNotFiniteIsNoFigure) {
  const Mean means[] = {{{1, NAN, 2}, 1}, {{1, 2, 3}, -1}}, single[] = {{{1}, 1}, {{1, 2, 3}, -1}};
  EXPECT_TRUE(std::isnan(residual(means, 1, 99, 1).value));
  EXPECT_TRUE(std::isnan(residual(means, 1, 99, 1).p));
  EXPECT_TRUE(std::isnan(residual(single, 1, 99, 1).p));
}

}  // namespace
}  // namespace am::metrics
