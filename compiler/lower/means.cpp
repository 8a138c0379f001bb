// How means are summed.
//
// Note [sums of means]. Gradients come as sums and differences of means, one for each use of a parameter. Such a tree is
// one set of sums: what is subtracted enters with the opposite sign. That saves memory, additions between groups of
// tiles, and as many passes over the result.
#include <algorithm>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

using ir::Node;
using ir::Op;

/// How often real nodes and outputs use each base.
std::vector<int> count_uses(const Program& p) {
  std::vector<int> uses(p.graph.size());
  for (NodeId id : p.nodes)
    if (p.ref(id).base == id)
      for (NodeId x : p.graph[id].operands) ++uses[p.ref(x).base.value];
  for (NodeId id : p.outputs) ++uses[p.ref(id).base.value];
  return uses;
}

/// Work for one sample of a product [rows]·[columns] over samples, columns packed: in half cycles, roughly.
double product_cost(int rows, int columns, int lanes) {
  const int vectors = (columns + lanes - 1) / lanes;
  return rows * vectors + 0.5 * columns;
}

class MeanPlanner {
 public:
  explicit MeanPlanner(Program& program) : p_(program), g_(program.graph), uses_(count_uses(program)) {}
  void run();

 private:
  /// A Mean in a tree of sums and differences.
  struct Leaf {
    NodeId mean;
    bool negative;
  };
  struct Tree {
    std::vector<Leaf> leaves;
    std::vector<NodeId> nodes;
  };
  NodeId summed_product(NodeId mean) const;
  SumPlan plan(NodeId mean) const;
  bool grow(NodeId node, bool negative, bool is_root, Tree& tree);
  bool fits(const Tree& tree) const;
  void take(NodeId root, const Tree& tree);

  Program& p_;
  const Graph& g_;
  std::vector<int> uses_;
  std::vector<bool> barren_;  // by node: no tree, whatever it would hang from
};

/// The product that a Mean can sum as it is computed, or none.
NodeId MeanPlanner::summed_product(NodeId mean) const {
  const Ref& x = p_.ref(g_[mean].operands[0]);
  const Node& node = g_[x.base];
  if (node.op != Op::MatMul || uses_[x.base.value] != 1 || !is_whole(x.view, node.shape.count())) return ir::kNone;
  const bool sampled = g_[node.operands[0]].sampled && g_[node.operands[1]].sampled;
  return sampled ? x.base : ir::kNone;
}

SumPlan MeanPlanner::plan(NodeId mean) const {
  const int lanes = p_.plan.lanes;
  SumPlan out{.phase = p_.phase[g_[mean].operands[0].value]};
  const NodeId product = summed_product(mean);
  if (!product.valid()) {
    out.rows = g_[mean].shape.count();
    out.columns = out.padded = lanes;
    return out;
  }
  const Shape& shape = g_[product].shape;
  out.product = true;
  out.flipped = product_cost(shape[1], shape[0], lanes) < product_cost(shape[0], shape[1], lanes);
  out.rows = shape[out.flipped ? 1 : 0];
  out.columns = shape[out.flipped ? 0 : 1];
  out.padded = (out.columns + lanes - 1) / lanes * lanes;
  return out;
}

/// Adds what `node` is made of to the tree; false if it is not made of Means alone.
bool MeanPlanner::grow(NodeId node, bool negative, bool is_root, Tree& tree) {
  if (g_[node].sampled || barren_[node.value] || (!is_root && uses_[node.value] != 1)) return false;
  tree.nodes.push_back(node);
  const Op op = g_[node].op;
  if (op == Op::Mean) return tree.leaves.push_back({node, negative}), true;
  // Until all of it has grown. So a long sum that fails is gone through once, not once from each of its parts.
  barren_[node.value] = true;
  if (op != Op::Add && op != Op::Sub && op != Op::Neg) return false;
  for (size_t k = 0; k < g_[node].operands.size(); ++k) {
    const Ref& x = p_.ref(g_[node].operands[k]);
    const bool flips = op == Op::Neg || (op == Op::Sub && k == 1);
    if (!is_whole(x.view, g_[node].shape.count()) || g_[x.base].shape.count() != g_[node].shape.count()) return false;
    if (!grow(x.base, negative != flips, false, tree)) return false;
  }
  barren_[node.value] = false;
  return true;
}

/// True if one set of sums serves all leaves.
bool MeanPlanner::fits(const Tree& tree) const {
  const SumPlan first = plan(tree.leaves[0].mean);
  return std::all_of(tree.leaves.begin(), tree.leaves.end(), [&](const Leaf& leaf) {
    const SumPlan other = plan(leaf.mean);
    return other.phase == first.phase && other.product == first.product && other.flipped == first.flipped &&
           other.rows == first.rows && other.columns == first.columns;
  });
}

void MeanPlanner::take(NodeId root, const Tree& tree) {
  p_.sums[root] = plan(tree.leaves[0].mean);
  for (const Leaf& leaf : tree.leaves) p_.means[leaf.mean] = {root, leaf.negative, summed_product(leaf.mean)};
  for (NodeId node : tree.nodes) p_.absorbed[node.value] = node != root;
}

void MeanPlanner::run() {
  p_.absorbed.assign(g_.size(), false);
  barren_.assign(g_.size(), false);
  for (size_t i = p_.nodes.size(); i-- > 0;) {
    const NodeId id = p_.nodes[i];
    Tree tree;
    if (p_.ref(id).base == id && !p_.absorbed[id.value] && grow(id, false, true, tree) && fits(tree)) take(id, tree);
  }
}

}  // namespace

void plan_means(Program& p) { MeanPlanner(p).run(); }

}  // namespace am::lower
