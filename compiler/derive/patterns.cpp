#include "compiler/derive/patterns.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

namespace am::derive {
namespace {

/// Builds terms in one variable z.
struct In {
  Terms& terms;
  TermId z;
  TermId f(Function function) const { return terms.call(function, z); }
  TermId times(std::initializer_list<TermId> factors) const {
    std::vector<Part> parts;
    for (TermId factor : factors) parts.push_back({factor});
    return terms.product(parts);
  }
  TermId over(TermId x, double weight) const { return terms.product(std::vector<Part>{{x, weight}}); }
  /// a − b·x
  TermId minus(double a, double b, TermId x) const { return terms.sum(std::vector<Part>{{x, -b}}, a, false); }
  TermId sigmoid() const { return f(Function::Sigmoid); }
  /// exp(−|z|)
  TermId decay() const { return terms.call(Function::Exp, terms.scale(-1, f(Function::Abs))); }
  /// 1/(1 + exp(−|z|))
  TermId share() const { return over(minus(1, -1, decay()), -1); }
};

/// A function that is a sum of products; the first is not a number. `trigger` is a function of z in all of them.
struct SumPattern {
  Function name, trigger;
  std::vector<TermId> (*terms)(const In& in);
};

const SumPattern kSums[] = {
    {Function::Silu1, Function::Sigmoid,
     [](const In& in) -> std::vector<TermId> {
       const TermId s = in.sigmoid();
       return {in.times({in.z, s, in.minus(1, 1, s)}), s};
     }},
    {Function::Silu2, Function::Sigmoid,
     [](const In& in) -> std::vector<TermId> {
       const TermId s = in.sigmoid(), slope = in.times({s, in.minus(1, 1, s)});
       return {in.times({in.z, slope, in.minus(1, 2, s)}), in.terms.scale(2, slope)};
     }},
    {Function::Tanh1, Function::Tanh,
     [](const In& in) -> std::vector<TermId> {
       return {in.terms.scale(-1, in.over(in.f(Function::Tanh), 2)), in.terms.number(1)};
     }},
    {Function::Softplus, Function::Max,
     [](const In& in) -> std::vector<TermId> {
       const TermId x[] = {in.terms.number(0), in.z};
       return {in.terms.call(Function::Max, x), in.terms.call(Function::Log1p, in.decay())};
     }},
    {Function::Softplus1, Function::Sign,
     [](const In& in) -> std::vector<TermId> {
       const TermId x[] = {in.terms.number(0), in.z};
       return {in.terms.scale(-1, in.times({in.decay(), in.share(), in.f(Function::Sign)})),
               in.terms.call(Function::Less, x)};
     }},
    {Function::Softplus2, Function::Sign,
     [](const In& in) -> std::vector<TermId> {
       const TermId e = in.decay(), q = in.share(), square = in.over(in.f(Function::Sign), 2);
       return {in.times({e, q, square}), in.terms.scale(-1, in.times({e, e, q, q, square}))};
     }},
};

/// A function that is a single product.
struct ProductPattern {
  Function name;
  TermId (*term)(const In& in);
};

const ProductPattern kProducts[] = {
    {Function::Sigmoid2,
     [](const In& in) {
       return in.times({in.sigmoid(), in.minus(1, 1, in.sigmoid()), in.minus(1, 2, in.sigmoid())});
     }},
    {Function::Sigmoid1,
     [](const In& in) {
       return in.times({in.sigmoid(), in.minus(1, 1, in.sigmoid())});
     }},
    {Function::Silu,
     [](const In& in) {
       return in.times({in.z, in.sigmoid()});
     }},
};

/// x/y if every factor of y is in x.
std::optional<TermId> quotient(Terms& terms, TermId x, TermId y) {
  std::map<TermId, double> left;
  for (const Part& part : terms.monomial(x).factors) left[part.term] = part.weight;
  std::vector<Part> parts{{x}};
  for (const Part& part : terms.monomial(y).factors) {
    const double weight = left[part.term];
    if (weight * part.weight <= 0 || std::fabs(weight) < std::fabs(part.weight)) return {};
    parts.push_back({part.term, -part.weight});
  }
  Terms::Monomial rest = terms.monomial(terms.product(parts));
  std::erase_if(rest.factors, [&](const Part& part) { return terms[part.term].kind == Kind::Ones; });
  return terms.power_product(rest.factors);
}

using Arguments = std::set<std::pair<Function, TermId>>;

/// The functions of one variable that stand in a term, as far as sums and products reach.
void collect_arguments(const Terms& terms, TermId id, Arguments& out) {
  const Term& t = terms[id];
  if (t.kind == Kind::Call && t.parts.size() == 1) out.insert({t.function, t.parts[0].term});
  if (t.kind == Kind::Call && t.function == Function::Max && t.parts[0].term == terms.zero())
    out.insert({t.function, t.parts[1].term});
  if (t.kind == Kind::Sum || t.kind == Kind::Product)
    for (const Part& part : t.parts) collect_arguments(terms, part.term, out);
}

Arguments arguments(const Terms& terms, const Linear& linear) {
  Arguments out;
  for (const auto& [term, weight] : linear.terms) collect_arguments(terms, term, out);
  return out;
}

/// The weight of `term`·c in the sum, in units of c.
double weight_of(const Terms& terms, const Linear& linear, TermId term, double c) {
  if (terms.is_number(term)) return linear.constant / (c * terms[term].value);
  const auto found = linear.terms.find(term);
  return found == linear.terms.end() ? 0 : found->second / c;
}

/// Takes weight·rest·pattern out of the sum if all of it is there.
bool take(Terms& terms, Linear& linear, const std::vector<TermId>& pattern, TermId rest, double weight) {
  Linear left = linear;
  for (TermId piece : pattern) {
    const Terms::Monomial whole = terms.monomial(terms.mul(piece, rest));
    const TermId core = terms.power_product(whole.factors);
    const double found = weight_of(terms, linear, core, whole.coefficient);
    if (std::fabs(found - weight) > 1e-12 * std::fabs(weight)) return false;
    if (terms.is_number(core)) left.constant = 0;
    else left.terms.erase(core);
  }
  linear = std::move(left);
  return true;
}

/// One name found in the sum, if there is one.
bool name_once(Terms& terms, Linear& linear) {
  const Arguments known = arguments(terms, linear);
  for (const SumPattern& pattern : kSums)
    for (const auto& [function, z] : known) {
      if (function != pattern.trigger) continue;
      const In in{terms, z};
      const std::vector<TermId> pieces = pattern.terms(in);
      const double first = terms.monomial(pieces[0]).coefficient;
      for (const auto& [term, weight] : std::map(linear.terms)) {
        const auto rest = quotient(terms, term, pieces[0]);
        if (!rest || !take(terms, linear, pieces, *rest, weight / first)) continue;
        terms.gather(linear, terms.mul(in.f(pattern.name), *rest), weight / first);
        return true;
      }
    }
  return false;
}

/// The squares of all entries of one vector: Σ x[i]²·rest is |x|²·rest.
bool norm_once(Terms& terms, Linear& linear) {
  for (const auto& [term, weight] : std::map(linear.terms))
    for (const Part& part : terms.monomial(term).factors) {
      const Term entry = terms[part.term];
      if (entry.kind != Kind::Slice || entry.shape.rank != 0 || part.weight < 2) continue;
      const TermId x = entry.parts[0].term;
      std::vector<TermId> squares;
      for (int i = 0; i < terms[x].shape.count(); ++i)
        squares.push_back(terms.product(std::vector<Part>{{terms.slice(x, 0, i, 1), 2}}));
      const auto rest = quotient(terms, term, terms.product(std::vector<Part>{{part.term, 2}}));
      if (!rest || !take(terms, linear, squares, *rest, weight)) continue;
      terms.gather(linear, terms.mul(terms.dot(x, x), *rest), weight);
      return true;
    }
  return false;
}

int name_all(Terms& terms, Linear& linear) {
  int found = 0;
  while (name_once(terms, linear) || norm_once(terms, linear)) ++found;
  return found;
}

/// Factors and arguments of functions: what a product could meet its like by.
void collect_atoms(const Terms& terms, TermId id, std::set<TermId>& out) {
  const Term& t = terms[id];
  out.insert(id);
  if (t.kind == Kind::Call)
    for (const Part& part : t.parts) out.insert(part.term);
  if (t.kind == Kind::Sum || t.kind == Kind::Product)
    for (const Part& part : t.parts) collect_atoms(terms, part.term, out);
}

/// A sum such as 1 − σ(z), which patterns are written with.
bool is_piece(const Terms& terms, const Term& sum) {
  return sum.value != 0 && std::all_of(sum.parts.begin(), sum.parts.end(),
                                       [&](const Part& part) { return terms[part.term].kind == Kind::Call; });
}

/// p·(q + r) as p·q + p·r where p and the sum speak of the same things.
bool open_product(Terms& terms, TermId id, double weight, Linear& out) {
  const std::vector<Part> factors = terms.monomial(id).factors;
  for (size_t k = 0; k < factors.size() && factors.size() > 1; ++k) {
    const Term sum = terms[factors[k].term];
    if (sum.kind != Kind::Sum || factors[k].weight != 1 || is_piece(terms, sum)) continue;
    std::set<TermId> inside, outside;
    collect_atoms(terms, factors[k].term, inside);
    std::vector<Part> rest = factors;
    rest.erase(rest.begin() + static_cast<long>(k));
    for (const Part& part : rest) collect_atoms(terms, part.term, outside);
    if (std::none_of(outside.begin(), outside.end(), [&](TermId x) { return inside.contains(x); })) continue;
    const TermId p = terms.power_product(rest);
    terms.gather(out, p, weight * sum.value);
    for (const Part& part : sum.parts) terms.gather(out, terms.mul(p, part.term), weight * part.weight);
    return true;
  }
  return false;
}

/// Sums stand in products in sums; this deep they are opened.
constexpr int kDepth = 3;

bool open_products(Terms& terms, Linear& linear) {
  Linear out{linear.constant, {}};
  bool opens = false;
  for (const auto& [term, weight] : linear.terms) {
    if (open_product(terms, term, weight, out)) opens = true;
    else terms.gather(out, term, weight);
  }
  linear = std::move(out);
  return opens;
}

/// Names what is a single product.
TermId named_product(Terms& terms, TermId id) {
  if (terms[id].kind != Kind::Product) return id;
  Arguments known;
  collect_arguments(terms, id, known);
  for (const ProductPattern& pattern : kProducts)
    for (const auto& [function, z] : known) {
      if (function != Function::Sigmoid) continue;
      const In in{terms, z};
      const TermId whole = pattern.term(in);
      const auto rest = quotient(terms, id, whole);
      if (!rest) continue;
      const TermId named = terms.mul(in.f(pattern.name), *rest);
      return terms.scale(1 / terms.monomial(whole).coefficient, named_product(terms, named));
    }
  return id;
}

/// Names −2·tanh·tanh′, where the weight allows.
TermId with_second_tanh(Terms& terms, TermId id) {
  const Terms::Monomial m = terms.monomial(id);
  if (std::fabs(m.coefficient) < 2) return id;
  for (const Part& part : m.factors) {
    const Term t = terms[part.term];
    if (t.kind != Kind::Call || t.function != Function::Tanh1) continue;
    const In in{terms, t.parts[0].term};
    const auto rest = quotient(terms, id, in.times({part.term, in.f(Function::Tanh)}));
    if (rest) return terms.scale(-m.coefficient / 2, terms.mul(in.f(Function::Tanh2), *rest));
  }
  return id;
}

TermId polished_sum(Terms& terms, TermId id) {
  const Term t = terms[id];
  if (t.kind != Kind::Sum) return id;
  std::vector<Part> parts;
  for (const Part& part : t.parts) parts.push_back({with_second_tanh(terms, terms.scale(part.weight, part.term))});
  return terms.sum(parts, t.value);
}

}  // namespace

Linear with_names(Terms& terms, Linear linear) {
  Linear opened = linear, best = std::move(linear);
  int most = name_all(terms, best);
  for (int depth = 0; depth < kDepth && open_products(terms, opened); ++depth) {
    Linear candidate = opened;
    const int found = name_all(terms, candidate);
    if (found > most) best = std::move(candidate), most = found;
  }
  return best;
}

TermId polished(Terms& terms, TermId root) {
  std::map<TermId, TermId> done;
  for (TermId id : reachable(terms, root)) {
    std::vector<TermId> parts;
    for (const Part& part : terms[id].parts) parts.push_back(done[part.term]);
    done[id] = polished_sum(terms, named_product(terms, terms.with_parts(id, parts)));
  }
  return done[root];
}

}  // namespace am::derive
