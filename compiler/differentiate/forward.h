// One step of forward mode, which directional derivatives and Laplacians share.
#pragma once

#include <vector>

#include "compiler/differentiate/walk.h"

namespace am::differentiate {

/// Σ_k ∂result/∂operand_k · tangents[k] at one node, of the shape of the result; kNone, also in `tangents`, is zero.
NodeId push(Graph& g, NodeId id, const std::vector<NodeId>& tangents, std::optional<Obstacle>* obstacle);

/// Bilinear nodes: the operation with operand k replaced.
NodeId with_operand(Graph& g, NodeId id, size_t k, NodeId operand);

/// One at element `i` (row-major) and zero elsewhere.
NodeId one_hot(Graph& g, const ir::Shape& shape, int i);

/// Element `i` (row-major) as a scalar.
NodeId element(Graph& g, NodeId x, int i);

}  // namespace am::differentiate
