// What `amc run` leaves behind, read back with other readers than its writers where there are some.
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

using Json = nlohmann::json;

/// A script with growth, so that particles carry weights, two samplings and an evaluation.
const std::string kGrowth = R"(path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + z
}
potential s(x, t) = mlp(width = 8, depth = 2)([x, t])
train flow = uam(s, q) { steps = 30; batch = 32; ema = 0.9; seed = 3 }
sample grown from flow { start = q(0); count = 40; times = [0, 0.5, 1]; solver = rk4(steps = 4) }
evaluate flow { against = q; count = 50; times = [0, 0.5, 1]; metrics = [w2, spread]; solver = heun(steps = 4) }
)";

data::Archive archive(const std::filesystem::path& path) {
  data::Archive out;
  const data::FileError error = data::read_npz(path.string(), out);
  EXPECT_EQ(error.what, "");
  return out;
}

class RunFolder : public Amc {
 protected:
  void SetUp() override {
    write("growth.am", kGrowth);
    ended = amc({"run", "growth.am"});
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  Ended ended;
};

TEST_F(RunFolder, IsKeptWhenTheScriptRunsAgain) {
  const std::string before = read("runs/growth/flow/checkpoint.npz");
  const Ended again = amc({"run", "growth.am", "--set", "train.flow.seed=4", "--out", "runs/growth/"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(holds(again.out, "runs/growth.1"));
  EXPECT_EQ(read("runs/growth.1/flow/checkpoint.npz"), before);
  EXPECT_NE(read("runs/growth/flow/checkpoint.npz"), before);
}

TEST_F(RunFolder, HoldsEverythingThatWasPromised) {
  for (const std::string name : {"script.am", "config.json", "flow/metrics.csv", "flow/checkpoint.npz", "paths.npz", "evaluation.json", "report.html",
                                 "figures/grown.svg", "figures/flow_training.svg", "figures/flow_w2.svg", "figures/flow_spread.svg"})
    EXPECT_TRUE(there("runs/growth/" + name)) << name;
  EXPECT_EQ(read("runs/growth/script.am"), kGrowth);
  for (const auto& file : std::filesystem::recursive_directory_iterator(path("runs")))
    EXPECT_EQ(file.path().string().find(".tmp"), std::string::npos) << file.path();

  const Json config = Json::parse(read("runs/growth/config.json"));
  EXPECT_EQ(config["script"], "growth.am");
  EXPECT_EQ(config["models"]["flow"]["steps"], 30);
  EXPECT_EQ(config["models"]["flow"]["batch"], 32);
  EXPECT_EQ(config["models"]["flow"]["seed"], 3);
  EXPECT_EQ(config["models"]["flow"]["precision"], "f32");
  EXPECT_EQ(config["models"]["flow"]["terms"].size(), 3u);
  for (const char* key : {"version", "llvm", "cpu", "threads"}) EXPECT_TRUE(config.contains(key)) << key;

  // mlp(8, 2) on [x, t]: 3 → 8 → 8 → 1, and the optimizer keeps two tensors for each.
  const data::Archive checkpoint = archive(path("runs/growth/flow/checkpoint.npz"));
  EXPECT_EQ(checkpoint.size(), 6u * 4 + 2);
  const data::Array& w = checkpoint.at("parameter/s.mlp.linear.W");
  EXPECT_EQ(w.shape, (std::vector<size_t>{8, 3}));
  EXPECT_EQ(w.dtype, "<f4");
  EXPECT_TRUE(checkpoint.count("state/s.mlp.linear.W/1") && checkpoint.count("average/s.mlp.linear3.b"));
  EXPECT_EQ(checkpoint.at("step").at(0), 30);

  const Csv metrics = parse_csv(read("runs/growth/flow/metrics.csv"));
  EXPECT_EQ(metrics.header, (std::vector<std::string>{"step", "seconds", "objective", "gradient_norm", "rate", "term1", "term2", "term3"}));
  ASSERT_EQ(metrics.columns.at("step").size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(metrics.columns.at("step")[i], i + 1);
    const double sum = metrics.columns.at("term1")[i] + metrics.columns.at("term2")[i] + metrics.columns.at("term3")[i];
    EXPECT_NEAR(metrics.columns.at("objective")[i], sum, 1e-4 * (1 + std::abs(sum)));
  }

  for (const std::string figure : {"figures/grown.svg", "figures/flow_training.svg"}) EXPECT_TRUE(holds_in_order(read("runs/growth/" + figure), {"<svg", "</svg>"}));
  const std::string html = read("runs/growth/report.html");
  EXPECT_TRUE(holds_in_order(html, {"<html", "</html>"}));
  EXPECT_TRUE(holds(html, "potential s(x, t)"));
}

TEST_F(RunFolder, HoldsWeightedParticles) {
  const data::Archive paths = archive(path("runs/growth/paths.npz"));
  const data::Array &x = paths.at("x"), &t = paths.at("t"), &w = paths.at("w");
  EXPECT_EQ(x.shape, (std::vector<size_t>{3, 40, 2}));
  EXPECT_EQ(t.shape, (std::vector<size_t>{3}));
  EXPECT_EQ(w.shape, (std::vector<size_t>{3, 40}));
  EXPECT_EQ(t.at(0), 0);
  EXPECT_EQ(t.at(1), 0.5);
  EXPECT_EQ(t.at(2), 1);
  for (size_t k = 0; k < 3; ++k) {
    double sum = 0, least = 1, most = 0;
    for (size_t i = 0; i < 40; ++i) {
      sum += w.at(k * 40 + i);
      least = std::min(least, w.at(k * 40 + i)), most = std::max(most, w.at(k * 40 + i));
    }
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_GE(least, 0);
    // All are equal at the start and no longer so afterwards.
    if (k == 0)
      EXPECT_NEAR(most, least, 1e-9);
    else
      EXPECT_GT(most, least + 1e-6);
  }
  EXPECT_NEAR(paths.at("mass").at(0), 1, 1e-6);
  for (size_t i = 0; i < x.count(); ++i) ASSERT_TRUE(std::isfinite(x.at(i)));
  EXPECT_NE(x.at(0), x.at(80)) << "particles do not move";
}

TEST_F(RunFolder, HoldsFiguresWithTheirDefinitions) {
  const Json evaluation = Json::parse(read("runs/growth/evaluation.json"));
  ASSERT_EQ(evaluation.size(), 1u);
  const Json& e = evaluation[0];
  EXPECT_EQ(e["model"], "flow");
  EXPECT_EQ(e["mode"], "from_start");
  EXPECT_TRUE(e["definitions"].contains("w2"));
  ASSERT_EQ(e["comparisons"].size(), 2u);
  EXPECT_EQ(e["comparisons"][0]["t"], 0.5);
  for (const Json& row : e["comparisons"]) {
    EXPECT_EQ(row["generated"], 50);
    EXPECT_EQ(row["reference"], 50);
    EXPECT_GT(row["w2"]["value"].get<double>(), 0);
    EXPECT_GT(row["w2"]["floor"].get<double>(), 0);
    EXPECT_GT(row["spread"]["value"].get<double>(), 0);
  }
  EXPECT_TRUE(e["objective"].is_number());
  // What the terminal shows are the same figures.
  EXPECT_TRUE(holds(ended.out, fmt::format("{:.4f}", e["comparisons"][1]["w2"]["value"].get<double>())));
  EXPECT_TRUE(holds(ended.out, fmt::format("objective {:.5f}", e["objective"].get<double>())));
}

TEST_F(Amc, DrawsParticlesAsImages) {
  write("x.am", R"(path q(t) over 0..1 { z ~ normal(4); z }
potential s(x, t) { param a: R = 0; a·sum(x) }
train m = am(s, q) { steps = 1; batch = 16 }
sample p from m { start = q(0); count = 30; times = [0, 1]; picture = images(range = −2..2, rows = 3) }
)");
  ASSERT_EQ(amc({"run", "x.am"}).code, 0);
  EXPECT_EQ(read("runs/x/paths.png").substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_TRUE(there("runs/x/paths.npz"));
}

/// Two models with one flow: of one the density is known at the start alone, of the other at every time.
TEST_F(Amc, ReportsLikelihoodsWithTheirErrors) {
  write("x.am", R"(path q(t) over 0..1 { z ~ normal(2); z }
potential s(x, t) { param a: R = 0; a·sum(x) }
train one = am(s, q) { steps = 1; batch = 16 }
train two = am(s, q) { steps = 1; batch = 16 }
evaluate one { against = q; times = [0, ½, 1]; metrics = [energy, nll]; density = fn(x) normal_log_density(x) }
evaluate two { against = q; times = [0, ½, 1]; metrics = nll; density = fn(x, t) normal_log_density(x) }
)");
  const Ended e = amc({"run", "x.am", "--out", "o"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds_in_order(e.out, {"energy", "floor", "nll", "± error", "bits/dim", "floor", "–", "in nats"}));
  const Json evaluation = Json::parse(read("o/evaluation.json"));
  ASSERT_EQ(evaluation.size(), 2u);
  EXPECT_EQ(evaluation[0]["density"], "fn(x) normal_log_density(x)");
  for (const char* name : {"energy", "nll"}) EXPECT_TRUE(evaluation[0]["definitions"].contains(name));
  for (const Json& row : evaluation[0]["comparisons"]) {
    EXPECT_TRUE(row["energy"].contains("floor"));
    EXPECT_FALSE(row["nll"].contains("floor"));
    EXPECT_FALSE(row["nll"].contains("samples_without_density"));
    EXPECT_GT(row["nll"]["standard_error"].get<double>(), 0);
    EXPECT_NEAR(row["nll"]["bits_per_dimension"].get<double>(), row["nll"]["value"].get<double>() / (2 * std::log(2)), 1e-9);
    EXPECT_TRUE(holds(e.out, fmt::format("{:.4f}", row["nll"]["standard_error"].get<double>())));
  }
  for (const Json& row : evaluation[1]["comparisons"])
    EXPECT_NEAR(row["nll"]["value"].get<double>(), row["nll"]["floor"].get<double>(), 1e-5);
  EXPECT_TRUE(there("o/figures/one_nll.svg"));
}

/// A script in one folder, its data beside it, and the working folder elsewhere.
class Elsewhere : public Amc {
 protected:
  void SetUp() override {
    write("study/x.am", R"(data cells = csv("cells.csv", time = "t", columns = "x1".."x2")
path q = linear(cells)
potential s(x, t) = mlp(width = 4, depth = 1)([x, t])
train flow = am(s, q) { steps = 5; batch = 16 }
sample p from flow { start = cells(0); times = [0, 1]; solver = euler(steps = 2) }
)");
    write("study/cells.csv", "t,x1,x2\n0,1,2\n0,2,3\n0,5,1\n1,3,4\n1,4,6\n");
    std::filesystem::create_directories(path("work"));
  }
};

TEST_F(Elsewhere, DataLiesBesideTheScriptAndRunsInTheWorkingFolder) {
  const Ended e = amc({"run", "../study/x.am", "--threads", "1"}, "work");
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(there("work/runs/x/flow/checkpoint.npz"));
  EXPECT_FALSE(there("study/runs"));
  EXPECT_EQ(Json::parse(read("work/runs/x/config.json"))["threads"], 1);
  // Every row of the snapshot starts, in order.
  const data::Archive paths = archive(path("work/runs/x/paths.npz"));
  const data::Array& x = paths.at("x");
  ASSERT_EQ(x.shape, (std::vector<size_t>{2, 3, 2}));
  const double rows[] = {1, 2, 2, 3, 5, 1};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(x.at(i), rows[i]);
  EXPECT_FALSE(paths.count("w"));
}

TEST_F(Elsewhere, OtherDataAndOtherFoldersComeFromTheCommandLine) {
  // The file of --data is the caller's, so it is relative to the caller's folder.
  write("work/mine.csv", "t,x1,x2\n0,7,8\n0,9,1\n1,3,4\n");
  const Ended e = amc({"run", "../study/x.am", "--data", "cells=mine.csv", "--out", "deep/er/out", "--set", "train.flow.steps=2", "--set", "train.flow.seed=9"}, "work");
  ASSERT_EQ(e.code, 0) << e.err;
  const data::Archive paths = archive(path("work/deep/er/out/paths.npz"));
  ASSERT_EQ(paths.at("x").shape, (std::vector<size_t>{2, 2, 2}));
  EXPECT_EQ(paths.at("x").at(0), 7);
  const Json config = Json::parse(read("work/deep/er/out/config.json"));
  EXPECT_EQ(config["models"]["flow"]["steps"], 2);
  EXPECT_EQ(config["models"]["flow"]["seed"], 9);
  EXPECT_EQ(config["data"][0], "cells=mine.csv");
}

TEST_F(Amc, ConstantsAreReplaced) {
  write("x.am", "const n = 3\n" + small_script("steps = n; batch = 16"));
  ASSERT_EQ(amc({"run", "x.am", "--const", "n=7"}).code, 0);
  EXPECT_EQ(Json::parse(read("runs/x/config.json"))["models"]["flow"]["steps"], 7);
  EXPECT_EQ(parse_csv(read("runs/x/flow/metrics.csv")).columns.at("step").back(), 7);
}

TEST_F(Amc, ModelsAreTrainedOneByOneFromTheirOwnParameters) {
  write("x.am", small_script("steps = 4; batch = 16; seed = 1") + "train other = am(s, q) { steps = 4; batch = 16; seed = 2 }\n" +
                    "sample a from flow { start = q(0); count = 3; times = [0, 1]; solver = euler(steps = 2) }\n" +
                    "sample b from other { start = q(0); count = 4; times = [0, 1]; solver = euler(steps = 2) }\n");
  const Ended e = amc({"run", "x.am"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_NE(read("runs/x/flow/checkpoint.npz"), read("runs/x/other/checkpoint.npz"));
  EXPECT_EQ(archive(path("runs/x/a.npz")).at("x").shape[1], 3u);
  EXPECT_EQ(archive(path("runs/x/b.npz")).at("x").shape[1], 4u);
}

}  // namespace
}  // namespace am::testing
