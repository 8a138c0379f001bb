// Helpers to write LLVM functions: loops with constant counts, vectors of samples, pointers counted in elements.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compiler/lower/lower.h"

namespace am::lower {

/// The module under construction and what all of its functions share.
struct Unit {
  llvm::Module& module;
  const Target& target;
  llvm::Type* element;
  int element_bytes;
  int lanes;
  int tile;
  int64_t partial_bytes;  // distance of the groups' partial sums
  /// Kernels by a text that says all about them: equal kernels are one function.
  std::map<std::string, llvm::Function*> kernels;

  llvm::LLVMContext& context() const { return module.getContext(); }
  llvm::VectorType* vector() const { return llvm::FixedVectorType::get(element, lanes); }
  /// Vectors in a row of a tile.
  int row_vectors() const { return tile / lanes; }
};

/// A part of the shared work: piece `number` of `count`.
struct Piece {
  llvm::Value* number = nullptr;
  int count = 1;
};

/// Turns `from` … `to` − 1 of a loop.
struct Range {
  llvm::Value *from, *to;
};

/// Writes one function, from its entry on; the caller ends it with `finish`.
class Writer {
 public:
  using Value = llvm::Value;

  /// A kernel: internal, with `pointers` pointer parameters and then `numbers` i64 parameters.
  Writer(Unit& unit, const std::string& name, int pointers, int numbers);
  /// An entry point: `void(Frame*)`, to be found by name.
  Writer(Unit& unit, const std::string& name);

  llvm::Function* finish();

  Unit& unit;
  llvm::Function* function;
  llvm::IRBuilder<> b;

  Value* argument(int k) { return function->getArg(k); }
  Value* index(int64_t value) { return b.getInt64(value); }

  /// for i = 0 … count − 1. A single turn is written without a loop.
  void loop(int64_t count, const std::function<void(Value* i)>& body);
  /// The same with values carried from turn to turn: the body returns the next ones. `step` turns are made at once,
  /// and i counts turns.
  using Carried = std::vector<Value*>;
  Carried loop(int64_t count, Carried start, const std::function<Carried(Value* i, const Carried&)>& body);
  /// The same with a count known when it runs, which may be 0.
  void loop(Value* count, const std::function<void(Value* i)>& body);
  Carried loop(Value* count, Carried start, const std::function<Carried(Value* i, const Carried&)>& body);

  /// The piece's share of so many turns.
  Range share(int turns, const Piece& piece);
  /// Those turns of a range that are among `from` … `to` − 1.
  Range clamp(const Range& range, int64_t from, int64_t to);

  /// base + offset, in elements.
  Value* at(Value* base, Value* offset);
  Value* at(Value* base, int64_t offset);
  /// a·x + y for i64 values.
  Value* scaled(Value* x, int64_t a, Value* y);

  Value* load(Value* pointer);                  // one vector
  Value* load_scalar(Value* pointer);
  Value* load_splat(Value* pointer);            // one number, in all lanes
  void store(Value* value, Value* pointer);     // a vector or a number
  Value* load_masked(Value* pointer, Value* mask, Value* otherwise);
  void store_masked(Value* value, Value* pointer, Value* mask);
  /// Elements at a distance of `stride`; lanes that the mask leaves out are zero.
  Value* gather(Value* pointer, int64_t stride, Value* mask);
  /// Elements at constant offsets, one for each lane.
  Value* gather(Value* pointer, std::span<const int64_t> offsets, Value* mask);
  /// Tells the machine that a cache line will be read, or written, soon. It need not be there.
  void prefetch(Value* pointer);
  void prefetch_to_write(Value* pointer);
  void scatter(Value* value, Value* pointer, int64_t stride, Value* mask);

  Value* zero() { return llvm::Constant::getNullValue(unit.vector()); }
  Value* splat(Value* scalar) { return b.CreateVectorSplat(unit.lanes, scalar); }
  /// a·b + c, fused where the machine can.
  Value* multiply_add(Value* x, Value* y, Value* z);
  /// Sum of the lanes.
  Value* sum_lanes(Value* vector);
  /// 0, 1, 2, … as i32.
  Value* iota();
  /// The first `count` lanes, a constant.
  Value* first_lanes(int count);
  /// Lanes l with first + l < valid.
  Value* valid_lanes(Value* first, Value* valid);

 private:
  llvm::Align align() const { return llvm::Align(unit.element_bytes); }
  void begin(const std::string& name, llvm::ArrayRef<llvm::Type*> parameters, bool internal);
};

}  // namespace am::lower
