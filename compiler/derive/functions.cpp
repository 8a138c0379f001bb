#include "compiler/derive/functions.h"

#include <cmath>

namespace am::derive {
namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

constexpr FunctionInfo kFunctions[] = {
#define AM_FUNCTION(id, arity, text, latex, value, definition, latex_definition) \
  {arity, text, latex, [](const double* x) -> double { return value; }, definition, latex_definition},
#include "compiler/derive/functions.def"
#undef AM_FUNCTION
};

}  // namespace

const FunctionInfo& info(Function function) { return kFunctions[static_cast<int>(function)]; }

std::optional<Function> function_of(ir::Op op) {
  using ir::Op;
  switch (op) {
    case Op::Exp: return Function::Exp;
    case Op::Log: return Function::Log;
    case Op::Log1p: return Function::Log1p;
    case Op::Sqrt: return Function::Sqrt;
    case Op::Tanh: return Function::Tanh;
    case Op::Sigmoid: return Function::Sigmoid;
    case Op::Sin: return Function::Sin;
    case Op::Cos: return Function::Cos;
    case Op::Abs: return Function::Abs;
    case Op::Sign: return Function::Sign;
    case Op::Floor: return Function::Floor;
    case Op::Pow: return Function::Pow;
    case Op::Atan2: return Function::Atan2;
    case Op::Min: return Function::Min;
    case Op::Max: return Function::Max;
    case Op::Less: return Function::Less;
    case Op::Equal: return Function::Equal;
    case Op::Select: return Function::Where;
    case Op::Const:
    case Op::Table:
    case Op::Input:
    case Op::Uniform:
    case Op::Weyl:
    case Op::Variable:
    case Op::Neg:
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Broadcast:
    case Op::Sum:
    case Op::Reshape:
    case Op::Transpose:
    case Op::Slice:
    case Op::Pad:
    case Op::Concat:
    case Op::MatMul:
    case Op::Row:
    case Op::Mean: return {};
  }
  return {};
}

}  // namespace am::derive
