#include "compiler/ir/interpret.h"

#include <algorithm>
#include <cmath>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"
#include "compiler/ir/random.h"

namespace am::ir {
namespace {

using Values = std::vector<double>;

/// Multi-index of element `e` of `shape`.
std::array<int, Shape::kMaxRank> unravel(const Shape& shape, int e) {
  std::array<int, Shape::kMaxRank> index{};
  for (int axis = shape.rank; axis-- > 0; e /= shape[axis]) index[axis] = e % shape[axis];
  return index;
}

int ravel(const Shape& shape, const std::array<int, Shape::kMaxRank>& index) {
  int e = 0;
  for (int axis = 0; axis < shape.rank; ++axis) e = e * shape[axis] + index[axis];
  return e;
}

struct Interpreter {
  const Graph& g;
  const Bindings& bindings;
  std::vector<Values> values;

  size_t lanes(NodeId id) const { return g[id].sampled ? bindings.samples : 1; }
  /// Element e of operand x as sample i sees it.
  double at(NodeId x, int e, size_t i) const { return values[x.value][e * lanes(x) + (g[x].sampled ? i : 0)]; }

  /// Fills the result with f(element, sample).
  template <class F>
  Values each(NodeId id, F f) const {
    const size_t n = lanes(id);
    Values out(g[id].shape.count() * n);
    for (int e = 0; e < g[id].shape.count(); ++e)
      for (size_t i = 0; i < n; ++i) out[e * n + i] = f(e, i);
    return out;
  }

  Values evaluate(NodeId id) const;
  Values index_map(NodeId id) const;
  Values matmul(NodeId id) const;
  Values sum(NodeId id) const;
  Values mean(NodeId id) const;
  Values input(NodeId id) const;
};

Values Interpreter::input(NodeId id) const {
  const Attributes& a = g[id].attributes;
  auto bound = bindings.inputs.find(a.index);
  AM_CHECK(bound != bindings.inputs.end(), "input `{}` is not bound", g.slots()[a.index].name);
  AM_CHECK(bound->second.size() == g[id].shape.count() * lanes(id), "input `{}` has {} values", g.slots()[a.index].name,
           bound->second.size());
  return bound->second;
}

/// Where element e of the result comes from: the element of the operand, or −1 for a zero.
int source_element(const Graph& g, const Node& node, int e) {
  const Attributes& a = node.attributes;
  const Shape& in = g[node.operands[0]].shape;
  auto index = unravel(node.shape, e);
  switch (node.op) {
    case Op::Broadcast: {
      std::array<int, Shape::kMaxRank> from{};
      for (int axis = 0, k = 0; axis < node.shape.rank; ++axis)
        if (!(a.axis >> axis & 1)) from[k++] = index[axis];
      return ravel(in, from);
    }
    case Op::Transpose: std::swap(index[0], index[1]); return ravel(in, index);
    case Op::Slice: index[a.axis] += a.start; return ravel(in, index);
    case Op::Pad:
      index[a.axis] -= a.start;
      return index[a.axis] < 0 || index[a.axis] >= in[a.axis] ? -1 : ravel(in, index);
    default: return e;  // Reshape, Variable
  }
}

Values Interpreter::index_map(NodeId id) const {
  const Node& node = g[id];
  if (node.op == Op::Concat)
    return each(id, [&](int e, size_t i) {
      auto index = unravel(node.shape, e);
      int& along = index[node.attributes.axis];
      size_t part = 0;
      for (; along >= g[node.operands[part]].shape[node.attributes.axis]; ++part)
        along -= g[node.operands[part]].shape[node.attributes.axis];
      return at(node.operands[part], ravel(g[node.operands[part]].shape, index), i);
    });
  return each(id, [&](int e, size_t i) {
    const int from = source_element(g, node, e);
    return from < 0 ? 0.0 : at(node.operands[0], from, i);
  });
}

Values Interpreter::sum(NodeId id) const {
  const Node& node = g[id];
  const Shape& in = g[node.operands[0]].shape;
  const size_t n = lanes(id);
  Values out(node.shape.count() * n);
  for (int e = 0; e < in.count(); ++e) {
    const auto index = unravel(in, e);
    std::array<int, Shape::kMaxRank> kept{};
    for (int axis = 0, k = 0; axis < in.rank; ++axis)
      if (!(node.attributes.axis >> axis & 1)) kept[k++] = index[axis];
    for (size_t i = 0; i < n; ++i) out[ravel(node.shape, kept) * n + i] += at(node.operands[0], e, i);
  }
  return out;
}

Values Interpreter::matmul(NodeId id) const {
  const Node& node = g[id];
  const NodeId a = node.operands[0], b = node.operands[1];
  const Shape &sa = g[a].shape, &sb = g[b].shape;
  const bool ta = node.attributes.transpose_a, tb = node.attributes.transpose_b;
  const int inner = sa[ta ? 0 : 1];
  return each(id, [&](int e, size_t i) {
    const int r = e / node.shape[1], c = e % node.shape[1];
    double total = 0;
    for (int k = 0; k < inner; ++k)
      total += at(a, ta ? k * sa[1] + r : r * sa[1] + k, i) * at(b, tb ? c * sb[1] + k : k * sb[1] + c, i);
    return total;
  });
}

Values Interpreter::mean(NodeId id) const {
  const NodeId x = g[id].operands[0];
  return each(id, [&](int e, size_t) {
    if (!g[x].sampled) return at(x, e, 0);
    double total = 0;
    for (size_t i = 0; i < bindings.samples; ++i) total += at(x, e, i);
    return total / static_cast<double>(bindings.samples);
  });
}

Values Interpreter::evaluate(NodeId id) const {
  const Node& node = g[id];
  const Attributes& a = node.attributes;
  switch (node.op) {
    case Op::Const: return Values(node.shape.count(), a.value);
    case Op::Table: return g.table_values(a.index);
    case Op::Input: return input(id);
    case Op::Uniform:
      return each(id, [&](int e, size_t i) {
        return uniform(bindings.seed, a.index, bindings.step, bindings.first_sample + i, e);
      });
    case Op::Weyl:
      return each(id, [&](int, size_t i) {
        const uint32_t sample = bindings.first_sample + static_cast<uint32_t>(i);
        return weyl(bindings.seed, a.index, bindings.step * static_cast<uint32_t>(bindings.samples) + sample);
      });
    case Op::MatMul: return matmul(id);
    case Op::Sum: return sum(id);
    case Op::Mean: return mean(id);
    case Op::Row:
      return each(id, [&](int e, size_t i) {
        const Shape& table = g[node.operands[0]].shape;
        const int r = std::clamp(static_cast<int>(at(node.operands[1], 0, i)), 0, table[0] - 1);
        return at(node.operands[0], r * table[1] + e, i);
      });
    default: break;
  }
  if (info(node.op).lower->kind == LoweringKind::IndexMap) return index_map(id);
  AM_CHECK(info(node.op).lower->kind == LoweringKind::Elementwise, "no interpretation of {}", info(node.op).name);
  return each(id, [&](int e, size_t i) {
    Scalar x[3];
    for (size_t k = 0; k < node.operands.size(); ++k) x[k].number = at(node.operands[k], e, i);
    return info(node.op).lower->scalar(doubles(), x).number;
  });
}

}  // namespace

std::vector<Values> interpret(const Graph& graph, std::span<const NodeId> outputs, const Bindings& bindings) {
  Interpreter run{graph, bindings, std::vector<Values>(graph.size())};
  for (NodeId id : reachable(graph, outputs)) run.values[id.value] = run.evaluate(id);
  std::vector<Values> out;
  for (NodeId id : outputs) out.push_back(run.values[id.value]);
  return out;
}

}  // namespace am::ir
