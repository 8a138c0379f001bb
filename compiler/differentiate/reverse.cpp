#include "compiler/diagnostics/diagnostics.h"
#include "compiler/differentiate/walk.h"

namespace am::differentiate {
namespace {

/// What the adjoint of a node's result gives to its operand k.
NodeId pull(Graph& g, NodeId id, int k, NodeId adjoint, std::optional<Obstacle>* obstacle) {
  const ir::Derivative& rule = ir::info(g[id].op).derivative;
  const ir::At at{g, id};
  switch (rule.kind) {
    case ir::DerivativeKind::Partials: return times(g, adjoint, rule.partial(at, k));
    case ir::DerivativeKind::Linear:
    case ir::DerivativeKind::Bilinear: return rule.transpose(at, k, adjoint);
    case ir::DerivativeKind::Zero: return ir::kNone;
    case ir::DerivativeKind::Unsupported: obstruct(g, id, obstacle); return ir::kNone;
  }
  return ir::kNone;
}

/// Adjoints are densities with respect to the mean over samples: what samples give to a shared value is their mean.
NodeId as_density(Graph& g, NodeId of, NodeId contribution) {
  const bool gathers = contribution.valid() && g[contribution].sampled && !g[of].sampled;
  return gathers ? ir::mean(g, contribution) : contribution;
}

}  // namespace

std::vector<NodeId> gradient(Graph& g, NodeId output, const Setting& setting, NodeId seed,
                             std::optional<Obstacle>* obstacle) {
  std::vector<NodeId> out(setting.by.size(), ir::kNone);
  const Way between = way(g, output, setting);
  if (between.empty()) return out;
  Origin origin(g);
  std::vector<NodeId> adjoints(between.on.size(), ir::kNone);
  adjoints.back() = as_density(g, output, seed.valid() ? seed : ir::constant(g, 1, g[output].shape));
  AM_CHECK(g[adjoints.back()].shape == g[output].shape, "seed of {}", g[output].shape.text());
  for (uint32_t i = output.value + 1; i-- > between.first;) {
    const NodeId id{i}, adjoint = adjoints[between.index(id)];
    if (!between.contains(id) || !adjoint.valid()) continue;
    origin.follow(id);
    for (size_t k = 0; k < g[id].operands.size(); ++k) {
      const NodeId x = g[id].operands[k];
      if (!between.contains(x)) continue;
      NodeId& sum = adjoints[between.index(x)];
      sum = plus(g, sum, as_density(g, x, pull(g, id, static_cast<int>(k), adjoint, obstacle)));
    }
  }
  for (size_t k = 0; k < out.size(); ++k)
    if (between.contains(setting.by[k])) out[k] = adjoints[between.index(setting.by[k])];
  return out;
}

}  // namespace am::differentiate
