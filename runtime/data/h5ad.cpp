#include "runtime/data/h5ad.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>

#include "runtime/data/anndata.h"
#include "runtime/data/data.h"
#include "runtime/data/isolated.h"
#include "runtime/data/npy.h"
#include "runtime/data/profile.h"
#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

using diagnostics::Sink;
using hdf5::Object;
using source::Span;

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr size_t kMostShown = 40;
/// `amc data` looks through matrices of up to so many stored numbers, which takes seconds.
constexpr size_t kMostLookedThrough = size_t{1} << 28;

/// The first bytes of a file, and its size.
FileError peek(const std::string& path, std::string& start, size_t& size) {
  struct stat about = {};
  if (stat(path.c_str(), &about) != 0) return {std::strerror(errno), true};
  if (S_ISDIR(about.st_mode)) return {std::strerror(EISDIR), true};
  if (!S_ISREG(about.st_mode)) return {"it is a stream, and HDF5 needs a file", true};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return {std::strerror(errno), true};
  start.resize(kSignature.size());
  start.resize(std::fread(start.data(), 1, start.size(), file.get()));
  size = static_cast<size_t>(about.st_size);
  return {};
}

/// Opens the file in a process of its own, runs `work` on it there, and passes back what it found.
template <class Work, class Pass>
FileError with_file(const std::string& path, Work work, Pass pass) {
  std::string start;
  size_t size = 0;
  if (FileError error = peek(path, start, size)) return error;
  if (is_gzip(as_bytes(start))) return {"it is gzipped, and HDF5 needs the file itself; unpack it with gunzip"};
  // Damage can send the library round in circles; a good file is read at far more than this speed.
  const size_t seconds = 5 + (size >> 20);
  const auto open_and_work = [&]() -> FileError {
    Object file;
    if (FileError error = Object::open(path, file)) return error;
    return work(file);
  };
  return isolated(seconds, open_and_work, pass);
}

// --- reading ---

/// What the other process finds: cells, or a name that is not there.
struct Cells {
  std::vector<double> x, times, weights;
  std::vector<std::string> columns;
  std::vector<std::string> genes;         // none: no loadings
  std::vector<double> loadings, centre;
  std::string missing, noun;         // empty if nothing is missing
  std::vector<std::string> instead;  // the names that are there
};

void lack(const std::string& name, std::string_view noun, std::vector<std::string> instead, Cells& out) {
  out.missing = name;
  out.noun = noun;
  out.instead = std::move(instead);
}

/// The numbers of the columns to read; of the first that is not there, its name is left in `out`.
std::vector<size_t> choose(const std::vector<std::string>& names, const anndata::Matrix& m, const H5adOptions& options,
                           Cells& out) {
  std::vector<size_t> chosen(options.first > 0 ? std::min(options.first, names.size()) : names.size());
  std::iota(chosen.begin(), chosen.end(), size_t{0});
  if (options.first > names.size()) lack(fmt::format("{}[:, {}]", m.name, options.first - 1), "columns", names, out);
  if (options.columns.empty()) return chosen;
  chosen.clear();
  for (const std::string& name : options.columns) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return lack(name, "columns", names, out), chosen;
    chosen.push_back(static_cast<size_t>(found - names.begin()));
  }
  return chosen;
}

FileError read_times(const Object& file, const H5adOptions& options, size_t rows, Cells& out) {
  const std::vector<std::string> names = anndata::columns(file, "obs");
  if (std::find(names.begin(), names.end(), options.time) == names.end())
    return lack(options.time, "columns of `obs`", names, out), FileError{};
  anndata::Column column;
  if (FileError error = anndata::read_column(file, "obs", options.time, column)) return error;
  FileError error = column.times(out.times);
  if (error) error.what = fmt::format("its `obs/{}` {}", shown(options.time), error.what);
  if (!error && out.times.size() != rows)
    return {fmt::format("its `obs/{}` has {} rows, and `{}` has {}", shown(options.time), out.times.size(),
                        shown(options.x), rows)};
  return error;
}

FileError read_weights(const Object& file, const H5adOptions& options, Cells& out) {
  const std::vector<std::string> names = anndata::columns(file, "obs");
  if (std::find(names.begin(), names.end(), options.weight) == names.end())
    return lack(options.weight, "columns of `obs`", names, out), FileError{};
  anndata::Column column;
  if (FileError error = anndata::read_column(file, "obs", options.weight, column)) return error;
  if (column.is_text)
    return {fmt::format("its `obs/{}` holds {}, and weights are numbers", shown(options.weight), column.type)};
  out.weights = std::move(column.values);
  return {};
}

// --- loadings ---

constexpr const char* kUsualX = "obsm/X_pca";
constexpr const char* kUsualLoadings = "varm/PCs";
constexpr const char* kUsualCentre = "uns/pca/mean";
/// Cells by which it is checked that a matrix is what the components were made of.
constexpr size_t kCheckedCells = 64;
constexpr double kLargestMisfit = 1e-3;

/// That the components are those of the matrix whose mean was taken off: (row − mean)·loadings for the first cells.
/// `projected` holds row·loadings, and `components` what the file says, [cells, chosen columns].
FileError check_centre(const std::string& name, const std::vector<double>& projected, const std::vector<double>& mean,
                       const std::vector<double>& loadings, const std::vector<double>& components, size_t width) {
  std::vector<double> shift(width, 0);
  for (size_t gene = 0; gene < mean.size(); ++gene)
    for (size_t k = 0; k < width; ++k) shift[k] += mean[gene] * loadings[gene * width + k];
  double misfit = 0, size = 0;
  for (size_t at = 0; at < projected.size(); ++at) {
    const double wrong = projected[at] - shift[at % width] - components[at];
    misfit += wrong * wrong;
    size += components[at] * components[at];
  }
  if (misfit <= kLargestMisfit * kLargestMisfit * size) return {};
  return {fmt::format("its components are not those of `{}`: of its first cells, (`{}` − mean)·loadings differs from "
                      "them by {:.2g} of their size; name the matrix that they were made of, or the mean as `centre`",
                      shown(name), shown(name), std::sqrt(misfit / size))};
}

/// Loadings of the components that were read, and what was taken off before. What nobody asked for and does not fit is
/// not there.
FileError read_loadings(const Object& file, const H5adOptions& options, const std::vector<size_t>& chosen, Cells& out) {
  const bool asked = !options.loadings.empty();
  const std::string name = asked ? options.loadings : kUsualLoadings;
  if (!asked && (options.x != kUsualX || !anndata::exists(file, name))) return {};
  if (!anndata::exists(file, name))
    return lack(name, "arrays", anndata::members(file, "varm"), out), FileError{};
  anndata::Matrix m;
  if (FileError error = anndata::open(file, name, m)) return asked ? error : FileError{};
  const size_t most = *std::max_element(chosen.begin(), chosen.end()), width = chosen.size();
  if (most >= m.columns) {
    if (!asked) return {};
    return {fmt::format("its `{}` has {} columns, and component {} of `{}` is read", shown(name), m.columns, most,
                        shown(options.x))};
  }
  if (FileError error = anndata::read(m, chosen, out.loadings)) return error;
  const std::string table = name.starts_with("raw/") ? "raw/var" : "var";
  out.genes = anndata::row_names(file, table, m.rows);
  for (size_t gene = out.genes.size(); gene < m.rows; ++gene) out.genes.push_back(fmt::format("{}[{}]", name, gene));

  const std::string centre = options.centre.empty() ? kUsualCentre : options.centre;
  if (options.centre.empty() && !anndata::exists(file, centre)) return {};
  const bool matrix = centre == "X" || centre == "raw/X" || centre.starts_with("layers/");
  if (!matrix) {
    if (FileError error = anndata::read_vector(file, centre, out.centre)) return error;
  } else {
    anndata::Matrix genes;
    if (!anndata::exists(file, centre)) return lack(centre, "arrays", anndata::matrices(file), out), FileError{};
    if (FileError error = anndata::open(file, centre, genes)) return error;
    if (genes.columns != m.rows)
      return {fmt::format("its `{}` has {} genes, and `{}` has {}", shown(centre), genes.columns, shown(name), m.rows)};
    std::vector<double> projected(std::min(kCheckedCells, genes.rows) * width);
    if (FileError error = anndata::column_means(genes, out.centre, out.loadings, projected)) return error;
    if (FileError error = check_centre(centre, projected, out.centre, out.loadings, out.x, width)) return error;
  }
  if (out.centre.size() == m.rows) return {};
  return {fmt::format("its `{}` has {} numbers, and `{}` has {} genes", shown(centre), out.centre.size(), shown(name),
                      m.rows)};
}

FileError read_cells(const Object& file, const H5adOptions& options, Cells& out) {
  if (!anndata::exists(file, options.x)) return lack(options.x, "arrays", anndata::matrices(file), out), FileError{};
  anndata::Matrix m;
  if (FileError error = anndata::open(file, options.x, m)) return error;
  const std::vector<std::string> names = anndata::column_names(file, m);
  const std::vector<size_t> chosen = choose(names, m, options, out);
  if (!out.missing.empty()) return {};
  if (!options.time.empty())
    if (FileError error = read_times(file, options, m.rows, out)) return error;
  if (out.missing.empty() && !options.weight.empty())
    if (FileError error = read_weights(file, options, out)) return error;
  if (!out.missing.empty()) return {};
  for (const size_t k : chosen) out.columns.push_back(names[k]);
  if (FileError error = anndata::read(m, chosen, out.x)) return error;
  return chosen.empty() ? FileError{} : read_loadings(file, options, chosen, out);
}

void pass(Channel& channel, Cells& cells) {
  channel(cells.x)(cells.times)(cells.columns)(cells.missing)(cells.noun)(cells.instead);
  channel(cells.weights)(cells.genes)(cells.loadings)(cells.centre);
}

// --- describing ---

struct ColumnText {
  std::string text;
  std::string finding;
  std::vector<double> times;  // empty if it cannot be the time
};

ColumnText column_text(const Object& file, const std::string& name) {
  anndata::Column column;
  ColumnText out;
  if (const FileError error = anndata::read_column(file, "obs", name, column)) {
    out.text = fmt::format("  {:<20} not readable: {}\n", shown(name), error.what);
    return out;
  }
  const size_t missing = static_cast<size_t>(
      std::count_if(column.values.begin(), column.values.end(), [](double value) { return !std::isfinite(value); }));
  if (missing > 0) out.finding = fmt::format("`obs/{}`: {}", shown(name), counted(missing, "missing value"));
  Figures figures;
  for (const double value : column.values) figures.add(value);
  const std::string what = column.is_text
                               ? fmt::format("{}: {}", counted(column.labels.size(), "text"), name_list(column.labels))
                               : range_text(figures);
  out.text = fmt::format("  {:<20} {:<8} {}\n", shown(name), column.type, what);
  std::vector<double> times;
  if (!column.times(times) && could_be_times(times)) out.times = std::move(times);
  return out;
}

/// "[250, 1476] by rows" and so on.
std::string matrix_shape(const anndata::Matrix& m) {
  const std::string shape = shape_text({m.rows, m.columns});
  if (m.storage == anndata::Storage::Dense) return shape;
  return fmt::format("{} {}", shape, m.storage == anndata::Storage::Rows ? "csr" : "csc");
}

std::string matrix_text(const Object& file, const std::string& name, Findings& findings) {
  anndata::Matrix m;
  if (const FileError error = anndata::open(file, name, m))
    return fmt::format("  {:<20} not readable: {}\n", shown(name), error.what);
  std::string what = "not looked through";
  const bool dense = m.storage == anndata::Storage::Dense;
  const size_t count = m.rows * m.columns, stored = dense ? count : m.values.shape()[0];
  if (stored <= kMostLookedThrough) {
    Figures figures;
    const FileError error = anndata::look_through(m, [&](const std::vector<double>& values) {
      for (const double value : values) figures.add(value);
    });
    if (error) return fmt::format("  {:<20} not readable: {}\n", shown(name), error.what);
    if (stored < count) {
      // The zeros that a sparse matrix leaves out.
      figures.add(0);
      figures.finite += count - stored - 1;
    }
    what = range_text(figures);
    findings.add(figures.non_finite,
                 fmt::format("`{}`: {}", shown(name), counted(figures.non_finite, "non-finite value")));
  }
  return fmt::format("  {:<20} {:<8} {:<14} {}\n", shown(name), m.values.type(), matrix_shape(m), what);
}

/// How well a matrix would do as coordinates: principal components before any other array of `obsm`.
int x_likeness(const std::string& name) {
  if (name == "obsm/X_pca") return 3;
  if (name.starts_with("obsm/")) return name.find("pca") == std::string::npos ? 1 : 2;
  return 0;
}

/// Rows that repeat an earlier one at the same time, where the matrix is small enough to look.
size_t duplicates_in(const Object& file, const std::string& name, const std::vector<double>& times) {
  anndata::Matrix m;
  std::vector<double> rows, x;
  if (anndata::open(file, name, m) || m.columns == 0 || m.rows > kMostLookedThrough / m.columns) return 0;
  std::vector<size_t> all(m.columns);
  std::iota(all.begin(), all.end(), size_t{0});
  if (anndata::read(m, all, x)) return 0;
  for (size_t row = 0; row < m.rows; ++row) {
    rows.push_back(times.size() == m.rows ? times[row] : 0);
    const auto begin = x.begin() + static_cast<ptrdiff_t>(row * m.columns);
    rows.insert(rows.end(), begin, begin + static_cast<ptrdiff_t>(m.columns));
  }
  return duplicate_rows(rows, m.columns + 1);
}

std::string and_more(size_t count) {
  return count > kMostShown ? fmt::format("  and {} more\n", count - kMostShown) : "";
}

std::string describe_file(const Object& file, const std::string& path) {
  Findings findings;
  std::string time, out, tables;
  std::vector<double> times;
  const std::vector<std::string> columns = anndata::columns(file, "obs"), matrices = anndata::matrices(file);
  for (size_t k = 0; k < std::min(columns.size(), kMostShown); ++k) {
    const ColumnText column = column_text(file, columns[k]);
    out += column.text;
    findings.add(!column.finding.empty(), column.finding);
    const int likeness = time_likeness(columns[k]);
    if (column.times.empty() || likeness <= time_likeness(time)) continue;
    time = columns[k];
    times = column.times;
  }
  out = fmt::format("{}: {} of `obs`, {}\n\n{}{}\n", path, counted(columns.size(), "column"),
                    counted(matrices.size(), "array"), out, and_more(columns.size()));
  std::string x = matrices.empty() ? "" : matrices[0];
  for (const std::string& name : matrices) {
    out += matrix_text(file, name, findings);
    if (x_likeness(name) > x_likeness(x)) x = name;
  }
  for (const std::string& name : anndata::members(file, "varm")) out += matrix_text(file, name, findings);
  out += time.empty() ? "\nno column of `obs` is named like a time\n" : "\n" + times_text(shown(time), times);
  if (x.empty()) return out + "\nthere is no array with a row for each cell, so there are no samples to read\n";
  if (x == kUsualX && anndata::exists(file, kUsualLoadings))
    out += fmt::format("\nloadings of `{}` lead back to genes: `{}`, {}\n", kUsualX, kUsualLoadings,
                       anndata::exists(file, kUsualCentre)
                           ? fmt::format("and `{}` is their centre", kUsualCentre)
                           : "without a centre; `centre = \"X\"` takes the mean of `X`");
  findings.rows(duplicates_in(file, x, times), 0, "");
  const std::string time_argument = time.empty() ? "" : fmt::format(", time = {}", quoted(time));
  return out + fmt::format("\n{}\ndata cells = h5ad({}{}, x = {})\n", findings.text(), quoted(path), time_argument,
                           quoted(x));
}

}  // namespace

bool is_hdf5(const std::string& path) {
  std::string start;
  size_t size = 0;
  return !peek(path, start, size) && (start == kSignature || path.ends_with(".h5ad"));
}

std::string describe_h5ad(const std::string& path, Sink& sink) {
  std::string out;
  const auto work = [&](const Object& file) {
    out = describe_file(file, path);
    return FileError{};
  };
  if (const FileError error = with_file(path, work, [&](Channel& channel) { channel(out); })) {
    report_file(error, path, "h5ad", {}, sink);
    return "";
  }
  return out;
}

std::optional<Snapshots> read_h5ad(const std::string& path, const H5adOptions& options, Span span, Sink& sink) {
  Cells cells;
  const FileError error = with_file(
      path, [&](const Object& file) { return read_cells(file, options, cells); },
      [&](Channel& channel) { pass(channel, cells); });
  if (error) {
    report_file(error, path, "h5ad", span, sink);
    return std::nullopt;
  }
  if (!cells.missing.empty()) {
    report_missing(path, cells.missing, cells.instead, cells.noun, span, sink);
    return std::nullopt;
  }
  const size_t width = cells.columns.size();
  if (cells.x.empty() || width > INT_MAX) {
    sink.report<diagnostics::Kind::EmptyData>(span, path);
    return std::nullopt;
  }
  Snapshots out{.name = path,
                .dimension = static_cast<int>(width),
                .columns = std::move(cells.columns),
                .rows = std::move(cells.x)};
  const bool bad_x = report_non_finite(out.rows, out.columns, path, span, sink);
  const bool bad_times = report_non_finite(cells.times, {options.time}, path, span, sink);
  if (bad_x || bad_times) return std::nullopt;
  if (!cells.genes.empty()) {
    const bool bad_loadings =
        report_non_finite(cells.loadings, std::vector<std::string>(width, "loadings"), path, span, sink);
    if (bad_loadings || report_non_finite(cells.centre, {"centre"}, path, span, sink)) return std::nullopt;
    const Components components{std::move(cells.genes), std::move(cells.loadings), std::move(cells.centre)};
    out.frame = std::make_shared<const Frame>(
        Frame{.of = "", .mean = {}, .scale = {}, .components = std::make_shared<const Components>(components)});
  }
  out.offsets = {0, out.count()};
  if (!options.time.empty()) {
    out.offsets.clear();
    sort_by_time(cells.times, out);
    if (!group_by_time(cells.times, "", span, sink, out)) return std::nullopt;
  }
  if (!options.weight.empty() && !add_weights(std::move(cells.weights), options.weight, span, sink, out))
    return std::nullopt;
  return out;
}

}  // namespace am::data
