#include "compiler/simplify/simplify.h"

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"
#include "compiler/simplify/rules.h"

namespace am::simplify {
namespace {

using ir::Graph;
using ir::NodeId;

/// No node needs this many rewrites one after the other; more of them mean two rules that undo each other.
constexpr size_t kMaxRewrites = 1000;

/// Brings nodes of one graph to normal form, remembering what was done. Rules only add nodes; what they leave unused
/// is dropped in the end.
class Rewriter {
 public:
  explicit Rewriter(Graph start) : g_(std::move(start)) {}
  Graph& graph() { return g_; }

  NodeId normal(NodeId id) {
    std::vector<NodeId> trail;
    for (NodeId next = id;; id = next) {
      if (known(id).valid()) break;
      next = with_normal_operands(id);
      if (next == id) next = rewrite({g_, id});
      if (!next.valid() || next == id) {
        remember(id, id);
        break;
      }
      trail.push_back(id);
      AM_CHECK(trail.size() < kMaxRewrites, "rewriting {} does not end", ir::print(g_, {&id, 1}));
    }
    const NodeId result = known(id);
    for (NodeId passed : trail) remember(passed, result);
    return result;
  }

 private:
  NodeId known(NodeId id) const { return id.value < normal_.size() ? normal_[id.value] : ir::kNone; }

  void remember(NodeId id, NodeId result) {
    if (id.value >= normal_.size()) normal_.resize(g_.size(), ir::kNone);
    normal_[id.value] = result;
  }

  NodeId with_normal_operands(NodeId id) {
    bool changed = false;
    for (size_t k = 0; k < g_[id].operands.size(); ++k) changed |= normal(g_[id].operands[k]) != g_[id].operands[k];
    if (!changed) return id;
    std::vector<NodeId> operands = g_[id].operands;
    for (NodeId& x : operands) x = known(x);
    return g_.add(g_[id].op, std::move(operands), g_[id].attributes);
  }

  Graph g_;
  std::vector<NodeId> normal_;
};

/// Adds to `to` what `outputs` need of `from`; `place` says where a node goes whose operands are `operands` there.
template <class Place>
std::vector<NodeId> rebuild(const Graph& from, std::span<const NodeId> outputs, Graph& to, Place place) {
  std::vector<NodeId> moved(from.size(), ir::kNone);
  for (NodeId id : ir::reachable(from, outputs)) {
    std::vector<NodeId> operands;
    operands.reserve(from[id].operands.size());
    for (NodeId x : from[id].operands) operands.push_back(moved[x.value]);
    to.set_origin(from[id].origin);
    moved[id.value] = place(from[id], std::move(operands));
  }
  to.set_origin({});
  std::vector<NodeId> out;
  for (NodeId id : outputs) out.push_back(moved[id.value]);
  return out;
}

}  // namespace

Simplified simplify(const Graph& graph, std::span<const NodeId> outputs, Parts parts) {
  Rewriter rewriter(graph.like());
  Graph& work = rewriter.graph();
  const auto found = rebuild(graph, outputs, work, [&](const ir::Node& node, std::vector<NodeId> operands) {
    if (node.op == ir::Op::Variable) return operands[0];
    const NodeId id = work.add(node.op, std::move(operands), node.attributes);
    // By the node that came of it: operations on constants fold.
    const auto open = parts == Parts::Open ? ir::info(work[id].op).parts : nullptr;
    return rewriter.normal(open ? open({work, id}) : id);
  });
  Simplified out{work.like(), {}};
  out.outputs = rebuild(work, found, out.graph, [&](const ir::Node& node, std::vector<NodeId> operands) {
    return out.graph.add(node.op, std::move(operands), node.attributes);
  });
  ir::verify(out.graph, "simplify");
  return out;
}

}  // namespace am::simplify
