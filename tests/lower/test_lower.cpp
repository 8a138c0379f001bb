// What is decided before anything runs: loops, memory, tiles, phases. That the numbers are right is tests/execute.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compiler/ir/build.h"
#include "compiler/lower/lower.h"

namespace am::lower {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Op;

const Target kWide{"x86-64-v4", "", 64, 2 << 20};

Lowered lower_wide(const Graph& g, const std::vector<NodeId>& outputs, size_t samples = 512) {
  return lower(g, outputs, {.target = kWide, .samples = samples});
}

int count(const std::string& text, const std::string& word) {
  int n = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

/// `depth` layers of width 64.
NodeId layers(Graph& g, NodeId x, int depth) {
  for (int i = 0; i < depth; ++i) {
    const NodeId w = g.input("w", {64, 64}, false), b = g.input("b", {64}, false);
    x = ir::unary(g, Op::Tanh, ir::add(g, ir::matvec(g, w, x), b));
  }
  return x;
}

TEST(Schedule, AChainOfElementwiseNodesIsOneLoop) {
  Graph g;
  NodeId x = g.input("x", {3, 4}, true);
  for (int i = 0; i < 10; ++i) x = ir::unary(g, Op::Tanh, ir::scale(g, 0.5, x));
  const Lowered out = lower_wide(g, {x});
  EXPECT_EQ(count(out.schedule, "loop "), 1) << out.schedule;
  // The input and the result; nothing between them is stored.
  EXPECT_EQ(out.plan.tile_bytes, 2u * 12 * out.plan.tile * 4);
}

TEST(Schedule, ReshapesAndUnitAxesDoNotEndALoop) {
  Graph g;
  const NodeId x = ir::unary(g, Op::Exp, g.input("x", {7}, true));
  const NodeId y = ir::unary(g, Op::Exp, ir::reshape(g, x, {1, 7, 1}));
  EXPECT_EQ(count(lower_wide(g, {ir::neg(g, y)}).schedule, "loop "), 1);
}

TEST(Schedule, MeansOfAValueAreSummedInTheLoopThatMakesIt) {
  Graph g;
  const NodeId y = ir::unary(g, Op::Exp, g.input("x", {5}, true));
  const Lowered out = lower_wide(g, {ir::mean(g, y), ir::mean(g, ir::mul(g, y, y))});
  EXPECT_EQ(count(out.schedule, "loop "), 1) << out.schedule;
  EXPECT_EQ(out.plan.tile_bytes, 5u * out.plan.tile * 4) << "only the input is stored";
}

TEST(Schedule, AMeanOfAnOuterProductNeverStoresTheProduct) {
  Graph g;
  const NodeId a = g.input("a", {100, 1}, true), b = g.input("b", {100, 1}, true);
  const Lowered out = lower_wide(g, {ir::mean(g, ir::matmul(g, a, b, false, true))});
  EXPECT_EQ(count(out.schedule, "mean product"), 1) << out.schedule;
  EXPECT_LT(out.plan.tile_bytes, 400u * out.plan.tile * 4);
  EXPECT_EQ(out.plan.partial_bytes, 100u * 112 * 4) << "columns are padded to whole vectors";
}

TEST(Schedule, SumsAndDifferencesOfMeansShareTheirSums) {
  Graph g;
  std::vector<NodeId> means;
  for (int i = 0; i < 4; ++i) {
    const NodeId a = g.input("a", {32, 1}, true), b = g.input("b", {16, 1}, true);
    means.push_back(ir::mean(g, ir::matmul(g, a, b, false, true)));
  }
  const NodeId total = ir::sub(g, ir::add(g, means[0], means[1]), ir::sub(g, means[2], means[3]));
  const Lowered out = lower_wide(g, {total});
  EXPECT_EQ(out.plan.partial_bytes, 32u * 16 * 4) << out.schedule;
  EXPECT_EQ(count(out.schedule, "-="), 1) << out.schedule;
  // A mean that is an output too keeps its own, and what it is added to; the difference of the others is still one.
  EXPECT_EQ(lower_wide(g, {total, means[0]}).plan.partial_bytes, 3u * 32 * 16 * 4);
}

TEST(Schedule, CheapValuesAreComputedAgainRatherThanStored) {
  Graph g;
  const NodeId w = g.input("w", {64, 64}, false), x = g.input("x", {64}, true);
  const NodeId y = ir::unary(g, Op::Tanh, x);
  const NodeId slope = ir::sub(g, ir::constant(g, 1, {64}), ir::mul(g, y, y));
  const NodeId z = ir::mul(g, ir::matvec(g, w, y), slope);
  const Lowered out = lower_wide(g, {ir::mean(g, z), ir::mean(g, slope)});
  // x, then tanh x, and the product: the slope is in registers in both loops.
  EXPECT_EQ(out.plan.tile_bytes, 2u * 64 * out.plan.tile * 4) << out.schedule;
}

TEST(Schedule, AValueIsKeptRatherThanSeveralThatAreCheapToMakeOfIt) {
  Graph g;
  const NodeId w = g.input("w", {64, 64}, false), x = g.input("x", {64}, true);
  const NodeId s = ir::unary(g, Op::Exp, x), y = ir::mul(g, x, s);
  const NodeId a = ir::sub(g, ir::constant(g, 1, {64}), s), b = ir::mul(g, s, s);
  const NodeId once = ir::mul(g, ir::matvec(g, w, y), a), twice = ir::mul(g, ir::matvec(g, w, once), b);
  const Lowered out = lower_wide(g, {ir::mean(g, twice)});
  // While the first product runs: y, e^x, and what becomes of the product; not 1 − e^x and e^2x.
  EXPECT_EQ(out.plan.tile_bytes, 3u * 64 * out.plan.tile * 4) << out.schedule;
  // One of them alone is kept itself: that is one load less.
  Graph h;
  const NodeId v = h.input("w", {64, 64}, false), u = h.input("x", {64}, true), e = ir::unary(h, Op::Exp, u);
  const NodeId slope = ir::add(h, e, ir::mul(h, u, e));
  const Lowered one = lower_wide(h, {ir::mean(h, ir::mul(h, ir::matvec(h, v, ir::mul(h, u, e)), slope))});
  EXPECT_NE(one.schedule.find(fmt::format(" %{} = add", slope.value)), std::string::npos) << one.schedule;
}

/// A step of `p` by the gradient of E[½|p·x|²] with momentum, its gradient's norm kept to 1.
std::vector<NodeId> momentum_step(Graph& g, int size) {
  const NodeId p = g.input("p", {size, size}, false), m = g.input("m", {size, size}, false);
  const NodeId x = g.input("x", {size, 1}, true);
  const NodeId gradient = ir::mean(g, ir::matmul(g, ir::matmul(g, p, x), x, false, true));
  const NodeId norm = ir::unary(g, Op::Sqrt, ir::sum_all(g, ir::mul(g, gradient, gradient)));
  const NodeId factor = ir::binary(g, Op::Min, ir::constant(g, 1), ir::div(g, ir::constant(g, 1), norm));
  const NodeId next = ir::add(g, ir::scale(g, 0.9, m), ir::scale(g, factor, gradient));
  return {norm, next, ir::sub(g, p, next)};
}

/// Pieces of the stages before the tiles of a phase.
std::vector<int> stages(const Plan& plan, int phase) {
  std::vector<int> pieces;
  for (const Stage& stage : plan.stages)
    if (stage.phase == phase) pieces.push_back(stage.pieces);
  return pieces;
}

TEST(Stages, AnUpdateIsTwoPassesOverItsArrays) {
  Graph g;
  const Lowered out = lower_wide(g, momentum_step(g, 256));
  const size_t after = out.schedule.find("shared 1");
  // 0.9·m waits for the loop that uses it.
  EXPECT_EQ(count(out.schedule.substr(0, after), "= mul"), 0) << out.schedule;
  // Gradient and squares, then the update; nothing but the gradient is kept in between.
  EXPECT_EQ(count(out.schedule.substr(after), "loop R[256, 256]"), 2) << out.schedule;
  EXPECT_EQ(count(out.schedule.substr(after), "finish %"), 1) << out.schedule;
  EXPECT_LT(out.plan.shared_bytes, 256u * 256 * 4 + 4096) << out.schedule;
  // Each is shared out, and what lies between them is not.
  EXPECT_EQ(stages(out.plan, 1), (std::vector{16, 1, 16})) << out.schedule;
}

TEST(Stages, SmallUpdatesAreNotSharedOut) {
  Graph g;
  EXPECT_EQ(stages(lower_wide(g, momentum_step(g, 64)).plan, 1), std::vector{1});
}

TEST(Stages, WhatNeedsAnotherPieceIsALaterStage) {
  // The second loop reads the first one's result in another order: all of it must be there.
  Graph g;
  const NodeId x = ir::unary(g, Op::Exp, g.input("x", {200, 200}, false));
  const Lowered out = lower_wide(g, {x, ir::add(g, x, ir::transpose(g, x))});
  EXPECT_EQ(stages(out.plan, 0), (std::vector{16, 16})) << out.schedule;
}

TEST(Plan, GroupsAreWorthTheirSums) {
  // The sums cost the same for any number of samples, and the work on the samples grows with it.
  int before = 0;
  for (size_t samples : {32, 256, 1024, 16384}) {
    Graph g;
    const int groups = lower_wide(g, momentum_step(g, 256), samples).plan.groups;
    EXPECT_GE(groups, before) << samples;
    before = groups;
  }
  EXPECT_EQ(before, 16);
  Graph g;
  EXPECT_LT(lower_wide(g, momentum_step(g, 256), 32).plan.groups, 16);
}

TEST(Schedule, IndependentDrawsAreGoneThroughOneAfterTheOther) {
  const auto bytes = [](int parts) {
    Graph g;
    std::vector<NodeId> out;
    for (int i = 0; i < parts; ++i) {
      const NodeId x = layers(g, g.input("x", {64}, true), 3);
      out.push_back(ir::mean(g, ir::mul(g, x, x)));
    }
    NodeId first = out[0];
    for (int i = 1; i < parts; ++i) first = ir::add(g, first, out[i]);
    return lower(g, {first}, {.target = kWide, .tile = 64}).plan.tile_bytes;
  };
  EXPECT_EQ(bytes(4), bytes(1));
}

/// Of a march over t only what t reaches is made at each step; outputs are given at each.
TEST(Schedule, WhatAMarchDoesNotChangeIsMadeOnce) {
  Graph g;
  const NodeId w = g.input("w", {512, 256}, false), t = g.input("t", {}, false), x = g.input("x", {256, 1}, true);
  const NodeId size = ir::dot(g, w, w), scale = ir::unary(g, Op::Exp, ir::mul(g, size, t));
  const NodeId y = ir::scale(g, scale, ir::matmul(g, w, x));
  const Options options{.target = kWide, .samples = 1000};
  Options of_march = options;
  of_march.varying = {1};
  const Lowered alone = lower(g, {y, size}, options), march = lower(g, {y}, of_march), given = lower(g, {size}, of_march);
  EXPECT_EQ(alone.plan.steady_bytes, 0u);
  EXPECT_TRUE(stages(alone.plan, kSteady).empty()) << alone.schedule;
  // The panels, and |w|² with what its 16 pieces sum; exp(|w|²·t).
  EXPECT_EQ(march.plan.steady_bytes, 512u * 256 * 4 + 64 + 16 * 64) << march.schedule;
  EXPECT_EQ(march.plan.shared_bytes, 64u) << march.schedule;
  const std::string once = march.schedule.substr(0, march.schedule.find("shared 0"));
  EXPECT_EQ(count(once, "panels"), 1) << march.schedule;
  EXPECT_EQ(count(once, "+= sum"), 1) << march.schedule;
  EXPECT_EQ(count(once, "exp"), 0) << march.schedule;
  EXPECT_EQ(stages(march.plan, kSteady), (std::vector{16, 1})) << march.schedule;
  EXPECT_EQ(stages(march.plan, 0), std::vector{1}) << march.schedule;
  EXPECT_EQ(count(given.schedule.substr(given.schedule.find("shared 0")), "+= sum"), 1) << given.schedule;
}

TEST(Schedule, LargeWeightsAreLaidOutForTheirProducts) {
  Graph g;
  const NodeId w = g.input("w", {512, 256}, false), x = g.input("x", {256, 1}, true);
  const NodeId y = ir::matmul(g, w, x), back = ir::matmul(g, w, y, true), again = ir::matmul(g, w, back);
  const auto count = [&](const std::string& what, size_t samples) {
    const std::string schedule = lower(g, {again}, {.target = kWide, .samples = samples}).schedule;
    int found = 0;
    for (size_t at = 0; (at = schedule.find(what, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("\n  panels", 1000), 2);  // one for each direction
  EXPECT_EQ(count(", panels", 1000), 3);
  EXPECT_EQ(count("panels", 10), 0);
}

TEST(Place, ValuesThatDoNotLiveTogetherShareMemory) {
  Graph g;
  const NodeId y = layers(g, g.input("x", {64}, true), 20);
  const Lowered out = lower_wide(g, {y});
  EXPECT_EQ(out.plan.tile_bytes, 2u * 64 * out.plan.tile * 4) << out.schedule;
}

TEST(Emit, EqualLayersShareTheirKernels) {
  const auto kernels = [](int depth) {
    Graph g;
    const std::string text = print_llvm(lower_wide(g, {layers(g, g.input("x", {64}, true), depth)}));
    // Parts of sections are functions, but no kernels.
    return count(text, "define internal") - count(text, "define internal void @am_");
  };
  EXPECT_EQ(kernels(2), kernels(20));
}

TEST(Emit, LoweringIsDeterministic) {
  Graph g;
  const NodeId y = layers(g, g.input("x", {64}, true), 3);
  EXPECT_EQ(print_llvm(lower_wide(g, {y})), print_llvm(lower_wide(g, {y})));
}

TEST(Plan, PhasesCountMeansOverMeans) {
  Graph g;
  const NodeId x = g.input("x", {3}, true), w = g.input("w", {3}, false);
  const NodeId centred = ir::sub(g, x, ir::mean(g, x));
  EXPECT_EQ(lower_wide(g, {w}).plan.phases, 0);
  EXPECT_EQ(lower_wide(g, {x}).plan.phases, 1);
  EXPECT_EQ(lower_wide(g, {ir::mean(g, x)}).plan.phases, 1);
  EXPECT_EQ(lower_wide(g, {ir::mean(g, ir::mul(g, centred, centred))}).plan.phases, 2);
}

TEST(Plan, TheTileDividesTheSamplesWhereItCan) {
  Graph g;
  const NodeId y = layers(g, g.input("x", {64}, true), 2);
  for (size_t samples : {16, 64, 128, 256, 512, 1024, 2048}) {
    const int tile = lower_wide(g, {y}, samples).plan.tile;
    EXPECT_EQ(samples % tile, 0u) << samples << " samples, tile " << tile;
  }
  EXPECT_EQ(lower_wide(g, {y}, 1).plan.tile, 16);
  EXPECT_EQ(lower(g, {y}, {.target = kWide, .tile = 48}).plan.tile, 48);
}

TEST(Plan, TheTileFitsIntoTheCache) {
  Graph g;
  std::vector<NodeId> out;
  const NodeId x = g.input("x", {64}, true);
  for (int i = 0; i < 60; ++i) out.push_back(ir::matvec(g, g.input("w", {64, 64}, false), x));
  NodeId total = out[0];
  for (size_t i = out.size(); i-- > 1;) total = ir::add(g, total, out[i]);
  const Lowered lowered = lower_wide(g, {total}, 100000);
  EXPECT_LE(lowered.plan.tile_bytes, kWide.cache_bytes / 2);
  EXPECT_GE(lowered.plan.tile, 64);
}

TEST(Plan, TheTileIsNarrowWhereOnlyANarrowOneFits) {
  // Of `count` values of 256 numbers that live at the same time.
  const auto tile = [](int count) {
    Graph g;
    const NodeId w = g.input("w", {256, 256}, false);
    std::vector<NodeId> values{g.input("x", {256, 1}, true)};
    for (int i = 1; i < count; ++i) values.push_back(ir::matmul(g, w, values.back()));
    NodeId all = values.back();
    for (size_t i = values.size(); i-- > 0;) all = ir::matmul(g, w, ir::mul(g, all, values[i]));
    return lower_wide(g, {all}, 1000).plan.tile;
  };
  ASSERT_EQ(kWide.cache_bytes, size_t{2} << 20);
  EXPECT_EQ(tile(8), 64);    // half a megabyte at 64 samples
  EXPECT_EQ(tile(48), 32);   // three
  EXPECT_EQ(tile(100), 64);  // fits in neither case
}

TEST(Plan, TellsTheKindsOfProductsApartAndPredictsTheirShare) {
  const auto of = [](int width) {
    Graph g;
    const NodeId w = g.input("w", {width, width}, false), x = g.input("x", {width, 1}, true);
    const NodeId y = ir::matmul(g, w, x), back = ir::matmul(g, w, g.add(ir::Op::Sigmoid, {y}), true);
    return lower_wide(g, {ir::mean(g, ir::matmul(g, y, back, false, true))}, 1000).plan;
  };
  const Plan plan = of(64);
  EXPECT_EQ(plan.flops_contract, 3 * 2 * 64 * 64);
  EXPECT_EQ(plan.flops_transposed, 2 * 64 * 64);
  EXPECT_EQ(plan.flops_sums, 2 * 64 * 64);
  // Elementwise work matters less the wider the products are, until these wait for memory.
  EXPECT_LT(of(16).share_of_peak, of(64).share_of_peak);
  EXPECT_LT(of(64).share_of_peak, of(256).share_of_peak);
  EXPECT_LT(of(2048).share_of_peak, of(256).share_of_peak);
  EXPECT_GT(of(16).share_of_peak, 0.1);
  EXPECT_LT(of(256).share_of_peak, 1);
}

TEST(Plan, CountsTheWorkOfOneSample) {
  Graph g;
  const NodeId y = layers(g, g.input("x", {64}, true), 3);
  const Plan plan = lower_wide(g, {y}).plan;
  EXPECT_EQ(plan.flops_contract, 3 * 2 * 64 * 64);
  EXPECT_EQ(plan.flops_transposed, 0);
  EXPECT_EQ(plan.flops_sums, 0);
  EXPECT_EQ(plan.flops_other, 3 * 2 * 64);
  EXPECT_EQ(plan.inputs.size(), 7u);
  ASSERT_EQ(plan.outputs.size(), 1u);
  EXPECT_TRUE(plan.outputs[0].sampled);
}

}  // namespace
}  // namespace am::lower
