// Graph to a smaller equal graph, equal in the sense of compiler/ir/README.md.
#pragma once

#include <vector>

#include "compiler/ir/graph.h"

namespace am::simplify {

struct Simplified {
  ir::Graph graph;
  std::vector<ir::NodeId> outputs;
};

/// Rebuilds what `outputs` need, bottom-up, with the rules of rules.cpp applied until none fits. Variables are gone
/// afterwards, equal subterms are shared, and the sampled marks are derived anew. Slots keep their numbers.
Simplified simplify(const ir::Graph& graph, std::span<const ir::NodeId> outputs);

}  // namespace am::simplify
