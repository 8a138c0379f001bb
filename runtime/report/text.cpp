#include "runtime/report/text.h"

#include <fmt/format.h>

#include <cmath>

#include "compiler/source/source.h"

namespace am::report {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";
constexpr std::string_view kMinus = "\u2212";

bool continues(char byte) { return (byte & 0xC0) == 0x80; }
bool forbidden(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F; }

/// The text with every byte that is not part of UTF-8 replaced.
std::string as_utf8(std::string_view text) {
  std::string result;
  for (;;) {
    const size_t bad = source::invalid_utf8(text);
    result += text.substr(0, bad);
    if (bad == std::string_view::npos) return result;
    result += kReplacement;
    text.remove_prefix(bad + 1);
  }
}

/// 1234567 → 1 234 567, with thin spaces that do not break.
std::string group_digits(const std::string& digits) {
  std::string result;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) result += "\u202F";
    result += digits[i];
  }
  return result;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  for (const char c : as_utf8(text)) switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      case '\r':
        break;
      default:
        forbidden(c) ? result += kReplacement : result += c;
    }
  return result;
}

std::string json(std::string_view text) {
  std::string result = "\"";
  for (const char c : as_utf8(text)) {
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&')
      result += fmt::format("\\u{:04x}", c);
    else
      result += c;
  }
  return result + '"';
}

std::string json(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : "null"; }

std::string grouped(long long value) {
  const std::string digits = fmt::format("{}", value < 0 ? -value : value);
  return (value < 0 ? std::string(kMinus) : "") + (digits.size() < 5 ? digits : group_digits(digits));
}

std::string readable(double value) {
  if (!std::isfinite(value)) return "\u2013";
  const std::string text = fmt::format("{:.4g}", std::abs(value));
  return (value < 0 ? std::string(kMinus) : "") + text;
}

std::string power_of_ten(int exponent) {
  static constexpr std::string_view kRaised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string result = exponent < 0 ? "10⁻" : "10";
  for (const char digit : fmt::format("{}", std::abs(exponent))) result += kRaised[digit - '0'];
  return result;
}

double text_width(std::string_view text, double size) { return 0.58 * size * source::code_points(text); }

std::string fitted(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  std::string_view part = text;
  while (!part.empty() && text_width(part, size) + size > width) {
    part.remove_suffix(1);
    while (!part.empty() && continues(text[part.size()])) part.remove_suffix(1);
  }
  return std::string(part) + "…";
}

}  // namespace am::report
