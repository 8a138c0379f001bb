// One array in NumPy's format: parsed from bytes, and the header to write before its bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/data/file.h"
#include "runtime/data/npz.h"

namespace am::data {

/// The size in bytes of one element of a type that `Array` holds ("<f4", "|u1", …); nothing for other types.
std::optional<size_t> element_size(std::string_view dtype);

/// All elements as numbers, in order.
std::vector<double> numbers(const Array& array);

/// "[3, 4]", and "[]" for a single number.
std::string shape_text(const std::vector<size_t>& shape);

/// Understands versions 1 to 3. Big-endian and column-major arrays are converted, and half precision becomes "<f4";
/// text, dates, complex numbers, records and Python objects are refused in words.
FileError parse_npy(ByteView bytes, Array& array);

/// The header of version 1.0, padded with blanks so that the array's bytes begin at a multiple of 64.
std::string npy_header(const ArrayView& array);

}  // namespace am::data
