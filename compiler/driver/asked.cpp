#include "compiler/driver/asked.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "compiler/elaborate/elaborator.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/parse/parse.h"

namespace am {
namespace {

using ast::Declaration;
using ast::DeclarationKind;
using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
using diagnostics::Kind;

/// R of no axes for "1", R[3] for "3", R[2, 3] for "2x3".
std::optional<ir::Shape> shape_of(std::string_view text) {
  ir::Shape out;
  for (size_t from = 0; from <= text.size();) {
    const size_t end = std::min(text.find('x', from), text.size());
    const std::string size(text.substr(from, end - from));
    char* stop = nullptr;
    const long n = std::strtol(size.c_str(), &stop, 10);
    if (size.empty() || *stop || n < 1 || n > 1'000'000 || out.rank == 2) return {};
    out.sizes[out.rank++] = static_cast<int>(n);
    from = end + 1;
  }
  return out.count() == 1 ? ir::Shape{} : out;
}

/// Makes calls of functions without arguments, and finds the variables.
class Completer {
 public:
  Completer(Script& script, elaborate::Asked& asked) : script_(script), program_(script.program), asked_(asked) {
    for (const elaborate::Predefined& p : elaborate::predefined())
      if (p.group != "data member") known_.emplace(p.name);
    for (const Declaration& d : program_.declarations) {
      known_.insert(d.name);
      if (d.kind == DeclarationKind::Fn) functions_.try_emplace(d.name, &d.parameters);
      if (d.kind != DeclarationKind::Potential && d.kind != DeclarationKind::Velocity) continue;
      functions_.try_emplace(d.name, &d.parameters);
      point_and_time(d.parameters);
    }
    asked_.points.push_back("x");
    asked_.times.push_back("t");
    if (const Declaration* d = dynamics()) open(*d);
  }

  void expr(ExprId id) {
    if (!id.valid()) return;
    const size_t outer = locals_.size();
    // Copied: the arena grows below.
    const Expr e = program_[id];
    switch (e.kind) {
      case ExprKind::Name:
        if (!is_local(e.text)) name(id);
        return;
      case ExprKind::Call: call(e); return;
      case ExprKind::Expectation:
      case ExprKind::Integral:
        for (size_t k = 0; k + 1 < e.operands.size(); ++k) expr(e.operands[k]);
        locals_.insert(locals_.end(), e.names.begin(), e.names.end());
        expr(e.operands.back());
        locals_.resize(outer);
        return;
      case ExprKind::Lambda:
        for (const ast::Parameter& p : e.parameters) locals_.push_back(p.name);
        block(e.body);
        locals_.resize(outer);
        return;
      case ExprKind::Gradient:
      case ExprKind::Partial:
        if (!e.text.empty()) variable(e.text);
        break;
      default: break;
    }
    for (ExprId operand : e.operands) expr(operand);
  }

 private:
  /// The dynamics that the chosen model is trained by.
  const Declaration* dynamics() const {
    for (const Declaration& train : program_.declarations) {
      if (train.kind != DeclarationKind::Train || (!asked_.model.empty() && train.name != asked_.model)) continue;
      const Expr* e = &program_[train.value];
      if (e->kind == ExprKind::Call) e = &program_[e->operands[0]];
      for (const Declaration& d : program_.declarations)
        if (d.kind == DeclarationKind::Dynamics && d.name == e->text) return &d;
      return nullptr;
    }
    return nullptr;
  }

  void open(const Declaration& d) {
    for (const ast::Parameter& p : d.parameters) known_.insert(p.name);
    for (const ast::Statement& s : program_[d.body].statements) {
      if (!s.name.empty()) known_.insert(s.name);
      if (s.kind != ast::StatementKind::Function) continue;
      functions_[s.name] = &s.parameters;
      if (s.name == "drift" || s.name == "growth") point_and_time(s.parameters);
      if (s.name == "noise" && !s.parameters.empty()) asked_.times.push_back(s.parameters.back().name);
    }
  }

  void point_and_time(const std::vector<ast::Parameter>& parameters) {
    if (!parameters.empty()) asked_.points.push_back(parameters[0].name);
    if (parameters.size() > 1) asked_.times.push_back(parameters[1].name);
  }

  bool is_local(const std::string& name) const {
    return std::find(locals_.begin(), locals_.end(), name) != locals_.end();
  }

  void variable(const std::string& name) {
    auto& all = asked_.variables;
    if (!is_local(name) && !known_.count(name) && std::find(all.begin(), all.end(), name) == all.end())
      all.push_back(name);
  }

  void name(ExprId id) {
    const Expr e = program_[id];
    const auto function = functions_.find(e.text);
    if (function == functions_.end()) return variable(e.text);
    Expr call{.kind = ExprKind::Call, .span = e.span, .focus = e.focus};
    call.operands.push_back(program_.add(e));
    for (const ast::Parameter& p : *function->second) {
      if (p.fallback.valid()) continue;
      call.arguments.push_back({"", {}, program_.add({.kind = ExprKind::Name, .span = e.span, .text = p.name})});
      variable(p.name);
    }
    program_.expressions[id.value] = std::move(call);
  }

  /// A function that is called, or handed over as an argument, stays one.
  void call(const Expr& e) {
    const Expr callee = program_[e.operands[0]];
    if (callee.kind != ExprKind::Name) {
      expr(e.operands[0]);
    } else if (!is_local(callee.text) && !known_.count(callee.text)) {
      auto& report = script_.sink.report<Kind::UnknownName>(callee.span, callee.text);
      const std::string near = diagnostics::nearest(callee.text, {known_.begin(), known_.end()});
      if (!near.empty()) report.suggestion = fmt::format("did you mean `{}`?", near);
    }
    for (const ast::Argument& a : e.arguments)
      if (const Expr value = program_[a.value]; value.kind != ExprKind::Name)
        expr(a.value);
      else
        variable(value.text);
  }

  void block(ast::BlockId id) {
    if (!id.valid()) return;
    const size_t outer = locals_.size();
    const ast::Block copy = program_[id];
    for (const ast::Statement& s : copy.statements) {
      expr(s.value);
      if (!s.name.empty()) locals_.push_back(s.name);
      block(s.body), block(s.otherwise);
    }
    locals_.resize(outer);
  }

  Script& script_;
  ast::Program& program_;
  elaborate::Asked& asked_;
  std::set<std::string> known_;
  std::map<std::string, const std::vector<ast::Parameter>*> functions_;
  std::vector<std::string> locals_;
};

}  // namespace

std::optional<elaborate::Asked> parse_asked(Script& script, const CompileOptions& options) {
  elaborate::Asked out{.model = options.model};
  for (const auto& [name, text] : options.shapes) {
    if (const auto shape = shape_of(text))
      out.shapes[name] = *shape;
    else
      script.sink.report<Kind::BadShapeOption>({}, name, text, "a size such as `3`, or two such as `2x3`, is needed");
  }
  const source::FileId file = script.sources.add("the expression", options.expression);
  out.expression = parse::parse_expression(script.sources, file, script.program, script.sink);
  if (!out.expression.valid() || script.sink.has_errors()) return {};
  Completer(script, out).expr(out.expression);
  // Points before times, as functions take them.
  std::stable_partition(out.variables.begin(), out.variables.end(), [&](const std::string& name) {
    return std::find(out.times.begin(), out.times.end(), name) == out.times.end();
  });
  for (const auto& [name, shape] : out.shapes)
    if (std::find(out.variables.begin(), out.variables.end(), name) == out.variables.end())
      script.sink.report<Kind::BadShapeOption>({}, name, options.shapes.at(name),
                                               "the expression has no such variable");
  if (script.sink.has_errors()) return {};
  return out;
}

}  // namespace am
