#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

using ast::Expr;
using ast::ExprKind;
using ast::Parameter;
using ast::Program;
using ast::Statement;
using ast::StatementKind;

std::string_view kind_name(ExprKind kind) {
  constexpr std::string_view kNames[] = {"error",  "number", "string",   "name",  "list", "call",    "index",
                                         "member", "unary",  "binary",   "norm",  "grad", "partial", "lap",
                                         "div",    "expect", "integral", "range", "fn",   "shape"};
  return kNames[static_cast<int>(kind)];
}

std::string parameters(const Program& program, const std::vector<Parameter>& items) {
  std::string out = "(";
  for (const Parameter& p : items) {
    if (out.size() > 1) out += " ";
    out += p.name;
    if (p.fallback.valid()) out += "=" + prefix_form(program, p.fallback);
  }
  return out + ")";
}

std::string head(const Expr& e) {
  switch (e.kind) {
    case ExprKind::Unary:
    case ExprKind::Binary: return e.text;
    case ExprKind::Gradient:
    case ExprKind::Partial: return std::string(kind_name(e.kind)) + (e.text.empty() ? "" : ":" + e.text);
    case ExprKind::Member: return "." + e.text;
    default: return std::string(kind_name(e.kind));
  }
}

std::string statement(const Program& program, const Statement& s) {
  const auto value = [&] { return prefix_form(program, s.value); };
  switch (s.kind) {
    case StatementKind::Let: return "(let " + s.name + " " + value() + ")";
    case StatementKind::Draw: return "(draw " + s.name + " " + value() + ")";
    case StatementKind::Param:
      return "(param " + s.name + " " + prefix_form(program, s.type) + (s.value.valid() ? " " + value() : "") + ")";
    case StatementKind::State: return "(state " + s.name + " " + value() + ")";
    case StatementKind::Repeat: return "(repeat " + value() + " " + prefix_form(program, s.body) + ")";
    case StatementKind::If:
      return "(if " + value() + " " + prefix_form(program, s.body) +
             (s.otherwise.valid() ? " " + prefix_form(program, s.otherwise) : "") + ")";
    case StatementKind::Function:
      return (s.member ? "(member " : "(fn ") + s.name + " " + parameters(program, s.parameters) + " " +
             prefix_form(program, s.body) + ")";
    case StatementKind::Minimize: return "(minimize " + value() + ")";
    case StatementKind::Result: return value();
  }
  return "?";
}

}  // namespace

std::string Parsed::complaints() const {
  std::string out;
  for (const diagnostics::Diagnostic& d : sink.sorted()) out += diagnostics::render(d, sources);
  return out;
}

Parsed parse_program(const std::string& text) {
  Parsed out;
  out.file = out.sources.add("test.am", text);
  parse(out.sources, out.file, out.program, out.sink);
  return out;
}

Parsed parse_formula(const std::string& text) {
  Parsed out;
  out.file = out.sources.add("test.am", text);
  out.expression = parse_expression(out.sources, out.file, out.program, out.sink);
  return out;
}

std::string prefix_form(const Program& program, ast::ExprId id) {
  if (!id.valid()) return "_";
  const Expr& e = program[id];
  if (e.kind == ExprKind::Number || e.kind == ExprKind::Name) return e.text;
  if (e.kind == ExprKind::String) return "'" + e.text + "'";
  std::string out = "(" + head(e);
  for (const std::string& name : e.names) out += " " + name + ":";
  if (e.kind == ExprKind::Lambda) out += " " + parameters(program, e.parameters) + " " + prefix_form(program, e.body);
  for (const ast::ExprId operand : e.operands) out += " " + prefix_form(program, operand);
  for (const ast::Argument& a : e.arguments)
    out += " " + (a.name.empty() ? "" : a.name + "=") + prefix_form(program, a.value);
  return out + ")";
}

std::string prefix_form(const Program& program, ast::BlockId id) {
  if (!id.valid()) return "_";
  std::string out = "{";
  for (const Statement& s : program[id].statements) out += (out.size() > 1 ? " " : "") + statement(program, s);
  return out + "}";
}

std::string prefix_form(const Program& program, const ast::Declaration& d) {
  std::string out(ast::keyword(d.kind));
  if (!d.name.empty()) out += " " + d.name;
  if (!d.parameters.empty()) out += " " + parameters(program, d.parameters);
  if (!d.variables.empty()) out += " at " + parameters(program, d.variables);
  if (d.range.valid()) out += " over " + prefix_form(program, d.range);
  if (!d.model.empty()) out += " of " + d.model;
  if (d.value.valid()) out += " = " + prefix_form(program, d.value);
  if (d.body.valid()) out += " " + prefix_form(program, d.body);
  for (const ast::Setting& s : d.settings) out += " " + s.name + "=" + prefix_form(program, s.value);
  return out;
}

std::string formula(const std::string& text) {
  const Parsed parsed = parse_formula(text);
  const std::string complaints = parsed.complaints();
  return complaints.empty() ? prefix_form(parsed.program, parsed.expression) : complaints;
}

std::string declarations(const std::string& text) {
  const Parsed parsed = parse_program(text);
  std::string out = parsed.complaints();
  if (!out.empty()) return out;
  for (const ast::Declaration& d : parsed.program.declarations)
    out += (out.empty() ? "" : "\n") + prefix_form(parsed.program, d);
  return out;
}

std::string block(const std::string& text) {
  const std::string out = declarations("fn f(x) {" + text + "}");
  const std::string opening = "fn f (x) ";
  return out.starts_with(opening) ? out.substr(opening.size()) : out;
}

std::vector<std::filesystem::path> scripts(const std::vector<std::string>& folders) {
  std::vector<std::filesystem::path> out;
  const std::filesystem::path root = AM_SOURCE_DIR;
  for (const std::string& folder : folders) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".am" && !entry.path().filename().string().starts_with("fail_"))
        out.push_back(entry.path());
  }
  return out;
}

}  // namespace am::parse::testing
