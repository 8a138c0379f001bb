// Gradients, directional derivatives and divergences of whole functions against central differences.
#include <gtest/gtest.h>

#include "tests/differentiate/network.h"

namespace am::ir {
namespace {

using differentiate::depends;
using differentiate::directional;
using differentiate::divergence;
using differentiate::gradient;

constexpr double kStep = 1e-5;

void expect_gradient(Bench& b, NodeId loss, const std::vector<NodeId>& by, double tolerance) {
  const auto found = gradient(b.g, loss, {by});
  for (size_t k = 0; k < by.size(); ++k) {
    ASSERT_TRUE(found[k].valid()) << k;
    EXPECT_EQ(b.g[found[k]].sampled, b.g[by[k]].sampled) << k;
    EXPECT_LE(error(b.value(found[k]), b.differences(loss, by[k], kStep)), tolerance) << "operand " << k;
  }
}

struct Example {
  Bench b;
  Network net{b, {3, 5, 4, 1}};
  NodeId x = b.input({2}, true), t = b.input({}, true);
};

TEST(Gradient, ByPositionForEachSample) {
  Example s;
  expect_gradient(s.b, mean(s.b.g, s.net.s(s.x, s.t)), {s.x, s.t}, 1e-8);
}

TEST(Gradient, ByParametersIsTheMeanOverSamples) {
  Example s;
  expect_gradient(s.b, mean(s.b.g, s.net.s(s.x, s.t)), s.net.parameters(), 1e-8);
}

TEST(Gradient, OfTheActionMatchingObjectiveByParameters) {
  Example s;
  const NodeId loss = mean(s.b.g, Integrand(s.net, s.x, s.t).value);
  // The last bias shifts s by a constant, which neither ∇s nor ∂ₜs sees.
  auto by = s.net.parameters();
  EXPECT_FALSE(gradient(s.b.g, loss, {{&by.back(), 1}})[0].valid());
  by.pop_back();
  expect_gradient(s.b, loss, by, 1e-7);
}

TEST(Gradient, OfAQuadraticPotential) {
  Bench b;
  Network net(b, {3, 6, 2});
  const NodeId x = b.input({2}, true), t = b.input({}, true);
  const auto potential = [&](NodeId at) {
    const NodeId gap = sub(b.g, at, net.with_time(at, t));
    return scale(b.g, 0.5, dot(b.g, gap, gap));
  };
  const NodeId at = variable(b.g, x);
  const NodeId velocity = gradient(b.g, potential(at), {{&at, 1}})[0];
  EXPECT_LE(error(b.value(velocity), b.differences(mean(b.g, potential(x)), x, kStep)), 1e-8);
  expect_gradient(b, mean(b.g, dot(b.g, velocity, velocity)), net.parameters(), 1e-7);
}

TEST(Gradient, OfASharedExpressionHasNoMean) {
  Bench b;
  const NodeId w = b.input({3}, false);
  const NodeId out = gradient(b.g, dot(b.g, w, unary(b.g, Op::Exp, w)), {{&w, 1}})[0];
  EXPECT_FALSE(b.g[out].sampled);
  for (NodeId id : reachable(b.g, {{out}})) EXPECT_NE(b.g[id].op, Op::Mean);
}

TEST(Gradient, ThroughAMeanIntoAnotherSample) {
  // The mean of one function of the samples enters another: every sample moves every result.
  Bench b;
  const NodeId x = b.input({2}, true), w = b.input({2}, false);
  const NodeId centre = mean(b.g, mul(b.g, w, unary(b.g, Op::Tanh, x)));
  const NodeId spread = sub(b.g, x, centre);
  expect_gradient(b, mean(b.g, mul(b.g, dot(b.g, spread, spread), dot(b.g, x, w))), {x, w}, 1e-8);
}

TEST(Gradient, OfASharedParameterThroughAnAliasOfIt) {
  Bench b;
  const NodeId w = b.input({2}, false), at = variable(b.g, w);
  const NodeId slope = gradient(b.g, dot(b.g, at, mul(b.g, at, at)), {{&at, 1}})[0];
  expect_gradient(b, mean(b.g, dot(b.g, slope, w)), {w}, 1e-8);
}

TEST(Gradient, EqualOperands) {
  Bench b;
  const NodeId x = b.input({}, true);
  EXPECT_LE(error(b.value(gradient(b.g, mul(b.g, x, x), {{&x, 1}})[0]), b.value(scale(b.g, 2, x))), 1e-15);
  EXPECT_LE(error(b.value(gradient(b.g, binary(b.g, Op::Max, x, x), {{&x, 1}})[0]), {1, 1, 1}), 0);
}

TEST(Gradient, SeedContracts) {
  Bench b;
  const NodeId x = b.input({3}, true), seed = b.input({3}, false);
  const NodeId y = unary(b.g, Op::Sin, x);
  EXPECT_LE(error(b.value(gradient(b.g, y, {{&x, 1}}, seed)[0]), b.value(mul(b.g, seed, unary(b.g, Op::Cos, x)))), 1e-15);
}

TEST(Gradient, OfWhatDoesNotDependIsNone) {
  Bench b;
  const NodeId x = b.input({}, true), y = b.input({}, true);
  const NodeId f = unary(b.g, Op::Exp, x);
  const size_t before = b.g.size();
  EXPECT_FALSE(gradient(b.g, f, {{&y, 1}})[0].valid());
  EXPECT_FALSE(gradient(b.g, x, {{&f, 1}})[0].valid());
  EXPECT_FALSE(directional(b.g, f, {{&y, 1}}, {{x}}).valid());
  EXPECT_EQ(b.g.size(), before);
  EXPECT_TRUE(depends(b.g, f, x));
  EXPECT_FALSE(depends(b.g, f, y));
  EXPECT_FALSE(depends(b.g, unary(b.g, Op::Floor, x), x));
}

TEST(Gradient, HeldNodesStayFixed) {
  // x is drawn along a path that depends on t; ∂ₜs is taken at a fixed x.
  Bench b;
  const NodeId t = b.input({}, true), z = b.input({}, true);
  const NodeId x = add(b.g, mul(b.g, t, t), z), s = mul(b.g, unary(b.g, Op::Sin, t), x);
  const NodeId fixed = gradient(b.g, s, {{&t, 1}, {&x, 1}})[0], total = gradient(b.g, s, {{&t, 1}})[0];
  EXPECT_LE(error(b.value(fixed), b.value(mul(b.g, unary(b.g, Op::Cos, t), x))), 1e-15);
  EXPECT_LE(error(b.value(total), b.differences(mean(b.g, s), t, kStep)), 1e-9);
  EXPECT_GT(error(b.value(total), b.value(fixed)), 1e-3);
  const NodeId one = constant(b.g, 1);
  EXPECT_LE(error(b.value(directional(b.g, s, {{&t, 1}, {&x, 1}}, {{one}})), b.value(fixed)), 1e-15);
  EXPECT_FALSE(depends(b.g, x, t, {&x, 1}));
  // What is differentiated by is not held, even if it is named among the held.
  const std::vector<NodeId> both{x, t};
  EXPECT_EQ(gradient(b.g, s, {{&t, 1}, both})[0], fixed);
}

TEST(Gradient, KeepsTheOriginOfTheForwardNode) {
  Bench b;
  const NodeId x = b.input({}, true);
  const source::Span here{{0}, 3, 8}, later{{0}, 20, 22};
  b.g.set_origin(here);
  const NodeId y = unary(b.g, Op::Tanh, x);
  b.g.set_origin(later);
  const NodeId slope = gradient(b.g, y, {{&x, 1}})[0];
  EXPECT_EQ(b.g[slope].origin, here);
  EXPECT_EQ(b.g.origin(), later);
}

TEST(Directional, AgreesWithTheGradient) {
  Example s;
  Graph& g = s.b.g;
  const NodeId value = Integrand(s.net, s.x, s.t).value;
  std::vector<NodeId> by = s.net.parameters(), tangents;
  by.push_back(s.x);
  for (NodeId p : by) tangents.push_back(s.b.input(g[p].shape, g[p].sampled));
  const NodeId loss = mean(g, value);
  const auto gradients = gradient(g, loss, {by});
  NodeId expected = constant(g, 0);
  for (size_t k = 0; k < by.size(); ++k)
    if (gradients[k].valid()) expected = add(g, expected, s.b.average(dot(g, tangents[k], gradients[k])));
  EXPECT_LE(error(s.b.value(directional(g, loss, {by}, tangents)), s.b.value(expected)), 1e-12);
}

TEST(Divergence, OfANetworkAgainstDifferences) {
  Bench b;
  Network net(b, {3, 5, 2});
  const NodeId x = b.input({2}, true), t = b.input({}, true);
  const NodeId v = net.with_time(x, t);
  NodeId expected = constant(b.g, 0);
  const double h = 1e-5;
  for (int i = 0; i < 2; ++i) {
    std::vector<double> step(2);
    step[i] = h;
    const NodeId up = net.with_time(add(b.g, x, b.g.table(step, {2})), t);
    const NodeId down = net.with_time(sub(b.g, x, b.g.table(step, {2})), t);
    expected = add(b.g, expected, scale(b.g, 1 / (2 * h), reshape(b.g, slice(b.g, sub(b.g, up, down), 0, i, 1), {})));
  }
  EXPECT_LE(error(b.value(divergence(b.g, v, x)), b.value(expected)), 1e-8);
}

TEST(Divergence, OfAScalarIsItsDerivative) {
  Bench b;
  const NodeId x = b.input({}, true);
  EXPECT_LE(error(b.value(divergence(b.g, unary(b.g, Op::Sin, x), x)), b.value(unary(b.g, Op::Cos, x))), 1e-15);
}

}  // namespace
}  // namespace am::ir
