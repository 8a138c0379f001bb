// Forward mode along many directions at once: the derivatives of a node by all elements of x are one node.
//
// Note [factored Jacobians]. The Jacobian of a node u is kept as two parts, ∂ᵢu = φ ⊙ ∂ᵢw, where φ has the shape of u and
// the base ∂w has an axis for the directions more. An elementwise function of operands with the same base keeps the base:
// its derivative multiplies φ, which costs nothing for each direction. Only a product makes a new base. So a layer f(Wa)
// multiplies its Jacobian W·∂a once, by f′, however f is put together.
//
// Note [selections]. Near x, each element of a node depends on one element of x at most: in x itself, in what moves its
// elements about, and in elementwise functions of that. There the base is a selection, a matrix with at most a single
// one in a row. It is known at compile time and takes no work for each sample; a product with it is a part of the other
// factor.
#pragma once

#include <vector>

#include "compiler/differentiate/walk.h"

namespace am::differentiate {

/// The derivatives of one node along all directions. See notes [factored Jacobians] and [selections].
struct Jacobian {
  /// Of the shape of the node; kNone: all derivatives are zero.
  NodeId factor = ir::kNone;
  /// Of the shape of the node with an axis for directions at its end; kNone: a selection.
  NodeId base = ir::kNone;
  /// Of a selection, for each element of the node (row-major): one plus the number of the element of x, or 0 for none,
  /// where the factor is zero too.
  std::vector<double> selected = {};
  bool moves() const { return factor.valid(); }
};

/// What Σᵢ ∂ᵢu ⊙ ∂ᵢw is made of: factor ⊙ moment, the second being kNone where it is zero.
struct Inner {
  NodeId factor, moment;
};

/// Carries Jacobians from x on through a graph.
class Forward {
 public:
  /// Along the elements of x, or along `directions` of its shape.
  Forward(Graph& g, NodeId x, std::span<const NodeId> directions, std::optional<Obstacle>* obstacle);

  /// The Jacobian of x.
  const Jacobian& start() const { return start_; }
  /// The Jacobian of a node from those of its operands.
  Jacobian advance(NodeId id, const std::vector<Jacobian>& operands);
  /// Jacobians of two nodes of one shape, both of which move, summed over directions.
  Inner inner(const Jacobian& u, const Jacobian& w);
  /// The Jacobian as a node, with the axis of directions at its end; kNone if it is zero.
  NodeId dense(const Jacobian& j);

 private:
  Jacobian elementwise(NodeId id, const std::vector<Jacobian>& operands);
  Jacobian linear(NodeId id, const std::vector<Jacobian>& operands);
  Jacobian materialised(NodeId id, const std::vector<Jacobian>& operands);
  NodeId base(NodeId factor, const Jacobian& j);

  Graph& g_;
  int directions_;
  std::optional<Obstacle>* obstacle_;
  Jacobian start_;
};

/// The Jacobians of `operands`, given those of the nodes on the way.
std::vector<Jacobian> jacobians_of(const std::vector<NodeId>& operands, const Way& way, const std::vector<Jacobian>& all);

}  // namespace am::differentiate
