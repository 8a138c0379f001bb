#include "runtime/data/snapshots.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr size_t kMostNames = 12;

}  // namespace

std::optional<size_t> Snapshots::at(double time) const {
  if (times.empty() || !std::isfinite(time)) return std::nullopt;
  const auto nearer = [&](double a, double b) { return std::abs(a - time) < std::abs(b - time); };
  const auto nearest = std::min_element(times.begin(), times.end(), nearer);
  // A time of zero has no relative error of its own; that of the largest time stands in for it.
  const double scale = std::max({std::abs(time), std::abs(times.front()), std::abs(times.back())});
  if (std::abs(*nearest - time) > 1e-9 * scale) return std::nullopt;
  return static_cast<size_t>(nearest - times.begin());
}

bool Problems::report(diagnostics::Sink& sink) {
  if (found_ > shown_.size())
    shown_.back().notes.push_back({{}, fmt::format("{} more like these are not shown", found_ - shown_.size())});
  for (diagnostics::Diagnostic& problem : shown_) sink.add(std::move(problem));
  shown_.clear();
  return found_ > 0;
}

void report_file(const FileError& error, const std::string& path, std::string_view format, source::Span span,
                 diagnostics::Sink& sink) {
  if (error.system)
    sink.report<diagnostics::Kind::MissingFile>(span, path, error.what);
  else
    sink.report<diagnostics::Kind::MalformedFile>(span, path, format, error.what);
}

void report_missing(const std::string& path, const std::string& name, const std::vector<std::string>& names,
                    std::string_view noun, source::Span span, diagnostics::Sink& sink) {
  auto& missing = sink.report<diagnostics::Kind::MissingColumn>(span, path, name);
  missing.notes.push_back({{}, fmt::format("its {} are {}", noun, names.empty() ? "none" : name_list(names))});
  const std::string near = diagnostics::nearest(name, names);
  if (!near.empty()) missing.suggestion = fmt::format("did you mean `{}`?", shown(near));
}

std::string name_list(const std::vector<std::string>& names) {
  std::string out;
  for (size_t k = 0; k < std::min(names.size(), kMostNames); ++k)
    out += fmt::format("{}`{}`", k == 0 ? "" : ", ", shown(names[k]));
  if (names.size() > kMostNames) out += fmt::format(" and {} more", names.size() - kMostNames);
  return out;
}

bool report_non_finite(const std::vector<double>& values, const std::vector<std::string>& columns,
                       const std::string& path, source::Span span, diagnostics::Sink& sink) {
  Problems problems(span);
  for (size_t k = 0; k < values.size(); ++k)
    if (!std::isfinite(values[k]))
      problems.add<diagnostics::Kind::NonFiniteCell>(path, k / columns.size() + 1, shown(columns[k % columns.size()]),
                                                     fmt::format("{}", values[k]));
  return problems.report(sink);
}

std::vector<double> as_written(std::vector<double> singles) {
  for (double& value : singles) value = number(fmt::format("{}", static_cast<float>(value))).value_or(value);
  return singles;
}

bool add_weights(std::vector<double> weights, const std::string& column, source::Span span, diagnostics::Sink& sink,
                 Snapshots& out) {
  const auto refuse = [&](const std::string& what) {
    sink.report<diagnostics::Kind::BadWeights>(span, out.name, shown(column), what);
    return false;
  };
  if (weights.size() != out.count())
    return refuse(fmt::format("it has {} numbers, and there are {} samples", weights.size(), out.count()));
  for (size_t row = 0; row < weights.size(); ++row)
    if (!(weights[row] >= 0) || !std::isfinite(weights[row]))
      return refuse(fmt::format("row {} has {:g}, and a weight is a number from 0 on", row + 1, weights[row]));
  if (!out.file_rows.empty()) {
    std::vector<double> sorted;
    for (const size_t row : out.file_rows) sorted.push_back(weights[row]);
    weights = std::move(sorted);
  }
  for (size_t k = 0; k < out.groups(); ++k) {
    const auto from = weights.begin() + static_cast<ptrdiff_t>(out.offsets[k]);
    const auto to = weights.begin() + static_cast<ptrdiff_t>(out.offsets[k + 1]);
    if (std::all_of(from, to, [](double w) { return w == 0; }))
      return refuse(out.timed() ? fmt::format("all weights at time {:g} are 0", out.times[k]) : "all weights are 0");
  }
  out.weights = std::move(weights);
  return true;
}

void sort_by_time(std::vector<double>& row_times, Snapshots& out) {
  if (!first_fall(row_times)) return;
  std::vector<size_t> order(row_times.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return row_times[a] < row_times[b]; });
  const size_t width = static_cast<size_t>(out.dimension);
  std::vector<double> times, rows;
  times.reserve(row_times.size());
  rows.reserve(out.rows.size());
  for (const size_t row : order) {
    times.push_back(row_times[row]);
    const auto begin = out.rows.begin() + static_cast<ptrdiff_t>(row * width);
    rows.insert(rows.end(), begin, begin + static_cast<ptrdiff_t>(width));
  }
  row_times = std::move(times);
  out.rows = std::move(rows);
  out.file_rows = std::move(order);
}

std::optional<size_t> first_fall(const std::vector<double>& times) {
  const auto fall = std::adjacent_find(times.begin(), times.end(), [](double a, double b) { return b < a; });
  if (fall == times.end()) return std::nullopt;
  return static_cast<size_t>(fall - times.begin()) + 1;
}

bool group_by_time(const std::vector<double>& row_times, const std::string& suggestion, source::Span span,
                   diagnostics::Sink& sink, Snapshots& out) {
  if (const std::optional<size_t> row = first_fall(row_times)) {
    sink.report<diagnostics::Kind::UnsortedTimes>(span, out.name, row_times[*row - 1], row_times[*row], *row + 1)
        .suggestion = suggestion;
    return false;
  }
  for (size_t row = 0; row < row_times.size(); ++row) {
    if (row > 0 && row_times[row] == row_times[row - 1]) continue;
    out.times.push_back(row_times[row]);
    out.offsets.push_back(row);
  }
  out.offsets.push_back(row_times.size());
  return true;
}

}  // namespace am::data
