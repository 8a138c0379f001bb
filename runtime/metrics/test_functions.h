// Smooth functions of a point, by whose means laws are compared.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/metrics/metrics.h"

namespace am::metrics {

/// What a model does at points: rows of `drift` are [count, moving]; `noise` and `growth` one number each, or empty
/// where there is none.
struct Field {
  std::span<const double> drift, noise = {}, growth = {};
};

/// The coordinates that move; waves cos(ω·x) and sin(ω·x) of random ω; and, where mass may grow, the constant 1.
///
/// ω is normal, of the spectrum of a Gaussian kernel (Rahimi, Recht, NIPS 2007) whose width is, in coordinates divided
/// by their standard deviations, the median distance of two points, half of it, or a quarter, in turn. So the
/// functions do not depend on the units of the coordinates.
class TestFunctions {
 public:
  /// Scaled to `sample`; `waves` is even. Of its coordinates the first `moving` move, the others are conditions.
  TestFunctions(const Cloud& sample, int moving, int waves, bool constant, uint64_t seed);

  size_t count() const { return moving_ + 2 * frequencies() + (constant_ ? 1 : 0); }
  /// "x[2]", "cos(0.8·x[0] − 1.1·x[1])".
  std::string text(size_t k) const;
  /// φ_k at each point, [points, count()].
  std::vector<double> values(std::span<const double> points) const;
  /// v·∇φ_k + ½σ²Δφ_k + g·φ_k at each point, [points, count()]: how fast the mean of φ_k changes.
  std::vector<double> rates(std::span<const double> points, const Field& field) const;

 private:
  size_t frequencies() const { return omega_.size() / dimension_; }
  size_t dimension_, moving_;
  bool constant_;
  std::vector<double> omega_;  // [frequencies, dimension]
};

}  // namespace am::metrics
