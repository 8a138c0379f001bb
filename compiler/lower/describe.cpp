// The schedule in words.
#include <fmt/format.h>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

std::string_view name(const Program& p, NodeId id) { return ir::info(p.graph[id].op).name; }

std::string member_text(const Program& p, const Member& m) {
  const std::string to = fmt::format("%{}", m.node.value);
  switch (m.kind) {
    case Member::Kind::Compute: return fmt::format("{}{} = {}", p.stored[m.node.value] ? "" : "·", to, name(p, m.node));
    case Member::Kind::Finish: return fmt::format("{}finish {}", p.stored[m.node.value] ? "" : "·", to);
    case Member::Kind::Copy: return fmt::format("{} ← part {} of {}", to, m.part, name(p, m.node));
    case Member::Kind::Sum: return fmt::format("{} += sum", to);
    case Member::Kind::MeanSum: {
      const MeanPlan& mean = p.means.at(m.node);
      return fmt::format("%{} {}= mean", mean.into.value, mean.negative ? "-" : "+");
    }
    case Member::Kind::Output: return fmt::format("output {} ← {}", m.part, to);
  }
  return {};
}

std::string loop_text(const Program& p, const Step& step) {
  std::string out = step.shape.text() + ":";
  for (const Member& m : step.members) out += (&m == step.members.data() ? " " : ", ") + member_text(p, m);
  return out;
}

std::string product_text(const Program& p, NodeId id) {
  const ir::Node& node = p.graph[id];
  const ir::Attributes& a = node.attributes;
  const auto operand = [&](int k, bool transpose) {
    const ir::Node& x = p.graph[node.operands[k]];
    return fmt::format("%{}{} {}{}", node.operands[k].value, transpose ? "ᵀ" : "", x.shape.text(),
                       x.sampled ? " sampled" : "");
  };
  return operand(0, a.transpose_a) + " · " + operand(1, a.transpose_b);
}

std::string step_text(const Program& p, const Step& s) {
  const std::string to = fmt::format("%{} {}", s.node.value, p.graph[s.node].shape.text());
  const char* split = p.split_products.contains(s.node) ? "split " : "";
  switch (s.kind) {
    case Step::Kind::Load: return "load " + to;
    case Step::Kind::Draw: return fmt::format("draw {} = {}", to, name(p, s.node));
    case Step::Kind::Gather: return fmt::format("gather {} = row", to);
    case Step::Kind::Loop: return "loop " + loop_text(p, s);
    case Step::Kind::Product:
      return fmt::format("{}product {}{} = {}{}{}", split, p.stored[s.node.value] ? "" : "·", to, product_text(p, s.node),
                         p.panels_of.contains(s.node) ? ", panels" : "",
                         s.members.empty() ? "" : "; then " + loop_text(p, s));
    case Step::Kind::Panels:
      return fmt::format("{}panels {}{}", p.panels[s.index].split ? "split " : "", to,
                         p.panels[s.index].transposed ? " transposed" : "");
    case Step::Kind::Pack: return "pack " + to;
    case Step::Kind::MeanProduct: {
      const MeanPlan& mean = p.means.at(s.node);
      return fmt::format("{}mean product %{} {}= {}{}", split, mean.into.value, mean.negative ? "-" : "+",
                         product_text(p, mean.product), p.sums.at(mean.into).flipped ? ", flipped" : "");
    }
    case Step::Kind::Finish: return fmt::format("finish {}", to);
    case Step::Kind::Combine: return fmt::format("combine {}", to);
    case Step::Kind::Output: return fmt::format("output {} ← {}", s.index, to);
  }
  return {};
}

}  // namespace

std::string describe(const Program& p) {
  std::string out = fmt::format("tile {} samples, {} lanes, {} bytes a tile, {} shared, {} partial, {} groups\n",
                                p.plan.tile, p.plan.lanes, p.plan.tile_bytes, p.plan.steady_bytes + p.plan.shared_bytes,
                                p.plan.partial_bytes, p.plan.groups);
  for (const Section& section : p.sections) {
    out += section.phase == kSteady ? "steady" : fmt::format("{} {}", section.tile ? "tile" : "shared", section.phase);
    out += section.pieces > 1 ? fmt::format(" in {} pieces\n", section.pieces) : "\n";
    for (const Step& step : section.steps) out += "  " + step_text(p, step) + "\n";
  }
  return out;
}

}  // namespace am::lower
