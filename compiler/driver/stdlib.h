// The standard library's texts, built into the program.
#pragma once

#include <span>
#include <string_view>

namespace am {

struct LibraryFile {
  std::string_view name, text;
};
std::span<const LibraryFile> standard_library();

}  // namespace am
