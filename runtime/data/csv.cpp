#include <algorithm>
#include <cmath>

#include "runtime/data/data.h"
#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

using diagnostics::Kind;
using diagnostics::Sink;
using source::Span;

/// Where in a row the numbers lie that we want.
struct Selection {
  std::vector<size_t> columns;
  std::optional<size_t> time, weight;
};

/// A header made of numbers is the first row of a file without header, unless it counts columns as pandas does.
bool looks_like_data(const std::vector<std::string>& header) {
  bool counts = true;
  for (size_t k = 0; k < header.size(); ++k) {
    if (!number(header[k])) return false;
    counts = counts && header[k] == std::to_string(k);
  }
  return !counts;
}

/// Why a header cannot be one; empty if it can.
std::string refuse_header(const std::vector<std::string>& header, char separator) {
  const std::string& first = header.front();
  const auto holds_return = [](const std::string& name) { return name.find('\r') != std::string::npos; };
  if (std::any_of(header.begin(), header.end(), holds_return))
    return "its lines end in a bare carriage return; save it with line feeds";
  if (looks_like_data(header)) return "its first line must name the columns, and holds numbers";
  if (header.size() > 1) return "";
  if (first.find(';') != std::string::npos) return "its cells are separated by semicolons, and commas are needed";
  if (separator != '\t' && first.find('\t') != std::string::npos)
    return "its cells are separated by tabs; give it a name that ends in .tsv";
  return "";
}

/// Finds columns by name and reports those that are not there or are there twice.
class Finder {
 public:
  Finder(const std::string& path, const std::vector<std::string>& header, Span span, Sink& sink)
      : path_(path), header_(header), span_(span), sink_(sink) {}

  size_t find(const std::string& name) {
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found == header_.end() && ++missing_ <= kMostMissing)
      report_missing(path_, name, header_, "columns", span_, sink_);
    if (found != header_.end() && std::find(found + 1, header_.end(), name) != header_.end())
      malformed(fmt::format("two of its columns are named `{}`", shown(name)));
    return static_cast<size_t>(found - header_.begin());
  }

  /// Every column but the time and the weight.
  std::vector<size_t> all_but(std::optional<size_t> time, std::optional<size_t> weight) {
    std::vector<size_t> columns;
    for (size_t k = 0; k < header_.size(); ++k) {
      if (k == time || k == weight) continue;
      if (header_[k].empty()) malformed(fmt::format("its column {} has no name; say which columns are meant", k + 1));
      columns.push_back(k);
    }
    if (columns.empty()) malformed("it has no column but the time");
    return columns;
  }

  bool failed() const { return failed_ || missing_ > 0; }

 private:
  static constexpr size_t kMostMissing = 5;

  void malformed(const std::string& what) {
    if (!failed_) sink_.report<Kind::MalformedFile>(span_, path_, "csv", what);
    failed_ = true;
  }

  const std::string& path_;
  const std::vector<std::string>& header_;
  Span span_;
  Sink& sink_;
  size_t missing_ = 0;
  bool failed_ = false;
};

std::optional<Selection> select(const std::string& path, const std::vector<std::string>& header,
                                const CsvOptions& options, Span span, Sink& sink) {
  const std::string wrong = refuse_header(header, separator_of(path));
  if (!wrong.empty()) {
    sink.report<Kind::MalformedFile>(span, path, "csv", wrong);
    return std::nullopt;
  }
  Finder finder(path, header, span, sink);
  Selection selection;
  if (!options.time.empty()) selection.time = finder.find(options.time);
  for (const std::string& name : options.columns) selection.columns.push_back(finder.find(name));
  if (!options.weight.empty()) selection.weight = finder.find(options.weight);
  if (options.columns.empty() && !finder.failed())
    selection.columns = finder.all_but(selection.time, selection.weight);
  return finder.failed() ? std::nullopt : std::optional(std::move(selection));
}

/// Turns the rows of a table into numbers.
class CellReader {
 public:
  CellReader(const std::string& path, const std::vector<std::string>& header, const Selection& selection, Span span)
      : path_(path), header_(header), selection_(selection), problems_(span) {}

  void read(Rows& rows) {
    Row row;
    for (size_t row_number = 1; rows.next(row); ++row_number) {
      if (row.cells.size() != header_.size()) {
        problems_.add<Kind::RaggedRow>(path_, row.line, row.cells.size(), header_.size());
        continue;
      }
      if (selection_.time) times.push_back(read_cell(row, row_number, *selection_.time));
      if (selection_.weight) weights.push_back(read_cell(row, row_number, *selection_.weight));
      for (const size_t column : selection_.columns) values.push_back(read_cell(row, row_number, column));
    }
  }

  Problems& problems() { return problems_; }

  std::vector<double> values;  // [rows, columns]
  std::vector<double> times;   // [rows], if there is a time column
  std::vector<double> weights;  // [rows], if there is a column of weights

 private:
  double read_cell(const Row& row, size_t row_number, size_t column) {
    const std::string_view cell = row.cells[column];
    const std::optional<double> value = number(cell);
    if (!value)
      problems_.add<Kind::BadCell>(path_, row.line, shown(header_[column]), shown(cell));
    else if (!std::isfinite(*value))
      problems_.add<Kind::NonFiniteCell>(path_, row_number, shown(header_[column]), shown(cell));
    return value.value_or(0);
  }

  const std::string& path_;
  const std::vector<std::string>& header_;
  const Selection& selection_;
  Problems problems_;
};

bool report_unclosed(const std::string& path, const Rows& rows, Span span, Sink& sink) {
  if (rows.unclosed_quote() == 0) return false;
  const std::string what = fmt::format("the quote opened in line {} is never closed", rows.unclosed_quote());
  sink.report<Kind::MalformedFile>(span, path, "csv", what);
  return true;
}

std::optional<Snapshots> read_rows(const std::string& path, const CsvOptions& options, Rows& rows, Span span,
                                   Sink& sink) {
  Row first;
  const bool empty = !rows.next(first);
  if (report_unclosed(path, rows, span, sink)) return std::nullopt;
  if (empty) {
    sink.report<Kind::EmptyData>(span, path);
    return std::nullopt;
  }
  const std::vector<std::string> header(first.cells.begin(), first.cells.end());
  const std::optional<Selection> selection = select(path, header, options, span, sink);
  if (!selection) return std::nullopt;
  CellReader cells(path, header, *selection, span);
  cells.read(rows);
  if (report_unclosed(path, rows, span, sink)) return std::nullopt;
  if (cells.problems().report(sink)) return std::nullopt;
  if (cells.values.empty()) {
    sink.report<Kind::EmptyData>(span, path);
    return std::nullopt;
  }
  Snapshots out{
      .name = path, .dimension = static_cast<int>(selection->columns.size()), .rows = std::move(cells.values)};
  for (const size_t column : selection->columns) out.columns.push_back(header[column]);
  out.offsets = {0, out.count()};
  if (selection->time) {
    out.offsets.clear();
    const std::string help = fmt::format("sort the rows of the file by its column `{}`", options.time);
    if (!group_by_time(cells.times, help, span, sink, out)) return std::nullopt;
  }
  if (selection->weight && !add_weights(std::move(cells.weights), options.weight, span, sink, out)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<Snapshots> read_csv(const std::string& path, const CsvOptions& options, Span span, Sink& sink) {
  Bytes bytes;
  FileError error = read_inflated(path, bytes);
  const std::string_view format = error && is_gzip(bytes) ? "gzip" : "csv";
  if (!error) error = check_text(as_text(bytes));
  if (error) {
    report_file(error, path, format, span, sink);
    return std::nullopt;
  }
  Rows rows(as_text(bytes), separator_of(path));
  return read_rows(path, options, rows, span, sink);
}

}  // namespace am::data
