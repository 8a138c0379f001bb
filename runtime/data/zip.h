// The zip container, as much of it as .npz needs.
#pragma once

#include <string>
#include <vector>

#include "runtime/data/file.h"

namespace am::data {

/// One member, as the central directory at the archive's end describes it.
struct Member {
  std::string name;
  uint32_t method = 0;       // 0 stored, 8 deflated
  uint32_t crc = 0;          // of the unpacked bytes
  size_t packed_size = 0;    // bytes in the archive
  size_t size = 0;           // bytes unpacked
  size_t header_offset = 0;  // of its local header
};

/// Reads the directory and checks everything in it against the bytes there are. Sizes come from the directory alone,
/// so members written as a stream, whose local headers do not know them, are fine.
FileError list_members(ByteView archive, std::vector<Member>& members);
FileError unpack(ByteView archive, const Member& member, Bytes& out);

/// The bytes that stand before a stored member, and its entry in the directory. The date is the format's first day, so
/// equal contents give equal bytes.
std::string local_header(const Member& member);
std::string directory_entry(const Member& member);
std::string directory_end(size_t members, size_t directory_offset, size_t directory_size);

}  // namespace am::data
