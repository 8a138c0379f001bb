#include "amc/folder.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/data/npz.h"

namespace am::program {

using diagnostics::Kind;

bool RunFolder::make(const std::string& path, bool resume, std::string& kept, diagnostics::Sink& sink) {
  path_ = path.substr(0, path.find_last_not_of('/') + 1);
  std::error_code error;
  if (!resume && std::filesystem::exists(file("config.json"), error)) {
    for (int n = 1; kept.empty() || std::filesystem::exists(kept, error); ++n) kept = fmt::format("{}.{}", path_, n);
    std::filesystem::rename(path_, kept, error);
  }
  if (!error) std::filesystem::create_directories(path_, error);
  if (!error) return true;
  sink.report<Kind::CannotWrite>({}, path, error.message());
  return false;
}

bool RunFolder::write(const std::string& name, std::string_view text, diagnostics::Sink& sink) const {
  std::error_code unused;
  std::filesystem::create_directories(std::filesystem::path(file(name)).parent_path(), unused);
  if (const data::FileError error = data::write_text(file(name), text)) {
    sink.report<Kind::CannotWrite>({}, file(name), error.what);
    return false;
  }
  return true;
}

bool RunFolder::write_config(const Arguments& a, const Script& script, const Machine& machine,
                             diagnostics::Sink& sink) const {
  nlohmann::ordered_json j;
  j["script"] = a.file;
  j["set"] = a.set, j["data"] = a.data, j["const"] = a.constants;
  j["version"] = version(), j["llvm"] = jit::llvm_version();
  j["cpu"] = machine.target.cpu, j["vector_bytes"] = machine.target.vector_bytes, j["threads"] = machine.threads;
  for (const auto& m : script.elaborated.models) {
    auto& model = j["models"][m.name];
    model["steps"] = m.steps, model["batch"] = m.batch, model["seed"] = m.seed, model["ema"] = m.average;
    model["precision"] = m.f64 ? "f64" : "f32";
    model["products"] = m.step.split_products ? "auto" : "plain";
    model["objective"] = m.objective_text;
    for (size_t i = 0; i < m.terms.size(); ++i) model["terms"][fmt::format("term{}", i + 1)] = m.terms[i].text;
    for (const auto& p : m.parameters) model["parameters"][p.name] = p.shape.text();
  }
  return write("config.json", j.dump(2) + "\n", sink) && write("script.am", script.sources.text(script.file), sink);
}

bool RunFolder::write_particles(const std::string& name, const flow::Particles& p, const data::View& view,
                                diagnostics::Sink& sink) const {
  const auto row = static_cast<size_t>(p.dimension);
  const size_t count = p.points[0].size() / row, width = row - view.moving + view.width();
  std::vector<double> x, w;
  for (const auto& points : p.points) {
    const std::vector<double> shown = view.positions(points, row);
    x.insert(x.end(), shown.begin(), shown.end());
  }
  for (const auto& weights : p.weights) w.insert(w.end(), weights.begin(), weights.end());
  data::Archive archive;
  archive["x"] = data::Array::of(std::span<const double>(x), {p.times.size(), count, width});
  if (const std::vector<std::string> genes = view.names(); !genes.empty())
    archive["genes"] = data::Array::of(fmt::format("{}", fmt::join(genes, "\n")));
  archive["t"] = data::Array::of(std::span<const double>(p.times), {p.times.size()});
  if (!w.empty()) archive["w"] = data::Array::of(std::span<const double>(w), {p.times.size(), count});
  if (!p.mass.empty()) archive["mass"] = data::Array::of(std::span<const double>(p.mass), {p.times.size()});
  if (const data::FileError error = data::write_npz(file(name), archive)) {
    sink.report<Kind::CannotWrite>({}, file(name), error.what);
    return false;
  }
  return true;
}

MetricsFile::MetricsFile(std::string path, const elaborate::Model& model, int from_step) : path_(std::move(path)) {
  header_ = "step,seconds,objective,gradient_norm,rate";
  for (size_t i = 0; i < model.terms.size(); ++i) header_ += fmt::format(",term{}", i + 1);
  columns_ = 5 + model.terms.size();
  if (from_step == 0) return;
  std::istringstream old(read_file(path_).value_or(""));
  std::string line;
  std::getline(old, line);
  if (line != header_) return;
  while (std::getline(old, line)) {
    std::vector<double> row;
    const char* at = line.c_str();
    for (char* end = nullptr; *at; at = *end ? end + 1 : end) {
      row.push_back(std::strtod(at, &end));
      if (end == at) break;
    }
    if (row.size() == columns_ && row[0] <= from_step) rows_.push_back(row);
  }
}

void MetricsFile::add(const flow::Progress& p) {
  std::vector<double> row{static_cast<double>(p.step), p.seconds, p.objective, p.gradient_norm, p.rate.value_or(NAN)};
  row.insert(row.end(), p.terms.begin(), p.terms.end());
  rows_.push_back(std::move(row));
}

bool MetricsFile::flush(diagnostics::Sink& sink) {
  std::string text = header_ + "\n";
  for (const auto& row : rows_) text += fmt::format("{:g}\n", fmt::join(row, ","));
  if (const data::FileError error = data::write_text(path_, text)) {
    sink.report<Kind::CannotWrite>({}, path_, error.what);
    return false;
  }
  return true;
}

report::Chart MetricsFile::chart(const elaborate::Model& model) const {
  report::Chart chart{.title = "Training of " + model.name, .x_label = "step", .y_label = "objective"};
  auto line = [&](std::string name, size_t column, bool dashed) {
    report::Series s{.name = std::move(name), .dashed = dashed};
    for (const auto& row : rows_) s.x.push_back(row[0]), s.y.push_back(row[column]);
    chart.series.push_back(std::move(s));
  };
  line("objective", 2, false);
  for (size_t i = 0; i < model.terms.size() && model.terms.size() > 1; ++i)
    line(fmt::format("term {}", i + 1), 5 + i, true);
  return chart;
}

}  // namespace am::program
