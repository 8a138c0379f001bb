// What the compiler provides by name: elementwise functions (rows of the op table), shapes, data, words.
//
// Everything that can be written in `.am` is in stdlib/ instead.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "compiler/elaborate/datasets.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/ir/ops.h"
#include "runtime/metrics/metrics.h"

namespace am::elaborate {

using ir::Op;

namespace {

template <Op op>
Value elementwise_builtin(Elaborator& e, const CallArguments& a) {
  return e.elementwise(op, a.values, a.span);
}

Value dim(Elaborator& e, const CallArguments& a) {
  if (auto d = a.values[0].dataset()) return e.constant(d->samples->dimension, a.span);
  const NodeId x = e.tensor(a.values[0], "`dim`");
  if (!x.valid()) return e.poison();
  const ir::Shape& s = e.g()[x].shape;
  return e.constant(s.rank == 0 ? 1 : s[0], a.span);
}

Value norm(Elaborator& e, const CallArguments& a) { return e.norm(a.values[0], a.span); }

Value sum(Elaborator& e, const CallArguments& a) {
  const NodeId x = e.tensor(a.values[0], "`sum`");
  return x.valid() ? e.make(ir::sum_all(e.g(), x), a.span) : e.poison();
}

Value take(Elaborator& e, const CallArguments& a) {
  const NodeId x = e.tensor(a.values[0], "`take`");
  const auto from = e.whole(a.values[1], "`from`", 0), count = e.whole(a.values[2], "`count`", 1);
  if (!x.valid() || !from || !count) return e.poison();
  const NodeId v = e.as_vector(x);
  const ir::Shape s = e.g()[v].shape;
  if (s.rank != 1 || *from + *count > s[0]) {
    auto& d = e.sink().report<Kind::IndexOutOfRange>(a.span, *from + *count - 1, s.text());
    if (s.rank == 1) d.suggestion = fmt::format("indices count from 0 to {}", s[0] - 1);
    return e.poison();
  }
  return e.make(ir::slice(e.g(), v, 0, *from, *count), a.span);
}

Value uniform01(Elaborator& e, const CallArguments& a) {
  const auto n = a.given[0] ? e.whole(a.values[0], "the number of draws", 1) : std::optional<int>(1);
  return n ? Value{Tensor{e.uniform(*n)}, a.span} : e.poison();
}

Value full(Elaborator& e, const CallArguments& a) {
  const auto n = e.whole(a.values[0], "the size of a vector", 1);
  const NodeId v = e.scalar(a.values[1], "an entry");
  return n && v.valid() ? e.make(ir::fill(e.g(), v, {*n}), a.span) : e.poison();
}

// --- data ---

/// The data set of a timed argument with at least two times.
std::shared_ptr<const Dataset> series(Elaborator& e, const Value& v, Span span) {
  auto d = v.dataset();
  if (!d) {
    if (!v.poisoned())
      e.sink().report<Kind::WrongKindOfValue>(v.origin.known() ? v.origin : span, v.describe(e.g()), "a data set");
    return nullptr;
  }
  const data::Snapshots& s = *d->samples;
  // The place to mend is where the data are declared, not the library's path that asks for their times.
  if (d->span.known()) span = d->span;
  if (!s.timed()) {
    e.sink()
        .report<Kind::WrongKindOfValue>(span, fmt::format("the data set `{}`, which has no times", s.name),
                                        "a data set with times")
        .suggestion = "name its time column: `csv(\"…\", time = \"t\")`";
    return nullptr;
  }
  if (s.times.size() < 2) {
    e.sink().report<Kind::OneTimeOnly>(span, s.name, fmt::format("{:g}", s.times[0]));
    return nullptr;
  }
  return d;
}

/// Rows made from the pairs of the plans of all intervals. Each interval has room for `capacity` rows; those that are
/// not used have no mass.
struct PairTable {
  std::vector<double> rows, mass;
};

/// A plan of n and m points has at most n + m − 1 pairs; each further block may split a point on either side. Of
/// points with weights, a block ends where either side is full.
size_t pair_capacity(size_t n, size_t m, size_t block, bool weighted) {
  const size_t points = weighted ? n + m : std::max(n, m);
  const size_t blocks = points / std::max<size_t>(1, block - 1) + 1;
  return n + m + 2 * blocks;
}

metrics::Cloud cloud(const Samples& data, size_t k) {
  const data::Snapshots& s = *data.samples;
  const size_t d = s.dimension, count = s.offsets[k + 1] - s.offsets[k];
  const std::span<const double> weights(s.weights);
  return {std::span(data.rows->get()).subspan(s.offsets[k] * d, count * d), s.dimension,
          weights.empty() ? weights : weights.subspan(s.offsets[k], count)};
}

/// The optimal plans between neighbouring snapshots.
std::vector<metrics::Plan> solve_plans(const Samples& data, size_t block) {
  std::vector<metrics::Plan> out;
  for (size_t k = 0; k + 1 < data.samples->times.size(); ++k)
    out.push_back(metrics::blockwise_plan(cloud(data, k), cloud(data, k + 1), block, 1));
  return out;
}

/// Joins tables of `from` and `to` of every snapshot's points into rows: [from, to] of each pair of each plan.
/// Tables are lists of tables, whose entries for a point stand one behind the other.
PairTable join_pairs(const data::Snapshots& s, const std::vector<size_t>& offsets,
                     const std::vector<metrics::Plan>& plans, const std::vector<std::span<const double>>& tables) {
  const size_t d = s.dimension, width = 2 * tables.size() * d;
  PairTable out;
  out.rows.assign(offsets.back() * width, 0);
  out.mass.assign(offsets.back(), 0);
  for (size_t k = 0; k < plans.size(); ++k) {
    size_t at = offsets[k];
    for (const metrics::Pair& p : plans[k].pairs) {
      AM_CHECK(at < offsets[k + 1], "more than {} pairs between {} points", offsets[k + 1] - offsets[k],
               s.offsets[k + 2] - s.offsets[k]);
      auto row = out.rows.begin() + static_cast<ptrdiff_t>(at * width);
      for (std::span<const double> table : tables)
        for (size_t point : {s.offsets[k] + p.from, s.offsets[k + 1] + p.to})
          row = std::copy_n(table.begin() + static_cast<ptrdiff_t>(point * d), d, row);
      out.mass[at++] = p.mass;
    }
  }
  return out;
}

PairTable solve_pairs(const Samples& data, const std::vector<size_t>& offsets, size_t block) {
  return join_pairs(*data.samples, offsets, solve_plans(data, block), {data.rows->get()});
}

/// The mean of the points that the plan of an interval pairs with each point of its one end.
std::vector<double> partners(const Samples& data, const metrics::Plan& plan, size_t k, bool of_later) {
  const data::Snapshots& s = *data.samples;
  const std::vector<double>& rows = data.rows->get();
  const size_t d = s.dimension, own = s.offsets[of_later ? k + 1 : k], other = s.offsets[of_later ? k : k + 1];
  const size_t count = s.offsets[of_later ? k + 2 : k + 1] - own;
  std::vector<double> mean(count * d), mass(count);
  for (const metrics::Pair& p : plan.pairs) {
    const size_t i = of_later ? p.to : p.from, j = other + (of_later ? p.from : p.to);
    mass[i] += p.mass;
    for (size_t c = 0; c < d; ++c) mean[i * d + c] += p.mass * rows[j * d + c];
  }
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < d; ++c)
      mean[i * d + c] = mass[i] > 0 ? mean[i * d + c] / mass[i] : rows[(own + i) * d + c];
  return mean;
}

/// The slope at each point of each snapshot: from the mean of its partners before to that of its partners after, or
/// from or to itself at the ends of the data. It depends on the point alone, so all curves through it join smoothly.
PairTable solve_curves(const Samples& data, const std::vector<size_t>& offsets, size_t block) {
  const data::Snapshots& s = *data.samples;
  const std::vector<metrics::Plan> plans = solve_plans(data, block);
  std::vector<double> slopes;
  for (size_t k = 0; k < s.times.size(); ++k) {
    const auto points = cloud(data, k).points;
    const std::vector<double> itself(points.begin(), points.end());
    const bool first = k == 0, last = k == plans.size();
    const std::vector<double> before = first ? itself : partners(data, plans[k - 1], k - 1, true);
    const std::vector<double> after = last ? itself : partners(data, plans[k], k, false);
    const double length = s.times[last ? k : k + 1] - s.times[first ? k : k - 1];
    for (size_t i = 0; i < itself.size(); ++i) slopes.push_back((after[i] - before[i]) / length);
  }
  return join_pairs(s, offsets, plans, {data.rows->get(), slopes});
}

/// A data set whose snapshot k joins times k and k + 1 by rows of `parts` points, made from optimal plans by `solve`
/// when a program first needs them.
Value joined(Elaborator& e, const CallArguments& a, std::string_view name, int parts,
             PairTable (*solve)(const Samples&, const std::vector<size_t>&, size_t)) {
  const auto d = series(e, a.values[0], a.span);
  const auto size = a.given[1] ? e.whole(a.values[1], "`block`", 2) : std::optional<int>(500);
  if (!d || !size) return e.poison();
  const std::string key = fmt::format("{} {} {}", name, static_cast<const void*>(d->samples.get()), *size);
  auto& cache = e.dataset_cache();
  if (auto known = cache.find(key); known != cache.end()) return {known->second, a.span};

  const data::Snapshots& s = *d->samples;
  data::Snapshots out;
  out.name = fmt::format("{}.{}", s.name, name);
  out.dimension = parts * s.dimension;
  out.offsets = {0};
  for (size_t k = 0; k + 1 < s.times.size(); ++k) {
    out.times.push_back(s.times[k]);
    out.offsets.push_back(out.offsets.back() +
                          pair_capacity(s.offsets[k + 1] - s.offsets[k], s.offsets[k + 2] - s.offsets[k + 1], *size,
                                        !s.weights.empty()));
  }
  auto once = std::make_shared<std::once_flag>();
  auto table = std::make_shared<PairTable>();
  auto solved = [samples = Samples(*d), offsets = out.offsets, block = static_cast<size_t>(*size), solve, once,
                 table]() -> const PairTable& {
    std::call_once(*once, [&] { *table = solve(samples, offsets, block); });
    return *table;
  };
  auto result = std::make_shared<Dataset>();
  result->rows = std::make_shared<const Values>([solved] { return solved().rows; });
  result->alias_table =
      std::make_shared<const Values>([solved, offsets = out.offsets] { return alias_table(offsets, solved().mass); });
  result->samples = std::make_shared<const data::Snapshots>(std::move(out));
  result->origin = d->origin;
  result->span = a.span;
  cache[key] = result;
  return {std::shared_ptr<const Dataset>(result), a.span};
}

/// Rows [x, y] of neighbouring snapshots.
Value pairs(Elaborator& e, const CallArguments& a) { return joined(e, a, "pairs", 2, solve_pairs); }

/// Rows [x, y, slope at x, slope at y].
Value curves(Elaborator& e, const CallArguments& a) { return joined(e, a, "curves", 4, solve_curves); }

// --- members of a data set ---

Value data_start(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, {a.self, a.span}, a.span);
  return d ? e.constant(d->samples->times.front(), a.span) : e.poison();
}

Value data_end(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, {a.self, a.span}, a.span);
  return d ? e.constant(d->samples->times.back(), a.span) : e.poison();
}

Value data_count(Elaborator& e, const CallArguments& a) {
  return e.constant(static_cast<double>(a.self->samples->groups()), a.span);
}

Value data_dimension(Elaborator& e, const CallArguments& a) { return e.constant(a.self->samples->dimension, a.span); }

/// Scott's bandwidth for one snapshot, σ·n^(−1/(d + 4)): n samples a snapshot on average, and σ² the variance of a
/// coordinate within a snapshot, averaged over both (Scott, Multivariate Density Estimation, 1992, section 6.3). Samples
/// with weights u count as (Σu)²/Σu² of equal ones (Kish, Survey Sampling, 1965, section 11.7).
double scott(const Samples& data) {
  const data::Snapshots& s = *data.samples;
  const std::vector<double>& all = data.rows->get();
  double total = 0, effective = 0;
  for (size_t k = 0; k < s.groups(); ++k) {
    const auto weight = [&](size_t r) { return s.weights.empty() ? 1.0 : s.weights[r]; };
    double sum = 0, squares = 0;
    for (size_t r = s.offsets[k]; r < s.offsets[k + 1]; ++r) sum += weight(r), squares += weight(r) * weight(r);
    effective += sum * sum / squares;
    for (int i = 0; i < s.dimension; ++i) {
      double mean = 0, square = 0;
      for (size_t r = s.offsets[k]; r < s.offsets[k + 1]; ++r) mean += weight(r) * all[r * s.dimension + i] / sum;
      for (size_t r = s.offsets[k]; r < s.offsets[k + 1]; ++r)
        square += weight(r) * std::pow(all[r * s.dimension + i] - mean, 2) / sum;
      total += square;
    }
  }
  const auto groups = static_cast<double>(s.groups());
  const double rows = effective / groups;
  return std::sqrt(total / (groups * s.dimension)) * std::pow(rows, -1.0 / (s.dimension + 4));
}

/// Read when a program runs: the rows may not be there yet.
Value data_bandwidth(Elaborator& e, const CallArguments& a) {
  const std::string key = fmt::format("bandwidth {}", static_cast<const void*>(a.self->rows.get()));
  auto& known = e.number_cache()[key];
  if (!known)
    known = std::make_shared<const Values>([self = a.self] { return std::vector<double>{scott(*self)}; });
  return e.make(e.data_node(known, {}, a.self->samples->name + ".bandwidth"), a.span);
}

/// The number of the interval [tₖ, tₖ₊₁) that holds a time; the last one is closed.
Value data_interval(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, {a.self, a.span}, a.span);
  const NodeId t = e.scalar(a.values[0], "a time");
  if (!d || !t.valid()) return e.poison();
  const auto& times = d->samples->times;
  return e.make(e.reached({times.begin() + 1, times.end() - 1}, t), a.span);
}

Value data_time(Elaborator& e, const CallArguments& a) {
  const NodeId k = e.scalar(a.values[0], "the number of a snapshot");
  if (!k.valid()) return e.poison();
  const auto& times = a.self->samples->times;
  const int n = static_cast<int>(times.size());
  if (const auto constant = ir::constant_value(e.g(), k)) {
    if (*constant < 0 || *constant >= n) {
      e.sink().report<Kind::IndexOutOfRange>(a.span, *constant, fmt::format("0..{}", n - 1));
      return e.poison();
    }
    return e.constant(times[static_cast<size_t>(*constant)], a.span);
  }
  return e.make(ir::row(e.g(), e.g().table(times, {n, 1}), k), a.span);
}

Value data_snapshot(Elaborator& e, const CallArguments& a) {
  const NodeId k = e.scalar(a.values[0], "the number of a snapshot");
  const size_t groups = a.self->samples->groups();
  if (const auto c = k.valid() ? ir::constant_value(e.g(), k) : std::nullopt;
      c && (*c < 0 || *c >= static_cast<double>(groups))) {
    e.sink().report<Kind::IndexOutOfRange>(a.span, *c, fmt::format("0..{}", groups - 1));
    return e.poison();
  }
  return k.valid() ? Value{Snapshot{a.self, k}, a.span} : e.poison();
}

Value data_mass(Elaborator& e, const CallArguments& a) {
  const NodeId t = e.scalar(a.values[0], "a time");
  e.ask_for_mass();
  return t.valid() ? e.make(mass_at(e, *a.self, t), a.span) : e.poison();
}

Value data_nearest(Elaborator& e, const CallArguments& a) {
  NodeId t = e.scalar(a.values[0], "a time");
  if (!t.valid()) return e.poison();
  // Of a known time, that of the snapshot: `snapshot_at` takes no other.
  const data::Snapshots& s = *a.self->samples;
  if (const auto known = ir::constant_value(e.g(), t); known && s.timed()) {
    const auto from = [&](double time) { return std::abs(time - *known); };
    const auto near = std::min_element(s.times.begin(), s.times.end(), [&](double x, double y) { return from(x) < from(y); });
    t = ir::constant(e.g(), *near);
  }
  return e.snapshot_at(a.self, t, a.span);
}

/// A row of the op table that says what scripts call it for.
template <Op op>
void add_operation(std::vector<BuiltinInfo>& table) {
  const ir::OpInfo& row = ir::info(op);
  if (row.doc.empty()) return;
  table.push_back(
      {row.name, {row.parameters.begin(), row.parameters.begin() + row.arity}, elementwise_builtin<op>, row.doc});
}

std::vector<BuiltinInfo> operations() {
  std::vector<BuiltinInfo> table;
#define AM_OP(id, ...) add_operation<Op::id>(table);
#include "compiler/ir/ops.def"
#undef AM_OP
  return table;
}

std::vector<BuiltinInfo> with_operations(std::initializer_list<BuiltinInfo> others) {
  std::vector<BuiltinInfo> table = operations();
  table.insert(table.end(), others);
  return table;
}

}  // namespace

const std::vector<BuiltinInfo>& builtins() {
  static const std::vector<BuiltinInfo> table = with_operations({
      {"dim", {"x"}, dim, "The number of elements of a vector, of rows of a matrix, of coordinates of a data set."},
      {"norm", {"x"}, norm, "Euclidean length, |x|."},
      {"sum", {"x"}, sum, "Sum of all elements."},
      {"take", {"x", "from", "count"}, take, "`count` elements of a vector from number `from` on, counted from 0."},
      {"full", {"size", "value"}, full, "A vector of equal elements."},
      {"uniform01", {"size?"}, uniform01, "Independent draws from (0, 1); what every distribution is made of."},
      {"csv", file_parameters({"file", "time?", "columns?"}), csv, "Samples from a comma-separated file with a header."},
      {"npz",
       file_parameters({"file", "x?", "time?", "loadings?", "centre?"}),
       npz,
       "Samples from a member of a NumPy archive."},
      {"npy", file_parameters({"file"}), npy, "Samples from a NumPy array."},
      {"h5ad",
       file_parameters({"file", "time?", "x?", "columns?", "loadings?", "centre?"}),
       h5ad,
       "Cells of an AnnData file: an array, by default `obsm/X_pca`, with times from a column of `obs`."},
      {"idx",
       file_parameters({"file", "labels?"}),
       idx,
       "Rows of an array in the format of MNIST; with labels, `digits(3)` are the rows labelled 3."},
      {"held_out",
       {"data"},
       held_out,
       "The rows of its file that a data set leaves out by `without` and `keep`, in the coordinates of the data set."},
      {"simulate",
       {"start", "move", "over", "steps", "count?", "record?", "seed?"},
       [](Elaborator& e, const CallArguments& a) { return e.simulate(a); },
       "Samples made by moving draws of `start` by `move(x, t, h)`, `steps` times over a range of times."},
      {"pairs",
       {"data", "block?"},
       pairs,
       "Pairs of neighbouring snapshots from their exact optimal plan for the squared distance."},
      {"curves",
       {"data", "block?"},
       curves,
       "Pairs as of `pairs`, with the slopes at both of smooth curves through all snapshots: [x, y, slope, slope]."},
  });
  return table;
}

const std::vector<BuiltinInfo>& data_members() {
  static const std::vector<BuiltinInfo> table = {
      {"start", {}, data_start, "The first time."},
      {"end", {}, data_end, "The last time."},
      {"count", {}, data_count, "The number of snapshots."},
      {"dimension", {}, data_dimension, "The number of coordinates."},
      {"bandwidth", {}, data_bandwidth, "Scott's bandwidth for the density of one snapshot."},
      {"interval",
       {"t"},
       data_interval,
       "The number k of the interval between snapshots that holds t: time k ≤ t < time k + 1."},
      {"time", {"k"}, data_time, "The time of snapshot k."},
      {"snapshot", {"k"}, data_snapshot, "Snapshot k, to draw from."},
      {"mass",
       {"t"},
       data_mass,
       "The total mass at t relative to that at the first time: as stated by `mass`, growing at a constant rate between "
       "times; else 1."},
      {"nearest", {"t"}, data_nearest, "The snapshot nearest to t, to draw from."},
  };
  return table;
}

namespace {

struct ConstantInfo {
  std::string_view name;
  double value;
  std::string_view doc;
};

constexpr ConstantInfo kConstants[] = {
    {"pi", std::numbers::pi, "The ratio of a circle's circumference to its diameter."},
    {"inf", INFINITY, "Infinity, for settings: `clip = inf`. Also written ∞."},
    {"true", 1, "1, the value of a comparison that holds."},
    {"false", 0, "0, the value of a comparison that does not hold."},
};

struct WordInfo {
  Word word;
  std::string_view doc;
};

/// Metrics as words: the table of `runtime/metrics`.
std::vector<WordInfo> metric_words() {
  std::vector<WordInfo> out;
  for (const metrics::Metric& m : metrics::table()) {
    WordInfo& w = out.emplace_back(WordInfo{{std::string(m.name), "metric", {}}, m.doc});
    for (const metrics::Parameter& p : m.parameters) w.word.arguments.push_back({std::string(p.name), p.fallback, std::string(p.words)});
  }
  return out;
}

std::vector<WordInfo> all_words() {
  std::vector<WordInfo> out = metric_words();
  const std::vector<WordInfo> others = {
      {{"median", "bandwidth", {}}, "The median distance h of the reference samples: γ = 1/(2h²)."},
      {{"none", "picture", {}}, "No picture."},
      {{"images", "picture",
        {{"height", {0}}, {"width", {0}}, {"channels", {1}}, {"range", {0, 1}}, {"rows", {10}}, {"columns", {10}}}},
       "The first numbers of a particle as an image, by channel, row and column; square unless it is said otherwise. The "
       "ends of `range` are black and white, `rows` and `columns` those of the sheet."},
      {{"low_discrepancy", "time sampler", {}}, "Times that run evenly through the range, moving on from step to step."},
      {{"importance", "time sampler", {{"bins", {32}}, {"floor", {0.2}}, {"decay", {0.99}}}},
       "Times drawn by a density on `bins` parts of the range that follows the running spread of the integrand."},
      {{"one_step", "mode", {}}, "Particles are carried from the true samples of each time to the next."},
      {{"from_start", "mode", {}}, "Particles are carried from the first time on."},
      {{"original", "coordinate", {}}, "The coordinates and units of the data's file."},
      {{"standardised", "coordinate", {}}, "The coordinates that the model works in."},
      {{"genes", "coordinate", {}}, "The genes that the coordinates are principal components of."},
      {{"counts", "amount", {}}, "For `mass` of data: in proportion to the number of samples at each time, or to their weights."},
      {{"f32", "precision", {}}, "Single precision, 24 bits."},
      {{"f64", "precision", {}}, "Double precision, 53 bits."},
      {{"auto", "product", {}},
       "Where a processor with tiles of bf16 is faster for it, numbers of f32 as sums of three of bf16, and of their nine products the six that count."},
      {{"plain", "product", {}}, "Products of numbers as they are."},
  };
  out.insert(out.end(), others.begin(), others.end());
  return out;
}

const std::vector<WordInfo>& words() {
  static const std::vector<WordInfo> table = all_words();
  return table;
}

std::string signature(const BuiltinInfo& b) {
  if (b.parameters.empty()) return std::string(b.name);
  std::vector<std::string> list;
  for (std::string_view p : b.parameters)
    list.push_back(p.ends_with('?') ? fmt::format("{} = …", p.substr(0, p.size() - 1)) : std::string(p));
  return fmt::format("{}({})", b.name, fmt::join(list, ", "));
}

std::string signature(const Word& w) {
  if (w.arguments.empty()) return w.name;
  std::vector<std::string> list;
  for (const Word::Argument& a : w.arguments)
    list.push_back(a.numbers.size() == 1 ? fmt::format("{} = {}", a.name, a.numbers[0])
                                         : fmt::format("{} = [{}]", a.name, fmt::join(a.numbers, ", ")));
  return fmt::format("{}({})", w.name, fmt::join(list, ", "));
}

}  // namespace

std::optional<Value> builtin_constant(ir::Graph& g, std::string_view name) {
  for (const ConstantInfo& c : kConstants)
    if (c.name == name) return Value{Tensor{ir::constant(g, c.value)}, {}};
  for (const WordInfo& w : words())
    if (w.word.name == name) return Value{w.word, {}};
  return {};
}

std::vector<Predefined> predefined() {
  std::vector<Predefined> out;
  for (const BuiltinInfo& b : builtins()) out.push_back({"function", b.name, signature(b), b.doc});
  for (const ConstantInfo& c : kConstants) out.push_back({"constant", c.name, std::string(c.name), c.doc});
  for (const BuiltinInfo& m : data_members()) out.push_back({"data member", m.name, signature(m), m.doc});
  for (const WordInfo& w : words()) out.push_back({w.word.group, w.word.name, signature(w.word), w.doc});
  return out;
}

std::string words_of(std::string_view group) {
  std::vector<std::string_view> names;
  for (const WordInfo& w : words())
    if (w.word.group == group) names.push_back(w.word.name);
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

}  // namespace am::elaborate
