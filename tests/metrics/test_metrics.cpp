// Each metric against a closed form, a brute force, or a bound derived beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <random>

#include "runtime/metrics/metrics.h"

namespace am::metrics {
namespace {

using Points = std::vector<double>;

Points normal(size_t count, int dimension, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw;
  Points points(count * dimension);
  for (double& x : points) x = draw(random);
  return points;
}

Points positive(size_t count, uint64_t seed) {
  Points weights = normal(count, 1, seed);
  for (double& w : weights) w = 0.1 + w * w;
  return weights;
}

double distance(const Cloud& a, size_t i, const Cloud& b, size_t j) {
  double sum = 0;
  for (int k = 0; k < a.dimension; ++k)
    sum += std::pow(a.points[i * a.dimension + k] - b.points[j * b.dimension + k], 2);
  return std::sqrt(sum);
}

/// What the pairs of a plan give to each point of one side.
Points marginal(const Plan& plan, size_t count, uint32_t Pair::*side) {
  Points mass(count);
  for (const Pair& pair : plan.pairs) mass[pair.*side] += pair.mass;
  return mass;
}

void expect_marginals(const Plan& plan, const Points& from, const Points& to, double tolerance) {
  const Points a = marginal(plan, from.size(), &Pair::from), b = marginal(plan, to.size(), &Pair::to);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], from[i], tolerance) << "from " << i;
  for (size_t j = 0; j < b.size(); ++j) EXPECT_NEAR(b[j], to[j], tolerance) << "to " << j;
}

Points uniform(size_t count) { return Points(count, 1.0 / static_cast<double>(count)); }

Points normalised(Points weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w /= total;
  return weights;
}

/// W_p on the line, from its own formula: the integral of |F⁻¹ − G⁻¹|^p over the levels, which are walked in order.
double line_cost(const Points& x, const Points& u, const Points& y, const Points& v, int p) {
  const auto order = [](const Points& values) {
    std::vector<size_t> index(values.size());
    std::iota(index.begin(), index.end(), 0u);
    std::sort(index.begin(), index.end(), [&](size_t i, size_t j) { return values[i] < values[j]; });
    return index;
  };
  const std::vector<size_t> a = order(x), b = order(y);
  double cost = 0, left = u[a[0]], right = v[b[0]];
  for (size_t i = 0, j = 0;;) {
    const double step = std::min(left, right);
    cost += step * std::pow(std::abs(x[a[i]] - y[b[j]]), p);
    left -= step, right -= step;
    if (left <= right) {
      if (++i == a.size()) return cost;
      left += u[a[i]];
    } else {
      if (++j == b.size()) return cost;
      right += v[b[j]];
    }
  }
}

/// The least cost over all permutations.
double brute_force(const Cloud& a, const Cloud& b, int p) {
  std::vector<size_t> to(a.count());
  std::iota(to.begin(), to.end(), 0u);
  double least = INFINITY;
  do {
    double cost = 0;
    for (size_t i = 0; i < to.size(); ++i) cost += std::pow(distance(a, i, b, to[i]), p);
    least = std::min(least, cost / static_cast<double>(to.size()));
  } while (std::next_permutation(to.begin(), to.end()));
  return least;
}

// The translation is the optimal map between a cloud and its translate, for any convex cost.
TEST(Transport, TranslatedCloudIsItsShiftAway) {
  const Points a = normal(300, 3, 1);
  Points b = a;
  const double shift[] = {0.3, -1.2, 0.4};
  for (size_t i = 0; i < b.size(); ++i) b[i] += shift[i % 3];
  EXPECT_NEAR(w1({a, 3}, {b, 3}), 1.3, 1e-12);
  EXPECT_NEAR(w2({a, 3}, {b, 3}), 1.3, 1e-12);
}

TEST(Transport, LineAgreesWithSortedQuantiles) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Points a = normal(97, 1, seed), b = normal(61, 1, seed + 50), u = positive(97, seed + 7);
    const double one = line_cost(a, normalised(u), b, uniform(61), 1);
    const double two = line_cost(a, normalised(u), b, uniform(61), 2);
    EXPECT_NEAR(w1({a, 1, u}, {b, 1}), one, 1e-12);
    EXPECT_NEAR(w2({a, 1, u}, {b, 1}), std::sqrt(two), 1e-12);
  }
}

TEST(Transport, SixPointsAgreeWithAllPermutations) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Points a = normal(6, 2, seed), b = normal(6, 2, seed + 100);
    for (int p : {1, 2}) EXPECT_NEAR(transport({a, 2}, {b, 2}, p).cost, brute_force({a, 2}, {b, 2}, p), 1e-13);
  }
}

// A point of weight k is k points at one place.
TEST(Transport, WeightsAreReplications) {
  const Points a = normal(20, 2, 3), b = normal(33, 2, 4);
  Points weights, replicated;
  for (size_t i = 0; i < 20; ++i) {
    weights.push_back(static_cast<double>(i % 4));
    for (size_t k = 0; k < i % 4; ++k) replicated.insert(replicated.end(), {a[2 * i], a[2 * i + 1]});
  }
  EXPECT_NEAR(w1({a, 2, weights}, {b, 2}), w1({replicated, 2}, {b, 2}), 1e-12);
  EXPECT_NEAR(w2({a, 2, weights}, {b, 2}), w2({replicated, 2}, {b, 2}), 1e-12);
  for (const Pair& pair : transport({a, 2, weights}, {b, 2}, 2).pairs) EXPECT_NE(pair.from % 4, 0u);
}

TEST(Transport, PlanHasTheMarginalsAndTheCostItStates) {
  const Points a = normal(40, 2, 5), b = normal(25, 2, 6), u = positive(40, 7), v = positive(25, 8);
  const Cloud from{a, 2, u}, to{b, 2, v};
  const Plan plan = transport(from, to, 2);
  expect_marginals(plan, normalised(u), normalised(v), 1e-14);
  double cost = 0;
  for (const Pair& pair : plan.pairs) cost += pair.mass * std::pow(distance(from, pair.from, to, pair.to), 2);
  EXPECT_NEAR(plan.cost, cost, 1e-13);
  // A vertex of the transport polytope has at most n + m − 1 entries.
  EXPECT_LT(plan.pairs.size(), 65u);
}

TEST(Transport, UniformMarginalsAreExactToRounding) {
  const Points a = normal(7, 2, 1), b = normal(12, 2, 2);
  expect_marginals(transport({a, 2}, {b, 2}, 1), uniform(7), uniform(12), 1e-16);
}

// Ties everywhere, which is where a simplex would cycle: all costs are 0, 1 or 2, and the least is the number of
// cells to move. Then all costs zero.
TEST(Transport, TiesEnd) {
  Points a, b;
  for (int i = 0; i < 400; ++i) a.push_back(i % 2), b.push_back(i % 4 == 0 ? 2 : i % 2);
  EXPECT_NEAR(w1({a, 1}, {b, 1}), 0.5, 1e-14);
  EXPECT_EQ(w1({a, 1}, {a, 1}), 0.0);
  const Points same(100, 3.0);
  EXPECT_EQ(w2({same, 2}, {same, 2}), 0.0);
}

// One far point common to both clouds sets the resolution of the whole-number costs, not the answer.
TEST(Transport, FarPointDoesNotBlurTheOthers) {
  Points a = normal(60, 1, 1), b = a;
  for (double& x : b) x += 0.25;
  a.push_back(1e4), b.push_back(1e4 + 0.25);
  EXPECT_NEAR(w2({a, 1}, {b, 1}), 0.25, 1e-6);
}

TEST(Transport, TinyDistancesKeepTheirPrecision) {
  Points a = normal(30, 1, 1), b;
  for (double& x : a) x *= 1e-140;
  for (auto x = a.rbegin(); x != a.rend(); ++x) b.push_back(*x + 1e-141);
  EXPECT_NEAR(w1({a, 1}, {b, 1}) / 1e-141, 1, 1e-10);
  EXPECT_NEAR(w2({a, 1}, {b, 1}) / 1e-141, 1, 1e-10);
}

TEST(Transport, NothingToMeasureIsNaN) {
  const Points a = normal(4, 1, 1), hole = {1, NAN, 2}, far = {1, INFINITY}, huge = {0, 1e200}, none = {0, 0, 0, 0},
               debt = {1, 1, 1, -1};
  for (const Cloud& bad :
       {Cloud{}, Cloud{hole, 1}, Cloud{far, 1}, Cloud{huge, 1}, Cloud{a, 1, none}, Cloud{a, 1, debt}}) {
    EXPECT_TRUE(std::isnan(w1({a, 1}, bad)));
    EXPECT_TRUE(std::isnan(w2(bad, {a, 1})));
    EXPECT_TRUE(std::isnan(mmd({a, 1}, bad, {})));
    EXPECT_TRUE(std::isnan(energy({a, 1}, bad)));
    EXPECT_TRUE(std::isnan(spread({a, 1}, bad)));
  }
  for (const Cloud& bad : {Cloud{}, Cloud{hole, 1}, Cloud{far, 1}})
    EXPECT_TRUE(std::isnan(blockwise_plan({a, 1}, bad, 2, 1).cost));
}

TEST(Blockwise, MarginalsAreUniform) {
  for (const auto& [n, m, block] : {std::tuple{100, 100, 30}, {100, 100, 25}, {97, 61, 10}, {13, 200, 16}, {5, 4, 1}}) {
    const Points a = normal(n, 2, 1), b = normal(m, 2, 2);
    const Plan plan = blockwise_plan({a, 2}, {b, 2}, block, 9);
    expect_marginals(plan, uniform(n), uniform(m), 1e-15);
    EXPECT_GE(plan.cost, transport({a, 2}, {b, 2}, 2).cost - 1e-13);
  }
}

TEST(Blockwise, NoBlockIsLargerThanAsked) {
  const size_t n = 90, block = 7;
  const Points a = normal(n, 2, 1), b = normal(n, 2, 2);
  const Plan plan = blockwise_plan({a, 2}, {b, 2}, block, 3);
  // Equal counts make every block an assignment of whole points: the entries are a permutation, listed block by block.
  ASSERT_EQ(plan.pairs.size(), n);
  const size_t blocks = (n + block - 1) / block;
  for (size_t k = 0; k < blocks; ++k) {
    const size_t begin = n * k / blocks, end = n * (k + 1) / blocks;
    ASSERT_LE(end - begin, block);
    Points x, y;
    double cost = 0;
    for (size_t i = begin; i < end; ++i) {
      const Pair& pair = plan.pairs[i];
      x.insert(x.end(), {a[2 * pair.from], a[2 * pair.from + 1]});
      y.insert(y.end(), {b[2 * pair.to], b[2 * pair.to + 1]});
      cost += std::pow(distance({a, 2}, pair.from, {b, 2}, pair.to), 2) / static_cast<double>(end - begin);
    }
    EXPECT_NEAR(cost, transport({x, 2}, {y, 2}, 2).cost, 1e-12);
  }
}

TEST(Blockwise, MarginalsAreTheWeights) {
  for (const auto& [n, m, block] : {std::tuple{100, 100, 30}, {97, 61, 10}, {13, 200, 16}, {5, 4, 1}}) {
    const Points a = normal(n, 2, 1), b = normal(m, 2, 2), v = positive(m, 4);
    Points u = positive(n, 3);
    u[0] = 0, u[2] *= 50;  // one that takes no part, and one that reaches over many blocks
    const Plan plan = blockwise_plan({a, 2, u}, {b, 2, v}, block, 9);
    expect_marginals(plan, normalised(u), normalised(v), 1e-14);
    EXPECT_GE(plan.cost, transport({a, 2, u}, {b, 2, v}, 2).cost - 1e-13);
    // As many rows as are kept for them where pairs are drawn.
    EXPECT_LE(plan.pairs.size(), static_cast<size_t>(n + m + 2 * ((n + m) / std::max(1, block - 1) + 1)));
  }
}

TEST(Blockwise, SeedFixesTheBlocks) {
  const Points a = normal(50, 2, 1), b = normal(50, 2, 2);
  const double first = blockwise_plan({a, 2}, {b, 2}, 8, 1).cost;
  EXPECT_EQ(first, blockwise_plan({a, 2}, {b, 2}, 8, 1).cost);
  EXPECT_NE(first, blockwise_plan({a, 2}, {b, 2}, 8, 2).cost);
}

TEST(Blockwise, OneBlockIsTheExactPlan) {
  const Points a = normal(30, 2, 1), b = normal(20, 2, 2);
  EXPECT_EQ(blockwise_plan({a, 2}, {b, 2}, 30, 1).cost, transport({a, 2}, {b, 2}, 2).cost);
}

double kernel_value(double distance, const Kernel& kernel) {
  double sum = 0;
  for (double gamma : kernel.gammas) sum += std::exp(-gamma * distance * distance);
  return kernel.scale * sum / static_cast<double>(kernel.gammas.size());
}

double naive_mean(const Cloud& a, const Points& u, const Cloud& b, const Points& v, bool same, const Kernel& kernel) {
  long double sum = 0, mass = 0;
  for (size_t i = 0; i < u.size(); ++i)
    for (size_t j = 0; j < v.size(); ++j) {
      if (same && i == j) continue;
      sum += u[i] * v[j] * kernel_value(distance(a, i, b, j), kernel);
      mass += u[i] * v[j];
    }
  return static_cast<double>(sum / mass);
}

double naive_mmd(const Cloud& a, const Points& u, const Cloud& b, const Points& v, const Kernel& kernel) {
  return naive_mean(a, u, a, u, true, kernel) + naive_mean(b, v, b, v, true, kernel) -
         2 * naive_mean(a, u, b, v, false, kernel);
}

// More points than a tile holds, and a number that is no multiple of anything.
TEST(Mmd, AgreesWithTheDoubleLoop) {
  const Points a = normal(601, 3, 1), b = normal(273, 3, 2), u = positive(601, 3), v = positive(273, 4);
  const Kernel kernel{{3, 0.7, 0.01}, 2.5};
  EXPECT_NEAR(mmd({a, 3}, {b, 3}, kernel), naive_mmd({a, 3}, uniform(601), {b, 3}, uniform(273), kernel), 1e-13);
  EXPECT_NEAR(mmd({a, 3, u}, {b, 3, v}, kernel), naive_mmd({a, 3}, u, {b, 3}, v, kernel), 1e-13);
}

// Two pairs of points at distance r, far from each other: the kernel between clouds vanishes and
// MMD² = 2·exp(−γ r²), up to the rounding of sums of order one. Far points must give nothing, whatever the exponent.
TEST(Mmd, FarCloudsKeepOnlyTheirOwnPairs) {
  for (double r : {0x1p-10, 0.5, 2.0, 5.0, 20.0}) {
    const Points a = {0, r}, b = {4096, 4096 + r};
    const double expected = 2 * std::exp(-1.5 * r * r);
    EXPECT_NEAR(mmd({a, 1}, {b, 1}, {{1.5}, 1}), expected, 4e-15) << r;
  }
}

// For N(0, 1) and N(s, 1) the kernel exp(−γ(x − y)²) has E k = (1 + 4γ)^(−½) exp(−γ Δ²/(1 + 4γ)) with Δ the
// difference of the means, hence the true MMD². The mean over R independent estimates, unbiased, lies within 4 standard
// errors of it, the error itself being estimated from the R values (a false alarm once in 16,000).
void expect_unbiased(double s, bool weighted) {
  constexpr int kRuns = 1000;
  constexpr size_t kCount = 10;
  const double gamma = 0.5, scale = 1 / std::sqrt(1 + 4 * gamma);
  const double truth = 2 * scale * (1 - std::exp(-gamma * s * s / (1 + 4 * gamma)));
  double sum = 0, squares = 0;
  for (int run = 0; run < kRuns; ++run) {
    const Points a = normal(kCount, 1, 2 * run + 1), weights = weighted ? positive(kCount, 77 + run) : Points{};
    Points b = normal(kCount, 1, 2 * run + 2);
    for (double& x : b) x += s;
    const double value = mmd({a, 1, weights}, {b, 1}, {{gamma}, 1});
    sum += value, squares += value * value;
  }
  const double mean = sum / kRuns, error = std::sqrt((squares / kRuns - mean * mean) / kRuns);
  EXPECT_NEAR(mean, truth, 4 * error);
  // The biased estimate would be off by 2(1 − scale)/count, which this test can see.
  EXPECT_GT(2 * (1 - scale) / kCount, 8 * error);
}

TEST(Mmd, UnbiasedForEqualLaws) { expect_unbiased(0, false); }
TEST(Mmd, UnbiasedForDifferentLaws) { expect_unbiased(0.5, false); }
TEST(Mmd, UnbiasedWithWeightsThatDoNotDependOnThePoints) { expect_unbiased(0, true); }

TEST(Mmd, OnePointMakesNoPair) {
  const Points a = {0}, b = {0, 1};
  EXPECT_TRUE(std::isnan(mmd({a, 1}, {b, 1}, {})));
}

double naive_distance(const Cloud& a, const Points& u, const Cloud& b, const Points& v, bool same) {
  long double sum = 0, mass = 0;
  for (size_t i = 0; i < u.size(); ++i)
    for (size_t j = 0; j < v.size(); ++j) {
      if (same && i == j) continue;
      sum += u[i] * v[j] * distance(a, i, b, j);
      mass += u[i] * v[j];
    }
  return static_cast<double>(sum / mass);
}

double naive_energy(const Cloud& a, const Points& u, const Cloud& b, const Points& v) {
  return 2 * naive_distance(a, u, b, v, false) - naive_distance(a, u, a, u, true) - naive_distance(b, v, b, v, true);
}

// Sums of 601·273 products of order one carry a relative error of far less than 1e-13.
TEST(Energy, AgreesWithTheDoubleLoop) {
  const Points a = normal(601, 3, 1), b = normal(273, 3, 2), u = positive(601, 3), v = positive(273, 4);
  EXPECT_NEAR(energy({a, 3}, {b, 3}), naive_energy({a, 3}, uniform(601), {b, 3}, uniform(273)), 1e-13);
  EXPECT_NEAR(energy({a, 3, u}, {b, 3, v}), naive_energy({a, 3}, u, {b, 3}, v), 1e-13);
}

// {0, 1} against {3, 5}: distances 3, 5, 2, 4 between, 1 and 2 within, so 2·3.5 − 1 − 2 = 4. And doubling all doubles
// it.
TEST(Energy, FourPointsByHand) {
  const Points a = {0, 1}, b = {3, 5}, twice = {6, 10}, one = {0}, far = {0, 2};
  EXPECT_NEAR(energy({a, 1}, {b, 1}), 4, 1e-15);
  EXPECT_NEAR(energy({far, 1}, {twice, 1}), 8, 1e-15);
  EXPECT_TRUE(std::isnan(energy({one, 1}, {b, 1})));
}

// X − Y is N(−s, 2) for X of N(0, 1) and Y of N(s, 1), and E|N(μ, σ²)| = σ√(2/π)·exp(−μ²/2σ²) + μ·erf(μ/σ√2): hence
// E|X − Y| = 2/√π·exp(−s²/4) + s·erf(s/2) and E|X − X′| = 2/√π. The mean of R independent estimates lies within 4 of
// its standard errors.
void expect_energy_unbiased(double s, bool weighted) {
  constexpr int kRuns = 4000;
  constexpr size_t kCount = 10;
  const double within = 2 / std::sqrt(std::numbers::pi);
  const double truth = 2 * (within * std::exp(-s * s / 4) + s * std::erf(s / 2)) - 2 * within;
  double sum = 0, squares = 0;
  for (int run = 0; run < kRuns; ++run) {
    const Points a = normal(kCount, 1, 2 * run + 1), weights = weighted ? positive(kCount, 77 + run) : Points{};
    Points b = normal(kCount, 1, 2 * run + 2);
    for (double& x : b) x += s;
    const double value = energy({a, 1, weights}, {b, 1});
    sum += value, squares += value * value;
  }
  const double mean = sum / kRuns, error = std::sqrt((squares / kRuns - mean * mean) / kRuns);
  EXPECT_NEAR(mean, truth, 4 * error);
  // The biased estimate would be too large by 2·E|X − X′|/count, which this test can see.
  EXPECT_GT(2 * within / kCount, 8 * error);
}

TEST(Energy, UnbiasedForEqualLaws) { expect_energy_unbiased(0, false); }
TEST(Energy, UnbiasedForDifferentLaws) { expect_energy_unbiased(1, false); }
TEST(Energy, UnbiasedWithWeightsThatDoNotDependOnThePoints) { expect_energy_unbiased(0.5, true); }

TEST(Spread, ScaledCloudIsItsFactor) {
  const Points a = normal(50, 3, 1), weights = positive(50, 2);
  Points b = a;
  for (double& x : b) x = 5 + 2.5 * x;
  EXPECT_NEAR(spread({b, 3}, {a, 3}), 2.5, 1e-12);
  EXPECT_NEAR(spread({b, 3, weights}, {a, 3, weights}), 2.5, 1e-12);
}

// {−1, 1} has variance 2 (dividing by one), {−1, 0, 1} has 1; three to one on {0, 1} gives (3/16)/(1 − 10/16) = ½.
TEST(Spread, VariancesAreUnbiased) {
  const Points two = {-1, 1}, three = {-1, 0, 1}, pair = {0, 1}, weights = {3, 1}, one = {7};
  EXPECT_NEAR(spread({two, 1}, {three, 1}), std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(spread({pair, 1, weights}, {three, 1}), std::sqrt(0.5), 1e-14);
  EXPECT_TRUE(std::isnan(spread({one, 1}, {two, 1})));
}

}  // namespace
}  // namespace am::metrics
