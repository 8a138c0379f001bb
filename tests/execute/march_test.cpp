// Many steps in one call against the same steps called one by one: the same bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compare.h"
#include "compiler/jit/jit.h"

namespace am::test {
namespace {

using ir::Op;

/// Slots of every program here.
enum Slot { X, W, Time, Width, Weights };

/// A step of a state x in R³ and w in R; gives the next x, the next w.
struct Walk {
  std::string name;
  std::function<std::vector<NodeId>(Graph&, NodeId x, NodeId w, NodeId t, NodeId h, NodeId weights)> build;
};

NodeId uniform(Graph& g, Shape shape) { return g.add(Op::Uniform, {}, {.index = g.fresh(), .shape = shape}); }

/// A matrix [size, 3] of the time, made of the weights: shared, and another one at each step.
NodeId timed(Graph& g, NodeId t, NodeId weights) {
  return ir::unary(g, Op::Tanh, ir::mul(g, weights, ir::fill(g, t, g[weights].shape)));
}

/// x + h·(Aᵀ·sin(B·x) + z), w + h·|x|², where A depends on the time and B is the same at all steps.
std::vector<NodeId> noisy(Graph& g, NodeId x, NodeId w, NodeId t, NodeId h, NodeId weights) {
  const NodeId a = timed(g, t, weights), b = ir::unary(g, Op::Tanh, weights);
  const NodeId slope = ir::matvec(g, ir::transpose(g, a), ir::unary(g, Op::Sin, ir::matvec(g, b, x)));
  const NodeId z = ir::add(g, uniform(g, {3}), ir::fill(g, g.add(Op::Weyl, {}, {.index = g.fresh()}), {3}));
  return {ir::add(g, x, ir::scale(g, h, ir::add(g, slope, z))), ir::add(g, w, ir::mul(g, h, ir::dot(g, x, x)))};
}

const Walk kNoisy{"noisy", noisy};

/// Particles that move towards their mean: no tile can be carried alone.
const Walk kDrawnTogether{"drawn together", [](Graph& g, NodeId x, NodeId w, NodeId t, NodeId h, NodeId weights) {
                            const std::vector<NodeId> alone = noisy(g, x, w, t, h, weights);
                            const NodeId centre = ir::mean(g, x);
                            return std::vector<NodeId>{ir::add(g, alone[0], ir::scale(g, h, ir::sub(g, centre, x))), w};
                          }};

/// What comes out does not depend on a sample.
const Walk kMarked{"marked by the time", [](Graph& g, NodeId, NodeId w, NodeId t, NodeId h, NodeId) {
                     return std::vector<NodeId>{ir::concat(g, {ir::reshape(g, t, {1}), ir::fill(g, h, {2})}, 0),
                                                ir::add(g, w, t)};
                   }};

using Code = std::shared_ptr<const jit::Executable>;

/// A step with `size` rows of weights.
Code compiled(const Walk& walk, int size, lower::Precision precision, size_t samples, int tile) {
  Graph g;
  const NodeId x = g.input("x", {3}, true), w = g.input("w", {}, true), t = g.input("t", {}, false),
               h = g.input("h", {}, false), weights = g.input("weights", {size, 3}, false);
  const std::vector<NodeId> outputs = walk.build(g, x, w, t, h, weights);
  std::string error;
  const lower::Target target = jit::host_target("", error);
  Code code = jit::compile(lower::lower(g, outputs, {precision, target, samples, tile, {Time, Width}}), target, error);
  EXPECT_TRUE(code) << error;
  return code;
}

/// Two states, each in buffers of its own.
struct Walker {
  Walker(const Code& code, size_t samples, int threads)
      : width(code->plan().element_bytes()), samples(samples), runner(code, threads) {
    const auto size = static_cast<size_t>(code->plan().inputs[Weights].shape[0]);
    call = {.samples = samples, .stride = samples + 5, .seed = 77, .step = 9, .first_sample = 4};
    now = {fresh(3), fresh(1)}, next = {fresh(3), fresh(1)};
    for (size_t i = 0; i < samples; ++i)
      for (size_t e = 0; e < 3; ++e) set(now[0], e * call.stride + i, std::sin(static_cast<double>(3 * i + e)));
    matrix = bytes(size * 3);
    for (size_t i = 0; i < size * 3; ++i) set(matrix, i, 0.3 * std::cos(static_cast<double>(i)));
    call.inputs = {nullptr, nullptr, nullptr, nullptr, matrix.data()};
    call.outputs = {nullptr, nullptr};
  }

  std::vector<std::byte> bytes(size_t count) const { return std::vector<std::byte>(count * width); }
  std::vector<std::byte> fresh(size_t elements) const { return bytes(elements * call.stride); }
  void set(std::vector<std::byte>& to, size_t i, double value) const {
    if (width == 8)
      reinterpret_cast<double*>(to.data())[i] = value;
    else
      reinterpret_cast<float*>(to.data())[i] = static_cast<float>(value);
  }

  /// `count` steps in one call.
  void march(size_t first, size_t count) {
    execute::March m{.steps = count};
    for (int k = 0; k < 2; ++k) m.states.push_back({{k == 0 ? X : W}, k, now[k].data(), next[k].data()});
    m.varying = {{{Time}, {}}, {{Width}, {}}};
    for (size_t i = first; i < first + count; ++i) {
      m.varying[0].values.push_back(time(i));
      m.varying[1].values.push_back(0.01);
    }
    call.step = static_cast<uint32_t>(9 + first);
    runner.run(call, m);
    for (int k = 0; k < 2; ++k)
      if (m.states[k].now != now[k].data()) std::swap(now[k], next[k]);
  }

  /// The same, one by one.
  void walk(size_t count) {
    std::vector<std::byte> t = bytes(1), h = bytes(1);
    set(h, 0, 0.01);
    for (size_t i = 0; i < count; ++i) {
      set(t, 0, time(i));
      call.inputs = {now[0].data(), now[1].data(), t.data(), h.data(), matrix.data()};
      call.outputs = {next[0].data(), next[1].data()};
      call.step = static_cast<uint32_t>(9 + i);
      runner.run(call);
      for (size_t k = 0; k < 2; ++k)
        if (!runner.plan().outputs[k].sampled)
          for (size_t e = k == 0 ? 3 : 1; e-- > 0;)
            for (size_t s = samples; s-- > 0;)
              std::memcpy(&next[k][(e * call.stride + s) * width], &next[k][e * width], width);
      std::swap(now, next);
    }
  }

  /// The states without what lies between the rows.
  std::vector<std::byte> states() const {
    std::vector<std::byte> out;
    for (const auto& state : now)
      for (size_t e = 0; e < state.size() / width / call.stride; ++e) {
        const auto row = state.begin() + static_cast<ptrdiff_t>(e * call.stride * width);
        out.insert(out.end(), row, row + static_cast<ptrdiff_t>(samples * width));
      }
    return out;
  }

  static double time(size_t step) { return 0.2 + 0.01 * static_cast<double>(step); }

  size_t width, samples;
  execute::Runner runner;
  execute::Call call;
  std::vector<std::vector<std::byte>> now, next;
  std::vector<std::byte> matrix;
};

void expect_same_bits(const Walk& walk, int size, lower::Precision precision, size_t samples, int tile,
                      const std::vector<size_t>& counts = {1, 2, 63, 64, 65, 130}) {
  const Code code = compiled(walk, size, precision, samples, tile);
  for (size_t steps : counts) {
    Walker one_by_one(code, samples, 1);
    one_by_one.walk(steps);
    const auto want = one_by_one.states();
    for (int threads : {1, 2, 3, 8}) {
      const auto what = fmt::format("{}, size {}, {} samples, tile {}, {} steps, {} threads", walk.name, size, samples,
                                    tile, steps, threads);
      Walker at_once(code, samples, threads);
      at_once.march(0, steps);
      EXPECT_EQ(at_once.states(), want) << what;
      if (steps == 1) continue;
      Walker in_two(code, samples, threads);
      in_two.march(0, steps / 3 + 1);
      in_two.march(steps / 3 + 1, steps - steps / 3 - 1);
      EXPECT_EQ(in_two.states(), want) << what << ", in two calls";
    }
  }
}

TEST(March, IsTheSameBitsAsItsSteps) {
  for (size_t samples : {1, 7, 100, 1000})
    for (auto precision : {lower::Precision::F32, lower::Precision::F64})
      expect_same_bits(kNoisy, 8, precision, samples, 16);
}

TEST(March, AtTheChosenTile) { expect_same_bits(kNoisy, 8, lower::Precision::F32, 1000, 0); }

/// Shared values of which only a few steps' fit at once, and of which not even two do.
TEST(March, WithManySharedValues) {
  expect_same_bits(kNoisy, 1000, lower::Precision::F32, 100, 16, {65});
  expect_same_bits(kNoisy, 12'000, lower::Precision::F32, 20, 16, {1, 4});
}

TEST(March, OfParticlesThatActOnEachOther) {
  for (size_t samples : {7, 100}) expect_same_bits(kDrawnTogether, 8, lower::Precision::F32, samples, 16);
}

TEST(March, OfAStateThatNoSampleChanges) {
  for (size_t samples : {7, 100}) expect_same_bits(kMarked, 8, lower::Precision::F64, samples, 16);
}

/// Matrices that products read in panels.
TEST(March, WithLargeMatrices) { expect_same_bits(kNoisy, 12'000, lower::Precision::F32, 300, 64, {1, 4}); }

/// What is the same at all steps of a march is not so for the next march.
TEST(March, ReadsItsInputsAnew) {
  const Code code = compiled(kNoisy, 8, lower::Precision::F32, 100, 16);
  Walker used(code, 100, 2), fresh(code, 100, 2);
  const auto start = used.now;
  used.march(0, 3);
  used.now = start;
  for (Walker* walker : {&used, &fresh}) walker->set(walker->matrix, 5, 3);
  used.march(0, 3), fresh.march(0, 3);
  EXPECT_EQ(used.states(), fresh.states());
}

/// w adds up the time, times a number that is the same at all steps.
TEST(March, HandsEveryStepItsOwnNumbers) {
  const Walk clock{"clock", [](Graph& g, NodeId x, NodeId w, NodeId t, NodeId h, NodeId weights) {
                     const NodeId rate = ir::dot(g, weights, weights);
                     return std::vector<NodeId>{x, ir::add(g, w, ir::mul(g, rate, ir::mul(g, t, h)))};
                   }};
  Walker walker(compiled(clock, 1, lower::Precision::F64, 50, 16), 50, 2);
  walker.march(0, 100);
  double rate = 0, time = 0;
  for (int i = 0; i < 3; ++i) rate += 0.09 * std::cos(i) * std::cos(i);
  for (size_t i = 0; i < 100; ++i) time += Walker::time(i) * 0.01;
  for (size_t i = 0; i < 50; ++i)
    EXPECT_NEAR(reinterpret_cast<const double*>(walker.now[1].data())[i], rate * time, 1e-12);
}

}  // namespace
}  // namespace am::test
