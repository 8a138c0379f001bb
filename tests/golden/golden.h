// A golden: an ordinary script with its claim in the first line and what is expected of it in `#~` comments.
//
// README.md says what may be written. A file is read into lines; `judge` (checks.h) answers with the comments that the
// compiler would have written, and the two are compared as text: so the same code checks a golden and rewrites it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/driver/compile.h"

namespace am::golden {

/// A line of a golden: of the script, or a comment `#~` under one.
struct Line {
  std::string text;
  bool expectation = false;
  bool diagnostic = false;  // an expectation that speaks of a diagnostic, a note or a help
  int number = 0;           // in the file, from one
};

struct Golden {
  std::string path, name, claim, stage;
  std::string text;
  std::vector<Line> lines;
  CompileOptions options;
  /// Mistakes of the golden itself: no claim, an unknown stage, …
  std::vector<std::string> complaints;
};

/// `name` is that of the folder and the file, "check/fail_unknown_name".
Golden read(const std::string& path, const std::string& name);

/// The `#~` lines that `diagnostics` ask for, by number of the line of the script that they stand under.
std::map<int, std::vector<std::string>> annotations(const Golden& golden,
                                                    const std::vector<diagnostics::Diagnostic>& diagnostics,
                                                    const source::Sources& sources, source::FileId file);

/// The kinds of diagnostics that a golden expects.
std::vector<std::string> kinds(const Golden& golden);

/// The numbers in "[1, −2] ± 0.5", in order.
std::vector<double> numbers(std::string text);

std::string trimmed(std::string_view text);

}  // namespace am::golden
