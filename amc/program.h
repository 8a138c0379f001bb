// The commands of `amc`. Internal to this folder.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/driver/compile.h"
#include "runtime/flow/flow.h"

namespace am::program {

/// Exit codes; 1 to 4 are diagnostics::Blame.
inline constexpr int kDone = 0, kScript = 1, kData = 2, kNumerics = 3, kSystem = 4, kInterrupted = 5, kOurBug = 70;

struct Arguments {
  std::string command, file;
  std::vector<std::string> set, data, constants;  // NAME=VALUE
  bool json = false;                              // diagnostics as JSON lines
  int threads = 0;                                // 0: as many as the machine has
  bool resume = false;
  bool no_cache = false;
  std::string out;  // run folder
  std::string cpu;
  std::string stage, model;  // emit
  std::string expression;    // derive
  std::vector<std::string> shapes;  // derive: NAME=SIZE
  bool latex = false;
  std::string run;                 // eval, sample, evaluate: the run folder to read
  std::string at, show;            // eval
  std::string coordinates = "original", genes;  // eval
  std::string name;                // doc
  bool markdown = false;
  std::vector<std::string> files;  // fmt, bench
  bool ascii = false, unicode = false, only_check = false, to_stdout = false;
};

/// Set by SIGINT and SIGTERM during `run`; looked at after every training step, and before each sampling and
/// evaluation.
extern std::atomic<bool> interrupted;

int run_command(int argc, char** argv);

int run(const Arguments& a);
/// `amc sample` and `amc evaluate`.
int from_run(const Arguments& a);
int check(const Arguments& a);
int emit(const Arguments& a);
int derive(const Arguments& a);
int describe_data(const Arguments& a);
int info(const Arguments& a);
int report(const Arguments& a);
int eval(const Arguments& a);
int format(const Arguments& a);
int doc(const Arguments& a);
int bench(const Arguments& a);

/// `objective` and `∇[PARAMETER] objective` speak of a model's own program, other expressions of the script's names.
bool of_objective(std::string_view expression);

/// Reads and compiles the script, prints diagnostics to stderr. Null with the exit code if it cannot go on.
std::unique_ptr<Script> open_script(const Arguments& a, int& code);
std::optional<Machine> machine_of(const Arguments& a, int& code);
/// Prints what was reported, and gives the exit code. Without `warnings` only errors, where warnings were shown before.
int print_diagnostics(const Arguments& a, const diagnostics::Sink& sink, const source::Sources& sources,
                      bool warnings = true);
/// "2 errors in x.am".
void print_error_count(const diagnostics::Sink& sink, const std::string& file);
/// Prints an error that has no place in a script, and gives its exit code.
int complain(const Arguments& a, const diagnostics::Diagnostic& error);
std::optional<std::string> read_file(const std::string& path);

}  // namespace am::program
