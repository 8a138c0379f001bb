// What the figures of a sampling show beside its particles.
#pragma once

#include "amc/folder.h"

namespace am::program {

/// figures/NAME.npz of a run's folder: the numbers behind the figures, so that they can be made again without the data and the
/// script. Members, all in the coordinates in which the particles are written:
///   data_of (text), data_t [times], data_0, data_1, … [rows, d]: samples in grey: the snapshots, or draws of the path;
///   grid_t [times], grid_x [side], grid_y [side], drift [times, side, side, 2], potential and growth [times, side, side], with
///     the second coordinate's index before the first's: of two-dimensional models;
///   rate [times, rows]: the growth rate at the particles, of those rows that report::some_rows takes.
/// Values are those of the model's functions, as `amc eval` gives them. `particles` are in the model's coordinates. False
/// after a report.
bool write_pictures(const RunFolder& folder, const elaborate::Sampling& sampling, const elaborate::Model& model,
                    const flow::Weights& weights, const flow::Particles& particles, const Machine& machine,
                    diagnostics::Sink& sink);

/// The same as pictures: motion and reference as `report` draws them.
bool read_pictures(const RunFolder& folder, const std::string& sampling, report::Motion& motion,
                   report::Reference& reference, diagnostics::Sink& sink);

std::string pictures_file(const std::string& sampling);

/// These rows of a cloud [count, dimension].
std::vector<double> kept_rows(const std::vector<double>& cloud, int dimension, const std::vector<size_t>& rows);

/// Particles that a page shows at most.
inline constexpr size_t kMostParticles = 20'000;

}  // namespace am::program
