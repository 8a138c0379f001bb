#include "runtime/data/anndata.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "runtime/data/labels.h"
#include "runtime/data/npy.h"
#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data::anndata {
namespace {

using hdf5::Element;
using hdf5::Object;

/// Numbers that are read at once, about 64 MiB.
constexpr size_t kPiece = size_t{1} << 23;
/// More columns than any matrix of genes has; a damaged shape must not have us name them all.
constexpr size_t kMostColumns = size_t{1} << 24;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// The table's column that names its rows; of a table of records, which versions before 0.7 wrote, the first.
std::string index_name(const Object& table) {
  if (table.is_data_set()) return table.names().empty() ? "" : table.names().front();
  const std::string name = table.text("_index");
  return name.empty() ? (table.child("_index") ? "_index" : "index") : name;
}

/// The number of rows of a table, if it can be told.
std::optional<size_t> table_rows(const Object& table) {
  const Object rows = table.is_group() ? table.child(index_name(table)) : table;
  const std::vector<size_t> shape = rows.is_data_set() ? rows.shape() : std::vector<size_t>{};
  return shape.size() == 1 ? std::optional(shape[0]) : std::nullopt;
}

FileError within(const std::string& name, FileError error) {
  if (error) error.what = fmt::format("its `{}`: {}", shown(name), error.what);
  return error;
}

/// Categories of a table of records, as the names of an enumeration. A value without a name is missing.
FileError read_choices(const Object& data, const std::vector<std::pair<double, std::string>>& choices, Column& out) {
  std::vector<double> codes;
  if (FileError error = data.numbers(codes)) return error;
  out.type = "category";
  out.is_text = true;
  std::map<double, double> occur;
  for (const double code : codes) {
    const auto choice = std::find_if(choices.begin(), choices.end(), [&](const auto& c) { return c.first == code; });
    if (choice == choices.end()) {
      out.values.push_back(kMissing);
      continue;
    }
    const auto [found, added] = occur.emplace(code, static_cast<double>(out.labels.size()));
    if (added) out.labels.push_back(choice->second);
    out.values.push_back(found->second);
  }
  return {};
}

/// Numbers as they are, texts by their place among those that occur.
FileError read_plain(const Object& data, Column& out) {
  out.type = data.type();
  if (data.element() == Element::Number) {
    if (FileError error = data.numbers(out.values)) return error;
    if (out.type == "float32") out.values = as_written(std::move(out.values));
    return {};
  }
  if (const auto choices = data.choices(); !choices.empty()) return read_choices(data, choices, out);
  if (data.element() != Element::Text) return {fmt::format("it holds {}, which are not read", out.type)};
  std::vector<std::string> texts;
  if (FileError error = data.texts(texts)) return error;
  out.is_text = true;
  std::map<std::string, size_t> places;
  for (std::string& text : texts) {
    const auto [found, added] = places.emplace(text, out.labels.size());
    if (added) out.labels.push_back(std::move(text));
    out.values.push_back(static_cast<double>(found->second));
  }
  return {};
}

/// Codes and the categories they count, both as they lie in the file. A code of -1 is a missing value.
FileError read_categories(const Object& codes, const Object& categories, Column& out) {
  Column list;
  std::vector<double> places;
  if (!codes.is_data_set() || !categories.is_data_set()) return {"it is damaged: its categories are not arrays"};
  if (codes.element() != Element::Number) return {"it is damaged: its codes are not numbers"};
  if (FileError error = codes.numbers(places)) return error;
  if (FileError error = read_plain(categories, list)) return error;
  out.type = "category";
  out.is_text = list.is_text;
  // Categories that no row has are common: they are what is left of the rows that somebody took out.
  std::map<double, double> occur;
  for (const double place : places) {
    if (place == -1) {
      out.values.push_back(kMissing);
      continue;
    }
    if (!(place >= 0 && place < static_cast<double>(list.values.size())) || place != std::floor(place))
      return {fmt::format("it is damaged: it has {} categories, and a row has number {}", list.values.size(), place)};
    const double value = list.values[static_cast<size_t>(place)];
    if (!list.is_text) {
      out.values.push_back(value);
      continue;
    }
    const auto [found, added] = occur.emplace(value, static_cast<double>(out.labels.size()));
    if (added) out.labels.push_back(list.labels[static_cast<size_t>(value)]);
    out.values.push_back(found->second);
  }
  return {};
}

/// Values, and which of them are missing.
FileError read_masked(const Object& values, const Object& mask, Column& out) {
  std::vector<double> missing;
  if (!values.is_data_set() || !mask.is_data_set() || mask.element() != Element::Number)
    return {"it is damaged: its mask is not an array"};
  if (FileError error = read_plain(values, out)) return error;
  if (FileError error = mask.numbers(missing)) return error;
  if (missing.size() != out.values.size()) return {"it is damaged: its mask has another length"};
  for (size_t k = 0; k < missing.size(); ++k)
    if (missing[k] != 0) out.values[k] = kMissing;
  return {};
}

/// Where versions before 0.8 keep the categories of a column of codes.
Object old_categories(const Object& file, const Object& table, const Object& column, const std::string& name) {
  if (Object found = column.referred("categories")) return found;
  if (Object found = table.child("__categories").child(name)) return found;
  return file.child("uns").child(fmt::format("{}_categories", name));
}

Object find(const Object& file, const std::string& name) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return file.child(name);
  if (const Object group = file.child(name.substr(0, slash))) return find(group, name.substr(slash + 1));
  // Versions before 0.7 write raw/X as `raw.X`, in the file's root.
  return name.starts_with("raw/") ? find(file, fmt::format("raw.{}", name.substr(slash + 1))) : Object();
}

/// Whether a row of the matrix is a gene, not a cell.
bool of_genes(const std::string& matrix) { return matrix.starts_with("varm/") || matrix.starts_with("raw/varm/"); }

/// Why an array cannot be a matrix; fills in its axes if it can.
FileError open_dense(const Object& data, Matrix& out) {
  const std::vector<size_t> shape = data.shape();
  if (data.element() != Element::Number) return {fmt::format("it holds {}, and numbers are needed", data.type())};
  if (shape.size() != 1 && shape.size() != 2)
    return {fmt::format("it has shape {}, and [count, d] or [count] is needed", shape_text(shape))};
  out.values = data;
  out.rows = shape[0];
  out.columns = shape.size() == 1 ? 1 : shape[1];
  return {};
}

FileError open_sparse(const Object& group, Matrix& out) {
  std::string format = group.text("encoding-type");
  if (format.empty()) format = group.text("h5sparse_format");
  std::vector<size_t> shape = group.sizes("shape");
  if (shape.empty()) shape = group.sizes("h5sparse_shape");
  const bool by_rows = format.starts_with("csr"), by_columns = format.starts_with("csc");
  if (format == "dataframe") return {"it is a table, and an array or a sparse matrix is needed"};
  if (!by_rows && !by_columns) return {fmt::format("its encoding `{}` is not read", shown(format))};
  out.storage = by_rows ? Storage::Rows : Storage::Columns;
  out.values = group.child("data");
  out.indices = group.child("indices");
  out.starts = group.child("indptr");
  for (const Object* part : {&out.values, &out.indices, &out.starts})
    if (!part->is_data_set() || part->element() != Element::Number || part->shape().size() != 1)
      return {"it is damaged: a sparse matrix has the arrays `data`, `indices` and `indptr`"};
  if (shape.size() != 2) return {"it is damaged: a sparse matrix has a shape of two axes"};
  out.rows = shape[0];
  out.columns = shape[1];
  return {};
}

/// Where the entries of each row (or column) begin, checked against the entries that are there.
FileError read_starts(const Matrix& m, std::vector<size_t>& out) {
  std::vector<double> starts;
  if (FileError error = m.starts.numbers(starts)) return error;
  const size_t lines = m.storage == Storage::Rows ? m.rows : m.columns, entries = m.values.shape()[0];
  bool good = starts.size() == lines + 1 && starts[0] == 0 && m.indices.shape()[0] == entries;
  for (size_t k = 0; good && k < starts.size(); ++k)
    good = starts[k] == std::floor(starts[k]) && starts[k] <= static_cast<double>(entries) &&
           (k == 0 || starts[k] >= starts[k - 1]);
  if (!good) return {"it is damaged: its `indptr` does not fit the entries"};
  out.assign(starts.begin(), starts.end());
  return {};
}

constexpr size_t kUnwanted = SIZE_MAX;

/// Hands the entries of the columns that have a place to `see(row, column, value)`.
template <class See>
FileError visit_sparse(const Matrix& m, const std::vector<size_t>& place, See see) {
  std::vector<size_t> starts;
  if (FileError error = read_starts(m, starts)) return error;
  const bool by_rows = m.storage == Storage::Rows;
  const size_t lines = starts.size() - 1, across = by_rows ? m.columns : m.rows;
  std::vector<double> values, indices;
  for (size_t from = 0, to; from < lines; from = to) {
    // Lines of a matrix of genes are read in runs of some size; of columns that nobody wants, nothing is read.
    to = from + 1;
    if (!by_rows && place[from] == kUnwanted) continue;
    while (to < lines && starts[to + 1] - starts[from] <= kPiece && (by_rows || place[to] != kUnwanted)) ++to;
    const hdf5::Block block{.first_row = starts[from], .rows = starts[to] - starts[from]};
    if (block.rows == 0) continue;
    if (FileError error = m.values.numbers(block, values)) return error;
    if (FileError error = m.indices.numbers(block, indices)) return error;
    for (size_t line = from; line < to; ++line)
      for (size_t k = starts[line] - starts[from]; k < starts[line + 1] - starts[from]; ++k) {
        if (!(indices[k] >= 0 && indices[k] < static_cast<double>(across)))
          return {fmt::format("it is damaged: an entry has index {} of {}", indices[k], across)};
        const auto index = static_cast<size_t>(indices[k]);
        const size_t row = by_rows ? line : index, column = by_rows ? index : line;
        if (place[column] != kUnwanted) see(row, column, values[k]);
      }
  }
  return {};
}

/// Entries at the same place add up, as in SciPy.
FileError read_sparse(const Matrix& m, const std::vector<size_t>& place, size_t width, std::vector<double>& out) {
  return visit_sparse(
      m, place, [&](size_t row, size_t column, double value) { out[row * width + place[column]] += value; });
}

/// Hands blocks of rows to `see`: of the first `columns` columns, as many rows at once as lie in whole chunks.
template <class See>
FileError read_blocks(const Object& data, size_t rows, size_t columns, See see) {
  const size_t chunk = data.chunk_rows(), fit = std::max<size_t>(1, kPiece / std::max<size_t>(1, columns));
  const size_t step = std::min(std::max<size_t>(1, rows), fit < chunk ? chunk : fit / chunk * chunk);
  std::vector<double> block;
  for (size_t row = 0; row < rows; row += step) {
    if (FileError error = data.numbers({row, std::min(step, rows - row), columns}, block)) return error;
    see(row, block);
  }
  return {};
}

FileError read_dense(const Matrix& m, const std::vector<size_t>& columns, std::vector<double>& out) {
  const size_t width = columns.size(), most = *std::max_element(columns.begin(), columns.end()) + 1;
  return read_blocks(m.values, m.rows, most, [&](size_t row, const std::vector<double>& block) {
    for (size_t at = 0; at < block.size(); at += most, ++row)
      for (size_t k = 0; k < width; ++k) out[row * width + k] = block[at + columns[k]];
  });
}

size_t memory() { return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE)); }

}  // namespace

FileError Column::times(std::vector<double>& out) const {
  out = values;
  if (!is_text) return {};
  std::vector<double> numbers;
  if (FileError error = label_numbers(labels, numbers)) return error;
  for (double& value : out)
    if (std::isfinite(value)) value = numbers[static_cast<size_t>(value)];
  return {};
}

std::vector<std::string> columns(const Object& file, const std::string& table) {
  const Object object = file.child(table);
  const std::string index = index_name(object);
  std::vector<std::string> out = object.names();
  std::erase_if(out, [&](const std::string& name) { return name == index || name == "__categories"; });
  return out;
}

FileError read_column(const Object& file, const std::string& table, const std::string& name, Column& out) {
  const std::string path = fmt::format("{}/{}", table, name);
  const Object object = file.child(table), column = object.child(name);
  if (column.is_group()) {
    if (column.child("codes"))
      return within(path, read_categories(column.child("codes"), column.child("categories"), out));
    if (column.child("mask")) return within(path, read_masked(column.child("values"), column.child("mask"), out));
    return within(path, {fmt::format("its encoding `{}` is not read", shown(column.text("encoding-type")))});
  }
  if (!column.is_data_set()) return within(path, {"it is damaged"});
  const Object categories = old_categories(file, object, column, name);
  const bool codes = categories && column.element() == Element::Number;
  return within(path, codes ? read_categories(column, categories, out) : read_plain(column, out));
}

std::vector<std::string> members(const Object& file, const std::string& group) {
  std::vector<std::string> out = file.child(group).names();
  for (std::string& name : out) name = fmt::format("{}/{}", group, name);
  return out;
}

std::vector<std::string> matrices(const Object& file) {
  std::vector<std::string> out;
  for (const char* name : {"X", "raw/X"})
    if (exists(file, name)) out.emplace_back(name);
  for (const char* group : {"obsm", "layers"})
    for (std::string& name : members(file, group)) out.push_back(std::move(name));
  return out;
}

bool exists(const Object& file, const std::string& matrix) { return static_cast<bool>(find(file, matrix)); }

FileError open(const Object& file, const std::string& name, Matrix& out) {
  const Object found = find(file, name);
  out = {.name = name};
  const FileError error = found.is_group()      ? open_sparse(found, out)
                          : found.is_data_set() ? open_dense(found, out)
                                                : FileError{"it is damaged"};
  if (error) return within(name, error);
  const std::optional<size_t> cells = table_rows(file.child("obs"));
  if (!of_genes(name) && cells && *cells != out.rows)
    return within(name, {fmt::format("it has {} rows, and `obs` has {}", out.rows, *cells)});
  if (out.columns > kMostColumns) return within(name, {fmt::format("it has {} columns", out.columns)});
  return {};
}

std::vector<std::string> column_names(const Object& file, const Matrix& matrix) {
  std::vector<std::string> names;
  const bool genes = matrix.name == "X" || matrix.name.starts_with("layers/");
  const Object table = matrix.name == "raw/X" ? find(file, "raw/var") : genes ? file.child("var") : Object();
  const Object index = table.child(index_name(table));
  if (index.is_data_set() && index.element() == Element::Text && !index.texts(names) && names.size() == matrix.columns)
    return names;
  names.clear();
  for (size_t k = 0; k < matrix.columns; ++k)
    names.push_back(matrix.values.shape().size() == 1 && matrix.storage == Storage::Dense
                        ? matrix.name
                        : fmt::format("{}[:, {}]", matrix.name, k));
  return names;
}

std::vector<std::string> row_names(const Object& file, const std::string& table, size_t count) {
  const Object rows = find(file, table);
  const Object index = rows.child(index_name(rows));
  std::vector<std::string> names;
  if (!index.is_data_set() || index.element() != Element::Text || index.texts(names) || names.size() != count) return {};
  return names;
}

FileError column_means(const Matrix& matrix, std::vector<double>& means, const std::vector<double>& loadings,
                       std::vector<double>& first) {
  means.assign(matrix.columns, 0);
  const size_t width = matrix.columns == 0 ? 0 : loadings.size() / matrix.columns;
  const size_t rows = width == 0 ? 0 : first.size() / width;
  std::fill(first.begin(), first.end(), 0.0);
  const auto see = [&](size_t row, size_t column, double value) {
    means[column] += value;
    for (size_t k = 0; row < rows && k < width; ++k) first[row * width + k] += value * loadings[column * width + k];
  };
  FileError error;
  if (matrix.storage == Storage::Dense)
    error = read_blocks(matrix.values, matrix.rows, matrix.columns, [&](size_t row, const std::vector<double>& block) {
      for (size_t at = 0; at < block.size(); ++at) see(row + at / matrix.columns, at % matrix.columns, block[at]);
    });
  else
    error = visit_sparse(matrix, std::vector<size_t>(matrix.columns, 0), see);
  for (double& mean : means) mean /= static_cast<double>(matrix.rows);
  return within(matrix.name, error);
}

FileError read_vector(const Object& file, const std::string& name, std::vector<double>& out) {
  const Object found = find(file, name);
  if (!found) return {fmt::format("it has no array `{}`", shown(name))};
  if (!found.is_data_set() || found.element() != Element::Number || found.shape().size() != 1)
    return within(name, {"it is not an array of numbers with one axis"});
  return within(name, found.numbers(out));
}

FileError read(const Matrix& matrix, const std::vector<size_t>& columns, std::vector<double>& out) {
  size_t count = 0, bytes = 0;
  const bool countable = !__builtin_mul_overflow(matrix.rows, columns.size(), &count) &&
                         !__builtin_mul_overflow(count, sizeof(double), &bytes);
  if (!countable || bytes > memory())
    return within(matrix.name, {fmt::format("its {} rows of {} numbers are more than this machine's memory of {} GiB "
                                            "holds; choose an array in `obsm`, or fewer `columns`",
                                            matrix.rows, columns.size(), memory() >> 30)});
  out.assign(count, 0);
  if (count == 0) return {};
  if (matrix.storage == Storage::Dense) return within(matrix.name, read_dense(matrix, columns, out));
  std::vector<size_t> place(matrix.columns, kUnwanted);
  for (size_t k = 0; k < columns.size(); ++k) place[columns[k]] = k;
  if (FileError error = read_sparse(matrix, place, columns.size(), out)) return within(matrix.name, error);
  // A column that is asked for twice was read into its last place.
  for (size_t k = 0; k < columns.size(); ++k)
    for (size_t row = 0; place[columns[k]] != k && row < matrix.rows; ++row)
      out[row * columns.size() + k] = out[row * columns.size() + place[columns[k]]];
  return {};
}

FileError look_through(const Matrix& matrix, const std::function<void(const std::vector<double>&)>& see) {
  const bool dense = matrix.storage == Storage::Dense;
  const size_t rows = dense ? matrix.rows : matrix.values.shape()[0];
  return within(matrix.name, read_blocks(matrix.values, rows, dense ? matrix.columns : 1,
                                         [&](size_t, const std::vector<double>& block) { see(block); }));
}

}  // namespace am::data::anndata
