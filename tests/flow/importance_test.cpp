// Importance sampling of the times of integrals: unbiased, and of less variance where the speed of a path varies.
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "tests/flow/gradient_steps.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

/// The mean of the path moves with a speed of 1, and ten times faster about t = ½.
const std::string kScript = R"(
path q(t) over 0..1 {
  z ~ normal(2)
  [t + 0.45·tanh(20·(t − ½)), 0] + z
}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train plain    = am(s, q) { steps = 400; batch = 256; optimizer = sgd(lr = 1); precision = f64 }
train weighted = am(s, q) { steps = 400; batch = 256; optimizer = sgd(lr = 1); precision = f64; time_sampler = importance }
train learned  = am(s, q) { steps = 2_000; batch = 256; optimizer = adam(lr = 5e-3, decay = cosine); precision = f64 }
)";

/// Both estimators at the same parameters, those of a model that has learned the burst. Before that the gradient's
/// variance is that of the boundary terms and of what the network does not resolve yet (docs/importance_sampling.md).
TEST(Importance, LowersTheVarianceOfTheGradientAndKeepsItsMean) {
  auto script = compile("importance.am", kScript, {});
  ASSERT_TRUE(script->usable()) << messages(*script);
  const Machine machine = test_machine();
  const auto& plain = *script->elaborated.model("plain");
  const auto& weighted = *script->elaborated.model("weighted");
  const auto& learned = *script->elaborated.model("learned");
  auto w = flow::initialise(learned, machine, script->sink);
  ASSERT_TRUE(w);
  ASSERT_EQ(flow::train(learned, *w, machine, {}, script->sink), flow::Ending::Finished);
  auto p = flow::initialise(plain, machine, script->sink), q = flow::initialise(weighted, machine, script->sink);
  ASSERT_TRUE(p && q);
  for (size_t k = 0; k < w->parameters.size(); ++k)
    for (size_t i = 0; i < w->parameters[k].count(); ++i)
      p->parameters[k].set(i, w->parameters[k].get(i)), q->parameters[k].set(i, w->parameters[k].get(i));
  ASSERT_EQ(q->statistics.size(), 3u);

  GradientSteps a(plain, *p, machine, script->sink), b(weighted, *q, machine, script->sink);
  constexpr int kSteps = 1'000;
  const GradientMoments x = gradient_moments(a, 300, kSteps), y = gradient_moments(b, 300, kSteps);
  fmt::print("variance of the gradient: {:.4g} with low-discrepancy times, {:.4g} with importance sampling, ratio {:.3f}\n",
             x.total(), y.total(), y.total() / x.total());
  EXPECT_LT(y.total(), 0.8 * x.total());
  // Unbiased: (mean difference)² over its variance has mean one for each entry; their average over n entries, which are
  // correlated, stays far below two.
  double chi = 0;
  size_t n = 0;
  for (size_t i = 0; i < x.mean.size(); ++i) {
    const double variance = (x.variance[i] + y.variance[i]) / kSteps;
    if (variance <= 0) continue;
    chi += std::pow(x.mean[i] - y.mean[i], 2) / variance;
    ++n;
  }
  fmt::print("squared difference of the means over its variance: {:.2f} on average over {} entries\n", chi / n, n);
  EXPECT_LT(chi / n, 2);
}

/// The running sums are in the checkpoint: ten steps, saved and loaded, and ten more are twenty steps to the bit.
TEST(Importance, ResumesToTheSameBits) {
  const std::string text = R"(
path q(t) over 0..1 { z ~ normal(2); [t², 0] + z }
potential s(x, t) = mlp(width = 8, depth = 1)([x, t])
train m = am(s, q) { steps = 20; batch = 64; time_sampler = importance(bins = 8) }
)";
  auto script = compile("resume.am", text, {});
  ASSERT_TRUE(script->usable()) << messages(*script);
  const auto& m = script->elaborated.models.at(0);
  const Machine machine = test_machine();
  const auto until = [](int last) {
    return flow::TrainOptions{.report_every = 1, .report = [last](const flow::Progress& p, const flow::Weights&) {
                                return p.step < last;
                              }};
  };
  auto whole = flow::initialise(m, machine, script->sink), first = flow::initialise(m, machine, script->sink);
  flow::train(m, *whole, machine, {}, script->sink);
  EXPECT_EQ(flow::train(m, *first, machine, until(10), script->sink), flow::Ending::Stopped);
  const std::string file = fmt::format("{}/am_importance_{}.npz", testing::TempDir(), ::getpid());
  ASSERT_TRUE(flow::save(file, m, *first, script->sink));
  auto second = flow::load(file, m, script->sink);
  std::remove(file.c_str());
  ASSERT_TRUE(second) << messages(*script);
  EXPECT_EQ(flow::train(m, *second, machine, {}, script->sink), flow::Ending::Finished);
  const auto same = [](const std::vector<flow::Buffer>& a, const std::vector<flow::Buffer>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t k = 0; k < a.size(); ++k)
      for (size_t i = 0; i < a[k].count(); ++i) ASSERT_EQ(a[k].get(i), b[k].get(i)) << k << " " << i;
  };
  same(whole->parameters, second->parameters);
  same(whole->statistics, second->statistics);
  EXPECT_GT(whole->statistics[0].get(0), 0);
}

}  // namespace
}  // namespace am
