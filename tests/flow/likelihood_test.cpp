// The metric `nll` against closed forms. No model here learns: its parameters start where they are exact, and one step
// at a rate of 1e-12 leaves them there.
//
// Where `density` is known at every time, the floor of `nll` is the mean of that density's −log on the very same
// samples: their difference has no sampling error, and what is left of it is the solver's.
#include <cmath>
#include <numbers>

#include "runtime/flow/particles.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

constexpr double kLog2Pi = 1.8378770664093453;

Trained exact(const std::string& declarations, const std::string& dynamics, const std::string& settings) {
  return train_script(fmt::format(R"({}
train m = {} {{ steps = 1; batch = 16; optimizer = sgd(lr = 1e-12); precision = f64 }}
evaluate m {{ against = q; {} {} }}
)",
                                  declarations, dynamics,
                                  settings.find("metrics") == std::string::npos ? "metrics = nll;" : "", settings));
}

/// q_t = N([2t, 0], (1 + t/2)²·I) and the potential of the velocity [2, 0] + (x − [2t, 0])/(2 + t) that carries it.
const char* const kMoving = R"(
path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }
potential s(x, t) { param a: R = 1; a·(2·x[0] + ½·|x − [2·t, 0]|²/(2 + t)) })";
const char* const kMovingDensity = "density = fn(x, t) normal_log_density(x, [2·t, 0], 1 + t/2)";

/// The entropy of q_t is log 2π + 1 + 2·log sd. −log q_t is half of a χ² of two degrees of freedom and a constant:
/// variance 1, so that the mean over n has standard error n^(−½), and its estimate (kurtosis 9) a relative error of
/// √(2/n).
TEST(Likelihood, ExactModelHasTheEntropy) {
  constexpr size_t n = 4000;
  Trained t = exact(kMoving, "am(s, q)", fmt::format("solver = rk4(steps = 40); count = {}; {}", n, kMovingDensity));
  const auto r = evaluate_script(t);
  ASSERT_EQ(r.comparisons.size(), 4u);
  for (const flow::Comparison& c : r.comparisons) {
    const flow::Figure& nll = c.figures[0];
    const double entropy = kLog2Pi + 1 + 2 * std::log(1 + c.time / 2);
    EXPECT_NEAR(nll.value, entropy, 5 / std::sqrt(n)) << c.time;
    EXPECT_NEAR(nll.value, *nll.floor, 1e-7) << c.time;
    EXPECT_NEAR(*nll.standard_error * std::sqrt(n), 1, 5 * std::sqrt(2.0 / n)) << c.time;
    EXPECT_NEAR(*nll.bits_per_dimension, nll.value / (2 * std::numbers::ln2), 1e-12);
    EXPECT_EQ(nll.impossible, 0u);
  }
}

/// A scaled Gaussian of 64 dimensions, as many as small images have. Its entropy is known, and bits per dimension are
/// those of a coordinate rounded to `width`: ½log₂(2πe·sd²) − log₂ width, whatever the unit of x is. −log q is half a χ²
/// of 64 degrees of freedom and a constant, variance 32.
TEST(Likelihood, BitsPerDimensionAreOfRoundedCoordinates) {
  constexpr size_t n = 200;
  for (const double unit : {1.0, 0.01}) {
    Trained t = train_script(fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal(64); {0}·(1 + t/2)·z }}
potential s(x, t) {{ param a: R = 1; a·½·|x|²/(2 + t) }}
train m = am(s, q) {{ steps = 1; batch = 16; optimizer = sgd(lr = 1e-12); precision = f64 }}
evaluate m {{
  against = q; times = [0, 1]; count = {1}; metrics = [nll, bpd(width = {0}/4)]; solver = rk4(steps = 40)
  density = fn(x, t) normal_log_density(x, 0, {0}·(1 + t/2))
}}
)",
                                         unit, n));
    const auto r = evaluate_script(t);
    ASSERT_EQ(r.comparisons[0].figures.size(), 2u);
    const flow::Figure &nll = r.comparisons[0].figures[0], &bpd = r.comparisons[0].figures[1];
    const double bit = 64 * std::numbers::ln2, known = 0.5 * std::log2(2 * std::numbers::pi * std::numbers::e) + std::log2(1.5) + 2;
    EXPECT_NEAR(bpd.value, known, 5 * std::sqrt(32.0 / n) / bit);
    EXPECT_NEAR(bpd.value, *bpd.floor, 1e-7);
    EXPECT_NEAR(bpd.value, nll.value / bit - std::log2(unit / 4), 1e-12);
    EXPECT_NEAR(*bpd.standard_error, *nll.standard_error / bit, 1e-12);
    EXPECT_FALSE(bpd.bits_per_dimension);
  }
}

/// Grey levels 0..3 with noise of one level are uniform on an interval of four widths: two bits each, exactly.
TEST(Likelihood, EvenGreyLevelsHaveTheirNumberOfBits) {
  Trained t = exact(R"(
path q(t) over 0..1 { y ~ uniform(0, 4, 3); 0.3·(floor(y) + uniform01(3)) − 5 }
potential s(x, t) { param a: R = 0; a·sum(x) })",
                    "am(s, q)", "times = [0, 1]; metrics = bpd(width = 0.3); density = fn(x) −3·log(1.2)");
  EXPECT_NEAR(evaluate_script(t).comparisons[0].figures[0].value, 2, 1e-12);
}

/// In single precision: 40 steps of rounding at 6e-8 relative each, of sums of order ten.
TEST(Likelihood, SinglePrecisionIsNear) {
  Trained t = train_script(fmt::format(R"({}
train m = am(s, q) {{ steps = 1; batch = 16; optimizer = sgd(lr = 1e-12) }}
evaluate m {{ against = q; metrics = nll; solver = rk4(steps = 40); {} }}
)",
                                       kMoving, kMovingDensity));
  for (const flow::Comparison& c : evaluate_script(t).comparisons)
    EXPECT_NEAR(c.figures[0].value, *c.figures[0].floor, 1e-4);
}

/// N(0, I) throughout, while the model contracts: ẋ = −x makes q_t = N(0, e^(−2t)·I) of N(0, I). `known` is that
/// density, which the model should give to the samples.
double contraction_error(const std::string& solver) {
  Trained t =
      exact(R"(
path q(t) over 0..1 { z ~ normal(2); z }
potential s(x, t) { param a: R = 1; −½·a·|x|² })",
            "am(s, q)",
            fmt::format("times = [0, 1]; solver = {}; density = fn(x, t) normal_log_density(x, 0, exp(−t))", solver));
  const flow::Figure nll = evaluate_script(t).comparisons[0].figures[0];
  return std::fabs(nll.value - *nll.floor);
}

TEST(Likelihood, ConvergesInTheSolversOrder) {
  const struct {
    const char* name;
    int order, steps;
  } solvers[] = {{"euler", 1, 64}, {"heun", 2, 16}, {"rk4", 4, 8}};
  for (const auto& s : solvers) {
    const double coarse = contraction_error(fmt::format("{}(steps = {})", s.name, s.steps)),
                 fine = contraction_error(fmt::format("{}(steps = {})", s.name, 2 * s.steps));
    EXPECT_NEAR(std::log2(coarse / fine), s.order, 0.2) << s.name;
  }
}

TEST(Likelihood, TheAdaptiveSolverGoesBackToo) {
  EXPECT_LT(contraction_error("dopri5(tol = 1e-4)"), 1e-2);
  EXPECT_LT(contraction_error("dopri5(tol = 1e-9)"), 1e-7);
}

/// −log N(x; 0, e^(−2)·I) over samples of N(0, I): log 2π − 2 + e²·½|x|², whose mean is log 2π − 2 + e² and whose
/// variance is e⁴.
TEST(Likelihood, WrongModelHasTheCrossEntropy) {
  constexpr size_t n = 4000;
  Trained t = exact(
      R"(
path q(t) over 0..1 { z ~ normal(2); z }
potential s(x, t) { param a: R = 1; −½·a·|x|² })",
      "am(s, q)",
      fmt::format("times = [0, 1]; count = {}; solver = rk4(steps = 40); density = fn(x) normal_log_density(x)", n));
  const flow::Figure nll = evaluate_script(t).comparisons[0].figures[0];
  const double e2 = std::exp(2.0);
  EXPECT_NEAR(nll.value, kLog2Pi - 2 + e2, 5 * e2 / std::sqrt(n));
  EXPECT_FALSE(nll.floor);
}

struct Carried {
  double there_and_back = 0;  // the farthest that a particle comes back from where it started
  double mass = 0;            // ∫ exp(log q_0 + ℓ) dx
  double grown = 0;           // mean weight of particles from q_0
};

/// One dimension, q_0 = N(0, 1): particles forth and back, and the density that is found on a fine grid summed up. The
/// trapezoidal rule is exact to rounding for a smooth integrand that vanishes at the ends.
Carried carried(const std::string& potential, const std::string& dynamics) {
  Trained t = exact(fmt::format("path q(t) over 0..1 {{ z ~ normal(); z }}\n{}", potential), dynamics,
                    "times = [0, 1]; solver = rk4(steps = 100); density = fn(x) normal_log_density(x)");
  const auto& e = t.script->elaborated.evaluations.at(0);
  const Machine machine = test_machine();
  auto& sink = t.script->sink;
  constexpr size_t kGrid = 4001;
  constexpr double kEnd = 12, kWidth = 2 * kEnd / (kGrid - 1);
  std::vector<double> grid;
  for (size_t i = 0; i < kGrid; ++i) grid.push_back(-kEnd + kWidth * static_cast<double>(i));
  flow::Carrier forth(e.stepper, t.model(), t.of("m"), kGrid, machine, sink, e.span),
      back(e.likelihood->back, t.model(), t.of("m"), kGrid, machine, sink, e.span);
  flow::PointFunction start(e.likelihood->density, t.model(), t.of("m"), kGrid, machine, sink, e.span);
  Carried out;
  back.place(grid);
  EXPECT_TRUE(back.carry(1, 0, 0, sink));
  const std::vector<double> change = back.log_weights(), log_q0 = start(back.points(), 0);
  for (size_t i = 0; i < kGrid; ++i) out.mass += kWidth * std::exp(log_q0[i] + change[i]);
  forth.place(grid);
  EXPECT_TRUE(forth.carry(0, 1, 0, sink));
  const std::vector<double> weights = forth.log_weights(), here = start(grid, 0);
  for (size_t i = 0; i < kGrid; ++i) out.grown += kWidth * std::exp(here[i] + weights[i]);
  back.place(forth.points());
  EXPECT_TRUE(back.carry(1, 0, 0, sink));
  const std::vector<double> again = back.points();
  for (size_t i = 0; i < kGrid; ++i) out.there_and_back = std::max(out.there_and_back, std::fabs(again[i] - grid[i]));
  return out;
}

const char* const kBent = "potential s(x, t) { param a: R = 1; a·(⅓·sin(2·x + t) + ½·x·cos(t) + 0.1·x) }";

/// A flow without growth keeps the mass, whatever its potential; rk4 with a hundred steps errs by (1/100)⁴ times
/// derivatives of the drift of order ten. Slopes of the drift of at most 4/3 keep the density smooth on the grid's
/// scale.
TEST(Likelihood, DensityOfABentFlowHasMassOne) {
  const Carried c = carried(kBent, "am(s, q)");
  EXPECT_LT(c.there_and_back, 1e-7);
  EXPECT_NEAR(c.mass, 1, 1e-7);
  EXPECT_NEAR(c.grown, 1, 1e-9);
}

/// With growth, the mass is that of the weighted particles: two ways to one integral, a density's and its particles'.
TEST(Likelihood, DensityWithGrowthHasTheMassOfTheParticles) {
  const Carried c = carried(kBent, "uam(s, q)");
  EXPECT_LT(c.there_and_back, 1e-7);
  EXPECT_NEAR(c.mass, c.grown, 1e-7);
  EXPECT_GT(std::fabs(c.mass - 1), 0.05);
}

/// N(2t, 1) half carried and half grown (closed_forms_test.cpp): v = 1, g = x − 2t, mass 1. The mean weight of n
/// particles, exp(x₀t − t²/2) each, has the variance (exp(t²) − 1)/n, and is all that `nll` errs by. Without g it would
/// be off by t²/2.
TEST(Likelihood, GrowthMovesTheDensity) {
  constexpr size_t n = 4000;
  Trained t =
      exact(R"(
path q(t) over 0..1 { z ~ normal(); 2·t + z }
potential s(x, t) { param a: R = 1; a·(x − 2·t) })",
            "uam(s, q)",
            fmt::format("count = {}; solver = rk4(steps = 20); density = fn(x, t) normal_log_density(x, 2·t)", n));
  for (const flow::Comparison& c : evaluate_script(t).comparisons) {
    const flow::Figure& nll = c.figures[0];
    const double of_mass = (std::exp(c.time * c.time) - 1) / n;
    EXPECT_NEAR(nll.value, *nll.floor, 5 * std::sqrt(of_mass)) << c.time;
    // −log q_t has the variance ½. An estimate of variances from these samples is right to a quarter.
    EXPECT_NEAR(*nll.standard_error, std::sqrt(0.5 / n + of_mass), 0.25 * std::sqrt(0.5 / n + of_mass)) << c.time;
  }
}

/// Growth that is the same everywhere multiplies the mass and leaves the normalised density.
TEST(Likelihood, UniformGrowthLeavesTheNormalisedDensity) {
  Trained t = exact(R"(
path q(t) over 0..1 { z ~ normal(2); z }
potential s(x, t) { param a: R = 0.7; a + 0·sum(x) })",
                    "uam(s, q)", "density = fn(x, t) normal_log_density(x)");
  for (const flow::Comparison& c : evaluate_script(t).comparisons)
    EXPECT_NEAR(c.figures[0].value, *c.figures[0].floor, 1e-10);
}

/// x = (c + z)·e^(ct) with a condition c: ẋ = c·x, a density N(x·e^(−ct); c, 1)·e^(−ct) for each c.
TEST(Likelihood, ConditionsStayAndAreGivenToTheDensity) {
  Trained t =
      exact(R"(
path q(t) over 0..1 { c ~ normal(); z ~ normal(); (c + z)·exp(c·t) }
potential s(x, t, c) { param a: R = 1; ½·a·c·x² })",
            "am(s, q)", "solver = dopri5(tol = 1e-9); density = fn(x, t, c) normal_log_density(x·exp(−c·t), c) − c·t");
  for (const flow::Comparison& c : evaluate_script(t).comparisons) {
    EXPECT_NEAR(c.figures[0].value, *c.figures[0].floor, 1e-7);
    EXPECT_NEAR(*c.figures[0].bits_per_dimension, c.figures[0].value / std::numbers::ln2, 1e-12);
  }
}

/// Nothing moves, and the start is uniform on −1..1: what is outside of it has no density.
TEST(Likelihood, SamplesOutsideOfTheDensityMakeItInfinite) {
  constexpr size_t n = 1000;
  Trained t =
      exact(R"(
path q(t) over 0..1 { z ~ normal(); z }
potential s(x, t) { param a: R = 0; a·x })",
            "am(s, q)", fmt::format("times = [0, 1]; count = {}; density = fn(x) where(abs(x) < 1, log(½), −inf)", n));
  const auto r = evaluate_script(t);
  const flow::Figure& nll = r.comparisons[0].figures[0];
  size_t outside = 0;
  for (double x : r.references[0]) outside += std::fabs(x) >= 1;
  EXPECT_GT(outside, 0u);
  EXPECT_EQ(nll.impossible, outside);
  EXPECT_EQ(nll.value, INFINITY);
  EXPECT_FALSE(nll.standard_error);
}

}  // namespace
}  // namespace am
