// Where a number lies along an axis, and which numbers are written beside it.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace am::report {

struct Tick {
  double value;
  std::string label;
};

/// What values were seen. Values that are not finite, or too large to subtract, are not drawn and do not count.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void add(double value);
};

bool drawable(double value);

struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<Tick> ticks;

  /// 0 at the low end, 1 at the high end.
  double at(double value) const;
};

/// An axis over the range with about `count` ticks at multiples of 1, 2 or 5 times a power of ten. A range of one value
/// is widened around it; an empty one becomes 0 … 1. `outward` moves the ends to the next ticks.
Axis linear_axis(Range range, int count, bool outward);

/// The same with ticks at powers of ten, or 1, 2, 5 times them where the range is short. The range must be positive.
Axis log_axis(Range range);

}  // namespace am::report
