// Note [blocks]. A kernel keeps a block of C, `rows` × `vectors`, in registers while it runs along the depth: it loads
// one row of vectors of B, broadcasts one element of A after the other, and multiplies and adds. 6 × 4 of 32 registers
// and 6 × 2 of 16 run at the machine's peak; more spill. Rows that do not divide are spread evenly, so that blocks differ
// by one row at most: a thin last block would be bound by its loads.
#include "compiler/lower/product.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "compiler/diagnostics/diagnostics.h"

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

/// A kernel's columns in panels: whole vectors as even as can be.
std::vector<Run> column_panels(const Target& target, int vectors) {
  return vectors > 0 ? balanced(vectors, block_vectors(target, vectors)) : std::vector<Run>();
}

/// Vectors in a row of a product's widest panel, which decides how many rows a block has.
int widest_panel(const Target& target, int vectors) { return column_panels(target, vectors).front().size; }

/// From this size on sums come from beyond the first two caches: they are called for before they are needed.
constexpr int64_t kDistantBytes = 256 << 10;

/// Rows of a panel of a left operand, for a C of `vectors` whole vectors in a row, or several times as many.
int panel_rows(const Target& target, int vectors) { return block_rows(target, widest_panel(target, vectors)); }

/// One block: where it starts and how large it is. `last` counts the lanes of its last vector.
struct Block {
  int rows, vectors, last;
  Value *a, *b, *c;
  Value *first_row, *first_column;
};

class Kernel {
 public:
  Kernel(Writer& w, const Product& p, const Epilogue* epilogue) : w_(w), p_(p), epilogue_(epilogue) {}
  void write();

 private:
  using Carried = Writer::Carried;
  struct Columns {
    Value* first;
    int vectors, last;
  };
  void each_columns(const std::function<void(const Columns&)>& body);
  void each_rows(int most, const std::function<void(Value* first, int rows)>& body);
  void block(const Columns& columns, Value* row, int rows);
  void sum(const Block& block);
  Carried turn(const Block& block, Carried sums, Value* a, Value* b);
  Value* load_b(const Block& block, Value* row, int j);
  Value* mask(const Block& block, int j) { return w_.first_lanes(j == block.vectors - 1 ? block.last : w_.unit.lanes); }
  bool is_full(const Block& block, int j) const { return j < block.vectors - 1 || block.last == w_.unit.lanes; }
  int64_t a_row() const { return p_.a_panels ? 1 : p_.a_row; }
  int64_t a_depth(const Block& block) const { return p_.a_panels ? block.rows : p_.a_depth; }
  int64_t b_depth(const Block& block) const {
    return p_.b_panels ? int64_t{block.vectors} * w_.unit.lanes : p_.b_depth;
  }

  void finish(const Block& block, Value* sums, int64_t row);

  Writer& w_;
  const Product& p_;
  const Epilogue* epilogue_;
  Value* scratch_ = nullptr;  // for the sums of a block that are not stored
};

/// The last vector is set apart if it is not whole, since its loads and stores are others.
void Kernel::each_columns(const std::function<void(const Columns&)>& body) {
  const int lanes = w_.unit.lanes;
  const int vectors = (p_.columns + lanes - 1) / lanes;
  const int last = p_.columns - (vectors - 1) * lanes;
  const int whole = last == lanes ? vectors : vectors - 1;
  int64_t first = 0;
  for (const Run& run : column_panels(w_.unit.target, whole)) {
    w_.loop(run.count, [&](Value* i) {
      body({w_.scaled(i, int64_t{run.size} * lanes, w_.index(first)), run.size, lanes});
    });
    first += int64_t{run.size} * run.count * lanes;
  }
  if (whole < vectors) body({w_.index(first), 1, last});
}

void Kernel::each_rows(int most, const std::function<void(Value* first, int rows)>& body) {
  int64_t row = 0;
  for (const Run& run : balanced(p_.rows, most)) {
    w_.loop(run.count, [&](Value* i) { body(w_.scaled(i, run.size, w_.index(row)), run.size); });
    row += int64_t{run.size} * run.count;
  }
}

/// Whichever operand lies in panels is outermost: a panel stays in the nearest cache while the other operand goes by.
void Kernel::write() {
  const Target& target = w_.unit.target;
  if (epilogue_ && !epilogue_->stored) {
    auto* type = llvm::ArrayType::get(w_.unit.element, int64_t{registers(target)} * w_.unit.lanes);
    auto* scratch = w_.b.CreateAlloca(type);
    scratch->setAlignment(llvm::Align(64));
    scratch_ = scratch;
  }
  if (p_.a_panels) {
    each_rows(panel_rows(target, w_.unit.row_vectors()), [&](Value* row, int rows) {
      each_columns([&](const Columns& columns) { block(columns, row, rows); });
    });
  } else {
    each_columns([&](const Columns& columns) {
      each_rows(block_rows(target, columns.vectors), [&](Value* row, int rows) { block(columns, row, rows); });
    });
  }
}

void Kernel::block(const Columns& columns, Value* row, int rows) {
  Value* a = w_.b.CreateMul(row, w_.index(p_.a_panels ? p_.depth : p_.a_row));
  Value* b = w_.b.CreateMul(columns.first, w_.index(p_.b_panels ? p_.depth : p_.b_column));
  sum({rows, columns.vectors, columns.last, w_.at(w_.argument(0), a), w_.at(w_.argument(1), b),
       w_.at(w_.at(w_.argument(2), columns.first), w_.b.CreateMul(row, w_.index(p_.c_row))), row, columns.first});
}

Value* Kernel::load_b(const Block& block, Value* row, int j) {
  const int64_t column = p_.b_panels ? 1 : p_.b_column;
  Value* pointer = w_.at(row, int64_t{j} * w_.unit.lanes * column);
  if (column != 1) return w_.gather(pointer, column, mask(block, j));
  return is_full(block, j) ? w_.load(pointer) : w_.load_masked(pointer, mask(block, j), w_.zero());
}

/// Adds one step of the depth to the block's sums.
Writer::Carried Kernel::turn(const Block& block, Carried sums, Value* a, Value* b) {
  Carried row;
  for (int j = 0; j < block.vectors; ++j) row.push_back(load_b(block, b, j));
  for (int i = 0; i < block.rows; ++i) {
    Value* x = w_.load_splat(w_.at(a, i * a_row()));
    for (int j = 0; j < block.vectors; ++j) {
      Value*& sum = sums[i * block.vectors + j];
      sum = w_.multiply_add(x, row[j], sum);
    }
  }
  return sums;
}

void Kernel::sum(const Block& block) {
  const bool kept = !epilogue_ || epilogue_->stored;
  const int64_t row = kept ? p_.c_row : int64_t{block.vectors} * w_.unit.lanes;
  Value* start = kept ? block.c : scratch_;
  const auto c = [&](int i, int j) { return w_.at(start, i * row + int64_t{j} * w_.unit.lanes); };
  const bool distant = p_.accumulate && p_.c_row * p_.rows * w_.unit.element_bytes >= kDistantBytes;
  if (distant)
    for (int i = 0; i < block.rows; ++i)
      for (int j = 0; j < block.vectors; ++j) w_.prefetch_to_write(c(i, j));
  // Sums start at zero and meet what is there at the end, when it has arrived.
  Carried state(static_cast<size_t>(block.rows) * block.vectors, w_.zero());
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
    sums.push_back(w_.at(a, a_depth(block)));
    sums.push_back(w_.at(b, b_depth(block)));
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
      const bool full = is_full(block, j);
      if (p_.accumulate) {
        Value* before = full ? w_.load(c(i, j)) : w_.load_masked(c(i, j), mask(block, j), w_.zero());
        sum = p_.subtract ? w_.b.CreateFSub(before, sum) : w_.b.CreateFAdd(before, sum);
      }
      full ? w_.store(sum, c(i, j)) : w_.store_masked(sum, c(i, j), mask(block, j));
    }
  if (epilogue_) finish(block, start, row);
}

/// What follows, row by row: a loop over the block's rows keeps the code small, and the sums are still at hand.
void Kernel::finish(const Block& block, Value* sums, int64_t row) {
  w_.loop(block.rows, [&](Value* i) {
    LoopPart part{{}, block.first_column, block.vectors, w_.at(sums, w_.b.CreateMul(i, w_.index(row)))};
    if (p_.rows > 1) part.indices.push_back(w_.b.CreateAdd(block.first_row, i));
    write_loop_part(w_, epilogue_->kernel, part, w_.argument(3 + epilogue_->kernel.pointers));
  });
}

llvm::Function* product_function(Unit& unit, const Product& p, const Epilogue* epilogue = nullptr) {
  std::string name = fmt::format("product_{}x{}x{}_c{}{}", p.rows, p.columns, p.depth, p.c_row,
                                 p.subtract ? "_subtract" : p.accumulate ? "_add" : "");
  name += p.a_panels ? fmt::format("_panels") : fmt::format("_a{}.{}", p.a_row, p.a_depth);
  name += p.b_panels ? fmt::format("_panels") : fmt::format("_b{}.{}", p.b_depth, p.b_column);
  std::string key = name;
  if (epilogue) key += fmt::format("|{}|{}", epilogue->stored, text_of(epilogue->kernel));
  llvm::Function*& function = unit.kernels[key];
  if (function) return function;
  if (epilogue) name += fmt::format("_then_{}", unit.kernels.size());
  Writer w(unit, name, epilogue ? 3 + epilogue->kernel.pointers : 3, epilogue ? 1 : 0);
  Kernel(w, p, epilogue).write();
  return function = w.finish();
}

}  // namespace

std::vector<int> panel_columns(const Target& target, int columns) {
  const int lanes = target.lanes(Precision::F32);
  std::vector<int> out;
  for (const Run& run : column_panels(target, columns / lanes)) out.insert(out.end(), run.count, run.size * lanes);
  return out;
}

void call_product(Writer& w, const Product& product, const Epilogue& epilogue, Value* a, Value* b, Value* c) {
  Epilogue own = epilogue;
  own.kernel.first_pointer = 3;
  std::vector<Value*> arguments{a, b, c};
  arguments.insert(arguments.end(), epilogue.pointers.begin(), epilogue.pointers.end());
  arguments.push_back(epilogue.valid);
  w.b.CreateCall(product_function(w.unit, product, &own), arguments);
}

void call_product(Writer& w, const Product& product, Value* a, Value* b, Value* c) {
  if (product.depth < kDeep || product.a_panels || product.b_panels) {
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

/// A panel of r rows is one stream of numbers: element k·r + i is (i, k). It is written in vectors, each gathered from
/// where its elements lie; after `turn` steps of the depth the pattern repeats.
void call_row_panels(Writer& w, int rows, int depth, int64_t row_stride, int64_t depth_stride, Value* from, Value* to,
                     const Piece& piece) {
  Unit& unit = w.unit;
  const std::vector<Run> runs = balanced(rows, panel_rows(unit.target, unit.row_vectors()));
  int panels = 0;
  for (const Run& run : runs) panels += run.count;
  const std::string name = fmt::format("panels_{}x{}_{}.{}", rows, depth, row_stride, depth_stride);
  llvm::Function*& function = unit.kernels[name];
  if (!function) {
    Writer k(unit, name, 2, 2);
    const int lanes = unit.lanes;
    const auto panel = [&](Value* row, int height) {
      Value* source = k.at(k.argument(0), k.b.CreateMul(row, k.index(row_stride)));
      Value* target = k.at(k.argument(1), k.b.CreateMul(row, k.index(depth)));
      const auto steps = [&](Value* first, int count) {
        Value* source_k = k.at(source, k.b.CreateMul(first, k.index(depth_stride)));
        Value* target_k = k.at(target, k.b.CreateMul(first, k.index(height)));
        for (int e = 0; e < count * height; e += lanes) {
          std::vector<int64_t> offsets;
          for (int l = e; l < e + lanes; ++l)
            offsets.push_back(l < count * height ? l % height * row_stride + l / height * depth_stride : 0);
          Value* mask = k.first_lanes(std::min(lanes, count * height - e));
          Value* values = k.gather(source_k, offsets, mask);
          count * height - e >= lanes ? k.store(values, k.at(target_k, e)) : k.store_masked(values, k.at(target_k, e), mask);
        }
      };
      const int turn = lanes / std::gcd(lanes, height);
      k.loop(depth / turn, [&](Value* i) { steps(k.b.CreateMul(i, k.index(turn)), turn); });
      if (depth % turn) steps(k.index(depth / turn * turn), depth % turn);
    };
    int row = 0, before = 0;
    for (const Run& run : runs) {
      const Range own = k.clamp({k.argument(2), k.argument(3)}, before, before + run.count);
      k.loop(k.b.CreateSub(own.to, own.from), [&](Value* i) {
        Value* number = k.b.CreateSub(k.b.CreateAdd(own.from, i), k.index(before));
        panel(k.scaled(number, run.size, k.index(row)), run.size);
      });
      row += run.size * run.count;
      before += run.count;
    }
    function = k.finish();
  }
  const Range range = w.share(panels, piece);
  w.b.CreateCall(function, {from, to, range.from, range.to});
}

namespace {

/// Transposes a square of vectors: log₂ lanes rounds in which row r and row r + d swap the halves that differ in bit d.
/// Rounds from `blocks` lanes on are left out.
std::vector<Value*> transposed(Writer& w, std::vector<Value*> rows, int blocks) {
  const int lanes = w.unit.lanes;
  for (int d = 1; d < blocks; d *= 2) {
    std::vector<int> low, high;
    for (int l = 0; l < lanes; ++l) {
      low.push_back(l & d ? lanes + l - d : l);
      high.push_back(l & d ? lanes + l : l + d);
    }
    for (size_t r = 0; r < rows.size(); ++r) {
      if (r & d) continue;
      Value *x = rows[r], *y = rows[r | d];
      rows[r] = w.b.CreateShuffleVector(x, y, low);
      rows[r | d] = w.b.CreateShuffleVector(x, y, high);
    }
  }
  return rows;
}

/// Lanes that lie in one 128-bit block, within which the machine exchanges cheaply and from which it assembles a vector
/// as it loads it.
int block_lanes(const Unit& unit) { return 16 / unit.element_bytes; }

/// Rows whose vectors hold, block by block, the samples s … s + block − 1 of the columns r, r + block, r + 2·block, ….
/// Columns that are not there are zero.
std::vector<Value*> gathered_blocks(Writer& w, int64_t column_stride, int count, int s, Value* from) {
  const int lanes = w.unit.lanes, block = block_lanes(w.unit);
  auto* type = llvm::FixedVectorType::get(w.unit.element, block);
  std::vector<Value*> rows;
  for (int r = 0; r < block; ++r) {
    std::vector<Value*> parts;
    for (int column = r; column < lanes; column += block) {
      Value* at = w.at(from, column * column_stride + s);
      parts.push_back(column < count ? w.b.CreateAlignedLoad(type, at, llvm::Align(w.unit.element_bytes))
                                     : static_cast<Value*>(llvm::Constant::getNullValue(type)));
    }
    while (parts.size() > 1) {
      std::vector<Value*> joined;
      for (size_t i = 0; i < parts.size(); i += 2) {
        std::vector<int> all(2 * llvm::cast<llvm::FixedVectorType>(parts[i]->getType())->getNumElements());
        std::iota(all.begin(), all.end(), 0);
        joined.push_back(w.b.CreateShuffleVector(parts[i], parts[i + 1], all));
      }
      parts = std::move(joined);
    }
    rows.push_back(parts[0]);
  }
  return rows;
}

/// `lanes` columns (fewer at the end) of `lanes` samples: squares of blocks are assembled in the loads, and each is
/// transposed within itself.
void transpose_square(Writer& w, int64_t column_stride, int count, int64_t to_row, Value* from, Value* to) {
  const int block = block_lanes(w.unit);
  for (int s = 0; s < w.unit.lanes; s += block) {
    const auto rows = transposed(w, gathered_blocks(w, column_stride, count, s, from), block);
    for (int r = 0; r < block; ++r) w.store(rows[r], w.at(to, (s + r) * to_row));
  }
}

}  // namespace

void call_transposition(Writer& w, const Transposition& t, Value* from, Value* to, Value* valid) {
  Unit& unit = w.unit;
  const std::string name = fmt::format("transpose_{}_{}_{}", t.columns, t.column_stride, t.padded);
  llvm::Function*& function = unit.kernels[name];
  if (!function) {
    Writer k(unit, name, 2, 1);
    const int lanes = unit.lanes;
    // One panel of `vectors`, of which `columns` columns are there.
    const auto panel = [&](Value* first, int vectors, int columns) {
      const int64_t width = int64_t{vectors} * lanes;
      Value* source = k.at(k.argument(0), k.b.CreateMul(first, k.index(t.column_stride)));
      Value* target = k.at(k.argument(1), k.b.CreateMul(first, k.index(unit.tile)));
      k.loop(unit.row_vectors(), [&](Value* i) {
        Value* sample = k.b.CreateMul(i, k.index(lanes));
        const auto square = [&](Value* column, int count) {
          Value* column_rows = k.b.CreateMul(column, k.index(t.column_stride));
          transpose_square(k, t.column_stride, count, width, k.at(k.at(source, sample), column_rows),
                           k.at(k.at(target, k.b.CreateMul(sample, k.index(width))), column));
        };
        k.loop(columns / lanes, [&](Value* j) { square(k.b.CreateMul(j, k.index(lanes)), lanes); });
        if (columns % lanes) square(k.index(columns / lanes * lanes), columns % lanes);
      });
      // Samples that the tile lacks add nothing.
      k.loop(k.b.CreateSub(k.index(unit.tile), k.argument(2)), [&](Value* i) {
        Value* sample = k.at(target, k.b.CreateMul(k.b.CreateAdd(i, k.argument(2)), k.index(width)));
        for (int v = 0; v < vectors; ++v) k.store(k.zero(), k.at(sample, int64_t{v} * lanes));
      });
    };
    int first = 0;
    for (const Run& run : column_panels(unit.target, t.padded / lanes)) {
      const int width = run.size * lanes, full = std::clamp((t.columns - first) / width, 0, run.count);
      k.loop(full, [&](Value* i) { panel(k.scaled(i, width, k.index(first)), run.size, width); });
      for (int i = full; i < run.count; ++i) panel(k.index(first + i * width), run.size, t.columns - first - i * width);
      first += run.count * width;
    }
    function = k.finish();
  }
  w.b.CreateCall(function, {from, to, valid});
}

}  // namespace am::lower
