// Prints a program in canonical layout, with the fewest parentheses that keep its tree.
//
// An expression is printed at a level: the loosest kind that may stand there without parentheses. The levels are those
// of the grammar. One thing goes beyond them: `E[…]` and `∫[…]` swallow the rest of their product, so inside a product
// they need parentheses unless they come last (`Tail::Closed` says that something follows).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "compiler/ast/levels.h"

namespace am::ast {
namespace {

enum class Tail { Open, Closed };

constexpr size_t kLineWidth = 100;

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool starts_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

bool is_word_byte(char c) { return c == '_' || c == '\'' || (static_cast<unsigned char>(c) < 0x80 && std::isalnum(c)); }

/// The ASCII word that text begins with.
std::string_view first_word(std::string_view text) {
  return text.substr(0, std::find_if_not(text.begin(), text.end(), is_word_byte) - text.begin());
}

/// The name, of any letters, that text ends with.
std::string_view last_word(std::string_view text) {
  const auto start =
      std::find_if_not(text.rbegin(), text.rend(), [](char c) { return is_word_byte(c) || (c & 0x80) != 0; });
  return text.substr(text.rend() - start);
}

std::string enclose(std::string_view open, const std::string& text, std::string_view close) {
  return fmt::format("{}{}{}", open, text, close);
}

/// In code points.
size_t width(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

class Printer {
 public:
  Printer(const Program& program, Spelling spelling) : program_(program), unicode_(spelling == Spelling::Unicode) {}

  std::string declaration(const Declaration& d) const;
  std::string expression(ExprId id, Level level = Level::Expression, Tail tail = Tail::Open) const;

 private:
  std::string_view either(std::string_view unicode, std::string_view ascii) const { return unicode_ ? unicode : ascii; }
  std::string line(size_t indent) const { return fmt::format("\n{:{}}", "", 2 * indent); }

  // Declarations and statements. `indent` is that of the line the text begins on.
  std::string heading(const Declaration& d) const;
  std::string parameters(const std::vector<Parameter>& parameters) const;
  std::string settings(const Declaration& d) const;
  std::string body(BlockId id, size_t indent) const;
  std::string block(BlockId id, size_t indent) const;
  std::string inline_block(BlockId id) const;
  std::string statement(const Statement& s, size_t indent, bool first) const;
  std::string condition(const Statement& s, size_t indent) const;
  std::string result(ExprId id, bool first) const;
  std::string value(ExprId id, size_t indent, size_t used) const;
  std::string broken_sum(ExprId id, size_t indent) const;
  std::string broken_term(ExprId id, size_t indent) const;
  std::string broken_call(const Expr& e, size_t indent) const;

  // Expressions.
  std::string bare(const Expr& e, Tail tail) const;
  std::string name(const std::string& text) const;
  std::string number(const std::string& text, double value) const;
  std::string binary(const Expr& e, Tail tail) const;
  std::string power(const Expr& e) const;
  std::string range(const Expr& e) const;
  std::string big_head(const Expr& e) const;
  std::string derivative(const Expr& e) const;
  std::string call(const Expr& e) const;
  std::string argument(const Argument& a) const;
  std::string index(const Expr& e) const;
  std::string lambda(const Expr& e) const;
  std::string list(const std::vector<ExprId>& items) const;

  const Program& program_;
  bool unicode_;
  /// Blocks of functions without a name stay on one line.
  mutable bool inline_ = false;
};

// --- expressions ---

std::string Printer::expression(ExprId id, Level level, Tail tail) const {
  const Expr& e = program_[id];
  const bool enclosed = level_of(e) < level || (is_big(e) && tail == Tail::Closed);
  return enclosed ? enclose("(", bare(e, Tail::Open), ")") : bare(e, tail);
}

std::string Printer::bare(const Expr& e, Tail tail) const {
  switch (e.kind) {
    case ExprKind::Error: return "?";
    case ExprKind::Number: return number(e.text, e.number);
    case ExprKind::Name: return name(e.text);
    case ExprKind::String: return quote(e.text);
    case ExprKind::List: return enclose("[", list(e.operands), "]");
    case ExprKind::Call: return call(e);
    case ExprKind::Index: return index(e);
    case ExprKind::Member: return expression(e.operands[0], Level::Postfix) + "." + e.text;
    case ExprKind::Unary:
      if (e.text == "not") return "not " + expression(e.operands[0], Level::Not);
      // A product under the minus needs parentheses, `E[…]` does not.
      return std::string(either("−", "-")) +
             expression(e.operands[0], is_big(program_[e.operands[0]]) ? Level::Product : Level::Minus, tail);
    case ExprKind::Binary: return e.text == "^" ? power(e) : binary(e, tail);
    case ExprKind::Norm: return enclose("|", expression(e.operands[0]), "|");
    case ExprKind::Gradient:
    case ExprKind::Partial:
    case ExprKind::Laplacian:
    case ExprKind::Divergence: return derivative(e);
    case ExprKind::Expectation:
    case ExprKind::Integral: return big_head(e) + expression(e.operands.back(), Level::Product, tail);
    case ExprKind::Range: return range(e);
    case ExprKind::Lambda: return lambda(e);
    case ExprKind::Shape: return e.operands.empty() ? "R" : enclose("R[", list(e.operands), "]");
  }
  return {};
}

std::string Printer::name(const std::string& text) const {
  if (unicode_ && text == "pi") return "π";
  if (unicode_ && text == "inf") return "∞";
  return text;
}

/// As written, but for the fractions and the minus that only Unicode has.
std::string Printer::number(const std::string& text, double value) const {
  std::string out = text;
  const size_t minus = out.find("−");
  if (minus != std::string::npos && !unicode_) out.replace(minus, std::string_view("−").size(), "-");
  const bool fraction = static_cast<unsigned char>(text[0]) >= 0x80;
  return fraction && !unicode_ ? fmt::format("{}", value) : out;
}

std::string Printer::binary(const Expr& e, Tail tail) const {
  const Operator& op = find_operator(e.text);
  // Comparisons do not chain, so neither side may be one.
  const Level left = op.level == Level::Compare ? next(op.level) : op.level;
  const bool product = op.level == Level::Product;
  return expression(e.operands[0], left, product ? Tail::Closed : Tail::Open) +
         std::string(either(op.unicode, op.ascii)) +
         expression(e.operands[1], is_big(program_[e.operands[1]]) && product ? Level::Product : next(op.level),
                    product ? tail : Tail::Open);
}

std::string Printer::power(const Expr& e) const {
  static constexpr std::array<std::string_view, 10> kRaised = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = expression(e.operands[0], Level::Derivative);
  const Expr& exponent = program_[e.operands[1]];
  if (unicode_ && exponent.kind == ExprKind::Number && is_digits(exponent.text)) {
    for (const char digit : exponent.text) out += kRaised[digit - '0'];
    return out;
  }
  // `x^−y` needs no parentheses and reads better with them.
  return out + "^" + expression(e.operands[1], Level::Power);
}

std::string Printer::range(const Expr& e) const {
  std::string out = expression(e.operands[0], Level::Sum) + ".." + expression(e.operands[1], Level::Sum);
  if (e.operands[2].valid()) out += " by " + expression(e.operands[2], Level::Sum);
  return out;
}

/// `E[x ~ q(t)] ` or `∫[t = a..b] `, without what it applies to.
std::string Printer::big_head(const Expr& e) const {
  if (e.kind == ExprKind::Expectation)
    return fmt::format("E[{} ~ {}] ", fmt::join(e.names, ", "), expression(e.operands[0]));
  std::string bounds = expression(e.operands[0], Level::Sum) + ".." + expression(e.operands[1], Level::Sum);
  if (e.operands[2].valid()) bounds += " by " + expression(e.operands[2], Level::Sum);
  return fmt::format("{}[{} = {}] ", either("∫", "integral"), e.names[0], bounds);
}

/// The spellings with letters are operators only before a name, a number or a parenthesis; `∇[` would name a variable.
std::string Printer::derivative(const Expr& e) const {
  std::string operand = expression(e.operands[0], Level::Derivative);
  const Expr& inner = program_[e.operands[0]];
  const bool plain = starts_any(operand, {"[", "|", "\"", "by", "over", "from"}) && level_of(inner) == Level::Postfix;
  if (plain) operand = enclose("(", operand, ")");
  switch (e.kind) {
    case ExprKind::Partial: return fmt::format("{}{}{} {}", either("∂", "d["), e.text, either("", "]"), operand);
    case ExprKind::Laplacian: return std::string(either("Δ", "lap ")) + operand;
    case ExprKind::Divergence: return std::string(either("∇·", "div ")) + operand;
    default: break;
  }
  if (!e.text.empty()) return fmt::format("{}[{}] {}", either("∇", "grad"), e.text, operand);
  return std::string(either("∇", "grad ")) + operand;
}

std::string Printer::argument(const Argument& a) const {
  return (a.name.empty() ? "" : a.name + " = ") + expression(a.value);
}

std::string Printer::call(const Expr& e) const {
  std::string out;
  for (const Argument& a : e.arguments) out += (out.empty() ? "" : ", ") + argument(a);
  std::string callee = expression(e.operands[0], Level::Postfix);
  // `d[t](…)` and `div(…)` would be derivatives.
  const Expr& c = program_[e.operands[0]];
  const bool element = c.kind == ExprKind::Index && starts_any(callee, {"d[", "grad["});
  const bool word = c.kind == ExprKind::Name && (c.text == "grad" || c.text == "lap" || c.text == "div");
  if (element || word) callee = enclose("(", callee, ")");
  return callee + enclose("(", out, ")");
}

/// `E[` and `integral[` are operators wherever they stand.
std::string Printer::index(const Expr& e) const {
  std::string base = expression(e.operands[0], Level::Postfix);
  const std::string_view word = last_word(base);
  const bool taken = word == "E" || word == "integral" || word == "d" || word == "grad";
  if (taken) base = enclose("(", base, ")");
  return base + "[" + expression(e.operands[1]) + "]";
}

std::string Printer::lambda(const Expr& e) const {
  const Block& body = program_[e.body];
  const bool short_form = body.statements.size() == 1 && body.statements[0].kind == StatementKind::Result;
  return "fn" + parameters(e.parameters) + " " +
         (short_form ? expression(body.statements[0].value) : inline_block(e.body));
}

std::string Printer::list(const std::vector<ExprId>& items) const {
  std::string out;
  for (const ExprId item : items) out += (out.empty() ? "" : ", ") + expression(item);
  return out;
}

// --- statements ---

std::string Printer::inline_block(BlockId id) const {
  const bool before = std::exchange(inline_, true);
  std::string out = block(id, 0);
  inline_ = before;
  return out;
}

std::string Printer::block(BlockId id, size_t indent) const {
  std::string out;
  bool first = true;
  for (const Statement& s : program_[id].statements) {
    out += inline_ ? (first ? " " : "; ") : line(indent + 1);
    out += statement(s, indent + 1, first);
    first = false;
  }
  if (first) return "{ }";
  return enclose("{", out, inline_ ? " }" : line(indent) + "}");
}

std::string Printer::body(BlockId id, size_t indent) const {
  const Block& b = program_[id];
  if (b.statements.size() != 1 || b.statements[0].kind != StatementKind::Result)
    return enclose(" ", block(id, indent), "");
  return enclose(" = ", value(b.statements[0].value, indent, 24), "");
}

/// A line that begins with a minus continues the one before it, and one that begins with a statement's word is that
/// statement; parentheses keep both apart.
std::string Printer::result(ExprId id, bool first) const {
  std::string out = expression(id);
  const bool minus = !first && starts_any(out, {"−", "-"});
  const std::string_view word = first_word(out);
  return minus || word == "minimize" || word == "repeat" ? enclose("(", out, ")") : out;
}

std::string Printer::condition(const Statement& s, size_t indent) const {
  std::string out = "if " + expression(s.value) + " " + block(s.body, indent);
  if (!s.otherwise.valid()) return out;
  const Block& otherwise = program_[s.otherwise];
  const bool chained = otherwise.statements.size() == 1 && otherwise.statements[0].kind == StatementKind::If;
  return out + " else " + (chained ? condition(otherwise.statements[0], indent) : block(s.otherwise, indent));
}

std::string Printer::statement(const Statement& s, size_t indent, bool first) const {
  switch (s.kind) {
    case StatementKind::Let: return s.name + " = " + value(s.value, indent, s.name.size() + 3);
    case StatementKind::Draw: return s.name + " ~ " + value(s.value, indent, s.name.size() + 3);
    case StatementKind::Param:
      return fmt::format("param {}: {}{}", s.name, expression(s.type),
                         s.value.valid() ? " = " + expression(s.value) : "");
    case StatementKind::State: return fmt::format("state {} = {}", s.name, expression(s.value));
    case StatementKind::Repeat: return fmt::format("repeat {} {}", expression(s.value), block(s.body, indent));
    case StatementKind::If: return condition(s, indent);
    case StatementKind::Function:
      return (s.member ? "" : "fn ") + s.name + parameters(s.parameters) + body(s.body, indent);
    case StatementKind::Minimize: return "minimize " + value(s.value, indent, 9);
    case StatementKind::Result: return result(s.value, first);
  }
  return {};
}

/// An expression behind `used` characters of its line. Where the line grows too long, sums break before their operators
/// and calls after their commas.
std::string Printer::value(ExprId id, size_t indent, size_t used) const {
  std::string out = expression(id);
  if (inline_ || 2 * indent + used + width(out) <= kLineWidth) return out;
  const Expr& e = program_[id];
  if (e.kind == ExprKind::Binary && level_of(e) == Level::Sum) return broken_sum(id, indent + 2);
  if (e.kind == ExprKind::Call) return broken_call(e, indent + 1);
  return is_big(e) ? broken_term(id, indent + 2) : out;
}

std::string Printer::broken_sum(ExprId id, size_t indent) const {
  const Expr& e = program_[id];
  if (e.kind != ExprKind::Binary || level_of(e) != Level::Sum) return broken_term(id, indent);
  const std::string_view op = either(find_operator(e.text).unicode, find_operator(e.text).ascii).substr(1);
  return broken_sum(e.operands[0], indent) + line(indent) + std::string(op) + broken_term(e.operands[1], indent);
}

/// One term of a broken sum. If it is an average of a sum and too long itself, the sum breaks inside its parentheses.
std::string Printer::broken_term(ExprId id, size_t indent) const {
  std::string out = expression(id, Level::Product);
  const Expr* e = &program_[id];
  if (!is_big(*e) || 2 * indent + width(out) <= kLineWidth) return out;
  std::string head;
  for (; is_big(*e); e = &program_[id]) {
    head += big_head(*e);
    id = e->operands.back();
  }
  if (e->kind != ExprKind::Binary || level_of(*e) != Level::Sum) return out;
  return head + "(" + line(indent + 2) + broken_sum(id, indent + 1) + ")";
}

std::string Printer::broken_call(const Expr& e, size_t indent) const {
  std::string out;
  for (const Argument& a : e.arguments) out += fmt::format("{}{}{}", out.empty() ? "" : ",", line(indent), argument(a));
  return expression(e.operands[0], Level::Postfix) + enclose("(", out, ")");
}

// --- declarations ---

std::string Printer::parameters(const std::vector<Parameter>& parameters) const {
  std::string out;
  for (const Parameter& p : parameters)
    out += (out.empty() ? "" : ", ") + p.name + (p.fallback.valid() ? " = " + expression(p.fallback) : "");
  return enclose("(", out, ")");
}

std::string Printer::settings(const Declaration& d) const {
  if (d.settings.empty()) return "";
  std::string out = " {";
  for (const Setting& s : d.settings) out += line(1) + s.name + " = " + value(s.value, 1, s.name.size() + 3);
  return out + "\n}";
}

std::string Printer::heading(const Declaration& d) const {
  const size_t used = keyword(d.kind).size() + d.name.size() + 4;
  switch (d.kind) {
    case DeclarationKind::Const:
    case DeclarationKind::Data: return d.name + " = " + value(d.value, 0, used);
    case DeclarationKind::Path:
      if (d.value.valid()) return d.name + " = " + value(d.value, 0, used);
      return d.name + (d.parameters.empty() ? "" : parameters(d.parameters)) + parameters(d.variables) + " over " +
             expression(d.range) + body(d.body, 0);
    case DeclarationKind::Fn:
    case DeclarationKind::Potential:
    case DeclarationKind::Velocity:
    case DeclarationKind::Distribution: return d.name + parameters(d.parameters) + body(d.body, 0);
    case DeclarationKind::Net:
    case DeclarationKind::Dynamics:
    case DeclarationKind::Optimizer:
    case DeclarationKind::Solver: return d.name + parameters(d.parameters) + " " + block(d.body, 0);
    case DeclarationKind::Train: return d.name + " = " + value(d.value, 0, used) + settings(d);
    case DeclarationKind::Sample: return d.name + " from " + d.model + settings(d);
    case DeclarationKind::Evaluate: return d.model + settings(d);
  }
  return {};
}

std::string Printer::declaration(const Declaration& d) const {
  std::string doc;
  size_t begin = 0;
  while (!d.doc.empty() && begin <= d.doc.size()) {
    const size_t end = std::min(d.doc.find('\n', begin), d.doc.size());
    doc += (begin == end ? "##" : "## ") + d.doc.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return doc + std::string(keyword(d.kind)) + " " + heading(d) + "\n";
}

}  // namespace

std::string print(const Program& program, ExprId expr, Spelling spelling) {
  return Printer(program, spelling).expression(expr);
}

std::string print(const Program& program, const Declaration& declaration, Spelling spelling) {
  return Printer(program, spelling).declaration(declaration);
}

/// A blank line between declarations, except between neighbours of one kind that fit on a line each.
std::string print(const Program& program, Spelling spelling) {
  const auto single = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n') == 1; };
  std::string out, before;
  const Declaration* last = nullptr;
  for (const Declaration& d : program.declarations) {
    std::string text = print(program, d, spelling);
    const bool close = last != nullptr && last->kind == d.kind && single(before) && single(text);
    if (last != nullptr && !close) out += "\n";
    out += text;
    before = std::move(text);
    last = &d;
  }
  return out;
}

}  // namespace am::ast
