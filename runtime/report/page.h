// The parts of the page that are not C++: the files in page/, which travel inside the program.
#pragma once

#include <span>
#include <string_view>

namespace am::report {

struct PageFile {
  std::string_view name, text;
};
std::span<const PageFile> page_files();

/// The text of one of them, such as "style.css".
std::string_view page_file(std::string_view name);

}  // namespace am::report
