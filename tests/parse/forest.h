// Trees of every kind at random.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "compiler/ast/ast.h"

namespace am::parse::testing {

/// Builds trees of every kind at random, among them ones with unfortunate names.
class Forest {
 public:
  explicit Forest(unsigned seed) : random_(seed) {}

  ast::Program tree() {
    program_ = {};
    ast::Declaration d{.kind = ast::DeclarationKind::Const, .name = "c"};
    d.value = grow(1 + pick(5));
    program_.declarations.push_back(d);
    ast::Block block;
    for (size_t i = 0, n = 1 + pick(3); i < n; ++i)
      block.statements.push_back({.kind = ast::StatementKind::Result, .value = grow(1 + pick(3))});
    ast::Declaration f{.kind = ast::DeclarationKind::Fn, .name = "f", .parameters = {{.name = "x"}}};
    f.body = program_.add(block);
    program_.declarations.push_back(f);
    return program_;
  }

 private:
  size_t pick(size_t n) { return random_() % n; }
  std::string word() {
    static const std::vector<std::string> words = {"x",        "y",        "E",    "d",     "grad",   "lap",
                                                   "div",      "integral", "by",   "pi",    "over",   "from",
                                                   "minimize", "data",     "path", "state", "repeat", "inf"};
    return words[pick(words.size())];
  }
  ast::ExprId leaf() {
    switch (pick(4)) {
      case 0: return program_.add({.kind = ast::ExprKind::Number, .text = "2", .number = 2});
      case 1: return program_.add({.kind = ast::ExprKind::Number, .text = "½", .number = 0.5});
      case 2: return program_.add({.kind = ast::ExprKind::String, .text = "a\"\\"});
      default: return program_.add({.kind = ast::ExprKind::Name, .text = word()});
    }
  }
  ast::BlockId body(size_t height) {
    ast::Block block;
    if (pick(2)) block.statements.push_back({.kind = ast::StatementKind::Let, .name = word(), .value = grow(height)});
    block.statements.push_back({.kind = ast::StatementKind::Result, .value = grow(height)});
    return program_.add(block);
  }
  ast::ExprId grow(size_t height) {
    if (height == 0) return leaf();
    const auto child = [&] { return grow(height - 1 - pick(height)); };
    // Not `==`: between a name and a value on a line of its own it is taken for a mistyped binding.
    static const std::vector<std::string> operators = {"+", "-", "·", "*", "/", "^", "<", "<=", "!=", "and", "or"};
    ast::Expr e{.kind = static_cast<ast::ExprKind>(4 + pick(15))};
    switch (e.kind) {
      case ast::ExprKind::List: e.operands.assign(pick(3), leaf()); break;
      case ast::ExprKind::Call: {
        ast::ExprId callee = child();
        if (program_[callee].kind == ast::ExprKind::Number)
          callee = program_.add({.kind = ast::ExprKind::Name, .text = word()});
        e.operands = {callee};
        for (size_t i = pick(3); i-- > 0;) e.arguments.push_back({.name = pick(2) ? word() : "", .value = child()});
        break;
      }
      case ast::ExprKind::Index: e.operands = {child(), child()}; break;
      case ast::ExprKind::Member: e.operands = {child()}, e.text = word(); break;
      case ast::ExprKind::Unary: e.operands = {child()}, e.text = pick(2) ? "-" : "not"; break;
      case ast::ExprKind::Binary: e.operands = {child(), child()}, e.text = operators[pick(operators.size())]; break;
      case ast::ExprKind::Gradient: e.operands = {child()}, e.text = pick(2) ? "" : "y"; break;
      case ast::ExprKind::Partial: e.operands = {child()}, e.text = "t"; break;
      case ast::ExprKind::Expectation: e.operands = {child(), child()}, e.names.assign(1 + pick(2), "x"); break;
      case ast::ExprKind::Integral:
        e.operands = {child(), child(), pick(2) ? child() : ast::ExprId{}, child()}, e.names = {"t"};
        break;
      case ast::ExprKind::Range: e.operands = {child(), child(), pick(2) ? child() : ast::ExprId{}}; break;
      case ast::ExprKind::Lambda:
        e.parameters = {{.name = word(), .fallback = pick(2) ? leaf() : ast::ExprId{}}}, e.body = body(height - 1);
        break;
      default: e.operands = {child()}; break;
    }
    return program_.add(std::move(e));
  }

  std::mt19937 random_;
  ast::Program program_;
};

}  // namespace am::parse::testing
