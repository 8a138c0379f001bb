#include "compiler/source/source.h"

#include <algorithm>

namespace am::source {

Span cover(Span a, Span b) {
  if (!a.known()) return b;
  if (!b.known()) return a;
  return {a.file, std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

FileId Sources::add(std::string name, std::string text) {
  File file{std::move(name), std::move(text), {0}};
  for (uint32_t i = 0; i < file.text.size(); ++i)
    if (file.text[i] == '\n') file.line_starts.push_back(i + 1);
  files_.push_back(std::move(file));
  return {static_cast<uint32_t>(files_.size() - 1)};
}

std::string_view Sources::text(Span span) const {
  if (!span.known()) return {};
  return text(span.file).substr(span.begin, span.end - span.begin);
}

Location Sources::locate(Span span) const {
  if (!span.known()) return {};
  const File& file = files_[span.file.value];
  auto after = std::upper_bound(file.line_starts.begin(), file.line_starts.end(), span.begin);
  const auto line = static_cast<size_t>(after - file.line_starts.begin() - 1);
  const uint32_t start = file.line_starts[line];
  const size_t newline = file.text.find('\n', start);
  const size_t stop = newline == std::string::npos ? file.text.size() : newline;
  const std::string_view text(file.text);
  const size_t begin = std::min<size_t>(span.begin, stop);
  const size_t end = std::clamp<size_t>(span.end, begin, stop);
  return {.file = file.name,
          .line = static_cast<int>(line) + 1,
          .column = code_points(text.substr(start, begin - start)) + 1,
          .line_text = text.substr(start, stop - start),
          .width = std::max(1, code_points(text.substr(begin, end - begin)))};
}

int code_points(std::string_view utf8) {
  return static_cast<int>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

size_t invalid_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return i;
    uint32_t point = length == 1 ? lead : lead & (0x7F >> length);
    for (int k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return i;
      point = point << 6 | (next & 0x3F);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < kLeast[length] || point > 0x10FFFF || surrogate) return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace am::source
