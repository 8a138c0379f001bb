// AnnData files made through the HDF5 library, in the layout of 0.8 and later and in those of old versions.
//
// Source of the new layout: "On-disk format" of AnnData's documentation (anndata.readthedocs.io, fileformat-prose): every
// element has an `encoding-type` and an `encoding-version`, 0.1.0 for the file, mappings, sparse matrices and nullable
// arrays, 0.2.0 for tables, arrays, categories and scalars. Of the old ones: the writers and readers of versions 0.6 and
// 0.7 in its repository, scverse/anndata (anndata/h5py, anndata/readwrite, anndata/_io/h5ad.py).
#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

#include "tests/data/files.h"

namespace am::data::testing {

using Doubles = std::vector<double>;
using Texts = std::vector<std::string>;

/// An id of the library, given back at the end of its scope.
struct H5 {
  hid_t id;
  H5(hid_t made) : id(made) { EXPECT_GE(id, 0); }
  H5(const H5&) = delete;
  H5& operator=(const H5&) = delete;
  ~H5() { H5Idec_ref(id); }
  operator hid_t() const { return id; }
};

inline hid_t space_of(const std::vector<hsize_t>& shape) {
  return shape.empty() ? H5Screate(H5S_SCALAR)
                       : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
}

inline hid_t variable_text() {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

inline std::vector<const char*> pointers(const Texts& texts) {
  std::vector<const char*> out;
  for (const std::string& text : texts) out.push_back(text.c_str());
  return out;
}

inline void set_text(hid_t object, const std::string& name, const std::string& text) {
  const H5 type(variable_text()), space(space_of({}));
  const H5 attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
  const char* value = text.c_str();
  H5Awrite(attribute, type, &value);
}

inline void set_sizes(hid_t object, const std::string& name, const std::vector<long>& sizes) {
  const H5 space(space_of({sizes.size()}));
  const H5 attribute(H5Acreate2(object, name.c_str(), H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute, H5T_NATIVE_LONG, sizes.data());
}

/// A reference to an object of the file, as versions before 0.8 lead from codes to categories.
inline void set_reference(hid_t object, const std::string& name, const std::string& target) {
  const H5 space(space_of({}));
  const H5 attribute(H5Acreate2(object, name.c_str(), H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT));
  hobj_ref_t reference = 0;
  H5Rcreate(&reference, object, target.c_str(), H5R_OBJECT, -1);
  H5Awrite(attribute, H5T_STD_REF_OBJ, &reference);
}

/// A list of texts as an attribute: `column-order`.
inline void set_texts(hid_t object, const std::string& name, const Texts& texts);

/// The element as one of the specification: with its type, and the version of it that 0.8 writes.
inline hid_t encoded(hid_t element, const std::string& type) {
  set_text(element, "encoding-type", type);
  const bool first = type == "anndata" || type == "dict" || type.starts_with("cs") || type.starts_with("nullable");
  set_text(element, "encoding-version", first ? "0.1.0" : "0.2.0");
  return element;
}

/// A truth value as h5py writes it: an enumeration of one byte.
inline hid_t truth_type() {
  const hid_t type = H5Tenum_create(H5T_STD_I8LE);
  for (signed char value : {0, 1}) H5Tenum_insert(type, value == 0 ? "FALSE" : "TRUE", &value);
  return type;
}

inline void set_truth(hid_t object, const std::string& name, bool value) {
  const H5 type(truth_type()), space(space_of({}));
  const H5 attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
  const signed char byte = value ? 1 : 0;
  H5Awrite(attribute, type, &byte);
}

inline hid_t make_group(hid_t parent, const std::string& name, const std::string& encoding = "") {
  const hid_t group = H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  return encoding.empty() ? group : encoded(group, encoding);
}

/// An array of numbers of a type of the file, in gzipped chunks of so many rows if that is not 0.
inline hid_t put(hid_t parent, const std::string& name, const Doubles& values, const std::vector<hsize_t>& shape,
                 hid_t type = H5T_IEEE_F64LE, hsize_t chunk = 0) {
  const H5 space(space_of(shape)), creation(H5Pcreate(H5P_DATASET_CREATE));
  if (chunk > 0) {
    std::vector<hsize_t> chunks(shape);
    chunks[0] = chunk;
    H5Pset_chunk(creation, static_cast<int>(chunks.size()), chunks.data());
    H5Pset_deflate(creation, 4);
  }
  const hid_t data = H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  return data;
}

inline hid_t put(hid_t parent, const std::string& name, const Texts& texts) {
  const H5 type(variable_text()), space(space_of({texts.size()}));
  const hid_t data = H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers(texts).data());
  return data;
}

inline void set_texts(hid_t object, const std::string& name, const Texts& texts) {
  const H5 type(variable_text()), space(space_of({texts.size()}));
  const H5 attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute, type, pointers(texts).data());
}

/// Truth values [count].
inline hid_t put_truths(hid_t parent, const std::string& name, const std::vector<signed char>& values) {
  const H5 type(truth_type()), space(space_of({values.size()}));
  const hid_t data = H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  return encoded(data, "array");
}

inline void put_category(hid_t table, const std::string& name, const Doubles& codes, const Texts& categories) {
  const H5 group(make_group(table, name, "categorical"));
  set_truth(group, "ordered", false);
  H5(encoded(put(group, "codes", codes, {codes.size()}, H5T_STD_I8LE), "array"));
  H5(encoded(put(group, "categories", categories), "string-array"));
}

/// A table with an index and, put into it afterwards, these columns.
inline hid_t make_table(hid_t file, const std::string& name, const Texts& index, const Texts& columns = {}) {
  const hid_t table = make_group(file, name, "dataframe");
  set_text(table, "_index", "_index");
  set_texts(table, "column-order", columns);
  H5(encoded(put(table, "_index", index), "string-array"));
  return table;
}

/// A CSR or CSC matrix from its three arrays.
inline void put_sparse(hid_t parent, const std::string& name, const std::string& format, const std::vector<long>& shape,
                       const Doubles& values, const Doubles& indices, const Doubles& starts) {
  const H5 group(make_group(parent, name, format));
  set_sizes(group, "shape", shape);
  H5(encoded(put(group, "data", values, {values.size()}, H5T_IEEE_F32LE), "array"));
  H5(encoded(put(group, "indices", indices, {indices.size()}, H5T_STD_I32LE), "array"));
  H5(encoded(put(group, "indptr", starts, {starts.size()}, H5T_STD_I32LE), "array"));
}

inline hid_t make_file(const std::string& path) {
  return H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

/// Six cells on days 0, 3 and 7, not in their order, with three genes and two components.
inline const Doubles kDays{3, 0, 7, 3, 0, 3};
inline const Doubles kComponents{10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61};
inline const Texts kCellNames{"a", "b", "c", "d", "e", "f"};
inline const Texts kGenes{"Sox2", "Gata1", "Pou5f1"};

inline std::string new_layout(const Folder& folder, const std::string& name = "cells.h5ad") {
  const std::string path = folder.path(name);
  const H5 file(make_file(path));
  encoded(file, "anndata");
  const H5 obs(make_table(file, "obs", kCellNames,
                          {"day", "single", "stage", "kind", "gap", "word", "nullable", "pair", "weight"})),
      var(make_table(file, "var", kGenes, {"mean"}));
  H5(encoded(put(obs, "day", kDays, {6}), "array"));
  H5(encoded(put(obs, "single", {0.3, 0.1, 0.7, 0.3, 0.1, 0.3}, {6}, H5T_IEEE_F32LE), "array"));
  put_category(obs, "stage", {1, 2, 3, 1, 2, 1}, {"never", "E6.5", "E5.25", "E10"});
  put_category(obs, "kind", {0, 0, 1, 0, 0, 1}, {"stem", "late 2"});
  put_category(obs, "gap", {0, -1, 1, 0, 0, 1}, {"day 1", "day 2"});
  H5(encoded(put(obs, "word", Texts{"3 days", "1 day", "7 days", "3 days", "1 day", "3 days"}), "string-array"));
  H5(put_truths(obs, "pair", {1, 0, 1, 1, 0, 1}));
  H5(encoded(put(obs, "weight", {1, 2, 3, 4, 5, 6}, {6}), "array"));
  {
    const H5 nullable(make_group(obs, "nullable", "nullable-integer"));
    H5(encoded(put(nullable, "values", {1, 2, 3, 1, 2, 3}, {6}, H5T_STD_I64LE), "array"));
    H5(put_truths(nullable, "mask", {0, 0, 0, 0, 0, 1}));
  }
  const H5 obsm(make_group(file, "obsm", "dict")), layers(make_group(file, "layers", "dict")),
      varm(make_group(file, "varm", "dict")), uns(make_group(file, "uns", "dict"));
  for (const char* empty : {"obsp", "varp"}) H5(make_group(file, empty, "dict"));
  H5(encoded(put(obsm, "X_pca", kComponents, {6, 2}, H5T_IEEE_F32LE, 2), "array"));
  H5(encoded(put(obsm, "X_line", {1, 2, 3, 4, 5, 6}, {6}, H5T_STD_I16BE), "array"));
  H5(encoded(put(varm, "PCs", {1, 2, 3, 4, 5, 6}, {3, 2}), "array"));
  H5(encoded(put(var, "mean", {7, 8, 9}, {3}), "array"));
  // As scanpy leaves it: the mean that was taken off is not there.
  const H5 pca(make_group(uns, "pca", "dict")), params(make_group(pca, "params", "dict"));
  H5(encoded(put(pca, "variance", {2, 1}, {2}), "array"));
  H5(encoded(put(params, "zero_center", {1}, {}, H5T_STD_I8LE), "numeric-scalar"));
  // [[1, 0, 0], [0, 2, 0], [0, 0, 3], [4, 5, 0], [0, 0, 0], [6, 0, 7]]
  put_sparse(file, "X", "csr_matrix", {6, 3}, {1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 0, 1, 0, 2}, {0, 1, 2, 3, 5, 5, 7});
  put_sparse(layers, "counts", "csc_matrix", {6, 3}, {1, 4, 6, 2, 5, 3, 7}, {0, 3, 5, 1, 3, 2, 5}, {0, 3, 5, 7});
  return path;
}

/// A table of records whose first field, of any name, is the index, and whose categories are an enumeration: development
/// versions before 0.7. Two of them are no truth values. What is raw lies in the root.
inline std::string record_layout(const Folder& folder) {
  struct Cell {
    const char* barcode;
    signed char stage, kind;
  };
  const std::string path = folder.path("records.h5ad");
  const H5 file(make_file(path)), rows(space_of({6})), text(variable_text());
  const auto enumeration = [](const Texts& names) {
    const hid_t type = H5Tenum_create(H5T_STD_I8LE);
    for (size_t k = 0; k < names.size(); ++k) {
      const auto value = static_cast<signed char>(k);
      H5Tenum_insert(type, names[k].c_str(), &value);
    }
    return type;
  };
  const H5 stage(enumeration({"E5.25", "E6.5", "E10"})), kind(enumeration({"day 1", "day 2"}));
  const H5 cell(H5Tcreate(H5T_COMPOUND, sizeof(Cell)));
  H5Tinsert(cell, "barcode", HOFFSET(Cell, barcode), text);
  H5Tinsert(cell, "stage", HOFFSET(Cell, stage), stage);
  H5Tinsert(cell, "kind", HOFFSET(Cell, kind), kind);
  std::vector<Cell> cells;
  const signed char stages[] = {1, 0, 2, 1, 0, 1};
  for (size_t k = 0; k < 6; ++k)
    cells.push_back({kCellNames[k].c_str(), stages[k], static_cast<signed char>(k == 2 ? 1 : 0)});
  const H5 obs(H5Dcreate2(file, "obs", cell, rows, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(obs, cell, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells.data());
  H5(put(file, "X", kComponents, {6, 2}));
  H5(put(file, "raw.X", kComponents, {6, 2}));
  return path;
}

/// Tables of records, components as a field of several numbers, categories in `uns`: AnnData 0.6.
inline std::string old_layout(const Folder& folder) {
  struct Cell {
    char index[4];
    double day;
    signed char stage;
  };
  struct Row {
    float pca[2];
    float umap;
  };
  const std::string path = folder.path("old.h5ad");
  const H5 file(make_file(path)), rows(space_of({6})), text(H5Tcopy(H5T_C_S1));
  H5Tset_size(text, 4);
  const H5 cell(H5Tcreate(H5T_COMPOUND, sizeof(Cell)));
  H5Tinsert(cell, "index", HOFFSET(Cell, index), text);
  H5Tinsert(cell, "day", HOFFSET(Cell, day), H5T_NATIVE_DOUBLE);
  H5Tinsert(cell, "stage", HOFFSET(Cell, stage), H5T_NATIVE_SCHAR);
  const hsize_t two = 2;
  const H5 pair(H5Tarray_create2(H5T_NATIVE_FLOAT, 1, &two)), row(H5Tcreate(H5T_COMPOUND, sizeof(Row)));
  H5Tinsert(row, "X_pca", HOFFSET(Row, pca), pair);
  H5Tinsert(row, "X_umap", HOFFSET(Row, umap), H5T_NATIVE_FLOAT);
  std::vector<Cell> cells;
  std::vector<Row> values;
  const signed char stages[] = {1, 0, 2, 1, 0, 1};
  for (size_t k = 0; k < 6; ++k) {
    cells.push_back({{kCellNames[k][0]}, kDays[k], stages[k]});
    values.push_back({{static_cast<float>(kComponents[2 * k]), static_cast<float>(kComponents[2 * k + 1])}, 0.5f});
  }
  const H5 obs(H5Dcreate2(file, "obs", cell, rows, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(obs, cell, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells.data());
  const H5 obsm(H5Dcreate2(file, "obsm", row, rows, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(obsm, row, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  const H5 uns(make_group(file, "uns"));
  H5(put(uns, "stage_categories", Texts{"E5.25", "E6.5", "E10"}));
  const H5 x(make_group(file, "X"));
  set_text(x, "h5sparse_format", "csr");
  set_sizes(x, "h5sparse_shape", {6, 1});
  H5(put(x, "data", {9}, {1}));
  H5(put(x, "indices", {0}, {1}, H5T_STD_I32LE));
  H5(put(x, "indptr", {0, 0, 0, 0, 0, 0, 1}, {7}, H5T_STD_I32LE));
  return path;
}

/// Codes that refer to their categories in `__categories`: AnnData 0.7.
inline std::string middle_layout(const Folder& folder, bool reference) {
  const std::string path = folder.path("middle.h5ad");
  const H5 file(make_file(path)), obs(make_table(file, "obs", kCellNames)), lists(make_group(obs, "__categories"));
  H5(put(lists, "stage", Texts{"E5.25", "E6.5", "E10"}));
  const H5 stage(put(obs, "stage", {1, 0, 2, 1, 0, 1}, {6}, H5T_STD_I8LE));
  if (reference) set_reference(stage, "categories", "/obs/__categories/stage");
  H5(put(file, "X", kComponents, {6, 2}));
  return path;
}

}  // namespace am::data::testing
