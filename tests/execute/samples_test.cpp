// Draws, means, phases, tiles and threads.
#include <gtest/gtest.h>

#include "compare.h"
#include "compiler/differentiate/differentiate.h"
#include "compiler/simplify/simplify.h"

namespace am::test {
namespace {

using ir::Op;

NodeId uniform(Graph& g, Shape shape) { return g.add(Op::Uniform, {}, {.index = g.fresh(), .shape = shape}); }

Case draws() {
  return {"draws", [](Graph& g) {
            std::vector<NodeId> out;
            for (int size : {1, 2, 3, 4, 5, 17}) out.push_back(uniform(g, {size}));
            out.push_back(g.add(Op::Weyl, {}, {.index = g.fresh()}));
            out.push_back(ir::mean(g, uniform(g, {3, 3})));
            return out;
          }};
}

TEST(Samples, DrawsAreTheInterpreters) { expect_equal_everywhere(draws(), {1, 7, 100, 1000}); }

/// Values that are infinite or NaN where an input is 0, so that lanes beyond the samples would be seen.
Case means() {
  return {"means", [](Graph& g) {
            const NodeId x = g.input("x", {5}, true), m = g.input("m", {3, 2}, true);
            const NodeId inverse = ir::div(g, ir::constant(g, 1, {5}), x), logs = ir::unary(g, Op::Log, x);
            const NodeId column = ir::reshape(g, inverse, {5, 1});
            return std::vector<NodeId>{ir::mean(g, x), ir::mean(g, inverse), ir::mean(g, logs), ir::mean(g, ir::dot(g, x, x)),
                                       ir::mean(g, ir::transpose(g, m)), ir::mean(g, m), ir::mean(g, ir::slice(g, x, 0, 2, 2)),
                                       ir::mean(g, ir::matmul(g, column, ir::reshape(g, logs, {1, 5}))),
                                       ir::mean(g, ir::mean(g, x)), ir::mean(g, ir::broadcast(g, x, {5, 2}, 2))};
          },
          0.5, 3};
}

TEST(Samples, Means) { expect_equal_everywhere(means(), {1, 7, 16, 100, 512, 1000}); }

/// Variance, skewness: means of means; a draw and an input that are needed in every phase; a sampled output of each.
Case nested() {
  return {"nested means", [](Graph& g) {
            const NodeId x = ir::mul(g, g.input("x", {3}, true), uniform(g, {3}));
            const NodeId centred = ir::sub(g, x, ir::mean(g, x));
            const NodeId one = ir::constant(g, 1, {3});
            const NodeId variance = ir::mean(g, ir::mul(g, centred, centred));
            const NodeId scaled = ir::div(g, centred, ir::unary(g, Op::Sqrt, ir::add(g, variance, one)));
            const NodeId skewness = ir::mean(g, ir::mul(g, scaled, ir::mul(g, scaled, scaled)));
            return std::vector<NodeId>{variance, skewness, x, centred, ir::add(g, scaled, skewness),
                                       ir::unary(g, Op::Exp, skewness)};
          }};
}

TEST(Samples, MeansOfMeans) { expect_equal_everywhere(nested(), {1, 7, 100, 1000}); }

NodeId silu(Graph& g, NodeId x) { return ir::mul(g, x, ir::unary(g, Op::Sigmoid, x)); }

/// A network x ↦ R with its parameters as inputs.
struct Network {
  std::vector<NodeId> parameters;
  int width;
  NodeId layer(Graph& g, NodeId x, int out) {
    const NodeId w = g.input("w", {out, g[x].shape.count()}, false), b = g.input("b", {out}, false);
    parameters.insert(parameters.end(), {w, b});
    return ir::add(g, ir::matvec(g, w, x), b);
  }
  NodeId apply(Graph& g, NodeId x) {
    NodeId h = silu(g, layer(g, x, width));
    h = silu(g, layer(g, h, width));
    return ir::reshape(g, layer(g, h, 1), {});
  }
};

/// The gradient by all parameters of E[½|∇s|² + ∂ₜs + ½Δs], the entropic objective's interior, at drawn points.
Case objective(int width, int dimension) {
  return {"objective", [=](Graph& g) {
            Network net{{}, width};
            const NodeId t = ir::variable(g, g.add(Op::Weyl, {}, {.index = g.fresh()}));
            const NodeId x = ir::variable(g, ir::add(g, g.input("x", {dimension}, true), uniform(g, {dimension})));
            const NodeId s = net.apply(g, ir::concat(g, {x, ir::reshape(g, t, {1})}, 0));
            const NodeId held[] = {x, t};
            const NodeId by_x = differentiate::gradient(g, s, {.by = {&x, 1}, .held = held})[0];
            const NodeId by_t = differentiate::gradient(g, s, {.by = {&t, 1}, .held = held})[0];
            const NodeId laplacian = differentiate::laplacian(g, s, x, held);
            NodeId term = ir::add(g, ir::scale(g, 0.5, ir::dot(g, by_x, by_x)), by_t);
            term = ir::add(g, term, ir::scale(g, 0.5, laplacian));
            const NodeId loss = ir::mean(g, term);
            std::vector<NodeId> out = differentiate::gradient(g, loss, {.by = net.parameters});
            std::erase(out, ir::kNone);
            out.push_back(loss);
            simplify::Simplified small = simplify::simplify(g, out);
            g = std::move(small.graph);
            return small.outputs;
          },
          -0.4, 0.4};
}

TEST(Samples, GradientOfAnObjective) {
  expect_equal_everywhere(objective(16, 2), {1, 100});
  expect_equal_everywhere(objective(17, 5), {7});
  expect_equal_everywhere(objective(5, 1), {33});
}

TEST(Samples, EveryTile) {
  for (int tile : {1, 16, 32, 48, 128, 600})
    for (const Case& c : {draws(), means(), nested(), objective(5, 2)})
      expect_equal(c, {.precision = lower::Precision::F64, .samples = 500, .tile = tile});
}

TEST(Samples, SameBitsForAnyNumberOfThreads) {
  for (const Case& c : {draws(), means(), nested(), objective(17, 3)})
    for (size_t samples : {7, 512, 1000}) {
      Graph g;
      const std::vector<NodeId> outputs = c.build(g);
      Setting setting{.samples = samples, .tile = 16};
      const ir::Bindings bindings = random_bindings(g, c, setting);
      const auto want = run_compiled(g, outputs, bindings, setting);
      for (int threads : {2, 3, 8}) {
        setting.threads = threads;
        EXPECT_EQ(run_compiled(g, outputs, bindings, setting), want) << c.name << ", " << text(setting);
      }
    }
}

}  // namespace
}  // namespace am::test
