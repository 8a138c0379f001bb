// What is written is what the graph computes: as terms, and as a reader of the text understands it.
#include <gtest/gtest.h>

#include <functional>

#include "compiler/derive/evaluate.h"
#include "compiler/derive/read.h"
#include "compiler/derive/terms.h"
#include "tests/derive/examples.h"
#include "tests/derive/as_read.h"

namespace am::derive {
namespace {

/// Compares terms and text with the interpreter, for the graph as it is and simplified.
void expect_faithful(const Examples& e, NodeId id, const std::string& what) {
  const std::vector<double> expected = e.b.value(id);
  const auto simple = simplify::simplify(e.g, {&id, 1});
  for (const auto& [graph, output] :
       {std::pair<const Graph*, NodeId>(&simple.graph, simple.outputs[0]), std::pair<const Graph*, NodeId>(&e.g, id)}) {
    Terms terms;
    const TermId root = read(*graph, output, terms);
    EXPECT_LE(ir::error(evaluate(terms, root, *graph, e.b.bindings), expected), 1e-10) << what;
    try {
      const Value v = read_text(*graph, output, e.b.bindings);
      const size_t n = v.samples.size(), lanes = e.g[id].sampled ? e.b.bindings.samples : 1;
      ASSERT_EQ(v.count() * lanes, expected.size()) << what;
      for (size_t k = 0; k < expected.size(); ++k)
        EXPECT_LE(ir::error(v.samples[n == 1 ? 0 : k % lanes][k / lanes], expected[k]), 1e-10)
            << what << "\n"
            << mathematics(*graph, output, what, Notation::Text);
    } catch (const std::runtime_error& error) {
      ADD_FAILURE() << what << ": " << error.what() << "\n" << mathematics(*graph, output, what, Notation::Text);
    }
  }
}

void expect_faithful_derivatives(Examples& e, const Examples::Potential& s, const std::string& what) {
  expect_faithful(e, s(e.x, e.t), what);
  expect_faithful(e, e.gradient(s), "∇" + what);
  expect_faithful(e, e.rate(s), "∂ₜ" + what);
  expect_faithful(e, e.laplacian(s), "Δ" + what);
  expect_faithful(e, e.integrand(s), what + "'s integrand");
}

class Formulas : public testing::TestWithParam<Activation> {};

TEST_P(Formulas, PerceptronsAndTheirDerivatives) {
  Examples e;
  e.activation = GetParam();
  expect_faithful_derivatives(e, e.perceptron({3, 4}), "s");
}

TEST_P(Formulas, DistancesFromAPerceptron) {
  Examples e;
  e.activation = GetParam();
  expect_faithful_derivatives(e, e.half_square({4}), "s");
}

TEST_P(Formulas, ResidualPerceptrons) {
  Examples e;
  e.activation = GetParam();
  const auto net = e.layers("s.resnet", {3, 3, 3, 1});
  expect_faithful_derivatives(
      e, [&](NodeId p, NodeId q) { return e.resnet(net, p, q); }, "s");
}

TEST_P(Formulas, DeepPerceptronsWhoseLinesAreCut) {
  Examples e;
  e.activation = GetParam();
  expect_faithful_derivatives(e, e.perceptron({3, 2, 4, 3, 2}), "s");
}

INSTANTIATE_TEST_SUITE_P(Activations, Formulas,
                         testing::Values(Activation::Silu, Activation::Tanh, Activation::Softplus, Activation::Sigmoid,
                                         Activation::Mish));

TEST(Formula, ActionMatchingObjectiveAndItsGradient) {
  Examples e;
  Graph& g = e.g;
  const auto s = e.perceptron({3, 4});
  const NodeId u = g.add(Op::Uniform, {}, {.index = 0, .shape = {2}}),
               v = g.add(Op::Uniform, {}, {.index = 1, .shape = {2}});
  const NodeId start = ir::mul(g, ir::unary(g, Op::Sqrt, ir::scale(g, -2, ir::unary(g, Op::Log, u))),
                               ir::unary(g, Op::Cos, ir::scale(g, 6.25, v)));
  const NodeId end = ir::add(g, start, g.table({2, 0.5}, {2}));
  const NodeId ends = ir::sub(g, ir::mean(g, s(start, ir::constant(g, 0))), ir::mean(g, s(end, ir::constant(g, 1))));
  const NodeId loss = ir::add(g, ends, ir::mean(g, e.integrand(s)));
  expect_faithful(e, loss, "L");
  std::vector<NodeId> parameters;
  for (uint32_t slot = 2; slot < g.slots().size(); ++slot) parameters.push_back(g.slot(slot));
  for (NodeId gradient : differentiate::gradient(g, loss, {parameters}))
    if (gradient.valid()) expect_faithful(e, gradient, "∇L");
}

/// As terms only: the reader of text knows no tensors of rank three, no tables and no sums over one axis.
void expect_equal_terms(const Examples& e, NodeId id, const std::string& what) {
  Terms terms;
  const TermId root = read(e.g, id, terms);
  EXPECT_LE(ir::error(evaluate(terms, root, e.g, e.b.bindings), e.b.value(id)), 1e-12) << what;
  EXPECT_FALSE(e.text(id, what).empty());
}

TEST(Formula, MatrixProductsOfAllShapes) {
  for (int m : {1, 2})
    for (int k : {1, 3})
      for (int n : {1, 2, 4})
        for (bool ta : {false, true})
          for (bool tb : {false, true}) {
            Examples e;
            const NodeId a = e.named("m.A", ta ? Shape{k, m} : Shape{m, k}, false);
            const NodeId b = e.named("q", tb ? Shape{n, k} : Shape{k, n}, true);
            const std::string what = "product " + std::to_string(m) + std::to_string(k) + std::to_string(n) +
                                     (ta ? "T" : "") + (tb ? "T" : "");
            const NodeId product = ir::matmul(e.g, a, b, ta, tb);
            expect_equal_terms(e, product, what);
            expect_equal_terms(e, ir::transpose(e.g, ir::scale(e.g, 2, product)), what);
            if (n == 1 || m > 1) expect_faithful(e, product, what);
          }
}

TEST(Formula, MovingAndSummingElements) {
  Examples e;
  Graph& g = e.g;
  const NodeId m = e.named("m", {2, 3}, true), v = e.named("v", {3}, true), c = e.named("m.c", {3, 1}, false);
  const NodeId table = g.table({1, 2, 3, 4, 5, 6}, {3, 2});
  expect_equal_terms(e, ir::slice(g, m, 1, 1, 2), "slice");
  expect_equal_terms(e, ir::slice(g, ir::reshape(g, m, {1, 2, 3}), 2, 1, 1), "column");
  expect_equal_terms(e, ir::pad(g, m, 0, 1, 5), "pad");
  expect_equal_terms(e, ir::pad(g, ir::reshape(g, e.t, {1, 1}), 1, 1, 3), "pad of a number");
  expect_equal_terms(e, ir::concat(g, {m, ir::reshape(g, e.x, {2, 1}), ir::constant(g, 3, {2, 2})}, 1), "concat");
  expect_equal_terms(e, ir::sum(g, m, 0b01), "columns");
  expect_equal_terms(e, ir::sum(g, ir::mul(g, m, m), 0b10), "rows");
  expect_equal_terms(e, ir::sum(g, ir::constant(g, 2, {2, 3}), 0b10), "constant rows");
  expect_equal_terms(e, ir::mul(g, ir::broadcast(g, v, {2, 3}, 0b01), ir::broadcast(g, e.x, {2, 3}, 0b10)), "outer");
  expect_equal_terms(e, ir::broadcast(g, m, {2, 2, 3}, 0b010), "repeat");
  expect_equal_terms(e, ir::reshape(g, m, {3, 2}), "reshape");
  expect_equal_terms(e, ir::add(g, ir::reshape(g, c, {3}), v), "column and vector");
  expect_equal_terms(e, ir::row(g, table, ir::scale(g, 3, ir::unary(g, Op::Abs, e.t))), "row");
  expect_equal_terms(e, ir::mean(g, ir::mul(g, v, ir::reshape(g, c, {3}))), "mean");
  expect_equal_terms(e, ir::sub(g, ir::constant(g, 1, {3}), ir::constant(g, 1, {3})), "zero");
  expect_equal_terms(e, ir::sub(g, v, v), "nothing");
  expect_equal_terms(
      e, ir::add(g, ir::pad(g, ir::constant(g, 2, {1}), 0, 0, 2), ir::pad(g, ir::constant(g, 2, {1}), 0, 1, 2)),
      "all twos");
  expect_equal_terms(
      e, g.add(Op::Select, {ir::binary(g, Op::Less, v, ir::fill(g, e.t, {3})), v, ir::constant(g, 0, {3})}), "where");
}

TEST(Formula, NormsPowersAndConditions) {
  Examples e;
  Graph& g = e.g;
  const auto entry = [&](NodeId p, int i) { return ir::reshape(g, ir::slice(g, p, 0, i, 1), {}); };
  const auto norm = [&](NodeId p) { return ir::unary(g, Op::Sqrt, ir::dot(g, p, p)); };
  expect_faithful_derivatives(
      e,
      [&](NodeId p, NodeId q) {
        return ir::mul(g, ir::mul(g, entry(p, 1), q), ir::unary(g, Op::Exp, ir::scale(g, -0.5, norm(p))));
      },
      "a");
  expect_faithful_derivatives(
      e,
      [&](NodeId p, NodeId q) {
        return ir::div(g, ir::mul(g, q, ir::unary(g, Op::Sin, entry(p, 0))),
                       ir::add(g, ir::constant(g, 2), ir::dot(g, p, p)));
      },
      "b");
  expect_faithful_derivatives(
      e, [&](NodeId p, NodeId q) { return ir::mul(g, q, ir::binary(g, Op::Pow, norm(p), ir::constant(g, 1.25))); },
      "c");
  expect_faithful_derivatives(
      e,
      [&](NodeId p, NodeId q) {
        return ir::mul(g, ir::mul(g, q, q),
                       ir::binary(g, Op::Max, ir::binary(g, Op::Atan2, entry(p, 0), entry(p, 1)), ir::neg(g, norm(p))));
      },
      "d");
  expect_faithful(
      e,
      ir::sub(g, ir::constant(g, 3, {2}), ir::div(g, e.x, ir::add(g, ir::constant(g, 2, {2}), ir::mul(g, e.x, e.x)))),
      "quotient");
  expect_faithful(e, ir::neg(g, ir::sub(g, e.x, ir::fill(g, e.t, {2}))), "difference");
  expect_faithful(e, ir::div(g, ir::matvec(g, e.named("m.W", {2, 2}, false), e.x), e.x), "divided product");
}

}  // namespace
}  // namespace am::derive
