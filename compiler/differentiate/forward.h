// One step of forward mode, along one direction or along many at once.
#pragma once

#include <vector>

#include "compiler/differentiate/walk.h"

namespace am::differentiate {

/// Σ_k ∂result/∂operand_k · tangents[k] at one node, of the shape of the result; kNone, also in `tangents`, is zero.
/// With `directions` > 0 there are so many of each, along an axis that tangents and the result have at their end.
NodeId push(Graph& g, NodeId id, const std::vector<NodeId>& tangents, std::optional<Obstacle>* obstacle,
            int directions = 0);

/// `shape` with an axis for directions at its end; the shape itself if there are none.
ir::Shape stacked(ir::Shape shape, int directions);

/// Repeats `x` along an axis for directions.
NodeId repeated(Graph& g, NodeId x, int directions);

}  // namespace am::differentiate
