// Whole graphs: random ones stay equal, aliases go, and the Action Matching objective evaluates its network once.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "compiler/ir/ops.h"
#include "compiler/simplify/simplify.h"
#include "tests/differentiate/network.h"

namespace am::simplify {
namespace {

using namespace am::ir;

Values values(const Simplified& s, const Bindings& bindings) { return interpret(s.graph, s.outputs, bindings); }

size_t count(const Simplified& s, Op op) {
  const auto nodes = reachable(s.graph, s.outputs);
  return std::count_if(nodes.begin(), nodes.end(), [&](NodeId id) { return s.graph[id].op == op; });
}

/// Grows a graph of vectors and matrices by random steps that keep values of the order of one.
struct Growth : Bench {
  std::vector<NodeId> nodes;
  explicit Growth(uint64_t seed) {
    random.seed(seed);
    for (Shape shape : {Shape{}, Shape{3}, Shape{3, 1}, Shape{2, 3}})
      for (bool sampled : {false, true}) nodes.push_back(input(shape, sampled));
    for (double c : {0.0, 1.0, -1.0, 0.5})
      for (Shape shape : {Shape{}, Shape{3}, Shape{2, 3}}) nodes.push_back(constant(g, c, shape));
  }
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); }
  NodeId any() { return nodes[below(nodes.size())]; }
  NodeId like(NodeId x) {
    for (int i = 0; i < 40; ++i)
      if (const NodeId y = any(); g[y].shape == g[x].shape) return y;
    return x;
  }
  NodeId step() {
    const NodeId x = any();
    const Shape shape = g[x].shape;
    switch (below(14)) {
      case 0: return add(g, x, like(x));
      case 1: return sub(g, x, like(x));
      case 2: return unary(g, Op::Tanh, mul(g, x, like(x)));
      case 3: return neg(g, x);
      case 4: return unary(g, below(2) ? Op::Sigmoid : Op::Silu, x);
      case 5: return shape.rank ? sum(g, x, static_cast<int>(1 + below((1 << shape.rank) - 1))) : x;
      case 6: return shape.rank == 2 ? transpose(g, x) : reshape(g, x, {1, shape.count()});
      case 7: return shape.rank && shape[0] > 1 ? slice(g, x, 0, static_cast<int>(below(2)), shape[0] - 1) : x;
      case 8: return shape.rank && shape[0] < 4 ? pad(g, x, 0, static_cast<int>(below(2)), shape[0] + 1) : x;
      case 9: return shape.rank && shape[0] < 3 ? concat(g, {x, like(x)}, 0) : x;
      case 10: return shape.rank < 2 && shape.count() < 5 ? broadcast(g, x, shape.rank ? Shape{2, shape[0]} : Shape{3}, 1) : x;
      case 11: return shape.rank == 2 ? unary(g, Op::Tanh, matmul(g, x, like(x), false, true)) : x;
      case 12: return shape.rank == 2 ? unary(g, Op::Sin, matmul(g, like(x), x, true, false)) : mean(g, x);
      default: return variable(g, x);
    }
  }
};

TEST(Simplify, RandomGraphsStayEqual) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Growth b(seed);
    for (int i = 0; i < 60; ++i) b.nodes.push_back(b.step());
    std::vector<NodeId> outputs;
    for (int i = 0; i < 4; ++i) outputs.push_back(b.nodes[b.nodes.size() - 1 - i]);
    const Simplified s = simplify(b.g, outputs);
    const Values before = interpret(b.g, outputs, b.bindings), after = values(s, b.bindings);
    for (size_t k = 0; k < outputs.size(); ++k)
      ASSERT_LE(error(after[k], before[k]), 1e-9) << "seed " << seed << "\n" << print(b.g, {{outputs[k]}});
    EXPECT_EQ(count(s, Op::Variable), 0u);
  }
}

TEST(Simplify, RandomGradientsStayEqual) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Growth b(seed);
    const std::vector<NodeId> by(b.nodes.begin(), b.nodes.begin() + 8);
    for (int i = 0; i < 40; ++i) b.nodes.push_back(b.step());
    NodeId loss = constant(b.g, 0);
    for (int i = 0; i < 4; ++i) loss = add(b.g, loss, mean(b.g, sum_all(b.g, b.nodes[b.nodes.size() - 1 - i])));
    std::vector<NodeId> outputs{loss};
    for (NodeId gradient : differentiate::gradient(b.g, loss, {by}))
      if (gradient.valid()) outputs.push_back(gradient);
    const Simplified s = simplify(b.g, outputs);
    const Values before = interpret(b.g, outputs, b.bindings), after = values(s, b.bindings);
    for (size_t k = 0; k < outputs.size(); ++k) ASSERT_LE(error(after[k], before[k]), 1e-9) << "seed " << seed;
  }
}

TEST(Simplify, ItsResultIsInNormalForm) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Growth b(seed);
    for (int i = 0; i < 60; ++i) b.nodes.push_back(b.step());
    const Simplified once = simplify(b.g, {{b.nodes.back()}});
    const Simplified twice = simplify(once.graph, once.outputs);
    EXPECT_EQ(print(once.graph, once.outputs), print(twice.graph, twice.outputs)) << "seed " << seed;
  }
}

TEST(Simplify, MarksAreDerivedAnewWithoutAliases) {
  Bench b;
  const NodeId w = b.input({2}, false), at = variable(b.g, w);
  const NodeId slope = differentiate::gradient(b.g, dot(b.g, at, at), {{&at, 1}})[0];
  EXPECT_TRUE(b.g[slope].sampled);
  const Simplified s = simplify(b.g, {{mean(b.g, slope)}});
  EXPECT_FALSE(s.graph[s.outputs[0]].sampled);
  EXPECT_EQ(count(s, Op::Mean), 0u);
}

TEST(Simplify, OpensOperationsWhenNothingIsDifferentiatedAnyMore) {
  Bench b;
  const NodeId x = variable(b.g, b.input({3}, true)), y = unary(b.g, Op::Silu, x);
  const NodeId slope = differentiate::gradient(b.g, sum_all(b.g, y), {{&x, 1}})[0];
  const Simplified kept = simplify(b.g, {{y, slope}}, Parts::Keep), open = simplify(b.g, {{y, slope}});
  EXPECT_EQ(count(kept, Op::Silu), 1u);
  EXPECT_EQ(count(open, Op::Silu), 0u);
  // σ once, and σ + xσ(1 − σ) by two more products than none: x·σ is there.
  EXPECT_EQ(count(open, Op::Sigmoid), 1u);
  EXPECT_EQ(count(open, Op::Mul), 2u);
  for (const Simplified* s : {&kept, &open}) {
    EXPECT_LE(error(values(*s, b.bindings)[0], b.value(y)), 1e-15);
    EXPECT_LE(error(values(*s, b.bindings)[1], b.value(slope)), 1e-15);
  }
}

TEST(Simplify, KeepsSlotsDrawsAndOrigins) {
  Bench b;
  b.input({}, true);
  const NodeId y = b.input({}, true), u = b.g.add(Op::Uniform, {}, {.index = 4, .shape = {}});
  b.g.set_origin({{0}, 2, 3});
  const NodeId sum = add(b.g, mul(b.g, constant(b.g, 1), u), y);
  const Simplified s = simplify(b.g, {{sum}});
  EXPECT_EQ(values(s, b.bindings)[0], b.value(sum));
  EXPECT_EQ(s.graph[s.outputs[0]].origin, (source::Span{{0}, 2, 3}));
  EXPECT_EQ(s.graph.slots().size(), 2u);
}

TEST(Simplify, FiniteValuesStayFinite) {
  // x/x is not one, √x·√x is not x, and x − x is zero: at zero, at a negative number, anywhere.
  Bench b;
  const NodeId x = b.input({}, false), root = unary(b.g, Op::Sqrt, x);
  EXPECT_EQ(count(simplify(b.g, {{div(b.g, x, x)}}), Op::Div), 1u);
  EXPECT_EQ(count(simplify(b.g, {{mul(b.g, root, root)}}), Op::Sqrt), 1u);
  EXPECT_EQ(count(simplify(b.g, {{unary(b.g, Op::Exp, unary(b.g, Op::Log, x))}}), Op::Log), 1u);
  // Constants whose product leaves the range stay apart.
  const NodeId large = scale(b.g, 1e30, scale(b.g, 1e30, x));
  EXPECT_EQ(count(simplify(b.g, {{large}}), Op::Mul), 2u);
}

TEST(Simplify, OneForwardAndOneReversePassGiveTheActionMatchingIntegrand) {
  Bench b;
  const Network net(b, {3, 8, 8, 1});
  const NodeId x = b.input({2}, true), t = b.input({}, true);
  const Integrand parts(net, x, t);
  const std::vector<NodeId> outputs{parts.s, parts.gradient, parts.rate};
  const Simplified s = simplify(b.g, outputs);
  // Two hidden layers; three products forward and two back, the seed of the last layer being one.
  EXPECT_EQ(count(s, Op::Sigmoid), 2u);
  EXPECT_EQ(count(s, Op::MatMul), 5u) << print(s.graph, s.outputs);
  const Values before = interpret(b.g, outputs, b.bindings), after = values(s, b.bindings);
  for (size_t k = 0; k < outputs.size(); ++k) EXPECT_LE(error(after[k], before[k]), 1e-13);
}

/// The loss and its gradient by the parameters, which stand in the slots from 0.
std::vector<NodeId> with_gradient(Graph& g, NodeId loss, size_t parameters) {
  std::vector<NodeId> by, out{loss};
  for (uint32_t k = 0; k < parameters; ++k) by.push_back(g.slot(k));
  for (NodeId gradient : differentiate::gradient(g, loss, {by}))
    if (gradient.valid()) out.push_back(gradient);
  return out;
}

TEST(Simplify, TheObjectivesGradientStaysEqualAndSmall) {
  Bench b;
  const Network net(b, {3, 8, 8, 1});
  const NodeId x = b.input({2}, true), t = b.input({}, true);
  const NodeId loss = mean(b.g, Integrand(net, x, t).value);
  const std::vector<NodeId> written = with_gradient(b.g, loss, 6);
  // Simplified before the gradient is taken, so that the passes behind ∇s and ∂ₜs are one pass with one adjoint.
  Simplified first = simplify(b.g, {{loss}});
  const Simplified s = simplify(first.graph, with_gradient(first.graph, first.outputs[0], 6));
  const Values before = interpret(b.g, written, b.bindings), after = values(s, b.bindings);
  ASSERT_EQ(before.size(), after.size());
  for (size_t k = 0; k < before.size(); ++k) EXPECT_LE(error(after[k], before[k]), 1e-12);
  EXPECT_EQ(count(s, Op::Sigmoid), 2u);
  // The integrand takes 2 products forward and 2 back (s itself is not needed); their adjoints by activations take 3
  // (nothing is needed by x); and each use of a weight matrix whose gradient is a sum over samples takes 1.
  EXPECT_EQ(count(s, Op::MatMul), 2u + 2u + 3u + 4u) << print(s.graph, s.outputs);
}

TEST(Simplify, TheLaplacianCostsAForwardPassForEachDirection) {
  Bench b;
  const int d = 4, layers = 3;
  const Network net(b, {d + 1, 8, 8, 1});
  const NodeId x = b.input({d}, true), t = b.input({}, true);
  const NodeId s = net.s(x, t), laplacian = differentiate::laplacian(b.g, s, x);
  const std::vector<NodeId> outputs{s, laplacian};
  const Simplified small = simplify(b.g, outputs);
  const Values before = interpret(b.g, outputs, b.bindings), after = values(small, b.bindings);
  for (size_t k = 0; k < outputs.size(); ++k) EXPECT_LE(error(after[k], before[k]), 1e-12);
  EXPECT_EQ(count(small, Op::Sigmoid), 2u);
  // The first layer's tangents are columns of its weights, and the last layer's are not needed.
  EXPECT_LE(count(small, Op::MatMul), static_cast<size_t>(layers + (layers - 2) * d + layers - 1))
      << print(small.graph, small.outputs);
}

TEST(Simplify, TakesTimeLinearInTheSizeOfTheGraph) {
  const auto seconds = [](int steps) {
    Growth b(3);
    for (int i = 0; i < steps; ++i) b.nodes.push_back(b.step());
    const std::clock_t start = std::clock();
    const Simplified s = simplify(b.g, b.nodes);
    const double spent = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    RecordProperty("nodes", static_cast<int>(b.g.size()));
    RecordProperty("microseconds", static_cast<int>(spent * 1e6));
    return spent / static_cast<double>(b.g.size());
  };
  seconds(10'000);
  const double small = seconds(5'000), large = seconds(50'000);
  // Four times for caches and noise; quadratic time would be ten times.
  EXPECT_LT(large, 4 * small + 1e-6);
}

}  // namespace
}  // namespace am::simplify
