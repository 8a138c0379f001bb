// Rows of functions.def against their own definitions and against each other.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/derive/functions.h"
#include "compiler/ir/ops.h"
#include "tests/derive/reader.h"

namespace am::derive {
namespace {

/// The row of this name; an empty one if there is none.
const FunctionInfo& named(std::string_view text) {
  static const FunctionInfo none{};
  for (int k = 0; k < kFunctionCount; ++k)
    if (info(Function(k)).text == text) return info(Function(k));
  return none;
}

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

TEST_P(Row, WithAPrimeIsTheDerivativeOfTheOneWithoutIt) {
  if (!row.text.ends_with("′") && !row.text.ends_with("″")) GTEST_SKIP();
  const std::string base(row.text.substr(0, row.text.find("′") < row.text.size() ? row.text.find("′") : row.text.find("″")));
  const FunctionInfo& before = named(row.text.ends_with("″") ? base + "′" : base);
  ASSERT_NE(before.value, nullptr) << row.text;
  for (double z : {-2.0, -0.7, 0.3, 1.9}) {
    const double above = z + 1e-5, below = z - 1e-5;
    EXPECT_NEAR((before.value(&above) - before.value(&below)) / 2e-5, row.value(&z), 1e-8) << row.text << " at " << z;
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, Row, testing::Range(ir::kOpCount, kFunctionCount));

TEST(Functions, OfOperationsHaveTheNamesOfTheirRows) {
  for (int k = 0; k < ir::kOpCount; ++k) {
    const auto function = function_of(ir::Op(k));
    const ir::OpInfo& op = ir::info(ir::Op(k));
    ASSERT_EQ(function.has_value(), op.lower->kind == ir::LoweringKind::Elementwise) << op.name;
    if (!function) continue;
    EXPECT_EQ(info(*function).text, op.name);
    EXPECT_EQ(info(*function).arity, op.arity) << op.name;
  }
  EXPECT_EQ(info(Function::Erf).latex, "\\mathrm{erf}");
  EXPECT_EQ(info(Function::Atan).latex, "\\arctan");
  const double x[] = {0.3};
  EXPECT_NEAR(info(Function::Atan).value(x), std::atan(0.3), 1e-15);
}

}  // namespace
}  // namespace am::derive
