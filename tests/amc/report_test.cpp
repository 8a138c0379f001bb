// `amc report`: the page and the figures of a run, made again from its folder.
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

/// Two snapshots of named columns, one of which wants to be more than a name; growth, and two dimensions, so that there is
/// everything to draw.
const std::string kScript = R"(data cells = csv("cells.csv", time = "day", columns = ["<script>alert(1)</script>", "gene"])
path q = linear(cells)
potential s(x, t) = mlp(width = 8, depth = 1)([x, t])
train flow = uam(s, q) { steps = 200; batch = 32; seed = 3 }
sample grown from flow { start = cells(0); count = 60; times = [0, 1, 2]; solver = euler(steps = 4) }
evaluate flow { against = cells; count = 20; metrics = [w2, energy]; solver = euler(steps = 4) }
)";

std::string cells() {
  std::string out = "day,<script>alert(1)</script>,gene\n";
  for (int day = 0; day < 3; ++day)
    for (int i = 0; i < 40; ++i)
      out += fmt::format("{},{},{}\n", day, day + std::sin(i), 0.5 * std::cos(1.7 * i));
  return out;
}

/// Everything that a report is made of, by name within the folder.
std::map<std::string, std::string> pages(const fs::path& folder) {
  std::map<std::string, std::string> out;
  out["report.html"] = contents(folder / "report.html");
  for (const auto& each : fs::directory_iterator(folder / "figures"))
    if (each.path().extension() == ".svg") out[each.path().filename()] = contents(each.path());
  return out;
}

/// The JSON of the page's particles.
Json motions(const std::string& page) {
  const std::string start = "id=\"motions\">";
  const size_t from = page.find(start);
  if (from == std::string::npos) return Json::array();
  return Json::parse(page.substr(from + start.size(), page.find("</script>", from) - from - start.size()));
}

class Report : public Amc {
 protected:
  void SetUp() override {
    write("cells.csv", cells());
    write("x.am", kScript);
    const Ended e = amc({"run", "x.am", "--threads", "1", "--out", "r"});
    ASSERT_EQ(e.code, 0) << e.err;
    before = pages(path("r"));
  }
  void forget_pages() {
    for (const auto& [name, text] : before)
      fs::remove(path("r") / (name == "report.html" ? name : "figures/" + name));
  }
  void expect_the_same() {
    const auto after = pages(path("r"));
    ASSERT_EQ(after.size(), before.size());
    for (const auto& [name, text] : before) EXPECT_TRUE(after.at(name) == text) << name;
  }
  std::map<std::string, std::string> before;
};

TEST_F(Report, HoldsEveryFigure) {
  for (const char* name : {"grown.svg", "grown_field.svg", "grown_growth.svg", "grown_mass.svg", "flow_training.svg",
                           "flow_gradient.svg", "flow_w2.svg", "flow_energy.svg", "report.html"})
    EXPECT_TRUE(before.count(name)) << name;
  const std::string& page = before["report.html"];
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  const Json m = motions(page)[0];
  EXPECT_EQ(m["coordinates"], Json({"<script>alert(1)</script>", "gene"}));
  EXPECT_EQ(m["time"], "day");
  EXPECT_EQ(m["reference"]["label"], "cells");
  EXPECT_EQ(m["reference"]["points"]["counts"], Json({40, 40, 40}));
  for (const char* part : {"weights", "growth", "field"}) EXPECT_TRUE(m[part].is_object()) << part;
  for (const char* part : {"drift", "potential", "growth"}) EXPECT_TRUE(m["field"][part].is_object()) << part;
  EXPECT_TRUE(holds(before["grown.svg"], "day = 1"));
  EXPECT_TRUE(holds(before["grown.svg"], "&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_TRUE(holds(page, "<math display=\"block\">"));
  // The gradient in the objective, as the script's library states it.
  EXPECT_TRUE(holds(page, "<mo>∇</mo>"));
}

TEST_F(Report, IsMadeAgainFromTheFolderAlone) {
  forget_pages();
  fs::remove(path("cells.csv"));
  fs::remove(path("x.am"));
  const Ended e = amc({"report", "r/"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds(e.out, "r/report.html"));
  expect_the_same();
}

// The script is compiled as it was for the run, and the checkpoint's functions are evaluated again.
TEST_F(Report, MakesAgainWhatTheFunctionsGive) {
  const std::string numbers = read("r/figures/grown.npz");
  fs::remove(path("r/figures/grown.npz"));
  forget_pages();
  ASSERT_EQ(amc({"report", "r"}).code, 0);
  EXPECT_TRUE(read("r/figures/grown.npz") == numbers);
  expect_the_same();
}

TEST_F(Report, GoesWithoutWhatCannotBeMadeAgain) {
  fs::remove(path("r/figures/grown.npz"));
  fs::remove(path("cells.csv"));
  const Ended e = amc({"report", "r"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds_in_order(e.out, {"without the data and the field", "cells.csv", "report: r/report.html"}));
  const std::string page = read("r/report.html");
  EXPECT_TRUE(holds(page, "there is no figures/grown.npz"));
  const Json m = motions(page)[0];
  EXPECT_TRUE(m["field"].is_null());
  EXPECT_EQ(m["points"]["counts"][0], 60);
}

// The grid of the field has what `amc eval` prints at the same points.
TEST_F(Report, FieldIsThatOfTheLearnedFunctions) {
  data::Archive grid;
  ASSERT_EQ(data::read_npz(path("r/figures/grown.npz").string(), grid).what, "");
  const data::Array &x = grid.at("grid_x"), &y = grid.at("grid_y"), &t = grid.at("grid_t"), &drift = grid.at("drift");
  const size_t side = x.count();
  std::string points = "t,x1,x2\n";
  std::vector<size_t> places;
  for (const size_t k : {size_t{0}, t.count() - 1})
    for (const auto& [i, j] : {std::pair<size_t, size_t>{0, 0}, {3, 17}, {side - 1, 5}}) {
      points += fmt::format("{},{},{}\n", t.at(k), x.at(i), y.at(j));
      places.push_back((k * side + j) * side + i);
    }
  write("points.csv", points);
  const Ended e = amc({"eval", "x.am", "--run", "r", "--at", "points.csv", "--show", "s,drift,growth"});
  ASSERT_EQ(e.code, 0) << e.err;
  const Csv values = parse_csv(e.out);
  const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-5 * (1 + std::abs(b)); };
  for (size_t n = 0; n < places.size(); ++n) {
    EXPECT_TRUE(near(grid.at("potential").at(places[n]), values.columns.at("s")[n]));
    EXPECT_TRUE(near(grid.at("growth").at(places[n]), values.columns.at("growth")[n]));
    for (size_t c = 0; c < 2; ++c)
      EXPECT_TRUE(near(drift.at(2 * places[n] + c), values.columns.at(fmt::format("drift[{}]", c))[n])) << n << " " << c;
  }
}

// Whatever an evaluation has: seeds with mean and deviation, times held out, a metric that the report does not know.
TEST_F(Report, ShowsSeedsHoldOutsAndWhateverAMetricSays) {
  write("r/evaluation.json", R"json([{"model": "flow", "against": "held", "mode": "one_step", "repeats": 2, "seeds": [11, 12],
    "comparisons": [
      {"t": 1, "generated": 400, "reference": 400,
       "w1": {"value": 0.62, "deviation": 0.004, "seed_deviation": 0.011, "by_seed": [0.612, 0.628], "floor": 0.58, "floor_deviation": 0.009},
       "fit": {"value": 0.0125, "p": 0.37, "worst": "x[1]²"}, "mmd(gamma = 1)": {"value": 0.01}},
      {"t": 2, "generated": 400, "reference": 400,
       "w1": {"value": 0.70, "deviation": 0.003, "seed_deviation": 0.008, "by_seed": [0.694, 0.706], "floor": 0.66, "floor_deviation": 0.01},
       "fit": {"value": 0.02, "p": 0.04, "worst": "x[0]"}, "mmd(gamma = 1)": {"value": 0.02}}],
    "mean": {"w1": {"value": 0.661, "deviation": 0.002, "seed_deviation": 0.0095, "by_seed": [0.653, 0.667], "floor": 0.62}},
    "definitions": {"mmd": "a distance of kernels"}, "units": "standard deviations of `cells`",
    "learned_action": {"value": 0.031, "standard_error": 0.002}, "certificate": {"value": 0.031, "p": 0.42}, "objective": -1.9, "objective_seed_deviation": 0.028,
    "hold_out": {"mode": "one_step", "comparisons": [
        {"t": 1, "from": 0, "folder": "flow/without_1", "w1": {"value": 0.82, "seed_deviation": 0.02, "by_seed": [0.80, 0.84], "floor": 0.58}},
        {"t": 2, "from": 1, "folder": "flow/without_2", "w1": {"value": 0.86, "seed_deviation": 0.03, "by_seed": [0.83, 0.89], "floor": 0.6}}],
      "mean": {"w1": {"value": 0.84, "seed_deviation": 0.025, "by_seed": [0.815, 0.865], "floor": 0.59}}}}])json");
  const Ended e = amc({"report", "r"});
  ASSERT_EQ(e.code, 0) << e.err;
  const std::string page = read("r/report.html");
  EXPECT_TRUE(holds_in_order(page, {"flow against held, one step", "<th class=\"n\">day</th>", ">w1<", ">floor<", ">fit<", ">p<",
                                    "0.62 ± 0.011", "0.58", "0.0125", "0.37", "0.01", "mean", "0.661 ± 0.0095", "0.62",
                                    "± is the standard deviation over 2 seeds", "flow by seed", "11", "0.653", "12", "0.667",
                                    "mean ± std", "0.661 ± 0.0095", "flow with times held out", ">from<", "0.82 ± 0.02",
                                    "0.84 ± 0.025", "carried from the snapshot before", "held out, by seed", "0.865"}));
  EXPECT_TRUE(holds_in_order(page, {"objective of flow", "−1.9 ± 0.028"}));
  EXPECT_TRUE(holds_in_order(page, {"learned action of flow", "0.031 ± 0.002", "certificate of flow", "0.031, p 0.42"}));
  // Bonferroni: twice the least of two.
  EXPECT_TRUE(holds_in_order(page, {"fit of flow", "p = 0.08 for all 2 times together, least at day = 2 (x[0])"}));
  EXPECT_TRUE(holds_in_order(page, {"mmd: a distance of kernels.", "Distances are in standard deviations of `cells`."}));
  for (const char* figure : {"r/figures/flow_fit.svg", "r/figures/flow_mmd_gamma_1.svg"}) EXPECT_TRUE(there(figure)) << figure;
  EXPECT_TRUE(holds_in_order(read("r/figures/flow_w1.svg"), {"w1, one step", "time held out", "sampling floor"}));
}

TEST_F(Report, SaysWhatAnUnfinishedRunHasNot) {
  for (const char* name : {"r/paths.npz", "r/evaluation.json", "r/report.html"}) fs::remove(path(name));
  std::string metrics = read("r/flow/metrics.csv");
  // As a run leaves it that was killed while it wrote.
  write("r/flow/metrics.csv", metrics.substr(0, metrics.find("\n100,") + 8));
  const Ended e = amc({"report", "r"});
  ASSERT_EQ(e.code, 0) << e.err;
  const std::string page = read("r/report.html");
  EXPECT_TRUE(holds(page, "There are no particles of grown"));
  EXPECT_TRUE(holds(page, "flow is not finished: 99 of 200 steps are done."));
  EXPECT_TRUE(holds(page, "potential s(x, t)"));
  EXPECT_TRUE(motions(page).empty());
  fs::remove_all(path("r/flow"));
  ASSERT_EQ(amc({"report", "r"}).code, 0);
  EXPECT_TRUE(holds(read("r/report.html"), "flow has no curves"));
}

TEST_F(Report, RefusesDamagedFiles) {
  const std::string page = read("r/report.html");
  for (const std::string name : {"config.json", "evaluation.json", "paths.npz", "figures/grown.npz", "flow/metrics.csv"}) {
    SCOPED_TRACE(name);
    const std::string whole = read("r/" + name);
    for (const std::string& damaged : {whole.substr(0, whole.size() / 3), std::string("{\"models\": [3]}"), std::string("[{\"model\": 1, \"comparisons\": [3], \"seeds\": 4}]"), std::string()}) {
      if (name == "flow/metrics.csv" && damaged.starts_with(whole.substr(0, 60))) continue;  // a shorter training
      write("r/" + name, damaged);
      const Ended e = amc({"report", "r"});
      EXPECT_EQ(e.code, 2) << e.out << e.err;
      EXPECT_TRUE(holds_in_order(e.err, {"r/" + name, "[MalformedFile]"})) << damaged.substr(0, 80);
    }
    write("r/" + name, whole);
  }
  EXPECT_TRUE(read("r/report.html") == page);
  // Names in config.json become names of files.
  std::string config = read("r/config.json");
  for (size_t at; (at = config.find("\"grown\"")) != std::string::npos;) config.replace(at, 7, "\"../../grown\"");
  write("r/config.json", config);
  EXPECT_EQ(amc({"report", "r"}).code, 2);
  EXPECT_FALSE(there("grown.svg"));
}

TEST_F(Amc, ReportNeedsTheFolderOfARun) {
  write("file", "");
  std::filesystem::create_directories(path("empty"));
  for (const auto& [folder, why] : {std::pair{"nowhere", "there is no such folder"}, {"file", "it is a file"}, {"empty", "it has no `config.json`"}}) {
    const Ended e = amc({"report", folder});
    EXPECT_EQ(e.code, 1);
    EXPECT_TRUE(holds_in_order(e.err, {fmt::format("`{}` is not the folder of a run: {}", folder, why), "amc run SCRIPT"}));
  }
}

}  // namespace
}  // namespace am::testing
