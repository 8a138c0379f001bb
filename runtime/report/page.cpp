#include "runtime/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/report/canvas.h"
#include "runtime/report/motion.h"
#include "runtime/report/packed.h"
#include "runtime/report/panels.h"
#include "runtime/report/text.h"

namespace am::report {
namespace {

/// Numbers embedded for one motion, and half as many for its reference: about sixteen megabytes of base64, which opens
/// in a second.
constexpr size_t kNumbers = 6'000'000;
/// Times embedded of a motion and of its reference; more cannot be told apart on the way.
constexpr size_t kTimes = 121, kReferenceTimes = 50;

std::string list(const std::vector<std::string>& parts) { return fmt::format("[{}]", fmt::join(parts, ",\n")); }

std::string array(const std::vector<double>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const double value : values) parts.push_back(json(value));
  return fmt::format("[{}]", fmt::join(parts, ","));
}

/// How many points a cloud may have so that all times fit in the page.
size_t points_allowed(size_t times, int dimension, size_t numbers) {
  return std::max<size_t>(200, numbers / std::max<size_t>(1, times * dimension));
}

std::string range_json(double low, double high) { return fmt::format("[{},{}]", json(low), json(high)); }

/// Values at several times as one text, and the range they are packed in.
std::string grids_json(const std::vector<std::vector<double>>& grids) {
  Range range;
  std::vector<double> all;
  for (const auto& grid : grids) all.insert(all.end(), grid.begin(), grid.end());
  for (const double value : all) range.add(value);
  if (range.empty()) range = {0, 0};
  return fmt::format("{{\"range\":{},\"data\":\"{}\"}}", range_json(range.low, range.high),
                     packed(all, range.low, range.high));
}

/// A cloud's kept rows, one coordinate after the other.
void append_planes(std::vector<std::vector<double>>& planes, const std::vector<double>& cloud, int dimension,
                   const std::vector<size_t>& rows) {
  for (int k = 0; k < dimension; ++k)
    for (const size_t i : rows) planes[k].push_back(cloud[i * dimension + k]);
}

/// Clouds in the ranges, [time][coordinate][particle], and how many points each has. The same rows are kept of every
/// cloud of one size, so that trajectories survive the thinning.
std::string clouds_json(const std::vector<const std::vector<double>*>& clouds, int dimension, size_t limit,
                        const std::vector<Range>& ranges) {
  std::vector<std::string> counts, parts;
  for (const auto* cloud : clouds) {
    const std::vector<size_t> rows = some_rows(cloud->size() / dimension, limit);
    std::vector<std::vector<double>> planes(dimension);
    append_planes(planes, *cloud, dimension, rows);
    counts.push_back(fmt::format("{}", rows.size()));
    std::vector<std::string> coordinates;
    for (int k = 0; k < dimension; ++k)
      coordinates.push_back(fmt::format("\"{}\"", packed(planes[k], ranges[k].low, ranges[k].high)));
    parts.push_back(list(coordinates));
  }
  return fmt::format("{{\"counts\":[{}],\"data\":{}}}", fmt::join(counts, ","), list(parts));
}

/// A number for each particle and time; what is missing is not finite.
std::string scalars_json(const std::vector<std::vector<double>>& values, const std::vector<size_t>& times,
                         const Motion& motion, size_t limit) {
  std::vector<std::vector<double>> kept;
  for (const size_t k : times) {
    kept.emplace_back();
    for (const size_t i : some_rows(count_at(motion, k), limit))
      kept.back().push_back(k < values.size() && i < values[k].size() ? values[k][i] : NAN);
  }
  return grids_json(kept);
}

std::string field_json(const Motion& motion) {
  if (!motion.field || motion.field->side < 2) return "null";
  const Field& f = *motion.field;
  const auto optional = [](const std::vector<std::vector<double>>& grids) {
    return grids.empty() ? std::string("null") : grids_json(grids);
  };
  return fmt::format("{{\"side\":{},\"x\":{},\"y\":{},\"times\":{},\n\"drift\":{},\n\"potential\":{},\n\"growth\":{}}}",
                     f.side, range_json(f.low[0], f.high[0]), range_json(f.low[1], f.high[1]), array(f.times),
                     optional(f.drift), optional(f.potential), optional(f.growth));
}

Reference thinned(const Reference& reference) {
  Reference result{.label = reference.label};
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
  size_t most = motion.count;
  for (size_t k = 0; k < motion.points.size(); ++k) most = std::max(most, count_at(motion, k));
  return most;
}

/// Weights as log₂ of their share of the mean; of nothing −∞, which no picture shows.
std::vector<std::vector<double>> logarithms(const Motion& motion) {
  std::vector<std::vector<double>> result;
  const RelativeWeight weight(motion);
  for (size_t k = 0; k < motion.points.size(); ++k) {
    result.emplace_back();
    for (size_t i = 0; i < count_at(motion, k); ++i) result.back().push_back(std::log2(weight(k, i)));
  }
  return result;
}

std::string motion_json(const Motion& motion, const Reference& reference) {
  const Reference data = thinned(reference);
  const std::vector<size_t> times = evenly(recorded(motion), kTimes);
  const size_t limit = points_allowed(times.size(), motion.dimension, kNumbers);
  std::vector<double> shown_times;
  std::vector<const std::vector<double>*> clouds, grey;
  for (const size_t k : times) shown_times.push_back(motion.times[k]), clouds.push_back(&motion.points[k]);
  for (const auto& cloud : data.points) grey.push_back(&cloud);
  // Numbers are packed in a range four times as wide as what is seen, so that what runs away is known to be outside.
  std::vector<Range> seen, packing;
  std::vector<std::string> names, views, ranges;
  for (int k = 0; k < motion.dimension; ++k) {
    const Axis axis = linear_axis(frame_range(motion, reference, k), 5, false);
    const double span = axis.high - axis.low;
    packing.push_back({axis.low - 1.5 * span, axis.high + 1.5 * span});
    names.push_back(json(coordinate_name(motion, k)));
    views.push_back(range_json(axis.low, axis.high));
    ranges.push_back(range_json(packing.back().low, packing.back().high));
  }
  const bool weighted = RelativeWeight(motion).varies();
  return fmt::format(
      "{{\"name\":{},\"dimension\":{},\"count\":{},\"coordinates\":{},\"time\":{},\n\"views\":{},\"ranges\":{},\n"
      "\"times\":{},\n\"points\":{},\n\"weights\":{},\n\"growth\":{},\n\"field\":{},\n"
      "\"reference\":{{\"label\":{},\"timed\":{},\"times\":{},\n\"points\":{}}}}}",
      json(motion.name), motion.dimension, most_particles(motion), list(names), json(motion.time), list(views),
      list(ranges), array(shown_times), clouds_json(clouds, motion.dimension, limit, packing),
      weighted ? scalars_json(logarithms(motion), times, motion, limit) : "null",
      motion.growth.empty() ? "null" : scalars_json(motion.growth, times, motion, limit), field_json(motion),
      json(data.label), !reference.times.empty(), array(data.times),
      clouds_json(grey, motion.dimension, points_allowed(data.points.size(), motion.dimension, kNumbers / 2), packing));
}

bool playable(const Motion& motion) {
  return motion.dimension > 0 && !motion.times.empty() && motion.points.size() == motion.times.size();
}

Reference reference_of(const Report& report, size_t index) {
  return index < report.references.size() ? report.references[index] : Reference{};
}

std::string heading(std::string_view text) { return fmt::format("<h2>{}</h2>\n", escape(text)); }

std::string facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string body;
  for (const auto& [name, value] : facts)
    body += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
  return body.empty() ? "" : fmt::format("<dl class=\"facts\">\n{}</dl>\n", body);
}

/// Whether strtod takes all of the text, a typographer's minus sign included, but for a power of ten or a deviation
/// behind it.
bool numeric(std::string text) {
  text = text.substr(0, std::min(text.find(" ±"), text.find("·10")));
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

std::string folded(std::string_view summary, const std::string& body) {
  return fmt::format("<details>\n<summary>{}</summary>\n{}</details>\n", escape(summary), body);
}

std::string motions(const Report& report) {
  std::string body;
  std::vector<std::string> data;
  for (size_t k = 0; k < report.motions.size(); ++k) {
    const Motion& motion = report.motions[k];
    const Reference reference = reference_of(report, k);
    body += heading(motion.name);
    if (!playable(motion)) {
      body += "<p class=\"empty\">No particles.</p>\n";
      continue;
    }
    data.push_back(motion_json(motion, reference));
    body += fmt::format("<div class=\"player\" data-motion=\"{}\"></div>\n", data.size() - 1);
    std::string still = figure(draw(motion, reference, "At recorded times"));
    if (motion.field) still += figure(draw_field(motion, Shown::Velocity));
    if (motion.field && !motion.field->growth.empty()) still += figure(draw_field(motion, Shown::Growth));
    body += folded("The same as figures", still);
  }
  if (data.empty()) return body;
  return body + fmt::format("<script type=\"application/json\" id=\"motions\">{}</script>\n", list(data));
}

std::string charts(std::string_view title, const std::vector<Chart>& charts) {
  if (charts.empty()) return "";
  std::string body;
  for (const Chart& chart : charts) body += figure(draw(chart));
  return (title.empty() ? "" : heading(title)) + "<div class=\"charts\">\n" + body + "</div>\n";
}

std::string formulas(const Report& report) {
  if (report.formulas.empty()) return "";
  std::string body;
  for (const Formula& f : report.formulas) {
    const std::string mathematics =
        f.mathml.empty() ? fmt::format("<pre>{}</pre>", escape(f.text))
                         : fmt::format("<div class=\"math\" title=\"{}\">{}</div>", escape(f.text), f.mathml);
    const std::string value = f.value.empty() ? "" : fmt::format("<p class=\"value\">{}</p>", escape(f.value));
    body += fmt::format("<div class=\"formula\"><h3>{}</h3>{}{}</div>\n", escape(f.name), mathematics, value);
  }
  return heading("Objective") + body;
}

/// Where a comment begins in a line of a script: at the first `#` outside of quotes.
size_t comment_at(std::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && quoted) {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == '#' && !quoted) {
      return i;
    }
  }
  return line.size();
}

/// Lines are list items, which number themselves; what is copied has no numbers.
std::string script(const Report& report) {
  if (report.script.empty()) return "";
  std::string body;
  std::string_view rest = report.script;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  for (bool more = true; more;) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const size_t comment = comment_at(line);
    body += fmt::format("<li><code>{}", escape(line.substr(0, comment)));
    if (comment < line.size()) body += fmt::format("<i>{}</i>", escape(line.substr(comment)));
    body += "\n</code></li>";
    more = end < rest.size();
    if (more) rest.remove_prefix(end + 1);
  }
  return heading("Script") + "<ol class=\"script\">" + body + "</ol>\n";
}

std::string notes(const Report& report) {
  std::string body;
  for (const std::string& note : report.notes) body += fmt::format("<p>{}</p>\n", escape(note));
  return body.empty() ? "" : fmt::format("<div class=\"notes\" role=\"note\">\n{}</div>\n", body);
}

}  // namespace

std::string_view page_file(std::string_view name) {
  for (const PageFile& file : page_files())
    if (file.name == name) return file.text;
  AM_CHECK(false, "a file of the page is missing");
}

std::string html(const Report& report) {
  std::string tables;
  for (const Table& each : report.tables) tables += table(each);
  const std::string details =
      report.details.empty() ? "" : heading("How it ran") + facts(report.details);
  // The policy forbids whatever would reach for the network.
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data:\">\n<title>{0}</title>\n"
      "<style>\n{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n{2}{3}{4}{5}{6}{7}{8}{9}{10}</main>\n"
      "<script>\n{11}</script>\n</body>\n</html>\n",
      escape(report.title), page_file("style.css"), notes(report), facts(report.facts), motions(report),
      tables, charts(report.tables.empty() ? "Figures" : "", report.figures), charts("Training", report.training),
      formulas(report), script(report), details, page_file("player.js"));
}

}  // namespace am::report
