// Products of split operands on tile registers beside plain f32 products, both made by the compiler's own kernels: the
// tables of docs/split_bf16.md. `bench_amx errors`, `speed`, and `small` for where they
// begin to pay.
#include <fmt/format.h>
#include <immintrin.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/jit/jit.h"
#include "compiler/lower/kernels.h"
#include "compiler/lower/product.h"
#include "compiler/lower/split_product.h"
#include "runtime/execute/workers.h"

namespace am {
namespace {

using lower::Split;
using llvm::Value;

/// Samples of a training step: weights are split once for all of them.
constexpr int kBatch = 1024;

/// The contractions of a training step, by their operands: [H × H]·[H × T], its transpose, and [H × T]·[T × H].
enum class Kind { Weights, Transposed, Samples };
constexpr Kind kKinds[] = {Kind::Weights, Kind::Transposed, Kind::Samples};

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::Weights: return "W·x";
    case Kind::Transposed: return "Wᵀ·x";
    case Kind::Samples: return "x·yᵀ";
  }
  return "";
}

struct Sizes {
  Kind kind;
  int width, tile;
  bool samples() const { return kind == Kind::Samples; }
  /// Columns and depth of the product; it has `width` rows.
  int columns() const { return samples() ? width : tile; }
  int depth() const { return samples() ? tile : width; }
  /// As the compiler lays out weights for f32, once a step, from 64 KiB on.
  bool has_panels() const { return !samples() && width >= 128; }
  double flops() const { return 2.0 * width * columns() * depth(); }
};

/// The left operand in memory, [width][width], or [width][tile] where it is samples.
Split left(const Sizes& s, int parts) {
  const int64_t row = s.samples() ? s.tile : s.width;
  const bool turned = s.kind == Kind::Transposed;
  return {Split::Side::Left, s.width, s.depth(), turned ? 1 : row, turned ? row : 1, parts};
}

/// The right one, [depth][columns].
Split right(const Sizes& s, int parts) {
  return {Split::Side::Right, s.columns(), s.depth(), 1, s.columns(), parts};
}

class Buffer {
 public:
  explicit Buffer(size_t bytes) : data_(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) { std::memset(data_, 0, bytes); }
  ~Buffer() { std::free(data_); }
  Buffer(const Buffer&) = delete;
  float* floats() { return static_cast<float*>(data_); }
  void* data() { return data_; }

 private:
  void* data_;
};

/// Functions over one set of operands. With A, B and C: 0 is the f32 product; 2p − 1 splits A; 2p splits what is to be
/// split for each tile and multiplies, in p parts; the last lays out A for the f32 product.
class Contest {
 public:
  static constexpr int kFunctions = 8, kPanels = 7;
  Contest(const Sizes& sizes, const lower::Target& target);
  void run(int function);
  void clear_result() { std::memset(c.data(), 0, c_bytes_); }

  Sizes sizes;
  Buffer a, b, c;

 private:
  void write(lower::Unit& unit, int function);
  size_t c_bytes_;
  Buffer weights_, arena_, panels_;
  std::shared_ptr<const jit::Executable> code_;
};

size_t arena_bytes(const Sizes& s) {
  return split_bytes(left(s, 3)) + split_bytes(right(s, 3)) + sizeof(float) * s.width * s.tile;
}

Contest::Contest(const Sizes& s, const lower::Target& target)
    : sizes(s),
      a(sizeof(float) * s.width * std::max(s.width, s.tile)),
      b(sizeof(float) * s.width * s.tile),
      c(sizeof(float) * s.width * s.columns()),
      c_bytes_(sizeof(float) * s.width * s.columns()),
      weights_(split_bytes(left(s, 3))),
      arena_(arena_bytes(s)),
      panels_(sizeof(float) * s.width * s.width) {
  lower::Lowered lowered;
  lowered.context = std::make_unique<llvm::LLVMContext>();
  lowered.module = std::make_unique<llvm::Module>("amx", *lowered.context);
  lower::Unit unit{*lowered.module, target, llvm::Type::getFloatTy(*lowered.context), 4, target.lanes(lower::Precision::F32),
                   s.tile, 0, {}};
  lowered.plan.phases = kFunctions;
  for (int f = 0; f <= kFunctions; ++f) lower::Writer(unit, fmt::format("am_shared_{}", f)).finish();
  for (int f = 0; f < kFunctions; ++f) write(unit, f);
  std::string error;
  code_ = jit::compile(std::move(lowered), target, error);
  AM_CHECK(code_ != nullptr, "{}", error);
}

void Contest::write(lower::Unit& unit, int function) {
  const Sizes& s = sizes;
  const int parts = (function + 1) / 2;
  lower::Writer w(unit, fmt::format("am_tile_{}", function));
  const auto pointer = [&](size_t offset, int index) {
    Value* table = frame_pointer(w, w.argument(0), offset);
    return index < 0 ? table : w.b.CreateLoad(w.b.getPtrTy(), w.b.CreateConstGEP1_64(w.b.getPtrTy(), table, index));
  };
  const auto after = [&](Value* start, size_t bytes) { return w.at(start, static_cast<int64_t>(bytes / 4)); };
  Value* a = pointer(offsetof(lower::Frame, inputs), 0);
  Value* b = pointer(offsetof(lower::Frame, inputs), 1);
  Value* c = pointer(offsetof(lower::Frame, outputs), 0);
  Value* weights = pointer(offsetof(lower::Frame, shared), -1);
  Value* arena = pointer(offsetof(lower::Frame, arena), -1);
  Value* panels = pointer(offsetof(lower::Frame, partial), -1);
  const Split l = left(s, parts), r = right(s, parts);
  if (function == kPanels || function % 2 == 1) {
    if (function != kPanels) call_split(w, l, a, weights);
    else if (s.has_panels()) call_row_panels(w, s.width, s.depth(), l.row, l.deep, a, panels, {});
    w.finish();
    return;
  }
  if (s.samples()) {
    Value* packed = after(arena, split_bytes(left(s, 3)) + split_bytes(right(s, 3)));
    call_transposition(w, {s.width, s.tile, s.width}, b, packed, w.index(s.tile));
    b = packed;
  }
  if (parts == 0) {
    lower::Product product{s.width, s.columns(), s.depth(), l.row, l.deep, s.columns(), 1, s.columns(), s.samples()};
    product.b_panels = s.samples();
    product.a_panels = s.has_panels();
    call_product(w, product, s.has_panels() ? panels : a, b, c);
  } else {
    Value* split_b = after(arena, split_bytes(left(s, 3)));
    Value* split_a = s.samples() ? arena : weights;
    if (s.samples()) call_split(w, l, a, split_a);
    s.samples() ? call_split_panels(w, r, b, split_b) : call_split(w, r, b, split_b);
    call_split_product(w, {s.width, s.columns(), s.depth(), parts, s.columns(), s.samples()}, split_a, split_b, c);
  }
  w.finish();
}

void Contest::run(int function) {
  const void* inputs[] = {a.data(), b.data()};
  void* outputs[] = {c.data()};
  const lower::Frame frame{.inputs = inputs, .outputs = outputs, .shared = weights_.data(), .arena = arena_.data(),
                           .partial = panels_.data()};
  code_->tiles()[function](&frame);
}

// Errors.

/// What operands look like in training, and what they should not.
struct Operands {
  const char* name;
  std::function<void(const Sizes&, std::mt19937&, float* a, float* b)> fill;
};

double silu(double x) { return x / (1 + std::exp(-x)); }

/// The left operand as weights or as what flows back, the right one as activations; all numbers times these.
Operands as_in_training(const char* name, double scale_a, double scale_b) {
  return {name, [=](const Sizes& s, std::mt19937& random, float* a, float* b) {
            std::normal_distribution<double> normal;
            const int row = s.samples() ? s.tile : s.width;
            for (int i = 0; i < s.width * row; ++i)
              a[i] = static_cast<float>(scale_a * normal(random) / (s.samples() ? 1 : std::sqrt(s.width)));
            for (int i = 0; i < s.width * s.tile; ++i) b[i] = static_cast<float>(scale_b * silu(2 * normal(random)));
          }};
}

Operands of_many_scales() {
  return {"±2ᵘ, u in −20..20", [](const Sizes& s, std::mt19937& random, float* a, float* b) {
            std::uniform_real_distribution<double> exponent(-20, 20), sign(-1, 1);
            const auto draw = [&] { return static_cast<float>(std::copysign(std::exp2(exponent(random)), sign(random))); };
            for (int i = 0; i < s.width * (s.samples() ? s.tile : s.width); ++i) a[i] = draw();
            for (int i = 0; i < s.width * s.tile; ++i) b[i] = draw();
          }};
}

/// Relative to the norm of the result, and to |A||B| element by element.
struct Error {
  double norm = 0, largest = 0;
};

/// The product in f64 and |A||B|, as the results lie.
struct Reference {
  std::vector<double> value, size;
};

/// Products of samples are summed over the tiles of a step, here over this many.
int turns(const Sizes& s) { return s.samples() ? kBatch / s.tile : 1; }

float left_at(const Sizes& s, const float* a, int i, int k) {
  if (s.kind == Kind::Transposed) return a[k * s.width + i];
  return a[i * (s.samples() ? s.tile : s.width) + k];
}

float right_at(const Sizes& s, const float* b, int k, int j) { return s.samples() ? b[j * s.tile + k] : b[k * s.tile + j]; }

void add(Reference& r, const Sizes& s, const float* a, const float* b) {
  const int n = s.columns();
  std::vector<double> row(n);
  std::vector<std::vector<double>> right(s.depth(), row);
  for (int k = 0; k < s.depth(); ++k)
    for (int j = 0; j < n; ++j) right[k][j] = right_at(s, b, k, j);
  for (int i = 0; i < s.width; ++i)
    for (int k = 0; k < s.depth(); ++k) {
      const double x = left_at(s, a, i, k), size = std::fabs(x);
      double *value = &r.value[static_cast<size_t>(i) * n], *sizes = &r.size[static_cast<size_t>(i) * n];
      for (int j = 0; j < n; ++j) value[j] += x * right[k][j], sizes[j] += size * std::fabs(right[k][j]);
    }
}

/// f32 as the tile instruction sums it: 16 even and 16 odd steps of the depth in a chain each, both added to C.
__attribute__((target("avx512f"))) void add_in_tile_order(const Sizes& s, const float* a, const float* b, float* c) {
  std::vector<float> right(static_cast<size_t>(s.depth()) * s.columns());
  for (int k = 0; k < s.depth(); ++k)
    for (int j = 0; j < s.columns(); ++j) right[static_cast<size_t>(k) * s.columns() + j] = right_at(s, b, k, j);
  for (int i = 0; i < s.width; ++i)
    for (int j = 0; j < s.columns(); j += 16) {
      __m512 sum = _mm512_loadu_ps(c + i * s.columns() + j);
      for (int first = 0; first < s.depth(); first += 32) {
        __m512 chains[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int k = first; k < first + 32; ++k)
          chains[k % 2] = _mm512_fmadd_ps(_mm512_set1_ps(left_at(s, a, i, k)),
                                          _mm512_loadu_ps(&right[static_cast<size_t>(k) * s.columns() + j]), chains[k % 2]);
        sum = _mm512_add_ps(sum, _mm512_add_ps(chains[0], chains[1]));
      }
      _mm512_storeu_ps(c + i * s.columns() + j, sum);
    }
}

Error compare(const Reference& r, const float* c) {
  double difference = 0, total = 0;
  Error out;
  for (size_t i = 0; i < r.value.size(); ++i) {
    const double d = c[i] - r.value[i];
    difference += d * d, total += r.value[i] * r.value[i];
    out.largest = std::max(out.largest, std::fabs(d) / r.size[i]);
  }
  out.norm = std::sqrt(difference / total);
  return out;
}

/// f32, f32 in the tiles' order, one, two and three parts.
std::array<Error, 5> errors(Contest& contest, const Operands& operands) {
  const Sizes& s = contest.sizes;
  const size_t count = static_cast<size_t>(s.width) * s.columns();
  Reference r{std::vector<double>(count), std::vector<double>(count)};
  std::array<std::vector<float>, 5> results;
  for (auto& result : results) result.resize(count);
  std::mt19937 random(11);
  const execute::FlushDenormals flush;
  for (int turn = 0; turn < turns(s); ++turn) {
    operands.fill(s, random, contest.a.floats(), contest.b.floats());
    add(r, s, contest.a.floats(), contest.b.floats());
    for (int k = 0; k < 5; ++k) {
      float* c = contest.c.floats();
      std::copy(results[k].begin(), results[k].end(), c);
      const int parts = k - 1;
      if (k == 0) contest.run(Contest::kPanels), contest.run(0);
      else if (k == 1) add_in_tile_order(s, contest.a.floats(), contest.b.floats(), c);
      else contest.run(2 * parts - 1), contest.run(2 * parts);
      std::copy(c, c + count, results[k].begin());
    }
  }
  std::array<Error, 5> out;
  for (int k = 0; k < 5; ++k) out[k] = compare(r, results[k].data());
  return out;
}

void print_errors(const lower::Target& target) {
  fmt::print("| operands | product | width | measure | f32 | f32, tiles' order | bf16 | two parts | three parts | three : f32 |\n");
  fmt::print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  const std::vector<Operands> all = {as_in_training("as in training", 1, 1), of_many_scales(),
                                     as_in_training("A·2⁻¹⁰⁰", std::exp2(-100), 1),
                                     as_in_training("A·2⁻¹¹², B·2⁶⁰", std::exp2(-112), std::exp2(60)),
                                     as_in_training("A·2⁻¹²⁰, B·2⁶⁰", std::exp2(-120), std::exp2(60))};
  for (const Operands& operands : all)
    for (Kind kind : kKinds)
      for (int width : {128, 256, 512, 1024}) {
        if (&operands != &all[0] && (kind != Kind::Weights || width != 512)) continue;
        Contest contest({kind, width, 128}, target);
        const std::array<Error, 5> e = errors(contest, operands);
        const auto print = [&](const char* measure, double Error::*m) {
          fmt::print("| {} | {} | {} | {} |", operands.name, name_of(kind), width, measure);
          for (const Error& error : e) fmt::print(" {:.1e} |", error.*m);
          fmt::print(" {:.2f} |\n", e[4].*m / e[0].*m);
        };
        print("norm", &Error::norm);
        print("largest", &Error::largest);
      }
}

/// What single bad numbers among good ones make of the row that they stand in.
void print_specials(const lower::Target& target) {
  fmt::print("\n| one number of A | f32's row of C | three parts' |\n| --- | --- | --- |\n");
  constexpr float inf = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  const std::pair<const char*, float> specials[] = {
      {"inf", inf}, {"−inf", -inf}, {"NaN", std::numeric_limits<float>::quiet_NaN()}, {"3.4028e38", most},
      {"3.38e38", 3.38e38f}, {"1e−39", 1e-39f}};
  for (const auto& [text, value] : specials) {
    fmt::print("| {} |", text);
    for (int function : {0, 6}) {
      Contest contest({Kind::Weights, 128, 128}, target);
      std::mt19937 random(5);
      as_in_training("", 1, 1e-3).fill(contest.sizes, random, contest.a.floats(), contest.b.floats());
      contest.a.floats()[3 * 128 + 7] = value;
      const execute::FlushDenormals flush;
      contest.run(function ? function - 1 : Contest::kPanels);
      contest.run(function);
      int finite = 0, elsewhere = 0;
      for (int j = 0; j < 128; ++j) finite += std::isfinite(contest.c.floats()[3 * 128 + j]);
      for (int i = 0; i < 128 * 128; ++i) elsewhere += std::isfinite(contest.c.floats()[i]);
      fmt::print(" {} of 128 finite, all other rows {} |", finite, elsewhere - finite == 127 * 128 ? "finite" : "NOT finite");
    }
    fmt::print("\n");
  }
}

// Speed.

double seconds(Contest& contest, int function, int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) contest.run(function);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
}

/// Seconds of every function in every round. Rounds go through all sizes, so that a slow spell of the machine meets all of
/// them alike.
struct Timed {
  std::unique_ptr<Contest> contest;
  std::vector<std::array<double, Contest::kFunctions>> rounds;

  /// Of a tile's product in this many parts, 0 for f32, with its share in what is split once a step. `again`: split for
  /// every tile.
  double time(size_t round, int parts, bool again = false) const {
    const Sizes& s = contest->sizes;
    const auto& r = rounds[round];
    const double share = static_cast<double>(s.tile) / kBatch;
    if (parts == 0) return r[0] + share * r[Contest::kPanels];
    return r[2 * parts] + (s.samples() ? 0 : again ? 1 : share) * r[2 * parts - 1];
  }
  double least(int parts, bool again = false) const {
    double out = time(0, parts, again);
    for (size_t round = 1; round < rounds.size(); ++round) out = std::min(out, time(round, parts, again));
    return out;
  }
  /// How many times faster than f32, in the median round.
  double median(int parts) const {
    std::vector<double> ratios;
    for (size_t round = 0; round < rounds.size(); ++round) ratios.push_back(time(round, 0) / time(round, parts));
    std::ranges::nth_element(ratios, ratios.begin() + ratios.size() / 2);
    return ratios[ratios.size() / 2];
  }
};

void print_speed(const lower::Target& target, const std::vector<int>& widths, const std::vector<int>& tiles, int rounds) {
  std::vector<Timed> all;
  std::mt19937 random(3);
  for (Kind kind : kKinds)
    for (int width : widths)
      for (int tile : tiles) {
        Contest& contest = *all.emplace_back(std::make_unique<Contest>(Sizes{kind, width, tile}, target)).contest;
        as_in_training("", 1, 1).fill(contest.sizes, random, contest.a.floats(), contest.b.floats());
      }
  const execute::FlushDenormals flush;
  for (int round = 0; round < rounds; ++round)
    for (Timed& timed : all) {
      const int repeats = std::max(1, static_cast<int>(2e7 / timed.contest->sizes.flops()));
      auto& times = timed.rounds.emplace_back();
      for (int f = 0; f < Contest::kFunctions; ++f) times[f] = seconds(*timed.contest, f, repeats);
    }
  fmt::print("| product | width | T | f32 | bf16 | two parts | three parts | bf16 : f32 | two : f32 | three : f32 (median) | "
             "three : f32, weights split for each tile |\n");
  fmt::print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Timed& timed : all) {
    const Sizes& s = timed.contest->sizes;
    fmt::print("| {} | {} | {} |", name_of(s.kind), s.width, s.tile);
    for (int parts = 0; parts <= 3; ++parts) fmt::print(" {:.0f} |", s.flops() / timed.least(parts) * 1e-9);
    for (int parts = 1; parts <= 3; ++parts) fmt::print(" {:.2f}{}", timed.least(0) / timed.least(parts), parts < 3 ? " |" : "");
    fmt::print(" ({:.2f}) |", timed.median(3));
    if (s.samples()) fmt::print(" |\n");
    else fmt::print(" {:.2f} |\n", timed.least(0) / timed.least(3, true));
  }
}

}  // namespace
}  // namespace am

int main(int count, char** arguments) {
  std::string error;
  const am::lower::Target target = am::jit::host_target("", error);
  if (!am::lower::has_bf16_tiles(target)) return fmt::print("this processor has no bf16 tiles\n"), 1;
  if (!am::jit::allow_tiles()) return fmt::print("the system does not grant the tile registers\n"), 1;
  const std::string what = count > 1 ? arguments[1] : "";
  if (what == "errors") am::print_errors(target), am::print_specials(target);
  else if (what == "speed") am::print_speed(target, {128, 256, 512, 1024}, {64, 128, 256}, 25);
  else if (what == "small") am::print_speed(target, {32, 48, 64, 80, 96}, {64, 128}, 40);
  else return fmt::print("bench_amx errors | speed | small\n"), 1;
}
