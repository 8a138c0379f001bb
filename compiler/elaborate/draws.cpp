// Draws, expectations, time integrals.
#include <algorithm>
#include <cmath>

#include "compiler/elaborate/elaborator.h"
#include "compiler/ir/ops.h"

namespace am::elaborate {

using ast::DeclarationKind;
using ast::Expr;
using ir::Op;

NodeId Elaborator::uniform(int count) {
  return g().add(Op::Uniform, {}, {.index = streams_++, .shape = count == 1 ? ir::Shape{} : ir::Shape{count}});
}

NodeId Elaborator::data_node(const std::shared_ptr<const Values>& values, ir::Shape shape, std::string name) {
  const std::string key = fmt::format("{}@{}", name, static_cast<const void*>(values.get()));
  auto [node, fresh] = building_->data_nodes.try_emplace(key, ir::kNone);
  if (fresh) {
    node->second = g().input(std::move(name), shape, false);
    building_->inputs.push_back({Role::Data, 0, values});
  }
  return node->second;
}

namespace {

constexpr int kDeepestDraw = 100;

/// Entry `k` (a scalar node) of a list of numbers.
NodeId lookup(ir::Graph& g, std::vector<double> numbers, NodeId k) {
  if (const auto constant = ir::constant_value(g, k))
    return ir::constant(g, numbers[std::clamp<size_t>(static_cast<size_t>(*constant), 0, numbers.size() - 1)]);
  const int n = static_cast<int>(numbers.size());
  return ir::reshape(g, ir::row(g, g.table(std::move(numbers), {n, 1}), k), {});
}

}  // namespace

NodeId Elaborator::reached(const std::vector<double>& thresholds, NodeId time) {
  if (const auto t = ir::constant_value(g(), time))
    return ir::constant(g(), static_cast<double>(std::upper_bound(thresholds.begin(), thresholds.end(), *t) -
                                                 thresholds.begin()));
  const size_t n = thresholds.size();
  constexpr size_t kFew = 16;
  if (n > kFew) {
    const double step = (thresholds[n - 1] - thresholds[0]) / static_cast<double>(n - 1);
    bool even = true;
    for (size_t i = 0; i < n; ++i)
      even = even && std::abs(thresholds[i] - thresholds[0] - static_cast<double>(i) * step) < 1e-9 * step;
    if (even) {
      const NodeId from = ir::sub(g(), time, ir::constant(g(), thresholds[0]));
      const NodeId k = ir::unary(g(), Op::Floor, ir::add(g(), ir::scale(g(), 1 / step, from), ir::constant(g(), 1)));
      return ir::binary(g(), Op::Max, ir::constant(g(), 0),
                        ir::binary(g(), Op::Min, ir::constant(g(), static_cast<double>(n)), k));
    }
    const NodeId all = g().table(thresholds, {static_cast<int>(n)});
    const NodeId below = ir::binary(g(), Op::Less, ir::fill(g(), time, {static_cast<int>(n)}), all);
    return ir::sub(g(), ir::constant(g(), static_cast<double>(n)), ir::sum_all(g(), below));
  }
  NodeId k = ir::constant(g(), 0);
  for (double threshold : thresholds)
    k = ir::add(g(), k, ir::sub(g(), ir::constant(g(), 1), ir::binary(g(), Op::Less, time, ir::constant(g(), threshold))));
  return k;
}

NodeId Elaborator::draw_row(const Dataset& data, NodeId group) {
  if (data.origin.samples) building_->drawn_from.push_back(data.origin);
  const data::Snapshots& s = *data.samples;
  std::vector<double> starts, counts;
  for (size_t k = 0; k < s.groups(); ++k) {
    starts.push_back(static_cast<double>(s.offsets[k]));
    counts.push_back(static_cast<double>(s.offsets[k + 1] - s.offsets[k]));
  }
  const NodeId start = lookup(g(), starts, group), count = lookup(g(), counts, group);
  const NodeId offset = ir::unary(g(), Op::Floor, ir::mul(g(), uniform(1), count));
  NodeId index = ir::add(g(), start, offset);
  const int n = static_cast<int>(s.offsets.back());
  if (data.alias_table) {
    // Row i is kept with its probability, else its alias is taken (M. D. Vose, IEEE Trans. Softw. Eng. 17, 1991).
    const NodeId table = data_node(data.alias_table, {n, 2}, s.name + ".alias");
    const NodeId entry = ir::row(g(), table, index);
    const NodeId keep = ir::binary(g(), Op::Less, uniform(1), ir::reshape(g(), ir::slice(g(), entry, 0, 0, 1), {}));
    const NodeId alias = ir::reshape(g(), ir::slice(g(), entry, 0, 1, 1), {});
    index = g().add(Op::Select, {keep, index, alias});
  }
  return ir::row(g(), data_node(data.rows, {n, s.dimension}, s.name), index);
}

Value Elaborator::snapshot_at(const std::shared_ptr<const Dataset>& data, NodeId time, Span span) {
  const data::Snapshots& s = *data->samples;
  if (!s.timed()) {
    sink_.report<Kind::WrongKindOfValue>(span, fmt::format("the data set `{}`, which has no times", s.name),
                                         "a data set with a time column");
    return poison();
  }
  if (const auto t = ir::constant_value(g(), time)) {
    if (const auto k = s.at(*t)) return {Snapshot{data, ir::constant(g(), static_cast<double>(*k))}, span};
    std::string times;
    for (double known : s.times) times += fmt::format("{}{:g}", times.empty() ? "" : ", ", known);
    sink_.report<Kind::MissingTime>(span, s.name, fmt::format("{:g}", *t)).suggestion = "its times are " + times;
    return poison();
  }
  std::vector<double> middles;
  for (size_t i = 0; i + 1 < s.times.size(); ++i) middles.push_back((s.times[i] + s.times[i + 1]) / 2);
  return {Snapshot{data, reached(middles, time)}, span};
}

/// Times that are known, and those an integral runs over, lie where the path is defined.
bool Elaborator::within(const PathAt& p, Span span) {
  Range asked;
  if (const auto t = ir::constant_value(g(), p.time))
    asked = {*t, *t};
  else if (auto over = time_ranges_.find(p.time.value); over != time_ranges_.end())
    asked = over->second;
  else
    return true;
  const auto range = path_range(*p.path);
  if (!range) return false;
  const double slack = 1e-9 * (range->to - range->from);
  for (double t : {asked.from, asked.to})
    if (t < range->from - slack || t > range->to + slack) {
      sink_.report<Kind::TimeOutOfRange>(span, fmt::format("{:g}", t), fmt::format("{:g}", range->from),
                                         fmt::format("{:g}", range->to), p.path->declaration->name);
      return false;
    }
  return true;
}

NodeId Elaborator::draw(const Value& source, Span span, NodeId* velocity) {
  if (velocity) *velocity = ir::kNone;
  if (source.poisoned()) return ir::kNone;
  if (drawing_ >= kDeepestDraw) {
    auto* p = source.get<PathAt>();
    const Instance* i = p ? p->path.get() : source.instance();
    if (i) sink_.report<Kind::CyclicDefinition>(i->declaration->name_span, i->declaration->name);
    return ir::kNone;
  }
  ++drawing_;
  const NodeId x = draw_one(source, span, velocity);
  --drawing_;
  if (x.valid() || !assumed_ || drawing_ > 0 || !source.get<PathAt>()) return x;
  if (velocity) *velocity = g().input("u", *assumed_, true);
  return g().input("x", *assumed_, true);
}

void Elaborator::remember_size(const ir::Shape& shape) {
  if (drawing_ > 0 && shape.rank < 2 && std::find(sizes_.begin(), sizes_.end(), shape.count()) == sizes_.end())
    sizes_.push_back(static_cast<int>(shape.count()));
}

NodeId Elaborator::draw_one(const Value& source, Span span, NodeId* velocity) {
  g().set_origin(span);
  if (auto* m = source.get<Maker>(); m && m->declaration->kind == DeclarationKind::Distribution)
    return draw(instantiate(*m->declaration, {}, span), span);
  if (auto d = source.dataset()) {
    if (d->samples->groups() == 1) return tidy(draw_row(*d, ir::constant(g(), 0)));
    // Any row of any snapshot: the groups lie one behind the other.
    data::Snapshots merged{.name = d->samples->name,
                           .dimension = d->samples->dimension,
                           .columns = {},
                           .rows = {},
                           .times = {},
                           .offsets = {0, d->samples->offsets.back()}};
    Dataset all = *d;
    all.samples = std::make_shared<const data::Snapshots>(std::move(merged));
    all.alias_table = d->whole_alias_table;
    return tidy(draw_row(all, ir::constant(g(), 0)));
  }
  if (auto* s = source.get<Snapshot>()) return tidy(draw_row(*s->data, s->group));
  if (auto* r = source.get<Random>()) {
    const Value v = (*r->draw)();
    return v.poisoned() ? ir::kNone : tensor(v, "a draw");
  }
  if (auto* i = source.instance(); i && i->declaration->kind == DeclarationKind::Distribution) {
    const Value v = block(i->declaration->body, scope(i->scope, true));
    return v.poisoned() ? ir::kNone : tensor(v, "a draw");
  }
  if (auto* p = source.get<PathAt>()) {
    const ast::Declaration& d = *p->path->declaration;
    if (d.variables.empty() || !within(*p, span)) return ir::kNone;  // `check` has reported the first
    ScopePtr inner = scope(p->path->scope, true);
    // The path's own time variable: what its velocity is taken by.
    const NodeId t = velocity ? ir::variable(g(), p->time) : p->time;
    inner->bind(d.variables[0].name, {Tensor{t}, span}, velocity != nullptr);
    const Value v = block(d.body, inner);
    if (v.poisoned()) return ir::kNone;
    const NodeId x = tensor(v, "a draw of a path");
    if (x.valid()) drawn_in_[x.value] = inner;
    if (x.valid() && velocity) {
      std::optional<differentiate::Obstacle> obstacle;
      const std::vector<NodeId> fixed = held(inner, t), by{t}, one{ir::constant(g(), 1)};
      *velocity = differentiate::directional(g(), x, {by, fixed}, one, &obstacle);
      if (obstacle) derived(ir::kNone, g()[x].shape, obstacle, span, d.variables[0].name);
      if (!velocity->valid()) *velocity = ir::constant(g(), 0, g()[x].shape);
    }
    return x;
  }
  auto& d = sink_.report<Kind::WrongKindOfValue>(source.origin.known() ? source.origin : span, source.describe(g()),
                                                 "a distribution, a data set, or a path at a time");
  if (source.instance() && source.instance()->declaration->kind == DeclarationKind::Path && source.origin.known())
    d.suggestion = fmt::format("say at which time: `{}(…)`", sources_.text(source.origin));
  return ir::kNone;
}

bool Elaborator::in_objective(Span span, std::string_view what) {
  if (!objective_) sink_.report<Kind::MisplacedStatement>(span, what);
  return objective_;
}

Value Elaborator::expectation(ExprId id, ScopePtr outer) {
  const Expr& e = program_[id];
  if (!in_objective(e.span, "an expectation, which only an objective may hold,")) return poison();
  const Value source = evaluate(e.operands[0], outer);
  const size_t first_estimate = estimates_.size();
  ++sample_depth_;
  ScopePtr inner = scope(outer);
  NodeId velocity;
  const size_t reports = sink_.count();
  const NodeId x = draw(source, program_[e.operands[0]].span, e.names.size() > 1 ? &velocity : nullptr);
  trace(reports, program_[e.operands[0]].span);
  if (e.names.size() > 1 && x.valid() && !source.get<PathAt>()) {
    sink_.report<Kind::WrongKindOfValue>(source.origin, source.describe(g()), "a path at a time, which has a velocity");
    velocity = ir::kNone;
  }
  inner->bind(e.names[0], x.valid() ? make(ir::variable(g(), x), e.span) : poison(), true);
  if (e.names.size() > 1)
    inner->bind(e.names[1], velocity.valid() ? make(ir::variable(g(), velocity), e.span) : poison(), true);
  const Value body = evaluate(e.operands[1], inner);
  --sample_depth_;
  if (body.poisoned()) return poison();
  const NodeId node = tensor(body, "an expectation");
  if (!node.valid() || !affine(node, first_estimate, e.span)) return poison();
  if (sample_depth_ == 0) return make(ir::mean(g(), node), e.span);
  // One sample of the inner variable for each outer one: unbiased as long as it enters linearly.
  const NodeId estimate = ir::variable(g(), node);
  estimates_.push_back({estimate});
  return make(estimate, e.span);
}

Value Elaborator::integral(ExprId id, ScopePtr outer) {
  const Expr& e = program_[id];
  const auto from = number(evaluate(e.operands[0], outer), "the start of an integral");
  const auto to = number(evaluate(e.operands[1], outer), "the end of an integral");
  if (!from || !to) return poison();
  if (*to <= *from) {
    const Span range = source::cover(program_[e.operands[0]].span, program_[e.operands[1]].span);
    sink_.report<Kind::EmptyRange>(range, fmt::format("{:g}", *from), fmt::format("{:g}", *to));
    return poison();
  }
  const Range range{.from = *from, .to = *to};
  if (e.operands[2].valid()) return quadrature(id, range, outer);
  if (!in_objective(e.span, "a time integral by sampling, which only an objective may hold,")) return poison();
  const size_t first_estimate = estimates_.size();
  ++sample_depth_;
  const TimeDraw drawn = draw_time(range, sample_depth_ == 1);
  const Value body = integrand(id, drawn.time, range, outer);
  --sample_depth_;
  if (body.poisoned()) return poison();
  const NodeId node = tensor(body, "an integral");
  if (!node.valid() || !affine(node, first_estimate, e.span)) return poison();
  watch(drawn, node);
  const NodeId value = ir::scale(g(), drawn.weight, node);
  if (sample_depth_ == 0) return make(ir::mean(g(), value), e.span);
  const NodeId estimate = ir::variable(g(), value);
  estimates_.push_back({estimate});
  return make(estimate, e.span);
}

Value Elaborator::integrand(ExprId id, NodeId time, const Range& range, ScopePtr outer) {
  const Expr& e = program_[id];
  ScopePtr inner = scope(outer);
  const NodeId variable = ir::variable(g(), time);
  time_ranges_[variable.value] = range;
  inner->bind(e.names[0], make(variable, e.span), true);
  return evaluate(e.operands[3], inner);
}

/// A rule is a function of the integrand and its range: stdlib/quadrature.am.
Value Elaborator::quadrature(ExprId id, const Range& range, ScopePtr outer) {
  const Expr& e = program_[id];
  const Span span = program_[e.operands[2]].span;
  const Value rule = evaluate(e.operands[2], outer);
  if (rule.poisoned()) return poison();
  if (!rule.get<Closure>()) {
    sink_.report<Kind::WrongKindOfValue>(span, rule.describe(g()), "a quadrature rule").suggestion =
        "`gauss(8)`, `simpson(10)`, or a function fn(f, a, b) that gives the integral of f";
    return poison();
  }
  bool rates = false;
  const size_t first = differentiated_.size();
  auto f = [&](const std::vector<Value>& at) -> Value {
    const NodeId t = scalar(at[0], "a node of a quadrature rule");
    if (!t.valid()) return poison();
    const auto known = ir::constant_value(g(), t);
    const Value v = integrand(id, t, known ? Range{.from = *known, .to = *known} : range, outer);
    for (size_t i = first; i < differentiated_.size(); ++i) {
      NodeId by = differentiated_[i];
      while (g()[by].op == Op::Variable && by != t) by = g()[by].operands[0];
      rates = rates || by == t;
    }
    return v;
  };
  const Native native{"the integrand", {e.names[0]},
                      std::make_shared<const std::function<Value(const std::vector<Value>&)>>(f)};
  const Value v = apply(rule, {{native, e.span}, constant(range.from), constant(range.to)}, span);
  if (objective_ && sample_depth_ == 0 && rates && !warned_.count(id.value)) {
    warned_.insert(id.value);
    sink_.report<Kind::FixedTimeGrid>(span, e.names[0]).suggestion =
        fmt::format("leave out `by {}`: times are then drawn anew in every step", text(e.operands[2]));
  }
  return v;
}

bool Elaborator::drawn(NodeId node) const {
  std::vector<NodeId> stack{node};
  std::vector<bool> seen(building_->graph.size());
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (seen[id.value]) continue;
    seen[id.value] = true;
    const ir::Node& n = building_->graph[id];
    if (n.op == Op::Uniform || n.op == Op::Weyl || (n.op == Op::Input && n.sampled)) return true;
    if (n.op != Op::Mean) stack.insert(stack.end(), n.operands.begin(), n.operands.end());
  }
  return false;
}

/// An estimate from one sample may be added to and scaled, nothing else: E[f²] is not (E[f])².
bool Elaborator::affine(NodeId body, size_t first_estimate, Span span) {
  if (first_estimate == estimates_.size()) return true;
  std::vector<bool> touched(g().size()), by_probes(g().size());
  for (const Estimate& e : std::span(estimates_).subspan(first_estimate)) {
    touched[e.node.value] = true;
    by_probes[e.node.value] = e.by_probes;
  }
  bool fine = true;
  const std::vector<NodeId> outputs{body};
  for (NodeId id : ir::reachable(g(), outputs)) {
    const ir::Node& node = g()[id];
    if (touched[id.value]) continue;
    size_t operands = 0;
    bool first = false, probed = false;
    for (size_t k = 0; k < node.operands.size(); ++k)
      if (touched[node.operands[k].value]) {
        ++operands;
        first = first || k == 0;
        probed = probed || by_probes[node.operands[k].value];
      }
    if (operands == 0) continue;
    touched[id.value] = true;
    by_probes[id.value] = probed;
    const ir::DerivativeKind kind = ir::info(node.op).derivative->kind;
    const bool linear =
        node.op == Op::Add || node.op == Op::Sub || node.op == Op::Neg || kind == ir::DerivativeKind::Linear ||
        ((node.op == Op::Mul || kind == ir::DerivativeKind::Bilinear) && operands == 1) ||
        (node.op == Op::Div && operands == 1 && first) || (node.op == Op::Select && !touched[node.operands[0].value]);
    if (!linear && fine && probed)
      sink_
          .report<Kind::NonlinearProbes>(node.origin.known() && !in_library(node.origin) ? node.origin : span,
                                         fmt::format("`{}`", ir::info(node.op).name))
          .suggestion = "`probes = 0` in `train`, which is exact";
    else if (!linear && fine)
      sink_.report<Kind::NonlinearExpectation>(span, fmt::format("`{}`", ir::info(node.op).name)).suggestion =
          "expand the product by hand into one expectation over independent draws";
    fine = fine && linear;
  }
  estimates_.resize(first_estimate);
  return fine;
}

}  // namespace am::elaborate
