// The forward Laplacian against second differences, closed forms, and one pass for each element of x.
#include <gtest/gtest.h>

#include "compiler/simplify/simplify.h"
#include "tests/differentiate/network.h"
#include "tests/differentiate/passes.h"

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

/// ½|x − mlp([x, t])|² and the network's number, in any dimension.
struct Potentials {
  Bench b;
  int d;
  Network distance{b, {d + 1, 7, 6, d}}, number{b, {d + 1, 7, 6, 1}};
  NodeId x = b.input({d}, true), t = b.input({}, true);
  explicit Potentials(int dimension) : d(dimension) {}

  std::vector<NodeId> all() {
    const NodeId gap = sub(b.g, x, distance.with_time(x, t));
    return {scale(b.g, 0.5, dot(b.g, gap, gap)), number.s(x, t)};
  }
  size_t nodes(NodeId y) const { return reachable(b.g, {{y}}).size(); }
};

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

TEST(Laplacian, InAnyDimensionIsThatOfOnePassForEach) {
  for (int d : {1, 2, 3, 5, 10, 20}) {
    Potentials p(d);
    for (NodeId y : p.all())
      EXPECT_LE(error(p.b.value(laplacian(p.b.g, y, p.x)), p.b.value(laplacian_by_passes(p.b.g, y, p.x))), 1e-11) << d;
  }
}

/// Fields that keep elements apart, that exchange them, and that mix them.
TEST(Laplacian, DivergenceInAnyDimensionIsThatOfOnePassForEach) {
  for (int d : {1, 2, 5, 10}) {
    Potentials p(d);
    Graph& g = p.b.g;
    const NodeId bent = mul(g, p.x, unary(g, Op::Exp, p.x)), mixed = p.distance.with_time(p.x, p.t);
    const NodeId turned = d == 1 ? bent : concat(g, {slice(g, bent, 0, 1, d - 1), slice(g, bent, 0, 0, 1)}, 0);
    for (NodeId field : {bent, turned, mul(g, bent, turned), mixed, mul(g, bent, mixed)}) {
      const NodeId found = divergence(g, field, p.x);
      const std::vector<double> zero(p.b.bindings.samples);
      EXPECT_LE(error(found.valid() ? p.b.value(found) : zero, p.b.value(divergence_by_passes(g, field, p.x))), 1e-12) << d;
    }
  }
}

TEST(Laplacian, OfElementwiseFunctionsHasNoMatrices) {
  Bench b;
  const NodeId x = b.input({7}, true);
  const NodeId bent = mul(b.g, unary(b.g, Op::Sin, x), unary(b.g, Op::Exp, mul(b.g, x, x)));
  const NodeId y = dot(b.g, bent, b.input({7}, false)), found = laplacian(b.g, y, x);
  for (NodeId id : reachable(b.g, {{found}})) EXPECT_LE(b.g[id].shape.count(), 7) << print(b.g, {{id}});
  EXPECT_LE(error(b.value(found), b.value(laplacian_by_passes(b.g, y, x))), 1e-12);
}

/// The parts of Action Matching's entropic objective: ½|∇s|² + ∂ₜs + Δs/8, and its gradient by the parameters.
struct Objective {
  using Laplace = NodeId (*)(Graph&, NodeId, NodeId);
  Potentials p;
  simplify::Simplified step;

  Objective(int d, bool distance, Laplace laplace) : p(d) {
    Graph& g = p.b.g;
    const NodeId s = p.all()[distance ? 0 : 1];
    const NodeId slope = gradient(g, s, {{&p.x, 1}})[0], rate = gradient(g, s, {{&p.t, 1}})[0];
    const NodeId still = add(g, scale(g, 0.5, dot(g, slope, slope)), rate);
    const NodeId loss = mean(g, add(g, still, scale(g, 0.125, laplace(g, s, p.x))));
    std::vector<NodeId> outputs = gradient(g, loss, {(distance ? p.distance : p.number).parameters()});
    std::erase(outputs, kNone);
    step = simplify::simplify(g, outputs);
  }

  /// Of the products that are made for each sample.
  double flops() const {
    double out = 0;
    for (NodeId id : reachable(step.graph, step.outputs)) {
      const Node& node = step.graph[id];
      if (node.op != Op::MatMul || !node.sampled) continue;
      out += 2.0 * node.shape.count() * step.graph[node.operands[0]].shape[node.attributes.transpose_a ? 0 : 1];
    }
    return out;
  }
  /// Of one evaluation of the network.
  double forward(bool distance) const {
    double out = 0;
    for (NodeId w : (distance ? p.distance : p.number).weights) out += 2.0 * p.b.g[w].shape.count();
    return out;
  }
};

NodeId exact(Graph& g, NodeId s, NodeId x) { return laplacian(g, s, x); }

TEST(Laplacian, GraphsDoNotGrowWithTheDimension) {
  for (bool distance : {false, true}) {
    const size_t nodes = Objective(2, distance, exact).step.graph.size();
    for (int d : {3, 5, 20}) EXPECT_EQ(Objective(d, distance, exact).step.graph.size(), nodes) << d;
  }
}

/// A gradient costs about three times its function; the function, s and ∇s and d columns of the Jacobian.
TEST(Laplacian, TakesDimensionPlusTwoEvaluations) {
  for (bool distance : {false, true})
    for (int d : {2, 3, 5, 10, 20}) {
      const Objective ours(d, distance, exact), passes(d, distance, laplacian_by_passes);
      EXPECT_LE(ours.flops(), 3 * (d + 2) * ours.forward(distance)) << d;
      EXPECT_LT(ours.flops(), passes.flops()) << d;
    }
}

}  // namespace
}  // namespace am::ir
