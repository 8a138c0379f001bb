// The kernels that are neither products nor loops over elements: inputs, outputs, draws, rows of tables, means.
#pragma once

#include "compiler/ir/graph.h"
#include "compiler/lower/view.h"
#include "compiler/lower/writer.h"

namespace am::lower {

/// Copies a sampled input of `count` elements into the tile. Lanes beyond the last valid sample repeat it, so that what
/// is computed for them is as finite as what is computed for it.
void call_input(Writer& w, int count, llvm::Value* from, llvm::Value* to, llvm::Value* stride, llvm::Value* valid);

/// Copies the valid samples of a view into a sampled output.
void call_output(Writer& w, const View& view, llvm::Value* from, llvm::Value* to, llvm::Value* stride,
                 llvm::Value* valid);

/// Fills a tile with the draws of `node`, a Uniform or Weyl. Lanes beyond the last valid sample repeat its draws.
void call_draw(Writer& w, const ir::Node& node, llvm::Value* frame, llvm::Value* to, llvm::Value* valid);

/// A row of a table. In elements, or rows of the tile where sampled.
struct Gather {
  int rows = 0, columns = 0;
  int64_t row_stride = 0, column_stride = 0;
  bool table_sampled = false, index_sampled = false, tile = false;
};
void call_gather(Writer& w, const Gather& gather, llvm::Value* table, llvm::Value* index, llvm::Value* to);

/// C[m][n] = Σ_k A·B for each sample by itself; the strides count elements of the tile.
struct LaneProduct {
  int rows = 0, columns = 0, depth = 0;
  int64_t a_row = 0, a_depth = 0, b_depth = 0, b_column = 0;
};
void call_lane_product(Writer& w, const LaneProduct& p, llvm::Value* a, llvm::Value* b, llvm::Value* c);

/// Sums of lanes, and of the groups' partial sums, times *scale: `count` vectors to `count` numbers.
void call_sum_lanes(Writer& w, int count, llvm::Value* from, llvm::Value* to, llvm::Value* scale, llvm::Value* groups);

/// A field of the frame: the offset in bytes, as `offsetof` gives it.
llvm::Value* frame_pointer(Writer& w, llvm::Value* frame, size_t offset);
llvm::Value* frame_number(Writer& w, llvm::Value* frame, size_t offset, int bits);

}  // namespace am::lower
