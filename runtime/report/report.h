// Pictures of a run: SVG figures and one self-contained page.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace am::report {

/// A line in a chart.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool dashed = false;
  bool dots = false;
  bool faint = false;         // behind the others, in the colour of the series after it, without a name of its own
  std::vector<double> error;  // half the height of a bar at each point; empty: none
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<Series> series;
  bool log_x = false, log_y = false;
  /// The frame leaves out values far from the others (as the first steps of a training are), and the figure says how
  /// many.
  bool without_outliers = false;
};

/// Values on a grid of side × side points over the frame of the first two coordinates, at some times. Point (i, j) lies
/// at share i/(side − 1) of the first coordinate's range and j/(side − 1) of the second's, and is number j·side + i.
struct Field {
  int side = 0;
  std::array<double, 2> low{}, high{};
  std::vector<double> times;
  std::vector<std::vector<double>> drift;      // per time, [point, 2]
  std::vector<std::vector<double>> potential;  // per time, [point]; empty where a velocity was learned
  std::vector<std::vector<double>> growth;     // per time, [point]; empty without growth
};

/// Particles at several times; the same particle keeps its index, so that trajectories can be drawn.
struct Motion {
  std::string name;
  int dimension = 1;
  std::vector<double> times;
  std::vector<std::vector<double>> points;   // per time, [count, dimension] row-major
  std::vector<std::vector<double>> weights;  // per time, [count]; empty without growth
  std::vector<std::vector<double>> growth;   // per time, [count]: the rate at each particle; empty without growth
  std::vector<std::string> coordinates;      // their names; x[0], x[1], … where there are none
  std::string time = "t";                    // what the data call the time
  std::optional<Field> field;                // of two-dimensional problems
  size_t count = 0;                          // particles of the run, of which `points` may be some; 0: these are all
};

/// A sheet of particles as images: of each, the first channels·height·width coordinates, in this order.
struct Sheet {
  int height = 1, width = 1;
  int channels = 1;             // 1: grey; 3: red, green and blue
  double low = 0, high = 1;     // what is black, and what is white; beyond them it is the same
  int rows = 10, columns = 10;  // of particles at the last time
};

/// Samples drawn in grey below the particles: the data, or where there are none the training's path.
struct Reference {
  std::string label = "data";
  std::vector<double> times;
  std::vector<std::vector<double>> points;
};

struct Table {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::string footnote;
};

struct Formula {
  std::string name;
  std::string text;    // as a script writes it
  std::string mathml;  // an element <math>, trusted; empty: the text is shown
  std::string value;   // what it came to; may be empty
};

struct Report {
  std::string title;                                       // the script's file name
  std::string script;                                      // its source text
  std::vector<std::string> notes;                          // what is missing and why
  std::vector<std::pair<std::string, std::string>> facts;  // e.g. {"steps", "5000"}
  std::vector<Formula> formulas;
  std::vector<Chart> training, figures;  // curves of the training; figures over time
  std::vector<Motion> motions;
  std::vector<Reference> references;  // one for each motion; may be empty clouds
  std::vector<Table> tables;
  std::vector<std::pair<std::string, std::string>> details;  // how it ran
};

/// One chart as a stand-alone SVG (white background, light and legible, colours safe for colour-blind readers).
std::string svg(const Chart& chart);

/// One panel per time (first two coordinates; a histogram in one dimension), the reference in grey, particles in
/// colour (area and colour by weight), a few trajectories as thin lines. Stand-alone SVG.
std::string svg(const Motion& motion, const Reference& reference);

/// A PNG image: the first rows·columns particles at the last time, row by row; below them a few of them at as many of
/// the times as there are columns, one particle a row. Small images are enlarged by whole factors.
std::string png(const Motion& motion, const Sheet& sheet);

/// What panels of a motion's field show: the velocity as arrows over contours of the potential, or the growth rate as
/// colour.
enum class Shown { Velocity, Growth };

/// One panel per time of the motion's field, with some of the particles. Stand-alone SVG; an empty figure without a
/// field.
std::string field_svg(const Motion& motion, Shown shown);

/// The square that a motion's pictures show, which a field's grid must cover: ranges of the first two coordinates.
std::array<std::array<double, 2>, 2> frame(const Motion& motion, const Reference& reference);

/// At most `limit` rows below `count`, in order, drawn at random but always the same ones: every k-th row would show
/// one half of data whose rows alternate.
std::vector<size_t> some_rows(size_t count, size_t limit);

/// The page: no network, no script from elsewhere. Charts, a slider and a play button that move the particles in a canvas
/// (any two coordinates can be chosen), velocity, potential and growth where the motion has them, tables, facts, formulas,
/// the script.
std::string html(const Report& report);

}  // namespace am::report
