#include "compiler/differentiate/forward.h"

#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"

namespace am::differentiate {
namespace {

/// Coordinates of element `i` of `shape`, row-major.
std::vector<int> coordinates(const ir::Shape& shape, int i) {
  std::vector<int> out(shape.rank);
  for (int axis = shape.rank; axis-- > 0; i /= shape[axis]) out[axis] = i % shape[axis];
  return out;
}

NodeId push_partials(Graph& g, NodeId id, const std::vector<NodeId>& tangents) {
  NodeId sum = ir::kNone;
  for (size_t k = 0; k < tangents.size(); ++k)
    if (tangents[k].valid())
      sum = plus(g, sum, times(g, ir::info(g[id].op).derivative->partial({g, id}, static_cast<int>(k)), tangents[k]));
  return sum;
}

/// A linear operation is its own derivative. An alias adds nothing to a tangent.
NodeId push_linear(Graph& g, NodeId id, std::vector<NodeId> tangents) {
  if (g[id].op == ir::Op::Variable) return tangents[0];
  for (size_t k = 0; k < tangents.size(); ++k)
    if (!tangents[k].valid()) tangents[k] = ir::constant(g, 0, g[g[id].operands[k]].shape);
  return g.add(g[id].op, std::move(tangents), g[id].attributes);
}

NodeId push_bilinear(Graph& g, NodeId id, const std::vector<NodeId>& tangents) {
  NodeId sum = ir::kNone;
  for (size_t k = 0; k < tangents.size(); ++k)
    if (tangents[k].valid()) sum = plus(g, sum, with_operand(g, id, k, tangents[k]));
  return sum;
}

std::vector<NodeId> of_operands(const Graph& g, NodeId id, const Way& between, const std::vector<NodeId>& tangents) {
  std::vector<NodeId> out;
  for (NodeId x : g[id].operands) out.push_back(between.contains(x) ? tangents[between.index(x)] : ir::kNone);
  return out;
}

}  // namespace

NodeId push(Graph& g, NodeId id, const std::vector<NodeId>& tangents, std::optional<Obstacle>* obstacle) {
  if (std::none_of(tangents.begin(), tangents.end(), [](NodeId t) { return t.valid(); })) return ir::kNone;
  switch (ir::info(g[id].op).derivative->kind) {
    case ir::DerivativeKind::Partials: return push_partials(g, id, tangents);
    case ir::DerivativeKind::Linear: return push_linear(g, id, tangents);
    case ir::DerivativeKind::Bilinear: return push_bilinear(g, id, tangents);
    case ir::DerivativeKind::Zero: return ir::kNone;
    case ir::DerivativeKind::Unsupported: obstruct(g, id, obstacle); return ir::kNone;
  }
  return ir::kNone;
}

NodeId with_operand(Graph& g, NodeId id, size_t k, NodeId operand) {
  std::vector<NodeId> operands = g[id].operands;
  operands[k] = operand;
  return g.add(g[id].op, std::move(operands), g[id].attributes);
}

NodeId one_hot(Graph& g, const ir::Shape& shape, int i) {
  ir::Shape single = shape;
  for (int axis = 0; axis < shape.rank; ++axis) single.sizes[axis] = 1;
  const std::vector<int> at = coordinates(shape, i);
  NodeId out = ir::constant(g, 1, single);
  for (int axis = 0; axis < shape.rank; ++axis) out = ir::pad(g, out, axis, at[axis], shape[axis]);
  return out;
}

NodeId element(Graph& g, NodeId x, int i) {
  const std::vector<int> at = coordinates(g[x].shape, i);
  for (size_t axis = 0; axis < at.size(); ++axis) x = ir::slice(g, x, static_cast<int>(axis), at[axis], 1);
  return ir::reshape(g, x, {});
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

NodeId divergence(Graph& g, NodeId output, NodeId x, std::span<const NodeId> held, std::optional<Obstacle>* obstacle,
                  std::span<const NodeId> directions) {
  AM_CHECK(g[output].shape == g[x].shape, "divergence of {} by {}", g[output].shape.text(), g[x].shape.text());
  const ir::Shape shape = g[x].shape;
  NodeId sum = ir::kNone;
  const int count = directions.empty() ? shape.count() : static_cast<int>(directions.size());
  for (int i = 0; i < count; ++i) {
    const NodeId seed = directions.empty() ? one_hot(g, shape, i) : directions[i];
    const NodeId column = directional(g, output, {{&x, 1}, held}, {&seed, 1}, obstacle);
    if (column.valid()) sum = plus(g, sum, directions.empty() ? element(g, column, i) : ir::dot(g, seed, column));
  }
  return sum;
}

}  // namespace am::differentiate
