// The layout of .h5ad files, of AnnData 0.8 and later and of those before: tables of cells, and matrices.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/data/hdf5.h"
#include "runtime/data/npz.h"

namespace am::data::anndata {

/// A column of a table. Texts are kept as positions in the list of those that occur.
struct Column {
  std::string type;                 // "float64", "category", "text"
  std::vector<double> values;       // numbers or positions; not a number where a value is missing
  std::vector<std::string> labels;  // the texts that occur
  bool is_text = false;

  /// The column as times, texts by the number in them; an error says what it holds instead.
  FileError times(std::vector<double>& out) const;
};

/// Columns of the table `obs` or `var`, without its index.
std::vector<std::string> columns(const hdf5::Object& file, const std::string& table);
FileError read_column(const hdf5::Object& file, const std::string& table, const std::string& name, Column& out);

enum class Storage { Dense, Rows, Columns };

/// An array or a sparse matrix: `X`, `raw/X`, or a member of `obsm`, `varm`, `layers`.
struct Matrix {
  std::string name;
  Storage storage = Storage::Dense;
  size_t rows = 0, columns = 0;
  hdf5::Object values, indices, starts;  // the last two of a sparse matrix
};

/// Names of the matrices that hold a row for each cell, or of those of one group such as `varm`.
std::vector<std::string> matrices(const hdf5::Object& file);
std::vector<std::string> members(const hdf5::Object& file, const std::string& group);

bool exists(const hdf5::Object& file, const std::string& matrix);
FileError open(const hdf5::Object& file, const std::string& name, Matrix& out);
/// One name for each column: of its genes for `X`, "obsm/X_pca[:, 0]" where columns have no names.
std::vector<std::string> column_names(const hdf5::Object& file, const Matrix& matrix);
/// Names of the rows of a table such as `var` or `raw/var`; none where they are not `count` texts.
std::vector<std::string> row_names(const hdf5::Object& file, const std::string& table, size_t count);
/// The mean over the rows of each column, and the sums of x·loadings[column] over the columns for the first rows, as
/// many as `first` has: [rows, loadings' columns].
FileError column_means(const Matrix& matrix, std::vector<double>& means, const std::vector<double>& loadings,
                       std::vector<double>& first);
/// A vector of numbers: a column of a table such as `var/mean`, or an array such as `uns/pca/mean`.
FileError read_vector(const hdf5::Object& file, const std::string& name, std::vector<double>& out);
/// The columns with the given numbers, row by row.
FileError read(const Matrix& matrix, const std::vector<size_t>& columns, std::vector<double>& out);
/// Hands all stored numbers to `see`, piece by piece. Sparse matrices do not store zeros.
FileError look_through(const Matrix& matrix, const std::function<void(const std::vector<double>&)>& see);

}  // namespace am::data::anndata
