#include "compiler/simplify/rules.h"

#include <array>
#include <cmath>
#include <tuple>
#include <vector>

#include "compiler/ir/ops.h"

namespace am::simplify {
namespace {

using ir::Attributes;
using ir::kNone;
using ir::NodeId;
using ir::Op;
using ir::Shape;

// --- the notation of the table ---

View operator+(const View& x, const View& y) { return {x.g, ir::add(x.g, x, y)}; }
View operator-(const View& x, const View& y) { return {x.g, ir::sub(x.g, x, y)}; }
View operator*(const View& x, const View& y) { return {x.g, ir::mul(x.g, x, y)}; }
View operator/(const View& x, const View& y) { return {x.g, ir::div(x.g, x, y)}; }
View operator-(const View& x) { return {x.g, ir::neg(x.g, x)}; }
/// A constant of the shape of x.
View like(const View& x, double value) { return {x.g, ir::constant(x.g, value, x.shape())}; }
View operator*(double c, const View& x) { return like(x, c) * x; }
View operator/(double c, const View& x) { return like(x, c) / x; }
View fn(Op op, const View& x) { return {x.g, ir::unary(x.g, op, x)}; }
View mean(const View& x) { return {x.g, ir::mean(x.g, x)}; }
View sum(const View& x, int mask) { return {x.g, ir::sum(x.g, x, mask)}; }
View reshape(const View& x, const Shape& shape) { return {x.g, ir::reshape(x.g, x, shape)}; }
View transpose(const View& x) { return {x.g, ir::transpose(x.g, x)}; }
View broadcast(const View& x, const Shape& shape, int mask) { return {x.g, ir::broadcast(x.g, x, shape, mask)}; }
View slice(const View& x, int axis, int start, int length) { return {x.g, ir::slice(x.g, x, axis, start, length)}; }
View pad(const View& x, int axis, int start, int size) { return {x.g, ir::pad(x.g, x, axis, start, size)}; }
View matmul(const View& a, const View& b, bool ta, bool tb) { return {a.g, ir::matmul(a.g, a, b, ta, tb)}; }

// --- conditions ---

/// A constant that may be folded into another: far from both ends of the range of f32.
bool tame(double c) { return c == 0 || (std::fabs(c) > 1e-15 && std::fabs(c) < 1e15); }

/// Constants stand first, then shared values, then sampled ones; otherwise older nodes stand before younger ones.
bool out_of_order(const View& v) {
  const auto rank = [](const View& x) { return std::tuple(!x.constant(), x.sampled(), x.id.value); };
  return rank(v[1]) < rank(v[0]);
}

/// a∘(b∘x) may become (a∘b)∘x: either both are constants, or x is sampled and a∘b is not, so that it is computed once.
bool gather(const View& a, const View& b, const View& x) {
  if (a.constant() && b.constant()) return tame(a.value()) && tame(b.value());
  return a.shared() && b.shared() && x.sampled();
}

/// c·x as its parts; any node is one times itself.
struct Scaled {
  double factor;
  NodeId x;
};
Scaled scaled(const View& v) {
  if (v.is(Op::Neg)) return {-1, v[0]};
  if (v.is(Op::Mul) && v[0].constant()) return {v[0].value(), v[1]};
  return {1, v};
}
bool same_but_scaled(const View& x, const View& y) {
  const Scaled a = scaled(x), b = scaled(y);
  return a.x == b.x && tame(a.factor) && tame(b.factor);
}
View total(const View& x, const View& y, double sign) {
  return (scaled(x).factor + sign * scaled(y).factor) * View{x.g, scaled(x).x};
}

bool all_axes(const View& v, int mask) { return mask == (1 << v.shape().rank) - 1; }

bool only_unit_axes(const Shape& shape, int mask) {
  for (int axis = 0; axis < shape.rank; ++axis)
    if ((mask >> axis & 1) && shape[axis] != 1) return false;
  return true;
}

bool whole_power(const View& exponent) {
  return exponent.constant() && exponent.value() == std::floor(exponent.value()) && std::fabs(exponent.value()) <= 64;
}

/// A value repeated along every axis.
bool filled(const View& v) { return v.is(Op::Broadcast) && all_axes(v, v.at().axis); }

// --- results that take more than a line ---

/// xⁿ by squaring; n ≥ 1.
View power(const View& x, int n) {
  if (n == 1) return x;
  const View half = power(x, n / 2);
  return n % 2 ? (half * half) * x : half * half;
}

View whole(const View& x, int n) {
  if (n == 0) return like(x, 1);
  return n > 0 ? power(x, n) : 1 / power(x, -n);
}

/// f(move x, move y, c) = move f(x, y, c), where `move` is the same repetition or reshape in all operands but constants.
NodeId move_outward(const View& v, Op move) {
  std::vector<NodeId> inner;
  std::optional<View> pattern;
  for (size_t k = 0; k < v.arity(); ++k) {
    if (v[k].constant()) continue;
    if (!v[k].is(move)) return kNone;
    if (!pattern) pattern.emplace(v[k]);
    if (v[k].at() != pattern->at() || v[k][0].shape() != (*pattern)[0].shape()) return kNone;
  }
  if (!pattern) return kNone;
  const Shape shape = (*pattern)[0].shape();
  for (size_t k = 0; k < v.arity(); ++k)
    inner.push_back(v[k].constant() ? ir::constant(v.g, v[k].value(), shape) : v[k][0].id);
  return v.g.add(move, {v.g.add(v.op(), std::move(inner))}, pattern->at());
}

/// Factors of minus one and constants stay outside of a reshape, where sums and products meet them.
bool is_factor(const View& v) { return v.is(Op::Neg) || (v.is(Op::Mul) && v[0].constant()); }

/// Adjacent pads are one: 0…a 0…0 + 0…0 b…0 = 0…(a, b)…0.
NodeId join_pads(const View& x, const View& y) {
  const Attributes a = x.at(), b = y.at();
  if (a.axis != b.axis || a.start + x[0].shape()[a.axis] != b.start) return kNone;
  return pad({x.g, ir::concat(x.g, {x[0], y[0]}, a.axis)}, a.axis, a.start, x.shape()[a.axis]);
}

/// The bits of `mask` at the axes that `dropped` leaves.
int left_over(int mask, int dropped, int rank) {
  int out = 0;
  for (int axis = 0, k = 0; axis < rank; ++axis)
    if (!(dropped >> axis & 1)) out |= (mask >> axis & 1) << k++;
  return out;
}

/// Bits of an inner mask at the axes of an outer shape that `dropped` leaves, together with `dropped`.
int spread(int inner, int dropped, int rank) {
  int out = dropped;
  for (int axis = 0, k = 0; axis < rank; ++axis)
    if (!(dropped >> axis & 1)) out |= (inner >> k++ & 1) << axis;
  return out;
}

/// Summing along an axis that repeats is multiplying by its size.
NodeId sum_of_broadcast(const View& v) {
  const int summed = v.at().axis, repeated = v[0].at().axis, rank = v[0].shape().rank;
  double count = 1;
  for (int axis = 0; axis < rank; ++axis)
    if (summed & repeated & 1 << axis) count *= v[0].shape()[axis];
  const View inner = sum(v[0][0], left_over(summed, repeated, rank));
  return count * broadcast(inner, v.shape(), left_over(repeated, summed, rank));
}

/// Σ c·x = c·Σx, and the same for a factor that is constant along the summed axes.
NodeId sum_of_scaled(const View& v) {
  const int summed = v.at().axis, rank = v[0].shape().rank;
  for (const View& product : {v[0], v[0].flip()}) {
    const View factor = product[0];
    if (factor.constant()) return factor.value() * sum(product[1], summed);
    if (!factor.is(Op::Broadcast) || (summed & ~factor.at().axis)) continue;
    return broadcast(factor[0], v.shape(), left_over(factor.at().axis, summed, rank)) * sum(product[1], summed);
  }
  return kNone;
}

/// Where axis `axis` of `from` stands in `to`, if the two differ by axes of size one only; else −1.
int moved_axis(const Shape& from, const Shape& to, int axis) {
  int i = 0, j = 0, found = -1;
  for (;; ++i, ++j) {
    while (i < from.rank && from[i] == 1) ++i;
    while (j < to.rank && to[j] == 1) ++j;
    if (i >= from.rank || j >= to.rank) break;
    if (from[i] != to[j]) return -1;
    if (i == axis) found = j;
  }
  return i >= from.rank && j >= to.rank ? found : -1;
}

NodeId reshape_of_pad(const View& v) {
  const int axis = moved_axis(v[0].shape(), v.shape(), v[0].at().axis);
  if (axis < 0) return kNone;
  Shape inner = v.shape();
  inner.sizes[axis] = v[0][0].shape()[v[0].at().axis];
  return pad(reshape(v[0][0], inner), axis, v[0].at().start, v.shape()[axis]);
}

NodeId slice_of_concat(const View& v) {
  const Attributes a = v.at();
  int begin = a.start;
  for (size_t k = 0; k < v[0].arity() && begin >= 0; begin -= v[0][k++].shape()[a.axis])
    if (begin + v.shape()[a.axis] <= v[0][k].shape()[a.axis]) return slice(v[0][k], a.axis, begin, v.shape()[a.axis]);
  return kNone;
}

/// The part of x that the slice sees, between the zeros that it sees.
NodeId slice_of_pad(const View& v) {
  const int axis = v.at().axis, length = v.shape()[axis], shift = v[0].at().start - v.at().start;
  const int begin = std::max(shift, 0), end = std::min(shift + v[0][0].shape()[axis], length);
  if (end <= begin) return like(v, 0);
  return pad(slice(v[0][0], axis, begin - shift, end - begin), axis, begin, length);
}

NodeId slice_of_broadcast(const View& v) {
  const int axis = v.at().axis, repeated = v[0].at().axis;
  if (repeated >> axis & 1) return broadcast(v[0][0], v.shape(), repeated);
  int inner = 0;
  for (int i = 0; i < axis; ++i) inner += !(repeated >> i & 1);
  return broadcast(slice(v[0][0], inner, v.at().start, v.shape()[axis]), v.shape(), repeated);
}

NodeId flat_concat(const View& v) {
  std::vector<NodeId> parts;
  for (size_t k = 0; k < v.arity(); ++k) {
    if (!v[k].is(Op::Concat) || v[k].at().axis != v.at().axis) {
      parts.push_back(v[k]);
      continue;
    }
    for (size_t j = 0; j < v[k].arity(); ++j) parts.push_back(v[k][j]);
  }
  return parts.size() == v.arity() ? kNone : ir::concat(v.g, std::move(parts), v.at().axis);
}

/// One node for two neighbours in a concatenation: consecutive slices of one node, or equal constants.
NodeId joined(const View& x, const View& y, int axis) {
  Shape shape = x.shape();
  shape.sizes[axis] += y.shape()[axis];
  if (x.constant() && y.equals(x.value())) return ir::constant(x.g, x.value(), shape);
  if (!x.is(Op::Slice) || !y.is(Op::Slice) || !x[0].same(y[0]) || x.at().axis != axis || y.at().axis != axis) return kNone;
  if (x.at().start + x.shape()[axis] != y.at().start) return kNone;
  return slice(x[0], axis, x.at().start, shape[axis]);
}

NodeId joined_concat(const View& v) {
  std::vector<NodeId> parts{v[0]};
  for (size_t k = 1; k < v.arity(); ++k) {
    const NodeId both = joined({v.g, parts.back()}, v[k], v.at().axis);
    if (both.valid()) parts.back() = both;
    else parts.push_back(v[k]);
  }
  return parts.size() == v.arity() ? kNone : ir::concat(v.g, std::move(parts), v.at().axis);
}

/// Zeros at an end of a concatenation are a pad of the rest.
NodeId padded_concat(const View& v) {
  const int axis = v.at().axis;
  size_t begin = 0, end = v.arity();
  int start = 0;
  for (; begin < end && v[begin].equals(0); ++begin) start += v[begin].shape()[axis];
  while (end > begin && v[end - 1].equals(0)) --end;
  if (begin == end) return like(v, 0);
  if (end - begin == v.arity()) return kNone;
  std::vector<NodeId> rest;
  for (size_t k = begin; k < end; ++k) rest.push_back(v[k]);
  return pad({v.g, ir::concat(v.g, std::move(rest), axis)}, axis, start, v.shape()[axis]);
}

/// The axis of operand k that a product sums over.
int inner_axis(const View& v, int k) { return k == 0 ? !v.at().transpose_a : v.at().transpose_b; }
int inner_size(const View& v) { return v[0].shape()[inner_axis(v, 0)]; }

/// The product with other operands and the same transpositions.
View product(const View& v, const View& a, const View& b) {
  return matmul(a, b, v.at().transpose_a, v.at().transpose_b);
}

/// a·bᵀ of two columns: every row's factor times every column's.
NodeId outer_product(const View& v) {
  const Shape shape = v.shape();
  return broadcast(reshape(v[0], {shape[0]}), shape, 0b10) * broadcast(reshape(v[1], {shape[1]}), shape, 0b01);
}

bool identity(const View& v) { return ir::is_identity(v.g, v); }

/// A·(1 ⊙ repeat x), where each column of A has its factor.
NodeId product_with_diagonal(const View& v) {
  for (const View& m : {v[1], v[1].flip()}) {
    if (!identity(m[0]) || !m[1].is(Op::Broadcast) || m[1][0].shape().rank != 1) continue;
    const View a = v.at().transpose_a ? transpose(v[0]) : v[0];
    return a * broadcast(m[1][0], v.shape(), 0b01);
  }
  return kNone;
}

/// Of a mask: the bits of the two axes that a transposition exchanges.
int first_swapped(int mask) { return (mask & ~0b11) | (mask & 1) << 1 | (mask >> 1 & 1); }

/// Rows and columns that meet zeros of a pad are left out.
NodeId product_with_pad(const View& v) {
  const auto cut = [&](int k) {
    const View padded = v[1 - k];
    const int axis = inner_axis(v, 1 - k);
    return slice(v[k], inner_axis(v, k), padded.at().start, padded[0].shape()[axis]);
  };
  if (v[1].is(Op::Pad) && v[1].at().axis == inner_axis(v, 1)) return product(v, cut(0), v[1][0]);
  if (v[0].is(Op::Pad) && v[0].at().axis == inner_axis(v, 0)) return product(v, v[0][0], cut(1));
  return kNone;
}

/// (c·A)·B = c·(A·B) for a constant or a shared number c, unless c·A is made once and A·B for each sample.
NodeId product_with_scaled(const View& v) {
  for (int k : {0, 1}) {
    if (v[k].sampled() != v.sampled()) continue;
    const auto rest = [&](const View& x) { return k == 0 ? product(v, x, v[1]) : product(v, v[0], x); };
    if (v[k].is(Op::Neg)) return -rest(v[k][0]);
    if (!v[k].is(Op::Mul)) continue;
    if (v[k][0].constant()) return v[k][0].value() * rest(v[k][1]);
    for (const View& m : {v[k], v[k].flip()})
      if (filled(m[0]) && m[0].shared()) return broadcast(m[0][0], v.shape(), 0b11) * rest(m[1]);
  }
  return kNone;
}

/// What is summed over samples on its own: shared values leave the mean, and products over samples are contractions.
bool splits(const View& x) { return x.shared() || x.is(Op::MatMul); }

/// E[A·B] = A·E[B] for a shared A, unless that takes the mean of more elements than before.
NodeId mean_of_product(const View& v) {
  const View p = v[0];
  if (p[0].shared() && p[1].shape().count() <= p.shape().count()) return product(p, p[0], mean(p[1]));
  if (p[1].shared() && p[0].shape().count() <= p.shape().count()) return product(p, mean(p[0]), p[1]);
  return kNone;
}

// --- the table ---
// Operation, the rule, its result, its condition. `v` is the node, v[k] its operand. AM_EITHER reads the operands in
// both orders. A rule stands before those that it makes unnecessary.

#define AM_RULE(op, text, result, condition) \
  Rule{Op::op, text, [](const View& v) -> NodeId { return (condition) ? NodeId(result) : kNone; }},
#define AM_EITHER(op, text, result, condition)         \
  Rule{Op::op, text, [](const View& u) -> NodeId {     \
         for (const View& v : {u, u.flip()})           \
           if (condition) return result;               \
         return kNone;                                 \
       }},

// clang-format off
constexpr Rule kRules[] = {
// sums
AM_RULE  (Add,       "y + x = x + y",                      v[1] + v[0],                               out_of_order(v))
AM_RULE  (Add,       "0 + x = x",                          v[1],                                      v[0].equals(0))
AM_RULE  (Add,       "a + (b + x) = (a + b) + x",          (v[0] + v[1][0]) + v[1][1],                v[1].is(Op::Add) && gather(v[0], v[1][0], v[1][1]))
AM_RULE  (Add,       "a + (b − x) = (a + b) − x",          (v[0] + v[1][0]) - v[1][1],                v[1].is(Op::Sub) && gather(v[0], v[1][0], v[1][1]))
AM_RULE  (Add,       "a·x + b·x = (a + b)·x",              total(v[0], v[1], 1),                      same_but_scaled(v[0], v[1]))
AM_EITHER(Add,       "x + (−y) = x − y",                   v[0] - v[1][0],                            v[1].is(Op::Neg))
AM_EITHER(Add,       "pad x + pad y = pad [x, y]",         join_pads(v[0], v[1]),                     v[0].is(Op::Pad) && v[1].is(Op::Pad) && join_pads(v[0], v[1]).valid())
AM_RULE  (Sub,       "x − x = 0",                          like(v, 0),                                v[0].same(v[1]))
AM_RULE  (Sub,       "x − 0 = x",                          v[0],                                      v[1].equals(0))
AM_RULE  (Sub,       "0 − x = −x",                         -v[1],                                     v[0].equals(0))
AM_RULE  (Sub,       "x − c = −c + x",                     -v[1] + v[0],                              v[1].constant())
AM_RULE  (Sub,       "a·x − b·x = (a − b)·x",              total(v[0], v[1], -1),                     same_but_scaled(v[0], v[1]))
AM_RULE  (Sub,       "x − (−y) = x + y",                   v[0] + v[1][0],                            v[1].is(Op::Neg))
AM_RULE  (Sub,       "−x − y = −(x + y)",                  -(v[0][0] + v[1]),                         v[0].is(Op::Neg))
AM_RULE  (Sub,       "a − (b + x) = (a − b) − x",          (v[0] - v[1][0]) - v[1][1],                v[1].is(Op::Add) && gather(v[0], v[1][0], v[1][1]))
AM_RULE  (Sub,       "a − (b − x) = (a − b) + x",          (v[0] - v[1][0]) + v[1][1],                v[1].is(Op::Sub) && gather(v[0], v[1][0], v[1][1]))
AM_RULE  (Neg,       "−(−x) = x",                          v[0][0],                                   v[0].is(Op::Neg))
AM_RULE  (Neg,       "−(x − y) = y − x",                   v[0][1] - v[0][0],                         v[0].is(Op::Sub))
AM_RULE  (Neg,       "−(c + x) = −c − x",                  -v[0][0] - v[0][1],                        v[0].is(Op::Add) && v[0][0].constant())
AM_RULE  (Neg,       "−(c·x) = (−c)·x",                    -v[0][0] * v[0][1],                        v[0].is(Op::Mul) && v[0][0].constant())

// products
AM_RULE  (Mul,       "y·x = x·y",                          v[1] * v[0],                               out_of_order(v))
AM_RULE  (Mul,       "0·x = 0",                            like(v, 0),                                v[0].equals(0))
AM_RULE  (Mul,       "1·x = x",                            v[1],                                      v[0].equals(1))
AM_RULE  (Mul,       "−1·x = −x",                          -v[1],                                     v[0].equals(-1))
AM_RULE  (Mul,       "c·(−x) = (−c)·x",                    -v[0] * v[1][0],                           v[0].constant() && v[1].is(Op::Neg))
AM_EITHER(Mul,       "(−x)·y = −(x·y)",                    -(v[0][0] * v[1]),                         v[0].is(Op::Neg))
AM_RULE  (Mul,       "a·(b·x) = (a·b)·x",                  (v[0] * v[1][0]) * v[1][1],                v[1].is(Op::Mul) && gather(v[0], v[1][0], v[1][1]))
AM_EITHER(Mul,       "x·(c·y) = c·(x·y)",                  v[1][0] * (v[0] * v[1][1]),                v[1].is(Op::Mul) && v[1][0].constant() && !v[0].constant() && v[0].sampled() == v[1].sampled())
AM_RULE  (Mul,       "c·(d/x) = (c·d)/x",                  (v[0] * v[1][0]) / v[1][1],                v[1].is(Op::Div) && v[0].constant() && v[1][0].constant() && tame(v[0].value()) && tame(v[1][0].value()))
AM_RULE  (Mul,       "|x|·|x| = x·x",                      v[0][0] * v[0][0],                         v[0].is(Op::Abs) && v[0].same(v[1]))
AM_EITHER(Mul,       "where(c, 1, 0)·x = where(c, x, 0)",  v.g.add(Op::Select, {v[0][0], v[1], v[0][2]}), v[0].is(Op::Select) && v[0][1].equals(1) && v[0][2].equals(0))
AM_EITHER(Mul,       "where(c, 0, 1)·x = where(c, 0, x)",  v.g.add(Op::Select, {v[0][0], v[0][1], v[1]}), v[0].is(Op::Select) && v[0][1].equals(0) && v[0][2].equals(1))
AM_RULE  (Div,       "0/x = 0",                            like(v, 0),                                v[0].equals(0))
AM_RULE  (Div,       "x/1 = x",                            v[0],                                      v[1].equals(1))
AM_RULE  (Div,       "x/c = (1/c)·x",                      1 / v[1] * v[0],                           v[1].constant() && !v[1].equals(0) && tame(v[1].value()))
AM_RULE  (Div,       "(−x)/y = −(x/y)",                    -(v[0][0] / v[1]),                         v[0].is(Op::Neg))
AM_RULE  (Div,       "x/(−y) = −(x/y)",                    -(v[0] / v[1][0]),                         v[1].is(Op::Neg))

// powers
AM_RULE  (Pow,       "x^n = x·x·…·x",                      whole(v[0], int(v[1].value())),            whole_power(v[1]))
AM_RULE  (Pow,       "x^½ = √x",                           fn(Op::Sqrt, v[0]),                        v[1].equals(0.5))
AM_RULE  (Pow,       "x^−½ = 1/√x",                        1 / fn(Op::Sqrt, v[0]),                    v[1].equals(-0.5))
AM_RULE  (Pow,       "c^x = exp(log c·x)",                 fn(Op::Exp, std::log(v[0].value()) * v[1]), v[0].constant() && v[0].value() > 0)

// functions of one or more operands
AM_RULE  (Abs,       "|−x| = |x|",                         fn(Op::Abs, v[0][0]),                      v[0].is(Op::Neg))
AM_RULE  (Abs,       "||x|| = |x|",                        v[0],                                      v[0].is(Op::Abs))
AM_RULE  (Tanh,      "tanh(−x) = −tanh x",                 -fn(Op::Tanh, v[0][0]),                    v[0].is(Op::Neg))
AM_RULE  (Sin,       "sin(−x) = −sin x",                   -fn(Op::Sin, v[0][0]),                     v[0].is(Op::Neg))
AM_RULE  (Cos,       "cos(−x) = cos x",                    fn(Op::Cos, v[0][0]),                      v[0].is(Op::Neg))
AM_RULE  (Min,       "min(y, x) = min(x, y)",              v.g.add(Op::Min, {v[1], v[0]}),            out_of_order(v))
AM_RULE  (Min,       "min(x, x) = x",                      v[0],                                      v[0].same(v[1]))
AM_RULE  (Max,       "max(y, x) = max(x, y)",              v.g.add(Op::Max, {v[1], v[0]}),            out_of_order(v))
AM_RULE  (Max,       "max(x, x) = x",                      v[0],                                      v[0].same(v[1]))
AM_RULE  (Less,      "x < x is false",                     like(v, 0),                                v[0].same(v[1]))
AM_RULE  (Equal,     "(y = x) is (x = y)",                 v.g.add(Op::Equal, {v[1], v[0]}),          out_of_order(v))
AM_RULE  (Equal,     "x = x is true",                      like(v, 1),                                v[0].same(v[1]))
AM_RULE  (Select,    "where(c, x, y) chooses once",        v[v[0].value() != 0 ? 1 : 2],              v[0].constant())
AM_RULE  (Select,    "where(c, x, x) = x",                 v[1],                                      v[1].same(v[2]))
Rule{std::nullopt,   "f(repeat x) = repeat f(x)",          [](const View& v) { return move_outward(v, Op::Broadcast); }},
Rule{std::nullopt,   "f(reshape x) = reshape f(x)",        [](const View& v) { return is_factor(v) ? kNone : move_outward(v, Op::Reshape); }},

// repeating
AM_RULE  (Broadcast, "repeat c = c",                       like(v, v[0].value()),                     v[0].constant())
AM_RULE  (Broadcast, "repeat x along no axis = x",         v[0],                                      v.at().axis == 0)
AM_RULE  (Broadcast, "repeat repeat x = repeat x",         broadcast(v[0][0], v.shape(), spread(v[0].at().axis, v.at().axis, v.shape().rank)), v[0].is(Op::Broadcast))
AM_RULE  (Broadcast, "repeat x once = reshape x",          reshape(v[0], v.shape()),                  only_unit_axes(v.shape(), v.at().axis))

// summing
AM_RULE  (Sum,       "Σ x over no axis = x",               v[0],                                      v.at().axis == 0)
AM_RULE  (Sum,       "Σ c = n·c",                          like(v, v[0].value() * v[0].shape().count() / v.shape().count()), v[0].constant())
AM_RULE  (Sum,       "Σ x over one entry = reshape x",     reshape(v[0], v.shape()),                  only_unit_axes(v[0].shape(), v.at().axis))
AM_RULE  (Sum,       "Σ Σ x = Σ x",                        sum(v[0][0], spread(v.at().axis, v[0].at().axis, v[0][0].shape().rank)), v[0].is(Op::Sum))
AM_RULE  (Sum,       "Σ repeat x = n·repeat Σ x",          sum_of_broadcast(v),                       v[0].is(Op::Broadcast))
AM_RULE  (Sum,       "Σ −x = −Σ x",                        -sum(v[0][0], v.at().axis),                v[0].is(Op::Neg))
AM_RULE  (Sum,       "Σ a·x = a·Σ x",                      sum_of_scaled(v),                          v[0].is(Op::Mul))
AM_RULE  (Sum,       "Σ reshape x = Σ x",                  ir::sum_all(v.g, v[0][0]),                 v[0].is(Op::Reshape) && all_axes(v[0], v.at().axis))
AM_RULE  (Sum,       "Σ xᵀ = Σ x",                         ir::sum_all(v.g, v[0][0]),                 v[0].is(Op::Transpose) && all_axes(v[0], v.at().axis))
AM_RULE  (Sum,       "Σ pad x = Σ x",                      sum(v[0][0], v.at().axis),                 v[0].is(Op::Pad) && (v.at().axis >> v[0].at().axis & 1))

// the same elements in another shape
AM_RULE  (Reshape,   "reshape c = c",                      like(v, v[0].value()),                     v[0].constant())
AM_RULE  (Reshape,   "reshape x to its shape = x",         v[0],                                      v[0].shape() == v.shape())
AM_RULE  (Reshape,   "reshape reshape x = reshape x",      reshape(v[0][0], v.shape()),               v[0].is(Op::Reshape))
AM_RULE  (Reshape,   "reshape −x = −reshape x",            -reshape(v[0][0], v.shape()),              v[0].is(Op::Neg))
AM_RULE  (Reshape,   "reshape c·x = c·reshape x",          v[0][0].value() * reshape(v[0][1], v.shape()), v[0].is(Op::Mul) && v[0][0].constant())
AM_RULE  (Reshape,   "reshape fill x = fill x",            ir::fill(v.g, v[0][0], v.shape()),         filled(v[0]))
AM_RULE  (Reshape,   "reshape pad x = pad reshape x",      reshape_of_pad(v),                         v[0].is(Op::Pad))
AM_RULE  (Transpose, "cᵀ = c",                             like(v, v[0].value()),                     v[0].constant())
AM_RULE  (Transpose, "(xᵀ)ᵀ = x",                          v[0][0],                                   v[0].is(Op::Transpose))
AM_RULE  (Transpose, "xᵀ of a vector = reshape x",         reshape(v[0], v.shape()),                  v.shape()[0] == 1 || v.shape()[1] == 1)
AM_RULE  (Transpose, "(−x)ᵀ = −xᵀ",                        -transpose(v[0][0]),                       v[0].is(Op::Neg))
AM_RULE  (Transpose, "(c·x)ᵀ = c·xᵀ",                      v[0][0].value() * transpose(v[0][1]),      v[0].is(Op::Mul) && v[0][0].constant())
AM_RULE  (Transpose, "(A·B)ᵀ = Bᵀ·Aᵀ",                     matmul(v[0][1], v[0][0], !v[0].at().transpose_b, !v[0].at().transpose_a), v[0].is(Op::MatMul))
AM_RULE  (Transpose, "(repeat x)ᵀ = repeat x",             broadcast(v[0][0], v.shape(), first_swapped(v[0].at().axis)), v[0].is(Op::Broadcast) && v[0].at().axis & 0b11)

// parts and wholes
AM_RULE  (Slice,     "all of x = x",                       v[0],                                      v[0].shape() == v.shape())
AM_RULE  (Slice,     "part of c = c",                      like(v, v[0].value()),                     v[0].constant())
AM_RULE  (Slice,     "part of part of x = part of x",      slice(v[0][0], v.at().axis, v[0].at().start + v.at().start, v.shape()[v.at().axis]), v[0].is(Op::Slice) && v[0].at().axis == v.at().axis)
AM_RULE  (Slice,     "part of [x, y] = part of x",         slice_of_concat(v),                        v[0].is(Op::Concat) && v[0].at().axis == v.at().axis)
AM_RULE  (Slice,     "part of pad x = pad part of x",      slice_of_pad(v),                           v[0].is(Op::Pad) && v[0].at().axis == v.at().axis)
AM_RULE  (Slice,     "part of repeat x = repeat part of x", slice_of_broadcast(v),                    v[0].is(Op::Broadcast))
AM_RULE  (Slice,     "part of −x = −part of x",            -slice(v[0][0], v.at().axis, v.at().start, v.shape()[v.at().axis]), v[0].is(Op::Neg))
AM_RULE  (Slice,     "part of c·x = c·part of x",          v[0][0].value() * slice(v[0][1], v.at().axis, v.at().start, v.shape()[v.at().axis]), v[0].is(Op::Mul) && v[0][0].constant())
AM_RULE  (Pad,       "pad x to its size = x",              v[0],                                      v[0].shape() == v.shape())
AM_RULE  (Pad,       "pad 0 = 0",                          like(v, 0),                                v[0].equals(0))
AM_RULE  (Pad,       "pad pad x = pad x",                  pad(v[0][0], v.at().axis, v.at().start + v[0].at().start, v.shape()[v.at().axis]), v[0].is(Op::Pad) && v[0].at().axis == v.at().axis)
AM_RULE  (Concat,    "[x] = x",                            v[0],                                      v.arity() == 1)
AM_RULE  (Concat,    "[[x, y], z] = [x, y, z]",            flat_concat(v),                            true)
AM_RULE  (Concat,    "[x₀₁, x₁₂] = x₀₂",                   joined_concat(v),                          true)
AM_RULE  (Concat,    "[0, x, 0] = pad x",                  padded_concat(v),                          true)

// matrix products
AM_RULE  (MatMul,    "0·B = 0",                            like(v, 0),                                v[0].equals(0) || v[1].equals(0))
AM_RULE  (MatMul,    "c·d of constants",                   like(v, inner_size(v) * v[0].value() * v[1].value()), v[0].constant() && v[1].constant())
AM_RULE  (MatMul,    "(Aᵀ)·B reads A",                     matmul(v[0][0], v[1], !v.at().transpose_a, v.at().transpose_b), v[0].is(Op::Transpose))
AM_RULE  (MatMul,    "A·(Bᵀ) reads B",                     matmul(v[0], v[1][0], v.at().transpose_a, !v.at().transpose_b), v[1].is(Op::Transpose))
AM_RULE  (MatMul,    "A·1 = A",                            v.at().transpose_a ? transpose(v[0]) : v[0], identity(v[1]))
AM_RULE  (MatMul,    "A·diag x = A·repeat x",              product_with_diagonal(v),                  v[1].is(Op::Mul))
AM_RULE  (MatMul,    "a·bᵀ = repeat a·repeat b",           outer_product(v),                          inner_size(v) == 1 && (v[0].shared() || v[1].shared()))
AM_RULE  (MatMul,    "A·pad B = part of A·B",              product_with_pad(v),                       v[0].is(Op::Pad) || v[1].is(Op::Pad))
AM_RULE  (MatMul,    "(c·A)·B = c·(A·B)",                  product_with_scaled(v),                    true)

// means over samples
AM_RULE  (Mean,      "E x = x",                            v[0],                                      v[0].shared())
AM_RULE  (Mean,      "E −x = −E x",                        -mean(v[0][0]),                            v[0].is(Op::Neg))
AM_RULE  (Mean,      "E a·x = a·E x",                      v[0][0] * mean(v[0][1]),                   v[0].is(Op::Mul) && v[0][0].shared())
AM_RULE  (Mean,      "E x/a = (E x)/a",                    mean(v[0][0]) / v[0][1],                   v[0].is(Op::Div) && v[0][1].shared())
AM_RULE  (Mean,      "E(x + y) = E x + E y",               mean(v[0][0]) + mean(v[0][1]),             v[0].is(Op::Add) && (splits(v[0][0]) || splits(v[0][1])))
AM_RULE  (Mean,      "E(x − y) = E x − E y",               mean(v[0][0]) - mean(v[0][1]),             v[0].is(Op::Sub) && (splits(v[0][0]) || splits(v[0][1])))
AM_RULE  (Mean,      "E reshape x = reshape E x",          reshape(mean(v[0][0]), v.shape()),         v[0].is(Op::Reshape))
AM_RULE  (Mean,      "E xᵀ = (E x)ᵀ",                      transpose(mean(v[0][0])),                  v[0].is(Op::Transpose))
AM_RULE  (Mean,      "E repeat x = repeat E x",            broadcast(mean(v[0][0]), v.shape(), v[0].at().axis), v[0].is(Op::Broadcast))
AM_RULE  (Mean,      "E pad x = pad E x",                  pad(mean(v[0][0]), v[0].at().axis, v[0].at().start, v.shape()[v[0].at().axis]), v[0].is(Op::Pad))
AM_RULE  (Mean,      "E Σ A·B = Σ E A·B",                  sum(mean(v[0][0]), v[0].at().axis),        v[0].is(Op::Sum) && v[0][0].is(Op::MatMul))
AM_RULE  (Mean,      "E A·B = A·E B",                      mean_of_product(v),                        v[0].is(Op::MatMul))
};
// clang-format on
#undef AM_RULE
#undef AM_EITHER

using Index = std::array<std::vector<const Rule*>, ir::kOpCount>;

Index by_op() {
  Index out;
  for (int op = 0; op < ir::kOpCount; ++op)
    for (const Rule& rule : kRules) {
      const bool elementwise = ir::info(Op(op)).lower->kind == ir::LoweringKind::Elementwise;
      if (rule.op ? *rule.op == Op(op) : elementwise) out[op].push_back(&rule);
    }
  return out;
}

}  // namespace

std::span<const Rule> rules() { return kRules; }

NodeId rewrite(const View& view) {
  static const Index index = by_op();
  for (const Rule* rule : index[static_cast<int>(view.op())])
    if (const NodeId result = rule->apply(view); result.valid()) return result;
  return kNone;
}

}  // namespace am::simplify
