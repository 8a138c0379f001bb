#include "amc/folder.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/data/npz.h"

namespace am::program {

using diagnostics::Kind;

std::string training_folder(const elaborate::Model& m) {
  std::string out = m.name;
  if (m.without) out += fmt::format("/without_{}", *m.without);
  if (!m.seeds.empty()) out += fmt::format("/seed_{}", m.seed);
  return out;
}

std::string training_name(const elaborate::Model& m) {
  std::string out = m.name;
  if (m.without) out += fmt::format(" without time {}", *m.without);
  if (!m.seeds.empty()) out += fmt::format(", seed {}", m.seed);
  return out;
}

std::vector<elaborate::Model> for_each_seed(const elaborate::Model& model) {
  std::vector<elaborate::Model> out(std::max<size_t>(1, model.seeds.size()), model);
  for (size_t k = 0; k < model.seeds.size(); ++k) out[k].seed = model.seeds[k];
  return out;
}

std::string particles_file(const Script& script, const elaborate::Sampling& sampling) {
  return script.elaborated.samplings.size() == 1 ? "paths.npz" : sampling.name + ".npz";
}

namespace {

/// The names of what a sampling's rows hold: genes or columns of the data, and conditions after them; none where the data
/// have no names for them.
std::vector<std::string> coordinates_of(const Script& script, const elaborate::Sampling& s) {
  std::vector<std::string> names = s.view.names();
  const elaborate::Model* m = script.elaborated.model(s.model);
  if (names.empty() && m && m->snapshots) names = m->snapshots->samples->columns;
  if (!m || names.size() != s.view.width()) return {};
  for (const auto& c : m->conditions)
    for (int i = 0; i < c.shape.count(); ++i)
      names.push_back(c.shape.rank == 0 ? c.name : fmt::format("{}[{}]", c.name, i));
  return names;
}

}  // namespace

RunFolder RunFolder::at(const std::string& path) {
  RunFolder folder;
  folder.path_ = path.substr(0, path.find_last_not_of('/') + 1);
  return folder;
}

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

bool RunFolder::open(const std::string& path, diagnostics::Sink& sink) {
  path_ = path.substr(0, path.find_last_not_of('/') + 1);
  if (std::filesystem::exists(file("config.json"))) return true;
  sink.report<Kind::BadCommandLine>({}, fmt::format("`--run {}` is not the folder of a run: it has no config.json", path));
  return false;
}

bool RunFolder::set_aside(const std::vector<std::string>& names, std::string& kept, diagnostics::Sink& sink) const {
  namespace fs = std::filesystem;
  std::error_code error;
  std::string to;
  for (const std::string& name : names) {
    if (error || !fs::exists(file(name), error)) continue;
    for (int n = 1; to.empty() || (kept.empty() && fs::exists(to, error)); ++n) to = file(fmt::format("earlier.{}", n));
    kept = to;
    const fs::path target = fs::path(to) / name;
    fs::create_directories(target.parent_path(), error);
    if (!error) fs::rename(file(name), target, error);
  }
  if (error) sink.report<Kind::CannotWrite>({}, to, error.message());
  return !error;
}

std::vector<std::string> RunFolder::of_finished_run() const {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  std::error_code error;
  if (!fs::exists(file("report.html"), error)) return out;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file() || at->path().filename() == "figures") out.push_back(at->path().filename());
  return out;
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
  std::error_code unused;
  j["called_in"] = std::filesystem::current_path(unused).string();
  j["set"] = a.set, j["data"] = a.data, j["const"] = a.constants;
  j["version"] = version(), j["llvm"] = jit::llvm_version();
  j["cpu"] = machine.target.cpu, j["vector_bytes"] = machine.target.vector_bytes, j["threads"] = machine.threads;
  for (const auto& m : script.elaborated.models) {
    auto& model = j["models"][m.name];
    model["steps"] = m.steps, model["batch"] = m.batch, model["seed"] = m.seed;
    if (!m.seeds.empty()) model["seeds"] = m.seeds;
    model["ema"] = m.average;
    model["precision"] = m.f64 ? "f64" : "f32";
    model["products"] = m.step.split_products ? "auto" : "plain";
    model["objective"] = m.objective_text;
    for (size_t i = 0; i < m.terms.size(); ++i) model["terms"][fmt::format("term{}", i + 1)] = m.terms[i].text;
    for (const auto& p : m.parameters) model["parameters"][p.name] = p.shape.text();
    if (m.snapshots && !m.snapshots->samples->time_name.empty()) model["time"] = m.snapshots->samples->time_name;
  }
  for (const auto& s : script.elaborated.samplings)
    j["samplings"][s.name] = {{"model", s.model}, {"file", particles_file(script, s)}, {"coordinates", coordinates_of(script, s)}};
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

std::optional<flow::Particles> RunFolder::read_particles(const std::string& name, diagnostics::Sink& sink) const {
  data::Archive archive;
  const auto malformed = [&](std::string_view what) {
    sink.report<Kind::MalformedFile>({}, file(name), "npz", what).suggestion =
        fmt::format("`amc sample SCRIPT --run {}` makes it again", path_);
    return std::nullopt;
  };
  if (const data::FileError error = data::read_npz(file(name), archive)) return malformed(error.what);
  const auto x = archive.find("x"), t = archive.find("t"), w = archive.find("w"), mass = archive.find("mass");
  if (x == archive.end() || t == archive.end() || x->second.shape.size() != 3 || t->second.shape.size() != 1 ||
      x->second.shape[0] != t->second.shape[0] || x->second.count() == 0)
    return malformed("it has no particles `x` [times, count, d] with their times `t`");
  const size_t times = x->second.shape[0], each = x->second.count() / times, count = x->second.shape[1];
  if (w != archive.end() && w->second.count() != times * count) return malformed("`w` does not fit `x`");
  flow::Particles out{.dimension = static_cast<int>(x->second.shape[2])};
  for (size_t k = 0; k < times; ++k) {
    out.times.push_back(t->second.at(k));
    out.points.emplace_back(each);
    for (size_t i = 0; i < each; ++i) out.points[k][i] = x->second.at(k * each + i);
    if (w == archive.end()) continue;
    out.weights.emplace_back(count);
    for (size_t i = 0; i < count; ++i) out.weights[k][i] = w->second.at(k * count + i);
    if (mass != archive.end() && mass->second.count() == times) out.mass.push_back(mass->second.at(k));
  }
  return out;
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

}  // namespace am::program
