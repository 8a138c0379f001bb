// The forward Laplacian. Each node between x and the output carries, beside its value u, its derivatives ∂ᵢu by the d
// elements of x and its Laplacian Δu. For a node f(u₁ … uₙ)
//
//   ∂ᵢf = Σ_k f_k ∂ᵢu_k        Δf = Σ_k f_k Δu_k + Σ_kl f_kl Σᵢ ∂ᵢu_k ∂ᵢu_l
//
// so Δ takes the same first-order step as a tangent does, plus the curvature term of the node alone. A pass costs about
// d + 2 evaluations; the trace of a Hessian by reverse mode over reverse mode costs about 4 d.
#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/differentiate/forward.h"

namespace am::differentiate {
namespace {

/// What a node carries beside its value; kNone is zero. `tangents` is empty off the way.
struct Jet {
  std::vector<NodeId> tangents;
  NodeId laplacian = ir::kNone;
  bool moves() const {
    return std::any_of(tangents.begin(), tangents.end(), [](NodeId t) { return t.valid(); });
  }
};

using Jets = std::vector<Jet>;

/// Second partial derivatives of one elementwise node by its operands.
///
/// Each operand that moves is replaced by an alias, so that x·x has two operands to differentiate by, and so that a
/// partial derivative written by the result (exp, tanh) is differentiated through it. `simplify` removes the aliases.
class SecondPartials {
 public:
  SecondPartials(Graph& g, NodeId id, const Jets& operands) : g_(g), aliases_(g[id].operands) {
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

/// Σᵢ combine(∂ᵢu, ∂ᵢw).
template <class Combine>
NodeId contract(Graph& g, const Jet& u, const Jet& w, Combine combine) {
  NodeId sum = ir::kNone;
  for (size_t i = 0; i < std::min(u.tangents.size(), w.tangents.size()); ++i)
    if (u.tangents[i].valid() && w.tangents[i].valid()) sum = plus(g, sum, combine(u.tangents[i], w.tangents[i]));
  return sum;
}

NodeId doubled(Graph& g, NodeId x) { return x.valid() ? ir::scale(g, 2, x) : x; }

/// Σ_kl f_kl Σᵢ ∂ᵢu_k ∂ᵢu_l, using f_kl = f_lk.
NodeId curvature_of_partials(Graph& g, NodeId id, const Jets& operands, std::optional<Obstacle>* obstacle) {
  SecondPartials second(g, id, operands);
  NodeId sum = ir::kNone;
  for (size_t k = 0; k < operands.size(); ++k)
    for (size_t l = k; l < operands.size(); ++l) {
      if (!operands[k].moves() || !operands[l].moves()) continue;
      const NodeId f = second(k, l, obstacle);
      if (!f.valid()) continue;
      const auto product = [&](NodeId a, NodeId b) { return times(g, a, b); };
      const NodeId term = times(g, f, contract(g, operands[k], operands[l], product));
      sum = plus(g, sum, k == l ? term : doubled(g, term));
    }
  return sum;
}

NodeId curvature(Graph& g, NodeId id, const Jets& operands, std::optional<Obstacle>* obstacle) {
  switch (ir::info(g[id].op).derivative->kind) {
    case ir::DerivativeKind::Partials: return curvature_of_partials(g, id, operands, obstacle);
    case ir::DerivativeKind::Bilinear:
      return doubled(g, contract(g, operands[0], operands[1], [&](NodeId a, NodeId b) {
                       return g.add(g[id].op, {a, b}, g[id].attributes);
                     }));
    case ir::DerivativeKind::Linear:
    case ir::DerivativeKind::Zero:
    case ir::DerivativeKind::Unsupported: return ir::kNone;
  }
  return ir::kNone;
}

/// One node's jet from those of its operands, by `d` directions.
Jet advance(Graph& g, NodeId id, const Jets& operands, int d, std::optional<Obstacle>* obstacle) {
  Jet out;
  std::vector<NodeId> along(operands.size());
  for (int i = 0; i < d; ++i) {
    for (size_t k = 0; k < operands.size(); ++k)
      along[k] = operands[k].tangents.empty() ? ir::kNone : operands[k].tangents[i];
    out.tangents.push_back(push(g, id, along, obstacle));
  }
  for (size_t k = 0; k < operands.size(); ++k) along[k] = operands[k].laplacian;
  const NodeId carried = push(g, id, along, obstacle);
  out.laplacian = plus(g, carried, curvature(g, id, operands, obstacle));
  return out;
}

}  // namespace

NodeId laplacian(Graph& g, NodeId output, NodeId x, std::span<const NodeId> held, std::optional<Obstacle>* obstacle,
                 std::span<const NodeId> directions) {
  const Way between = way(g, output, {{&x, 1}, held});
  if (between.empty()) return ir::kNone;
  Origin origin(g);
  const ir::Shape shape = g[x].shape;
  Jets jets(between.on.size());
  std::vector<NodeId>& seeds = jets[between.index(x)].tangents;
  seeds.assign(directions.begin(), directions.end());
  for (int i = 0; directions.empty() && i < shape.count(); ++i) seeds.push_back(one_hot(g, shape, i));
  const int d = static_cast<int>(seeds.size());
  for (uint32_t i = x.value + 1; i <= output.value; ++i) {
    const NodeId id{i};
    if (!between.contains(id)) continue;
    origin.follow(id);
    Jets operands;
    for (NodeId u : g[id].operands) operands.push_back(between.contains(u) ? jets[between.index(u)] : Jet{});
    jets[between.index(id)] = advance(g, id, operands, d, obstacle);
  }
  return jets.back().laplacian;
}

}  // namespace am::differentiate
