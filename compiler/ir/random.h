// Philox4x32-10: counter-based random numbers (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011; constants from there). The same function in generated code, the interpreter and the host.
#pragma once

#include <array>
#include <cstdint>

namespace am::ir {

inline constexpr uint32_t kPhiloxM0 = 0xD2511F53, kPhiloxM1 = 0xCD9E8D57;
inline constexpr uint32_t kPhiloxW0 = 0x9E3779B9, kPhiloxW1 = 0xBB67AE85;

/// Ten rounds over `counter` with the 64-bit key {low, high}.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t key) {
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round, k0 += kPhiloxW0, k1 += kPhiloxW1) {
    const uint64_t p0 = uint64_t{kPhiloxM0} * counter[0], p1 = uint64_t{kPhiloxM1} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ k0, static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ k1, static_cast<uint32_t>(p0)};
  }
  return counter;
}

/// (2k + 1)·2⁻²⁴ with k the upper 23 bits: in (0, 1), exact in f32.
inline double unit_interval(uint32_t word) { return (2.0 * (word >> 9) + 1) * 0x1p-24; }

/// Element `element` of the draw `stream` for one sample at one step.
inline double uniform(uint64_t seed, uint32_t stream, uint32_t step, uint32_t sample, uint32_t element) {
  return unit_interval(philox({sample, element / 4, step, stream}, seed)[element % 4]);
}

/// √2 mod 1 in 32-bit fixed point, rounded to odd so that the period is 2³².
inline constexpr uint32_t kWeylIncrement = 0x6A09E667;

/// The low-discrepancy sequence u₀ + √2·i mod 1; `index` is step·count + sample and u₀ comes from the seed.
inline double weyl(uint64_t seed, uint32_t stream, uint32_t index) {
  const uint32_t start = philox({0, 0, 0, stream ^ 0x80000000u}, seed)[0];
  return unit_interval(start + index * kWeylIncrement);
}

}  // namespace am::ir
