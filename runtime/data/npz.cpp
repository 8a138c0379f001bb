#include "runtime/data/npz.h"

#include <fmt/format.h>

#include <deque>

#include "runtime/data/archive.h"
#include "runtime/data/npy.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr std::string_view kSuffix = ".npy";
/// From here on the format needs zip64.
constexpr size_t kTooLarge = 0xFFFFFFFF, kTooMany = 0xFFFF;

/// An archive on its way to the disk: pieces in order, some of which (`made`) live here.
struct Output {
  std::deque<std::string> made;
  std::vector<std::string_view> parts;
  size_t size = 0;

  void add(std::string_view part) {
    parts.push_back(part);
    size += part.size();
  }
  void make(std::string part) { add(made.emplace_back(std::move(part))); }
};

/// Appends one member and returns its directory entry.
std::string add_member(const std::string& name, const ArrayView& array, Output& output) {
  const std::string head = npy_header(array);
  const size_t size = head.size() + array.bytes.size();
  const Member member{.name = name + std::string(kSuffix),
                      .crc = checksum(array.bytes, checksum(as_bytes(head))),
                      .packed_size = size,
                      .size = size,
                      .header_offset = output.size};
  output.make(local_header(member));
  output.make(head);
  output.add(as_text(array.bytes));
  return directory_entry(member);
}

}  // namespace

std::string array_name(const Member& member) {
  const std::string& name = member.name;
  return name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

FileError read_member(ByteView archive, const Member& member, Array& array) {
  Bytes unpacked;
  if (FileError error = unpack(archive, member, unpacked)) return error;
  FileError error = parse_npy(unpacked, array);
  if (error) error.what = fmt::format("its member `{}`: {}", shown(array_name(member)), error.what);
  return error;
}

FileError read_npz(const std::string& path, Archive& archive) {
  Bytes bytes;
  std::vector<Member> members;
  if (FileError error = read_file(path, bytes)) return error;
  if (FileError error = list_members(bytes, members)) return error;
  for (const Member& member : members) {
    const std::string name = array_name(member);
    if (archive.contains(name)) return {fmt::format("it has two members `{}`", shown(name))};
    if (FileError error = read_member(bytes, member, archive[name])) return error;
  }
  return {};
}

FileError write_npz(const std::string& path, const Archive& archive) {
  return write_npz_from(path, ArchiveView(archive.begin(), archive.end()));
}

FileError write_npz_from(const std::string& path, const ArchiveView& archive) {
  Output output;
  std::string directory;
  for (const auto& [name, array] : archive) directory += add_member(name, array, output);
  const size_t offset = output.size, size = directory.size();
  if (offset + size >= kTooLarge || archive.size() >= kTooMany)
    return {"an .npz of 4 GiB or of 65535 members needs zip64, which is not written"};
  output.make(std::move(directory));
  output.make(directory_end(archive.size(), offset, size));
  return replace_file(path, output.parts);
}

}  // namespace am::data
