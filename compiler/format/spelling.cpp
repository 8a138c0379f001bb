#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "compiler/format/pieces.h"
#include "compiler/parse/words.h"

namespace am::format {
namespace {

struct Pair {
  std::string_view unicode, ascii;
};

/// Fractions keep a spelling of their own in ASCII, without the zero, so that `0.5` never turns into `½`.
constexpr Pair kFractions[] = {
    {"½", ".5"}, {"⅓", ".3333333333333333"}, {"⅔", ".6666666666666666"}, {"¼", ".25"}, {"¾", ".75"}, {"⅛", ".125"}};
constexpr Pair kComparisons[] = {{"≤", "<="}, {"≥", ">="}, {"≠", "!="}};
constexpr Pair kNames[] = {{"π", "pi"}, {"∞", "inf"}};

template <size_t N>
std::string translate(const Pair (&table)[N], const std::string& text, bool ascii) {
  for (const Pair& pair : table)
    if (text == pair.unicode || text == pair.ascii) return std::string(ascii ? pair.ascii : pair.unicode);
  return text;
}

std::string number(const std::string& text, bool ascii) {
  constexpr std::string_view kMinus = "−";
  const size_t at = text.find(kMinus);
  if (at != std::string::npos) return fmt::format("{}-{}", text.substr(0, at), text.substr(at + kMinus.size()));
  return translate(kFractions, text, ascii);
}

/// Of `²`, `⁻¹`, `^2` or `^-1`.
std::string superscript(const std::string& text, bool ascii) {
  static constexpr std::array<std::string_view, 10> kRaised = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  const bool caret = text[0] == '^';
  const bool negative = caret ? text.find_first_of("0123456789") > 1 : parse::is_negative(text);
  const std::string digits = caret ? text.substr(text.find_first_of("0123456789")) : parse::digits_of(text);
  if (ascii) return fmt::format("^{}{}", negative ? "-" : "", digits);
  std::string out = negative ? "⁻" : "";
  for (const char digit : digits) out += kRaised[digit - '0'];
  return out;
}

std::string derivative(const std::string& text, bool ascii) {
  if (text == "∇" || text == "grad") return ascii ? "grad" : "∇";
  if (text == "Δ" || text == "∆" || text == "lap") return ascii ? "lap" : "Δ";
  return ascii ? "div" : "∇·";
}

std::string derivative_of(const std::string& text, bool ascii) {
  const std::string variable = parse::variable_of(text);
  const bool gradient = text.starts_with("∇") || text.starts_with("grad");
  if (gradient) return fmt::format("{}[{}]", ascii ? "grad" : "∇", variable);
  return ascii ? fmt::format("d[{}]", variable) : fmt::format("∂{}", variable);
}

}  // namespace

std::string spell(const Piece& piece, Spelling spelling) {
  if (spelling == Spelling::AsWritten) return piece.text;
  const bool ascii = spelling == Spelling::Ascii;
  switch (piece.kind) {
    case LexemeKind::Name:
    case LexemeKind::Binder:
    case LexemeKind::Member: return translate(kNames, parse::name_of(piece.text), ascii);
    case LexemeKind::Number: return number(piece.text, ascii);
    case LexemeKind::Superscript: return piece.stacked ? piece.text : superscript(piece.text, ascii);
    case LexemeKind::Derivative: return derivative(piece.text, ascii);
    case LexemeKind::DerivativeOf: return derivative_of(piece.text, ascii);
    case LexemeKind::Minus: return ascii ? "-" : "−";
    case LexemeKind::Dot: return ascii ? "@" : "·";
    case LexemeKind::Compare: return translate(kComparisons, piece.text, ascii);
    case LexemeKind::OpenBar:
    case LexemeKind::CloseBar: return "|";
    case LexemeKind::Expectation: return "E[";
    case LexemeKind::Integral: return ascii ? "integral[" : "∫[";
    default: return piece.text;
  }
}

}  // namespace am::format
