// Graph to graph: gradients, directional derivatives, Laplacians, divergences.
//
// Every function builds ordinary nodes, so it applies to its own output. The rules are the `derivative` column of
// compiler/ir/ops.def; nothing here knows an operation by name but `Mean` and `Variable`.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/ir/graph.h"

namespace am::differentiate {

using ir::Graph;
using ir::NodeId;

/// A node on the way that has no stated derivative. The caller tells the user, at the node's origin.
struct Obstacle {
  NodeId node;
  std::string_view reason;
};

/// What a derivative is taken by, and what stays fixed: derivatives stop at nodes in `held` that are not in `by`.
struct Setting {
  std::span<const NodeId> by;
  std::span<const NodeId> held = {};
};

/// Reverse mode. For each node of `setting.by` the gradient of `output`, contracted with `seed` (ones if invalid; then
/// a scalar output gives its gradient). Adjoints of sampled values are densities with respect to the mean over samples
/// (ir/README.md): the gradient by a shared node is the `Mean` over samples of the contributions. A node that `output`
/// does not depend on gives kNone.
std::vector<NodeId> gradient(Graph& g, NodeId output, const Setting& setting, NodeId seed = ir::kNone,
                             std::optional<Obstacle>* obstacle = nullptr);

/// Forward mode: Σ_k (∂output/∂by_k)·tangent_k, of the shape of `output`; kNone if it is zero.
NodeId directional(Graph& g, NodeId output, const Setting& setting, std::span<const NodeId> tangents,
                   std::optional<Obstacle>* obstacle = nullptr);

/// Laplacian Σ_i ∂²output/∂x_i² of a scalar by the elements of one vector: the curvature of each node on the way, from
/// Jacobians that are carried forward, times the adjoint of the node. See note [forward Laplacian] in laplacian.cpp.
/// kNone if it is zero. The number of nodes does not depend on that of elements.
///
/// With `directions` z it is Σ_z zᵀHz instead, H being the Hessian, at a cost of as many directions. For z of independent
/// entries ±1 each summand has the Laplacian as its mean (Hutchinson, Commun. Stat. Simul. Comput. 1990).
NodeId laplacian(Graph& g, NodeId output, NodeId x, std::span<const NodeId> held = {},
                 std::optional<Obstacle>* obstacle = nullptr, std::span<const NodeId> directions = {});

/// Divergence Σ_i ∂output_i/∂x_i of a vector of the shape of `x`; kNone if it is zero. With `directions` it is
/// Σ_z zᵀJz instead, J being the Jacobian.
NodeId divergence(Graph& g, NodeId output, NodeId x, std::span<const NodeId> held = {},
                  std::optional<Obstacle>* obstacle = nullptr, std::span<const NodeId> directions = {});

/// True if a derivative of `output` by `x` could be other than zero, as the structure of the graph tells.
bool depends(const Graph& g, NodeId output, NodeId x, std::span<const NodeId> held = {});

}  // namespace am::differentiate
