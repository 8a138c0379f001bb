// amc fmt: scripts in canonical layout.
#include "compiler/format/format.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "amc/program.h"
#include "runtime/data/npz.h"

namespace am::program {
namespace {

using diagnostics::Kind;
using diagnostics::make;

constexpr std::string_view kStandardInput = "-";

/// Writes to what a link points at, and not to what its owner closed to writing.
int replace(const Arguments& a, const std::string& file, const std::string& text) {
  std::error_code broken;
  const std::string target = std::filesystem::canonical(file, broken).string();
  if (broken || access(target.c_str(), W_OK) != 0)
    return complain(a, make<Kind::CannotWrite>({}, file, broken ? broken.message() : std::strerror(errno)));
  if (const data::FileError error = data::write_text(target, text))
    return complain(a, make<Kind::CannotWrite>({}, file, error.what));
  return kDone;
}

int format_file(const std::string& file, const Arguments& a) {
  const bool piped = file == kStandardInput;
  const auto text = piped ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_file(file);
  if (!text) return complain(a, make<Kind::UnreadableScript>({}, file));
  const format::Spelling spelling = a.ascii     ? format::Spelling::Ascii
                                    : a.unicode ? format::Spelling::Unicode
                                                : format::Spelling::AsWritten;
  source::Sources sources;
  diagnostics::Sink sink;
  const auto out = format::format(sources, sources.add(piped ? "<standard input>" : file, *text), spelling, sink);
  if (!out) {
    print_diagnostics(a, sink, sources);
    if (!a.json) print_error_count(sink, piped ? "standard input" : file);
    return kScript;
  }
  if (a.only_check) {
    if (*out == *text) return kDone;
    fmt::print("{} would change\n", piped ? "standard input" : file);
    return kScript;
  }
  if (piped || a.to_stdout) {
    fmt::print("{}", *out);
    return kDone;
  }
  return *out == *text ? kDone : replace(a, file, *out);
}

}  // namespace

/// Every file is looked at; the exit code is that of the first that fails.
int format(const Arguments& a) {
  int code = kDone;
  for (const std::string& file : a.files) {
    const int one = format_file(file, a);
    if (code == kDone) code = one;
  }
  return code;
}

}  // namespace am::program
