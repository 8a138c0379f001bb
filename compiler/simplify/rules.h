// Algebra as data: the rewrites of rules.cpp, and how they see a node.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "compiler/ir/build.h"
#include "compiler/ir/graph.h"

namespace am::simplify {

/// A node as a rule reads it. Operands are in normal form already: no rule fits them.
struct View {
  ir::Graph& g;
  ir::NodeId id;
  /// Reads the two operands in the other order; for rules of commutative operations.
  bool flipped = false;

  operator ir::NodeId() const { return id; }
  bool same(const View& other) const { return id == other.id; }
  View flip() const { return {g, id, !flipped}; }
  View operator[](size_t k) const { return {g, g[id].operands[flipped ? 1 - k : k]}; }
  size_t arity() const { return g[id].operands.size(); }
  bool is(ir::Op op) const { return g[id].op == op; }
  ir::Op op() const { return g[id].op; }
  ir::Shape shape() const { return g[id].shape; }
  ir::Attributes at() const { return g[id].attributes; }
  bool sampled() const { return g[id].sampled; }
  bool shared() const { return !g[id].sampled; }
  bool constant() const { return is(ir::Op::Const); }
  bool equals(double value) const { return ir::is_constant(g, id, value); }
  /// Of a constant.
  double value() const { return g[id].attributes.value; }
};

/// One rewrite. `apply` gives the new node, or kNone where the rule does not fit. It may build nodes that other rules
/// fit; the caller brings those to normal form.
struct Rule {
  /// None: every elementwise operation.
  std::optional<ir::Op> op;
  /// The rule as mathematics, which is also its name.
  std::string_view text;
  ir::NodeId (*apply)(const View& view);
};

std::span<const Rule> rules();

/// What the first rule that fits makes of the node, or kNone.
ir::NodeId rewrite(const View& view);

}  // namespace am::simplify
