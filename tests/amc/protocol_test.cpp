// Times held out and several seeds: retrainings know nothing of what was held out, trainings with `seeds` are the
// single ones bit for bit, and figures are means of them.
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

using Json = nlohmann::json;

/// Normal numbers by Box and Muller, the same everywhere.
class Normal {
 public:
  explicit Normal(uint64_t seed) : random_(seed) {}
  double operator()() {
    const double u = uniform(), v = uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

 private:
  double uniform() { return (static_cast<double>(random_() >> 11) + 0.5) / 9007199254740992.0; }
  std::mt19937_64 random_;
};

struct Snapshot {
  double time, mean;
  int rows;
};

/// A csv file of points around (mean, 0) with the columns t, x, y.
std::string cloud(uint64_t seed, const std::vector<Snapshot>& snapshots) {
  std::string out = "t,x,y\n";
  for (const Snapshot& s : snapshots) {
    Normal normal(seed + static_cast<uint64_t>(100 * s.time));
    for (int i = 0; i < s.rows; ++i) out += fmt::format("{},{:.6f},{:.6f}\n", s.time, s.mean + normal(), normal());
  }
  return out;
}

/// Values of a column where the time is `time`.
std::vector<double> column(const std::string& csv, const std::string& name, double time) {
  const Csv parsed = parse_csv(csv);
  std::vector<double> out;
  for (size_t i = 0; i < parsed.columns.at("t").size(); ++i)
    if (parsed.columns.at("t")[i] == time) out.push_back(parsed.columns.at(name)[i]);
  return out;
}

std::string script(const std::string& training, const std::string& evaluation) {
  return fmt::format(R"(data cells = csv("cells.csv", time = "t")
data held = csv("held.csv", time = "t")
path q = ot(cells)
potential s(x, t) = mlp(width = 8, depth = 2)([x, t])
train flow = am(s, q) {{ {} }}
evaluate flow {{ against = held; metrics = [w1, energy]; solver = rk4(steps = 4); {} }}
)",
                     training, evaluation);
}

class Protocol : public Amc {
 protected:
  void SetUp() override {
    write("cells.csv", cloud(1, {{0, 0, 60}, {1, 3, 50}, {2, 2, 60}, {3, 4, 40}}));
    write("held.csv", cloud(2, {{0, 0, 50}, {1, 1, 50}, {2, 2, 50}, {3, 4, 50}}));
    write("few.csv", cloud(3, {{0, 0, 20}, {2, 2, 20}, {3, 4, 20}}));
  }
  Json evaluation(const std::string& run) const { return Json::parse(read(run + "/evaluation.json"))[0]; }
  std::string checkpoint(const std::string& training) const { return read(training + "/checkpoint.npz"); }
  void run(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"run", "x.am"};
    words.insert(words.end(), more.begin(), more.end());
    const Ended e = amc(words);
    ASSERT_EQ(e.code, 0) << e.err << e.out;
  }
};

double number(const data::Archive& archive, const std::string& name) { return archive.at(name).at(0); }

// The mean of q moves at a speed of 1, but for the snapshot at 1, which lies aside. For s = (a + b·t)·x₁ the least
// objective is where a + b·t comes closest to the speed of the path's mean in the square over 0..2: without the snapshot
// a = 1 and b = 0; with it, the speeds being 3 and −1, a = 4 and b = −3.
//
// Bounds: means of snapshots of 400 err by 1/20, their difference over 2 by 0.035. Plain gradient descent with the step
// η = 0.05 ends about the least objective with the covariance η·C·H⁻¹/2, H = [[2, 2], [2, 8/3]] with 0.31 as its least
// eigenvalue, and C the covariance of a gradient of 512 samples, at most 14/512: a deviation of 0.047. Five times the
// root of the sum of squares is 0.29.
TEST_F(Protocol, AHeldOutTimeIsPredictedFromTheOthersAlone) {
  write("cells.csv", cloud(1, {{0, 0, 400}, {1, 3, 400}, {2, 2, 400}}));
  write("held.csv", cloud(2, {{0, 0, 400}, {1, 1, 400}, {2, 2, 400}}));
  write("x.am", R"(data cells = csv("cells.csv", time = "t")
data held = csv("held.csv", time = "t")
path q = linear(cells)
potential s(x, t) {
  param a: R = 0
  param b: R = 0
  (a + b·t)·x[0]
}
train flow = am(s, q) { steps = 2_000; batch = 512; optimizer = sgd(lr = 0.05, momentum = 0); precision = f64 }
evaluate flow { against = held; mode = one_step; metrics = w1; hold_out = [1]; solver = rk4(steps = 2) }
)");
  run({"--out", "o"});
  data::Archive full, without;
  ASSERT_EQ(data::read_npz(path("o/flow/checkpoint.npz").string(), full).what, "");
  ASSERT_EQ(data::read_npz(path("o/flow/without_1/checkpoint.npz").string(), without).what, "");
  EXPECT_NEAR(number(full, "parameter/s.a"), 4, 0.29);
  EXPECT_NEAR(number(full, "parameter/s.b"), -3, 0.29);
  const double a = number(without, "parameter/s.a"), b = number(without, "parameter/s.b");
  EXPECT_NEAR(a, 1, 0.29);
  EXPECT_NEAR(b, 0, 0.29);

  // Particles of this drift are carried by a + b/2, to the last digits. Along x₁ alone, W1 would be the mean distance of
  // the sorted samples; that is the least that W1 in the plane can be.
  const std::string held = read("held.csv");
  std::vector<double> moved = column(held, "x", 0), real = column(held, "x", 1);
  std::sort(moved.begin(), moved.end());
  std::sort(real.begin(), real.end());
  double along = 0;
  for (size_t i = 0; i < moved.size(); ++i) along += std::abs(moved[i] + a + b / 2 - real[i]) / 400;
  const Json out = evaluation("o")["hold_out"];
  EXPECT_EQ(out["mode"], "one_step");
  ASSERT_EQ(out["comparisons"].size(), 1u);
  EXPECT_EQ(out["comparisons"][0]["t"], 1);
  EXPECT_EQ(out["comparisons"][0]["from"], 0);
  EXPECT_EQ(out["comparisons"][0]["folder"], "flow/without_1");
  const double w1 = out["comparisons"][0]["w1"]["value"];
  EXPECT_GE(w1, along - 1e-9);
  // Two samples of the same law and size are the floor; a shift of the mean by e adds at most e.
  const double floor = out["comparisons"][0]["w1"]["floor"];
  EXPECT_LT(w1, floor + 0.29 * 1.5 + 0.1);
  EXPECT_EQ(out["mean"]["w1"]["value"], w1);
}

TEST_F(Protocol, WhatIsHeldOutHasNoInfluence) {
  write("x.am", script("steps = 40; batch = 32", "hold_out = [1]"));
  run({"--out", "before"});
  // Other values, and other in number: the plans, the bandwidth and the draws of the path would all differ.
  write("cells.csv", cloud(1, {{0, 0, 60}, {1, -70, 35}, {2, 2, 60}, {3, 4, 40}}));
  run({"--out", "after"});
  EXPECT_EQ(checkpoint("before/flow/without_1"), checkpoint("after/flow/without_1"));
  EXPECT_NE(checkpoint("before/flow"), checkpoint("after/flow"));
  const Json before = evaluation("before")["hold_out"], after = evaluation("after")["hold_out"];
  EXPECT_EQ(before["comparisons"][0]["w1"]["value"], after["comparisons"][0]["w1"]["value"]);
  // The floor is between real samples at that time, and those have changed.
  EXPECT_NE(before["comparisons"][0]["w1"]["floor"], after["comparisons"][0]["w1"]["floor"]);

  // Nor is it anything but a training on a file that never had the time.
  write("cells.csv", cloud(1, {{0, 0, 60}, {2, 2, 60}, {3, 4, 40}}));
  write("x.am", script("steps = 40; batch = 32", "times = [0, 1]"));
  run({"--out", "never"});
  EXPECT_EQ(checkpoint("before/flow/without_1"), checkpoint("never/flow"));
  EXPECT_EQ(before["comparisons"][0]["w1"]["value"], evaluation("never")["comparisons"][0]["w1"]["value"]);
}

// The units that the samples are compared in are those of the training, too: as if the file never had the time. They are
// brought there from the script's own units, by rounding errors of f64.
TEST_F(Protocol, WhatIsHeldOutHasNoPartInStandardisation) {
  auto standardised = [](std::string text) {
    text.replace(text.find("time = \"t\")"), 11, "time = \"t\", standardise = true)");
    return text.replace(text.find("time = \"t\")\npath"), 11, "time = \"t\", standardise = cells)");
  };
  write("x.am", standardised(script("steps = 40; batch = 32", "hold_out = [1]")));
  run({"--out", "before"});
  write("cells.csv", cloud(1, {{0, 0, 60}, {1, -70, 35}, {2, 2, 60}, {3, 4, 40}}));
  run({"--out", "after"});
  write("cells.csv", cloud(1, {{0, 0, 60}, {2, 2, 60}, {3, 4, 40}}));
  write("x.am", standardised(script("steps = 40; batch = 32", "times = [0, 1]")));
  run({"--out", "never"});
  EXPECT_EQ(checkpoint("before/flow/without_1"), checkpoint("never/flow"));
  EXPECT_EQ(checkpoint("after/flow/without_1"), checkpoint("never/flow"));
  const double never = evaluation("never")["comparisons"][0]["w1"]["value"];
  for (const std::string name : {"before", "after"})
    EXPECT_NEAR(evaluation(name)["hold_out"]["comparisons"][0]["w1"]["value"], never, 1e-5) << name;
}

TEST_F(Protocol, OneStepSetsOutFromTheTrueCellsOfTheTimeBefore) {
  write("x.am", script("steps = 30; batch = 32", "mode = one_step; hold_out = [2]"));
  run({"--out", "o"});
  const Json held = evaluation("o")["hold_out"];
  EXPECT_EQ(held["comparisons"][0]["from"], 1);
  write("cells.csv", cloud(1, {{0, 0, 60}, {1, 3, 50}, {3, 4, 40}}));
  write("x.am", script("steps = 30; batch = 32", "mode = one_step; times = [1, 2]"));
  run({"--out", "never"});
  const Json plain = evaluation("never")["comparisons"][0];
  EXPECT_EQ(held["comparisons"][0]["w1"]["value"], plain["w1"]["value"]);
  EXPECT_EQ(held["comparisons"][0]["energy"]["value"], plain["energy"]["value"]);
}

TEST_F(Protocol, SeedsAreSingleTrainingsAndFiguresTheirMeans) {
  write("x.am", script("steps = 30; batch = 32; seeds = [3, 8, 5]", "count = 30; repeats = 2; hold_out = [1, 2]"));
  run({"--out", "all"});
  const Json all = evaluation("all");
  EXPECT_EQ(all["seeds"], Json({3, 8, 5}));
  EXPECT_EQ(Json::parse(read("all/config.json"))["models"]["flow"]["seeds"], Json({3, 8, 5}));
  EXPECT_FALSE(there("all/flow/checkpoint.npz"));
  std::vector<Json> single;
  for (const std::string seed : {"3", "8", "5"}) {
    run({"--out", seed, "--set", "train.flow.seed=" + seed});
    EXPECT_EQ(checkpoint("all/flow/seed_" + seed), checkpoint(seed + "/flow")) << seed;
    for (const std::string time : {"1", "2"})
      EXPECT_EQ(checkpoint(fmt::format("all/flow/without_{}/seed_{}", time, seed)), checkpoint(fmt::format("{}/flow/without_{}", seed, time))) << seed;
    single.push_back(evaluation(seed));
    EXPECT_FALSE(single.back().contains("seeds"));
  }

  size_t compared = 0;
  auto compare = [&](const Json& figure, auto at) {
    std::vector<double> values;
    double squares = 0, mean = 0, spread = 0;
    for (const Json& one : single) {
      const Json& f = at(one);
      values.push_back(f["value"]);
      squares += std::pow(f["deviation"].get<double>(), 2) / 3;
    }
    for (const double v : values) mean += v / 3;
    for (const double v : values) spread += (v - mean) * (v - mean) / 2;
    EXPECT_EQ(figure["by_seed"], Json(values));
    EXPECT_NEAR(figure["value"], mean, 1e-12);
    EXPECT_NEAR(figure["seed_deviation"], std::sqrt(spread), 1e-12);
    EXPECT_NEAR(figure["deviation"], std::sqrt(squares), 1e-12);
    EXPECT_GT(std::sqrt(spread), 0);
    EXPECT_GT(squares, 0) << "30 of 50 rows by lot differ from repeat to repeat";
    ++compared;
  };
  for (const std::string metric : {"w1", "energy"}) {
    for (size_t k = 0; k < 3; ++k)
      compare(all["comparisons"][k][metric], [&](const Json& one) { return one["comparisons"][k][metric]; });
    compare(all["mean"][metric], [&](const Json& one) { return one["mean"][metric]; });
    for (size_t k = 0; k < 2; ++k)
      compare(all["hold_out"]["comparisons"][k][metric], [&](const Json& one) { return one["hold_out"]["comparisons"][k][metric]; });
    compare(all["hold_out"]["mean"][metric], [&](const Json& one) { return one["hold_out"]["mean"][metric]; });
  }
  EXPECT_EQ(compared, 14u);
  EXPECT_EQ(all["objective_by_seed"], Json({single[0]["objective"], single[1]["objective"], single[2]["objective"]}));

  // The mean over times of one training: of its figures, and its deviation that of the repeats' means.
  double mean = 0;
  for (size_t k = 0; k < 3; ++k) mean += single[0]["comparisons"][k]["w1"]["value"].get<double>() / 3;
  EXPECT_NEAR(single[0]["mean"]["w1"]["value"], mean, 1e-12);
}

// 25 particles of noise 2 alone go from 0 to N(0, 4), and the samples all lie at 100: W1 is 100 less the particles' mean,
// whose deviation from repeat to repeat is 2/√25. Of 200 repeats it is estimated to 1/√398 of itself, and their mean is
// 0.4/√200 off; the bounds are five times these.
TEST_F(Protocol, RepeatsDifferInTheNoiseByWhatItIs) {
  std::string rows = "t,x\n";
  for (const char* row : {"0,0\n", "1,100\n"})
    for (int i = 0; i < 25; ++i) rows += row;
  write("cells.csv", rows);
  const std::string text = R"(data cells = csv("cells.csv", time = "t")
path q = linear(cells)
potential s(x, t) {
  param p: R = 0
  p·x
}
dynamics restless(s, q, temperature) {
  minimize E[x ~ q(0)] (s(x, 0) − x)²
  drift(x, t) = 0·∇s(x, t)
  noise(t) = temperature
}
train flow = restless(s, q, TEMPERATURE) { steps = 1; batch = 16 }
evaluate flow { against = cells; metrics = w1; repeats = 200; solver = euler(steps = 3) }
)";
  write("x.am", std::string(text).replace(text.find("TEMPERATURE"), 11, "2"));
  run({"--out", "noisy"});
  const Json noisy = evaluation("noisy")["comparisons"][0]["w1"];
  EXPECT_NEAR(noisy["deviation"], 0.4, 0.4 * 5 / std::sqrt(398.0));
  EXPECT_NEAR(noisy["value"], 100, 5 * 0.4 / std::sqrt(200.0));
  EXPECT_FALSE(noisy.contains("seed_deviation"));
  write("x.am", std::string(text).replace(text.find("TEMPERATURE"), 11, "0"));
  run({"--out", "still"});
  EXPECT_EQ(evaluation("still")["comparisons"][0]["w1"]["deviation"], 0);
}

TEST_F(Protocol, InterruptedInTheSecondSeedGoesOnToTheSameFigures) {
  write("x.am", script("steps = 150; batch = 10_000; seeds = 1..2", "hold_out = [1]") +
                    "sample p from flow { start = cells(0); times = [0, 3] }\n");
  run({"--out", "whole"});
  Process first(folder(), {"run", "x.am", "--out", "parts"});
  ASSERT_TRUE(first.says("flow, seed 2: first step", 60));
  first.signal(SIGINT);
  const Ended stopped = first.wait();
  EXPECT_EQ(stopped.code, 5) << stopped.err;
  EXPECT_TRUE(holds_in_order(stopped.out, {"flow, seed 2: stopped at step ", "parts/flow/seed_2/checkpoint.npz", "--resume"}));
  EXPECT_NE(checkpoint("parts/flow/seed_2"), checkpoint("whole/flow/seed_2"));

  Process second(folder(), {"run", "x.am", "--out", "parts", "--resume"});
  ASSERT_TRUE(second.says("flow without time 1, seed 1: first step", 60));
  second.signal(SIGINT);
  const Ended again = second.wait();
  EXPECT_EQ(again.code, 5) << again.err;
  EXPECT_TRUE(holds_in_order(again.out, {"flow, seed 1: nothing to train", "flow, seed 2: resumed at step ", "by the training with seed 1, the first of 2",
                                         "flow without time 1, seed 1: stopped at step "}));
  // The figures of the trainings that are done are there.
  EXPECT_EQ(evaluation("parts")["comparisons"], evaluation("whole")["comparisons"]);
  EXPECT_FALSE(evaluation("parts").contains("hold_out"));

  run({"--out", "parts", "--resume"});
  EXPECT_EQ(read("parts/evaluation.json"), read("whole/evaluation.json"));
  EXPECT_EQ(read("parts/paths.npz"), read("whole/paths.npz"));
  for (const std::string training : {"flow/seed_1", "flow/seed_2", "flow/without_1/seed_1", "flow/without_1/seed_2"})
    EXPECT_EQ(checkpoint("parts/" + training), checkpoint("whole/" + training)) << training;
}

TEST_F(Protocol, AFinishedRunThatGoesOnKeepsItsFigures) {
  write("x.am", script("steps = 20; batch = 32", "hold_out = [1]"));
  run({"--out", "o"});
  const std::string report = read("o/report.html"), figures = read("o/evaluation.json"), config = read("o/config.json");
  const Ended more = amc({"run", "x.am", "--out", "o", "--resume", "--set", "train.flow.steps=40"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_TRUE(holds(more.out, "o/earlier.1"));
  EXPECT_EQ(read("o/earlier.1/report.html"), report);
  EXPECT_EQ(read("o/earlier.1/evaluation.json"), figures);
  EXPECT_EQ(read("o/earlier.1/config.json"), config);
  EXPECT_TRUE(there("o/earlier.1/figures/flow_training.svg"));
  EXPECT_NE(read("o/evaluation.json"), figures);
  EXPECT_TRUE(there("o/figures/flow_training.svg"));
  run({"--out", "o", "--resume", "--set", "train.flow.steps=40"});
  EXPECT_NE(read("o/earlier.2/evaluation.json"), figures);
  EXPECT_EQ(read("o/earlier.2/evaluation.json"), read("o/evaluation.json"));
}

TEST_F(Protocol, SamplesAndFiguresComeFromAFinishedRun) {
  write("x.am", script("steps = 20; batch = 32; seeds = [4, 2]", "hold_out = [1]") +
                    "sample p from flow { start = cells(0); times = [0, 3] }\n");
  run({"--out", "o"});
  const std::string figures = read("o/evaluation.json"), particles = read("o/paths.npz"), weights = checkpoint("o/flow/seed_4");
  std::filesystem::remove(path("o/evaluation.json"));
  std::filesystem::remove(path("o/paths.npz"));
  ASSERT_EQ(amc({"evaluate", "x.am", "--run", "o"}).code, 0);
  EXPECT_EQ(read("o/evaluation.json"), figures);
  EXPECT_FALSE(there("o/paths.npz"));
  ASSERT_EQ(amc({"sample", "x.am", "--run", "o/"}).code, 0);
  EXPECT_EQ(read("o/paths.npz"), particles);
  EXPECT_EQ(checkpoint("o/flow/seed_4"), weights);

  const Ended other = amc({"sample", "x.am", "--run", "o", "--set", "sample.p.count=7"});
  ASSERT_EQ(other.code, 0) << other.err;
  data::Archive archive;
  ASSERT_EQ(data::read_npz(path("o/paths.npz").string(), archive).what, "");
  EXPECT_EQ(archive.at("x").shape, (std::vector<size_t>{2, 7, 2}));
  EXPECT_TRUE(holds(other.out, "is kept in o/earlier."));

  const Ended nowhere = amc({"evaluate", "x.am", "--run", "nowhere"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_TRUE(holds(nowhere.err, "`--run nowhere` is not the folder of a run"));
  std::filesystem::remove_all(path("o/flow/without_1"));
  const Ended gone = amc({"evaluate", "x.am", "--run", "o"});
  EXPECT_EQ(gone.code, 2);
  EXPECT_TRUE(holds(gone.err, "o/flow/without_1/seed_4/checkpoint.npz"));
  write("x.am", small_script("steps = 1"));
  const Ended nothing = amc({"sample", "x.am", "--run", "o"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_TRUE(holds(nothing.err, "the script has no `sample` declaration"));
}

struct Wrong {
  std::string name, training, evaluation, path;
  std::vector<std::string> options;
  int code;
  std::vector<std::string> says;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.name; }

class WrongProtocol : public Protocol, public ::testing::WithParamInterface<Wrong> {};

TEST_P(WrongProtocol, IsSaidBeforeAnythingIsTrained) {
  const Wrong& w = GetParam();
  std::string text = script("steps = 5; " + w.training, w.evaluation);
  if (!w.path.empty()) text.replace(text.find("path q = ot(cells)"), 18, w.path);
  write("x.am", text);
  std::vector<std::string> words{"run", "x.am", "--out", "o"};
  words.insert(words.end(), w.options.begin(), w.options.end());
  const Ended e = amc(words);
  EXPECT_EQ(e.code, w.code) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, w.says));
  EXPECT_FALSE(there("o"));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongProtocol,
    ::testing::Values(
        Wrong{"NoSuchTime", "", "hold_out = [1, 1.5]", "", {}, 2, {"x.am:6:", "`cells` has no samples at time 1.5", "its times are 0, 1, 2, 3"}},
        Wrong{"FirstTime", "", "hold_out = [0]", "", {}, 1, {"x.am:6:", "time 0 cannot be held out of the training of `flow`: it is the first one"}},
        Wrong{"FirstTimeOneStep", "", "mode = one_step; hold_out = [0]", "", {}, 1, {"it is the first one", "[CannotHoldOut]"}},
        Wrong{"LastTime", "", "hold_out = [1, 3]", "", {}, 1, {"time 3 cannot be held out", "without it the path goes over 0..2"}},
        Wrong{"NotOfSnapshots", "", "hold_out = [1]", "path q(t) over 0..3 { z ~ normal(2); t + z }", {}, 1, {"a path that is not made of snapshots"}},
        Wrong{"NotInTheComparison", "", "hold_out = [1]", "", {"--data", "held=few.csv"}, 2, {"`held` has no samples at time 1", "its times are 0, 2, 3"}},
        Wrong{"NoTimes", "", "hold_out = []", "", {}, 1, {"the setting `hold_out` is an empty list"}},
        Wrong{"NotIncreasing", "", "hold_out = [2, 1]", "", {}, 1, {"the setting `hold_out` is not increasing"}},
        Wrong{"EmptySeeds", "seeds = []", "", "", {}, 1, {"x.am:5:", "the setting `seeds` is an empty list, and must be a list of whole numbers"}},
        Wrong{"EmptyRange", "seeds = 5..1", "", "", {}, 1, {"the range 5..1 is empty"}},
        Wrong{"RepeatedSeed", "seeds = [1, 2, 1]", "", "", {}, 1, {"a list with 1 twice"}},
        Wrong{"HalfASeed", "seeds = [1, 2.5]", "", "", {}, 1, {"a list with 2.5"}},
        Wrong{"BothGiven", "seed = 1; seeds = 1..2", "", "", {}, 1, {"the setting `seeds` is given beside the other of `seed` and `seeds`", "note: `seed` is given here"}},
        Wrong{"BothOnTheCommandLine", "", "", "", {"--set", "train.flow.seed=1", "--set", "train.flow.seeds=1..2"}, 1, {"`seed` is set too"}},
        Wrong{"ForeignSetting", "", "", "", {"--set", "train.q.stepsize=3"}, 1, {"such as `train.flow.steps`"}},
        Wrong{"UnknownWord", "products = split", "", "", {}, 1, {"nothing named `split`", "there are `auto`, `plain`"}},
        Wrong{"UnknownWordFromOutside", "", "", "", {"--set", "train.flow.products=split"}, 1, {"nothing named `split`", "there are `auto`, `plain`"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Protocol, TheCommandLineReplacesSeedBySeedsAndBack) {
  write("x.am", script("steps = 3; batch = 16; seed = 7", ""));
  run({"--out", "a", "--set", "train.flow.seeds=[7, 9]"});
  EXPECT_TRUE(there("a/flow/seed_9/checkpoint.npz"));
  write("x.am", script("steps = 3; batch = 16; seeds = 1..3", ""));
  run({"--out", "b", "--set", "train.flow.seed=7"});
  EXPECT_EQ(checkpoint("b/flow"), checkpoint("a/flow/seed_7"));
  run({"--out", "c", "--set", "train.flow.seeds=7"});
  EXPECT_EQ(checkpoint("c/flow/seed_7"), checkpoint("b/flow"));
}

}  // namespace
}  // namespace am::testing
