// examples/custom.am: a dynamics of one's own, against differences and against `am`.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "runtime/data/npz.h"
#include "tests/flow/gradient_steps.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

/// The script reads its samples from moons.npz: two half circles with a little noise.
class Custom : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("amc_custom_{}", ::getpid());
    std::filesystem::create_directories(folder_);
    std::mt19937 random(1);
    std::uniform_real_distribution<double> angle(0, M_PI);
    std::normal_distribution<double> noise(0, 0.05);
    std::vector<double> x;
    for (int i = 0; i < 400; ++i) {
      const double a = angle(random), side = i % 2;
      x.push_back((side ? 1 - std::cos(a) : std::cos(a)) + noise(random));
      x.push_back((side ? 0.5 - std::sin(a) : std::sin(a)) + noise(random));
    }
    const data::Archive archive{{"X", data::Array::of(std::span<const double>(x), {400, 2})}};
    ASSERT_FALSE(data::write_npz((folder_ / "moons.npz").string(), archive));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  CompileOptions options(std::map<std::string, std::string> settings) const {
    CompileOptions out{.data_folder = folder_.string()};
    out.settings = std::move(settings);
    return out;
  }

  std::filesystem::path folder_;
  const std::string text_ = source_text("examples/custom.am");
};

void replace(std::string& text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), with);
}

/// Sixty entries of the gradient in f64 against central differences of the objective with the same draws.
TEST_F(Custom, GradientIsThatOfDifferences) {
  auto script = compile("custom.am", text_, options({{"train.flow.batch", "16"},
                                                     {"train.flow.precision", "f64"},
                                                     {"train.flow.optimizer", "sgd(lr = 1)"}}));
  ASSERT_TRUE(script->usable()) << messages(*script);
  const auto& m = script->elaborated.models.at(0);
  const Machine machine = test_machine();
  auto w = flow::initialise(m, machine, script->sink);
  ASSERT_TRUE(w);
  GradientSteps gradient(m, *w, machine, script->sink);
  ASSERT_TRUE(gradient);
  const std::vector<double> g = gradient(0);
  const double largest = std::abs(*std::max_element(g.begin(), g.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  ASSERT_GT(largest, 0.01);

  flow::Session objective(m.objective, m.f64, m.batch, machine, script->sink, m.span);
  ASSERT_TRUE(objective);
  flow::Buffer value = objective.make_output(0, 1);
  for (size_t i = 1; i < objective.plan().outputs.size(); ++i) objective.call().outputs[i] = value.data();
  std::vector<flow::Buffer> rest;
  for (size_t i = 1; i < objective.plan().outputs.size(); ++i) rest.push_back(objective.make_output(static_cast<int>(i), 1));
  const auto at = [&](flow::Buffer& p, size_t i, double v) {
    const double saved = p.get(i);
    p.set(i, v);
    objective.bind_weights(w->parameters);
    objective.run(m.batch, 77, 0);
    p.set(i, saved);
    return value.get(0);
  };
  std::mt19937_64 random(3);
  int checked = 0;
  for (int k = 0; k < 60; ++k) {
    size_t entry = random() % g.size(), p = 0, i = entry;
    while (i >= w->parameters[p].count()) i -= w->parameters[p++].count();
    const double x = w->parameters[p].get(i), h = 1e-5;
    const double difference = (at(w->parameters[p], i, x + h) - at(w->parameters[p], i, x - h)) / (2 * h);
    // Relative to the entry, or where that is small beside the others, to a hundredth of the largest one.
    EXPECT_NEAR(g[entry], difference, 1e-5 * std::max(std::abs(difference), 0.01 * largest)) << m.parameters[p].name << " " << i;
    checked += std::abs(difference) > 1e-6 * largest;
  }
  EXPECT_GT(checked, 30);
}

TEST_F(Custom, Trains) {
  auto script = compile("custom.am", text_, options({{"train.flow.steps", "300"}, {"train.flow.batch", "128"}}));
  ASSERT_TRUE(script->usable()) << messages(*script);
  const auto& m = script->elaborated.models.at(0);
  auto w = flow::initialise(m, test_machine(), script->sink);
  std::vector<double> objective;
  flow::TrainOptions watch{.report_every = 20, .report = [&](const flow::Progress& p, const flow::Weights&) {
                             objective.push_back(p.objective);
                             return true;
                           }};
  ASSERT_EQ(flow::train(m, *w, test_machine(), watch, script->sink), flow::Ending::Finished) << messages(*script);
  // A bound of minus the action of the costly drift: it must fall below that of s = 0, which is zero.
  EXPECT_LT(objective.back(), -0.01);
  EXPECT_LT(objective.back(), objective.front());
}

/// With cost 2, rate 0, temperature 0 and weight 1 every term is that of Action Matching: the same parameters after each
/// of forty steps of Adam.
TEST_F(Custom, DegeneratesToActionMatching) {
  std::string text = text_;
  replace(text, "fn temperature(t) = 0.3·(1 − t)", "fn temperature(t) = 0");
  replace(text, "fn w(t) = 1 − t/2", "fn w(t) = 1");
  replace(text, "train flow = warm_growth(s, q) {", "train flow = warm_growth(s, q, cost = 2, rate = 0) {");
  text += "\ntrain plain = am(s, q) { steps = 10_000; batch = 256 }\n";
  auto script = compile("custom.am", text, options({{"train.flow.precision", "f64"}, {"train.plain.precision", "f64"}}));
  ASSERT_TRUE(script->usable()) << messages(*script);
  const Machine machine = test_machine();
  std::vector<std::vector<double>> path[2];
  for (int k = 0; k < 2; ++k) {
    const auto& m = script->elaborated.models.at(k);
    auto w = flow::initialise(m, machine, script->sink);
    ASSERT_TRUE(w);
    flow::TrainOptions watch{.report_every = 1, .report = [&](const flow::Progress& p, const flow::Weights& now) {
                               auto& all = path[k].emplace_back();
                               for (const auto& b : now.parameters) all.insert(all.end(), b.doubles().begin(), b.doubles().end());
                               return p.step < 40;
                             }};
    flow::train(m, *w, machine, watch, script->sink);
    ASSERT_EQ(path[k].size(), 40u) << messages(*script);
  }
  double moved = 0;
  for (size_t step = 0; step < 40; ++step)
    for (size_t i = 0; i < path[0][step].size(); ++i) {
      ASSERT_NEAR(path[0][step][i], path[1][step][i], 1e-6) << "step " << step + 1 << ", entry " << i;
      moved = std::max(moved, std::abs(path[1][step][i] - path[1][0][i]));
    }
  EXPECT_GT(moved, 1e-3);
}

}  // namespace
}  // namespace am
