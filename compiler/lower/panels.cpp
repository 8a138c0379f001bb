// Which shared matrices are laid out anew for the products that read them.
//
// Note [panels]. A product's kernel broadcasts the elements of a block's rows, one column of the matrix after the other.
// In a matrix of a few hundred rows these lie a row apart: every step of the depth touches as many cache lines as the
// block has rows, or, transposed, one line in another page. In panels they are one stream. The copy costs as much as
// some samples of the product, so it is made only where a run has many.
#include <algorithm>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

/// Smaller matrices stay in the nearer caches, however they lie.
constexpr size_t kLeastBytes = 64 << 10;
/// The copy costs about as much as eight samples.
constexpr size_t kLeastSamples = 256;

}  // namespace

int number_of(Program& p, const Panels& panels) {
  const auto known = std::find(p.panels.begin(), p.panels.end(), panels);
  if (known != p.panels.end()) return static_cast<int>(known - p.panels.begin());
  const int index = static_cast<int>(p.panels.size());
  p.panels.push_back(panels);
  for (Section& section : p.sections)
    if (!section.tile && section.phase == panels.phase)
      section.steps.push_back({Step::Kind::Panels, panels.matrix.base, index, {}, {}});
  return index;
}

void plan_panels(Program& p) {
  if (p.options.samples < kLeastSamples || p.plan.tile % (4 * p.plan.lanes) != 0) return;
  for (Section& section : p.sections) {
    if (!section.tile) continue;
    for (const Step& step : section.steps) {
      if (step.kind != Step::Kind::Product || p.split_products.contains(step.node)) continue;
      const ir::Node& node = p.graph[step.node];
      const NodeId left = node.operands[0];
      if (p.graph[left].sampled || !p.graph[node.operands[1]].sampled) continue;
      const Panels panels{p.ref(left), node.attributes.transpose_a, p.phase[p.ref(left).base.value]};
      const size_t bytes = size_t{p.plan.element_bytes()} * panels.rows() * panels.depth();
      if (bytes >= kLeastBytes && panels.rows() >= 2 * p.plan.lanes) p.panels_of[step.node] = number_of(p, panels);
    }
  }
}

}  // namespace am::lower
