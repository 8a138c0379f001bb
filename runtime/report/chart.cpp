#include <algorithm>
#include <cmath>

#include "runtime/report/axis.h"
#include "runtime/report/canvas.h"
#include "runtime/report/text.h"

namespace am::report {
namespace {

constexpr double kWidth = 520, kPlotHeight = 240, kLabel = 12, kTitle = 15, kSample = 24;

/// How a series looks: the colours repeat after seven, with other dashes. Faint ones have that of the next that is not.
struct Look {
  std::string_view colour, dashes;
};

Look look(const Chart& chart, size_t index) {
  const auto faint = std::count_if(chart.series.begin(), chart.series.begin() + static_cast<ptrdiff_t>(index),
                                   [](const Series& s) { return s.faint; });
  const size_t number = index - static_cast<size_t>(faint), colours = std::size(kColours);
  const bool again = number >= colours;
  return {kColours[number % colours], chart.series[index].dashed ? (again ? "9 3 2 3" : "6 4") : again ? "2 3" : ""};
}

bool shown(const Chart& chart, double x, double y) {
  return drawable(x) && drawable(y) && (!chart.log_x || x > 0) && (!chart.log_y || y > 0);
}

double error_at(const Series& series, size_t i) {
  return i < series.error.size() && drawable(series.error[i]) ? std::max(0.0, series.error[i]) : 0;
}

/// The range of all but the outermost two in a hundred, and a quarter of it beyond, where that leaves something out.
Range without_outliers(std::vector<double> values, Range all) {
  if (values.size() < 50) return all;
  const auto quantile = [&values](double share) {
    const auto place = values.begin() + std::lround(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return *place;
  };
  const double low = quantile(0.01), high = quantile(0.99), margin = 0.25 * (high - low);
  if (!(all.high - all.low > 3 * (high - low)) || !(high > low)) return all;
  return {std::max(all.low, low - margin), std::min(all.high, high + margin)};
}

struct Axes {
  Axis x, y;
  size_t outside = 0;
};

Axes axes(const Chart& chart) {
  Range x, y;
  std::vector<double> values;
  for (const Series& series : chart.series)
    for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i)
      if (shown(chart, series.x[i], series.y[i])) {
        x.add(series.x[i]);
        values.push_back(series.y[i]);
        y.add(series.y[i] + error_at(series, i));
        if (!chart.log_y || series.y[i] > error_at(series, i)) y.add(series.y[i] - error_at(series, i));
        y.add(series.y[i]);
      }
  if (chart.without_outliers && !chart.log_y) y = without_outliers(values, y);
  Axes result{chart.log_x ? log_axis(x) : linear_axis(x, 6, false), chart.log_y ? log_axis(y) : linear_axis(y, 5, true)};
  for (const double v : values) result.outside += v < result.y.low || v > result.y.high;
  return result;
}

/// Of consecutive points in one pixel column, the first, the lowest, the highest and the last look like all of them.
std::vector<Point> thinned(const std::vector<Point>& points) {
  std::vector<Point> kept;
  for (size_t begin = 0, end; begin < points.size(); begin = end) {
    for (end = begin; end < points.size() && std::floor(points[end].x) == std::floor(points[begin].x);) ++end;
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = points.begin() + static_cast<std::ptrdiff_t>(end);
    auto [low, high] = std::minmax_element(first, last, [](Point a, Point b) { return a.y < b.y; });
    auto inner = std::minmax(low, high);
    kept.push_back(*first);
    for (const auto middle : {inner.first, inner.second})
      if (middle != first && middle != last - 1) kept.push_back(*middle);
    if (end - begin > 1) kept.push_back(*(last - 1));
  }
  return kept;
}

/// The stretches of a series between its gaps, in pixels.
std::vector<std::vector<Point>> stretches(const Chart& chart, const Series& series, const Axis& x, const Axis& y,
                                          const Box& plot) {
  std::vector<std::vector<Point>> result(1);
  for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
    if (shown(chart, series.x[i], series.y[i]))
      result.back().push_back(
          {plot.left + plot.width * x.at(series.x[i]), plot.bottom() - plot.height * y.at(series.y[i])});
    else if (!result.back().empty())
      result.emplace_back();
  }
  return result;
}

/// A line that goes up and down all the time would cover the plot; it is drawn thin.
double thickness(const std::vector<Point>& points) {
  double length = 0;
  for (size_t i = 1; i < points.size(); ++i)
    length += std::hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y);
  return length > 8 * kWidth ? 0.8 : 1.8;
}

void draw_errors(Canvas& canvas, const Chart& chart, const Series& series, Look look, const Axis& x, const Axis& y,
                 const Box& plot) {
  std::vector<std::pair<Point, Point>> bars;
  for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
    const double error = error_at(series, i);
    if (!(error > 0) || !shown(chart, series.x[i], series.y[i])) continue;
    const double at = plot.left + plot.width * x.at(series.x[i]);
    const auto height = [&](double value) {
      return plot.bottom() - plot.height * std::clamp(y.at(y.logarithmic ? std::max(value, y.low) : value), 0.0, 1.0);
    };
    const double top = height(series.y[i] + error), bottom = height(series.y[i] - error);
    bars.push_back({{at, top}, {at, bottom}});
    for (const double end : {top, bottom}) bars.push_back({{at - 3, end}, {at + 3, end}});
  }
  canvas.lines(bars, look.colour, 1.2, 1);
}

void draw_series(Canvas& canvas, const std::vector<std::vector<Point>>& parts, const Series& series, Look look) {
  for (const std::vector<Point>& part : parts) {
    const std::vector<Point> points = thinned(part);
    if (points.size() > 1 && series.faint) canvas.polyline(points, look.colour, 0.8, "", 0.3);
    if (points.size() > 1 && !series.faint) canvas.polyline(points, look.colour, thickness(points), look.dashes);
    if (points.size() == 1 || series.dots) canvas.dots(points, look.colour, 6, 1);
  }
}

/// The legend in rows from `top` on; gives where it ends. It has a place of its own above the plot and hides nothing.
double draw_legend(Canvas& canvas, const Chart& chart, double top) {
  if (chart.series.empty()) return top;
  double x = 16, y = top + 14;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    if (series.faint) continue;
    const std::string name = fitted(series.name, canvas.width() - 32 - kSample - 8, kLabel);
    const double width = kSample + 8 + text_width(name, kLabel) + 18;
    if (x > 16 && x + width > canvas.width()) x = 16, y += 18;
    const Look seen = look(chart, i);
    const Point sample[] = {{x, y - 4}, {x + kSample, y - 4}};
    canvas.polyline(sample, seen.colour, 2, seen.dashes);
    const Point middle[] = {{x + kSample / 2, y - 4}};
    if (series.dots) canvas.dots(middle, seen.colour, 6, 1);
    canvas.text({x + kSample + 8, y}, name, {kLabel});
    x += width;
  }
  return y + 6;
}

double widest_label(const Axis& axis) {
  double width = 0;
  for (const Tick& tick : axis.ticks) width = std::max(width, text_width(tick.label, kLabel));
  return width;
}

/// Ticks whose labels would touch the one before are drawn without a label.
void draw_grid(Canvas& canvas, const Chart& chart, const Axis& x, const Axis& y, const Box& plot) {
  double free = 0;
  for (const Tick& tick : x.ticks) {
    const double at = plot.left + plot.width * x.at(tick.value), half = text_width(tick.label, kLabel) / 2;
    canvas.line({at, plot.top}, {at, plot.bottom()}, kFaint, 1);
    if (at - half < free || at + half > canvas.width()) continue;
    canvas.text({at, plot.bottom() + 17}, tick.label, {kLabel, Anchor::Middle});
    free = at + half + 6;
  }
  for (const Tick& tick : y.ticks) {
    const double at = plot.bottom() - plot.height * y.at(tick.value);
    canvas.line({plot.left, at}, {plot.right(), at}, kFaint, 1);
    canvas.text({plot.left - 8, at + 4}, tick.label, {kLabel, Anchor::End});
  }
  canvas.line({plot.left, plot.bottom()}, {plot.right(), plot.bottom()}, kFrame, 1);
  canvas.line({plot.left, plot.top}, {plot.left, plot.bottom()}, kFrame, 1);
  canvas.text({plot.left + plot.width / 2, plot.bottom() + 37}, fitted(chart.x_label, plot.width, 13),
              {13, Anchor::Middle});
  canvas.text({20, plot.top + plot.height / 2}, fitted(chart.y_label, plot.height, 13),
              {.size = 13, .anchor = Anchor::Middle, .upwards = true});
}

}  // namespace

Canvas draw(const Chart& chart) {
  Canvas canvas(kWidth, chart.title);
  canvas.text({16, 26}, fitted(chart.title, kWidth - 32, kTitle), {.size = kTitle, .bold = true});
  const double top = draw_legend(canvas, chart, 36) + 12;
  const auto [x, y, outside] = axes(chart);
  const double left = (chart.y_label.empty() ? 12 : 30) + widest_label(y) + 12;
  const Box plot{left, top, kWidth - left - 24, kPlotHeight};
  draw_grid(canvas, chart, x, y, plot);
  bool any = false;
  if (outside > 0) canvas.begin_clip(plot);
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const auto parts = stretches(chart, chart.series[i], x, y, plot);
    any = any || !parts.front().empty();
    draw_series(canvas, parts, chart.series[i], look(chart, i));
    draw_errors(canvas, chart, chart.series[i], look(chart, i), x, y, plot);
  }
  if (outside > 0) {
    canvas.end_clip();
    canvas.text({plot.right(), plot.bottom() + 37}, fmt::format("{} values outside", outside),
                {.size = 11, .anchor = Anchor::End, .colour = kSoft});
  }
  if (!any)
    canvas.text({plot.left + plot.width / 2, plot.top + plot.height / 2}, "nothing to show",
                {.size = 13, .anchor = Anchor::Middle, .colour = kGrey});
  canvas.set_height(plot.bottom() + 50);
  return canvas;
}

}  // namespace am::report
