#include <fmt/format.h>

#include "compiler/ir/ops.h"

namespace am::ir {
namespace {

std::string attributes_text(const Graph& g, const Node& node) {
  const Attributes& a = node.attributes;
  switch (node.op) {
    case Op::Const: return fmt::format(" {:g}", a.value);
    case Op::Input: return fmt::format(" \"{}\"", g.slots()[a.index].name);
    case Op::Table:
    case Op::Uniform:
    case Op::Weyl: return fmt::format(" #{}", a.index);
    case Op::Slice: return fmt::format(" [axis {}, {}..{}]", a.axis, a.start, a.start + node.shape[a.axis]);
    case Op::Pad: return fmt::format(" [axis {}, from {}]", a.axis, a.start);
    case Op::Concat: return fmt::format(" [axis {}]", a.axis);
    case Op::Broadcast:
    case Op::Sum: return fmt::format(" [axes {:b}]", a.axis);
    case Op::MatMul: return fmt::format("{}{}", a.transpose_a ? " [aᵀ]" : "", a.transpose_b ? " [bᵀ]" : "");
    default: return "";
  }
}

}  // namespace

std::string print(const Graph& graph, std::span<const NodeId> outputs) {
  std::string out;
  for (NodeId id : reachable(graph, outputs)) {
    const Node& node = graph[id];
    std::string operands;
    for (NodeId x : node.operands) operands += fmt::format("{}%{}", operands.empty() ? "" : ", ", x.value);
    out += fmt::format("%{} = {}{}{} : {}{}\n", id.value, info(node.op).name, attributes_text(graph, node),
                       operands.empty() ? "" : "(" + operands + ")", node.shape.text(), node.sampled ? " sampled" : "");
  }
  std::string results;
  for (NodeId id : outputs) results += fmt::format("{}%{}", results.empty() ? "" : ", ", id.value);
  return out + "give " + results + "\n";
}

}  // namespace am::ir
