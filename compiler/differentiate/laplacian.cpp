// Note [forward Laplacian]. The Laplacian of y by x is a sum over the nodes v = f(u₁ … uₙ) between the two. By the chain
// rule each of them adds to Δy what the curvature of f makes of the Jacobians of its operands, times the rate at which y
// changes with v:
//
//   Δy = Σ_v v̄ · Σ_kl f_kl Σᵢ ∂ᵢu_k ∂ᵢu_l        v̄ = ∂y/∂v
//
// The Jacobians come from one pass downwards, the adjoints v̄ from one pass upwards, and that is the pass that the
// gradient of y takes anyway. Carrying Δv along with ∂v (Li et al., "A computational framework for neural network-based
// variational Monte Carlo with Forward Laplacian", Nature Machine Intelligence 2024) is the same sum taken in another
// order; it costs d + 2 evaluations beside that of the gradient, this one d + 1.
#include <map>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/differentiate/forward.h"
#include "compiler/differentiate/jacobian.h"
#include "compiler/ir/ops.h"

namespace am::differentiate {
namespace {

using Jacobians = std::vector<Jacobian>;

/// Second partial derivatives of one elementwise node by its operands.
///
/// Each operand that moves is replaced by an alias, so that x·x has two operands to differentiate by, and so that a
/// partial derivative written by the result (exp, tanh) is differentiated through it. `simplify` removes the aliases.
class SecondPartials {
 public:
  SecondPartials(Graph& g, NodeId id, const Jacobians& operands) : g_(g), aliases_(g[id].operands) {
    for (size_t k = 0; k < aliases_.size(); ++k)
      if (operands[k].moves()) aliases_[k] = ir::variable(g, aliases_[k]);
    twin_ = g.add(g[id].op, aliases_, g[id].attributes);
  }

  NodeId operator()(size_t k, size_t l, std::optional<Obstacle>* obstacle) {
    const NodeId partial = ir::info(g_[twin_].op).derivative->partial({g_, twin_}, static_cast<int>(k));
    return partial.valid() ? gradient(g_, partial, {{&aliases_[l], 1}}, ir::kNone, obstacle)[0] : ir::kNone;
  }

 private:
  Graph& g_;
  std::vector<NodeId> aliases_;
  NodeId twin_;
};

/// What the curvature of one node is made of: Σ factor ⊙ moment. Nodes that are functions of the same base share moments.
using Curvature = std::vector<Inner>;

Curvature of_partials(Graph& g, Forward& forward, NodeId id, const Jacobians& operands,
                      std::optional<Obstacle>* obstacle) {
  SecondPartials second(g, id, operands);
  Curvature out;
  for (size_t k = 0; k < operands.size(); ++k)
    for (size_t l = k; l < operands.size(); ++l) {
      if (!operands[k].moves() || !operands[l].moves()) continue;
      // f_kl = f_lk.
      NodeId f = second(k, l, obstacle);
      if (!f.valid()) continue;
      if (k != l) f = ir::scale(g, 2, f);
      const Inner both = forward.inner(operands[k], operands[l]);
      const NodeId factor = times(g, f, both.factor);
      if (factor.valid() && both.moment.valid()) out.push_back({factor, both.moment});
    }
  return out;
}

Curvature curvature(Graph& g, Forward& forward, NodeId id, const Jacobians& operands,
                    std::optional<Obstacle>* obstacle) {
  const ir::Derivative& rule = ir::info(g[id].op).derivative;
  switch (rule.kind) {
    case ir::DerivativeKind::Partials: return of_partials(g, forward, id, operands, obstacle);
    case ir::DerivativeKind::Bilinear: {
      if (!operands[0].moves() || !operands[1].moves()) return {};
      const NodeId moment = rule.contracted({g, id}, forward.dense(operands[0]), forward.dense(operands[1]));
      return {{ir::constant(g, 2, g[id].shape), moment}};
    }
    case ir::DerivativeKind::Linear:
    case ir::DerivativeKind::Zero:
    case ir::DerivativeKind::Unsupported: return {};
  }
  return {};
}

/// The sum of all elements of factor ⊙ moment.
NodeId total(Graph& g, const Inner& inner) {
  const NodeId product = times(g, inner.factor, inner.moment);
  return product.valid() ? ir::sum_all(g, product) : product;
}

}  // namespace

NodeId laplacian(Graph& g, NodeId output, NodeId x, std::span<const NodeId> held, std::optional<Obstacle>* obstacle,
                 std::span<const NodeId> directions) {
  const Way between = way(g, output, {{&x, 1}, held});
  if (between.empty()) return ir::kNone;
  Origin origin(g);
  Forward forward(g, x, directions, obstacle);
  Jacobians jacobians(between.on.size());
  jacobians[between.index(x)] = forward.start();
  std::vector<NodeId> curved;
  std::vector<Curvature> curvatures;
  for (uint32_t i = x.value + 1; i <= output.value; ++i) {
    const NodeId id{i};
    if (!between.contains(id)) continue;
    origin.follow(id);
    const Jacobians operands = jacobians_of(g[id].operands, between, jacobians);
    jacobians[between.index(id)] = forward.advance(id, operands);
    Curvature added = curvature(g, forward, id, operands, obstacle);
    if (added.empty()) continue;
    curved.push_back(id);
    curvatures.push_back(std::move(added));
  }
  const std::vector<NodeId> adjoints = gradient(g, output, {curved, held}, ir::kNone, obstacle);
  // Factors of one moment are summed first: moments have been made for the whole of a chain of elementwise nodes.
  std::map<NodeId, NodeId> factors;
  for (size_t k = 0; k < curved.size(); ++k)
    for (const Inner& term : curvatures[k]) {
      NodeId& sum = factors.try_emplace(term.moment, ir::kNone).first->second;
      sum = plus(g, sum, times(g, adjoints[k], term.factor));
    }
  NodeId sum = ir::kNone;
  for (const auto& [moment, factor] : factors) sum = plus(g, sum, total(g, {factor, moment}));
  return sum;
}

/// Σᵢ ∂ᵢxᵢ′·∂ᵢy, summed over elements: x is its own Jacobian's diagonal, or the directions.
NodeId divergence(Graph& g, NodeId output, NodeId x, std::span<const NodeId> held, std::optional<Obstacle>* obstacle,
                  std::span<const NodeId> directions) {
  AM_CHECK(g[output].shape == g[x].shape, "divergence of {} by {}", g[output].shape.text(), g[x].shape.text());
  const Way between = way(g, output, {{&x, 1}, held});
  if (between.empty()) return ir::kNone;
  Origin origin(g);
  Forward forward(g, x, directions, obstacle);
  Jacobians jacobians(between.on.size());
  jacobians[between.index(x)] = forward.start();
  for (uint32_t i = x.value + 1; i <= output.value; ++i) {
    const NodeId id{i};
    if (!between.contains(id)) continue;
    origin.follow(id);
    jacobians[between.index(id)] = forward.advance(id, jacobians_of(g[id].operands, between, jacobians));
  }
  const Jacobian& result = jacobians.back();
  return result.moves() ? total(g, forward.inner(forward.start(), result)) : ir::kNone;
}

}  // namespace am::differentiate
