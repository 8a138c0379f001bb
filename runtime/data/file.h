// Whole files: read in one go, inflated where deflated, replaced in one step.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/data/npz.h"

namespace am::data {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

FileError read_file(const std::string& path, Bytes& bytes);

/// How a deflate stream is wrapped, in zlib's numbers: bare as in zip members, or with gzip's header and checksum.
enum class Wrapping { Bare = -15, Gzip = 15 + 16 };

/// No deflate stream grows by more than this factor, so a declared size above it is a lie.
inline constexpr size_t kLargestDeflateRatio = 1032;

/// Appends what the stream at the start of `packed` inflates to, at most `bound` bytes. `used` becomes the number of
/// packed bytes it took. Memory grows with the bytes that come out, not with `bound`.
FileError inflate_stream(ByteView packed, Wrapping wrapping, size_t bound, Bytes& out, size_t& used);

bool is_gzip(ByteView bytes);
/// Replaces gzipped bytes, of one or more gzip members, by what they inflate to.
FileError gunzip(Bytes& bytes);

/// CRC-32; of several pieces in a row if the sum so far is passed on.
uint32_t checksum(ByteView bytes, uint32_t so_far = 0);

/// Writes the parts one after another to a temporary file beside `path`, flushes it to disk, and renames it. The file
/// keeps the permissions of the one it replaces.
FileError replace_file(const std::string& path, std::span<const std::string_view> parts);

}  // namespace am::data
