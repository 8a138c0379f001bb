// Scripts whose data are simulated, and conditions, from the command line to the files of a run.
#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

data::Archive archive(const std::filesystem::path& path) {
  data::Archive out;
  const data::FileError error = data::read_npz(path.string(), out);
  EXPECT_EQ(error.what, "");
  return out;
}

/// Snapshots on a circle: without a path, the samples that the report draws are those of the nearest snapshot.
TEST_F(Amc, RunsOnSimulatedSnapshots) {
  write("turn.am", R"(data seen = trajectories(start = 1 + 0.1·normal(2), velocity = fn(x, t) [−x[1], x[0]], over = 0..1, steps = 4, count = 200)
data held = trajectories(start = 1 + 0.1·normal(2), velocity = fn(x, t) [−x[1], x[0]], over = 0..1, steps = 4, count = 50, seed = 2)
potential s(x, t) = mlp(8, 1)([x, t])
train m = dice(s, seen) { steps = 20; batch = 32 }
sample p from m { start = held(0); times = [0, 0.3, 1] }
evaluate m { against = held; metrics = w2 }
)");
  const Ended run = amc({"run", "turn.am"});
  ASSERT_EQ(run.code, 0) << run.err;
  const data::Archive paths = archive(path("runs/turn/paths.npz"));
  EXPECT_EQ(paths.at("x").shape, (std::vector<size_t>{3, 50, 2}));
  EXPECT_TRUE(there("runs/turn/figures/p.svg"));
  // The same numbers for any number of threads.
  const Ended again = amc({"run", "turn.am", "--threads", "1", "--out", "one"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(archive(path("one/paths.npz")).at("x").bytes, paths.at("x").bytes);
  // Checking runs nothing.
  EXPECT_EQ(amc({"check", "turn.am"}).code, 0);
}

TEST_F(Amc, ReportsASimulationThatLeavesTheNumbersAtItsData) {
  write("far.am", R"(data far = trajectories(start = normal(2), velocity = fn(x, t) x/(1 − t)^4, over = 0..2, steps = 4, count = 20)
potential s(x, t) = mlp(8, 1)([x, t])
train m = dice(s, far) { steps = 10 }
)");
  EXPECT_EQ(amc({"check", "far.am"}).code, 0);
  const Ended run = amc({"run", "far.am"});
  EXPECT_EQ(run.code, 3);
  EXPECT_TRUE(holds_in_order(run.err, {"far.am:1:6: error: sampling from `far` stopped: a particle is not finite at t = 2", "help: smaller steps"}));
}

/// A point carries its condition unmoved; `amc eval` takes it from a column of its name.
TEST_F(Amc, CarriesConditions) {
  write("sides.am", R"(path q(t) over 0..1 { c ~ bernoulli(½); z ~ normal(2); t·[where(c, 3, −3), 0] + z }
potential s(x, t, c) = mlp(8, 1)([x, t, c])
train m = am(s, q) { steps = 20; batch = 32 }
sample p from m { start = normal(2); given = 1; count = 30; times = [0, 1] }
)");
  const Ended run = amc({"run", "sides.am"});
  ASSERT_EQ(run.code, 0) << run.err;
  const data::Archive paths = archive(path("runs/sides/paths.npz"));
  ASSERT_EQ(paths.at("x").shape, (std::vector<size_t>{2, 30, 3}));
  for (size_t i = 0; i < 60; ++i) EXPECT_EQ(paths.at("x").at(3 * i + 2), 1) << i;
  write("at.csv", "t,x1,x2,c\n0.5,0,0,1\n0.5,0,0,0\n");
  const Ended eval = amc({"eval", "sides.am", "--run", "runs/sides", "--at", "at.csv", "--show", "s,drift"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  const Csv values = parse_csv(eval.out);
  ASSERT_EQ(values.columns.at("s").size(), 2u);
  EXPECT_NE(values.columns.at("s")[0], values.columns.at("s")[1]);
  write("at.csv", "t,x1,x2,x3\n0.5,0,0,1\n");
  const Ended without = amc({"eval", "sides.am", "--at", "at.csv"});
  EXPECT_EQ(without.code, 2);
  EXPECT_TRUE(holds(without.err, "no column `c`"));
}

}  // namespace
}  // namespace am::testing
