// What the panels and the player share: the frame of a motion, and the reference at a time.
#pragma once

#include <optional>

#include "runtime/report/axis.h"
#include "runtime/report/report.h"

namespace am::report {

/// Recorded times.
size_t recorded(const Motion& motion);

/// Points at recorded time k.
size_t count_at(const Motion& motion, size_t k);

/// The frame along one coordinate for all times: from the 0.1 % to the 99.9 % quantile of particles and reference, with
/// a margin. A few particles that ran away are left outside and said to be.
Range frame_range(const Motion& motion, const Reference& reference, int coordinate);

/// Makes both axes count pixels of a square alike if their spans are similar enough for that to be readable.
void match_scales(std::array<double, 2>& x, std::array<double, 2>& y);

/// The index of the reference samples recorded nearest to `time`; nothing if there are none. Samples without times
/// stand for all times.
std::optional<size_t> nearest_reference(const Reference& reference, double time);

/// Weight of particle i at recorded time k relative to the mean over all times: 1 without weights.
class RelativeWeight {
 public:
  explicit RelativeWeight(const Motion& motion);
  bool varies() const { return mean_ > 0; }
  double operator()(size_t k, size_t i) const;

 private:
  const Motion& motion_;
  double mean_ = 0;
};

/// At most `limit` indices below `count`, evenly spaced, the first and the last among them.
std::vector<size_t> evenly(size_t count, size_t limit);

}  // namespace am::report
