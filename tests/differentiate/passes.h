// Laplacians and divergences by one pass for each element of x, which is what the ones under test are compared with.
#pragma once

#include "compiler/differentiate/differentiate.h"
#include "compiler/ir/build.h"

namespace am::ir {

/// Element `i` (row-major) of a node, as a number.
inline NodeId element(Graph& g, NodeId x, int i) {
  return reshape(g, slice(g, reshape(g, x, {g[x].shape.count()}), 0, i, 1), {});
}

inline NodeId divergence_by_passes(Graph& g, NodeId field, NodeId x) {
  NodeId sum = constant(g, 0);
  const Shape shape = g[x].shape;
  for (int i = 0; i < shape.count(); ++i) {
    std::vector<double> one(shape.count());
    one[i] = 1;
    const NodeId direction = shape.count() == 1 ? constant(g, 1, shape) : g.table(one, shape);
    const NodeId column = differentiate::directional(g, field, {{&x, 1}}, {&direction, 1});
    if (column.valid()) sum = add(g, sum, element(g, column, i));
  }
  return sum;
}

/// Forward mode over reverse mode.
inline NodeId laplacian_by_passes(Graph& g, NodeId y, NodeId x) {
  const NodeId slope = differentiate::gradient(g, y, {{&x, 1}})[0];
  return slope.valid() ? divergence_by_passes(g, slope, x) : constant(g, 0);
}

}  // namespace am::ir
