// Score matching against scores that are known, and annealed Langevin dynamics against the laws of their chains.
#include <cmath>

#include "tests/flow/trained.h"

namespace am {
namespace {

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(const std::vector<double>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  for (double v : x) m.mean += v / n;
  for (double v : x) m.variance += (v - m.mean) * (v - m.mean) / (n - 1);
  return m;
}

/// Particles carried by annealed Langevin dynamics along a score that is given, so that nothing is learned:
/// ∇log q_t(x) = −(x − rate·t)/variance.
constexpr int kCount = 100'000, kSteps = 8, kMoves = 3;
constexpr double kVariance = 4, kEpsilon = 2;

std::vector<Moments> carried(double rate) {
  Trained t = train_script(fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal(); {0}·t + sqrt({1})·z }}
potential s(x, t) {{ param a: R = 1; a·x² }}
dynamics known(s, q) {{
  minimize E[x ~ q(0)] s(x, 0)²
  drift(x, t) = −(x − {0}·t)/{1}
}}
train m = known(s, q) {{ steps = 1; optimizer = sgd(lr = 0) }}
sample p from m {{
  start = normal(); count = {2}; times = 0..1 by 1/{3}
  solver = annealed_langevin(steps = {3}, moves = {4}, epsilon = {5})
}}
)",
                                       rate, kVariance, kCount, kSteps, kMoves, kEpsilon));
  const auto p = flow::sample(t.script->elaborated.samplings.at(0), t.model(), t.of("m"), test_machine(), t.script->sink);
  EXPECT_TRUE(p) << messages(*t.script);
  std::vector<Moments> out;
  for (const auto& points : p->points) out.push_back(moments(points));
  EXPECT_EQ(out.size(), kSteps + 1u);
  return out;
}

/// A move multiplies by a = 1 − ε/(2v) and adds √ε·z: an autoregression of order one, whose variance goes
/// V ← a²V + ε, to ε/(1 − a²) = v/(1 − ε/(4v)), here v/0.875. The estimate of V from n normal particles spreads by
/// V·√(2/n), that of the mean by √(V/n): bounds are five of these, 2.2 % of V, against 14 % between the chain's law and
/// the target's.
TEST(AnnealedLangevin, HasTheVarianceOfItsChain) {
  const double a = 1 - kEpsilon / (2 * kVariance);
  const std::vector<Moments> at = carried(0);
  double variance = 1;
  for (int k = 0; k <= kSteps; ++k) {
    EXPECT_NEAR(at[k].variance, variance, 5 * variance * std::sqrt(2.0 / kCount)) << "after " << k << " steps";
    EXPECT_NEAR(at[k].mean, 0, 5 * std::sqrt(variance / kCount)) << "after " << k << " steps";
    for (int i = 0; i < kMoves; ++i) variance = a * a * variance + kEpsilon;
  }
  EXPECT_NEAR(variance, kEpsilon / (1 - a * a), 1e-3);
  EXPECT_GT(variance - kVariance, 5 * variance * std::sqrt(2.0 / kCount));
}

/// The same for a density that moves: m ← c + aᵏ·(m − c) with k moves towards c, the mean at the end of the step. Behind a
/// steady motion by δ a step the mean lags by δ·aᵏ/(1 − aᵏ); taking the score of the start of the step instead would add δ.
TEST(AnnealedLangevin, LagsBehindAMovingDensity) {
  constexpr double kRate = 4, kShift = kRate / kSteps;
  const double a = std::pow(1 - kEpsilon / (2 * kVariance), kMoves);
  const std::vector<Moments> at = carried(kRate);
  double mean = 0;
  for (int k = 0; k <= kSteps; ++k) {
    const double bound = 5 * std::sqrt(at[k].variance / kCount);
    EXPECT_NEAR(at[k].mean, mean, bound) << "after " << k << " steps";
    EXPECT_LT(bound, 0.1 * kShift);
    mean = kRate * (k + 1) / kSteps + a * (mean - kRate * (k + 1) / kSteps);
  }
  // What is left of the start is a⁸ of the lag, a thousandth.
  EXPECT_NEAR(kRate - at[kSteps].mean, kShift * a / (1 - a), 5 * std::sqrt(at[kSteps].variance / kCount) + 0.001);
}

/// The objective is ½∫E|∇s − score|² dt − ½∫E|score|² dt, so its excess over −½∫E|score|² is the gap: figures of two
/// programs that share only the model. The least mistake, ½|∇s|² without its ½, gives half the score, a gap of a quarter;
/// without Δs, or with its sign turned, nothing like a score is found. The bound is a twelfth of that quarter.
void expect_score(const std::string& script) {
  Trained t = train_script(script);
  const auto r = evaluate_script(t);
  const double gap = *r.gap / *r.action;
  fmt::print("relative gap {:.3f} %, objective {:.4f}, least {:.4f}\n", 100 * gap, r.objective, -*r.action);
  EXPECT_LE(gap, 0.02);
  // Both are means of 2^18 draws, each with a spread of a few times the action.
  EXPECT_NEAR(r.objective, *r.gap - *r.action, 0.02 * *r.action);
}

const std::string kGaussian = R"(
path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }
fn score(x, t) = −(x − [2·t, 0])/(1 + t/2)²
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
velocity v(x, t) = mlp(width = 32, depth = 2, out = 2)([x, t])
)";

TEST(ScoreMatching, OfAMovingGaussian) {
  expect_score(kGaussian + R"(
train m = sm(s, q) { steps = 2_000; batch = 256; optimizer = adam(lr = 3e-3, decay = cosine); seed = 1 }
evaluate m { against = q; velocity = score; metrics = spread; count = 100; solver = annealed_langevin }
)");
}

TEST(ScoreMatching, OfAMovingGaussianByAField) {
  expect_score(kGaussian + R"(
train m = vsm(v, q) { steps = 2_000; batch = 256; optimizer = adam(lr = 3e-3, decay = cosine); seed = 1 }
evaluate m { against = q; velocity = score; metrics = spread; count = 100; solver = annealed_langevin }
)");
}

/// Two clusters of weights w = 0.3 + 0.4t and 1 − w that overlap. By Bayes' rule the share of the right-hand one at x is
/// p = σ(log(w/(1 − w)) + 2·(m·x)/sd²), and the score is (p·m − (1 − p)·m − x)/sd². Sliced: one probe estimates ∇·v.
TEST(ScoreMatching, OfAMixtureWithOneProbe) {
  expect_score(R"(
path q(t) over 0..1 {
  side ~ bernoulli(0.3 + 0.4·t)
  z ~ normal(2)
  [where(side, 1, −1), 0] + 0.8·z
}
fn score(x, t) {
  w = 0.3 + 0.4·t
  p = sigmoid(log(w/(1 − w)) + 2·x[0]/0.64)
  ([2·p − 1, 0] − x)/0.64
}
velocity v(x, t) = mlp(width = 32, depth = 2, out = 2)([x, t])
train m = vsm(v, q) { steps = 3_000; batch = 512; probes = 1; optimizer = adam(lr = 3e-3, decay = cosine); seed = 1 }
evaluate m { against = q; velocity = score; metrics = spread; count = 100; solver = annealed_langevin }
)");
}

}  // namespace
}  // namespace am
