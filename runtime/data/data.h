// Samples as scientists have them: files in, snapshots out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"

namespace am::data {

/// How principal components lead back to what they are components of: a gene's value is loadings·x + centre.
struct Components {
  std::vector<std::string> names;  // of the genes
  std::vector<double> loadings;    // [genes, components]
  std::vector<double> centre;      // [genes]; empty where it is not recorded

  size_t genes() const { return names.size(); }
};

/// How the coordinates of samples lead back to those of their file: scale·x + mean, coordinate by coordinate.
struct Frame {
  std::string of;                   // the data set whose moments these are
  std::vector<double> mean, scale;  // empty: as in the file
  std::shared_ptr<const Components> components;  // null: the file has no loadings for them

  bool standardised() const { return !mean.empty(); }
};

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
  std::vector<double> weights;       // of each row, not negative; empty: all alike
  std::vector<double> masses;        // of each time, relative to the first of the file; empty: not stated
  std::vector<size_t> file_rows;     // the place in the file of each row; empty: as here
  std::shared_ptr<const Frame> frame;  // null: the coordinates are those of the file, and nothing else is known

  size_t count() const { return dimension == 0 ? 0 : rows.size() / dimension; }
  bool timed() const { return !times.empty(); }
  size_t file_row(size_t row) const { return file_rows.empty() ? row : file_rows[row]; }
  size_t groups() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  /// Index of the snapshot at `time` (to 1e-9 relative), if there is one.
  std::optional<size_t> at(double time) const;
};

struct CsvOptions {
  std::string time;                  // name of the time column; empty if there is none
  std::vector<std::string> columns;  // coordinates, in this order; empty: every column but the time and the weight
  std::string weight;                // name of the column of weights; empty if there is none
};

struct NpzOptions {
  std::string x = "X";  // member that holds the coordinates [count, d]
  std::string time;     // member that holds one time per row; empty if there is none
  std::string weight;   // member that holds one weight per row; empty if there is none
  std::string loadings;  // member [genes, d] that leads back to genes; empty if there is none
  std::string centre;    // member [genes] that was taken off before; empty if there is none
};

struct H5adOptions {
  std::string time;                  // column of `obs`; empty if there is none
  std::string x = "obsm/X_pca";      // "X", "layers/counts", …
  std::vector<std::string> columns;  // names, of genes where x is `X`; empty: all
  size_t first = 0;                  // so many columns from the first on; 0: all
  std::string weight;                // column of `obs`; empty if there is none
  std::string loadings;              // array [genes, components]; empty: `varm/PCs` for `obsm/X_pca`, where it is there
  std::string centre;  // array [genes], or [cells, genes] for its means; empty: `uns/pca/mean`, where it is there
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
