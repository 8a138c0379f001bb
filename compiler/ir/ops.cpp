#include "compiler/ir/ops.h"

#include <cmath>
#include <numbers>

#include "compiler/diagnostics/diagnostics.h"

namespace am::ir {
namespace {

constexpr Lowering leaf{LoweringKind::Leaf};
constexpr Lowering draw{LoweringKind::Fill};
constexpr Lowering index_map{LoweringKind::IndexMap};
constexpr Lowering reduce{LoweringKind::Reduce};
constexpr Lowering contract{LoweringKind::Contract};
constexpr Lowering gather{LoweringKind::Gather};
constexpr Lowering mean_over_samples{LoweringKind::Mean};
constexpr std::array<double, 2> none{0, 0};

namespace types {

Shape given(const Graph&, Op, std::span<const NodeId>, const Attributes& a) { return a.shape; }

Shape same(const Graph& g, Op op, std::span<const NodeId> x, const Attributes&) {
  for (NodeId id : x)
    AM_CHECK(g[id].shape == g[x[0]].shape, "{}: {} and {}", info(op).name, g[x[0]].shape.text(), g[id].shape.text());
  return g[x[0]].shape;
}

Shape broadcast(const Graph& g, Op, std::span<const NodeId> x, const Attributes& a) {
  int from = 0;
  for (int axis = 0; axis < a.shape.rank; ++axis)
    if (!(a.axis >> axis & 1)) {
      AM_CHECK(from < g[x[0]].shape.rank && a.shape[axis] == g[x[0]].shape[from], "broadcast {} to {}",
               g[x[0]].shape.text(), a.shape.text());
      ++from;
    }
  AM_CHECK(from == g[x[0]].shape.rank, "broadcast {} to {}", g[x[0]].shape.text(), a.shape.text());
  return a.shape;
}

Shape sum(const Graph& g, Op, std::span<const NodeId> x, const Attributes& a) {
  Shape out;
  const Shape& in = g[x[0]].shape;
  for (int axis = 0; axis < in.rank; ++axis)
    if (!(a.axis >> axis & 1)) out.sizes[out.rank++] = in[axis];
  return out;
}

Shape reshape(const Graph& g, Op, std::span<const NodeId> x, const Attributes& a) {
  AM_CHECK(a.shape.count() == g[x[0]].shape.count(), "reshape {} to {}", g[x[0]].shape.text(), a.shape.text());
  return a.shape;
}

Shape transpose(const Graph& g, Op, std::span<const NodeId> x, const Attributes&) {
  AM_CHECK(g[x[0]].shape.rank >= 2, "transpose of {}", g[x[0]].shape.text());
  Shape out = g[x[0]].shape;
  std::swap(out.sizes[0], out.sizes[1]);
  return out;
}

Shape slice(const Graph& g, Op, std::span<const NodeId> x, const Attributes& a) {
  const Shape& in = g[x[0]].shape;
  AM_CHECK(a.axis < in.rank && a.start >= 0 && a.start + a.shape[a.axis] <= in[a.axis], "slice of {}", in.text());
  return a.shape;
}

Shape pad(const Graph& g, Op, std::span<const NodeId> x, const Attributes& a) {
  const Shape& in = g[x[0]].shape;
  AM_CHECK(a.axis < in.rank && a.start >= 0 && a.start + in[a.axis] <= a.shape[a.axis], "pad of {}", in.text());
  return a.shape;
}

Shape concat(const Graph& g, Op, std::span<const NodeId> x, const Attributes& a) {
  Shape out = g[x[0]].shape;
  AM_CHECK(a.axis < out.rank, "concat along axis {} of {}", a.axis, out.text());
  for (size_t k = 1; k < x.size(); ++k) {
    Shape part = g[x[k]].shape;
    AM_CHECK(part.rank == out.rank, "concat of {} and {}", out.text(), part.text());
    const int total = out[a.axis] + part[a.axis];
    part.sizes[a.axis] = out.sizes[a.axis];
    AM_CHECK(part == out, "concat of {} and {}", out.text(), part.text());
    out.sizes[a.axis] = total;
  }
  return out;
}

Shape matmul(const Graph& g, Op, std::span<const NodeId> x, const Attributes& at) {
  const Shape &a = g[x[0]].shape, &b = g[x[1]].shape;
  AM_CHECK(a.rank == 2 && b.rank == 2, "matmul of {} and {}", a.text(), b.text());
  AM_CHECK(a[at.transpose_a ? 0 : 1] == b[at.transpose_b ? 1 : 0], "matmul of {} and {}", a.text(), b.text());
  return {a[at.transpose_a ? 1 : 0], b[at.transpose_b ? 0 : 1]};
}

Shape row(const Graph& g, Op, std::span<const NodeId> x, const Attributes&) {
  AM_CHECK(g[x[0]].shape.rank == 2 && g[x[1]].shape.rank == 0, "row of {} by {}", g[x[0]].shape.text(),
           g[x[1]].shape.text());
  return {g[x[0]].shape[1]};
}

Shape mean(const Graph& g, Op, std::span<const NodeId> x, const Attributes&) { return g[x[0]].shape; }

}  // namespace types

/// Of a minimum or maximum: operand 0 is chosen where x < y, operand 1 elsewhere, so that a tie chooses one of them.
NodeId chosen(const At& at, int k, NodeId x, NodeId y) {
  const NodeId first = binary(at.g, Op::Less, x, y);
  return k == 0 ? first : sub(at.g, at.like(1), first);
}

/// The adjoint of part k is its slice of the whole's.
NodeId concat_transpose(const At& at, int k, NodeId ct) {
  const int axis = at.node().attributes.axis;
  int start = 0;
  for (int i = 0; i < k; ++i) start += at.g[at[i]].shape[axis];
  return slice(at.g, ct, axis, start, at.g[at[k]].shape[axis]);
}

/// For C = op(A)·op(B): the adjoint of op(A) is C̄·op(B)ᵀ, that of op(B) is op(A)ᵀ·C̄.
NodeId matmul_transpose(const At& at, int k, NodeId ct) {
  const Attributes a = at.node().attributes;
  if (k == 0)
    return a.transpose_a ? matmul(at.g, at[1], ct, a.transpose_b, true)
                         : matmul(at.g, ct, at[1], false, !a.transpose_b);
  return a.transpose_b ? matmul(at.g, ct, at[0], true, a.transpose_a) : matmul(at.g, at[0], ct, !a.transpose_a, false);
}

/// Columns of all directions stand side by side, so that they are one product: op(A)·[k, n·d], or, since columns have to
/// be those of the second factor, op(B)ᵀ·[k, m·d].
NodeId matmul_stacked(const At& at, int k, NodeId x) {
  Graph& g = at.g;
  const Attributes a = at.node().attributes;
  const Shape out = at.node().shape;
  const int d = g[x].shape[2];
  if (k == 1) {
    const NodeId columns = a.transpose_b ? transpose(g, x) : x;
    const int inner = g[columns].shape[0];
    return reshape(g, matmul(g, at[0], reshape(g, columns, {inner, out[1] * d}), a.transpose_a), {out[0], out[1], d});
  }
  const NodeId columns = a.transpose_a ? x : transpose(g, x);
  const int inner = g[columns].shape[0];
  const NodeId product = matmul(g, at[1], reshape(g, columns, {inner, out[0] * d}), !a.transpose_b);
  return transpose(g, reshape(g, product, {out[1], out[0], d}));
}

/// Σ over k and directions: the product of [m, k·d] and [n, k·d]ᵀ.
NodeId matmul_contracted(const At& at, NodeId left, NodeId right) {
  Graph& g = at.g;
  const Attributes a = at.node().attributes;
  const Shape out = at.node().shape;
  const int inner = g[left].shape.count() / out[0];
  if (a.transpose_a) left = transpose(g, left);
  if (!a.transpose_b) right = transpose(g, right);
  return matmul(g, reshape(g, left, {out[0], inner}), reshape(g, right, {out[1], inner}), false, true);
}

/// log(1 + x) without loss for small x: log u + (x − (u − 1))/u with u = 1 + x rounded.
Scalar log1p_of(Scalars& s, const Scalar* x) {
  const Scalar one = s.constant(1), u = s.add(one, x[0]);
  const Scalar lost = s.sub(x[0], s.sub(u, one));
  return s.add(s.call(Function::Log, u), s.div(lost, u));
}

/// exp(y·log x), and for whole y also for a negative base, where the sign is that of an odd power. NaN for a negative
/// base and a broken y; x⁰ is 1.
Scalar pow_of(Scalars& s, const Scalar* x) {
  const Scalar zero = s.constant(0), half = s.mul(x[1], s.constant(0.5));
  const Scalar whole = s.equal(s.floor(x[1]), x[1]);
  const Scalar size = s.call(Function::Exp, s.mul(x[1], s.call(Function::Log, s.select(whole, s.abs(x[0]), x[0]))));
  const Scalar even = s.equal(s.floor(half), half);
  const Scalar negative = s.mul(s.less(x[0], zero), s.sub(s.constant(1), even));
  return s.select(s.equal(x[1], zero), s.constant(1), s.select(negative, s.neg(size), size));
}

constexpr OpInfo kOps[] = {
#define AM_OP(id, ...) OpInfo{__VA_ARGS__},
#include "compiler/ir/ops.def"
#undef AM_OP
};

class Doubles final : public Scalars {
 public:
  Scalar constant(double v) override { return of(v); }
  Scalar add(Scalar a, Scalar b) override { return of(a.number + b.number); }
  Scalar sub(Scalar a, Scalar b) override { return of(a.number - b.number); }
  Scalar mul(Scalar a, Scalar b) override { return of(a.number * b.number); }
  Scalar div(Scalar a, Scalar b) override { return of(a.number / b.number); }
  Scalar min(Scalar a, Scalar b) override { return of(a.number < b.number ? a.number : b.number); }
  Scalar max(Scalar a, Scalar b) override { return of(a.number > b.number ? a.number : b.number); }
  Scalar neg(Scalar a) override { return of(-a.number); }
  Scalar abs(Scalar a) override { return of(std::fabs(a.number)); }
  Scalar sqrt(Scalar a) override { return of(std::sqrt(a.number)); }
  Scalar floor(Scalar a) override { return of(std::floor(a.number)); }
  Scalar less(Scalar a, Scalar b) override { return of(a.number < b.number); }
  Scalar equal(Scalar a, Scalar b) override { return of(a.number == b.number); }
  Scalar select(Scalar c, Scalar a, Scalar b) override { return c.number != 0 ? a : b; }
  Scalar call(Function function, Scalar a, Scalar b) override {
    const double x = a.number, y = b.number;
    switch (function) {
#define AM_CASE(name, value) \
  case Function::name: return of(value);
      AM_FUNCTIONS(AM_CASE)
#undef AM_CASE
    }
    return {};
  }

 private:
  static Scalar of(double v) { return {nullptr, v}; }
};

}  // namespace

const OpInfo& info(Op op) { return kOps[static_cast<int>(op)]; }

bool states_shape(Op op) {
  const TypeRule rule = info(op).type;
  return rule == types::given || rule == types::broadcast || rule == types::reshape || rule == types::slice ||
         rule == types::pad;
}

Scalars& doubles() {
  static Doubles carrier;
  return carrier;
}

}  // namespace am::ir
