#include <set>

#include "runtime/data/npz.h"
#include "runtime/flow/session.h"

namespace am::flow {

using data::Archive;
using data::ArchiveView;
using data::Array;
using data::ArrayView;
using diagnostics::Kind;
using elaborate::Model;

namespace {

std::vector<size_t> extents(const ir::Shape& s) {
  std::vector<size_t> out;
  for (int i = 0; i < s.rank; ++i) out.push_back(s[i]);
  return out;
}

std::string type_of(lower::Precision precision) { return precision == lower::Precision::F32 ? "<f4" : "<f8"; }

/// Every buffer of `w` with its name in the file and its shape, in order.
template <class W, class F>
void each(const Model& m, W& w, F f) {
  for (size_t k = 0; k < m.parameters.size(); ++k) {
    const auto& p = m.parameters[k];
    f("parameter/" + p.name, p.shape, w.parameters[k]);
    for (int s = 0; s < m.states; ++s) f(fmt::format("state/{}/{}", p.name, s), p.shape, w.states[k * m.states + s]);
    if (!w.averages.empty()) f("average/" + p.name, p.shape, w.averages[k]);
  }
  for (size_t k = 0; k < m.statistics.size(); ++k)
    f("statistic/" + m.statistics[k].name, m.statistics[k].shape, w.statistics[k]);
}

}  // namespace

bool save(const std::string& path, const Model& model, const Weights& weights, diagnostics::Sink& sink) {
  // Large models' weights are written from where they lie: a copy would be a quarter of a training's memory.
  ArchiveView archive;
  each(model, weights, [&](const std::string& name, const ir::Shape& shape, const Buffer& b) {
    archive.emplace(name, ArrayView{type_of(b.precision()), extents(shape), b.bytes()});
  });
  const int64_t steps[] = {weights.step};
  const Array step = Array::of(std::span<const int64_t>(steps), {}), name = Array::of(std::string_view(model.name));
  archive.emplace("step", step);
  archive.emplace("model", name);
  if (const data::FileError error = data::write_npz_from(path, archive)) {
    sink.report<Kind::CannotWrite>({}, path, error.what);
    return false;
  }
  return true;
}

std::optional<Weights> load(const std::string& path, const Model& model, diagnostics::Sink& sink) {
  Archive archive;
  auto refuse = [&](const std::string& why, bool there = true) -> std::optional<Weights> {
    sink.report<Kind::BadCheckpoint>(model.span, path, why).suggestion =
        there ? "the file is left as it is; `amc run` without `--resume`, or with another `--out`, trains anew"
              : "`amc run` makes it";
    return {};
  };
  if (const data::FileError error = data::read_npz(path, archive)) return refuse(error.what, !error.system);
  const lower::Precision precision = precision_of(model.f64);
  Weights w;
  for (const auto& p : model.parameters) {
    w.parameters.emplace_back(precision, p.shape.count());
    for (int s = 0; s < model.states; ++s) w.states.emplace_back(precision, p.shape.count());
    if (model.average > 0) w.averages.emplace_back(precision, p.shape.count());
  }
  for (const auto& p : model.statistics) w.statistics.emplace_back(precision, p.shape.count());
  std::string why;
  std::set<std::string> wanted{"step", "model"};
  each(model, w, [&](const std::string& name, const ir::Shape& shape, Buffer& b) {
    wanted.insert(name);
    auto it = archive.find(name);
    if (!why.empty()) return;
    if (it == archive.end())
      why = fmt::format("it has no `{}`; it was made by another script", name);
    else if (it->second.shape != extents(shape))
      why = fmt::format("`{}` has another shape there than the script's {}", name, shape.text());
    else if (it->second.dtype != type_of(precision))
      why = fmt::format("`{}` has type {} there, and the script trains in {}", name, it->second.dtype,
                        model.f64 ? "f64" : "f32");
    else
      std::copy(it->second.bytes.begin(), it->second.bytes.end(), b.bytes().begin());
  });
  if (!why.empty()) return refuse(why);
  for (const auto& [name, unused] : archive)
    if (!wanted.count(name)) return refuse(fmt::format("it holds `{}`, which the script's model does not have", name));
  auto step = archive.find("step");
  if (step == archive.end() || step->second.count() != 1) return refuse("it does not say which step it is of");
  w.step = static_cast<int>(step->second.at(0));
  if (w.step < 0) return refuse("its step is negative");
  return w;
}

}  // namespace am::flow
