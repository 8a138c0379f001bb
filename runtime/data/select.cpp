#include "runtime/data/select.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <random>

namespace am::data {
namespace {

/// A random order of 0 … count − 1. The engine and the seed sequence are the same everywhere; the standard library's
/// shuffle is not.
std::vector<size_t> shuffled(size_t count, uint64_t seed, double time) {
  const auto t = std::bit_cast<uint64_t>(time);
  std::seed_seq words{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), static_cast<uint32_t>(t),
                      static_cast<uint32_t>(t >> 32)};
  std::mt19937_64 random(words);
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

size_t kept_of(size_t count, double keep) {
  if (keep >= 1 || count < 2) return count;
  return std::clamp<size_t>(static_cast<size_t>(std::llround(keep * static_cast<double>(count))), 1, count - 1);
}

/// Everything about the samples but the samples.
Snapshots frame_of(const Snapshots& all) {
  Snapshots out;
  out.name = all.name, out.dimension = all.dimension, out.columns = all.columns, out.time_name = all.time_name;
  out.frame = all.frame;
  if (!all.timed()) out.offsets = {0};
  return out;
}

/// Appends rows of a snapshot, if there are any.
void append(const Snapshots& all, size_t group, const std::vector<size_t>& rows, Snapshots& out) {
  if (rows.empty()) return;
  const auto width = static_cast<ptrdiff_t>(all.dimension);
  for (const size_t row : rows) {
    const auto begin = all.rows.begin() + static_cast<ptrdiff_t>(row) * width;
    out.rows.insert(out.rows.end(), begin, begin + width);
    if (!all.weights.empty()) out.weights.push_back(all.weights[row]);
    out.file_rows.push_back(all.file_row(row));
  }
  if (!all.timed()) {
    out.offsets = {0, out.count()};
    return;
  }
  if (out.offsets.empty()) out.offsets.push_back(0);
  out.offsets.push_back(out.count());
  out.times.push_back(all.times[group]);
  if (!all.masses.empty()) out.masses.push_back(all.masses[group]);
}

/// The snapshots that are left out; nothing after a report of a time that is not there.
std::optional<std::vector<bool>> left_out(const Snapshots& all, const std::vector<double>& times, source::Span span,
                                          diagnostics::Sink& sink) {
  std::vector<bool> out(all.groups(), false);
  for (const double time : times) {
    const std::optional<size_t> group = all.at(time);
    if (!group) {
      std::string known;
      for (const double t : all.times) known += fmt::format("{}{:g}", known.empty() ? "" : ", ", t);
      sink.report<diagnostics::Kind::MissingTime>(span, all.name, fmt::format("{:g}", time)).suggestion =
          known.empty() ? "name its time column" : fmt::format("its times are {}", known);
      return std::nullopt;
    }
    out[*group] = true;
  }
  return out;
}

}  // namespace

std::optional<Parts> part(const Snapshots& all, const Selection& selection, source::Span span,
                          diagnostics::Sink& sink) {
  const auto out = left_out(all, selection.without, span, sink);
  if (!out) return std::nullopt;
  Parts parts{frame_of(all), frame_of(all)};
  for (size_t group = 0; group < all.groups(); ++group) {
    const size_t first = all.offsets[group], count = all.offsets[group + 1] - first;
    const size_t keep = (*out)[group] ? 0 : kept_of(count, selection.keep);
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    if (keep > 0 && keep < count) order = shuffled(count, selection.seed, all.timed() ? all.times[group] : 0);
    for (size_t& row : order) row += first;
    std::vector<size_t> kept(order.begin(), order.begin() + static_cast<ptrdiff_t>(keep));
    std::vector<size_t> rest(order.begin() + static_cast<ptrdiff_t>(keep), order.end());
    std::sort(kept.begin(), kept.end());
    std::sort(rest.begin(), rest.end());
    append(all, group, kept, parts.kept);
    append(all, group, rest, parts.rest);
  }
  if (parts.kept.count() == 0) {
    sink.report<diagnostics::Kind::EmptyData>(span, all.name).suggestion = "leave out fewer times";
    return std::nullopt;
  }
  return parts;
}

std::shared_ptr<const Frame> standard_frame(const Snapshots& samples) {
  const auto width = static_cast<size_t>(samples.dimension);
  auto frame = samples.frame ? std::make_shared<Frame>(*samples.frame) : std::make_shared<Frame>();
  frame->of = samples.name;
  frame->mean.assign(width, 0);
  frame->scale.assign(width, 0);
  const auto weight = [&](size_t row) { return samples.weights.empty() ? 1.0 : samples.weights[row]; };
  double total = 0;
  for (size_t row = 0; row < samples.count(); ++row) {
    total += weight(row);
    for (size_t k = 0; k < width; ++k) frame->mean[k] += weight(row) * samples.rows[row * width + k];
  }
  for (double& mean : frame->mean) mean /= total;
  for (size_t row = 0; row < samples.count(); ++row)
    for (size_t k = 0; k < width; ++k) {
      const double from_mean = samples.rows[row * width + k] - frame->mean[k];
      frame->scale[k] += weight(row) * from_mean * from_mean;
    }
  for (size_t k = 0; k < width; ++k) {
    frame->scale[k] = std::sqrt(frame->scale[k] / total);
    // What rounding leaves of a coordinate that does not vary is no scale.
    if (!(frame->scale[k] > 1e-12 * std::abs(frame->mean[k]))) frame->scale[k] = 1;
  }
  return frame;
}

Snapshots in_frame(Snapshots samples, std::shared_ptr<const Frame> frame) {
  const auto width = static_cast<size_t>(samples.dimension);
  for (size_t k = 0; frame->standardised() && k < samples.rows.size(); ++k)
    samples.rows[k] = (samples.rows[k] - frame->mean[k % width]) / frame->scale[k % width];
  samples.frame = std::move(frame);
  return samples;
}

std::vector<double> counted_masses(const Snapshots& samples) {
  std::vector<double> out;
  for (size_t k = 0; k < samples.groups(); ++k) {
    double mass = 0;
    for (size_t row = samples.offsets[k]; row < samples.offsets[k + 1]; ++row)
      mass += samples.weights.empty() ? 1 : samples.weights[row];
    out.push_back(mass);
  }
  for (size_t k = out.size(); k-- > 0;) out[k] /= out[0];
  return out;
}

}  // namespace am::data
