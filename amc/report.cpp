// `amc report`, and how a run's folder becomes figures and a page.
#include "amc/report.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "amc/pictures.h"
#include "amc/progress.h"
#include "compiler/parse/parse.h"
#include "runtime/report/text.h"

namespace am::program {
namespace {

using diagnostics::Kind;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// A number for a table: four significant digits.
std::string number_text(double v) {
  if (!std::isfinite(v)) return "–";
  std::string text = fmt::format("{:.4g}", std::abs(v));
  if (const size_t e = text.find('e'); e != std::string::npos)
    text = fmt::format("{}·{}", text.substr(0, e), report::power_of_ten(std::atoi(text.c_str() + e + 1)));
  return (v < 0 && text != "0" ? "−" : "") + text;
}

/// A number, or nothing where JSON has null for what is not finite, or something else.
std::optional<double> number(const Json& j, std::string_view key) {
  const auto found = j.find(key);
  return found != j.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::string text(const Json& j, std::string_view key) {
  const auto found = j.find(key);
  return found == j.end() ? "" : found->is_string() ? found->get<std::string>() : found->dump();
}

// --- curves of a training ---

struct Curves {
  std::vector<std::string> header;
  std::vector<std::vector<double>> columns;
  const std::vector<double>* column(std::string_view name) const {
    const auto at = std::find(header.begin(), header.end(), name);
    return at == header.end() ? nullptr : &columns[static_cast<size_t>(at - header.begin())];
  }
  size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) out.push_back(cell);
  return out;
}

/// metrics.csv. A last line that was cut off, as a killed run leaves it, is left out.
bool read_curves(const std::string& path, Curves& out, diagnostics::Sink& sink) {
  const auto bad = [&](std::string_view why) {
    sink.report<Kind::MalformedFile>({}, path, "csv", why).suggestion = "without the file the report does without its curves";
    return false;
  };
  std::istringstream in(read_file(path).value_or(""));
  std::string line;
  std::getline(in, line);
  out.header = split(line);
  out.columns.resize(out.header.size());
  if (!out.column("step") || !out.column("objective")) {
    return bad("its header has no `step` and `objective`");
  }
  for (size_t number = 2; std::getline(in, line); ++number) {
    const bool cut = in.eof();
    const std::vector<std::string> cells = split(line);
    std::vector<double> row;
    for (const std::string& cell : cells) {
      char* end = nullptr;
      const double value = std::strtod(cell.c_str(), &end);
      if (end != cell.c_str() && *end == 0) row.push_back(value);
    }
    if (row.size() == out.header.size() && cells.size() == row.size()) {
      for (size_t k = 0; k < row.size(); ++k) out.columns[k].push_back(row[k]);
    } else if (!cut) {
      return bad(fmt::format("line {} has not {} numbers", number, out.header.size()));
    }
  }
  return true;
}

/// The running mean over `width` values, half of them on either side.
std::vector<double> smoothed(const std::vector<double>& values, size_t width) {
  std::vector<double> out;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t from = i < width / 2 ? 0 : i - width / 2, to = std::min(values.size(), i + width / 2 + 1);
    double sum = 0, count = 0;
    for (size_t k = from; k < to; ++k)
      if (std::isfinite(values[k])) sum += values[k], ++count;
    out.push_back(count > 0 ? sum / count : NAN);
  }
  return out;
}

/// The mean over the last fiftieth of a training: what a term came to.
std::optional<double> at_the_end(const Curves& curves, std::string_view column) {
  const std::vector<double>* values = curves.column(column);
  if (!values || values->empty()) return {};
  const size_t taken = std::max<size_t>(1, values->size() / 50);
  double sum = 0;
  for (size_t i = values->size() - taken; i < values->size(); ++i) sum += (*values)[i];
  return sum / static_cast<double>(taken);
}

constexpr size_t kNoisy = 100;  // rows from which on a curve is shown as it is and smoothed

void add_curve(report::Chart& chart, const Curves& curves, std::string_view column, std::string name, bool dashed) {
  const std::vector<double>&steps = *curves.column("step"), &values = *curves.column(column);
  const bool noisy = values.size() >= kNoisy;
  if (noisy && !dashed) chart.series.push_back({.x = steps, .y = values, .faint = true});
  chart.series.push_back({.name = std::move(name),
                          .x = steps,
                          .y = noisy ? smoothed(values, values.size() / 50) : values,
                          .dashed = dashed});
}

// --- the page from the folder ---

class Maker {
 public:
  Maker(const RunFolder& folder, diagnostics::Sink& sink) : folder_(folder), sink_(sink) {}
  bool make();

 private:
  bool open();
  bool read_json(const std::string& name, Json& out);
  void describe();
  bool models();
  bool model(const std::string& name, const Json& model);
  void objective(const std::string& name, const Json& model, const Curves& curves);
  bool samplings();
  bool sampling(const std::string& name, const Json& sampling);
  bool evaluations();
  void evaluation(const Json& e);
  void comparisons(const Json& e, const Json& figures, const std::string& title, const std::string& file,
                   const std::string& footnote, const Json* held_out);
  void seeds_table(const Json& e, const Json& figures, const std::string& title);
  void facts_of(const Json& e);
  void verdicts(const Json& e);
  bool write();
  bool there(const std::string& name) const {
    std::error_code unused;
    return fs::exists(folder_.file(name), unused);
  }
  void note(std::string text) { report_.notes.push_back(std::move(text)); }
  bool malformed(const std::string& name, std::string_view format, std::string_view what) {
    sink_.report<Kind::MalformedFile>({}, folder_.file(name), format, what).suggestion =
        name == "evaluation.json" ? fmt::format("`amc evaluate SCRIPT --run {}` makes it again", folder_.path())
                                  : fmt::format("`amc run SCRIPT --resume --out {}` writes it again", folder_.path());
    return false;
  }

  const RunFolder& folder_;
  diagnostics::Sink& sink_;
  Json config_;
  report::Report report_;
  std::map<std::string, report::Chart> files_;  // figures/NAME.svg
  std::string time_ = "t";                      // what the data of the first model call it
};

/// A formula as mathematics; without where it cannot be parsed.
std::string typeset(const std::string& expression) {
  source::Sources sources;
  ast::Program program;
  diagnostics::Sink sink;
  const source::FileId file = sources.add("objective", expression);
  const ast::ExprId parsed = parse::parse_expression(sources, file, program, sink);
  return parsed.valid() && !sink.has_errors() ? ast::mathml(program, parsed) : "";
}

/// A name that is a file's, and not a way to another folder.
bool is_plain(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && !name.starts_with('.');
}

bool Maker::open() {
  std::error_code unused;
  const auto no = [&](std::string_view why) {
    auto error = diagnostics::make<Kind::BadCommandLine>({}, fmt::format("`{}` is not the folder of a run: {}", folder_.path(), why));
    error.suggestion = "`amc run SCRIPT` makes such a folder: runs/SCRIPT";
    sink_.add(std::move(error));
    return false;
  };
  if (!fs::exists(folder_.path(), unused)) return no("there is no such folder");
  if (!fs::is_directory(folder_.path(), unused)) return no("it is a file");
  if (!there("config.json")) return no("it has no `config.json`");
  if (!read_json("config.json", config_)) return false;
  if (!config_.is_object() || !config_.contains("models") || !config_["models"].is_object())
    return malformed("config.json", "run", "it names no models");
  for (const char* part : {"models", "samplings"})
    if (config_.contains(part))
      for (const auto& [name, of] : config_[part].items())
        if (!is_plain(name) || (of.contains("file") && !is_plain(text(of, "file"))))
          return malformed("config.json", "run", fmt::format("`{}` is not a name", name));
  return true;
}

bool Maker::read_json(const std::string& name, Json& out) {
  const auto contents = read_file(folder_.file(name));
  if (!contents) return malformed(name, "JSON", "it cannot be read");
  out = Json::parse(*contents, nullptr, false);
  return !out.is_discarded() || malformed(name, "JSON", "it is damaged or was cut off");
}

void Maker::describe() {
  report_.title = fs::path(text(config_, "script")).filename().string();
  if (const auto script = read_file(folder_.file("script.am"))) report_.script = *script;
  else note("The script is missing: there is no script.am in the folder.");
  for (const auto& [key, name] : {std::pair{"set", "--set"}, {"data", "--data"}, {"const", "--const"}})
    if (const auto list = config_.find(key); list != config_.end() && list->is_array() && !list->empty()) {
      std::vector<std::string> parts;
      for (const Json& each : *list)
        if (each.is_string()) parts.push_back(each.get<std::string>());
      report_.details.push_back({name, fmt::format("{}", fmt::join(parts, ", "))});
    }
  for (const auto& [key, name] : {std::pair{"version", "amc"}, {"llvm", "LLVM"}, {"cpu", "processor"}, {"threads", "threads"}})
    if (config_.contains(key)) report_.details.push_back({name, text(config_, key)});
}

/// How long a training took, and how far it came.
std::string progress_of(const Json& model, const Curves& curves) {
  const double steps = number(model, "steps").value_or(0);
  const std::vector<double>& done = *curves.column("step");
  std::string out = fmt::format("{} steps of {} samples", grouped(static_cast<long long>(steps)),
                                grouped(static_cast<long long>(number(model, "batch").value_or(0))));
  if (!done.empty() && done.back() < steps)
    out = fmt::format("{} of {}", grouped(static_cast<long long>(done.back())), out);
  if (const auto* seconds = curves.column("seconds"); seconds && !seconds->empty())
    out += fmt::format(" in {}", duration(seconds->back()));
  return out;
}

void Maker::objective(const std::string& name, const Json& model, const Curves& curves) {
  const Json terms = model.value("terms", Json::object());
  const std::string whole = text(model, "objective");
  const auto value = [&](std::string_view column) {
    const auto v = at_the_end(curves, column);
    return v ? fmt::format("at the end of training {}", number_text(*v)) : std::string();
  };
  if (terms.size() < 2) {
    report_.formulas.push_back({fmt::format("{} minimises", name), whole, typeset(whole), value("objective")});
    return;
  }
  size_t k = 0;
  for (const auto& [key, term] : terms.items()) {
    const std::string expression = term.get<std::string>();
    report_.formulas.push_back({k == 0 ? fmt::format("{} minimises the sum of term 1", name) : fmt::format("and term {}", k + 1),
                                expression, typeset(expression), value(key)});
    ++k;
  }
}

bool Maker::model(const std::string& name, const Json& model) {
  // Where there are several seeds, each has a folder of its own.
  std::vector<std::pair<std::string, std::string>> trainings;  // folder, label
  if (const auto seeds = model.find("seeds"); seeds != model.end() && seeds->is_array())
    for (const Json& seed : *seeds)
      trainings.push_back({fmt::format("{}/seed_{}", name, seed.dump()), fmt::format("seed {}", seed.dump())});
  else
    trainings.push_back({name, "objective"});
  report::Chart chart{.title = "Training of " + name, .x_label = "step", .y_label = "objective", .without_outliers = true};
  report::Chart gradient{.title = "Gradient of " + name, .x_label = "step", .y_label = "norm of the gradient", .log_y = true};
  bool first = true;
  for (const auto& [folder, label] : trainings) {
    if (!there(folder + "/metrics.csv")) {
      note(fmt::format("{} has no curves: {}/metrics.csv is missing, as training had not begun.", name, folder));
      continue;
    }
    Curves curves;
    if (!read_curves(folder_.file(folder + "/metrics.csv"), curves, sink_)) return false;
    add_curve(chart, curves, "objective", label, false);
    if (curves.column("gradient_norm")) add_curve(gradient, curves, "gradient_norm", trainings.size() > 1 ? label : "gradient norm", false);
    const double steps = number(model, "steps").value_or(0);
    if (curves.rows() > 0 && curves.column("step")->back() < steps)
      note(fmt::format("{} is not finished: {} of {} steps are done.", trainings.size() > 1 ? fmt::format("{}, {}", name, label) : name,
                       grouped(static_cast<long long>(curves.column("step")->back())), grouped(static_cast<long long>(steps))));
    if (!first) continue;
    first = false;
    report_.facts.push_back({name, progress_of(model, curves)});
    objective(name, model, curves);
    // The terms of several trainings would be too many lines to tell apart.
    size_t terms = 0;
    for (const std::string& column : curves.header) terms += column.starts_with("term");
    for (size_t k = 1; k <= terms && terms > 1 && trainings.size() == 1; ++k)
      add_curve(chart, curves, fmt::format("term{}", k), fmt::format("term {}", k), true);
  }
  report_.details.push_back(
      {name, fmt::format("{}, {}, moving average {}, products {}", trainings.size() > 1 ? fmt::format("{} seeds", trainings.size()) : "seed " + text(model, "seed"),
                         text(model, "precision"), text(model, "ema"), text(model, "products"))});
  if (chart.series.empty()) return true;
  files_[name + "_training"] = chart;
  report_.training.push_back(std::move(chart));
  if (!gradient.series.empty()) files_[name + "_gradient"] = gradient, report_.training.push_back(std::move(gradient));
  return true;
}

bool Maker::models() {
  for (const auto& [name, m] : config_["models"].items()) {
    if (const std::string time = text(m, "time"); time_ == "t" && !time.empty()) time_ = time;
    if (!model(name, m)) return false;
  }
  return true;
}

bool Maker::sampling(const std::string& name, const Json& sampling) {
  const std::string file = text(sampling, "file"), model = text(sampling, "model");
  if (!there(file)) {
    note(fmt::format("There are no particles of {}: the run ended before it sampled them, so {} is missing.", name, file));
    return true;
  }
  const auto p = folder_.read_particles(file, sink_);
  if (!p) return false;
  const size_t times = p->times.size(), count = p->points[0].size() / p->dimension;
  const auto d = static_cast<size_t>(p->dimension);
  report::Motion motion{.name = name, .dimension = p->dimension, .count = count};
  const Json of = config_["models"].value(model, Json::object());
  const Json names = sampling.value("coordinates", Json::array());
  if (names.size() == d)
    for (const Json& each : names) motion.coordinates.push_back(each.get<std::string>());
  if (const std::string time = text(of, "time"); !time.empty()) motion.time = time;
  const auto rows = report::some_rows(count, kMostParticles);
  motion.times = p->times;
  for (const auto& points : p->points) motion.points.push_back(kept_rows(points, p->dimension, rows));
  for (const auto& weights : p->weights) motion.weights.push_back(kept_rows(weights, 1, rows));
  report::Reference reference;
  if (there(pictures_file(name))) {
    if (!read_pictures(folder_, name, motion, reference, sink_)) return false;
  } else {
    note(fmt::format("The data beside the particles of {} and its field are missing: there is no {}.", name, pictures_file(name)));
  }
  if (p->mass.size() > 1) {
    report::Chart chart{.title = "Mass of " + name, .x_label = motion.time, .y_label = "mass"};
    report::Series series{.name = "mean weight of the particles", .x = motion.times, .dots = times <= 30};
    series.y = p->mass;
    chart.series = {std::move(series)};
    files_[name + "_mass"] = chart;
    report_.figures.push_back(std::move(chart));
  }
  report_.facts.push_back({name, fmt::format("{} particles at {} times", grouped(static_cast<long long>(count)), times)});
  report_.motions.push_back(std::move(motion));
  report_.references.push_back(std::move(reference));
  return true;
}

bool Maker::samplings() {
  const Json list = config_.value("samplings", Json::object());
  if (list.empty()) note("The script has no `sample`, so there are no particles to show.");
  for (const auto& [name, s] : list.items())
    if (!sampling(name, s)) return false;
  return true;
}

// --- figures ---

/// The metrics of a row of comparisons: its members that are figures.
std::vector<std::string> metrics_of(const Json& row) {
  std::vector<std::string> out;
  for (const auto& [key, value] : row.items())
    if (value.is_object() && value.contains("value")) out.push_back(key);
  return out;
}

/// What stands beside a figure's value under its own heading, whatever the metric: p of a test, bits per dimension.
const std::set<std::string>& spread_keys() {
  static const std::set<std::string> kKeys{"value", "deviation", "seed_deviation", "by_seed", "floor", "floor_deviation"};
  return kKeys;
}

std::string heading_of(std::string key) {
  if (key == "bits_per_dimension") return "bits/dim";
  if (key == "standard_error") return "± error";
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

std::optional<double> spread_of(const Json& figure) {
  const auto seeds = number(figure, "seed_deviation"), repeats = number(figure, "deviation");
  return seeds ? seeds : repeats && *repeats > 0 ? repeats : std::nullopt;
}

std::string with_spread(std::optional<double> value, std::optional<double> spread) {
  if (!value) return "–";
  return number_text(*value) + (spread ? fmt::format(" ± {:.2g}", *spread) : "");
}

/// A label in a file name: `mmd(gamma = 1)` as mmd_gamma_1.
std::string file_name_of(std::string_view label) {
  std::string out;
  for (const char c : label)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.')
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  while (out.ends_with('_')) out.pop_back();
  return out;
}

/// Headings and cells of one metric, in the same order. All rows of a table have the columns of `all`.
struct Columns {
  std::string metric;
  bool floor = false;
  std::vector<std::string> others;
};

std::vector<Columns> columns_of(const Json& rows) {
  std::vector<Columns> out;
  for (const Json& row : rows)
    for (const std::string& metric : metrics_of(row)) {
      auto at = std::find_if(out.begin(), out.end(), [&](const Columns& c) { return c.metric == metric; });
      if (at == out.end()) at = out.insert(out.end(), Columns{metric});
      at->floor = at->floor || row[metric].contains("floor");
      for (const auto& [key, value] : row[metric].items())
        if (value.is_number() && !spread_keys().count(key) &&
            std::find(at->others.begin(), at->others.end(), key) == at->others.end())
          at->others.push_back(key);
    }
  return out;
}

void add_cells(std::vector<std::string>& cells, const Columns& column, const Json& row) {
  static const Json kNone = Json::object();
  const Json& figure = row.contains(column.metric) ? row[column.metric] : kNone;
  cells.push_back(with_spread(number(figure, "value"), spread_of(figure)));
  if (column.floor) cells.push_back(with_spread(number(figure, "floor"), {}));
  for (const std::string& key : column.others) cells.push_back(with_spread(number(figure, key), {}));
}

/// The mean over the rows, where the file has none of its own: of values and floors that all rows have.
Json mean_of(const Json& rows, const std::vector<Columns>& columns) {
  Json out = Json::object();
  for (const Columns& column : columns)
    for (const char* key : {"value", "floor"}) {
      double sum = 0;
      size_t count = 0;
      for (const Json& row : rows)
        if (row.contains(column.metric))
          if (const auto v = number(row[column.metric], key)) sum += *v, ++count;
      if (count == rows.size() && count > 0) out[column.metric][key] = sum / static_cast<double>(count);
    }
  return out;
}

void Maker::comparisons(const Json& e, const Json& figures, const std::string& title, const std::string& file,
                        const std::string& footnote, const Json* held_out) {
  const Json rows = figures.value("comparisons", Json::array());
  if (rows.empty()) return;
  const std::vector<Columns> columns = columns_of(rows);
  const bool from = rows[0].contains("from");
  report::Table table{.title = title, .footnote = footnote};
  table.header = {time_};
  if (from) table.header.push_back("from");
  for (const Columns& c : columns) {
    table.header.push_back(c.metric);
    if (c.floor) table.header.push_back("floor");
    for (const std::string& key : c.others) table.header.push_back(heading_of(key));
  }
  for (const Json& row : rows) {
    std::vector<std::string> cells{number_text(number(row, "t").value_or(NAN))};
    if (from) cells.push_back(number_text(number(row, "from").value_or(NAN)));
    for (const Columns& c : columns) add_cells(cells, c, row);
    table.rows.push_back(std::move(cells));
  }
  if (rows.size() > 1) {
    const Json mean = figures.contains("mean") ? figures["mean"] : mean_of(rows, columns);
    std::vector<std::string> cells{"mean"};
    if (from) cells.push_back("");
    for (const Columns& c : columns) add_cells(cells, c, mean);
    table.rows.push_back(std::move(cells));
  }
  report_.tables.push_back(std::move(table));
  if (file.empty()) return;
  for (const Columns& c : columns) {
    report::Chart chart{.title = fmt::format("{} of {}", c.metric, text(e, "model")), .x_label = time_, .y_label = c.metric};
    const auto line = [&](const Json& from_rows, std::string name, const char* value, const char* spread, bool dashed) {
      report::Series series{.name = std::move(name), .dashed = dashed, .dots = !dashed};
      for (const Json& row : from_rows) {
        const auto y = row.contains(c.metric) ? number(row[c.metric], value) : std::nullopt;
        if (!y) continue;
        series.x.push_back(number(row, "t").value_or(NAN));
        series.y.push_back(*y);
        const auto error = spread ? number(row[c.metric], spread) : dashed ? std::nullopt : spread_of(row[c.metric]);
        series.error.push_back(error.value_or(0));
      }
      if (!series.x.empty()) chart.series.push_back(std::move(series));
    };
    line(rows, fmt::format("{}, {}", c.metric, text(e, "mode") == "one_step" ? "one step" : "from the start"), "value", nullptr, false);
    if (held_out) line(*held_out, "time held out", "value", nullptr, false);
    if (c.floor) line(rows, "sampling floor", "floor", "floor_deviation", true);
    // Such as the mass of the data beside that of the particles.
    if (std::find(c.others.begin(), c.others.end(), "data") != c.others.end()) line(rows, "data", "data", nullptr, true);
    size_t points = 0;
    for (const report::Series& s : chart.series) points = std::max(points, s.x.size());
    if (points < 2) continue;
    files_[fmt::format("{}_{}", file, file_name_of(c.metric))] = chart;
    report_.figures.push_back(std::move(chart));
  }
}

/// A row for each seed: the means over the times.
void Maker::seeds_table(const Json& e, const Json& figures, const std::string& title) {
  const Json seeds = e.value("seeds", Json::array()), mean = figures.value("mean", Json::object());
  if (seeds.size() < 2) return;
  report::Table table{.title = title, .header = {"seed"},
                      .footnote = "Means over the times; ± is the standard deviation over the seeds (n − 1)."};
  const std::vector<std::string> metrics = metrics_of(mean);
  for (const std::string& metric : metrics) table.header.push_back(metric);
  for (size_t k = 0; k < seeds.size(); ++k) {
    std::vector<std::string> cells{seeds[k].dump()};
    for (const std::string& metric : metrics) {
      const Json by = mean[metric].value("by_seed", Json::array());
      cells.push_back(k < by.size() && by[k].is_number() ? number_text(by[k].get<double>()) : "–");
    }
    table.rows.push_back(std::move(cells));
  }
  std::vector<std::string> last{"mean ± std"};
  for (const std::string& metric : metrics)
    last.push_back(with_spread(number(mean[metric], "value"), number(mean[metric], "seed_deviation")));
  table.rows.push_back(std::move(last));
  report_.tables.push_back(std::move(table));
}

/// Of metrics with a p at each time: that of all of them together, by Bonferroni's bound, and where it is least.
void Maker::verdicts(const Json& e) {
  const Json rows = e.value("comparisons", Json::array());
  for (const Columns& column : columns_of(rows)) {
    if (std::find(column.others.begin(), column.others.end(), "p") == column.others.end()) continue;
    double least = INFINITY, at = NAN;
    size_t count = 0;
    std::string worst;
    for (const Json& row : rows) {
      const auto p = row.contains(column.metric) ? number(row[column.metric], "p") : std::nullopt;
      if (!p) continue;
      ++count;
      if (*p < least) least = *p, at = number(row, "t").value_or(NAN), worst = text(row[column.metric], "worst");
    }
    report_.facts.push_back(
        {fmt::format("{} of {}", column.metric, text(e, "model")),
         fmt::format("p = {} for all {} times together, least at {} = {}{}", number_text(std::min(1.0, least * static_cast<double>(count))),
                     count, time_, number_text(at), worst.empty() ? "" : fmt::format(" ({})", worst))});
  }
}

/// Numbers of the whole evaluation: objective and gap, and whatever else stands at the top.
void Maker::facts_of(const Json& e) {
  const std::string model = text(e, "model");
  const auto spread = [&](const char* key) {
    const auto deviation = number(e, key);
    return deviation ? fmt::format(" ± {:.2g}", *deviation) : std::string();
  };
  if (const auto objective = number(e, "objective"))
    report_.facts.push_back({"objective of " + model, number_text(*objective) + spread("objective_seed_deviation")});
  if (const auto gap = number(e, "gap")) {
    const auto share = number(e, "relative_gap");
    report_.facts.push_back({"action gap of " + model, number_text(*gap) + spread("gap_seed_deviation") +
                                                           (share ? fmt::format(" ({} % of the action)", number_text(100 * *share)) : "")});
  }
  static const std::set<std::string> kKnown{"objective", "objective_samples", "objective_seed_deviation", "gap", "action", "relative_gap", "gap_seed_deviation", "repeats", "seed"};
  for (const auto& [key, value] : e.items()) {
    if (kKnown.count(key)) continue;
    if (value.is_number()) report_.facts.push_back({fmt::format("{} of {}", heading_of(key), model), number_text(value.get<double>())});
    // A figure of the whole, such as a certificate with its value and p.
    if (value.is_object() && value.contains("value")) {
      const auto spread = spread_of(value), error = number(value, "standard_error");
      std::string shown = with_spread(number(value, "value"), spread ? spread : error);
      for (const auto& [part, of] : value.items())
        if (of.is_number() && part != "standard_error" && (!spread_keys().count(part) || part == "floor"))
          shown += fmt::format(", {} {}", heading_of(part), number_text(of.get<double>()));
      report_.facts.push_back({fmt::format("{} of {}", heading_of(key), model), shown});
    }
  }
}

void Maker::evaluation(const Json& e) {
  const std::string model = text(e, "model"), mode = text(e, "mode") == "one_step" ? "one step" : "from the start";
  const int repeats = static_cast<int>(number(e, "repeats").value_or(1));
  const Json definitions = e.value("definitions", Json::object());
  const Json rows = e.value("comparisons", Json::array());
  std::string footnote;
  if (!rows.empty()) {
    footnote = fmt::format("{} carried against {} real samples", text(rows[0], "generated"), text(rows[0], "reference"));
    if (e.contains("seeds")) footnote += fmt::format("; ± is the standard deviation over {} seeds", e["seeds"].size());
    else if (repeats > 1) footnote += fmt::format("; ± is the standard deviation over {} repeats", repeats);
    footnote += ".";
    const std::vector<Columns> columns = columns_of(rows);
    for (const Columns& c : columns)
      // One metric may stand there several times, with other arguments: mmd(gamma = 1).
      if (const std::string name = c.metric.substr(0, c.metric.find('(')); definitions.contains(name))
        footnote += fmt::format(" {}: {}.", name, text(definitions, name));
    if (e.contains("units")) footnote += fmt::format(" Distances are in {}.", text(e, "units"));
    if (std::any_of(columns.begin(), columns.end(), [](const Columns& c) { return c.floor; }) && definitions.contains("floor"))
      footnote += fmt::format(" floor: {}.", text(definitions, "floor"));
  }
  const auto held = e.find("hold_out");
  const bool holds = held != e.end() && held->is_object() && held->contains("comparisons");
  const Json held_rows = holds ? (*held)["comparisons"] : Json::array();
  comparisons(e, e, fmt::format("{} against {}, {}", model, text(e, "against"), mode), model, footnote, holds ? &held_rows : nullptr);
  seeds_table(e, e, fmt::format("{} by seed", model));
  if (holds) {
    const std::string how = text(*held, "mode") == "one_step" ? "carried from the snapshot before" : "carried from the first snapshot";
    comparisons(e, *held, fmt::format("{} with times held out", model), "",
                fmt::format("Each time was left out of everything, the model trained anew, and particles {} to it.", how), nullptr);
    seeds_table(e, *held, fmt::format("{} with times held out, by seed", model));
  }
  facts_of(e);
  verdicts(e);
}

bool Maker::evaluations() {
  if (!there("evaluation.json")) return true;
  Json all;
  if (!read_json("evaluation.json", all)) return false;
  if (!all.is_array()) return malformed("evaluation.json", "run", "it is no list of evaluations");
  const auto is_table = [](const Json& figures) {
    const Json rows = figures.is_object() ? figures.value("comparisons", Json::array()) : Json();
    return rows.is_array() && std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.is_object(); });
  };
  for (const Json& e : all) {
    if (!is_table(e) || (e.contains("hold_out") && !is_table(e["hold_out"])))
      return malformed("evaluation.json", "run", "it is no list of evaluations with their comparisons");
    evaluation(e);
  }
  return true;
}

bool Maker::write() {
  bool fine = folder_.write("report.html", report::html(report_), sink_);
  const auto figure = [&](const std::string& name, const std::string& text) {
    if (is_plain(name)) fine = fine && folder_.write("figures/" + name + ".svg", text, sink_);
  };
  for (const auto& [name, chart] : files_) figure(name, report::svg(chart));
  for (size_t k = 0; k < report_.motions.size(); ++k) {
    const report::Motion& motion = report_.motions[k];
    figure(motion.name, report::svg(motion, report_.references[k]));
    if (!motion.field) continue;
    figure(motion.name + "_field", report::field_svg(motion, report::Shown::Velocity));
    if (!motion.field->growth.empty()) figure(motion.name + "_growth", report::field_svg(motion, report::Shown::Growth));
  }
  return fine;
}

bool Maker::make() {
  std::string reading = "config.json";
  try {
    if (!open()) return false;
    describe();
    if (!models() || !samplings()) return false;
    reading = "evaluation.json";
    if (!evaluations()) return false;
  } catch (const nlohmann::json::exception& e) {
    return malformed(reading, "run", "its values are not what a run writes");
  }
  return write();
}

/// Makes what `write_pictures` writes and the folder has not: compiles the script as the run did, and reads the
/// checkpoint. Where that fails, as where the data are gone, gives the reason; the report does without.
std::string make_pictures(const RunFolder& folder, const Machine& machine) {
  const Json config = Json::parse(read_file(folder.file("config.json")).value_or(""), nullptr, false);
  const auto source = read_file(folder.file("script.am"));
  if (!config.is_object() || !source) return "";  // the report says so
  const auto there = [&](const std::string& name) { return fs::exists(folder.file(name)); };
  std::vector<std::string> todo;
  const Json samplings = config.value("samplings", Json::object());
  for (const auto& [name, s] : samplings.items())
    if (there(text(s, "file")) && !there(pictures_file(name))) todo.push_back(name);
  if (todo.empty()) return "";
  const fs::path called_in = text(config, "called_in");
  CompileOptions options{.data_folder = (called_in / text(config, "script")).parent_path().string(), .machine = machine};
  const auto pairs = [&](const char* key, std::map<std::string, std::string>& out, bool files) {
    const Json list = config.value(key, Json::array());
    for (const Json& each : list) {
      const std::string item = each.get<std::string>();
      const size_t equals = std::min(item.find('='), item.size());
      const std::string value = item.substr(std::min(equals + 1, item.size()));
      out[item.substr(0, equals)] = files ? (called_in / value).string() : value;
    }
  };
  pairs("set", options.settings, false), pairs("const", options.constants, false), pairs("data", options.data, true);
  const auto script = compile(folder.file("script.am"), *source, options);
  bool fine = script->usable();
  for (const elaborate::Sampling& s : script->elaborated.samplings) {
    if (std::find(todo.begin(), todo.end(), s.name) == todo.end() || !fine) continue;
    const elaborate::Model* m = script->elaborated.model(s.model);
    const Json of = config["models"].value(s.model, Json::object());
    const std::string checkpoint =
        of.contains("seeds") ? fmt::format("{}/seed_{}/checkpoint.npz", s.model, text(of, "seed")) : s.model + "/checkpoint.npz";
    if (s.view.coordinates == data::Coordinates::Genes) return "particles that were written as genes do not lead back";
    auto particles = folder.read_particles(text(config["samplings"][s.name], "file"), script->sink);
    if (particles && m && particles->dimension == m->dimension)
      for (auto& points : particles->points) points = s.view.to_model(points, static_cast<size_t>(m->dimension));
    const auto weights = m && particles ? flow::load(folder.file(checkpoint), *m, script->sink) : std::nullopt;
    fine = weights && particles->dimension == m->dimension &&
           write_pictures(folder, s, *m, *weights, *particles, machine, script->sink);
  }
  if (fine) return "";
  for (const auto& d : script->sink.sorted())
    if (diagnostics::info(d.kind).level == diagnostics::Level::Error) return d.message;
  return "the checkpoint does not fit the particles";
}

}  // namespace

bool write_report(const RunFolder& folder, diagnostics::Sink& sink) { return Maker(folder, sink).make(); }

int report(const Arguments& a) {
  int code = kDone;
  const auto machine = machine_of(a, code);
  if (!machine) return code;
  const RunFolder folder = RunFolder::at(a.file);
  diagnostics::Sink sink;
  std::string missing;
  try {
    missing = make_pictures(folder, *machine);
  } catch (const nlohmann::json::exception&) {
    // The report finds what is wrong with config.json, too, and says where.
  }
  if (!write_report(folder, sink)) return print_diagnostics(a, sink, {});
  if (!missing.empty()) fmt::print("without the data and the field, which cannot be made again: {}\n", missing);
  fmt::print("report: {}\n", folder.file("report.html"));
  return kDone;
}

}  // namespace am::program
