// Where the elements of a node lie: every node is an affine view of a node that is really computed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "compiler/ir/graph.h"

namespace am::lower {

using ir::Graph;
using ir::NodeId;
using ir::Shape;

/// Element (i₀, i₁, …) of `shape` is element offset + Σ iₖ·strideₖ of the node looked at.
struct View {
  Shape shape;
  int64_t offset = 0;
  std::array<int64_t, Shape::kMaxRank> strides{};
  bool operator==(const View&) const = default;
};

/// A node that has storage of its own, seen through a view.
struct Ref {
  NodeId base;
  View view;
  bool operator==(const Ref&) const = default;
};

/// Row-major.
View whole(const Shape& shape);
/// True if the view is of all elements of a node of `count` elements, in their order.
bool is_whole(const View& view, int count);
/// The shape without axes of size 1: what a loop nest runs over.
Shape squeezed(const Shape& shape);
/// The strides of the axes that `squeezed` keeps.
std::vector<int64_t> squeezed_strides(const View& view);

/// For each node of the graph the real node behind it. Real are all nodes but index maps that a view can express and
/// means of shared values. A `Reshape` that no view can express is real: a copy.
std::vector<Ref> resolve(const Graph& graph, const std::vector<NodeId>& nodes);

}  // namespace am::lower
