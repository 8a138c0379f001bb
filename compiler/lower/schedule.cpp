// From nodes to steps: phases, what each section computes, and which elementwise nodes share a loop.
//
// Note [demand order]. A section's anchors are the steps that are no loops, and its results. They are taken in the order
// of the graph. Before an anchor come the loop members it needs and nothing else, so values are made late and die early;
// but an open loop takes in every member that is ready, has the same shape and uses a value that the loop has at hand, so
// that what one operand gives is computed while it is there. `recompute` puts right what is too early.
//
// Note [components]. Draws at the start, at the end and in between are independent of each other, and so is all that is
// computed of them: the tile goes through one after the other, since the values of only one of them have to be kept then.
#include <algorithm>
#include <numeric>
#include <set>

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

LoweringKind kind_of(const Node& node) { return ir::info(node.op).lower->kind; }

/// Something to be put into a section: a step, or a member of a loop that is still to be found.
struct Unit {
  Step::Kind step = Step::Kind::Loop;
  NodeId node;
  Member member{};
  int index = 0;
  Shape shape;  // loop members
  std::vector<Ref> operands;
  bool root = false;
  bool done = false;
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

/// What no input that varies reaches. Outputs are not among it: every step gives them.
void find_steady(Program& p) {
  const Graph& g = p.graph;
  p.steady.assign(g.size(), false);
  const auto varies = [&](NodeId id) {
    const auto& slots = p.options.varying;
    return g[id].op == Op::Input && std::find(slots.begin(), slots.end(), g[id].attributes.index) != slots.end();
  };
  if (p.options.varying.empty()) return;
  for (NodeId id : p.nodes) {
    const auto& operands = g[id].operands;
    p.steady[id.value] = !g[id].sampled && p.phase[id.value] == 0 && !varies(id) &&
                         p.shared_places[p.ref(id).base.value].kind != Place::Kind::Output &&
                         std::all_of(operands.begin(), operands.end(), [&](NodeId x) { return p.steady[x.value]; });
  }
}

/// Shared outputs are computed in place where nothing stands against it.
void place_outputs(Program& p) {
  p.shared_places.assign(p.graph.size(), {});
  for (size_t k = 0; k < p.outputs.size(); ++k) {
    const Ref& ref = p.ref(p.outputs[k]);
    Place& place = p.shared_places[ref.base.value];
    if (p.graph[ref.base].sampled || p.is_given(ref.base) || place.kind != Place::Kind::None) continue;
    if (is_whole(ref.view, p.graph[ref.base].shape.count()))
      place = {.kind = Place::Kind::Output, .index = static_cast<int>(k)};
  }
}

class Scheduler {
 public:
  Scheduler(Program& program, Section empty) : p_(program), g_(program.graph), section_(std::move(empty)) {}
  Section run();

 private:
  const Ref& ref(NodeId id) const { return p_.ref(id); }
  bool is_output_in_place(size_t k) const;

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
  std::vector<int> components() const;
  bool ready(const Ref& operand) const;
  void demand(int unit);
  void collect(int unit, std::set<int>& pending) const;
  void emit(int unit);
  void emit_mean_product(int unit);
  int pack(const Ref& matrix, bool columns_first, bool negative);
  void emit_loop(int first, const std::set<int>& pending);
  struct OpenLoop {
    std::vector<int> members;
    std::set<NodeId> inside;   // computed by it
    std::set<NodeId> at_hand;  // computed or read by it
  };
  bool joins(const Unit& unit, const OpenLoop& loop, bool demanded) const;
  void take(int unit, OpenLoop& loop) const;

  Program& p_;
  const Graph& g_;
  Section section_;
  std::vector<Unit> units_;
  std::map<NodeId, std::vector<int>> producers_;
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
  return !g_[id].sampled && p_.phase[id.value] == section_.phase && p_.steady[id.value] == section_.steady;
}

void Scheduler::add_units() {
  const std::vector<bool> needed = section_.tile ? needed_by_tile() : std::vector<bool>();
  for (NodeId id : p_.nodes) {
    const size_t first = units_.size();
    if (belongs(id, needed)) add_node(id);
    if (g_[id].op != Op::Mean || !section_.tile)
      for (size_t i = first; i < units_.size(); ++i) producers_[id].push_back(static_cast<int>(i));
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      if (p_.outputs[k] == id && g_[id].sampled == section_.tile && p_.phase[id.value] == section_.phase &&
          !section_.steady)
        add_output(k);
  }
}

void Scheduler::add_loop(Member member, const Shape& shape, std::vector<Ref> operands, bool root) {
  add({.node = member.node, .member = member, .shape = squeezed(shape), .operands = std::move(operands), .root = root});
}

void Scheduler::add_node(NodeId id) {
  const Node& node = g_[id];
  if (!section_.tile && p_.sums.contains(id)) return add({.step = Step::Kind::Finish, .node = id});
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

/// True if the operand is there: from an earlier section, or emitted.
bool Scheduler::ready(const Ref& operand) const {
  const auto producers = producers_.find(operand.base);
  return producers == producers_.end() ||
         std::all_of(producers->second.begin(), producers->second.end(), [&](int i) { return units_[i].done; });
}

/// The units that `unit` still waits for, and itself.
void Scheduler::collect(int unit, std::set<int>& pending) const {
  if (units_[unit].done || !pending.insert(unit).second) return;
  for (const Ref& operand : units_[unit].operands)
    if (const auto producers = producers_.find(operand.base); producers != producers_.end())
      for (int i : producers->second) collect(i, pending);
}

void Scheduler::demand(int unit) {
  if (units_[unit].done) return;
  std::set<int> pending;
  collect(unit, pending);
  while (!pending.empty()) {
    const auto next = std::find_if(pending.begin(), pending.end(), [&](int i) {
      const auto& operands = units_[i].operands;
      return std::all_of(operands.begin(), operands.end(), [&](const Ref& x) { return ready(x); });
    });
    AM_CHECK(next != pending.end(), "no unit of a section is ready");
    units_[*next].is_loop() ? emit_loop(*next, pending) : emit(*next);
    std::erase_if(pending, [&](int i) { return units_[i].done; });
  }
}

void Scheduler::emit(int unit) {
  units_[unit].done = true;
  if (units_[unit].step == Step::Kind::MeanProduct) return emit_mean_product(unit);
  section_.steps.push_back({units_[unit].step, units_[unit].node, units_[unit].index, {}, {}});
}

int Scheduler::pack(const Ref& matrix, bool columns_first, bool negative) {
  for (size_t i = 0; i < p_.packs.size(); ++i) {
    const Pack& known = p_.packs[i];
    if (known.matrix == matrix && known.columns_first == columns_first && known.negative == negative &&
        known.phase == section_.phase)
      return static_cast<int>(i);
  }
  p_.packs.push_back({matrix, columns_first, negative, section_.phase});
  const int index = static_cast<int>(p_.packs.size() - 1);
  section_.steps.push_back({Step::Kind::Pack, matrix.base, index, {}, {}});
  return index;
}

void Scheduler::emit_mean_product(int unit) {
  const NodeId id = units_[unit].node;
  MeanPlan& mean = p_.means.at(id);
  const ir::Attributes& a = g_[mean.product].attributes;
  const bool flipped = p_.sums.at(mean.into).flipped;
  const Ref& packed = units_[unit].operands[flipped ? 0 : 1];
  mean.pack = pack(packed, flipped ? !a.transpose_a : a.transpose_b, mean.negative);
  section_.steps.push_back({Step::Kind::MeanProduct, id, mean.pack, {}, {}});
}

/// True if all operands of `unit` are in memory or in a register of the loop, and if the loop has one of them at hand.
bool Scheduler::joins(const Unit& unit, const OpenLoop& loop, bool demanded) const {
  bool at_hand = demanded;
  for (const Ref& x : unit.operands) {
    at_hand |= loop.at_hand.contains(x.base);
    if (loop.inside.contains(x.base) ? !is_whole(x.view, g_[x.base].shape.count()) : !ready(x)) return false;
  }
  return at_hand;
}

void Scheduler::take(int unit, OpenLoop& loop) const {
  const Unit& u = units_[unit];
  loop.members.push_back(unit);
  for (const Ref& x : u.operands)
    if (g_[x.base].sampled == section_.tile) loop.at_hand.insert(x.base);
  if (u.member.kind != Member::Kind::Compute) return;
  loop.inside.insert(u.node);
  loop.at_hand.insert(u.node);
}

void Scheduler::emit_loop(int first, const std::set<int>& pending) {
  const Shape shape = units_[first].shape;
  OpenLoop loop;
  take(first, loop);
  for (size_t before = 0; before != loop.members.size();) {
    before = loop.members.size();
    for (int i = 0; i < static_cast<int>(units_.size()) && loop.members.size() < kMaxMembers; ++i) {
      if (units_[i].done || !units_[i].is_loop() || units_[i].shape != shape) continue;
      const bool taken = std::find(loop.members.begin(), loop.members.end(), i) != loop.members.end();
      if (!taken && joins(units_[i], loop, pending.contains(i))) take(i, loop);
    }
  }
  Step step{Step::Kind::Loop, units_[first].node, 0, shape, {}};
  for (int i : loop.members) {
    step.members.push_back(units_[i].member);
    units_[i].done = true;
  }
  section_.steps.push_back(std::move(step));
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
      if (const auto producers = producers_.find(x.base); producers != producers_.end())
        for (int j : producers->second) {
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

double product_flops(const Graph& g, NodeId id) {
  const Node& node = g[id];
  return 2.0 * node.shape.count() * g[node.operands[0]].shape[node.attributes.transpose_a ? 0 : 1];
}

void count_flops(Program& p) {
  for (const Section& section : p.sections) {
    if (!section.tile) continue;
    for (const Step& step : section.steps) {
      if (step.kind == Step::Kind::Product) p.plan.flops_contract += product_flops(p.graph, step.node);
      if (step.kind == Step::Kind::MeanProduct)
        p.plan.flops_contract += product_flops(p.graph, p.means.at(step.node).product);
      for (const Member& member : step.members)
        if (member.kind != Member::Kind::Copy) p.plan.flops_other += step.shape.count();
    }
  }
}

std::vector<NodeId> member_reads(const Program& p, const Member& member) {
  std::vector<NodeId> out;
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
    case Step::Kind::Finish: break;
    case Step::Kind::Gather:
    case Step::Kind::Product: operands(step.node); break;
    case Step::Kind::MeanProduct: operands(p.means.at(step.node).product); break;
    case Step::Kind::Panels:
    case Step::Kind::Pack: out = {step.node}; break;
    case Step::Kind::Output: out = {p.ref(step.node).base}; break;
    case Step::Kind::Loop: {
      std::set<NodeId> inside;
      for (const Member& member : step.members) {
        for (NodeId id : member_reads(p, member))
          if (!inside.contains(id)) out.push_back(id);
        if (member.kind == Member::Kind::Compute) inside.insert(member.node);
      }
    }
  }
  return out;
}

void mark_stored(Program& p) {
  p.stored.assign(p.graph.size(), false);
  for (NodeId id : p.nodes) p.stored[id.value] = p.shared_places[id.value].kind == Place::Kind::Output;
  for (const Section& section : p.sections)
    for (const Step& step : section.steps) {
      for (NodeId id : reads(p, step)) p.stored[id.value] = true;
      if (step.kind != Step::Kind::Loop && step.kind != Step::Kind::Pack && step.kind != Step::Kind::Panels) p.stored[step.node.value] = true;
      for (const Member& member : step.members)
        if (member.kind != Member::Kind::Compute) p.stored[member.node.value] = true;
    }
}

void schedule(Program& p) {
  p.nodes = ir::reachable(p.graph, p.outputs);
  p.refs = resolve(p.graph, p.nodes);
  find_phases(p);
  plan_means(p);
  place_outputs(p);
  find_steady(p);
  if (!p.options.varying.empty()) p.sections.push_back(Scheduler(p, {.steady = true}).run());
  for (int phase = 0; phase <= p.plan.phases; ++phase) {
    p.sections.push_back(Scheduler(p, {.phase = phase}).run());
    if (phase < p.plan.phases) p.sections.push_back(Scheduler(p, {.tile = true, .phase = phase}).run());
  }
  mark_stored(p);
  recompute(p);
  count_flops(p);
}

}  // namespace am::lower
