#include "runtime/data/hdf5.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <cstring>

#include "runtime/data/file.h"
#include "runtime/data/npy.h"
#include "runtime/data/table.h"

namespace am::data::hdf5 {

/// An id of the library, given back at the end of its scope; negative if what it stood for failed.
class Object::Handle {
 public:
  explicit Handle(hid_t id) : id_(id) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  hid_t id() const { return id_; }
  bool good() const { return id_ >= 0; }

 private:
  hid_t id_;
};

namespace {

/// As Object::Handle, for what lives in one scope.
struct Id {
  hid_t value;
  explicit Id(hid_t id) : value(id) {}
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  ~Id() {
    if (value >= 0) H5Idec_ref(value);
  }
  operator hid_t() const { return value; }
};

/// More axes than any array has; the library's own limit.
constexpr int kMostAxes = H5S_MAX_RANK;

herr_t keep_last(unsigned, const H5E_error2_t* error, void* text) {
  if (error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

/// What the library says at the bottom of its stack of errors.
std::string reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_last, &text);
  return shown(text);
}

FileError damaged() { return {fmt::format("it is damaged or breaks off ({})", reason())}; }

std::vector<size_t> extents(hid_t space) {
  hsize_t size[kMostAxes];
  const int rank = H5Sget_simple_extent_dims(space, size, nullptr);
  return rank < 0 ? std::vector<size_t>{} : std::vector<size_t>(size, size + rank);
}

std::vector<size_t> array_extents(hid_t type) {
  hsize_t size[kMostAxes];
  if (H5Tget_class(type) != H5T_ARRAY) return {};
  const int rank = H5Tget_array_ndims(type);
  if (rank < 0 || rank > kMostAxes || H5Tget_array_dims2(type, size) < 0) return {};
  return {size, size + rank};
}

/// The type of a data set's elements, or of one of their fields.
hid_t element_type(hid_t data_set, const std::string& field) {
  const hid_t type = H5Dget_type(data_set);
  if (field.empty()) return type;
  const Id record(type);
  const int member = H5Tget_member_index(record, field.c_str());
  return member < 0 ? -1 : H5Tget_member_type(record, static_cast<unsigned>(member));
}

/// The type without its axes.
hid_t scalar_type(hid_t data_set, const std::string& field) {
  const hid_t type = element_type(data_set, field);
  if (type < 0 || H5Tget_class(type) != H5T_ARRAY) return type;
  const Id array(type);
  return H5Tget_super(array);
}

/// `type` as a field of its name, which is how the library is asked for this field and no other.
hid_t as_field(hid_t type, const std::string& field) {
  if (field.empty()) return H5Tcopy(type);
  const hid_t record = H5Tcreate(H5T_COMPOUND, H5Tget_size(type));
  H5Tinsert(record, field.c_str(), 0, type);
  return record;
}

/// The named values of an enumeration, in the order of the values.
std::vector<std::pair<double, std::string>> members_of(hid_t type) {
  std::vector<std::pair<double, std::string>> out;
  if (H5Tget_class(type) != H5T_ENUM) return out;
  const Id whole(H5Tget_super(type));
  for (int k = 0; k < H5Tget_nmembers(type); ++k) {
    // Room for the widest integer, and for the number that it becomes in place.
    alignas(8) char value[16] = {};
    if (H5Tget_size(whole) > sizeof value || H5Tget_member_value(type, static_cast<unsigned>(k), value) < 0 ||
        H5Tconvert(whole, H5T_NATIVE_DOUBLE, 1, value, nullptr, H5P_DEFAULT) < 0)
      return {};
    char* name = H5Tget_member_name(type, static_cast<unsigned>(k));
    if (name == nullptr) return {};
    double number = 0;
    std::memcpy(&number, value, sizeof number);
    out.emplace_back(number, name);
    H5free_memory(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// h5py keeps truth values as enumerations of one byte, of the names FALSE and TRUE.
bool is_truth(hid_t type) {
  return members_of(type) == std::vector<std::pair<double, std::string>>{{0, "FALSE"}, {1, "TRUE"}};
}

Element element_of(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_INTEGER || kind == H5T_FLOAT || is_truth(type)) return Element::Number;
  return kind == H5T_STRING ? Element::Text : Element::Other;
}

/// The same text in memory: as long as in the file, or behind a pointer.
hid_t memory_text(hid_t type) {
  const hid_t out = H5Tcopy(H5T_C_S1);
  const bool variable = H5Tis_variable_str(type) > 0;
  H5Tset_size(out, variable ? H5T_VARIABLE : H5Tget_size(type));
  H5Tset_cset(out, H5Tget_cset(type));
  if (!variable) H5Tset_strpad(out, H5Tget_strpad(type));
  return out;
}

/// Texts of a data set or an attribute. `read` takes the type in memory and the place to put them.
template <class Read>
FileError read_texts(hid_t type, hid_t space, size_t count, const std::string& field, Read read,
                     std::vector<std::string>& out) {
  const Id text(memory_text(type)), whole(as_field(text, field));
  out.clear();
  if (count == 0) return {};
  if (H5Tis_variable_str(text) > 0) {
    std::vector<char*> found(count, nullptr);
    if (read(whole, found.data()) < 0) return damaged();
    for (const char* at : found) out.emplace_back(at == nullptr ? "" : at);
    H5Dvlen_reclaim(whole, space, H5P_DEFAULT, found.data());
    return {};
  }
  const size_t width = H5Tget_size(text);
  std::vector<char> found(count * width);
  if (read(whole, found.data()) < 0) return damaged();
  for (size_t k = 0; k < count; ++k) {
    const char* begin = found.data() + k * width;
    out.emplace_back(begin, strnlen(begin, width));
    if (H5Tget_strpad(text) == H5T_STR_SPACEPAD) out.back().erase(out.back().find_last_not_of(' ') + 1);
  }
  return {};
}

size_t product(const std::vector<size_t>& shape) {
  size_t count = 1;
  for (const size_t extent : shape)
    if (__builtin_mul_overflow(count, extent, &count)) return SIZE_MAX;
  return count;
}

/// The name of a filter that this library cannot undo; empty if it can undo all.
std::string missing_filter(hid_t creation) {
  for (int k = 0; k < H5Pget_nfilters(creation); ++k) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    char name[64] = "";
    const H5Z_filter_t id =
        H5Pget_filter2(creation, static_cast<unsigned>(k), &flags, &values, nullptr, sizeof name, name, &config);
    name[sizeof name - 1] = '\0';
    if (id >= 0 && H5Zfilter_avail(id) <= 0) return name[0] == '\0' ? fmt::format("filter {}", id) : shown(name);
  }
  return "";
}

}  // namespace

FileError Object::open(const std::string& path, Object& root) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Id access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_file_locking(access, false, true);
  if (H5Fis_hdf5(path.c_str()) <= 0) return {"it does not begin as an HDF5 file does"};
  auto handle = std::make_shared<const Handle>(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access));
  if (!handle->good()) return damaged();
  root = Object(std::move(handle), "");
  return {};
}

bool Object::is_group() const {
  if (!handle_ || !field_.empty()) return false;
  const H5I_type_t type = H5Iget_type(handle_->id());
  return type == H5I_GROUP || type == H5I_FILE;
}

bool Object::is_data_set() const { return handle_ && H5Iget_type(handle_->id()) == H5I_DATASET; }

Object Object::child(const std::string& name) const {
  const bool plain = !name.empty() && name != "." && name.find('/') == std::string::npos;
  if (!handle_ || !field_.empty() || !plain) return {};
  if (is_group()) {
    auto member = std::make_shared<const Handle>(H5Oopen(handle_->id(), name.c_str(), H5P_DEFAULT));
    return member->good() ? Object(std::move(member), "") : Object();
  }
  const std::vector<std::string> fields = names();
  return std::find(fields.begin(), fields.end(), name) == fields.end() ? Object() : Object(handle_, name);
}

std::vector<std::string> Object::names() const {
  std::vector<std::string> out;
  if (is_group()) {
    H5G_info_t about = {};
    if (H5Gget_info(handle_->id(), &about) < 0) return out;
    for (hsize_t k = 0; k < about.nlinks; ++k) {
      const auto get = [&](char* to, size_t room) {
        return H5Lget_name_by_idx(handle_->id(), ".", H5_INDEX_NAME, H5_ITER_INC, k, to, room, H5P_DEFAULT);
      };
      const ssize_t length = get(nullptr, 0);
      if (length < 0) break;
      std::string name(static_cast<size_t>(length), '\0');
      get(name.data(), name.size() + 1);
      out.push_back(std::move(name));
    }
  } else if (is_data_set() && field_.empty()) {
    const Id record(H5Dget_type(handle_->id()));
    const int fields = record >= 0 && H5Tget_class(record) == H5T_COMPOUND ? H5Tget_nmembers(record) : 0;
    for (int k = 0; k < fields; ++k) {
      char* name = H5Tget_member_name(record, static_cast<unsigned>(k));
      if (name != nullptr) out.emplace_back(name);
      H5free_memory(name);
    }
  }
  return out;
}

std::string Object::text(const std::string& attribute) const {
  if (!handle_ || H5Aexists(handle_->id(), attribute.c_str()) <= 0) return "";
  const Id found(H5Aopen(handle_->id(), attribute.c_str(), H5P_DEFAULT));
  const Id type(H5Aget_type(found)), space(H5Aget_space(found));
  if (found < 0 || H5Tget_class(type) != H5T_STRING || product(extents(space)) != 1) return "";
  std::vector<std::string> texts;
  const auto read = [&](hid_t memory, void* to) { return H5Aread(found, memory, to); };
  const FileError error = read_texts(type, space, 1, "", read, texts);
  return error ? "" : texts[0];
}

std::vector<size_t> Object::sizes(const std::string& attribute) const {
  if (!handle_ || H5Aexists(handle_->id(), attribute.c_str()) <= 0) return {};
  const Id found(H5Aopen(handle_->id(), attribute.c_str(), H5P_DEFAULT));
  const Id type(H5Aget_type(found)), space(H5Aget_space(found));
  const size_t count = product(extents(space));
  if (found < 0 || H5Tget_class(type) != H5T_INTEGER || count > kMostAxes) return {};
  std::vector<unsigned long long> values(count);
  if (H5Aread(found, H5T_NATIVE_ULLONG, values.data()) < 0) return {};
  return {values.begin(), values.end()};
}

Object Object::referred(const std::string& attribute) const {
  if (!handle_ || !field_.empty() || H5Aexists(handle_->id(), attribute.c_str()) <= 0) return {};
  const Id found(H5Aopen(handle_->id(), attribute.c_str(), H5P_DEFAULT));
  const Id type(H5Aget_type(found)), space(H5Aget_space(found));
  if (found < 0 || H5Tequal(type, H5T_STD_REF_OBJ) <= 0 || product(extents(space)) != 1) return {};
  hobj_ref_t reference = 0;
  if (H5Aread(found, H5T_STD_REF_OBJ, &reference) < 0) return {};
  auto target = std::make_shared<const Handle>(H5Rdereference2(handle_->id(), H5P_DEFAULT, H5R_OBJECT, &reference));
  return target->good() ? Object(std::move(target), "") : Object();
}

std::vector<size_t> Object::shape() const {
  const Id space(H5Dget_space(handle_->id())), type(element_type(handle_->id(), field_));
  std::vector<size_t> out = extents(space);
  const std::vector<size_t> within = array_extents(type);
  out.insert(out.end(), within.begin(), within.end());
  return out;
}

Element Object::element() const { return element_of(Id(scalar_type(handle_->id(), field_))); }

std::string Object::type() const {
  const Id type(scalar_type(handle_->id(), field_));
  const size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT: return fmt::format("float{}", bits);
    case H5T_ENUM: return is_truth(type) ? "bool" : "enumeration";
    case H5T_STRING: return "text";
    case H5T_COMPOUND: return "records";
    default: return "other";
  }
}

std::vector<std::pair<double, std::string>> Object::choices() const {
  const Id type(scalar_type(handle_->id(), field_));
  return is_truth(type) ? std::vector<std::pair<double, std::string>>{} : members_of(type);
}

size_t Object::chunk_rows() const {
  const Id creation(H5Dget_create_plist(handle_->id()));
  hsize_t size[kMostAxes];
  if (H5Pget_layout(creation) != H5D_CHUNKED || H5Pget_chunk(creation, kMostAxes, size) < 1) return 1;
  return std::max<size_t>(size[0], 1);
}

/// Whether as many bytes as the shape asks for can be there, and whether they can be unpacked.
FileError Object::believe() const {
  const Id type(H5Dget_type(handle_->id())), space(H5Dget_space(handle_->id()));
  const Id creation(H5Dget_create_plist(handle_->id())), file(H5Iget_file_id(handle_->id()));
  if (type < 0 || space < 0 || creation < 0 || file < 0) return damaged();
  const std::string filter = missing_filter(creation);
  if (!filter.empty())
    return {fmt::format("it is compressed by `{}`, which is not read; write it with compression=\"gzip\"", filter)};
  const std::vector<size_t> shape = extents(space);
  size_t needed = product(shape);
  if (needed == 0) return {};
  hsize_t there = 0;
  H5Fget_filesize(file, &there);
  const size_t most = H5Pget_nfilters(creation) > 0 ? there * kLargestDeflateRatio : there;
  if (__builtin_mul_overflow(needed, H5Tget_size(type), &needed) || needed > most)
    return {fmt::format("its shape {} needs more bytes than the file can hold", shape_text(shape))};
  if (H5Dget_storage_size(handle_->id()) == 0) return {"it was never written"};
  return {};
}

FileError Object::numbers(const Block& block, std::vector<double>& out) const {
  out.clear();
  if (FileError error = believe()) return error;
  const Id type(element_type(handle_->id(), field_)), space(H5Dget_space(handle_->id()));
  const std::vector<size_t> within = array_extents(type), shape = extents(space);
  const size_t in_row = within.empty() ? block.columns : within[0];
  std::vector<hsize_t> start(shape.size(), 0), size(shape.begin(), shape.end());
  if (shape.size() > 2 || within.size() > 1 || shape.size() + within.size() > 2)
    return {fmt::format("it has shape {}", shape_text(this->shape()))};
  if (block.rows == 0 || block.columns == 0) return {};
  if (!shape.empty()) start[0] = block.first_row, size[0] = block.rows;
  if (shape.size() == 2) size[1] = block.columns;
  const hsize_t axis = in_row;
  const Id number(within.empty() ? H5Tcopy(H5T_NATIVE_DOUBLE) : H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &axis));
  const Id memory(as_field(number, field_));
  const Id target(shape.empty() ? H5Screate(H5S_SCALAR)
                                : H5Screate_simple(static_cast<int>(shape.size()), size.data(), nullptr));
  if (!shape.empty() && H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) < 0)
    return damaged();
  out.resize(block.rows * in_row);
  if (H5Dread(handle_->id(), memory, target, space, H5P_DEFAULT, out.data()) < 0) return damaged();
  if (in_row == block.columns) return {};
  for (size_t row = 0; row < block.rows; ++row)
    std::copy_n(out.begin() + static_cast<ptrdiff_t>(row * in_row), block.columns,
                out.begin() + static_cast<ptrdiff_t>(row * block.columns));
  out.resize(block.rows * block.columns);
  return {};
}

FileError Object::numbers(std::vector<double>& out) const {
  const std::vector<size_t> shape = this->shape();
  if (shape.size() > 1) return {fmt::format("it has shape {}, and one axis is needed", shape_text(shape))};
  return numbers({.rows = product(shape)}, out);
}

FileError Object::texts(std::vector<std::string>& out) const {
  if (FileError error = believe()) return error;
  const Id space(H5Dget_space(handle_->id())), type(scalar_type(handle_->id(), field_));
  const std::vector<size_t> shape = this->shape();
  if (shape.size() > 1) return {fmt::format("it has shape {}, and one axis is needed", shape_text(shape))};
  const auto read = [&](hid_t memory, void* to) {
    return H5Dread(handle_->id(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
  };
  return read_texts(type, space, product(shape), field_, read, out);
}

}  // namespace am::data::hdf5
