// Rows of functions.def against their own definitions and against each other.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/derive/functions.h"
#include "compiler/ir/ops.h"
#include "tests/derive/reader.h"

namespace am::derive {
namespace {

class Row : public testing::TestWithParam<int> {
 protected:
  const FunctionInfo& row = info(Function(GetParam()));
};

TEST_P(Row, IsWhatItsDefinitionSays) {
  if (row.definition.empty()) GTEST_SKIP();
  for (double z : {-0.9, -0.2, 0.4, 1.7}) {
    const Known known{{"z", {{}, {{z}}}}};
    EXPECT_NEAR(read_formula(row.definition, known).samples[0][0], row.value(&z), 1e-12) << row.text << " at " << z;
  }
}

TEST_P(Row, WithAPrimeIsTheDerivativeOfTheRowBefore) {
  if (!row.text.ends_with("′") && !row.text.ends_with("″")) GTEST_SKIP();
  const FunctionInfo& before = info(Function(GetParam() - 1));
  for (double z : {-2.0, -0.7, 0.3, 1.9}) {
    const double above = z + 1e-5, below = z - 1e-5;
    EXPECT_NEAR((before.value(&above) - before.value(&below)) / 2e-5, row.value(&z), 1e-8) << row.text << " at " << z;
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, Row, testing::Range(0, kFunctionCount));

TEST(Functions, AreWhatTheOperationsCompute) {
  for (int k = 0; k < ir::kOpCount; ++k) {
    const auto function = function_of(ir::Op(k));
    if (!function) continue;
    const ir::OpInfo& op = ir::info(ir::Op(k));
    ASSERT_EQ(op.arity, info(*function).arity) << op.name;
    for (double low : {0.3, 0.7}) {
      const double x[] = {low, 0.7, -0.4};
      ir::Scalar operands[3];
      for (int i = 0; i < 3; ++i) operands[i].number = x[i];
      EXPECT_NEAR(op.lower->scalar(ir::doubles(), operands).number, info(*function).value(x), 1e-15) << op.name;
    }
  }
}

}  // namespace
}  // namespace am::derive
