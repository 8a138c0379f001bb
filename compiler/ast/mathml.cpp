// An expression as MathML Core. Parentheses follow the levels of the grammar, but where the layout groups by itself
// (fractions, exponents, bars, limits) there are none.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/ast/levels.h"

namespace am::ast {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  return out;
}

std::string element(std::string_view tag, std::string_view content) {
  return fmt::format("<{0}>{1}</{0}>", tag, content);
}
std::string row(std::string_view content) { return element("mrow", content); }
std::string symbol(std::string_view text) { return element("mo", escaped(text)); }
std::string identifier(std::string_view text) { return element("mi", escaped(text)); }
/// Brackets that keep their size beside a fraction look wrong; MathML stretches them by itself.
std::string fenced(std::string_view open, const std::string& content, std::string_view close) {
  return row(fmt::format("<mo fence=\"true\">{}</mo>{}<mo fence=\"true\">{}</mo>", open, content, close));
}

/// The subscript digits that names may end with: x₀ is x with a subscript 0.
std::string name(std::string_view text) {
  if (text == "pi") return identifier("π");
  if (text == "inf") return identifier("∞");
  static constexpr std::string_view kLowered[] = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"};
  std::string digits;
  for (bool found = true; found;) {
    found = false;
    for (int k = 0; k < 10; ++k)
      if (text.size() > kLowered[k].size() && text.ends_with(kLowered[k])) {
        digits.insert(0, 1, static_cast<char>('0' + k));
        text.remove_suffix(kLowered[k].size());
        found = true;
      }
  }
  return digits.empty() ? identifier(text) : element("msub", identifier(text) + element("mn", digits));
}

struct Fraction {
  std::string_view text;
  int above, below;
};
constexpr Fraction kFractions[] = {{"½", 1, 2}, {"⅓", 1, 3}, {"¼", 1, 4}, {"⅔", 2, 3}, {"¾", 3, 4}};

std::string fraction(std::string_view above, std::string_view below) {
  return element("mfrac", row(above) + row(below));
}

std::string number(std::string_view text) {
  for (const Fraction& f : kFractions)
    if (text == f.text)
      return fraction(element("mn", fmt::format("{}", f.above)), element("mn", fmt::format("{}", f.below)));
  return element("mn", escaped(text));
}

class Setter {
 public:
  explicit Setter(const Program& program) : program_(program) {}

  /// `last` says that nothing of the same product follows, which `E[…]` and `∫[…]` would take for theirs.
  std::string set(ExprId id, Level level = Level::Expression, bool last = true) const {
    const Expr& e = program_[id];
    if (level_of(e) < level || (is_big(e) && !last)) return fenced("(", bare(e, true), ")");
    return bare(e, last);
  }

 private:
  std::string bare(const Expr& e, bool last) const {
    switch (e.kind) {
      case ExprKind::Error: return element("mtext", "?");
      case ExprKind::Number: return number(e.text);
      case ExprKind::Name: return name(e.text);
      case ExprKind::String: return element("mtext", escaped(e.text));
      case ExprKind::List: return fenced("[", list(e.operands), "]");
      case ExprKind::Call: return call(e);
      case ExprKind::Index: return element("msub", row(set(e.operands[0], Level::Postfix)) + row(set(e.operands[1])));
      case ExprKind::Member: return row(set(e.operands[0], Level::Postfix) + "<mo lspace=\"0\" rspace=\"0\">.</mo>" + identifier(e.text));
      case ExprKind::Unary:
        return row(symbol(e.text == "not" ? "¬" : "−") +
                   set(e.operands[0], is_big(program_[e.operands[0]]) ? Level::Product : Level::Minus, last));
      case ExprKind::Binary: return binary(e, last);
      case ExprKind::Norm: return fenced("|", set(e.operands[0]), "|");
      case ExprKind::Gradient:
      case ExprKind::Partial:
      case ExprKind::Laplacian:
      case ExprKind::Divergence: return row(operation(e) + set(e.operands[0], Level::Derivative));
      case ExprKind::Expectation: return row(expectation(e) + set(e.operands.back(), Level::Product, last));
      case ExprKind::Integral: return row(integral(e) + set(e.operands.back(), Level::Product, last));
      case ExprKind::Range: return row(set(e.operands[0], Level::Sum) + symbol("…") + set(e.operands[1], Level::Sum));
      case ExprKind::Lambda: return lambda(e);
      case ExprKind::Shape:
        return e.operands.empty() ? identifier("ℝ") : element("msup", identifier("ℝ") + row(list(e.operands, "×")));
    }
    return {};
  }

  std::string list(const std::vector<ExprId>& items, std::string_view between = ",") const {
    std::string out;
    for (const ExprId item : items) out += (out.empty() ? "" : symbol(between)) + set(item);
    return out;
  }

  std::string binary(const Expr& e, bool last) const {
    const Operator& op = find_operator(e.text);
    if (e.text == "/") return fraction(set(e.operands[0]), set(e.operands[1]));
    if (e.text == "^") return element("msup", row(set(e.operands[0], Level::Postfix)) + row(set(e.operands[1])));
    const bool product = op.level == Level::Product;
    const Level left = op.level == Level::Compare ? next(op.level) : op.level;
    const Expr& right = program_[e.operands[1]];
    return row(set(e.operands[0], left, !product) + symbol(op.mathematics) +
               set(e.operands[1], is_big(right) && product ? Level::Product : next(op.level), product ? last : true));
  }

  std::string call(const Expr& e) const {
    std::string arguments;
    for (const Argument& a : e.arguments)
      arguments += (arguments.empty() ? "" : symbol(",")) +
                   (a.name.empty() ? "" : name(a.name) + symbol("=")) + set(a.value);
    const Expr& callee = program_[e.operands[0]];
    const bool one = callee.kind == ExprKind::Name && e.arguments.size() == 1 && e.arguments[0].name.empty();
    if (one && callee.text == "sqrt") return element("msqrt", arguments);
    if (one && callee.text == "norm") return fenced("|", arguments, "|");
    // U+2061, the invisible sign of application, sets the right distance.
    return row(set(e.operands[0], Level::Postfix) + symbol("\u2061") + fenced("(", arguments, ")"));
  }

  static std::string operation(const Expr& e) {
    switch (e.kind) {
      case ExprKind::Partial: return element("msub", symbol("∂") + name(e.text));
      case ExprKind::Laplacian: return symbol("Δ");
      case ExprKind::Divergence: return symbol("∇") + symbol("·");
      default: return e.text.empty() ? symbol("∇") : element("msub", symbol("∇") + name(e.text));
    }
  }

  std::string expectation(const Expr& e) const {
    std::string bound;
    for (const std::string& each : e.names) bound += (bound.empty() ? "" : symbol(",")) + name(each);
    return element("munder", "<mo movablelimits=\"false\">𝔼</mo>" + row(bound + symbol("∼") + set(e.operands[0])));
  }

  /// The differential stands beside the sign, since what it applies to has no end of its own.
  std::string integral(const Expr& e) const {
    return element("msubsup", symbol("∫") + row(set(e.operands[0])) + row(set(e.operands[1]))) +
           row(identifier("d") + name(e.names[0])) + "<mspace width=\"0.2em\"/>";
  }

  std::string lambda(const Expr& e) const {
    std::string names;
    for (const Parameter& p : e.parameters) names += (names.empty() ? "" : symbol(",")) + name(p.name);
    const Block& body = program_[e.body];
    const bool plain = body.statements.size() == 1 && body.statements[0].kind == StatementKind::Result;
    return row(fenced("(", names, ")") + symbol("↦") + (plain ? set(body.statements[0].value) : symbol("…")));
  }

  const Program& program_;
};

}  // namespace

std::string mathml(const Program& program, ExprId expr) {
  return fmt::format("<math display=\"block\">{}</math>", Setter(program).set(expr));
}

}  // namespace am::ast
