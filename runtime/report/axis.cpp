#include "runtime/report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/report/text.h"

namespace am::report {
namespace {

/// The 1, 2 or 5 times a power of ten nearest to `step` (on a logarithmic scale, about).
double nice(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  const double fraction = step / power;
  return power * (fraction < 1.4 ? 1 : fraction < 3.2 ? 2 : fraction < 7.1 ? 5 : 10);
}

Range widened(Range range) {
  if (range.empty()) return {0, 1};
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  if (range.high - range.low > 1e-12 * largest) return range;
  const double margin = largest > 1e-300 ? 0.1 * largest : 1;
  return {range.low - margin, range.high + margin};
}

int decimals(double step) { return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-6))); }

/// The value with as many decimals as the step asks for; beyond a million or below a thousandth, all ticks share a
/// power of ten.
std::string label(double value, double step, double largest) {
  const std::string sign = value < -0.5 * step ? "\u2212" : "";
  const double size = std::abs(value) < 0.5 * step ? 0 : std::abs(value);
  if (size == 0) return "0";
  if (largest >= 1e6 || largest < 1e-3) {
    const int exponent = static_cast<int>(std::floor(std::log10(largest) + 1e-9));
    const double unit = std::pow(10.0, exponent);
    return fmt::format("{}{:.{}f}·{}", sign, size / unit, decimals(step / unit), power_of_ten(exponent));
  }
  if (decimals(step) > 0) return fmt::format("{}{:.{}f}", sign, size, decimals(step));
  return sign + grouped(std::llround(size));
}

std::vector<Tick> multiples(double low, double high, double step) {
  std::vector<Tick> ticks;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  const double largest = std::max(std::abs(first), std::abs(last)) * step;
  for (int i = 0; i <= static_cast<int>(last - first); ++i) {
    const double value = (first + i) * step;
    ticks.push_back({value, label(value, step, largest)});
  }
  return ticks;
}

std::string log_label(int digit, int exponent) {
  const double value = digit * std::pow(10.0, exponent);
  if (exponent >= 0 && exponent <= 4) return grouped(std::llround(value));
  if (exponent < 0 && exponent >= -3) return fmt::format("{:.{}f}", value, -exponent);
  return (digit == 1 ? "" : fmt::format("{}·", digit)) + power_of_ten(exponent);
}

}  // namespace

bool drawable(double value) { return std::isfinite(value) && std::abs(value) < 1e150; }

void Range::add(double value) {
  if (!drawable(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

double Axis::at(double value) const {
  if (logarithmic) return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
  return (value - low) / (high - low);
}

Axis linear_axis(Range range, int count, bool outward) {
  range = widened(range);
  const double step = nice((range.high - range.low) / count);
  if (outward) {
    range.low = std::floor(range.low / step + 1e-9) * step;
    range.high = std::ceil(range.high / step - 1e-9) * step;
  }
  return {range.low, range.high, false, multiples(range.low, range.high, step)};
}

Axis log_axis(Range range) {
  if (range.empty()) return linear_axis(range, 5, false);
  if (range.high < 1.01 * range.low) range = {range.low / 2, range.high * 2};
  Axis axis{range.low, range.high, true, {}};
  const int first = static_cast<int>(std::floor(std::log10(range.low)));
  const int last = static_cast<int>(std::ceil(std::log10(range.high)));
  const int stride = (last - first) / 8 + 1;
  for (int exponent = first; exponent <= last; exponent += stride)
    for (const int digit : {1, 2, 5}) {
      const double value = digit * std::pow(10.0, exponent);
      const bool wanted = digit == 1 || last - first <= 2;
      if (wanted && value >= 0.999 * range.low && value <= 1.001 * range.high)
        axis.ticks.push_back({value, log_label(digit, exponent)});
    }
  if (axis.ticks.size() < 2) axis.ticks = linear_axis(range, 4, false).ticks;
  std::erase_if(axis.ticks, [](const Tick& tick) { return tick.value <= 0; });
  return axis;
}

}  // namespace am::report
