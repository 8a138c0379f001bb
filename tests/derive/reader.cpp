#include "tests/derive/reader.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "compiler/derive/functions.h"

namespace am::derive {
namespace {

using List = std::vector<double>;

Value constant(double x) { return {{}, {{x}}}; }
bool scalar(const Value& v) { return v.sizes.empty(); }
const List& sample(const Value& v, size_t i) { return v.samples[v.samples.size() == 1 ? 0 : i]; }

/// Axes of size one go, but for the one row of a row vector.
Value tidy(Value v) {
  while (!v.sizes.empty() && v.sizes.back() == 1) v.sizes.pop_back();
  return v;
}

Value over_samples(std::vector<int> sizes, size_t n, const std::function<List(size_t)>& f) {
  Value out{std::move(sizes), {}};
  for (size_t i = 0; i < n; ++i) out.samples.push_back(f(i));
  return out;
}

size_t lanes(const Value& a, const Value& b) { return std::max(a.samples.size(), b.samples.size()); }

Value elementwise(const Value& a, const Value& b, const std::function<double(double, double)>& f) {
  if (!scalar(a) && !scalar(b) && a.sizes != b.sizes) throw std::runtime_error("elementwise shapes");
  const Value& shape = scalar(a) ? b : a;
  return over_samples(shape.sizes, lanes(a, b), [&](size_t i) {
    List out(shape.count());
    for (size_t e = 0; e < out.size(); ++e)
      out[e] = f(sample(a, i)[scalar(a) ? 0 : e], sample(b, i)[scalar(b) ? 0 : e]);
    return out;
  });
}

/// Rows and columns, a vector being a column.
std::pair<int, int> extent(const Value& v) { return {v.sizes[0], v.sizes.size() > 1 ? v.sizes[1] : 1}; }

/// The dot: scaling, the inner product of vectors, the product of matrices.
Value times(const Value& a, const Value& b) {
  if (scalar(a) || scalar(b)) return elementwise(a, b, std::multiplies<>());
  auto [m, k] = extent(a);
  const auto [k2, n] = extent(b);
  if (a.sizes.size() == 1 && b.sizes.size() == 1) std::swap(m, k);
  if (k != k2) throw std::runtime_error("inner sizes");
  return tidy(
      over_samples(n == 1 ? std::vector{m} : std::vector{m, n}, lanes(a, b), [&, m = m, k = k, n = n](size_t i) {
        List out(m * n);
        for (int r = 0; r < m; ++r)
          for (int c = 0; c < n; ++c)
            for (int j = 0; j < k; ++j) out[r * n + c] += sample(a, i)[r * k + j] * sample(b, i)[j * n + c];
        return out;
      }));
}

Value transposed(const Value& v) {
  const auto [rows, columns] = extent(v);
  std::vector<int> sizes = rows == 1 ? std::vector{columns} : std::vector{columns, rows};
  return over_samples(sizes, v.samples.size(), [&, rows = rows, columns = columns](size_t i) {
    List out(rows * columns);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) out[c * rows + r] = sample(v, i)[r * columns + c];
    return out;
  });
}

Value summed(const Value& v) {
  return over_samples({}, v.samples.size(), [&](size_t i) {
    double total = 0;
    for (double x : sample(v, i)) total += x;
    return List{total};
  });
}

/// Over one axis of a matrix.
Value summed(const Value& v, int axis) {
  const auto [rows, columns] = extent(v);
  return over_samples({axis == 0 ? columns : rows}, v.samples.size(), [&, rows = rows, columns = columns](size_t i) {
    List out(axis == 0 ? columns : rows);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) out[axis == 0 ? c : r] += sample(v, i)[r * columns + c];
    return out;
  });
}

Value trace(const Value& v) {
  return over_samples({}, v.samples.size(), [&](size_t i) {
    double total = 0;
    for (int k = 0; k < v.sizes[0]; ++k) total += sample(v, i)[k * v.sizes[0] + k];
    return List{total};
  });
}

Value mean(const Value& v) {
  List out(v.count());
  for (const List& s : v.samples)
    for (size_t e = 0; e < out.size(); ++e) out[e] += s[e] / static_cast<double>(v.samples.size());
  return {v.sizes, {out}};
}

/// Side by side, if one of them is a matrix.
Value beside(const std::vector<Value>& parts) {
  size_t n = 1;
  int columns = 0;
  for (const Value& v : parts) n = std::max(n, v.samples.size()), columns += extent(v).second;
  const int rows = extent(parts[0]).first;
  return over_samples({rows, columns}, n, [&](size_t i) {
    List out;
    for (int r = 0; r < rows; ++r)
      for (const Value& v : parts) {
        const auto [height, width] = extent(v);
        if (height != rows) throw std::runtime_error("rows side by side");
        for (int c = 0; c < width; ++c) out.push_back(sample(v, i)[r * width + c]);
      }
    return out;
  });
}

Value joined(const std::vector<Value>& parts) {
  size_t n = 1;
  int total = 0;
  for (const Value& v : parts) n = std::max(n, v.samples.size()), total += static_cast<int>(v.count());
  return over_samples({total}, n, [&](size_t i) {
    List out;
    for (const Value& v : parts) out.insert(out.end(), sample(v, i).begin(), sample(v, i).end());
    return out;
  });
}

/// Rows below rows; among them a vector is a row.
Value below(const std::vector<Value>& parts) {
  int columns = static_cast<int>(parts[0].count());
  for (const Value& v : parts)
    if (v.sizes.size() > 1) columns = v.sizes[1];
  Value out = joined(parts);
  out.sizes = {static_cast<int>(out.count()) / columns, columns};
  return out;
}

const std::map<std::string_view, double> kFractions = {{"½", 0.5},     {"¼", 0.25},  {"¾", 0.75},   {"⅓", 1.0 / 3},
                                                       {"⅔", 2.0 / 3}, {"⅛", 0.125}, {"⅙", 1.0 / 6}};
const std::map<std::string_view, char> kRaised = {{"⁰", '0'}, {"¹", '1'}, {"²", '2'}, {"³", '3'},
                                                  {"⁴", '4'}, {"⁵", '5'}, {"⁶", '6'}, {"⁷", '7'},
                                                  {"⁸", '8'}, {"⁹", '9'}, {"⁻", '-'}};

class Reader {
 public:
  Reader(std::string_view text, const Known& known) : text_(text), known_(known) {}

  Value all() {
    Value out = sum();
    if (at_ != text_.size()) fail("something is left over");
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " before `" + std::string(text_.substr(at_)) + "`");
  }

  std::string_view character() const {
    if (at_ >= text_.size()) return {};
    size_t end = at_ + 1;
    while (end < text_.size() && (text_[end] & 0xC0) == 0x80) ++end;
    return text_.substr(at_, end - at_);
  }

  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  void expect(std::string_view token) {
    if (!take(token)) fail("expected `" + std::string(token) + "`");
  }

  Value sum() {
    const bool negative = take("−");
    Value out = product();
    if (negative) out = times(constant(-1), out);
    for (;;) {
      if (take(" + "))
        out = elementwise(out, product(), std::plus<>());
      else if (take(" − "))
        out = elementwise(out, product(), std::minus<>());
      else
        return out;
    }
  }

  Value product() {
    Value out = postfix();
    for (;;) {
      if (take("·"))
        out = times(out, postfix());
      else if (take(" ⊙ "))
        out = elementwise(out, postfix(), std::multiplies<>());
      else if (take("/"))
        out = elementwise(out, postfix(), std::divides<>());
      else
        return out;
    }
  }

  Value postfix() {
    Value out = primary();
    for (;;) {
      if (take("ᵀ"))
        out = transposed(out);
      else if (kRaised.contains(character()))
        out = power(out, constant(raised()));
      else if (take("^"))
        out = power(out, primary());
      else if (take("["))
        out = part(out);
      else
        return out;
    }
  }

  Value power(const Value& x, const Value& p) {
    if (!scalar(x)) fail("a power of a vector");
    return elementwise(x, p, [](double a, double b) { return std::pow(a, b); });
  }

  double raised() {
    std::string digits;
    for (auto it = kRaised.find(character()); it != kRaised.end(); it = kRaised.find(character())) {
      digits += it->second;
      at_ += it->first.size();
    }
    return std::stod(digits);
  }

  /// One axis of an index: a number, a:b or a colon.
  std::pair<int, int> range(int size) {
    if (take(":")) return {0, size};
    const int from = whole();
    return {from, take(":") ? whole() : from + 1};
  }

  int whole() {
    int out = 0;
    const size_t before = at_;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])))
      out = 10 * out + (text_[at_++] - '0');
    if (at_ == before) fail("expected an index");
    return out;
  }

  Value part(const Value& v) {
    const auto [rows, columns] = extent(v);
    const auto [r0, r1] = range(rows);
    std::pair<int, int> c{0, columns};
    if (v.sizes.size() == 2) {
      expect(", ");
      c = range(columns);
    }
    expect("]");
    std::vector<int> sizes{r1 - r0, c.second - c.first};
    Value out = over_samples(sizes, v.samples.size(), [&, r0 = r0, r1 = r1, columns = columns](size_t i) {
      List picked;
      for (int r = r0; r < r1; ++r)
        for (int k = c.first; k < c.second; ++k) picked.push_back(sample(v, i)[r * columns + k]);
      return picked;
    });
    if (sizes[0] == 1 && sizes[1] > 1) out.sizes = {sizes[1]};
    return tidy(out);
  }

  std::vector<Value> list(std::string_view end) {
    std::vector<Value> out;
    do out.push_back(sum());
    while (take(", "));
    expect(end);
    return out;
  }

  Value bracket() {
    std::vector<Value> parts{sum()};
    if (take(" < "))
      parts = {elementwise(parts[0], sum(), [](double a, double b) { return double(a < b); })};
    else if (take(" = "))
      parts = {elementwise(parts[0], sum(), [](double a, double b) { return double(a == b); })};
    else {
      const bool columns = text_.substr(at_).starts_with(" | "), rows = text_.substr(at_).starts_with("; ");
      while (take(columns ? " | " : rows ? "; " : ", ")) parts.push_back(sum());
      expect("]");
      return columns ? beside(parts) : rows ? below(parts) : joined(parts);
    }
    expect("]");
    return parts[0];
  }

  Value primary() {
    if (take("(")) {
      const Value out = sum();
      expect(")");
      return out;
    }
    if (take("[")) return bracket();
    if (take("|")) {
      const Value x = sum();
      expect("|");
      return elementwise(summed(elementwise(x, x, std::multiplies<>())), constant(0),
                         [](double a, double) { return std::sqrt(a); });
    }
    if (const auto fraction = kFractions.find(character()); fraction != kFractions.end()) {
      at_ += fraction->first.size();
      return constant(fraction->second);
    }
    if (std::isdigit(static_cast<unsigned char>(text_[at_]))) return decimal();
    return named();
  }

  Value decimal() {
    const size_t before = at_;
    while (at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.')) ++at_;
    return constant(std::stod(std::string(text_.substr(before, at_ - before))));
  }

  Value named() {
    static const std::string_view kStops[] = {"(", ")", "[", "]", "|", " ", ",", "·",
                                              "/", "ᵀ", "^", ":", ";", "−", "²", "³"};
    const size_t before = at_;
    while (at_ < text_.size() && std::find(std::begin(kStops), std::end(kStops), character()) == std::end(kStops))
      at_ += character().size();
    const std::string name(text_.substr(before, at_ - before));
    if (name == "E" && take("[")) {
      const Value out = mean(sum());
      expect("]");
      return out;
    }
    if (const auto found = known_.find(name); found != known_.end()) return found->second;
    if (!take("(")) fail("`" + name + "` is not known");
    return applied(name, list(")"));
  }

  Value applied(const std::string& name, const std::vector<Value>& x) {
    if (name == "sum") return x.size() == 1 ? summed(x[0]) : summed(x[0], static_cast<int>(sample(x[1], 0)[0]));
    if (name == "trace") return trace(x[0]);
    if (name == "zeros" && x.size() == 2) {
      const int rows = static_cast<int>(sample(x[0], 0)[0]), columns = static_cast<int>(sample(x[1], 0)[0]);
      return tidy({{rows, columns}, {List(static_cast<size_t>(rows * columns), 0)}});
    }
    if (name == "ones")
      return {{static_cast<int>(sample(x[0], 0)[0])}, {List(static_cast<size_t>(sample(x[0], 0)[0]), 1)}};
    if (name == "zeros")
      return {{static_cast<int>(sample(x[0], 0)[0])}, {List(static_cast<size_t>(sample(x[0], 0)[0]), 0)}};
    for (int f = 0; f < kFunctionCount; ++f) {
      const FunctionInfo& row = info(Function(f));
      if (row.text != name) continue;
      if (x.size() != static_cast<size_t>(row.arity)) fail("arguments of " + name);
      if (x.size() == 1) return elementwise(x[0], constant(0), [&](double a, double) { return row.value(&a); });
      return elementwise(x[0], x[1], [&](double a, double b) {
        const double both[] = {a, b};
        return row.value(both);
      });
    }
    fail("`" + name + "` is not known");
  }

  std::string_view text_;
  const Known& known_;
  size_t at_ = 0;
};

}  // namespace

Value read_formula(std::string_view formula, const Known& known) { return Reader(formula, known).all(); }

}  // namespace am::derive
