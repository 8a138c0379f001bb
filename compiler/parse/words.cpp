#include "compiler/parse/words.h"

#include <charconv>
#include <cmath>

#include "compiler/ast/ast.h"

namespace am::parse {
namespace {

struct Pair {
  std::string_view from, to;
};

constexpr Pair kNames[] = {{"π", "pi"}, {"∞", "inf"}, {"ℝ", "R"}};

constexpr Pair kOperators[] = {{"−", "-"}, {"@", "·"}, {"⋅", "·"}, {"≤", "<="}, {"≥", ">="}, {"≠", "!="}, {"**", "^"}};

constexpr Pair kSubscripts[] = {{"ₐ", "a"}, {"ₑ", "e"}, {"ₒ", "o"}, {"ₓ", "x"}, {"ₕ", "h"}, {"ₖ", "k"},
                                {"ₗ", "l"}, {"ₘ", "m"}, {"ₙ", "n"}, {"ₚ", "p"}, {"ₛ", "s"}, {"ₜ", "t"},
                                {"ᵢ", "i"}, {"ⱼ", "j"}, {"ᵣ", "r"}, {"ᵤ", "u"}, {"ᵥ", "v"}, {"ᵦ", "β"},
                                {"ᵧ", "γ"}, {"ᵨ", "ρ"}, {"ᵩ", "φ"}, {"ᵪ", "χ"}};

constexpr Pair kDigits[] = {{"⁰", "0"}, {"¹", "1"}, {"²", "2"}, {"³", "3"}, {"⁴", "4"},
                            {"⁵", "5"}, {"⁶", "6"}, {"⁷", "7"}, {"⁸", "8"}, {"⁹", "9"}};

struct Fraction {
  std::string_view sign;
  double value;
};
constexpr Fraction kFractions[] = {{"½", 1.0 / 2}, {"⅓", 1.0 / 3}, {"⅔", 2.0 / 3},
                                   {"¼", 1.0 / 4}, {"¾", 3.0 / 4}, {"⅛", 1.0 / 8}};

template <size_t N>
std::string_view look_up(const Pair (&table)[N], std::string_view word) {
  for (const Pair& pair : table)
    if (pair.from == word) return pair.to;
  return {};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// Bytes of the code point that begins with this byte.
size_t width(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Translates code point by code point; empty if one is not in the table.
template <size_t N>
std::string translate(const Pair (&table)[N], std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += width(text[at])) {
    const std::string_view to = look_up(table, text.substr(at, width(text[at])));
    if (to.empty()) return {};
    out += to;
  }
  return out;
}

constexpr std::string_view kPartial = "∂";
constexpr std::string_view kRaisedMinus = "⁻";

}  // namespace

std::string name_of(std::string_view word) {
  const std::string_view plain = look_up(kNames, word);
  std::string out(plain.empty() ? word : plain);
  replace_all(out, "′", "'");
  return out;
}

std::string variable_of(std::string_view word) {
  const size_t bracket = word.find('[');
  if (bracket != std::string_view::npos) {
    std::string inner(word.substr(bracket + 1, word.find(']') - bracket - 1));
    replace_all(inner, " ", "");
    return name_of(inner);
  }
  word.remove_prefix(kPartial.size());
  const std::string subscript = translate(kSubscripts, word);
  if (!subscript.empty()) return subscript;
  const bool digits = word.starts_with("\xE2\x82");  // U+2080…, what is left of that block has no letter
  return digits ? "" : name_of(word);
}

std::string digits_of(std::string_view superscript) {
  if (is_negative(superscript)) superscript.remove_prefix(kRaisedMinus.size());
  return translate(kDigits, superscript);
}

bool is_negative(std::string_view superscript) { return superscript.starts_with(kRaisedMinus); }

std::optional<double> number_of(std::string_view word) {
  for (const Fraction& fraction : kFractions)
    if (fraction.sign == word) return fraction.value;
  std::string plain(word);
  replace_all(plain, "_", "");
  replace_all(plain, "−", "-");
  replace_all(plain, "+", "");
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  // A number too small to hold is zero, as in any arithmetic; one too large is a mistake.
  if (error == std::errc::result_out_of_range) {
    const bool tiny = plain.find("e-") != std::string::npos || plain.find("E-") != std::string::npos;
    return tiny ? std::optional(0.0) : std::nullopt;
  }
  return value;
}

std::string operator_of(std::string_view word) {
  const std::string_view plain = look_up(kOperators, word);
  return std::string(plain.empty() ? word : plain);
}

bool is_declaration_spelling(std::string_view word) {
  for (int kind = 0; kind <= static_cast<int>(ast::DeclarationKind::Evaluate); ++kind)
    if (ast::keyword(static_cast<ast::DeclarationKind>(kind)) == word) return true;
  return false;
}

}  // namespace am::parse
