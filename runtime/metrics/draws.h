// Random numbers that depend on the seed alone, whatever the standard library.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace am::metrics {

class Draws {
 public:
  explicit Draws(uint64_t seed) : random_(seed) {}
  /// In (0, 1].
  double uniform() { return (static_cast<double>(random_() >> 11) + 1) * 0x1p-53; }
  /// Standard normal, by Box and Muller.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  /// 64 fair coins.
  uint64_t bits() { return random_(); }

 private:
  std::mt19937_64 random_;
};

}  // namespace am::metrics
