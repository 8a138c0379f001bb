// Figures of the model itself, as `amc run` prints them and keeps them in evaluation.json.
#include <nlohmann/json.hpp>

#include "tests/amc/process.h"

namespace am::testing {
namespace {

using Json = nlohmann::json;

TEST_F(Amc, ReportsFitMassAndAction) {
  write("x.am", R"(path q(t) over 0..1 { z ~ normal(2); z + 0·t }
potential s(x, t) { param a: R = 0.1; a·sum(x) }
train m = uam(s, q) { steps = 1; batch = 16; optimizer = sgd(lr = 1e-9) }
evaluate m {
  against = q; times = [0, ½, 1]; count = 200
  metrics = [fit(resamples = 49), fit(resamples = 49, carried = true), mass, action, mmd(gamma = median), mmd(1)]
}
)");
  const Ended e = amc({"run", "x.am", "--out", "o"});
  ASSERT_EQ(e.code, 0) << e.err;
  const std::string carried = "fit(resamples = 49, carried = true)";
  EXPECT_TRUE(holds_in_order(e.out, {"fit(resamples = 49)", "floor", "p", carried, "floor", "p", "mass", "± error", "data",
                                     "mmd(gamma = median)", "mmd(1)"}));
  const Json evaluation = Json::parse(read("o/evaluation.json"))[0];
  for (const char* name : {"fit", "mass", "action", "sliced"}) EXPECT_TRUE(evaluation["definitions"].contains(name));
  EXPECT_EQ(evaluation["arguments"]["mmd(gamma = median)"]["gamma"], "median");
  EXPECT_EQ(evaluation["arguments"][carried]["carried"], 1);
  for (const Json& row : evaluation["comparisons"]) {
    for (const std::string& fit : {std::string("fit(resamples = 49)"), carried}) {
      EXPECT_GE(row[fit]["p"].get<double>(), 1 / 50.0);
      EXPECT_GT(row[fit]["floor"].get<double>(), 0);
      EXPECT_FALSE(row[fit]["worst"].get<std::string>().empty());
      EXPECT_TRUE(holds(e.out, fmt::format("{:.4f}", row[fit]["p"].get<double>())));
    }
    EXPECT_EQ(row["mass"]["data"], 1);
    EXPECT_GT(row["mass"]["standard_error"].get<double>(), 0);
    EXPECT_FALSE(row.contains("action"));
  }
  const auto number = [&](const char* name) { return evaluation[name]["value"].get<double>(); };
  EXPECT_NEAR(number("action_lower_bound"), -evaluation["objective"].get<double>(), 1e-6);
  EXPECT_TRUE(holds(e.out, fmt::format("learned action {:.5f}", number("learned_action"))));
  // Bonferroni's bound over both times.
  const double least = std::min(evaluation["comparisons"][0][carried]["p"].get<double>(),
                                evaluation["comparisons"][1][carried]["p"].get<double>());
  EXPECT_TRUE(holds(e.out, fmt::format("{} of m: p = {:.3g} for all 2 times together", carried, std::min(1.0, 2 * least))));
  EXPECT_TRUE(there("o/figures/m_mmd_gamma_median.svg"));
}

}  // namespace
}  // namespace am::testing
