// LLVM module to functions. The only place that sees the JIT library.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lower/lower.h"

namespace am::jit {

/// The machine we run on: CPU name, features and cache size as detected. `cpu` forces another: "x86-64-v2" (SSE),
/// "x86-64-v3" (AVX2), "x86-64-v4" (AVX-512); empty or "native" detects. Empty optional text in `error` if fine.
lower::Target host_target(const std::string& cpu, std::string& error);

/// Asks the system for the processor's tile registers, which it grants to a process at its first wish; false if it does
/// not. Code that uses them (see lower/split_product.h) is killed otherwise.
bool allow_tiles();

using TileFunction = void (*)(const lower::Frame*);

/// Compiled code and its plan; owns the memory the functions live in. Immutable, usable from many threads at once.
class Executable {
 public:
  struct Code;  // LLVM's part, out of sight
  Executable(lower::Plan plan, std::unique_ptr<Code> code, std::vector<TileFunction> shared,
             std::vector<TileFunction> tiles);
  ~Executable();
  const lower::Plan& plan() const { return plan_; }
  /// A function for each stage, and for each phase (see lower::Lowered).
  const std::vector<TileFunction>& shared() const { return shared_; }
  const std::vector<TileFunction>& tiles() const { return tiles_; }

 private:
  lower::Plan plan_;
  std::unique_ptr<Code> code_;
  std::vector<TileFunction> shared_, tiles_;
};

/// Machine code before it is linked, with its plan. A value: it may be kept and linked in another process.
struct Object {
  lower::Plan plan;
  std::string code;  // an object file
};

/// Makes machine code. Nothing and a text in `error` if LLVM refuses: that is our bug.
std::optional<Object> generate(lower::Lowered lowered, const lower::Target& target, std::string& error);

/// Links. Null and a text in `error` if the object lacks a function or calls one that it may not, or if there is no
/// memory for it.
std::shared_ptr<const Executable> load(Object object, const lower::Target& target, std::string& error);

/// Both.
std::shared_ptr<const Executable> compile(lower::Lowered lowered, const lower::Target& target, std::string& error);

/// The assembly that `compile` would make.
std::string assembly(const lower::Lowered& lowered, const lower::Target& target);

/// LLVM's version, for `amc info`.
std::string llvm_version();

}  // namespace am::jit
