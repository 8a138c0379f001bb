#include "compiler/lower/vector_math.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/PatternMatch.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "compiler/ir/random.h"
#include "compiler/lower/polynomials.h"

namespace am::lower {
namespace {

using llvm::Intrinsic::ID;

// Instructions as formulas: `a * b + c` writes a multiplication and an addition at the builder's position. A number on
// either side means a vector of it. `Real` lanes are floating-point, `Bits` lanes integers of the same width, `Mask`
// lanes truth values.

struct Real {
  llvm::IRBuilderBase* builder;
  llvm::Value* value;

  llvm::Type* type() const { return value->getType(); }
  Real like(double number) const { return {builder, llvm::ConstantFP::get(type(), number)}; }
};

struct Bits {
  llvm::IRBuilderBase* builder;
  llvm::Value* value;

  Bits like(uint64_t number) const { return {builder, llvm::ConstantInt::get(value->getType(), number)}; }
};

struct Mask {
  llvm::IRBuilderBase* builder;
  llvm::Value* value;
};

Real operator+(Real a, Real b) { return {a.builder, a.builder->CreateFAdd(a.value, b.value)}; }
Real operator-(Real a, Real b) { return {a.builder, a.builder->CreateFSub(a.value, b.value)}; }
Real operator*(Real a, Real b) { return {a.builder, a.builder->CreateFMul(a.value, b.value)}; }
Real operator/(Real a, Real b) { return {a.builder, a.builder->CreateFDiv(a.value, b.value)}; }
Real operator-(Real a) { return {a.builder, a.builder->CreateFNeg(a.value)}; }
Real operator+(Real a, double b) { return a + a.like(b); }
Real operator-(Real a, double b) { return a - a.like(b); }
Real operator-(double a, Real b) { return b.like(a) - b; }
Real operator*(Real a, double b) { return a * a.like(b); }
Real operator/(double a, Real b) { return b.like(a) / b; }

Mask operator<(Real a, Real b) { return {a.builder, a.builder->CreateFCmpOLT(a.value, b.value)}; }
Mask operator>(Real a, Real b) { return {a.builder, a.builder->CreateFCmpOGT(a.value, b.value)}; }
Mask operator==(Real a, Real b) { return {a.builder, a.builder->CreateFCmpOEQ(a.value, b.value)}; }
Mask operator<(Real a, double b) { return a < a.like(b); }
Mask operator>(Real a, double b) { return a > a.like(b); }
Mask operator==(Real a, double b) { return a == a.like(b); }
Mask unordered(Real a, Real b) { return {a.builder, a.builder->CreateFCmpUNO(a.value, b.value)}; }

Real select(Mask condition, Real a, Real b) {
  return {a.builder, a.builder->CreateSelect(condition.value, a.value, b.value)};
}
Real select(Mask condition, double a, Real b) { return select(condition, b.like(a), b); }

/// One instruction each; the second operand if either is NaN.
Real min(Real a, Real b) { return select(a < b, a, b); }
Real max(Real a, Real b) { return select(a > b, a, b); }

/// x between the limits; NaN stays.
Real clamp(Real x, double low, double high) { return min(x.like(high), max(x.like(low), x)); }

Real unary(ID intrinsic, Real x) { return {x.builder, x.builder->CreateUnaryIntrinsic(intrinsic, x.value)}; }
Real abs(Real x) { return unary(llvm::Intrinsic::fabs, x); }
Real copysign(Real magnitude, Real sign) {
  return {sign.builder, sign.builder->CreateBinaryIntrinsic(llvm::Intrinsic::copysign, magnitude.value, sign.value)};
}

/// a·b + c, fused where the machine can: never a call. Results must not depend on which it is beyond rounding.
Real fma(Real a, Real b, Real c) {
  return {a.builder, a.builder->CreateIntrinsic(llvm::Intrinsic::fmuladd, {a.type()}, {a.value, b.value, c.value})};
}
Real fma(Real a, double b, Real c) { return fma(a, a.like(b), c); }
Real fma(Real a, Real b, double c) { return fma(a, b, a.like(c)); }
Real fma(Real a, double b, double c) { return fma(a, a.like(b), a.like(c)); }

Bits operator+(Bits a, uint64_t b) { return {a.builder, a.builder->CreateAdd(a.value, a.like(b).value)}; }
Bits operator-(Bits a, Bits b) { return {a.builder, a.builder->CreateSub(a.value, b.value)}; }
Bits operator*(Bits a, uint64_t b) { return {a.builder, a.builder->CreateMul(a.value, a.like(b).value)}; }
Bits operator&(Bits a, uint64_t b) { return {a.builder, a.builder->CreateAnd(a.value, a.like(b).value)}; }
Bits operator|(Bits a, uint64_t b) { return {a.builder, a.builder->CreateOr(a.value, a.like(b).value)}; }
Bits operator^(Bits a, Bits b) { return {a.builder, a.builder->CreateXor(a.value, b.value)}; }
Bits operator<<(Bits a, int by) { return {a.builder, a.builder->CreateShl(a.value, by)}; }
Bits operator>>(Bits a, int by) { return {a.builder, a.builder->CreateLShr(a.value, by)}; }
Mask nonzero(Bits a) { return {a.builder, a.builder->CreateICmpNE(a.value, a.like(0).value)}; }
Mask negative(Bits a) { return {a.builder, a.builder->CreateICmpSLT(a.value, a.like(0).value)}; }

/// The representation of a number, and back.
Bits bits(Real x) {
  const auto type = llvm::cast<llvm::VectorType>(x.type());
  return {x.builder, x.builder->CreateBitCast(x.value, llvm::VectorType::getInteger(type))};
}
Real real(Bits b, Real like) { return {b.builder, b.builder->CreateBitCast(b.value, like.type())}; }

// ---- What is different between f32 and f64.

using Coefficients = std::span<const double>;

struct Format {
  int width;                 // bits in all
  int mantissa;              // bits of the fraction
  int bias;                  // of the exponent
  double smallest;           // normal number
  uint64_t sqrt_half;        // representation of √½
  double exp_low, exp_high;  // beyond these exp is 0 and ∞
  double tanh_one;           // tanh rounds to ±1 from here on
  double erf_one;            // erf rounds to ±1 from here on
  Coefficients exp, expm1, log, sin, cos, atan, erf, erfc, ln2, half_pi;

  /// Added to a number below 2^(mantissa − 1) it leaves the nearest integer in the low bits of the sum.
  double shifter() const { return std::ldexp(1.5, mantissa); }
  /// Representation of 1, and the bits of sign and exponent.
  uint64_t one() const { return static_cast<uint64_t>(bias) << mantissa; }
  uint64_t exponent_mask() const { return ~((uint64_t{1} << mantissa) - 1); }
};

const Format kF32{.width = 32,
                  .mantissa = 23,
                  .bias = 127,
                  .smallest = 0x1p-126,
                  .sqrt_half = 0x3f3504f3,
                  .exp_low = -87.8,
                  .exp_high = 89,
                  .tanh_one = 9.1,
                  .erf_one = 4,
                  .exp = kExpF32,
                  .expm1 = kExpm1F32,
                  .log = kLogF32,
                  .sin = kSinF32,
                  .cos = kCosF32,
                  .atan = kAtanF32,
                  .erf = kErfF32,
                  .erfc = kErfcF32,
                  .ln2 = kLn2F32,
                  .half_pi = kHalfPiF32};
const Format kF64{.width = 64,
                  .mantissa = 52,
                  .bias = 1023,
                  .smallest = 0x1p-1022,
                  .sqrt_half = 0x3fe6a09e667f3bcd,
                  .exp_low = -709,
                  .exp_high = 710,
                  .tanh_one = 20,
                  .erf_one = 6,
                  .exp = kExpF64,
                  .expm1 = kExpm1F64,
                  .log = kLogF64,
                  .sin = kSinF64,
                  .cos = kCosF64,
                  .atan = kAtanF64,
                  .erf = kErfF64,
                  .erfc = kErfcF64,
                  .ln2 = kLn2F64,
                  .half_pi = kHalfPiF64};

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi, kLog2e = std::numbers::log2e;

/// c₀ + c₁x + c₂x² + …
Real polynomial(Coefficients c, Real x) {
  Real sum = x.like(c.back());
  for (size_t k = c.size() - 1; k-- > 0;) sum = fma(sum, x, c[k]);
  return sum;
}

// ---- Powers of e: e^(a·x) = 2ⁿ·(1 + r·q(r)), with n an integer and r what is left of x.

struct Power {
  Real scale;  // 2ⁿ: +0 for n = −bias, ∞ for n = bias + 1, which are also the limits of n
  Real r, q;
};

/// `shifted` is shifter + bias + n. The first term of ln 2 is so short that its product with n is exact; a is 1, −1 or
/// a power of 2, so that dividing by it is.
Power power(const Format& f, Real x, double a, Real shifted, Coefficients c) {
  const Real n = shifted - (f.shifter() + f.bias);
  Real r = x;
  for (double term : f.ln2) r = fma(n, -term / a, r);
  std::vector<double> scaled(c.begin(), c.end());
  double factor = 1;
  for (double& coefficient : scaled) coefficient *= factor *= a;
  return {real(bits(shifted) << f.mantissa, x), r, polynomial(scaled, r)};
}

/// With n nearest: |a·r| ≤ ½ ln 2, and n = 0 around x = 0.
Power power_nearest(const Format& f, Real x, double a) {
  return power(f, x, a, fma(x, a * kLog2e, f.shifter() + f.bias), f.expm1);
}

/// n rounded down, so that 2ⁿ is a normal number for every normal result: with n nearest it would overflow before the
/// result does. The half is subtracted first because shifter − ½ is not a number of this format.
Real exponential(const Format& f, Real x) {
  x = clamp(x, f.exp_low, f.exp_high);
  const Power p = power(f, x, 1, fma(x, kLog2e, -0.5) + (f.shifter() + f.bias), f.exp);
  return fma(p.r, p.q, 1) * p.scale;
}

/// 1 / (1 + e^−x), accurate in the left tail too since e^−x is. It is 1 from 60 on in either format.
Real sigmoid(const Format& f, Real x) {
  const Power p = power_nearest(f, clamp(x, -f.exp_high, 60), -1);
  return 1 / fma(p.scale, fma(p.r, p.q, 1), 1);
}

/// E / (E + 2) with E = e^2x − 1 = 2ⁿ·rq + (2ⁿ − 1). Around 0, n is 0 and E = rq has small relative error. The last
/// term is written −(1 − 2ⁿ), which is −0 there and so leaves the sign of a zero.
Real tanh(const Format& f, Real x) {
  const Power p = power_nearest(f, clamp(x, -f.tanh_one, f.tanh_one), 2);
  const Real e = fma(p.scale, p.r * p.q, -(1 - p.scale));
  return e / (e + 2);
}

/// Up to 1 an odd polynomial, beyond it 1 − e^−p with p = −log erfc |x| a polynomial in |x| − 1: the rounding of p
/// matters near 1 alone, where p is small too.
Real error_function(const Format& f, Real x) {
  const Real size = abs(x);
  const Real odd = fma(x, polynomial(f.erf, x * x), x);
  const Real rest = exponential(f, -polynomial(f.erfc, clamp(size, 1, f.erf_one) - 1));
  return select(size > 1, copysign(1 - rest, x), odd);
}

/// x = 2ᵉ·m with √½ ≤ m < √2, and with s = f/(2 + f), f = m − 1: log m = 2·artanh s = 2s + s·R = f − s·(f − R), where f
/// is exact and the rest small beside it.
Real logarithm(const Format& f, Real x) {
  const int lift = f.mantissa + 1;
  const Mask denormal = x < f.smallest;
  const Bits b = bits(select(denormal, x * std::ldexp(1, lift), x));
  // The exponent field of `carried` is e + bias: fractions from that of √½ on carry into it.
  const Bits carried = b + (f.one() - f.sqrt_half);
  const Real m = real(b - (carried & f.exponent_mask()) + f.one(), x);
  // An integer in the low bits of 2^mantissa is added to it.
  const double unit = std::ldexp(1, f.mantissa);
  const uint64_t unit_bits = static_cast<uint64_t>(f.bias + f.mantissa) << f.mantissa;
  const Real e =
      real((carried >> f.mantissa) | unit_bits, x) - select(denormal, unit + f.bias + lift, x.like(unit + f.bias));

  const Real fraction = m - 1, s = fraction / (fraction + 2), z = s * s;
  Real y = fma(-s, fraction - z * polynomial(f.log, z), fraction);
  for (size_t i = f.ln2.size(); i-- > 0;) y = fma(e, f.ln2[i], y);
  y = select(x < kInfinity, y, x);
  return select(x > 0, y, select(x == 0, -kInfinity, x.like(kNaN)));
}

// ---- Circular functions.

/// x − n·π/2 in f64, whose spare bits make the products of n and the terms of π/2 exact without fused multiply-add. For
/// f64 the terms are more and shorter.
Real subtract_quarters(const Format& f, Real x, Real n) {
  llvm::IRBuilderBase& builder = *x.builder;
  const auto type = llvm::cast<llvm::VectorType>(x.type());
  const auto wide = llvm::VectorType::get(builder.getDoubleTy(), type->getElementCount());
  Real r{&builder, builder.CreateFPExt(x.value, wide)};
  const Real quarters{&builder, builder.CreateFPExt(n.value, wide)};
  for (double term : f.half_pi) r = fma(quarters, -term, r);
  return {&builder, builder.CreateFPTrunc(r.value, type)};
}

/// sin(x + turn·π/2). The remainder is at most π/4, and a little more where x·2/π has no room for a fraction. Clamped,
/// an angle too large to be reduced still gives a number between −1 and 1.
Real sine(const Format& f, Real x, uint64_t turn) {
  const Real shifted = fma(x, 2 / kPi, f.shifter());
  const Real r = clamp(subtract_quarters(f, x, shifted - f.shifter()), -1.2, 1.2);
  const Bits quadrant = bits(shifted) + turn;
  const Real z = r * r;
  const Real sin = r * fma(z, polynomial(f.sin, z), 1);
  const Real cos = fma(z, fma(z, polynomial(f.cos, z), -0.5), 1);
  const Real value = select(nonzero(quadrant & 1), cos, sin);
  return real(bits(value) ^ ((quadrant & 2) << (f.width - 2)), x);
}

/// The angle of the smaller over the larger of |x|, |y|, turned into the right octant and quadrant.
Real arctangent(const Format& f, Real y, Real x) {
  const Real width = abs(x), height = abs(y);
  const Real small = min(width, height), large = max(width, height);
  Real a = select(large == 0, 0, small / large);
  a = select(small == kInfinity, 1, a);
  const Mask above = a > std::tan(kPi / 8);
  a = select(above, (a - 1) / (a + 1), a);
  const Real z = a * a;
  Real angle = a * fma(z, polynomial(f.atan, z), 1);
  angle = select(above, angle + kPi / 4, angle);
  angle = select(height > width, kPi / 2 - angle, angle);
  angle = select(negative(bits(x)), kPi - angle, angle);
  return select(unordered(x, y), x + y, copysign(angle, y));
}

/// The comparison that `less` or `equal` made a number of, or one with 0.
llvm::Value* condition_of(llvm::IRBuilderBase& builder, llvm::Value* number) {
  using namespace llvm::PatternMatch;
  llvm::Value* comparison = nullptr;
  if (match(number, m_Select(m_Value(comparison), m_SpecificFP(1), m_SpecificFP(0)))) return comparison;
  return builder.CreateFCmpUNE(number, llvm::ConstantFP::get(number->getType(), 0));
}

}  // namespace

VectorScalars::VectorScalars(llvm::IRBuilderBase& builder, llvm::Type* element, int lanes)
    : builder_(builder), type_(llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes))) {}

ir::Scalar VectorScalars::constant(double number) { return of(llvm::ConstantFP::get(type_, number)); }
ir::Scalar VectorScalars::add(ir::Scalar a, ir::Scalar b) { return of(builder_.CreateFAdd(value(a), value(b))); }
ir::Scalar VectorScalars::sub(ir::Scalar a, ir::Scalar b) { return of(builder_.CreateFSub(value(a), value(b))); }
ir::Scalar VectorScalars::mul(ir::Scalar a, ir::Scalar b) { return of(builder_.CreateFMul(value(a), value(b))); }
ir::Scalar VectorScalars::div(ir::Scalar a, ir::Scalar b) { return of(builder_.CreateFDiv(value(a), value(b))); }
ir::Scalar VectorScalars::neg(ir::Scalar a) { return of(builder_.CreateFNeg(value(a))); }

ir::Scalar VectorScalars::min(ir::Scalar a, ir::Scalar b) {
  return of(builder_.CreateSelect(builder_.CreateFCmpOLT(value(a), value(b)), value(a), value(b)));
}

ir::Scalar VectorScalars::max(ir::Scalar a, ir::Scalar b) {
  return of(builder_.CreateSelect(builder_.CreateFCmpOGT(value(a), value(b)), value(a), value(b)));
}

ir::Scalar VectorScalars::abs(ir::Scalar a) {
  return of(builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, value(a)));
}

ir::Scalar VectorScalars::sqrt(ir::Scalar a) {
  return of(builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, value(a)));
}

ir::Scalar VectorScalars::floor(ir::Scalar a) {
  return of(builder_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, value(a)));
}

ir::Scalar VectorScalars::less(ir::Scalar a, ir::Scalar b) {
  return of(builder_.CreateSelect(builder_.CreateFCmpOLT(value(a), value(b)), value(constant(1)), value(constant(0))));
}

ir::Scalar VectorScalars::equal(ir::Scalar a, ir::Scalar b) {
  return of(builder_.CreateSelect(builder_.CreateFCmpOEQ(value(a), value(b)), value(constant(1)), value(constant(0))));
}

ir::Scalar VectorScalars::select(ir::Scalar condition, ir::Scalar a, ir::Scalar b) {
  return of(builder_.CreateSelect(condition_of(builder_, value(condition)), value(a), value(b)));
}

ir::Scalar VectorScalars::call(ir::Function function, ir::Scalar a, ir::Scalar b) {
  llvm::IRBuilderBase::FastMathFlagGuard guard(builder_);
  builder_.clearFastMathFlags();
  const Format& f = type_->getElementType()->isFloatTy() ? kF32 : kF64;
  const Real x{&builder_, value(a)};
  switch (function) {
    case ir::Function::Exp: return of(exponential(f, x).value);
    case ir::Function::Log: return of(logarithm(f, x).value);
    case ir::Function::Tanh: return of(tanh(f, x).value);
    case ir::Function::Sigmoid: return of(sigmoid(f, x).value);
    case ir::Function::Sin: return of(sine(f, x, 0).value);
    case ir::Function::Cos: return of(sine(f, x, 1).value);
    case ir::Function::Erf: return of(error_function(f, x).value);
    case ir::Function::Atan2: return of(arctangent(f, x, {&builder_, value(b)}).value);
  }
  llvm_unreachable("a function without a polynomial");
}

std::array<llvm::Value*, 4> emit_philox(llvm::IRBuilderBase& builder, std::array<llvm::Value*, 4> counter,
                                        llvm::Value* key_low, llvm::Value* key_high) {
  // Words stay in 64-bit lanes for all rounds: the machine multiplies 32 by 32 bits there, and nothing has to be moved
  // between lanes. Only the lower halves count until the end.
  const auto narrow = llvm::cast<llvm::VectorType>(key_low->getType());
  const auto wide = llvm::VectorType::getExtendedElementVectorType(narrow);
  const auto widened = [&](llvm::Value* word) -> Bits { return {&builder, builder.CreateZExt(word, wide)}; };
  const auto product = [](Bits word, uint32_t by) { return (word & 0xffffffff) * by; };
  std::array<Bits, 4> c{widened(counter[0]), widened(counter[1]), widened(counter[2]), widened(counter[3])};
  Bits k0 = widened(key_low), k1 = widened(key_high);
  for (int round = 0; round < 10; ++round) {
    const Bits p0 = product(c[0], ir::kPhiloxM0), p1 = product(c[2], ir::kPhiloxM1);
    c = {(p1 >> 32) ^ c[1] ^ k0, p1, (p0 >> 32) ^ c[3] ^ k1, p0};
    k0 = k0 + ir::kPhiloxW0;
    k1 = k1 + ir::kPhiloxW1;
  }
  const auto narrowed = [&](Bits word) { return builder.CreateTrunc(word.value, narrow); };
  return {narrowed(c[0]), narrowed(c[1]), narrowed(c[2]), narrowed(c[3])};
}

llvm::Value* emit_unit_interval(llvm::IRBuilderBase& builder, llvm::Value* words, llvm::Type* element, int lanes) {
  // 2k + 1 with k = word >> 9; below 2²⁴, so the signed conversion, which is cheaper, is the same and exact.
  llvm::Value* odd = builder.CreateOr(builder.CreateLShr(words, 8), 1);
  const auto type = llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
  return builder.CreateFMul(builder.CreateSIToFP(odd, type), llvm::ConstantFP::get(type, 0x1p-24));
}

}  // namespace am::lower
