// What is needed of HDF5: groups, data sets of numbers and of text, fields of records, attributes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/npz.h"

namespace am::data::hdf5 {

enum class Element { Number, Text, Other };

/// A rectangle of rows and columns, or of rows where there is one axis.
struct Block {
  size_t first_row = 0, rows = 0, columns = 1;
};

/// A group or a data set of an open file, one field of a data set of records (old files keep tables so), or nothing.
///
/// No member crashes on what the library itself survives; call them within `isolated` for what it does not.
class Object {
 public:
  Object() = default;
  static FileError open(const std::string& path, Object& root);

  explicit operator bool() const { return handle_ != nullptr; }
  bool is_group() const;
  bool is_data_set() const;

  /// A member of a group or a field of records; nothing if there is none of this name.
  Object child(const std::string& name) const;
  /// The members or fields, members by name and fields as they stand in a record.
  std::vector<std::string> names() const;

  /// The text of an attribute, and empty text if there is none.
  std::string text(const std::string& attribute) const;
  /// The whole numbers of an attribute.
  std::vector<size_t> sizes(const std::string& attribute) const;
  /// What an attribute refers to.
  Object referred(const std::string& attribute) const;

  /// Of a data set: its axes, those within a field at the end.
  std::vector<size_t> shape() const;
  Element element() const;
  /// "float32", "text", "records", …
  std::string type() const;
  /// The named values of an enumeration, in the order of the values; none of other types and of truth values.
  std::vector<std::pair<double, std::string>> choices() const;
  /// Rows that are best read together: those of one chunk.
  size_t chunk_rows() const;

  /// Numbers of any type, row by row. The block must lie within the shape, which has one or two axes.
  FileError numbers(const Block& block, std::vector<double>& out) const;
  /// All numbers or texts of a data set of one axis (or none).
  FileError numbers(std::vector<double>& out) const;
  FileError texts(std::vector<std::string>& out) const;

 private:
  class Handle;
  std::shared_ptr<const Handle> handle_;
  std::string field_;

  Object(std::shared_ptr<const Handle> handle, std::string field) : handle_(std::move(handle)), field_(field) {}
  FileError believe() const;
};

}  // namespace am::data::hdf5
