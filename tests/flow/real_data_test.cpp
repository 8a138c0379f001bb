// The published embryoid-body task on real data, where the data are present: docs/results.md has the full protocol.
#include <cmath>
#include <filesystem>

#include "tests/flow/trained.h"

namespace am {
namespace {

/// A tenth of the script's steps: far enough to beat standing still by a wide margin, and quick enough for every run.
/// Without motion the mean one-step W1 is 1.33 on this set, its floor 0.69.
TEST(Embryoid, AFewStepsComeCloserThanNoMotion) {
  const std::string folder = std::string(AM_SOURCE_DIR) + "/../shared/data/eb_full/";
  if (!std::filesystem::exists(folder + "train_pca5.csv")) GTEST_SKIP() << "the embryoid data are not at " << folder;
  Trained t = train_script(source_text("examples/embryoid.am"),
                           {.settings = {{"train.flow.steps", "2000"},
                                         {"evaluate.flow.repeats", "2"},
                                         {"evaluate.flow.metrics", "[w1, spread]"}},
                            .data = {{"cells", folder + "train_pca5.csv"}, {"held", folder + "test_pca5.csv"}}});
  const auto r = evaluate_script(t);
  double w1 = 0, floor = 0;
  for (const auto& c : r.comparisons) {
    w1 += c.figures[0].value / 4, floor += *c.figures[0].floor / 4;
    EXPECT_GT(c.figures[1].value, 0.7);
    EXPECT_LT(c.figures[1].value, 1.3);
  }
  EXPECT_LT(w1, 1.15);
  EXPECT_GT(w1, floor - 0.05);  // below the floor something would be leaking
}

}  // namespace
}  // namespace am
