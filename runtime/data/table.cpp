#include "runtime/data/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "compiler/source/source.h"

namespace am::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kLongestShown = 40;

std::string_view without_blank_end(std::string_view text) {
  while (!text.empty()) {
    const size_t newline = text.rfind('\n');
    const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    if (text.substr(start).find_first_not_of(" \r") != std::string_view::npos) break;
    text = text.substr(0, newline == std::string_view::npos ? 0 : newline);
  }
  return text;
}

}  // namespace

Rows::Rows(std::string_view text, char separator) : separator_(separator) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text_ = without_blank_end(text);
}

bool Rows::next(Row& row) {
  row.cells.clear();
  unquoted_.clear();
  row.line = line_;
  if (at_ >= text_.size()) return false;
  while (true) {
    row.cells.push_back(cell());
    if (at_ >= text_.size()) break;
    if (text_[at_++] != '\n') continue;
    ++line_;
    break;
  }
  return unclosed_ == 0;
}

size_t Rows::skip_blanks(size_t at) const {
  while (at < text_.size() && (text_[at] == ' ' || (text_[at] == '\t' && separator_ != '\t'))) ++at;
  return at;
}

size_t Rows::cell_end(size_t at) const {
  while (at < text_.size() && text_[at] != separator_ && text_[at] != '\n') ++at;
  return at;
}

/// Leaves `at_` at the separator or the end of line behind the cell.
std::string_view Rows::cell() {
  const size_t begin = skip_blanks(at_);
  if (begin < text_.size() && text_[begin] == '"') return quoted_cell(begin);
  at_ = cell_end(begin);
  std::string_view cell = text_.substr(begin, at_ - begin);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\r' || cell.back() == '\t')) cell.remove_suffix(1);
  return cell;
}

std::string_view Rows::quoted_cell(size_t quote) {
  std::string text;
  size_t from = quote + 1, close;
  while (true) {
    close = text_.find('"', from);
    if (close == std::string_view::npos) {
      unclosed_ = line_;
      at_ = text_.size();
      return {};
    }
    text += text_.substr(from, close - from);
    if (close + 1 >= text_.size() || text_[close + 1] != '"') break;
    text += '"';
    from = close + 2;
  }
  line_ += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  at_ = cell_end(close + 1);
  // Text behind the closing quote makes the quotes part of the cell, so that "1"2 does not pass for a number.
  const bool alone = text_.substr(close + 1, at_ - close - 1).find_first_not_of(" \r\t") == std::string_view::npos;
  if (!alone) return text_.substr(quote, at_ - quote);
  return unquoted_.emplace_back(std::move(text));
}

char separator_of(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  return path.ends_with(".tsv") ? '\t' : ',';
}

FileError read_inflated(const std::string& path, Bytes& bytes) {
  if (FileError error = read_file(path, bytes)) return error;
  return is_gzip(bytes) ? gunzip(bytes) : FileError{};
}

FileError check_text(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return {"it is UTF-16 text; save it as UTF-8"};
  if (text.substr(0, 4096).find('\0') != std::string_view::npos) return {"it holds binary data, not text"};
  return {};
}

std::optional<double> number(std::string_view cell) {
  if (cell.starts_with('+') && !cell.starts_with("+-")) cell.remove_prefix(1);
  double value = 0;
  const char* end = cell.data() + cell.size();
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return std::nullopt;
  // Only strtod tells too large from too small.
  if (error == std::errc::result_out_of_range) return std::strtod(std::string(cell).c_str(), nullptr);
  return value;
}

std::string shown(std::string_view text) {
  std::string out;
  size_t shown = 0;
  for (size_t at = 0; at < text.size(); ++shown) {
    if (shown == kLongestShown) return out + "…";
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    const std::string_view point = text.substr(at, length);
    const bool printable = lead >= 0x20 && lead != 0x7F && source::invalid_utf8(point) == std::string_view::npos;
    if (printable) out += point;
    if (!printable) out += fmt::format("\\x{:02x}", lead);
    at += printable ? length : 1;
  }
  return out;
}

}  // namespace am::data
