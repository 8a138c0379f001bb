// An SVG figure under construction. Lengths are in pixels, y points down.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "runtime/report/report.h"

namespace am::report {

/// Okabe and Ito's colours, without the yellow that is too light on white.
inline constexpr std::string_view kColours[] = {"#0072B2", "#D55E00", "#009E73", "#E69F00",
                                                "#CC79A7", "#56B4E9", "#000000"};
inline constexpr std::string_view kGrey = "#8a8f98", kInk = "#1f2430", kFaint = "#e4e6ea", kFrame = "#b4b9c2",
                                  kSoft = "#5b616e", kPaper = "#ffffff";
/// From less to more around a middle: blue, sand (data are grey), red, after ColorBrewer's RdBu, which colour-blind
/// readers tell apart.
inline constexpr std::string_view kDiverging[] = {"#0b4a8f", "#2f79b8", "#66a5d0", "#a3c4da", "#cfc08a",
                                                  "#edb08f", "#dd775a", "#bf3338", "#8a0f2b"};
/// From low to high, for lines.
inline constexpr std::string_view kRising[] = {"#cbb9dd", "#b08fce", "#9468bf", "#74419f", "#4f1f7a"};

/// A page shows figures in its own colours, which follow the reader's light or dark setting: each colour above has a
/// variable of the page's style sheet (page/style.css), whose light value it is.
struct Paint {
  std::string_view colour, variable;
};
std::span<const Paint> paints();

struct Point {
  double x, y;
};

struct Box {
  double left, top, width, height;
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

enum class Anchor { Start, Middle, End };

struct Style {
  double size = 12;
  Anchor anchor = Anchor::Start;
  std::string_view colour = kInk;
  bool bold = false;
  bool upwards = false;
};

class Canvas {
 public:
  Canvas(double width, std::string title) : width_(width), title_(std::move(title)) {}

  double width() const { return width_; }
  void set_height(double height) { height_ = height; }

  void text(Point at, std::string_view text, const Style& style);
  void line(Point from, Point to, std::string_view colour, double thickness);
  /// Many lines of one kind in one element.
  void lines(std::span<const std::pair<Point, Point>> lines, std::string_view colour, double thickness, double opacity);
  void frame(const Box& box, std::string_view colour);
  void fill(const Box& box, std::string_view colour, double opacity);
  /// A line through the points, of which there are at least two.
  void polyline(std::span<const Point> points, std::string_view colour, double thickness, std::string_view dashes,
                double opacity = 1);
  /// Round dots, all of one kind, in one element.
  void dots(std::span<const Point> points, std::string_view colour, double diameter, double opacity);
  /// What is drawn until `end_clip` shows inside the box only.
  void begin_clip(const Box& box);
  void end_clip();

  /// The figure as an element of a page, or as a file of its own.
  std::string inline_svg() const;
  std::string file() const;

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(body_), format, std::forward<Args>(args)...);
  }
  std::string wrapped(std::string_view attributes) const;

  double width_, height_ = 0;
  std::string title_, body_;
};

/// The kinds of figure, before they become text. A motion's panels get a title of their own, since in a page its
/// name stands above them.
Canvas draw(const Chart& chart);
Canvas draw(const Motion& motion, const Reference& reference, std::string_view title);
Canvas draw_field(const Motion& motion, Shown shown);

}  // namespace am::report
