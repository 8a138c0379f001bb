// The forward Laplacian against second differences, closed forms, and the divergence of the gradient.
#include <gtest/gtest.h>

#include "tests/differentiate/network.h"

namespace am::ir {
namespace {

using differentiate::divergence;
using differentiate::gradient;
using differentiate::laplacian;

struct Example {
  Bench b;
  Network net{b, {3, 5, 4, 1}};
  NodeId x = b.input({2}, true), t = b.input({}, true);
  NodeId s = net.s(x, t);
};

NodeId divergence_of_gradient(Graph& g, NodeId f, NodeId x) { return divergence(g, gradient(g, f, {{&x, 1}})[0], x); }

TEST(Laplacian, OfANetworkIsTheSumOfSecondDifferences) {
  Example s;
  Graph& g = s.b.g;
  const double h = 1e-3;
  NodeId expected = constant(g, 0);
  for (int i = 0; i < 2; ++i) {
    std::vector<double> step(2);
    step[i] = h;
    const NodeId up = s.net.s(add(g, s.x, g.table(step, {2})), s.t), down = s.net.s(sub(g, s.x, g.table(step, {2})), s.t);
    expected = add(g, expected, scale(g, 1 / (h * h), sub(g, add(g, up, down), scale(g, 2, s.s))));
  }
  EXPECT_LE(error(s.b.value(laplacian(g, s.s, s.x)), s.b.value(expected)), 1e-5);
}

TEST(Laplacian, IsTheDivergenceOfTheGradient) {
  Example s;
  const NodeId found = laplacian(s.b.g, s.s, s.x);
  EXPECT_LE(error(s.b.value(found), s.b.value(divergence_of_gradient(s.b.g, s.s, s.x))), 1e-10);
}

TEST(Laplacian, AlongDirectionsIsTheSecondDerivativeAlongEach) {
  Example s;
  Graph& g = s.b.g;
  const std::vector<NodeId> z{s.b.input({2}, true), s.b.input({2}, false)};
  NodeId expected = constant(g, 0);
  for (const NodeId& direction : z) {
    const NodeId slope = differentiate::directional(g, s.s, {{&s.x, 1}}, {&direction, 1});
    expected = add(g, expected, differentiate::directional(g, slope, {{&s.x, 1}}, {&direction, 1}));
  }
  const std::vector<double> wanted = s.b.value(expected);
  EXPECT_LE(error(s.b.value(laplacian(g, s.s, s.x, {}, nullptr, z)), wanted), 1e-12);
  const NodeId slope = gradient(g, s.s, {{&s.x, 1}})[0];
  EXPECT_LE(error(s.b.value(divergence(g, slope, s.x, {}, nullptr, z)), wanted), 1e-12);
  EXPECT_GT(error(s.b.value(laplacian(g, s.s, s.x)), wanted), 1e-3);
}

TEST(Laplacian, HasAGradientByParameters) {
  Example s;
  Graph& g = s.b.g;
  const NodeId loss = mean(g, laplacian(g, s.s, s.x));
  auto by = s.net.parameters();
  by.pop_back();
  const auto gradients = gradient(g, loss, {by});
  for (size_t k = 0; k < by.size(); ++k)
    EXPECT_LE(error(s.b.value(gradients[k]), s.b.differences(loss, by[k], 1e-5)), 1e-7) << k;
}

TEST(Laplacian, OfTheSquaredNormOfAGradient) {
  Example s;
  Graph& g = s.b.g;
  const NodeId slope = gradient(g, s.s, {{&s.x, 1}})[0], energy = dot(g, slope, slope);
  EXPECT_LE(error(s.b.value(laplacian(g, energy, s.x)), s.b.value(divergence_of_gradient(g, energy, s.x))), 1e-10);
}

TEST(Laplacian, OfAPolynomial) {
  // Δ(x₀³x₁ + x₁²) = 6x₀x₁ + 2.
  Bench b;
  const NodeId x = b.input({2}, true);
  const NodeId x0 = reshape(b.g, slice(b.g, x, 0, 0, 1), {}), x1 = reshape(b.g, slice(b.g, x, 0, 1, 1), {});
  const NodeId f = add(b.g, mul(b.g, mul(b.g, mul(b.g, x0, x0), x0), x1), mul(b.g, x1, x1));
  const NodeId expected = add(b.g, constant(b.g, 2), scale(b.g, 6, mul(b.g, x0, x1)));
  EXPECT_LE(error(b.value(laplacian(b.g, f, x)), b.value(expected)), 1e-13);
}

TEST(Laplacian, OfEqualOperands) {
  // Σ x·x has the Laplacian 2d; with one node as both operands.
  Bench b;
  const NodeId x = b.input({3}, true);
  EXPECT_LE(error(b.value(laplacian(b.g, dot(b.g, x, x), x)), {6, 6, 6}), 1e-15);
}

TEST(Laplacian, OfAMatrixProductOfTwoDependentFactors) {
  Bench b;
  const NodeId x = b.input({2}, true), w = b.input({2, 2}, false);
  const NodeId row = reshape(b.g, unary(b.g, Op::Exp, x), {1, 2}), column = reshape(b.g, unary(b.g, Op::Sin, x), {2, 1});
  const NodeId f = reshape(b.g, matmul(b.g, row, matmul(b.g, w, column)), {});
  EXPECT_LE(error(b.value(laplacian(b.g, f, x)), b.value(divergence_of_gradient(b.g, f, x))), 1e-12);
}

TEST(Laplacian, ByAScalarIsTheSecondDerivative) {
  Bench b;
  const NodeId x = b.input({}, true);
  EXPECT_LE(error(b.value(laplacian(b.g, unary(b.g, Op::Sin, x), x)), b.value(neg(b.g, unary(b.g, Op::Sin, x)))), 1e-15);
}

TEST(Laplacian, OfTheNormIsOneOverTheRadius) {
  // Δ|x| = (d − 1)/|x|.
  Bench b;
  const NodeId x = b.input({3}, true, 0.5, 1.5), r = unary(b.g, Op::Sqrt, dot(b.g, x, x));
  EXPECT_LE(error(b.value(laplacian(b.g, r, x)), b.value(div(b.g, constant(b.g, 2), r))), 1e-12);
}

TEST(Laplacian, OfALinearFunctionIsNone) {
  Bench b;
  const NodeId x = b.input({3}, true), w = b.input({3}, false), y = b.input({}, true);
  EXPECT_FALSE(laplacian(b.g, dot(b.g, w, x), x).valid());
  EXPECT_FALSE(laplacian(b.g, y, x).valid());
}

TEST(Laplacian, HoldsWhatIsHeld) {
  Bench b;
  const NodeId x = b.input({}, true), u = unary(b.g, Op::Exp, x), f = mul(b.g, mul(b.g, x, x), u);
  EXPECT_LE(error(b.value(laplacian(b.g, f, x, {&u, 1})), b.value(scale(b.g, 2, u))), 1e-14);
}

}  // namespace
}  // namespace am::ir
