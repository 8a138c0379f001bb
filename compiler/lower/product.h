// Matrix products as register-blocked kernels, and the transposition that brings samples outermost.
#pragma once

#include "compiler/lower/loop.h"
#include "compiler/lower/writer.h"

namespace am::lower {

/// C(i, j) = Σ_k A(i, k)·B(k, j), or C += … or C −= …, where C's rows are contiguous. A's elements are broadcast one by one, so
/// its strides are free; B's rows are contiguous where `b_column` is 1 and gathered otherwise. In elements.
struct Product {
  int rows = 0, columns = 0, depth = 0;
  int64_t a_row = 0, a_depth = 0;
  int64_t b_depth = 0, b_column = 1;
  int64_t c_row = 0;
  bool accumulate = false;
  bool subtract = false;  // with `accumulate`
  bool a_panels = false;  // A lies in row panels (see `call_row_panels`): its strides mean nothing
  bool b_panels = false;  // B lies in column panels (see `Transposition`): its strides mean nothing
};

/// Elementwise work that is done with each block of a product with one column of samples as soon as it is summed, while
/// it is in the nearest cache. The kernel's loop runs over the product's rows.
struct Epilogue {
  LoopKernel kernel;
  std::vector<llvm::Value*> pointers;
  llvm::Value* valid = nullptr;
  bool stored = true;  // the product itself is stored too
};

/// Writes a call of a product with samples and of what follows it. `c` is not read or written if it is not stored.
void call_product(Writer& w, const Product& product, const Epilogue& epilogue, llvm::Value* a, llvm::Value* b,
                  llvm::Value* c);

/// Writes a call of the product's kernel. `columns` need not be whole vectors: nothing is touched beyond them.
void call_product(Writer& w, const Product& product, llvm::Value* a, llvm::Value* b, llvm::Value* c);

/// Copies a matrix [rows][depth] to the panels in which a product's kernel reads its left operand: the rows of one block
/// after the other, depth outermost, so that what is broadcast one after the other lies side by side. No padding. A piece
/// is some of the panels.
void call_row_panels(Writer& w, int rows, int depth, int64_t row_stride, int64_t depth_stride, llvm::Value* from,
                     llvm::Value* to, const Piece& piece);

/// The transposition of rows of a tile, [columns][tile], to column panels: those columns that a product's kernel takes
/// at once, as [sample][panel's columns], one panel after the other. Columns up to `padded` (whole vectors) and samples
/// from `valid` on become zero.
struct Transposition {
  int columns = 0;
  int64_t column_stride = 0;
  int padded = 0;
};

/// The columns of every panel of a right operand of so many columns, which are whole vectors.
std::vector<int> panel_columns(const Target& target, int columns);

void call_transposition(Writer& w, const Transposition& t, llvm::Value* from, llvm::Value* to, llvm::Value* valid);

}  // namespace am::lower
