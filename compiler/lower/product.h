// Matrix products as register-blocked kernels, and the transposition that brings samples outermost.
#pragma once

#include "compiler/lower/writer.h"

namespace am::lower {

/// C(i, j) = Σ_k A(i, k)·B(k, j), or C += …, where C's rows are contiguous. A's elements are broadcast one by one, so
/// its strides are free; B's rows are contiguous where `b_column` is 1 and gathered otherwise. In elements.
struct Product {
  int rows = 0, columns = 0, depth = 0;
  int64_t a_row = 0, a_depth = 0;
  int64_t b_depth = 0, b_column = 1;
  int64_t c_row = 0;
  bool accumulate = false;
};

/// Writes a call of the product's kernel. `columns` need not be whole vectors: nothing is touched beyond them.
void call_product(Writer& w, const Product& product, llvm::Value* a, llvm::Value* b, llvm::Value* c);

/// Rows of a tile to [sample][padded]: the transposition of [columns][tile]. Columns up to `padded` and samples from
/// `valid` on become zero.
struct Transposition {
  int columns = 0;
  int64_t column_stride = 0;
  int padded = 0;
  bool negative = false;  // of minus the tile
};

void call_transposition(Writer& w, const Transposition& t, llvm::Value* from, llvm::Value* to, llvm::Value* valid);

}  // namespace am::lower
