// A run that was interrupted goes on to the same bits, and a checkpoint that does not fit is refused and left alone.
#include <signal.h>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

constexpr int kSteps = 300;

/// A batch large enough that a signal arrives well before the last step.
std::string slow_script() { return small_script("steps = 300; batch = 20_000; ema = 0.99; seed = 5; optimizer = adam(lr = 1e-2, warmup = 20, decay = cosine)"); }

int step_of(const std::filesystem::path& checkpoint) {
  data::Archive archive;
  EXPECT_EQ(data::read_npz(checkpoint.string(), archive).what, "");
  return static_cast<int>(archive.at("step").at(0));
}

void expect_increasing_steps(const std::string& metrics, int last) {
  const Csv csv = parse_csv(metrics);
  const auto& steps = csv.columns.at("step");
  ASSERT_FALSE(steps.empty());
  EXPECT_EQ(steps.front(), 1);
  EXPECT_EQ(steps.back(), last);
  for (size_t i = 1; i < steps.size(); ++i) EXPECT_LT(steps[i - 1], steps[i]);
}

class Resume : public Amc {
 protected:
  /// Runs, sends `number` once training goes, and gives the end.
  Ended interrupted(std::vector<std::string> words, const std::string& sign, int number) {
    Process p(folder(), words);
    EXPECT_TRUE(p.says(sign));
    p.signal(number);
    return p.wait();
  }
};

TEST_F(Resume, InterruptedTwiceGivesTheSameBits) {
  write("x.am", slow_script());
  ASSERT_EQ(amc({"run", "x.am", "--out", "whole"}).code, 0);
  EXPECT_EQ(step_of(path("whole/flow/checkpoint.npz")), kSteps);

  const Ended first = interrupted({"run", "x.am", "--out", "parts"}, "first step", SIGINT);
  EXPECT_EQ(first.code, 5) << first.err;
  EXPECT_TRUE(holds_in_order(first.out, {"flow: stopped at step ", "parts/flow/checkpoint.npz", "--resume"}));
  const int stopped = step_of(path("parts/flow/checkpoint.npz"));
  EXPECT_GE(stopped, 1);
  ASSERT_LT(stopped, kSteps);
  EXPECT_NE(read("parts/flow/checkpoint.npz"), read("whole/flow/checkpoint.npz"));

  const Ended second = interrupted({"run", "x.am", "--out", "parts", "--resume"}, "steps of 20,000 samples", SIGTERM);
  EXPECT_EQ(second.code, 5) << second.err;
  EXPECT_TRUE(holds(second.out, fmt::format("resumed at step {}\n", stopped)));
  const int again = step_of(path("parts/flow/checkpoint.npz"));
  EXPECT_GT(again, stopped);
  ASSERT_LT(again, kSteps);

  const Ended last = amc({"run", "x.am", "--out", "parts", "--resume"});
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_TRUE(holds(last.out, fmt::format("resumed at step {}\n", again)));
  // Parameters, the optimizer's memory, averages and the step: the files are the same, byte for byte.
  EXPECT_EQ(read("parts/flow/checkpoint.npz"), read("whole/flow/checkpoint.npz"));
  expect_increasing_steps(read("parts/flow/metrics.csv"), kSteps);

  // After the end there is nothing left to train.
  const std::string metrics = read("parts/flow/metrics.csv");
  EXPECT_EQ(amc({"run", "x.am", "--out", "parts", "--resume"}).code, 0);
  EXPECT_EQ(read("parts/flow/checkpoint.npz"), read("whole/flow/checkpoint.npz"));
  EXPECT_EQ(read("parts/flow/metrics.csv"), metrics);
}

TEST_F(Resume, AnInterruptedRunDoesNotSampleOrReport) {
  write("x.am", slow_script() + "sample p from flow { start = q(0); count = 10; times = [0, 1] }\n");
  EXPECT_EQ(interrupted({"run", "x.am", "--out", "o"}, "first step", SIGINT).code, 5);
  EXPECT_FALSE(there("o/paths.npz"));
  EXPECT_FALSE(there("o/report.html"));
}

TEST_F(Resume, WithoutACheckpointStartsAnew) {
  write("x.am", small_script("steps = 3; batch = 16"));
  const Ended e = amc({"run", "x.am", "--out", "o", "--resume"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds(e.out, "no checkpoint at o/flow/checkpoint.npz, starting anew"));
  EXPECT_EQ(step_of(path("o/flow/checkpoint.npz")), 3);
}

struct Refusal {
  std::string name;
  std::string script;                // instead of the one that trained; empty: the same
  std::vector<std::string> options;
  std::string (*damage)(std::string file);
  std::vector<std::string> says;
};
void PrintTo(const Refusal& r, std::ostream* out) { *out << r.name; }

std::string keep(std::string file) { return file; }
std::string truncate(std::string file) { return file.substr(0, file.size() / 2); }
std::string empty(std::string) { return ""; }
std::string not_a_zip(std::string) { return "step,loss\n1,2\n"; }
/// One bit within the first member's numbers.
std::string flip(std::string file) {
  file[200] = static_cast<char>(file[200] ^ 1);
  return file;
}

class RefusedCheckpoints : public Resume, public ::testing::WithParamInterface<Refusal> {};

TEST_P(RefusedCheckpoints, AreNamedAndLeftAlone) {
  const Refusal& r = GetParam();
  write("x.am", small_script("steps = 3; batch = 16"));
  ASSERT_EQ(amc({"run", "x.am", "--out", "o"}).code, 0);
  const std::string damaged = r.damage(read("o/flow/checkpoint.npz"));
  write("o/flow/checkpoint.npz", damaged);
  const std::string config = read("o/config.json"), script = read("o/script.am"), metrics = read("o/flow/metrics.csv");
  if (!r.script.empty()) write("x.am", r.script);
  std::vector<std::string> words{"run", "x.am", "--out", "o", "--resume"};
  words.insert(words.end(), r.options.begin(), r.options.end());
  const Ended e = amc(words);
  EXPECT_EQ(e.code, 2) << e.err;
  std::vector<std::string> says{"error: the checkpoint `o/flow/checkpoint.npz` cannot be used: "};
  says.insert(says.end(), r.says.begin(), r.says.end());
  says.insert(says.end(), {"[BadCheckpoint]", "train flow = am(s, q)", "help: the file is left as it is", "--resume"});
  EXPECT_TRUE(holds_in_order(e.err, says));
  EXPECT_EQ(read("o/flow/checkpoint.npz"), damaged);
  EXPECT_EQ(read("o/config.json"), config);
  EXPECT_EQ(read("o/script.am"), script);
  EXPECT_EQ(read("o/flow/metrics.csv"), metrics);
}

std::string with_net(const std::string& net) {
  std::string script = small_script("steps = 3; batch = 16");
  const std::string old = "mlp(width = 8, depth = 2)";
  return script.replace(script.find(old), old.size(), net);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedCheckpoints,
    ::testing::Values(Refusal{"Truncated", "", {}, truncate, {}},
                      Refusal{"Empty", "", {}, empty, {}},
                      Refusal{"NotAZip", "", {}, not_a_zip, {}},
                      Refusal{"FlippedBit", "", {}, flip, {}},
                      Refusal{"OtherShapes", with_net("mlp(width = 9, depth = 2)"), {}, keep, {"`parameter/s.mlp.linear.W`", "R[9, 3]"}},
                      Refusal{"MoreLayers", with_net("mlp(width = 8, depth = 3)"), {}, keep, {"linear3", "script"}},
                      Refusal{"FewerLayers", with_net("mlp(width = 8, depth = 1)"), {}, keep, {"`"}},
                      Refusal{"OtherNet", with_net("resnet(width = 8, depth = 2)"), {}, keep, {"`parameter/s.resnet.linear.W`", "another script"}},
                      Refusal{"OtherOptimizer", "", {"--set", "train.flow.optimizer=sgd(lr = 1e-3)"}, keep, {"`state/s.mlp.linear.W/1`"}},
                      Refusal{"NoAverages", "", {"--set", "train.flow.ema=0.9"}, keep, {"`average/s.mlp.linear.W`"}},
                      Refusal{"OtherPrecision", "", {"--set", "train.flow.precision=f64"}, keep, {"`parameter/s.mlp.linear.W`", "<f4", "f64"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Amc, ResumingWhatIsDoneSaysThatNothingIsLeftToTrain) {
  write("x.am", small_script("steps = 6"));
  ASSERT_EQ(amc({"run", "x.am"}).code, 0);
  const Ended fewer = amc({"run", "x.am", "--resume", "--set", "train.flow.steps=4"});
  EXPECT_EQ(fewer.code, 0) << fewer.err;
  EXPECT_TRUE(holds(fewer.out, "flow: nothing to train: the checkpoint is of step 6, and `steps` is 4"));
  EXPECT_FALSE(holds(fewer.out, "steps/s"));
}

}  // namespace
}  // namespace am::testing
