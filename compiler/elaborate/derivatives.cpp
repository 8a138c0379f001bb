// ∇, ∂, Δ and ∇· of the script, as calls of the differentiator.
#include <algorithm>

#include "compiler/elaborate/elaborator.h"
#include "compiler/elaborate/kinks.h"
#include "compiler/ir/ops.h"

namespace am::elaborate {

using ast::Expr;
using ast::ExprKind;
using ir::Op;

namespace {

/// The call whose first argument a prefix operator speaks of: the operand, or the operand's operand, …
ExprId innermost_call(const ast::Program& program, ExprId id) {
  while (id.valid()) {
    const Expr& e = program[id];
    if (e.kind == ExprKind::Call) return id;
    const bool prefix = e.kind == ExprKind::Gradient || e.kind == ExprKind::Partial || e.kind == ExprKind::Laplacian ||
                        e.kind == ExprKind::Divergence || e.kind == ExprKind::Norm || e.kind == ExprKind::Unary ||
                        e.kind == ExprKind::Index;
    if (!prefix) return {};
    id = e.operands[0];
  }
  return {};
}

struct Search {
  const ast::Program& program;
  const std::string& name;

  bool block(ast::BlockId id) const {
    if (!id.valid()) return false;
    for (const ast::Statement& s : program[id].statements)
      if (expr(s.value) || block(s.body) || block(s.otherwise)) return true;
    return false;
  }
  bool expr(ExprId id) const {
    if (!id.valid()) return false;
    const Expr& e = program[id];
    if ((e.kind == ExprKind::Partial || e.kind == ExprKind::Gradient) && e.text == name) return true;
    for (ExprId operand : e.operands)
      if (expr(operand)) return true;
    for (const ast::Argument& a : e.arguments)
      if (expr(a.value)) return true;
    return block(e.body);
  }
};

}  // namespace

bool Elaborator::differentiates_by(ast::BlockId body, const std::string& name) {
  return Search{program_, name}.block(body);
}

std::vector<NodeId> Elaborator::held(ScopePtr scope, NodeId but) const {
  std::vector<NodeId> out = conditions_;
  for (ScopePtr s = scope; s; s = s->parent)
    for (const Binding& b : s->bindings)
      if (auto* t = b.value.get<Tensor>(); b.variable && t && t->node != but) out.push_back(t->node);
  return out;
}

Value Elaborator::derived(NodeId result, ir::Shape shape, const std::optional<differentiate::Obstacle>& obstacle,
                          Span span, std::string_view by) {
  if (obstacle) {
    auto& d = sink_.report<Kind::NotDifferentiable>(span, ir::info(g()[obstacle->node].op).name, obstacle->reason);
    if (const Span at = g()[obstacle->node].origin; at.known()) d.notes.push_back({at, "it is used here"});
    return poison();
  }
  if (result.valid()) return make(result, span);
  if (!by.empty()) sink_.report<Kind::DerivativeIsZero>(span, by);
  return make(ir::constant(g(), 0, shape), span);
}

Value Elaborator::with_first_argument(ExprId operand, ScopePtr scope, Span span, NodeId& variable) {
  const ExprId call = innermost_call(program_, operand);
  if (!call.valid() || program_[call].arguments.empty()) {
    auto& d = sink_.report<Kind::WrongKindOfValue>(span, "a derivative of something that is not a call",
                                                   "a call such as `s(x, t)`, or a variable: `∇[x] e`");
    if (program_[operand].kind == ExprKind::Name && evaluate(operand, scope).get<Closure>())
      d.suggestion = fmt::format("write `{}(x, t)`", sources_.text(span));
    return poison();
  }
  const Value callee = evaluate(program_[call].operands[0], scope);
  if (callee.poisoned()) return poison();
  if (!callee.get<Closure>()) {
    sink_.report<Kind::WrongKindOfValue>(program_[call].span, callee.describe(g()),
                                         "a function of the script; for other expressions write `∇[x] e`");
    return poison();
  }
  auto replaced = substituted_.find(call.value);
  const Value first =
      replaced != substituted_.end() ? replaced->second : evaluate(program_[call].arguments[0].value, scope);
  const NodeId x = tensor(first, "the argument that the derivative is taken by");
  if (!x.valid()) return poison();
  variable = ir::variable(g(), x);
  const std::map<uint32_t, Value> saved = substituted_;
  substituted_[call.value] = {Tensor{variable}, first.origin};
  Value v = evaluate(operand, scope);
  substituted_ = saved;
  return v;
}

Value Elaborator::derivative(ExprId id, ScopePtr scope) {
  const size_t first = estimates_.size();
  Value v;
  switch (program_[id].kind) {
    case ExprKind::Gradient: v = gradient(id, scope); break;
    case ExprKind::Partial: v = partial(id, scope); break;
    case ExprKind::Laplacian: v = laplacian(id, scope); break;
    default: v = divergence(id, scope); break;
  }
  // The derivative of an estimate goes through it, so it is no node on the way to the objective but one beside it.
  if (auto* t = v.get<Tensor>(); t && estimates_.size() > first && program_[id].operands[0].valid()) {
    const bool by_probes = std::any_of(estimates_.begin() + static_cast<ptrdiff_t>(first), estimates_.end(),
                                       [](const Estimate& e) { return e.by_probes; });
    const NodeId estimate = ir::variable(g(), t->node);
    estimates_.push_back({estimate, by_probes});
    v = {Tensor{estimate}, v.origin};
  }
  return v;
}

namespace {

/// More than one waits for gladly.
constexpr int kManyDimensions = 100;

}  // namespace

NodeId Elaborator::signs(const ir::Shape& shape) {
  const NodeId u = g().add(Op::Uniform, {}, {.index = streams_++, .shape = shape});
  const auto all = [&](double value) { return ir::constant(g(), value, shape); };
  return g().add(Op::Select, {ir::binary(g(), Op::Less, u, all(0.5)), all(1), all(-1)});
}

std::vector<NodeId> Elaborator::probes(NodeId y, NodeId x, ExprId expr) {
  const int dimension = g()[x].shape.count();
  std::vector<NodeId> out;
  if (!objective_ || sample_depth_ == 0) return out;
  if (probes_ == 0 && dimension > kManyDimensions && differentiate::depends(g(), y, x))
    sink_.report<Kind::ExactInManyDimensions>(in_script(program_[expr].span), text(expr), dimension).suggestion =
        "`probes = 1` in `train` estimates it by Hutchinson's probes, without bias";
  for (int k = 0; k < probes_; ++k) out.push_back(signs(g()[x].shape));
  return out;
}

NodeId Elaborator::as_estimate(NodeId sum, size_t count) {
  if (count == 0 || !sum.valid()) return sum;
  const NodeId estimate = ir::variable(g(), ir::scale(g(), 1.0 / static_cast<double>(count), sum));
  estimates_.push_back({estimate, true});
  return estimate;
}

void Elaborator::warn_of_kinks(NodeId y, NodeId x, Span span, std::string_view what, int order) {
  const auto kink = jump(g(), y, x, order);
  if (!kink) return;
  const Span at = kink->origin;
  std::string name(at.known() ? sources_.text(at) : ir::info(kink->op).name);
  for (const ast::Declaration& d : program_.declarations)
    if (in_library(at) && d.kind == ast::DeclarationKind::Fn && d.span.file == at.file && d.span.begin <= at.begin &&
        at.end <= d.span.end)
      name = d.name;
  // A comparison carries the place of its sign.
  for (uint32_t i = 0; i < program_.expressions.size(); ++i)
    if (const Expr& e = program_[ExprId{i}]; e.kind == ExprKind::Binary && at.known() && e.focus == at)
      name = text(ExprId{i});
  auto& report = sink_.report<Kind::LaplacianOfRelu>(in_script(span), name, what);
  if (at.known() && !in_library(at)) report.notes.push_back({at, "it is used here"});
  report.suggestion = "something smooth in its place, such as `silu` or `softplus`";
}

Value Elaborator::gradient(ExprId id, ScopePtr scope) {
  const Expr& e = program_[id];
  if (!e.text.empty()) return partial(id, scope);
  NodeId x;
  const Value v = with_first_argument(e.operands[0], scope, e.span, x);
  if (v.poisoned()) return poison();
  const NodeId y = scalar(v, fmt::format("what `∇` is applied to, `{}`,", text(e.operands[0])));
  if (!y.valid()) return poison();
  g().set_origin(e.span);
  std::optional<differentiate::Obstacle> obstacle;
  const std::vector<NodeId> by{x};
  const NodeId result = differentiate::gradient(g(), y, {by}, ir::kNone, &obstacle)[0];
  return derived(result, g()[x].shape, obstacle, e.span,
                 text(program_[innermost_call(program_, e.operands[0])].arguments[0].value));
}

Value Elaborator::partial(ExprId id, ScopePtr scope) {
  const Expr& e = program_[id];
  const Binding* found = nullptr;
  for (ScopePtr s = scope; s && !found; s = s->parent) found = s->find(e.text);
  if (!found) {
    if (declaration(e.text))
      sink_.report<Kind::WrongKindOfValue>(e.span, fmt::format("a derivative by the declaration `{}`", e.text),
                                           "a variable");
    return poison();
  }
  const Value variable = found->value;
  const NodeId by = tensor(variable, "the variable of a derivative");
  differentiated_.push_back(by);
  const Value v = evaluate(e.operands[0], scope);
  if (!by.valid() || v.poisoned()) return poison();
  const NodeId y = tensor(v, "a derivative");
  if (!y.valid()) return poison();
  g().set_origin(e.span);
  std::optional<differentiate::Obstacle> obstacle;
  const std::vector<NodeId> wrt{by}, fixed = held(scope, by);
  // Copied, since the graph grows below.
  const ir::Shape shape = g()[y].shape, variable_shape = g()[by].shape;
  // Reverse mode shares its pass with ∇ of the same scalar; a vector by a scalar is one forward pass.
  if (shape.rank == 0) {
    const NodeId result = differentiate::gradient(g(), y, {wrt, fixed}, ir::kNone, &obstacle)[0];
    return derived(result, variable_shape, obstacle, e.span, e.text);
  }
  if (variable_shape.rank > 0) {
    sink_.report<Kind::NotAScalar>(program_[e.operands[0]].span,
                                   fmt::format("what is differentiated by the vector `{}`", e.text), shape.text());
    return poison();
  }
  const std::vector<NodeId> one{ir::constant(g(), 1)};
  const NodeId result = differentiate::directional(g(), y, {wrt, fixed}, one, &obstacle);
  return derived(result, shape, obstacle, e.span, e.text);
}

Value Elaborator::laplacian(ExprId id, ScopePtr scope) {
  const Expr& e = program_[id];
  NodeId x;
  const Value v = with_first_argument(e.operands[0], scope, e.span, x);
  if (v.poisoned()) return poison();
  const NodeId y = scalar(v, fmt::format("what `Δ` is applied to, `{}`,", text(e.operands[0])));
  if (!y.valid()) return poison();
  g().set_origin(e.span);
  std::optional<differentiate::Obstacle> obstacle;
  const std::vector<NodeId> directions = probes(y, x, id);
  const NodeId sum = differentiate::laplacian(g(), y, x, {}, &obstacle, directions);
  if (!obstacle) warn_of_kinks(y, x, e.span, text(id), 1);
  return derived(as_estimate(sum, directions.size()), {}, obstacle, e.span, "");
}

Value Elaborator::divergence(ExprId id, ScopePtr scope) {
  const Expr& e = program_[id];
  NodeId x;
  const Value v = with_first_argument(e.operands[0], scope, e.span, x);
  if (v.poisoned()) return poison();
  const NodeId y = tensor(v, "what `∇·` is applied to");
  if (!y.valid()) return poison();
  if (!(g()[y].shape == g()[x].shape)) {
    auto& d = sink_.report<Kind::BadShape>(program_[e.operands[0]].span,
                                           fmt::format("what `∇·` is applied to, `{}`,", text(e.operands[0])),
                                           g()[y].shape.text(), g()[x].shape.text());
    if (g()[y].shape.rank == 0)
      d.suggestion = fmt::format("the divergence is of a vector field; the gradient is `∇{}`, the Laplacian `Δ{}`",
                                 text(e.operands[0]), text(e.operands[0]));
    return poison();
  }
  g().set_origin(e.span);
  std::optional<differentiate::Obstacle> obstacle;
  const std::vector<NodeId> directions = probes(y, x, id);
  const NodeId sum = differentiate::divergence(g(), y, x, {}, &obstacle, directions);
  if (!obstacle) warn_of_kinks(y, x, e.span, text(id), 0);
  return derived(as_estimate(sum, directions.size()), {}, obstacle, e.span, "");
}

}  // namespace am::elaborate
