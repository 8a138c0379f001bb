// What a script says about its data, from the file to the files of a run: parts, units, weights, masses, genes.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"
#include "tests/data/anndata_files.h"

namespace am::testing {
namespace {

using Json = nlohmann::json;

std::vector<double> member(const std::filesystem::path& path, const std::string& name) {
  data::Archive archive;
  EXPECT_EQ(data::read_npz(path.string(), archive).what, "");
  std::vector<double> out;
  if (archive.count(name) == 0) return out;
  for (size_t k = 0; k < archive.at(name).count(); ++k) out.push_back(archive.at(name).at(k));
  return out;
}

/// Cells at times 0, 1, 2 about (1000 + 5·t, 3): the coordinates have scales of 50 and 0.1. Column `w` is the row's number
/// at its time.
std::string cells(int rows) {
  std::string out = "t,w,a,b\n";
  for (int t = 0; t < 3; ++t)
    for (int k = 0; k < rows; ++k)
      out += fmt::format("{},{},{},{}\n", t, k, 1000 + 5 * t + 50 * std::sin(2.4 * k + t), 3 + 0.1 * std::cos(1.7 * k));
  return out;
}

const std::string kModel = R"(path q = linear(kept)
potential s(x, t) = mlp(8, 1)([x, t])
train m = am(s, q) { steps = 2; batch = 16; precision = f64 }
)";

TEST_F(Amc, UndoesStandardisationInItsOutputs) {
  write("cells.csv", cells(20));
  write("x.am", "data kept = csv(\"cells.csv\", time = \"t\", columns = [\"a\", \"b\"], keep = 0.5, standardise = true)\n" +
                    kModel + "data test = held_out(kept)\nsample p from m { start = kept(0); times = [0, 1] }\n"
                             "evaluate m { against = test; metrics = w2; mode = one_step }\n");
  Ended run = amc({"run", "x.am", "--out", "o"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_FALSE(holds(run.err, "warning")) << run.err;  // held-out rows of the same file, in the same units
  const std::vector<double> x = member(path("o/paths.npz"), "x");
  ASSERT_EQ(x.size(), 2u * 10 * 2);
  // The particles start as the ten kept rows of time 0, as the file has them.
  const std::vector<double> known = parse_csv(read("cells.csv")).columns.at("a");
  for (size_t k = 0; k < 10; ++k) {
    EXPECT_TRUE(std::any_of(known.begin(), known.begin() + 20, [&](double a) { return std::abs(a - x[2 * k]) < 1e-9; }));
    EXPECT_NEAR(x[2 * k + 1], 3, 0.1 + 1e-9);
  }
  run = amc({"run", "x.am", "--out", "n", "--set", "sample.p.coordinates=standardised"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::vector<double> y = member(path("n/paths.npz"), "x");
  const double scale = (x[2] - x[0]) / (y[2] - y[0]);
  for (size_t k = 0; k < 20; ++k) {
    EXPECT_LT(std::abs(y[2 * k]), 5);
    EXPECT_NEAR(x[2 * k] - x[0], scale * (y[2 * k] - y[0]), 1e-8);
  }
  // `amc eval` takes points of the file and gives its velocities.
  write("at.csv", fmt::format("t,x1,x2\n0,{:.17g},{:.17g}\n", x[0], x[1]));
  write("at_model.csv", fmt::format("t,x1,x2\n0,{:.17g},{:.17g}\n", y[0], y[1]));
  const Ended of_file = amc({"eval", "x.am", "--run", "o", "--at", "at.csv", "--show", "drift"});
  const Ended of_model =
      amc({"eval", "x.am", "--run", "o", "--at", "at_model.csv", "--show", "drift,Δs", "--coordinates", "standardised"});
  ASSERT_EQ(of_file.code, 0) << of_file.err;
  ASSERT_EQ(of_model.code, 0) << of_model.err;
  const double v = parse_csv(of_file.out).columns.at("drift[0]")[0];
  EXPECT_NEAR(v, scale * parse_csv(of_model.out).columns.at("drift[0]")[0], 1e-7 * std::abs(v));
  const Ended no_laplacian = amc({"eval", "x.am", "--at", "at.csv", "--show", "Δs"});
  EXPECT_EQ(no_laplacian.code, 1);
  EXPECT_TRUE(holds(no_laplacian.err, "--coordinates=standardised"));
}

TEST_F(Amc, WarnsOfDataInOtherUnits) {
  write("cells.csv", cells(20));
  const std::string declared =
      "data kept = csv(\"cells.csv\", time = \"t\", columns = [\"a\", \"b\"], keep = 0.5, standardise = true)\n" + kModel;
  const auto says = [&](const std::string& test) {
    write("x.am", declared + "data test = " + test + "\nevaluate m { against = test; metrics = w2 }\n");
    const Ended check = amc({"check", "x.am"});
    EXPECT_EQ(check.code, 0) << check.err;
    return check.err;
  };
  EXPECT_TRUE(holds(says("csv(\"cells.csv\", time = \"t\", columns = [\"a\", \"b\"])"),
                    "`test` is in the units of its file, and `m` is standardised by the moments of `kept`"));
  EXPECT_TRUE(holds(says("csv(\"cells.csv\", time = \"t\", columns = [\"a\", \"b\"], standardise = kept)"), "[DataUsedTwice]"));
  EXPECT_EQ(says("held_out(kept)"), "");
}

TEST_F(Amc, DrawsAndMeasuresByWeight) {
  // Of two places 0 and 10 at each time, the second has three times the weight of the first.
  write("two.csv", "t,w,x\n0,1,0\n0,3,10\n1,1,0\n1,3,10\n");
  // Means of s = x at draws of each path: 7.5 at every time, and 2.5 more or less without weights.
  for (const char* path : {"linear(two)", "ot(two, blur = 0)", "mixture(two)", "nearest(two)"}) {
    write("x.am", fmt::format("data two = csv(\"two.csv\", time = \"t\", weight = \"w\")\npath q = {}\n"
                              "potential s(x, t) {{ param p: R = 0; p·x }}\n"
                              "dynamics mean(s, q) {{ minimize E[x ~ q(0.5)] (x + s(x, 0.5)); drift(x, t) = ∇s(x, t) }}\n"
                              "train m = mean(s, q) {{ steps = 1; batch = 100_000; optimizer = sgd(lr = 0) }}\n"
                              "evaluate m {{ against = two; metrics = [w1, spread] }}\n"
                              "sample p from m {{ start = two(0); times = [0, 1] }}\n",
                              path));
    const Ended run = amc({"run", "x.am", "--out", "o", "--threads", "1"});
    ASSERT_EQ(run.code, 0) << run.err;
    const Json e = Json::parse(read("o/evaluation.json"))[0];
    // 262,144 draws with a standard deviation of at most 4.33, 0.0085 for their mean: five of these.
    EXPECT_NEAR(e["objective"].get<double>(), 7.5, 0.043) << path;
    // The model stands still: the weighted start is the weighted end.
    EXPECT_NEAR(e["comparisons"][0]["w1"]["value"].get<double>(), 0, 1e-6);
    EXPECT_EQ(member(this->path("o/paths.npz"), "w"), (std::vector<double>{0.25, 0.75, 0.25, 0.75})) << path;
  }
}

TEST_F(Amc, LearnsTheMassThatTheDataState) {
  // One place, and a mass that doubles: dm/dt = g·m with g = log 2.
  std::string rows = "t,x\n";
  for (int t = 0; t < 2; ++t)
    for (int k = 0; k < 50; ++k) rows += fmt::format("{},{}\n", t, std::sin(1.3 * k));
  write("still.csv", rows);
  write("x.am", R"(data still = csv("still.csv", time = "t", mass = [3, 6])
path q = ot(still, blur = 0)
potential s(x, t) { param a: R = 0; param b: R = 0; param c: R = 0; a + b·t + c·x }
train m = uam(s, q) { steps = 2_000; batch = 256; optimizer = adam(lr = 2e-2, decay = cosine); precision = f64 }
sample p from m { start = still(0); times = [0, 0.5, 1]; solver = rk4(steps = 20) }
)");
  const Ended run = amc({"run", "x.am", "--out", "o", "--threads", "1"});
  ASSERT_EQ(run.code, 0) << run.err;
  // The mass between two times grows at a constant rate: 1, √2, 2.
  const std::vector<double> mass = member(path("o/paths.npz"), "mass");
  ASSERT_EQ(mass.size(), 3u);
  EXPECT_NEAR(mass[1], std::sqrt(2), 0.02);
  EXPECT_NEAR(mass[2], 2, 0.02);
}

TEST_F(Amc, GivesGenesBack) {
  const data::testing::Folder folder;
  write("cells.h5ad", data::testing::contents(data::testing::new_layout(folder)));
  write("x.am", R"(data cells = h5ad("cells.h5ad", time = "day", standardise = true)
path q = linear(cells)
potential s(x, t) = mlp(4, 1)([x, t])
train m = am(s, q) { steps = 1; batch = 16; precision = f64 }
sample p from m { start = cells(0); times = [0, 3]; coordinates = genes; genes = ["Pou5f1", "Sox2"] }
)");
  const Ended run = amc({"run", "x.am", "--out", "o"});
  ASSERT_EQ(run.code, 0) << run.err;
  // Two cells at day 0 with the components (20, 21) and (50, 51); loadings (1, 2), (3, 4), (5, 6); no mean is recorded.
  const std::vector<double> x = member(path("o/paths.npz"), "x");
  ASSERT_EQ(x.size(), 2u * 2 * 2);
  const double expected[] = {5 * 20 + 6 * 21, 20 + 2 * 21, 5 * 50 + 6 * 51, 50 + 2 * 51};
  for (size_t k = 0; k < 4; ++k) EXPECT_NEAR(x[k], expected[k], 1e-9);
  const std::vector<double> names = member(path("o/paths.npz"), "genes");
  EXPECT_EQ(std::string(names.begin(), names.end()), "Pou5f1\nSox2");
  // Velocities are the loadings times those of the components.
  write("at.csv", "t,x1,x2\n0,20,21\n");
  const Ended pcs = amc({"eval", "x.am", "--run", "o", "--at", "at.csv", "--show", "drift"});
  const Ended genes = amc({"eval", "x.am", "--run", "o", "--at", "at.csv", "--show", "drift", "--coordinates=genes"});
  ASSERT_EQ(genes.code, 0) << genes.err;
  const auto v = parse_csv(pcs.out).columns, g = parse_csv(genes.out).columns;
  const double first = v.at("drift[0]")[0], second = v.at("drift[1]")[0];
  EXPECT_NE(first, 0);
  EXPECT_NEAR(g.at("drift[Sox2]")[0], first + 2 * second, 1e-6 * std::abs(first + 2 * second));
  EXPECT_NEAR(g.at("drift[Gata1]")[0], 3 * first + 4 * second, 1e-6 * std::abs(3 * first + 4 * second));
  const Ended unknown = amc({"eval", "x.am", "--at", "at.csv", "--coordinates=genes", "--genes=Sox3"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(holds(unknown.err, "did you mean `Sox2`?"));
}

TEST_F(Amc, KnowsItsOwnParticles) {
  write("x.am", "path q(t) over 0..1 { z ~ normal(2); t + z }\npotential s(x, t) = mlp(4, 1)([x, t])\n"
                "train m = am(s, q) { steps = 1; batch = 16 }\nsample p from m { start = q(0); times = [0, 1]; count = 7 }\n");
  ASSERT_EQ(amc({"run", "x.am", "--out", "o"}).code, 0);
  const Ended e = amc({"data", "o/paths.npz"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds(e.out, "particles of a run, 7 particles at 2 times"));
  EXPECT_EQ(e.out.find("data cells"), std::string::npos);
}

}  // namespace
}  // namespace am::testing
