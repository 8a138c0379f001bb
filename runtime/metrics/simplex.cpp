#include "runtime/metrics/simplex.h"

#include <algorithm>
#include <cmath>

#define LEMON_ONLY_TEMPLATES
#include <lemon/network_simplex.h>

#include "compiler/diagnostics/diagnostics.h"

namespace am::metrics {
namespace {

/// Every source is joined to every sink: arc i·sinks + j goes from node i to node sources + j. Nothing is stored, so
/// that the only memory is that of the simplex itself. The names are those LEMON's algorithms ask a digraph for.
class Bipartite {
 public:
  struct Node {
    int id = -1;
    Node() = default;
    Node(lemon::Invalid) {}
    explicit Node(int i) : id(i) {}
    bool operator==(Node other) const { return id == other.id; }
    bool operator!=(Node other) const { return id != other.id; }
    bool operator<(Node other) const { return id < other.id; }
  };
  struct Arc : Node {
    using Node::Node;
  };

  Bipartite(int sources, int sinks) : sources_(sources), sinks_(sinks) {}

  using NodeNumTag = lemon::True;
  using ArcNumTag = lemon::True;
  int nodeNum() const { return sources_ + sinks_; }
  int arcNum() const { return sources_ * sinks_; }
  Node source(Arc arc) const { return Node(arc.id / sinks_); }
  Node target(Arc arc) const { return Node(sources_ + arc.id % sinks_); }

  /// Walks from `first` by `step` and becomes invalid at `stop`.
  template <class Item>
  struct Walk : Item {
    Walk(int first, int stop, int step) : Item(first < stop ? first : -1), stop_(stop), step_(step) {}
    Walk& operator++() {
      this->id = this->id + step_ < stop_ ? this->id + step_ : -1;
      return *this;
    }

   private:
    int stop_, step_;
  };
  struct NodeIt : Walk<Node> {
    explicit NodeIt(const Bipartite& graph) : Walk(0, graph.nodeNum(), 1) {}
  };
  struct ArcIt : Walk<Arc> {
    explicit ArcIt(const Bipartite& graph) : Walk(0, graph.arcNum(), 1) {}
  };
  struct OutArcIt : Walk<Arc> {
    OutArcIt(const Bipartite& graph, Node node)
        : Walk(node.id * graph.sinks_, node.id < graph.sources_ ? (node.id + 1) * graph.sinks_ : 0, 1) {}
  };
  struct InArcIt : Walk<Arc> {
    InArcIt(const Bipartite& graph, Node node)
        : Walk(node.id - graph.sources_, node.id < graph.sources_ ? 0 : graph.arcNum(), graph.sinks_) {}
  };

  template <class Value>
  struct Map {
    std::vector<Value> values;
    decltype(auto) operator[](Node item) { return values[item.id]; }
    decltype(auto) operator[](Node item) const { return values[item.id]; }
  };
  template <class Value>
  struct NodeMap : Map<Value> {
    explicit NodeMap(const Bipartite& graph, Value value = {})
        : Map<Value>{std::vector<Value>(graph.nodeNum(), value)} {}
  };
  template <class Value>
  struct ArcMap : Map<Value> {
    explicit ArcMap(const Bipartite& graph, Value value = {}) : Map<Value>{std::vector<Value>(graph.arcNum(), value)} {}
  };

 private:
  int sources_, sinks_;
};

/// Costs as whole numbers, read by arc. A path visits each node at most once, so potentials stay below
/// points·(largest cost) = 2^58 beside LEMON's own 2^62 for the artificial arcs: nothing overflows.
struct WholeCosts {
  const std::vector<double>& cost;
  double largest, units;

  WholeCosts(const std::vector<double>& cost, int points)
      : cost(cost), largest(*std::max_element(cost.begin(), cost.end())), units(std::ldexp(1.0, 58) / points) {}
  int64_t operator[](Bipartite::Node arc) const {
    return largest > 0 ? std::llround(cost[arc.id] / largest * units) : 0;
  }
};

/// Sources supply, sinks ask: the sign LEMON wants.
struct Supplies {
  const Problem& problem;
  int64_t operator[](Bipartite::Node node) const {
    const auto sources = static_cast<int>(problem.supply.size());
    return node.id < sources ? problem.supply[node.id] : -problem.demand[node.id - sources];
  }
};

}  // namespace

std::vector<Flow> cheapest_flow(const Problem& problem) {
  const size_t sources = problem.supply.size(), sinks = problem.demand.size();
  // LEMON numbers arcs, two artificial ones for each point among them, by int.
  AM_CHECK((sources + 2) * (sinks + 2) < (size_t{1} << 31), "{} × {} points are too many for one plan", sources, sinks);
  const Bipartite graph(static_cast<int>(sources), static_cast<int>(sinks));
  using Simplex = lemon::NetworkSimplex<Bipartite, int64_t, int64_t>;
  Simplex simplex(graph);
  simplex.costMap(WholeCosts(problem.cost, graph.nodeNum())).supplyMap(Supplies{problem});
  AM_CHECK(simplex.run() == Simplex::OPTIMAL, "supply and demand differ");

  std::vector<Flow> flows;
  flows.reserve(sources + sinks);
  for (Bipartite::ArcIt arc(graph); arc != lemon::INVALID; ++arc)
    if (const int64_t units = simplex.flow(arc); units > 0)
      flows.push_back({static_cast<uint32_t>(arc.id / sinks), static_cast<uint32_t>(arc.id % sinks), units});
  return flows;
}

}  // namespace am::metrics
