// The transport problem in whole numbers. The only place that knows LEMON is simplex.cpp.
#pragma once

#include <cstdint>
#include <vector>

namespace am::metrics {

/// Units to carry from each source to each sink at least cost. Both sides sum to the same and every entry is positive;
/// costs are finite, not negative, [sources, sinks] row-major.
struct Problem {
  std::vector<int64_t> supply, demand;
  std::vector<double> cost;
};

/// Units carried from source `from` to sink `to`.
struct Flow {
  uint32_t from, to;
  int64_t units;
};

/// A cheapest flow, ordered by source and then sink.
///
/// The simplex runs on costs rounded to multiples of (largest cost)·2^−58·(points), because pivots on floating-point
/// costs may cycle when rounding hides a tie, while on whole numbers they provably end. The total cost thus exceeds the
/// least by no more than that step.
std::vector<Flow> cheapest_flow(const Problem& problem);

}  // namespace am::metrics
