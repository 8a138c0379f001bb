#include "compiler/ast/ast.h"

#include <algorithm>
#include <iterator>

namespace am::ast {
namespace {

/// Compares two trees; every member answers whether both sides agree.
class Comparison {
 public:
  Comparison(const Program& a, const Program& b) : a_(a), b_(b) {}

  bool same(ExprId x, ExprId y) const {
    if (x.valid() != y.valid()) return false;
    return !x.valid() || same(a_[x], b_[y]);
  }
  bool same(BlockId x, BlockId y) const {
    if (x.valid() != y.valid()) return false;
    return !x.valid() || all(a_[x].statements, b_[y].statements);
  }
  bool same(const Expr& x, const Expr& y) const {
    // `½` and `0.5` are one number.
    const bool text = x.kind == ExprKind::Number ? x.number == y.number : x.text == y.text;
    return x.kind == y.kind && text && x.names == y.names && all(x.operands, y.operands) &&
           all(x.arguments, y.arguments) && all(x.parameters, y.parameters) && same(x.body, y.body);
  }
  bool same(const Argument& x, const Argument& y) const { return x.name == y.name && same(x.value, y.value); }
  bool same(const Parameter& x, const Parameter& y) const { return x.name == y.name && same(x.fallback, y.fallback); }
  bool same(const Setting& x, const Setting& y) const { return x.name == y.name && same(x.value, y.value); }
  bool same(const Statement& x, const Statement& y) const {
    return x.kind == y.kind && x.name == y.name && x.member == y.member && same(x.value, y.value) &&
           same(x.type, y.type) && all(x.parameters, y.parameters) && same(x.body, y.body) &&
           same(x.otherwise, y.otherwise);
  }
  bool same(const Declaration& x, const Declaration& y) const {
    return x.kind == y.kind && x.name == y.name && x.doc == y.doc && x.model == y.model &&
           all(x.parameters, y.parameters) && all(x.variables, y.variables) && same(x.range, y.range) &&
           same(x.value, y.value) && same(x.body, y.body) && all(x.settings, y.settings);
  }
  template <class Items>
  bool all(const Items& x, const Items& y) const {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [&](const auto& p, const auto& q) { return same(p, q); });
  }

 private:
  const Program& a_;
  const Program& b_;
};

}  // namespace

ExprId Program::add(Expr expr) {
  expressions.push_back(std::move(expr));
  return {static_cast<uint32_t>(expressions.size() - 1)};
}

BlockId Program::add(Block block) {
  blocks.push_back(std::move(block));
  return {static_cast<uint32_t>(blocks.size() - 1)};
}

std::string_view keyword(DeclarationKind kind) {
  constexpr std::string_view kWords[] = {"const",  "fn",        "net",      "distribution", "data",
                                         "path",   "potential", "velocity", "dynamics",     "optimizer",
                                         "solver", "train",     "sample",   "evaluate"};
  static_assert(std::size(kWords) == static_cast<size_t>(DeclarationKind::Evaluate) + 1);
  return kWords[static_cast<size_t>(kind)];
}

bool same(const Program& a, const Program& b) { return Comparison(a, b).all(a.declarations, b.declarations); }

}  // namespace am::ast
