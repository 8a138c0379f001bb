#include "runtime/report/panels.h"

#include <algorithm>

#include "runtime/report/text.h"

namespace am::report {
namespace {

constexpr double kLabel = 11;

}  // namespace

Panels panels(std::vector<size_t> times, Axis x, Axis y) {
  Panels plan{std::move(times), 1, 0, 62, 84, std::move(x), std::move(y)};
  const size_t count = plan.times.size();
  plan.columns = count <= 4 ? std::max<size_t>(count, 1) : count <= 6 ? 3 : 4;
  plan.side = plan.columns <= 2 ? 320 : plan.columns == 3 ? 290 : 215;
  return plan;
}

void draw_panel_frame(Canvas& canvas, const Panels& plan, size_t index, const std::string& title) {
  const Box box = plan.panel(index);
  const bool left = index % plan.columns == 0, lowest = index + plan.columns >= plan.times.size();
  double free = box.left - 20;
  for (const Tick& tick : plan.x.ticks) {
    const double at = box.left + box.width * plan.x.at(tick.value), half = text_width(tick.label, kLabel) / 2;
    canvas.line({at, box.top}, {at, box.bottom()}, kFaint, 1);
    if (!lowest || at - half < free || at + half > box.right() + 8) continue;
    canvas.text({at, box.bottom() + 14}, tick.label, {kLabel, Anchor::Middle});
    free = at + half + 4;
  }
  for (const Tick& tick : plan.y.ticks) {
    const double at = box.bottom() - box.height * plan.y.at(tick.value);
    canvas.line({box.left, at}, {box.right(), at}, kFaint, 1);
    if (left) canvas.text({box.left - 6, at + 4}, tick.label, {kLabel, Anchor::End});
  }
  canvas.frame(box, kFrame);
  canvas.text({box.left + 2, box.top - 6}, fitted(title, box.width, 12), {.size = 12, .bold = true});
}

void draw_axis_names(Canvas& canvas, const Panels& plan, std::string_view x, std::string_view y) {
  const double middle = (plan.left + plan.width()) / 2, height = plan.bottom() - plan.top;
  canvas.text({middle, plan.bottom() + 8}, fitted(x, plan.width() - plan.left, 13),
              {.size = 13, .anchor = Anchor::Middle});
  canvas.text({18, plan.top + height / 2 - 15}, fitted(y, height, 13),
              {.size = 13, .anchor = Anchor::Middle, .upwards = true});
}

double draw_colour_bar(Canvas& canvas, Point at, std::span<const std::string_view> colours, std::string_view name,
                       std::string_view low, std::string_view high) {
  constexpr double kStep = 11;
  canvas.text(at, name, {12});
  double x = at.x + text_width(name, 12) + 4;
  canvas.text({x, at.y}, low, {11});
  x += text_width(low, 11) + 6;
  for (const std::string_view colour : colours) {
    canvas.fill({x, at.y - 9, kStep + 0.5, 10}, colour, 1);
    x += kStep;
  }
  canvas.text({x + 6, at.y}, high, {11});
  return x + 6 + text_width(high, 11) + 18;
}

std::string time_title(const Motion& motion, double time) { return fmt::format("{} = {}", motion.time, readable(time)); }

std::string coordinate_name(const Motion& motion, int coordinate) {
  const auto k = static_cast<size_t>(coordinate);
  return k < motion.coordinates.size() ? motion.coordinates[k] : fmt::format("x[{}]", coordinate);
}

}  // namespace am::report
