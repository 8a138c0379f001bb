// How much work a program is, and the share of the machine's peak that it should reach.
//
// Note [prediction]. The prediction adds up cycles of one core, for one vector of samples, as if nothing overlapped:
// products by their blocks, elementwise work by its instructions and the vectors it loads and stores, the rest by what
// it was measured to cost on a processor with two vector units. It says where a script stands and what it spends its time
// on, to within some ten percent of the peak; it decides nothing.
#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"

namespace am::lower {
namespace {

using ir::Node;
using ir::Op;

// Cycles for one vector.
constexpr double kSimple = 0.5, kDivision = 10, kFunction = 13, kDraw = 50, kTransposition = 5;
/// A vector from or to the second-level cache, and from beyond it.
constexpr double kNear = 0.5, kFar = 5;
/// Of a product's block: start and end of its loop, and for each vector of sums what becomes of it.
constexpr double kBlock = 12, kSum = 1;
/// How much longer products take whose matrices come from beyond the second-level cache.
constexpr double kStreaming = 1.2;
/// Of two tiles of bf16, 16 of which are the instruction; of the three parts of a vector.
constexpr double kTileProduct = 25, kSplit = 10;

/// Adds up what a row of the op table asks for.
class Cycles : public ir::Scalars {
 public:
  double total = 0;
  ir::Scalar constant(double) override { return {}; }
  ir::Scalar add(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar sub(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar mul(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar div(ir::Scalar, ir::Scalar) override { return spend(kDivision); }
  ir::Scalar min(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar max(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar neg(ir::Scalar) override { return simple(); }
  ir::Scalar abs(ir::Scalar) override { return simple(); }
  ir::Scalar sqrt(ir::Scalar) override { return spend(kDivision); }
  ir::Scalar floor(ir::Scalar) override { return simple(); }
  ir::Scalar less(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar equal(ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar select(ir::Scalar, ir::Scalar, ir::Scalar) override { return simple(); }
  ir::Scalar call(ir::Function, ir::Scalar, ir::Scalar) override { return spend(kFunction); }

 private:
  ir::Scalar simple() { return spend(kSimple); }
  ir::Scalar spend(double cycles) {
    total += cycles;
    return {};
  }
};

double cycles_of(Op op) {
  const auto scalar = ir::info(op).lower->scalar;
  if (!scalar) return kSimple;
  Cycles cycles;
  const ir::Scalar operands[3] = {};
  scalar(cycles, operands);
  return cycles.total;
}

struct ProductSize {
  int rows, columns, depth;
};

ProductSize size_of(const Graph& g, NodeId id) {
  const Node& node = g[id];
  return {node.shape[0], node.shape[1], g[node.operands[0]].shape[node.attributes.transpose_a ? 0 : 1]};
}

double flops(const ProductSize& s) { return 2.0 * s.rows * s.columns * s.depth; }

/// Of C [rows][one vector] = A·B with this depth, in blocks of about six rows and four vectors.
double product_cycles(double rows, double depth) {
  const double block = std::min(rows, 6.0);
  // A step of the depth: multiply-adds, loads, and at least the wait for the sum before.
  const double step = std::max({4 * block / 2, (4 + block) / 2, 4.0});
  return rows / block * (depth * step + kBlock + 4 * block * kSum) / 4;
}

/// Of C [rows][one vector] += A·B with this depth, on tiles of bf16, once the operands are split: six products of tiles,
/// of 16 rows and 32 of the depth each.
double tile_cycles(double rows, double depth) { return std::ceil(rows / 16) * depth / 32 * 6 * kTileProduct; }

class Prediction {
 public:
  explicit Prediction(Program& program) : p_(program), g_(program.graph) {}
  double share() const;

 private:
  double members(const Step& step) const;
  double memory(const Step& step, bool near) const;
  double tile_step(const Step& step) const;

  const Program& p_;
  const Graph& g_;
  const double streaming_ = streams(p_) ? kStreaming : 1;
};

/// Of a step's elementwise members, for one vector of each element.
double Prediction::members(const Step& step) const {
  double out = 0;
  for (const Member& m : step.members) out += m.kind == Member::Kind::Compute ? cycles_of(g_[m.node].op) : kSimple;
  return out * step.shape.count();
}

/// Of the vectors that a step loads and stores.
double Prediction::memory(const Step& step, bool near) const {
  std::set<NodeId> touched;
  for (NodeId id : reads(p_, step)) touched.insert(id);
  for (NodeId id : writes(step))
    if (p_.stored[id.value]) touched.insert(id);
  double vectors = 0;
  for (NodeId id : touched)
    if (step.kind != Step::Kind::Product || id != step.node) vectors += std::min(g_[id].shape.count(), step.shape.count());
  return vectors * (near ? kNear : kFar);
}

/// For one vector of samples.
double Prediction::tile_step(const Step& step) const {
  const bool near = p_.plan.tile_bytes <= p_.options.target.cache_bytes;
  const double work = step.members.empty() ? 0 : members(step) + memory(step, near);
  switch (step.kind) {
    case Step::Kind::Product: {
      const ProductSize s = size_of(g_, step.node);
      if (p_.split_products.contains(step.node))
        return s.columns * (streaming_ * tile_cycles(s.rows, std::ceil(s.depth / 32.0) * 32) + kSplit * s.depth);
      return work + streaming_ * s.columns * product_cycles(s.rows, s.depth);
    }
    case Step::Kind::MeanProduct: {
      const NodeId product = p_.means.at(step.node).product;
      const SumPlan& sum = p_.sums.at(p_.means.at(step.node).into);
      const ProductSize s = size_of(g_, product);
      // The depth is the tile's samples; one vector's part of it.
      const double vectors = sum.padded / p_.plan.lanes, tile = p_.plan.tile;
      if (p_.split_products.contains(step.node))
        return s.depth * (streaming_ * vectors * tile_cycles(sum.rows, p_.plan.lanes) + kSplit * (sum.rows + sum.padded));
      return streaming_ * s.depth * vectors * product_cycles(sum.rows, tile) * p_.plan.lanes / tile;
    }
    case Step::Kind::Pack: {
      const Pack& pack = p_.packs[step.index];
      return kTransposition * pack.columns() * pack.depth();
    }
    case Step::Kind::Draw: return kDraw * g_[step.node].shape.count();
    default: return work;
  }
}

double Prediction::share() const {
  const int lanes = p_.plan.lanes;
  double tile = 0, shared = 0;  // of a vector of samples, of a run
  for (const Section& section : p_.sections)
    for (const Step& step : section.steps) {
      if (section.tile) {
        tile += tile_step(step);
      } else if (step.kind == Step::Kind::Loop) {
        const bool near = step.shape.count() * p_.plan.element_bytes() * 8 <= p_.options.target.cache_bytes;
        shared += (members(step) + memory(step, near)) / lanes;
      }
    }
  // Two units, each a multiplication and an addition for each lane.
  const double peak = p_.plan.flops_contract / 4;
  const double all = tile + shared * lanes / std::max<size_t>(1, p_.options.samples);
  return all > 0 ? peak / all : 0;
}

}  // namespace

void count(Program& p) {
  const Graph& g = p.graph;
  for (const Section& section : p.sections) {
    if (!section.tile) continue;
    for (const Step& step : section.steps) {
      const NodeId product = step.kind == Step::Kind::Product       ? step.node
                             : step.kind == Step::Kind::MeanProduct ? p.means.at(step.node).product
                                                                    : ir::kNone;
      for (const Member& member : step.members)
        if (member.kind != Member::Kind::Copy) p.plan.flops_other += step.shape.count();
      if (!product.valid()) continue;
      const double work = flops(size_of(g, product));
      p.plan.flops_contract += work;
      if (step.kind == Step::Kind::MeanProduct) p.plan.flops_sums += work;
      if (g[product].attributes.transpose_a && !g[g[product].operands[0]].sampled) p.plan.flops_transposed += work;
    }
  }
}

void predict(Program& p) { p.plan.share_of_peak = Prediction(p).share(); }

}  // namespace am::lower
