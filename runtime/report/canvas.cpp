#include "runtime/report/canvas.h"

#include <algorithm>

#include "runtime/report/text.h"

namespace am::report {
namespace {

std::string_view name(Anchor anchor) {
  switch (anchor) {
    case Anchor::Start:
      return "start";
    case Anchor::Middle:
      return "middle";
    case Anchor::End:
      return "end";
  }
  return "";
}

constexpr Paint kPaints[] = {
    {kColours[0], "--c0"},   {kColours[1], "--c1"},   {kColours[2], "--c2"},   {kColours[3], "--c3"},
    {kColours[4], "--c4"},   {kColours[5], "--c5"},   {kColours[6], "--c6"},   {kGrey, "--grey"},
    {kInk, "--ink"},         {kFaint, "--faint"},     {kFrame, "--frame"},     {kSoft, "--soft"},
    {kPaper, "--paper"},     {kDiverging[0], "--d0"}, {kDiverging[1], "--d1"}, {kDiverging[2], "--d2"},
    {kDiverging[3], "--d3"}, {kDiverging[4], "--d4"}, {kDiverging[5], "--d5"}, {kDiverging[6], "--d6"},
    {kDiverging[7], "--d7"}, {kDiverging[8], "--d8"}, {kRising[0], "--s0"},    {kRising[1], "--s1"},
    {kRising[2], "--s2"},    {kRising[3], "--s3"},    {kRising[4], "--s4"},
};

}  // namespace

std::span<const Paint> paints() { return kPaints; }

void Canvas::text(Point at, std::string_view text, const Style& style) {
  add("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"", at.x, at.y, style.size,
      name(style.anchor), style.colour);
  if (style.bold) add(" font-weight=\"600\"");
  if (style.upwards) add(" transform=\"rotate(-90 {:.1f} {:.1f})\"", at.x, at.y);
  add(">{}</text>\n", escape(text));
}

void Canvas::line(Point from, Point to, std::string_view colour, double thickness) {
  add("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" stroke-width=\"{}\"/>\n", from.x, from.y, to.x, to.y,
      colour, thickness);
}

void Canvas::lines(std::span<const std::pair<Point, Point>> lines, std::string_view colour, double thickness,
                   double opacity) {
  if (lines.empty()) return;
  add("<path d=\"");
  for (const auto& [from, to] : lines) add("M{:.1f} {:.1f}L{:.1f} {:.1f}", from.x, from.y, to.x, to.y);
  add("\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\"", colour, thickness);
  if (opacity < 1) add(" stroke-opacity=\"{}\"", opacity);
  add("/>\n");
}

void Canvas::frame(const Box& box, std::string_view colour) {
  add("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" stroke=\"{}\"/>\n", box.left,
      box.top, box.width, box.height, colour);
}

void Canvas::fill(const Box& box, std::string_view colour, double opacity) {
  add("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" fill-opacity=\"{}\"/>\n",
      box.left, box.top, box.width, box.height, colour, opacity);
}

void Canvas::polyline(std::span<const Point> points, std::string_view colour, double thickness, std::string_view dashes,
                      double opacity) {
  add("<path d=\"");
  for (size_t i = 0; i < points.size(); ++i) add("{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L', points[i].x, points[i].y);
  add("\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"", colour, thickness);
  if (!dashes.empty()) add(" stroke-dasharray=\"{}\"", dashes);
  if (opacity < 1) add(" stroke-opacity=\"{}\"", opacity);
  add("/>\n");
}

void Canvas::dots(std::span<const Point> points, std::string_view colour, double diameter, double opacity) {
  if (points.empty()) return;
  add("<path d=\"");
  for (const Point& point : points) add("M{:.1f} {:.1f}h0", point.x, point.y);
  add("\" stroke=\"{}\" stroke-width=\"{:.1f}\" stroke-linecap=\"round\" stroke-opacity=\"{}\"/>\n", colour, diameter,
      opacity);
}

void Canvas::begin_clip(const Box& box) {
  add("<svg x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"{2:.1f}\" height=\"{3:.1f}\" ", box.left, box.top, box.width,
      box.height);
  add("viewBox=\"{:.1f} {:.1f} {:.1f} {:.1f}\">\n", box.left, box.top, box.width, box.height);
}

void Canvas::end_clip() { add("</svg>\n"); }

std::string Canvas::wrapped(std::string_view attributes) const {
  return fmt::format(
      "<svg{} viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" role=\"img\" "
      "font-family=\"'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\">\n<title>{}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n{}</svg>\n",
      attributes, width_, height_, width_, height_, escape(title_), kPaper, body_);
}

/// Text is escaped and has no quotes, so that only attributes match.
std::string Canvas::inline_svg() const {
  const std::string plain = wrapped("");
  std::string result;
  for (size_t from = 0; from < plain.size();) {
    const size_t at = std::min(plain.find("=\"#", from), plain.size());
    result.append(plain, from, at - from);
    if (at == plain.size()) break;
    const std::string_view colour = std::string_view(plain).substr(at + 2, 7);
    const auto paint = std::find_if(paints().begin(), paints().end(), [&](const Paint& p) { return p.colour == colour; });
    result += paint == paints().end() ? fmt::format("=\"{}", colour) : fmt::format("=\"var({})", paint->variable);
    from = at + 9;
  }
  return result;
}
std::string Canvas::file() const { return wrapped(" xmlns=\"http://www.w3.org/2000/svg\""); }

std::string svg(const Chart& chart) { return draw(chart).file(); }
std::string svg(const Motion& motion, const Reference& reference) {
  return draw(motion, reference, motion.name).file();
}

}  // namespace am::report
