// Panels side by side, one for each time, that share their axes. Internal to this folder.
#pragma once

#include "runtime/report/axis.h"
#include "runtime/report/canvas.h"
#include "runtime/report/motion.h"

namespace am::report {

/// The figure's plan: which times, where the panels lie, and the frame they share.
struct Panels {
  std::vector<size_t> times;
  size_t columns;
  double side, left, top;
  Axis x, y;

  Box panel(size_t index) const {
    const auto column = static_cast<double>(index % columns), row = static_cast<double>(index / columns);
    return {left + column * (side + 14), top + row * (side + 30), side, side};
  }
  size_t rows() const { return (times.size() + columns - 1) / columns; }
  double width() const { return left + static_cast<double>(columns) * (side + 14) + 6; }
  double bottom() const { return top + static_cast<double>(rows()) * (side + 30); }
  Point place(const Box& box, double u, double v) const {
    return {box.left + box.width * x.at(u), box.bottom() - box.height * y.at(v)};
  }
  bool inside(double u, double v) const { return u >= x.low && u <= x.high && v >= y.low && v <= y.high; }
};

/// Panels for these times.
Panels panels(std::vector<size_t> times, Axis x, Axis y);

/// Frame, grid, the time and, at the left and lower edge of the figure, numbers.
void draw_panel_frame(Canvas& canvas, const Panels& plan, size_t index, const std::string& title);

/// The names of both axes beside and below all panels.
void draw_axis_names(Canvas& canvas, const Panels& plan, std::string_view x, std::string_view y);

/// A bar of colours with the least and the largest of what they stand for at its ends and a name before it; gives where
/// it ends.
double draw_colour_bar(Canvas& canvas, Point at, std::span<const std::string_view> colours, std::string_view name,
                       std::string_view low, std::string_view high);

/// "day = 2", "t = 0.5".
std::string time_title(const Motion& motion, double time);

/// The name of a coordinate: of the data's column, or x[k].
std::string coordinate_name(const Motion& motion, int coordinate);

}  // namespace am::report
