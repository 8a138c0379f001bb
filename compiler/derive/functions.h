// The functions of numbers that formulas name: the operations, then the rows of functions.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "compiler/ir/graph.h"

namespace am::derive {

enum class Function : uint8_t {
#define AM_OP(id, ...) id,
#include "compiler/ir/ops.def"
#undef AM_OP
#define AM_DEFINITION(...)
#define AM_FUNCTION(id, ...) id,
#include "compiler/derive/functions.def"
#undef AM_FUNCTION
};
inline constexpr int kFunctionCount = ir::kOpCount
#define AM_FUNCTION(id, ...) +1
#include "compiler/derive/functions.def"
#undef AM_FUNCTION
#undef AM_DEFINITION
    ;

struct FunctionInfo {
  int arity;
  std::string_view text, latex;
  double (*value)(const double* x);
  /// In a variable z; empty for most operations.
  std::string_view definition, latex_definition;
};

const FunctionInfo& info(Function function);

/// The function that an elementwise operation applies; none for other operations.
std::optional<Function> function_of(ir::Op op);

}  // namespace am::derive
