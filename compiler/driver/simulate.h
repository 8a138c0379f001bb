// Runs the simulations of a script.
#pragma once

#include "compiler/driver/compile.h"

namespace am {

/// The rows of a simulation, [instant][particle][coordinate], in f64: the same numbers for any number of threads.
/// Throws elaborate::SimulationFailure if a particle leaves the numbers, and InternalError if no code can be made.
/// `progress` is told the steps done and those there are, of all stages together.
std::vector<double> simulate(const elaborate::Simulation& simulation, const Machine& machine,
                             const std::function<void(const std::string& name, size_t done, size_t all)>& progress);

}  // namespace am
