#include "compiler/differentiate/forward.h"

#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"

namespace am::differentiate {
namespace {

NodeId push_partials(Graph& g, NodeId id, const std::vector<NodeId>& tangents, int directions) {
  NodeId sum = ir::kNone;
  for (size_t k = 0; k < tangents.size(); ++k) {
    if (!tangents[k].valid()) continue;
    const NodeId partial = ir::info(g[id].op).derivative->partial({g, id}, static_cast<int>(k));
    if (partial.valid()) sum = plus(g, sum, times(g, repeated(g, partial, directions), tangents[k]));
  }
  return sum;
}

/// A linear operation is its own derivative. An alias adds nothing to a tangent.
NodeId push_linear(Graph& g, NodeId id, std::vector<NodeId> tangents, int directions) {
  if (g[id].op == ir::Op::Variable) return tangents[0];
  for (size_t k = 0; k < tangents.size(); ++k)
    if (!tangents[k].valid()) tangents[k] = ir::constant(g, 0, stacked(g[g[id].operands[k]].shape, directions));
  ir::Attributes attributes = g[id].attributes;
  if (ir::states_shape(g[id].op)) attributes.shape = stacked(attributes.shape, directions);
  return g.add(g[id].op, std::move(tangents), attributes);
}

/// The operation with operand k replaced by its tangent.
NodeId with_operand(Graph& g, NodeId id, size_t k, NodeId tangent, int directions) {
  if (directions > 0) return ir::info(g[id].op).derivative->stacked({g, id}, static_cast<int>(k), tangent);
  std::vector<NodeId> operands = g[id].operands;
  operands[k] = tangent;
  return g.add(g[id].op, std::move(operands), g[id].attributes);
}

NodeId push_bilinear(Graph& g, NodeId id, const std::vector<NodeId>& tangents, int directions) {
  NodeId sum = ir::kNone;
  for (size_t k = 0; k < tangents.size(); ++k)
    if (tangents[k].valid()) sum = plus(g, sum, with_operand(g, id, k, tangents[k], directions));
  return sum;
}

std::vector<NodeId> of_operands(const Graph& g, NodeId id, const Way& between, const std::vector<NodeId>& tangents) {
  std::vector<NodeId> out;
  for (NodeId x : g[id].operands) out.push_back(between.contains(x) ? tangents[between.index(x)] : ir::kNone);
  return out;
}

}  // namespace

NodeId push(Graph& g, NodeId id, const std::vector<NodeId>& tangents, std::optional<Obstacle>* obstacle,
            int directions) {
  if (std::none_of(tangents.begin(), tangents.end(), [](NodeId t) { return t.valid(); })) return ir::kNone;
  switch (ir::info(g[id].op).derivative->kind) {
    case ir::DerivativeKind::Partials: return push_partials(g, id, tangents, directions);
    case ir::DerivativeKind::Linear: return push_linear(g, id, tangents, directions);
    case ir::DerivativeKind::Bilinear: return push_bilinear(g, id, tangents, directions);
    case ir::DerivativeKind::Zero: return ir::kNone;
    case ir::DerivativeKind::Unsupported: obstruct(g, id, obstacle); return ir::kNone;
  }
  return ir::kNone;
}

ir::Shape stacked(ir::Shape shape, int directions) {
  if (directions == 0) return shape;
  AM_CHECK(shape.rank < ir::Shape::kMaxRank, "derivatives of {} by a vector", shape.text());
  shape.sizes[shape.rank++] = directions;
  return shape;
}

NodeId repeated(Graph& g, NodeId x, int directions) {
  if (directions == 0) return x;
  const ir::Shape shape = g[x].shape;
  return ir::broadcast(g, x, stacked(shape, directions), 1 << shape.rank);
}

NodeId directional(Graph& g, NodeId output, const Setting& setting, std::span<const NodeId> tangents,
                   std::optional<Obstacle>* obstacle) {
  AM_CHECK(tangents.size() == setting.by.size(), "{} tangents for {} nodes", tangents.size(), setting.by.size());
  const Way between = way(g, output, setting);
  if (between.empty()) return ir::kNone;
  Origin origin(g);
  std::vector<NodeId> carried(between.on.size(), ir::kNone);
  for (size_t k = 0; k < tangents.size(); ++k)
    if (const NodeId x = setting.by[k]; between.contains(x)) {
      AM_CHECK(!tangents[k].valid() || g[tangents[k]].shape == g[x].shape, "tangent of {}", g[x].shape.text());
      carried[between.index(x)] = plus(g, carried[between.index(x)], tangents[k]);
    }
  for (uint32_t i = between.first; i <= output.value; ++i) {
    const NodeId id{i};
    if (!between.contains(id)) continue;
    origin.follow(id);
    NodeId& own = carried[between.index(id)];
    own = plus(g, own, push(g, id, of_operands(g, id, between, carried), obstacle));
  }
  return carried.back();
}

}  // namespace am::differentiate
