// Trained models against closed forms. Each test says where its exact answer comes from.
//
// A gap is ½∫E|learned − exact|² dt relative to ½∫E|exact|² dt, over 2^18 draws, whose own error is below 1 %.
#include <algorithm>
#include <cmath>

#include "tests/flow/trained.h"

namespace am {
namespace {

double relative_gap(const flow::EvaluationResult& r) { return *r.gap / *r.action; }

/// Prints the gap too: docs/results.md quotes it.
void expect_gap(double gap, double bound) {
  fmt::print("relative gap {:.3f} %, at most {:g} %\n", 100 * gap, 100 * bound);
  EXPECT_LE(gap, bound);
}

/// Mean over times in the middle of `slots` equal parts of the path's range and `count` draws at each of them of
/// |learned − exact|², over that of |exact|², for one of the model's functions.
template <class Exact>
double function_gap(const Trained& t, const std::string& name, Exact exact, int slots = 20, size_t count = 2000) {
  const elaborate::Model& m = t.model();
  const Machine machine = test_machine();
  double difference = 0, size = 0;
  for (int k = 0; k < slots; ++k) {
    const double time = m.from + (m.to - m.from) * (k + 0.5) / slots;
    const auto x = flow::draw(m.draw, m.dimension, time, count, 99 + k, m.f64, machine, t.script->sink);
    const std::vector<double> times(count, time);
    const auto f = flow::functions_at(m, t.of(m.name), *x, times, machine, t.script->sink);
    const size_t at = std::find(f->names.begin(), f->names.end(), name) - f->names.begin();
    const int n = f->sizes[at];
    for (size_t i = 0; i < count; ++i) {
      const std::vector<double> e = exact(std::span(*x).subspan(i * m.dimension, m.dimension), time);
      for (int j = 0; j < n; ++j) difference += std::pow(f->values[at][i * n + j] - e[j], 2), size += e[j] * e[j];
    }
  }
  return difference / size;
}

/// q_t = N(m(t), sd(t)²·I) with m = (2t, 0), sd = 1 + t/2. The gradient field that carries it is
/// v = m′ + (sd′/sd)(x − m): ∂ₜq + ∇·(qv) = 0 for x = m + sd·z moves with ẋ = m′ + sd′·z. At the optimum the objective
/// is minus the action, −½∫E|v|² = −½∫(|m′|² + d·sd′²) dt = −½(4 + 2·¼) = −2.25.
class Gaussian : public testing::TestWithParam<int> {};

TEST_P(Gaussian, ActionMatchingFindsTheGradientField) {
  Trained t = train_script(source_text("examples/gaussian.am"),
                           {.settings = {{"train.flow.seed", std::to_string(GetParam())}}});
  const auto r = evaluate_script(t);
  expect_gap(relative_gap(r), 0.01);
  fmt::print("objective {:.5f}, exact -2.25\n", r.objective);
  EXPECT_NEAR(r.objective, -2.25, 0.02 * 2.25);
  EXPECT_NEAR(*r.action, 2.25, 0.02 * 2.25);
}

INSTANTIATE_TEST_SUITE_P(FiveSeeds, Gaussian, testing::Range(1, 6));

/// Trained with the products that the setting `products` names: the same bounds hold for all of them.
class WithProducts : public testing::TestWithParam<const char*> {
 protected:
  Trained train(const std::string& text) {
    Trained t = train_script(text, {.settings = {{"train.flow.products", GetParam()}}});
    fmt::print("{}: {} products on tiles of bf16\n", GetParam(), plan_of(t.model(), test_machine().target).split_products);
    return t;
  }
};

INSTANTIATE_TEST_SUITE_P(EveryKind, WithProducts, testing::Values("plain", "auto"), [](const auto& kind) {
  return std::string(kind.param);
});

/// The same q_t once more, for layers so wide that every contraction of the step is on tiles where it can be.
TEST_P(WithProducts, WideLayersFindTheGradientField) {
  Trained t = train(R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + (1 + t/2)·z
}
potential s(x, t) = mlp(width = 96, depth = 3)([x, t])
fn exact(x, t) = [2, 0] + (x − [2·t, 0])/(2 + t)
train flow = am(s, q) { steps = 3_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = exact; metrics = [spread]; count = 500 }
)");
  const auto r = evaluate_script(t);
  expect_gap(relative_gap(r), 0.01);
  EXPECT_NEAR(r.objective, -2.25, 0.02 * 2.25);
}

/// The same q_t. With noise σ the density obeys ∂ₜq = −∇·(qb) + ½σ²Δq, and Δq = ∇·(q∇log q), so b − ½σ²∇log q is the
/// velocity v above: b = v + ½σ²∇log q with ∇log q = −(x − m)/sd². The score's part is only 0.5 % of the action, which
/// is what a missing or a doubled Δs costs, so the bound is a tenth of that.
TEST_P(WithProducts, EntropicDriftIsVelocityPlusScore) {
  Trained t = train(R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + (1 + t/2)·z
}
potential s(x, t) = mlp(width = 64, depth = 3)([x, t])
fn exact(x, t) = [2, 0] + (x − [2·t, 0])/(2 + t) − ½·0.5²·(x − [2·t, 0])/(1 + t/2)²
train flow = eam(s, q, sigma = 0.5) { steps = 4_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = exact; metrics = [spread]; count = 500 }
)");
  expect_gap(relative_gap(evaluate_script(t)), 0.0005);
}

/// The Ornstein–Uhlenbeck process dX = −A X dt + σ dW with A = Q·diag(a)·Qᵀ, a full matrix, from a Gaussian with a mean
/// and a full covariance that does not commute with A. Its drift is a gradient, −∇(½ xᵀA x), so entropic Action
/// Matching with the same σ must find −A x. X_t = e^(−At) X₀ + Q·diag(√(σ²(1 − e^(−2at))/(2a)))·z: the second part is
/// the Itô integral's exact law.
TEST_P(WithProducts, OrnsteinUhlenbeckInThreeDimensions) {
  Trained t = train(R"(
fn rotate(v) = [2·v[0] + 2·v[1] − v[2], −v[0] + 2·v[1] + 2·v[2], 2·v[0] − v[1] + 2·v[2]]/3
fn back(v)   = [2·v[0] − v[1] + 2·v[2], 2·v[0] + 2·v[1] − v[2], −v[0] + 2·v[1] + 2·v[2]]/3
fn rates() = [0.5, 1, 2]
path q(t) over 0..1 {
  z ~ normal(3)
  n ~ normal(3)
  start = [1.5 + z[0], −1 + 0.8·z[0] + 0.6·z[1], 0.5·z[1] + 0.7·z[2]]
  scale = sqrt(0.36·(1 − exp(−2·t·rates()))/(2·rates()))
  back(exp(−t·rates())*rotate(start) + scale*n)
}
potential s(x, t) = mlp(width = 64, depth = 3)([x, t])
fn exact(x, t) = −back(rates()*rotate(x))
train flow = eam(s, q, sigma = 0.6) { steps = 4_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = exact; metrics = [spread]; count = 500 }
)");
  expect_gap(relative_gap(evaluate_script(t)), 0.02);
}

/// Two clusters too far apart for anything to travel, of weights w = 0.2 + 0.6t and 1 − w. Nothing need move: v = 0 and
/// g = ∂ₜ log q solve ∂ₜq = −∇·(qv) + gq, which is g = w′/w on the right and −w′/(1 − w) on the left; s = 2λg is
/// constant on each cluster, so ∇s = 0 there as well. Growth is normalised: E g = w·w′/w − (1 − w)·w′/(1 − w) = 0.
TEST(ClosedForm, UnbalancedPureGrowth) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  side ~ bernoulli(0.2 + 0.6·t)
  z ~ normal(2)
  [where(side, 3, −3), 0] + 0.5·z
}
potential s(x, t) = mlp(width = 64, depth = 3)([x, t])
train flow = uam(s, q) { steps = 5_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
)");
  const auto exact = [](std::span<const double> x, double time) {
    const double w = 0.2 + 0.6 * time;
    return std::vector<double>{x[0] > 0 ? 0.6 / w : -0.6 / (1 - w)};
  };
  expect_gap(function_gap(t, "growth", exact), 0.02);
}

/// A Gaussian N(2t, 1) in one dimension moves partly by transport and partly by growth. With s = a·(x − 2t),
/// v = a and g = a(x − 2t)/(2λ): ∂ₜq = 2(x − 2t)q, −∂ₓ(qv) = a(x − 2t)q, gq = a(x − 2t)/(2λ)·q, so
/// a = 2/(1 + 1/(2λ)). At λ = ½ half of the way is travelled: a = 1.
TEST(ClosedForm, UnbalancedTranslationIsHalfGrowth) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal()
  2·t + z
}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train flow = uam(s, q) { steps = 4_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
)");
  expect_gap(function_gap(t, "drift", [](std::span<const double>, double) { return std::vector<double>{1.0}; }), 0.02);
  expect_gap(function_gap(t, "growth",
                          [](std::span<const double> x, double time) { return std::vector<double>{x[0] - 2 * time}; }),
             0.02);
}

/// As above with noise σ = 0.5: the drift that is needed loses the score, b = a + ½σ²∇log q, and since s makes both
/// drift and growth, s = a(x − 2t) − c(x − 2t)²/2 + const with c for the score part. Matching powers of y = x − 2t in
/// 2y = (b·y − b′) + ½σ²(y² − 1) + s/(2λ), b = a − c·y, λ = ½, s = a·y − ½c·y² + k:
///   y:  2 = a + a,  y²: 0 = −c + ½σ² − ½c,  1: 0 = c − ½σ² + k, so a = 1, c = σ²/3, k = σ²/6. The noise's part, c² =
///   0.7 % of the drift's size, is
/// what a wrong Δs costs, so the bounds are 0.1 %.
TEST(ClosedForm, UnbalancedEntropicTranslation) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal()
  2·t + z
}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train flow = ueam(s, q, sigma = 0.5) { steps = 4_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
)");
  constexpr double c = 0.25 / 3, k = 0.25 / 6;
  expect_gap(function_gap(
                 t, "drift",
                 [](std::span<const double> x, double time) { return std::vector<double>{1 - c * (x[0] - 2 * time)}; }),
             0.001);
  expect_gap(function_gap(t, "growth",
                          [](std::span<const double> x, double time) {
                            const double y = x[0] - 2 * time;
                            return std::vector<double>{y - c * y * y / 2 + k};
                          }),
             0.001);
}

/// The drawn path of gaussian.am moves with u = m′ + sd′·z = m′ + (sd′/sd)(x − m), a function of x alone: flow matching
/// must regress to it exactly, and it is the gradient field.
TEST(ClosedForm, FlowMatchingRegressesTheVelocity) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + (1 + t/2)·z
}
velocity v(x, t) = mlp(width = 64, depth = 2, out = 2)([x, t])
fn exact(x, t) = [2, 0] + (x − [2·t, 0])/(2 + t)
train flow = fm(v, q) { steps = 2_000; batch = 256; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = exact; metrics = [spread]; count = 500 }
)");
  expect_gap(relative_gap(evaluate_script(t)), 0.01);
}

/// A Gaussian that moves by (2, −1) per unit of time. For every convex cost, c(∫v) ≤ ∫c(v), so that no velocity costs less
/// than the constant v = (2, −1), the drift. The least objective is minus its action: −|v|⁴/4 = −6.25 for p = 4. |v|²·v,
/// the gradient that makes it, is five times v, so that a drift without its power would be far off.
TEST(ClosedForm, PowerCostTranslatesAtConstantSpeed) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, −t] + z
}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train flow = pam(s, q, cost = 4) { steps = 4_000; batch = 512; optimizer = adam(lr = 4e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = fn(x, t) [2, −1] + 0·x; metrics = [spread]; count = 500 }
)");
  const auto r = evaluate_script(t);
  expect_gap(relative_gap(r), 0.003);
  fmt::print("objective {:.5f}, exact -6.25\n", r.objective);
  EXPECT_NEAR(r.objective, -6.25, 0.02 * 6.25);
}

/// In one dimension only one velocity carries N(2t, (1 + t/2)²), whatever it costs: v = 2 + (x − 2t)/(2 + t) = 2 + z/2 with
/// x = 2t + (1 + t/2)·z. The least objective is −E|v|⁴/4 = −(2⁴ + 6·2²·¼ + 3/16)/4 = −5.546875.
TEST(ClosedForm, PowerCostInOneDimensionCarriesTheSame) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal()
  2·t + (1 + t/2)·z
}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train flow = pam(s, q, cost = 4) { steps = 4_000; batch = 512; optimizer = adam(lr = 4e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = fn(x, t) 2 + (x − 2·t)/(2 + t); metrics = [spread]; count = 500 }
)");
  const auto r = evaluate_script(t);
  expect_gap(relative_gap(r), 0.003);
  fmt::print("objective {:.5f}, exact -5.54688\n", r.objective);
  EXPECT_NEAR(r.objective, -5.546875, 0.03 * 5.546875);
}

/// The relativistic cost 1 − √(1 − |v|²) of the translation by (0.48, −0.36), whose speed is 0.6: its action is 0.2.
TEST(ClosedForm, RelativisticCostTranslatesAtConstantSpeed) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [0.48·t, −0.36·t] + z
}
fn conjugate(u) = sqrt(1 + |u|²) − 1
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train flow = cam(s, q, conjugate) { steps = 4_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = fn(x, t) [0.48, −0.36] + 0·x; metrics = [spread]; count = 500 }
)");
  const auto r = evaluate_script(t);
  expect_gap(relative_gap(r), 0.003);
  fmt::print("objective {:.5f}, exact -0.2\n", r.objective);
  EXPECT_NEAR(r.objective, -0.2, 0.02 * 0.2);
}

/// gaussian.am again, with four times the weight at the end: the velocity stays, and the least objective is
/// −½∫w·(4 + 2·¼) dt = −2.25·∫(1 + 3t) dt = −5.625.
TEST(ClosedForm, WeightOfTimeLeavesTheVelocity) {
  Trained t = train_script(R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + (1 + t/2)·z
}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train flow = am(s, q, weight = fn(t) 1 + 3·t) { steps = 4_000; batch = 512; optimizer = adam(lr = 2e-3, decay = cosine); seed = 1 }
evaluate flow { against = q; velocity = fn(x, t) [2, 0] + (x − [2·t, 0])/(2 + t); metrics = [spread]; count = 500 }
)");
  const auto r = evaluate_script(t);
  expect_gap(relative_gap(r), 0.003);
  fmt::print("objective {:.5f}, exact -5.625\n", r.objective);
  EXPECT_NEAR(r.objective, -5.625, 0.02 * 5.625);
}

/// growth.am: mass appears where the unbalanced model says it does, and the balanced one has to travel.
TEST(Growth, TheUnbalancedModelGrowsWhereTheOtherTravels) {
  Trained t =
      train_script(source_text("examples/growth.am"),
                   {.settings = {{"evaluate.unbalanced.repeats", "5"}, {"evaluate.unbalanced.times", "[0, 1]"}}});
  const auto r = evaluate_script(t, 1);
  const flow::Figure& w2 = r.comparisons.back().figures[0];
  EXPECT_EQ(w2.metric, "w2");
  fmt::print("weighted W2 {:.4f}, floor {:.4f}\n", w2.value, *w2.floor);
  EXPECT_LE(w2.value, 1.5 * *w2.floor);

  const Machine machine = test_machine();
  const auto& unbalanced = *t.script->elaborated.model("unbalanced");
  const auto x = flow::draw(unbalanced.draw, 2, 0.5, 2000, 5, false, machine, t.script->sink);
  const auto f =
      flow::functions_at(unbalanced, t.of("unbalanced"), *x, std::vector<double>(2000, 0.5), machine, t.script->sink);
  const size_t growth = std::find(f->names.begin(), f->names.end(), "growth") - f->names.begin();
  double right = 0, left = 0;
  for (size_t i = 0; i < 2000; ++i) ((*x)[2 * i] > 0 ? right : left) += f->values[growth][i];
  EXPECT_GT(right, 0);
  EXPECT_LT(left, 0);

  // Carried for a short while, the balanced model's particles are already far from the clusters' own width.
  const auto& sampling = t.script->elaborated.samplings[0];
  const auto p =
      flow::sample(sampling, *t.script->elaborated.model("balanced"), t.of("balanced"), machine, t.script->sink);
  ASSERT_TRUE(p) << messages(*t.script);
  double travelled = 0;
  const size_t count = p->points[0].size() / 2;
  for (size_t i = 0; i < count; ++i)
    travelled +=
        std::hypot(p->points[1][2 * i] - p->points[0][2 * i], p->points[1][2 * i + 1] - p->points[0][2 * i + 1]);
  EXPECT_GT(travelled / static_cast<double>(count), 1);
}

}  // namespace
}  // namespace am
