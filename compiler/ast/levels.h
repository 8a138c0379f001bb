// How tightly expressions bind: what printers need to set the fewest parentheses. Internal to this folder.
#pragma once

#include <string_view>

#include "compiler/ast/ast.h"

namespace am::ast {

/// The levels of the grammar, the loosest first.
enum class Level { Expression, Or, And, Not, Compare, Range, Sum, Product, Minus, Power, Derivative, Postfix };

inline Level next(Level level) { return static_cast<Level>(static_cast<int>(level) + 1); }

/// How an operator is spelt and where it binds.
struct Operator {
  std::string_view text, unicode, ascii, mathematics;
  Level level;
};

const Operator& find_operator(std::string_view text);

/// The level of an expression's outermost rule.
Level level_of(const Expr& e);

/// `E[…]` and `∫[…]`, which swallow the rest of their product.
inline bool is_big(const Expr& e) { return e.kind == ExprKind::Expectation || e.kind == ExprKind::Integral; }

}  // namespace am::ast
