// Training and sampling that leave the numbers end with code 3, the place, and the last good weights.
#include <cmath>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

const std::string kPath = R"(path q(t) over 0..1 {
  z ~ normal(2)
  z + [t, 0]
}
)";

void expect_finite(const std::filesystem::path& checkpoint, int step) {
  data::Archive archive;
  ASSERT_EQ(data::read_npz(checkpoint.string(), archive).what, "");
  EXPECT_EQ(archive.at("step").at(0), step);
  for (const auto& [name, array] : archive)
    for (size_t i = 0; i < array.count(); ++i) ASSERT_LT(std::abs(array.at(i)), 1e3) << name;
}

TEST_F(Amc, TooLongStepsNameStepTermAndLine) {
  write("x.am", small_script("steps = 20; batch = 32; optimizer = sgd(lr = 1e30)"));
  const Ended e = amc({"run", "x.am", "--out", "o"});
  EXPECT_EQ(e.code, 3) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, {"stdlib/dynamics.am:", "error: training of `flow` stopped at step 2: the term `", "s(x, q.start)", "[NonFiniteLoss]", "minimize",
                                     "x.am:6:7: note: ", "train flow = am(s, q)", "help: a smaller learning rate"}));
  // The first step was fine, and it is the weights that it began with which are good.
  expect_finite(path("o/flow/checkpoint.npz"), 0);
  EXPECT_TRUE(holds(e.out, "the weights of step 0"));
  EXPECT_EQ(parse_csv(read("o/flow/metrics.csv")).columns.at("step").size(), 1u);
  EXPECT_FALSE(there("o/report.html"));
  // Training goes on from there with shorter steps.
  const Ended again = amc({"run", "x.am", "--out", "o", "--resume", "--set", "train.flow.optimizer=sgd(lr = 1e-3)"});
  EXPECT_EQ(again.code, 0) << again.err;
  expect_finite(path("o/flow/checkpoint.npz"), 20);
}

TEST_F(Amc, AnEarlierGoodRunIsNotLostToALaterFailure) {
  write("x.am", small_script("steps = 10; batch = 32; optimizer = sgd(lr = 1e-3)"));
  ASSERT_EQ(amc({"run", "x.am", "--out", "o"}).code, 0);
  const Ended e = amc({"run", "x.am", "--out", "o", "--resume", "--set", "train.flow.steps=20", "--set", "train.flow.optimizer=sgd(lr = 1e30)"});
  EXPECT_EQ(e.code, 3) << e.err;
  EXPECT_TRUE(holds(e.err, "stopped at step 12"));
  expect_finite(path("o/flow/checkpoint.npz"), 10);
}

TEST_F(Amc, AnObjectiveThatIsNotANumberFromTheStart) {
  write("x.am", kPath + "potential s(x, t) = log(mlp(width = 8, depth = 2)([x, t]))\ntrain flow = am(s, q) { steps = 20; batch = 32 }\n");
  const Ended e = amc({"run", "x.am", "--out", "o"});
  EXPECT_EQ(e.code, 3) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, {"stopped at step 1: the term", "is NaN", "help: the parameters are still the initial ones", "logarithm"}));
}

TEST_F(Amc, AUsersOwnObjectiveIsPointedAtItsOwnLine) {
  write("x.am", kPath + R"(dynamics mine(s, q) {
  minimize E[x ~ q(0)] s(x, 0)²
         + E[x ~ q(1)] exp(1e3·(1 + s(x, 1)²))
  drift(x, t) = ∇s(x, t)
}
potential s(x, t) = mlp(width = 4, depth = 1)([x, t])
train flow = mine(s, q) { steps = 5; batch = 32 }
)");
  const Ended e = amc({"run", "x.am", "--out", "o"});
  EXPECT_EQ(e.code, 3) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:7:12: error: ", "step 1: the term `E[x ~ q(1)] exp(", "is infinite", "7 |          + E[x ~ q(1)]"}));
}

TEST_F(Amc, AdaptiveSolverThatCannotGoOn) {
  write("x.am", kPath + R"(potential s(x, t) { param a: R = 1
  a·sin(1e6·(x[0] + t)) }
train flow = am(s, q) { steps = 1; batch = 32; optimizer = sgd(lr = 0) }
sample p from flow { start = q(0); count = 10; times = [0, 1]; solver = dopri5(tol = 1e-7) }
)");
  const Ended e = amc({"run", "x.am", "--out", "o"});
  EXPECT_EQ(e.code, 3) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:8:8: error: ", "tolerance 1e-07", "[SolverStuck]", "sample p from flow", "help: a larger `tol`"}));
  EXPECT_FALSE(there("o/paths.npz"));
  EXPECT_TRUE(there("o/flow/checkpoint.npz"));
}

TEST_F(Amc, ParticlesThatLeaveTheNumbers) {
  write("x.am", kPath + R"(potential s(x, t) { param a: R = 1
  a·(1 + t)·|x|²*|x|² }
train flow = am(s, q) { steps = 1; batch = 32; optimizer = sgd(lr = 0) }
sample p from flow { start = q(0); count = 10; times = [0, 0.5, 1]; solver = euler(steps = 20) }
)");
  const Ended e = amc({"run", "x.am", "--out", "o"});
  EXPECT_EQ(e.code, 3) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:8:8: error: ", "a particle is not finite at t = 0.5", "[NonFiniteSample]", "help: more steps"}));
  EXPECT_FALSE(there("o/paths.npz"));
}

}  // namespace
}  // namespace am::testing
