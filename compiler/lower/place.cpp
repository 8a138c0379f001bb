// Places in memory: values whose lives do not overlap share it, best fit.
#include <algorithm>
#include <climits>
#include <cstdint>
#include <functional>
#include <iterator>
#include <queue>
#include <set>

#include "compiler/ir/ops.h"
#include "compiler/lower/program.h"
#include "compiler/lower/split_plan.h"

namespace am::lower {
namespace {

/// A value that lives from one step to another and takes `size` units.
struct Life {
  size_t size = 0;
  int from = -1, to = -1;
  size_t offset = 0;
  void extend(int step) {
    if (from < 0) from = step;
    to = std::max(to, step);
  }
};

/// After every step.
constexpr int kForEver = INT_MAX;

/// What is free, as ranges in order that do not touch; the last one has no end.
class Gaps {
 public:
  explicit Gaps(size_t& looks) : looks_(looks) {}

  /// An offset with room for `size` > 0, which is then taken: of the smallest range that is large enough, the lowest.
  size_t take(size_t size) {
    ++looks_;
    const auto [room, offset] = *sizes_.lower_bound({size, 0});
    remove(ends_.find(offset));
    if (room > size) add(offset + size, offset + room);
    return offset;
  }

  void give(size_t offset, size_t size) {
    size_t end = offset + size;
    if (const auto after = ends_.find(end); after != ends_.end()) {
      end = after->second;
      remove(after);
    }
    if (const auto after = ends_.lower_bound(offset); after != ends_.begin() && std::prev(after)->second == offset) {
      offset = std::prev(after)->first;
      remove(std::prev(after));
    }
    add(offset, end);
  }

 private:
  void add(size_t offset, size_t end) {
    ends_[offset] = end;
    sizes_.insert({end - offset, offset});
  }
  void remove(std::map<size_t, size_t>::iterator range) {
    sizes_.erase({range->second - range->first, range->first});
    ends_.erase(range);
  }

  std::map<size_t, size_t> ends_{{0, SIZE_MAX}};                // by offset
  std::set<std::pair<size_t, size_t>> sizes_{{SIZE_MAX, 0}};  // with offsets
  size_t& looks_;
};

/// Gives every life an offset at which no overlapping life lies; returns the size of the whole.
size_t best_fit(std::vector<Life*> lives, size_t& looks) {
  std::stable_sort(lives.begin(), lives.end(), [](const Life* x, const Life* y) { return x->from < y->from; });
  const auto ends_later = [](const Life* x, const Life* y) { return x->to > y->to; };
  std::priority_queue<const Life*, std::vector<const Life*>, decltype(ends_later)> living(ends_later);
  Gaps gaps(looks);
  size_t total = 0;
  for (Life* life : lives) {
    for (; !living.empty() && living.top()->to < life->from; living.pop())
      gaps.give(living.top()->offset, living.top()->size);
    if (life->size == 0) continue;
    life->offset = gaps.take(life->size);
    total = std::max(total, life->offset + life->size);
    living.push(life);
  }
  return total;
}

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

/// Whole cache lines, which is also a multiple of every vector.
size_t line_elements(const Program& p) { return 64 / p.plan.element_bytes(); }

void place_given(Program& p) {
  for (NodeId id : p.nodes) {
    if (!p.is_given(id)) continue;
    const bool input = p.graph[id].op == ir::Op::Input;
    p.shared_places[id.value] = {input ? Place::Kind::Input : Place::Kind::Global, 0,
                                 static_cast<int>(p.graph[id].attributes.index)};
  }
}

/// Shared values live over all sections; one that a tile reads, to the end of the tile's section. Steps in pieces run at
/// the same time. Steady values lie apart, since they serve all steps of a march; one that any of these reads lives for
/// ever.
void place_shared(Program& p) {
  struct Lives {
    std::map<NodeId, Life> nodes, pieces;
    std::map<int, Life> panels;
  } steady, shared;
  const auto is_steady = [&](NodeId base) { return p.phase[base.value] == kSteady; };
  const auto of = [&](NodeId base) -> Lives& { return is_steady(base) ? steady : shared; };
  const auto extend = [&](Life& life, size_t size, NodeId base, const Section& section, int step) {
    life.size = round_up(size, line_elements(p));
    life.extend(is_steady(base) && section.phase != kSteady ? kForEver : step);
  };
  const auto touch = [&](NodeId id, const Section& section, int step) {
    if (p.graph[id].sampled || !p.stored[id.value] || p.shared_places[id.value].kind != Place::Kind::None) return;
    extend(of(id).nodes[id], p.graph[id].shape.count(), id, section, step);
  };
  const auto touch_panels = [&](int index, const Section& section, int step) {
    const NodeId base = p.panels[index].matrix.base;
    extend(of(base).panels[index], panel_elements(p.panels[index]), base, section, step);
  };
  int step = 0;
  for (const Section& section : p.sections) {
    const int end = step + static_cast<int>(section.steps.size());
    for (const Step& s : section.steps) {
      for (NodeId id : reads(p, s)) touch(id, section, section.tile ? end : step);
      if (!section.tile)
        for (NodeId id : writes(s)) touch(id, section, step);
      for (const Member& member : s.members)
        if (section.pieces > 1 && member.kind == Member::Kind::Sum)
          of(member.node).pieces[member.node] = {section.pieces * line_elements(p), step, step};
      if (s.kind == Step::Kind::Combine) of(s.node).pieces.at(s.node).extend(step);
      if (s.kind == Step::Kind::Panels) touch_panels(s.index, section, step);
      if (const auto used = p.panels_of.find(s.node); section.tile && used != p.panels_of.end())
        touch_panels(used->second, section, end);
      step += section.pieces == 1;
    }
    ++step;
  }
  p.panel_places.resize(p.panels.size());
  /// Gives their bytes.
  const auto place = [&](Lives& lives, Place::Kind kind) {
    std::vector<Life*> list;
    for (auto& [id, life] : lives.nodes) list.push_back(&life);
    for (auto& [id, life] : lives.pieces) list.push_back(&life);
    for (auto& [index, life] : lives.panels) list.push_back(&life);
    const size_t bytes = best_fit(list, p.looks) * p.plan.element_bytes();
    const auto at = [&](const Life& life) { return Place{kind, life.offset * p.plan.element_bytes(), 0}; };
    for (auto& [id, life] : lives.nodes) p.shared_places[id.value] = at(life);
    for (auto& [id, life] : lives.pieces) p.piece_places[id] = at(life);
    for (auto& [index, life] : lives.panels) p.panel_places[index] = at(life);
    return bytes;
  };
  p.plan.steady_bytes = place(steady, Place::Kind::Steady);
  p.plan.shared_bytes = place(shared, Place::Kind::Shared);
}

/// Sampled values of one section, counted in numbers per sample. Offsets are made bytes when the tile is known.
size_t place_tile(Program& p, const Section& section) {
  std::map<NodeId, Life> lives;
  std::map<int, Life> packs;
  for (int step = 0; step < static_cast<int>(section.steps.size()); ++step) {
    const Step& s = section.steps[step];
    std::vector<NodeId> touched = reads(p, s);
    for (NodeId id : writes(s)) touched.push_back(id);
    for (NodeId id : touched) {
      if (!p.graph[id].sampled || !p.stored[id.value]) continue;
      lives[id].size = p.graph[id].shape.count();
      lives[id].extend(step);
    }
    if (s.kind != Step::Kind::Pack && s.kind != Step::Kind::MeanProduct) continue;
    const Pack& pack = p.packs[s.index];
    packs[s.index].size = pack.depth() * round_up(pack.columns(), p.plan.lanes);
    packs[s.index].extend(step);
  }
  std::vector<Life*> list;
  for (auto& [id, life] : lives) list.push_back(&life);
  for (auto& [id, life] : packs) list.push_back(&life);
  const size_t rows = best_fit(list, p.looks);
  std::vector<Place>& places = p.tile_places.emplace_back(p.graph.size());
  for (auto& [id, life] : lives) places[id.value] = {Place::Kind::Arena, life.offset, 0};
  for (auto& [id, life] : packs) p.pack_places[id] = {Place::Kind::Arena, life.offset, 0};
  return rows;
}

/// Partial sums of one section, one set after the other; those of different sections take the same memory.
void place_partial(Program& p) {
  std::vector<size_t> used(p.plan.phases);
  for (auto& [id, sum] : p.sums) {
    sum.offset = used[sum.phase];
    used[sum.phase] += round_up(static_cast<size_t>(sum.rows) * sum.padded, line_elements(p));
    p.plan.partial_bytes = std::max(p.plan.partial_bytes, used[sum.phase] * p.plan.element_bytes());
  }
}

/// A tile should fit into half of the cache but hold at least four vectors, for the products' sake; should leave work for
/// eight threads; and waste few lanes. A tile costs as much beside its samples as some eight samples. Where matrices and
/// sums come from beyond the cache for every tile, the tile's own values may as well, and tiles are few and large.
int choose_tile(const Program& p, size_t rows) {
  const size_t samples = p.options.samples, cache = p.options.target.cache_bytes;
  const size_t unit = std::max<size_t>(p.plan.lanes, line_elements(p));
  if (p.options.tile > 0) return static_cast<int>(round_up(p.options.tile, unit));
  const bool far = streams(p);
  // Two vectors are enough for products to run, where more of them would not fit into the cache at all.
  const size_t row = rows * p.plan.element_bytes();
  const size_t vectors = !far && 4 * p.plan.lanes * row > cache && 2 * p.plan.lanes * row <= cache ? 2 : 4;
  const size_t least = std::min(std::max(unit, vectors * p.plan.lanes), round_up(samples, unit));
  const size_t by_cache = far ? 256 : cache / 2 / std::max<size_t>(1, row);
  const size_t by_threads = std::max<size_t>(4 * unit, round_up(samples / (far ? 4 : 8), unit));
  const size_t most = std::max(least, std::min({size_t{256}, by_cache, by_threads}));
  const auto cost = [&](size_t tile) { return (samples + tile - 1) / tile * (tile + 8); };
  size_t best = least;
  // Products take whole blocks of four vectors; a single tile may be of any size.
  const size_t single = round_up(samples, unit);
  for (size_t tile = least; tile <= most; tile += unit)
    if ((tile % (4 * p.plan.lanes) == 0 || tile == single) && cost(tile) <= cost(best)) best = tile;
  return static_cast<int>(best);
}

/// Groups of tiles at most. Each costs the zeroing, filling and adding of its partial sums: for each of these numbers as
/// much time as some products, more of them where not all groups' sums stay in the cache. Together they may cost a small
/// share of the work on the samples. This is decided without looking at the threads, since results depend on it.
int choose_groups(const Program& p) {
  constexpr int kMost = 16, kMostWithoutSums = 64;
  constexpr double kShare = 0.02, kNear = 15, kFar = 50;
  if (p.plan.partial_bytes == 0) return kMostWithoutSums;
  const double work = p.options.samples * (p.plan.flops_contract + p.plan.flops_other);
  const auto cost = [&](int groups) {
    const bool near = groups * p.plan.partial_bytes <= p.options.target.cache_bytes / 2;
    return (near ? kNear : kFar) * groups * p.plan.partial_bytes / p.plan.element_bytes();
  };
  int groups = kMost;
  while (groups > 2 && cost(groups) > kShare * work) groups /= 2;
  const size_t tiles = (p.options.samples + p.plan.tile - 1) / p.plan.tile;
  return static_cast<int>(std::min<size_t>(groups, tiles));
}

}  // namespace

bool streams(const Program& p) {
  // What every tile goes through beside its own values.
  std::set<NodeId> matrices;
  for (const Section& section : p.sections)
    for (const Step& step : section.steps)
      if (section.tile && step.kind == Step::Kind::Product)
        for (NodeId id : reads(p, step))
          if (!p.graph[id].sampled) matrices.insert(id);
  size_t bytes = p.plan.partial_bytes;
  for (NodeId id : matrices) bytes += p.graph[id].shape.count() * p.plan.element_bytes();
  return bytes > 2 * p.options.target.cache_bytes;
}

void place(Program& p) {
  place_given(p);
  place_partial(p);
  p.pack_places.resize(p.packs.size());
  size_t rows = 0;
  for (const Section& section : p.sections)
    if (section.tile) rows = std::max(rows, place_tile(p, section));
  p.plan.tile = choose_tile(p, rows);
  p.plan.groups = choose_groups(p);
  const size_t row_bytes = p.plan.tile * p.plan.element_bytes();
  for (std::vector<Place>& places : p.tile_places)
    for (Place& place : places) place.offset *= row_bytes;
  for (Place& place : p.pack_places) place.offset *= row_bytes;
  p.plan.tile_bytes = rows * row_bytes;
  plan_splits(p);
  plan_panels(p);
  split_stages(p);
  place_shared(p);
  predict(p);
}

}  // namespace am::lower
