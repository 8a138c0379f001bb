// Particles carried through many steps at once are where the same steps, called one by one, would have brought them.
#include <cmath>

#include "runtime/flow/session.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

using elaborate::Role;

/// Conditions, growth and noise; recorded at times that are no multiples of a step.
std::string script(const std::string& dynamics, const std::string& solver, const std::string& precision) {
  return fmt::format(R"(
path q(t) over 0..1 {{
  c ~ bernoulli(½)
  z ~ normal(2)
  [c·t, 0] + z
}}
potential s(x, t, c) = mlp(8, 2)([x, t, c])
train m = {}(s, q) {{ steps = 3; batch = 32; precision = {} }}
sample p from m {{ start = q(0); count = 203; times = [0, 0.13, 0.5, 1]; seed = 5; solver = {} }}
)",
                     dynamics, precision, solver);
}

struct Recorded {
  std::vector<std::vector<double>> points;
  std::vector<double> mass;
};

/// Step by step: what is read and written is bound anew for each call.
Recorded one_by_one(const elaborate::Sampling& s, const elaborate::Model& m,
                                            const flow::Weights& weights, diagnostics::Sink& sink) {
  const Machine machine = test_machine(1);
  flow::Session session(s.stepper.step, m.f64, s.count, machine, sink, s.span);
  session.bind_weights(weights.serving());
  const size_t stride = flow::stride_of(s.count), d = m.dimension;
  flow::Buffer x(session.precision(), d * stride), w(session.precision(), stride), next_x = session.make_output(0, s.count),
      next_w = session.make_output(1, s.count);
  const auto start = flow::draw(s.start.draw, m.dimension, s.times[0], s.count, flow::key(s.seed, "start"), m.f64, machine, sink);
  for (size_t i = 0; i < s.count; ++i)
    for (size_t e = 0; e < d; ++e) x.set(e * stride + i, (*start)[i * d + e]);
  Recorded out;
  const auto record = [&] {
    auto& points = out.points.emplace_back();
    double& mass = out.mass.emplace_back(0);
    for (size_t i = 0; i < s.count; ++i) {
      for (size_t e = 0; e < d; ++e) points.push_back(x.get(e * stride + i));
      mass += std::exp(w.get(i)) / static_cast<double>(s.count);
    }
  };
  record();
  uint32_t number = 0;
  for (size_t k = 0; k + 1 < s.times.size(); ++k) {
    const double length = s.times[k + 1] - s.times[k];
    const int n = static_cast<int>(std::ceil(length * s.stepper.steps_per_unit - 1e-9));
    for (int i = 0; i < n; ++i) {
      session.bind(Role::Point, x.data());
      session.bind(Role::LogWeight, w.data());
      session.call().outputs = {next_x.data(), next_w.data()};
      session.set(Role::Time, s.times[k] + length * i / n);
      session.set(Role::TimeStep, length / n);
      session.run(s.count, flow::key(s.seed, "noise"), number++);
      std::swap(x, next_x), std::swap(w, next_w);
    }
    record();
  }
  return out;
}

TEST(Particles, AreWhereTheirStepsBringThem) {
  const std::string drawing = "annealed_langevin(steps = 9, moves = 3)";
  for (const std::string& solver : {std::string("euler(steps = 90)"), std::string("heun(steps = 11)"), std::string("rk4(steps = 7)"), drawing})
    for (const char* dynamics : {"am", "eam", "uam", "ueam"}) {
      if (solver == drawing && dynamics != std::string("am")) continue;  // it serves no noise or growth
      const std::string precision = dynamics == std::string("uam") ? "f64" : "f32";
      Trained t = train_script(script(dynamics, solver, precision));
      const elaborate::Sampling& s = t.script->elaborated.samplings[0];
      const auto want = one_by_one(s, t.model(), t.of("m"), t.script->sink);
      for (int threads : {1, 2, 3, 8}) {
        const auto got = flow::sample(s, t.model(), t.of("m"), test_machine(threads), t.script->sink);
        ASSERT_TRUE(got) << messages(*t.script);
        EXPECT_EQ(got->points, want.points) << solver << ", " << dynamics << ", " << threads << " threads";
        EXPECT_NE(got->points[1], got->points[2]);
        for (size_t k = 0; k < got->mass.size(); ++k) EXPECT_NEAR(got->mass[k], want.mass[k], 1e-12 * want.mass[k]);
      }
    }
}

TEST(Particles, OfAnAdaptiveSolverAreTheSameForAnyNumberOfThreads) {
  Trained t = train_script(script("uam", "dopri5(tol = 1e-6)", "f32"));
  const elaborate::Sampling& s = t.script->elaborated.samplings[0];
  std::optional<flow::Particles> want;
  for (int threads : {1, 2, 3, 8}) {
    auto got = flow::sample(s, t.model(), t.of("m"), test_machine(threads), t.script->sink);
    ASSERT_TRUE(got) << messages(*t.script);
    if (!want) want = std::move(got);
    else EXPECT_TRUE(got->points == want->points && got->mass == want->mass && got->weights == want->weights) << threads;
  }
}

}  // namespace
}  // namespace am
