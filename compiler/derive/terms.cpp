#include "compiler/derive/terms.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "compiler/derive/patterns.h"
#include "compiler/diagnostics/diagnostics.h"

namespace am::derive {

using ir::Shape;

namespace {

std::vector<uint64_t> key_of(const Term& t) {
  std::vector<uint64_t> key{
      uint64_t(t.kind),      uint64_t(t.function), uint64_t(t.axis), t.node.value, std::bit_cast<uint64_t>(t.value),
      uint64_t(t.shape.rank)};
  for (int axis = 0; axis < t.shape.rank; ++axis) key.push_back(uint64_t(t.shape[axis]));
  for (int extent : t.extents) key.push_back(uint64_t(extent));
  for (const Part& part : t.parts) key.push_back(part.term.value), key.push_back(std::bit_cast<uint64_t>(part.weight));
  return key;
}

const Shape& larger(const Shape& x, const Shape& y) {
  AM_CHECK(x.rank == 0 || y.rank == 0 || x == y, "terms of shapes {} and {}", x.text(), y.text());
  return x.rank == 0 ? y : x;
}

Shape without_axis(const Shape& shape, int dropped) {
  Shape out;
  for (int axis = 0; axis < shape.rank; ++axis)
    if (axis != dropped) out.sizes[out.rank++] = shape[axis];
  return out;
}

std::vector<Part> parts_of(std::span<const TermId> ids) {
  std::vector<Part> out;
  for (TermId id : ids) out.push_back({id});
  return out;
}

/// Factors that all monomials share, with the exponent nearest to zero.
std::vector<Part> common(std::vector<Part> shared, const std::vector<Part>& factors) {
  std::vector<Part> out;
  for (Part part : shared)
    for (const Part& other : factors) {
      if (other.term != part.term || (part.weight > 0) != (other.weight > 0)) continue;
      part.weight = std::fabs(part.weight) < std::fabs(other.weight) ? part.weight : other.weight;
      out.push_back(part);
    }
  return out;
}

}  // namespace

Shape squeezed(const Shape& shape) {
  Shape out;
  for (int axis = 0; axis < shape.rank; ++axis)
    if (shape[axis] != 1) out.sizes[out.rank++] = shape[axis];
  return out;
}

void Linear::add(TermId term, double weight) {
  const auto [it, fresh] = terms.try_emplace(term, weight);
  if (!fresh && (it->second += weight) == 0) terms.erase(it);
}

// --- leaves ---

TermId Terms::intern(Term term) {
  const auto [it, fresh] = known_.try_emplace(key_of(term), static_cast<uint32_t>(terms_.size()));
  if (fresh) terms_.push_back(std::move(term));
  return {it->second};
}

TermId Terms::number(double value) { return intern({.kind = Kind::Sum, .value = value == 0 ? 0 : value}); }

TermId Terms::symbol(ir::NodeId node, const Shape& shape, bool sampled) {
  return intern({.kind = Kind::Symbol, .shape = shape, .sampled = sampled, .node = node});
}

TermId Terms::ones(const Shape& shape) {
  return shape.rank == 0 ? number(1) : intern({.kind = Kind::Ones, .shape = shape});
}

TermId Terms::opaque(TermId x) {
  const Term& t = (*this)[x];
  const Monomial m = monomial(x);
  if (m.coefficient != 1 && m.factors.size() == 1) return scale(m.coefficient, opaque(m.factors[0].term));
  const bool opens = t.kind == Kind::Sum && !is_number(x);
  return opens ? intern({.kind = Kind::Opaque, .shape = t.shape, .sampled = t.sampled, .parts = {{x}}}) : x;
}

bool Terms::is_literal(TermId id) const {
  const Term& t = (*this)[id];
  return t.kind == Kind::Concat && t.shape.rank == 1 &&
         std::all_of(t.parts.begin(), t.parts.end(), [&](const Part& part) { return is_number(part.term); });
}

std::vector<double> Terms::literal_values(TermId id) const {
  std::vector<double> out;
  const Term& t = (*this)[id];
  for (size_t k = 0; k < t.parts.size(); ++k)
    out.insert(out.end(), static_cast<size_t>(t.extents[k]), (*this)[t.parts[k].term].value);
  return out;
}

int Terms::single_entry(TermId id) const {
  if (!is_literal(id)) return -1;
  const std::vector<double> values = literal_values(id);
  const auto other = [](double v) { return v != 0; };
  const auto found = std::find_if(values.begin(), values.end(), other);
  return found == values.end() || std::any_of(found + 1, values.end(), other)
             ? -1
             : static_cast<int>(found - values.begin());
}

TermId Terms::literal(const std::vector<double>& values) {
  const Shape shape{static_cast<int>(values.size())};
  std::vector<TermId> parts;
  std::vector<int> lengths;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && values[i] == values[i - 1]) {
      ++lengths.back();
      continue;
    }
    parts.push_back(number(values[i]));
    lengths.push_back(1);
  }
  return parts.size() == 1 ? in_shape(parts[0], shape) : concat(parts, std::move(lengths), 0, shape);
}

/// Vectors of numbers multiply to one. Quotients by them stay: an entry may be zero.
void Terms::fold_literals(std::vector<Part>& factors, double& coefficient) {
  std::vector<double> values;
  const auto folds = [&](const Part& part) { return part.weight > 0 && is_literal(part.term); };
  double count = 0;
  for (const Part& part : factors) count += folds(part) ? part.weight : 0;
  if (count < 2) return;
  for (const Part& part : factors) {
    if (!folds(part)) continue;
    const std::vector<double> next = literal_values(part.term);
    values.resize(next.size(), 1);
    for (size_t i = 0; i < next.size(); ++i) values[i] *= std::pow(next[i], part.weight);
  }
  std::erase_if(factors, folds);
  const Monomial folded = monomial(literal(values));
  coefficient *= folded.coefficient;
  for (const Part& part : folded.factors) factors.push_back(part);
}

/// Vectors of numbers add up to one, and where that is the same number everywhere, to it.
void Terms::fold_literals(Linear& linear, const Shape& shape) {
  std::vector<double> values(static_cast<size_t>(shape.count()), linear.constant);
  int found = 0;
  for (const auto& [term, weight] : std::map(linear.terms)) {
    if (!is_literal(term)) continue;
    const std::vector<double> next = literal_values(term);
    for (size_t i = 0; i < values.size(); ++i) values[i] += weight * next[i];
    linear.terms.erase(term);
    ++found;
  }
  if (found == 0) return;
  linear.constant = 0;
  gather(linear, without_ones(literal(values)), 1);
}

// --- products ---

Terms::Monomial Terms::monomial(TermId id) const {
  const Term& t = (*this)[id];
  if (is_number(id)) return {t.value, {}};
  if (t.kind == Kind::Sum && t.value == 0 && t.parts.size() == 1) {
    Monomial inner = monomial(t.parts[0].term);
    inner.coefficient *= t.parts[0].weight;
    return inner;
  }
  if (t.kind == Kind::Product) return {1, t.parts};
  return {1, {{id}}};
}

TermId Terms::power_product(std::vector<Part> factors) {
  if (factors.empty()) return number(1);
  if (factors.size() == 1 && factors[0].weight == 1) return factors[0].term;
  Term out{.kind = Kind::Product};
  for (const Part& part : factors) {
    out.shape = larger(out.shape, (*this)[part.term].shape);
    out.sampled |= (*this)[part.term].sampled;
  }
  out.parts = std::move(factors);
  return intern(std::move(out));
}

/// Numbers that only a factor of ones makes a tensor.
TermId Terms::in_shape(TermId x, const Shape& shape) {
  if (shape.rank == 0 || !is_scalar(x)) return x;
  Monomial m = monomial(x);
  if (m.coefficient == 0) m.factors.clear();
  m.factors.push_back({ones(shape)});
  std::sort(m.factors.begin(), m.factors.end(), [](const Part& a, const Part& b) { return a.term < b.term; });
  const TermId core = power_product(std::move(m.factors));
  if (m.coefficient == 1) return core;
  const Term& t = (*this)[core];
  return intern({.kind = Kind::Sum, .shape = t.shape, .sampled = t.sampled, .parts = {{core, m.coefficient}}});
}

TermId Terms::without_ones(TermId x) {
  Monomial m = monomial(x);
  const auto is_ones = [&](const Part& part) { return (*this)[part.term].kind == Kind::Ones; };
  if (std::none_of(m.factors.begin(), m.factors.end(), is_ones)) return x;
  std::erase_if(m.factors, is_ones);
  return scale(m.coefficient, power_product(std::move(m.factors)));
}

/// Rows that repeat a times columns that repeat b are a·bᵀ.
void Terms::fold_outer(std::vector<Part>& factors) {
  const auto find = [&](int mask) {
    return std::find_if(factors.begin(), factors.end(), [&](const Part& p) {
      const Term& t = (*this)[p.term];
      return p.weight == 1 && t.kind == Kind::Repeat && t.shape.rank == 2 && t.axis == mask;
    });
  };
  const auto a = find(0b10), b = find(0b01);
  if (a == factors.end() || b == factors.end()) return;
  const TermId x = a->term, y = b->term;
  const TermId both = bilinear(Kind::Outer, (*this)[x].parts[0].term, (*this)[y].parts[0].term, (*this)[x].shape);
  std::erase_if(factors, [&](const Part& p) { return p.term == x || p.term == y; });
  factors.push_back({both});
}

TermId Terms::product(std::span<const Part> parts) {
  double coefficient = 1;
  std::map<TermId, double> factors;
  Shape shape;
  for (const Part& part : parts) {
    shape = larger(shape, (*this)[part.term].shape);
    const Monomial m = monomial(part.term);
    coefficient *= std::pow(m.coefficient, part.weight);
    for (const Part& factor : m.factors) factors[factor.term] += factor.weight * part.weight;
  }
  if (coefficient == 0) return in_shape(number(0), shape);
  std::vector<Part> kept, opened;
  for (const auto& [term, weight] : factors) {
    const Term& t = (*this)[term];
    if (weight == 0 || t.kind == Kind::Ones) continue;
    const bool root = t.kind == Kind::Call && t.function == Function::Sqrt && std::fmod(weight, 2) == 0;
    if (root)
      opened.push_back({t.parts[0].term, weight / 2});
    else
      kept.push_back({term, weight});
  }
  fold_outer(kept);
  fold_literals(kept, coefficient);
  if (coefficient == 0) return in_shape(number(0), shape);
  if (!opened.empty()) {
    opened.insert(opened.end(), kept.begin(), kept.end());
    return in_shape(scale(coefficient, product(opened)), shape);
  }
  std::sort(kept.begin(), kept.end(), [](const Part& a, const Part& b) { return a.term < b.term; });
  if (kept.size() > 1) std::erase_if(kept, [&](const Part& p) { return (*this)[p.term].kind == Kind::Ones; });
  return in_shape(scale(coefficient, power_product(std::move(kept))), shape);
}

// --- sums ---

void Terms::gather(Linear& into, TermId id, double weight) {
  const Term& t = (*this)[id];
  if (weight == 0) return;
  if (t.kind != Kind::Sum) return into.add(id, weight);
  into.constant += weight * t.value;
  for (const Part& part : t.parts) gather(into, part.term, weight * part.weight);
}

TermId Terms::sum(std::span<const Part> parts, double constant, bool find_names) {
  Linear linear{constant, {}};
  Shape shape;
  for (const Part& part : parts) {
    shape = larger(shape, (*this)[part.term].shape);
    const TermId bare = (*this)[part.term].shape.rank ? without_ones(part.term) : part.term;
    gather(linear, bare, part.weight);
  }
  if (shape.rank == 1) fold_literals(linear, shape);
  const bool several = linear.terms.size() + (linear.constant != 0) > 1;
  return in_shape(finish(several && find_names ? with_names(*this, std::move(linear)) : linear), shape);
}

/// Brings c + Σ w·t to normal form: common factors outside, then a common size of all coefficients and the sign.
TermId Terms::finish(const Linear& l) {
  if (l.terms.empty()) return number(l.constant);
  const auto& [first, first_weight] = *l.terms.begin();
  if (l.constant == 0 && l.terms.size() == 1 && first_weight == 1) return first;
  std::vector<Part> shared = l.constant == 0 && l.terms.size() > 1 ? monomial(first).factors : std::vector<Part>{};
  Term out{.kind = Kind::Sum, .value = l.constant};
  bool even = true;
  for (const auto& [term, weight] : l.terms) {
    shared = common(std::move(shared), monomial(term).factors);
    even &= std::fabs(weight) == std::fabs(first_weight);
    out.shape = larger(out.shape, (*this)[term].shape);
    out.sampled |= (*this)[term].sampled;
    out.parts.push_back({term, weight});
  }
  if (!shared.empty()) {
    std::vector<Part> inner;
    for (const Part& part : out.parts) {
      std::vector<Part> quotient{{part.term}};
      for (const Part& factor : shared) quotient.push_back({factor.term, -factor.weight});
      inner.push_back({product(quotient), part.weight});
    }
    shared.push_back({sum(inner)});
    return product(shared);
  }
  if (out.parts.size() + (l.constant != 0) == 1) return intern(std::move(out));
  const double leading = l.constant != 0 ? l.constant : first_weight;
  even &= l.constant == 0 || std::fabs(l.constant) == std::fabs(first_weight);
  const double outside = (even ? std::fabs(leading) : 1) * (leading < 0 ? -1 : 1);
  if (outside == 1) return intern(std::move(out));
  out.value /= outside;
  for (Part& part : out.parts) part.weight /= outside;
  Term scaled{.kind = Kind::Sum, .shape = out.shape, .sampled = out.sampled};
  scaled.parts = {{intern(std::move(out)), outside}};
  return intern(std::move(scaled));
}

// --- functions and linear maps ---

TermId Terms::call(Function function, std::span<const TermId> x) {
  const bool even = function == Function::Cos || function == Function::Abs, odd = function == Function::Sin;
  if ((even || odd) && monomial(x[0]).coefficient < 0) {
    const TermId positive = call(function, scale(-1, x[0]));
    return even ? positive : scale(-1, positive);
  }
  Term out{.kind = Kind::Call, .function = function};
  Shape shape;
  for (TermId id : x) {
    shape = larger(shape, (*this)[id].shape);
    const TermId bare = (*this)[id].shape.rank ? without_ones(id) : id;
    out.shape = larger(out.shape, (*this)[bare].shape);
    out.sampled |= (*this)[bare].sampled;
    out.parts.push_back({bare});
  }
  return in_shape(intern(std::move(out)), shape);
}

Terms::Pulled Terms::pull(TermId x, bool shared_only) {
  Monomial m = monomial(x);
  Pulled out{{{number(m.coefficient)}}, {}};
  std::vector<Part> rest;
  for (const Part& factor : m.factors) {
    const bool passes = is_scalar(factor.term) && !(shared_only && (*this)[factor.term].sampled);
    (passes ? out.scalars : rest).push_back(factor);
  }
  out.rest = power_product(std::move(rest));
  return out;
}

TermId Terms::linear(Kind kind, TermId x, const Shape& shape, int axis, std::vector<int> extents) {
  Pulled p = pull(x, kind == Kind::Mean);
  if (kind == Kind::Mean && !(*this)[p.rest].sampled) return x;
  if (!is_scalar(x) && is_scalar(p.rest)) return in_shape(x, shape);
  if ((*this)[p.rest].kind == Kind::Ones)
    p.scalars.push_back({ones(shape)});
  else
    p.scalars.push_back({intern({.kind = kind,
                                 .shape = shape,
                                 .sampled = kind != Kind::Mean && (*this)[p.rest].sampled,
                                 .parts = {{p.rest}},
                                 .axis = axis,
                                 .extents = std::move(extents)})});
  return product(p.scalars);
}

TermId Terms::bilinear(Kind kind, TermId a, TermId b, const Shape& shape, int axis) {
  Pulled p = pull(a), q = pull(b);
  p.scalars.insert(p.scalars.end(), q.scalars.begin(), q.scalars.end());
  p.scalars.push_back({intern({.kind = kind,
                               .shape = shape,
                               .sampled = (*this)[p.rest].sampled || (*this)[q.rest].sampled,
                               .parts = {{p.rest}, {q.rest}},
                               .axis = axis})});
  return product(p.scalars);
}

TermId Terms::matmul(TermId a, TermId b, bool ta, bool tb, int m, int k, int n) {
  const int left = ta ? 1 : 0, right = tb ? 2 : 0;
  if (k == 1 && m > 1 && n > 1) return bilinear(Kind::Outer, a, b, {m, n});
  if (k == 1) return mul(a, b);
  if (m == 1 && n == 1) return dot(a, b);
  if (n == 1) return bilinear(Kind::MatMul, a, b, {m}, left);
  if (m == 1) return bilinear(Kind::MatMul, b, a, {n}, tb ? 0 : 1);
  return bilinear(Kind::MatMul, a, b, {m, n}, left | right);
}

TermId Terms::dot(TermId a, TermId b) {
  for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
    if (const int i = single_entry(x); i >= 0) return scale(literal_values(x)[i], slice(y, 0, i, 1));
    if (const Pulled p = pull(x); (*this)[p.rest].kind == Kind::Ones) {
      std::vector<Part> parts = p.scalars;
      parts.push_back({total(y, (1 << (*this)[y].shape.rank) - 1)});
      return product(parts);
    }
  }
  return bilinear(Kind::Dot, a, b, {});
}

/// Σ of an elementwise product of several tensors: of a square g² it is g·g, else that of one factor and the rest.
TermId Terms::dot_of_product(TermId id) {
  std::vector<Part> factors = (*this)[id].parts;
  const bool square =
      std::all_of(factors.begin(), factors.end(), [](const Part& p) { return std::fmod(p.weight, 2) == 0; });
  if (square) {
    for (Part& part : factors) part.weight /= 2;
    const TermId root = power_product(factors);
    return dot(root, root);
  }
  const auto plain = std::find_if(factors.begin(), factors.end(), [](const Part& p) { return p.weight == 1; });
  if (plain == factors.end() || factors.size() < 2)
    return linear(Kind::Total, id, {}, (1 << (*this)[id].shape.rank) - 1);
  const TermId one = plain->term;
  factors.erase(plain);
  return dot(one, power_product(std::move(factors)));
}

TermId Terms::total(TermId x, int mask) {
  const Shape in = (*this)[x].shape;
  Shape shape;
  double summed = 1;
  for (int axis = 0; axis < in.rank; ++axis) {
    if (mask >> axis & 1)
      summed *= in[axis];
    else
      shape.sizes[shape.rank++] = in[axis];
  }
  if (mask == 0 || in.rank == 0) return x;
  Pulled p = pull(x);
  const Term& rest = (*this)[p.rest];
  if (rest.kind == Kind::Ones) {
    p.scalars.push_back({ones(shape)}), p.scalars.push_back({number(summed)});
    return product(p.scalars);
  }
  const auto splits = [&](TermId id) { return (*this)[id].kind == Kind::Product && !is_scalar(id); };
  if (shape.rank == 0 && rest.kind == Kind::Sum && rest.value == 0 &&
      std::all_of(rest.parts.begin(), rest.parts.end(), [&](const Part& part) { return splits(part.term); })) {
    std::vector<Part> terms;
    for (const Part& part : rest.parts) terms.push_back({total(part.term, mask), part.weight});
    p.scalars.push_back({sum(terms)});
  } else {
    p.scalars.push_back(
        {shape.rank == 0 && splits(p.rest) ? dot_of_product(p.rest) : linear(Kind::Total, p.rest, shape, mask)});
  }
  return product(p.scalars);
}

TermId Terms::slice(TermId x, int axis, int start, int length) {
  Shape shape = (*this)[x].shape;
  if (length == shape[axis]) return x;
  if (const Term& t = (*this)[x]; t.kind == Kind::Concat && t.shape.rank == 1 && length == 1) {
    int at = 0;
    for (size_t k = 0; k < t.parts.size(); at += t.extents[k++])
      if (at == start && t.extents[k] == 1 && is_scalar(t.parts[k].term)) return t.parts[k].term;
  }
  if (const Term t = (*this)[x]; t.kind == Kind::Sum && t.shape.rank == 1 && length == 1) {
    // An entry of a sum with a vector that is written out is the sum of entries.
    const auto written = [&](const Part& part) { return (*this)[part.term].kind == Kind::Concat; };
    if (std::any_of(t.parts.begin(), t.parts.end(), written)) {
      std::vector<Part> entries;
      for (const Part& part : t.parts)
        entries.push_back({is_scalar(part.term) ? part.term : slice(part.term, axis, start, 1), part.weight});
      return sum(entries, t.value);
    }
  }
  shape.sizes[axis] = length;
  if (length == 1) shape = without_axis(shape, axis);
  return linear(Kind::Slice, x, shape, axis, {start, length});
}

TermId Terms::concat(std::span<const TermId> parts, std::vector<int> lengths, int axis, const Shape& shape) {
  Term out{.kind = Kind::Concat, .shape = shape, .axis = axis, .extents = std::move(lengths)};
  for (TermId id : parts) {
    const TermId bare = is_number(without_ones(id)) ? without_ones(id) : id;
    out.parts.push_back({bare});
    out.sampled |= (*this)[bare].sampled;
  }
  return intern(std::move(out));
}

TermId Terms::transpose(TermId x) {
  const Term& t = (*this)[x];
  if (t.shape.rank < 2) return x;
  if (t.kind == Kind::Transpose) return t.parts[0].term;
  Shape shape = t.shape;
  std::swap(shape.sizes[0], shape.sizes[1]);
  return linear(Kind::Transpose, x, shape);
}

TermId Terms::repeat(TermId x, int mask, const Shape& shape) {
  return is_scalar(x) ? in_shape(x, shape) : mask == 0 ? x : linear(Kind::Repeat, x, shape, mask);
}

TermId Terms::reshape(TermId x, const Shape& shape) {
  return (*this)[x].shape == shape ? x : linear(Kind::Reshape, x, shape);
}

TermId Terms::row(TermId table, TermId index, const Shape& shape) {
  return intern({.kind = Kind::Row,
                 .shape = shape,
                 .sampled = (*this)[table].sampled || (*this)[index].sampled,
                 .parts = {{table}, {index}}});
}

TermId Terms::mean(TermId x) { return linear(Kind::Mean, x, (*this)[x].shape); }

TermId Terms::with_parts(TermId id, std::span<const TermId> parts) {
  const Term t = (*this)[id];
  std::vector<Part> weighted = parts_of(parts);
  for (size_t k = 0; k < weighted.size(); ++k) weighted[k].weight = t.parts[k].weight;
  switch (t.kind) {
    case Kind::Symbol:
    case Kind::Ones: return id;
    case Kind::Sum: return in_shape(sum(weighted, t.value), t.shape);
    case Kind::Product: return in_shape(product(weighted), t.shape);
    case Kind::Call: return in_shape(call(t.function, parts), t.shape);
    case Kind::Opaque: return opaque(parts[0]);
    case Kind::Dot: return dot(parts[0], parts[1]);
    case Kind::MatMul:
    case Kind::Outer: return bilinear(t.kind, parts[0], parts[1], t.shape, t.axis);
    case Kind::Slice: return slice(parts[0], t.axis, t.extents[0], t.extents[1]);
    case Kind::Concat: return concat(parts, t.extents, t.axis, t.shape);
    case Kind::Total: return total(parts[0], t.axis);
    case Kind::Transpose: return transpose(parts[0]);
    case Kind::Repeat: return repeat(parts[0], t.axis, t.shape);
    case Kind::Reshape: return reshape(parts[0], t.shape);
    case Kind::Row: return row(parts[0], parts[1], t.shape);
    case Kind::Mean: return mean(parts[0]);
  }
  return id;
}

std::vector<TermId> reachable(const Terms& terms, TermId root) {
  std::vector<bool> needed(root.value + 1);
  needed[root.value] = true;
  std::vector<TermId> out;
  for (uint32_t i = root.value + 1; i-- > 0;) {
    if (!needed[i]) continue;
    out.push_back({i});
    for (const Part& part : terms[{i}].parts) needed[part.term.value] = true;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace am::derive
