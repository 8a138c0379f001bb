#include "compiler/check/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/check/settings.h"

namespace am::check {

using ast::Block;
using ast::BlockId;
using ast::Declaration;
using ast::DeclarationKind;
using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
using ast::Statement;
using ast::StatementKind;
using diagnostics::Kind;
using source::Span;

namespace {

/// What a declaration of each kind must have in its body, and which statements may stand there.
struct BodyRule {
  DeclarationKind of;
  std::vector<std::string_view> members;
  bool minimizes = false, gives_result = false;
};

const std::vector<BodyRule>& body_rules() {
  static const std::vector<BodyRule> table = {
      {DeclarationKind::Fn, {}, false, true},
      {DeclarationKind::Potential, {}, false, true},
      {DeclarationKind::Velocity, {}, false, true},
      {DeclarationKind::Path, {}, false, true},
      {DeclarationKind::Distribution, {}, false, true},
      {DeclarationKind::Net, {"apply"}},
      {DeclarationKind::Dynamics, {"drift"}, true},
      {DeclarationKind::Optimizer, {"update"}},
      {DeclarationKind::Solver, {"step"}},
  };
  return table;
}

bool makes_paths(const Declaration& d) { return d.kind == DeclarationKind::Path && !d.parameters.empty(); }

class Checker {
 public:
  Checker(const ast::Program& program, size_t own, std::span<const std::string> predefined, diagnostics::Sink& sink)
      : p_(program), own_(own), sink_(sink), predefined_(predefined.begin(), predefined.end()) {}

  void run(std::span<const ExprId> overrides) {
    declare();
    for (size_t i = 0; i < p_.declarations.size(); ++i) {
      user_ = i >= own_;
      declaration(p_.declarations[i]);
    }
    locals_.clear();
    for (ExprId id : overrides) expr(id);
    for (size_t i = own_; i < p_.declarations.size(); ++i) unused(p_.declarations[i]);
  }

 private:
  void declare();
  void declaration(const Declaration& d);
  void body(const Declaration& d);
  void settings(const Declaration& d);
  void model(const std::string& name, Span span);
  void unused(const Declaration& d);
  void parameters(const std::vector<ast::Parameter>& list);
  void block(BlockId id);
  void statement(const Statement& s);
  void function(const std::vector<ast::Parameter>& parameters, BlockId body, const std::string& name, Span span);
  bool gives(BlockId id) const;
  void result(BlockId body, const std::string& name, Span span);
  void expr(ExprId id);
  void name(const std::string& name, Span span);
  bool local(const std::string& name) const;
  std::string suggestion(const std::string& name) const;

  const ast::Program& p_;
  size_t own_;
  diagnostics::Sink& sink_;
  std::set<std::string> predefined_;
  std::map<std::string, const Declaration*> declared_;
  std::set<std::string> used_;
  std::vector<std::string> locals_;
  const Declaration* current_ = nullptr;
  bool user_ = false;
  int draws_allowed_ = 0;
};

void Checker::declare() {
  for (const Declaration& d : p_.declarations) {
    if (d.name.empty()) continue;
    // A path and a net may share a name, as `linear` does: what stands after `path q =` tells them apart.
    const std::string key = (makes_paths(d) ? "path " : "") + d.name;
    auto [it, fresh] = declared_.try_emplace(key, &d);
    if (makes_paths(d)) declared_.try_emplace(d.name, &d);
    const bool reserved = predefined_.count(d.name) > 0;
    if (fresh && !reserved) continue;
    auto& report = sink_.report<Kind::DuplicateName>(d.name_span, d.name);
    if (reserved)
      report.suggestion = fmt::format("`{}` is a name that the language provides; choose another", d.name);
    else
      report.notes.push_back({it->second->name_span, "it is declared here first"});
  }
}

void Checker::declaration(const Declaration& d) {
  current_ = &d;
  locals_.clear();
  draws_allowed_ = d.kind == DeclarationKind::Path || d.kind == DeclarationKind::Distribution;
  parameters(d.parameters);
  if (d.range.valid()) expr(d.range);
  parameters(d.variables);
  if (d.kind == DeclarationKind::Path && d.range.valid() && d.variables.empty())
    sink_.report<Kind::MissingArgument>(d.name_span, d.name, "t").suggestion =
        fmt::format("write `path {}(t) over …`", d.name);
  if (d.variables.size() > 1)
    sink_.report<Kind::MisplacedStatement>(d.variables[1].span, "a second variable, since a path has only its time,")
        .suggestion = fmt::format("hyper-parameters come first: `path {}(…)({}) over …`", d.name, d.variables[0].name);
  if (d.value.valid()) expr(d.value);
  if (d.kind == DeclarationKind::Sample || d.kind == DeclarationKind::Evaluate) model(d.model, d.model_span);
  if (d.body.valid()) body(d);
  settings(d);
}

void Checker::body(const Declaration& d) {
  int minimized = 0;
  std::map<std::string, Span> members;
  for (const Statement& s : p_[d.body].statements) {
    if (s.kind == StatementKind::Minimize && ++minimized == 2)
      sink_.report<Kind::DuplicateName>(s.span, "minimize").suggestion = "join the two objectives by `+`";
    if (s.kind != StatementKind::Function && s.kind != StatementKind::State) continue;
    if (auto [first, fresh] = members.try_emplace(s.name, s.name_span); !fresh)
      sink_.report<Kind::DuplicateName>(s.name_span, s.name).notes.push_back({first->second, "it is declared here first"});
  }
  // Members and lets of nets, dynamics, optimizers and solvers see each other in any order.
  for (const Statement& s : p_[d.body].statements)
    if (s.kind == StatementKind::Function || s.kind == StatementKind::State) locals_.push_back(s.name);
  block(d.body);
  for (const BodyRule& rule : body_rules()) {
    if (rule.of != d.kind) continue;
    const auto& statements = p_[d.body].statements;
    auto has = [&](auto test) { return std::any_of(statements.begin(), statements.end(), test); };
    for (std::string_view member : rule.members)
      if (!has([&](const Statement& s) { return s.kind == StatementKind::Function && s.name == member; }))
        sink_.report<Kind::MissingMember>(d.name_span, ast::keyword(d.kind), d.name, member);
    if (rule.minimizes && !has([](const Statement& s) { return s.kind == StatementKind::Minimize; }))
      sink_.report<Kind::MissingMember>(d.name_span, ast::keyword(d.kind), d.name, "minimize");
    if (rule.gives_result) result(d.body, d.name, d.name_span);
  }
}

void Checker::model(const std::string& name, Span span) {
  used_.insert(name);
  auto it = declared_.find(name);
  if (it != declared_.end() && it->second->kind == DeclarationKind::Train) return;
  if (it != declared_.end()) {
    sink_.report<Kind::WrongKindOfValue>(span, fmt::format("the {} `{}`", ast::keyword(it->second->kind), name),
                                         "the model of a `train` declaration");
    return;
  }
  std::vector<std::string> models;
  for (const Declaration& d : p_.declarations)
    if (d.kind == DeclarationKind::Train) models.push_back(d.name);
  auto& report = sink_.report<Kind::UnknownName>(span, name);
  std::string near = diagnostics::nearest(name, models);
  if (near.empty() && models.size() == 1) near = models[0];
  if (!near.empty())
    report.suggestion = fmt::format("the model of a `train` declaration is needed: did you mean `{}`?", near);
}

void Checker::settings(const Declaration& d) {
  std::vector<std::string> known;
  for (const SettingInfo& s : check::settings())
    if (s.of == d.kind) known.emplace_back(s.name);
  const std::string owner = fmt::format("{} {}", ast::keyword(d.kind), d.name.empty() ? d.model : d.name);
  std::set<std::string> given;
  for (const ast::Setting& s : d.settings) {
    if (std::find(known.begin(), known.end(), s.name) == known.end()) {
      auto& report = sink_.report<Kind::UnknownSetting>(s.name_span, owner, s.name);
      if (const std::string near = diagnostics::nearest(s.name, known); !near.empty())
        report.suggestion = fmt::format("did you mean `{}`?", near);
      else
        report.suggestion = fmt::format("the settings are {}", fmt::join(known, ", "));
    }
    if (!given.insert(s.name).second) sink_.report<Kind::RepeatedArgument>(s.name_span, s.name);
    expr(s.value);
  }
  for (const SettingInfo& s : check::settings())
    if (s.of == d.kind && s.fallback == "!" && !given.count(std::string(s.name)))
      sink_.report<Kind::MissingSetting>(d.name.empty() ? d.model_span : d.name_span, owner, s.name).suggestion =
          fmt::format("add `{} = …`: {}", s.name, s.meaning);
}

void Checker::unused(const Declaration& d) {
  const bool runs =
      d.kind == DeclarationKind::Train || d.kind == DeclarationKind::Sample || d.kind == DeclarationKind::Evaluate;
  if (!runs && !d.name.empty() && !used_.count(d.name))
    sink_.report<Kind::UnusedDeclaration>(d.name_span, ast::keyword(d.kind), d.name);
}

void Checker::parameters(const std::vector<ast::Parameter>& list) {
  for (size_t k = 0; k < list.size(); ++k) {
    for (size_t i = 0; i < k; ++i)
      if (list[i].name == list[k].name) sink_.report<Kind::DuplicateName>(list[k].span, list[k].name);
    if (list[k].fallback.valid()) expr(list[k].fallback);
    locals_.push_back(list[k].name);
  }
}

void Checker::block(BlockId id) {
  const size_t outer = locals_.size();
  for (const Statement& s : p_[id].statements) statement(s);
  locals_.resize(outer);
}

void Checker::statement(const Statement& s) {
  auto misplaced = [&](bool fine, std::string_view what) {
    if (!fine) sink_.report<Kind::MisplacedStatement>(s.span, what);
  };
  const DeclarationKind kind = current_->kind;
  switch (s.kind) {
    case StatementKind::Let:
      expr(s.value);
      locals_.push_back(s.name);
      return;
    case StatementKind::Draw:
      misplaced(draws_allowed_ > 0, "a draw, which only the body of a path or distribution may hold,");
      expr(s.value);
      locals_.push_back(s.name);
      return;
    case StatementKind::Param:
      misplaced(kind == DeclarationKind::Net || kind == DeclarationKind::Potential || kind == DeclarationKind::Velocity,
                "a parameter, which only nets, potentials and velocities have,");
      if (s.type.valid()) expr(s.type);
      if (s.value.valid()) expr(s.value);
      locals_.push_back(s.name);
      return;
    case StatementKind::State:
      misplaced(kind == DeclarationKind::Optimizer, "a state, which only optimizers have,");
      expr(s.value);
      return;
    case StatementKind::Minimize:
      misplaced(kind == DeclarationKind::Dynamics, "`minimize`, which only dynamics have,");
      expr(s.value);
      return;
    case StatementKind::Repeat: {
      expr(s.value);
      const size_t outer = locals_.size();
      block(s.body);
      locals_.resize(outer);
      return;
    }
    case StatementKind::If:
      expr(s.value);
      if (s.body.valid()) block(s.body);
      if (s.otherwise.valid()) block(s.otherwise);
      return;
    case StatementKind::Function:
      locals_.push_back(s.name);
      function(s.parameters, s.body, s.name, s.name_span);
      return;
    case StatementKind::Result: expr(s.value); return;
  }
}

void Checker::function(const std::vector<ast::Parameter>& list, BlockId body, const std::string& name, Span span) {
  const size_t outer = locals_.size();
  const int draws = draws_allowed_;
  draws_allowed_ = 0;
  parameters(list);
  if (body.valid()) {
    block(body);
    result(body, name, span);
  }
  draws_allowed_ = draws;
  locals_.resize(outer);
}

/// A body gives its last expression; a condition at its end gives one whichever way it goes.
bool Checker::gives(BlockId id) const {
  if (!id.valid() || p_[id].statements.empty()) return false;
  const Statement& last = p_[id].statements.back();
  return last.kind == StatementKind::Result || (last.kind == StatementKind::If && gives(last.body) && gives(last.otherwise));
}

void Checker::result(BlockId body, const std::string& name, Span span) {
  if (!gives(body)) sink_.report<Kind::MissingResult>(span, name);
}

void Checker::expr(ExprId id) {
  if (!id.valid()) return;
  const Expr& e = p_[id];
  switch (e.kind) {
    case ExprKind::Name:
      name(e.text, e.span);
      if (e.text == "uniform01" && draws_allowed_ == 0 && !local(e.text))
        sink_.report<Kind::MisplacedStatement>(e.span, "a draw, which only the body of a path or distribution may hold,");
      return;
    case ExprKind::Expectation:
    case ExprKind::Integral: {
      for (size_t k = 0; k + 1 < e.operands.size(); ++k) expr(e.operands[k]);
      const size_t outer = locals_.size();
      locals_.insert(locals_.end(), e.names.begin(), e.names.end());
      expr(e.operands.back());
      locals_.resize(outer);
      return;
    }
    case ExprKind::Lambda: function(e.parameters, e.body, "fn", e.span); return;
    case ExprKind::Gradient:
    case ExprKind::Partial:
      if (!e.text.empty() && !local(e.text)) name(e.text, e.focus.known() ? e.focus : e.span);
      break;
    default: break;
  }
  for (ExprId operand : e.operands) expr(operand);
  for (const ast::Argument& a : e.arguments) expr(a.value);
}

bool Checker::local(const std::string& name) const {
  return std::find(locals_.begin(), locals_.end(), name) != locals_.end();
}

void Checker::name(const std::string& name, Span span) {
  if (local(name)) return;
  if (user_) used_.insert(name);
  if (declared_.count(name) || predefined_.count(name)) return;
  auto& report = sink_.report<Kind::UnknownName>(span, name);
  const std::string near = suggestion(name);
  if (near.empty()) return;
  report.suggestion = fmt::format("did you mean `{}`?", near);
  // A misspelt name most likely means the one it resembles, which is then not unused.
  if (user_) used_.insert(near);
}

std::string Checker::suggestion(const std::string& name) const {
  std::vector<std::string> candidates = locals_;
  for (const auto& [known, unused] : declared_)
    if (known.find(' ') == std::string::npos) candidates.push_back(known);
  candidates.insert(candidates.end(), predefined_.begin(), predefined_.end());
  return diagnostics::nearest(name, candidates);
}

}  // namespace

void check(const ast::Program& program, size_t own, std::span<const std::string> predefined,
           std::span<const ExprId> overrides, diagnostics::Sink& sink) {
  Checker(program, own, predefined, sink).run(overrides);
}

}  // namespace am::check
