// Results do not depend on the number of threads, and hardly on the CPU.
#include <cmath>

#include "runtime/data/npz.h"
#include "tests/amc/process.h"

namespace am::testing {
namespace {

/// Several groups of tiles, the last one not full, so that there is something to sum in the wrong order.
std::string script(const std::string& more) {
  return small_script("steps = 40; batch = 5_003; ema = 0.9; seed = 2; optimizer = adam(lr = 1e-2)" + more) +
         "sample p from flow { start = q(0); count = 333; times = [0, 1]; solver = rk4(steps = 3) }\n";
}

TEST_F(Amc, AnyNumberOfThreadsGivesTheSameBits) {
  write("x.am", script(""));
  ASSERT_EQ(amc({"run", "x.am", "--threads", "1", "--out", "one"}).code, 0);
  const std::string checkpoint = read("one/flow/checkpoint.npz"), paths = read("one/paths.npz");
  ASSERT_FALSE(checkpoint.empty());
  for (const std::string threads : {"2", "3", "4", "8", "16"}) {
    ASSERT_EQ(amc({"run", "x.am", "--threads", threads, "--out", threads}).code, 0);
    EXPECT_EQ(read(threads + "/flow/checkpoint.npz"), checkpoint) << threads << " threads";
    EXPECT_EQ(read(threads + "/paths.npz"), paths) << threads << " threads";
  }
  // The comparison can fail: another seed gives other bits.
  ASSERT_EQ(amc({"run", "x.am", "--set", "train.flow.seed=3", "--out", "other"}).code, 0);
  EXPECT_NE(read("other/flow/checkpoint.npz"), checkpoint);
}

TEST_F(Amc, EveryCpuLevelGivesCloseResults) {
  write("x.am", script("; precision = f64"));
  ASSERT_EQ(amc({"run", "x.am", "--cpu", "native", "--out", "native"}).code, 0);
  data::Archive native;
  ASSERT_EQ(data::read_npz(path("native/flow/checkpoint.npz").string(), native).what, "");
  std::string lacking;
  for (const std::string cpu : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    const Ended e = amc({"run", "x.am", "--cpu", cpu, "--out", cpu});
    if (e.code == 1 && e.err.find("cannot run " + cpu + " code") != std::string::npos) {
      lacking += " " + cpu;
      continue;
    }
    ASSERT_EQ(e.code, 0) << e.err;
    data::Archive other;
    ASSERT_EQ(data::read_npz(path(cpu + "/flow/checkpoint.npz").string(), other).what, "");
    for (const auto& [name, array] : native)
      for (size_t i = 0; i < array.count(); ++i) ASSERT_NEAR(other.at(name).at(i), array.at(i), 1e-4) << cpu << " " << name;
  }
  if (!lacking.empty()) GTEST_SKIP() << "this CPU cannot run" << lacking;
}

}  // namespace
}  // namespace am::testing
