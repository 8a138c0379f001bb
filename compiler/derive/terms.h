// Formulas as terms: the algebra between the graph and the page.
//
// A term is what the graph computes without what only machines need: shapes have no axes of size one, broadcasting is
// implicit, sums and products have any number of parts. Equal terms are one term, and sums and products are kept in a
// normal form in which like terms are collected, common factors stand outside and numbers in front. A tree of the
// graph's binary operations would do for printing, but not for finding silu′(z) in the pieces that it comes in.
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "compiler/derive/functions.h"
#include "compiler/ir/graph.h"

namespace am::derive {

struct TermId {
  uint32_t value = UINT32_MAX;
  auto operator<=>(const TermId&) const = default;
};

enum class Kind : uint8_t {
  Symbol,     // a leaf of the graph: `node`
  Ones,       // ones of a shape
  Sum,        // value + Σ weight·part; without parts a number
  Product,    // Π part^weight elementwise with whole weights; numbers among tensors scale
  Call,       // function(parts …) elementwise
  Opaque,     // its one part, which sums around it do not open
  Dot,        // Σ over all elements of part·part
  MatMul,     // matrix times matrix or vector; bit k of `axis`: part k is transposed
  Outer,      // a·bᵀ of vectors
  Slice,      // extents {start, length} along `axis`; an axis of length one is dropped
  Concat,     // along `axis`; extents are the lengths of the parts
  Total,      // sum over the axes in the mask `axis`
  Transpose,  // of the first two axes
  Repeat,     // along the axes in the mask `axis` of the result
  Reshape,    // the same elements in `shape`
  Row,        // row part 1 of part 0
  Mean,       // over samples
};

/// A term with its weight: a coefficient in a sum, an exponent in a product, 1 elsewhere.
struct Part {
  TermId term;
  double weight = 1;
  bool operator==(const Part&) const = default;
};

struct Term {
  Kind kind;
  ir::Shape shape;
  bool sampled = false;
  std::vector<Part> parts;
  double value = 0;
  Function function{};
  int axis = 0;
  std::vector<int> extents;
  ir::NodeId node;
};

/// c + Σ weight·term, not in normal form.
struct Linear {
  double constant = 0;
  std::map<TermId, double> terms;
  void add(TermId term, double weight);
};

/// Owns terms and keeps them in normal form. Constructors take any terms and give a term of equal value.
class Terms {
 public:
  Terms() { number(0); }
  const Term& operator[](TermId id) const { return terms_[id.value]; }
  size_t size() const { return terms_.size(); }

  /// The number 0, which is always there.
  TermId zero() const { return {0}; }
  TermId number(double value);
  TermId symbol(ir::NodeId node, const ir::Shape& shape, bool sampled);
  TermId ones(const ir::Shape& shape);
  TermId opaque(TermId x);

  /// constant + Σ weight·term. Named functions are looked for in it, but not where a pattern itself is being built.
  TermId sum(std::span<const Part> parts, double constant = 0, bool find_names = true);
  TermId product(std::span<const Part> parts);
  TermId call(Function function, std::span<const TermId> x);

  TermId add(TermId x, TermId y) { return sum(std::vector<Part>{{x}, {y}}); }
  TermId scale(double c, TermId x) { return sum(std::vector<Part>{{x, c}}); }
  TermId mul(TermId x, TermId y) { return product(std::vector<Part>{{x}, {y}}); }
  TermId call(Function function, TermId x) { return call(function, std::span<const TermId>(&x, 1)); }

  /// Product of op(a) [m, k] and op(b) [k, n], which may have lost their axes of size one.
  TermId matmul(TermId a, TermId b, bool transpose_a, bool transpose_b, int m, int k, int n);
  TermId dot(TermId a, TermId b);
  TermId slice(TermId x, int axis, int start, int length);
  TermId concat(std::span<const TermId> parts, std::vector<int> lengths, int axis, const ir::Shape& shape);
  TermId total(TermId x, int mask);
  TermId transpose(TermId x);
  TermId repeat(TermId x, int mask, const ir::Shape& shape);
  TermId reshape(TermId x, const ir::Shape& shape);
  TermId row(TermId table, TermId index, const ir::Shape& shape);
  TermId mean(TermId x);

  /// The term with other parts, by the constructor of its kind.
  TermId with_parts(TermId id, std::span<const TermId> parts);

  bool is_number(TermId id) const { return terms_[id.value].kind == Kind::Sum && terms_[id.value].parts.empty(); }
  /// A vector of numbers that are written out.
  bool is_literal(TermId id) const;
  std::vector<double> literal_values(TermId id) const;
  /// Where a vector of numbers has its one entry that is not zero; else −1.
  int single_entry(TermId id) const;
  bool is_scalar(TermId id) const { return terms_[id.value].shape.rank == 0; }

  /// A term as number·Π factor^weight.
  struct Monomial {
    double coefficient = 1;
    std::vector<Part> factors;
  };
  Monomial monomial(TermId id) const;
  /// The product of factors without its number; factors are in order and not numbers.
  TermId power_product(std::vector<Part> factors);
  /// Adds weight·id, opening sums.
  void gather(Linear& into, TermId id, double weight);

 private:
  TermId intern(Term term);
  TermId finish(const Linear& linear);
  TermId in_shape(TermId x, const ir::Shape& shape);
  TermId without_ones(TermId x);
  TermId dot_of_product(TermId product);
  void fold_outer(std::vector<Part>& factors);
  TermId literal(const std::vector<double>& values);
  void fold_literals(std::vector<Part>& factors, double& coefficient);
  void fold_literals(Linear& linear, const ir::Shape& shape);
  /// number·Π scalars and the rest of a term: what a linear map lets through.
  struct Pulled {
    std::vector<Part> scalars;
    TermId rest;
  };
  Pulled pull(TermId x, bool shared_only = false);
  TermId linear(Kind kind, TermId x, const ir::Shape& shape, int axis = 0, std::vector<int> extents = {});
  TermId bilinear(Kind kind, TermId a, TermId b, const ir::Shape& shape, int axis = 0);

  std::deque<Term> terms_;
  std::map<std::vector<uint64_t>, uint32_t> known_;
};

/// The shape without axes of size one.
ir::Shape squeezed(const ir::Shape& shape);

/// Ids that `root` needs, itself included, parts before wholes.
std::vector<TermId> reachable(const Terms& terms, TermId root);

}  // namespace am::derive
