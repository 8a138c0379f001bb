// Whether sums of means are zero, as far as their samples can tell.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace am::metrics {

/// `factor` times the mean of independent rows [·, K]; with weights, their weighted mean (Σ wᵢfᵢ)/(Σ wᵢ).
struct Mean {
  std::vector<double> rows;
  double factor = 1;
  std::vector<double> weights = {};
};

/// See docs/metrics.md, `fit`. The residual R_k is the sum of the means, τ_k its standard deviation times √n for n rows
/// a mean, which the samples estimate.
struct Residual {
  double value = 0;  // largest |R_k|/τ_k
  double floor = 0;  // the mean of what chance alone gives for it
  double p = 1;      // the share of chance that gives as much
  size_t worst = 0;  // the k of the largest
};

/// Compares the largest |R_k|/τ_k of K functions with what it is when each row's deviation from its mean has a random
/// sign, `resamples` times: the multiplier bootstrap for maxima (Chernozhukov, Chetverikov, Kato, Annals of Statistics
/// 41, 2013), which takes the dependence between functions from the samples. p is at least 1/(resamples + 1). A function
/// that does not vary counts only if its R_k is not zero, which makes the value infinite. Value, floor and p are NaN where a row is not finite or a mean has less than two.
Residual residual(std::span<const Mean> means, size_t functions, int resamples, uint64_t seed);

}  // namespace am::metrics
