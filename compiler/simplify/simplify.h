// Graph to a smaller equal graph, equal in the sense of compiler/ir/README.md.
#pragma once

#include <vector>

#include "compiler/ir/graph.h"

namespace am::simplify {

struct Simplified {
  ir::Graph graph;
  std::vector<ir::NodeId> outputs;
};

/// Whether operations that are made of others (`ir::OpInfo::parts`) stay, for derivatives to be taken, or become these.
enum class Parts { Keep, Open };

/// Rebuilds what `outputs` need, bottom-up, with the rules of rules.cpp applied until none fits. Variables are gone
/// afterwards, equal subterms are shared, and the sampled marks are derived anew. Slots keep their numbers.
Simplified simplify(const ir::Graph& graph, std::span<const ir::NodeId> outputs,
                    Parts parts = Parts::Open);

}  // namespace am::simplify
