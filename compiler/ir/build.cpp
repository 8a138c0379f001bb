#include "compiler/ir/build.h"

#include "compiler/diagnostics/diagnostics.h"

namespace am::ir {

NodeId constant(Graph& g, double value, Shape shape) { return g.add(Op::Const, {}, {.value = value, .shape = shape}); }
NodeId unary(Graph& g, Op op, NodeId x) { return g.add(op, {x}); }
NodeId binary(Graph& g, Op op, NodeId x, NodeId y) { return g.add(op, {x, y}); }

NodeId add(Graph& g, NodeId x, NodeId y) { return g.add(Op::Add, {x, y}); }
NodeId sub(Graph& g, NodeId x, NodeId y) { return g.add(Op::Sub, {x, y}); }
NodeId mul(Graph& g, NodeId x, NodeId y) { return g.add(Op::Mul, {x, y}); }
NodeId div(Graph& g, NodeId x, NodeId y) { return g.add(Op::Div, {x, y}); }
NodeId neg(Graph& g, NodeId x) { return g.add(Op::Neg, {x}); }
NodeId scale(Graph& g, NodeId a, NodeId x) { return mul(g, fill(g, a, g[x].shape), x); }
NodeId scale(Graph& g, double a, NodeId x) { return mul(g, constant(g, a, g[x].shape), x); }
NodeId dot(Graph& g, NodeId x, NodeId y) { return sum_all(g, mul(g, x, y)); }

NodeId broadcast(Graph& g, NodeId x, Shape shape, int mask) {
  if (mask == 0) return x;
  if (const auto value = constant_value(g, x)) return constant(g, *value, shape);
  return g.add(Op::Broadcast, {x}, {.axis = mask, .shape = shape});
}

NodeId fill(Graph& g, NodeId scalar, Shape shape) { return broadcast(g, scalar, shape, (1 << shape.rank) - 1); }

NodeId sum(Graph& g, NodeId x, int mask) { return mask == 0 ? x : g.add(Op::Sum, {x}, {.axis = mask}); }
NodeId sum_all(Graph& g, NodeId x) { return sum(g, x, (1 << g[x].shape.rank) - 1); }

NodeId reshape(Graph& g, NodeId x, Shape shape) {
  if (g[x].shape == shape) return x;
  if (const auto value = constant_value(g, x)) return constant(g, *value, shape);
  return g.add(Op::Reshape, {x}, {.shape = shape});
}

NodeId transpose(Graph& g, NodeId x) { return g.add(Op::Transpose, {x}); }

NodeId slice(Graph& g, NodeId x, int axis, int start, int length) {
  Shape shape = g[x].shape;
  if (start == 0 && length == shape[axis]) return x;
  shape.sizes[axis] = length;
  return g.add(Op::Slice, {x}, {.axis = axis, .start = start, .shape = shape});
}

NodeId pad(Graph& g, NodeId x, int axis, int start, int size) {
  Shape shape = g[x].shape;
  if (shape[axis] == size) return x;
  shape.sizes[axis] = size;
  return g.add(Op::Pad, {x}, {.axis = axis, .start = start, .shape = shape});
}

NodeId concat(Graph& g, std::vector<NodeId> parts, int axis) {
  if (parts.size() == 1) return parts[0];
  return g.add(Op::Concat, std::move(parts), {.axis = axis});
}

NodeId matmul(Graph& g, NodeId a, NodeId b, bool transpose_a, bool transpose_b) {
  return g.add(Op::MatMul, {a, b}, {.transpose_a = transpose_a, .transpose_b = transpose_b});
}

NodeId matvec(Graph& g, NodeId a, NodeId x) {
  const NodeId column = reshape(g, x, {g[x].shape.count(), 1});
  return reshape(g, matmul(g, a, column), {g[a].shape[0]});
}

NodeId row(Graph& g, NodeId table, NodeId index) { return g.add(Op::Row, {table, index}); }
NodeId mean(Graph& g, NodeId x) { return g.add(Op::Mean, {x}); }
NodeId variable(Graph& g, NodeId x) { return g.add(Op::Variable, {x}, {.index = g.fresh()}); }

NodeId identity(Graph& g, int size) {
  std::vector<double> values(static_cast<size_t>(size) * size);
  for (int i = 0; i < size; ++i) values[static_cast<size_t>(i) * size + i] = 1;
  return size == 1 ? constant(g, 1, {1, 1}) : g.table(std::move(values), {size, size});
}

bool is_identity(const Graph& g, NodeId x) {
  if (g[x].op != Op::Table || g[x].shape.rank != 2 || g[x].shape[0] != g[x].shape[1]) return false;
  const std::vector<double>& values = g.table_values(g[x].attributes.index);
  const size_t size = g[x].shape[0];
  for (size_t e = 0; e < values.size(); ++e)
    if (values[e] != (e / size == e % size)) return false;
  return true;
}

std::optional<double> constant_value(const Graph& g, NodeId x) {
  if (g[x].op != Op::Const) return {};
  return g[x].attributes.value;
}

bool is_constant(const Graph& g, NodeId x, double value) {
  return g[x].op == Op::Const && g[x].attributes.value == value;
}

}  // namespace am::ir
