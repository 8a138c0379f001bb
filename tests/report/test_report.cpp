// What every figure and page must be, whatever is in it: well-formed, finite, complete, closed to the outside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

#include "markup.h"
#include "runtime/report/axis.h"
#include "runtime/report/field.h"
#include "runtime/report/motion.h"
#include "runtime/report/packed.h"
#include "runtime/report/page.h"
#include "runtime/report/report.h"
#include "runtime/report/text.h"

namespace am::report {
namespace {

const double kNaN = std::nan(""), kInf = INFINITY;

/// No number in any attribute is "nan" or "inf".
void expect_finite(const std::string& document) {
  for (const auto& [tag, name] : {std::pair{"path", "d"},
                                  {"text", "x"},
                                  {"text", "y"},
                                  {"rect", "x"},
                                  {"rect", "y"},
                                  {"rect", "height"},
                                  {"svg", "viewBox"},
                                  {"svg", "height"}})
    for (const std::string& value : markup::attributes(document, tag, name)) {
      EXPECT_EQ(value.find("nan"), std::string::npos) << tag << " " << name << ": " << value.substr(0, 80);
      EXPECT_EQ(value.find("inf"), std::string::npos) << tag << " " << name << ": " << value.substr(0, 80);
    }
}

void expect_sound(const std::string& document) {
  EXPECT_EQ(markup::problem(document), "");
  expect_finite(document);
}

bool says(const std::string& document, const std::string& text) {
  const auto texts = markup::texts(document);
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// The points of every line of more than `least` points.
std::vector<std::vector<std::pair<double, double>>> lines(const std::string& svg, size_t least) {
  std::vector<std::vector<std::pair<double, double>>> result;
  for (std::string path : markup::attributes(svg, "path", "d")) {
    if (path.find('h') != std::string::npos) continue;
    std::replace_if(
        path.begin(), path.end(), [](char c) { return c == 'M' || c == 'L'; }, ' ');
    std::istringstream in(path);
    std::vector<std::pair<double, double>> points;
    for (double x, y; in >> x >> y;) points.emplace_back(x, y);
    if (points.size() > least) result.push_back(points);
  }
  return result;
}

/// How many dots a figure has in all.
size_t dots(const std::string& svg) {
  size_t count = 0;
  for (const std::string& path : markup::attributes(svg, "path", "d")) {
    size_t at = 0;
    while ((at = path.find("h0", at)) != std::string::npos) ++count, ++at;
  }
  return count;
}

Chart chart_of(std::vector<double> x, std::vector<double> y) { return {"chart", "step", "loss", {{"a", x, y}}}; }

Motion drift(int dimension, size_t count, size_t times) {
  Motion motion{"drift", dimension, {}, {}, {}};
  std::mt19937_64 random(1);
  std::vector<double> cloud(count * dimension);
  for (double& x : cloud) x = static_cast<double>(random() % 1000) / 1000;
  for (size_t k = 0; k < times; ++k) {
    motion.times.push_back(0.25 * static_cast<double>(k));
    motion.points.push_back(cloud);
    for (double& x : cloud) x += 0.1;
  }
  return motion;
}

Reference data_of(const Motion& motion) { return {.times = motion.times, .points = motion.points}; }

Report everything() {
  Report report;
  report.title = "gaussian.am";
  report.script = "const a = 1\npotential s(x, t) = |x|² < 3 && \"q\"\n";
  report.facts = {{"steps", "5000"}};
  report.formulas = {{"drift", "∇s(x, t)\n= x", "", "at the end 0.5"}, {"sum", "a", "<math><mi>a</mi></math>", ""}};
  report.training = {chart_of({0, 1, 2}, {3, 2, 1})};
  report.figures = {{"distance", "t", "w2", {{"w2", {0, 1}, {0.1, 0.2}}}}};
  report.notes = {"The run is not finished."};
  report.details = {{"processor", "abacus"}};
  report.motions = {drift(2, 40, 3), drift(1, 40, 2), drift(5, 40, 4)};
  report.references = {data_of(report.motions[0]), data_of(report.motions[1])};
  report.tables = {{"Figures", {"time", "W1"}, {{"0.5", "0.013"}, {"mean", "\u22120.2"}}, "Both are made up."}};
  return report;
}

/// What `packed` made of numbers in a range, undone.
std::vector<double> unpacked(const std::string& text, double low, double high) {
  static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned> bytes;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(kDigits.find(c)), count += 6;
    if (count >= 8) count -= 8, bytes.push_back(bits >> count & 0xFF);
  }
  std::vector<double> result;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const int code = static_cast<int16_t>(bytes[i] | bytes[i + 1] << 8);
    result.push_back(code == -32768 ? kNaN : low + (code + 32767) / 65534.0 * (high - low));
  }
  return result;
}

/// A swirl of speed r with a potential of circles, over [−2, 2]².
Field swirl(int side, std::vector<double> times) {
  Field field{.side = side, .low = {-2, -2}, .high = {2, 2}, .times = std::move(times)};
  std::vector<double> drift, potential, growth;
  for (int j = 0; j < side; ++j)
    for (int i = 0; i < side; ++i) {
      const double x = -2 + 4.0 * i / (side - 1), y = -2 + 4.0 * j / (side - 1);
      drift.insert(drift.end(), {-y, x});
      potential.push_back(x * x + y * y);
      growth.push_back(x);
    }
  for (size_t k = 0; k < field.times.size(); ++k)
    field.drift.push_back(drift), field.potential.push_back(potential), field.growth.push_back(growth);
  return field;
}

nlohmann::json embedded(const std::string& page) {
  const std::string start = "id=\"motions\">";
  const size_t begin = page.find(start) + start.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

// The checker itself has to see mistakes.
TEST(Markup, SeesWhatIsWrong) {
  EXPECT_EQ(markup::problem("<a><b x=\"1\">t &amp; u</b><meta charset=\"utf-8\"><c/></a>"), "");
  for (const char* bad : {"<a><b></a></b>", "<a>", "</a>", "<a x=1></a>", "<a>&</a>", "<a>x > y</a>", "<a>\x01</a>",
                          "<a x=\"1></a>", "<script>var a;"})
    EXPECT_NE(markup::problem(bad), "") << bad;
}

TEST(Chart, EverySeriesIsNamedInTheLegend) {
  Chart chart{"many", "t", "value", {}};
  for (int k = 0; k < 20; ++k) chart.series.push_back({"series " + std::to_string(k), {0, 1}, {0.0, 1.0 * k}});
  const std::string figure = svg(chart);
  expect_sound(figure);
  for (const Series& series : chart.series) EXPECT_TRUE(says(figure, series.name)) << series.name;
  EXPECT_TRUE(says(figure, "many"));
  EXPECT_TRUE(says(figure, "t"));
  EXPECT_TRUE(says(figure, "value"));
}

// Series beyond the seventh repeat a colour; colour and dashes together still tell them apart.
TEST(Chart, NoTwoSeriesLookTheSame) {
  Chart chart{"many", "t", "value", {}};
  for (int k = 0; k < 14; ++k) chart.series.push_back({"s", {0, 1, 2}, {0.0, 1.0, 1.0 * k}});
  const std::string figure = svg(chart);
  std::set<std::string> looks;
  std::istringstream in(figure);
  for (std::string line; std::getline(in, line);)
    if (line.find("stroke-linejoin") != std::string::npos) looks.insert(line.substr(line.find("fill=\"none\"")));
  // Each appears twice, in the legend (2 px) and in the plot (1.8 px).
  EXPECT_EQ(looks.size(), 28u);
}

// The legend has rows of its own: its text ends above everything the plot draws.
TEST(Chart, LegendStandsAboveTheData) {
  Chart chart{"many", "t", "value", {}};
  for (int k = 0; k < 9; ++k) chart.series.push_back({"a rather long name " + std::to_string(k), {0, 1, 2}, {9, 0, 9}});
  const std::string figure = svg(chart);
  double highest = 1e9, lowest_name = 0;
  for (const auto& line : lines(figure, 2))
    for (const auto& [x, y] : line) highest = std::min(highest, y);
  std::istringstream in(figure);
  for (std::string line; std::getline(in, line);)
    if (line.find("rather long") != std::string::npos)
      lowest_name = std::max(lowest_name, std::stod(line.substr(line.find(" y=\"") + 4)));
  EXPECT_GT(lowest_name, 0);
  EXPECT_LT(lowest_name, highest);
}

TEST(Chart, AwkwardNumbersAreDrawnOrLeftOut) {
  const std::vector<Chart> charts = {
      {"empty", "", "", {}},
      chart_of({}, {}),
      chart_of({1}, {2}),
      chart_of({0, 1, 2}, {5, 5, 5}),
      chart_of({0, 1, 2}, {0, 0, 0}),
      chart_of({3, 3, 3}, {1, 2, 3}),
      chart_of({0, 1, 2, 3}, {kNaN, 1, kInf, -kInf}),
      chart_of({kNaN, kInf}, {1, 2}),
      chart_of({0, 1}, {1e300, -1e300}),
      chart_of({0, 1}, {1e-300, 2e-300}),
      chart_of({0, 1}, {1e15, 1e15 + 1}),
      chart_of({0, 1, 2}, {1}),
      chart_of({2e9, 2e9 + 1e-7}, {1, 2}),
  };
  for (Chart chart : charts)
    for (const bool log_x : {false, true}) {
      chart.log_x = log_x;
      SCOPED_TRACE(chart.title + (log_x ? ", logarithmic" : ""));
      expect_sound(svg(chart));
    }
}

TEST(Chart, OnePointIsADotAndGapsBreakTheLine) {
  EXPECT_EQ(dots(svg(chart_of({1}, {2}))), 1u);
  const std::string broken = svg(chart_of({0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, kNaN, 2, 1, 0}));
  EXPECT_EQ(lines(broken, 2).size(), 2u);
}

TEST(Chart, LogarithmicAxisLeavesOutZeroAndSpacesDecadesEvenly) {
  Chart chart = chart_of({0, 1, 10, 100, 1000}, {9, 1, 2, 3, 4});
  chart.log_x = true;
  const auto line = lines(svg(chart), 2).at(0);
  ASSERT_EQ(line.size(), 4u);
  for (size_t i = 2; i < 4; ++i) EXPECT_NEAR(line[i].first - line[i - 1].first, line[1].first - line[0].first, 0.11);
  EXPECT_TRUE(says(svg(chart), "100"));
}

// 100,000 points become a few for each pixel, and a single extreme among them stays.
TEST(Chart, ThinningKeepsExtremes) {
  Chart chart = chart_of({}, {});
  for (int i = 0; i < 100000; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(i == 54321 ? 10 : i == 12345 ? -10 : 0);
  }
  const std::string figure = svg(chart);
  const auto line = lines(figure, 2).at(0);
  EXPECT_LT(figure.size(), 60000u);
  const auto less = [](auto a, auto b) { return a.second < b.second; };
  const auto [top, bottom] = std::minmax_element(line.begin(), line.end(), less);
  const double middle = line[0].second;
  EXPECT_GT(middle - top->second, 100);
  EXPECT_NEAR(middle - top->second, bottom->second - middle, 0.11);
  EXPECT_NEAR((top->first - line[0].first) / (line.back().first - line[0].first), 0.54321, 0.003);
}

TEST(Text, IsEscaped) {
  const std::string nasty = "</text><script>alert(1)</script> & \"q\" 'a'";
  Chart chart{nasty, nasty, nasty, {{nasty, {0, 1}, {0, 1}}}};
  const std::string figure = svg(chart);
  expect_sound(figure);
  EXPECT_EQ(figure.find("<script"), std::string::npos);
  EXPECT_TRUE(says(figure, nasty));
}

TEST(Text, BytesThatAreNotTextAreReplaced) {
  EXPECT_EQ(escape("a\x01\xFFz\xC3"), "a\uFFFD\uFFFDz\uFFFD");
  EXPECT_EQ(escape("∇s\n\t"), "∇s\n\t");
  EXPECT_EQ(nlohmann::json::parse(json("a\"\\\n\x02</script>\xFF∇")).get<std::string>(), "a\"\\\n\x02</script>\uFFFD∇");
  EXPECT_EQ(json("</script>").find('<'), std::string::npos);
}

TEST(Text, Numbers) {
  EXPECT_EQ(json(0.1234567891), "0.123456789");
  EXPECT_EQ(json(-1234567.0), "-1234567");
  EXPECT_EQ(json(kNaN), "null");
  EXPECT_EQ(json(-kInf), "null");
  EXPECT_EQ(grouped(1234567), "1\u202F234\u202F567");
  EXPECT_EQ(grouped(-9999), "\u22129999");
  EXPECT_EQ(power_of_ten(-12), "10⁻¹²");
  EXPECT_EQ(fitted("∇∇∇∇∇∇∇∇∇∇", 50, 10), "∇∇∇∇∇∇…");
}

// Over many ranges: a few ticks, in order, inside, evenly apart, no two with one label.
TEST(Axis, TicksAreNice) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 2000; ++run) {
    const double middle = std::pow(10.0, static_cast<double>(random() % 12) - 6) * (run % 3 - 1);
    const double span = std::pow(10.0, static_cast<double>(random() % 1000) / 100 - 5);
    const Axis axis = linear_axis({middle, middle + span}, 5, run % 2 == 0);
    ASSERT_GE(axis.ticks.size(), 3u) << middle << " + " << span;
    ASSERT_LE(axis.ticks.size(), 10u) << middle << " + " << span;
    const double rounding = 1e-9 * span + 1e-14 * std::abs(middle);
    EXPECT_LE(axis.low, middle + rounding);
    EXPECT_GE(axis.high, middle + span - rounding);
    std::set<std::string> labels;
    for (const Tick& tick : axis.ticks) {
      labels.insert(tick.label);
      EXPECT_GE(axis.at(tick.value), -1e-6);
      EXPECT_LE(axis.at(tick.value), 1 + 1e-6);
    }
    EXPECT_EQ(labels.size(), axis.ticks.size()) << middle << " + " << span;
  }
}

TEST(Axis, Labels) {
  const auto labels = [](const Axis& axis) {
    std::vector<std::string> result;
    for (const Tick& tick : axis.ticks) result.push_back(tick.label);
    return result;
  };
  using Labels = std::vector<std::string>;
  EXPECT_EQ(labels(linear_axis({-1, 1}, 4, true)), (Labels{"\u22121.0", "\u22120.5", "0", "0.5", "1.0"}));
  EXPECT_EQ(labels(linear_axis({0, 20000}, 2, true)), (Labels{"0", "10\u202F000", "20\u202F000"}));
  EXPECT_EQ(labels(linear_axis({0, 4e-5}, 2, true)), (Labels{"0", "2·10⁻⁵", "4·10⁻⁵"}));
  EXPECT_EQ(labels(log_axis({0.01, 1e5})), (Labels{"0.01", "0.1", "1", "10", "100", "1000", "10\u202F000", "10⁵"}));
}

TEST(Motion, OnePanelForEachTime) {
  for (const int dimension : {1, 2, 3}) {
    const Motion motion = drift(dimension, 30, 5);
    const std::string figure = svg(motion, data_of(motion));
    expect_sound(figure);
    for (const char* title : {"t = 0", "t = 0.25", "t = 0.5", "t = 0.75", "t = 1"}) EXPECT_TRUE(says(figure, title));
  }
}

TEST(Motion, ManyTimesAreThinnedToTheFirstTheLastAndSomeBetween) {
  const std::string figure = svg(drift(2, 10, 101), {});
  expect_sound(figure);
  EXPECT_TRUE(says(figure, "t = 0"));
  EXPECT_TRUE(says(figure, "t = 25"));
  EXPECT_TRUE(says(figure, "12 of 101 times"));
}

// 30 particles and 30 samples in each of two panels, and the two dots of the key.
TEST(Motion, DrawsParticlesAndTheNearestReference) {
  const Motion motion = drift(2, 30, 2);
  EXPECT_EQ(dots(svg(motion, {})), 2u * 30 + 1);
  EXPECT_EQ(dots(svg(motion, data_of(motion))), 2u * 60 + 2);
  const Reference reference{.times = {0, 1, 4}, .points = {{}, {}, {}}};
  EXPECT_EQ(nearest_reference(reference, 0.4), 0u);
  EXPECT_EQ(nearest_reference(reference, 2.4), 1u);
  EXPECT_EQ(nearest_reference(reference, 99), 2u);
  EXPECT_EQ(nearest_reference({}, 1), std::nullopt);
}

TEST(Motion, WeightSetsTheAreaAndZeroVanishes) {
  Motion motion = drift(2, 3, 1);
  motion.weights = {{1, 0, 5}};
  const std::string figure = svg(motion, {});
  expect_sound(figure);
  std::vector<double> diameters;
  std::istringstream in(figure);
  for (std::string line; std::getline(in, line);)
    if (line.find("h0") != std::string::npos && line.find("\"0.8\"") != std::string::npos && line.find("h0M") == std::string::npos)
      diameters.push_back(std::stod(line.substr(line.find("stroke-width=\"") + 14)));
  ASSERT_EQ(diameters.size(), 2u);
  // Widths are rounded to a tenth of a pixel.
  EXPECT_NEAR(diameters[1] / diameters[0], std::sqrt(5.0), 0.1);
}

TEST(Motion, ParticlesThatRanAwayDoNotSetTheFrameAndAreCounted) {
  Motion motion = drift(2, 1400, 1);
  motion.points[0][0] = 1e9;
  motion.points[0][2] = kNaN;
  const Range range = frame_range(motion, {}, 0);
  EXPECT_LT(range.high, 2);
  const std::string figure = svg(motion, {});
  expect_sound(figure);
  const auto texts = markup::texts(figure);
  EXPECT_TRUE(std::any_of(texts.begin(), texts.end(),
                          [](const std::string& text) { return text.find("outside the frame") != std::string::npos; }));
}

TEST(Motion, AwkwardMotionsAreDrawn) {
  Motion constant = drift(2, 5, 2);
  for (auto& cloud : constant.points) std::fill(cloud.begin(), cloud.end(), 3.0);
  Motion nothing_finite = drift(2, 5, 2);
  for (auto& cloud : nothing_finite.points) std::fill(cloud.begin(), cloud.end(), kNaN);
  Motion shrinking = drift(2, 5, 2);
  shrinking.points[1].resize(4);
  Motion weightless = drift(1, 5, 2);
  weightless.weights = {{0, 0, 0, 0, 0}, {kNaN, 1, 1, 1, 1}};
  Motion line = drift(1, 1, 1);
  for (const Motion& motion : {Motion{}, Motion{"two", 2, {}, {}, {}}, Motion{"no points", 2, {0, 1}, {{}, {}}, {}},
                               drift(2, 1, 1), constant, nothing_finite, shrinking, weightless, line}) {
    expect_sound(svg(motion, {}));
    expect_sound(svg(motion, {.points = {{1, 2}}}));
    Report report;
    report.motions = {motion};
    expect_sound(html(report));
  }
}

// Rows that alternate between two kinds must not be thinned to one of them.
TEST(Motion, ThinningTakesRowsOfAllKinds) {
  const std::vector<size_t> rows = some_rows(3000, 1500);
  ASSERT_EQ(rows.size(), 1500u);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), 1500u);
  EXPECT_LT(rows.back(), 3000u);
  const auto odd = std::count_if(rows.begin(), rows.end(), [](size_t row) { return row % 2 == 1; });
  // Half of them, within five standard deviations (hypergeometric, 13.7).
  EXPECT_NEAR(static_cast<double>(odd), 750, 69);
}

TEST(Page, IsWellFormedAndComplete) {
  const Report report = everything();
  const std::string page = html(report);
  expect_sound(page);
  for (const char* text : {"gaussian.am", "steps", "5000", "drift", "∇s(x, t)\n= x", "Figures", "W1", "mean",
                           "Both are made up.", "chart"})
    EXPECT_TRUE(says(page, text)) << text;
  for (const char* text : {"const a = 1\n", "potential s(x, t) = |x|² < 3 && \"q\"\n", "The run is not finished.", "abacus", "distance", "at the end 0.5"})
    EXPECT_TRUE(says(page, text)) << text;
  EXPECT_EQ(markup::attributes(page, "div", "data-motion"), (std::vector<std::string>{"0", "1", "2"}));
}

TEST(Page, NeedsNothingFromOutside) {
  const std::string page = html(everything());
  for (const char* word : {"http:", "https:", "src=", "href=", "url(", "@import", "import(", "fetch("})
    EXPECT_EQ(page.find(word), std::string::npos) << word;
}

TEST(Page, EmptyReportIsAPage) { expect_sound(html({})); }

TEST(Page, TextCannotLeaveItsPlace) {
  const std::string nasty = "</script></pre></title><script>alert(1)</script>&\"'";
  Report report = everything();
  report.title = report.script = nasty;
  report.facts = {{nasty, nasty}};
  report.formulas = {{nasty, nasty, "", nasty}};
  report.notes = {nasty};
  report.details = {{nasty, nasty}};
  report.motions[0].coordinates = {nasty, "x"};
  report.motions[0].time = report.references[0].label = nasty;
  report.motions[0].name = nasty;
  report.tables = {{nasty, {nasty}, {{nasty}}, nasty}};
  const std::string page = html(report);
  expect_sound(page);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(embedded(page)[0]["name"], nasty);
  EXPECT_EQ(embedded(page)[0]["coordinates"][0], nasty);
  expect_sound(svg(report.motions[0], report.references[0]));
}

// Every value comes back to half a step of the packing, and the rows of all coordinates and times are in their place.
TEST(Page, EmbedsTheParticles) {
  Report report = everything();
  report.motions[0].points[1][7] = kNaN;
  report.motions[0].weights.assign(3, std::vector<double>(40, 0.5));
  report.motions[0].weights[2][3] = 2;
  report.motions[0].growth.assign(3, std::vector<double>(40, -1.5));
  const nlohmann::json motions = embedded(html(report));
  ASSERT_EQ(motions.size(), 3u);
  const Motion& motion = report.motions[0];
  const nlohmann::json& page = motions[0];
  EXPECT_EQ(page["times"], nlohmann::json(motion.times));
  EXPECT_EQ(page["coordinates"], nlohmann::json({"x[0]", "x[1]"}));
  EXPECT_EQ(page["reference"]["times"], nlohmann::json(motion.times));
  EXPECT_TRUE(motions[2]["reference"]["points"]["data"].empty());
  EXPECT_EQ(motions[1]["weights"], nullptr);
  for (size_t k = 0; k < 3; ++k)
    for (size_t c = 0; c < 2; ++c) {
      const double low = page["ranges"][c][0], high = page["ranges"][c][1];
      const auto values = unpacked(page["points"]["data"][k][c], low, high);
      ASSERT_EQ(values.size(), 40u);
      for (size_t i = 0; i < 40; ++i) {
        const double expected = motion.points[k][2 * i + c];
        if (std::isnan(expected))
          EXPECT_TRUE(std::isnan(values[i]));
        else
          EXPECT_NEAR(values[i], expected, (high - low) / 131068 + 1e-8);
      }
    }
  // The mean weight is (119·0.5 + 2)/120.
  const nlohmann::json& weights = page["weights"];
  const auto logs = unpacked(weights["data"], weights["range"][0], weights["range"][1]);
  ASSERT_EQ(logs.size(), 120u);
  EXPECT_NEAR(logs[83], std::log2(2 * 120 / 61.5), 1e-4);
  EXPECT_NEAR(logs[82], std::log2(0.5 * 120 / 61.5), 1e-4);
}

TEST(Page, StaysSmallWithManyParticles) {
  Report report;
  report.motions = {drift(2, 20000, 11), drift(50, 20000, 8), drift(2, 20000, 300)};
  report.references = {data_of(report.motions[0]), {}, {}};
  const std::string page = html(report);
  const nlohmann::json motions = embedded(page);
  // Two coordinates of two bytes for each particle and time, a third more as base64.
  EXPECT_EQ(motions[0]["points"]["counts"][0], 20000);
  EXPECT_EQ(motions[0]["points"]["data"][0][0].get<std::string>().size(), (40000 + 2) / 3 * 4u);
  EXPECT_EQ(motions[1]["count"], 20000);
  EXPECT_LT(motions[1]["points"]["counts"][0], 20000);
  EXPECT_EQ(motions[2]["times"].size(), 121u);
  EXPECT_EQ(motions[2]["points"]["counts"][0], 20000);
  EXPECT_LT(page.size(), 40u << 20);
}

TEST(Packed, Base64) {
  // RFC 4648, section 10.
  const std::pair<std::string, std::string> known[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, expected] : known)
    EXPECT_EQ(base64({reinterpret_cast<const unsigned char*>(text.data()), text.size()}), expected);
}

TEST(Packed, NumbersStayInTheirRange) {
  const std::vector<double> values{-1, 3, 0.3, -99, 99, kNaN, kInf};
  const auto back = unpacked(packed(values, -1, 3), -1, 3);
  ASSERT_EQ(back.size(), values.size());
  EXPECT_EQ(back[0], -1);
  EXPECT_EQ(back[1], 3);
  EXPECT_NEAR(back[2], 0.3, 4 / 131068.0);
  EXPECT_EQ(back[3], -1);
  EXPECT_EQ(back[4], 3);
  EXPECT_TRUE(std::isnan(back[5]) && std::isnan(back[6]));
}

// The style sheet has each colour of the figures as they are, and another for dark.
TEST(Page, ColoursOfFiguresAreThoseOfTheStyleSheet) {
  const std::string style(page_file("style.css"));
  const size_t dark = style.find("prefers-color-scheme: dark");
  ASSERT_NE(dark, std::string::npos);
  for (const Paint& paint : paints()) {
    const std::string definition = std::string(paint.variable) + ": ";
    const size_t at = style.find(definition);
    ASSERT_LT(at, dark) << paint.variable;
    EXPECT_EQ(style.substr(at + definition.size(), 7), paint.colour) << paint.variable;
    EXPECT_NE(style.find(definition, dark), std::string::npos) << paint.variable;
  }
  const std::string inside = draw(chart_of({0, 1}, {0, 1})).inline_svg();
  EXPECT_EQ(inside.find("=\"#"), std::string::npos);
  EXPECT_NE(inside.find("var(--c0)"), std::string::npos);
}

TEST(Page, NumbersStandAtTheRight) {
  Report report;
  report.tables = {{"t", {"name", "n"}, {{"a", "0.5 ± 0.1"}, {"b", "\u22121.2·10⁻⁵"}, {"c", "–"}}, ""}};
  const auto classes = markup::attributes(html(report), "td", "class");
  EXPECT_EQ(classes, (std::vector<std::string>{"n", "n", "n"}));
}

TEST(Page, ScriptHasALineForEachLineAndCommentsApart) {
  Report report;
  report.script = "a = \"# no comment\"  # but this\n\nb < c";
  const std::string page = html(report);
  expect_sound(page);
  for (const char* text : {"a = \"# no comment\"  ", "# but this", "b < c\n"}) EXPECT_TRUE(says(page, text)) << text;
  size_t lines = 0;
  for (size_t at = page.find("<li>"); at != std::string::npos; at = page.find("<li>", at + 1)) ++lines;
  EXPECT_EQ(lines, 3u);
}

// Contours of x² + y² are circles: every end lies on one, and together they are as long as its circumference.
TEST(Field, ContoursOfAConeAreCircles) {
  constexpr int kSide = 81;
  const Field field = swirl(kSide, {0});
  const double cell = 4.0 / (kSide - 1);
  for (const double radius : {0.5, 1.0, 1.7}) {
    double length = 0;
    for (const auto& [from, to] : contour(field.potential[0], kSide, radius * radius)) {
      for (const Point& p : {from, to})
        // Linear interpolation of a square is off by at most h²/8 of its second derivative, over its slope.
        EXPECT_NEAR(std::hypot(-2 + p.x * cell, -2 + p.y * cell), radius, cell * cell / (4 * radius));
      length += cell * std::hypot(to.x - from.x, to.y - from.y);
    }
    EXPECT_NEAR(length, 2 * std::acos(-1.0) * radius, 0.01 * radius) << radius;
  }
}

// A saddle's lines cut off the corners that its middle does not belong to.
TEST(Field, SaddlesAreCutByTheirMiddle) {
  const auto apart = [](const std::pair<Point, Point>& line, double x, double y) {
    return std::hypot(line.first.x - x, line.first.y - y) < 0.75 && std::hypot(line.second.x - x, line.second.y - y) < 0.75;
  };
  // Corners (0,0), (1,0), (0,1), (1,1).
  for (const double high : {3.0, 1.5}) {
    const auto lines = contour(std::vector<double>{high, 0, 0, high}, 2, 1);
    ASSERT_EQ(lines.size(), 2u);
    // With high = 3 the middle is above the level, as the corners (0,0) and (1,1) are: the others are cut off.
    const bool others = high == 3;
    size_t found = 0;
    for (const auto& line : lines)
      found += others ? apart(line, 1, 0) + apart(line, 0, 1) : apart(line, 0, 0) + apart(line, 1, 1);
    EXPECT_EQ(found, 2u) << high;
  }
}

TEST(Field, FiguresHaveAPanelForEachTime) {
  Motion motion = drift(2, 50, 3);
  motion.times = {0, 1, 2};
  motion.time = "day";
  motion.field = swirl(21, {0, 1, 2});
  for (const Shown shown : {Shown::Velocity, Shown::Growth}) {
    const std::string figure = field_svg(motion, shown);
    expect_sound(figure);
    for (const char* title : {"day = 0", "day = 1", "day = 2"}) EXPECT_TRUE(says(figure, title)) << title;
  }
  motion.field->potential.clear();
  expect_sound(field_svg(motion, Shown::Velocity));
  motion.field->drift[0].assign(2 * 21 * 21, kNaN);
  motion.field->growth[0].assign(21 * 21, kInf);
  for (const Shown shown : {Shown::Velocity, Shown::Growth}) expect_sound(field_svg(motion, shown));
  Report report;
  report.motions = {motion};
  expect_sound(html(report));
  motion.field->drift.pop_back();
  EXPECT_TRUE(says(field_svg(motion, Shown::Velocity), "no field"));
  EXPECT_TRUE(says(field_svg(drift(2, 5, 2), Shown::Growth), "no field"));
}

// Arrows of a swirl go around: each is at right angles to the line from the middle of its panel.
TEST(Field, ArrowsFollowTheVelocity) {
  Motion motion = drift(2, 1, 1);
  motion.field = swirl(16, {0});
  motion.field->potential.clear();
  const std::string figure = field_svg(motion, Shown::Velocity);
  std::string path;
  for (const std::string& d : markup::attributes(figure, "path", "d"))
    if (d.size() > path.size() && d.find('h') == std::string::npos) path = d;
  std::replace_if(
      path.begin(), path.end(), [](char c) { return c == 'M' || c == 'L'; }, ' ');
  std::istringstream in(path);
  std::vector<double> n;
  for (double v; in >> v;) n.push_back(v);
  // Shaft and two sides of a head for each.
  ASSERT_EQ(n.size() % 12, 0u);
  ASSERT_GT(n.size() / 12, 200u);
  // One panel of 320 pixels from (62, 84) on.
  const double x0 = 62 + 160, y0 = 84 + 160;
  for (size_t i = 0; i < n.size(); i += 12) {
    const double u = n[i + 2] - n[i], v = n[i + 3] - n[i + 1], x = n[i] - x0, y = n[i + 1] - y0;
    // Numbers are rounded to a tenth of a pixel. Pixels count down: against the clock is x·v − y·u < 0.
    EXPECT_NEAR((u * x + v * y) / std::hypot(x, y), 0, 0.3);
    EXPECT_LT(x * v - y * u, 0);
  }
}

TEST(Chart, ErrorBarsReachAsFarAsTheErrors) {
  Chart chart = chart_of({0, 1, 2}, {1, 2, 3});
  chart.series[0].error = {0.5, 0, kNaN};
  const std::string figure = svg(chart);
  expect_sound(figure);
  const auto line = lines(figure, 2).at(0);
  const double unit = line[0].second - line[1].second;
  // The bar and its two ends are three lines in one element.
  std::vector<double> bar;
  for (std::string d : markup::attributes(figure, "path", "d"))
    if (std::count(d.begin(), d.end(), 'M') == 3 && d.find('h') == std::string::npos) {
      std::replace_if(
          d.begin(), d.end(), [](char c) { return c == 'M' || c == 'L'; }, ' ');
      std::istringstream in(d);
      for (double v; in >> v;) bar.push_back(v);
    }
  ASSERT_EQ(bar.size(), 12u);
  EXPECT_NEAR(bar[1], line[0].second - unit / 2, 0.11);
  EXPECT_NEAR(bar[3], line[0].second + unit / 2, 0.11);
}

TEST(Chart, OutliersAreLeftOutAndCounted) {
  Chart chart = chart_of({}, {});
  for (int i = 0; i < 400; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(i == 0 ? 1e6 : std::sin(i));
  }
  EXPECT_FALSE(says(svg(chart), "1 values outside"));
  chart.without_outliers = true;
  const std::string figure = svg(chart);
  expect_sound(figure);
  EXPECT_TRUE(says(figure, "1 values outside"));
  EXPECT_TRUE(says(figure, "1.0"));
}

TEST(Chart, FaintSeriesHaveNoName) {
  Chart chart{"c", "t", "v", {{.name = "raw", .x = {0, 1, 2}, .y = {1, 2, 1}, .faint = true}, {.name = "mean", .x = {0, 1, 2}, .y = {1, 1.5, 1}}}};
  const std::string figure = svg(chart);
  expect_sound(figure);
  EXPECT_FALSE(says(figure, "raw"));
  EXPECT_TRUE(says(figure, "mean"));
  EXPECT_EQ(lines(figure, 2).size(), 2u);
}

TEST(Chart, LogarithmicValuesLeaveOutWhatIsNotPositive) {
  Chart chart = chart_of({0, 1, 2, 3}, {0, 1, 10, 100});
  chart.log_y = true;
  const std::string figure = svg(chart);
  expect_sound(figure);
  const auto line = lines(figure, 2).at(0);
  ASSERT_EQ(line.size(), 3u);
  EXPECT_NEAR(line[0].second - line[1].second, line[1].second - line[2].second, 0.11);
}

TEST(Page, SameInputSameBytes) { EXPECT_EQ(html(everything()), html(everything())); }

}  // namespace
}  // namespace am::report
