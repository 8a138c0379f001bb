#include "compiler/elaborate/datasets.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "runtime/data/select.h"

namespace am::elaborate {

namespace {

/// A file that the script names, relative to the script's folder.
std::optional<std::string> named_file(Elaborator& e, const Value& v) {
  auto* text = v.get<std::string>();
  if (!text) {
    e.sink().report<Kind::WrongKindOfValue>(v.origin, v.describe(e.g()), "a file name in quotes");
    return {};
  }
  const std::filesystem::path path(*text);
  return path.is_absolute() ? path.string() : (std::filesystem::path(e.options().data_folder) / path).string();
}

/// The file to read: what the script says, or `--data`.
std::optional<std::string> file_name(Elaborator& e, const CallArguments& a) {
  if (auto set = e.options().data.find(e.current_data()); set != e.options().data.end()) return set->second;
  return named_file(e, a.values[0]);
}

std::optional<std::string> text_argument(Elaborator& e, const CallArguments& a, size_t k, std::string fallback) {
  if (!a.given[k]) return fallback;
  if (auto* text = a.values[k].get<std::string>()) return *text;
  e.sink().report<Kind::WrongKindOfValue>(a.values[k].origin, a.values[k].describe(e.g()), "a name in quotes");
  return {};
}

// --- what all files share ---

/// In the order of `file_parameters`.
enum class Shared { Weight, Without, Keep, Seed, Standardise, Mass };
constexpr std::string_view kShared[] = {"weight?", "without?", "keep?", "seed?", "standardise?", "mass?"};

/// The place of a shared argument: they stand at the end.
size_t place(const CallArguments& a, Shared argument) {
  return a.values.size() - std::size(kShared) + static_cast<size_t>(argument);
}
bool given(const CallArguments& a, Shared argument) { return a.given[place(a, argument)]; }
const Value& value(const CallArguments& a, Shared argument) { return a.values[place(a, argument)]; }

/// Numbers that are known now: one, or a list of them; nothing after a report.
std::optional<std::vector<double>> numbers(Elaborator& e, const Value& v, std::string_view what) {
  const NodeId node = e.tensor(v, what);
  if (!node.valid()) return {};
  const ir::Node& n = e.g()[node];
  std::vector<double> out;
  for (NodeId part : n.op == ir::Op::Concat ? n.operands : std::vector<NodeId>{node})
    if (const auto c = ir::constant_value(e.g(), part)) out.push_back(*c);
  if (static_cast<int>(out.size()) == n.shape.count()) return out;
  e.sink().report<Kind::NotAConstant>(v.origin, what);
  return {};
}

bool refuse(Elaborator& e, Span span, std::string_view setting, const std::string& is, std::string_view must) {
  e.sink().report<Kind::BadSetting>(span, setting, is, must);
  return false;
}

bool add_masses(Elaborator& e, const CallArguments& a, data::Snapshots& read) {
  if (!given(a, Shared::Mass)) return true;
  const Value& v = value(a, Shared::Mass);
  if (!read.timed()) return refuse(e, v.origin, "mass", "given for data without times", "left out, or `time` added");
  const Word* word = v.get<Word>();
  if (word && word->name == "counts") {
    read.masses = data::counted_masses(read);
    return true;
  }
  const auto masses = word ? std::nullopt : numbers(e, v, "`mass`");
  if (!masses) return word ? refuse(e, v.origin, "mass", v.describe(e.g()), "`counts`, or a list of numbers") : false;
  if (masses->size() != read.times.size())
    return refuse(e, v.origin, "mass", fmt::format("a list of {}", masses->size()),
                  fmt::format("one number for each of the {} times in the file", read.times.size()));
  for (const double mass : *masses)
    if (!(mass > 0) || !std::isfinite(mass))
      return refuse(e, v.origin, "mass", fmt::format("{:g} at a time", mass), "positive");
  for (const double mass : *masses) read.masses.push_back(mass / masses->front());
  return true;
}

std::optional<data::Selection> selection(Elaborator& e, const CallArguments& a, const data::Snapshots& read) {
  data::Selection out;
  if (given(a, Shared::Without)) {
    const auto times = numbers(e, value(a, Shared::Without), "`without`");
    if (!times) return {};
    out.without = *times;
  }
  // Before anything is made of the rows, standardisation among it.
  if (const auto& time = e.left_out_time())
    if (const auto k = read.at(*time))
      if (std::none_of(out.without.begin(), out.without.end(), [&](double t) { return read.at(t) == k; }))
        out.without.push_back(*time);
  if (given(a, Shared::Keep)) {
    const Value& v = value(a, Shared::Keep);
    const auto keep = e.number(v, "`keep`");
    if (!keep) return {};
    if (!(*keep > 0 && *keep <= 1))
      return refuse(e, v.origin, "keep", fmt::format("{:g}", *keep), "a fraction in 0..1, and more than 0"),
             std::nullopt;
    out.keep = *keep;
  }
  if (given(a, Shared::Seed)) {
    const Value& v = value(a, Shared::Seed);
    const auto seed = e.whole(v, "`seed`", 0);
    if (!seed) return {};
    if (!given(a, Shared::Keep))
      return refuse(e, v.origin, "seed", "given without `keep`", "left out, or `keep` added"), std::nullopt;
    out.seed = static_cast<uint64_t>(*seed);
  }
  return out;
}

/// The coordinates to work in: the file's, or those that the kept rows or another data set are standardised in.
std::optional<std::shared_ptr<const data::Frame>> frame(Elaborator& e, const CallArguments& a,
                                                        const data::Snapshots& kept) {
  if (!given(a, Shared::Standardise)) return kept.frame;
  const Value& v = value(a, Shared::Standardise);
  const auto other = v.dataset();
  if (!other) {
    const auto wanted = e.number(v, "`standardise`");
    if (!wanted) return {};
    return *wanted != 0 ? data::standard_frame(kept) : kept.frame;
  }
  const data::Frame* known = other->frame();
  if (!known || !known->standardised()) {
    e.sink()
        .report<Kind::WrongKindOfValue>(v.origin, "a data set that is not standardised itself",
                                        "one whose moments are known")
        .suggestion = fmt::format("add `standardise = true` to `{}`", other->samples->name);
    return {};
  }
  if (static_cast<int>(known->mean.size()) != kept.dimension) {
    e.sink().report<Kind::DimensionMismatch>(v.origin, kept.name, kept.dimension, other->samples->name,
                                             known->mean.size());
    return {};
  }
  return other->origin.samples->frame;
}

/// A data set of rows that are there, some of them perhaps heavier than others.
std::shared_ptr<Dataset> of_rows(data::Snapshots rows, Span span) {
  auto d = std::make_shared<Dataset>();
  d->samples = std::make_shared<const data::Snapshots>(std::move(rows));
  d->rows = std::make_shared<const Values>([samples = d->samples] { return samples->rows; });
  d->origin.samples = d->samples;
  d->span = span;
  if (!d->samples->weights.empty()) {
    d->alias_table = std::make_shared<const Values>(
        [samples = d->samples] { return alias_table(samples->offsets, samples->weights); });
    d->whole_alias_table = std::make_shared<const Values>(
        [samples = d->samples] { return alias_table({0, samples->count()}, samples->weights); });
  }
  return d;
}

Value dataset(Elaborator& e, const CallArguments& a, const std::string& file, std::optional<data::Snapshots> read,
              std::string time = "") {
  if (!read) return e.poison();
  read->time_name = std::move(time);
  if (!e.current_data().empty()) read->name = e.current_data();
  const auto chosen = selection(e, a, *read);
  if (!chosen || !add_masses(e, a, *read)) return e.poison();
  auto parts = data::part(*read, *chosen, a.span, e.sink());
  if (!parts) return e.poison();
  const auto units = frame(e, a, parts->kept);
  if (!units) return e.poison();
  std::error_code unused;
  const std::string path = std::filesystem::weakly_canonical(file, unused).string();
  auto in_units = [&](data::Snapshots part) {
    auto d = of_rows(*units ? data::in_frame(std::move(part), *units) : std::move(part), a.span);
    d->origin.file = path;
    return d;
  };
  auto d = in_units(std::move(parts->kept));
  if (parts->rest.count() > 0) d->rest = in_units(std::move(parts->rest));
  return {std::shared_ptr<const Dataset>(d), a.span};
}

}  // namespace

std::optional<std::vector<std::string>> text_list(Elaborator& e, const Value& v) {
  std::vector<std::string> out;
  if (auto* text = v.get<std::string>()) return std::vector<std::string>{*text};
  if (auto* r = v.get<Range>(); r && r->text) {
    for (int i = static_cast<int>(r->from); i <= static_cast<int>(r->to); ++i)
      out.push_back(r->prefix + std::to_string(i));
    return out;
  }
  if (auto* list = v.get<List>()) {
    for (const Value& item : list->items) {
      auto part = text_list(e, item);
      if (!part) return {};
      out.insert(out.end(), part->begin(), part->end());
    }
    return out;
  }
  e.sink().report<Kind::WrongKindOfValue>(v.origin, v.describe(e.g()),
                                          "column names such as \"x1\"..\"x5\" or [\"a\", \"b\"]");
  return {};
}

std::vector<std::string_view> file_parameters(std::vector<std::string_view> own) {
  own.insert(own.end(), std::begin(kShared), std::end(kShared));
  return own;
}

Value csv(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  const auto time = text_argument(e, a, 1, ""), weight = text_argument(e, a, place(a, Shared::Weight), "");
  const auto columns = a.given[2] ? text_list(e, a.values[2]) : std::vector<std::string>{};
  if (!file || !time || !weight || !columns) return e.poison();
  const data::CsvOptions options{.time = *time, .columns = *columns, .weight = *weight};
  return dataset(e, a, *file, data::read_csv(*file, options, a.span, e.sink()), *time);
}

Value npz(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  const auto x = text_argument(e, a, 1, "X"), time = text_argument(e, a, 2, "");
  const auto loadings = text_argument(e, a, 3, ""), centre = text_argument(e, a, 4, "");
  const auto weight = text_argument(e, a, place(a, Shared::Weight), "");
  if (!file || !x || !time || !loadings || !centre || !weight) return e.poison();
  if (!centre->empty() && loadings->empty())
    return refuse(e, a.values[4].origin, "centre", "given without `loadings`", "left out, or `loadings` added"),
           e.poison();
  const data::NpzOptions options{.x = *x, .time = *time, .weight = *weight, .loadings = *loadings, .centre = *centre};
  return dataset(e, a, *file, data::read_npz(*file, options, a.span, e.sink()), *time);
}

Value npy(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  if (!file) return e.poison();
  if (given(a, Shared::Weight)) {
    refuse(e, value(a, Shared::Weight).origin, "weight", "given for a file with one array", "left out");
    return e.poison();
  }
  return dataset(e, a, *file, data::read_npy(*file, a.span, e.sink()));
}

Value h5ad(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  const auto time = text_argument(e, a, 1, ""), x = text_argument(e, a, 2, data::H5adOptions().x);
  const auto loadings = text_argument(e, a, 4, ""), centre = text_argument(e, a, 5, "");
  const auto weight = text_argument(e, a, place(a, Shared::Weight), "");
  if (!file || !time || !x || !loadings || !centre || !weight) return e.poison();
  data::H5adOptions options{.time = *time, .x = *x, .weight = *weight, .loadings = *loadings, .centre = *centre};
  if (a.given[3] && a.values[3].get<Tensor>()) {
    const auto first = e.whole(a.values[3], "the number of columns", 1);
    if (!first) return e.poison();
    options.first = static_cast<size_t>(*first);
  } else if (a.given[3]) {
    auto names = text_list(e, a.values[3]);
    if (!names) return e.poison();
    options.columns = std::move(*names);
  }
  auto read = data::read_h5ad(*file, options, a.span, e.sink());
  if (read && !centre->empty() && !read->frame)
    return refuse(e, a.values[5].origin, "centre", fmt::format("given for `{}`, which has no loadings", *x),
                  "left out, or `loadings` added"),
           e.poison();
  return dataset(e, a, *file, std::move(read), *time);
}

Value idx(Elaborator& e, const CallArguments& a) {
  const auto file = file_name(e, a);
  const auto labels = a.given[1] ? named_file(e, a.values[1]) : std::string();
  if (!file || !labels) return e.poison();
  if (given(a, Shared::Weight)) {
    refuse(e, value(a, Shared::Weight).origin, "weight", "given for a file with one array", "left out");
    return e.poison();
  }
  return dataset(e, a, *file, data::read_idx(*file, {.labels = *labels}, a.span, e.sink()));
}

Value held_out(Elaborator& e, const CallArguments& a) {
  const auto d = a.values[0].dataset();
  if (!d) {
    e.sink().report<Kind::WrongKindOfValue>(a.values[0].origin, a.values[0].describe(e.g()), "a data set of a file");
    return e.poison();
  }
  if (!d->rest) {
    e.sink().report<Kind::EmptyData>(a.span, fmt::format("held_out({})", d->samples->name)).suggestion =
        d->origin.file.empty() ? "only data sets of files leave rows out"
                               : "let it leave rows out: `keep = 0.8`, or `without = [1]`";
    return e.poison();
  }
  if (e.current_data().empty()) return {d->rest, a.span};
  auto named = std::make_shared<Dataset>(*d->rest);
  auto samples = std::make_shared<data::Snapshots>(*named->samples);
  samples->name = e.current_data();
  named->samples = named->origin.samples = samples;
  named->span = a.span;
  return {std::shared_ptr<const Dataset>(named), a.span};
}

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

bool share_rows(const Source& a, const Source& b) {
  if (a.file != b.file) return false;
  const std::vector<size_t>&x = a.samples->file_rows, &y = b.samples->file_rows;
  // Without numbers the rows are all that the file has.
  if (x.empty() || y.empty()) return true;
  const std::set<size_t> known(x.begin(), x.end());
  return std::any_of(y.begin(), y.end(), [&](size_t row) { return known.count(row) > 0; });
}

bool same_units(const data::Frame* a, const data::Frame* b) {
  const bool plain_a = !a || !a->standardised(), plain_b = !b || !b->standardised();
  return plain_a && plain_b ? true : a == b;
}

std::shared_ptr<const Dataset> in_units(Elaborator& e, const std::shared_ptr<const Dataset>& data,
                                        const std::shared_ptr<const data::Frame>& frame) {
  const data::Frame* from = data->frame();
  if (!from || !frame || from == frame.get() || !from->standardised() || !frame->standardised() ||
      from->mean.size() != frame->mean.size())
    return data;
  auto& known = e.dataset_cache()[fmt::format("{} in {}", static_cast<const void*>(data->samples.get()),
                                              static_cast<const void*>(frame.get()))];
  if (known) return known;
  data::Snapshots moved = *data->samples;
  const size_t width = frame->mean.size();
  for (size_t i = 0; i < moved.rows.size(); ++i) {
    const size_t c = i % width;
    moved.rows[i] = (from->scale[c] * moved.rows[i] + from->mean[c] - frame->mean[c]) / frame->scale[c];
  }
  moved.frame = frame;
  auto out = std::make_shared<Dataset>(*data);
  out->samples = std::make_shared<const data::Snapshots>(std::move(moved));
  out->rows = std::make_shared<const Values>([samples = out->samples] { return samples->rows; });
  out->origin.samples = out->samples;
  known = out;
  return known;
}

std::string units_text(const data::Frame* frame) {
  return frame && frame->standardised() ? fmt::format("standardised by the moments of `{}`", frame->of)
                                        : "in the units of its file";
}

NodeId mass_at(Elaborator& e, const Dataset& data, NodeId time) {
  const data::Snapshots& s = *data.samples;
  if (s.masses.size() < 2) return ir::constant(e.g(), 1);
  const int last = static_cast<int>(s.times.size()) - 1;
  std::vector<double> from, start, rate;
  for (int k = 0; k < last; ++k) {
    start.push_back(s.times[k]);
    from.push_back(std::log(s.masses[k] / s.masses[0]));
    rate.push_back(std::log(s.masses[k + 1] / s.masses[k]) / (s.times[k + 1] - s.times[k]));
  }
  ir::Graph& g = e.g();
  const NodeId k = e.reached({s.times.begin() + 1, s.times.end() - 1}, time);
  const auto entry = [&](const std::vector<double>& values) {
    if (const auto c = ir::constant_value(g, k)) return ir::constant(g, values[static_cast<size_t>(*c)]);
    return ir::reshape(g, ir::row(g, g.table(values, {last, 1}), k), {});
  };
  const NodeId since = ir::sub(g, time, entry(start));
  return ir::unary(g, ir::Op::Exp, ir::add(g, entry(from), ir::mul(g, entry(rate), since)));
}

}  // namespace am::elaborate
