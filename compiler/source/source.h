// Text and places in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace am::source {

/// Identifies one text among those that `Sources` holds.
struct FileId {
  uint32_t value = UINT32_MAX;
  bool operator==(const FileId&) const = default;
};

/// A range of bytes [begin, end) of one file. The default span points nowhere.
struct Span {
  FileId file;
  uint32_t begin = 0;
  uint32_t end = 0;
  bool known() const { return file.value != UINT32_MAX; }
  bool operator==(const Span&) const = default;
};

/// The smallest span that covers both; they lie in one file.
Span cover(Span a, Span b);

/// A place as an editor shows it: line and column count from one, columns in code points.
struct Location {
  std::string_view file;
  int line = 0;
  int column = 0;
  /// The line's text, and how many of its code points the span covers (at least one).
  std::string_view line_text;
  int width = 1;
};

/// Holds every text of a compilation, the standard library's among them.
class Sources {
 public:
  FileId add(std::string name, std::string text);
  std::string_view name(FileId file) const { return files_[file.value].name; }
  std::string_view text(FileId file) const { return files_[file.value].text; }
  std::string_view text(Span span) const;
  Location locate(Span span) const;
  size_t size() const { return files_.size(); }

 private:
  struct File {
    std::string name, text;
    std::vector<uint32_t> line_starts;
  };
  std::vector<File> files_;
};

/// Number of code points in valid UTF-8.
int code_points(std::string_view utf8);

/// Byte offset of the first byte that is not valid UTF-8, or npos.
size_t invalid_utf8(std::string_view text);

}  // namespace am::source
