#include "compiler/elaborate/kinks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "compiler/differentiate/differentiate.h"
#include "compiler/ir/build.h"
#include "compiler/ir/interpret.h"
#include "compiler/ir/ops.h"

namespace am::elaborate {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Op;

constexpr int kLines = 2, kPoints = 33, kIntervals = 6, kHalvings = 40;
constexpr double kReach = 3;
/// Of a jump, relative to the largest value on the line; rounding is some 10⁻¹⁵.
constexpr double kJump = 1e-7;

bool is_draw(Op op) { return op == Op::Uniform || op == Op::Weyl; }

/// The part of a graph that depends on x, with x as an input and random inputs for the rest.
struct Cut {
  Graph graph;
  ir::Bindings rest;             // of the random inputs
  std::vector<NodeId> outputs;   // y, then what switches
  std::vector<NodeId> switches;  // the nodes of the graph that was cut
};

class Cutter {
 public:
  Cutter(const Graph& from, NodeId x) : from_(from), x_(x) {}

  /// Nothing if there is nothing that switches, or samples are averaged on the way.
  std::optional<Cut> cut(NodeId y) {
    const std::vector<NodeId> nodes = ir::reachable(from_, {&y, 1});
    for (NodeId id : nodes) {
      const ir::Node& n = from_[id];
      const auto any = [&](const std::map<NodeId, bool>& of) {
        return std::any_of(n.operands.begin(), n.operands.end(), [&](NodeId u) { return of.at(u); });
      };
      moves_[id] = id == x_ || (id > x_ && any(moves_));
      unknown_[id] = n.op == Op::Input || is_draw(n.op) || any(unknown_);
      if (!moves_[id] || id == x_) continue;
      if (n.op == Op::Mean) return {};
      if (ir::info(n.op).derivative->kind == ir::DerivativeKind::Zero) out_.switches.push_back(id);
    }
    if (!moves_[y] || out_.switches.empty()) return {};
    copies_[x_] = out_.graph.input("x", from_[x_].shape, true);
    for (NodeId id : nodes)
      if (moves_[id] && id != x_) copy(id);
    out_.outputs = {copies_.at(y)};
    for (NodeId id : out_.switches) out_.outputs.push_back(copies_.at(id));
    return std::move(out_);
  }

 private:
  NodeId copy(NodeId id) {
    if (auto known = copies_.find(id); known != copies_.end()) return known->second;
    const ir::Node& n = from_[id];
    NodeId made;
    if (!moves_.at(id) && unknown_.at(id)) {
      made = random(n.shape);
    } else if (n.op == Op::Table) {
      made = out_.graph.table(from_.table_values(n.attributes.index), n.shape);
    } else {
      std::vector<NodeId> operands;
      for (NodeId u : n.operands) operands.push_back(copy(u));
      made = out_.graph.add(n.op, std::move(operands), n.attributes);
    }
    return copies_[id] = made;
  }

  /// Numbers are positive, since they may be scales; entries of vectors and matrices have about the size that keeps
  /// products near one.
  NodeId random(const ir::Shape& shape) {
    const NodeId made = out_.graph.input("", shape, false);
    std::vector<double>& values = out_.rest.inputs[out_.graph[made].attributes.index];
    const double size = shape.rank > 1 ? 1 / std::sqrt(shape[shape.rank - 1]) : 1;
    std::normal_distribution<double> normal(0, size);
    std::uniform_real_distribution<double> uniform(0.2, 1);
    for (int i = 0; i < shape.count(); ++i) values.push_back(shape.rank == 0 ? uniform(random_) : normal(random_));
    return made;
  }

  const Graph& from_;
  NodeId x_;
  Cut out_;
  std::map<NodeId, bool> moves_, unknown_;
  std::map<NodeId, NodeId> copies_;
  std::mt19937_64 random_{1};
};

/// The points x = a + τ·b for several τ.
class Line {
 public:
  Line(Cut& cut, int dimension, uint64_t seed) : cut_(cut) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (auto* v : {&a_, &b_})
      for (int i = 0; i < dimension; ++i) v->push_back(normal(random));
  }

  /// Outputs, each as [element][τ]. Where only the switches are asked for, y is empty.
  std::vector<std::vector<double>> at(const std::vector<double>& tau, bool switches_only = false) const {
    ir::Bindings bindings = cut_.rest;
    bindings.samples = tau.size();
    std::vector<double>& x = bindings.inputs[0];
    for (size_t i = 0; i < a_.size(); ++i)
      for (double t : tau) x.push_back(a_[i] + t * b_[i]);
    if (!switches_only) return ir::interpret(cut_.graph, cut_.outputs, bindings);
    std::vector<std::vector<double>> out = ir::interpret(cut_.graph, std::span(cut_.outputs).subspan(1), bindings);
    out.insert(out.begin(), std::vector<double>());
    return out;
  }

 private:
  Cut& cut_;
  std::vector<double> a_, b_;
};

using Outputs = std::vector<std::vector<double>>;

/// The number of the first output behind y that differs between point i of one and point k of another; 0 if none.
size_t switched(const Outputs& u, size_t i, size_t n, const Outputs& w, size_t k, size_t m) {
  for (size_t out = 1; out < u.size(); ++out)
    for (size_t e = 0; e * n + i < u[out].size() && e * m + k < w[out].size(); ++e)
      if (u[out][e * n + i] != w[out][e * m + k]) return out;
  return 0;
}

/// The number of the output that switches where y jumps on the line; 0 if none.
size_t jump_on(const Line& line) {
  std::vector<double> tau;
  for (int i = 0; i < kPoints; ++i) tau.push_back(kReach * (2.0 * i / (kPoints - 1) - 1));
  const Outputs grid = line.at(tau);
  double largest = 0;
  for (double v : grid[0]) largest = std::max(largest, std::fabs(v));
  std::vector<double> left, right;
  for (size_t i = 0; i + 1 < tau.size() && left.size() < kIntervals; ++i)
    if (switched(grid, i, tau.size(), grid, i + 1, tau.size())) left.push_back(tau[i]), right.push_back(tau[i + 1]);
  if (left.empty() || !std::isfinite(largest)) return 0;
  const size_t n = left.size();
  Outputs before = line.at(left, true);
  for (int turn = 0; turn < kHalvings; ++turn) {
    std::vector<double> middle(n);
    for (size_t i = 0; i < n; ++i) middle[i] = 0.5 * (left[i] + right[i]);
    const Outputs now = line.at(middle, true);
    for (size_t i = 0; i < n; ++i) (switched(before, i, n, now, i, n) ? right : left)[i] = middle[i];
  }
  before = line.at(left);
  const Outputs after = line.at(right);
  for (size_t i = 0; i < n; ++i)
    for (size_t e = 0; e * n + i < after[0].size(); ++e)
      if (std::fabs(after[0][e * n + i] - before[0][e * n + i]) > kJump * largest)
        return switched(before, i, n, after, i, n);
  return 0;
}

}  // namespace

std::optional<Kink> jump(const Graph& graph, NodeId y, NodeId x, int order) {
  Graph g = graph;
  std::optional<differentiate::Obstacle> obstacle;
  if (order == 1) y = differentiate::gradient(g, y, {{&x, 1}}, ir::kNone, &obstacle)[0];
  if (!y.valid() || obstacle) return {};
  std::optional<Cut> cut = Cutter(g, x).cut(y);
  for (int k = 0; cut && k < kLines; ++k)
    if (const size_t at = jump_on(Line(*cut, g[x].shape.count(), k + 1))) {
      const ir::Node& node = g[cut->switches[at - 1]];
      return Kink{node.op, node.origin};
    }
  return {};
}

}  // namespace am::elaborate
