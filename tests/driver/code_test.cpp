// Native programs from the cache: they are what was kept, and what cannot be used is made again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "compiler/driver/compile.h"
#include "compiler/ir/build.h"
#include "compiler/simplify/simplify.h"
#include "runtime/execute/execute.h"

namespace am {
namespace {

namespace fs = std::filesystem;

/// A program of one shared output: `number`.
elaborate::Program giving(double number) {
  elaborate::Program out;
  out.outputs = {ir::constant(out.graph, number)};
  out.names = {"number"};
  return out;
}

class CachedCode : public ::testing::Test {
 protected:
  CachedCode() {
    std::string name = (fs::temp_directory_path() / "amc_code_XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
    std::string error;
    machine_ = {.target = jit::host_target("", error), .cache = jit::Cache(folder_.string())};
    EXPECT_EQ(error, "");
  }
  ~CachedCode() override {
    std::error_code unused;
    fs::remove_all(folder_, unused);
  }

  double value_of(const elaborate::Program& program) const {
    std::string error;
    const NativeProgram native = make_native(program, lower::Precision::F64, machine_, 64, error);
    EXPECT_TRUE(native) << error;
    EXPECT_EQ(error, "");
    execute::Runner runner(native.code, 1);
    double out = 0;
    execute::Call call{.outputs = {&out}, .samples = 1};
    runner.run(call);
    return out;
  }
  std::string key_of(const elaborate::Program& program) const {
    const simplify::Simplified small = simplify::simplify(program.graph, program.outputs);
    return jit::key_of(small.graph, small.outputs,
                       {.precision = lower::Precision::F64, .target = machine_.target, .samples = 64});
  }

  fs::path folder_;
  Machine machine_;
};

TEST_F(CachedCode, IsUsedWithoutCompiling) {
  EXPECT_EQ(value_of(giving(1)), 1);
  EXPECT_EQ(value_of(giving(2)), 2);
  const auto two = machine_.cache.find(key_of(giving(2)));
  ASSERT_TRUE(two);
  // Who finds 2 under the key of 1 has not compiled 1.
  machine_.cache.keep(key_of(giving(1)), *two);
  EXPECT_EQ(value_of(giving(1)), 2);
  machine_.cache = {};
  EXPECT_EQ(value_of(giving(1)), 1);
}

TEST_F(CachedCode, ThatDoesNotLinkIsMadeAgain) {
  EXPECT_EQ(value_of(giving(1)), 1);
  const auto whole = machine_.cache.find(key_of(giving(1)));
  ASSERT_TRUE(whole);
  // Whole by its checksum, and of no use: no object file, half of one, and one that lacks functions.
  const jit::Object cases[] = {{whole->plan, "no object file"},
                               {whole->plan, whole->code.substr(0, whole->code.size() / 2)},
                               {whole->plan, ""},
                               [&] {
                                 jit::Object more = *whole;
                                 more.plan.phases = 7;
                                 return more;
                               }()};
  for (const jit::Object& broken : cases) {
    machine_.cache.keep(key_of(giving(1)), broken);
    EXPECT_EQ(value_of(giving(1)), 1);
    const auto healed = machine_.cache.find(key_of(giving(1)));
    EXPECT_TRUE(healed && healed->code == whole->code);
  }
}

}  // namespace
}  // namespace am
