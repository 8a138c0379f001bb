// NumPy's .npy and .npz: a bounded reader and an atomic writer.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace am::data {

/// One array as it lies in a file: little endian, C order.
struct Array {
  std::string dtype;             // "<f4", "<f8", "<i4", "<i8", "|u1", "<u4", "<u8", "|i1", "<i2", "<u2", "|b1"
  std::vector<size_t> shape;
  std::vector<std::byte> bytes;

  size_t count() const;
  /// Element k as a number, whatever the type.
  double at(size_t k) const;

  static Array of(std::span<const float> values, std::vector<size_t> shape);
  static Array of(std::span<const double> values, std::vector<size_t> shape);
  static Array of(std::span<const int64_t> values, std::vector<size_t> shape);
  static Array of(std::string_view text);  // "|u1", the text's bytes
};

using Archive = std::map<std::string, Array>;

/// An array whose bytes are somebody else's: what is large is written from where it lies.
struct ArrayView {
  std::string dtype;
  std::vector<size_t> shape;
  std::span<const std::byte> bytes;

  ArrayView(std::string type, std::vector<size_t> extents, std::span<const std::byte> contents)
      : dtype(std::move(type)), shape(std::move(extents)), bytes(contents) {}
  explicit ArrayView(const Array& array) : ArrayView(array.dtype, array.shape, array.bytes) {}
  ArrayView(const Array&&) = delete;
};

using ArchiveView = std::map<std::string, ArrayView>;

/// What went wrong with a file: `system` tells the operating system's refusals from damaged contents.
struct FileError {
  std::string what;  // empty: nothing went wrong
  bool system = false;
  explicit operator bool() const { return !what.empty(); }
};

/// Reads every member (stored or deflated; zip64 is refused in words). Damaged, truncated or hostile files give an
/// error: no size in a file is believed before the bytes are there, and every member's CRC is checked.
FileError read_npz(const std::string& path, Archive& archive);
FileError read_npy(const std::string& path, Array& array);

/// Writes beside the file, flushes to disk, and renames: a reader sees the old file or the new one, never a part.
FileError write_npz_from(const std::string& path, const ArchiveView& archive);
FileError write_npz(const std::string& path, const Archive& archive);
FileError write_text(const std::string& path, std::string_view text);

}  // namespace am::data
