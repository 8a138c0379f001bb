// What the graph promises: sharing, folding, marks, the verifier and the printer.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/build.h"
#include "compiler/ir/ops.h"

namespace am::ir {
namespace {

TEST(Graph, EqualNodesAreOneNode) {
  Graph g;
  const NodeId x = g.input("x", {3}, true);
  EXPECT_EQ(mul(g, x, x), mul(g, x, x));
  EXPECT_NE(slice(g, x, 0, 0, 2), slice(g, x, 0, 1, 2));
  EXPECT_EQ(constant(g, 2, {3}), constant(g, 2, {3}));
  EXPECT_NE(constant(g, 2, {3}), constant(g, 2, {3, 1}));
  EXPECT_EQ(g.table({1, 2}, {2}), g.table({1, 2}, {2}));
  EXPECT_EQ(g.slot(0), x);
}

TEST(Graph, OriginIsNoPartOfIdentity) {
  Graph g;
  const NodeId x = g.input("x", {}, true);
  const NodeId here = unary(g, Op::Exp, x);
  g.set_origin({{1}, 5, 9});
  EXPECT_EQ(unary(g, Op::Exp, x), here);
  EXPECT_EQ(g[unary(g, Op::Sin, x)].origin, (source::Span{{1}, 5, 9}));
}

TEST(Graph, VariablesAreDistinct) {
  Graph g;
  const NodeId x = g.input("x", {2}, false);
  EXPECT_NE(variable(g, x), variable(g, x));
  EXPECT_TRUE(g[variable(g, x)].sampled);
}

TEST(Graph, ElementwiseOperationsOnConstantsFold) {
  Graph g;
  EXPECT_TRUE(is_constant(g, add(g, constant(g, 2, {2}), constant(g, 3, {2})), 5));
  EXPECT_TRUE(is_constant(g, binary(g, Op::Pow, constant(g, -2), constant(g, 3)), std::exp(std::log(2.0) * 3) * -1));
  EXPECT_TRUE(is_constant(g, binary(g, Op::Pow, constant(g, 0), constant(g, 0)), 1));
  EXPECT_EQ(g[sum_all(g, constant(g, 2, {2}))].op, Op::Sum);
}

TEST(Graph, SampledSpreadsFromDrawsAndEndsAtMeans) {
  Graph g;
  const NodeId shared = g.input("w", {}, false);
  const NodeId draw = g.add(Op::Uniform, {}, {.index = g.fresh(), .shape = {}});
  EXPECT_FALSE(g[unary(g, Op::Exp, shared)].sampled);
  EXPECT_TRUE(g[add(g, shared, draw)].sampled);
  EXPECT_FALSE(g[mean(g, add(g, shared, draw))].sampled);
}

TEST(Graph, ShapesFollowTheTypeRules) {
  Graph g;
  const NodeId a = g.input("a", {2, 3}, false), b = g.input("b", {4, 3}, true);
  EXPECT_EQ(g[matmul(g, a, b, false, true)].shape, (Shape{2, 4}));
  EXPECT_EQ(g[matmul(g, a, a, true, false)].shape, (Shape{3, 3}));
  EXPECT_EQ(g[sum(g, a, 0b01)].shape, (Shape{3}));
  EXPECT_EQ(g[transpose(g, b)].shape, (Shape{3, 4}));
  EXPECT_EQ(g[concat(g, {a, b}, 0)].shape, (Shape{6, 3}));
  EXPECT_EQ(g[broadcast(g, a, {2, 5, 3}, 0b010)].shape, (Shape{2, 5, 3}));
  EXPECT_EQ(g[pad(g, a, 1, 1, 7)].shape, (Shape{2, 7}));
  EXPECT_EQ(g[row(g, b, constant(g, 1))].shape, (Shape{3}));
  EXPECT_EQ(Shape({2, 3}).text(), "R[2, 3]");
  EXPECT_EQ(Shape().text(), "R");
}

TEST(Graph, MisfitsAreOurBugs) {
  Graph g;
  const NodeId a = g.input("a", {2}, false), b = g.input("b", {3}, false), m = g.input("m", {2, 3}, false);
  EXPECT_THROW(add(g, a, b), diagnostics::InternalError);
  EXPECT_THROW(matmul(g, m, m), diagnostics::InternalError);
  EXPECT_THROW(transpose(g, a), diagnostics::InternalError);
  EXPECT_THROW(slice(g, b, 0, 2, 2), diagnostics::InternalError);
  EXPECT_THROW(reshape(g, m, {5}), diagnostics::InternalError);
  EXPECT_THROW(g.add(Op::Exp, {a, a}), diagnostics::InternalError);
  EXPECT_THROW(broadcast(g, a, {3, 2}, 0b10), diagnostics::InternalError);
}

TEST(Graph, VerifyAcceptsWhatAddMade) {
  Graph g;
  const NodeId x = g.input("x", {3}, true);
  mean(g, dot(g, x, unary(g, Op::Sigmoid, x)));
  EXPECT_NO_THROW(verify(g, "nothing"));
}

TEST(Graph, ReachableLeavesOutTheRest) {
  Graph g;
  const NodeId x = g.input("x", {}, true), y = unary(g, Op::Exp, x), z = unary(g, Op::Sin, x);
  EXPECT_EQ(reachable(g, {{y}}), (std::vector<NodeId>{x, y}));
  EXPECT_EQ(reachable(g, std::vector<NodeId>{z, y}), (std::vector<NodeId>{x, y, z}));
}

TEST(Graph, PrintNamesOperandsShapesAndMarks) {
  Graph g;
  const NodeId w = g.input("w", {2, 3}, false), x = g.input("x", {3, 1}, true);
  const NodeId out = mean(g, sum_all(g, matmul(g, w, x)));
  EXPECT_EQ(print(g, {{out}}),
            "%0 = input \"w\" : R[2, 3]\n"
            "%1 = input \"x\" : R[3, 1] sampled\n"
            "%2 = matmul(%0, %1) : R[2, 1] sampled\n"
            "%3 = sum [axes 11](%2) : R sampled\n"
            "%4 = mean(%3) : R\n"
            "give %4\n");
}

TEST(OpTable, NamesAreDistinctAndReasonsAreGiven) {
  for (int i = 0; i < kOpCount; ++i) {
    const OpInfo& row = info(Op(i));
    for (int j = 0; j < i; ++j) EXPECT_NE(row.name, info(Op(j)).name);
    const bool stops = row.derivative->kind == DerivativeKind::Zero || row.derivative->kind == DerivativeKind::Unsupported;
    EXPECT_EQ(stops, !row.derivative->reason.empty()) << row.name;
    EXPECT_EQ(row.derivative->kind == DerivativeKind::Partials, row.derivative->partial != nullptr) << row.name;
    EXPECT_EQ(row.lower->kind == LoweringKind::Elementwise, row.lower->scalar != nullptr) << row.name;
  }
}

}  // namespace
}  // namespace am::ir
