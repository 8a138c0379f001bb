// The functions of numbers that formulas name; functions.def holds the rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "compiler/ir/graph.h"

namespace am::derive {

enum class Function : uint8_t {
#define AM_FUNCTION(id, ...) id,
#include "compiler/derive/functions.def"
#undef AM_FUNCTION
};
inline constexpr int kFunctionCount = 0
#define AM_FUNCTION(id, ...) +1
#include "compiler/derive/functions.def"
#undef AM_FUNCTION
    ;

struct FunctionInfo {
  int arity;
  std::string_view text, latex;
  double (*value)(const double* x);
  /// In a variable z; empty if it needs no words.
  std::string_view definition, latex_definition;
};

const FunctionInfo& info(Function function);

/// The function that an elementwise operation applies; none for sums, products and quotients.
std::optional<Function> function_of(ir::Op op);

}  // namespace am::derive
