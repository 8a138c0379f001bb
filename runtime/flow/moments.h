// Means and standard deviations. Internal to this folder.
#pragma once

#include <cmath>
#include <numeric>
#include <vector>

namespace am::flow {

struct Moments {
  std::vector<double> values;
  double mean() const {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  /// Of the sample, with n − 1; of one value 0.
  double deviation() const {
    if (values.size() < 2) return 0;
    const double m = mean();
    double total = 0;
    for (double v : values) total += (v - m) * (v - m);
    return std::sqrt(total / static_cast<double>(values.size() - 1));
  }
};

}  // namespace am::flow
