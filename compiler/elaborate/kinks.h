// Where a function jumps, or its gradient does.
#pragma once

#include <optional>

#include "compiler/ir/graph.h"

namespace am::elaborate {

struct Kink {
  ir::Op op;            // what switches there: the sign of |z|, the comparison of a maximum
  source::Span origin;  // of the operation with the kink
};

/// A kink of y, if along some line of points x the value of y jumps there (order 0) or its gradient by x does (order
/// 1), so that the next derivative, which is taken on both sides, lacks a term.
///
/// This is found by looking: y is computed on lines through random points, with random numbers for whatever does not
/// depend on x, and compared left and right of where a comparison switches. A rule about the operations on the way
/// would have to know that the kinks of max(z, 0) and |z| cancel in softplus, and that relu(z)² has none.
std::optional<Kink> jump(const ir::Graph& graph, ir::NodeId y, ir::NodeId x, int order);

}  // namespace am::elaborate
