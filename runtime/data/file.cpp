#include "runtime/data/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <new>
#include <stdexcept>

namespace am::data {
namespace {

/// What is not a regular file, such as a pipe, may have no end.
constexpr size_t kLargestStream = size_t{1} << 30;
/// zlib counts in 32 bits, so longer buffers go to it in pieces.
constexpr size_t kPiece = size_t{1} << 30;
constexpr size_t kFirstGuess = size_t{1} << 16;

FileError refusal(int error) { return {std::strerror(error), true}; }

/// An open file descriptor, closed at the end of its scope.
struct Descriptor {
  int value;
  explicit Descriptor(int descriptor) : value(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

/// Reads to the end. `expected` is a guess at the size that saves copying; it need not be true.
FileError read_all(int descriptor, size_t expected, size_t bound, Bytes& bytes) {
  size_t used = 0;
  bytes.resize(expected + 1);
  while (used <= bound) {
    if (used == bytes.size()) bytes.resize(std::max(kFirstGuess, 2 * used));
    const ssize_t got = read(descriptor, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refusal(errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  if (used > bound) return {fmt::format("it is a stream of more than {} MiB", bound >> 20), true};
  bytes.resize(used);
  return {};
}

FileError write_parts(std::FILE* file, std::span<const std::string_view> parts) {
  for (const std::string_view part : parts)
    if (!part.empty() && std::fwrite(part.data(), 1, part.size(), file) != part.size()) return refusal(errno);
  if (std::fflush(file) != 0 || fsync(fileno(file)) != 0) return refusal(errno);
  return {};
}

/// Makes a rename in the folder of `path` last through a power cut. Some file systems cannot; the rename still holds.
void flush_folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.value >= 0) fsync(descriptor.value);
}

}  // namespace

FileError read_file(const std::string& path, Bytes& bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about = {};
  if (file.value < 0 || fstat(file.value, &about) != 0) return refusal(errno);
  if (S_ISDIR(about.st_mode)) return refusal(EISDIR);
  const bool regular = S_ISREG(about.st_mode);
  const size_t size = regular ? static_cast<size_t>(about.st_size) : 0;
  try {
    return read_all(file.value, size, regular ? SIZE_MAX - 1 : kLargestStream, bytes);
  } catch (const std::bad_alloc&) {
    return refusal(ENOMEM);
  } catch (const std::length_error&) {
    return refusal(EFBIG);
  }
}

FileError inflate_stream(ByteView packed, Wrapping wrapping, size_t bound, Bytes& out, size_t& used) {
  z_stream stream = {};
  if (inflateInit2(&stream, static_cast<int>(wrapping)) != Z_OK) return refusal(ENOMEM);
  const size_t start = out.size();
  size_t produced = 0;
  int state = Z_OK;
  used = 0;
  while (state == Z_OK && produced <= bound) {
    // One byte more than the bound allows tells a stream that goes on from one that ends in time.
    const size_t room = std::min({bound - produced, std::max(kFirstGuess, produced), kPiece}) + 1;
    const size_t given = std::min(packed.size() - used, kPiece);
    out.resize(start + produced + room);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + used));
    stream.avail_in = static_cast<uInt>(given);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + start + produced);
    stream.avail_out = static_cast<uInt>(room);
    state = inflate(&stream, Z_NO_FLUSH);
    used += given - stream.avail_in;
    produced += room - stream.avail_out;
  }
  inflateEnd(&stream);
  out.resize(start + produced);
  if (produced > bound) return {fmt::format("it inflates to more than the {} bytes it declares", bound)};
  if (state == Z_BUF_ERROR) return {"its compressed data break off"};
  if (state != Z_STREAM_END) return {"its compressed data are damaged"};
  return {};
}

bool is_gzip(ByteView bytes) { return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b}; }

FileError gunzip(Bytes& bytes) {
  Bytes out;
  ByteView rest(bytes);
  while (is_gzip(rest)) {
    size_t used = 0;
    if (FileError error = inflate_stream(rest, Wrapping::Gzip, SIZE_MAX - 1, out, used)) return error;
    rest = rest.subspan(used);
  }
  // Padding with zeros is common on tapes and in block stores; anything else is not ours to drop.
  const bool padding = std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; });
  if (!padding) return {"its compressed data are followed by something else"};
  bytes = std::move(out);
  return {};
}

uint32_t checksum(ByteView bytes, uint32_t so_far) {
  // zlib takes a null pointer, which empty vectors have, as the wish to begin anew.
  if (bytes.empty()) return so_far;
  return static_cast<uint32_t>(crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

FileError replace_file(const std::string& path, std::span<const std::string_view> parts) {
  const std::string temporary = fmt::format("{}.tmp-{}", path, getpid());
  std::FILE* file = std::fopen(temporary.c_str(), "wbe");
  if (file == nullptr) return refusal(errno);
  FileError error = write_parts(file, parts);
  struct stat before = {};
  const bool there = stat(path.c_str(), &before) == 0;
  if (!error && there && fchmod(fileno(file), before.st_mode & 07777) != 0) error = refusal(errno);
  if (std::fclose(file) != 0 && !error) error = refusal(errno);
  if (!error && std::rename(temporary.c_str(), path.c_str()) != 0) error = refusal(errno);
  if (error) unlink(temporary.c_str());
  if (!error) flush_folder(path);
  return error;
}

FileError write_text(const std::string& path, std::string_view text) { return replace_file(path, {&text, 1}); }

}  // namespace am::data
