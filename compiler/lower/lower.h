// Graph to LLVM module: loops over a tile of samples.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace am::lower {

enum class Precision { F32, F64 };

/// The machine that code is made for.
struct Target {
  std::string cpu;        // as LLVM names it
  std::string features;   // LLVM's feature string
  int vector_bytes = 16;  // 16 SSE, 32 AVX2, 64 AVX-512
  size_t cache_bytes = 1 << 20;  // second-level data cache of one core

  /// Lanes of one vector.
  int lanes(Precision p) const { return vector_bytes / (p == Precision::F32 ? 4 : 8); }
};

/// True if the machine multiplies tiles of bf16 and converts vectors to what they hold.
bool has_bf16_tiles(const Target& target);

struct Options {
  Precision precision = Precision::F32;
  Target target;
  size_t samples = 512;  // the usual number of samples of a run: the tile divides it where it can
  int tile = 0;          // force this tile; 0: chosen from the cache size
  /// Slots of shared inputs that differ between the steps of a march. If there are any, shared values that none of them
  /// reaches are made once, before the first step.
  std::vector<int> varying;
  /// Products of f32 on the processor's bf16 tiles where that is faster (split_product.h). Without such tiles, and in f64,
  /// this asks for nothing.
  bool split_products = false;
  /// So many of the outputs, the first ones, are held back: work that only these need is done in the end, in stages of
  /// phase `Plan::phases` + 1, which a caller who dislikes the other outputs can leave out. They do not depend on a sample.
  int held = 0;
};

/// The phase of what is done once for all steps of a march, before the first one.
constexpr int kSteady = -1;

/// A part of the shared work of a phase that runs once, or in pieces that may run at the same time. Pieces depend on
/// sizes alone, and what they sum is added in their order, so that who runs them makes no difference.
struct Stage {
  int phase = 0;   // kSteady, or: comes before the tiles of this phase; after all tiles if this is Plan::phases, or
                   // one more, for outputs that are held back
  int pieces = 1;
  bool operator==(const Stage&) const = default;
};

/// Sizes and counts, known before anything runs. Printed by `amc info FILE`.
struct Plan {
  Precision precision;
  int lanes = 0;
  int tile = 0;
  int phases = 1;             // how often the samples are gone through in one run: 1 + depth of Mean over Mean, or 0
                              // if nothing is sampled
  size_t steady_bytes = 0;    // values that are computed once for all steps of a march
  size_t shared_bytes = 0;    // values that are computed once a run, which is one step; whole cache lines
  size_t tile_bytes = 0;      // live sampled values of one tile: one arena per thread
  size_t partial_bytes = 0;   // sums over samples in progress: one block per group of tiles; whole cache lines
  int groups = 1;             // groups of tiles at most: the threads that tiles can keep busy
  std::vector<Stage> stages;  // of the shared work, in order
  double flops_contract = 0;  // per sample: fused multiply-adds in matrix products count two
  double flops_transposed = 0;  // of these, in products with a transposed shared matrix on the left
  double flops_sums = 0;        // of these, in products that are summed over samples
  double flops_other = 0;     // per sample: elementwise operations, one each
  double share_of_peak = 0;   // predicted: of one thread's time, what products would take at the peak rate of fused
                              // multiply-adds
  int split_products = 0;     // steps that multiply on bf16 tiles
  std::vector<ir::Slot> inputs;   // by slot number of the graph
  std::vector<ir::Slot> outputs;  // in the order asked for
  size_t element_bytes() const { return precision == Precision::F32 ? 4 : 8; }
};

/// What compiled functions read. A C structure: its layout is part of the interface with generated code.
struct Frame {
  const void* const* inputs;  // by slot. Shared: elements. Sampled: [element][stride], from the first sample on
  void* const* outputs;       // likewise
  void* steady;               // Plan::steady_bytes, 64-byte aligned
  void* shared;               // Plan::shared_bytes, 64-byte aligned
  void* arena;                // Plan::tile_bytes, 64-byte aligned; of the calling thread
  void* partial;              // Plan::partial_bytes; of the tile's group; zeroed before the group's first tile of a phase.
                              // In a stage: the blocks of all groups of the phase before, one behind the other
  uint64_t seed;
  uint64_t stride;            // distance between elements of sampled inputs and outputs, in elements
  uint32_t step;
  uint32_t first_sample;      // number of the run's first sample in the random streams
  uint32_t tile_start;        // first sample of this tile, counted in this run
  uint32_t samples;           // samples in this run
  uint32_t groups;            // groups of tiles in this run
  uint32_t piece;             // number of the piece, in a stage of several
};

/// A module with, for each phase p, `am_tile_p(Frame*)` (one tile, adding into `partial`), and for each stage s of the
/// plan, `am_shared_s(Frame*)` (values computed once). The stages of phase p run in order before the tiles of phase p,
/// those of phase `phases` at the end, and behind them those of outputs that are held back; those of phase kSteady before
/// all others, and then not again before an input changes that is not `varying`. The first stages that need sums over samples add the partial sums of the groups, in their order,
/// and divide by `samples`.
struct Lowered {
  Lowered();
  Lowered(Lowered&&) noexcept;
  Lowered& operator=(Lowered&&) noexcept;
  ~Lowered();
  Plan plan;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::string schedule;  // the kernels in order, readable: what `emit --stage=tiles` prints
};

/// What `lower` decides before it makes code: sizes and layout, in a fraction of its time.
Plan plan(const ir::Graph& graph, const std::vector<ir::NodeId>& outputs, const Options& options);

/// `graph` is simplified: it has no Variable.
Lowered lower(const ir::Graph& graph, const std::vector<ir::NodeId>& outputs, const Options& options);

/// LLVM's text for the module.
std::string print_llvm(const Lowered& lowered);

}  // namespace am::lower
