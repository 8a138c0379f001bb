// Arithmetic on vectors of numbers as LLVM instructions: the carrier of `ir::Scalars` that generated code is made with,
// the elementary functions as polynomials, and the random numbers of `ir/random.h`.
//
// Every value here is an LLVM vector `<lanes x T>`, lanes ≥ 1 (so one number is `<1 x float>`, not `float`), with T
// float or double. Only generic LLVM instructions are used, so the same code becomes SSE, AVX2 or AVX-512, with `lanes`
// the native number or a multiple of it. No function ends in a call of the C library on x86-64-v2 or above.
//
// **Accuracy.** exp, log, tanh, sigmoid, sin, cos, atan2 and erf are within 4 ulp of the true value wherever that value is a
// normal number, in f32 and in f64, with or without fused multiply-add. NaN gives NaN. At the edges:
//   exp      +∞ above the largest finite result, 0 from the smallest normal number (give or take 1e-6 of it) down
//   log      −∞ at ±0, NaN below 0, denormal arguments are honoured, +∞ at +∞
//   tanh     relative accuracy at 0, the sign of zero kept, exactly ±1 in the tails
//   sigmoid  relative accuracy in both tails; below the smallest normal number denormal or 0
//   sin, cos 4 ulp for |x| ≤ 1e5 in f32 and |x| ≤ 1e7 in f64. Beyond, the absolute error stays below 1e-6 up to 4e6 in
//            f32 and grows to 0.01 at 1e14 in f64 (without fused multiply-add; with it to nothing worth mention); above
//            that only a result in [−1, 1] is promised. NaN at ±∞
//   atan2    all quadrants, signs of zero and infinities as in C
//   erf      relative accuracy at 0, the sign of zero kept, exactly ±1 in the tails
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <array>

#include "compiler/ir/scalars.h"

namespace am::lower {

/// Writes instructions at the builder's position. It keeps no state of its own beside the vector type, so it can be
/// made afresh wherever it is needed; the builder must outlive it.
///
/// Fast-math flags of the builder apply to the plain operations; the elementary functions are emitted without any,
/// since their error analysis depends on the order of operations.
class VectorScalars final : public ir::Scalars {
 public:
  /// `element` is float or double.
  VectorScalars(llvm::IRBuilderBase& builder, llvm::Type* element, int lanes);

  /// The LLVM value behind a handle, and a handle for a `<lanes x element>` value.
  static llvm::Value* value(ir::Scalar scalar) { return static_cast<llvm::Value*>(scalar.value); }
  static ir::Scalar of(llvm::Value* value) { return {.value = value}; }

  ir::Scalar constant(double value) override;
  ir::Scalar add(ir::Scalar a, ir::Scalar b) override;
  ir::Scalar sub(ir::Scalar a, ir::Scalar b) override;
  ir::Scalar mul(ir::Scalar a, ir::Scalar b) override;
  ir::Scalar div(ir::Scalar a, ir::Scalar b) override;
  /// a < b ? a : b, and a > b ? a : b: one machine instruction each; b if either is NaN.
  ir::Scalar min(ir::Scalar a, ir::Scalar b) override;
  ir::Scalar max(ir::Scalar a, ir::Scalar b) override;
  ir::Scalar neg(ir::Scalar a) override;
  ir::Scalar abs(ir::Scalar a) override;
  ir::Scalar sqrt(ir::Scalar a) override;
  ir::Scalar floor(ir::Scalar a) override;
  ir::Scalar less(ir::Scalar a, ir::Scalar b) override;
  ir::Scalar equal(ir::Scalar a, ir::Scalar b) override;
  /// Uses the comparison itself where the condition comes from `less` or `equal`.
  ir::Scalar select(ir::Scalar condition, ir::Scalar a, ir::Scalar b) override;
  ir::Scalar call(ir::Function function, ir::Scalar a, ir::Scalar b = {}) override;

 private:
  llvm::IRBuilderBase& builder_;
  llvm::VectorType* type_;
};

/// `ir::philox` in each lane. All values are `<lanes x i32>`; the two halves of the key are usually splats.
std::array<llvm::Value*, 4> emit_philox(llvm::IRBuilderBase& builder, std::array<llvm::Value*, 4> counter,
                                        llvm::Value* key_low, llvm::Value* key_high);

/// `ir::unit_interval` in each lane: `words` is `<lanes x i32>`, the result `<lanes x element>`, element float or
/// double.
llvm::Value* emit_unit_interval(llvm::IRBuilderBase& builder, llvm::Value* words, llvm::Type* element, int lanes);

}  // namespace am::lower
