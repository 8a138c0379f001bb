// Note [blocks]. A kernel keeps a block of C, `rows` × `vectors`, in registers while it runs along the depth: it loads
// one row of vectors of B, broadcasts one element of A after the other, and multiplies and adds. 6 × 4 of 32 registers
// and 6 × 2 of 16 run at the machine's peak; more spill. Rows that do not divide are spread evenly, so that blocks differ
// by one row at most: a thin last block would be bound by its loads.
#include "compiler/lower/product.h"

#include <fmt/format.h>

#include <algorithm>

namespace am::lower {
namespace {

using llvm::Value;

/// From this depth on B's panel is too large for the first-level cache, and the depth is cut.
constexpr int kDeep = 512, kDepthBlock = 256;

struct Run {
  int size, count;
};

/// `total` in pieces of at most `most`, as even as can be, larger ones first.
std::vector<Run> balanced(int total, int most) {
  const int pieces = (total + most - 1) / most;
  const int large = total % pieces == 0 ? pieces : total % pieces;
  const int size = (total + pieces - 1) / pieces;
  if (large == pieces) return {{size, pieces}};
  return {{size, large}, {size - 1, pieces - large}};
}

int registers(const Target& target) { return target.vector_bytes == 64 ? 32 : 16; }

/// Vectors in a block's row, for a C of `vectors` in all.
int block_vectors(const Target& target, int vectors) {
  if (registers(target) == 32) return std::min(vectors, 4);
  return vectors == 3 ? 3 : std::min(vectors, 2);
}

/// Rows that fit beside one row of B and an element of A or two.
int block_rows(const Target& target, int vectors) {
  const int spare = registers(target) == 32 ? 3 : 1;
  return std::min(12, (registers(target) - spare - vectors) / vectors);
}

/// One block: where it starts and how large it is. `last` counts the lanes of its last vector.
struct Block {
  int rows, vectors, last;
  Value *a, *b, *c;
};

class Kernel {
 public:
  Kernel(Writer& w, const Product& p) : w_(w), p_(p) {}
  void write();

 private:
  using Carried = Writer::Carried;
  void column_blocks(Value* first, int vectors, int last);
  void block(const Block& block);
  Carried turn(const Block& block, Carried sums, Value* a, Value* b);
  Value* load_b(const Block& block, Value* row, int j);
  Value* mask(const Block& block, int j) { return w_.first_lanes(j == block.vectors - 1 ? block.last : w_.unit.lanes); }
  bool is_full(const Block& block, int j) const { return j < block.vectors - 1 || block.last == w_.unit.lanes; }

  Writer& w_;
  const Product& p_;
};

void Kernel::write() {
  const int lanes = w_.unit.lanes;
  const int vectors = (p_.columns + lanes - 1) / lanes;
  const int last = p_.columns - (vectors - 1) * lanes;
  // The last vector is set apart if it is not whole, since its loads and stores are others.
  const int whole = last == lanes ? vectors : vectors - 1;
  int64_t first = 0;
  for (const Run& run : whole > 0 ? balanced(whole, block_vectors(w_.unit.target, whole)) : std::vector<Run>()) {
    w_.loop(run.count, [&](Value* i) {
      column_blocks(w_.scaled(i, int64_t{run.size} * lanes, w_.index(first)), run.size, lanes);
    });
    first += int64_t{run.size} * run.count * lanes;
  }
  if (whole < vectors) column_blocks(w_.index(first), 1, last);
}

void Kernel::column_blocks(Value* first, int vectors, int last) {
  Value* b = w_.at(w_.argument(1), w_.b.CreateMul(first, w_.index(p_.b_column)));
  Value* c = w_.at(w_.argument(2), first);
  int64_t row = 0;
  for (const Run& run : balanced(p_.rows, block_rows(w_.unit.target, vectors))) {
    w_.loop(run.count, [&](Value* i) {
      Value* start = w_.scaled(i, run.size, w_.index(row));
      block({run.size, vectors, last, w_.at(w_.argument(0), w_.b.CreateMul(start, w_.index(p_.a_row))), b,
             w_.at(c, w_.b.CreateMul(start, w_.index(p_.c_row)))});
    });
    row += int64_t{run.size} * run.count;
  }
}

Value* Kernel::load_b(const Block& block, Value* row, int j) {
  Value* pointer = w_.at(row, int64_t{j} * w_.unit.lanes * p_.b_column);
  if (p_.b_column != 1) return w_.gather(pointer, p_.b_column, mask(block, j));
  return is_full(block, j) ? w_.load(pointer) : w_.load_masked(pointer, mask(block, j), w_.zero());
}

/// Adds one step of the depth to the block's sums.
Writer::Carried Kernel::turn(const Block& block, Carried sums, Value* a, Value* b) {
  Carried row;
  for (int j = 0; j < block.vectors; ++j) row.push_back(load_b(block, b, j));
  for (int i = 0; i < block.rows; ++i) {
    Value* x = w_.load_splat(w_.at(a, i * p_.a_row));
    for (int j = 0; j < block.vectors; ++j) {
      Value*& sum = sums[i * block.vectors + j];
      sum = w_.multiply_add(x, row[j], sum);
    }
  }
  return sums;
}

void Kernel::block(const Block& block) {
  const auto c = [&](int i, int j) { return w_.at(block.c, i * p_.c_row + int64_t{j} * w_.unit.lanes); };
  Carried state;
  for (int i = 0; i < block.rows; ++i)
    for (int j = 0; j < block.vectors; ++j) {
      if (!p_.accumulate) state.push_back(w_.zero());
      else state.push_back(is_full(block, j) ? w_.load(c(i, j)) : w_.load_masked(c(i, j), mask(block, j), w_.zero()));
    }
  // Two steps of the depth in a turn; pointers travel with the sums.
  const int unroll = p_.depth >= 2 ? 2 : 1;
  state.push_back(block.a);
  state.push_back(block.b);
  const auto step = [&](Carried sums) {
    Value* b = sums.back();
    sums.pop_back();
    Value* a = sums.back();
    sums.pop_back();
    sums = turn(block, std::move(sums), a, b);
    sums.push_back(w_.at(a, p_.a_depth));
    sums.push_back(w_.at(b, p_.b_depth));
    return sums;
  };
  state = w_.loop(p_.depth / unroll, std::move(state), [&](Value*, const Carried& carried) {
    Carried next = carried;
    for (int k = 0; k < unroll; ++k) next = step(std::move(next));
    return next;
  });
  if (p_.depth % unroll) state = step(std::move(state));
  for (int i = 0; i < block.rows; ++i)
    for (int j = 0; j < block.vectors; ++j) {
      Value* sum = state[i * block.vectors + j];
      is_full(block, j) ? w_.store(sum, c(i, j)) : w_.store_masked(sum, c(i, j), mask(block, j));
    }
}

llvm::Function* product_function(Unit& unit, const Product& p) {
  const std::string name = fmt::format("product_{}x{}x{}_a{}.{}_b{}.{}_c{}{}", p.rows, p.columns, p.depth, p.a_row,
                                       p.a_depth, p.b_depth, p.b_column, p.c_row, p.accumulate ? "_add" : "");
  llvm::Function*& function = unit.kernels[name];
  if (function) return function;
  Writer w(unit, name, 3, 0);
  Kernel(w, p).write();
  return function = w.finish();
}

}  // namespace

void call_product(Writer& w, const Product& product, Value* a, Value* b, Value* c) {
  if (product.depth < kDeep) {
    w.b.CreateCall(product_function(w.unit, product), {a, b, c});
    return;
  }
  int done = 0;
  for (const Run& run : balanced(product.depth, kDepthBlock))
    for (int i = 0; i < run.count; ++i, done += run.size) {
      Product part = product;
      part.depth = run.size;
      part.accumulate = product.accumulate || done > 0;
      w.b.CreateCall(product_function(w.unit, part),
                     {w.at(a, done * product.a_depth), w.at(b, done * product.b_depth), c});
    }
}

namespace {

/// Transposes a square of vectors: log₂ lanes rounds in which row r and row r + d swap the halves that differ in bit d.
std::vector<Value*> transposed(Writer& w, std::vector<Value*> rows) {
  const int lanes = w.unit.lanes;
  for (int d = 1; d < lanes; d *= 2) {
    std::vector<int> low, high;
    for (int l = 0; l < lanes; ++l) {
      low.push_back(l & d ? lanes + l - d : l);
      high.push_back(l & d ? lanes + l : l + d);
    }
    for (int r = 0; r < lanes; ++r) {
      if (r & d) continue;
      Value *x = rows[r], *y = rows[r | d];
      rows[r] = w.b.CreateShuffleVector(x, y, low);
      rows[r | d] = w.b.CreateShuffleVector(x, y, high);
    }
  }
  return rows;
}

/// `lanes` columns (fewer at the end) of `lanes` samples.
void transpose_square(Writer& w, const Transposition& t, int count, Value* from, Value* to, Value* mask) {
  std::vector<Value*> rows;
  for (int r = 0; r < w.unit.lanes; ++r) {
    Value* row = r < count ? w.load(w.at(from, r * t.column_stride)) : w.zero();
    if (t.negative) row = w.b.CreateFNeg(row);
    rows.push_back(r < count ? w.b.CreateSelect(mask, row, w.zero()) : row);
  }
  rows = transposed(w, std::move(rows));
  for (int s = 0; s < w.unit.lanes; ++s) w.store(rows[s], w.at(to, int64_t{s} * t.padded));
}

}  // namespace

void call_transposition(Writer& w, const Transposition& t, Value* from, Value* to, Value* valid) {
  Unit& unit = w.unit;
  const std::string name = fmt::format("transpose_{}_{}_{}{}", t.columns, t.column_stride, t.padded,
                                       t.negative ? "_negative" : "");
  llvm::Function*& function = unit.kernels[name];
  if (!function) {
    Writer k(unit, name, 2, 1);
    k.loop(unit.row_vectors(), [&](Value* i) {
      Value* first = k.b.CreateMul(i, k.index(unit.lanes));
      Value* mask = k.valid_lanes(first, k.argument(2));
      Value* source = k.at(k.argument(0), first);
      Value* target = k.at(k.argument(1), k.b.CreateMul(first, k.index(t.padded)));
      const auto square = [&](Value* column, int count) {
        transpose_square(k, t, count, k.at(source, k.b.CreateMul(column, k.index(t.column_stride))),
                         k.at(target, column), mask);
      };
      const int whole = t.columns / unit.lanes, rest = t.columns % unit.lanes;
      k.loop(whole, [&](Value* j) { square(k.b.CreateMul(j, k.index(unit.lanes)), unit.lanes); });
      if (rest) square(k.index(whole * unit.lanes), rest);
    });
    function = k.finish();
  }
  w.b.CreateCall(function, {from, to, valid});
}

}  // namespace am::lower
