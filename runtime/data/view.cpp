#include "runtime/data/view.h"

#include <numeric>

namespace am::data {
namespace {

/// The genes to show, all of them if none is chosen.
std::vector<size_t> shown_genes(const View& view) {
  if (!view.genes.empty()) return view.genes;
  std::vector<size_t> all(view.frame->components->genes());
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

/// Rows [count, row], of which the coordinates are mapped linearly and, as places are and directions are not, shifted.
std::vector<double> mapped(const View& view, std::span<const double> rows, size_t row, bool places) {
  const size_t moving = view.moving;
  const bool genes = view.coordinates == Coordinates::Genes;
  const std::vector<size_t> wanted = genes ? shown_genes(view) : std::vector<size_t>{};
  std::vector<double> out, x(moving);
  for (size_t at = 0; at + row <= rows.size(); at += row) {
    for (size_t k = 0; k < moving; ++k) {
      x[k] = rows[at + k];
      if (view.coordinates == Coordinates::Standardised || !view.standardised()) continue;
      x[k] = view.frame->scale[k] * x[k] + (places ? view.frame->mean[k] : 0);
    }
    if (!genes) out.insert(out.end(), x.begin(), x.end());
    for (const size_t gene : wanted) {
      const Components& c = *view.frame->components;
      double value = places && !c.centre.empty() ? c.centre[gene] : 0;
      for (size_t k = 0; k < moving; ++k) value += c.loadings[gene * moving + k] * x[k];
      out.push_back(value);
    }
    out.insert(out.end(), rows.begin() + static_cast<ptrdiff_t>(at + moving),
               rows.begin() + static_cast<ptrdiff_t>(at + row));
  }
  return out;
}

}  // namespace

size_t View::width() const { return coordinates == Coordinates::Genes ? shown_genes(*this).size() : moving; }

std::vector<std::string> View::names() const {
  std::vector<std::string> out;
  if (coordinates != Coordinates::Genes) return out;
  for (const size_t gene : shown_genes(*this)) out.push_back(frame->components->names[gene]);
  return out;
}

std::vector<double> View::positions(std::span<const double> points, size_t row) const {
  return mapped(*this, points, row, true);
}

std::vector<double> View::velocities(std::span<const double> velocities) const {
  return mapped(*this, velocities, moving, false);
}

std::vector<double> View::to_model(std::span<const double> points, size_t row) const {
  std::vector<double> out(points.begin(), points.end());
  if (coordinates == Coordinates::Standardised || !standardised()) return out;
  for (size_t at = 0; at + row <= out.size(); at += row)
    for (size_t k = 0; k < moving; ++k) out[at + k] = (out[at + k] - frame->mean[k]) / frame->scale[k];
  return out;
}

}  // namespace am::data
