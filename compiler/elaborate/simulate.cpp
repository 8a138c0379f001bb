// Samples that a script makes by moving particles: Markov chains, trajectories.
#include <cmath>

#include "compiler/elaborate/elaborator.h"

namespace am::elaborate {

namespace {

constexpr size_t kMostNumbers = size_t{1} << 29;  // 4 GiB
constexpr int kDefaultCount = 10'000;

}  // namespace

/// The move is built in a copy of the graph under construction, since what it closes over has nodes there.
Value Elaborator::simulate(const CallArguments& a) {
  enum { Start, Move, Over, Steps, Count, Record, Seed };
  auto range = a.values[Over].get<Range>();
  if (!range || range->text || !std::isfinite(range->to - range->from)) {
    sink_.report<Kind::WrongKindOfValue>(a.values[Over].origin, a.values[Over].describe(g()),
                                         "a range of times such as `0..1`");
    return poison();
  }
  const Range over = *range;
  if (over.to <= over.from) {
    sink_.report<Kind::EmptyRange>(a.values[Over].origin, fmt::format("{:g}", over.from), fmt::format("{:g}", over.to));
    return poison();
  }
  const auto steps = whole(a.values[Steps], "the number of steps", 1);
  const auto asked = a.given[Count] ? number(a.values[Count], "the number of samples") : std::optional<double>(0);
  if (!asked) return poison();
  const auto count = *asked == 0 ? std::optional<int>(kDefaultCount) : whole(a.values[Count], "the number of samples", 1);
  const auto record = a.given[Record] ? number(a.values[Record], "`record`") : std::optional<double>(0);
  const auto seed = a.given[Seed] ? whole(a.values[Seed], "`seed`", 0) : std::optional<int>(0);
  if (!steps || !count || !record || !seed) return poison();

  auto s = std::make_shared<Simulation>();
  s->name = current_data_.empty() ? "simulation" : current_data_;
  const ast::Declaration* of = current_data_.empty() ? nullptr : declaration(current_data_);
  s->span = of ? of->name_span : a.span;
  s->count = static_cast<size_t>(*count), s->record = *record != 0;
  s->seed = static_cast<uint64_t>(*seed);

  Building inner = *building_;
  Building* const outer = building_;
  const uint32_t streams = streams_;
  ParameterStore* const store = store_;
  building_ = &inner, store_ = nullptr;
  const bool fine = stages(a.values[Start], a.values[Move], over, *steps, *s, a.span);
  building_ = outer, streams_ = streams, store_ = store;
  if (!fine) return poison();

  const size_t numbers = s->instants() * s->count * static_cast<size_t>(s->dimension);
  if (numbers > kMostNumbers) {
    sink_.report<Kind::BadSetting>(a.span, "count", fmt::format("{} at {} instants", s->count, s->instants()),
                                   fmt::format("so small that at most {} numbers are recorded", kMostNumbers));
    return poison();
  }
  data::Snapshots layout;
  layout.name = s->name, layout.dimension = s->dimension;
  layout.offsets = {0};
  for (size_t k = 0; k < s->instants(); ++k) {
    if (s->record)
      layout.times.push_back(over.from + (over.to - over.from) * static_cast<double>(k) / static_cast<double>(*steps));
    layout.offsets.push_back(layout.offsets.back() + s->count);
  }
  auto d = std::make_shared<Dataset>();
  d->samples = std::make_shared<const data::Snapshots>(std::move(layout));
  d->rows = std::make_shared<const Values>([run = options_.simulate, s] { return run(*s); });
  d->span = a.span;
  if (*asked == 0 && !s->record) d->simulation = s;
  return {std::shared_ptr<const Dataset>(d), a.span};
}

bool Elaborator::stages(const Value& start, const Value& move, const Range& over, int steps, Simulation& out,
                        Span span) {
  const std::shared_ptr<const Dataset> before = start.dataset();
  streams_ = 0;
  if (before && before->simulation) {
    out.start = before->simulation->start;
    out.stages = before->simulation->stages;
    out.dimension = before->simulation->dimension;
  } else {
    const NodeId x = draw(start, start.origin.known() ? start.origin : span);
    if (!x.valid()) return false;
    if (g()[x].shape.rank > 1) {
      sink_.report<Kind::BadShape>(start.origin, "a start of a simulation", g()[x].shape.text(), "a number or a vector");
      return false;
    }
    out.dimension = g()[x].shape.count();
    out.start = {building_->graph, {x}, {"x"}, building_->inputs};
  }
  auto input = [&](const char* name, ir::Shape shape, bool sampled, Role role) {
    building_->inputs.push_back({role, 0, nullptr});
    return Value{Tensor{g().input(name, shape, sampled)}, span};
  };
  streams_ = 0;
  const ir::Shape shape = out.dimension == 1 ? ir::Shape{} : ir::Shape{out.dimension};
  const Value x = input("x", shape, true, Role::Point), t = input("t", {}, false, Role::Time),
              h = input("h", {}, false, Role::TimeStep);
  Value moved = apply(move, {x, t, h}, move.origin.known() ? move.origin : span);
  if (random(moved)) {
    const NodeId drawn = draw(moved, span);
    moved = drawn.valid() ? make(drawn, moved.origin) : poison();
  }
  if (moved.poisoned()) return false;
  const NodeId next = tensor(moved, "a move of a simulation");
  if (!next.valid()) return false;
  if (!(g()[next].shape == shape)) {
    sink_.report<Kind::BadShape>(move.origin.known() ? move.origin : span, "a move of a simulation",
                                 g()[next].shape.text(), shape.text());
    return false;
  }
  out.stages.push_back({{building_->graph, {next}, {"x"}, building_->inputs}, over.from, over.to, steps});
  return true;
}

}  // namespace am::elaborate
