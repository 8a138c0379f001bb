// Pictures of a run: SVG figures and one self-contained page.
#pragma once

#include <string>
#include <vector>

namespace am::report {

/// A line in a chart.
struct Series {
  std::string name;
  std::vector<double> x, y;
  bool dashed = false;
  bool dots = false;
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<Series> series;
  bool log_x = false;
};

/// Particles at several times; the same particle keeps its index, so that trajectories can be drawn.
struct Motion {
  std::string name;
  int dimension = 1;
  std::vector<double> times;
  std::vector<std::vector<double>> points;   // per time, [count, dimension] row-major
  std::vector<std::vector<double>> weights;  // per time, [count]; empty without growth
};

/// Samples of the data or the path, drawn in grey below the particles.
struct Reference {
  std::vector<double> times;
  std::vector<std::vector<double>> points;
};

struct Table {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::string footnote;
};

struct Report {
  std::string title;      // the script's file name
  std::string script;     // its source text
  std::vector<std::pair<std::string, std::string>> facts;  // e.g. {"steps", "5000"}
  std::vector<std::pair<std::string, std::string>> formulas;  // name, mathematics as text
  std::vector<Chart> charts;
  std::vector<Motion> motions;
  std::vector<Reference> references;  // one for each motion; may be empty clouds
  std::vector<Table> tables;
};

/// One chart as a stand-alone SVG (white background, light and legible, colours safe for colour-blind readers).
std::string svg(const Chart& chart);

/// One panel per time (first two coordinates; a histogram in one dimension), the reference in grey, particles in
/// colour (size or opacity by weight), a few trajectories as thin lines. Stand-alone SVG.
std::string svg(const Motion& motion, const Reference& reference);

/// The page: no network, no script from elsewhere. Charts, panels, a slider and a play button that move the
/// particles in a canvas (any two coordinates can be chosen), tables, facts, formulas, the script.
std::string html(const Report& report);

}  // namespace am::report
