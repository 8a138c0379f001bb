// amc bench: the table of gaps, and when it fails.
#include "tests/amc/process.h"

namespace am::testing {
namespace {

/// Learns the speed 2 of a moving normal in a moment; `speed` is what the script says it is.
std::string moving(const std::string& speed) {
  return fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal(); 2·t + z }}
potential s(x, t) {{ param a: R = 0; a·x }}
train m = am(s, q) {{ steps = 100; batch = 1_000; optimizer = sgd(lr = 0.1); seed = 1 }}
## A constant |speed|,
## in two lines.
evaluate m {{ against = q; metrics = spread; velocity = fn(x, t) {} }}
)", speed);
}

/// Nothing is learned: the growth stays 1 and the drift 0.
constexpr const char* kGrowing = R"(
path q(t) over 0..1 { z ~ normal(); z }
potential s(x, t) { param a: R = 1; a + 0·x }
train m = uam(s, q) { steps = 1; optimizer = sgd(lr = 0); seed = 1 }
evaluate m { against = q; metrics = spread; velocity = fn(x, t) 0·x; growth = fn(x, t) 2 }
)";

TEST_F(Amc, BenchPrintsARowForEachAnswer) {
  write("first.am", moving("2"));
  write("second.am", moving("2") + "train n = am(s, q) { steps = 1 }\nevaluate n { against = q; metrics = spread }\n");
  const Ended e = amc({"bench", "first.am", "second.am", "--no-cache", "--threads", "2"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds_in_order(e.out, {"problem", "gap", "\nfirst ", " 1  am ", "2 %", "A constant |speed|, in two lines",
                                     "\nsecond, m ", "A constant |speed|, in two lines\n"}));
  EXPECT_EQ(e.out.find("second, n"), std::string::npos) << "which states no answer";
  EXPECT_EQ(e.err, "");
}

TEST_F(Amc, BenchWritesMarkdown) {
  write("first.am", moving("2"));
  const Ended e = amc({"bench", "first.am", "--no-cache", "--markdown"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_TRUE(holds_in_order(e.out, {"| problem |", "\n| --- |", "\n| [first](", "| `am` | A constant \\|speed\\|, in two lines |"}));
}

TEST_F(Amc, BenchFailsWhereAnAnswerIsNotReached) {
  write("right.am", moving("2"));
  write("wrong.am", moving("2.5"));
  const Ended e = amc({"bench", "wrong.am", "right.am", "--no-cache"});
  EXPECT_EQ(e.code, 3);
  EXPECT_TRUE(holds_in_order(e.out, {"\nwrong ", "\nright ", "\nwrong: the gap of ", " % is above the bar of 2 %\n"})) << e.out;
  EXPECT_EQ(e.out.find("right: "), std::string::npos);
}

TEST_F(Amc, BenchLooksAtGrowthToo) {
  write("growing.am", kGrowing);
  const Ended e = amc({"bench", "growing.am", "--no-cache"});
  EXPECT_EQ(e.code, 3);
  // ½(1 − 2)² is a quarter of ½·2²; the drift's gap of 0 is relative to the growth, since the known velocity is 0.
  EXPECT_TRUE(holds_in_order(e.out, {"\ngrowing", "uam", " 0.000 %", " 25.000 %"})) << e.out;
  EXPECT_TRUE(holds(e.out, "growing: the gap of 25 % is above the bar of 2 %\n")) << e.out;
}

TEST_F(Amc, BenchNeedsScriptsWithAnswers) {
  write("silent.am", small_script(""));
  write("broken.am", "potential s(x, t) = mpl(4, 1)([x, t])\n");
  const Ended silent = amc({"bench", "silent.am"}), broken = amc({"bench", "broken.am"}), missing = amc({"bench", "none.am"});
  EXPECT_EQ(silent.code, 1);
  EXPECT_TRUE(holds(silent.err, "`silent.am` states no exact answer")) << silent.err;
  EXPECT_EQ(broken.code, 1);
  EXPECT_TRUE(holds(broken.err, "UnknownName")) << broken.err;
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(holds(missing.err, "none.am")) << missing.err;
}

TEST_F(Amc, TheDocumentHasEveryReferenceProblem) {
  const std::string page = contents(AM_SOURCE_DIR "/docs/reference.md");
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(AM_SOURCE_DIR "/examples/reference")) {
    if (entry.path().extension() != ".am") continue;
    ++count;
    EXPECT_TRUE(holds(page, fmt::format("](../examples/reference/{})", entry.path().filename().string())));
  }
  EXPECT_GE(count, 15u);
}

}  // namespace
}  // namespace am::testing
