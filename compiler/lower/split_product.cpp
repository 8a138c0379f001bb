// Note [tiles]. A tile register holds 16 rows of 64 bytes. One instruction multiplies 16 rows of A along 32 of the depth
// by 16 columns of B and adds to 16 × 16 numbers of C. Of B it wants two steps of the depth side by side for every column.
// Seen as words of two bf16, neighbours along the depth, A's tile is [row][pair] and B's is [pair][column]: one is laid
// out as the other one's transpose. An operand lies in memory as [rows / 16][depth / 32][part] tiles of 1024 bytes.
//
// Note [order of tiles]. 2 × 2 tiles of C stay in registers, which leaves two for A and two for B: a step of the depth
// loads seven pairs of tiles for its 24 products, and the products of four different sums follow each other, as their
// latency asks for. The depth is cut so that the parts of A's rows stay close while all columns pass by.
//
// Note [between tiles]. Loading a tile and multiplying two takes 8 and 16 cycles and the processor looks ahead by a few of
// them only, so what it will load next is asked for before, a few lines after each. Where tiles come from the third cache
// that makes a product two to three times as fast. Where something else slows the tile unit down, as a neighbour on the
// same core does, instructions that follow each other closely on the tiles take half as long again; a few empty ones between
// them mend that, and cost nothing otherwise, since the tiles leave nine tenths of the slots for instructions free.
#include "compiler/lower/split_product.h"

#include <fmt/format.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/lower/product.h"

namespace am::lower {
namespace {

using llvm::Value;

constexpr int kRows = 16, kDepth = 32, kTileFloats = 256, kTileBytes = 1024;

/// Steps of the depth between loads and stores of C: two rows of A's tiles in three parts then take 48 KiB.
constexpr int kDepthSteps = 8;

int tiles(int count, int size) { return (count + size - 1) / size; }

/// 0, 16, 1, 17, …: the words of two vectors side by side.
std::vector<int> interleaved() {
  std::vector<int> out;
  for (int i = 0; i < kRows; ++i) out.push_back(i), out.push_back(i + kRows);
  return out;
}

/// Transposes 16 vectors of 16 words: rows r and r + d swap the halves that differ in bit d.
void transpose(Writer& w, std::vector<Value*>& rows) {
  for (int d = 1; d < kRows; d *= 2) {
    std::vector<int> low, high;
    for (int l = 0; l < kRows; ++l) {
      low.push_back(l & d ? kRows + l - d : l);
      high.push_back(l & d ? kRows + l : l + d);
    }
    for (int r = 0; r < kRows; ++r) {
      if (r & d) continue;
      Value *x = rows[r], *y = rows[r | d];
      rows[r] = w.b.CreateShuffleVector(x, y, low);
      rows[r | d] = w.b.CreateShuffleVector(x, y, high);
    }
  }
}

/// Lays out a range of an operand's rows of tiles, tile by tile.
class Splitter {
 public:
  Splitter(Writer& w, const Split& s) : w_(w), s_(s) {}
  void write();

 private:
  /// Vectors run along the rows rather than the depth.
  bool across() const { return s_.row == 1; }
  void row_of_tiles(Value* first, int rows);
  void tile(Value* from, Value* to, int rows, int depth);
  std::pair<Value*, Value*> line(Value* from, int number, int rows, int depth);
  std::vector<Value*> parts(Value* x, Value* y);
  Value* load(Value* pointer, int count);
  llvm::Type* words() { return llvm::FixedVectorType::get(w_.b.getInt32Ty(), kRows); }

  Writer& w_;
  const Split& s_;
};

void Splitter::write() {
  const Range range{w_.argument(2), w_.argument(3)};
  const auto rows_of_tiles = [&](int first, int count, int rows) {
    const Range own = w_.clamp(range, first, first + count);
    w_.loop(w_.b.CreateSub(own.to, own.from), [&](Value* i) { row_of_tiles(w_.b.CreateAdd(own.from, i), rows); });
  };
  const int whole = s_.rows / kRows, rest = s_.rows % kRows;
  if (whole) rows_of_tiles(0, whole, kRows);
  if (rest) rows_of_tiles(whole, 1, rest);
}

void Splitter::row_of_tiles(Value* i, int rows) {
  const int64_t size = int64_t{kTileFloats} * s_.parts;
  Value* from = w_.at(w_.argument(0), w_.b.CreateMul(i, w_.index(kRows * s_.row)));
  Value* to = w_.at(w_.argument(1), w_.b.CreateMul(i, w_.index(size * tiles(s_.depth, kDepth))));
  const auto part = [&](Value* k, int depth) {
    tile(w_.at(from, w_.b.CreateMul(k, w_.index(kDepth * s_.deep))), w_.at(to, w_.b.CreateMul(k, w_.index(size))), rows,
         depth);
  };
  const int whole = s_.depth / kDepth, rest = s_.depth % kDepth;
  w_.loop(whole, [&](Value* k) { part(k, kDepth); });
  if (rest) part(w_.index(whole), rest);
}

Value* Splitter::load(Value* pointer, int count) {
  if (count <= 0) return w_.zero();
  return count >= kRows ? w_.load(pointer) : w_.load_masked(pointer, w_.first_lanes(count), w_.zero());
}

/// The numbers of 16 words: a row's, or a pair's for all rows.
std::pair<Value*, Value*> Splitter::line(Value* from, int number, int rows, int depth) {
  if (across()) {
    const auto step = [&](int k) { return load(w_.at(from, k * s_.deep), k < depth ? rows : 0); };
    return {step(2 * number), step(2 * number + 1)};
  }
  Value* row = w_.at(from, number * s_.row);
  if (number >= rows) depth = 0;
  return {load(row, depth), load(w_.at(row, int64_t{kRows}), depth - kRows)};
}

/// Words of each part: neighbours of one vector after the other, or a number of each where they run across.
std::vector<Value*> Splitter::parts(Value* x, Value* y) {
  auto* halves = llvm::FixedVectorType::get(w_.b.getInt16Ty(), 2 * kRows);
  auto& b = w_.b;
  std::vector<Value*> out;
  for (int part = 0; part < s_.parts; ++part) {
    Value* rounded = b.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_cvtne2ps2bf16_512, {}, {y, x});
    rounded = b.CreateBitCast(rounded, halves);
    if (across()) rounded = b.CreateShuffleVector(rounded, interleaved());
    Value* word = b.CreateBitCast(rounded, words());
    out.push_back(word);
    if (part + 1 == s_.parts) break;
    Value *first, *second;
    if (across()) {
      first = b.CreateShl(word, 16);
      second = b.CreateAnd(word, b.CreateVectorSplat(kRows, b.getInt32(0xFFFF0000u)));
    } else {
      std::vector<int> low(kRows), high(kRows);
      std::iota(low.begin(), low.end(), 0);
      std::iota(high.begin(), high.end(), kRows);
      first = b.CreateShl(b.CreateZExt(b.CreateShuffleVector(rounded, low), words()), 16);
      second = b.CreateShl(b.CreateZExt(b.CreateShuffleVector(rounded, high), words()), 16);
    }
    x = b.CreateFSub(x, b.CreateBitCast(first, w_.unit.vector()));
    y = b.CreateFSub(y, b.CreateBitCast(second, w_.unit.vector()));
  }
  return out;
}

void Splitter::tile(Value* from, Value* to, int rows, int depth) {
  const bool turned = across() != (s_.side == Split::Side::Right);
  std::vector<std::vector<Value*>> lines(s_.parts);
  for (int number = 0; number < kRows; ++number) {
    auto [x, y] = line(from, number, rows, depth);
    if (s_.negative) x = w_.b.CreateFNeg(x), y = w_.b.CreateFNeg(y);
    const std::vector<Value*> words = parts(x, y);
    for (int part = 0; part < s_.parts; ++part) {
      if (turned) lines[part].push_back(words[part]);
      else w_.store(words[part], w_.at(to, int64_t{part} * kTileFloats + number * kRows));
    }
  }
  if (!turned) return;
  for (int part = 0; part < s_.parts; ++part) {
    transpose(w_, lines[part]);
    for (int r = 0; r < kRows; ++r) w_.store(lines[part][r], w_.at(to, int64_t{part} * kTileFloats + r * kRows));
  }
}

/// Which part of A and of B: neighbours in this list share one, so that its tiles stay.
std::vector<std::pair<int, int>> products(int parts) {
  if (parts == 1) return {{0, 0}};
  if (parts == 2) return {{1, 0}, {0, 0}, {0, 1}};
  return {{2, 0}, {0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 2}};
}

/// A block of at most 2 × 2 tiles of C, by the numbers of its first tiles.
struct Block {
  int rows, columns;    // in tiles
  int last;             // rows of the last tile
  Value *row, *column;  // number of the first tile
  Value* first;         // step of the depth
  int steps;
  bool accumulate;
};

/// Registers: 0 to 3 hold C, 4 and 5 A, 6 and 7 B.
class Kernel {
 public:
  Kernel(Writer& w, const SplitProduct& p) : w_(w), p_(p) {}
  void write();

 private:
  using Body = std::function<void(Value* first, int count, int last)>;
  void pairs(int count, const Body& body);
  void depth(Block block);
  void columns(Block block);
  void block(const Block& block);
  void step(const Block& block, Value* k);
  void expect(const Block& block, Value* k, Value* a, Value* b);
  void instruction(llvm::Intrinsic::ID id, llvm::ArrayRef<Value*> arguments);
  void put_away(const Block& block, int i, int j);
  bool is_whole(const Block& b, int i) const { return i + 1 < b.rows || b.last == kRows; }
  int steps() const { return tiles(p_.depth, kDepth); }
  Value* c(const Block& b, int i, int j);
  void call(llvm::Intrinsic::ID id, llvm::ArrayRef<Value*> arguments) { w_.b.CreateIntrinsic(id, {}, arguments); }
  Value* number(int tile) { return w_.b.getInt8(tile); }
  Value* bytes(int64_t floats) { return w_.index(floats * 4); }
  llvm::Constant* configuration();

  Writer& w_;
  const SplitProduct& p_;
  Value* spare_ = nullptr;  // a tile in memory
  /// Lines that are to be asked for between the instructions on tiles of a step, and how many of them have been.
  std::vector<std::pair<Value*, int64_t>> expected_;
  size_t asked_ = 0;
};

/// Palette 1: eight tiles of 16 rows of 64 bytes.
llvm::Constant* Kernel::configuration() {
  llvm::Module& module = w_.unit.module;
  if (auto* known = module.getNamedGlobal("tile_configuration")) return known;
  std::array<uint8_t, 64> bytes{1};
  for (int tile = 0; tile < 8; ++tile) bytes[16 + 2 * tile] = 64, bytes[48 + tile] = kRows;
  auto* value = llvm::ConstantDataArray::get(w_.unit.context(), bytes);
  auto* global = new llvm::GlobalVariable(module, value->getType(), true, llvm::GlobalValue::InternalLinkage, value,
                                          "tile_configuration");
  global->setAlignment(llvm::Align(64));
  return global;
}

/// `count` rows or columns in pairs of tiles; what is no whole pair or tile comes last.
void Kernel::pairs(int count, const Body& body) {
  const int whole = count / (2 * kRows), rest = count % (2 * kRows);
  w_.loop(whole, [&](Value* i) { body(w_.b.CreateMul(i, w_.index(2)), 2, kRows); });
  if (rest) body(w_.index(2 * whole), tiles(rest, kRows), (rest - 1) % kRows + 1);
}

void Kernel::write() {
  auto* spare = w_.b.CreateAlloca(llvm::ArrayType::get(w_.unit.element, kTileFloats));
  spare->setAlignment(llvm::Align(64));
  spare_ = spare;
  call(llvm::Intrinsic::x86_ldtilecfg, {configuration()});
  pairs(p_.rows, [&](Value* row, int count, int last) {
    Block block{};
    block.row = row, block.rows = count, block.last = last;
    depth(block);
  });
  call(llvm::Intrinsic::x86_tilerelease, {});
}

/// The depth in pieces, the first of which starts the sums.
void Kernel::depth(Block block) {
  const int first = std::min(kDepthSteps, steps()), whole = (steps() - first) / kDepthSteps;
  const auto piece = [&](Value* start, int count, bool accumulate) {
    block.first = start, block.steps = count, block.accumulate = accumulate;
    columns(block);
  };
  piece(w_.index(0), first, p_.accumulate);
  w_.loop(whole, [&](Value* i) { piece(w_.scaled(i, kDepthSteps, w_.index(first)), kDepthSteps, true); });
  if (const int done = first + whole * kDepthSteps; done < steps()) piece(w_.index(done), steps() - done, true);
}

void Kernel::columns(Block b) {
  pairs(p_.columns, [&](Value* column, int count, int) {
    b.column = column, b.columns = count;
    block(b);
  });
}

Value* Kernel::c(const Block& b, int i, int j) {
  Value* row = w_.at(w_.argument(2), w_.b.CreateMul(b.row, w_.index(kRows * p_.c_row)));
  Value* first = w_.at(row, w_.b.CreateMul(b.column, w_.index(kRows)));
  return w_.at(first, i * kRows * p_.c_row + j * kRows);
}

void Kernel::block(const Block& b) {
  for (int i = 0; i < b.rows; ++i)
    for (int j = 0; j < b.columns; ++j) {
      // A tile that is not whole is added up apart.
      if (b.accumulate && is_whole(b, i))
        call(llvm::Intrinsic::x86_tileloadd64, {number(2 * i + j), c(b, i, j), bytes(p_.c_row)});
      else call(llvm::Intrinsic::x86_tilezero, {number(2 * i + j)});
    }
  w_.loop(b.steps, [&](Value* k) { step(b, k); });
  for (int i = 0; i < b.rows; ++i)
    for (int j = 0; j < b.columns; ++j) {
      if (!is_whole(b, i)) put_away(b, i, j);
      else call(llvm::Intrinsic::x86_tilestored64, {number(2 * i + j), c(b, i, j), bytes(p_.c_row)});
    }
}

/// One step of the depth; k counts from the piece's first.
void Kernel::step(const Block& b, Value* k) {
  const int64_t size = int64_t{kTileFloats} * p_.parts, row = size * steps();
  const auto start = [&](Value* operand, Value* tile) {
    return w_.at(w_.at(operand, w_.b.CreateMul(tile, w_.index(row))),
                 w_.b.CreateMul(w_.b.CreateAdd(b.first, k), w_.index(size)));
  };
  Value *a = start(w_.argument(0), b.row), *bs = start(w_.argument(1), b.column);
  expect(b, k, a, bs);
  const auto load = [&](int tile, Value* from) {
    instruction(llvm::Intrinsic::x86_tileloadd64, {number(tile), from, w_.index(64)});
  };
  int of_a = -1, of_b = -1;
  for (const auto& [x, y] : products(p_.parts)) {
    for (int i = 0; i < b.rows && x != of_a; ++i) load(4 + i, w_.at(a, i * row + int64_t{x} * kTileFloats));
    for (int j = 0; j < b.columns && y != of_b; ++j) load(6 + j, w_.at(bs, j * row + int64_t{y} * kTileFloats));
    of_a = x, of_b = y;
    for (int i = 0; i < b.rows; ++i)
      for (int j = 0; j < b.columns; ++j)
        instruction(llvm::Intrinsic::x86_tdpbf16ps, {number(2 * i + j), number(4 + i), number(6 + j)});
  }
}

/// What the next step loads: the next one of the depth, or the first one of the columns after these; and of their C what
/// falls to this step.
void Kernel::expect(const Block& block, Value* k, Value* a, Value* b) {
  const int64_t size = int64_t{kTileFloats} * p_.parts, row = size * steps();
  const int64_t back = -size * (block.steps - 1), lines = int64_t{p_.parts} * kRows;
  expected_.clear(), asked_ = 0;
  Value* last = w_.b.CreateICmpEQ(k, w_.index(block.steps - 1));
  const auto next = [&](Value* from, int64_t otherwise) {
    return w_.at(from, w_.b.CreateSelect(last, w_.index(otherwise), w_.index(size)));
  };
  const auto expect_lines = [&](Value* first, int64_t offset, int64_t count) {
    for (int64_t line = 0; line < count; ++line) expected_.emplace_back(first, offset + line * kRows);
  };
  Value* next_a = next(a, back);
  for (int i = 0; i < block.rows; ++i) expect_lines(next_a, i * row, lines);
  Value* next_b = next(b, back + block.columns * row);
  for (int j = 0; j < block.columns; ++j) expect_lines(next_b, j * row, lines);
  const int share = tiles(block.rows * kRows, block.steps);
  Value* next_c = w_.at(c(block, 0, block.columns), w_.b.CreateMul(k, w_.index(share * p_.c_row)));
  for (int i = 0; i < share; ++i) expect_lines(next_c, i * p_.c_row, block.columns);
}

/// See Note [between tiles].
void Kernel::instruction(llvm::Intrinsic::ID id, llvm::ArrayRef<Value*> arguments) {
  constexpr int kLines = 6;
  call(id, arguments);
  for (int i = 0; i < kLines && asked_ < expected_.size(); ++i, ++asked_)
    w_.prefetch(w_.at(expected_[asked_].first, expected_[asked_].second));
  auto* nothing = llvm::InlineAsm::get(llvm::FunctionType::get(w_.b.getVoidTy(), false), "nop; nop; nop; nop; nop", "", true);
  w_.b.CreateCall(nothing);
}

/// The rows that C has of a tile, by way of memory.
void Kernel::put_away(const Block& b, int i, int j) {
  call(llvm::Intrinsic::x86_tilestored64, {number(2 * i + j), spare_, w_.index(64)});
  Value* to = c(b, i, j);
  w_.loop(b.last, [&](Value* r) {
    Value* row = w_.at(to, w_.b.CreateMul(r, w_.index(p_.c_row)));
    Value* sum = w_.load(w_.at(spare_, w_.b.CreateMul(r, w_.index(kRows))));
    w_.store(b.accumulate ? w_.b.CreateFAdd(sum, w_.load(row)) : sum, row);
  });
}

/// The kernel of this name, written at its first use.
template <typename Writes>
llvm::Function* kernel(Unit& unit, const std::string& name, int pointers, int numbers, const Writes& write) {
  llvm::Function*& function = unit.kernels[name];
  if (function) return function;
  Writer w(unit, name, pointers, numbers);
  write(w);
  return function = w.finish();
}

}  // namespace

bool has_bf16_tiles(const Target& target) {
  const auto has = [&](std::string_view feature) { return target.features.find(feature) != std::string::npos; };
  return target.vector_bytes == 64 && has("+amx-tile") && has("+amx-bf16") && has("+avx512bf16");
}

size_t split_bytes(const Split& s) {
  return size_t{kTileBytes} * s.parts * tiles(s.rows, kRows) * tiles(s.depth, kDepth);
}

void call_split(Writer& w, const Split& s, Value* from, Value* to, const Piece& piece) {
  const std::string name = fmt::format("split{}_{}_{}x{}_{}.{}{}", s.parts, s.side == Split::Side::Left ? "left" : "right",
                                       s.rows, s.depth, s.row, s.deep, s.negative ? "_minus" : "");
  const Range range = w.share(tiles(s.rows, kRows), piece);
  w.b.CreateCall(kernel(w.unit, name, 2, 2, [&](Writer& k) { Splitter(k, s).write(); }), {from, to, range.from, range.to});
}

void call_split_panels(Writer& w, const Split& s, Value* from, Value* to) {
  for (const int columns : panel_columns(w.unit.target, s.rows)) {
    const Split panel{s.side, columns, s.depth, 1, columns, s.parts, s.negative};
    call_split(w, panel, from, to);
    from = w.at(from, int64_t{s.depth} * columns);
    to = w.at(to, static_cast<int64_t>(split_bytes(panel) / sizeof(float)));
  }
}

void call_split_product(Writer& w, const SplitProduct& p, Value* a, Value* b, Value* c) {
  AM_CHECK(p.columns % kRows == 0, "a split product has {} columns", p.columns);
  const std::string name = fmt::format("split_product{}_{}x{}x{}_c{}{}", p.parts, p.rows, p.columns, p.depth, p.c_row,
                                       p.accumulate ? "_add" : "");
  w.b.CreateCall(kernel(w.unit, name, 3, 0, [&](Writer& k) { Kernel(k, p).write(); }), {a, b, c});
}

}  // namespace am::lower
