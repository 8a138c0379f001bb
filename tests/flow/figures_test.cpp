// Figures of the model itself: action, mass, likelihood by probes, kernels by the median; closed forms, with parameters
// that start where they are known and stay there.
#include <cmath>
#include <numbers>

#include "runtime/flow/particles.h"
#include "runtime/metrics/metrics.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

Trained model(const std::string& declarations, const std::string& dynamics, const std::string& settings) {
  return train_script(fmt::format(R"({}
train m = {} {{ steps = 1; batch = 16; optimizer = sgd(lr = 1e-12); precision = f64 }}
evaluate m {{ against = q; count = 1000; {} }}
)",
                                  declarations, dynamics, settings));
}

flow::EvaluationResult result(const std::string& declarations, const std::string& dynamics,
                              const std::string& settings = "metrics = [spread, action]") {
  Trained t = model(declarations, dynamics, settings);
  return evaluate_script(t);
}

void expect_action(const flow::EvaluationResult& r, double action, double bound) {
  ASSERT_TRUE(r.learned_action && r.action_bound);
  EXPECT_NEAR(r.learned_action->value, action, 5 * r.learned_action->standard_error + 1e-9);
  EXPECT_NEAR(r.action_bound->value, bound, 5 * r.action_bound->standard_error + 1e-9);
  EXPECT_EQ(r.action_bound->value, -r.objective);
  EXPECT_EQ(r.comparisons[0].figures.size(), 1u);  // `action` is none at each time
}

/// The velocity [2, 0] + z/2 of 2t + (1 + t/2)z has the action K = ½(4 + 2/4). Of α times its potential L = −2αK + α²K,
/// and the learned action is α²K.
TEST(Action, OfTheExactPotentialAndOfHalfOfIt) {
  const std::string path = R"(
path q(t) over 0..1 {{ z ~ normal(2); [2·t, 0] + (1 + t/2)·z }}
potential s(x, t) {{ param a: R = {}; a·(2·x[0] + ½·|x − [2·t, 0]|²/(2 + t)) }})";
  const auto whole = result(fmt::format(fmt::runtime(path), 1), "am(s, q)");
  expect_action(whole, 2.25, 2.25);
  // The objective as it is trained, over other draws.
  const auto trained = result(fmt::format(fmt::runtime(path), 1), "am(s, q)", "metrics = spread");
  EXPECT_FALSE(trained.learned_action || trained.action_bound);
  EXPECT_NEAR(trained.objective, whole.objective, 5 * std::numbers::sqrt2 * whole.action_bound->standard_error);
  EXPECT_LT(whole.learned_action->standard_error, 0.01);
  expect_action(result(fmt::format(fmt::runtime(path), 0.5), "am(s, q)"), 2.25 / 4, 2.25 * 0.75);
}

/// A potential of 0.4 everywhere moves nothing and grows at the rate 0.4/(2λ), at the price λ·g² = 0.4²/(4λ).
TEST(Action, CountsGrowth) {
  expect_action(result("path q(t) over 0..1 { z ~ normal(1); z + 0·t }\npotential s(x, t) { param a: R = 0.4; a + 0·x[0] }",
                       "uam(s, q)"),
                0.08, -0.08);
}

/// N(0, 1) stays as it is under noise σ = 1 if the drift is −x/2, the gradient of −x²/4: action ½·¼.
TEST(Action, OfADriftAgainstNoise) {
  expect_action(result("path q(t) over 0..1 { z ~ normal(1); z + 0·t }\npotential s(x, t) { param a: R = 1; −a/4·x[0]² }",
                       "eam(s, q, sigma = 1)"),
                0.125, 0.125);
}

/// The speed 2 costs 2⁴/4; its potential has the slope 2³.
TEST(Action, IsTheCostOfAPower) {
  expect_action(result("path q(t) over 0..1 { z ~ normal(1); 2·t + z }\npotential s(x, t) { param a: R = 8; a·x[0] }",
                       "pam(s, q, cost = 4)"),
                4, 4);
}

TEST(Action, OfAVelocityHasNoBound) {
  const auto r = result("path q(t) over 0..1 { z ~ normal(2); 2·t + z }\nvelocity v(x, t) { param a: R = 2; a + 0·x }",
                        "fm(v, q)");
  ASSERT_TRUE(r.learned_action);
  EXPECT_NEAR(r.learned_action->value, 4, 1e-12);
  EXPECT_FALSE(r.action_bound);
}

constexpr const char* kStill = R"(
path q(t) over 0..1 {{ z ~ normal(1); z + 0·t }}
potential s(x, t) {{ param a: R = 1; a·x[0] }}
dynamics still(s, q) {{ minimize ∫[t = 0..1] E[x ~ q(t)] s(x, t)²; drift(x, t) = 0·x; growth(x, t) = {} }})";

TEST(Mass, GrowsAsTheRateSays) {
  const auto r = result(fmt::format(fmt::runtime(kStill), "0.3"), "still(s, q)", "metrics = mass; solver = rk4(steps = 10)");
  for (const flow::Comparison& c : r.comparisons) {
    EXPECT_NEAR(c.figures[0].value, std::exp(0.3 * c.time), 1e-6);
    EXPECT_NEAR(*c.figures[0].standard_error, 0, 1e-9);
    EXPECT_EQ(*c.figures[0].real_mass, 1);
    EXPECT_FALSE(c.figures[0].floor);
  }
}

/// The weights exp(x·t) of N(0, 1) have the mean exp(t²/2) and the variance e^(2t²) − e^(t²).
TEST(Mass, IsAMeanWithItsError) {
  constexpr double n = 1000;
  const auto r = result(fmt::format(fmt::runtime(kStill), "x[0]"), "still(s, q)", "metrics = mass; times = [0, ½]");
  const flow::Figure& f = r.comparisons[0].figures[0];
  const double error = std::sqrt((std::exp(0.5) - std::exp(0.25)) / n);
  EXPECT_NEAR(f.value, std::exp(0.125), 5 * error);
  EXPECT_NEAR(*f.standard_error, error, 0.3 * error);
}

TEST(Mass, OfOneStepIsThatOfTheStep) {
  const auto r = result(fmt::format(fmt::runtime(kStill), "0.3"), "still(s, q)",
                        "metrics = mass; mode = one_step; times = [0, ½, 1]; solver = rk4(steps = 10)");
  EXPECT_NEAR(r.comparisons[1].figures[0].value, std::exp(0.15), 1e-6);
}

/// ẋ = (y, x) has no divergence, and a probe z gives 2·z₀z₁: with P of them and n samples the sum over steps of width h
/// has the error √(4h/(Pn)). The floor is exact (a shear and squeeze of N(0, I) by the matrix exponential, cosh and sinh).
TEST(Likelihood, ProbesEstimateTheDivergence) {
  constexpr int kSteps = 40, kProbes = 8;
  const auto run = [&](const std::string& metric) {
    return result("path q(t) over 0..1 { z ~ normal(2); z + 0·t }\npotential s(x, t) { param a: R = 1; a·x[0]·x[1] }",
                  "am(s, q)",
                  fmt::format("times = [0, 1]; metrics = {}; solver = rk4(steps = {}); density = fn(x) normal_log_density(x)",
                              metric, kSteps))
        .comparisons[0]
        .figures[0]
        .value;
  };
  const double exact = run("nll"), probed = run(fmt::format("nll(probes = {})", kProbes));
  EXPECT_NEAR(probed, exact, 5 * std::sqrt(4.0 / kSteps / kProbes / 1000));
  EXPECT_GT(std::abs(probed - exact), 1e-6);
}

/// Forwards along the flow and back again, log-densities change by the same with the opposite sign: what is left is the
/// solver's error, of order h⁴.
TEST(Likelihood, ForwardsAndBackwardsCancel) {
  Trained t = model("path q(t) over 0..1 { z ~ normal(2); z + 0·t }\npotential s(x, t) { param a: R = 1; a·sin(x[0] + t)·x[1] }",
                    "am(s, q)",
                    "metrics = nll; solver = rk4(steps = 50); density = fn(x) normal_log_density(x)");
  const auto& e = t.script->elaborated.evaluations.at(0);
  auto& sink = t.script->sink;
  flow::Carrier carrier(e.likelihood->back, t.model(), t.of("m"), 100, test_machine(), sink, e.span);
  std::vector<double> points;
  for (int i = 0; i < 200; ++i) points.push_back(std::sin(1.7 * i));
  carrier.place(points);
  ASSERT_TRUE(carrier.carry(0, 1, 0, sink));
  const std::vector<double> there = carrier.log_weights();
  carrier.place(carrier.points());
  ASSERT_TRUE(carrier.carry(1, 0, 0, sink));
  const std::vector<double> back = carrier.log_weights(), again = carrier.points();
  double largest = 0;
  for (size_t i = 0; i < there.size(); ++i) {
    EXPECT_NEAR(there[i] + back[i], 0, 1e-6);
    largest = std::max(largest, std::abs(there[i]));
  }
  EXPECT_GT(largest, 0.1);
  for (size_t i = 0; i < points.size(); ++i) EXPECT_NEAR(again[i], points[i], 1e-6);
}

/// `gamma = median` is γ = 1/(2h²) of the real samples, whatever else the script calls by that name.
TEST(Kernels, MedianOfTheRealSamples) {
  const std::string declarations =
      "const median = 3\npath q(t) over 0..1 { z ~ normal(2); z + t }\npotential s(x, t) { param a: R = median; a·x[0] }";
  const auto r = result(declarations, "am(s, q)", "times = [0, 1]; metrics = [mmd(gamma = median), mmd(gamma = median, biased = true)]");
  const double gamma = metrics::median_gamma({r.references[0], 2});
  const auto fixed = result(declarations, "am(s, q)", fmt::format("times = [0, 1]; metrics = mmd({:.17g})", gamma));
  EXPECT_NEAR(r.comparisons[0].figures[0].value, fixed.comparisons[0].figures[0].value, 1e-9);
  EXPECT_GT(r.comparisons[0].figures[1].value, r.comparisons[0].figures[0].value);
  EXPECT_EQ(r.comparisons[0].figures[1].metric, "mmd(gamma = median, biased = true)");
}

}  // namespace
}  // namespace am
