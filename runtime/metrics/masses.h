// Masses as whole units and as fractions; what makes a cloud fit to be measured.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/metrics/metrics.h"

namespace am::metrics {

/// Has points, all finite (and below 1e150, so that squares are), and weights (if any) that are finite, not negative
/// and not all zero.
bool measurable(const Cloud& cloud);

/// Masses that sum to one: the cloud's weights normalised, or 1/count each.
std::vector<double> masses(const Cloud& cloud);

/// Masses as whole units that sum exactly to `total`. Without weights `total` is a multiple of the count and the units
/// are exact. With weights, the cumulative masses are rounded, so each point is off by less than one unit and no
/// remainder has to be put anywhere; a point may receive none.
std::vector<int64_t> units(const Cloud& cloud, int64_t total);

/// The number of units both clouds share: their least common multiple of counts, or 2^50 if either has weights.
int64_t common_total(const Cloud& a, const Cloud& b);

/// |x − y|² in `dimension` coordinates.
double squared_distance(const double* x, const double* y, int dimension);

}  // namespace am::metrics
