#include "compiler/check/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

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

/// A function that something else calls by its name, with the parameters it is called with.
struct Member {
  std::string_view name, parameters;
  bool required = true, draws = false;
};

/// What a declaration of each kind must or may have in its body.
struct BodyRule {
  DeclarationKind of;
  std::vector<Member> members;
  bool minimizes = false, gives_result = false;
  std::string_view plural = "";  // of declarations with members
};

const std::vector<BodyRule>& body_rules() {
  static const std::vector<BodyRule> table = {
      {DeclarationKind::Fn, {}, false, true},
      {DeclarationKind::Potential, {}, false, true},
      {DeclarationKind::Velocity, {}, false, true},
      {DeclarationKind::Path, {}, false, true},
      {DeclarationKind::Distribution, {}, false, true},
      {DeclarationKind::Net, {{"apply", "x"}}, false, false, "nets"},
      {DeclarationKind::Dynamics,
       {{"drift", "x, t"}, {"noise", "t", false}, {"growth", "x, t", false}},
       true,
       false,
       "dynamics"},
      {DeclarationKind::Optimizer, {{"update", "p, g, k, n"}, {"rate", "k, n", false}}, false, false, "optimizers"},
      {DeclarationKind::Solver,
       {{"step", "f, x, t, h, noise", true, true}, {"error", "f, x, t, h", false}},
       false,
       false,
       "solvers"},
  };
  return table;
}

bool may_draw(DeclarationKind of, std::string_view member) {
  for (const BodyRule& rule : body_rules())
    for (const Member& m : rule.members)
      if (rule.of == of && m.name == member) return m.draws;
  return false;
}

constexpr std::string_view kDraw =
    "a draw, which only the body of a path, a distribution or the step of a solver may hold,";

/// What makes sense where an expression stands, for suggestions.
enum class Wanted {
  Value,
  Argument,
  Function,
  Path,
  Data,
  Distribution,
  Dynamics,
  Learned,
  Optimizer,
  Solver,
  Metric,
  Mode,
  Precision,
  Products,
  Coordinates,
  TimeSampler
};

Wanted wanted_by_setting(std::string_view name) {
  if (name == "optimizer") return Wanted::Optimizer;
  if (name == "solver") return Wanted::Solver;
  if (name == "metrics") return Wanted::Metric;
  if (name == "mode") return Wanted::Mode;
  if (name == "precision") return Wanted::Precision;
  if (name == "products") return Wanted::Products;
  if (name == "coordinates") return Wanted::Coordinates;
  if (name == "time_sampler") return Wanted::TimeSampler;
  if (name == "start" || name == "against") return Wanted::Data;
  return Wanted::Value;
}

/// True if something of this sort, declared or provided, makes sense there.
bool makes_sense(DeclarationKind kind, Wanted wanted) {
  using K = DeclarationKind;
  const bool samples = kind == K::Path || kind == K::Data, learned = kind == K::Potential || kind == K::Velocity;
  switch (wanted) {
    case Wanted::Value: return kind == K::Const;
    case Wanted::Argument: return kind == K::Const || kind == K::Fn || learned || samples;
    case Wanted::Function: return kind == K::Fn || kind == K::Net || learned || samples || kind == K::Distribution;
    case Wanted::Path: return samples;
    case Wanted::Data: return samples || kind == K::Distribution;
    case Wanted::Distribution: return samples || kind == K::Distribution;
    case Wanted::Dynamics: return kind == K::Dynamics;
    case Wanted::Learned: return samples || learned;
    case Wanted::Optimizer: return kind == K::Optimizer;
    case Wanted::Solver: return kind == K::Solver;
    case Wanted::Metric:
    case Wanted::Mode:
    case Wanted::Precision:
    case Wanted::Products:
    case Wanted::Coordinates:
    case Wanted::TimeSampler: return false;
  }
  return false;
}

bool makes_sense(std::string_view group, Wanted wanted) {
  switch (wanted) {
    case Wanted::Value: return group == "constant";
    case Wanted::Argument: return group == "constant" || group == "function";
    case Wanted::Function:
    case Wanted::Path:
    case Wanted::Data:
    case Wanted::Distribution: return group == "function";
    case Wanted::Metric: return group == "metric";
    case Wanted::Mode: return group == "mode";
    case Wanted::Precision: return group == "precision";
    case Wanted::Products: return group == "product";
    case Wanted::Coordinates: return group == "coordinates";
    case Wanted::TimeSampler: return group == "time sampler";
    case Wanted::Dynamics:
    case Wanted::Learned:
    case Wanted::Optimizer:
    case Wanted::Solver: return false;
  }
  return false;
}

bool makes_paths(const Declaration& d) { return d.kind == DeclarationKind::Path && !d.parameters.empty(); }

class Checker {
 public:
  Checker(const ast::Program& program, size_t own, std::span<const Predefined> predefined, diagnostics::Sink& sink)
      : p_(program), own_(own), sink_(sink) {
    for (const Predefined& p : predefined) predefined_[p.name] = p.group;
  }

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
  void function(const std::vector<ast::Parameter>& parameters, BlockId body, const std::string& name, Span span,
                bool draws = false);
  bool gives(BlockId id) const;
  void result(BlockId body, const std::string& name, Span span);
  void expr(ExprId id, Wanted wanted = Wanted::Value);
  void name(const std::string& name, Span span, Wanted wanted = Wanted::Value);
  bool local(const std::string& name) const;
  std::string suggestion(const std::string& name, Wanted wanted) const;
  std::string choices(Wanted wanted) const;
  void known_members(const Declaration& d, const BodyRule& rule);

  const ast::Program& p_;
  size_t own_;
  diagnostics::Sink& sink_;
  std::map<std::string, std::string> predefined_;  // to the group of each
  std::map<std::string, const Declaration*> declared_;
  std::set<std::string> used_;
  std::vector<std::string> locals_;
  const Declaration* current_ = nullptr;
  bool user_ = false;
  bool draws_allowed_ = false;
  bool objective_ = false;  // in what is minimised, outside of expectations and integrals
};

void Checker::declare() {
  for (const Declaration& d : p_.declarations) {
    if (d.name.empty()) continue;
    // A path and a net may share a name, as `linear` does: what stands after `path q =` tells them apart.
    const std::string key = (makes_paths(d) ? "path " : "") + d.name;
    auto [it, fresh] = declared_.try_emplace(key, &d);
    if (makes_paths(d)) declared_.try_emplace(d.name, &d);
    // Words of settings, such as metrics, mean what they mean there; a script may call something else by such a name.
    const auto provided = predefined_.find(d.name);
    const bool reserved =
        provided != predefined_.end() && (provided->second == "function" || provided->second == "constant");
    if (fresh && !reserved) continue;
    auto& report = sink_.report<Kind::DuplicateName>(d.name_span, d.name);
    used_.insert(d.name);  // one report is enough
    if (reserved || it->second < &p_.declarations[own_])
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
  if (d.value.valid())
    expr(d.value, d.kind == DeclarationKind::Path    ? Wanted::Path
                  : d.kind == DeclarationKind::Data  ? Wanted::Data
                  : d.kind == DeclarationKind::Train ? Wanted::Dynamics
                                                     : Wanted::Value);
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
      sink_.report<Kind::DuplicateName>(s.name_span, s.name)
          .notes.push_back({first->second, "it is declared here first"});
  }
  // Members and lets of nets, dynamics, optimizers and solvers see each other in any order.
  for (const Statement& s : p_[d.body].statements)
    if (s.kind == StatementKind::Function || s.kind == StatementKind::State) locals_.push_back(s.name);
  block(d.body);
  for (const BodyRule& rule : body_rules()) {
    if (rule.of != d.kind) continue;
    const auto& statements = p_[d.body].statements;
    known_members(d, rule);
    if (rule.minimizes && std::none_of(statements.begin(), statements.end(),
                                       [](const Statement& s) { return s.kind == StatementKind::Minimize; }))
      sink_.report<Kind::MissingMember>(d.name_span, ast::keyword(d.kind), d.name, "minimize").suggestion =
          "say what is minimised: `minimize …`";
    if (rule.gives_result) result(d.body, d.name, d.name_span);
  }
}

/// A member that nothing calls is most likely another one, misspelt; and one that is bound as a value is none.
void Checker::known_members(const Declaration& d, const BodyRule& rule) {
  if (rule.members.empty()) return;
  const auto& statements = p_[d.body].statements;
  auto has = [&](std::string_view name) {
    return std::any_of(statements.begin(), statements.end(),
                       [&](const Statement& s) { return s.kind == StatementKind::Function && s.name == name; });
  };
  std::vector<std::string> names, missing;
  for (const Member& m : rule.members) {
    names.emplace_back(m.name);
    if (!has(m.name)) missing.emplace_back(m.name);
  }
  std::set<std::string> meant;
  for (const Statement& s : statements) {
    if (s.kind != StatementKind::Function || !s.member || std::find(names.begin(), names.end(), s.name) != names.end())
      continue;
    auto& report = sink_.report<Kind::UnknownMember>(s.name_span, rule.plural, s.name);
    const std::string near = diagnostics::nearest(s.name, missing);
    report.suggestion =
        near.empty() ? "a function of your own begins with `fn`" : fmt::format("did you mean `{}`?", near);
    meant.insert(near);
  }
  for (const Member& m : rule.members) {
    if (has(m.name) || meant.count(std::string(m.name))) continue;
    auto value = std::find_if(statements.begin(), statements.end(),
                              [&](const Statement& s) { return s.kind == StatementKind::Let && s.name == m.name; });
    if (!m.required && value == statements.end()) continue;
    sink_
        .report<Kind::MissingMember>(value == statements.end() ? d.name_span : value->name_span, ast::keyword(d.kind),
                                     d.name, m.name)
        .suggestion = fmt::format("write `{}({}) = …`", m.name, m.parameters);
  }
}

void Checker::model(const std::string& name, Span span) {
  used_.insert(name);
  auto it = declared_.find(name);
  if (it != declared_.end() && it->second->kind == DeclarationKind::Train) return;
  if (it != declared_.end()) {
    sink_
        .report<Kind::WrongKindOfValue>(span, fmt::format("the {} `{}`", ast::keyword(it->second->kind), name),
                                        "the model of a `train` declaration")
        .suggestion = "train it first: `train model = am(…)`, then name `model` here";
    return;
  }
  std::vector<std::string> models;
  for (const Declaration& d : p_.declarations)
    if (d.kind == DeclarationKind::Train) models.push_back(d.name);
  auto& report = sink_.report<Kind::UnknownName>(span, name);
  std::string near = diagnostics::nearest(name, models);
  if (near.empty() && models.size() == 1) near = models[0];
  if (models.empty()) report.suggestion = fmt::format("nothing is trained yet: write `train {} = am(…)`", name);
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
    expr(s.value, wanted_by_setting(s.name));
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
      misplaced(draws_allowed_, kDraw);
      expr(s.value, Wanted::Distribution);
      locals_.push_back(s.name);
      return;
    case StatementKind::Param:
      misplaced(kind == DeclarationKind::Net || kind == DeclarationKind::Potential || kind == DeclarationKind::Velocity,
                "a parameter, which only nets, potentials and velocities have,");
      if (s.type.valid()) expr(s.type);
      if (s.value.valid()) expr(s.value, Wanted::Function);
      locals_.push_back(s.name);
      return;
    case StatementKind::State:
      misplaced(kind == DeclarationKind::Optimizer, "a state, which only optimizers have,");
      expr(s.value);
      return;
    case StatementKind::Minimize:
      misplaced(kind == DeclarationKind::Dynamics, "`minimize`, which only dynamics have,");
      objective_ = true;
      expr(s.value);
      objective_ = false;
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
      function(s.parameters, s.body, s.name, s.name_span, s.member && may_draw(kind, s.name));
      return;
    case StatementKind::Result: expr(s.value); return;
  }
}

void Checker::function(const std::vector<ast::Parameter>& list, BlockId body, const std::string& name, Span span,
                       bool draws) {
  const size_t outer = locals_.size();
  const bool before = std::exchange(draws_allowed_, draws);
  parameters(list);
  if (body.valid()) {
    block(body);
    result(body, name, span);
  }
  draws_allowed_ = before;
  locals_.resize(outer);
}

/// A body gives its last expression; a condition at its end gives one whichever way it goes.
bool Checker::gives(BlockId id) const {
  if (!id.valid() || p_[id].statements.empty()) return false;
  const Statement& last = p_[id].statements.back();
  return last.kind == StatementKind::Result ||
         (last.kind == StatementKind::If && gives(last.body) && gives(last.otherwise));
}

void Checker::result(BlockId body, const std::string& name, Span span) {
  if (!gives(body)) sink_.report<Kind::MissingResult>(span, name);
}

void Checker::expr(ExprId id, Wanted wanted) {
  if (!id.valid()) return;
  const Expr& e = p_[id];
  switch (e.kind) {
    case ExprKind::Name:
      name(e.text, e.span, wanted);
      // Right in an objective it makes that depend on a sample, which is reported where the whole term is known.
      if (e.text == "uniform01" && !draws_allowed_ && !objective_ && !local(e.text))
        sink_.report<Kind::MisplacedStatement>(e.span, kDraw);
      return;
    case ExprKind::Expectation:
    case ExprKind::Integral: {
      for (size_t k = 0; k + 1 < e.operands.size(); ++k)
        expr(e.operands[k], e.kind == ExprKind::Expectation ? Wanted::Distribution : Wanted::Value);
      const size_t outer = locals_.size();
      const bool objective = std::exchange(objective_, false);
      locals_.insert(locals_.end(), e.names.begin(), e.names.end());
      expr(e.operands.back());
      locals_.resize(outer);
      objective_ = objective;
      return;
    }
    case ExprKind::Lambda: function(e.parameters, e.body, "fn", e.span); return;
    case ExprKind::Gradient:
    case ExprKind::Partial:
      if (!e.text.empty() && !local(e.text)) name(e.text, e.focus.known() ? e.focus : e.span);
      break;
    case ExprKind::Call:
      expr(e.operands[0], wanted == Wanted::Value ? Wanted::Function : wanted);
      for (const ast::Argument& a : e.arguments)
        expr(a.value, wanted == Wanted::Dynamics ? Wanted::Learned
                      : wanted == Wanted::Path   ? Wanted::Data
                                                 : Wanted::Argument);
      return;
    default: break;
  }
  for (ExprId operand : e.operands) expr(operand, e.kind == ExprKind::List ? wanted : Wanted::Value);
  for (const ast::Argument& a : e.arguments) expr(a.value);
}

bool Checker::local(const std::string& name) const {
  return std::find(locals_.begin(), locals_.end(), name) != locals_.end();
}

void Checker::name(const std::string& name, Span span, Wanted wanted) {
  if (local(name)) return;
  if (user_) used_.insert(name);
  if (declared_.count(name) || predefined_.count(name)) return;
  auto& report = sink_.report<Kind::UnknownName>(span, name);
  const std::string near = suggestion(name, wanted);
  if (near.empty()) {
    report.suggestion = choices(wanted);
    return;
  }
  report.suggestion = fmt::format("did you mean `{}`?", near);
  // A misspelt name most likely means the one it resembles, which is then not unused.
  if (user_) used_.insert(near);
}

/// Where only few things make sense, all of them.
std::string Checker::choices(Wanted wanted) const {
  const bool few = wanted == Wanted::Dynamics || wanted == Wanted::Optimizer || wanted == Wanted::Solver ||
                   wanted == Wanted::Metric || wanted == Wanted::Mode || wanted == Wanted::Precision ||
                   wanted == Wanted::Coordinates || wanted == Wanted::TimeSampler;
  std::set<std::string> fitting;
  for (const auto& [known, d] : declared_)
    if (makes_sense(d->kind, wanted)) fitting.insert(d->name);
  for (const auto& [known, group] : predefined_)
    if (makes_sense(group, wanted)) fitting.insert(known);
  return few && !fitting.empty() ? fmt::format("there are `{}`", fmt::join(fitting, "`, `")) : "";
}

std::string Checker::suggestion(const std::string& name, Wanted wanted) const {
  std::vector<std::string> candidates = locals_, fitting = locals_;
  auto add = [&](const std::string& known, bool fits) {
    candidates.push_back(known);
    if (fits) fitting.push_back(known);
  };
  for (const auto& [known, d] : declared_) {
    if (known.find(' ') == std::string::npos) add(known, makes_sense(d->kind, wanted));
    // `linear` is a net, and a path too.
    else if (makes_sense(d->kind, wanted))
      fitting.push_back(d->name);
  }
  for (const auto& [known, group] : predefined_) add(known, makes_sense(group, wanted));
  return diagnostics::nearest(name, candidates, fitting);
}

}  // namespace

void check(const ast::Program& program, size_t own, std::span<const Predefined> predefined,
           std::span<const ExprId> overrides, diagnostics::Sink& sink) {
  Checker(program, own, predefined, sink).run(overrides);
}

}  // namespace am::check
