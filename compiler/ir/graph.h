// The typed tensor graph.
//
// A graph is a list of nodes; operands stand before their users. Nodes are immutable records addressed by strong ids,
// and adding a pure node that is there already gives the one that is there. See README.md for what a node means.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/shape.h"
#include "compiler/source/source.h"

namespace am::ir {

struct NodeId {
  uint32_t value = UINT32_MAX;
  bool valid() const { return value != UINT32_MAX; }
  auto operator<=>(const NodeId&) const = default;
};
inline constexpr NodeId kNone{};

enum class Op : uint8_t {
#define AM_OP(name, ...) name,
#include "compiler/ir/ops.def"
#undef AM_OP
};
inline constexpr int kOpCount = 0
#define AM_OP(name, ...) +1
#include "compiler/ir/ops.def"
#undef AM_OP
    ;

/// What an op needs beside its operands; ops.def says which fields it uses.
struct Attributes {
  double value = 0;    // Const
  uint32_t index = 0;  // Table: which table; Input: which slot; Uniform, Weyl: stream; Variable: serial number
  int axis = 0;        // Slice, Pad, Concat; Broadcast, Sum: bit mask of axes
  int start = 0;       // Slice; Pad: zeros before
  bool transpose_a = false, transpose_b = false;  // MatMul
  bool sampled = false;                           // Input: one value per sample
  Shape shape;                                    // leaves, Broadcast, Reshape, Slice, Pad: shape of the result
  bool operator==(const Attributes&) const = default;
};

struct Node {
  Op op;
  Shape shape;
  bool sampled = false;
  std::vector<NodeId> operands;
  Attributes attributes;
  /// Where in the script it comes from; not part of its identity.
  source::Span origin;
};

/// What an input is, beside its shape: how the runtime binds it.
struct Slot {
  std::string name;
  Shape shape;
  bool sampled = false;
};

class Graph {
 public:
  const Node& operator[](NodeId id) const { return nodes_[id.value]; }
  size_t size() const { return nodes_.size(); }

  /// Adds a node and infers its shape and whether it is sampled; gives the existing one if there is an equal one.
  /// Elementwise operations on constants fold. It is our bug if the shapes do not fit: callers check first.
  NodeId add(Op op, std::vector<NodeId> operands, Attributes attributes = {});

  /// A constant tensor, row-major.
  NodeId table(std::vector<double> values, Shape shape);
  const std::vector<double>& table_values(uint32_t index) const { return tables_[index]; }

  /// Declares an input slot and gives its node.
  NodeId input(std::string name, Shape shape, bool sampled);
  const std::vector<Slot>& slots() const { return slots_; }
  /// The node of a slot that exists already.
  NodeId slot(uint32_t index);

  /// Nodes added from now on carry this origin.
  void set_origin(source::Span origin) { origin_ = origin; }
  source::Span origin() const { return origin_; }

  /// A number that no other call gives: serial numbers of variables, stream numbers of draws.
  uint32_t fresh() { return serial_++; }

  /// Copies slots, tables and the serial counter, not the nodes: the start of a rewritten graph.
  Graph like() const;

 private:
  NodeId intern(Node node);
  void widen();
  std::vector<Node> nodes_;
  std::vector<Slot> slots_;
  std::vector<std::vector<double>> tables_;
  /// A hash table with linear probing: ids in places, and the hash of each node. Nodes never leave.
  std::vector<uint32_t> places_;
  std::vector<size_t> hashes_;
  source::Span origin_;
  uint32_t serial_ = 0;
};

/// Throws InternalError, naming `pass`, if a node breaks an invariant: operands before users, shapes as inferred, the
/// sampled mark as derived.
void verify(const Graph& graph, std::string_view pass);

/// Ids of the nodes that `outputs` need, in order.
std::vector<NodeId> reachable(const Graph& graph, std::span<const NodeId> outputs);

/// One line per node: `%7 = tanh(%6) : R[64] sampled`.
std::string print(const Graph& graph, std::span<const NodeId> outputs);

}  // namespace am::ir
