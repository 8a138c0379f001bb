// What the modes share: which nodes lie between, sums and products that know zero and one, and origins.
#pragma once

#include <optional>
#include <vector>

#include "compiler/differentiate/differentiate.h"
#include "compiler/ir/ops.h"

namespace am::differentiate {

/// The nodes through which `output` depends on `by`, ends included. Ids below the first node of `by` are not stored,
/// since operands stand before their users; so a short way through a large graph is cheap.
struct Way {
  uint32_t first = 0;
  std::vector<bool> on;
  bool empty() const { return on.empty(); }
  size_t index(NodeId id) const { return id.value - first; }
  bool contains(NodeId id) const { return id.value >= first && index(id) < on.size() && on[index(id)]; }
};

/// Empty if nothing of `by` reaches `output`.
Way way(const Graph& g, NodeId output, const Setting& setting);

/// Nodes built during its life get the origin of the forward node they come from; afterwards all is as before.
class Origin {
 public:
  explicit Origin(Graph& g) : g_(g), before_(g.origin()) {}
  ~Origin() { g_.set_origin(before_); }
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;
  void follow(NodeId id) { g_.set_origin(g_[id].origin); }

 private:
  Graph& g_;
  source::Span before_;
};

/// x + y, where kNone is zero.
NodeId plus(Graph& g, NodeId x, NodeId y);

/// x·y elementwise, where kNone is zero and a factor of one or minus one is not multiplied.
NodeId times(Graph& g, NodeId x, NodeId y);

/// Notes the first node on the way whose derivative is not stated. It is our bug if nobody asked to be told.
void obstruct(const Graph& g, NodeId id, std::optional<Obstacle>* obstacle);

}  // namespace am::differentiate
