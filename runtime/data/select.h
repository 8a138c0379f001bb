// Which samples of a file are meant, and in which coordinates: times and rows left out, standardisation, masses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/data/data.h"

namespace am::data {

/// What of the samples in a file is kept.
struct Selection {
  std::vector<double> without;  // times whose snapshots are left out
  /// The fraction of the rows of each snapshot that is kept, in (0, 1].
  double keep = 1;
  /// Which rows these are. Whatever is left out beside, the same seed chooses the same rows of a snapshot.
  uint64_t seed = 0;
};

/// The samples in two parts, each row in one of them, in the order of the file.
struct Parts {
  Snapshots kept, rest;
};

/// Parts the samples. Of a snapshot of n > 1 rows, at least one row is kept and one is not where `keep` < 1. The rest
/// may hold no rows at all. Reports MissingTime for a time that is not there, EmptyData where nothing is kept.
std::optional<Parts> part(const Snapshots& all, const Selection& selection, source::Span span,
                          diagnostics::Sink& sink);

/// Coordinates in which every coordinate of the samples has mean 0 and standard deviation 1, over all rows of all
/// times, each with its weight: (x − mean)/scale. The divisor of the variance is the sum of the weights (the count, not
/// the count less one). A coordinate that does not vary is centred and keeps its unit: its scale is 1.
/// Components stay those of the file's frame.
std::shared_ptr<const Frame> standard_frame(const Snapshots& samples);

/// The samples of a file in the coordinates of a frame, which has as many of them.
Snapshots in_frame(Snapshots samples, std::shared_ptr<const Frame> frame);

/// Total masses in proportion to the sum of the weights of each snapshot, or to its count where there are none;
/// relative to the first.
std::vector<double> counted_masses(const Snapshots& samples);

}  // namespace am::data
