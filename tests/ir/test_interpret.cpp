// The reference interpreter against values worked out by hand.
#include <gtest/gtest.h>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/random.h"
#include "tests/ir/evaluate.h"

namespace am::ir {
namespace {

using List = std::vector<double>;

class Interpret : public testing::Test {
 protected:
  Bench b;
  Graph& g = b.g;
  NodeId given(const Shape& shape, const List& values) { return g.table(values, shape); }
  /// A sampled input of two samples; `values` is [element][sample].
  NodeId sampled(const Shape& shape, const List& values) {
    b.bindings.samples = 2;
    const NodeId id = b.input(shape, true);
    b.bound(id) = values;
    return id;
  }
};

TEST_F(Interpret, Arithmetic) {
  const NodeId x = given({3}, {1, 4, 9}), y = given({3}, {2, -1, 0.5});
  EXPECT_EQ(b.value(add(g, x, y)), (List{3, 3, 9.5}));
  EXPECT_EQ(b.value(sub(g, x, y)), (List{-1, 5, 8.5}));
  EXPECT_EQ(b.value(mul(g, x, y)), (List{2, -4, 4.5}));
  EXPECT_EQ(b.value(div(g, x, y)), (List{0.5, -4, 18}));
  EXPECT_EQ(b.value(neg(g, y)), (List{-2, 1, -0.5}));
  EXPECT_EQ(b.value(unary(g, Op::Sqrt, x)), (List{1, 2, 3}));
  EXPECT_EQ(b.value(unary(g, Op::Abs, y)), (List{2, 1, 0.5}));
  EXPECT_EQ(b.value(unary(g, Op::Floor, y)), (List{2, -1, 0}));
  EXPECT_EQ(b.value(unary(g, Op::Sign, given({3}, {-3, 0, 2}))), (List{-1, 0, 1}));
}

TEST_F(Interpret, FunctionsAgreeWithTheCLibrary) {
  const NodeId x = given({2}, {-0.7, 1.3});
  const auto expect = [&](NodeId found, double first, double second) {
    EXPECT_LE(error(b.value(found), List{first, second}), 1e-15);
  };
  expect(unary(g, Op::Exp, x), std::exp(-0.7), std::exp(1.3));
  expect(unary(g, Op::Tanh, x), std::tanh(-0.7), std::tanh(1.3));
  expect(unary(g, Op::Sigmoid, x), 1 / (1 + std::exp(0.7)), 1 / (1 + std::exp(-1.3)));
  expect(unary(g, Op::Sin, x), std::sin(-0.7), std::sin(1.3));
  expect(unary(g, Op::Cos, x), std::cos(-0.7), std::cos(1.3));
  expect(unary(g, Op::Atan, x), std::atan(-0.7), std::atan(1.3));
  expect(unary(g, Op::Erf, x), std::erf(-0.7), std::erf(1.3));
  expect(unary(g, Op::Log1p, x), std::log1p(-0.7), std::log1p(1.3));
  expect(binary(g, Op::Atan2, x, given({2}, {1, -2})), std::atan2(-0.7, 1), std::atan2(1.3, -2));
  EXPECT_NEAR(b.number(unary(g, Op::Log1p, given({}, {1e-12}))), 1e-12 - 5e-25, 1e-27);
}

TEST_F(Interpret, PowersOfNegativeNumbersAreThoseOfWholeExponents) {
  const NodeId x = given({4}, {-2, -2, 0, 2}), y = given({4}, {3, 2, 0, 0.5});
  EXPECT_LE(error(b.value(binary(g, Op::Pow, x, y)), List{-8, 4, 1, std::sqrt(2.0)}), 1e-14);
  EXPECT_TRUE(std::isnan(b.number(binary(g, Op::Pow, given({}, {-2}), given({}, {0.5})))));
}

TEST_F(Interpret, ComparisonsAndChoices) {
  const NodeId x = given({3}, {1, 2, 3}), y = given({3}, {3, 2, 1});
  EXPECT_EQ(b.value(binary(g, Op::Less, x, y)), (List{1, 0, 0}));
  EXPECT_EQ(b.value(binary(g, Op::Equal, x, y)), (List{0, 1, 0}));
  EXPECT_EQ(b.value(binary(g, Op::Min, x, y)), (List{1, 2, 1}));
  EXPECT_EQ(b.value(binary(g, Op::Max, x, y)), (List{3, 2, 3}));
  EXPECT_EQ(b.value(g.add(Op::Select, {binary(g, Op::Less, x, y), x, neg(g, y)})), (List{1, -2, -1}));
}

TEST_F(Interpret, MovesElements) {
  const NodeId m = given({2, 3}, {1, 2, 3, 4, 5, 6}), v = given({2}, {7, 8});
  EXPECT_EQ(b.value(transpose(g, m)), (List{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(b.value(reshape(g, m, {3, 2})), (List{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(b.value(slice(g, m, 1, 1, 2)), (List{2, 3, 5, 6}));
  EXPECT_EQ(b.value(pad(g, v, 0, 1, 4)), (List{0, 7, 8, 0}));
  EXPECT_EQ(b.value(concat(g, {m, reshape(g, v, {2, 1})}, 1)), (List{1, 2, 3, 7, 4, 5, 6, 8}));
  EXPECT_EQ(b.value(broadcast(g, v, {2, 3}, 0b10)), (List{7, 7, 7, 8, 8, 8}));
  EXPECT_EQ(b.value(broadcast(g, v, {3, 2}, 0b01)), (List{7, 8, 7, 8, 7, 8}));
  EXPECT_EQ(b.value(row(g, m, given({}, {1.9}))), (List{4, 5, 6}));
  EXPECT_EQ(b.value(row(g, m, given({}, {5}))), (List{4, 5, 6}));
}

TEST_F(Interpret, SumsAndProducts) {
  const NodeId m = given({2, 3}, {1, 2, 3, 4, 5, 6}), n = given({2, 2}, {1, -1, 2, 0});
  EXPECT_EQ(b.value(sum(g, m, 0b01)), (List{5, 7, 9}));
  EXPECT_EQ(b.value(sum(g, m, 0b10)), (List{6, 15}));
  EXPECT_EQ(b.number(sum_all(g, m)), 21);
  EXPECT_EQ(b.value(matmul(g, n, m)), (List{-3, -3, -3, 2, 4, 6}));
  EXPECT_EQ(b.value(matmul(g, n, m, true)), (List{9, 12, 15, -1, -2, -3}));
  EXPECT_EQ(b.value(matmul(g, m, n, true, true)), (List{-3, 2, -3, 4, -3, 6}));
  EXPECT_EQ(b.value(matvec(g, m, given({3}, {1, 0, -1}))), (List{-2, -2}));
  EXPECT_EQ(b.number(dot(g, n, n)), 6);
}

TEST_F(Interpret, SamplesLieInTheLastAxis) {
  const NodeId x = sampled({2}, {1, 3, 10, 20}), w = given({2}, {2, -1});
  EXPECT_EQ(b.value(mul(g, w, x)), (List{2, 6, -10, -20}));
  EXPECT_EQ(b.value(mean(g, x)), (List{2, 15}));
  EXPECT_EQ(b.value(mean(g, w)), (List{2, -1}));
  EXPECT_EQ(b.value(sum_all(g, x)), (List{11, 23}));
  EXPECT_EQ(b.value(variable(g, x)), (List{1, 3, 10, 20}));
}

TEST_F(Interpret, DrawsAreThoseOfTheGenerators) {
  b.bindings = {.samples = 2, .seed = 9, .step = 4, .first_sample = 6};
  const NodeId u = g.add(Op::Uniform, {}, {.index = 3, .shape = {5}}), t = g.add(Op::Weyl, {}, {.index = 8, .shape = {}});
  const List draws = b.value(u);
  ASSERT_EQ(draws.size(), 10u);
  EXPECT_EQ(draws[4 * 2 + 1], uniform(9, 3, 4, 7, 4));
  EXPECT_EQ(b.value(t), (List{weyl(9, 8, 4 * 2 + 6), weyl(9, 8, 4 * 2 + 7)}));
}

TEST_F(Interpret, UnboundInputsAreOurBugs) {
  const NodeId x = g.input("x", {2}, false);
  EXPECT_THROW(b.value(x), diagnostics::InternalError);
  b.bindings.inputs[0] = {1};
  EXPECT_THROW(b.value(x), diagnostics::InternalError);
}

}  // namespace
}  // namespace am::ir
