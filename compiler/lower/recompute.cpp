// Note [recompute]. A sum or product of values that are in memory anyway costs less than the memory traffic of keeping it:
// the store and the loads of its readers. So a cheap value leaves its loop for those of its readers if these have to load
// no more values than there are readers. And where several kept values are cheap to make of one that is not kept, since
// it takes a function, that one is kept in their place if that is less traffic.
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
  bool is_read_by(NodeId id, Step* step) const;
  bool pays(NodeId id, const Expansion& expansion) const;
  void move(NodeId id, const Expansion& expansion);
  std::vector<NodeId> made_of(NodeId id) const;
  void keep_instead(NodeId id);
  void remove_unused();

  Program& p_;
  const Graph& g_;
  Section& section_;
  std::map<NodeId, std::set<Step*>> readers_;  // steps that read it from memory
  std::map<NodeId, std::vector<NodeId>> users_;
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

bool Recomputer::is_read_by(NodeId id, Step* step) const {
  const auto known = readers_.find(id);
  return known != readers_.end() && known->second.contains(step);
}

bool Recomputer::pays(NodeId id, const Expansion& expansion) const {
  size_t loads = 0;
  const auto& readers = readers_.at(id);
  for (Step* step : readers) {
    if (!reads_whole(*step, id)) return false;
    for (NodeId leaf : expansion.leaves) loads += !is_read_by(leaf, step);
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

/// Cheap values of the section that are made of this one, in the order of the graph, as far as a walk of some length finds
/// them.
std::vector<NodeId> Recomputer::made_of(NodeId id) const {
  constexpr size_t kMost = 32;
  std::set<NodeId> found;
  for (std::vector<NodeId> open{id}; !open.empty() && found.size() < kMost;) {
    const auto users = users_.find(open.back());
    open.pop_back();
    if (users == users_.end()) continue;
    for (NodeId user : users->second)
      if (computed_.contains(user) && is_cheap(g_[user]) && found.insert(user).second) open.push_back(user);
  }
  return {found.begin(), found.end()};
}

/// Keeps a value that is not cheap, such as a sigmoid, rather than those that are made of it, such as its derivatives.
void Recomputer::keep_instead(NodeId id) {
  // What is stored is written to lines that have to be fetched first.
  constexpr size_t kStore = 2;
  struct Dropped {
    NodeId id;
    Expansion expansion;
    std::set<Step*> readers;
  };
  std::vector<Dropped> dropped;
  size_t traffic = 0;
  readers_[id];
  for (NodeId user : made_of(id)) {
    const auto kept = readers_.find(user);
    if (kept == readers_.end()) continue;
    const bool whole = std::all_of(kept->second.begin(), kept->second.end(),
                                   [&](Step* step) { return reads_whole(*step, user); });
    const auto expansion = whole ? expand(user) : std::nullopt;
    if (!expansion || !expansion->leaves.contains(id)) continue;
    traffic += kStore + kept->second.size();
    dropped.push_back({user, *expansion, std::move(kept->second)});
    readers_.erase(kept);
  }
  std::set<std::pair<NodeId, Step*>> loads;
  for (const Dropped& each : dropped)
    for (Step* step : each.readers)
      for (NodeId leaf : each.expansion.leaves)
        if (!is_read_by(leaf, step)) loads.emplace(leaf, step);
  const bool pays = kStore + loads.size() < traffic;
  if (!pays) readers_.erase(id);
  for (Dropped& each : dropped) readers_[each.id] = std::move(each.readers);
  if (!pays) return;
  for (const Dropped& each : dropped) move(each.id, each.expansion);
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
  for (NodeId id : p_.nodes)
    if (computed_.contains(id))
      for (NodeId operand : g_[id].operands) users_[p_.ref(operand).base].push_back(id);
  for (NodeId id : p_.nodes)
    if (computed_.contains(id) && !readers_.contains(id) && !is_cheap(g_[id])) keep_instead(id);
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
