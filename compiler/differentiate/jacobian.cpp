#include "compiler/differentiate/jacobian.h"

#include <algorithm>
#include <numeric>

#include "compiler/differentiate/forward.h"
#include "compiler/ir/interpret.h"

namespace am::differentiate {
namespace {

using Selection = std::vector<double>;

NodeId ones_like(Graph& g, NodeId x) { return ir::constant(g, 1, g[x].shape); }

/// A constant if all values are one number.
NodeId numbers(Graph& g, std::vector<double> values, ir::Shape shape) {
  const bool uniform = std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
  return uniform ? ir::constant(g, values[0], shape) : g.table(std::move(values), shape);
}

/// factor ⊙ S, where S is the selection as a matrix of `d` columns. Where it selects neighbours in order, S is part of
/// the identity between zeros, which `simplify` knows how to multiply by.
NodeId matrix_of(Graph& g, NodeId factor, const Selection& selected, int d) {
  const int rows = static_cast<int>(selected.size());
  const NodeId column = ir::reshape(g, factor, {rows});
  const auto chosen = [](double s) { return s > 0; };
  const auto begin = std::find_if(selected.begin(), selected.end(), chosen);
  const auto end = std::find_if_not(begin, selected.end(), chosen);
  const auto jumps = [](double s, double next) { return next != s + 1; };
  if (std::any_of(end, selected.end(), chosen) || std::adjacent_find(begin, end, jumps) != end || begin == end) {
    std::vector<double> values(static_cast<size_t>(rows) * d);
    for (int e = 0; e < rows; ++e)
      if (selected[e] > 0) values[static_cast<size_t>(e) * d + static_cast<size_t>(selected[e]) - 1] = 1;
    return times(g, repeated(g, column, d), numbers(g, std::move(values), {rows, d}));
  }
  const int first = static_cast<int>(begin - selected.begin()), count = static_cast<int>(end - begin);
  const NodeId ones = ir::slice(g, ir::identity(g, d), 0, static_cast<int>(*begin) - 1, count);
  return ir::pad(g, times(g, repeated(g, ir::slice(g, column, 0, first, count), d), ones), 0, first, rows);
}

/// Of two factors with selections; nothing if an element depends on two elements of x.
std::optional<Selection> merged(const Selection& x, const Selection& y) {
  Selection out(x.size());
  for (size_t e = 0; e < x.size(); ++e) {
    if (x[e] > 0 && y[e] > 0 && x[e] != y[e]) return {};
    out[e] = std::max(x[e], y[e]);
  }
  return out;
}

/// What an operation that moves elements makes of selections: it moves them likewise, and leaves zeros where it does.
Selection moved(const Graph& g, NodeId id, const std::vector<Jacobian>& operands) {
  Graph alone;
  std::vector<NodeId> tables;
  for (size_t k = 0; k < operands.size(); ++k) {
    const ir::Shape shape = g[g[id].operands[k]].shape;
    tables.push_back(operands[k].moves() ? alone.table(operands[k].selected, shape) : ir::constant(alone, 0, shape));
  }
  const NodeId result = alone.add(g[id].op, std::move(tables), g[id].attributes);
  return ir::interpret(alone, {&result, 1}, {.samples = 1})[0];
}

bool is_selection(const Jacobian& j) { return j.moves() && !j.base.valid(); }

template <class Condition>
bool all_moving(const std::vector<Jacobian>& operands, Condition condition) {
  return std::all_of(operands.begin(), operands.end(), [&](const Jacobian& j) { return !j.moves() || condition(j); });
}

std::vector<NodeId> factors(const std::vector<Jacobian>& operands) {
  std::vector<NodeId> out;
  for (const Jacobian& j : operands) out.push_back(j.factor);
  return out;
}

}  // namespace

Forward::Forward(Graph& g, NodeId x, std::span<const NodeId> directions, std::optional<Obstacle>* obstacle)
    : g_(g), directions_(static_cast<int>(directions.size())), obstacle_(obstacle) {
  const ir::Shape shape = g[x].shape;
  start_.factor = ones_like(g, x);
  if (directions.empty()) {
    directions_ = shape.count();
    start_.selected.resize(directions_);
    std::iota(start_.selected.begin(), start_.selected.end(), 1);
    return;
  }
  std::vector<NodeId> columns;
  for (NodeId z : directions) columns.push_back(ir::reshape(g, z, stacked(shape, 1)));
  start_.base = ir::concat(g, std::move(columns), shape.rank);
}

NodeId Forward::base(NodeId factor, const Jacobian& j) {
  const ir::Shape shape = g_[factor].shape;
  if (j.base.valid()) return times(g_, repeated(g_, factor, directions_), j.base);
  return ir::reshape(g_, matrix_of(g_, factor, j.selected, directions_), stacked(shape, directions_));
}

NodeId Forward::dense(const Jacobian& j) { return j.moves() ? base(j.factor, j) : ir::kNone; }

Jacobian Forward::materialised(NodeId id, const std::vector<Jacobian>& operands) {
  std::vector<NodeId> tangents;
  for (const Jacobian& j : operands) tangents.push_back(dense(j));
  const NodeId result = push(g_, id, tangents, obstacle_, directions_);
  return result.valid() ? Jacobian{ones_like(g_, id), result} : Jacobian{};
}

Jacobian Forward::elementwise(NodeId id, const std::vector<Jacobian>& operands) {
  std::optional<Jacobian> common;
  for (const Jacobian& j : operands) {
    if (!j.moves()) continue;
    if (!common) common = j;
    if (common->base != j.base) return materialised(id, operands);
    if (j.base.valid()) continue;
    const auto both = merged(common->selected, j.selected);
    if (!both) return materialised(id, operands);
    common->selected = *both;
  }
  common->factor = push(g_, id, factors(operands), obstacle_);
  return *common;
}

Jacobian Forward::linear(NodeId id, const std::vector<Jacobian>& operands) {
  const ir::LoweringKind kind = ir::info(g_[id].op).lower->kind;
  const bool moves_elements = kind == ir::LoweringKind::IndexMap;
  if (moves_elements && all_moving(operands, is_selection)) {
    Selection selected = moved(g_, id, operands);
    if (std::all_of(selected.begin(), selected.end(), [](double s) { return s == 0; })) return {};
    return {push(g_, id, factors(operands), obstacle_), ir::kNone, std::move(selected)};
  }
  // The sum of all elements, as a product with the row of factors.
  if (kind == ir::LoweringKind::Reduce && g_[id].shape.rank == 0 && is_selection(operands[0])) {
    const int count = static_cast<int>(operands[0].selected.size());
    const NodeId ones = ir::constant(g_, 1, {count});
    const NodeId row = ir::reshape(g_, operands[0].factor, {1, count});
    const NodeId sums = ir::matmul(g_, row, matrix_of(g_, ones, operands[0].selected, directions_));
    return {ones_like(g_, id), ir::reshape(g_, sums, {directions_})};
  }
  // One operand is moved together with its factor.
  const auto plain = [&](const Jacobian& j) { return ir::is_constant(g_, j.factor, 1); };
  if (moves_elements && operands.size() == 1 && operands[0].base.valid() && !plain(operands[0]))
    return {push(g_, id, factors(operands), obstacle_), push(g_, id, {operands[0].base}, obstacle_, directions_)};
  return materialised(id, operands);
}

Jacobian Forward::advance(NodeId id, const std::vector<Jacobian>& operands) {
  if (all_moving(operands, [](const Jacobian&) { return false; })) return {};
  switch (ir::info(g_[id].op).derivative->kind) {
    case ir::DerivativeKind::Partials: return elementwise(id, operands);
    case ir::DerivativeKind::Linear: return linear(id, operands);
    case ir::DerivativeKind::Bilinear:
    case ir::DerivativeKind::Zero:
    case ir::DerivativeKind::Unsupported: return materialised(id, operands);
  }
  return {};
}

Inner Forward::inner(const Jacobian& u, const Jacobian& w) {
  const ir::Shape shape = g_[u.factor].shape;
  const NodeId factor = times(g_, u.factor, w.factor);
  if (is_selection(u) && is_selection(w)) {
    std::vector<double> both(u.selected.size());
    for (size_t e = 0; e < both.size(); ++e) both[e] = u.selected[e] > 0 && u.selected[e] == w.selected[e];
    const NodeId moment = numbers(g_, std::move(both), shape);
    return {factor, ir::is_constant(g_, moment, 0) ? ir::kNone : moment};
  }
  const NodeId ones = ones_like(g_, u.factor);
  const NodeId product = times(g_, base(ones, u), base(ones, w));
  return {factor, product.valid() ? ir::sum(g_, product, 1 << shape.rank) : product};
}

std::vector<Jacobian> jacobians_of(const std::vector<NodeId>& operands, const Way& way,
                                   const std::vector<Jacobian>& all) {
  std::vector<Jacobian> out;
  for (NodeId x : operands) out.push_back(way.contains(x) ? all[way.index(x)] : Jacobian{});
  return out;
}

}  // namespace am::differentiate
