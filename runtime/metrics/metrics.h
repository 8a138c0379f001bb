// Distances between clouds of points, exact and stated. docs/metrics.md has each definition.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace am::metrics {

/// `count` points in R^dimension, row-major. Without weights every point has mass 1/count; weights are normalised here.
struct Cloud {
  std::span<const double> points;
  int dimension = 1;
  std::span<const double> weights = {};
  size_t count() const { return points.size() / dimension; }
};

/// One entry of a transport plan.
struct Pair {
  uint32_t from, to;
  double mass;
};

struct Plan {
  double cost = 0;  // Σ mass·|x − y|^p
  std::vector<Pair> pairs;
};

/// The optimal transport plan for the cost |x − y|^p, p = 1 or 2, by the network simplex (LEMON). The masses of each
/// cloud sum to one.
Plan transport(const Cloud& a, const Cloud& b, int p);

/// As `transport` with p = 2, but solved in random blocks of at most `block` points a side when the
/// clouds are larger; masses sum to one over all blocks. `seed` fixes the blocks.
Plan blockwise_plan(const Cloud& a, const Cloud& b, size_t block, uint64_t seed);

/// Wasserstein distances: W1 = min E|x − y|, W2 = (min E|x − y|²)^½.
double w1(const Cloud& a, const Cloud& b);
double w2(const Cloud& a, const Cloud& b);

/// A Gaussian kernel, scale·exp(−γ|x − y|²), averaged over several γ.
struct Kernel {
  std::vector<double> gammas = {2, 1, 0.5, 0.1, 0.01, 0.005};
  double scale = 1;
};

/// Squared maximum mean discrepancy, the unbiased estimate (may be negative); with weights, Σ_{i≠j} w_i w_j k /
/// (1 − Σ w_i²) stands for the mean over pairs.
double mmd(const Cloud& a, const Cloud& b, const Kernel& kernel);

/// Energy distance 2E|x − y| − E|x − x′| − E|y − y′|, the unbiased estimate in the same sense: MMD² with the kernel
/// −|x − y|, that is.
double energy(const Cloud& a, const Cloud& b);

/// Root of the ratio of total variances (traces of the covariances): 1 if `a` is spread as widely as `b`.
double spread(const Cloud& a, const Cloud& b);

}  // namespace am::metrics
