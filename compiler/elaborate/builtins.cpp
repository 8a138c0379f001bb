// What the compiler provides by name: elementwise functions (rows of the op table), shapes, data, words.
//
// Everything that can be written in `.am` is in stdlib/ instead.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "compiler/elaborate/elaborator.h"
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

/// The file to read: what the script says, or `--data`; relative to the script's folder.
std::optional<std::string> file_name(Elaborator& e, const CallArguments& a) {
  if (auto set = e.options().data.find(e.current_data()); set != e.options().data.end()) return set->second;
  auto* text = a.values[0].get<std::string>();
  if (!text) {
    e.sink().report<Kind::WrongKindOfValue>(a.values[0].origin, a.values[0].describe(e.g()), "a file name in quotes");
    return {};
  }
  const std::filesystem::path path(*text);
  return path.is_absolute() ? path.string() : (std::filesystem::path(e.options().data_folder) / path).string();
}

std::optional<std::string> text_argument(Elaborator& e, const CallArguments& a, size_t k, std::string fallback) {
  if (!a.given[k]) return fallback;
  if (auto* text = a.values[k].get<std::string>()) return *text;
  e.sink().report<Kind::WrongKindOfValue>(a.values[k].origin, a.values[k].describe(e.g()), "a name in quotes");
  return {};
}

/// `columns = "x1".."x5"`, one name, or a list of either.
std::optional<std::vector<std::string>> column_names(Elaborator& e, const Value& v) {
  std::vector<std::string> out;
  if (auto* text = v.get<std::string>()) return std::vector<std::string>{*text};
  if (auto* r = v.get<Range>(); r && r->text) {
    for (int i = static_cast<int>(r->from); i <= static_cast<int>(r->to); ++i)
      out.push_back(r->prefix + std::to_string(i));
    return out;
  }
  if (auto* list = v.get<List>()) {
    for (const Value& item : list->items) {
      auto part = column_names(e, item);
      if (!part) return {};
      out.insert(out.end(), part->begin(), part->end());
    }
    return out;
  }
  e.sink().report<Kind::WrongKindOfValue>(v.origin, v.describe(e.g()),
                                          "column names such as \"x1\"..\"x5\" or [\"a\", \"b\"]");
  return {};
}

Value dataset(Elaborator& e, const CallArguments& a, std::optional<data::Snapshots> read) {
  if (!read) return e.poison();
  if (!e.current_data().empty()) read->name = e.current_data();
  auto d = std::make_shared<Dataset>();
  d->samples = std::make_shared<const data::Snapshots>(std::move(*read));
  d->rows = std::make_shared<const Values>([samples = d->samples] { return samples->rows; });
  d->span = a.span;
  return {std::shared_ptr<const Dataset>(d), a.span};
}

Value csv(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  const auto time = text_argument(e, a, 1, "");
  const auto columns = a.given[2] ? column_names(e, a.values[2]) : std::vector<std::string>{};
  if (!file || !time || !columns) return e.poison();
  return dataset(e, a, data::read_csv(*file, {.time = *time, .columns = *columns}, a.span, e.sink()));
}

Value npz(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  const auto x = text_argument(e, a, 1, "X"), time = text_argument(e, a, 2, "");
  if (!file || !x || !time) return e.poison();
  return dataset(e, a, data::read_npz(*file, {.x = *x, .time = *time}, a.span, e.sink()));
}

Value npy(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  return file ? dataset(e, a, data::read_npy(*file, a.span, e.sink())) : e.poison();
}

/// Probabilities and aliases of Vose's method for the rows of each group, in proportion to `mass`.
std::vector<double> alias_table(const std::vector<size_t>& offsets, const std::vector<double>& mass) {
  std::vector<double> table(2 * mass.size());
  for (size_t k = 0; k + 1 < offsets.size(); ++k) {
    const size_t from = offsets[k], n = offsets[k + 1] - from;
    double total = 0;
    for (size_t i = from; i < from + n; ++i) total += mass[i];
    std::vector<double> share(n);
    std::vector<size_t> small, large;
    for (size_t i = 0; i < n; ++i) {
      share[i] = mass[from + i] * static_cast<double>(n) / total;
      (share[i] < 1 ? small : large).push_back(i);
    }
    auto put = [&](size_t i, double keep, size_t alias) {
      table[2 * (from + i)] = keep;
      table[2 * (from + i) + 1] = static_cast<double>(from + alias);
    };
    while (!small.empty() && !large.empty()) {
      const size_t i = small.back(), j = large.back();
      small.pop_back();
      put(i, share[i], j);
      share[j] -= 1 - share[i];
      if (share[j] < 1) large.pop_back(), small.push_back(j);
    }
    for (size_t i : small) put(i, 1, i);
    for (size_t i : large) put(i, 1, i);
  }
  return table;
}

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

/// Pairs of one interval's plans have room for `capacity` rows; those that are not used have no mass.
struct PairTable {
  std::vector<double> rows, mass;
};

/// A plan of n and m points has at most n + m − 1 pairs; each further block may split a point on either side.
size_t pair_capacity(size_t n, size_t m, size_t block) {
  const size_t blocks = std::max(n, m) / std::max<size_t>(1, block - 1) + 1;
  return n + m + 2 * blocks;
}

std::shared_ptr<const PairTable> solve_pairs(const data::Snapshots& s, const std::vector<size_t>& offsets,
                                             size_t block) {
  auto out = std::make_shared<PairTable>();
  const int d = s.dimension;
  out->rows.assign(offsets.back() * 2 * d, 0);
  out->mass.assign(offsets.back(), 0);
  auto cloud = [&](size_t k) {
    return metrics::Cloud{std::span(s.rows).subspan(s.offsets[k] * d, (s.offsets[k + 1] - s.offsets[k]) * d), d};
  };
  for (size_t k = 0; k + 1 < s.times.size(); ++k) {
    const metrics::Cloud x = cloud(k), y = cloud(k + 1);
    size_t at = offsets[k];
    for (const metrics::Pair& p : metrics::blockwise_plan(x, y, block, 1).pairs) {
      AM_CHECK(at < offsets[k + 1], "more pairs than {} points can have", x.count() + y.count());
      std::copy_n(x.points.begin() + p.from * d, d, out->rows.begin() + static_cast<ptrdiff_t>(at * 2 * d));
      std::copy_n(y.points.begin() + p.to * d, d, out->rows.begin() + static_cast<ptrdiff_t>(at * 2 * d + d));
      out->mass[at++] = p.mass;
    }
  }
  return out;
}

/// Pairs [x, y] of neighbouring snapshots from their optimal plans: a data set whose snapshot k joins times k and k
/// + 1. The plans are solved when a program first needs them.
Value pairs(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, a.values[0], a.span);
  const auto size = a.given[1] ? e.whole(a.values[1], "`block`", 2) : std::optional<int>(500);
  if (!d || !size) return e.poison();
  const std::string key = fmt::format("pairs {} {}", static_cast<const void*>(d->samples.get()), *size);
  auto& cache = e.dataset_cache();
  if (auto known = cache.find(key); known != cache.end()) return {known->second, a.span};

  const data::Snapshots& s = *d->samples;
  data::Snapshots out;
  out.name = s.name + ".pairs";
  out.dimension = 2 * s.dimension;
  out.offsets = {0};
  for (size_t k = 0; k + 1 < s.times.size(); ++k) {
    out.times.push_back(s.times[k]);
    out.offsets.push_back(out.offsets.back() +
                          pair_capacity(s.offsets[k + 1] - s.offsets[k], s.offsets[k + 2] - s.offsets[k + 1], *size));
  }
  auto solved = std::make_shared<std::once_flag>();
  auto table = std::make_shared<std::shared_ptr<const PairTable>>();
  auto solve = [samples = d->samples, offsets = out.offsets, block = static_cast<size_t>(*size), solved, table] {
    std::call_once(*solved, [&] { *table = solve_pairs(*samples, offsets, block); });
    return *table;
  };
  auto result = std::make_shared<Dataset>();
  result->rows = std::make_shared<const Values>([solve] { return solve()->rows; });
  result->alias_table =
      std::make_shared<const Values>([solve, offsets = out.offsets] { return alias_table(offsets, solve()->mass); });
  result->samples = std::make_shared<const data::Snapshots>(std::move(out));
  result->span = a.span;
  cache[key] = result;
  return {std::shared_ptr<const Dataset>(result), a.span};
}

// --- members of a data set ---

Value data_start(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, {a.self, a.span}, a.span);
  return d ? e.constant(d->samples->times.front(), a.span) : e.poison();
}

Value data_end(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, {a.self, a.span}, a.span);
  return d ? e.constant(d->samples->times.back(), a.span) : e.poison();
}

Value data_dimension(Elaborator& e, const CallArguments& a) { return e.constant(a.self->samples->dimension, a.span); }

/// Scott's bandwidth for one snapshot, σ·n^(−1/(d + 4)): n samples a snapshot on average, and σ² the variance of a
/// coordinate within a snapshot, averaged over both (Scott, Multivariate Density Estimation, 1992, section 6.3).
Value data_bandwidth(Elaborator& e, const CallArguments& a) {
  const data::Snapshots& s = *a.self->samples;
  double total = 0;
  for (size_t k = 0; k < s.groups(); ++k)
    for (int i = 0; i < s.dimension; ++i) {
      const auto n = static_cast<double>(s.offsets[k + 1] - s.offsets[k]);
      double mean = 0, square = 0;
      for (size_t r = s.offsets[k]; r < s.offsets[k + 1]; ++r) mean += s.rows[r * s.dimension + i] / n;
      for (size_t r = s.offsets[k]; r < s.offsets[k + 1]; ++r)
        square += std::pow(s.rows[r * s.dimension + i] - mean, 2) / n;
      total += square;
    }
  const auto groups = static_cast<double>(s.groups());
  const double rows = static_cast<double>(s.count()) / groups;
  return e.constant(std::sqrt(total / (groups * s.dimension)) * std::pow(rows, -1.0 / (s.dimension + 4)), a.span);
}

/// The number of the interval [tₖ, tₖ₊₁) that holds a time; the last one is closed.
Value data_interval(Elaborator& e, const CallArguments& a) {
  const auto d = series(e, {a.self, a.span}, a.span);
  const NodeId t = e.scalar(a.values[0], "a time");
  if (!d || !t.valid()) return e.poison();
  NodeId k = ir::constant(e.g(), 0);
  const auto& times = d->samples->times;
  for (size_t i = 1; i + 1 < times.size(); ++i)
    k = ir::add(e.g(), k,
                ir::sub(e.g(), ir::constant(e.g(), 1), ir::binary(e.g(), Op::Less, t, ir::constant(e.g(), times[i]))));
  return e.make(k, a.span);
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

Value data_nearest(Elaborator& e, const CallArguments& a) {
  const NodeId t = e.scalar(a.values[0], "a time");
  return t.valid() ? e.snapshot_at(a.self, t, a.span) : e.poison();
}

#define AM_ELEMENTWISE1(op, name, doc) \
  { name, {"x"}, elementwise_builtin<Op::op>, doc }
#define AM_ELEMENTWISE2(op, name, doc) \
  { name, {"x", "y"}, elementwise_builtin<Op::op>, doc }

}  // namespace

const std::vector<BuiltinInfo>& builtins() {
  static const std::vector<BuiltinInfo> table = {
      AM_ELEMENTWISE1(Exp, "exp", "eˣ of each element"),
      AM_ELEMENTWISE1(Log, "log", "natural logarithm"),
      AM_ELEMENTWISE1(Log1p, "log1p", "log(1 + x), accurate near 0"),
      AM_ELEMENTWISE1(Sqrt, "sqrt", "square root"),
      AM_ELEMENTWISE1(Tanh, "tanh", "hyperbolic tangent"),
      AM_ELEMENTWISE1(Sigmoid, "sigmoid", "1/(1 + e⁻ˣ)"),
      AM_ELEMENTWISE1(Sin, "sin", "sine"),
      AM_ELEMENTWISE1(Cos, "cos", "cosine"),
      AM_ELEMENTWISE1(Abs, "abs", "absolute value of each element"),
      AM_ELEMENTWISE1(Sign, "sign", "−1, 0 or 1"),
      AM_ELEMENTWISE1(Floor, "floor", "the largest whole number not above"),
      AM_ELEMENTWISE2(Min, "min", "the smaller of two"),
      AM_ELEMENTWISE2(Max, "max", "the larger of two"),
      AM_ELEMENTWISE2(Pow, "pow", "xʸ for x ≥ 0"),
      AM_ELEMENTWISE2(Atan2, "atan2", "the angle of the point (y, x)"),
      {"where",
       {"condition", "then", "otherwise"},
       elementwise_builtin<Op::Select>,
       "`then` where the condition is not 0, else `otherwise`"},
      {"dim", {"x"}, dim, "the number of elements of a vector, of rows of a matrix, of coordinates of a data set"},
      {"norm", {"x"}, norm, "Euclidean length, |x|"},
      {"sum", {"x"}, sum, "sum of all elements"},
      {"take", {"x", "from", "count"}, take, "`count` elements of a vector from the number `from` on, counted from 0"},
      {"full", {"size", "value"}, full, "a vector of equal elements"},
      {"uniform01", {"size?"}, uniform01, "independent draws from (0, 1); what every distribution is made of"},
      {"csv", {"file", "time?", "columns?"}, csv, "samples from a comma-separated file with a header"},
      {"npz", {"file", "x?", "time?"}, npz, "samples from a member of a NumPy archive"},
      {"npy", {"file"}, npy, "samples from a NumPy array"},
      {"pairs",
       {"data", "block?"},
       pairs,
       "pairs of neighbouring snapshots from their exact optimal plan (squared distance)"},
  };
  return table;
}

const std::vector<BuiltinInfo>& data_members() {
  static const std::vector<BuiltinInfo> table = {
      {"start", {}, data_start, "the first time"},
      {"end", {}, data_end, "the last time"},
      {"dimension", {}, data_dimension, "the number of coordinates"},
      {"bandwidth", {}, data_bandwidth, "Scott's bandwidth for the density of one snapshot"},
      {"interval", {"t"}, data_interval, "the number of the interval between snapshots that holds t"},
      {"time", {"k"}, data_time, "the time of snapshot k"},
      {"snapshot", {"k"}, data_snapshot, "snapshot k, to draw from"},
      {"nearest", {"t"}, data_nearest, "the snapshot nearest to t, to draw from"},
  };
  return table;
}

namespace {

const std::vector<Word>& words() {
  static const std::vector<Word> table = {
      {"w1", "metric", {}},
      {"w2", "metric", {}},
      {"mmd", "metric", {{"gamma", {2, 1, 0.5, 0.1, 0.01, 0.005}}, {"scale", {1}}}},
      {"spread", "metric", {}},
      {"one_step", "mode", {}},
      {"from_start", "mode", {}},
      {"f32", "precision", {}},
      {"f64", "precision", {}},
  };
  return table;
}

}  // namespace

std::optional<Value> builtin_constant(ir::Graph& g, std::string_view name) {
  auto number = [&](double v) { return Value{Tensor{ir::constant(g, v)}, {}}; };
  if (name == "pi") return number(std::numbers::pi);
  if (name == "inf") return number(INFINITY);
  if (name == "true") return number(1);
  if (name == "false") return number(0);
  for (const Word& w : words())
    if (w.name == name) return Value{w, {}};
  return {};
}

std::vector<BuiltinName> builtin_names() {
  std::vector<BuiltinName> out;
  for (std::string_view name : {"pi", "inf", "true", "false"}) out.push_back({name, "constant"});
  for (const Word& w : words()) out.push_back({w.name, w.group});
  for (const BuiltinInfo& b : builtins()) out.push_back({b.name, "function"});
  return out;
}

}  // namespace am::elaborate
