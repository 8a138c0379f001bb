#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/report/canvas.h"
#include "runtime/report/motion.h"
#include "runtime/report/player.h"
#include "runtime/report/text.h"

namespace am::report {
namespace {

/// Numbers embedded for one motion, and as many again for its reference: about ten megabytes of text.
constexpr size_t kNumbers = 1'000'000;
/// Reference times embedded; more cannot be told apart by eye.
constexpr size_t kReferenceTimes = 50;

std::string list(const std::vector<std::string>& parts) { return fmt::format("[{}]", fmt::join(parts, ",\n")); }

std::string array(const std::vector<double>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const double value : values) parts.push_back(json(value));
  return fmt::format("[{}]", fmt::join(parts, ","));
}

/// How many points a cloud may have so that all times fit in the page.
size_t points_allowed(size_t times, int dimension) {
  return std::max<size_t>(200, kNumbers / std::max<size_t>(1, times * dimension));
}

/// The same rows of a cloud at every time, so that trajectories survive the thinning.
std::vector<double> rows(const std::vector<double>& values, int dimension, size_t limit) {
  std::vector<double> result;
  for (const size_t i : some_rows(values.size() / dimension, limit))
    result.insert(result.end(), &values[i * dimension], &values[i * dimension] + dimension);
  return result;
}

std::string arrays(const std::vector<std::vector<double>>& clouds, int dimension, size_t limit) {
  std::vector<std::string> parts;
  for (const std::vector<double>& cloud : clouds) parts.push_back(array(rows(cloud, dimension, limit)));
  return list(parts);
}

std::string ranges(const Motion& motion, const Reference& reference) {
  std::vector<std::string> parts;
  for (int k = 0; k < motion.dimension; ++k) {
    const Axis axis = linear_axis(frame_range(motion, reference, k), 5, false);
    parts.push_back(fmt::format("[{},{}]", json(axis.low), json(axis.high)));
  }
  return list(parts);
}

Reference thinned(const Reference& reference) {
  Reference result;
  const bool timed = !reference.times.empty();
  const size_t recorded =
      timed ? std::min(reference.times.size(), reference.points.size()) : std::min<size_t>(1, reference.points.size());
  for (const size_t k : evenly(recorded, kReferenceTimes)) {
    result.times.push_back(timed ? reference.times[k] : 0);
    result.points.push_back(reference.points[k]);
  }
  return result;
}

size_t most_particles(const Motion& motion) {
  size_t most = 0;
  for (size_t k = 0; k < motion.points.size(); ++k) most = std::max(most, count_at(motion, k));
  return most;
}

std::string motion_json(const Motion& motion, const Reference& reference) {
  const Reference data = thinned(reference);
  const size_t limit = points_allowed(motion.points.size(), motion.dimension);
  return fmt::format(
      "{{\"name\":{},\"dimension\":{},\"count\":{},\"ranges\":{},\n\"times\":{},\n\"points\":{},\n\"weights\":{},\n"
      "\"reference\":{{\"timed\":{},\"times\":{},\n\"points\":{}}}}}",
      json(motion.name), motion.dimension, most_particles(motion), ranges(motion, reference), array(motion.times),
      arrays(motion.points, motion.dimension, limit), arrays(motion.weights, 1, limit), !reference.times.empty(),
      array(data.times), arrays(data.points, motion.dimension, points_allowed(data.points.size(), motion.dimension)));
}

bool playable(const Motion& motion) {
  return motion.dimension > 0 && !motion.times.empty() && motion.points.size() == motion.times.size();
}

Reference reference_of(const Report& report, size_t index) {
  return index < report.references.size() ? report.references[index] : Reference{};
}

std::string heading(std::string_view text) { return fmt::format("<h2>{}</h2>\n", escape(text)); }

std::string facts(const Report& report) {
  std::string body;
  for (const auto& [name, value] : report.facts)
    body += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
  return body.empty() ? "" : fmt::format("<dl class=\"facts\">\n{}</dl>\n", body);
}

/// Whether strtod takes all of the text, a typographer's minus sign included.
bool numeric(std::string text) {
  if (text.starts_with("\u2212")) text.replace(0, 3, "-");
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && end == text.c_str() + text.size();
}

std::string cell(std::string_view tag, const std::string& text, bool right) {
  return fmt::format("<{0}{1}>{2}</{0}>", tag, right ? " class=\"n\"" : "", escape(text));
}

/// Numbers stand at the right, with their heading and what stands among them instead of a number.
bool numeric_column(const Table& table, size_t column) {
  const auto numbers = std::count_if(table.rows.begin(), table.rows.end(),
                                     [column](const auto& row) { return column < row.size() && numeric(row[column]); });
  return numbers > 0 && 2 * static_cast<size_t>(numbers) >= table.rows.size();
}

std::string table(const Table& table) {
  std::string head, body;
  for (size_t k = 0; k < table.header.size(); ++k) head += cell("th", table.header[k], numeric_column(table, k));
  for (const auto& row : table.rows) {
    body += "<tr>";
    for (size_t k = 0; k < row.size(); ++k) body += cell("td", row[k], numeric_column(table, k));
    body += "</tr>\n";
  }
  const std::string note =
      table.footnote.empty() ? "" : fmt::format("<p class=\"note\">{}</p>\n", escape(table.footnote));
  return heading(table.title) +
         fmt::format("<div class=\"wide\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n{}",
                     head, body, note);
}

std::string figure(const Canvas& canvas) { return fmt::format("<figure>\n{}</figure>\n", canvas.inline_svg()); }

std::string motions(const Report& report) {
  std::string body;
  std::vector<std::string> data;
  for (size_t k = 0; k < report.motions.size(); ++k) {
    const Motion& motion = report.motions[k];
    const Reference reference = reference_of(report, k);
    body += heading(motion.name);
    if (playable(motion)) {
      data.push_back(motion_json(motion, reference));
      body += fmt::format("<div class=\"player\" data-motion=\"{}\"></div>\n", data.size() - 1);
    }
    body += figure(draw(motion, reference, "At recorded times"));
  }
  if (data.empty()) return body;
  return body + fmt::format("<script type=\"application/json\" id=\"motions\">{}</script>\n", list(data));
}

std::string charts(const Report& report) {
  if (report.charts.empty()) return "";
  std::string body;
  for (const Chart& chart : report.charts) body += figure(draw(chart));
  return heading("Curves") + "<div class=\"charts\">\n" + body + "</div>\n";
}

std::string formulas(const Report& report) {
  if (report.formulas.empty()) return "";
  std::string body;
  for (const auto& [name, mathematics] : report.formulas)
    body += fmt::format("<div class=\"formula\"><h3>{}</h3><pre>{}</pre></div>\n", escape(name), escape(mathematics));
  return heading("Formulas") + body;
}

std::string script(const Report& report) {
  if (report.script.empty()) return "";
  // The parser of HTML drops one line break after <pre>; this one is for it.
  return heading("Script") + "<pre class=\"script\">\n" + escape(report.script) + "</pre>\n";
}

}  // namespace

std::string html(const Report& report) {
  std::string tables;
  for (const Table& each : report.tables) tables += table(each);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n"
      "<style>\n{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n{2}{3}{4}{5}{6}{7}</main>\n"
      "<script>\n{8}</script>\n</body>\n</html>\n",
      escape(report.title), kStyle, facts(report), tables, motions(report), charts(report), formulas(report),
      script(report), kPlayer);
}

}  // namespace am::report
