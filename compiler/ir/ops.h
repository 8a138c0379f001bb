// The columns of the op table. ops.def holds the rows.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "compiler/ir/build.h"
#include "compiler/ir/graph.h"
#include "compiler/ir/scalars.h"

namespace am::ir {

/// A column without a default: a row that leaves it out does not compile.
template <class T>
struct Required {
  T value;
  constexpr Required(T v) : value(v) {}
  constexpr operator const T&() const { return value; }
  constexpr const T* operator->() const { return &value; }
};

/// A node seen by a rule: the graph to build in, the node, its operands.
struct At {
  Graph& g;
  NodeId out;
  const Node& node() const { return g[out]; }
  NodeId operator[](int k) const { return g[out].operands[k]; }
  /// A constant of the shape of the result.
  NodeId like(double value) const { return constant(g, value, g[out].shape); }
};

enum class DerivativeKind {
  Partials,     // elementwise: ∂out/∂operand k, elementwise, as a node (kNone if it is zero)
  Linear,       // jointly linear in all operands: forward applies the op; `transpose` gives the adjoint of operand k.
                // Axes are counted from the front, so that one more axis at the end of all operands comes along
  Bilinear,     // linear in each operand alone; `transpose` likewise, and `stacked` and `contracted` for many operands
  Zero,         // piecewise constant or a leaf: no derivative flows
  Unsupported,  // has a derivative that we do not state; `reason` says why
};

struct Derivative {
  DerivativeKind kind;
  NodeId (*partial)(const At& at, int k) = nullptr;
  NodeId (*transpose)(const At& at, int k, NodeId adjoint) = nullptr;
  std::string_view reason = {};
  /// Bilinear: the op for each entry of an axis that operand k has at its end; so has the result.
  NodeId (*stacked)(const At& at, int k, NodeId operands) = nullptr;
  /// Bilinear: the sum over that axis of the op where both operands have it.
  NodeId (*contracted)(const At& at, NodeId left, NodeId right) = nullptr;
};

constexpr Derivative partials(NodeId (*f)(const At&, int)) { return {DerivativeKind::Partials, f}; }
constexpr Derivative linear(NodeId (*f)(const At&, int, NodeId)) { return {DerivativeKind::Linear, nullptr, f}; }
constexpr Derivative bilinear(NodeId (*f)(const At&, int, NodeId), NodeId (*stacked)(const At&, int, NodeId),
                              NodeId (*contracted)(const At&, NodeId, NodeId)) {
  return {DerivativeKind::Bilinear, nullptr, f, {}, stacked, contracted};
}
constexpr Derivative zero(std::string_view why) { return {DerivativeKind::Zero, nullptr, nullptr, why}; }
constexpr Derivative unsupported(std::string_view why) { return {DerivativeKind::Unsupported, nullptr, nullptr, why}; }

enum class LoweringKind {
  Leaf,         // a constant, a table, an input: nothing to compute
  Fill,         // made from the sample's index: draws
  Elementwise,  // `scalar` on each element
  IndexMap,     // moves elements: a view where the layout allows, else a copy
  Reduce,       // sums over axes of one sample
  Contract,     // a matrix product
  Gather,       // a row of a table, chosen by each sample
  Mean,         // sums over samples
};

struct Lowering {
  LoweringKind kind;
  Scalar (*scalar)(Scalars& s, const Scalar* x) = nullptr;
};

constexpr Lowering elementwise(Scalar (*f)(Scalars&, const Scalar*)) { return {LoweringKind::Elementwise, f}; }

/// The shape of the result, or an empty message's opposite: what is wrong with the operands.
using TypeRule = Shape (*)(const Graph& g, Op op, std::span<const NodeId> operands, const Attributes& a);

struct OpInfo {
  std::string_view name;
  Required<int> arity;  // -1: any number, at least one
  Required<TypeRule> type;
  Required<Derivative> derivative;
  Required<Lowering> lower;
  /// Where derivative checks sample the operands; {0, 0}: not an op that the table test can call on its own.
  Required<std::array<double, 2>> probe;
  /// A row with a sentence here is a function of the language, by its name; without, scripts reach it by signs or not.
  std::string_view doc = {};
  std::array<std::string_view, 3> parameters = {"x", "y", "z"};
  /// How formulas write it; empty: its name, upright.
  std::string_view latex = {};
  /// The result made of other operations, which takes the op's place once nothing is differentiated any more: a value that
  /// its derivatives need as well is then computed once.
  NodeId (*parts)(const At& at) = nullptr;
};

const OpInfo& info(Op op);

/// True if the attributes give the shape of the result.
bool states_shape(Op op);

}  // namespace am::ir
