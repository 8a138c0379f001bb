// What a golden can expect beside diagnostics. Each check gives the comment as it should stand: the text that it was
// given if it holds, with other numbers if those can be rewritten, and otherwise a complaint.
#pragma once

#include "tests/golden/golden.h"

namespace am::golden {

/// A `#~ key …` line in parts: "ops m.step: matmul = 2" has the key "ops", the subject "m.step" and the rest.
struct Expectation {
  std::string key, subject, rest;
};
Expectation parts(const Line& line);

struct Answer {
  std::string text;       // the whole line as it should stand; empty: as it is
  std::string complaint;  // why the expectation does not hold; empty: it does
};

/// `print:` and `tree:`, for the declaration that begins nearest above `line`.
Answer check_syntax(const Expectation& e, const ast::Program& program, const source::Sources& sources,
                    source::FileId file, int line);

/// `value:` and `at …:`. All of a golden's are evaluated together: the script is compiled with a velocity behind it
/// that is the list of their expressions. `addition` is that text.
struct Values {
  struct Item {
    int line;  // index in Golden::lines
    std::string expression;
    std::vector<double> point, expected;
    double time = 0, tolerance = 1e-9;
  };
  std::vector<Item> items;
  std::string addition;
  std::vector<std::string> complaints;
};
Values values_of(const Golden& golden);
/// One complaint for each value that the interpreter or native code, in f32 or f64, gives otherwise.
std::vector<std::string> check_values(const Values& values, const Script& script);

/// `gradcheck`, `native`, `ops`, `plan`, `schedule`, `run`, `sample`.
Answer check_model(const Expectation& e, const Script& script);

}  // namespace am::golden
