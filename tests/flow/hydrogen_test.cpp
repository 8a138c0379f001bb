// The data of examples/hydrogen.am against the physics: closed forms at t = 0, and fresh samples of |ψ|² at the end.
#include <cmath>

#include "runtime/metrics/metrics.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

constexpr double kBohr = 4 * M_PI;

/// The script with more data sets, each the reference of an evaluation: their rows can be had without training.
std::unique_ptr<Script> hydrogen(const std::string& more, const std::vector<std::string>& references) {
  std::string text = source_text("examples/hydrogen.am") + more;
  text += "\nvelocity still(x, t) = linear(3)(x)\ntrain m = fm(still, q) { steps = 1 }\n";
  for (const std::string& name : references) text += fmt::format("evaluate m {{ against = {} }}\n", name);
  auto script = compile("hydrogen.am", text, {});
  EXPECT_TRUE(script->usable()) << messages(*script);
  return script;
}

/// Rows of the `k`-th snapshot of what the `e`-th of those evaluations compares with.
std::vector<double> rows(const Script& script, size_t e, size_t k) {
  const auto& evaluation = script.elaborated.evaluations.at(e + 1);  // the first is the script's own
  const auto& s = *evaluation.against->samples;
  const auto& all = evaluation.against->rows->get();
  return {all.begin() + static_cast<ptrdiff_t>(s.offsets[k] * s.dimension),
          all.begin() + static_cast<ptrdiff_t>(s.offsets[k + 1] * s.dimension)};
}

/// ψ = (ψ₃₂₋₁ + ψ₂₁₀)/√2. The two differ in their angular momentum about z, so cross terms of functions of z and r vanish
/// and means are those of the two states, averaged. ⟨r⟩ = a/2·(3n² − l(l + 1)), ⟨r²⟩ = a²n²/2·(5n² + 1 − 3l(l + 1)) and
/// ⟨cos²θ⟩ = (2l² + 2l − 1 − 2m²)/((2l − 1)(2l + 3)) (Griffiths, Introduction to Quantum Mechanics, chapter 4; Bethe,
/// Salpeter, 1957, section 3): ⟨r⟩ = (10.5 + 5)/2·a, ⟨z²⟩ = (126·3/7 + 30·3/5)/2·a² = 36 a².
TEST(Hydrogen, MetropolisSamplesHaveTheMomentsOfTheState) {
  const auto script = hydrogen(R"(
data many = trajectories(start = metropolis(density, from = 50·normal(3), step = 20, burn_in = 2_000), velocity = fn(x, t) 0·x,
                         steps = 1, count = 60_000)
)",
                               {"many"});
  const std::vector<double> x = rows(*script, 0, 0);
  const size_t n = x.size() / 3;
  ASSERT_EQ(n, 60'000u);
  double z2 = 0, z4 = 0, r = 0, r2 = 0;
  for (size_t i = 0; i < n; ++i) {
    const double square = x[3 * i] * x[3 * i] + x[3 * i + 1] * x[3 * i + 1] + x[3 * i + 2] * x[3 * i + 2];
    const double zz = x[3 * i + 2] * x[3 * i + 2];
    z2 += zz / n, z4 += zz * zz / n, r += std::sqrt(square) / n, r2 += square / n;
  }
  const double z2_error = std::sqrt((z4 - z2 * z2) / n), r_error = std::sqrt((r2 - r * r) / n);
  fmt::print("<z²> {:.1f}, exact {:.1f} ({:+.2f} %, standard error {:.2f} %); <r> {:.2f}, exact {:.2f} ({:+.2f} %, {:.2f} %)\n",
             z2, 36 * kBohr * kBohr, 100 * (z2 / (36 * kBohr * kBohr) - 1), 100 * z2_error / z2, r, 7.75 * kBohr,
             100 * (r / (7.75 * kBohr) - 1), 100 * r_error / r);
  EXPECT_NEAR(z2, 36 * kBohr * kBohr, 0.02 * 36 * kBohr * kBohr);
  EXPECT_NEAR(r, 7.75 * kBohr, 0.02 * 7.75 * kBohr);
  // The chains are independent, so the bounds above are more than two standard errors, or they would say nothing.
  EXPECT_LT(z2_error / z2, 0.01);
  EXPECT_LT(r_error / r, 0.01);
}

/// Samples carried along the current to time t are samples of |ψ(T·t)|²: their squared MMD to fresh ones is that of two
/// fresh sets. Under equality the unbiased estimate has mean 0, and its spread is taken from six pairs of fresh sets. At
/// t = 1 the phase between the states has turned by (E₂ − E₃)·T = 6.16, almost a whole turn, so the density there is nearly
/// the first one again; half-way it is far from it, which shows that the comparison could fail.
TEST(Hydrogen, TheCurrentCarriesTheDensity) {
  const auto script = hydrogen(R"(
fn half(x)  { p = psi(x, T/2); p[0]^2 + p[1]^2 }
fn later(x) { p = psi(x, T);   p[0]^2 + p[1]^2 }
data carried = trajectories(
  start    = metropolis(density, from = 50·normal(3), step = 20, burn_in = 2_000),
  velocity = fn(x, t) T·∇phase(x, t),
  over     = 0..1, steps = 1_000, count = 2_000)
data fresh_half = trajectories(start = metropolis(half, from = 50·normal(3), step = 20, burn_in = 2_000, seed = 5),
                               velocity = fn(x, t) 0·x, steps = 1, count = 8_000)
data fresh = trajectories(start = metropolis(later, from = 50·normal(3), step = 20, burn_in = 2_000, seed = 6),
                          velocity = fn(x, t) 0·x, steps = 1, count = 8_000)
)",
                               {"carried", "fresh_half", "fresh"});
  constexpr size_t kCount = 2'000 * 3;
  const auto mmd = [](std::span<const double> a, std::span<const double> b) {
    return metrics::mmd(metrics::Cloud{a, 3}, metrics::Cloud{b, 3}, {{1e-4}, 3});
  };
  const std::vector<double> start = rows(*script, 0, 0);
  for (const auto& [reference, step] : {std::pair<size_t, size_t>{1, 500}, {2, 1'000}}) {
    const std::vector<double> carried = rows(*script, 0, step), fresh = rows(*script, reference, 0);
    ASSERT_EQ(carried.size(), kCount);
    ASSERT_EQ(fresh.size(), 4 * kCount);
    const auto part = [&](size_t k) { return std::span(fresh).subspan(k * kCount, kCount); };
    double square = 0, mean = 0, from_start = 0;
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = i + 1; j < 4; ++j) square += std::pow(mmd(part(i), part(j)), 2) / 6;
      mean += mmd(carried, part(i)) / 4, from_start += mmd(start, part(i)) / 4;
    }
    const double spread = std::sqrt(square);
    fmt::print("t = {:g}: squared MMD of carried to fresh samples {:.5f}, of fresh pairs ±{:.5f}, of those at t = 0 {:.5f}\n",
               step / 1000.0, mean, spread, from_start);
    EXPECT_LT(std::abs(mean), 3 * spread);
    if (step == 500) {
      EXPECT_GT(from_start, 20 * spread);
    }
  }
}

/// The published protocol: all 5,000 samples of t = 0, carried by 1,000 steps, at ten times.
TEST(Hydrogen, IsEvaluatedByThePublishedProtocol) {
  for (const char* file : {"examples/hydrogen.am", "examples/hydrogen_score.am"}) {
    const auto script = compile(file, source_text(file), {});
    ASSERT_TRUE(script->usable()) << messages(*script);
    for (const auto& e : script->elaborated.evaluations) {
      SCOPED_TRACE(fmt::format("{}: {}", file, e.model));
      EXPECT_FALSE(e.one_step);
      EXPECT_EQ(e.repeats, 1);
      EXPECT_FALSE(e.count);  // every row
      ASSERT_EQ(e.times.size(), 11u);
      for (int k = 0; k <= 10; ++k) EXPECT_NEAR(e.times[k], k / 10.0, 1e-12);
      ASSERT_TRUE(e.against);
      EXPECT_EQ(e.against->samples->offsets.at(1), 5'000u);
      EXPECT_EQ(e.stepper.steps_per_unit, 1'000);
    }
  }
}

/// The baseline learns from the very data of `hydrogen.am`, whose physics the script repeats.
TEST(Hydrogen, TheBaselineHasTheSameData) {
  const auto physics = [](const std::string& text) {
    const size_t first = text.find("const a"), end = text.find("path q");
    EXPECT_LT(first, end);
    return text.substr(first, end - first);
  };
  EXPECT_EQ(physics(source_text("examples/hydrogen_score.am")), physics(source_text("examples/hydrogen.am")));
}

}  // namespace
}  // namespace am
