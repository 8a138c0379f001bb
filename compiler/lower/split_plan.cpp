// Note [where tiles pay]. A product's time on the tiles is that of its multiplications, a third to a half of f32's, and
// that of splitting the operands which a tile of samples has made: the one with [depth][samples] beside weights, both where
// samples are summed over. So it pays where the other dimensions are large, from these sizes on (docs/split_bf16.md). The
// weights' own splitting is done once a run. A product of one column has to be larger: on the tiles it cannot take along the
// loop that follows it (fuse.cpp), and a whole step of width 64 loses a fifth by that.
#include "compiler/lower/split_plan.h"

#include <algorithm>

namespace am::lower {
namespace {

using ir::Node;

constexpr int kLeastOfOneColumn = 96, kLeastOfSeveral = 64, kLeastOverSamples = 80;

bool has_unit_stride(const View& view) { return view.strides[0] == 1 || view.strides[1] == 1; }

int depth_of(const Program& p, const Node& node) {
  return p.graph[node.operands[0]].shape[node.attributes.transpose_a ? 0 : 1];
}

bool pays(const Program& p, const Step& step) {
  const Node& node = p.graph[step.node];
  if (step.kind == Step::Kind::Product)
    return is_weights_times_samples(p, step.node) && has_unit_stride(p.ref(node.operands[0]).view) &&
           std::min(node.shape[0], depth_of(p, node)) >= (node.shape[1] == 1 ? kLeastOfOneColumn : kLeastOfSeveral);
  if (step.kind != Step::Kind::MeanProduct) return false;
  const SumPlan& sum = p.sums.at(p.means.at(step.node).into);
  return std::min(sum.rows, sum.columns) >= kLeastOverSamples;
}

}  // namespace

void choose_splits(Program& p) {
  const Options& options = p.options;
  if (!options.split_products || options.precision != Precision::F32 || !has_bf16_tiles(options.target)) return;
  for (const Section& section : p.sections)
    for (const Step& step : section.steps)
      if (section.tile && pays(p, step)) p.split_products.insert(step.node);
}

void plan_splits(Program& p) {
  p.split_offset = p.plan.tile_bytes;
  for (size_t section = 0; section < p.sections.size(); ++section) {
    if (!p.sections[section].tile) continue;
    for (const Step& step : p.sections[section].steps) {
      const bool weights = step.kind == Step::Kind::Product;
      if ((!weights && step.kind != Step::Kind::MeanProduct) || !p.split_products.contains(step.node)) continue;
      const Node& node = p.graph[step.node];
      if (weights) {
        const Ref& left = p.ref(node.operands[0]);
        p.panels_of[step.node] = number_of(p, {left, node.attributes.transpose_a, p.phase[left.base.value], true});
      }
      const TileProduct t = tile_product(p, step.node);
      const size_t bytes = t.right_bytes() + (weights ? 0 : split_bytes(t.left));
      p.plan.tile_bytes = std::max(p.plan.tile_bytes, p.split_offset + bytes);
    }
  }
}

Split split_of(const Panels& panels) {
  return {Split::Side::Left, panels.rows(), panels.depth(), panels.row_stride(), panels.depth_stride()};
}

size_t panel_elements(const Panels& panels) {
  return panels.split ? split_bytes(split_of(panels)) / sizeof(float) : size_t{1} * panels.rows() * panels.depth();
}

TileProduct tile_product(const Program& p, NodeId id) {
  const int tile = p.plan.tile;
  if (const auto mean = p.means.find(id); mean != p.means.end()) {
    const SumPlan& sum = p.sums.at(mean->second.into);
    const Node& node = p.graph[mean->second.product];
    // What is not packed; its rows are C's.
    const View& a = p.ref(node.operands[sum.flipped ? 1 : 0]).view;
    const bool transposed = sum.flipped ? !node.attributes.transpose_b : node.attributes.transpose_a;
    return {{.side = Split::Side::Left, .rows = sum.rows, .depth = tile, .row = a.strides[transposed ? 1 : 0] * tile,
             .deep = 1, .negative = mean->second.negative},
            {Split::Side::Right, sum.padded, tile},
            {sum.rows, sum.padded, tile, 3, sum.padded, true},
            true};
  }
  const Node& node = p.graph[id];
  const View& b = p.ref(node.operands[1]).view;
  const int columns = node.shape[1] * tile, depth = depth_of(p, node);
  const int64_t deep = b.strides[node.attributes.transpose_b ? 1 : 0] * tile;
  return {split_of(p.panels[p.panels_of.at(id)]),
          {Split::Side::Right, columns, depth, 1, deep},
          {node.shape[0], columns, depth, 3, columns, false}};
}

}  // namespace am::lower
