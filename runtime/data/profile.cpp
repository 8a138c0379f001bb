#include "runtime/data/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <unordered_set>

namespace am::data {
namespace {

constexpr size_t kMostTimes = 1000;
constexpr size_t kMostShownTimes = 40;

/// The best comes last.
constexpr std::string_view kTimeNames[] = {"labels", "label", "stage", "age",   "timepoint", "hours",
                                           "hour",   "days",  "day",   "times", "time",      "t"};

constexpr std::string_view kWeightNames[] = {"w", "weights", "sample_weight"};

/// A name split into what stands before its number, and the number. Leading zeros do not make a number.
struct Numbered {
  std::string_view stem;
  unsigned number = 0;
};

std::optional<Numbered> split_number(std::string_view name) {
  const size_t last = name.find_last_not_of("0123456789");
  const size_t start = last == std::string_view::npos ? 0 : last + 1;
  const std::string_view digits = name.substr(start);
  Numbered out{name.substr(0, start)};
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.number);
  return error == std::errc{} ? std::optional(out) : std::nullopt;
}

std::string lowered(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return lower;
}

}  // namespace

void Figures::add(double value) {
  if (!std::isfinite(value)) {
    ++non_finite;
    return;
  }
  least = finite == 0 ? value : std::min(least, value);
  greatest = finite == 0 ? value : std::max(greatest, value);
  sum += value;
  whole = whole && value == std::floor(value);
  ++finite;
}

std::string range_text(const Figures& figures) {
  if (figures.finite == 0) return "no finite value";
  return fmt::format("{:.6g} to {:.6g}, mean {:.6g}", figures.least, figures.greatest, figures.mean());
}

bool is_weight(std::string_view name) {
  const std::string lower = lowered(name);
  return std::find(std::begin(kWeightNames), std::end(kWeightNames), lower) != std::end(kWeightNames);
}

int time_likeness(std::string_view name) {
  const std::string lower = lowered(name);
  const auto* found = std::find(std::begin(kTimeNames), std::end(kTimeNames), lower);
  return found == std::end(kTimeNames) ? 0 : static_cast<int>(found - std::begin(kTimeNames)) + 1;
}

bool could_be_times(std::span<const double> values) {
  std::set<double> distinct;
  for (const double value : values) {
    if (!std::isfinite(value)) return false;
    distinct.insert(value);
    if (distinct.size() > kMostTimes) return false;
  }
  return !values.empty();
}

std::string times_text(std::string_view name, std::span<const double> times) {
  std::map<double, size_t> counts;
  for (const double time : times) ++counts[time];
  std::string out = fmt::format("time `{}`: {}\n", name, counted(counts.size(), "snapshot"));
  size_t shown = 0;
  for (const auto& [time, count] : counts) {
    if (shown++ == kMostShownTimes) return out + fmt::format("  and {} more\n", counts.size() - kMostShownTimes);
    out += fmt::format("  {:<8} {}\n", time, counted(count, "row"));
  }
  return out;
}

size_t duplicate_rows(std::span<const double> rows, size_t width) {
  std::unordered_set<std::string_view> seen;
  size_t duplicates = 0;
  for (size_t k = 0; width > 0 && k + width <= rows.size(); k += width) {
    const std::string_view row(reinterpret_cast<const char*>(rows.data() + k), width * sizeof(double));
    duplicates += !seen.insert(row).second;
  }
  return duplicates;
}

size_t falls(std::span<const double> times) {
  size_t count = 0;
  for (size_t k = 1; k < times.size(); ++k) count += times[k] < times[k - 1];
  return count;
}

std::optional<std::string> as_range(const std::vector<std::string>& names) {
  if (names.size() < 2) return std::nullopt;
  const std::optional<Numbered> first = split_number(names.front());
  for (size_t k = 0; k < names.size(); ++k) {
    const std::optional<Numbered> name = split_number(names[k]);
    if (!name || name->stem != first->stem || name->number != first->number + k) return std::nullopt;
  }
  return quoted(names.front()) + ".." + quoted(names.back());
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void Findings::add(size_t count, std::string line) {
  if (count > 0) lines_.push_back(std::move(line));
}

void Findings::rows(size_t duplicates, size_t falls, std::string_view time) {
  add(duplicates, counted(duplicates, "row") + (duplicates == 1 ? " repeats" : " repeat") + " an earlier one");
  add(falls, fmt::format("{} out of time order: sort by `{}` before reading", counted(falls, "row"), time));
}

std::string Findings::text() const {
  if (lines_.empty()) return "nothing is wrong: no duplicate rows, no non-finite values\n";
  std::string out = "to look at:\n";
  for (const std::string& line : lines_) out += fmt::format("  {}\n", line);
  return out;
}

std::string counted(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace am::data
