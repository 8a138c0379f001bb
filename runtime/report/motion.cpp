#include "runtime/report/motion.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "runtime/report/panels.h"
#include "runtime/report/text.h"

namespace am::report {
namespace {

constexpr size_t kPanels = 12, kDots = 1500, kTrajectories = 12, kBins = 48;

/// A cloud binned into a density over the frame.
using Histogram = std::vector<double>;

Histogram histogram(const std::vector<double>& values, const std::vector<double>& weights, Range range) {
  Histogram bins(kBins);
  double total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double weight = weights.size() == values.size() ? weights[i] : 1;
    if (!std::isfinite(values[i]) || !drawable(weight)) continue;
    total += weight;
    const double place = (values[i] - range.low) / (range.high - range.low) * kBins;
    if (place >= 0 && place < kBins) bins[static_cast<size_t>(place)] += weight;
  }
  const double unit = total * (range.high - range.low) / kBins;
  for (double& bin : bins) bin = unit > 0 ? bin / unit : 0;
  return bins;
}

const std::vector<double>& weights_at(const Motion& motion, size_t k) {
  static const std::vector<double> kNone;
  return k < motion.weights.size() ? motion.weights[k] : kNone;
}

/// From zero to the highest bin of all panels.
Axis density_axis(const Motion& motion, const Reference& reference, Range x) {
  Range y{0, 0};
  for (size_t k = 0; k < recorded(motion); ++k) {
    for (const double bin : histogram(motion.points[k], weights_at(motion, k), x)) y.add(bin);
    if (const auto at = nearest_reference(reference, motion.times[k]))
      for (const double bin : histogram(reference.points[*at], {}, x)) y.add(bin);
  }
  y.high *= 1.05;
  return linear_axis(y, 4, false);
}

Panels plan_of(const Motion& motion, const Reference& reference) {
  const std::vector<size_t> times = evenly(recorded(motion), kPanels);
  const auto [x, y] = frame(motion, reference);
  const Axis across = linear_axis({x[0], x[1]}, 5, false);
  if (motion.dimension == 1) return panels(times, across, density_axis(motion, reference, {across.low, across.high}));
  return panels(times, across, linear_axis({y[0], y[1]}, 5, false));
}

/// How a dot looks.
struct Mark {
  double diameter;
  std::string_view colour;
};

/// The dots of one cloud by look, and how many lie outside the frame.
struct Dots {
  std::map<std::pair<std::string_view, int>, std::vector<Point>> by_look;  // colour, diameter in tenths of a pixel
  size_t outside = 0, all = 0;
};

template <class Look>
void collect(Dots& dots, const std::vector<double>& points, int dimension, const Panels& plan, const Box& box,
             Look look) {
  for (const size_t i : some_rows(points.size() / dimension, kDots)) {
    const double u = points[i * dimension], v = points[i * dimension + 1];
    ++dots.all;
    if (!plan.inside(u, v)) {
      ++dots.outside;
    } else if (const Mark mark = look(i); mark.diameter > 0) {
      dots.by_look[{mark.colour, static_cast<int>(10 * mark.diameter)}].push_back(plan.place(box, u, v));
    }
  }
}

void draw_dots(Canvas& canvas, const Dots& dots, double opacity) {
  for (const auto& [look, points] : dots.by_look) canvas.dots(points, look.first, look.second / 10.0, opacity);
}

/// The colour of a relative weight: the middle at the mean, the ends at an eighth and eight times of it.
std::string_view colour_of(double weight) {
  constexpr int kMiddle = static_cast<int>(std::size(kDiverging)) / 2;
  const double place = weight > 0 ? std::log2(weight) / 3 * kMiddle : -kMiddle;
  return kDiverging[kMiddle + std::clamp(static_cast<int>(std::lround(place)), -kMiddle, kMiddle)];
}

double plain_diameter(size_t count) { return count <= 200 ? 4.4 : count <= 800 ? 3.2 : 2.4; }

/// A few particles' paths from the first recorded time to time k.
void draw_trajectories(Canvas& canvas, const Motion& motion, const Panels& plan, const Box& box, size_t k) {
  if (k == 0) return;
  canvas.begin_clip(box);
  for (const size_t i : some_rows(count_at(motion, 0), kTrajectories)) {
    std::vector<Point> path;
    for (size_t step = 0; step <= k; ++step) {
      if (i >= count_at(motion, step)) break;
      const double u = motion.points[step][i * motion.dimension], v = motion.points[step][i * motion.dimension + 1];
      if (!drawable(u) || !drawable(v)) break;
      const Point at = plan.place(box, u, v);
      if (std::abs(at.x) > 1e5 || std::abs(at.y) > 1e5) break;
      path.push_back(at);
    }
    if (path.size() > 1) canvas.polyline(path, kInk, 0.8, "", 0.55);
  }
  canvas.end_clip();
}

size_t draw_plane(Canvas& canvas, const Motion& motion, const Reference& reference, const RelativeWeight& weight,
                  const Panels& plan, const Box& box, size_t k) {
  if (const auto at = nearest_reference(reference, motion.times[k])) {
    const std::vector<double>& points = reference.points[*at];
    const double diameter = plain_diameter(points.size() / motion.dimension);
    Dots grey;
    collect(grey, points, motion.dimension, plan, box, [&](size_t) { return Mark{diameter, kGrey}; });
    draw_dots(canvas, grey, 0.45);
  }
  const double diameter = plain_diameter(count_at(motion, k));
  Dots dots;
  collect(dots, motion.points[k], motion.dimension, plan, box, [&](size_t i) {
    return Mark{diameter * std::min(4.0, std::sqrt(weight(k, i))), weight.varies() ? colour_of(weight(k, i)) : kColours[0]};
  });
  draw_dots(canvas, dots, weight.varies() ? 0.8 : 0.6);
  draw_trajectories(canvas, motion, plan, box, k);
  return dots.outside;
}

void draw_density(Canvas& canvas, const Motion& motion, const Reference& reference, const Panels& plan, const Box& box,
                  size_t k) {
  const Range range{plan.x.low, plan.x.high};
  const double step = (range.high - range.low) / kBins;
  if (const auto at = nearest_reference(reference, motion.times[k])) {
    const Histogram grey = histogram(reference.points[*at], {}, range);
    for (size_t bin = 0; bin < kBins; ++bin) {
      if (grey[bin] <= 0) continue;
      const Point corner = plan.place(box, range.low + static_cast<double>(bin) * step, grey[bin]);
      canvas.fill({corner.x, corner.y, box.width / kBins, box.bottom() - corner.y}, kGrey, 0.45);
    }
  }
  std::vector<Point> outline;
  const Histogram bins = histogram(motion.points[k], weights_at(motion, k), range);
  for (size_t bin = 0; bin < kBins; ++bin)
    for (const size_t edge : {bin, bin + 1})
      outline.push_back(plan.place(box, range.low + static_cast<double>(edge) * step, bins[bin]));
  canvas.polyline(outline, kColours[0], 1.8, "");
}

/// What the marks mean, above the panels.
void draw_key(Canvas& canvas, const Motion& motion, const Reference& reference, bool weighted) {
  double x = 18;
  const auto entry = [&](std::string_view colour, double opacity, std::string_view name) {
    const Point dot[] = {{x, 46}};
    canvas.dots(dot, colour, 8, opacity);
    canvas.text({x + 10, 50}, name, {12});
    x += 10 + text_width(name, 12) + 16;
  };
  if (!weighted || motion.dimension == 1) entry(kColours[0], 0.8, "particles");
  if (!reference.points.empty()) entry(kGrey, 0.7, reference.label);
  if (motion.dimension == 1) return;
  if (weighted)
    x = draw_colour_bar(canvas, {x - 4, 50}, kDiverging, "particles by weight", "⅛", "8 × the mean") + 4;
  const Point sample[] = {{x - 4, 46}, {x + 16, 46}};
  canvas.polyline(sample, kInk, 0.8, "", 0.55);
  canvas.text({x + 22, 50}, "trajectories", {12});
}

/// What is left out, so that nobody takes the picture for the whole.
std::string omissions(const Motion& motion, const Panels& plan, size_t outside) {
  std::string note;
  const auto add = [&note](const std::string& part) { note += (note.empty() ? "" : "; ") + part; };
  size_t most = motion.count;
  for (size_t k = 0; k < recorded(motion); ++k) most = std::max(most, count_at(motion, k));
  if (plan.times.size() < recorded(motion)) add(fmt::format("{} of {} times", plan.times.size(), recorded(motion)));
  if (motion.dimension > 2) add(fmt::format("2 of {} coordinates", motion.dimension));
  if (motion.dimension > 1 && most > kDots) add(fmt::format("{} of {} particles", grouped(kDots), grouped(most)));
  if (outside > 0) add(fmt::format("{} outside the frame", grouped(outside)));
  return note;
}

void draw_panels(Canvas& canvas, const Motion& motion, const Reference& reference, const Panels& plan) {
  const RelativeWeight weight(motion);
  size_t outside = 0;
  for (size_t index = 0; index < plan.times.size(); ++index) {
    const size_t k = plan.times[index];
    draw_panel_frame(canvas, plan, index, time_title(motion, motion.times[k]));
    if (motion.dimension == 1)
      draw_density(canvas, motion, reference, plan, plan.panel(index), k);
    else
      outside += draw_plane(canvas, motion, reference, weight, plan, plan.panel(index), k);
  }
  draw_key(canvas, motion, reference, weight.varies());
  draw_axis_names(canvas, plan, coordinate_name(motion, 0),
                  motion.dimension == 1 ? "density" : coordinate_name(motion, 1));
  canvas.text({plan.width() - 20, plan.bottom() + 28}, omissions(motion, plan, outside),
              {.size = 11, .anchor = Anchor::End, .colour = kSoft});
}

}  // namespace

size_t recorded(const Motion& motion) { return std::min(motion.times.size(), motion.points.size()); }

size_t count_at(const Motion& motion, size_t k) {
  return k < motion.points.size() && motion.dimension > 0 ? motion.points[k].size() / motion.dimension : 0;
}

Range frame_range(const Motion& motion, const Reference& reference, int coordinate) {
  std::vector<double> values;
  for (const auto* clouds : {&motion.points, &reference.points})
    for (const std::vector<double>& cloud : *clouds)
      for (size_t i = coordinate; i < cloud.size(); i += motion.dimension)
        if (drawable(cloud[i])) values.push_back(cloud[i]);
  if (values.empty()) return {};
  const auto quantile = [&values](double share) {
    const auto place = values.begin() + std::lround(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return *place;
  };
  const Range range{quantile(0.001), quantile(0.999)};
  const double margin = 0.05 * (range.high - range.low);
  return {range.low - margin, range.high + margin};
}

std::array<std::array<double, 2>, 2> frame(const Motion& motion, const Reference& reference) {
  const auto range = [&](int coordinate) {
    const Axis axis = linear_axis(frame_range(motion, reference, coordinate), 5, false);
    return std::array<double, 2>{axis.low, axis.high};
  };
  if (motion.dimension < 2) return {range(0), range(0)};
  std::array<double, 2> x = range(0), y = range(1);
  match_scales(x, y);
  return {x, y};
}

void match_scales(std::array<double, 2>& x, std::array<double, 2>& y) {
  const double u = x[1] - x[0], v = y[1] - y[0], span = std::max(u, v);
  if (!(u > 0 && v > 0) || span > 3 * std::min(u, v)) return;
  x = {(x[0] + x[1] - span) / 2, (x[0] + x[1] + span) / 2};
  y = {(y[0] + y[1] - span) / 2, (y[0] + y[1] + span) / 2};
}

std::optional<size_t> nearest_reference(const Reference& reference, double time) {
  if (reference.points.empty()) return std::nullopt;
  const size_t timed = std::min(reference.times.size(), reference.points.size());
  size_t best = 0;
  for (size_t k = 1; k < timed; ++k)
    if (std::abs(reference.times[k] - time) < std::abs(reference.times[best] - time)) best = k;
  return best;
}

RelativeWeight::RelativeWeight(const Motion& motion) : motion_(motion) {
  double sum = 0, count = 0;
  for (const std::vector<double>& weights : motion.weights)
    for (const double weight : weights)
      if (drawable(weight) && weight >= 0) sum += weight, ++count;
  mean_ = count > 0 ? sum / count : 0;
}

double RelativeWeight::operator()(size_t k, size_t i) const {
  if (mean_ <= 0 || k >= motion_.weights.size() || i >= motion_.weights[k].size()) return 1;
  const double weight = motion_.weights[k][i];
  return drawable(weight) && weight > 0 ? weight / mean_ : 0;
}

std::vector<size_t> evenly(size_t count, size_t limit) {
  std::vector<size_t> result;
  const size_t taken = std::min(count, limit);
  for (size_t i = 0; i < taken; ++i) result.push_back(taken == 1 ? 0 : i * (count - 1) / (taken - 1));
  return result;
}

std::vector<size_t> some_rows(size_t count, size_t limit) {
  if (count <= limit) return evenly(count, limit);
  std::vector<size_t> result;
  std::mt19937_64 random(1);
  for (size_t i = 0; result.size() < limit; ++i)
    if (random() % (count - i) < limit - result.size()) result.push_back(i);
  return result;
}

Canvas draw(const Motion& motion, const Reference& reference, std::string_view title) {
  const bool empty = motion.dimension < 1 || recorded(motion) == 0;
  const Panels plan = empty ? panels({}, {}, {}) : plan_of(motion, reference);
  Canvas canvas(plan.width(), motion.name);
  canvas.text({16, 26}, fitted(title, plan.width() - 32, 15), {.size = 15, .bold = true});
  if (empty)
    canvas.text({plan.width() / 2, 70}, "no particles", {.size = 13, .anchor = Anchor::Middle, .colour = kGrey});
  else
    draw_panels(canvas, motion, reference, plan);
  canvas.set_height(empty ? 100 : plan.bottom() + 40);
  return canvas;
}

}  // namespace am::report
