// Samples as scientists have them: files in, snapshots out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"

namespace am::data {

/// Samples in R^d, grouped by time. Row-major; the rows of snapshot k are offsets[k] … offsets[k + 1].
/// Data without times have no `times` and one group.
struct Snapshots {
  std::string name;
  int dimension = 0;
  std::vector<std::string> columns;  // one name for each coordinate
  std::string time_name;             // what the script calls the column of times; empty if it has no name
  std::vector<double> rows;          // [count, dimension]
  std::vector<double> times;         // strictly increasing
  std::vector<size_t> offsets;       // times.size() + 1 entries, or {0, count}

  size_t count() const { return dimension == 0 ? 0 : rows.size() / dimension; }
  bool timed() const { return !times.empty(); }
  size_t groups() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  /// Index of the snapshot at `time` (to 1e-9 relative), if there is one.
  std::optional<size_t> at(double time) const;
};

struct CsvOptions {
  std::string time;                  // name of the time column; empty if there is none
  std::vector<std::string> columns;  // coordinates, in this order; empty: every column but the time
};

struct NpzOptions {
  std::string x = "X";  // member that holds the coordinates [count, d]
  std::string time;     // member that holds one time per row; empty if there is none
};

struct H5adOptions {
  std::string time;                  // column of `obs`; empty if there is none
  std::string x = "obsm/X_pca";      // "X", "layers/counts", …
  std::vector<std::string> columns;  // names, of genes where x is `X`; empty: all
  size_t first = 0;                  // so many columns from the first on; 0: all
};

struct IdxOptions {
  std::string labels;  // path of another such file with a number for each row; empty if there is none
};

/// Reads a comma-separated file with a header line (quotes as in RFC 4180; CRLF accepted; a `.tsv` uses tabs).
/// Every problem is reported at `span`, with file, line and column where it lies in a cell; then nothing is returned.
std::optional<Snapshots> read_csv(const std::string& path, const CsvOptions& options, source::Span span,
                                  diagnostics::Sink& sink);
std::optional<Snapshots> read_npz(const std::string& path, const NpzOptions& options, source::Span span,
                                  diagnostics::Sink& sink);
/// One array [count, d] or [count], without times.
std::optional<Snapshots> read_npy(const std::string& path, source::Span span, diagnostics::Sink& sink);
/// Cells of an AnnData file, in the order of time whatever their order in the file.
std::optional<Snapshots> read_h5ad(const std::string& path, const H5adOptions& options, source::Span span,
                                   diagnostics::Sink& sink);
/// Rows of an array as the MNIST images are kept, flattened. Labels stand as times: snapshot 3 is the threes.
std::optional<Snapshots> read_idx(const std::string& path, const IdxOptions& options, source::Span span,
                                  diagnostics::Sink& sink);

/// What `amc data FILE` prints: columns or members with type and range, times and counts, duplicates, non-finite
/// values, and the `data` line to write for it. Reports to `sink` and returns empty text if the file cannot be read.
std::string describe(const std::string& path, diagnostics::Sink& sink);

}  // namespace am::data
