#include "compiler/ir/graph.h"

#include <algorithm>
#include <functional>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"

namespace am::ir {
namespace {

void mix(size_t& hash, size_t value) { hash = (hash ^ value) * 0x9E3779B97F4A7C15ull + (hash >> 29); }

size_t hash_of(const Node& node) {
  size_t h = static_cast<size_t>(node.op);
  for (NodeId id : node.operands) mix(h, id.value);
  const Attributes& a = node.attributes;
  mix(h, std::hash<double>()(a.value));
  mix(h, a.index);
  mix(h, static_cast<size_t>(a.axis) << 32 | static_cast<uint32_t>(a.start));
  mix(h, a.transpose_a * 4 + a.transpose_b * 2 + a.sampled);
  for (int i = 0; i < a.shape.rank; ++i) mix(h, a.shape[i]);
  return h;
}

bool equal(const Node& x, const Node& y) {
  return x.op == y.op && x.operands == y.operands && x.attributes == y.attributes && x.shape == y.shape;
}

bool is_sampled(const Graph& g, Op op, const std::vector<NodeId>& operands, const Attributes& a) {
  if (op == Op::Mean) return false;
  if (op == Op::Input) return a.sampled;
  if (op == Op::Uniform || op == Op::Weyl || op == Op::Variable) return true;
  return std::any_of(operands.begin(), operands.end(), [&](NodeId id) { return g[id].sampled; });
}

/// The folded value of an elementwise op on constants.
std::optional<double> folded(const Graph& g, Op op, const std::vector<NodeId>& operands) {
  if (info(op).lower->kind != LoweringKind::Elementwise) return {};
  Scalar x[3];
  for (size_t k = 0; k < operands.size(); ++k) {
    const auto value = constant_value(g, operands[k]);
    if (!value) return {};
    x[k].number = *value;
  }
  return info(op).lower->scalar(doubles(), x).number;
}

}  // namespace

std::string Shape::text() const {
  if (rank == 0) return "R";
  std::string out = "R[";
  for (int i = 0; i < rank; ++i) out += (i ? ", " : "") + std::to_string(sizes[i]);
  return out + "]";
}

NodeId Graph::add(Op op, std::vector<NodeId> operands, Attributes attributes) {
  const OpInfo& row = info(op);
  AM_CHECK(row.arity == -1 ? !operands.empty() : static_cast<int>(operands.size()) == row.arity, "{} of {} operands",
           row.name, operands.size());
  for (NodeId id : operands) AM_CHECK(id.value < nodes_.size(), "{} of a node that is not there", row.name);
  const Shape shape = row.type.value(*this, op, operands, attributes);
  if (const auto value = folded(*this, op, operands))
    return intern({Op::Const, shape, false, {}, {.value = *value, .shape = shape}, origin_});
  const bool sampled = is_sampled(*this, op, operands, attributes);
  return intern({op, shape, sampled, std::move(operands), attributes, origin_});
}

NodeId Graph::intern(Node node) {
  if (places_.size() < 2 * (nodes_.size() + 1)) widen();
  const size_t h = hash_of(node), mask = places_.size() - 1;
  size_t place = h >> 20 & mask;
  for (; places_[place] != kNone.value; place = (place + 1) & mask) {
    const uint32_t id = places_[place];
    if (hashes_[id] == h && equal(nodes_[id], node)) return {id};
  }
  places_[place] = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back(std::move(node));
  hashes_.push_back(h);
  return {places_[place]};
}

/// Doubles the table; at most half of it is ever filled.
void Graph::widen() {
  places_.assign(std::max<size_t>(64, 2 * places_.size()), kNone.value);
  const size_t mask = places_.size() - 1;
  for (uint32_t id = 0; id < nodes_.size(); ++id) {
    size_t place = hashes_[id] >> 20 & mask;
    while (places_[place] != kNone.value) place = (place + 1) & mask;
    places_[place] = id;
  }
}

NodeId Graph::table(std::vector<double> values, Shape shape) {
  AM_CHECK(static_cast<int>(values.size()) == shape.count(), "table of {}", shape.text());
  auto known = std::find(tables_.begin(), tables_.end(), values);
  const auto index = static_cast<uint32_t>(known - tables_.begin());
  if (known == tables_.end()) tables_.push_back(std::move(values));
  return add(Op::Table, {}, {.index = index, .shape = shape});
}

NodeId Graph::input(std::string name, Shape shape, bool sampled) {
  slots_.push_back({std::move(name), shape, sampled});
  return slot(static_cast<uint32_t>(slots_.size() - 1));
}

NodeId Graph::slot(uint32_t index) {
  return add(Op::Input, {}, {.index = index, .sampled = slots_[index].sampled, .shape = slots_[index].shape});
}

Graph Graph::like() const {
  Graph out;
  out.slots_ = slots_;
  out.tables_ = tables_;
  out.serial_ = serial_;
  return out;
}

void verify(const Graph& graph, std::string_view pass) {
  for (uint32_t i = 0; i < graph.size(); ++i) {
    const Node& node = graph[{i}];
    for (NodeId id : node.operands) AM_CHECK(id.value < i, "after {}: node {} uses {}", pass, i, id.value);
    const Shape shape = info(node.op).type.value(graph, node.op, node.operands, node.attributes);
    AM_CHECK(shape == node.shape, "after {}: node {} ({}) has shape {}, not {}", pass, i, info(node.op).name,
             node.shape.text(), shape.text());
    AM_CHECK(node.sampled == is_sampled(graph, node.op, node.operands, node.attributes),
             "after {}: node {} has the wrong sampled mark", pass, i);
  }
}

std::vector<NodeId> reachable(const Graph& graph, std::span<const NodeId> outputs) {
  std::vector<bool> needed(graph.size());
  for (NodeId id : outputs) needed[id.value] = true;
  for (uint32_t i = graph.size(); i-- > 0;)
    if (needed[i])
      for (NodeId id : graph[{i}].operands) needed[id.value] = true;
  std::vector<NodeId> out;
  for (uint32_t i = 0; i < graph.size(); ++i)
    if (needed[i]) out.push_back({i});
  return out;
}

}  // namespace am::ir
