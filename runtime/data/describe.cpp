#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/data/archive.h"
#include "runtime/data/data.h"
#include "runtime/data/h5ad.h"
#include "runtime/data/idx.h"
#include "runtime/data/npy.h"
#include "runtime/data/profile.h"
#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr size_t kMostColumns = 40;

enum class Format { Table, Npy, Npz, Idx };

/// By the first bytes, and where those say nothing by the name.
Format format_of(std::string_view path, std::string_view bytes) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (bytes.starts_with("PK\x03\x04") || path.ends_with(".npz")) return Format::Npz;
  if (bytes.starts_with("\x93NUMPY") || path.ends_with(".npy")) return Format::Npy;
  if (is_idx(as_bytes(bytes)) || path.ends_with("-ubyte")) return Format::Idx;
  return Format::Table;
}

// --- tables ---

struct Column {
  std::string name;
  Figures figures;
  size_t texts = 0;  // cells that are no numbers, empty ones among them
  size_t first_text_line = 0;
  std::string first_text;

  bool numeric() const { return figures.finite > 0 && figures.finite >= texts; }
};

struct Sheet {
  std::vector<Column> columns;
  std::vector<double> values;  // [rows, columns], not a number where a cell is none
  size_t ragged = 0, first_ragged_line = 0;

  size_t rows() const { return columns.empty() ? 0 : values.size() / columns.size(); }
  std::vector<double> column(size_t k) const {
    std::vector<double> out;
    for (; k < values.size(); k += columns.size()) out.push_back(values[k]);
    return out;
  }
};

void add_cell(Sheet& sheet, Column& column, std::string_view cell, size_t line) {
  const std::optional<double> value = number(cell);
  sheet.values.push_back(value.value_or(std::numeric_limits<double>::quiet_NaN()));
  if (value) {
    column.figures.add(*value);
  } else if (column.texts++ == 0) {
    column.first_text_line = line;
    column.first_text = shown(cell);
  }
}

Sheet read_sheet(Rows& rows) {
  Sheet sheet;
  Row row;
  rows.next(row);
  for (const std::string_view name : row.cells) sheet.columns.push_back({std::string(name)});
  while (rows.next(row)) {
    if (row.cells.size() != sheet.columns.size()) {
      if (sheet.ragged++ == 0) sheet.first_ragged_line = row.line;
      continue;
    }
    for (size_t k = 0; k < row.cells.size(); ++k) add_cell(sheet, sheet.columns[k], row.cells[k], row.line);
  }
  return sheet;
}

std::string column_type(const Column& column) {
  if (!column.numeric()) return "text";
  return column.figures.whole ? "integer" : "real";
}

std::string columns_text(const Sheet& sheet) {
  std::string out;
  for (size_t k = 0; k < std::min(sheet.columns.size(), kMostColumns); ++k) {
    const Column& column = sheet.columns[k];
    const std::string range =
        column.numeric() ? range_text(column.figures) : fmt::format("first `{}`", column.first_text);
    out += fmt::format("  {:<12} {:<8} {}\n", shown(column.name), column_type(column), range);
  }
  if (sheet.columns.size() > kMostColumns) out += fmt::format("  and {} more\n", sheet.columns.size() - kMostColumns);
  return out;
}

std::optional<size_t> guess_time(const Sheet& sheet) {
  std::optional<size_t> best;
  for (size_t k = 0; k < sheet.columns.size(); ++k) {
    const int likeness = time_likeness(sheet.columns[k].name);
    if (likeness == 0 || (best && likeness <= time_likeness(sheet.columns[*best].name))) continue;
    if (could_be_times(sheet.column(k))) best = k;
  }
  return best;
}

Findings sheet_findings(const Sheet& sheet, std::optional<size_t> time) {
  Findings findings;
  findings.add(sheet.ragged, fmt::format("{} with another number of cells than the header, the first in line {}",
                                         counted(sheet.ragged, "row"), sheet.first_ragged_line));
  for (const Column& column : sheet.columns) {
    const std::string name = shown(column.name);
    findings.add(column.figures.non_finite,
                 fmt::format("column `{}`: {}", name, counted(column.figures.non_finite, "non-finite value")));
    findings.add(column.numeric() ? column.texts : 0,
                 fmt::format("column `{}`: {} not a number, the first `{}` in line {}", name,
                             counted(column.texts, "cell"), column.first_text, column.first_text_line));
  }
  const size_t out_of_order = time ? falls(sheet.column(*time)) : 0;
  findings.rows(duplicate_rows(sheet.values, sheet.columns.size()), out_of_order,
                time ? shown(sheet.columns[*time].name) : "");
  return findings;
}

/// A column that sounds like weights and could be: numbers from 0 on.
std::optional<size_t> guess_weight(const Sheet& sheet) {
  for (size_t k = 0; k < sheet.columns.size(); ++k) {
    const Column& column = sheet.columns[k];
    if (is_weight(column.name) && column.texts == 0 && column.figures.non_finite == 0 && column.figures.least >= 0)
      return k;
  }
  return std::nullopt;
}

/// The argument `columns = …`, empty where the default, every column but the time and the weight, is what one wants.
std::string columns_argument(const Sheet& sheet, std::optional<size_t> time, std::optional<size_t> weight) {
  std::vector<std::string> names;
  bool all = true;
  for (size_t k = 0; k < sheet.columns.size(); ++k) {
    if (k == time || k == weight) continue;
    const bool wanted = sheet.columns[k].numeric() && !sheet.columns[k].name.empty();
    if (wanted) names.push_back(sheet.columns[k].name);
    all = all && wanted;
  }
  if (const std::optional<std::string> range = as_range(names)) return fmt::format(", columns = {}", *range);
  if (all || names.empty()) return "";
  for (std::string& name : names) name = quoted(name);
  return fmt::format(", columns = [{}]", fmt::join(names, ", "));
}

std::string describe_table(const std::string& path, std::string_view text, diagnostics::Sink& sink) {
  Rows rows(text, separator_of(path));
  const Sheet sheet = read_sheet(rows);
  const FileError binary = check_text(text);
  if (binary || rows.unclosed_quote() != 0) {
    const std::string open = fmt::format("the quote opened in line {} is never closed", rows.unclosed_quote());
    report_file({binary ? binary.what : open}, path, "csv", {}, sink);
    return "";
  }
  if (sheet.rows() == 0 && sheet.ragged == 0) {
    sink.report<diagnostics::Kind::EmptyData>({}, path);
    return "";
  }
  const std::optional<size_t> time = guess_time(sheet);
  const std::string time_name = time ? sheet.columns[*time].name : "";
  std::string out = fmt::format("{}: {}, {}\n\n{}\n", path, counted(sheet.rows(), "row"),
                                counted(sheet.columns.size(), "column"), columns_text(sheet));
  out += time ? times_text(shown(time_name), sheet.column(*time)) : "no column is named like a time\n";
  const std::optional<size_t> weight = guess_weight(sheet);
  const std::string time_argument = time ? fmt::format(", time = {}", quoted(time_name)) : "";
  const std::string weight_argument = weight ? fmt::format(", weight = {}", quoted(sheet.columns[*weight].name)) : "";
  return out + fmt::format("\n{}\ndata cells = csv({}{}{}{})\n", sheet_findings(sheet, time).text(), quoted(path),
                           time_argument, columns_argument(sheet, time, weight), weight_argument);
}

// --- arrays ---

/// An array with its name, or with why it cannot be read.
struct NamedArray {
  std::string name;
  Array array;
  std::string refusal;

  bool readable() const { return refusal.empty(); }
  size_t rank() const { return array.shape.size(); }
};

/// "float32" for "<f4".
std::string type_word(const Array& array) {
  const char kind = array.dtype[1];
  const std::string_view word = kind == 'f' ? "float" : kind == 'i' ? "int" : kind == 'u' ? "uint" : "bool";
  return kind == 'b' ? "bool" : fmt::format("{}{}", word, 8 * (array.dtype[2] - '0'));
}

Figures figures_of(const Array& array) {
  Figures figures;
  for (const double value : numbers(array)) figures.add(value);
  return figures;
}

std::string array_text(const NamedArray& named) {
  if (!named.readable()) return fmt::format("  {:<20} not readable: {}\n", shown(named.name), named.refusal);
  return fmt::format("  {:<20} {:<8} {:<14} {}\n", shown(named.name), type_word(named.array),
                     shape_text(named.array.shape), range_text(figures_of(named.array)));
}

/// How well an array would do as coordinates: by name, then by rank. Texts kept as bytes, times, weights and moments
/// would not.
int x_likeness(const NamedArray& named) {
  if (!named.readable() || named.rank() < 1 || named.rank() > 2 || named.array.count() == 0) return 0;
  if (named.rank() == 1 && (named.array.dtype == "|u1" || time_likeness(named.name) > 0 || is_weight(named.name)))
    return 0;
  const bool by_name = named.name == "X" || named.name == "x";
  return (by_name ? 4 : 0) + (named.rank() == 2 ? 2 : 1);
}

/// Samples in an array that no `data` line reads: a file of `amc sample`, with x [times, count, d] and t [times].
const NamedArray* recorded_paths(const std::vector<NamedArray>& arrays) {
  const auto named = [&](std::string_view name, size_t rank) {
    const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const NamedArray& array) {
      return array.name == name && array.readable() && array.rank() == rank;
    });
    return found == arrays.end() ? nullptr : &*found;
  };
  const NamedArray *x = named("x", 3), *t = named("t", 1);
  return x != nullptr && t != nullptr && x->array.shape[0] == t->array.shape[0] ? x : nullptr;
}

const NamedArray* guess_x(const std::vector<NamedArray>& arrays) {
  const NamedArray* best = nullptr;
  for (const NamedArray& named : arrays)
    if (x_likeness(named) > (best == nullptr ? 0 : x_likeness(*best))) best = &named;
  return best;
}

const NamedArray* guess_times(const std::vector<NamedArray>& arrays, const NamedArray* x) {
  const NamedArray* best = nullptr;
  for (const NamedArray& named : arrays) {
    const int likeness = time_likeness(named.name);
    if (x == nullptr || &named == x || !named.readable() || named.rank() != 1) continue;
    if (named.array.shape[0] != x->array.shape[0] || !could_be_times(numbers(named.array))) continue;
    if (likeness > (best == nullptr ? 0 : time_likeness(best->name))) best = &named;
  }
  return best;
}

const NamedArray* guess_weights(const std::vector<NamedArray>& arrays, const NamedArray& x) {
  for (const NamedArray& named : arrays) {
    if (!is_weight(named.name) || !named.readable() || named.array.shape != std::vector{x.array.shape[0]}) continue;
    const Figures figures = figures_of(named.array);
    if (figures.non_finite == 0 && figures.least >= 0) return &named;
  }
  return nullptr;
}

size_t duplicates_in(const NamedArray& x, const NamedArray* time) {
  const std::vector<double> coordinates = numbers(x.array);
  const size_t count = x.array.shape[0], width = count == 0 ? 0 : coordinates.size() / count;
  const std::vector<double> times = time == nullptr ? std::vector<double>(count, 0) : numbers(time->array);
  std::vector<double> rows;
  for (size_t row = 0; row < count; ++row) {
    rows.push_back(times[row]);
    rows.insert(rows.end(), coordinates.begin() + static_cast<ptrdiff_t>(row * width),
                coordinates.begin() + static_cast<ptrdiff_t>((row + 1) * width));
  }
  return duplicate_rows(rows, width + 1);
}

std::string arrays_findings(const std::vector<NamedArray>& arrays, const NamedArray& x, const NamedArray* time) {
  Findings findings;
  for (const NamedArray& named : arrays) {
    const size_t bad = named.readable() ? figures_of(named.array).non_finite : 0;
    findings.add(bad, fmt::format("`{}`: {}", shown(named.name), counted(bad, "non-finite value")));
  }
  findings.rows(duplicates_in(x, time), time == nullptr ? 0 : falls(numbers(time->array)),
                time == nullptr ? "" : shown(time->name));
  return findings.text();
}

/// `source` is the name of the data source that reads the file.
std::string describe_arrays(const std::string& path, const std::vector<NamedArray>& arrays, std::string_view source) {
  const bool npz = source == "npz";
  std::string out = fmt::format("{}: {}\n\n", path, counted(arrays.size(), "array"));
  for (const NamedArray& named : arrays) out += array_text(named);
  if (const NamedArray* paths = recorded_paths(arrays))
    return out + fmt::format("\nparticles of a run, {} at {} recorded in `x`: a result, not samples for a `data` line\n",
                             counted(paths->array.shape[1], "particle"), counted(paths->array.shape[0], "time"));
  const NamedArray* x = guess_x(arrays);
  if (x == nullptr) return out + "\nno array has shape [count, d] or [count], so there are no samples to read\n";
  const NamedArray* time = npz ? guess_times(arrays, x) : nullptr;
  out += fmt::format("\n{}", time == nullptr ? "no times\n" : times_text(shown(time->name), numbers(time->array)));
  out += fmt::format("\n{}", arrays_findings(arrays, *x, time));
  if (!npz) return out + fmt::format("\ndata cells = {}({})\n", source, quoted(path));
  const std::string time_argument = time == nullptr ? "" : fmt::format(", time = {}", quoted(time->name));
  const NamedArray* weight = guess_weights(arrays, *x);
  const std::string weight_argument = weight == nullptr ? "" : fmt::format(", weight = {}", quoted(weight->name));
  return out + fmt::format("\ndata cells = npz({}, x = {}{}{})\n", quoted(path), quoted(x->name), time_argument,
                           weight_argument);
}

std::string describe_npz(const std::string& path, ByteView bytes, diagnostics::Sink& sink) {
  std::vector<Member> members;
  if (const FileError error = list_members(bytes, members)) {
    report_file(error, path, "npz", {}, sink);
    return "";
  }
  std::vector<NamedArray> arrays;
  for (const Member& member : members) {
    NamedArray& named = arrays.emplace_back(NamedArray{array_name(member), {}, {}});
    named.refusal = read_member(bytes, member, named.array).what;
  }
  return describe_arrays(path, arrays, "npz");
}

std::string describe_npy(const std::string& path, ByteView bytes, diagnostics::Sink& sink) {
  std::vector<NamedArray> arrays(1);
  if (const FileError error = parse_npy(bytes, arrays[0].array)) {
    report_file(error, path, "npy", {}, sink);
    return "";
  }
  arrays[0].name = "array";
  return describe_arrays(path, arrays, "npy");
}

std::string describe_idx(const std::string& path, ByteView bytes, diagnostics::Sink& sink) {
  std::vector<NamedArray> arrays(1);
  if (const FileError error = parse_idx(bytes, arrays[0].array)) {
    report_file(error, path, "idx", {}, sink);
    return "";
  }
  // The samples are the rows of what it becomes.
  arrays[0].name = fmt::format("array {}", shape_text(arrays[0].array.shape));
  flatten(arrays[0].array);
  return describe_arrays(path, arrays, "idx");
}

}  // namespace

std::string describe(const std::string& path, diagnostics::Sink& sink) {
  // These files can be larger than memory, and only parts of them are looked at.
  if (is_hdf5(path)) return describe_h5ad(path, sink);
  Bytes bytes;
  if (const FileError error = read_inflated(path, bytes)) {
    report_file(error, path, "gzip", {}, sink);
    return "";
  }
  const std::string_view text = as_text(bytes);
  switch (format_of(path, text)) {
    case Format::Npz: return describe_npz(path, bytes, sink);
    case Format::Npy: return describe_npy(path, bytes, sink);
    case Format::Idx: return describe_idx(path, bytes, sink);
    case Format::Table: return describe_table(path, text, sink);
  }
  return "";
}

}  // namespace am::data
