// What is drawn from a field's grid. Internal to this folder.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "runtime/report/canvas.h"

namespace am::report {

/// The line of one level through values on a side × side grid, by marching squares: segments in grid units. Saddles are
/// decided by the mean of their corners; squares with a corner that is not finite are left out.
std::vector<std::pair<Point, Point>> contour(std::span<const double> values, int side, double level);

/// About `count` levels at equal distances. A potential is only known up to a function of time, so levels count from
/// the mean at each time, and their distance is the same for all times: that of `count` levels over the widest.
struct Levels {
  double distance = 0;
  /// Levels of these values: as many as fit between the least and the largest of them.
  std::vector<double> of(std::span<const double> values) const;
};
Levels levels(const std::vector<std::vector<double>>& times, int count);

/// The length that an arrow as long as a grid's spacing stands for: the 98 % quantile of all lengths.
double longest(const Field& field);

}  // namespace am::report
