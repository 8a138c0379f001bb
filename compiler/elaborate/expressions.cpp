// Expressions, calls, blocks.
#include <algorithm>
#include <cmath>
#include <utility>

#include "compiler/elaborate/elaborator.h"
#include "compiler/ir/ops.h"

namespace am::elaborate {

using ast::Argument;
using ast::Declaration;
using ast::DeclarationKind;
using ast::Expr;
using ast::ExprKind;
using ast::Statement;
using ast::StatementKind;
using ir::Op;

namespace {

/// Sets a variable for as long as it lives.
template <class T>
class Restore {
 public:
  explicit Restore(T& target) : target_(target), saved_(target) {}
  Restore(T& target, T value) : target_(target), saved_(std::move(target)) { target_ = std::move(value); }
  ~Restore() { target_ = std::move(saved_); }

 private:
  T& target_;
  T saved_;
};

constexpr int kDeepestCall = 300;
/// A large script evaluates some ten thousand expressions for a program.
constexpr long long kMostWork = 2'000'000;

}  // namespace

Binding* Scope::find(std::string_view name) {
  for (auto it = bindings.rbegin(); it != bindings.rend(); ++it)
    if (it->name == name) return &*it;
  return nullptr;
}

void Scope::bind(std::string name, Value value, bool variable) {
  if (Binding* b = find(name))
    *b = {b->name, std::move(value), variable};
  else
    bindings.push_back({std::move(name), std::move(value), variable});
}

ScopePtr Elaborator::scope(ScopePtr parent, bool function) {
  scopes_.push_back({parent, function, {}});
  return &scopes_.back();
}

Value Elaborator::evaluate(ExprId id, ScopePtr scope) {
  if (!id.valid() || !affordable(program_[id].span)) return poison();
  const Expr& e = program_[id];
  const size_t reports = sink_.count();
  auto operand = [&](size_t k) { return evaluate(e.operands[k], scope); };
  Value v;
  switch (e.kind) {
    case ExprKind::Error: return poison();
    case ExprKind::Number: v = constant(e.number); break;
    case ExprKind::String: v = {e.text, e.span}; break;
    case ExprKind::Name: v = name(e, scope); break;
    case ExprKind::List: v = list(e, scope); break;
    case ExprKind::Call: v = call(id, scope); break;
    case ExprKind::Index: v = index(operand(0), operand(1), e.span); break;
    case ExprKind::Member: v = member_value(e, scope); break;
    case ExprKind::Unary:
      v = e.text == "not" ? binary("-", constant(1), operand(0), e.span) : unary_minus(operand(0), e.span);
      break;
    case ExprKind::Binary: {
      const Expr& left = program_[e.operands[0]];
      if (e.text == "^" && left.kind == ExprKind::Norm) {
        // |v|² is Σ v², which unlike (√Σ v²)² has a derivative at 0.
        const Value x = evaluate(left.operands[0], scope), n = operand(1);
        if (auto* t = x.get<Tensor>(); t && n.get<Tensor>() && ir::is_constant(g(), n.get<Tensor>()->node, 2)) {
          v = make(ir::dot(g(), t->node, t->node), e.span);
          break;
        }
        v = binary("^", norm(x, left.span), n, e.focus.known() ? e.focus : e.span);
        break;
      }
      const Value a = operand(0);
      v = binary(e.text, a, operand(1), e.focus.known() ? e.focus : e.span);
      break;
    }
    case ExprKind::Norm: v = norm(operand(0), e.span); break;
    case ExprKind::Gradient:
    case ExprKind::Partial:
    case ExprKind::Laplacian:
    case ExprKind::Divergence: v = derivative(id, scope); break;
    case ExprKind::Expectation: v = expectation(id, scope); break;
    case ExprKind::Integral: v = integral(id, scope); break;
    case ExprKind::Range: v = range(e, scope); break;
    case ExprKind::Lambda:
      v = {Closure{.name = "fn", .parameters = &e.parameters, .body = e.body, .scope = scope, .span = e.span}, e.span};
      break;
    case ExprKind::Shape: sink_.report<Kind::WrongKindOfValue>(e.span, "a shape", "a value"); return poison();
  }
  v.origin = e.span;
  trace(reports, e.span);
  return v;
}

bool Elaborator::affordable(Span span) {
  if (++work_ == kMostWork)
    sink_.report<Kind::TooMuchWork>(span, kMostWork).suggestion =
        "fewer turns of `repeat`, or a recursion that ends sooner";
  return work_ < kMostWork;
}

bool Elaborator::in_library(Span span) const { return span.known() && sources_.name(span.file).starts_with("stdlib/"); }

void Elaborator::trace(size_t first_report, Span span) {
  if (sink_.count() == first_report || !span.known() || in_library(span)) return;
  bool moved = false;
  for (diagnostics::Diagnostic& d : sink_.take(first_report)) {
    if (in_library(d.span) && diagnostics::info(d.kind).level == diagnostics::Level::Error) {
      if (std::exchange(moved, true)) continue;
      d.notes.insert(d.notes.begin(), {d.span, "it shows here, in the library"});
      d.span = span;
    }
    sink_.add(std::move(d));
  }
}

void Elaborator::report_cycle(std::vector<std::pair<std::string, Span>> members) {
  // Where it was entered depends on the order of declarations; what is said does not.
  std::rotate(
      members.begin(),
      std::min_element(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; }),
      members.end());
  auto& d = sink_.report<Kind::CyclicDefinition>(members[0].second, members[0].first);
  for (size_t k = 1; k < members.size(); ++k)
    d.notes.push_back({members[k].second, fmt::format("by way of `{}`", members[k].first)});
}

namespace {

/// The declarations from `d` on, which need each other.
std::vector<std::pair<std::string, Span>> cycle_of(const std::vector<const Declaration*>& in_progress,
                                                   const Declaration& d) {
  std::vector<std::pair<std::string, Span>> out;
  for (auto it = std::find(in_progress.begin(), in_progress.end(), &d); it != in_progress.end(); ++it)
    out.push_back({(*it)->name, (*it)->name_span});
  return out;
}

}  // namespace

std::optional<Range> Elaborator::path_range(const Instance& path) {
  const Declaration& d = *path.declaration;
  auto unknown = [&] { return assumed_ ? std::optional(Range{.from = 0, .to = 1}) : std::nullopt; };
  if (const auto cycle = cycle_of(in_progress_, d); !cycle.empty()) {
    report_cycle(cycle);
    return unknown();
  }
  in_progress_.push_back(&d);
  const Value v = evaluate(d.range, path.scope);
  in_progress_.pop_back();
  if (v.poisoned()) return unknown();
  auto* range = v.get<Range>();
  if (!range || range->text) {
    sink_.report<Kind::WrongKindOfValue>(v.origin, range ? "a range of texts" : v.describe(g()), "a range of times");
    return unknown();
  }
  if (!std::isfinite(range->from) || !std::isfinite(range->to)) {
    sink_.report<Kind::WrongKindOfValue>(v.origin, "a range without an end", "a range of times such as `0..1`");
    return unknown();
  }
  if (range->to <= range->from) {
    sink_.report<Kind::EmptyRange>(v.origin, fmt::format("{:g}", range->from), fmt::format("{:g}", range->to));
    return unknown();
  }
  return *range;
}

Value Elaborator::check_potential(const Closure& closure, Value result) {
  if (result.poisoned() || closure.model.empty()) return result;
  const Declaration* d = declaration(closure.model);
  if (!d || d->kind != DeclarationKind::Potential) return result;
  auto* t = result.get<Tensor>();
  if (t && g()[t->node].shape.rank == 0) return result;
  const Span at = result.origin.known() ? result.origin : d->name_span;
  if (t)
    sink_.report<Kind::NotAScalar>(at, fmt::format("the potential `{}`", d->name), g()[t->node].shape.text())
        .suggestion = "a net gives one number with `out = 1`; a vector field is declared as `velocity`";
  else
    sink_
        .report<Kind::WrongKindOfValue>(at, result.describe(g()),
                                        fmt::format("a number for the potential `{}`", d->name))
        .suggestion = how_to_call(result);
  return poison();
}

const Declaration* Elaborator::declaration(std::string_view name) const {
  if (prefer_paths_)
    if (auto it = declarations_.find(fmt::format("path {}", name)); it != declarations_.end()) return it->second;
  auto it = declarations_.find(name);
  return it == declarations_.end() ? nullptr : it->second;
}

Value Elaborator::name(const Expr& e, ScopePtr scope) {
  if (prefer_words_)
    if (auto v = builtin_constant(g(), e.text); v && v->get<Word>()) return *v;
  for (ScopePtr s = scope; s; s = s->parent)
    if (Binding* b = s->find(e.text)) return b->value;
  if (const Declaration* d = declaration(e.text)) return global(*d);
  if (auto v = builtin_constant(g(), e.text)) return *v;
  for (const BuiltinInfo& b : builtins())
    if (b.name == e.text) return {Builtin{&b, nullptr}, e.span};
  return poison();  // `check` has reported the name
}

Value Elaborator::global(const Declaration& d) {
  if (auto known = building_->globals.find(&d); known != building_->globals.end()) return known->second;
  if (const auto cycle = cycle_of(in_progress_, d); !cycle.empty()) {
    report_cycle(cycle);
    return poison();
  }
  in_progress_.push_back(&d);
  // What a declaration means does not depend on who asks for it.
  Restore place(place_, std::string()), owner(owner_, std::string());
  Restore depth(sample_depth_, 0);
  Restore prefer(prefer_paths_, false);
  Restore words(prefer_words_, false);
  Value v = evaluate_global(d);
  in_progress_.pop_back();
  building_->globals[&d] = v;
  return v;
}

Value Elaborator::evaluate_global(const Declaration& d) {
  switch (d.kind) {
    case DeclarationKind::Const:
      if (auto set = options_.constants.find(d.name); set != options_.constants.end())
        return constant(set->second, d.span);
      return evaluate(d.value, top_);
    case DeclarationKind::Data: {
      if (auto known = datasets_.find(d.name); known != datasets_.end())
        return known->second ? Value{known->second, d.name_span} : poison();
      Restore current(current_data_, d.name);
      Value v = evaluate(d.value, top_);
      const bool samples = random(v) || v.get<PathAt>() || v.instance() || v.get<Maker>();
      if (!samples && !v.poisoned()) {
        sink_.report<Kind::WrongKindOfValue>(program_[d.value].span, v.describe(g()),
                                             "samples such as `csv(\"cells.csv\", time = \"t\")`");
        v = poison();
      }
      if (v.dataset() || v.poisoned()) datasets_[d.name] = v.dataset();
      return v;
    }
    case DeclarationKind::Fn:
      return {Closure{.name = d.name, .parameters = &d.parameters, .body = d.body, .scope = top_, .span = d.name_span},
              d.name_span};
    case DeclarationKind::Potential:
    case DeclarationKind::Velocity:
      return {Closure{.name = d.name,
                      .parameters = &d.parameters,
                      .body = d.body,
                      .scope = top_,
                      .span = d.name_span,
                      .model = d.name},
              d.name_span};
    case DeclarationKind::Path:
      if (d.value.valid()) {
        Restore prefer(prefer_paths_, true);
        Value v = evaluate(d.value, top_);
        if (auto* i = v.instance(); v.poisoned() || (i && i->declaration->kind == DeclarationKind::Path)) return v;
        sink_.report<Kind::WrongKindOfValue>(program_[d.value].span, v.describe(g()), "a path such as `linear(cells)`");
        return poison();
      }
      if (d.parameters.empty()) return {std::make_shared<const Instance>(Instance{&d, top_, ""}), d.name_span};
      return {Maker{&d}, d.name_span};
    case DeclarationKind::Net:
    case DeclarationKind::Distribution:
    case DeclarationKind::Dynamics:
    case DeclarationKind::Optimizer:
    case DeclarationKind::Solver: return {Maker{&d}, d.name_span};
    case DeclarationKind::Train:
    case DeclarationKind::Sample:
    case DeclarationKind::Evaluate: break;
  }
  return poison();
}

Value Elaborator::list(const Expr& e, ScopePtr scope) {
  std::vector<Value> items;
  bool tensors = true;
  for (ExprId id : e.operands) {
    items.push_back(evaluate(id, scope));
    tensors = tensors && items.back().get<Tensor>();
  }
  if (std::any_of(items.begin(), items.end(), [](const Value& v) { return v.poisoned(); })) return poison();
  if (tensors && !items.empty()) return vector_of(items, e.span);
  return {List{std::move(items)}, e.span};
}

namespace {

/// "pc12" → {"pc", 12}.
std::optional<std::pair<std::string, int>> numbered(const std::string& text) {
  size_t digits = text.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(text[digits - 1]))) --digits;
  if (digits == text.size() || text.size() - digits > 8) return {};
  return std::pair(text.substr(0, digits), std::stoi(text.substr(digits)));
}

}  // namespace

Value Elaborator::range(const Expr& e, ScopePtr scope) {
  const Value from = evaluate(e.operands[0], scope), to = evaluate(e.operands[1], scope);
  if (from.poisoned() || to.poisoned()) return poison();
  Range r;
  if (from.get<std::string>() && to.get<std::string>()) {
    const auto a = numbered(*from.get<std::string>()), b = numbered(*to.get<std::string>());
    if (!a || !b || a->first != b->first) {
      sink_.report<Kind::WrongKindOfValue>(e.span, "a range of unlike texts",
                                           "two texts that differ in a number at their end, such as \"x1\"..\"x5\"");
      return poison();
    }
    r = {static_cast<double>(a->second), static_cast<double>(b->second), 1, a->first, true};
  } else {
    const auto a = number(from, "the start of a range"), b = number(to, "the end of a range");
    if (!a || !b) return poison();
    r.from = *a, r.to = *b;
    if (e.operands.size() > 2 && e.operands[2].valid()) {
      const auto step = number(evaluate(e.operands[2], scope), "the step of a range");
      if (!step) return poison();
      if (*step <= 0) {
        sink_.report<Kind::BadSetting>(program_[e.operands[2]].span, "by", fmt::format("{:g}", *step), "positive");
        return poison();
      }
      r.step = *step;
    }
  }
  if (r.to < r.from) {
    sink_.report<Kind::EmptyRange>(e.span, text(e.operands[0]), text(e.operands[1]));
    return poison();
  }
  return {r, e.span};
}

std::string Elaborator::arguments_text(size_t count) {
  return count == 0 ? "no arguments" : fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

std::vector<const Argument*> Elaborator::match(std::string_view callee, const std::vector<std::string>& names,
                                               const Expr& call, bool& fine) {
  std::vector<const Argument*> given(names.size());
  size_t position = 0;
  for (const Argument& a : call.arguments) {
    const size_t k = a.name.empty() ? position++ : std::find(names.begin(), names.end(), a.name) - names.begin();
    if (k >= names.size()) {
      fine = false;
      if (a.name.empty()) {
        sink_.report<Kind::TooManyArguments>(program_[a.value].span, callee, arguments_text(names.size()),
                                             call.arguments.size());
        break;
      }
      auto& d = sink_.report<Kind::UnknownArgument>(a.name_span, callee, a.name);
      if (const std::string near = diagnostics::nearest(a.name, names); !near.empty())
        d.suggestion = fmt::format("did you mean `{}`?", near);
      else if (!names.empty())
        d.suggestion = fmt::format("its parameters are `{}`", fmt::join(names, "`, `"));
      continue;
    }
    if (given[k]) {
      sink_.report<Kind::RepeatedArgument>(program_[a.value].span, names[k]);
      fine = false;
    }
    given[k] = &a;
  }
  return given;
}

ScopePtr Elaborator::drawn_in(NodeId point) const {
  const ir::Graph& graph = building_->graph;
  for (;;) {
    if (auto it = drawn_in_.find(point.value); it != drawn_in_.end()) return it->second;
    if (graph[point].op != Op::Variable && graph[point].op != Op::Reshape) return nullptr;
    point = graph[point].operands[0];
  }
}

std::optional<Value> Elaborator::condition(const Closure& learned, const std::string& name, const Value& point) {
  auto* x = point.get<Tensor>();
  ScopePtr drawn = x && !learned.model.empty() ? drawn_in(x->node) : nullptr;
  Binding* b = drawn ? drawn->find(name) : nullptr;
  auto* c = b ? b->value.get<Tensor>() : nullptr;
  if (!c) return {};
  // What a derivative by t or x must hold fixed is a node of its own.
  if (std::find(conditions_.begin(), conditions_.end(), c->node) == conditions_.end()) {
    const NodeId held = ir::variable(g(), c->node);
    conditions_.push_back(held);
    *b = {b->name, {Tensor{held}, b->value.origin}, true};
  }
  return b->value;
}

bool Elaborator::bind_arguments(std::string_view callee, const std::vector<ast::Parameter>& parameters,
                                const Expr& call, ScopePtr caller, ScopePtr into,
                                const std::function<Value(size_t, Value)>& adapt, const Closure* learned) {
  std::vector<std::string> names;
  for (const ast::Parameter& p : parameters) names.push_back(p.name);
  bool fine = true;
  const std::vector<const Argument*> given = match(callee, names, call, fine);
  for (size_t k = 0; k < parameters.size(); ++k) {
    Value v;
    if (given[k]) {
      v = evaluate(given[k]->value, caller);
    } else if (parameters[k].fallback.valid()) {
      v = evaluate(parameters[k].fallback, into);
    } else if (const auto known =
                   learned && k > 0 ? condition(*learned, parameters[k].name, into->find(parameters[0].name)->value)
                                    : std::nullopt) {
      v = *known;
    } else if (fine) {
      auto& d = sink_.report<Kind::MissingArgument>(call.span, callee, parameters[k].name);
      if (parameters[k].span.known()) d.notes.push_back({parameters[k].span, "the parameter is declared here"});
      fine = false;
    }
    if (adapt) v = adapt(k, std::move(v));
    into->bind(parameters[k].name, std::move(v));
  }
  return fine;
}

std::string Elaborator::site(const Expr& call) const {
  return fmt::format("{}/e{}:{}-{}", place_, call.span.file.value, call.span.begin, call.span.end);
}

Value Elaborator::run_body(const Closure& closure, ScopePtr inner, std::string place) {
  if (depth_ >= kDeepestCall) {
    // The innermost function that is open several times goes round, with those between its last two calls.
    auto again = calls_.end();
    for (auto it = calls_.rbegin(); it != calls_.rend() && again == calls_.end(); ++it)
      if (std::count(calls_.begin(), calls_.end(), *it) > 2) again = it.base() - 1;
    if (again == calls_.end()) {  // a chain of as many functions
      report_cycle({{closure.name, closure.span}});
      return poison();
    }
    const auto before = std::find(std::reverse_iterator(again), calls_.rend(), *again);
    report_cycle({before.base() - 1, again});
    return poison();
  }
  Restore depth(depth_, depth_ + 1);
  calls_.push_back({closure.name, closure.span});
  struct Leave {
    std::vector<std::pair<std::string, Span>>& calls;
    ~Leave() { calls.pop_back(); }
  } leave{calls_};
  Restore where(place_, std::move(place));
  Restore owner(owner_, closure.model.empty() ? owner_ : closure.model);
  // A variable that the body differentiates by must be a node of its own.
  for (const ast::Parameter& p : *closure.parameters) {
    Binding* b = inner->find(p.name);
    auto* t = b ? b->value.get<Tensor>() : nullptr;
    if (t && differentiates_by(closure.body, p.name))
      *b = {p.name, {Tensor{ir::variable(g(), t->node)}, b->value.origin}, true};
  }
  return check_potential(closure, block(closure.body, inner));
}

Value Elaborator::invoke(const Closure& closure, const Expr& call, ScopePtr caller) {
  ScopePtr inner = scope(closure.scope, true);
  const size_t reports = sink_.count();
  if (!bind_arguments(closure.name, *closure.parameters, call, caller, inner, {}, &closure)) {
    sink_.annotate(reports, {closure.span, fmt::format("`{}` is declared here", closure.name)}, [&](const auto& d) {
      return d.kind == Kind::TooManyArguments && d.notes.empty() && closure.span.known();
    });
    return poison();
  }
  return run_body(closure, inner, closure.model.empty() ? site(call) : "");
}

Value Elaborator::call_closure(const Closure& closure, const std::vector<Value>& arguments, Span span,
                               std::string_view place) {
  if (arguments.size() > closure.parameters->size()) {
    sink_.report<Kind::TooManyArguments>(span, closure.name, arguments_text(closure.parameters->size()),
                                         arguments.size());
    return poison();
  }
  ScopePtr inner = scope(closure.scope, true);
  for (size_t k = 0; k < closure.parameters->size(); ++k) {
    const ast::Parameter& p = (*closure.parameters)[k];
    const bool given = k < arguments.size();
    const auto known = !given && !p.fallback.valid() && k > 0 ? condition(closure, p.name, arguments[0]) : std::nullopt;
    if (!given && !p.fallback.valid() && !known) {
      sink_.report<Kind::MissingArgument>(span, closure.name, p.name);
      return poison();
    }
    inner->bind(p.name, given ? arguments[k] : known ? *known : evaluate(p.fallback, inner));
  }
  return run_body(closure, inner, closure.model.empty() ? std::string(place.empty() ? place_ : place) : "");
}

Value Elaborator::apply(const Value& callee, const std::vector<Value>& arguments, Span span) {
  if (callee.poisoned()) return poison();
  if (callee.get<Tensor>()) return callee;
  if (auto* c = callee.get<Closure>()) return call_closure(*c, arguments, span);
  if (auto* n = callee.get<Native>()) {
    if (arguments.size() == n->parameters.size()) return (*n->call)(arguments);
    if (arguments.size() > n->parameters.size())
      sink_.report<Kind::TooManyArguments>(span, n->name, arguments_text(n->parameters.size()), arguments.size());
    else
      sink_.report<Kind::MissingArgument>(span, n->name, n->parameters[arguments.size()]);
    return poison();
  }
  if (auto* i = callee.instance(); i && i->declaration->kind == DeclarationKind::Net) {
    ScopePtr inner = open(*i);
    if (auto f = member(*i, "apply", inner)) return call_closure(*f, arguments, span, i->place);
  }
  if (auto* b = callee.get<Builtin>()) {
    CallArguments a{span, arguments, std::vector<ExprId>(arguments.size()), std::vector<bool>(arguments.size(), true),
                    b->self};
    a.values.resize(b->info->parameters.size());
    a.given.resize(b->info->parameters.size());
    a.expressions.resize(b->info->parameters.size());
    for (const Value& v : arguments)
      if (v.poisoned()) return poison();
    return b->info->call(*this, a);
  }
  sink_.report<Kind::WrongKindOfValue>(span, callee.describe(g()), "a function");
  return poison();
}

Value Elaborator::call(ExprId id, ScopePtr scope) {
  const Expr& e = program_[id];
  const Value callee = evaluate(e.operands[0], scope);
  // Only what is called may be meant as a path: `path q = trigonometric(mixture(a, b), normal())` draws from a mixture.
  Restore prefer(prefer_paths_, false);
  Restore words(prefer_words_, false);
  if (callee.poisoned()) {
    for (const Argument& a : e.arguments) evaluate(a.value, scope);  // errors in there are worth hearing of
    return poison();
  }
  if (auto* c = callee.get<Closure>()) {
    auto replaced = substituted_.find(id.value);
    if (replaced == substituted_.end()) return invoke(*c, e, scope);
    const Value first = replaced->second;
    // Only this call sees its first argument replaced, not a call of the same place within.
    Restore save(substituted_);
    substituted_.erase(id.value);
    ScopePtr inner = this->scope(c->scope, true);
    if (!bind_arguments(c->name, *c->parameters, e, scope, inner,
                        [&](size_t k, Value v) { return k == 0 ? first : v; }, c))
      return poison();
    return run_body(*c, inner, c->model.empty() ? site(e) : "");
  }
  if (auto* t = callee.get<Tensor>(); t && g()[t->node].sampled) {
    // A constant may stand where a function is wanted; what depends on a sample is no constant function.
    sink_.report<Kind::WrongKindOfValue>(program_[e.operands[0]].span, callee.describe(g()), "a function").suggestion =
        fmt::format("to multiply, write `{}·(…)`", text(e.operands[0]));
    return poison();
  }
  if (auto* m = callee.get<Maker>()) return make_instance(*m, e, scope);
  if (auto* b = callee.get<Builtin>()) return call_builtin(*b, e, scope);
  if (auto* w = callee.get<Word>()) return call_word(*w, e, scope);
  std::vector<Value> arguments;
  for (const Argument& a : e.arguments) {
    arguments.push_back(evaluate(a.value, scope));
    if (arguments.back().poisoned()) return poison();
    if (!a.name.empty())
      sink_.report<Kind::UnknownArgument>(a.name_span, text(e.operands[0]), a.name).suggestion =
          fmt::format("it takes its argument by place: `{}({})`", text(e.operands[0]), text(a.value));
  }
  if (auto d = callee.dataset()) return call_dataset(d, arguments, e.span);
  if (auto* i = callee.instance(); i && i->declaration->kind == DeclarationKind::Path) {
    const NodeId time = arguments.size() == 1 ? scalar(arguments[0], "the time of a path") : ir::kNone;
    if (arguments.empty())
      sink_.report<Kind::MissingArgument>(e.span, text(e.operands[0]), "t");
    else if (arguments.size() > 1)
      sink_.report<Kind::TooManyArguments>(e.span, text(e.operands[0]), arguments_text(1), arguments.size());
    if (!time.valid()) return poison();
    return {PathAt{*callee.get<std::shared_ptr<const Instance>>(), time}, e.span};
  }
  if (auto* i = callee.instance(); i && i->declaration->kind == DeclarationKind::Net && arguments.size() > 1) {
    const auto apply = member(*i, "apply", open(*i));
    if (apply && apply->parameters->size() == 1) {
      std::string joined;
      for (const Argument& a : e.arguments) joined += (joined.empty() ? "" : ", ") + text(a.value);
      sink_.report<Kind::TooManyArguments>(e.span, text(e.operands[0]), arguments_text(1), arguments.size())
          .suggestion = fmt::format("join them: `{}([{}])`", text(e.operands[0]), joined);
      return poison();
    }
  }
  if (auto* i = callee.instance(); i && i->declaration->kind != DeclarationKind::Net) {
    sink_.report<Kind::WrongKindOfValue>(program_[e.operands[0]].span, callee.describe(g()), "a function");
    return poison();
  }
  return apply(callee, arguments, e.span);
}

Value Elaborator::call_dataset(const std::shared_ptr<const Dataset>& data, const std::vector<Value>& arguments,
                               Span span) {
  if (arguments.empty()) {
    sink_.report<Kind::MissingArgument>(span, data->samples->name, "t");
    return poison();
  }
  if (arguments.size() != 1) {
    sink_.report<Kind::TooManyArguments>(span, data->samples->name, arguments_text(1), arguments.size());
    return poison();
  }
  const NodeId time = scalar(arguments[0], "the time of a snapshot");
  return time.valid() ? snapshot_at(data, time, span) : poison();
}

Value Elaborator::call_builtin(const Builtin& builtin, const Expr& e, ScopePtr scope) {
  std::vector<std::string> names;
  std::vector<bool> optional;
  for (std::string_view n : builtin.info->parameters) {
    optional.push_back(n.ends_with("?"));
    names.emplace_back(n.substr(0, n.size() - optional.back()));
  }
  bool fine = true;
  const std::vector<const Argument*> given = match(builtin.info->name, names, e, fine);
  CallArguments a{.span = e.span,
                  .values = std::vector<Value>(names.size()),
                  .expressions = std::vector<ExprId>(names.size()),
                  .given = std::vector<bool>(names.size()),
                  .self = builtin.self};
  for (size_t k = 0; k < names.size(); ++k) {
    if (given[k]) {
      a.given[k] = true;
      a.expressions[k] = given[k]->value;
      a.values[k] = evaluate(given[k]->value, scope);
      fine = fine && !a.values[k].poisoned();
    } else if (!optional[k] && fine) {
      sink_.report<Kind::MissingArgument>(e.span, builtin.info->name, names[k]);
      fine = false;
    }
  }
  return fine ? builtin.info->call(*this, a) : poison();
}

Value Elaborator::call_word(const Word& word, const Expr& e, ScopePtr scope) {
  Word out = word;
  for (size_t k = 0; k < e.arguments.size(); ++k) {
    const Argument& a = e.arguments[k];
    const Value v = evaluate(a.value, scope);
    if (v.poisoned()) return poison();
    const bool placed = a.name.empty() && k < word.arguments.size();
    const std::string name = placed ? std::next(word.arguments.begin(), static_cast<ptrdiff_t>(k))->first : a.name;
    if (!out.arguments.count(name)) {
      auto& d = sink_.report<Kind::UnknownArgument>(a.name_span.known() ? a.name_span : program_[a.value].span,
                                                    word.name, name.empty() ? text(a.value) : name);
      std::vector<std::string> known;
      for (const auto& [parameter, unused] : word.arguments) known.push_back(parameter);
      const std::string near = a.name.empty() ? "" : diagnostics::nearest(a.name, known);
      d.suggestion = known.empty()  ? fmt::format("write `{}` alone", word.name)
                     : near.empty() ? fmt::format("its parameters are `{}`", fmt::join(known, "`, `"))
                                    : fmt::format("did you mean `{}`?", near);
      return poison();
    }
    const NodeId node = tensor(v, fmt::format("`{}`", name));
    if (!node.valid()) return poison();
    std::vector<double> numbers;
    if (auto c = ir::constant_value(g(), node)) {
      numbers = {*c};
    } else if (g()[node].op == Op::Concat) {
      for (NodeId part : g()[node].operands)
        if (auto c = ir::constant_value(g(), part)) numbers.push_back(*c);
    }
    if (static_cast<int>(numbers.size()) != g()[node].shape.count()) {
      sink_.report<Kind::NotAConstant>(program_[a.value].span, fmt::format("`{}`", name));
      return poison();
    }
    if (word.arguments.at(name).size() == 1 && numbers.size() != 1) {
      sink_.report<Kind::NotAScalar>(program_[a.value].span, fmt::format("`{}`", name), g()[node].shape.text());
      return poison();
    }
    out.arguments[name] = numbers;
  }
  return {out, e.span};
}

Value Elaborator::instantiate(const Declaration& d, const std::vector<Value>& arguments, Span span) {
  ScopePtr inner = scope(top_, true);
  AM_CHECK(arguments.size() <= d.parameters.size(), "{} of {} arguments", d.name, arguments.size());
  for (size_t k = 0; k < d.parameters.size(); ++k) {
    if (k >= arguments.size() && !d.parameters[k].fallback.valid()) {
      sink_.report<Kind::MissingArgument>(span, d.name, d.parameters[k].name);
      return poison();
    }
    inner->bind(d.parameters[k].name, k < arguments.size() ? arguments[k] : evaluate(d.parameters[k].fallback, inner));
  }
  return {std::make_shared<const Instance>(Instance{&d, inner, owner_ + "|" + place_}), span};
}

namespace {

/// What a body does with one of its declaration's parameters.
struct Uses {
  const ast::Program& program;
  const std::string& name;
  bool drawn_from = false, called = false;
  bool snapshots = false;  // it is asked for what only data sets have

  bool is_parameter(ExprId id) const {
    return id.valid() && program[id].kind == ExprKind::Name && program[id].text == name;
  }
  bool is_call(ExprId id) const {
    return id.valid() && program[id].kind == ExprKind::Call && is_parameter(program[id].operands[0]);
  }
  void block(ast::BlockId id) {
    if (!id.valid()) return;
    for (const Statement& s : program[id].statements) {
      expr(s.value);
      block(s.body);
      block(s.otherwise);
    }
  }
  void expr(ExprId id) {
    if (!id.valid()) return;
    const Expr& e = program[id];
    const bool source = e.kind == ExprKind::Expectation && is_call(e.operands[0]);
    const bool member = e.kind == ExprKind::Member && is_parameter(e.operands[0]);
    snapshots = snapshots || (member && e.text != "start" && e.text != "end" && e.text != "mass");
    drawn_from = drawn_from || source || member;
    called = called || is_call(id);
    // A call that is drawn from is no call of a function.
    for (size_t k = source ? 1 : 0; k < e.operands.size(); ++k) expr(e.operands[k]);
    for (const Argument& a : e.arguments) expr(a.value);
    block(e.body);
  }
};

/// The argument of a call that is meant for parameter `k`, or null.
const Argument* argument_for(const Expr& call, const std::vector<ast::Parameter>& parameters, size_t k) {
  size_t position = 0;
  for (const Argument& a : call.arguments)
    if (a.name.empty() ? position++ == k : a.name == parameters[k].name) return &a;
  return nullptr;
}

}  // namespace

bool Elaborator::fits(const Declaration& d, const Expr& call, ScopePtr bound) {
  struct Misfit {
    const Argument* argument;
    const ast::Parameter* parameter;
    bool wants_path;
    std::string_view wanted, does;
  };
  std::vector<Misfit> misfits;
  for (size_t k = 0; k < d.parameters.size(); ++k) {
    const Argument* given = argument_for(call, d.parameters, k);
    if (!given) continue;
    Uses uses{program_, d.parameters[k].name};
    uses.block(d.body);
    uses.expr(d.range);
    const Value& v = bound->find(d.parameters[k].name)->value;
    const bool path = v.dataset() || (v.instance() && v.instance()->declaration->kind == DeclarationKind::Path);
    const bool function = v.get<Tensor>() || v.get<Closure>() || v.get<Native>() || v.get<Builtin>() ||
                          (v.instance() && v.instance()->declaration->kind == DeclarationKind::Net);
    if (v.poisoned() || uses.drawn_from == uses.called) continue;
    if (uses.snapshots && !v.dataset())
      misfits.push_back({given, &d.parameters[k], true, "a data set", "asks for the snapshots of"});
    else if (uses.drawn_from && !path)
      misfits.push_back({given, &d.parameters[k], true, "a path", "draws from"});
    else if (uses.called && !function)
      misfits.push_back({given, &d.parameters[k], false,
                         d.parameters[k].fallback.valid() ? "a number or a function" : "a function such as a potential",
                         "calls"});
  }
  if (misfits.empty()) return true;
  const Misfit& first = misfits[0];
  auto& report = sink_.report<Kind::WrongKindOfValue>(
      program_[first.argument->value].span, bound->find(first.parameter->name)->value.describe(g()), first.wanted);
  report.notes.push_back(
      {first.parameter->span, fmt::format("`{}` {} its `{}`", d.name, first.does, first.parameter->name)});
  if (misfits.size() == 2 && misfits[0].wants_path != misfits[1].wants_path) {
    std::string swapped;
    for (const Argument& a : call.arguments) {
      const Argument& now = &a == misfits[0].argument   ? *misfits[1].argument
                            : &a == misfits[1].argument ? *misfits[0].argument
                                                        : a;
      swapped +=
          fmt::format("{}{}{}", swapped.empty() ? "" : ", ", a.name.empty() ? "" : a.name + " = ", text(now.value));
    }
    report.suggestion = fmt::format("write `{}({})`", text(call.operands[0]), swapped);
  }
  return false;
}

Value Elaborator::make_instance(const Maker& maker, const Expr& e, ScopePtr caller) {
  const Declaration& d = *maker.declaration;
  ScopePtr inner = scope(top_, true);
  if (!bind_arguments(d.name, d.parameters, e, caller, inner)) return poison();
  const bool speaks_of_samples = d.kind == DeclarationKind::Dynamics || d.kind == DeclarationKind::Path;
  if (speaks_of_samples && !fits(d, e, inner)) return poison();
  const std::string place = site(e);
  if (d.kind == DeclarationKind::Net && store_) layer_name(place, d.name);
  return {std::make_shared<const Instance>(Instance{&d, inner, owner_ + "|" + place}), e.span};
}

std::string Elaborator::layer_name(const std::string& place, std::string_view net) {
  const std::string key = owner_ + "|" + place;
  auto known = store_->layer_names.find(key);
  if (known != store_->layer_names.end()) return known->second;
  // The nearest enclosing layer names the parent.
  std::string parent = owner_;
  for (std::string outer = place_; !outer.empty();) {
    auto it = store_->layer_names.find(outer.find('|') == std::string::npos ? owner_ + "|" + outer : outer);
    if (it != store_->layer_names.end()) {
      parent = it->second;
      break;
    }
    const size_t cut = outer.rfind('/');
    if (cut == std::string::npos) break;
    outer = outer.substr(0, cut);
  }
  std::string name = fmt::format("{}.{}", parent, net);
  const int n = ++store_->layer_counts[name];
  if (n > 1) name += std::to_string(n);
  return store_->layer_names[key] = name;
}

ScopePtr Elaborator::open(const Instance& instance) {
  ScopePtr inner = scope(instance.scope, true);
  for (const Statement& s : program_[instance.declaration->body].statements) {
    if (s.kind == StatementKind::Function)
      inner->bind(
          s.name,
          {Closure{.name = s.name, .parameters = &s.parameters, .body = s.body, .scope = inner, .span = s.name_span},
           s.name_span});
    else if (s.kind == StatementKind::Let)
      inner->bind(s.name, evaluate(s.value, inner));
  }
  return inner;
}

std::optional<Closure> Elaborator::member(const Instance&, std::string_view name, ScopePtr scope) {
  Binding* b = scope->find(name);
  if (!b || !b->value.get<Closure>()) return {};
  return *b->value.get<Closure>();
}

Value Elaborator::member_value(const Expr& e, ScopePtr scope) {
  Value base = evaluate(e.operands[0], scope);
  if (auto* m = base.get<Maker>(); m && m->declaration->kind == DeclarationKind::Solver)
    base = instantiate(*m->declaration, {}, e.span);
  if (base.poisoned()) return poison();
  std::vector<std::string> known;
  std::string_view what = base.dataset() ? "data set" : "path";
  if (auto d = base.dataset()) {
    for (const BuiltinInfo& m : data_members()) {
      known.emplace_back(m.name);
      if (m.name != e.text) continue;
      if (m.parameters.empty()) return m.call(*this, {.span = e.span, .self = d});
      return {Builtin{&m, d}, e.span};
    }
  } else if (auto* i = base.instance(); i && i->declaration->kind == DeclarationKind::Path) {
    known = {"start", "end", "mass"};
    if (e.text == "mass") return path_mass(*i, e.span);
    if (e.text == "start" || e.text == "end") {
      if (auto range = path_range(*i)) return constant(e.text == "start" ? range->from : range->to, e.span);
      return poison();
    }
  } else if (i && i->declaration->kind == DeclarationKind::Solver) {
    what = "solver";
    ScopePtr inner = open(*i);
    if (const auto f = member(*i, e.text, inner)) return {*f, e.span};
    for (const Binding& b : inner->bindings) known.push_back(b.name);
  } else {
    sink_.report<Kind::WrongKindOfValue>(program_[e.operands[0]].span, base.describe(g()),
                                         "something with members, such as a path, a data set or a solver");
    return poison();
  }
  auto& d = sink_.report<Kind::MissingMember>(e.focus.known() ? e.focus : e.span, what, text(e.operands[0]), e.text);
  if (const std::string near = diagnostics::nearest(e.text, known); !near.empty())
    d.suggestion = fmt::format("did you mean `{}`?", near);
  else
    d.suggestion = fmt::format("it has `{}`", fmt::join(known, "`, `"));
  return poison();
}

Value Elaborator::path_mass(const Instance& path, Span span) {
  ask_for_mass();
  for (const Statement& s : program_[path.declaration->body].statements)
    if (s.kind == StatementKind::Function && s.name == "mass")
      return {Closure{.name = "mass", .parameters = &s.parameters, .body = s.body, .scope = path.scope,
                      .span = s.name_span},
              span};
  const auto always_one = [this](const std::vector<Value>&) { return constant(1); };
  return {Native{"mass", {"t"}, std::make_shared<const std::function<Value(const std::vector<Value>&)>>(always_one)},
          span};
}

// --- statements ---

Value Elaborator::block(ast::BlockId id, ScopePtr scope) {
  Value result;
  for (const Statement& s : program_[id].statements) statement(s, scope, result);
  return result;
}

void Elaborator::assign(ScopePtr scope, const std::string& name, Value value) {
  for (ScopePtr s = scope; s; s = s->parent) {
    if (Binding* b = s->find(name)) {
      *b = {name, std::move(value), false};
      return;
    }
    if (s->function) break;
  }
  scope->bind(name, std::move(value));
}

void Elaborator::statement(const Statement& s, ScopePtr scope, Value& result) {
  switch (s.kind) {
    case StatementKind::Let: assign(scope, s.name, evaluate(s.value, scope)); return;
    case StatementKind::Draw: {
      // The step of a solver may draw and be called from anywhere.
      if (drawing_ == 0 && !misplaced(s.span))
        sink_.report<Kind::MisplacedStatement>(s.span, "a draw, reached from where nothing may be drawn,").suggestion =
            "call what draws in the body of a path or distribution";
      const size_t reports = sink_.count();
      const NodeId drawn = draw(evaluate(s.value, scope), program_[s.value].span);
      trace(reports, program_[s.value].span);
      if (drawn.valid()) remember_size(g()[drawn].shape);
      scope->bind(s.name, drawn.valid() ? make(ir::variable(g(), drawn), s.span) : poison(), true);
      return;
    }
    case StatementKind::Param: parameter(s, scope); return;
    case StatementKind::State:
    case StatementKind::Minimize: return;  // read by those who run the member functions
    case StatementKind::Function:
      scope->bind(
          s.name,
          {Closure{.name = s.name, .parameters = &s.parameters, .body = s.body, .scope = scope, .span = s.name_span},
           s.name_span});
      return;
    case StatementKind::Repeat: {
      const auto n = whole(evaluate(s.value, scope), "the number of turns of `repeat`", 0);
      for (int turn = 0; n && turn < *n && affordable(s.span); ++turn) {
        Restore place(place_, fmt::format("{}/r{}.{}", place_, s.span.begin, turn));
        block(s.body, this->scope(scope));
      }
      return;
    }
    case StatementKind::If: {
      const size_t reports = sink_.count();
      const auto condition = number(evaluate(s.value, scope), "the condition of `if`");
      if (!condition) {
        for (diagnostics::Diagnostic& d : sink_.take(reports)) {
          if (d.kind == Kind::NotAConstant) d.suggestion = "to choose by a sample, write `where(condition, a, b)`";
          sink_.add(std::move(d));
        }
        return;
      }
      const ast::BlockId taken = *condition != 0 ? s.body : s.otherwise;
      if (taken.valid()) result = block(taken, this->scope(scope));
      return;
    }
    case StatementKind::Result: result = evaluate(s.value, scope); return;
  }
}

bool Elaborator::misplaced(Span span) const {
  const auto reported = sink_.sorted();
  return std::any_of(reported.begin(), reported.end(), [&](const diagnostics::Diagnostic& d) {
    return d.kind == Kind::MisplacedStatement && d.span == span;
  });
}

void Elaborator::parameter(const Statement& s, ScopePtr scope) {
  if (!store_ || owner_.empty()) {
    if (!misplaced(s.span))
      sink_.report<Kind::MisplacedStatement>(s.span, "a learned parameter outside of a potential or velocity");
    scope->bind(s.name, poison());
    return;
  }
  if (!s.value.valid()) {
    sink_.report<Kind::WrongKindOfValue>(s.span, "a parameter without an initial value",
                                         "one such as `= lecun_normal()` or `= zeros()`");
    scope->bind(s.name, poison());
    return;
  }
  ir::Shape shape;
  if (s.type.valid()) {
    for (ExprId size : program_[s.type].operands) {
      const auto n = whole(evaluate(size, scope), "a size", 1);
      if (!n || shape.rank == 2) {
        if (n)
          sink_.report<Kind::BadShape>(program_[s.type].span, fmt::format("the parameter `{}`", s.name),
                                       "more than two axes", "a number, vector or matrix");
        scope->bind(s.name, poison());
        return;
      }
      shape.sizes[shape.rank++] = *n;
    }
  }
  const std::string key = owner_ + "|" + place_ + "#" + s.name;
  auto& parameters = store_->parameters;
  const auto [number, is_new] = store_->numbers.try_emplace(key, static_cast<int>(parameters.size()));
  const int index = number->second;
  if (is_new) {
    const std::string layer = store_->layer_names.count(place_) ? store_->layer_names[place_] : owner_;
    parameters.push_back({layer + "." + s.name, shape, s.name_span});
  } else if (!(parameters[index].shape == shape)) {
    auto& d = sink_.report<Kind::ShapeMismatch>(s.span, s.name, parameters[index].shape.text(), shape.text());
    d.suggestion = "a layer that is applied twice must get inputs of one size";
    scope->bind(s.name, poison());
    return;
  }
  auto [node, fresh] = building_->parameter_nodes.try_emplace(index, ir::kNone);
  if (fresh) {
    node->second = g().input(parameters[index].name, shape, false);
    building_->inputs.push_back({Role::Parameter, index, nullptr});
    if (!store_->closed) {
      // The initial value: a number, or a distribution, or a function from (outputs, inputs) to one of them.
      Value initial = evaluate(s.value, scope);
      if (initial.get<Closure>())
        initial = apply(initial, {constant(shape.rank > 0 ? shape[0] : 1), constant(shape.rank > 1 ? shape[1] : 1)},
                        program_[s.value].span);
      const NodeId element = initial.get<Tensor>() ? initial.get<Tensor>()->node
                             : initial.poisoned()  ? ir::kNone
                                                   : draw(initial, program_[s.value].span);
      if (element.valid() && g()[element].shape.rank > 0)
        sink_.report<Kind::NotAScalar>(program_[s.value].span, "the initial value of one entry",
                                       g()[element].shape.text());
      building_->initial.resize(index + 1, ir::kNone);
      building_->initial[index] = element;
    }
  }
  scope->bind(s.name, {Tensor{node->second}, s.span});
}

}  // namespace am::elaborate
