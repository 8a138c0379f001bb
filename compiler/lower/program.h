// The graph as a list of kernels with a place in memory for every value: everything that is decided before LLVM.
//
// A program is a sequence of sections, shared 0, tile 0, shared 1, …, shared `phases`, and where outputs are held back one
// more of what only these need; in front of them, where a march was announced, one of what all of its steps share. A section is a list of steps. A node of phase p needs p means one after
// the other: it is computed in section p of its kind, and a sampled node again in every later phase that needs it, since
// keeping it would take memory for all samples. A shared section becomes several where some of its steps are worth more
// than one thread: one for each stage.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/lower/lower.h"
#include "compiler/lower/view.h"

namespace am::lower {

/// One instruction of a loop kernel: what is done for each element.
struct Member {
  enum class Kind {
    Compute,   // an elementwise node; stored if `Program::stored` says so
    Copy,      // operand `part` of a Concat, Pad or Reshape goes to its place in the node's storage
    Sum,       // added to an element of the node's storage, which starts at zero
    MeanSum,   // added, lane by lane, to the node's partial sums
    Finish,    // a shared value from the partial sums of products; stored like a computed one
    Output,    // a shared output that is not stored there by whoever computes it; `part` is the number of the output
  };
  Kind kind;
  NodeId node;
  int part = 0;
  /// True if the loop has the node's value in a register.
  bool makes_value() const { return kind == Kind::Compute || kind == Kind::Finish; }
};

struct Step {
  enum class Kind {
    Load,         // a sampled input into the arena
    Draw,         // Uniform, Weyl
    Gather,       // Row
    Loop,         // elementwise members over one shape
    Product,      // MatMul, and elementwise members over its shape that follow it
    Panels,       // a shared matrix in the order in which products read it; `index` is its number
    Pack,         // a sampled matrix transposed, samples outermost, for MeanProduct; `index` is the number of the pack
    MeanProduct,  // adds the products of one tile to a Mean's partial sums
    Finish,       // a shared value from its partial sums, where no loop does it
    Combine,      // a sum from what the pieces of the stage before have summed; `index` is their number
    Output,       // a sampled output; `index` is the number of the output
  };
  Kind kind;
  NodeId node;
  int index = 0;
  Shape shape;                  // Loop: of the iteration, without axes of size 1
  std::vector<Member> members;  // Loop, Product
};

/// The steps of a tile, or of one stage of the shared work.
struct Section {
  bool tile = false;
  int phase = 0;
  std::vector<Step> steps;
  int stage = 0;   // shared: its number
  int pieces = 1;  // shared: every step is done in as many parts, which may run at the same time
};

/// A sampled matrix [depth][columns] to be laid out as [depth][sample][columns, padded to whole vectors].
struct Pack {
  Ref matrix;
  bool columns_first = false;  // the matrix is seen as [columns][depth]
  int phase = 0;               // the tile section that makes it
  int columns() const { return matrix.view.shape[columns_first ? 0 : 1]; }
  int depth() const { return matrix.view.shape[columns_first ? 1 : 0]; }
  int64_t column_stride() const { return matrix.view.strides[columns_first ? 0 : 1]; }
  int64_t depth_stride() const { return matrix.view.strides[columns_first ? 1 : 0]; }
};

/// A shared matrix [rows][depth] as products with samples read it, made once a run: row panels, or tiles of bf16 parts.
struct Panels {
  Ref matrix;
  bool transposed = false;  // the matrix is seen as [depth][rows]
  int phase = 0;            // the shared section that makes it
  bool split = false;       // in parts, see split_product.h
  bool operator==(const Panels&) const = default;
  int rows() const { return matrix.view.shape[transposed ? 1 : 0]; }
  int depth() const { return matrix.view.shape[transposed ? 0 : 1]; }
  int64_t row_stride() const { return matrix.view.strides[transposed ? 1 : 0]; }
  int64_t depth_stride() const { return matrix.view.strides[transposed ? 0 : 1]; }
};

/// Sums over the samples of a phase in `partial`: either [element][lanes], or the rows of a product padded to whole
/// vectors. They become the value of a shared node, which is a Mean or a sum and difference of Means.
struct SumPlan {
  int phase = 0;         // the tile section that sums
  bool product = false;  // products are summed as they are computed
  bool flipped = false;  // the sums are those of the transposed product: [n][m, padded]
  int rows = 0, columns = 0, padded = 0;
  size_t offset = 0;     // in `partial`, in elements
};

/// How a Mean is summed.
struct MeanPlan {
  NodeId into;            // the node whose sums it adds to
  bool negative = false;  // it is subtracted
  NodeId product;         // the MatMul that is summed as it is computed, if any
  int pack = -1;          // what is packed of it: the right operand, or the left one if flipped
};

/// Where a node's elements are. The first element is at `base + offset`, in bytes.
struct Place {
  enum class Kind { None, Arena, Steady, Shared, Input, Output, Global };
  Kind kind = Kind::None;
  size_t offset = 0;  // Arena, Steady, Shared
  int index = 0;      // Input, Output: slot
};

struct Program {
  const Graph& graph;
  std::vector<NodeId> outputs;
  Options options;
  std::vector<NodeId> nodes;  // that the outputs need, in order
  std::vector<Ref> refs;      // by node
  std::vector<int> phase;     // by node; kSteady if it is the same in all steps of a march
  std::vector<Section> sections;
  std::vector<Pack> packs;
  std::vector<Panels> panels;
  std::map<NodeId, int> panels_of;  // by Product: the number of its shared operand's panels, where it has any
  std::set<NodeId> split_products;  // on bf16 tiles: Products, and Means that sum products
  std::map<NodeId, MeanPlan> means;
  std::map<NodeId, SumPlan> sums;
  std::vector<bool> absorbed;  // by node: a Mean, or a sum of Means, that only adds to another node's sums
  std::vector<bool> stored;   // by node: it needs a place in memory
  std::vector<Place> shared_places;              // by node
  std::vector<std::vector<Place>> tile_places;   // by phase and node
  std::vector<Place> pack_places;                // by pack
  std::vector<Place> panel_places;               // by panels
  size_t split_offset = 0;  // in the arena, in bytes: where a product on bf16 tiles splits what it splits for each tile
  std::map<NodeId, Place> piece_places;          // sums of the pieces of a stage: a cache line each
  Plan plan;
  /// How often a unit or a piece of memory was looked at: the work of planning, which grows as the graph does.
  size_t looks = 0;

  const Ref& ref(NodeId id) const { return refs[id.value]; }
  /// A node whose numbers are known without any section computing them.
  bool is_given(NodeId base) const {
    const ir::Node& node = graph[base];
    return node.op == ir::Op::Const || node.op == ir::Op::Table || (node.op == ir::Op::Input && !node.sampled);
  }
  const Place& place(NodeId base, int phase) const {
    return graph[base].sampled ? tile_places[phase][base.value] : shared_places[base.value];
  }
};

/// The nodes that a step reads, as bases; a Loop's own values are not among them.
std::vector<NodeId> reads(const Program& program, const Step& step);

/// The nodes that a step computes and that have a place in memory where `stored` says so.
std::vector<NodeId> writes(const Step& step);

/// Distance of the axes of `node` in its partial sums, without axes of size 1; nothing if they are not laid out so.
std::optional<std::vector<int64_t>> sum_strides(const Program& program, NodeId node);

/// All of the decisions below.
Program planned(const Graph& graph, const std::vector<NodeId>& outputs, const Options& options);

/// Decides how means are summed.
void plan_means(Program& program);

/// Decides phases, the sections' steps and what is stored.
void schedule(Program& program);

/// Computes cheap values again where they are used rather than storing them.
void recompute(Program& program);

/// Chooses the products that are faster on bf16 tiles, where the options allow it and the machine has them. Their sizes
/// decide, so that this is known before products take loops along, which these do not.
void choose_splits(Program& program);

/// True for weights times samples that lie [depth][columns][samples], so that all columns are one row of numbers.
bool is_weights_times_samples(const Program& program, NodeId product);

/// Makes a loop that follows a product, and reads it element by element, part of it.
void fuse(Program& program);

/// Decides which shared matrices are laid out in panels, once the tile is known.
void plan_panels(Program& program);

/// The number of these panels, which their shared section is told to make if they are new.
int number_of(Program& program, const Panels& panels);

/// Makes stages of the shared sections: large loops and panels are done in pieces.
void split_stages(Program& program);

/// Marks what is read by a step other than the one that computes it.
void mark_stored(Program& program);

/// Decides the tile and every place; fills the sizes of the plan.
void place(Program& program);

/// Counts the work of a sample.
void count(Program& program);

/// True if matrices and sums in progress come from beyond the second-level cache for every tile.
bool streams(const Program& program);

/// Predicts the share of the machine's peak; places are known.
void predict(Program& program);

/// The steps in words, one line each.
std::string describe(const Program& program);

}  // namespace am::lower
