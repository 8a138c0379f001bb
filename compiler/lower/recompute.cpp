// Note [recompute]. A sum or product of values that are in memory anyway costs less than the memory traffic of keeping it:
// the store and the loads of its readers. So a cheap value leaves its loop for those of its readers if these have to load
// no more values than there are readers.
#include <algorithm>
#include <optional>
#include <set>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

using ir::Node;
using ir::Op;

/// A deeper expression is not cheap any more.
constexpr int kMaxOperations = 8;

bool is_cheap(const Node& node) {
  switch (node.op) {
    case Op::Neg:
    case Op::Abs:
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Min:
    case Op::Max:
    case Op::Less:
    case Op::Equal:
    case Op::Select: return true;
    default: return false;
  }
}

class Recomputer {
 public:
  Recomputer(Program& program, Section& section) : p_(program), g_(program.graph), section_(section) {}
  void run();

 private:
  /// What it takes to compute a node from memory: nodes that are computed again, and the bases that are read.
  struct Expansion {
    std::set<NodeId> nodes, leaves;
  };
  void find_readers();
  std::optional<Expansion> expand(NodeId id) const;
  bool expand(NodeId id, Expansion& out) const;
  bool reads_whole(const Step& step, NodeId id) const;
  bool pays(NodeId id, const Expansion& expansion) const;
  void move(NodeId id, const Expansion& expansion);
  void remove_unused();

  Program& p_;
  const Graph& g_;
  Section& section_;
  std::map<NodeId, std::set<Step*>> readers_;  // steps that read it from memory
  std::set<NodeId> computed_;                  // by loops of this section
};

void Recomputer::find_readers() {
  readers_.clear();
  for (Step& step : section_.steps) {
    for (NodeId id : reads(p_, step)) readers_[id].insert(&step);
    for (const Member& member : step.members)
      if (member.kind == Member::Kind::Compute) computed_.insert(member.node);
  }
}

bool Recomputer::expand(NodeId id, Expansion& out) const {
  out.nodes.insert(id);
  if (!is_cheap(g_[id]) || out.nodes.size() > kMaxOperations) return false;
  for (NodeId operand : g_[id].operands) {
    const Ref& x = p_.ref(operand);
    if (!g_[x.base].sampled || out.nodes.contains(x.base)) continue;
    if (!computed_.contains(x.base) || readers_.contains(x.base)) {
      out.leaves.insert(x.base);
      continue;
    }
    if (!is_whole(x.view, g_[x.base].shape.count()) || !expand(x.base, out)) return false;
  }
  return true;
}

std::optional<Recomputer::Expansion> Recomputer::expand(NodeId id) const {
  Expansion out;
  return expand(id, out) ? std::optional(out) : std::nullopt;
}

/// True if the loop has the node's shape and reads it element by element.
bool Recomputer::reads_whole(const Step& step, NodeId id) const {
  if (step.kind != Step::Kind::Loop || step.shape != squeezed(g_[id].shape)) return false;
  for (const Member& member : step.members) {
    if (member.kind == Member::Kind::Copy && p_.ref(g_[member.node].operands[member.part]).base != id) continue;
    for (NodeId operand : g_[member.node].operands)
      if (p_.ref(operand).base == id && !is_whole(p_.ref(operand).view, g_[id].shape.count())) return false;
  }
  return true;
}

bool Recomputer::pays(NodeId id, const Expansion& expansion) const {
  size_t loads = 0;
  const auto& readers = readers_.at(id);
  for (Step* step : readers) {
    if (!reads_whole(*step, id)) return false;
    for (NodeId leaf : expansion.leaves) {
      const auto known = readers_.find(leaf);
      loads += known == readers_.end() || !known->second.contains(step);
    }
  }
  return loads <= readers.size();
}

/// Puts the node, and what it is made of, in front of its readers' members. They need nothing but memory.
void Recomputer::move(NodeId id, const Expansion& expansion) {
  for (Step* step : readers_.at(id)) {
    std::vector<Member> members;
    for (NodeId node : expansion.nodes) members.push_back({Member::Kind::Compute, node});
    for (const Member& member : step->members)
      if (member.kind != Member::Kind::Compute || !expansion.nodes.contains(member.node)) members.push_back(member);
    step->members = std::move(members);
    for (NodeId leaf : expansion.leaves) readers_[leaf].insert(step);
  }
  readers_.erase(id);
}

/// Drops members that nothing uses any more.
void Recomputer::remove_unused() {
  for (Step& step : section_.steps) {
    std::set<NodeId> used;
    for (size_t i = step.members.size(); i-- > 0;) {
      const Member member = step.members[i];
      const NodeId id = member.node;
      if (member.kind == Member::Kind::Compute && !used.contains(id) && !readers_.contains(id)) {
        step.members.erase(step.members.begin() + i);
        continue;
      }
      for (NodeId operand : g_[id].operands) used.insert(p_.ref(operand).base);
    }
  }
  std::erase_if(section_.steps, [](const Step& s) { return s.kind == Step::Kind::Loop && s.members.empty(); });
}

void Recomputer::run() {
  find_readers();
  for (NodeId id : p_.nodes) {
    if (!computed_.contains(id) || !readers_.contains(id)) continue;
    const auto expansion = expand(id);
    if (expansion && pays(id, *expansion)) move(id, *expansion);
  }
  remove_unused();
  // What only removed members have read is unused too.
  find_readers();
  remove_unused();
}

}  // namespace

void recompute(Program& p) {
  for (Section& section : p.sections)
    if (section.tile) Recomputer(p, section).run();
  mark_stored(p);
}

}  // namespace am::lower
