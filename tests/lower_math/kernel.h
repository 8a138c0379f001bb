// A compiled loop that applies one piece of generated arithmetic to arrays.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <functional>
#include <string>
#include <vector>

#include "compiler/jit/jit.h"

namespace am::lower {

/// Writes the body of the loop: vectors loaded from the inputs to vectors stored to the outputs.
using Body = std::function<std::vector<llvm::Value*>(llvm::IRBuilderBase&, std::vector<llvm::Value*>)>;

/// What stands in the arrays.
enum class Cell { F32, F64, Word };

struct Signature {
  std::vector<Cell> inputs, outputs;
  int lanes = 1;
};

class Kernel {
 public:
  Kernel(const Target& target, const Signature& signature, const Body& body);

  /// Arrays of `count` cells; `count` is a multiple of the lanes.
  void operator()(std::vector<const void*> inputs, std::vector<void*> outputs, size_t count) const;

  /// What the code calls, by name: empty unless the code generator did something we do not want.
  const std::vector<std::string>& calls() const { return calls_; }

 private:
  std::shared_ptr<const jit::Executable> executable_;
  std::vector<std::string> calls_;
};

}  // namespace am::lower
