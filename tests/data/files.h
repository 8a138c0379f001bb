// Files for the tests: a folder that goes away, and what a sink was told.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "compiler/diagnostics/diagnostics.h"

namespace am::data::testing {

/// A folder of its own for each test program's run, removed at its end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("am_test_data_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Everything a sink was told, one line each: "Kind: message", with notes and help in their own lines.
inline std::string told(const diagnostics::Sink& sink) {
  std::string out;
  for (const diagnostics::Diagnostic& d : sink.sorted()) {
    out += fmt::format("{}: {}\n", diagnostics::info(d.kind).name, d.message);
    for (const diagnostics::Note& note : d.notes) out += "note: " + note.message + "\n";
    if (!d.suggestion.empty()) out += "help: " + d.suggestion + "\n";
  }
  return out;
}

/// `told` with the file's path taken out, so that claims do not depend on where the folder is.
inline std::string told(const diagnostics::Sink& sink, const std::string& path) {
  std::string out = told(sink);
  for (size_t at = out.find(path); at != std::string::npos; at = out.find(path)) out.replace(at, path.size(), "FILE");
  return out;
}

/// A file of the shared data sets, or empty text where they are absent.
inline std::string real_file(const std::string& name) {
  const std::string path = std::string(AM_SOURCE_DIR) + "/../shared/data/" + name;
  return std::filesystem::exists(path) ? path : "";
}

}  // namespace am::data::testing
