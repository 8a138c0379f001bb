// Sampling, checkpoints and the library's promises, on small programs.
#include <cmath>
#include <filesystem>

#include "tests/flow/trained.h"

namespace am {
namespace {

/// A model without anything to learn from: the drift is −a·x with a = 1 as initialised, one step at a tiny rate.
const char* const kDecay = R"(
path q(t) over 0..2 { z ~ normal(2); [1, 2] + 0·z }
potential s(x, t) { param a: R = 1; −½·a·|x|² }
train m = am(s, q) { steps = 1; batch = 16; optimizer = sgd(lr = 1e-12); precision = f64 }
sample p from m { start = q(0); count = 3; times = [0, 1, 2]; solver = SOLVER }
)";

double error_of(const std::string& solver) {
  std::string text = kDecay;
  text.replace(text.find("SOLVER"), 6, solver);
  Trained t = train_script(text);
  const auto p = flow::sample(t.script->elaborated.samplings[0], t.model(), t.of("m"), test_machine(), t.script->sink);
  EXPECT_TRUE(p) << messages(*t.script);
  if (!p) return NAN;
  return std::fabs(p->points[2][1] - 2 * std::exp(-2.0));
}

/// x' = −x from 2 over two units of time: the error of a method of order p falls by 2^p when the step is halved.
TEST(Solvers, HaveTheirOrder) {
  const struct {
    const char* name;
    int order;
  } solvers[] = {{"euler", 1}, {"heun", 2}, {"rk4", 4}};
  for (const auto& s : solvers) {
    const double coarse = error_of(fmt::format("{}(steps = 8)", s.name)),
                 fine = error_of(fmt::format("{}(steps = 16)", s.name));
    EXPECT_NEAR(std::log2(coarse / fine), s.order, 0.25) << s.name;
  }
}

TEST(Solvers, TheAdaptiveOneKeepsItsTolerance) {
  EXPECT_LT(error_of("dopri5(tol = 1e-4)"), 1e-3);
  EXPECT_LT(error_of("dopri5(tol = 1e-9)"), 1e-8);
  EXPECT_GT(error_of("dopri5(tol = 1e-4)"), error_of("dopri5(tol = 1e-9)"));
}

/// A constant drift has an error of zero, one number for all particles. It is exact for any solver.
TEST(Solvers, TheAdaptiveOneKnowsAConstantDrift) {
  Trained t = train_script(R"(
path q(t) over 0..1 { z ~ normal(2); z }
potential s(x, t) { param a: R = 2; a·x[0] }
train m = am(s, q) { steps = 1; batch = 16; optimizer = sgd(lr = 1e-12); precision = f64 }
sample p from m { start = q(0); count = 300; times = [0, 1]; solver = dopri5() }
)");
  const auto p = flow::sample(t.script->elaborated.samplings[0], t.model(), t.of("m"), test_machine(), t.script->sink);
  ASSERT_TRUE(p) << messages(*t.script);
  for (size_t i = 0; i < 600; ++i) EXPECT_NEAR(p->points[1][i], p->points[0][i] + (i % 2 ? 0 : 2), 1e-9);
}

/// dX = σ dW from a point: the variance at time t is σ²t. 20,000 particles: its relative standard error is
/// √(2/20000) = 1 %, so 5 % is five of them.
TEST(Solvers, NoiseAddsItsVariance) {
  for (const char* solver : {"euler(steps = 10)", "heun(steps = 10)", "rk4(steps = 10)"}) {
    Trained t = train_script(fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal(2); 0·z }}
potential s(x, t) {{ param a: R = 0; a·sum(x) }}
train m = eam(s, q, sigma = 0.7) {{ steps = 1; batch = 16; optimizer = sgd(lr = 1e-12) }}
sample p from m {{ start = q(0); count = 20_000; times = [0, 1]; solver = {} }}
)",
                                         solver));
    const auto p =
        flow::sample(t.script->elaborated.samplings[0], t.model(), t.of("m"), test_machine(), t.script->sink);
    ASSERT_TRUE(p);
    double square = 0;
    for (double x : p->points[1]) square += x * x;
    EXPECT_NEAR(square / 40'000, 0.49, 0.05 * 0.49) << solver;
  }
}

/// Growth g = c constant multiplies the mass by e^(ct) and leaves the normalised weights equal; log w is integrated
/// exactly by any solver since it is linear in t.
TEST(Growth, MassIsIntegrated) {
  Trained t = train_script(R"(
path q(t) over 0..1 { z ~ normal(2); z }
potential s(x, t) { param a: R = 0.3; a + 0·sum(x) }
train m = uam(s, q) { steps = 1; batch = 16; optimizer = sgd(lr = 1e-12) }
sample p from m { start = q(0); count = 100; times = [0, 0.5, 1] }
)");
  const auto p = flow::sample(t.script->elaborated.samplings[0], t.model(), t.of("m"), test_machine(), t.script->sink);
  ASSERT_TRUE(p);
  EXPECT_NEAR(p->mass[1], std::exp(0.15), 1e-5);
  EXPECT_NEAR(p->mass[2], std::exp(0.3), 1e-5);
  double total = 0;
  for (double w : p->weights[2]) total += w;
  EXPECT_NEAR(total, 1, 1e-12);
}

const char* const kSmall = R"(
path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }
potential s(x, t) = mlp(width = 16, depth = 2)([x, t])
train m = am(s, q) { steps = 60; batch = 100; clip = 1; ema = 0.9; optimizer = adam(lr = 1e-2, warmup = 10, decay = cosine) }
)";

std::vector<std::byte> bits(const flow::Weights& w) {
  std::vector<std::byte> out;
  for (auto* group : {&w.parameters, &w.states, &w.averages})
    for (const flow::Buffer& b : *group) out.insert(out.end(), b.bytes().begin(), b.bytes().end());
  return out;
}

TEST(Training, IsTheSameBitsForAnyNumberOfThreads) {
  const auto one = bits(train_script(kSmall, {}, 1).of("m"));
  for (int threads : {2, 3, 8}) EXPECT_EQ(one, bits(train_script(kSmall, {}, threads).of("m"))) << threads;
}

TEST(Training, DependsOnItsSeed) {
  EXPECT_NE(bits(train_script(kSmall).of("m")),
            bits(train_script(kSmall, {.settings = {{"train.m.seed", "7"}}}).of("m")));
}

/// Stopped after 25 of 60 steps, saved, loaded and resumed: the same bits as in one go.
TEST(Training, ResumesToTheSameBits) {
  const auto whole = bits(train_script(kSmall).of("m"));
  auto script = compile("test.am", kSmall, {});
  const auto& m = script->elaborated.models[0];
  const Machine machine = test_machine();
  auto w = flow::initialise(m, machine, script->sink);
  flow::TrainOptions options{.report_every = 25,
                             .report = [](const flow::Progress& p, const flow::Weights&) { return p.step < 25; },
                             .stop = nullptr};
  ASSERT_EQ(flow::train(m, *w, machine, options, script->sink), flow::Ending::Stopped);
  ASSERT_EQ(w->step, 25);
  const std::string path = (std::filesystem::temp_directory_path() / "am_resume_test.npz").string();
  ASSERT_TRUE(flow::save(path, m, *w, script->sink));
  auto loaded = flow::load(path, m, script->sink);
  std::filesystem::remove(path);
  ASSERT_TRUE(loaded) << messages(*script);
  EXPECT_EQ(loaded->step, 25);
  ASSERT_EQ(flow::train(m, *loaded, machine, {}, script->sink), flow::Ending::Finished);
  EXPECT_EQ(whole, bits(*loaded));
}

/// A path at its snapshots' times gives the snapshots; `ot` pairs two shifted copies with themselves, so that along a
/// pair nothing but the shift changes.
TEST(Paths, OptimalPairsOfAShiftedCloudAreParallel) {
  const std::string file = (std::filesystem::temp_directory_path() / "am_ot_test.csv").string();
  FILE* out = std::fopen(file.c_str(), "w");
  std::fputs("t,x1,x2\n", out);
  for (int t = 0; t < 2; ++t)
    for (int i = 0; i < 50; ++i)
      std::fputs(fmt::format("{},{},{}\n", t, i % 7 + 0.1 * i + 5 * t, i % 5 - 0.05 * i).c_str(), out);
  std::fclose(out);
  auto script = compile("test.am",
                        fmt::format(R"(
data cells = csv("{}", time = "t")
path q = ot(cells)
potential s(x, t) = mlp(width = 4, depth = 1)([x, t])
velocity v(x, t) = mlp(width = 4, depth = 1, out = 2)([x, t])
dynamics spread_of_u(v, q) {{
  minimize ∫[t = q.start..q.end] E[x, u ~ q(t)] (|u − [5, 0]|² + 0·|v(x, t)|²)
  drift(x, t) = v(x, t)
}}
train m = spread_of_u(v, q) {{ steps = 1 }}
train n = am(s, q) {{ steps = 1 }}
)",
                                    file),
                        {});
  std::filesystem::remove(file);
  ASSERT_TRUE(script->usable()) << messages(*script);
  const auto& m = script->elaborated.models[0];
  const Machine machine = test_machine();
  auto w = flow::initialise(m, machine, script->sink);
  double objective = NAN;
  flow::train(m, *w, machine,
              {.report_every = 1,
               .report =
                   [&](const flow::Progress& p, const flow::Weights&) {
                     objective = p.objective;
                     return true;
                   },
               .stop = nullptr},
              script->sink);
  EXPECT_NEAR(objective, 0, 1e-9);
}

}  // namespace
}  // namespace am
