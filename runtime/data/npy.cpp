#include "runtime/data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
/// NumPy's own limit, and a bound on what a hostile header can make us do.
constexpr size_t kLargestRank = 64;

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<size_t> shape;
};

/// Reads the header's text, a Python dictionary of three known keys, and nothing else that Python would accept.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  FileError read(Header& header) {
    if (!take('{')) return damaged();
    std::vector<std::string> seen;
    while (!take('}')) {
      std::string key;
      if (!quoted(key) || !take(':') || std::count(seen.begin(), seen.end(), key) != 0) return damaged();
      if (key == "descr" && take('[')) return {"it holds records, and only plain numbers are read"};
      const bool good = key == "descr"           ? quoted(header.descr)
                        : key == "fortran_order" ? truth(header.fortran_order)
                        : key == "shape"         ? tuple(header.shape)
                                                 : false;
      if (!good) return damaged();
      seen.push_back(key);
      if (!take(',') && !next_is('}')) return damaged();
    }
    skip_blanks();
    return seen.size() == 3 && at_ == text_.size() ? FileError{} : damaged();
  }

 private:
  static FileError damaged() { return {"its header is damaged"}; }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \n", at_), text_.size()); }

  bool next_is(char c) {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == c;
  }

  bool take(char c) {
    const bool there = next_is(c);
    at_ += there;
    return there;
  }

  bool take_word(std::string_view word) {
    skip_blanks();
    const bool there = text_.substr(at_).starts_with(word);
    if (there) at_ += word.size();
    return there;
  }

  /// A short text without escapes, in either quote.
  bool quoted(std::string& out) {
    const char quote = next_is('"') ? '"' : '\'';
    if (!take(quote)) return false;
    const size_t close = text_.find(quote, at_);
    if (close == std::string_view::npos) return false;
    out = text_.substr(at_, close - at_);
    at_ = close + 1;
    return out.find('\\') == std::string::npos;
  }

  bool truth(bool& out) {
    out = take_word("True");
    return out || take_word("False");
  }

  bool extent(size_t& out) {
    skip_blanks();
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), out);
    if (error != std::errc{}) return false;
    at_ += static_cast<size_t>(end - begin);
    // Python 2 marks long integers.
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;
    return true;
  }

  bool tuple(std::vector<size_t>& out) {
    if (!take('(')) return false;
    while (!take(')')) {
      if (out.size() == kLargestRank || !extent(out.emplace_back())) return false;
      if (!take(',') && !next_is(')')) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

uint32_t little_endian(ByteView bytes) {
  uint32_t value = 0;
  for (size_t k = 0; k < bytes.size(); ++k) value |= std::to_integer<uint32_t>(bytes[k]) << (8 * k);
  return value;
}

/// Splits a file into its header and the array's bytes.
FileError split(ByteView bytes, std::string_view& header, ByteView& body) {
  if (!as_text(bytes).starts_with(kMagic)) return {"it does not begin as a NumPy array does"};
  if (bytes.size() < kMagic.size() + 2) return {"its header breaks off"};
  const int version = std::to_integer<int>(bytes[kMagic.size()]);
  if (version < 1 || version > 3) return {fmt::format("its format version is {}, and 1 to 3 are known", version)};
  const size_t start = kMagic.size() + 2;
  const size_t width = version == 1 ? 2 : 4;
  if (bytes.size() < start + width) return {"its header breaks off"};
  const size_t length = little_endian(bytes.subspan(start, width));
  if (length > bytes.size() - start - width) return {"its header breaks off"};
  header = as_text(bytes.subspan(start + width, length));
  body = bytes.subspan(start + width + length);
  return {};
}

/// Why elements of a type that we do not read are not read.
std::string refuse(std::string_view descr) {
  switch (descr.size() > 1 ? descr[1] : '\0') {
    case 'O':
      return "it holds Python objects, and only plain numbers are read";
    case 'U':
    case 'S':
    case 'a':
      return "it holds text, and only numbers are read";
    case 'M':
    case 'm':
      return "it holds dates; store numbers such as days since the start instead";
    case 'c':
      return "it holds complex numbers; store real and imaginary parts as columns instead";
    case 'V':
      return "it holds records, and only plain numbers are read";
    default:
      return fmt::format("its element type `{}` is not read; store `<f4` or `<f8` instead", shown(descr));
  }
}

/// How elements lie in the file.
struct Layout {
  std::string dtype;  // as `Array` names it, or "<f2"
  size_t size = 0;
  bool swapped = false;
};

FileError understand(const std::string& descr, Layout& layout) {
  const bool known_order = descr.size() == 3 && std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
  if (!known_order) return {refuse(descr)};
  const std::string kind = descr.substr(1);
  layout.dtype = (kind[1] == '1' ? "|" : "<") + kind;
  layout.size = kind == "f2" ? 2 : element_size(layout.dtype).value_or(0);
  layout.swapped = descr[0] == '>';
  return layout.size == 0 ? FileError{refuse(descr)} : FileError{};
}

/// The bytes that the shape asks for, if such a number exists.
std::optional<size_t> bytes_needed(const std::vector<size_t>& shape, size_t element) {
  size_t bytes = element;
  for (const size_t extent : shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  return bytes;
}

void swap_bytes(Bytes& bytes, size_t element) {
  for (size_t k = 0; k < bytes.size(); k += element)
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(k), bytes.begin() + static_cast<ptrdiff_t>(k + element));
}

/// From first index fastest to last index fastest.
Bytes to_row_major(const Bytes& from, const std::vector<size_t>& shape, size_t element) {
  Bytes out(from.size());
  std::vector<size_t> stride(shape.size(), element), index(shape.size(), 0);
  for (size_t k = 1; k < shape.size(); ++k) stride[k] = stride[k - 1] * shape[k - 1];
  size_t source = 0;
  for (size_t target = 0; target < out.size(); target += element) {
    std::memcpy(out.data() + target, from.data() + source, element);
    for (size_t k = shape.size(); k-- > 0;) {
      source += stride[k];
      if (++index[k] < shape[k]) break;
      source -= stride[k] * shape[k];
      index[k] = 0;
    }
  }
  return out;
}

float from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float magnitude = exponent == 0   ? std::ldexp(static_cast<float>(fraction), -24)
                          : exponent < 31 ? std::ldexp(static_cast<float>(fraction + 1024), exponent - 25)
                          : fraction == 0 ? std::numeric_limits<float>::infinity()
                                          : std::numeric_limits<float>::quiet_NaN();
  return std::copysign(magnitude, bits >> 15 != 0 ? -1.0f : 1.0f);
}

void widen_halves(Array& array) {
  std::vector<float> values(array.bytes.size() / 2);
  for (size_t k = 0; k < values.size(); ++k) {
    uint16_t bits;
    std::memcpy(&bits, array.bytes.data() + 2 * k, 2);
    values[k] = from_half(bits);
  }
  array = Array::of(std::span<const float>(values), std::move(array.shape));
}

}  // namespace

FileError parse_npy(ByteView bytes, Array& array) {
  std::string_view text;
  ByteView body;
  Header header;
  Layout layout;
  if (FileError error = split(bytes, text, body)) return error;
  if (FileError error = HeaderReader(text).read(header)) return error;
  if (FileError error = understand(header.descr, layout)) return error;
  const std::optional<size_t> needed = bytes_needed(header.shape, layout.size);
  if (!needed) return {fmt::format("its shape {} is larger than any memory", shape_text(header.shape))};
  if (*needed != body.size())
    return {
        fmt::format("its shape {} needs {} bytes, and {} are there", shape_text(header.shape), *needed, body.size())};
  array = {layout.dtype, header.shape, Bytes(body.begin(), body.end())};
  if (layout.swapped) swap_bytes(array.bytes, layout.size);
  if (header.fortran_order && header.shape.size() > 1)
    array.bytes = to_row_major(array.bytes, array.shape, layout.size);
  if (layout.dtype == "<f2") widen_halves(array);
  return {};
}

std::string npy_header(const ArrayView& array) {
  std::string shape;
  for (const size_t extent : array.shape) shape += fmt::format("{}, ", extent);
  if (array.shape.size() == 1) shape.pop_back();
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", array.dtype, shape);
  constexpr size_t kPrefix = 10, kAlignment = 64;
  text.append(kAlignment - 1 - (kPrefix + text.size()) % kAlignment, ' ');
  text += '\n';
  AM_CHECK(text.size() <= UINT16_MAX, "a shape of rank {} does not fit a header", array.shape.size());
  std::string out(kMagic);
  out += {'\1', '\0', static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)};
  return out + text;
}

FileError read_npy(const std::string& path, Array& array) {
  Bytes bytes;
  if (FileError error = read_file(path, bytes)) return error;
  return parse_npy(bytes, array);
}

}  // namespace am::data
