#include "amc/pictures.h"

#include <algorithm>
#include <filesystem>

#include "runtime/data/npz.h"

namespace am::program {
namespace {

using diagnostics::Kind;

constexpr size_t kTimes = 41;      // of a field; between them it is interpolated
constexpr size_t kClouds = 50;     // times of draws from a path
constexpr int kSide = 41;          // of a field's grid
constexpr size_t kRates = 2'000'000;  // growth rates worked out at most
constexpr size_t kNumbers = 2'000'000;  // of one cloud kept at most

std::vector<size_t> evenly(size_t count, size_t limit) {
  std::vector<size_t> result;
  const size_t taken = std::min(count, limit);
  for (size_t i = 0; i < taken; ++i) result.push_back(taken == 1 ? 0 : i * (count - 1) / (taken - 1));
  return result;
}

/// Some rows of a cloud of the model's, as the view shows them.
std::vector<double> shown_rows(const std::vector<double>& cloud, int dimension, const data::View& view) {
  const size_t limit = std::max<size_t>(200, kNumbers / view.width());
  const auto rows = report::some_rows(cloud.size() / dimension, std::min(kMostParticles, limit));
  return view.positions(kept_rows(cloud, dimension, rows), static_cast<size_t>(dimension));
}

/// The snapshots that the model learned from, or draws of its path at the times of the particles, as the view shows them.
bool reference_of(const elaborate::Model& m, const flow::Particles& p, const data::View& view, const Machine& machine,
                  diagnostics::Sink& sink, report::Reference& out) {
  if (m.snapshots && m.moving == m.dimension) {
    const data::Snapshots& s = *m.snapshots->samples;
    const std::vector<double>& rows = m.snapshots->rows->get();
    out.label = s.name;
    for (size_t k = 0; k < s.times.size(); ++k) {
      const auto at = [&](size_t row) { return rows.begin() + static_cast<ptrdiff_t>(row * s.dimension); };
      out.times.push_back(s.times[k]);
      out.points.push_back(shown_rows({at(s.offsets[k]), at(s.offsets[k + 1])}, s.dimension, view));
    }
    return true;
  }
  out.label = "samples of the path";
  const size_t count = std::min(p.points[0].size() / p.dimension, kMostParticles);
  for (const size_t k : evenly(p.times.size(), kClouds)) {
    auto drawn = flow::draw(m.draw, m.dimension, p.times[k], count, 7, m.f64, machine, sink);
    if (!drawn) return false;
    out.times.push_back(p.times[k]);
    out.points.push_back(shown_rows(*drawn, m.dimension, view));
  }
  return true;
}

/// The model with only those of its functions that are asked for and that it has.
elaborate::Model only(const elaborate::Model& m, std::initializer_list<std::string_view> names) {
  elaborate::Model out = m;
  out.functions.outputs.clear(), out.functions.names.clear();
  for (size_t k = 0; k < m.functions.names.size(); ++k)
    if (std::find(names.begin(), names.end(), m.functions.names[k]) != names.end()) {
      out.functions.outputs.push_back(m.functions.outputs[k]);
      out.functions.names.push_back(m.functions.names[k]);
    }
  return out;
}

bool has(const elaborate::Model& m, std::string_view function) {
  const auto& names = m.functions.names;
  return std::find(names.begin(), names.end(), function) != names.end();
}

/// Places and velocities are those of the view, values and rates are the same in all coordinates.
bool add_field(const elaborate::Model& m, const flow::Weights& w, const flow::Particles& p, const data::View& view,
               const report::Reference& reference, const Machine& machine, diagnostics::Sink& sink, data::Archive& out) {
  report::Motion motion{.dimension = p.dimension, .times = p.times};
  for (const auto& cloud : p.points) motion.points.push_back(view.positions(cloud, 2));
  const auto frame = report::frame(motion, reference);
  std::vector<double> axes[2], times, points, at;
  for (int c = 0; c < 2; ++c)
    for (int k = 0; k < kSide; ++k) axes[c].push_back(frame[c][0] + (frame[c][1] - frame[c][0]) * k / (kSide - 1));
  for (const size_t k : evenly(p.times.size(), kTimes)) times.push_back(p.times[k]);
  for (const double t : times)
    for (const double y : axes[1])
      for (const double x : axes[0]) points.insert(points.end(), {x, y}), at.push_back(t);
  // The value is a potential where there is a gradient of it; of a velocity, it is the drift again.
  const auto asked = has(m, "gradient") ? only(m, {"value", "drift", "growth"}) : only(m, {"drift", "growth"});
  auto values = flow::functions_at(asked, w, view.to_model(points, 2), at, machine, sink);
  if (!values) return false;
  const size_t n = times.size(), side = kSide;
  out["grid_t"] = data::Array::of(std::span<const double>(times), {n});
  out["grid_x"] = data::Array::of(std::span<const double>(axes[0]), {side});
  out["grid_y"] = data::Array::of(std::span<const double>(axes[1]), {side});
  for (size_t k = 0; k < values->names.size(); ++k) {
    const std::string name = values->names[k] == "value" ? "potential" : values->names[k];
    std::vector<size_t> shape{n, side, side};
    if (name == "drift") values->values[k] = view.velocities(values->values[k]);
    if (values->sizes[k] > 1) shape.push_back(static_cast<size_t>(values->sizes[k]));
    const std::vector<float> single(values->values[k].begin(), values->values[k].end());
    out[name] = data::Array::of(std::span<const float>(single), shape);
  }
  return true;
}

bool add_rates(const elaborate::Model& m, const flow::Weights& w, const flow::Particles& p, const Machine& machine,
               diagnostics::Sink& sink, data::Archive& out) {
  const size_t count = p.points[0].size() / p.dimension;
  // Of those that a page shows at most, since the reader thins to these first.
  std::vector<size_t> rows = report::some_rows(count, kMostParticles);
  const auto kept = report::some_rows(rows.size(), kRates / p.times.size());
  for (size_t i = 0; i < kept.size(); ++i) rows[i] = rows[kept[i]];
  rows.resize(kept.size());
  std::vector<double> points, at;
  for (size_t k = 0; k < p.times.size(); ++k) {
    const std::vector<double> cloud = kept_rows(p.points[k], p.dimension, rows);
    points.insert(points.end(), cloud.begin(), cloud.end());
    at.insert(at.end(), rows.size(), p.times[k]);
  }
  const auto values = flow::functions_at(only(m, {"growth"}), w, points, at, machine, sink);
  if (!values) return false;
  const std::vector<float> single(values->values[0].begin(), values->values[0].end());
  out["rate"] = data::Array::of(std::span<const float>(single), {p.times.size(), rows.size()});
  return true;
}

/// The numbers of an array, [first][rest], if its shape fits `wanted`, where 0 stands for any size.
std::optional<std::vector<std::vector<double>>> rows_of(const data::Archive& archive, const std::string& name,
                                                        const std::vector<size_t>& wanted) {
  const auto found = archive.find(name);
  if (found == archive.end() || found->second.shape.size() != wanted.size()) return {};
  const data::Array& array = found->second;
  for (size_t k = 0; k < wanted.size(); ++k)
    if (wanted[k] != 0 && wanted[k] != array.shape[k]) return {};
  const size_t rows = array.shape[0], width = rows == 0 ? 0 : array.count() / rows;
  std::vector<std::vector<double>> out(rows);
  for (size_t i = 0; i < rows * width; ++i) out[i / width].push_back(array.at(i));
  return out;
}

std::optional<std::vector<double>> numbers_of(const data::Archive& archive, const std::string& name) {
  const auto found = archive.find(name);
  if (found == archive.end() || found->second.shape.size() != 1) return {};
  std::vector<double> out;
  for (size_t i = 0; i < found->second.count(); ++i) out.push_back(found->second.at(i));
  return out;
}

std::string text_of(const data::Archive& archive, const std::string& name) {
  const auto found = archive.find(name);
  if (found == archive.end()) return "";
  return {reinterpret_cast<const char*>(found->second.bytes.data()), found->second.bytes.size()};
}

bool increasing(const std::vector<double>& values) {
  return std::adjacent_find(values.begin(), values.end(), [](double a, double b) { return !(a < b); }) == values.end();
}

bool read_field(const data::Archive& archive, report::Motion& motion) {
  const auto t = numbers_of(archive, "grid_t"), x = numbers_of(archive, "grid_x"), y = numbers_of(archive, "grid_y");
  if (!t || !x || !y || t->empty() || x->size() < 2 || x->size() > 1000 || x->size() != y->size()) return false;
  const size_t n = t->size(), side = x->size();
  report::Field field{.side = static_cast<int>(side),
                      .low = {x->front(), y->front()},
                      .high = {x->back(), y->back()},
                      .times = *t};
  auto drift = rows_of(archive, "drift", {n, side, side, 2});
  if (!drift || !increasing(*t)) return false;
  field.drift = std::move(*drift);
  if (auto potential = rows_of(archive, "potential", {n, side, side})) field.potential = std::move(*potential);
  if (auto growth = rows_of(archive, "growth", {n, side, side})) field.growth = std::move(*growth);
  motion.field = std::move(field);
  return true;
}

}  // namespace

std::vector<double> kept_rows(const std::vector<double>& cloud, int dimension, const std::vector<size_t>& rows) {
  std::vector<double> result;
  result.reserve(rows.size() * static_cast<size_t>(dimension));
  for (const size_t i : rows)
    result.insert(result.end(), cloud.begin() + static_cast<ptrdiff_t>(i * dimension),
                  cloud.begin() + static_cast<ptrdiff_t>((i + 1) * dimension));
  return result;
}

std::string pictures_file(const std::string& sampling) { return "figures/" + sampling + ".npz"; }

bool write_pictures(const RunFolder& folder, const elaborate::Sampling& sampling, const elaborate::Model& model,
                    const flow::Weights& weights, const flow::Particles& particles, const Machine& machine,
                    diagnostics::Sink& sink) {
  data::Archive archive;
  report::Reference reference;
  const data::View& view = sampling.view;
  if (!reference_of(model, particles, view, machine, sink, reference)) return false;
  archive["data_of"] = data::Array::of(std::string_view(reference.label));
  archive["data_t"] = data::Array::of(std::span<const double>(reference.times), {reference.times.size()});
  for (size_t k = 0; k < reference.points.size(); ++k) {
    const std::vector<float> single(reference.points[k].begin(), reference.points[k].end());
    const size_t d = static_cast<size_t>(particles.dimension) - view.moving + view.width();
    archive[fmt::format("data_{}", k)] = data::Array::of(std::span<const float>(single), {single.size() / d, d});
  }
  if (model.dimension == 2 && model.moving == 2 && view.coordinates != data::Coordinates::Genes &&
      !add_field(model, weights, particles, view, reference, machine, sink, archive))
    return false;
  if (model.has_growth && !add_rates(model, weights, particles, machine, sink, archive)) return false;
  std::error_code unused;
  std::filesystem::create_directories(folder.file("figures"), unused);
  const std::string path = folder.file(pictures_file(sampling.name));
  if (const data::FileError error = data::write_npz(path, archive)) {
    sink.report<Kind::CannotWrite>({}, path, error.what);
    return false;
  }
  return true;
}

bool read_pictures(const RunFolder& folder, const std::string& sampling, report::Motion& motion,
                   report::Reference& reference, diagnostics::Sink& sink) {
  const std::string path = folder.file(pictures_file(sampling));
  data::Archive archive;
  const auto malformed = [&](std::string_view what) {
    sink.report<Kind::MalformedFile>({}, path, "npz", what).suggestion =
        "delete it: `amc report` makes it again where the data are still there";
    return false;
  };
  if (const data::FileError error = data::read_npz(path, archive)) return malformed(error.what);
  const auto times = numbers_of(archive, "data_t");
  if (!times) return malformed("`data_t` is missing");
  reference.label = text_of(archive, "data_of");
  reference.times = *times;
  for (size_t k = 0; k < times->size(); ++k) {
    const std::string name = fmt::format("data_{}", k);
    const auto found = archive.find(name);
    if (found == archive.end() || found->second.shape.size() != 2 ||
        found->second.shape[1] != static_cast<size_t>(motion.dimension))
      return malformed(fmt::format("`{}` is missing, or not of the particles' dimension", name));
    reference.points.emplace_back();
    for (size_t i = 0; i < found->second.count(); ++i) reference.points.back().push_back(found->second.at(i));
  }
  if (archive.count("grid_t") && (motion.dimension != 2 || !read_field(archive, motion)))
    return malformed("its grid is not one of a two-dimensional field");
  if (!archive.count("rate")) return true;
  // Rates belong to some of the particles, and the page shows no others.
  auto rates = rows_of(archive, "rate", {motion.times.size(), 0});
  if (!rates || rates->empty() || rates->front().empty()) return malformed("`rate` does not fit the particles");
  const size_t count = motion.points[0].size() / motion.dimension, kept = rates->front().size();
  const auto rows = report::some_rows(count, kept);
  if (rows.size() != kept) return malformed("`rate` does not fit the particles");
  for (size_t k = 0; k < motion.times.size(); ++k) {
    motion.points[k] = kept_rows(motion.points[k], motion.dimension, rows);
    if (k < motion.weights.size()) motion.weights[k] = kept_rows(motion.weights[k], 1, rows);
  }
  motion.growth = std::move(*rates);
  return true;
}

}  // namespace am::program
