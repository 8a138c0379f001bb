#include "compiler/derive/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "compiler/ir/build.h"

namespace am::derive {
namespace {

/// How tightly the outermost operator of a piece of text binds.
enum Level { kSum = 1, kProduct, kPostfix, kAtom };

struct Piece {
  std::string text;
  Level level;
};

bool is_row(const ir::Graph& graph, const Term& t) {
  return t.kind == Kind::Symbol && graph[t.node].shape.rank == 2 && graph[t.node].shape[0] == 1 && t.shape.rank == 1;
}

std::string superscript(const std::string& digits) {
  static const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out;
  for (char c : digits) out += c == '-' ? "⁻" : kDigits[c - '0'];
  return out;
}

class Writer {
 public:
  explicit Writer(const Page& page) : p_(page), latex_(page.notation == Notation::Latex) {}

  /// By its name if it has one.
  Piece piece(TermId id) const {
    if (const auto name = p_.names.find(id); name != p_.names.end()) {
      const bool row = is_row(p_.graph, p_.terms[id]);
      return row ? transposed({name->second.in(p_.notation), kAtom}) : Piece{name->second.in(p_.notation), kAtom};
    }
    return body(id);
  }

  Piece body(TermId id) const {
    const Term& t = p_.terms[id];
    switch (t.kind) {
      case Kind::Symbol: return piece(id);
      case Kind::Ones: return {latex_ ? "\\mathbf{1}" : fmt::format("ones({})", sizes(t.shape)), kAtom};
      case Kind::Sum: return sum(t);
      case Kind::Product: return product(1, t.parts);
      case Kind::Call: return call(t);
      case Kind::Opaque: return piece(t.parts[0].term);
      case Kind::Dot: return dot(t);
      case Kind::MatMul: return matmul(t);
      case Kind::Outer: return times(wrapped(t.parts[0].term), transposed(piece(t.parts[1].term)).text);
      case Kind::Slice: return slice(t);
      case Kind::Concat: return concat(t);
      case Kind::Total: return total(t);
      case Kind::Transpose: return transposed(piece(t.parts[0].term));
      case Kind::Repeat: return repeat(t);
      case Kind::Reshape: return applied(word("reshape"), plain(t.parts[0].term) + ", " + bracketed(sizes(t.shape)));
      case Kind::Row: return {wrapped(t.parts[0].term) + bracketed(plain(t.parts[1].term)), kPostfix};
      case Kind::Mean: return {(latex_ ? "\\mathbb{E}" : "E") + bracketed(plain(t.parts[0].term)), kAtom};
    }
    return {};
  }

 private:
  // --- notation ---

  std::string word(std::string_view w) const { return latex_ ? fmt::format("\\mathrm{{{}}}", w) : std::string(w); }
  std::string parenthesized(const std::string& s) const { return latex_ ? "\\left(" + s + "\\right)" : "(" + s + ")"; }
  std::string bracketed(const std::string& s) const { return latex_ ? "\\left[" + s + "\\right]" : "[" + s + "]"; }
  std::string bars(const std::string& s) const { return latex_ ? "\\left|" + s + "\\right|" : "|" + s + "|"; }
  std::string minus() const { return latex_ ? "-" : "−"; }
  std::string scaled_by() const { return latex_ ? "\\," : "·"; }
  std::string elementwise() const { return latex_ ? " \\odot " : " ⊙ "; }

  static std::string sizes(const ir::Shape& shape) {
    std::string out;
    for (int axis = 0; axis < shape.rank; ++axis) out += (axis ? ", " : "") + std::to_string(shape[axis]);
    return out;
  }

  std::string plain(TermId id) const { return piece(id).text; }
  std::string wrapped(const Piece& piece, Level least = kPostfix) const {
    return piece.level < least ? parenthesized(piece.text) : piece.text;
  }
  std::string wrapped(TermId id, Level least = kPostfix) const { return wrapped(piece(id), least); }
  Piece transposed(const Piece& piece) const { return {wrapped(piece, kAtom) + (latex_ ? "^{\\top}" : "ᵀ"), kPostfix}; }
  Piece applied(const std::string& function, const std::string& arguments) const {
    return {function + parenthesized(arguments), kAtom};
  }
  Piece raised(const std::string& base, double exponent) const {
    if (exponent == 1) return {base, kAtom};
    const std::string digits = fmt::format("{:g}", exponent);
    return {base + (latex_ ? "^{" + digits + "}" : superscript(digits)), kPostfix};
  }
  Piece times(const std::string& a, const std::string& b) const { return {a + scaled_by() + b, kProduct}; }

  Piece number_piece(double value) const {
    const std::string text = number(value, p_.notation);
    const bool product = text.find(latex_ ? "\\cdot" : "·") != std::string::npos;
    return {text, value < 0 ? kSum : product ? kProduct : kAtom};
  }

  // --- sums and products ---

  bool named(TermId id) const { return p_.names.contains(id); }

  /// weight·term for a positive weight.
  Piece scaled(double weight, TermId id) const {
    const Term& t = p_.terms[id];
    if (t.kind == Kind::Product && !named(id)) return product(weight, t.parts);
    return weight == 1 ? piece(id) : product(weight, {{id}});
  }

  /// Parameters stand last, as in W·x + b.
  int place_in_sum(TermId id) const {
    const Term& t = p_.terms[id];
    return t.kind == Kind::Symbol && !t.sampled;
  }

  /// −(x − y) is written with its signs exchanged.
  Piece sum(const Term& t) const {
    if (t.parts.empty()) return number_piece(t.value);
    if (t.value == 0 && t.parts.size() == 1 && t.parts[0].weight == -1 && !named(t.parts[0].term)) {
      Term inner = p_.terms[t.parts[0].term];
      if (inner.kind == Kind::Sum) {
        inner.value = -inner.value;
        for (Part& part : inner.parts) part.weight = -part.weight;
        return sum(inner);
      }
    }
    std::vector<Part> parts = t.parts;
    std::stable_sort(parts.begin(), parts.end(),
                     [&](const Part& a, const Part& b) { return place_in_sum(a.term) < place_in_sum(b.term); });
    struct Signed {
      bool negative;
      Piece piece;
    };
    std::vector<Signed> all;
    if (t.value != 0) all.push_back({t.value < 0, number_piece(std::fabs(t.value))});
    for (const Part& part : parts) all.push_back({part.weight < 0, scaled(std::fabs(part.weight), part.term)});
    const auto positive = std::find_if(all.begin(), all.end(), [](const Signed& s) { return !s.negative; });
    if (positive != all.end()) std::rotate(all.begin(), positive, positive + 1);
    if (all.size() == 1 && !all[0].negative) return all[0].piece;
    std::string out;
    for (size_t k = 0; k < all.size(); ++k) {
      if (k > 0)
        out += all[k].negative ? " " + minus() + " " : " + ";
      else if (all[k].negative)
        out += minus();
      out += wrapped(all[k].piece, kProduct);
    }
    return {out, kSum};
  }

  /// |a| for √(a·a) and a·a, with the power of |a| that it is.
  std::optional<std::pair<TermId, double>> as_norm(TermId id) const {
    const Term& t = p_.terms[id];
    if (named(id)) return {};
    if (t.kind == Kind::Dot && t.parts[0] == t.parts[1]) return {{t.parts[0].term, 2}};
    if (t.kind != Kind::Call || t.function != Function::Sqrt) return {};
    const auto inner = as_norm(t.parts[0].term);
    if (!inner || std::fmod(inner->second, 2) != 0) return {};
    return {{inner->first, inner->second / 2}};
  }

  Piece power(TermId id, double exponent) const {
    if (const auto norm = as_norm(id)) return raised(bars(plain(norm->first)), norm->second * exponent);
    return exponent == 1 ? piece(id) : raised(wrapped(id, kAtom), exponent);
  }

  /// Order of factors: what is short stands first.
  int place_in_product(TermId id) const {
    const Term& t = p_.terms[id];
    if (named(id) || t.kind == Kind::Symbol || t.kind == Kind::Slice) return 0;
    switch (t.kind) {
      case Kind::Call: return 1;
      case Kind::Sum: return 2;
      case Kind::Dot: return 3;
      default: return 4;
    }
  }

  struct Factors {
    std::vector<Piece> scalars, tensors;
    bool any_tensor() const { return !tensors.empty(); }
  };

  /// Factors joined; numbers scale, tensors multiply elementwise. The last one needs no brackets if all before scale.
  Piece joined(const Factors& f, bool closed) const {
    std::vector<Piece> all = f.scalars;
    all.insert(all.end(), f.tensors.begin(), f.tensors.end());
    if (all.size() == 1 && !closed) return all[0];
    std::string out;
    for (size_t k = 0; k < all.size(); ++k) {
      if (k > 0) out += k > f.scalars.size() ? elementwise() : scaled_by();
      const bool open = k + 1 == all.size() && f.tensors.size() <= 1 && !closed;
      out += wrapped(all[k], open ? kProduct : kPostfix);
    }
    return {out, kProduct};
  }

  Piece product(double coefficient, std::vector<Part> parts) const {
    std::stable_sort(parts.begin(), parts.end(),
                     [&](const Part& a, const Part& b) { return place_in_product(a.term) < place_in_product(b.term); });
    Factors above, below;
    if (coefficient != 1) above.scalars.push_back(number_piece(coefficient));
    for (const Part& part : parts) {
      Factors& side = part.weight > 0 ? above : below;
      const double exponent = std::fabs(part.weight);
      if (p_.terms.is_scalar(part.term))
        side.scalars.push_back(power(part.term, exponent));
      else
        for (int k = 0; k < exponent; ++k) side.tensors.push_back(piece(part.term));
    }
    if (below.scalars.empty() && below.tensors.empty()) return joined(above, false);
    return fraction(above, below);
  }

  Piece fraction(const Factors& above, const Factors& below) const {
    const bool none = above.scalars.empty() && above.tensors.empty();
    if (latex_)
      return {"\\frac{" + (none ? "1" : joined(above, false).text) + "}{" + joined(below, false).text + "}", kPostfix};
    const std::string numerator = none ? "1" : wrapped(joined(above, below.any_tensor()), kProduct);
    return {numerator + "/" + wrapped(joined(below, false)), kProduct};
  }

  // --- functions ---

  Piece call(const Term& t) const {
    const auto x = [&](size_t k) { return plain(t.parts[k].term); };
    switch (t.function) {
      case Function::Sqrt:
        if (const auto norm = as_norm(t.parts[0].term); norm && std::fmod(norm->second, 2) == 0)
          return raised(bars(plain(norm->first)), norm->second / 2);
        if (latex_) return {"\\sqrt{" + x(0) + "}", kAtom};
        break;
      case Function::Abs:
        if (p_.terms.is_scalar(t.parts[0].term)) return {bars(x(0)), kAtom};
        break;
      case Function::Floor: return {latex_ ? "\\lfloor " + x(0) + " \\rfloor" : "⌊" + x(0) + "⌋", kAtom};
      case Function::Less: return {bracketed(x(0) + " < " + x(1)), kAtom};
      case Function::Equal: return {bracketed(x(0) + " = " + x(1)), kAtom};
      case Function::Pow:
        if (latex_) return {wrapped(t.parts[0].term, kAtom) + "^{" + x(1) + "}", kPostfix};
        return {wrapped(t.parts[0].term, kAtom) + "^" + wrapped(t.parts[1].term, kAtom), kPostfix};
      default: break;
    }
    std::string arguments;
    for (size_t k = 0; k < t.parts.size(); ++k) arguments += (k ? ", " : "") + x(k);
    return applied(std::string(latex_ ? info(t.function).latex : info(t.function).text), arguments);
  }

  // --- matrices and vectors ---

  Piece dot(const Term& t) const {
    TermId a = t.parts[0].term, b = t.parts[1].term;
    if (a == b) return raised(bars(plain(a)), 2);
    if (p_.terms[a].shape.rank > 1) return sum_of_matrix(a, b);
    if (is_row(p_.graph, p_.terms[b])) std::swap(a, b);
    const auto name = p_.names.find(a);
    if (is_row(p_.graph, p_.terms[a]) && name != p_.names.end()) return times(name->second.in(p_.notation), wrapped(b));
    return {wrapped(a) + (latex_ ? " \\cdot " : "·") + wrapped(b), kProduct};
  }

  /// The sum of the elements of A ⊙ B, the dot of matrices being their product.
  Piece sum_of_matrix(TermId a, TermId b) const {
    if (is_unit(b)) std::swap(a, b);
    if (is_unit(a)) return applied(word("trace"), plain(b));
    return applied(word("sum"), wrapped(a) + elementwise() + wrapped(b));
  }

  bool is_unit(TermId id) const {
    const Term& t = p_.terms[id];
    return t.kind == Kind::Symbol && ir::is_identity(p_.graph, t.node);
  }

  Piece matmul(const Term& t) const {
    const TermId a = t.parts[0].term, b = t.parts[1].term;
    const Piece left = t.axis & 1 ? transposed(piece(a)) : piece(a);
    const Piece right = t.axis & 2 ? transposed(piece(b)) : piece(b);
    const bool chain = p_.terms[b].kind == Kind::MatMul && !(t.axis & 2);
    return times(wrapped(left), chain ? right.text : wrapped(right));
  }

  Piece slice(const Term& t) const {
    const int start = t.extents[0], length = t.extents[1];
    const std::string entries = length == 1 ? std::to_string(start) : fmt::format("{}:{}", start, start + length);
    std::string index;
    for (int axis = 0; axis < p_.terms[t.parts[0].term].shape.rank; ++axis)
      index += (axis ? ", " : "") + (axis == t.axis ? entries : ":");
    return {wrapped(t.parts[0].term, kAtom) + bracketed(index), kPostfix};
  }

  /// One behind the other with commas, as columns side by side with bars, and rows below each other with semicolons.
  Piece concat(const Term& t) const {
    std::string out;
    const std::string_view between = t.shape.rank == 1 ? ", " : t.axis == 0 ? "; " : latex_ ? " \\mid " : " | ";
    for (size_t k = 0; k < t.parts.size(); ++k) {
      if (k > 0) out += between;
      out += entries(t, k);
    }
    return {bracketed(out), kAtom};
  }

  /// Part k of a concatenation; a number stands for all of its entries.
  std::string entries(const Term& t, size_t k) const {
    const TermId id = t.parts[k].term;
    if (!p_.terms.is_number(id) || (t.extents[k] == 1 && t.shape.rank == 1)) return plain(id);
    ir::Shape shape = t.shape;
    shape.sizes[t.axis] = t.extents[k];
    const double value = p_.terms[id].value;
    if (shape.rank > 1 || t.extents[k] > 3) {
      if (value == 0) return applied(word("zeros"), sizes(shape)).text;
      return plain(id) + scaled_by() + applied(word("ones"), sizes(shape)).text;
    }
    std::string out;
    for (int i = 0; i < t.extents[k]; ++i) out += (i ? ", " : "") + plain(id);
    return out;
  }

  Piece total(const Term& t) const {
    const std::string x = plain(t.parts[0].term);
    if (t.shape.rank == 0) return applied(word("sum"), x);
    std::string axes;
    for (int axis = 0; axis < ir::Shape::kMaxRank; ++axis)
      if (t.axis >> axis & 1) axes += fmt::format(", {}", axis);
    return applied(word("sum"), x + axes);
  }

  Piece repeat(const Term& t) const {
    const TermId x = t.parts[0].term;
    const auto ones = [&](int axis) {
      return latex_ ? std::string("\\mathbf{1}") : fmt::format("ones({})", t.shape[axis]);
    };
    if (t.shape.rank == 2 && t.axis == 0b10) return times(wrapped(x), transposed({ones(1), kAtom}).text);
    if (t.shape.rank == 2 && t.axis == 0b01) return times(ones(0), transposed(piece(x)).text);
    return applied(word("repeat"), plain(x) + ", " + bracketed(sizes(t.shape)));
  }

  const Page& p_;
  bool latex_;
};

/// Common fractions that have a character.
std::string_view fraction_of(double value, Notation notation) {
  struct Row {
    double value;
    std::string_view text, latex;
  };
  static constexpr Row kRows[] = {{0.5, "½", "\\tfrac{1}{2}"},     {0.25, "¼", "\\tfrac{1}{4}"},
                                  {0.75, "¾", "\\tfrac{3}{4}"},    {1.0 / 3, "⅓", "\\tfrac{1}{3}"},
                                  {2.0 / 3, "⅔", "\\tfrac{2}{3}"}, {0.125, "⅛", "\\tfrac{1}{8}"},
                                  {1.0 / 6, "⅙", "\\tfrac{1}{6}"}};
  for (const Row& row : kRows)
    if (std::fabs(row.value - value) < 1e-14) return notation == Notation::Text ? row.text : row.latex;
  return {};
}

/// Letters that LaTeX spells, and what they stand for there.
struct Spelling {
  std::string_view text, latex;
};
constexpr Spelling kSpellings[] = {
    {"α", "\\alpha"},  {"β", "\\beta"},   {"γ", "\\gamma"}, {"δ", "\\delta"},       {"ε", "\\varepsilon"},
    {"ζ", "\\zeta"},   {"η", "\\eta"},    {"θ", "\\theta"}, {"ι", "\\iota"},        {"κ", "\\kappa"},
    {"λ", "\\lambda"}, {"μ", "\\mu"},     {"ν", "\\nu"},    {"ξ", "\\xi"},          {"π", "\\pi"},
    {"ρ", "\\rho"},    {"σ", "\\sigma"},  {"τ", "\\tau"},   {"υ", "\\upsilon"},     {"φ", "\\varphi"},
    {"χ", "\\chi"},    {"ψ", "\\psi"},    {"ω", "\\omega"}, {"Γ", "\\Gamma"},       {"Δ", "\\Delta"},
    {"Θ", "\\Theta"},  {"Λ", "\\Lambda"}, {"Ξ", "\\Xi"},    {"Π", "\\Pi"},          {"Σ", "\\Sigma"},
    {"Φ", "\\Phi"},    {"Ψ", "\\Psi"},    {"Ω", "\\Omega"}, {"∇", "\\nabla"},       {"∂", "\\partial"},
    {"·", "\\cdot"},   {"′", "'"},        {"″", "''"},      {"½", "\\tfrac{1}{2}"}, {"²", "^{2}"},
    {"−", "-"},        {"₀", "_{0}"},     {"₁", "_{1}"},    {"₂", "_{2}"},          {"₃", "_{3}"},
    {"₄", "_{4}"},     {"₅", "_{5}"},     {"₆", "_{6}"},    {"₇", "_{7}"},          {"₈", "_{8}"},
    {"₉", "_{9}"},     {"ₜ", "_{t}"},     {"ₓ", "_{x}"}};

/// Words of several Latin letters upright, other characters by their spelling; what has none is left out.
std::string latex_of(std::string_view word) {
  std::string out;
  bool after_command = false;
  for (size_t i = 0; i < word.size();) {
    size_t end = i;
    while (end < word.size() && (std::isalnum(static_cast<unsigned char>(word[end])) || word[end] == '_')) ++end;
    if (end > i) {
      std::string letters;
      for (char c : word.substr(i, end - i)) letters += c == '_' ? "\\_" : std::string(1, c);
      if (after_command && end - i == 1) out += ' ';
      out += end - i > 1 ? "\\mathrm{" + letters + "}" : letters;
      after_command = false;
      i = end;
      continue;
    }
    const auto known = std::find_if(std::begin(kSpellings), std::end(kSpellings),
                                    [&](const Spelling& s) { return word.substr(i).starts_with(s.text); });
    if (known != std::end(kSpellings)) {
      out += known->latex;
      i += known->text.size();
      after_command = known->latex.starts_with("\\") && std::isalpha(static_cast<unsigned char>(known->latex.back()));
    } else {
      if (static_cast<unsigned char>(word[i]) < 0x80) out += word[i];
      ++i;
    }
  }
  return out;
}

}  // namespace

std::string number(double value, Notation notation) {
  const bool latex = notation == Notation::Latex;
  const std::string sign = value < 0 ? (latex ? "-" : "−") : "";
  if (const auto fraction = fraction_of(std::fabs(value), notation); !fraction.empty())
    return sign + std::string(fraction);
  const std::string digits = fmt::format("{:g}", std::fabs(value));
  const size_t e = digits.find('e');
  if (e == std::string::npos) return sign + digits;
  const std::string mantissa = digits.substr(0, e), exponent = std::to_string(std::stoi(digits.substr(e + 1)));
  const std::string power = latex ? "10^{" + exponent + "}" : "10" + superscript(exponent);
  return sign + (mantissa == "1" ? power : mantissa + (latex ? " \\cdot " : "·") + power);
}

Name name_of(std::string_view word, int number) {
  static const char* kDigits[] = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"};
  const std::string latex = latex_of(word);
  if (number <= 0) return {std::string(word), latex};
  Name out{std::string(word), latex + "_{" + std::to_string(number) + "}"};
  for (char c : std::to_string(number)) out.text += kDigits[c - '0'];
  return out;
}

size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string write(const Page& page, TermId term) { return Writer(page).body(term).text; }

}  // namespace am::derive
