// Loops that become part of the product before them.
//
// Note [fusion]. What follows a product, bias and activation going forward, derivatives going back, reads it once,
// element by element. Done with each block as soon as it is summed, it finds its operand in the nearest cache, the
// product itself is often never stored, and the processor has the next block's sums to work on while it waits for a
// division. The kernel of products on bf16 tiles takes no loop along.
#include <algorithm>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

/// Weights times one column of samples. With several columns the loop does better by itself: it computes what they share
/// once (see note [repeated columns] in loop.cpp).
bool takes_loops(const Program& p, const Step& step) {
  return step.kind == Step::Kind::Product && !p.split_products.contains(step.node) &&
         is_weights_times_samples(p, step.node) && p.graph[step.node].shape[1] == 1;
}

bool is_read_whole(const Program& p, const Step& loop, NodeId product) {
  bool reads = false;
  for (const Member& member : loop.members) {
    if (member.kind == Member::Kind::Output) return false;
    const std::vector<NodeId>& operands = p.graph[member.node].operands;
    for (size_t k = 0; k < operands.size(); ++k) {
      if (member.kind == Member::Kind::Copy && static_cast<int>(k) != member.part) continue;
      const Ref& ref = p.ref(operands[k]);
      if (ref.base != product) continue;
      if (!is_whole(ref.view, p.graph[product].shape.count())) return false;
      reads = true;
    }
  }
  return reads;
}

}  // namespace

bool is_weights_times_samples(const Program& p, NodeId product) {
  const ir::Node& node = p.graph[product];
  if (p.graph[node.operands[0]].sampled || !p.graph[node.operands[1]].sampled) return false;
  const View& right = p.ref(node.operands[1]).view;
  return node.shape[1] == 1 || right.strides[node.attributes.transpose_b ? 0 : 1] == 1;
}

void fuse(Program& p) {
  for (Section& section : p.sections) {
    if (!section.tile) continue;
    for (size_t i = 0; i + 1 < section.steps.size(); ++i) {
      Step& product = section.steps[i];
      Step& loop = section.steps[i + 1];
      if (!takes_loops(p, product) || loop.kind != Step::Kind::Loop) continue;
      if (loop.shape != squeezed(p.graph[product.node].shape) || !is_read_whole(p, loop, product.node)) continue;
      product.members = std::move(loop.members);
      product.shape = loop.shape;
      loop.members.clear();
      ++i;
    }
    std::erase_if(section.steps, [](const Step& s) { return s.kind == Step::Kind::Loop && s.members.empty(); });
  }
  mark_stored(p);
}

}  // namespace am::lower
