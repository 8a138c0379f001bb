// `amc derive` and warnings, as a user meets them.
#include <fstream>

#include "tests/amc/process.h"
#include "tests/data/archives.h"

namespace am::testing {
namespace {

const std::string kScript = R"(path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + (1 + t/2)·z
}
potential s(x, t) = mlp(width = 4, depth = 2)([x, t])
fn exact(x, t) = [2, 0] + (x − [2·t, 0]) / (2 + t)
fn price(u, p = 2) = |u|^p/p
train flow = eam(s, q, sigma = 0.5) { steps = 3 }
)";

class Derive : public Amc {
 protected:
  void SetUp() override { write("x.am", kScript); }
};

TEST_F(Derive, TakesAnyFunctionByItsNameAndExpressionsOfThem) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"exact"}, "exact(x, t) = [2, 0] + (x − [2·t, 0])/(2 + t)\nfor\n  x : R[2]\n  t : R\n"},
      {{"∇·exact"}, "∇·exact(x, t) = 2/(2 + t)\nfor\n  t : R\n"},
      {{"div exact(x, t)"}, "∇·exact(x, t) = 2/(2 + t)\nfor\n  t : R\n"},
      {{"noise"}, "noise(t) = ½\n"},
      {{"∂t exact[1]"}, "∂ₜexact(x, t)[1] = −x[1]/(2 + t)²\nfor\n  x : R[2]\n  t : R\n"},
      {{"∇[y] (y·x)", "--shape", "y=2"}, "∇[y] (y·x) = x\nfor\n  x : R[2]\n"},
      {{"price", "--shape", "u=3"}, "price(u) = ½·|u|²\nfor\n  u : R[3]\n"},
      {{"∇price", "--shape", "u=3"}, "∇price(u) = u\nfor\n  u : R[3]\n"}};
  for (auto [words, expected] : cases) {
    words.insert(words.begin(), {"derive", "x.am"});
    const Ended e = amc(words);
    EXPECT_EQ(e.code, 0) << e.err;
    std::string out = e.out;
    while (out.ends_with("\n\n")) out.pop_back();
    EXPECT_EQ(out, expected) << words[2];
    EXPECT_EQ(e.err, "");
  }
}

TEST_F(Derive, SaysWhatItCannotDo) {
  const std::pair<std::vector<std::string>, std::vector<std::string>> cases[] = {
      {{"exatc"}, {"nothing named `exatc` is declared", "UnknownShape", "did you mean `exact`?"}},
      {{"exatc(x, t)"}, {"nothing named `exatc`", "UnknownName", "did you mean `exact`?"}},
      {{"price"}, {"nothing named `u` is declared", "--shape u=3"}},
      {{"price", "--shape", "u=two"}, {"`--shape u=two`", "a size such as `3`"}},
      {{"exact", "--shape", "u=2"}, {"`--shape u=2`", "no such variable"}},
      {{"exact", "--shape", "u"}, {"`--shape u`", "NAME=VALUE"}},
      {{"∇s +"}, {"the expression:1:", "error"}},
      {{"x + [1, 2, 3]"}, {"ShapeMismatch", "R[2]"}},
      {{"∇[s.mlp.W] objective"}, {"∇[PARAMETER] objective", "s.mlp.linear.W"}}};
  for (auto [words, says] : cases) {
    words.insert(words.begin(), {"derive", "x.am"});
    const Ended e = amc(words);
    EXPECT_EQ(e.code, 1) << words[2] << e.err;
    EXPECT_EQ(e.out, "");
    for (const std::string& text : says) EXPECT_TRUE(holds(e.err, text)) << words[2] << "\n" << e.err;
  }
}

TEST_F(Derive, FiguresOnTrainingDataAreWarnedOfAndOnOthersNot) {
  const std::string rows = "t,x1\n0,1\n0,2\n0,3\n1,3\n1,4\n1,5\n";
  write("a.csv", rows), write("b.csv", rows);
  const std::string model = R"(data a = csv("a.csv", time = "t")
data again = csv("./a.csv", time = "t")
data held = csv("b.csv", time = "t")
path q = PATH
path r(t) over 0..1 { z ~ normal(1); z }
potential s(x, t) = mlp(width = 4, depth = 1)([x, t])
train m = am(s, q) { steps = 1 }
evaluate m { against = WHAT; metrics = w2 }
)";
  const auto warned = [&](std::string path, std::string what) {
    std::string text = model;
    text.replace(text.find("PATH"), 4, path);
    text.replace(text.find("WHAT"), 4, what);
    write("d.am", text);
    const Ended e = amc({"check", "d.am"});
    EXPECT_EQ(e.code, 0) << e.err;
    return e.err.find("`" + what + "` holds samples that `m` is trained on") != std::string::npos;
  };
  for (const char* path : {"linear(a)", "ot(a)"}) {
    EXPECT_TRUE(warned(path, "a"));
    EXPECT_TRUE(warned(path, "again"));
    EXPECT_TRUE(warned(path, "q"));
    EXPECT_FALSE(warned(path, "held"));
    EXPECT_FALSE(warned(path, "r"));
  }
  EXPECT_FALSE(warned("linear(held)", "a"));
}

TEST_F(Amc, ExamplesAreWithoutWarnings) {
  std::string rows = "t,x1,x2,x3,x4,x5\n";
  for (int i = 0; i < 20; ++i) rows += fmt::format("{},{},{},{},{},{}\n", i / 4, i % 3, i % 5, i % 7, i % 2, i % 11);
  write("embryoid_train.csv", rows), write("embryoid_test.csv", rows);
  const std::vector<double> moons{0, 1, 1, 0, -1, 0, 0.5, -0.5};
  write("moons.npz", data::testing::zip({{"X.npy", data::testing::npy_of(moons, "(4, 2)")}}));
  std::string digits = "label";
  for (int p = 1; p <= 64; ++p) digits += fmt::format(",p{}", p);
  for (int i = 0; i < 20; ++i) {
    digits += fmt::format("\n{}", i % 10);
    for (int p = 0; p < 64; ++p) digits += fmt::format(",{}", i * p % 17);
  }
  write("digits/digits_train.csv", digits + "\n"), write("digits/digits_test.csv", digits + "\n");
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(AM_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".am") continue;
    const std::string name = std::filesystem::relative(entry.path(), AM_SOURCE_DIR "/examples").string();
    write(name, contents(entry.path()));
    const Ended e = amc({"check", name});
    EXPECT_EQ(e.code, 0) << entry.path();
    EXPECT_EQ(e.err, "") << entry.path();
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace am::testing
