// Arithmetic on one number, in some carrier: a double, or a vector of an instruction stream under construction.
//
// The lowering of an elementwise operation is written once against this interface; generated code, constant folding and
// the reference interpreter run it.
#pragma once

namespace am::ir {

/// A handle that only its `Scalars` can read.
struct Scalar {
  void* value = nullptr;
  double number = 0;
};

/// Functions that a carrier must provide to working accuracy (≤ 4 ulp over their range in generated code), with their
/// values by the C library. `lower/vector_math` makes them of instructions.
#define AM_FUNCTIONS(ROW)              \
  ROW(Exp, std::exp(x))                \
  ROW(Log, std::log(x))                \
  ROW(Tanh, std::tanh(x))              \
  ROW(Sigmoid, 1 / (1 + std::exp(-x))) \
  ROW(Sin, std::sin(x))                \
  ROW(Cos, std::cos(x))                \
  ROW(Atan2, std::atan2(x, y))         \
  ROW(Erf, std::erf(x))

enum class Function {
#define AM_ENUMERATOR(name, value) name,
  AM_FUNCTIONS(AM_ENUMERATOR)
#undef AM_ENUMERATOR
};

class Scalars {
 public:
  virtual ~Scalars() = default;
  virtual Scalar constant(double value) = 0;
  virtual Scalar add(Scalar a, Scalar b) = 0;
  virtual Scalar sub(Scalar a, Scalar b) = 0;
  virtual Scalar mul(Scalar a, Scalar b) = 0;
  virtual Scalar div(Scalar a, Scalar b) = 0;
  virtual Scalar min(Scalar a, Scalar b) = 0;
  virtual Scalar max(Scalar a, Scalar b) = 0;
  virtual Scalar neg(Scalar a) = 0;
  virtual Scalar abs(Scalar a) = 0;
  virtual Scalar sqrt(Scalar a) = 0;
  virtual Scalar floor(Scalar a) = 0;
  /// 1 if a < b (a = b), else 0; false if either is NaN.
  virtual Scalar less(Scalar a, Scalar b) = 0;
  virtual Scalar equal(Scalar a, Scalar b) = 0;
  /// a where the condition is not 0, else b.
  virtual Scalar select(Scalar condition, Scalar a, Scalar b) = 0;
  virtual Scalar call(Function function, Scalar a, Scalar b = {}) = 0;
};

/// The carrier of the interpreter and of constant folding: f64 and the C library.
Scalars& doubles();

}  // namespace am::ir
