// How the operands of products on bf16 tiles are laid out.
#pragma once

#include "compiler/lower/program.h"
#include "compiler/lower/split_product.h"

namespace am::lower {

/// Lays out what the chosen products read, once the tile is known: their weights become split panels, and what else they
/// split, for each tile of samples, gets a place at the end of the arena.
void plan_splits(Program& program);

/// Numbers of f32 that would fill these panels.
size_t panel_elements(const Panels& panels);

/// How weights are laid out in split panels.
Split split_of(const Panels& panels);

/// A product of the program: the operands as they are in memory, and their multiplication. Of a Mean that sums products,
/// one step along the inner depth.
struct TileProduct {
  Split left, right;
  SplitProduct product;
  bool right_in_panels = false;  // the right operand lies as a Transposition leaves it
  size_t right_bytes() const { return split_bytes(right); }
};
TileProduct tile_product(const Program& program, NodeId product);

}  // namespace am::lower
