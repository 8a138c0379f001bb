#include "runtime/data/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr std::string_view kDigits = "0123456789";

struct Label {
  double number = 0;
  std::string before, after;  // in small letters, without blanks at the ends

  bool agrees(const Label& other) const { return before == other.before && after == other.after; }
};

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string words(std::string_view text) {
  std::string out(trimmed(text));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  // The plural of a unit.
  if (out.size() > 1 && out.back() == 's') out.pop_back();
  return out;
}

/// What could be a minus, a hyphen or a decimal point, where nothing tells which.
bool is_doubtful(std::string_view before) {
  return before.ends_with('-') || before.ends_with('+') || before.ends_with('.') || before.ends_with("−") ||
         before.ends_with("–") || before.ends_with("‐");
}

std::optional<Label> read_label(std::string_view text) {
  text = trimmed(text);
  if (const std::optional<double> whole = number(text)) return Label{*whole, "", ""};
  size_t begin = text.find_first_of(kDigits);
  if (begin == std::string_view::npos) return std::nullopt;
  size_t end = std::min(text.find_first_not_of(kDigits, begin), text.size());
  if (end + 1 < text.size() && text[end] == '.' && kDigits.find(text[end + 1]) != std::string_view::npos)
    end = std::min(text.find_first_not_of(kDigits, end + 1), text.size());
  const bool sign = begin > 0 && (text[begin - 1] == '-' || text[begin - 1] == '+');
  if (sign && (begin == 1 || text[begin - 2] == ' ')) --begin;
  const std::string_view before = text.substr(0, begin), after = text.substr(end);
  if (is_doubtful(before) || after.find_first_of(kDigits) != std::string_view::npos) return std::nullopt;
  const std::optional<double> value = number(text.substr(begin, end - begin));
  return value ? std::optional(Label{*value, words(before), words(after)}) : std::nullopt;
}

}  // namespace

FileError label_numbers(const std::vector<std::string>& labels, std::vector<double>& numbers) {
  std::optional<Label> first;
  numbers.clear();
  for (const std::string& text : labels) {
    const std::optional<Label> label = read_label(text);
    const bool finite = label && std::isfinite(label->number);
    if (!label || (finite && first && !label->agrees(*first)))
      return {fmt::format("holds {}, and each must hold one number, with the same words around it, such as `day 3`",
                          name_list(labels))};
    if (finite && !first) first = label;
    numbers.push_back(label->number);
  }
  return {};
}

}  // namespace am::data
