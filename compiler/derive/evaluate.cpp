#include "compiler/derive/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace am::derive {
namespace {

using ir::Shape;
using Index = std::array<int, Shape::kMaxRank>;

Index unravel(const Shape& shape, int e) {
  Index index{};
  for (int axis = shape.rank; axis-- > 0; e /= shape[axis]) index[axis] = e % shape[axis];
  return index;
}

int ravel(const Shape& shape, const Index& index) {
  int e = 0;
  for (int axis = 0; axis < shape.rank; ++axis) e = e * shape[axis] + index[axis];
  return e;
}

/// The entries of `index` at the axes that the mask leaves.
Index kept(const Index& index, int rank, int mask) {
  Index out{};
  for (int axis = 0, k = 0; axis < rank; ++axis)
    if (!(mask >> axis & 1)) out[k++] = index[axis];
  return out;
}

struct Evaluator {
  const Terms& terms;
  const ir::Graph& graph;
  const ir::Bindings& bindings;
  std::map<TermId, std::vector<double>> values;

  size_t lanes(TermId id) const { return terms[id].sampled ? bindings.samples : 1; }
  int count(TermId id) const { return terms[id].shape.count(); }
  /// Element e as sample i sees it; numbers are the same everywhere.
  double at(TermId x, int e, size_t i) const {
    return values.at(x)[(count(x) == 1 ? 0 : e) * lanes(x) + (terms[x].sampled ? i : 0)];
  }

  template <class F>
  std::vector<double> each(TermId id, F f) const {
    const size_t n = lanes(id);
    std::vector<double> out(count(id) * n);
    for (int e = 0; e < count(id); ++e)
      for (size_t i = 0; i < n; ++i) out[e * n + i] = f(e, i);
    return out;
  }

  double sum(const Term& t, int e, size_t i) const {
    double out = t.value;
    for (const Part& part : t.parts) out += part.weight * at(part.term, e, i);
    return out;
  }

  double product(const Term& t, int e, size_t i) const {
    double out = 1;
    for (const Part& part : t.parts) out *= std::pow(at(part.term, e, i), part.weight);
    return out;
  }

  double call(const Term& t, int e, size_t i) const {
    double x[3] = {};
    for (size_t k = 0; k < t.parts.size(); ++k) x[k] = at(t.parts[k].term, e, i);
    return info(t.function).value(x);
  }

  double dot(const Term& t, size_t i) const {
    double out = 0;
    for (int e = 0; e < std::max(count(t.parts[0].term), count(t.parts[1].term)); ++e)
      out += at(t.parts[0].term, e, i) * at(t.parts[1].term, e, i);
    return out;
  }

  double matmul(const Term& t, int e, size_t i) const {
    const TermId a = t.parts[0].term, b = t.parts[1].term;
    const Shape &sa = terms[a].shape, &sb = terms[b].shape;
    const bool ta = t.axis & 1, tb = t.axis & 2, vector = sb.rank == 1;
    const int columns = vector ? 1 : t.shape[1], r = e / columns, c = e % columns;
    double out = 0;
    for (int k = 0; k < sa[ta ? 0 : 1]; ++k)
      out += at(a, ta ? k * sa[1] + r : r * sa[1] + k, i) * at(b, vector ? k : tb ? c * sb[1] + k : k * sb[1] + c, i);
    return out;
  }

  double transposed(const Term& t, int e, size_t i) const {
    Index index = unravel(t.shape, e);
    std::swap(index[0], index[1]);
    return at(t.parts[0].term, ravel(terms[t.parts[0].term].shape, index), i);
  }

  double slice(const Term& t, int e, size_t i) const {
    const Shape& in = terms[t.parts[0].term].shape;
    Shape full = in;
    full.sizes[t.axis] = t.extents[1];
    Index index = unravel(full, e);
    index[t.axis] += t.extents[0];
    return at(t.parts[0].term, ravel(in, index), i);
  }

  double concat(const Term& t, int e, size_t i) const {
    Index index = unravel(t.shape, e);
    size_t part = 0;
    for (; index[t.axis] >= t.extents[part]; ++part) index[t.axis] -= t.extents[part];
    Shape shape = t.shape;
    shape.sizes[t.axis] = t.extents[part];
    return at(t.parts[part].term, ravel(shape, index), i);
  }

  double total(const Term& t, int e, size_t i) const {
    const Shape& in = terms[t.parts[0].term].shape;
    double out = 0;
    for (int from = 0; from < in.count(); ++from)
      if (ravel(t.shape, kept(unravel(in, from), in.rank, t.axis)) == e) out += at(t.parts[0].term, from, i);
    return out;
  }

  double mean(const Term& t, int e) const {
    double out = 0;
    for (size_t i = 0; i < bindings.samples; ++i) out += at(t.parts[0].term, e, i);
    return out / static_cast<double>(bindings.samples);
  }

  double row(const Term& t, int e, size_t i) const {
    const int width = t.shape.count(), rows = count(t.parts[0].term) / width;
    return at(t.parts[0].term, std::clamp(static_cast<int>(at(t.parts[1].term, 0, i)), 0, rows - 1) * width + e, i);
  }

  double element(const Term& t, int e, size_t i) const {
    switch (t.kind) {
      case Kind::Symbol:
      case Kind::Ones: return 1;
      case Kind::Sum: return sum(t, e, i);
      case Kind::Product: return product(t, e, i);
      case Kind::Call: return call(t, e, i);
      case Kind::Opaque:
      case Kind::Reshape: return at(t.parts[0].term, e, i);
      case Kind::Dot: return dot(t, i);
      case Kind::MatMul: return matmul(t, e, i);
      case Kind::Outer: return at(t.parts[0].term, e / t.shape[1], i) * at(t.parts[1].term, e % t.shape[1], i);
      case Kind::Slice: return slice(t, e, i);
      case Kind::Concat: return concat(t, e, i);
      case Kind::Total: return total(t, e, i);
      case Kind::Transpose: return transposed(t, e, i);
      case Kind::Repeat:
        return at(t.parts[0].term, ravel(terms[t.parts[0].term].shape, kept(unravel(t.shape, e), t.shape.rank, t.axis)),
                  i);
      case Kind::Row: return row(t, e, i);
      case Kind::Mean: return mean(t, e);
    }
    return NAN;
  }

  void run(TermId id) {
    const Term& t = terms[id];
    if (t.kind == Kind::Symbol) values[id] = ir::interpret(graph, {&t.node, 1}, bindings)[0];
    else values[id] = each(id, [&](int e, size_t i) { return element(t, e, i); });
  }
};

}  // namespace

std::vector<double> evaluate(const Terms& terms, TermId term, const ir::Graph& graph, const ir::Bindings& bindings) {
  Evaluator evaluator{terms, graph, bindings, {}};
  for (TermId id : reachable(terms, term)) evaluator.run(id);
  return evaluator.values.at(term);
}

}  // namespace am::derive
