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

/// A sheet of particles as images: of each, the first channels·height·width coordinates, in this order.
struct Sheet {
  int height = 1, width = 1;
  int channels = 1;             // 1: grey; 3: red, green and blue
  double low = 0, high = 1;     // what is black, and what is white; beyond them it is the same
  int rows = 10, columns = 10;  // of particles at the last time
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

/// A PNG image: the first rows·columns particles at the last time, row by row; below them a few of them at as many of
/// the times as there are columns, one particle a row. Small images are enlarged by whole factors.
std::string png(const Motion& motion, const Sheet& sheet);

/// The page: no network, no script from elsewhere. Charts, panels, a slider and a play button that move the
/// particles in a canvas (any two coordinates can be chosen), tables, facts, formulas, the script.
std::string html(const Report& report);

}  // namespace am::report
