// From nodes to steps: phases, what each section computes, and which elementwise nodes share a loop.
//
// Note [demand order]. A section's anchors are the steps that are no loops, and its results. They are taken in the order
// of the graph. Before an anchor come the loop members it needs and nothing else, so values are made late and die early;
// but an open loop takes in every member that is ready, has the same shape and uses a value that the loop has at hand, so
// that what one operand gives is computed while it is there. `recompute` puts right what is too early.
//
// Note [wide loops]. A shared loop over more than a few elements, such as an optimizer's update, is bound by memory. It
// takes in whatever uses an array that it has at hand, together with all that this needs, so that each array is gone
// through once; and nothing else, so that it goes through few at a time, and those of equal parameters are one kernel.
//
// Note [linear time]. A unit is looked at when something that it waits for has come about, never in a search through all
// of them; so the time that a section takes grows as its size does.
//
// Note [components]. Draws at the start, at the end and in between are independent of each other, and so is all that is
// computed of them: the tile goes through one after the other, since the values of only one of them have to be kept then.
#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <utility>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

using ir::LoweringKind;
using ir::Node;
using ir::Op;

/// More members would not fit into registers anyway.
constexpr size_t kMaxMembers = 64;

/// A shared loop over more elements than this is wide.
constexpr int kWide = 32;

LoweringKind kind_of(const Node& node) { return ir::info(node.op).lower->kind; }

/// Something to be put into a section: a step, or a member of a loop that is still to be found.
struct Unit {
  Step::Kind step = Step::Kind::Loop;
  NodeId node;
  Member member{};
  int index = 0;
  Shape shape;    // loop members
  int group = 0;  // loop members of one shape have one number
  std::vector<Ref> operands;
  bool root = false;
  bool produces = false;  // it is one of the units that make `node`
  bool taken = false;     // by the loop that is open
  bool done = false;
  int waits = 0;   // operands that are not there
  int demand = 0;  // the last demand that it is part of
  bool is_loop() const { return step == Step::Kind::Loop; }
};

void find_phases(Program& p) {
  const Graph& g = p.graph;
  p.phase.assign(g.size(), 0);
  p.plan.phases = 0;
  for (NodeId id : p.nodes) {
    int& phase = p.phase[id.value];
    for (NodeId x : g[id].operands) phase = std::max(phase, p.phase[x.value]);
    if (p.ref(id).base == id && g[id].op == Op::Mean) p.plan.phases = std::max(p.plan.phases, ++phase);
  }
  for (NodeId id : p.outputs)
    if (g[id].sampled) p.plan.phases = std::max(p.plan.phases, p.phase[id.value] + 1);
}

/// Shared sections have phases 0 to this one.
int last_phase(const Program& p) { return p.plan.phases + (p.options.held > 0); }

bool is_held(const Program& p, size_t output) { return output < static_cast<size_t>(p.options.held); }

/// What only outputs that are held back need waits for them, as far as no tile is behind it.
void hold_back(Program& p) {
  if (p.options.held == 0) return;
  std::vector<bool> needed(p.graph.size());
  for (size_t k = 0; k < p.outputs.size(); ++k) {
    AM_CHECK(!is_held(p, k) || !p.graph[p.outputs[k]].sampled, "output {} is held back and depends on a sample", k);
    if (!is_held(p, k)) needed[p.outputs[k].value] = true;
  }
  for (size_t i = p.nodes.size(); i-- > 0;) {
    const NodeId id = p.nodes[i];
    if (needed[id.value]) {
      needed[p.ref(id).base.value] = true;
      for (NodeId x : p.graph[id].operands) needed[x.value] = true;
    } else if (!p.graph[id].sampled && p.phase[id.value] == p.plan.phases) {
      p.phase[id.value] = last_phase(p);
    }
  }
}

/// An elementwise array that only later sections use is computed there: that saves keeping it. An optimizer's β·m, which
/// does not wait for the gradient, goes to the loop that adds the gradient. Single numbers are better there early.
void sink(Program& p) {
  const Graph& g = p.graph;
  std::vector<int> first_use(g.size(), last_phase(p) + 1);
  const auto use = [&](NodeId x, int phase) {
    int& first = first_use[p.ref(x).base.value];
    first = std::min(first, phase);
  };
  for (size_t k = 0; k < p.outputs.size(); ++k) use(p.outputs[k], is_held(p, k) ? last_phase(p) : p.phase[p.outputs[k].value]);
  for (size_t i = p.nodes.size(); i-- > 0;) {
    const NodeId id = p.nodes[i];
    if (p.ref(id).base != id) continue;
    int& phase = p.phase[id.value];
    const bool movable = !g[id].sampled && kind_of(g[id]) == LoweringKind::Elementwise && !p.sums.contains(id) &&
                         g[id].shape.count() > 1;
    if (movable && first_use[id.value] <= last_phase(p)) phase = std::max(phase, first_use[id.value]);
    for (NodeId x : g[id].operands) use(x, phase);
  }
}

/// What no input that varies reaches. Outputs are not among it: every step gives them.
void find_steady(Program& p) {
  const std::vector<int>& varying = p.options.varying;
  if (varying.empty()) return;
  const Graph& g = p.graph;
  const auto steady = [&](NodeId id) { return p.phase[id.value] == kSteady; };
  const auto varies = [&](NodeId id) {
    return g[id].op == Op::Input && std::find(varying.begin(), varying.end(), g[id].attributes.index) != varying.end();
  };
  for (NodeId id : p.nodes)
    if (!g[id].sampled && p.phase[id.value] == 0 && !varies(id) &&
        p.shared_places[p.ref(id).base.value].kind != Place::Kind::Output &&
        std::all_of(g[id].operands.begin(), g[id].operands.end(), steady))
      p.phase[id.value] = kSteady;
}

/// Shared outputs are computed in place where nothing stands against it.
void place_outputs(Program& p) {
  p.shared_places.assign(p.graph.size(), {});
  for (size_t k = 0; k < p.outputs.size(); ++k) {
    const Ref& ref = p.ref(p.outputs[k]);
    Place& place = p.shared_places[ref.base.value];
    if (p.graph[ref.base].sampled || p.is_given(ref.base) || place.kind != Place::Kind::None) continue;
    // What is held back must not be written before its time.
    if (is_held(p, k) && p.phase[ref.base.value] != last_phase(p)) continue;
    if (is_whole(ref.view, p.graph[ref.base].shape.count()))
      place = {.kind = Place::Kind::Output, .index = static_cast<int>(k)};
  }
}

class Scheduler {
 public:
  Scheduler(Program& program, bool tile, int phase) : p_(program), g_(program.graph), section_{tile, phase, {}} {}
  Section run();

 private:
  const Ref& ref(NodeId id) const { return p_.ref(id); }
  bool is_output_in_place(size_t k) const;
  /// Every step of a march gives its outputs, also those that are steady.
  int phase_of_output(size_t k) const {
    return is_held(p_, k) ? last_phase(p_) : std::max(0, p_.phase[p_.outputs[k].value]);
  }

  // What the section computes.
  std::vector<bool> needed_by_tile() const;
  bool belongs(NodeId id, const std::vector<bool>& needed) const;
  void add_units();
  void add_node(NodeId id);
  void add_mean(NodeId id);
  void add_output(size_t k);
  void add(Unit unit) { units_.push_back(std::move(unit)); }
  void add_loop(Member member, const Shape& shape, std::vector<Ref> operands, bool root = false);

  // Its order.
  struct OpenLoop {
    int group;
    Shape shape;
    bool wide;
    std::vector<int> members;
    std::set<NodeId> inside;   // computed by it
    std::set<NodeId> at_hand;  // computed or read by it
    // It takes what it can in passes over the units. Those to look at, in this pass and in the next:
    std::set<int> now, next;
    int position = -1;  // the unit that this pass has reached
    bool full() const { return members.size() >= kMaxMembers; }
  };
  std::vector<int> components() const;
  void connect();
  bool ready(const Ref& operand) const;
  bool demanded(int unit) const { return units_[unit].demand == demands_; }
  void demand(int unit);
  std::vector<int> collect(int unit);
  void emit(int unit);
  void emit_mean_product(int unit);
  int pack(const Ref& matrix, bool columns_first);
  void emit_loop(int first);
  int next_candidate(OpenLoop& loop);
  bool joins(int unit, const OpenLoop& loop, bool demanded) const;
  bool is_at_hand(NodeId base, const OpenLoop& loop) const;
  void fill(OpenLoop& loop);
  void fill_wide(OpenLoop& loop);
  bool take_with_needs(int unit, OpenLoop& loop);
  void take(int unit, OpenLoop& loop);
  void look_at(int unit, OpenLoop& loop) const;
  void look_at_ready_users(NodeId base, OpenLoop& loop) const;
  void set_ready(int unit);
  void set_done(int unit);

  /// What the units have to do with a base.
  struct Value {
    int missing = 0;                      // units that make it and are not done
    std::vector<int> producers, users;    // users once for each operand
    std::map<int, std::set<int>> ready;   // users that wait for nothing and are not done: loop members, by group
  };

  Program& p_;
  const Graph& g_;
  Section section_;
  std::vector<Unit> units_;
  std::map<NodeId, Value> values_;
  std::map<std::pair<int, std::array<int, Shape::kMaxRank>>, int> groups_;  // by shape
  int demands_ = 0;
  std::map<int, std::set<int>> ready_;        // of the present demand, like Value::ready
  std::map<NodeId, std::vector<int>> packs_;  // by what is packed
};

bool Scheduler::is_output_in_place(size_t k) const {
  const Place& place = p_.shared_places[ref(p_.outputs[k]).base.value];
  return place.kind == Place::Kind::Output && place.index == static_cast<int>(k);
}

/// Bases that the tile section's results need.
std::vector<bool> Scheduler::needed_by_tile() const {
  std::vector<bool> needed(g_.size());
  const auto need = [&](NodeId id) { needed[ref(id).base.value] = true; };
  for (const auto& [id, mean] : p_.means)
    if (p_.sums.at(mean.into).phase == section_.phase)
      for (NodeId x : mean.product.valid() ? g_[mean.product].operands : g_[id].operands) need(x);
  for (NodeId id : p_.outputs)
    if (g_[id].sampled && p_.phase[id.value] == section_.phase) need(id);
  for (size_t i = p_.nodes.size(); i-- > 0;)
    if (needed[p_.nodes[i].value])
      for (NodeId x : g_[p_.nodes[i]].operands)
        if (g_[x].sampled) need(x);
  return needed;
}

bool Scheduler::belongs(NodeId id, const std::vector<bool>& needed) const {
  if (ref(id).base != id || p_.is_given(id)) return false;
  if (g_[id].op == Op::Mean && section_.tile) return p_.sums.at(p_.means.at(id).into).phase == section_.phase;
  if (p_.absorbed[id.value]) return false;
  if (section_.tile) return g_[id].sampled && needed[id.value];
  return !g_[id].sampled && p_.phase[id.value] == section_.phase;
}

void Scheduler::add_units() {
  const std::vector<bool> needed = section_.tile ? needed_by_tile() : std::vector<bool>();
  std::map<NodeId, std::vector<size_t>> outputs;
  for (size_t k = 0; k < p_.outputs.size(); ++k) outputs[p_.outputs[k]].push_back(k);
  for (NodeId id : p_.nodes) {
    const size_t first = units_.size();
    if (belongs(id, needed)) add_node(id);
    if (g_[id].op != Op::Mean || !section_.tile)
      for (size_t i = first; i < units_.size(); ++i) units_[i].produces = true;
    const auto output = outputs.find(id);
    if (output == outputs.end() || g_[id].sampled != section_.tile) continue;
    for (size_t k : output->second)
      if (phase_of_output(k) == section_.phase) add_output(k);
  }
}

void Scheduler::add_loop(Member member, const Shape& shape, std::vector<Ref> operands, bool root) {
  const Shape squeezed_shape = squeezed(shape);
  const int group = groups_.try_emplace({squeezed_shape.rank, squeezed_shape.sizes}, groups_.size()).first->second;
  add({.node = member.node, .member = member, .shape = squeezed_shape, .group = group, .operands = std::move(operands), .root = root});
}

void Scheduler::add_node(NodeId id) {
  const Node& node = g_[id];
  if (!section_.tile && p_.sums.contains(id)) {
    if (sum_strides(p_, id)) return add_loop({Member::Kind::Finish, id}, node.shape, {});
    return add({.step = Step::Kind::Finish, .node = id});
  }
  std::vector<Ref> operands;
  for (NodeId x : node.operands) operands.push_back(ref(x));
  switch (kind_of(node)) {
    case LoweringKind::Leaf: return add({.step = Step::Kind::Load, .node = id});
    case LoweringKind::Fill: return add({.step = Step::Kind::Draw, .node = id});
    case LoweringKind::Gather: return add({.step = Step::Kind::Gather, .node = id, .operands = operands});
    case LoweringKind::Contract: return add({.step = Step::Kind::Product, .node = id, .operands = operands});
    case LoweringKind::Elementwise: return add_loop({Member::Kind::Compute, id}, node.shape, operands);
    case LoweringKind::Reduce: return add_loop({Member::Kind::Sum, id}, operands[0].view.shape, operands);
    case LoweringKind::Mean: return add_mean(id);
    case LoweringKind::IndexMap:
      for (int part = 0; part < static_cast<int>(operands.size()); ++part)
        add_loop({Member::Kind::Copy, id, part}, operands[part].view.shape, {operands[part]});
  }
}

void Scheduler::add_mean(NodeId id) {
  const MeanPlan& mean = p_.means.at(id);
  if (!mean.product.valid()) {
    const Ref& x = ref(g_[id].operands[0]);
    return add_loop({Member::Kind::MeanSum, id}, x.view.shape, {x}, true);
  }
  const std::vector<NodeId>& factors = g_[mean.product].operands;
  add({.step = Step::Kind::MeanProduct, .node = id, .operands = {ref(factors[0]), ref(factors[1])}, .root = true});
}

void Scheduler::add_output(size_t k) {
  const NodeId id = p_.outputs[k];
  const int index = static_cast<int>(k);
  if (section_.tile)
    add({.step = Step::Kind::Output, .node = id, .index = index, .operands = {ref(id)}, .root = true});
  else if (!is_output_in_place(k))
    add_loop({Member::Kind::Output, id, index}, g_[id].shape, {ref(id)}, true);
}

/// Who makes what and who waits for it.
void Scheduler::connect() {
  for (size_t i = 0; i < units_.size(); ++i)
    if (units_[i].produces) {
      Value& value = values_[units_[i].node];
      value.producers.push_back(static_cast<int>(i));
      ++value.missing;
    }
  for (size_t i = 0; i < units_.size(); ++i) {
    for (const Ref& x : units_[i].operands) {
      Value& value = values_[x.base];
      value.users.push_back(static_cast<int>(i));
      units_[i].waits += value.missing > 0;
    }
    if (units_[i].waits == 0) set_ready(static_cast<int>(i));
  }
}

/// True if the operand is there: from an earlier section, or emitted.
bool Scheduler::ready(const Ref& operand) const {
  const auto value = values_.find(operand.base);
  return value == values_.end() || value->second.missing == 0;
}

void Scheduler::set_ready(int unit) {
  const Unit& u = units_[unit];
  if (!u.is_loop()) return;
  for (const Ref& x : u.operands) values_[x.base].ready[u.group].insert(unit);
  if (demanded(unit)) ready_[u.group].insert(unit);
}

void Scheduler::set_done(int unit) {
  Unit& u = units_[unit];
  u.done = true;
  if (u.is_loop()) {
    for (const Ref& x : u.operands) values_[x.base].ready[u.group].erase(unit);
    ready_[u.group].erase(unit);
  }
  if (!u.produces) return;
  Value& value = values_[u.node];
  if (--value.missing > 0) return;
  for (int user : value.users)
    if (--units_[user].waits == 0) set_ready(user);
}

/// The units that `unit` still waits for, and itself, in order; they are those of this demand.
std::vector<int> Scheduler::collect(int unit) {
  std::vector<int> out{unit};
  units_[unit].demand = demands_;
  for (size_t k = 0; k < out.size(); ++k) {
    ++p_.looks;
    for (const Ref& operand : units_[out[k]].operands)
      for (int i : values_[operand.base].producers)
        if (!units_[i].done && !demanded(i)) {
          units_[i].demand = demands_;
          out.push_back(i);
        }
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Units stand in the order of the graph, so the first of those that are left waits for nothing.
void Scheduler::demand(int unit) {
  if (units_[unit].done) return;
  ++demands_;
  ready_.clear();
  const std::vector<int> pending = collect(unit);
  for (int i : pending)
    if (units_[i].is_loop() && units_[i].waits == 0) ready_[units_[i].group].insert(i);
  for (int i : pending) {
    if (units_[i].done) continue;
    AM_CHECK(units_[i].waits == 0, "a unit of a section stands before what it waits for");
    units_[i].is_loop() ? emit_loop(i) : emit(i);
  }
}

void Scheduler::emit(int unit) {
  set_done(unit);
  if (units_[unit].step == Step::Kind::MeanProduct) return emit_mean_product(unit);
  section_.steps.push_back({units_[unit].step, units_[unit].node, units_[unit].index, {}, {}});
}

int Scheduler::pack(const Ref& matrix, bool columns_first) {
  std::vector<int>& known = packs_[matrix.base];
  for (int i : known) {
    const Pack& other = p_.packs[i];
    if (other.matrix == matrix && other.columns_first == columns_first) return i;
  }
  p_.packs.push_back({matrix, columns_first, section_.phase});
  const int index = static_cast<int>(p_.packs.size() - 1);
  known.push_back(index);
  section_.steps.push_back({Step::Kind::Pack, matrix.base, index, {}, {}});
  return index;
}

void Scheduler::emit_mean_product(int unit) {
  const NodeId id = units_[unit].node;
  MeanPlan& mean = p_.means.at(id);
  const ir::Attributes& a = g_[mean.product].attributes;
  const bool flipped = p_.sums.at(mean.into).flipped;
  const Ref& packed = units_[unit].operands[flipped ? 0 : 1];
  mean.pack = pack(packed, flipped ? !a.transpose_a : a.transpose_b);
  section_.steps.push_back({Step::Kind::MeanProduct, id, mean.pack, {}, {}});
}

/// True if all operands of `unit` are in memory or in a register of the loop, and if the loop has one of them at hand.
bool Scheduler::joins(int unit, const OpenLoop& loop, bool demanded) const {
  bool at_hand = demanded;
  for (const Ref& x : units_[unit].operands) {
    at_hand |= loop.at_hand.contains(x.base);
    if (loop.inside.contains(x.base) ? !is_whole(x.view, g_[x.base].shape.count()) : !ready(x)) return false;
  }
  return at_hand;
}

/// True if it matters that the loop has read the value: what it reads once for all elements costs nothing.
bool Scheduler::is_at_hand(NodeId base, const OpenLoop& loop) const {
  if (!loop.wide) return g_[base].sampled == section_.tile;
  return g_[base].op != Op::Const && g_[base].shape.count() >= loop.shape.count();
}

/// Lets the loop look at the unit when a pass comes to it.
void Scheduler::look_at(int unit, OpenLoop& loop) const {
  const Unit& u = units_[unit];
  if (!u.done && !u.taken && u.is_loop() && u.group == loop.group) (unit > loop.position ? loop.now : loop.next).insert(unit);
}

/// The same for those users of a base that wait for nothing. Every one of them joins, so no more matter than the loop
/// still has room for, in the order in which the passes come to them.
void Scheduler::look_at_ready_users(NodeId base, OpenLoop& loop) const {
  const auto value = values_.find(base);
  const auto users = value->second.ready.find(loop.group);
  if (users == value->second.ready.end()) return;
  const std::set<int>& all = users->second;
  const auto reached = all.upper_bound(loop.position);
  size_t room = kMaxMembers;
  for (auto i = reached; i != all.end() && room > 0; ++i, --room) look_at(*i, loop);
  for (auto i = all.begin(); i != reached && room > 0; ++i, --room) look_at(*i, loop);
}

void Scheduler::take(int unit, OpenLoop& loop) {
  Unit& u = units_[unit];
  loop.members.push_back(unit);
  u.taken = !loop.wide;
  ready_[u.group].erase(unit);
  for (const Ref& x : u.operands)
    if (is_at_hand(x.base, loop) && loop.at_hand.insert(x.base).second && !loop.wide) look_at_ready_users(x.base, loop);
  if (!u.member.makes_value()) return;
  loop.inside.insert(u.node);
  loop.at_hand.insert(u.node);
  if (!loop.wide)
    for (int user : values_[u.node].users) look_at(user, loop);
}

/// The next unit that the loop may take, or −1. Units of the demand that wait for nothing are among them.
int Scheduler::next_candidate(OpenLoop& loop) {
  const std::set<int>& demanded = ready_[loop.group];
  for (;;) {
    const auto first = loop.now.begin(), wanted = demanded.upper_bound(loop.position);
    if (first != loop.now.end() || wanted != demanded.end()) {
      loop.position = wanted == demanded.end() || (first != loop.now.end() && *first < *wanted) ? *first : *wanted;
      loop.now.erase(loop.position);
      ++p_.looks;
      return loop.position;
    }
    if (loop.next.empty()) return -1;
    std::swap(loop.now, loop.next);
    loop.position = -1;
  }
}

void Scheduler::fill(OpenLoop& loop) {
  while (!loop.full()) {
    const int unit = next_candidate(loop);
    if (unit < 0) break;
    if (joins(unit, loop, demanded(unit))) take(unit, loop);
  }
}

/// Takes a unit and all that it waits for, if all of it can be in this loop.
bool Scheduler::take_with_needs(int unit, OpenLoop& loop) {
  std::set<int> needs{unit};
  for (std::vector<int> open{unit}; !open.empty();) {
    const int next = open.back();
    open.pop_back();
    for (const Ref& x : units_[next].operands)
      for (int i : values_[x.base].producers)
        if (!units_[i].done && needs.insert(i).second) open.push_back(i);
    ++p_.looks;
    // More than that cannot be taken, so nobody has to know all of it.
    if (needs.size() > 2 * kMaxMembers) return false;
  }
  for (int i : loop.members) needs.erase(i);
  if (loop.members.size() + needs.size() > kMaxMembers) return false;
  OpenLoop larger = loop;
  // Units come in the order of the graph, so that what is needed comes first.
  for (int i : needs) {
    if (!units_[i].is_loop() || units_[i].group != loop.group || !joins(i, larger, true)) return false;
    take(i, larger);
  }
  loop = std::move(larger);
  return true;
}

/// See note [wide loops].
void Scheduler::fill_wide(OpenLoop& loop) {
  std::set<NodeId> seen;
  for (bool grows = true; grows;) {
    grows = false;
    const std::set<NodeId> at_hand = loop.at_hand;
    for (NodeId id : at_hand) {
      if (!seen.insert(id).second) continue;
      for (int i : values_[id].users)
        if (!units_[i].done && units_[i].is_loop() &&
            std::find(loop.members.begin(), loop.members.end(), i) == loop.members.end())
          grows |= take_with_needs(i, loop);
    }
  }
  std::sort(loop.members.begin(), loop.members.end());
}

void Scheduler::emit_loop(int first) {
  const Shape shape = units_[first].shape;
  OpenLoop loop{.group = units_[first].group, .shape = shape, .wide = !section_.tile && shape.count() > kWide};
  take(first, loop);
  loop.wide ? fill_wide(loop) : fill(loop);
  Step step{Step::Kind::Loop, units_[first].node, 0, shape, {}};
  for (int i : loop.members) step.members.push_back(units_[i].member);
  section_.steps.push_back(std::move(step));
  for (int i : loop.members) set_done(i);
}

/// For each unit the first unit that it is connected with through values of the section.
std::vector<int> Scheduler::components() const {
  std::vector<int> first(units_.size());
  std::iota(first.begin(), first.end(), 0);
  const auto find = [&](int unit) {
    while (first[unit] != unit) unit = first[unit] = first[first[unit]];
    return unit;
  };
  for (int i = 0; i < static_cast<int>(units_.size()); ++i)
    for (const Ref& x : units_[i].operands)
      if (const auto value = values_.find(x.base); value != values_.end())
        for (int j : value->second.producers) {
          const int x_first = find(i), y_first = find(j);
          first[std::max(x_first, y_first)] = std::min(x_first, y_first);
        }
  for (int& unit : first) unit = find(unit);
  return first;
}

/// Results: roots, and values that nothing in the section uses. Demanding them first lets loops see all that they can
/// share. In a shared section the rest follows: a later section may want it.
Section Scheduler::run() {
  add_units();
  connect();
  std::set<NodeId> used;
  for (const Unit& unit : units_)
    for (const Ref& x : unit.operands) used.insert(x.base);
  std::vector<int> order(units_.size());
  std::iota(order.begin(), order.end(), 0);
  if (section_.tile) {
    const std::vector<int> component = components();
    std::stable_sort(order.begin(), order.end(), [&](int x, int y) { return component[x] < component[y]; });
  }
  for (int i : order)
    if (units_[i].root || !units_[i].is_loop() || (!section_.tile && !used.contains(units_[i].node))) demand(i);
  return std::move(section_);
}

std::vector<NodeId> member_reads(const Program& p, const Member& member) {
  std::vector<NodeId> out;
  if (member.kind == Member::Kind::Finish) return out;
  if (member.kind == Member::Kind::Output) return {p.ref(member.node).base};
  const std::vector<NodeId>& operands = p.graph[member.node].operands;
  if (member.kind == Member::Kind::Copy) return {p.ref(operands[member.part]).base};
  for (NodeId x : operands) out.push_back(p.ref(x).base);
  return out;
}

}  // namespace

std::vector<NodeId> reads(const Program& p, const Step& step) {
  std::vector<NodeId> out;
  const auto operands = [&](NodeId id) {
    for (NodeId x : p.graph[id].operands) out.push_back(p.ref(x).base);
  };
  switch (step.kind) {
    case Step::Kind::Load:
    case Step::Kind::Draw:
    case Step::Kind::Finish:
    case Step::Kind::Combine: break;
    case Step::Kind::Gather:
    case Step::Kind::Product: operands(step.node); break;
    case Step::Kind::MeanProduct: operands(p.means.at(step.node).product); break;
    case Step::Kind::Panels:
    case Step::Kind::Pack: out = {step.node}; break;
    case Step::Kind::Output: out = {p.ref(step.node).base}; break;
    case Step::Kind::Loop: break;
  }
  std::set<NodeId> inside;
  if (step.kind == Step::Kind::Product) inside.insert(step.node);
  for (const Member& member : step.members) {
    for (NodeId id : member_reads(p, member))
      if (!inside.contains(id)) out.push_back(id);
    if (member.makes_value()) inside.insert(member.node);
  }
  return out;
}

namespace {

/// True if a step by itself gives a value that is kept. What a product gives its own loop need not be.
bool computes_its_node(const Step& step) {
  switch (step.kind) {
    case Step::Kind::Loop:
    case Step::Kind::Pack:
    case Step::Kind::Panels: return false;
    case Step::Kind::Product: return step.members.empty();
    default: return true;
  }
}

}  // namespace

std::vector<NodeId> writes(const Step& step) {
  std::vector<NodeId> out{step.node};
  if (step.kind == Step::Kind::Loop || step.kind == Step::Kind::Panels) out.clear();
  for (const Member& member : step.members)
    if (member.kind != Member::Kind::Output && member.kind != Member::Kind::MeanSum) out.push_back(member.node);
  return out;
}

std::optional<std::vector<int64_t>> sum_strides(const Program& p, NodeId node) {
  const SumPlan& sum = p.sums.at(node);
  View sums{sum.flipped ? Shape{sum.columns, sum.rows} : Shape{sum.rows, sum.columns}, 0, {sum.padded, 1}};
  if (sum.flipped) std::swap(sums.strides[0], sums.strides[1]);
  if (!sum.product || squeezed(p.graph[node].shape) != squeezed(sums.shape)) return {};
  return squeezed_strides(sums);
}

void mark_stored(Program& p) {
  p.stored.assign(p.graph.size(), false);
  for (NodeId id : p.nodes) p.stored[id.value] = p.shared_places[id.value].kind == Place::Kind::Output;
  for (const Section& section : p.sections)
    for (const Step& step : section.steps) {
      for (NodeId id : reads(p, step)) p.stored[id.value] = true;
      if (computes_its_node(step)) p.stored[step.node.value] = true;
      for (const Member& member : step.members)
        if (!member.makes_value()) p.stored[member.node.value] = true;
    }
}

void schedule(Program& p) {
  p.nodes = ir::reachable(p.graph, p.outputs);
  p.refs = resolve(p.graph, p.nodes);
  find_phases(p);
  plan_means(p);
  hold_back(p);
  sink(p);
  place_outputs(p);
  find_steady(p);
  if (!p.options.varying.empty()) p.sections.push_back(Scheduler(p, false, kSteady).run());
  for (int phase = 0; phase <= last_phase(p); ++phase) {
    p.sections.push_back(Scheduler(p, false, phase).run());
    if (phase < p.plan.phases) p.sections.push_back(Scheduler(p, true, phase).run());
  }
  mark_stored(p);
  recompute(p);
  choose_splits(p);
  fuse(p);
  count(p);
}

}  // namespace am::lower
