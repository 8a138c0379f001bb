// The commands that train nothing.
#include <cmath>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

/// s = ½·a·t·|x|² + x₁ with a = 2, so ∇s = a·t·x + e₁, ∂ₜs = ½·a·|x|², Δs = 2·a·t, and the growth is s/(2λ) = s/4.
const std::string kClosed = R"(path q(t) over 0..1 {
  z ~ normal(2)
  z + [t, 0]
}
potential s(x, t) {
  param a: R = 2
  ½·a·t·|x|² + x[0]
}
train flow = ueam(s, q, sigma = 0.3, lambda = 2) { steps = 3; batch = 32; optimizer = sgd(lr = 0.5) }
)";
const std::string kPoints = "t,x1,x2\n0.5,1,2\n0.25,-3,0.5\n1,0,0\n";

class Closed : public Amc {
 protected:
  void SetUp() override {
    write("c.am", kClosed);
    write("points.csv", kPoints);
  }

  void expect_closed_form(const Csv& v, double a, double tolerance) {
    const double ts[] = {0.5, 0.25, 1}, xs[] = {1, -3, 0}, ys[] = {2, 0.5, 0};
    ASSERT_EQ(v.columns.at("t").size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      const double t = ts[i], x = xs[i], y = ys[i], s = 0.5 * a * t * (x * x + y * y) + x;
      const std::map<std::string, double> expected = {
          {"t", t}, {"x1", x}, {"x2", y}, {"value", s}, {"gradient[0]", a * t * x + 1}, {"gradient[1]", a * t * y},
          {"time_derivative", 0.5 * a * (x * x + y * y)}, {"laplacian", 2 * a * t}, {"drift[0]", a * t * x + 1}, {"drift[1]", a * t * y},
          {"noise", 0.3}, {"growth", s / 4}};
      EXPECT_EQ(v.header.size(), expected.size());
      for (const auto& [name, value] : expected) {
        ASSERT_TRUE(v.columns.count(name)) << name;
        EXPECT_NEAR(v.columns.at(name)[i], value, tolerance) << name << " at point " << i;
      }
    }
  }
};

TEST_F(Closed, EvalAgreesWithTheFormula) {
  const Ended e = amc({"eval", "c.am", "--at", "points.csv"});
  ASSERT_EQ(e.code, 0) << e.err;
  expect_closed_form(parse_csv(e.out), 2, 1e-6);
}

TEST_F(Closed, EvalShowsWhatIsAskedForIntoAFile) {
  const Ended e = amc({"eval", "c.am", "--at", "points.csv", "--show", "lap s,∇s,d[t] s,growth", "--out", "v.csv"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.out, "");
  const Csv v = parse_csv(read("v.csv"));
  EXPECT_EQ(v.header, (std::vector<std::string>{"t", "x1", "x2", "lap s", "∇s[0]", "∇s[1]", "d[t] s", "growth"}));
  EXPECT_NEAR(v.columns.at("lap s")[1], 1, 1e-6);
  EXPECT_NEAR(v.columns.at("∇s[0]")[0], 2, 1e-6);
  EXPECT_NEAR(v.columns.at("d[t] s")[0], 5, 1e-6);
}

TEST_F(Closed, EvalReadsWhatWasTrained) {
  ASSERT_EQ(amc({"run", "c.am", "--out", "o"}).code, 0);
  data::Archive checkpoint;
  ASSERT_EQ(data::read_npz(path("o/flow/checkpoint.npz").string(), checkpoint).what, "");
  const double a = checkpoint.at("parameter/s.a").at(0);
  ASSERT_GT(std::abs(a - 2), 1e-2) << "training changed nothing";
  const Ended e = amc({"eval", "c.am", "--at", "points.csv", "--run", "o"});
  ASSERT_EQ(e.code, 0) << e.err;
  expect_closed_form(parse_csv(e.out), a, 1e-5 * (1 + std::abs(a)));
}

TEST_F(Closed, EvalRefusesWhatItCannotDo) {
  struct {
    std::vector<std::string> words;
    int code;
    std::string says;
  } cases[] = {
      {{"--at", "nowhere.csv"}, 2, "`nowhere.csv` cannot be opened"},
      {{"--at", "short.csv"}, 2, "no column `x2`"},
      {{"--at", "points.csv", "--run", "nowhere"}, 2, "`nowhere/flow/checkpoint.npz` cannot be used"},
      {{"--at", "points.csv", "--show", "s,u"}, 1, "`u` is not a function of `flow`"},
      {{"--at", "points.csv", "--model", "flo"}, 1, "no model `flo`"},
      {{"--at", "points.csv", "--out", "points.csv/x"}, 4, "cannot write `points.csv/x`"},
  };
  write("short.csv", "t,x1\n0,1\n");
  for (const auto& c : cases) {
    std::vector<std::string> words{"eval", "c.am"};
    words.insert(words.end(), c.words.begin(), c.words.end());
    const Ended e = amc(words);
    EXPECT_EQ(e.code, c.code) << e.err;
    EXPECT_TRUE(holds(e.err, c.says));
    EXPECT_EQ(e.out, "");
  }
}

TEST_F(Amc, EvalOfLibraryFunctionsAgreesWithTheirDefinitions) {
  write("x.am", R"(path q(t) over 0..1 { z ~ normal(2)
  z }
potential s(x, t) { param a: R = 1
  a·(softplus(x[0]) + silu(x[1]) + t·mish(x[0]) + exp(−t)*relu(x[1])) }
train flow = am(s, q) { steps = 1; precision = f64 }
)");
  write("p.csv", "t,x1,x2\n0.5,1.5,-2\n0.75,-0.5,2.5\n");
  const Ended e = amc({"eval", "x.am", "--at", "p.csv", "--show", "s,∇s,∂t s"});
  ASSERT_EQ(e.code, 0) << e.err;
  const Csv v = parse_csv(e.out);
  const double ts[] = {0.5, 0.75}, xs[] = {1.5, -0.5}, ys[] = {-2, 2.5};
  auto softplus = [](double z) { return std::log1p(std::exp(z)); };
  auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  for (size_t i = 0; i < 2; ++i) {
    const double t = ts[i], x = xs[i], y = ys[i];
    const double mish = x * std::tanh(softplus(x)), relu = std::max(y, 0.0);
    const double tanh = std::tanh(softplus(x));
    EXPECT_NEAR(v.columns.at("s")[i], softplus(x) + y * sigmoid(y) + t * mish + std::exp(-t) * relu, 1e-8);
    EXPECT_NEAR(v.columns.at("∇s[0]")[i], sigmoid(x) + t * (tanh + x * (1 - tanh * tanh) * sigmoid(x)), 1e-8);
    EXPECT_NEAR(v.columns.at("∇s[1]")[i], sigmoid(y) + y * sigmoid(y) * (1 - sigmoid(y)) + std::exp(-t) * (y > 0), 1e-8);
    EXPECT_NEAR(v.columns.at("∂t s")[i], mish - std::exp(-t) * relu, 1e-8);
  }
}

TEST_F(Closed, CheckSaysWhatWouldBeTrainedAndWritesNothing) {
  const Ended e = amc({"check", "c.am"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds_in_order(e.out, {"flow: R[2], t in 0..1, 1 parameter", "c.am: no errors"}));
  EXPECT_FALSE(there("runs"));
}

TEST_F(Amc, CheckCountsParameters) {
  write("x.am", small_script("steps = 3"));
  // 3 → 8 → 8 → 1 with biases.
  EXPECT_TRUE(holds(amc({"check", "x.am"}).out, fmt::format("{} parameters", 3 * 8 + 8 + 8 * 8 + 8 + 8 + 1)));
}

TEST_F(Closed, EveryStageCanBePrinted) {
  std::vector<std::string> seen;
  for (const std::string stage : {"ast", "graph", "gradient", "tiles", "llvm", "asm"}) {
    const Ended e = amc({"emit", "c.am", "--stage=" + stage});
    EXPECT_EQ(e.code, 0) << e.err;
    EXPECT_GT(e.out.size(), 100u) << stage;
    for (const std::string& other : seen) EXPECT_NE(e.out, other) << stage;
    seen.push_back(e.out);
  }
  EXPECT_TRUE(holds(seen[0], "potential s(x, t)"));
  EXPECT_TRUE(holds(seen[4], "define "));
  EXPECT_TRUE(holds(seen[5], "ret"));
  // The tree as printed is a script again.
  write("again.am", seen[0]);
  EXPECT_EQ(amc({"emit", "again.am", "--stage=ast"}).out, seen[0]);

  const Ended unknown = amc({"emit", "c.am", "--stage=soup"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(holds(unknown.err, "`soup` is not a stage; they are ast, graph, gradient, tiles, llvm, asm"));
  const Ended model = amc({"emit", "c.am", "--stage=graph", "--model", "flo"});
  EXPECT_EQ(model.code, 1);
  EXPECT_TRUE(holds(model.err, "no model `flo`"));
}

TEST_F(Closed, DeriveWritesMathematics) {
  struct {
    std::string expression, says;
  } cases[] = {
      {"s", "s(x, t) = ½·t·a·|x|² + x[0]"}, {"∇s", "[1, 0] + t·a·x"}, {"grad s", "[1, 0] + t·a·x"}, {"∂t s", "½·a·|x|²"},
      {"d[t] s", "½·a·|x|²"},                {"Δs", "2·t·a"},          {"lap s", "2·t·a"},           {"drift", "[1, 0] + t·a·x"},
      {"growth", "|x|²"},                    {"objective", "E["},
  };
  for (const auto& c : cases) {
    const Ended e = amc({"derive", "c.am", c.expression});
    EXPECT_EQ(e.code, 0) << e.err;
    EXPECT_TRUE(holds(e.out, c.says)) << c.expression;
  }
  const Ended latex = amc({"derive", "c.am", "∇s", "--latex"});
  EXPECT_EQ(latex.code, 0);
  EXPECT_TRUE(holds(latex.out, "\\nabla s"));
  const Ended unknown = amc({"derive", "c.am", "∇u"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(holds_in_order(unknown.err, {"nothing named `u`", "--shape u=3"}));
}

TEST_F(Amc, AFormulaNamesTheParametersOfItsOwnFunctionWhateverTheModel) {
  write("x.am", small_script("steps = 1") +
                    "potential u(x, t) { param b: R = 1\n b·t·x[0] }\ntrain second = am(u, q) { steps = 1 }\n");
  for (const std::string model : {"", "second"}) {
    std::vector<std::string> words{"derive", "x.am", "∇u"};
    if (!model.empty()) words.insert(words.end(), {"--model", model});
    const Ended e = amc(words);
    EXPECT_EQ(e.code, 0) << e.err;
    EXPECT_TRUE(holds(e.out, "∇u(x, t) = [t·b, 0]")) << e.out;
    EXPECT_TRUE(holds(e.out, "u.b : R")) << e.out;
  }
  EXPECT_EQ(amc({"derive", "x.am", "∇u", "--model", "third"}).code, 1);
}

TEST_F(Amc, DataSaysWhatAFileHolds) {
  write("d.csv", "t,x1,x2\n0,1,2\n0,oops,3\n1,3,4\n");
  const Ended e = amc({"data", "d.csv"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds_in_order(e.out, {"3 rows, 3 columns", "2 snapshots", "`x1`", "`oops` in line 3", "data cells = csv(\"d.csv\", time = \"t\""}));
  EXPECT_EQ(amc({"data", "nowhere.csv"}).code, 2);
}

TEST_F(Amc, DocSaysWhatANameIs) {
  EXPECT_TRUE(amc({"doc", "mlp"}).out.starts_with("net mlp(width, depth, out = 1, act = silu)\n  "));
  EXPECT_TRUE(amc({"doc", "exp"}).out.starts_with("exp(x)\n  "));
  EXPECT_TRUE(holds_in_order(amc({"doc", "train"}).out, {"steps = 1_000", "batch = 256", "precision = f32"}));
  EXPECT_TRUE(holds_in_order(amc({"doc", "UnknownName"}).out, {"error UnknownName", "nothing named", "Exit code 1"}));
  EXPECT_TRUE(holds_in_order(amc({"doc", "linear"}).out, {"net linear", "path linear"}));
  EXPECT_TRUE(holds_in_order(amc({"doc"}).out, {"dynamics.am", "  am ", "nets.am", "  mlp ", "Built-in", "  exp(x) ", "train", "UnknownName"}));
  EXPECT_TRUE(holds_in_order(amc({"doc", "--markdown"}).out, {"# The standard library", "### `net mlp", "| `exp(x)` |"}));
  const Ended typo = amc({"doc", "mpl"});
  EXPECT_EQ(typo.code, 1);
  EXPECT_EQ(typo.out, "");
  EXPECT_EQ(typo.err, "error: nothing named `mpl` is documented; did you mean `mlp`?\n");
}

TEST_F(Amc, DocReadsTheCommentsOfAScript) {
  write("own.am", "## Twice x. Or more.\n## Source: me.\nfn twice(x, by = 2) = by·x\n");
  const Ended e = amc({"doc", "--file", "own.am", "twice"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.out, "fn twice(x, by = 2)\n  Twice x.\n\n  Or more.\n\n  Source: me.\n");
  EXPECT_TRUE(holds(amc({"doc", "--file", "own.am"}).out, "twice"));
  EXPECT_TRUE(holds(amc({"doc", "--file", "own.am", "mlp"}).out, "net mlp"));
  EXPECT_TRUE(holds(amc({"doc", "--file", "own.am", "twise"}).err, "did you mean `twice`?"));
  EXPECT_EQ(amc({"doc", "--file", "nowhere.am"}).code, 1);
  write("broken.am", "fn f(x) = (x\n");
  EXPECT_EQ(amc({"doc", "--file", "broken.am"}).code, 1);
}

TEST_F(Closed, InfoKnowsTheMachineAndThePlan) {
  const Ended machine = amc({"info"});
  EXPECT_EQ(machine.code, 0);
  EXPECT_TRUE(holds_in_order(machine.out, {"amc ", "CPU ", "LLVM "}));
  const Ended plan = amc({"info", "c.am"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_TRUE(holds_in_order(plan.out, {"flow: training step of 32 samples", "tile ", "memory: ", "work: "}));
  EXPECT_EQ(amc({"info", "nowhere.am"}).code, 1);
}

TEST_F(Amc, VersionAndHelp) {
  const Ended version = amc({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("amc 0."));
  const Ended help = amc({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const std::string command : {"run", "check", "emit", "derive", "data", "doc", "eval", "info"}) {
    EXPECT_TRUE(holds(help.out, "\n  " + command + " "));
    const Ended one = amc({command, "--help"});
    EXPECT_EQ(one.code, 0);
    EXPECT_TRUE(holds(one.out, "Usage:"));
  }
}

}  // namespace
}  // namespace am::testing
