#include "compiler/lower/view.h"

#include <optional>

#include "compiler/ir/ops.h"

namespace am::lower {

View whole(const Shape& shape) {
  View view{shape};
  int64_t stride = 1;
  for (int axis = shape.rank; axis-- > 0; stride *= shape[axis]) view.strides[axis] = stride;
  return view;
}

namespace {

/// Row-major from its offset on.
bool is_dense(const View& view) {
  const View dense = whole(view.shape);
  for (int axis = 0; axis < view.shape.rank; ++axis)
    if (view.shape[axis] != 1 && view.strides[axis] != dense.strides[axis]) return false;
  return true;
}

std::optional<View> reshaped(const View& in, const Shape& shape) {
  View out = whole(shape);
  out.offset = in.offset;
  if (is_dense(in)) return out;
  if (squeezed(in.shape) != squeezed(shape)) return {};
  const std::vector<int64_t> strides = squeezed_strides(in);
  for (int axis = 0, k = 0; axis < shape.rank; ++axis)
    if (shape[axis] != 1) out.strides[axis] = strides[k++];
  return out;
}

View broadcast(const View& in, const Shape& shape, int mask) {
  View out{shape, in.offset};
  for (int axis = 0, k = 0; axis < shape.rank; ++axis)
    if (!(mask >> axis & 1)) out.strides[axis] = in.strides[k++];
  return out;
}

View sliced(View in, const Shape& shape, int axis, int start) {
  in.offset += start * in.strides[axis];
  in.shape = shape;
  return in;
}

View transposed(View in, const Shape& shape) {
  std::swap(in.strides[0], in.strides[1]);
  in.shape = shape;
  return in;
}

/// The view of the operand's base that `node` is, if it is one.
std::optional<View> through(const Graph& g, const ir::Node& node, const View& in) {
  const ir::Attributes& a = node.attributes;
  switch (node.op) {
    case ir::Op::Variable: return in;
    case ir::Op::Mean: return g[node.operands[0]].sampled ? std::optional<View>() : in;
    case ir::Op::Broadcast: return broadcast(in, node.shape, a.axis);
    case ir::Op::Slice: return sliced(in, node.shape, a.axis, a.start);
    case ir::Op::Transpose: return transposed(in, node.shape);
    case ir::Op::Reshape: return reshaped(in, node.shape);
    default: return {};
  }
}

}  // namespace

bool is_whole(const View& view, int count) {
  return view.offset == 0 && view.shape.count() == count && is_dense(view);
}

Shape squeezed(const Shape& shape) {
  Shape out;
  for (int axis = 0; axis < shape.rank; ++axis)
    if (shape[axis] != 1) out.sizes[out.rank++] = shape[axis];
  return out;
}

std::vector<int64_t> squeezed_strides(const View& view) {
  std::vector<int64_t> out;
  for (int axis = 0; axis < view.shape.rank; ++axis)
    if (view.shape[axis] != 1) out.push_back(view.strides[axis]);
  return out;
}

std::vector<Ref> resolve(const Graph& graph, const std::vector<NodeId>& nodes) {
  std::vector<Ref> refs(graph.size());
  for (NodeId id : nodes) {
    const ir::Node& node = graph[id];
    refs[id.value] = {id, whole(node.shape)};
    if (node.operands.empty()) continue;
    const Ref& in = refs[node.operands[0].value];
    if (const auto view = through(graph, node, in.view)) refs[id.value] = {in.base, *view};
  }
  return refs;
}

}  // namespace am::lower
