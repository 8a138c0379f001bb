// Matrix products of f32 on the tile registers of processors that multiply bf16: operands as sums of bf16 parts.
//
// Note [parts]. A bf16 has the exponent of an f32 and 8 of its 24 bits. x = x₀ + x₁ + x₂, where x₀ is x rounded to bf16,
// x₁ the rest rounded, x₂ what is left, holds all 24 bits: every rest is exact in f32, and the last one fits. Then x·y is
// Σ xᵢ·yⱼ, of which the products with i + j < parts are computed: one, three or six of them; what three parts leave out is
// below 2⁻²⁴ of |x·y|. Products of bf16 are exact in the f32 in which they are summed. Where an f32 product would have an
// infinity or a NaN, so has this one, though inf may have become NaN. Numbers lose parts below 2⁻¹¹⁰, where x₂ is no normal
// number, and those that round to more than the largest bf16, 3.39e38, are infinite.
#pragma once

#include "compiler/lower/writer.h"

namespace am::lower {

/// An operand as its product sees it: `rows` of A, or columns of B, along a `depth` that both share. In elements; one of
/// the strides is 1, so that vectors can be loaded.
struct Split {
  enum class Side { Left, Right };
  Side side = Side::Left;
  int rows = 0, depth = 0;
  int64_t row = 0, deep = 0;
  int parts = 3;
  bool negative = false;  // of minus the operand, which is how a product is subtracted: parts are exact, so is their sign
};

/// Bytes of `split` laid out in parts. They are to lie at a multiple of 64 bytes.
size_t split_bytes(const Split& split);

/// Writes a call that lays out an operand in parts. Rows and depth are filled up with zeros to whole tiles. A piece is
/// some of the rows of tiles.
void call_split(Writer& w, const Split& split, llvm::Value* from, llvm::Value* to, const Piece& piece = {});

/// The same of a right operand that lies in column panels (see `Transposition`): its strides mean nothing.
void call_split_panels(Writer& w, const Split& split, llvm::Value* from, llvm::Value* to);

/// C(i, j) = Σ_k A(i, k)·B(k, j), or C += …, of operands that are laid out; C's rows are contiguous, and their length,
/// `columns`, is a multiple of 16.
struct SplitProduct {
  int rows = 0, columns = 0, depth = 0;
  int parts = 3;
  int64_t c_row = 0;
  bool accumulate = false;
};

void call_split_product(Writer& w, const SplitProduct& product, llvm::Value* a, llvm::Value* b, llvm::Value* c);

}  // namespace am::lower
