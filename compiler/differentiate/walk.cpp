#include "compiler/differentiate/walk.h"

#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"

namespace am::differentiate {
namespace {

enum class Role : uint8_t { Free, By, Held };

/// The role of each id from `first` to `last`; a node that is both in `by` and held counts as in `by`.
std::vector<Role> roles(const Setting& setting, uint32_t first, uint32_t last) {
  std::vector<Role> role(last - first + 1, Role::Free);
  const auto mark = [&](std::span<const NodeId> ids, Role as) {
    for (NodeId id : ids)
      if (id.value >= first && id.value <= last) role[id.value - first] = as;
  };
  mark(setting.held, Role::Held);
  mark(setting.by, Role::By);
  return role;
}

bool any_operand(const Graph& g, NodeId id, const Way& way) {
  const auto& operands = g[id].operands;
  return std::any_of(operands.begin(), operands.end(), [&](NodeId x) { return way.contains(x); });
}

/// Keeps of the nodes that depend on `by` those that `output` needs.
void keep_needed(const Graph& g, NodeId output, Way& way) {
  std::vector<bool> needed(way.on.size());
  needed[way.index(output)] = true;
  for (uint32_t i = output.value + 1; i-- > way.first;) {
    const NodeId id{i};
    way.on[way.index(id)] = way.contains(id) && needed[way.index(id)];
    if (!way.contains(id)) continue;
    for (NodeId x : g[id].operands)
      if (x.value >= way.first) needed[way.index(x)] = true;
  }
}

}  // namespace

Way way(const Graph& g, NodeId output, const Setting& setting) {
  if (setting.by.empty()) return {};
  const uint32_t first = std::min_element(setting.by.begin(), setting.by.end())->value;
  if (output.value < first) return {};
  const std::vector<Role> role = roles(setting, first, output.value);
  Way out{first, std::vector<bool>(role.size())};
  for (uint32_t i = 0; i < role.size(); ++i) {
    const NodeId id{first + i};
    const bool flows = role[i] == Role::Free && ir::info(g[id].op).derivative->kind != ir::DerivativeKind::Zero;
    out.on[i] = role[i] == Role::By || (flows && any_operand(g, id, out));
  }
  if (!out.contains(output)) return {};
  keep_needed(g, output, out);
  return out;
}

NodeId plus(Graph& g, NodeId x, NodeId y) {
  if (!x.valid()) return y;
  return y.valid() ? ir::add(g, x, y) : x;
}

NodeId times(Graph& g, NodeId x, NodeId y) {
  if (!x.valid() || !y.valid() || ir::is_constant(g, x, 0) || ir::is_constant(g, y, 0)) return ir::kNone;
  if (ir::is_constant(g, x, 1)) return y;
  if (ir::is_constant(g, y, 1)) return x;
  if (ir::is_constant(g, x, -1)) return ir::neg(g, y);
  if (ir::is_constant(g, y, -1)) return ir::neg(g, x);
  return ir::mul(g, x, y);
}

void obstruct(const Graph& g, NodeId id, std::optional<Obstacle>* obstacle) {
  const ir::OpInfo& row = ir::info(g[id].op);
  AM_CHECK(obstacle != nullptr, "{} has no stated derivative: {}", row.name, row.derivative->reason);
  if (!*obstacle) *obstacle = Obstacle{id, row.derivative->reason};
}

bool depends(const Graph& g, NodeId output, NodeId x, std::span<const NodeId> held) {
  return !way(g, output, {{&x, 1}, held}).empty();
}

}  // namespace am::differentiate
