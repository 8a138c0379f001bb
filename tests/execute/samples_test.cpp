// Draws, means, phases, tiles and threads.
#include <fmt/format.h>
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

/// A step of training a matrix [rows][columns] and a vector: gradient of a mean of squares, its norm, clipping, Adam and a
/// moving average. Without clipping the update waits for nothing but the gradient.
Case training_step(int rows, int columns, bool clip) {
  return {fmt::format("step {}×{}{}", rows, columns, clip ? " clipped" : ""), [=](Graph& g) {
            const NodeId x = g.input("x", {columns}, true), y = g.input("y", {rows}, true);
            const std::vector<NodeId> parameters = {g.input("w", {rows, columns}, false), g.input("b", {rows}, false)};
            const NodeId held = ir::add(g, ir::matvec(g, parameters[0], x), parameters[1]);
            const NodeId error = ir::sub(g, ir::unary(g, Op::Tanh, held), y);
            const NodeId loss = ir::mean(g, ir::scale(g, 0.5, ir::dot(g, error, error)));
            std::vector<NodeId> gradients = differentiate::gradient(g, loss, {.by = parameters});
            NodeId square = ir::constant(g, 0);
            for (NodeId gradient : gradients) square = ir::add(g, square, ir::sum_all(g, ir::mul(g, gradient, gradient)));
            const NodeId norm = ir::unary(g, Op::Sqrt, square);
            const NodeId factor = ir::binary(g, Op::Min, ir::constant(g, 1), ir::div(g, ir::constant(g, 0.5), norm));
            // A rate that depends on the step, as a schedule makes it.
            const NodeId rate = ir::unary(g, Op::Exp, g.input("k", {}, false));
            std::vector<NodeId> out;
            for (size_t i = 0; i < parameters.size(); ++i) {
              const NodeId p = parameters[i], slope = clip ? ir::scale(g, factor, gradients[i]) : gradients[i];
              const auto input = [&](const char* name) { return g.input(name, g[p].shape, false); };
              const auto constant = [&](double value) { return ir::constant(g, value, g[p].shape); };
              const NodeId m = ir::add(g, ir::scale(g, 0.9, input("m")), ir::scale(g, 0.1, slope));
              const NodeId v0 = input("v"), before = ir::add(g, constant(0.5), ir::mul(g, v0, v0));
              const NodeId v = ir::add(g, ir::scale(g, 0.99, before), ir::scale(g, 0.01, ir::mul(g, slope, slope)));
              const NodeId root = ir::add(g, ir::unary(g, Op::Sqrt, v), constant(1e-3));
              const NodeId next = ir::sub(g, p, ir::scale(g, rate, ir::div(g, m, root)));
              const NodeId average = ir::add(g, ir::scale(g, 0.9, input("a")), ir::scale(g, 0.1, next));
              out.insert(out.end(), {next, m, v, average});
            }
            out.insert(out.end(), {loss, norm});
            simplify::Simplified small = simplify::simplify(g, out);
            g = std::move(small.graph);
            return small.outputs;
          }};
}

/// Sizes small, and large enough for stages in pieces; rows that end in a part of a vector and rows that do not; more rows
/// than the pieces' multiple, and fewer than there are pieces.
TEST(Samples, TrainingSteps) {
  expect_equal_everywhere(training_step(5, 3, true), {1, 100});
  expect_equal_everywhere(training_step(129, 130, true), {7, 100});
  expect_equal_everywhere(training_step(300, 64, false), {33});
  expect_equal_everywhere(training_step(3, 6000, true), {5});
}

/// Outputs of the training step that are weights.
constexpr int kWeights = 8;

/// Held back of its nine outputs are, with six: what waits for a mean and what does not, what is an output once more, an
/// input, and a constant.
const Case kMixed{"mixed", [](Graph& g) {
                    const NodeId x = g.input("x", {4}, true), w = g.input("w", {4}, false), k = g.input("k", {}, false);
                    const NodeId mean = ir::mean(g, ir::mul(g, x, x)), early = ir::unary(g, Op::Exp, w);
                    return std::vector<NodeId>{ir::mul(g, w, mean), early,           mean,
                                               w,                   ir::scale(g, k, early), ir::constant(g, 2, {4}),
                                               ir::sum_all(g, ir::mul(g, mean, early)), mean, early};
                  }};

TEST(Samples, HeldOutputsComeLast) {
  for (const int held : {0, 3, 6}) {
    expect_equal(kMixed, {.held = held});
    expect_equal(kMixed, {.precision = lower::Precision::F64, .samples = 7, .held = held});
  }
  for (const bool clip : {true, false}) {
    expect_equal(training_step(5, 3, clip), {.held = kWeights});
    expect_equal(training_step(129, 130, clip), {.threads = 3, .held = kWeights});
  }
}

TEST(Samples, HeldOutputsStayWhatTheyAreWhereTheyAreRefused) {
  for (const Case& c : {training_step(5, 3, true), training_step(5, 3, false), training_step(300, 64, false), kMixed}) {
    Graph g;
    const std::vector<NodeId> outputs = c.build(g);
    const size_t held = c.name == kMixed.name ? 6 : kWeights;
    Setting setting{.held = static_cast<int>(held)};
    const ir::Bindings bindings = random_bindings(g, c, setting);
    const auto accepted = run_compiled(g, outputs, bindings, setting);
    setting.refused = true;
    const auto refused = run_compiled(g, outputs, bindings, setting);
    for (size_t k = 0; k < outputs.size(); ++k)
      for (size_t i = 0; i < refused[k].size(); ++i)
        ASSERT_EQ(refused[k][i], k < held ? kGuard : accepted[k][i]) << c.name << ", output " << k << "[" << i << "]";
  }
}

TEST(Samples, SameBitsForAnyNumberOfThreads) {
  const std::vector<Case> cases = {draws(), means(), nested(), objective(17, 3), training_step(200, 150, true),
                                   training_step(129, 130, false)};
  const auto check = [](const Case& c, const Setting& setting) {
    Graph g;
    const std::vector<NodeId> outputs = c.build(g);
    const ir::Bindings bindings = random_bindings(g, c, setting);
    const Compiled compiled(g, outputs, setting);
    const auto want = compiled.run(bindings, 1);
    for (int threads : {2, 3, 4, 8, 16})
      EXPECT_EQ(compiled.run(bindings, threads), want) << c.name << ", " << text(setting) << " " << threads;
  };
  for (const Case& c : cases) {
    for (size_t samples : {7, 512, 1000}) check(c, {.samples = samples, .tile = 16});
    check(c, {.precision = lower::Precision::F64, .samples = 1000, .tile = 16});
  }
}

}  // namespace
}  // namespace am::test
