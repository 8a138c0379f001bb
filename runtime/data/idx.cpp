#include "runtime/data/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "runtime/data/data.h"
#include "runtime/data/npy.h"
#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr size_t kMostAxes = 4;

struct Element {
  int code;
  std::string_view dtype;
};

constexpr Element kElements[] = {{0x08, "|u1"}, {0x09, "|i1"}, {0x0B, "<i2"},
                                 {0x0C, "<i4"}, {0x0D, "<f4"}, {0x0E, "<f8"}};

const Element* find_element(std::byte code) {
  const auto* found = std::find_if(std::begin(kElements), std::end(kElements),
                                   [&](const Element& element) { return element.code == std::to_integer<int>(code); });
  return found == std::end(kElements) ? nullptr : found;
}

size_t big_endian(ByteView bytes) {
  size_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | std::to_integer<size_t>(b);
  return value;
}

FileError read_array(const std::string& path, Array& array) {
  Bytes bytes;
  if (FileError error = read_inflated(path, bytes)) return error;
  return parse_idx(bytes, array);
}

/// "[:, 3, 5]" as one would write it in Python, for column k of an array of this shape.
std::string column_name(const std::vector<size_t>& shape, size_t k) {
  std::string out;
  for (size_t axis = shape.size(); axis-- > 1; k /= shape[axis]) out = fmt::format(", {}{}", k % shape[axis], out);
  return fmt::format("[:{}]", out);
}

bool add_labels(const std::string& path, source::Span span, diagnostics::Sink& sink, Snapshots& out) {
  Array labels;
  if (const FileError error = read_array(path, labels)) {
    report_file(error, path, "idx", span, sink);
    return false;
  }
  if (labels.shape.size() != 1 || labels.count() != out.count()) {
    sink.report<diagnostics::Kind::MalformedFile>(
        span, path, "idx",
        fmt::format("its array has shape {}, and one label for each of {} samples is needed", shape_text(labels.shape),
                    out.count()));
    return false;
  }
  std::vector<double> times = labels.dtype == "<f4" ? as_written(numbers(labels)) : numbers(labels);
  if (report_non_finite(times, {"[:]"}, path, span, sink)) return false;
  sort_by_time(times, out);
  out.offsets.clear();
  return group_by_time(times, "", span, sink, out);
}

}  // namespace

bool is_idx(ByteView bytes) {
  if (bytes.size() < 4 || bytes[0] != std::byte{0} || bytes[1] != std::byte{0}) return false;
  const auto axes = std::to_integer<size_t>(bytes[3]);
  return find_element(bytes[2]) != nullptr && axes >= 1 && axes <= kMostAxes;
}

FileError parse_idx(ByteView bytes, Array& array) {
  if (!is_idx(bytes)) return {"it does not begin as an IDX file does: two zeros, an element type, 1 to 4 axes"};
  const auto axes = std::to_integer<size_t>(bytes[3]);
  if (bytes.size() < 4 + 4 * axes) return {"its header breaks off"};
  array = {std::string(find_element(bytes[2])->dtype), {}, {}};
  const size_t size = element_size(array.dtype).value();
  size_t needed = size;
  bool countable = true;
  for (size_t axis = 0; axis < axes; ++axis) {
    array.shape.push_back(big_endian(bytes.subspan(4 + 4 * axis, 4)));
    countable = countable && !__builtin_mul_overflow(needed, array.shape.back(), &needed);
  }
  const ByteView body = bytes.subspan(4 + 4 * axes);
  if (!countable || needed != body.size())
    return {fmt::format("its shape {} does not fit the {} bytes that are there", shape_text(array.shape), body.size())};
  array.bytes.assign(body.begin(), body.end());
  for (auto at = array.bytes.begin(); at != array.bytes.end(); at += static_cast<ptrdiff_t>(size))
    std::reverse(at, at + static_cast<ptrdiff_t>(size));
  return {};
}

void flatten(Array& array) {
  size_t width = 1;
  for (size_t axis = 1; axis < array.shape.size(); ++axis) width *= array.shape[axis];
  if (array.shape.size() > 2) array.shape = {array.shape[0], width};
}

std::optional<Snapshots> read_idx(const std::string& path, const IdxOptions& options, source::Span span,
                                  diagnostics::Sink& sink) {
  Array array;
  if (const FileError error = read_array(path, array)) {
    report_file(error, path, "idx", span, sink);
    return std::nullopt;
  }
  const size_t width = array.count() == 0 ? 0 : array.count() / array.shape[0];
  if (width == 0 || width > INT_MAX) {
    sink.report<diagnostics::Kind::EmptyData>(span, path);
    return std::nullopt;
  }
  Snapshots out{.name = path, .dimension = static_cast<int>(width), .rows = numbers(array)};
  for (size_t k = 0; k < width; ++k) out.columns.push_back(column_name(array.shape, k));
  if (report_non_finite(out.rows, out.columns, path, span, sink)) return std::nullopt;
  out.offsets = {0, out.count()};
  if (!options.labels.empty() && !add_labels(options.labels, span, sink, out)) return std::nullopt;
  return out;
}

}  // namespace am::data
