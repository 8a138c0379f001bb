// Short names for building graph. All of them infer the shape; operands must fit (it is our bug if they do not).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "compiler/ir/graph.h"

namespace am::ir {

NodeId constant(Graph& g, double value, Shape shape = {});
NodeId unary(Graph& g, Op op, NodeId x);
NodeId binary(Graph& g, Op op, NodeId x, NodeId y);

NodeId add(Graph& g, NodeId x, NodeId y);
NodeId sub(Graph& g, NodeId x, NodeId y);
NodeId mul(Graph& g, NodeId x, NodeId y);
NodeId div(Graph& g, NodeId x, NodeId y);
NodeId neg(Graph& g, NodeId x);
/// a·x with a scalar `a` and any `x`.
NodeId scale(Graph& g, NodeId a, NodeId x);
NodeId scale(Graph& g, double a, NodeId x);
/// Σ xᵢyᵢ over all elements: a scalar.
NodeId dot(Graph& g, NodeId x, NodeId y);

/// Repeats `x` along new axes. `mask` has a bit for each axis of `shape` that is new; the others are x's, in order.
NodeId broadcast(Graph& g, NodeId x, Shape shape, int mask);
/// A scalar repeated to `shape`.
NodeId fill(Graph& g, NodeId scalar, Shape shape);
/// Sums over the axes in `mask` and drops them.
NodeId sum(Graph& g, NodeId x, int mask);
NodeId sum_all(Graph& g, NodeId x);
NodeId reshape(Graph& g, NodeId x, Shape shape);
/// Swaps the two axes of a matrix, or the first two of what has more.
NodeId transpose(Graph& g, NodeId x);
/// `length` entries from `start` along `axis`.
NodeId slice(Graph& g, NodeId x, int axis, int start, int length);
/// Zeros before and after along `axis`, to `size` entries: the transpose of `slice`.
NodeId pad(Graph& g, NodeId x, int axis, int start, int size);
NodeId concat(Graph& g, std::vector<NodeId> parts, int axis);
/// op(a)·op(b) of two matrices, where op may transpose.
NodeId matmul(Graph& g, NodeId a, NodeId b, bool transpose_a = false, bool transpose_b = false);
/// Matrix times vector: [m, k]·[k] → [m].
NodeId matvec(Graph& g, NodeId a, NodeId x);
/// Row `index` (a scalar, truncated) of a table [n, d] → [d].
NodeId row(Graph& g, NodeId table, NodeId index);
NodeId mean(Graph& g, NodeId x);
/// An alias of `x` to differentiate by: distinct from every other node, and counted as sampled so that derivatives by
/// it are taken for each sample. `simplify` removes it.
NodeId variable(Graph& g, NodeId x);

/// The unit matrix.
NodeId identity(Graph& g, int size);
bool is_identity(const Graph& g, NodeId x);

/// The value of a constant (Const of any shape), if it is one.
std::optional<double> constant_value(const Graph& g, NodeId x);
bool is_constant(const Graph& g, NodeId x, double value);

}  // namespace am::ir
