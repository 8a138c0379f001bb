#include "compiler/derive/functions.h"

#include <array>
#include <cmath>
#include <string>

#include "compiler/ir/ops.h"

namespace am::derive {
namespace {

using ir::Op;

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

template <Op op>
double value_of(const double* x) {
  ir::Scalar operands[3];
  for (int k = 0; k < ir::info(op).arity; ++k) operands[k].number = x[k];
  return ir::info(op).lower->scalar(ir::doubles(), operands).number;
}

/// In text and LaTeX.
std::pair<std::string_view, std::string_view> definition_of(Op op) {
#define AM_FUNCTION(...)
#define AM_DEFINITION(id, text, latex) \
  if (op == Op::id) return {text, latex};
#include "compiler/derive/functions.def"
#undef AM_DEFINITION
#undef AM_FUNCTION
  return {};
}

template <Op op>
FunctionInfo operation() {
  const ir::OpInfo& row = ir::info(op);
  if (!function_of(op)) return {};
  static const std::string upright = "\\mathrm{" + std::string(row.name) + "}";
  const auto [text, latex] = definition_of(op);
  return {row.arity, row.name, row.latex.empty() ? std::string_view(upright) : row.latex, value_of<op>, text, latex};
}

}  // namespace

const FunctionInfo& info(Function function) {
  static const std::array<FunctionInfo, kFunctionCount> table = {
#define AM_OP(id, ...) operation<Op::id>(),
#include "compiler/ir/ops.def"
#undef AM_OP
#define AM_DEFINITION(...)
#define AM_FUNCTION(id, text, latex, value, definition, latex_definition) \
  FunctionInfo{1,                                                         \
               text,                                                      \
               latex,                                                     \
               [](const double* x) -> double {                            \
                 const double z = x[0];                                   \
                 return value;                                            \
               },                                                         \
               definition,                                                \
               latex_definition},
#include "compiler/derive/functions.def"
#undef AM_FUNCTION
#undef AM_DEFINITION
  };
  return table[static_cast<size_t>(function)];
}

std::optional<Function> function_of(Op op) {
  if (ir::info(op).lower->kind != ir::LoweringKind::Elementwise) return {};
  return static_cast<Function>(op);
}

}  // namespace am::derive
