#include "runtime/data/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "runtime/data/table.h"

namespace am::data {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50;
constexpr size_t kLocalSize = 30, kEntrySize = 46, kEndSize = 22, kLongestComment = 65535;
constexpr uint32_t kMany16 = 0xFFFF, kMany32 = 0xFFFFFFFF;
constexpr uint32_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;
constexpr uint32_t kUtf8Name = 1 << 11;
constexpr uint32_t kStored = 0, kDeflated = 8;
/// 1 January 1980 at midnight, and a regular file that its owner may write and all may read.
constexpr uint32_t kDate = 1 << 5 | 1, kMadeOnUnix = 3 << 8 | 20, kVersion = 20, kPermissions = 0100644u << 16;

uint32_t u16(ByteView bytes, size_t at) {
  return std::to_integer<uint32_t>(bytes[at]) | std::to_integer<uint32_t>(bytes[at + 1]) << 8;
}
uint32_t u32(ByteView bytes, size_t at) { return u16(bytes, at) | u16(bytes, at + 2) << 16; }

void put16(std::string& out, size_t value) {
  out += static_cast<char>(value & 0xFF);
  out += static_cast<char>(value >> 8 & 0xFF);
}
void put32(std::string& out, size_t value) {
  put16(out, value & 0xFFFF);
  put16(out, value >> 16);
}

FileError zip64() { return {"it is a zip64 archive; only archives and members below 4 GiB are read"}; }

/// Finds the record at the archive's end. A comment may follow it, so it is looked for from the back; it counts only
/// if its comment reaches exactly to the end.
std::optional<size_t> find_end(ByteView archive) {
  if (archive.size() < kEndSize) return std::nullopt;
  const size_t last = archive.size() - kEndSize;
  const size_t first = last - std::min(last, kLongestComment);
  for (size_t at = last + 1; at-- > first;)
    if (u32(archive, at) == kEnd && at + kEndSize + u16(archive, at + 20) == archive.size()) return at;
  return std::nullopt;
}

/// Where the directory lies, from the end record.
struct Directory {
  size_t begin = 0, end = 0, members = 0;
};

FileError find_directory(ByteView archive, Directory& directory) {
  const std::optional<size_t> end = find_end(archive);
  if (!end) return {"it is not a zip archive, or it breaks off"};
  const size_t size = u32(archive, *end + 12), offset = u32(archive, *end + 16);
  if (u16(archive, *end + 10) == kMany16 || size == kMany32 || offset == kMany32) return zip64();
  if (u16(archive, *end + 4) != 0 || u16(archive, *end + 6) != 0) return {"it is one part of a split archive"};
  if (offset > *end || size != *end - offset) return {"its directory is damaged"};
  directory = {offset, *end, u16(archive, *end + 10)};
  return {};
}

FileError read_entry(ByteView archive, const Directory& directory, size_t& at, Member& member) {
  if (directory.end - at < kEntrySize || u32(archive, at) != kEntry) return {"its directory is damaged"};
  const size_t name = u16(archive, at + 28), extra = u16(archive, at + 30), comment = u16(archive, at + 32);
  if (directory.end - at - kEntrySize < name + extra + comment) return {"its directory is damaged"};
  member = {.name = std::string(as_text(archive.subspan(at + kEntrySize, name))),
            .method = u16(archive, at + 10),
            .crc = u32(archive, at + 16),
            .packed_size = u32(archive, at + 20),
            .size = u32(archive, at + 24),
            .header_offset = u32(archive, at + 42)};
  if (member.packed_size == kMany32 || member.size == kMany32 || member.header_offset == kMany32) return zip64();
  if ((u16(archive, at + 8) & kEncrypted) != 0)
    return {fmt::format("its member `{}` is encrypted", shown(member.name))};
  at += kEntrySize + name + extra + comment;
  return {};
}

/// The packed bytes of a member. What the local header repeats of the directory is checked only in its name.
FileError find_packed(ByteView archive, const Member& member, ByteView& packed) {
  const FileError damaged{fmt::format("its member `{}` is damaged", shown(member.name))};
  const size_t at = member.header_offset;
  if (at > archive.size() || archive.size() - at < kLocalSize || u32(archive, at) != kLocal) return damaged;
  const size_t name = u16(archive, at + 26), extra = u16(archive, at + 28);
  const size_t rest = archive.size() - at - kLocalSize;
  if (rest < name + extra || rest - name - extra < member.packed_size) return damaged;
  if (as_text(archive.subspan(at + kLocalSize, name)) != member.name) return damaged;
  packed = archive.subspan(at + kLocalSize + name + extra, member.packed_size);
  return {};
}

FileError expand(ByteView packed, const Member& member, Bytes& out) {
  if (member.method == kStored) {
    out.assign(packed.begin(), packed.end());
    return {};
  }
  if (member.method != kDeflated) return {fmt::format("compression method {} is not known", member.method)};
  if (member.size / kLargestDeflateRatio > packed.size()) return {"no compression reaches the size it declares"};
  size_t used = 0;
  return inflate_stream(packed, Wrapping::Bare, member.size, out, used);
}

/// The fields that local headers and directory entries share, from flags to the length of the extra field.
void put_common(std::string& out, const Member& member) {
  const bool ascii = std::all_of(member.name.begin(), member.name.end(), [](char c) { return (c & 0x80) == 0; });
  put16(out, ascii ? 0 : kUtf8Name);
  put16(out, kStored);
  put16(out, 0);
  put16(out, kDate);
  put32(out, member.crc);
  put32(out, member.packed_size);
  put32(out, member.size);
  put16(out, member.name.size());
  put16(out, 0);
}

}  // namespace

FileError list_members(ByteView archive, std::vector<Member>& members) {
  Directory directory;
  if (FileError error = find_directory(archive, directory)) return error;
  size_t at = directory.begin, packed = 0;
  for (size_t k = 0; k < directory.members; ++k) {
    Member member;
    if (FileError error = read_entry(archive, directory, at, member)) return error;
    packed += member.packed_size;
    members.push_back(std::move(member));
  }
  // Members that share bytes would let a small archive unpack to any size.
  if (packed > directory.begin) return {"its members overlap"};
  return {};
}

FileError unpack(ByteView archive, const Member& member, Bytes& out) {
  ByteView packed;
  if (FileError error = find_packed(archive, member, packed)) return error;
  out.clear();
  const auto about = [&](const std::string& what) {
    return FileError{fmt::format("its member `{}` is damaged: {}", shown(member.name), what)};
  };
  if (FileError error = expand(packed, member, out)) return about(error.what);
  if (out.size() != member.size) return about(fmt::format("{} bytes of {} are there", out.size(), member.size));
  if (checksum(out) != member.crc) return about("its checksum is wrong");
  return {};
}

std::string local_header(const Member& member) {
  std::string out;
  put32(out, kLocal);
  put16(out, kVersion);
  put_common(out, member);
  return out + member.name;
}

std::string directory_entry(const Member& member) {
  std::string out;
  put32(out, kEntry);
  put16(out, kMadeOnUnix);
  put16(out, kVersion);
  put_common(out, member);
  // No comment, first disk, no internal attributes.
  out.append(6, '\0');
  put32(out, kPermissions);
  put32(out, member.header_offset);
  return out + member.name;
}

std::string directory_end(size_t members, size_t directory_offset, size_t directory_size) {
  std::string out;
  put32(out, kEnd);
  put32(out, 0);
  put16(out, members);
  put16(out, members);
  put32(out, directory_size);
  put32(out, directory_offset);
  put16(out, 0);
  return out;
}

}  // namespace am::data
