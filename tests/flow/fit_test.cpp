// The certificate `fit`. Models with known answers: parameters start where they are exact, or wrong in one known way,
// and one step at a rate of 1e-12 leaves them there; two others are trained.
#include <cmath>

#include "runtime/flow/weak_form.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

/// q_t = N([2t, 0], (1 + t/2)²·I), and the velocity [2, 0] + (x − [2t, 0])/(2 + t) that carries it.
const char* const kMoving = "path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }";
const char* const kExactPotential = "a·(2·x[0] + ½·|x − [2·t, 0]|²/(2 + t))";
/// A dynamics whose drift, noise and growth are what is written; its objective learns nothing.
constexpr const char* kStill = "dynamics still(s, q) {{ minimize ∫[t = 0..1] E[x ~ q(t)] s(x, t)²; {} }}";

Trained model(const std::string& declarations, const std::string& dynamics, const std::string& settings) {
  return train_script(fmt::format(R"({}
train m = {} {{ steps = 1; batch = 16; optimizer = sgd(lr = 1e-12) }}
evaluate m {{ against = q; {} }}
)",
                                  declarations, dynamics, settings));
}

/// The dynamics with these members, whatever the potential.
Trained still(const std::string& path, const std::string& members, const std::string& settings) {
  return model(fmt::format("{}\npotential s(x, t) {{ param a: R = 1; a·x[0] }}\n{}", path,
                           fmt::format(fmt::runtime(kStill), members)),
               "still(s, q)", settings);
}

/// p of `fit` between the two times of the script for each seed, which share no draw. Programs are compiled once.
std::vector<double> chances(Trained& t, bool carried, int seeds) {
  constexpr size_t n = 400;
  const auto& e = t.script->elaborated.evaluations.at(0);
  const Machine machine = test_machine(1);
  auto& sink = t.script->sink;
  const flow::FitSettings settings = flow::fit_settings(e.metrics.at(0), 1);
  flow::Drawer draw(e.against_draw, t.model().dimension, t.model().f64, n, machine, sink);
  flow::WeakForm weak_form(e, t.model(), t.of("m"), n, machine, sink);
  flow::Carrier carrier(e.stepper, t.model(), t.of("m"), n, machine, sink, e.span);
  const double a = e.times.at(0), b = e.times.at(1);
  std::vector<double> out;
  for (int s = 0; s < seeds; ++s) {
    const auto seed = static_cast<uint64_t>(4 * s);
    const std::vector<double> start = draw(a, n, seed), end = draw(b, n, seed + 1);
    if (!carried) {
      out.push_back(weak_form(a, b, start, end, settings, seed + 2).residual.p);
      continue;
    }
    carrier.place(start);
    EXPECT_TRUE(carrier.carry(a, b, seed + 3, sink));
    std::vector<double> weights = carrier.log_weights();
    for (double& w : weights) w = std::exp(w);
    const std::vector<double> x = carrier.points();
    const int d = t.model().dimension;
    out.push_back(flow::carried_fit({x, d, weights}, {end, d}, t.model(), settings, seed + 2).residual.p);
  }
  return out;
}

/// p is uniform up to 1/(B + 1) and the approximation of the law of sums, for which 0.03 are left: mean ½ with variance
/// 1/12, and the share of p ≤ 0.2 binomial.
void expect_uniform(const std::vector<double>& p) {
  const auto n = static_cast<double>(p.size());
  double mean = 0, small = 0;
  for (const double v : p) mean += v / n, small += (v <= 0.2) / n;
  EXPECT_NEAR(mean, 0.5, 4 * std::sqrt(1 / 12.0 / n) + 0.03);
  EXPECT_NEAR(small, 0.2, 4 * std::sqrt(0.16 / n) + 0.03);
}

const char* const kOnce = "times = [0, 1]; solver = rk4(steps = 10); metrics = fit(resamples = 99)";

TEST(Fit, PIsUniformForTheExactField) {
  Trained t = model(fmt::format("{}\npotential s(x, t) {{ param a: R = 1; {} }}", kMoving, kExactPotential), "am(s, q)",
                    kOnce);
  expect_uniform(chances(t, false, 200));
  expect_uniform(chances(t, true, 200));
}

/// From N(2, 1) by dX = −X dt + √2 dW, of Ornstein and Uhlenbeck: q_t = N(2e^(−t), 1).
const char* const kOu = "path q(t) over 0..1 { z ~ normal(1); 2·exp(−t) + z }";
TEST(Fit, PIsUniformWithNoise) {
  Trained t = still(kOu, "drift(x, t) = −x; noise(t) = sqrt(2)", kOnce);
  expect_uniform(chances(t, false, 200));
}

/// N(t, 1) by growth alone: ∂ₜ log q = x − t. The weights of carried particles vary by e^¼ − 1 at t = ½.
const char* const kGrown = "path q(t) over 0..1 { z ~ normal(1); t + z }";
TEST(Fit, PIsUniformWithGrowth) {
  Trained t = still(kGrown, "drift(x, t) = 0·x; growth(x, t) = x − t",
                    "times = [0, ½]; solver = rk4(steps = 10); metrics = fit(resamples = 99)");
  expect_uniform(chances(t, false, 200));
  expect_uniform(chances(t, true, 200));
}

/// All figures of `fit` of a script whose model is wrong.
void expect_refused(Trained t) {
  const auto r = evaluate_script(t);
  for (const flow::Comparison& c : r.comparisons)
    for (const flow::Figure& f : c.figures) {
      EXPECT_EQ(f.p.value(), 1e-3) << f.metric << " at " << c.time;
      EXPECT_GT(f.value, 2 * f.floor.value()) << f.metric << " at " << c.time;
    }
  EXPECT_FALSE(r.comparisons.empty());
}

const char* const kBoth =
    "times = [0, ½, 1]; count = 2000; mode = one_step; solver = rk4(steps = 20); metrics = [fit, fit(carried = true)]";

TEST(Fit, RefusesAWrongDrift) {
  // Half of the velocity.
  expect_refused(
      model(fmt::format("{}\npotential s(x, t) {{ param a: R = 0.5; {} }}", kMoving, kExactPotential), "am(s, q)", kBoth));
}
TEST(Fit, RefusesNoiseThatIsTooWeak) { expect_refused(still(kOu, "drift(x, t) = −x; noise(t) = 1", kBoth)); }
TEST(Fit, RefusesMissingNoise) { expect_refused(still(kOu, "drift(x, t) = −x", kBoth)); }
TEST(Fit, RefusesMissingGrowth) { expect_refused(still(kGrown, "drift(x, t) = 0·x", kBoth)); }

/// Growth that is the same everywhere moves no normalised law, but the path's mass stays 1: the test function 1 says so.
TEST(Fit, RefusesMassThatThePathDoesNotHave) {
  expect_refused(still("path q(t) over 0..1 { z ~ normal(1); z + 0·t }", "drift(x, t) = 0·x; growth(x, t) = 0.3",
                       "times = [0, ½, 1]; count = 2000; metrics = fit"));
}

/// A mixture whose weights change, with a potential drift that moves the components instead.
TEST(Fit, NamesTheWorstFunction) {
  Trained t = still("path q(t) over 0..1 { z ~ normal(3); z + [0, 3·t, 0] }", "drift(x, t) = 0·x", kBoth);
  for (const flow::Comparison& c : evaluate_script(t).comparisons)
    for (const flow::Figure& f : c.figures) EXPECT_EQ(f.worst, "x[1]") << f.metric;
}

/// The residual of half the velocity in the coordinate x[0], by hand: over 0..1 the mean moves by 2 and the field says
/// 1. τ² = (1 + 9/4) + Var of the field's first component, ½·(2 + (x − 2t)/(2 + t)) with x − 2t of deviation (1 + t/2),
/// which is 1/16. The value is at least that of x[0], up to five standard deviations n^(−½).
TEST(Fit, IsTheEffectInStandardDeviations) {
  Trained t = model(fmt::format("{}\npotential s(x, t) {{ param a: R = 0.5; {} }}", kMoving, kExactPotential),
                    "am(s, q)", "times = [0, 1]; count = 10_000; metrics = fit(waves = 0)");
  EXPECT_NEAR(evaluate_script(t).comparisons[0].figures[0].value, 1 / std::sqrt(1 + 2.25 + 1 / 16.0), 5e-2);
}

/// Two trainings that differ in the times of their path alone: one is of q, the other takes each sample for one of a
/// time too late. (At the ends they agree, so neither start nor end tells them apart.)
Trained trained(const std::string& path) {
  return train_script(fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal(2); [2·t, 0] + (1 + t/2)·z }}
path late(t) over 0..1 {{ x ~ q(t²); x }}
potential s(x, t) = ½·|x − mlp(width = 32, depth = 2, out = 2)([x, t])|²
train m = am(s, {}) {{ steps = 2_000; batch = 256; optimizer = adam(lr = 3e-3, decay = cosine); ema = 0.99; seed = 1 }}
evaluate m {{ against = q; {} }}
)",
                                  path, kBoth));
}

/// No network is exact: with 1000 samples a misfit below a twentieth of a standard deviation is not seen.
TEST(Fit, AcceptsAConvergedModel) {
  Trained t = trained("q");
  for (auto& e : t.script->elaborated.evaluations) e.count = 1000;
  for (const flow::Comparison& c : evaluate_script(t).comparisons)
    for (const flow::Figure& f : c.figures) {
      fmt::print("{} at {}: {:.4f}, floor {:.4f}, p = {:.3f}\n", f.metric, c.time, f.value, *f.floor, *f.p);
      EXPECT_GT(f.p.value(), 0.01) << f.metric << " at " << c.time;
      EXPECT_LT(f.value, 2 * f.floor.value()) << f.metric << " at " << c.time;
    }
}

TEST(Fit, RefusesAModelOfTheWrongTimes) { expect_refused(trained("late")); }

}  // namespace
}  // namespace am
