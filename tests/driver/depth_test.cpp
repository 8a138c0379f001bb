// Twice the layers take twice the work, in every stage. Counted rather than timed, so that the machine does not matter.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/driver/compile.h"
#include "compiler/lower/program.h"
#include "compiler/simplify/simplify.h"
#include "tests/driver/allocations.h"

namespace am {
namespace {

using testing::allocations;

/// What each stage does for a script of one training.
struct Work {
  size_t elaborating = 0, simplifying = 0, planning = 0, writing = 0;  // allocations
  size_t nodes = 0;                                                    // of the simplified graph
  size_t looks = 0;                                                    // lower::Program::looks
  size_t instructions = 0, largest = 0;                                // in the module, and in one function of it
};

Work work(const std::string& text) {
  Work out;
  size_t before = allocations;
  const auto counted = [&] { return allocations - std::exchange(before, allocations); };
  const auto script = compile("deep.am", text, {});
  EXPECT_TRUE(script->usable());
  out.elaborating = counted();
  const elaborate::Program& step = script->elaborated.models.at(0).step;
  const simplify::Simplified small = simplify::simplify(step.graph, step.outputs);
  out.simplifying = counted();
  out.nodes = small.graph.size();
  const lower::Options options{.target = {"x86-64-v4", "", 64, 2 << 20}, .samples = 256};
  out.looks = lower::planned(small.graph, small.outputs, options).looks;
  out.planning = counted();
  const lower::Lowered lowered = lower::lower(small.graph, small.outputs, options);
  out.writing = counted();
  for (const llvm::Function& function : *lowered.module) {
    const size_t size = function.getInstructionCount();
    out.instructions += size;
    out.largest = std::max(out.largest, size);
  }
  return out;
}

struct Script {
  const char* name;
  const char* text;  // DEPTH stands for the number of layers
};

const Script kScripts[] = {
    {"Perceptron", R"(
path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }
potential s(x, t) = mlp(width = 8, depth = DEPTH)([x, t])
train flow = am(s, q) { batch = 256 })"},
    // Every layer reads the point and the time again, so that two values are used everywhere.
    {"Skips", R"(
path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }
potential s(x, t) {
  h = [x, t]
  repeat DEPTH { h = [x, t, tanh(linear(8)(h))] }
  linear(1)(h)
}
train flow = am(s, q) { batch = 256; optimizer = adam(lr = 1e-3); clip = 1.0; ema = 0.99 })"},
    // Laplacians, and sums that run through all layers.
    {"Entropic", R"(
path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }
potential s(x, t) {
  h = linear(8)([x, t])
  repeat DEPTH { h = h + silu(linear(8)(h)) }
  linear(1)(h)
}
train flow = eam(s, q, sigma = 0.3) { batch = 256 })"},
};

class Depth : public ::testing::TestWithParam<Script> {};

TEST_P(Depth, TwiceTheLayersTakeTwiceTheWork) {
  std::vector<Work> all;
  for (int depth : {25, 50, 100, 200}) {
    std::string text = GetParam().text;
    all.push_back(work(text.replace(text.find("DEPTH"), 5, std::to_string(depth))));
  }
  struct Count {
    const char* of;
    size_t Work::*member;
  };
  // A part that is the same for all depths makes ratios smaller; small graphs leave few holes in memory to look at.
  const Count counts[] = {{"allocations up to the graph", &Work::elaborating},
                          {"allocations of simplify", &Work::simplifying},
                          {"nodes", &Work::nodes},
                          {"allocations of the plan", &Work::planning},
                          {"looks of the plan", &Work::looks},
                          {"allocations of lowering", &Work::writing},
                          {"instructions", &Work::instructions}};
  for (const Count& count : counts) {
    const auto at = [&](size_t k) { return static_cast<double>(all[k].*count.member); };
    const std::string numbers = fmt::format("{}: {}, {}, {}, {}", count.of, at(0), at(1), at(2), at(3));
    EXPECT_LT(at(3) / at(2), 2.1) << numbers;
    EXPECT_LT(at(3) / at(0), 10) << numbers;
    EXPECT_GT(at(3) / at(2), 1.4) << numbers << ", which does not count layers";
  }
  // The code generator takes more than twice the time for a function of twice the size: none grows with the depth.
  EXPECT_LT(all[3].largest, 1.5 * static_cast<double>(all[2].largest));
}

INSTANTIATE_TEST_SUITE_P(Of, Depth, ::testing::ValuesIn(kScripts), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace am
