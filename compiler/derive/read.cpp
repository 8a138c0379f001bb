#include "compiler/derive/read.h"

#include "compiler/derive/patterns.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"

namespace am::derive {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::Shape;

/// The place of an axis after axes of size one are gone.
int squeezed_axis(const Shape& shape, int axis) {
  int out = 0;
  for (int i = 0; i < axis; ++i) out += shape[i] != 1;
  return out;
}

/// A mask of axes after axes of size one are gone.
int squeezed_mask(const Shape& shape, int mask) {
  int out = 0;
  for (int axis = 0; axis < shape.rank; ++axis)
    if (shape[axis] != 1 && (mask >> axis & 1)) out |= 1 << squeezed_axis(shape, axis);
  return out;
}

bool is_nonlinearity(Op op) { return op == Op::Sigmoid || op == Op::Tanh || op == Op::Max || op == Op::Abs; }

class Reader {
 public:
  Reader(const Graph& graph, NodeId output, Terms& terms)
      : g_(graph), terms_(terms), uses_(graph.size()), found_(graph.size()) {
    nodes_ = ir::reachable(graph, {&output, 1});
    argument_.resize(graph.size());
    multiplied_.resize(graph.size());
    for (size_t i = nodes_.size(); i-- > 0;) note_uses(nodes_[i]);
  }

  void run() {
    for (NodeId id : nodes_) {
      found_[id.value] = term_of(id);
      if (keeps_together(id)) found_[id.value] = terms_.opaque(found_[id.value]);
    }
  }

  TermId operator[](NodeId id) const { return found_[id.value]; }

 private:
  /// A reshape stands for its users.
  void note_uses(NodeId id) {
    const bool passes = g_[id].op == Op::Reshape;
    for (NodeId x : g_[id].operands) {
      uses_[x.value] += passes ? uses_[id.value] : 1;
      if (is_nonlinearity(g_[id].op) || (passes && argument_[id.value])) argument_[x.value] = true;
      if (g_[id].op == Op::MatMul || (passes && multiplied_[id.value])) multiplied_[x.value] = true;
    }
  }

  NodeId behind_reshapes(NodeId id) const {
    while (g_[id].op == Op::Reshape) id = g_[id].operands[0];
    return id;
  }

  /// Whether sums leave this sum closed: layers before their activation, and what later layers add to.
  bool keeps_together(NodeId id) const {
    const Node& node = g_[id];
    if (node.op != Op::Add && node.op != Op::Sub) return false;
    bool product = false, parameter = false;
    for (NodeId x : node.operands) {
      const NodeId from = behind_reshapes(x);
      product |= g_[from].op == Op::MatMul || terms_[found_[x.value]].kind == Kind::Opaque;
      parameter |= g_[from].op == Op::Input && !g_[from].sampled;
    }
    if (product && ((parameter && node.shape.count() > 1) || argument_[id.value])) return true;
    return (product || multiplied_[id.value]) && uses_[id.value] > 1 && node.shape.count() > 1;
  }

  TermId at(NodeId id, int k) const { return found_[g_[id].operands[k].value]; }

  TermId quotient(NodeId id) const { return terms_.product(std::vector<Part>{{at(id, 0)}, {at(id, 1), -1}}); }

  TermId call(NodeId id) const {
    const auto function = function_of(g_[id].op);
    AM_CHECK(function.has_value(), "no formula for {}", ir::info(g_[id].op).name);
    std::vector<TermId> x;
    for (NodeId operand : g_[id].operands) x.push_back(found_[operand.value]);
    return terms_.call(*function, x);
  }

  TermId matmul(NodeId id) const {
    const ir::Attributes& a = g_[id].attributes;
    const Shape& left = g_[g_[id].operands[0]].shape;
    return terms_.matmul(at(id, 0), at(id, 1), a.transpose_a, a.transpose_b, g_[id].shape[0],
                         left[a.transpose_a ? 0 : 1], g_[id].shape[1]);
  }

  TermId slice(NodeId id) const {
    const ir::Attributes& a = g_[id].attributes;
    const Shape& in = g_[g_[id].operands[0]].shape;
    if (in[a.axis] == 1) return at(id, 0);
    return terms_.slice(at(id, 0), squeezed_axis(in, a.axis), a.start, g_[id].shape[a.axis]);
  }

  TermId concat(NodeId id) const {
    const Node& node = g_[id];
    if (node.shape[node.attributes.axis] == 1) return at(id, 0);
    std::vector<TermId> parts;
    std::vector<int> lengths;
    for (NodeId x : node.operands) {
      parts.push_back(found_[x.value]);
      lengths.push_back(g_[x].shape[node.attributes.axis]);
    }
    return terms_.concat(parts, lengths, squeezed_axis(node.shape, node.attributes.axis), squeezed(node.shape));
  }

  /// An axis of size 1 has gone, so that nothing changes its place with another.
  TermId transpose(NodeId id) const {
    const Shape& shape = g_[id].shape;
    return shape[0] == 1 || shape[1] == 1 ? at(id, 0) : terms_.transpose(at(id, 0));
  }

  /// Zeros beside the operand.
  TermId pad(NodeId id) const {
    const Node& node = g_[id];
    const int axis = node.attributes.axis, inner = g_[node.operands[0]].shape[axis];
    const int before = node.attributes.start, after = node.shape[axis] - inner - before;
    if (before == 0 && after == 0) return at(id, 0);
    std::vector<TermId> parts{at(id, 0)};
    std::vector<int> lengths{inner};
    if (before > 0) parts.insert(parts.begin(), terms_.zero()), lengths.insert(lengths.begin(), before);
    if (after > 0) parts.push_back(terms_.zero()), lengths.push_back(after);
    return terms_.concat(parts, lengths, squeezed_axis(node.shape, axis), squeezed(node.shape));
  }

  TermId term_of(NodeId id) const {
    const Node& node = g_[id];
    const Shape shape = squeezed(node.shape);
    switch (node.op) {
      case Op::Const: return terms_.scale(node.attributes.value, terms_.ones(shape));
      case Op::Table:
      case Op::Input:
      case Op::Uniform:
      case Op::Weyl: return terms_.symbol(id, shape, node.sampled);
      case Op::Variable: return at(id, 0);
      case Op::Neg: return terms_.scale(-1, at(id, 0));
      case Op::Add: return terms_.add(at(id, 0), at(id, 1));
      case Op::Sub: return terms_.sum(std::vector<Part>{{at(id, 0)}, {at(id, 1), -1}});
      case Op::Mul: return terms_.mul(at(id, 0), at(id, 1));
      case Op::Div: return quotient(id);
      case Op::Broadcast: return terms_.repeat(at(id, 0), squeezed_mask(node.shape, node.attributes.axis), shape);
      case Op::Sum: return terms_.total(at(id, 0), squeezed_mask(g_[node.operands[0]].shape, node.attributes.axis));
      case Op::Reshape: return terms_.reshape(at(id, 0), shape);
      case Op::Transpose: return transpose(id);
      case Op::Slice: return slice(id);
      case Op::Pad: return pad(id);
      case Op::Concat: return concat(id);
      case Op::MatMul: return matmul(id);
      case Op::Row: return terms_.row(at(id, 0), at(id, 1), shape);
      case Op::Mean: return terms_.mean(at(id, 0));
      default: return call(id);
    }
    return terms_.zero();
  }

  const Graph& g_;
  Terms& terms_;
  std::vector<NodeId> nodes_;
  std::vector<int> uses_;
  std::vector<bool> argument_, multiplied_;
  std::vector<TermId> found_;
};

}  // namespace

TermId read(const Graph& graph, NodeId output, Terms& terms) {
  Reader reader(graph, output, terms);
  reader.run();
  return polished(terms, reader[output]);
}

}  // namespace am::derive
