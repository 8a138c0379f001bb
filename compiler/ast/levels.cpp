#include "compiler/ast/levels.h"

#include <algorithm>
#include <iterator>

namespace am::ast {
namespace {

// clang-format off
constexpr Operator kOperators[] = {
    {"or",  " or ",  " or ",  "∨", Level::Or},      {"and", " and ", " and ", "∧", Level::And},
    {"<",   " < ",   " < ",   "<", Level::Compare}, {"<=",  " ≤ ",   " <= ",  "≤", Level::Compare},
    {">",   " > ",   " > ",   ">", Level::Compare}, {">=",  " ≥ ",   " >= ",  "≥", Level::Compare},
    {"==",  " == ",  " == ",  "=", Level::Compare}, {"!=",  " ≠ ",   " != ",  "≠", Level::Compare},
    {"+",   " + ",   " + ",   "+", Level::Sum},     {"-",   " − ",   " - ",   "−", Level::Sum},
    {"·",   "·",     " @ ",   "·", Level::Product}, {"*",   " * ",   " * ",   "⊙", Level::Product},
    {"/",   "/",     "/",     "/", Level::Product}, {"^",   "^",     "^",     "",  Level::Power},
};
// clang-format on

}  // namespace

const Operator& find_operator(std::string_view text) {
  return *std::find_if(std::begin(kOperators), std::end(kOperators) - 1,
                       [&](const Operator& o) { return o.text == text; });
}

Level level_of(const Expr& e) {
  switch (e.kind) {
    case ExprKind::Lambda: return Level::Expression;
    case ExprKind::Binary: return find_operator(e.text).level;
    case ExprKind::Unary: return e.text == "not" ? Level::Not : Level::Minus;
    case ExprKind::Range: return Level::Range;
    case ExprKind::Expectation:
    case ExprKind::Integral: return Level::Product;
    case ExprKind::Gradient:
    case ExprKind::Partial:
    case ExprKind::Laplacian:
    case ExprKind::Divergence: return Level::Derivative;
    case ExprKind::Error:
    case ExprKind::Number:
    case ExprKind::String:
    case ExprKind::Name:
    case ExprKind::List:
    case ExprKind::Call:
    case ExprKind::Index:
    case ExprKind::Member:
    case ExprKind::Norm:
    case ExprKind::Shape: return Level::Postfix;
  }
  return Level::Postfix;
}

}  // namespace am::ast
