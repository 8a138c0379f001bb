// The standard library's texts, built into the program.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace am {

struct LibraryFile {
  std::string_view name, text;
};
std::span<const LibraryFile> standard_library();

/// The library's texts, file by file, with everything blank that a script of the words in `texts` cannot reach: reading
/// the whole library would take longer than the rest of checking a small script. Places stay as they are.
std::vector<std::string> needed_library(std::span<const std::string_view> texts);

}  // namespace am
