// Delimited text, row by row.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/data/file.h"

namespace am::data {

struct Row {
  size_t line = 0;  // of the file, from one; where the row begins
  std::vector<std::string_view> cells;
};

/// Walks over the rows of a delimited text: quotes as in RFC 4180, lines that end in LF or CRLF, a byte order mark.
/// Cells come without the blanks around them. Blank lines at the end are not rows.
class Rows {
 public:
  Rows(std::string_view text, char separator);

  /// The cells are valid until the next call.
  bool next(Row& row);

  /// The line of a quote that nothing closes, or 0. Such a quote ends the text.
  size_t unclosed_quote() const { return unclosed_; }

 private:
  std::string_view cell();
  std::string_view quoted_cell(size_t quote);
  size_t skip_blanks(size_t at) const;
  size_t cell_end(size_t at) const;

  std::string_view text_;
  char separator_;
  size_t at_ = 0;
  size_t line_ = 1;
  size_t unclosed_ = 0;
  std::deque<std::string> unquoted_;
};

/// A tab for `.tsv` and `.tsv.gz`, a comma for everything else.
char separator_of(std::string_view path);

/// The bytes of a file, inflated where it is gzipped.
FileError read_inflated(const std::string& path, Bytes& bytes);
/// Refuses binary data and UTF-16 in words.
FileError check_text(std::string_view text);

/// The whole cell as a number, among them `nan` and `inf`; what is too large for a double is infinite.
std::optional<double> number(std::string_view cell);

/// Text from a file as a message may print it: short, valid UTF-8, without control characters.
std::string shown(std::string_view text);

}  // namespace am::data
