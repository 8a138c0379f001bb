// Archives and arrays made byte by byte, as other programs write them.
#pragma once

#include <zlib.h>

#include <string>
#include <vector>

namespace am::data::testing {

inline std::string little(size_t value, int bytes) {
  std::string out;
  for (int k = 0; k < bytes; ++k, value >>= 8) out += static_cast<char>(value & 0xFF);
  return out;
}

/// An .npy of a given version with any header text.
inline std::string npy(const std::string& header, const std::string& body, int version = 1) {
  return "\x93NUMPY" + little(static_cast<size_t>(version), 1) + little(0, 1) +
         little(header.size(), version == 1 ? 2 : 4) + header + body;
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string npy_of(const std::vector<double>& values, const std::string& shape) {
  return npy("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }\n", raw(values));
}

inline std::string deflated(const std::string& text, int window_bits) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
inline std::string gzipped(const std::string& text) { return deflated(text, 15 + 16); }

/// One member and the ways in which it may be unusual or false.
struct Entry {
  std::string name;
  std::string text;
  bool deflate = false;
  bool streamed = false;     // sizes and sum follow the data; the local header holds zeros
  bool local_zip64 = false;  // the local header keeps its sizes in a zip64 field, as numpy.savez writes it
  size_t flags = 0;
  long declared_size = -1;   // in the directory; -1 for the truth
  long declared_crc = -1;
  long method = -1;
};

inline std::string zip(const std::vector<Entry>& entries, const std::string& comment = "") {
  std::string out, directory;
  for (const Entry& entry : entries) {
    const std::string packed = entry.deflate ? deflated(entry.text, -15) : entry.text;
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(entry.text.data()), static_cast<uInt>(entry.text.size()));
    const size_t crc = entry.declared_crc < 0 ? sum : static_cast<size_t>(entry.declared_crc);
    const size_t size = entry.declared_size < 0 ? entry.text.size() : static_cast<size_t>(entry.declared_size);
    const size_t method = entry.method < 0 ? (entry.deflate ? 8 : 0) : static_cast<size_t>(entry.method);
    const std::string common = little(entry.flags | (entry.streamed ? 8 : 0), 2) + little(method, 2) + little(0, 4);
    const std::string extra =
        entry.local_zip64 ? little(1, 2) + little(16, 2) + little(size, 8) + little(packed.size(), 8) : "";
    const size_t offset = out.size();
    out += "PK\3\4" + little(45, 2) + common;
    if (entry.streamed)
      out += little(0, 12);
    else if (entry.local_zip64)
      out += little(crc, 4) + little(0xFFFFFFFF, 4) + little(0xFFFFFFFF, 4);
    else
      out += little(crc, 4) + little(packed.size(), 4) + little(size, 4);
    out += little(entry.name.size(), 2) + little(extra.size(), 2) + entry.name + extra + packed;
    if (entry.streamed) out += "PK\7\10" + little(crc, 4) + little(packed.size(), 4) + little(size, 4);
    directory += "PK\1\2" + little(45, 2) + little(45, 2) + common + little(crc, 4) + little(packed.size(), 4) +
                 little(size, 4) + little(entry.name.size(), 2) + little(0, 12) + little(offset, 4) + entry.name;
  }
  return out + directory + "PK\5\6" + little(0, 4) + little(entries.size(), 2) + little(entries.size(), 2) +
         little(directory.size(), 4) + little(out.size(), 4) + little(comment.size(), 2) + comment;
}

}  // namespace am::data::testing
