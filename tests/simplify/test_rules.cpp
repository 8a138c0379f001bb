// Every rule of rules.cpp on random points: an expression that it fits, by the rule's own name. A rule without an
// example fails, and so does an example without a rule.
#include <gtest/gtest.h>

#include <map>

#include "compiler/ir/ops.h"
#include "compiler/simplify/rules.h"
#include "compiler/simplify/simplify.h"
#include "tests/ir/evaluate.h"

namespace am::simplify {
namespace {

using namespace am::ir;

/// Short names for building examples: x, y are sampled, p, q shared, positive where a rule needs it.
struct Terms : Bench {
  NodeId x(Shape shape = {3}) { return input(shape, true, 0.5, 2); }
  NodeId p(Shape shape = {3}) { return input(shape, false, 0.5, 2); }
  NodeId c(double value, Shape shape = {3}) { return constant(g, value, shape); }
  NodeId f(Op op, NodeId a) { return unary(g, op, a); }
  NodeId f(Op op, NodeId a, NodeId b) { return g.add(op, {a, b}); }
  NodeId f(Op op, NodeId a, NodeId b, NodeId d) { return g.add(op, {a, b, d}); }
  NodeId plus(NodeId a, NodeId b) { return add(g, a, b); }
  NodeId minus(NodeId a, NodeId b) { return sub(g, a, b); }
  NodeId minus(NodeId a) { return neg(g, a); }
  NodeId times(NodeId a, NodeId b) { return mul(g, a, b); }
  NodeId over(NodeId a, NodeId b) { return div(g, a, b); }
  NodeId repeat(NodeId a, Shape shape, int mask) { return g.add(Op::Broadcast, {a}, {.axis = mask, .shape = shape}); }
  NodeId shaped(NodeId a, Shape shape) { return g.add(Op::Reshape, {a}, {.shape = shape}); }
  NodeId total(NodeId a, int mask) { return g.add(Op::Sum, {a}, {.axis = mask}); }
  NodeId part(NodeId a, int start, int length) {
    Shape shape = g[a].shape;
    shape.sizes[0] = length;
    return g.add(Op::Slice, {a}, {.axis = 0, .start = start, .shape = shape});
  }
  NodeId padded(NodeId a, int start, int size) {
    Shape shape = g[a].shape;
    shape.sizes[0] = size;
    return g.add(Op::Pad, {a}, {.axis = 0, .start = start, .shape = shape});
  }
  NodeId joined(std::vector<NodeId> parts) { return g.add(Op::Concat, std::move(parts), {.axis = 0}); }
  NodeId flip(NodeId a) { return transpose(g, a); }
  NodeId product(NodeId a, NodeId b, bool ta = false, bool tb = false) { return matmul(g, a, b, ta, tb); }
  NodeId average(NodeId a) { return mean(g, a); }
};

using Example = NodeId (*)(Terms&);

const std::multimap<std::string_view, Example>& examples() {
#define EXAMPLE(text, expression) {text, [](Terms& t) -> NodeId { return expression; }}
  static const std::multimap<std::string_view, Example> all{
      EXAMPLE("y + x = x + y", (t.x(), t.plus(t.x(), t.p()))),
      EXAMPLE("0 + x = x", t.plus(t.c(0), t.x())),
      EXAMPLE("a + (b + x) = (a + b) + x", t.plus(t.c(2), t.plus(t.c(3), t.x()))),
      EXAMPLE("a + (b + x) = (a + b) + x", t.plus(t.p(), t.plus(t.p(), t.x()))),
      EXAMPLE("a + (b − x) = (a + b) − x", t.plus(t.c(2), t.minus(t.c(3), t.x()))),
      EXAMPLE("a·x + b·x = (a + b)·x", [&] { auto x = t.x(); return t.plus(t.times(t.c(2), x), t.times(t.c(3), x)); }()),
      EXAMPLE("a·x + b·x = (a + b)·x", [&] { auto x = t.x(); return t.plus(t.minus(x), t.times(t.c(3), x)); }()),
      EXAMPLE("x + (−y) = x − y", t.plus(t.x(), t.minus(t.x()))),
      EXAMPLE("x + (−y) = x − y", t.plus(t.minus(t.x()), t.x())),
      EXAMPLE("pad x + pad y = pad [x, y]", t.plus(t.padded(t.x({2}), 1, 7), t.padded(t.x({3}), 3, 7))),
      EXAMPLE("pad x + pad y = pad [x, y]", t.plus(t.padded(t.x({3}), 2, 5), t.padded(t.x({2}), 0, 5))),
      EXAMPLE("x − x = 0", [&] { auto x = t.x(); return t.minus(x, x); }()),
      EXAMPLE("x − 0 = x", t.minus(t.x(), t.c(0))),
      EXAMPLE("0 − x = −x", t.minus(t.c(0), t.x())),
      EXAMPLE("x − c = −c + x", t.minus(t.x(), t.c(3))),
      EXAMPLE("a·x − b·x = (a − b)·x", [&] { auto x = t.x(); return t.minus(t.times(t.c(2), x), t.times(t.c(3), x)); }()),
      EXAMPLE("x − (−y) = x + y", t.minus(t.x(), t.minus(t.x()))),
      EXAMPLE("−x − y = −(x + y)", t.minus(t.minus(t.x()), t.x())),
      EXAMPLE("a − (b + x) = (a − b) − x", t.minus(t.c(2), t.plus(t.c(3), t.x()))),
      EXAMPLE("a − (b − x) = (a − b) + x", t.minus(t.p(), t.minus(t.p(), t.x()))),
      EXAMPLE("−(−x) = x", t.minus(t.minus(t.x()))),
      EXAMPLE("−(x − y) = y − x", t.minus(t.minus(t.x(), t.x()))),
      EXAMPLE("−(c + x) = −c − x", t.minus(t.plus(t.c(2), t.x()))),
      EXAMPLE("−(c·x) = (−c)·x", t.minus(t.times(t.c(2), t.x()))),
      EXAMPLE("y·x = x·y", t.times(t.x(), t.p())),
      EXAMPLE("0·x = 0", t.times(t.c(0), t.x())),
      EXAMPLE("1·x = x", t.times(t.c(1), t.x())),
      EXAMPLE("−1·x = −x", t.times(t.c(-1), t.x())),
      EXAMPLE("c·(−x) = (−c)·x", t.times(t.c(2), t.minus(t.x()))),
      EXAMPLE("(−x)·y = −(x·y)", t.times(t.minus(t.x()), t.x())),
      EXAMPLE("(−x)·y = −(x·y)", t.times(t.x(), t.minus(t.x()))),
      EXAMPLE("a·(b·x) = (a·b)·x", t.times(t.c(2), t.times(t.c(3), t.p()))),
      EXAMPLE("a·(b·x) = (a·b)·x", t.times(t.p(), t.times(t.p(), t.x()))),
      EXAMPLE("x·(c·y) = c·(x·y)", t.times(t.x(), t.times(t.c(3), t.x()))),
      EXAMPLE("x·(c·y) = c·(x·y)", t.times(t.times(t.c(3), t.p()), t.p())),
      EXAMPLE("c·(d/x) = (c·d)/x", t.times(t.c(3), t.over(t.c(2), t.x()))),
      EXAMPLE("|x|·|x| = x·x", [&] { auto x = t.f(Op::Abs, t.minus(t.x(), t.c(1))); return t.times(x, x); }()),
      EXAMPLE("where(c, 1, 0)·x = where(c, x, 0)", t.times(t.f(Op::Select, t.f(Op::Less, t.x(), t.c(1)), t.c(1), t.c(0)), t.x())),
      EXAMPLE("where(c, 0, 1)·x = where(c, 0, x)", t.times(t.x(), t.f(Op::Select, t.f(Op::Less, t.x(), t.c(1)), t.c(0), t.c(1)))),
      EXAMPLE("0/x = 0", t.over(t.c(0), t.x())),
      EXAMPLE("x/1 = x", t.over(t.x(), t.c(1))),
      EXAMPLE("x/c = (1/c)·x", t.over(t.x(), t.c(3))),
      EXAMPLE("(−x)/y = −(x/y)", t.over(t.minus(t.x()), t.x())),
      EXAMPLE("x/(−y) = −(x/y)", t.over(t.x(), t.minus(t.x()))),
      EXAMPLE("x^n = x·x·…·x", t.f(Op::Pow, t.x(), t.c(0))),
      EXAMPLE("x^n = x·x·…·x", t.f(Op::Pow, t.x(), t.c(1))),
      EXAMPLE("x^n = x·x·…·x", t.f(Op::Pow, t.x(), t.c(2))),
      EXAMPLE("x^n = x·x·…·x", t.f(Op::Pow, t.minus(t.x(), t.x()), t.c(3))),
      EXAMPLE("x^n = x·x·…·x", t.f(Op::Pow, t.x(), t.c(7))),
      EXAMPLE("x^n = x·x·…·x", t.f(Op::Pow, t.minus(t.x()), t.c(-3))),
      EXAMPLE("x^½ = √x", t.f(Op::Pow, t.x(), t.c(0.5))),
      EXAMPLE("x^−½ = 1/√x", t.f(Op::Pow, t.x(), t.c(-0.5))),
      EXAMPLE("c^x = exp(log c·x)", t.f(Op::Pow, t.c(3), t.x())),
      EXAMPLE("|−x| = |x|", t.f(Op::Abs, t.minus(t.x()))),
      EXAMPLE("||x|| = |x|", t.f(Op::Abs, t.f(Op::Abs, t.minus(t.x(), t.x())))),
      EXAMPLE("tanh(−x) = −tanh x", t.f(Op::Tanh, t.minus(t.x()))),
      EXAMPLE("sin(−x) = −sin x", t.f(Op::Sin, t.minus(t.x()))),
      EXAMPLE("cos(−x) = cos x", t.f(Op::Cos, t.minus(t.x()))),
      EXAMPLE("min(y, x) = min(x, y)", t.f(Op::Min, t.x(), t.p())),
      EXAMPLE("min(x, x) = x", [&] { auto x = t.x(); return t.f(Op::Min, x, x); }()),
      EXAMPLE("max(y, x) = max(x, y)", t.f(Op::Max, t.x(), t.c(1))),
      EXAMPLE("max(x, x) = x", [&] { auto x = t.x(); return t.f(Op::Max, x, x); }()),
      EXAMPLE("x < x is false", [&] { auto x = t.x(); return t.f(Op::Less, x, x); }()),
      EXAMPLE("(y = x) is (x = y)", t.f(Op::Equal, t.x(), t.p())),
      EXAMPLE("x = x is true", [&] { auto x = t.x(); return t.f(Op::Equal, x, x); }()),
      EXAMPLE("where(c, x, y) chooses once", t.f(Op::Select, t.c(1), t.x(), t.x())),
      EXAMPLE("where(c, x, y) chooses once", t.f(Op::Select, t.c(0), t.x(), t.x())),
      EXAMPLE("where(c, x, x) = x", [&] { auto x = t.x(); return t.f(Op::Select, t.f(Op::Less, t.x(), t.c(1)), x, x); }()),
      EXAMPLE("f(repeat x) = repeat f(x)", t.f(Op::Exp, t.repeat(t.x({}), {3}, 1))),
      EXAMPLE("f(repeat x) = repeat f(x)", t.plus(t.repeat(t.x(), {3, 2}, 2), t.repeat(t.p(), {3, 2}, 2))),
      EXAMPLE("f(repeat x) = repeat f(x)", t.f(Op::Select, t.c(0, {3, 2}), t.repeat(t.x(), {3, 2}, 2), t.repeat(t.p(), {3, 2}, 2))),
      EXAMPLE("f(reshape x) = reshape f(x)", t.times(t.shaped(t.x({6}), {2, 3}), t.shaped(t.p({6}), {2, 3}))),
      EXAMPLE("f(reshape x) = reshape f(x)", t.plus(t.c(1, {2, 3}), t.shaped(t.p({6}), {2, 3}))),
      EXAMPLE("repeat c = c", t.repeat(t.c(2), {3, 2}, 2)),
      EXAMPLE("repeat x along no axis = x", t.repeat(t.x(), {3}, 0)),
      EXAMPLE("repeat repeat x = repeat x", t.repeat(t.repeat(t.x({2}), {2, 3}, 0b10), {2, 4, 3}, 0b010)),
      EXAMPLE("repeat repeat x = repeat x", t.repeat(t.repeat(t.x({2}), {3, 2}, 0b01), {4, 3, 2}, 0b001)),
      EXAMPLE("repeat x once = reshape x", t.repeat(t.x({3}), {1, 3, 1}, 0b101)),
      EXAMPLE("Σ x over no axis = x", t.total(t.x(), 0)),
      EXAMPLE("Σ c = n·c", t.total(t.c(2, {2, 3}), 0b10)),
      EXAMPLE("Σ x over one entry = reshape x", t.total(t.x({3, 1}), 0b10)),
      EXAMPLE("Σ Σ x = Σ x", t.total(t.total(t.x({2, 3, 4}), 0b010), 0b10)),
      EXAMPLE("Σ Σ x = Σ x", t.total(t.total(t.x({2, 3, 4}), 0b001), 0b01)),
      EXAMPLE("Σ repeat x = n·repeat Σ x", t.total(t.repeat(t.x({2}), {2, 3}, 0b10), 0b10)),
      EXAMPLE("Σ repeat x = n·repeat Σ x", t.total(t.repeat(t.x({2}), {2, 3}, 0b10), 0b01)),
      EXAMPLE("Σ repeat x = n·repeat Σ x", t.total(t.repeat(t.x({2, 3}), {4, 2, 5, 3}, 0b0101), 0b0011)),
      EXAMPLE("Σ −x = −Σ x", t.total(t.minus(t.x()), 1)),
      EXAMPLE("Σ a·x = a·Σ x", t.total(t.times(t.c(3), t.x()), 1)),
      EXAMPLE("Σ a·x = a·Σ x", t.total(t.times(t.x({2, 3}), t.repeat(t.x({2}), {2, 3}, 0b10)), 0b10)),
      EXAMPLE("Σ a·x = a·Σ x", t.total(t.times(t.repeat(t.x({}), {2, 3}, 0b11), t.x({2, 3})), 0b01)),
      EXAMPLE("Σ reshape x = Σ x", t.total(t.shaped(t.x({6}), {2, 3}), 0b11)),
      EXAMPLE("Σ xᵀ = Σ x", t.total(t.flip(t.x({2, 3})), 0b11)),
      EXAMPLE("Σ pad x = Σ x", t.total(t.padded(t.x({2, 3}), 1, 4), 0b01)),
      EXAMPLE("reshape c = c", t.shaped(t.c(3), {3, 1})),
      EXAMPLE("reshape x to its shape = x", t.shaped(t.x(), {3})),
      EXAMPLE("reshape reshape x = reshape x", t.shaped(t.shaped(t.x({6}), {2, 3}), {3, 2})),
      EXAMPLE("reshape −x = −reshape x", t.shaped(t.minus(t.x()), {3, 1})),
      EXAMPLE("reshape c·x = c·reshape x", t.shaped(t.times(t.c(2), t.x()), {3, 1})),
      EXAMPLE("reshape fill x = fill x", t.shaped(t.repeat(t.x({}), {6}, 1), {2, 3})),
      EXAMPLE("reshape pad x = pad reshape x", t.shaped(t.padded(t.x({2}), 1, 5), {1, 5, 1})),
      EXAMPLE("reshape pad x = pad reshape x", t.shaped(t.padded(t.x({1, 3}), 1, 4), {4, 3, 1})),
      EXAMPLE("cᵀ = c", t.flip(t.c(2, {2, 3}))),
      EXAMPLE("(xᵀ)ᵀ = x", t.flip(t.flip(t.x({2, 3})))),
      EXAMPLE("xᵀ of a vector = reshape x", t.flip(t.x({1, 3}))),
      EXAMPLE("(−x)ᵀ = −xᵀ", t.flip(t.minus(t.x({2, 3})))),
      EXAMPLE("(c·x)ᵀ = c·xᵀ", t.flip(t.times(t.c(2, {2, 3}), t.x({2, 3})))),
      EXAMPLE("(A·B)ᵀ = Bᵀ·Aᵀ", t.flip(t.product(t.x({2, 3}), t.x({3, 4})))),
      EXAMPLE("(A·B)ᵀ = Bᵀ·Aᵀ", t.flip(t.product(t.x({3, 2}), t.x({3, 4}), true))),
      EXAMPLE("(A·B)ᵀ = Bᵀ·Aᵀ", t.flip(t.product(t.x({3, 2}), t.x({4, 3}), true, true))),
      EXAMPLE("(repeat x)ᵀ = repeat x", t.flip(t.repeat(t.x({3, 2}), {3, 4, 2}, 0b010))),
      EXAMPLE("(repeat x)ᵀ = repeat x", t.flip(t.repeat(t.x({3}), {3, 4, 2}, 0b110))),
      EXAMPLE("(repeat x)ᵀ = repeat x", t.flip(t.repeat(t.x(), {3, 2}, 0b10))),
      EXAMPLE("(repeat x)ᵀ = repeat x", t.flip(t.repeat(t.x(), {2, 3}, 0b01))),
      EXAMPLE("(repeat x)ᵀ = repeat x", t.flip(t.repeat(t.x({}), {2, 3}, 0b11))),
      EXAMPLE("all of x = x", t.part(t.x(), 0, 3)),
      EXAMPLE("part of c = c", t.part(t.c(2), 1, 2)),
      EXAMPLE("part of part of x = part of x", t.part(t.part(t.x({6}), 1, 4), 1, 2)),
      EXAMPLE("part of [x, y] = part of x", t.part(t.joined({t.x({2}), t.x({3}), t.x({2})}), 3, 2)),
      EXAMPLE("part of [x, y] = part of x", t.part(t.joined({t.x({2}), t.x({3}), t.x({2})}), 5, 2)),
      EXAMPLE("part of pad x = pad part of x", t.part(t.padded(t.x({3}), 2, 8), 3, 2)),
      EXAMPLE("part of pad x = pad part of x", t.part(t.padded(t.x({3}), 2, 8), 0, 4)),
      EXAMPLE("part of pad x = pad part of x", t.part(t.padded(t.x({3}), 2, 8), 3, 5)),
      EXAMPLE("part of pad x = pad part of x", t.part(t.padded(t.x({3}), 2, 8), 1, 6)),
      EXAMPLE("part of pad x = pad part of x", t.part(t.padded(t.x({3}), 2, 8), 6, 2)),
      EXAMPLE("part of repeat x = repeat part of x", t.part(t.repeat(t.x({4}), {4, 2}, 0b10), 1, 2)),
      EXAMPLE("part of repeat x = repeat part of x", t.part(t.repeat(t.x({2}), {4, 2}, 0b01), 1, 2)),
      EXAMPLE("part of −x = −part of x", t.part(t.minus(t.x()), 1, 2)),
      EXAMPLE("part of c·x = c·part of x", t.part(t.times(t.c(2), t.x()), 1, 2)),
      EXAMPLE("pad x to its size = x", t.padded(t.x(), 0, 3)),
      EXAMPLE("pad 0 = 0", t.padded(t.c(0), 1, 6)),
      EXAMPLE("pad pad x = pad x", t.padded(t.padded(t.x(), 1, 5), 2, 9)),
      EXAMPLE("[x] = x", t.joined({t.x()})),
      EXAMPLE("[[x, y], z] = [x, y, z]", t.joined({t.joined({t.x(), t.x()}), t.x(), t.joined({t.x(), t.x()})})),
      EXAMPLE("[x₀₁, x₁₂] = x₀₂", [&] { auto x = t.x({6}); return t.joined({t.part(x, 1, 2), t.part(x, 3, 2), t.part(x, 5, 1), t.x()}); }()),
      EXAMPLE("[x₀₁, x₁₂] = x₀₂", t.joined({t.c(2), t.c(2), t.x()})),
      EXAMPLE("[0, x, 0] = pad x", t.joined({t.c(0), t.x(), t.x(), t.c(0)})),
      EXAMPLE("0·B = 0", t.product(t.x({2, 3}), t.c(0, {3, 2}))),
      EXAMPLE("c·d of constants", t.product(t.c(2, {4, 3}), t.c(0.5, {4, 2}), true)),
      EXAMPLE("(Aᵀ)·B reads A", t.product(t.flip(t.x({2, 3})), t.x({2, 4}))),
      EXAMPLE("(Aᵀ)·B reads A", t.product(t.flip(t.x({2, 3})), t.x({3, 4}), true)),
      EXAMPLE("A·(Bᵀ) reads B", t.product(t.x({2, 3}), t.flip(t.x({4, 3})))),
      EXAMPLE("A·(Bᵀ) reads B", t.product(t.x({2, 3}), t.flip(t.x({3, 4})), false, true)),
      EXAMPLE("a·bᵀ = repeat a·repeat b", t.product(t.p({2, 1}), t.x({3, 1}), false, true)),
      EXAMPLE("a·bᵀ = repeat a·repeat b", t.product(t.p({1, 2}), t.c(1, {1, 1}), true)),
      EXAMPLE("A·1 = A", t.product(t.x({2, 3}), identity(t.g, 3))),
      EXAMPLE("A·1 = A", t.product(t.x({3, 2}), identity(t.g, 3), true, true)),
      EXAMPLE("A·diag x = A·repeat x", t.product(t.p({2, 3}), t.times(identity(t.g, 3), t.repeat(t.x({3}), {3, 3}, 0b10)))),
      EXAMPLE("A·diag x = A·repeat x", t.product(t.x({3, 2}), t.times(t.repeat(t.x({3}), {3, 3}, 0b01), identity(t.g, 3)), true, true)),
      EXAMPLE("A·pad B = part of A·B", t.product(t.p({2, 5}), t.padded(t.x({2, 3}), 1, 5))),
      EXAMPLE("A·pad B = part of A·B", t.product(t.padded(t.p({2, 3}), 1, 5), t.x({4, 5}), true, true)),
      EXAMPLE("(c·A)·B = c·(A·B)", t.product(t.minus(t.x({2, 3})), t.x({3, 2}))),
      EXAMPLE("(c·A)·B = c·(A·B)", t.product(t.p({2, 3}), t.times(t.c(2, {3, 2}), t.x({3, 2})))),
      EXAMPLE("(c·A)·B = c·(A·B)", t.product(t.p({2, 3}), t.times(t.x({4, 3}), t.repeat(t.p({}), {4, 3}, 3)), false, true)),
      EXAMPLE("E x = x", t.average(t.p())),
      EXAMPLE("E −x = −E x", t.average(t.minus(t.x()))),
      EXAMPLE("E a·x = a·E x", t.average(t.times(t.p(), t.x()))),
      EXAMPLE("E x/a = (E x)/a", t.average(t.over(t.x(), t.p()))),
      EXAMPLE("E(x + y) = E x + E y", t.average(t.plus(t.p(), t.x()))),
      EXAMPLE("E(x + y) = E x + E y", t.average(t.plus(t.x({2, 2}), t.product(t.x({2, 3}), t.x({3, 2}))))),
      EXAMPLE("E(x − y) = E x − E y", t.average(t.minus(t.x(), t.p()))),
      EXAMPLE("E reshape x = reshape E x", t.average(t.shaped(t.x(), {3, 1}))),
      EXAMPLE("E xᵀ = (E x)ᵀ", t.average(t.flip(t.x({2, 3})))),
      EXAMPLE("E repeat x = repeat E x", t.average(t.repeat(t.x(), {3, 2}, 0b10))),
      EXAMPLE("E pad x = pad E x", t.average(t.padded(t.x(), 1, 5))),
      EXAMPLE("E Σ A·B = Σ E A·B", t.average(t.total(t.product(t.x({2, 3}), t.x({3, 2})), 1))),
      EXAMPLE("E A·B = A·E B", t.average(t.product(t.p({4, 3}), t.x({3, 1})))),
      EXAMPLE("E A·B = A·E B", t.average(t.product(t.x({3, 1}), t.p({4, 3}), true, true))),
  };
#undef EXAMPLE
  return all;
}

/// Rules that trade nodes for cheaper ones (a power for its products, a column times a row for repetitions, a sum of
/// repetitions for a multiple) or that split a mean so that its parts may be contracted.
bool may_grow(std::string_view text) {
  return text == "x^n = x·x·…·x" || text == "a·bᵀ = repeat a·repeat b" || text == "x^−½ = 1/√x" || text.starts_with("E(x") ||
         text == "A·pad B = part of A·B" || text == "Σ repeat x = n·repeat Σ x" || text == "c^x = exp(log c·x)" || text == "x/c = (1/c)·x";
}

TEST(Rules, EachHasAnExampleAndATextOfItsOwn) {
  std::map<std::string_view, int> texts;
  for (const Rule& rule : rules()) {
    EXPECT_EQ(++texts[rule.text], 1) << rule.text;
    EXPECT_TRUE(examples().contains(rule.text)) << rule.text;
  }
  for (const auto& [text, example] : examples()) EXPECT_TRUE(texts.contains(text)) << text;
}

TEST(Rules, EachGivesAnEqualNode) {
  for (const Rule& rule : rules()) {
    auto [from, to] = examples().equal_range(rule.text);
    for (auto it = from; it != to; ++it) {
      Terms t;
      const NodeId before = it->second(t), after = rule.apply({t.g, before});
      ASSERT_TRUE(after.valid()) << rule.text << " does not fit " << print(t.g, {{before}});
      EXPECT_NE(after, before) << rule.text;
      EXPECT_TRUE(!rule.op || *rule.op == t.g[before].op) << rule.text;
      EXPECT_EQ(t.g[after].shape, t.g[before].shape) << rule.text;
      EXPECT_LE(t.g[after].sampled, t.g[before].sampled) << rule.text;
      EXPECT_LE(error(t.value(after), t.value(before)), 1e-12) << rule.text << "\n" << print(t.g, {{before}}) << print(t.g, {{after}});
    }
  }
}

TEST(Rules, NormalFormIsNotLarger) {
  for (const auto& [text, example] : examples()) {
    Terms t;
    const NodeId before = example(t);
    const Simplified after = simplify(t.g, {{before}});
    EXPECT_LE(error(interpret(after.graph, after.outputs, t.bindings)[0], t.value(before)), 1e-12) << text;
    if (!may_grow(text)) {
      EXPECT_LE(after.graph.size(), reachable(t.g, {{before}}).size()) << text << "\n" << print(t.g, {{before}}) << print(after.graph, after.outputs);
    }
  }
}

}  // namespace
}  // namespace am::simplify
