// The report of a run, made from its folder alone.
#pragma once

#include "amc/folder.h"

namespace am::program {

/// Reads config.json, script.am, each training's metrics.csv, the particles, figures/NAME.npz and evaluation.json, and writes
/// report.html and figures/*.svg. What an unfinished run has not written is left out, and the page says so. Reports a
/// folder that is none of a run and files that are damaged; then nothing is written, and the result is false.
bool write_report(const RunFolder& folder, diagnostics::Sink& sink);

}  // namespace am::program
