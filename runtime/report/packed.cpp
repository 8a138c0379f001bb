#include "runtime/report/packed.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace am::report {

std::string base64(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t there = std::min<size_t>(3, bytes.size() - i);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < there ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) result += k <= there ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return result;
}

std::string packed(std::span<const double> values, double low, double high) {
  constexpr double kEnd = 32767;
  std::vector<unsigned char> bytes;
  bytes.reserve(2 * values.size());
  for (const double value : values) {
    const double share = high > low ? (value - low) / (high - low) : 0.5;
    const auto code = static_cast<uint16_t>(static_cast<int16_t>(
        std::isfinite(value) ? std::lround(std::clamp(2 * share - 1, -1.0, 1.0) * kEnd) : -32768));
    bytes.push_back(static_cast<unsigned char>(code & 0xFF));
    bytes.push_back(static_cast<unsigned char>(code >> 8));
  }
  return base64(bytes);
}

}  // namespace am::report
