#include <algorithm>
#include <utility>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/data/npy.h"

namespace am::data {
namespace {

template <class T>
double load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return static_cast<double>(value);
}

/// A truth value of any non-zero pattern counts one.
double load_truth(const std::byte* from) { return *from == std::byte{0} ? 0 : 1; }

/// One row for each element type: its name, its size, how to read it as a number.
struct Element {
  std::string_view dtype;
  size_t size;
  double (*load)(const std::byte*);
};

constexpr Element kElements[] = {
    {"<f4", 4, load<float>},    {"<f8", 8, load<double>},   {"|i1", 1, load<int8_t>},  {"<i2", 2, load<int16_t>},
    {"<i4", 4, load<int32_t>},  {"<i8", 8, load<int64_t>},  {"|u1", 1, load<uint8_t>}, {"<u2", 2, load<uint16_t>},
    {"<u4", 4, load<uint32_t>}, {"<u8", 8, load<uint64_t>}, {"|b1", 1, load_truth},
};

const Element* find_element(std::string_view dtype) {
  const auto* found = std::find_if(std::begin(kElements), std::end(kElements),
                                   [&](const Element& element) { return element.dtype == dtype; });
  return found == std::end(kElements) ? nullptr : found;
}

const Element& element_of(const Array& array) {
  const Element* element = find_element(array.dtype);
  AM_CHECK(element != nullptr, "an array has the element type `{}`", array.dtype);
  return *element;
}

template <class T>
Array make(std::string dtype, std::span<const T> values, std::vector<size_t> shape) {
  Array array{std::move(dtype), std::move(shape), {}};
  AM_CHECK(array.count() == values.size(), "{} values do not fill shape {}", values.size(), shape_text(array.shape));
  const auto bytes = std::as_bytes(values);
  array.bytes.assign(bytes.begin(), bytes.end());
  return array;
}

}  // namespace

size_t Array::count() const {
  size_t count = 1;
  for (const size_t extent : shape) count *= extent;
  return count;
}

double Array::at(size_t k) const {
  const Element& element = element_of(*this);
  AM_CHECK((k + 1) * element.size <= bytes.size(), "element {} of an array of {} bytes", k, bytes.size());
  return element.load(bytes.data() + k * element.size);
}

Array Array::of(std::span<const float> values, std::vector<size_t> shape) {
  return make("<f4", values, std::move(shape));
}
Array Array::of(std::span<const double> values, std::vector<size_t> shape) {
  return make("<f8", values, std::move(shape));
}
Array Array::of(std::span<const int64_t> values, std::vector<size_t> shape) {
  return make("<i8", values, std::move(shape));
}
Array Array::of(std::string_view text) { return make("|u1", std::span<const char>(text), {text.size()}); }

std::optional<size_t> element_size(std::string_view dtype) {
  const Element* element = find_element(dtype);
  return element == nullptr ? std::nullopt : std::optional(element->size);
}

std::vector<double> numbers(const Array& array) {
  const Element& element = element_of(array);
  std::vector<double> out(array.bytes.size() / element.size);
  for (size_t k = 0; k < out.size(); ++k) out[k] = element.load(array.bytes.data() + k * element.size);
  return out;
}

std::string shape_text(const std::vector<size_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace am::data
