// Every row of ops.def against central differences in f64, through the interpreter.
//
// For each operation, each of a few operand shapes and each choice of sampled and shared operands, L₀ is a weighted sum
// of the results (its mean, if sampled) and L₁, L₂ are L's gradient along fixed directions, so that the gradients of L₀,
// L₁ and L₂ are the derivatives of orders one to three. The difference quotient only ever takes the last derivative.
#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/differentiate/differentiate.h"
#include "compiler/ir/ops.h"
#include "tests/differentiate/passes.h"
#include "tests/ir/evaluate.h"

namespace am::ir {
namespace {

/// Operand shapes and attributes that an operation accepts.
struct Case {
  std::vector<Shape> operands;
  Attributes attributes;
};

std::vector<Case> elementwise_cases(int arity) {
  std::vector<Case> out;
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}}) out.push_back({std::vector<Shape>(arity, shape), {}});
  return out;
}

std::vector<Case> matmul_cases() {
  std::vector<Case> out;
  for (bool ta : {false, true})
    for (bool tb : {false, true})
      out.push_back({{ta ? Shape{3, 2} : Shape{2, 3}, tb ? Shape{2, 3} : Shape{3, 2}}, {.transpose_a = ta, .transpose_b = tb}});
  return out;
}

/// A new operation that is not elementwise has to say here what it can be applied to.
std::vector<Case> cases(Op op) {
  if (info(op).lower->kind == LoweringKind::Elementwise) return elementwise_cases(info(op).arity);
  switch (op) {
    case Op::Const: case Op::Table: case Op::Input: case Op::Uniform: case Op::Weyl: return {};
    case Op::Variable: case Op::Mean: return elementwise_cases(1);
    case Op::Broadcast:
      return {{{{}}, {.axis = 0b11, .shape = {2, 3}}}, {{{3}}, {.axis = 0b01, .shape = {2, 3}}}, {{{2, 3}}, {.axis = 0b010, .shape = {2, 2, 3}}}};
    case Op::Sum: return {{{{3}}, {.axis = 0b1}}, {{{2, 3}}, {.axis = 0b01}}, {{{2, 3}}, {.axis = 0b10}}, {{{2, 3}}, {.axis = 0b11}}};
    case Op::Reshape: return {{{{}}, {.shape = {1, 1}}}, {{{2, 3}}, {.shape = {6}}}, {{{2, 3}}, {.shape = {3, 2}}}};
    case Op::Transpose: return {{{{2, 3}}, {}}, {{{1, 3}}, {}}};
    case Op::Slice: return {{{{3}}, {.axis = 0, .start = 1, .shape = {2}}}, {{{2, 3}}, {.axis = 1, .start = 0, .shape = {2, 2}}}};
    case Op::Pad: return {{{{3}}, {.axis = 0, .start = 2, .shape = {6}}}, {{{2, 3}}, {.axis = 0, .start = 0, .shape = {3, 3}}}};
    case Op::Concat: return {{{{3}, {2}, {3}}, {.axis = 0}}, {{{2, 3}, {2, 1}}, {.axis = 1}}, {{{2, 3}, {1, 3}}, {.axis = 0}}};
    case Op::MatMul: return matmul_cases();
    case Op::Row: return {{{{4, 2}, {}}, {}}};
    default: ADD_FAILURE() << "nothing says what " << info(op).name << " can be applied to";
  }
  return {};
}

/// Values for operand k within the row's probe range, on a lattice of its own: so that operands keep a distance of a
/// fiftieth of the range from one another, which is where minima and comparisons have their kinks.
double probe(Bench& b, Op op, int k) {
  auto [low, high] = info(op).probe.value;
  if (low == high) low = -2, high = 2;
  if (op == Op::Select && k == 0) return b.draw(-1, 1) < 0 ? 0 : 1;
  const double slot = std::floor(b.draw(0, 7));
  return low + (high - low) * (slot + k / 3.0 + b.draw(0, 0.15)) / 8;
}

struct Subject {
  Bench b;
  std::vector<NodeId> operands;
  NodeId result;
};

Subject subject(Op op, const Case& c, unsigned sampled) {
  Subject s;
  for (size_t k = 0; k < c.operands.size(); ++k)
    s.operands.push_back(s.b.input(c.operands[k], sampled >> k & 1, [&] { return probe(s.b, op, static_cast<int>(k)); }));
  s.result = s.b.g.add(op, s.operands, c.attributes);
  return s;
}

template <class F>
void each_case(Op op, F f) {
  for (const Case& c : cases(op))
    for (unsigned sampled = 0; sampled < 1u << c.operands.size(); ++sampled) f(c, sampled);
}

/// Σ_k E[direction_k · gradient_k]: the derivative along the directions.
NodeId along(Bench& b, const std::vector<NodeId>& gradients, const std::vector<NodeId>& directions) {
  NodeId total = constant(b.g, 0);
  for (size_t k = 0; k < gradients.size(); ++k)
    if (gradients[k].valid()) total = add(b.g, total, b.average(dot(b.g, directions[k], gradients[k])));
  return total;
}

std::vector<NodeId> directions_for(Subject& s) {
  std::vector<NodeId> out;
  for (NodeId x : s.operands) out.push_back(s.b.input(s.b.g[x].shape, s.b.g[x].sampled));
  return out;
}

class Row : public testing::TestWithParam<int> {
 protected:
  Op op = Op(GetParam());
  const OpInfo& row = info(op);
  bool differentiable() const {
    return row.derivative->kind != DerivativeKind::Zero && row.derivative->kind != DerivativeKind::Unsupported;
  }
};

TEST_P(Row, DerivativesOfThreeOrdersAgreeWithDifferences) {
  if (!differentiable()) GTEST_SKIP() << row.derivative->reason;
  each_case(op, [&](const Case& c, unsigned sampled) {
    Subject s = subject(op, c, sampled);
    Graph& g = s.b.g;
    const std::vector<NodeId> directions = directions_for(s);
    NodeId target = s.b.average(dot(g, s.b.input(g[s.result].shape, false), s.result));
    for (int order = 1; order <= 3; ++order) {
      const auto gradients = differentiate::gradient(g, target, {s.operands});
      for (size_t k = 0; k < s.operands.size(); ++k) {
        if (op == Op::Select && k == 0) continue;
        const auto expected = s.b.differences(target, s.operands[k], 1e-5);
        const std::vector<double> zero(expected.size());
        const auto found = gradients[k].valid() ? s.b.value(gradients[k]) : zero;
        EXPECT_LE(error(found, expected), 1e-6) << row.name << " order " << order << " operand " << k << " sampled " << sampled
                                          << " shape " << c.operands[0].text();
      }
      target = along(s.b, gradients, directions);
    }
  });
}

TEST_P(Row, ForwardAgreesWithReverse) {
  if (!differentiable()) GTEST_SKIP() << row.derivative->reason;
  each_case(op, [&](const Case& c, unsigned sampled) {
    Subject s = subject(op, c, sampled);
    Graph& g = s.b.g;
    const std::vector<NodeId> directions = directions_for(s);
    NodeId target = s.b.average(dot(g, s.b.input(g[s.result].shape, false), s.result));
    for (int order = 1; order <= 2; ++order) {
      const NodeId reverse = along(s.b, differentiate::gradient(g, target, {s.operands}), directions);
      const NodeId forward = differentiate::directional(g, target, {s.operands}, directions);
      EXPECT_LE(error(forward.valid() ? s.b.number(forward) : 0, s.b.number(reverse)), 1e-12) << row.name << " order " << order;
      target = reverse;
    }
  });
}

TEST_P(Row, GradientsHaveTheShapeOfWhatTheyAreTakenBy) {
  if (!differentiable()) GTEST_SKIP() << row.derivative->reason;
  each_case(op, [&](const Case& c, unsigned sampled) {
    Subject s = subject(op, c, sampled);
    const auto gradients = differentiate::gradient(s.b.g, s.result, {s.operands});
    for (size_t k = 0; k < gradients.size(); ++k) {
      if (!gradients[k].valid()) continue;
      EXPECT_EQ(s.b.g[gradients[k]].shape, s.b.g[s.operands[k]].shape) << row.name;
      EXPECT_LE(s.b.g[gradients[k]].sampled, s.b.g[s.operands[k]].sampled) << row.name;
    }
  });
}

TEST_P(Row, LaplacianOfElementwiseOperationsIsTheDivergenceOfTheGradient) {
  if (row.lower->kind != LoweringKind::Elementwise || !differentiable()) GTEST_SKIP();
  Bench b;
  const NodeId x = b.input({3}, true, [&] { return probe(b, op, 0); });
  // The operands are x and its rotations, so that each result depends on several elements, and x alone.
  for (bool rotate : {false, true}) {
    std::vector<NodeId> operands;
    for (int k = 0; k < row.arity; ++k) {
      const int by = rotate ? k : 0;
      operands.push_back(by == 0 ? x : concat(b.g, {slice(b.g, x, 0, by, 3 - by), slice(b.g, x, 0, 0, by)}, 0));
    }
    const NodeId output = dot(b.g, b.input({3}, false), b.g.add(op, operands));
    const NodeId found = differentiate::laplacian(b.g, output, x);
    const std::vector<double> zero(b.bindings.samples);
    EXPECT_LE(error(found.valid() ? b.value(found) : zero, b.value(laplacian_by_passes(b.g, output, x))), 1e-12) << row.name;
  }
}

/// A function of x in the shape of an operand: entries of x, or mixtures of all of them, through a sine.
NodeId function_of(Bench& b, NodeId x, const Shape& shape, bool mixed, int k) {
  const int count = shape.count(), n = b.g[x].shape.count();
  NodeId y = kNone;
  if (mixed) {
    y = matvec(b.g, b.input({count, n}, false), x);
  } else {
    std::vector<NodeId> entries;
    for (int e = 0; e < count; ++e) entries.push_back(slice(b.g, x, 0, (e * e + k) % n, 1));
    y = concat(b.g, entries, 0);
  }
  return reshape(b.g, unary(b.g, Op::Sin, y), shape);
}

TEST_P(Row, LaplacianThroughWhatMovesOrMultipliesElements) {
  if (row.lower->kind == LoweringKind::Elementwise || !differentiable() || op == Op::Mean) GTEST_SKIP();
  for (const Case& c : cases(op))
    for (unsigned moving = 1; moving < 1u << c.operands.size(); ++moving)
      for (bool mixed : {false, true}) {
        Bench b;
        const NodeId x = b.input({3}, true);
        std::vector<NodeId> operands;
        for (size_t k = 0; k < c.operands.size(); ++k)
          operands.push_back(moving >> k & 1 ? function_of(b, x, c.operands[k], mixed, static_cast<int>(k))
                                             : b.input(c.operands[k], true));
        const NodeId result = b.g.add(op, operands, c.attributes), weights = b.input(b.g[result].shape, false);
        const NodeId output = dot(b.g, weights, mul(b.g, result, result));
        EXPECT_LE(error(b.value(differentiate::laplacian(b.g, output, x)), b.value(laplacian_by_passes(b.g, output, x))), 1e-12)
            << row.name << " of " << c.operands[0].text() << ", moving " << moving << ", mixed " << mixed;
      }
}

TEST_P(Row, ZeroGivesNone) {
  if (row.derivative->kind != DerivativeKind::Zero) GTEST_SKIP();
  each_case(op, [&](const Case& c, unsigned sampled) {
    Subject s = subject(op, c, sampled);
    const size_t before = s.b.g.size();
    for (NodeId gradient : differentiate::gradient(s.b.g, s.result, {s.operands})) EXPECT_FALSE(gradient.valid()) << row.name;
    EXPECT_FALSE(differentiate::directional(s.b.g, s.result, {s.operands}, s.operands).valid()) << row.name;
    EXPECT_EQ(s.b.g.size(), before) << row.name << " builds what is zero";
    for (NodeId x : s.operands) EXPECT_FALSE(differentiate::depends(s.b.g, s.result, x));
  });
}

TEST_P(Row, UnsupportedGivesAnObstacle) {
  if (row.derivative->kind != DerivativeKind::Unsupported) GTEST_SKIP();
  each_case(op, [&](const Case& c, unsigned sampled) {
    Subject s = subject(op, c, sampled);
    std::optional<differentiate::Obstacle> obstacle;
    differentiate::gradient(s.b.g, s.result, {s.operands}, kNone, &obstacle);
    ASSERT_TRUE(obstacle) << row.name;
    EXPECT_EQ(obstacle->node, s.result);
    EXPECT_EQ(obstacle->reason, row.derivative->reason);
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, Row, testing::Range(0, kOpCount),
                         [](const auto& instance) { return std::string(ir::info(Op(instance.param)).name); });

}  // namespace
}  // namespace am::ir
