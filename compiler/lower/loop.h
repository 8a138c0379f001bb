// Elementwise work over one shape as a straight line of items inside a loop nest.
#pragma once

#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/lower/writer.h"

namespace am::lower {

/// Where an item reads or writes: element offset + Σ iₖ·strides[k] from pointer parameter `pointer`, iₖ the indices of
/// the loops.
struct Access {
  enum class Kind {
    Shared,   // the element itself; in a tile's loop it goes to all lanes
    Sampled,  // the element's row of the tile
    Lanes,    // the element's vector of partial sums
    Product,  // what the product that the loop is part of has just summed
    Groups,   // what all groups of tiles have summed up for the element; only read
  };
  Kind kind = Kind::Shared;
  int pointer = 0;
  int64_t offset = 0;
  std::vector<int64_t> strides;
  bool operator==(const Access&) const = default;
};

struct Item {
  enum class Kind { Load, Constant, Compute, Store, Add };
  Kind kind;
  ir::Op op = ir::Op::Const;       // Compute
  double value = 0;                // Constant
  int access = -1;                 // Load, Store, Add
  std::vector<int> operands = {};  // items before this one
};

/// For every index of `axes`, the items in order. `Add` adds to what is there; into `Lanes` only valid samples.
struct LoopKernel {
  bool tile = false;
  std::vector<int> axes;
  std::vector<Access> accesses;
  std::vector<Item> items;
  int pointers = 0;
  int first_pointer = 0;  // pointer parameters of the function that are not the loop's come before

  int access(const Access& access);
  int add(Item item);
};

/// Says all about a kernel: equal texts are equal kernels.
std::string text_of(const LoopKernel& kernel);

/// Writes the items of a tile's kernel inside another kernel: for the element with these indices and `vectors` vectors of
/// samples from `first` on. `product` points to the first of them in what the product has summed.
struct LoopPart {
  std::vector<llvm::Value*> indices;
  llvm::Value* first;
  int vectors;
  llvm::Value* product;
};
void write_loop_part(Writer& w, const LoopKernel& kernel, const LoopPart& part, llvm::Value* valid);

/// Writes a call of the kernel in a tile. `valid` is the number of the tile's samples.
void call_tile_loop(Writer& w, LoopKernel kernel, const std::vector<llvm::Value*>& pointers, llvm::Value* valid);

/// The same in a stage of the shared work. `groups` is the number of groups, null if no access is to their sums.
void call_shared_loop(Writer& w, LoopKernel kernel, const std::vector<llvm::Value*>& pointers, llvm::Value* groups,
                      const Piece& piece);

}  // namespace am::lower
