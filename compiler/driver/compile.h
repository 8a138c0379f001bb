// From a script to graphs and native code: the list of stages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/jit/cache.h"
#include "compiler/jit/jit.h"
#include "compiler/lower/lower.h"
#include "compiler/source/source.h"

namespace am {

/// The machine that programs are made for and run on.
struct Machine {
  lower::Target target;
  int threads = 1;
  jit::Cache cache = {};  // where compiled programs are kept; by default nowhere
};

struct CompileOptions {
  std::string data_folder;                       // relative data files start here; empty: the current folder
  std::map<std::string, std::string> settings;   // "train.flow.steps" → "100"
  std::map<std::string, std::string> data;       // name → file
  std::map<std::string, std::string> constants;  // name → number
  /// What simulations run on, when a program first reads their samples; by default this machine with all its cores.
  std::optional<Machine> machine;
  /// Told how far a simulation is: the data set's name, steps done, steps in all.
  std::function<void(const std::string& name, size_t done, size_t all)> simulating;
  std::string expression;                        // over the script's names, for Elaborated::asked; empty: none
  std::string model;                             // whose dynamics it may speak of; empty: the first
  std::map<std::string, std::string> shapes;     // of its variables: name → "3" or "2x3"
};

/// A script after parse, check and elaborate. Diagnostics are in `sink`; models and the rest are there as far as they
/// are right.
struct Script {
  source::Sources sources;
  ast::Program program;
  size_t own = 0;  // declarations of the standard library, which stand before the script's
  source::FileId file;
  diagnostics::Sink sink;
  elaborate::Elaborated elaborated;
  std::string asked;  // CompileOptions::expression with all arguments

  bool usable() const { return !sink.has_errors(); }
};

/// parse → check → elaborate (which differentiates). Nothing runs; data files are read.
std::unique_ptr<Script> compile(std::string name, std::string text, const CompileOptions& options);

/// A program as native code, with what its slots and outputs are.
struct NativeProgram {
  std::shared_ptr<const jit::Executable> code;
  std::vector<elaborate::Input> inputs;
  std::vector<std::string> names;
  explicit operator bool() const { return code != nullptr; }
};

/// simplify → lower → jit, or simplify and what the machine's cache has. `samples` is the usual number of samples of a
/// run. On failure the program is empty and `error` says why; that is the system's fault or ours.
NativeProgram make_native(const elaborate::Program& program, lower::Precision precision, const Machine& machine,
                          size_t samples, std::string& error);

/// The stages that can be printed, in order: ast, graph, gradient, tiles, llvm, asm.
const std::vector<std::string>& stages();

/// Prints one stage of a script: of `model`'s training step (of the first model if empty).
std::string emit(const Script& script, std::string_view stage, std::string_view model, const lower::Target& target,
                 std::string& error);

/// The plan of a model's training step, for `amc info FILE`.
lower::Plan plan_of(const elaborate::Model& model, const lower::Target& target);

std::string version();

}  // namespace am
