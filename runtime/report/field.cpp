#include "runtime/report/field.h"

#include <algorithm>
#include <cmath>

#include "runtime/report/panels.h"
#include "runtime/report/text.h"

namespace am::report {
namespace {

constexpr size_t kPanels = 6, kDots = 400;
constexpr int kArrows = 15, kLevels = 12;

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto place = values.begin() + std::lround(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

std::pair<double, double> least_and_largest(std::span<const double> values) {
  Range range;
  for (const double v : values) range.add(v);
  return range.empty() ? std::pair{0.0, 0.0} : std::pair{range.low, range.high};
}

double mean_of(std::span<const double> values) {
  double sum = 0, count = 0;
  for (const double v : values)
    if (drawable(v)) sum += v, ++count;
  return count > 0 ? sum / count : 0;
}

/// The grid that lies nearest to a time.
size_t nearest(const Field& field, double time) {
  size_t best = 0;
  for (size_t k = 1; k < field.times.size(); ++k)
    if (std::abs(field.times[k] - time) < std::abs(field.times[best] - time)) best = k;
  return best;
}

Point on_page(const Field& field, const Box& box, Point grid) {
  const double unit = field.side - 1;
  return {box.left + box.width * grid.x / unit, box.bottom() - box.height * grid.y / unit};
}

void draw_contours(Canvas& canvas, const Field& field, const Levels& levels, const Box& box, size_t k) {
  const std::vector<double>& values = field.potential[k];
  const std::vector<double> all = levels.of(values);
  for (size_t n = 0; n < all.size(); ++n) {
    auto lines = contour(values, field.side, all[n]);
    for (auto& [from, to] : lines) from = on_page(field, box, from), to = on_page(field, box, to);
    const size_t colour = all.size() < 2 ? 2 : n * (std::size(kRising) - 1) / (all.size() - 1);
    canvas.lines(lines, kRising[colour], 1, 1);
  }
}

/// The drift at a place in grid units, linear between the points around it.
Point drift_at(const Field& field, size_t k, Point place) {
  const int i = std::min(field.side - 2, static_cast<int>(place.x)), j = std::min(field.side - 2, static_cast<int>(place.y));
  const double u = place.x - i, v = place.y - j;
  const auto value = [&](int c) {
    const auto at = [&](int a, int b) { return field.drift[k][static_cast<size_t>(2 * ((j + b) * field.side + i + a) + c)]; };
    return (1 - v) * ((1 - u) * at(0, 0) + u * at(1, 0)) + v * ((1 - u) * at(0, 1) + u * at(1, 1));
  };
  return {value(0), value(1)};
}

/// Arrows at equal distances.
void draw_arrows(Canvas& canvas, const Field& field, double unit, const Box& box, size_t k) {
  if (!(unit > 0)) return;
  const double cell = box.width / kArrows, across = box.width / (field.high[0] - field.low[0]),
               up = box.height / (field.high[1] - field.low[1]);
  std::vector<std::pair<Point, Point>> lines;
  for (int b = 0; b < kArrows; ++b)
    for (int a = 0; a < kArrows; ++a) {
      const auto place = [&](int n) { return (n + 0.5) / kArrows * (field.side - 1); };
      const Point drift = drift_at(field, k, {place(a), place(b)});
      const double u = drift.x * across, v = -drift.y * up;
      if (!drawable(u) || !drawable(v)) continue;
      const double length = std::hypot(u, v), shown = std::min(1.3, length / unit) * cell;
      if (!(shown > 0.8)) continue;
      const Point from = on_page(field, box, {place(a), place(b)});
      const double du = u / length, dv = v / length;
      const Point tip{from.x + du * shown, from.y + dv * shown};
      const double head = std::min(4.5, 0.4 * shown + 1);
      lines.push_back({from, tip});
      for (const double side : {-0.5, 0.5})
        lines.push_back({tip, {tip.x - head * (du - side * dv), tip.y - head * (dv + side * du)}});
    }
  canvas.lines(lines, kInk, 1, 0.85);
}

void draw_growth(Canvas& canvas, const Field& field, double most, const Box& box, size_t k) {
  // A cell of the picture for each point, in its colour; the points at the edge have half of one.
  constexpr int kMiddle = static_cast<int>(std::size(kDiverging)) / 2;
  const double cell = box.width / (field.side - 1);
  canvas.begin_clip(box);
  for (int j = 0; j < field.side; ++j)
    for (int i = 0, next; i < field.side; i = next) {
      const auto colour = [&](int column) {
        const double value = field.growth[k][static_cast<size_t>(j) * field.side + column];
        const double place = most > 0 && drawable(value) ? value / most * kMiddle : 0;
        return std::clamp(static_cast<int>(std::lround(place)), -kMiddle, kMiddle);
      };
      for (next = i + 1; next < field.side && colour(next) == colour(i);) ++next;
      if (colour(i) == 0) continue;
      const Point corner = on_page(field, box, {i - 0.5, j + 0.5});
      canvas.fill({corner.x, corner.y, (next - i) * cell + 0.3, cell + 0.3}, kDiverging[kMiddle + colour(i)], 0.75);
    }
  canvas.end_clip();
}

void draw_some(Canvas& canvas, const Motion& motion, const Panels& plan, const Box& box, size_t k,
               std::string_view colour, double opacity) {
  std::vector<Point> points;
  for (const size_t i : some_rows(count_at(motion, k), kDots)) {
    const double u = motion.points[k][2 * i], v = motion.points[k][2 * i + 1];
    if (plan.inside(u, v)) points.push_back(plan.place(box, u, v));
  }
  canvas.dots(points, colour, 2.4, opacity);
}

bool has(const std::vector<std::vector<double>>& grids, const Field& field, size_t width) {
  const size_t size = width * field.side * field.side;
  return grids.size() == field.times.size() &&
         std::all_of(grids.begin(), grids.end(), [&](const auto& grid) { return grid.size() == size; });
}

}  // namespace

std::vector<std::pair<Point, Point>> contour(std::span<const double> values, int side, double level) {
  std::vector<std::pair<Point, Point>> lines;
  for (int j = 0; j + 1 < side; ++j)
    for (int i = 0; i + 1 < side; ++i) {
      // The corners in a circle, from the lower left one on.
      const Point corners[] = {{1.0 * i, 1.0 * j}, {i + 1.0, 1.0 * j}, {i + 1.0, j + 1.0}, {1.0 * i, j + 1.0}};
      double v[4];
      for (int c = 0; c < 4; ++c)
        v[c] = values[static_cast<size_t>(corners[c].y) * side + static_cast<size_t>(corners[c].x)] - level;
      if (!std::all_of(v, v + 4, drawable)) continue;
      std::vector<Point> crossed;
      for (int c = 0; c < 4; ++c) {
        const int d = (c + 1) % 4;
        if ((v[c] > 0) == (v[d] > 0)) continue;
        const double share = v[c] / (v[c] - v[d]);
        crossed.push_back({corners[c].x + share * (corners[d].x - corners[c].x),
                           corners[c].y + share * (corners[d].y - corners[c].y)});
      }
      if (crossed.size() == 2) lines.push_back({crossed[0], crossed[1]});
      if (crossed.size() != 4) continue;
      // The edges crossed are 0-1, 1-2, 2-3, 3-0: corner 1 lies between the first two, corner 0 between the last and the
      // first. Where the middle belongs to corner 0, the lines cut off corners 1 and 3.
      const bool with_first = (v[0] + v[1] + v[2] + v[3] > 0) == (v[0] > 0);
      const int shift = with_first ? 0 : 3;
      for (const int first : {0, 2}) lines.push_back({crossed[(first + shift) % 4], crossed[(first + shift + 1) % 4]});
    }
  return lines;
}

std::vector<double> Levels::of(std::span<const double> values) const {
  std::vector<double> result;
  const auto [low, high] = least_and_largest(values);
  const double mean = mean_of(values);
  if (!(distance > 0)) return result;
  for (double n = std::ceil((low - mean) / distance - 0.5); mean + (n + 0.5) * distance < high; ++n)
    if (mean + (n + 0.5) * distance > low) result.push_back(mean + (n + 0.5) * distance);
  return result;
}

Levels levels(const std::vector<std::vector<double>>& times, int count) {
  double widest = 0;
  for (const auto& values : times) {
    const auto [low, high] = least_and_largest(values);
    widest = std::max(widest, high - low);
  }
  return {widest / count};
}

double longest(const Field& field) {
  std::vector<double> lengths;
  for (const auto& grid : field.drift)
    for (size_t i = 0; i + 1 < grid.size(); i += 2)
      if (drawable(grid[i]) && drawable(grid[i + 1])) lengths.push_back(std::hypot(grid[i], grid[i + 1]));
  return quantile(std::move(lengths), 0.98);
}

Canvas draw_field(const Motion& motion, Shown shown) {
  const bool velocity = shown == Shown::Velocity;
  const std::string name = fmt::format("{}: {}", motion.name, velocity ? "velocity" : "growth rate");
  const Field field = motion.field.value_or(Field{});
  const bool potential = has(field.potential, field, 1);
  const bool there = field.side > 1 && !field.times.empty() &&
                     (velocity ? has(field.drift, field, 2) : has(field.growth, field, 1)) && motion.dimension == 2;
  const Panels plan = panels(there ? evenly(recorded(motion), kPanels) : std::vector<size_t>{},
                             linear_axis({field.low[0], field.high[0]}, 5, false),
                             linear_axis({field.low[1], field.high[1]}, 5, false));
  Canvas canvas(std::max(plan.width(), 460.0), name);
  canvas.text({16, 26}, fitted(name, canvas.width() - 32, 15), {.size = 15, .bold = true});
  if (plan.times.empty()) {
    canvas.text({canvas.width() / 2, 70}, "no field", {.size = 13, .anchor = Anchor::Middle, .colour = kGrey});
    canvas.set_height(100);
    return canvas;
  }
  const double fastest = longest(field);
  // Arrows are measured on the page, where both axes count alike or not.
  const double unit = fastest * std::min(plan.side / (field.high[0] - field.low[0]), plan.side / (field.high[1] - field.low[1]));
  double most = 0;
  for (const auto& grid : field.growth)
    for (const double v : grid)
      if (drawable(v)) most = std::max(most, std::abs(v));
  const Levels spacing = levels(field.potential, kLevels);
  for (size_t index = 0; index < plan.times.size(); ++index) {
    const size_t time = plan.times[index], k = nearest(field, motion.times[time]);
    const Box box = plan.panel(index);
    draw_panel_frame(canvas, plan, index, time_title(motion, motion.times[time]));
    if (velocity) {
      draw_some(canvas, motion, plan, box, time, kGrey, 0.5);
      if (potential) draw_contours(canvas, field, spacing, box, k);
      canvas.begin_clip(box);
      draw_arrows(canvas, field, unit, box, k);
      canvas.end_clip();
    } else {
      draw_growth(canvas, field, most, box, k);
      draw_some(canvas, motion, plan, box, time, kInk, 0.45);
    }
  }
  if (velocity) {
    const std::string scale = fmt::format("velocity, longest arrows {} per unit of {}", readable(fastest), motion.time);
    canvas.text({18, 50}, scale, {12});
    const double end = 18 + text_width(scale, 12) + 16;
    if (potential && end + 150 < canvas.width())
      draw_colour_bar(canvas, {end, 50}, kRising, "potential", "low", "high");
  } else {
    draw_colour_bar(canvas, {18, 50}, kDiverging, "growth rate", readable(-most), readable(most));
  }
  draw_axis_names(canvas, plan, coordinate_name(motion, 0), coordinate_name(motion, 1));
  canvas.set_height(plan.bottom() + 26);
  return canvas;
}

std::string field_svg(const Motion& motion, Shown shown) { return draw_field(motion, shown).file(); }

}  // namespace am::report
