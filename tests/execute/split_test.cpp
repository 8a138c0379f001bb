// Products on tiles of bf16, in three parts, against the interpreter's f64 and beside plain f32.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compare.h"

namespace am::test {
namespace {

/// A layer y = W·x, what flows back through it, Wᵀ·δ, and its gradient, E δ·xᵀ. `columns`: of x and δ.
struct Layer {
  int rows, depth, columns = 1;
};

std::vector<NodeId> build(Graph& g, const Layer& l) {
  const NodeId w = g.input("w", {l.rows, l.depth}, false), x = g.input("x", {l.depth, l.columns}, true);
  const NodeId delta = g.input("delta", {l.rows, l.columns}, true);
  return {ir::matmul(g, w, x), ir::matmul(g, w, delta, true), ir::mean(g, ir::matmul(g, delta, x, false, true)),
          ir::mean(g, ir::matmul(g, x, ir::neg(g, delta), false, true))};
}

lower::Target native() {
  std::string error;
  return jit::host_target("", error);
}

lower::Plan plan_of(const Graph& g, const std::vector<NodeId>& outputs, const Setting& s, lower::Target target = native()) {
  return lower::plan(g, outputs, {.precision = s.precision, .target = target, .samples = s.samples, .tile = s.tile,
                                  .split_products = s.split_products});
}

class SplitProduct : public testing::Test {
 protected:
  void SetUp() override {
    if (!lower::has_bf16_tiles(native()) || !jit::allow_tiles()) GTEST_SKIP() << "this machine has no tiles of bf16";
  }
};

/// Error relative to the largest magnitude wanted.
double error_of(const std::vector<double>& got, const std::vector<double>& want) {
  double size = 0, error = 0;
  for (size_t i = 0; i < want.size(); ++i)
    size = std::max(size, std::fabs(want[i])), error = std::max(error, std::fabs(got[i] - want[i]));
  return error / size;
}

/// Both kinds of product with as small an error as plain f32 has, up to chance.
void expect_accurate(const Layer& layer, Setting setting) {
  Graph g;
  const std::vector<NodeId> outputs = build(g, layer);
  const ir::Bindings bindings = random_bindings(g, {}, setting);
  const auto want = ir::interpret(g, outputs, bindings);
  const auto plain = run_compiled(g, outputs, bindings, setting);
  setting.split_products = true;
  EXPECT_EQ(plan_of(g, outputs, setting).split_products, 4);
  const auto split = run_compiled(g, outputs, bindings, setting);
  for (size_t k = 0; k < outputs.size(); ++k)
    EXPECT_LE(error_of(split[k], want[k]), 2 * error_of(plain[k], want[k]) + 1e-7)
        << fmt::format("{} × {}, {} columns, {}, output {}", layer.rows, layer.depth, layer.columns, text(setting), k);
}

TEST_F(SplitProduct, IsAsAccurateAsF32) {
  for (const Layer& layer : {Layer{128, 128}, Layer{97, 113}, Layer{257, 300}}) expect_accurate(layer, {.samples = 150});
}

TEST_F(SplitProduct, TakesAnyNumberOfSamplesAndTile) {
  for (size_t samples : {1, 100})
    for (int tile : {16, 48, 64}) expect_accurate({112, 96}, {.samples = samples, .tile = tile});
}

TEST_F(SplitProduct, TakesSamplesOfSeveralColumns) { expect_accurate({96, 80, 3}, {.samples = 100}); }

TEST_F(SplitProduct, TakesPartsOfMatrices) {
  const Case c{"slices and transposes", [](Graph& g) {
                 const NodeId w = g.input("w", {200, 150}, false), x = g.input("x", {300, 4}, true);
                 const NodeId part = ir::slice(g, ir::slice(g, w, 1, 3, 100), 0, 2, 70);
                 const NodeId rows = ir::slice(g, x, 0, 5, 100), columns = ir::slice(g, rows, 1, 1, 2);
                 return std::vector<NodeId>{ir::matmul(g, part, rows), ir::matmul(g, ir::scale(g, 2, part), columns),
                                            ir::matmul(g, ir::transpose(g, w), ir::slice(g, x, 0, 1, 200)),
                                            ir::mean(g, ir::matmul(g, rows, ir::transpose(g, rows))),
                                            ir::mean(g, ir::matmul(g, columns, columns, false, true))};
               }};
  Graph g;
  EXPECT_GE(plan_of(g, c.build(g), {.split_products = true}).split_products, 4);
  for (size_t samples : {7, 100}) expect_equal(c, {.samples = samples, .split_products = true});
}

/// In the second phase products read what the first has made, weights that are means among it.
TEST_F(SplitProduct, TakesWeightsThatAreMeans) {
  const Case c{"weights of samples", [](Graph& g) {
                 const NodeId x = g.input("x", {96}, true), column = ir::reshape(g, x, {96, 1});
                 const NodeId w = ir::mean(g, ir::matmul(g, column, column, false, true));
                 return std::vector<NodeId>{ir::matmul(g, w, column), ir::mean(g, ir::matmul(g, w, column))};
               }};
  Graph g;
  EXPECT_GE(plan_of(g, c.build(g), {.split_products = true}).split_products, 2);
  expect_equal(c, {.samples = 300, .split_products = true});
}

/// What is subtracted is read by what is added, too, so that each has its own sign.
TEST_F(SplitProduct, TakesDifferencesOfMeans) {
  const Case c{"differences of means", [](Graph& g) {
                 const NodeId x = g.input("x", {96, 1}, true), y = g.input("y", {80, 1}, true), z = g.input("z", {96, 1}, true);
                 const auto mean = [&](NodeId a, NodeId b) { return ir::mean(g, ir::matmul(g, a, b, false, true)); };
                 return std::vector<NodeId>{ir::sub(g, mean(x, y), mean(z, y)), ir::neg(g, mean(x, z)),
                                            ir::sub(g, mean(y, x), mean(y, z))};
               }};
  Graph g;
  const std::vector<NodeId> outputs = c.build(g);
  const lower::Lowered lowered = lower::lower(g, outputs, {.target = native(), .split_products = true});
  EXPECT_EQ(lowered.plan.split_products, 5);
  EXPECT_NE(lowered.schedule.find("-="), std::string::npos) << lowered.schedule;
  for (size_t samples : {7, 100}) expect_equal(c, {.samples = samples, .split_products = true});
}

/// A loop behind a product stays by itself where the product is on tiles, and goes along with it elsewhere.
TEST_F(SplitProduct, StandsBesideLoops) {
  const Case c{"layers", [](Graph& g) {
                 const NodeId w = g.input("w", {96, 96}, false), b = g.input("b", {96}, false);
                 const NodeId v = g.input("v", {96, 3}, false), x = g.input("x", {3}, true);
                 const NodeId first = ir::unary(g, ir::Op::Tanh, ir::matvec(g, v, x));
                 return std::vector<NodeId>{ir::unary(g, ir::Op::Tanh, ir::add(g, ir::matvec(g, w, first), b))};
               }};
  Graph g;
  const std::vector<NodeId> outputs = c.build(g);
  const lower::Lowered lowered = lower::lower(g, outputs, {.target = native(), .split_products = true});
  EXPECT_EQ(lowered.plan.split_products, 1) << lowered.schedule;
  const size_t fused = lowered.schedule.find("; then");
  EXPECT_NE(fused, std::string::npos) << lowered.schedule;
  EXPECT_EQ(lowered.schedule.find("; then", fused + 1), std::string::npos) << lowered.schedule;
  for (size_t samples : {7, 100}) expect_equal(c, {.samples = samples, .split_products = true});
}

TEST_F(SplitProduct, IsTheSameBitsForAnyNumberOfThreads) {
  Graph g;
  const std::vector<NodeId> outputs = build(g, {257, 100});  // weights that are split in pieces
  Setting setting{.samples = 600, .split_products = true};
  const ir::Bindings bindings = random_bindings(g, {}, setting);
  const auto one = run_compiled(g, outputs, bindings, setting);
  for (int threads : {2, 5}) {
    setting.threads = threads;
    EXPECT_EQ(run_compiled(g, outputs, bindings, setting), one) << threads;
  }
}

/// Where plain f32 has an infinity or a NaN, there is one too, and nowhere else.
TEST_F(SplitProduct, KeepsBadNumbersBad) {
  Graph g;
  const std::vector<NodeId> outputs = build(g, {96, 96});
  for (double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(), 1e38})
    for (uint32_t slot = 0; slot < 3; ++slot) {
      Setting setting{.samples = 20};
      ir::Bindings bindings = random_bindings(g, {}, setting);
      bindings.inputs[slot][777] = bad;
      const auto plain = run_compiled(g, outputs, bindings, setting);
      setting.split_products = true;
      const auto split = run_compiled(g, outputs, bindings, setting);
      for (size_t k = 0; k < outputs.size(); ++k)
        for (size_t i = 0; i < plain[k].size(); ++i)
          ASSERT_EQ(std::isfinite(split[k][i]), std::isfinite(plain[k][i]))
              << bad << " in input " << slot << ", output " << k << "[" << i << "]: " << split[k][i] << ", " << plain[k][i];
    }
}

/// Chosen only for f32, on machines with tiles, for products that are large enough, and if asked for.
TEST(SplitProductPlan, IsChosenWhereItPays) {
  lower::Target tiles{"x86-64-v4", "+amx-bf16,+amx-tile,+avx512bf16", 64, 2 << 20}, none = tiles;
  none.features = "-amx-bf16,+amx-tile,+avx512bf16";
  Graph g;
  const std::vector<NodeId> large = build(g, {112, 96}), small = build(g, {48, 80}), narrow = build(g, {112, 80}),
                            columns = build(g, {112, 80, 3});
  const Setting asked{.split_products = true}, wide{.precision = lower::Precision::F64, .split_products = true};
  EXPECT_EQ(plan_of(g, large, asked, tiles).split_products, 4);
  EXPECT_EQ(plan_of(g, large, {}, tiles).split_products, 0);
  EXPECT_EQ(plan_of(g, large, wide, tiles).split_products, 0);
  EXPECT_EQ(plan_of(g, large, asked, none).split_products, 0);
  EXPECT_EQ(plan_of(g, small, asked, tiles).split_products, 0);
  // Of these only the sums over samples; with several columns, which take no loop along, all.
  EXPECT_EQ(plan_of(g, narrow, asked, tiles).split_products, 2);
  EXPECT_EQ(plan_of(g, columns, asked, tiles).split_products, 4);
}

/// Weights are laid out once a run, one layout for all products that see them alike.
TEST(SplitProductPlan, SharesTheLayoutOfWeights) {
  const lower::Target tiles{"x86-64-v4", "+amx-bf16,+amx-tile,+avx512bf16", 64, 2 << 20};
  Graph g;
  const NodeId w = g.input("w", {128, 128}, false), x = g.input("x", {128, 1}, true);
  const NodeId y = ir::matmul(g, w, x), z = ir::matmul(g, w, ir::unary(g, ir::Op::Tanh, y));
  const lower::Options plain{.target = tiles, .samples = 100};  // too few for panels of f32
  lower::Options split = plain;
  split.split_products = true;
  const auto bytes = [&](const std::vector<NodeId>& outputs, const lower::Options& options) {
    return lower::plan(g, outputs, options).shared_bytes;
  };
  EXPECT_EQ(bytes({z}, split) - bytes({z}, plain), 128u * 128 * 6);
  EXPECT_EQ(bytes({z, ir::matmul(g, w, y, true)}, split) - bytes({z}, plain), 2u * 128 * 128 * 6);
}

}  // namespace
}  // namespace am::test
