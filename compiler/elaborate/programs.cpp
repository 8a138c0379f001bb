// From declarations to programs: the training step of a model, its sampler and functions, the steps of solvers.
#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/elaborate/datasets.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/ir/ops.h"
#include "compiler/simplify/simplify.h"

namespace am::elaborate {

using ast::Declaration;
using ast::DeclarationKind;
using ast::Expr;
using ast::ExprKind;
using ast::Statement;
using ast::StatementKind;
using ir::Op;
using ir::Shape;

namespace {

/// One additive term of an objective: e₁ − e₂ + e₃ has three.
struct SignedTerm {
  ExprId expr;
  double sign;
};

void flatten(const ast::Program& program, ExprId id, double sign, std::vector<SignedTerm>& out) {
  const Expr& e = program[id];
  if (e.kind == ExprKind::Binary && (e.text == "+" || e.text == "-")) {
    flatten(program, e.operands[0], sign, out);
    flatten(program, e.operands[1], e.text == "-" ? -sign : sign, out);
  } else {
    out.push_back({id, sign});
  }
}

/// At most eleven of the times, the first and the last among them.
std::vector<double> spread_out(const std::vector<double>& times) {
  constexpr size_t kMost = 11;
  if (times.size() <= kMost) return times;
  std::vector<double> out;
  for (size_t i = 0; i < kMost; ++i) out.push_back(times[(times.size() - 1) * i / (kMost - 1)]);
  return out;
}

/// What a stepper integrates beside the points: for particles the growth g of their log-weights, for densities the rate
/// ∇·v − g of their logarithms.
enum class Carried { Particles, Densities };

Shape point_shape(int dimension) { return dimension == 1 ? Shape{} : Shape{dimension}; }

}  // namespace

size_t Origin::rows() const {
  return snapshots ? snapshots->samples->offsets[group + 1] - snapshots->samples->offsets[group] : 0;
}

const Model* Elaborated::model(std::string_view name) const {
  auto it = std::find_if(models.begin(), models.end(), [&](const Model& m) { return m.name == name; });
  return it == models.end() ? nullptr : &*it;
}

/// Builds every program of a script with one elaborator.
class Programs {
  static constexpr int kMostWhole = 2'000'000'000, kMostBatch = 10'000'000, kMostTimes = 100'000,
                       kMostSteps = 1'000'000, kMostProbes = 1'000, kMostSeeds = 1'000,
                       kMostPixels = 10'000;

 public:
  explicit Programs(Elaborator& e) : e_(e) {}
  Elaborated all();

 private:
  /// A trained model while its programs are made.
  struct Trained {
    const Declaration* declaration;
    ParameterStore store;
    Model model;
    std::vector<Source> drawn_from;  // by its path
    std::vector<std::shared_ptr<const Dataset>> series;  // data sets with times that it is trained on
  };

  void start(Building& building, ParameterStore* store);
  /// A program of a model: it sees the data as the model's training does.
  void start(Building& building, Trained& t) {
    building.without = t.model.without;
    start(building, &t.store);
  }
  Program finish(Building& building, std::vector<NodeId> outputs, std::vector<std::string> names);
  NodeId input(std::string name, Shape shape, bool sampled, Role role, int index = 0);

  ExprId setting(const Declaration& d, std::string_view name) const;
  Value setting_value(const Declaration& d, std::string_view name);
  double number_setting(const Declaration& d, std::string_view name, double least, double most, std::string_view range);
  int whole_setting(const Declaration& d, std::string_view name, int least, int most = kMostWhole);
  /// The numbers of a list or of a range, whose step is `step` where it has none; 0: it must have one. Empty after a
  /// report. `noun` says what they are, for messages.
  std::vector<double> numbers_setting(const Value& v, std::string_view name, std::string_view noun, double step = 0);
  std::vector<double> times_setting(const Value& v, std::string_view name = "times", double step = 0);
  bool seeds(const Declaration& d, Model& m);

  bool train(const Declaration& d, Trained& out);
  void look_further(const Trained& t);
  bool objective(Trained& t, const Instance& dynamics, ScopePtr scope, Building& b, NodeId& total,
                 std::vector<NodeId>& terms);
  /// What a dynamics minimises; null if it says nothing.
  const Statement* minimize_of(const Instance& dynamics) const;
  /// The additive terms of what a dynamics minimises, and their sum.
  bool objective_terms(const Instance& dynamics, ScopePtr scope, NodeId& total, std::vector<NodeId>& terms,
                       std::vector<Term>& texts);
  bool optimize(Trained& t, const Declaration& d, Building& b, NodeId total, std::vector<NodeId> terms);
  bool functions(Trained& t);
  bool draw(Trained& t);
  bool units(Trained& t);
  void warn_of_units(Span span, const std::string& a, const data::Frame* of_a, const std::string& b,
                     const data::Frame* of_b);
  /// The setting `time_sampler`.
  bool time_sampler(const Declaration& d);
  /// The learned function's parameters beside x and t, as the path draws them with x.
  bool conditions(const Instance& dynamics, const Instance& path, NodeId x, Model& m);
  /// [x, its conditions]: what a particle carries. `given` stands in for what is not drawn with x.
  NodeId carried(const Trained& t, NodeId x, ExprId given, Span span, std::string_view source);
  /// x of a point that carries conditions, which calls of the learned function then find.
  NodeId place(const Trained& t, NodeId point);
  const Instance* dynamics(const Declaration& train, Value& keep);
  std::shared_ptr<const Instance> path_of(const Instance& dynamics) const;
  /// The data set with times among a dynamics' arguments, or null.
  std::shared_ptr<const Dataset> data_of(const Instance& dynamics) const;
  /// The data set with times among the arguments of its path, or among its own; or null.
  std::shared_ptr<const Dataset> argument_with_times(const Instance& dynamics) const;
  const Closure* learned(const Instance& dynamics) const;

  /// `probes`: Hutchinson's for the divergence that densities follow; 0: exact.
  bool stepper(Trained& t, const Declaration& d, Carried what, Stepper& out, int probes = 0);
  bool sample(const Declaration& d, Sampling& out);
  bool evaluation(const Declaration& d, Trained* t, Evaluation& out);
  bool hold_outs(const Declaration& d, Evaluation& out);
  bool hold_out(const Declaration& d, double time, Span span, const Evaluation& whole, HoldOut& out);
  /// The settings `coordinates` and `genes`.
  bool view(const Trained& t, const Declaration& d, data::View& out);
  bool origin(const Trained* t, const Value& v, ExprId given, Span span, Origin& out, Building& b);
  /// The setting `picture` of particles that are written with `dimension` numbers.
  bool picture(const Declaration& d, int dimension, std::optional<Picture>& out);
  bool metrics(const Declaration& d, Evaluation& out);
  void name_apart(std::vector<Metric>& metrics);
  bool gaps(Trained& t, const Declaration& d, Evaluation& out);
  /// What a function that the script gives for `setting` takes at a point: x, the time, then conditions by name, as a
  /// potential does; fewer if it takes fewer. Nothing after a report.
  std::optional<std::vector<Value>> known_at(Trained& t, const Value& f, std::string_view setting, NodeId x, NodeId time);
  bool likelihood(Trained& t, const Declaration& d, const Metric& asked, Evaluation& out);
  bool density(Trained& t, const Declaration& d, Likelihood& out);
  /// Says what keeps ∇· of the drift from being taken, or what it misses.
  bool divergence_exists(Trained& t, Span span, int probes);
  /// What a dynamics says by its member `name` of a point and a time; `noise` may be of the time alone.
  NodeId at_point(const Closure& f, std::string_view name, const std::vector<Value>& at);
  bool weak_form(Trained& t, const Declaration& d, Evaluation& out);
  bool action(Trained& t, const Metric& asked, Evaluation& out);
  /// What the metrics need beside particles.
  bool programs_of_metrics(Trained& t, const Declaration& d, Evaluation& out);
  bool value(const Asked& asked, Program& out);
  Trained* trained(const std::string& name);
  Value as_instance(Value v, DeclarationKind kind, Span span);

  template <Kind kind, class... Args>
  bool fail(Span span, const Args&... args) {
    e_.sink_.report<kind>(span, args...);
    return false;
  }
  ir::Graph& g() { return e_.g(); }

  Elaborator& e_;
  std::vector<std::unique_ptr<Trained>> trained_;
};

Elaborator::Elaborator(const ast::Program& program, const source::Sources& sources, const Options& options,
                       diagnostics::Sink& sink)
    : program_(program), sources_(sources), options_(options), sink_(sink) {
  for (const Declaration& d : program.declarations) {
    if (d.kind == DeclarationKind::Path && !d.parameters.empty()) declarations_["path " + d.name] = &d;
    if (!d.name.empty()) declarations_.try_emplace(d.name, &d);
  }
}

Elaborated Elaborator::run() { return Programs(*this).all(); }

Elaborated elaborate(const ast::Program& program, const source::Sources& sources, const Options& options,
                     diagnostics::Sink& sink) {
  return Elaborator(program, sources, options, sink).run();
}

Elaborated Programs::all() {
  Elaborated out;
  for (const Declaration& d : e_.program_.declarations)
    if (d.kind == DeclarationKind::Train) {
      auto t = std::make_unique<Trained>();
      const size_t reports = e_.sink_.count();
      if (train(d, *t)) trained_.push_back(std::move(t));
      e_.trace(reports, e_.program_[d.value].span);
    }
  for (const Declaration& d : e_.program_.declarations) {
    if (d.kind == DeclarationKind::Sample) {
      Sampling s;
      const size_t reports = e_.sink_.count();
      if (sample(d, s)) out.samplings.push_back(std::move(s));
      e_.trace(reports, d.name_span);
    } else if (d.kind == DeclarationKind::Evaluate) {
      Evaluation v;
      const size_t reports = e_.sink_.count();
      if (evaluation(d, trained(d.model), v) && hold_outs(d, v)) out.evaluations.push_back(std::move(v));
      e_.trace(reports, d.model_span);
    }
  }
  if (const auto& asked = e_.options_.asked) {
    Program program;
    if (value(*asked, program)) out.asked = std::move(program);
  }
  for (auto& t : trained_) out.models.push_back(std::move(t->model));
  return out;
}

// --- programs ---

void Programs::start(Building& building, ParameterStore* store) {
  e_.building_ = &building;
  e_.store_ = store;
  e_.top_ = e_.scope(nullptr, true);
  e_.streams_ = 0;
  e_.estimates_.clear();
  e_.substituted_.clear();
  e_.time_ranges_.clear();
  e_.sizes_.clear();
  e_.drawn_in_.clear();
  e_.conditions_.clear();
  e_.differentiated_.clear();
  e_.time_sampler_.reset();
  e_.work_ = 0;
  e_.objective_ = true;
  e_.probes_ = 0;
  e_.learned_scale_ = ir::kNone;
  e_.training_ = {};
  e_.owner_.clear();
  e_.place_.clear();
}

bool Model::view(data::Coordinates coordinates, const std::vector<std::string>& genes, data::View& out,
                 std::string& what) const {
  out = {.coordinates = coordinates, .frame = frame, .moving = static_cast<size_t>(moving)};
  if (coordinates != data::Coordinates::Genes) {
    if (!genes.empty()) what = "`genes` are named, and `coordinates = genes` would show them";
    return genes.empty();
  }
  if (!frame || !frame->components) {
    what = fmt::format("the data of `{}` have no loadings that lead back to genes: those of `obsm/X_pca` are in `varm/PCs`, "
                       "others are named by `loadings`",
                       name);
    return false;
  }
  const std::vector<std::string>& known = frame->components->names;
  for (const std::string& gene : genes) {
    const auto found = std::find(known.begin(), known.end(), gene);
    if (found == known.end()) {
      const std::string near = diagnostics::nearest(gene, known);
      what = fmt::format("there is no gene `{}`{}", gene, near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
      return false;
    }
    out.genes.push_back(static_cast<size_t>(found - known.begin()));
  }
  return true;
}

Program Programs::finish(Building& building, std::vector<NodeId> outputs, std::vector<std::string> names) {
  return {building.graph, std::move(outputs), std::move(names), building.inputs};
}

NodeId Programs::input(std::string name, Shape shape, bool sampled, Role role, int index) {
  const NodeId node = g().input(std::move(name), shape, sampled);
  e_.building_->inputs.push_back({role, index, nullptr});
  return node;
}

// --- settings ---

ExprId Programs::setting(const Declaration& d, std::string_view name) const {
  const std::string kind(ast::keyword(d.kind));
  const std::string owner = d.kind == DeclarationKind::Evaluate ? d.model : d.name;
  const auto& options = e_.options_;
  if (auto set = options.settings.find(fmt::format("{}.{}.{}", kind, owner, name)); set != options.settings.end())
    return set->second;
  for (const ast::Setting& s : d.settings)
    if (s.name == name) return s.value;
  auto fallback = options.defaults.find(fmt::format("{}.{}", kind, name));
  return fallback == options.defaults.end() ? ExprId{} : fallback->second;
}

Value Programs::setting_value(const Declaration& d, std::string_view name) {
  const ExprId id = setting(d, name);
  if (!id.valid()) return {};
  // A setting whose default is a word takes words.
  auto usual = e_.options_.defaults.find(fmt::format("{}.{}", ast::keyword(d.kind), name));
  ExprId first = usual == e_.options_.defaults.end() ? ExprId{} : usual->second;
  if (first.valid() && e_.program_[first].kind == ExprKind::List) first = e_.program_[first].operands[0];
  const auto word = first.valid() ? builtin_constant(g(), e_.program_[first].text) : std::nullopt;
  e_.prefer_words_ = word && word->get<Word>();
  Value v = e_.evaluate(id, e_.top_);
  e_.prefer_words_ = false;
  return v;
}

double Programs::number_setting(const Declaration& d, std::string_view name, double least, double most,
                                std::string_view range) {
  const auto v = e_.number(setting_value(d, name), fmt::format("the setting `{}`", name));
  if (!v) return least;
  if (*v >= least && *v <= most) return *v;
  fail<Kind::BadSetting>(e_.program_[setting(d, name)].span, name, fmt::format("{:g}", *v), range);
  return least;
}

int Programs::whole_setting(const Declaration& d, std::string_view name, int least, int most) {
  const auto v = e_.number(setting_value(d, name), fmt::format("the setting `{}`", name));
  if (!v) return least;
  if (*v == std::floor(*v) && *v >= least && *v <= most) return static_cast<int>(*v);
  fail<Kind::BadSetting>(e_.program_[setting(d, name)].span, name, fmt::format("{:g}", *v),
                         *v > most ? fmt::format("at most {}", most) : fmt::format("a whole number ≥ {}", least));
  return least;
}

std::vector<double> Programs::numbers_setting(const Value& v, std::string_view name, std::string_view noun, double step) {
  std::vector<double> out;
  if (v.poisoned()) return out;
  if (auto* r = v.get<Range>(); r && !r->text) {
    const double by = r->step == 0 ? step : r->step;
    if (by == 0) {
      auto& x = e_.sink_.report<Kind::BadSetting>(v.origin, name, "a range without a step",
                                                  fmt::format("a list of {} or a range with a step", noun));
      x.suggestion = fmt::format("write `{:g}..{:g} by {:g}`", r->from, r->to, (r->to - r->from) / 10);
      return out;
    }
    const double last = std::floor((r->to - r->from) / by + 1e-9);
    if (!(last < kMostTimes)) {
      fail<Kind::BadSetting>(v.origin, name, fmt::format("a range of {:g} {}", last + 1, noun),
                             fmt::format("at most {} {}", kMostTimes, noun));
      return out;
    }
    const auto n = static_cast<int>(last);
    for (int i = 0; i <= n; ++i) out.push_back(r->from + i * by);
    if (out.empty()) fail<Kind::EmptyRange>(v.origin, fmt::format("{:g}", r->from), fmt::format("{:g}", r->to));
    return out;
  }
  if (auto* list = v.get<List>(); list && list->items.empty()) {
    fail<Kind::BadSetting>(v.origin, name, "an empty list", fmt::format("a list of {}", noun));
    return out;
  }
  const NodeId node = e_.tensor(v, fmt::format("the setting `{}`", name));
  if (!node.valid()) return out;
  const ir::Node& n = g()[node];
  const std::vector<NodeId> parts = n.op == Op::Concat ? n.operands : std::vector<NodeId>{node};
  for (NodeId part : parts) {
    const auto c = ir::constant_value(g(), part);
    if (!c) {
      fail<Kind::NotAConstant>(v.origin, fmt::format("an entry of `{}`", name));
      return {};
    }
    out.push_back(*c);
  }
  return out;
}

std::vector<double> Programs::times_setting(const Value& v, std::string_view name, double step) {
  std::vector<double> out = numbers_setting(v, name, "times", step);
  if (std::adjacent_find(out.begin(), out.end(), std::greater_equal<>()) == out.end()) return out;
  fail<Kind::BadSetting>(v.origin, name, "not increasing", "a list of increasing times");
  return {};
}

/// The settings `seed` and `seeds`, of which one may be given; the command line replaces whichever the script has.
bool Programs::seeds(const Declaration& d, Model& m) {
  const ast::Setting* written = nullptr;
  for (const ast::Setting& s : d.settings)
    if (s.name == "seed" || s.name == "seeds") {
      if (written && written->name != s.name) {
        auto& report = e_.sink_.report<Kind::BadSetting>(s.name_span, s.name, "given beside the other of `seed` and `seeds`",
                                                         "the only one of them");
        report.notes.push_back({written->name_span, fmt::format("`{}` is given here", written->name)});
        return false;
      }
      written = &s;
    }
  const auto from_command_line = [&](const char* name) {
    return e_.options_.settings.count(fmt::format("train.{}.{}", d.name, name)) > 0;
  };
  if (from_command_line("seed") && from_command_line("seeds"))
    return fail<Kind::BadOverride>({}, fmt::format("--set train.{}.seeds", d.name), "`seed` is set too; one of them says it all");
  if (from_command_line("seed") || !setting(d, "seeds").valid()) {
    m.seed = static_cast<uint64_t>(whole_setting(d, "seed", 0));
    return true;
  }
  const Value v = setting_value(d, "seeds");
  const std::vector<double> given = numbers_setting(v, "seeds", "whole numbers", 1);
  if (given.empty()) return false;
  if (given.size() > kMostSeeds)
    return fail<Kind::BadSetting>(v.origin, "seeds", fmt::format("a list of {}", given.size()),
                                  fmt::format("at most {}", kMostSeeds));
  for (const double seed : given) {
    if (seed != std::floor(seed) || seed < 0 || seed > kMostWhole)
      return fail<Kind::BadSetting>(v.origin, "seeds", fmt::format("a list with {:g}", seed), "of whole numbers ≥ 0");
    const auto whole = static_cast<uint64_t>(seed);
    if (std::find(m.seeds.begin(), m.seeds.end(), whole) != m.seeds.end())
      return fail<Kind::BadSetting>(v.origin, "seeds", fmt::format("a list with {} twice", whole),
                                    "of numbers that differ, since a training repeated is the same bits");
    m.seeds.push_back(whole);
  }
  m.seed = m.seeds.front();
  return true;
}

Value Programs::as_instance(Value v, DeclarationKind kind, Span span) {
  if (auto* m = v.get<Maker>()) v = e_.instantiate(*m->declaration, {}, span);
  if (auto* i = v.instance(); i && i->declaration->kind == kind) return v;
  if (!v.poisoned())
    e_.sink_.report<Kind::WrongKindOfValue>(
        span, v.describe(g()),
        fmt::format("{} {}", kind == DeclarationKind::Optimizer ? "an" : "a", ast::keyword(kind)));
  return {};
}

// --- training ---

const Instance* Programs::dynamics(const Declaration& train, Value& keep) {
  e_.training_ = e_.program_[train.value].span;
  keep = as_instance(e_.evaluate(train.value, e_.top_), DeclarationKind::Dynamics, e_.program_[train.value].span);
  return keep.instance();
}

std::shared_ptr<const Instance> Programs::path_of(const Instance& dynamics) const {
  for (const Binding& b : dynamics.scope->bindings)
    if (auto* i = b.value.instance(); i && i->declaration->kind == DeclarationKind::Path)
      return *b.value.get<std::shared_ptr<const Instance>>();
  return nullptr;
}

std::shared_ptr<const Dataset> Programs::data_of(const Instance& dynamics) const {
  for (const Binding& b : dynamics.scope->bindings)
    if (auto data = b.value.dataset(); data && data->samples->times.size() > 1) return data;
  return nullptr;
}

std::shared_ptr<const Dataset> Programs::argument_with_times(const Instance& dynamics) const {
  auto found = data_of(dynamics);
  if (const auto path = path_of(dynamics))
    for (const Binding& binding : path->scope->bindings)
      if (const auto data = binding.value.dataset(); data && data->samples->timed()) found = data;
  return found;
}

const Closure* Programs::learned(const Instance& dynamics) const {
  for (const Binding& b : dynamics.scope->bindings)
    if (auto* c = b.value.get<Closure>(); c && !c->model.empty()) return c;
  return nullptr;
}

bool Programs::train(const Declaration& d, Trained& t) {
  Building b;
  start(b, t);
  t.declaration = &d;
  Model& m = t.model;
  m.name = d.name, m.span = d.name_span;
  m.steps = whole_setting(d, "steps", 1);
  m.batch = whole_setting(d, "batch", 1, kMostBatch);
  if (!seeds(d, m)) return false;
  e_.probes_ = whole_setting(d, "probes", 0, kMostProbes);
  m.average = number_setting(d, "ema", 0, 0.9999999, "between 0 and 1");
  const Value precision = setting_value(d, "precision");
  if (auto* w = precision.get<Word>(); w && w->group == "precision")
    m.f64 = w->name == "f64";
  else if (!precision.poisoned())
    fail<Kind::BadSetting>(precision.origin, "precision", precision.describe(g()), "f32 or f64");
  bool split = false;
  const Value products = setting_value(d, "products");
  if (auto* w = products.get<Word>(); w && w->group == "product")
    split = w->name == "auto" && !m.f64;
  else if (!products.poisoned())
    fail<Kind::BadSetting>(products.origin, "products", products.describe(g()), "auto or plain");

  Value keep;
  const Instance* dyn = dynamics(d, keep);
  if (!dyn) return false;
  // An argument in error may be what is missing.
  for (const Binding& b : dyn->scope->bindings)
    if (b.value.poisoned()) return false;
  if (!learned(*dyn))
    return fail<Kind::WrongKindOfValue>(e_.program_[d.value].span, "a dynamics without a learned function",
                                        "a potential or velocity among its arguments");
  if (auto path = path_of(*dyn)) {
    const auto range = e_.path_range(*path);
    if (!range) return look_further(t), false;
    m.from = range->from, m.to = range->to;
    const NodeId x = e_.draw({PathAt{path, ir::constant(g(), m.from)}, d.name_span}, d.name_span);
    if (!x.valid()) return look_further(t), false;
    if (g()[x].shape.rank > 1)
      return fail<Kind::BadShape>(path->declaration->name_span, "a sample of the path", g()[x].shape.text(),
                                  "a number or a vector");
    if (!conditions(*dyn, *path, x, m)) return false;
  } else if (const auto data = data_of(*dyn)) {
    // An objective over the snapshots alone.
    const data::Snapshots& s = *data->samples;
    m.from = s.times.front(), m.to = s.times.back();
    m.moving = m.dimension = s.dimension;
    for (size_t k = 2; k < learned(*dyn)->parameters->size(); ++k)
      if (const ast::Parameter& p = (*learned(*dyn)->parameters)[k]; !p.fallback.valid())
        return fail<Kind::MissingCondition>(p.span, learned(*dyn)->name, p.name,
                                            fmt::format("the data set `{}`", s.name));
  } else {
    return fail<Kind::WrongKindOfValue>(e_.program_[d.value].span, "a dynamics without a path",
                                        "a path, or a data set with times, among its arguments");
  }
  if (!time_sampler(d)) return false;
  e_.streams_ = 0;
  ScopePtr scope = e_.open(*dyn);
  NodeId total;
  std::vector<NodeId> terms;
  if (!objective(t, *dyn, scope, b, total, terms)) return false;
  if (!optimize(t, d, b, total, terms)) return false;
  t.store.closed = true;
  m.parameters = t.store.parameters;
  t.series = b.series;
  if (!b.asked_for_mass)
    for (const Source& source : b.drawn_from)
      if (!source.samples->masses.empty()) {
        e_.sink_.report<Kind::UnusedMass>(d.name_span, source.samples->name, dyn->declaration->name).suggestion =
            "a dynamics with growth, such as `uam`";
        break;
      }
  if (!draw(t) || !functions(t)) return false;
  for (Program* p : {&m.step, &m.objective, &m.functions}) p->split_products = split;
  return true;
}

bool Programs::time_sampler(const Declaration& d) {
  const Value v = setting_value(d, "time_sampler");
  if (v.poisoned()) return false;
  auto* w = v.get<Word>();
  if (!w || w->group != "time sampler")
    return fail<Kind::BadSetting>(v.origin, "time_sampler", v.describe(g()), "low_discrepancy or importance");
  if (w->name == "low_discrepancy") return true;
  const auto argument = [&](const char* name) { return w->find(name)->numbers[0]; };
  const double bins = argument("bins"), floor = argument("floor"), decay = argument("decay");
  if (bins != std::floor(bins) || bins < 2 || bins > 1024)
    return fail<Kind::BadSetting>(v.origin, "bins", fmt::format("{:g}", bins), "a whole number from 2 to 1024");
  if (!(floor > 0 && floor <= 1))
    return fail<Kind::BadSetting>(v.origin, "floor", fmt::format("{:g}", floor), "above 0 and at most 1");
  if (!(decay > 0 && decay < 1))
    return fail<Kind::BadSetting>(v.origin, "decay", fmt::format("{:g}", decay), "between 0 and 1");
  e_.time_sampler_ = TimeSampler{.bins = static_cast<int>(bins), .floor = floor, .decay = decay, .integrals = {}};
  return true;
}

bool Programs::conditions(const Instance& dynamics, const Instance& path, NodeId x, Model& m) {
  m.moving = m.dimension = g()[x].shape.count();
  const Closure& s = *learned(dynamics);
  ScopePtr drawn = e_.drawn_in(x);
  for (size_t k = 2; k < s.parameters->size(); ++k) {
    const ast::Parameter& p = (*s.parameters)[k];
    if (p.fallback.valid()) continue;
    Binding* b = drawn->find(p.name);
    auto* c = b ? b->value.get<Tensor>() : nullptr;
    if (!c) {
      std::string names;
      for (const Binding& known : drawn->bindings)
        if (known.value.get<Tensor>() && known.name != path.declaration->variables[0].name)
          names += fmt::format("{}`{}`", names.empty() ? "" : ", ", known.name);
      auto& report = e_.sink_.report<Kind::MissingCondition>(p.span, s.name, p.name,
                                                               fmt::format("the path `{}`", path.declaration->name));
      report.suggestion = names.empty() ? fmt::format("draw it there: `{} ~ …`", p.name) : "it has " + names;
      return false;
    }
    if (g()[c->node].shape.rank > 1)
      return fail<Kind::BadShape>(p.span, fmt::format("the condition `{}`", p.name), g()[c->node].shape.text(),
                                  "a number or a vector");
    m.conditions.push_back({p.name, g()[c->node].shape, p.span});
    m.dimension += g()[c->node].shape.count();
  }
  return true;
}

NodeId Programs::carried(const Trained& t, NodeId x, ExprId given, Span span, std::string_view source) {
  const Model& m = t.model;
  if (m.conditions.empty()) return x;
  std::vector<NodeId> parts{e_.as_vector(x)};
  if (given.valid()) {
    Value v = e_.evaluate(given, e_.top_);
    if (v.get<Closure>())
      v = e_.apply(v, {{Tensor{input("i", {}, true, Role::Number)}, span}}, e_.program_[given].span);
    const NodeId node = e_.tensor(v, "`given`");
    if (!node.valid()) return ir::kNone;
    if (g()[node].shape.rank > 1 || g()[node].shape.count() != m.dimension - m.moving) {
      fail<Kind::BadShape>(e_.program_[given].span, "`given`", g()[node].shape.text(),
                           Shape{m.dimension - m.moving}.text());
      return ir::kNone;
    }
    parts.push_back(e_.as_vector(node));
    return ir::concat(g(), parts, 0);
  }
  ScopePtr drawn = e_.drawn_in(x);
  if (!drawn && g()[x].shape.count() == m.dimension) return x;
  for (const Parameter& c : m.conditions) {
    Binding* b = drawn ? drawn->find(c.name) : nullptr;
    auto* node = b ? b->value.get<Tensor>() : nullptr;
    if (!node || !(g()[node->node].shape == c.shape)) {
      e_.sink_.report<Kind::MissingCondition>(span, m.name, c.name, fmt::format("`{}`", source)).suggestion =
          "give it: `given = …`; or draw from the model's path";
      return ir::kNone;
    }
    parts.push_back(e_.as_vector(node->node));
  }
  return ir::concat(g(), parts, 0);
}

NodeId Programs::place(const Trained& t, NodeId point) {
  const Model& m = t.model;
  if (m.conditions.empty()) return point;
  const NodeId x = e_.tidy(ir::slice(g(), point, 0, 0, m.moving));
  ScopePtr drawn = e_.scope(nullptr);
  int at = m.moving;
  for (const Parameter& c : m.conditions) {
    drawn->bind(c.name, {Tensor{e_.tidy(ir::slice(g(), point, 0, at, c.shape.count()))}, c.span});
    at += c.shape.count();
  }
  e_.drawn_in_[x.value] = drawn;
  return x;
}

/// A path in error hides no mistakes elsewhere: those of the objective that come whichever size its samples were to
/// have, of the sizes that the path works with, are reported too.
void Programs::look_further(const Trained& t) {
  const Declaration& d = *t.declaration;
  std::vector<int> sizes = e_.sizes_;
  const bool known = !sizes.empty();
  if (std::any_of(sizes.begin(), sizes.end(), [](int n) { return n > 1; })) std::erase(sizes, 1);
  if (sizes.size() > 3) sizes.resize(3);
  if (!known) sizes = {2, 3, 5};
  using diagnostics::Diagnostic;
  auto same = [&](const Diagnostic& a, const Diagnostic& b) {
    return a.kind == b.kind && a.span == b.span && (known || a.message == b.message);
  };
  std::vector<Diagnostic> common;
  for (size_t k = 0; k < sizes.size(); ++k) {
    Building b;
    Trained scratch{.declaration = &d, .store = {}, .model = {}};
    scratch.model.without = t.model.without;
    start(b, scratch);
    e_.assumed_ = point_shape(sizes[k]);
    const size_t first = e_.sink_.count();
    Value keep;
    NodeId total;
    std::vector<NodeId> terms;
    if (const Instance* dyn = dynamics(d, keep)) objective(scratch, *dyn, e_.open(*dyn), b, total, terms);
    e_.assumed_.reset();
    e_.trace(first, e_.program_[d.value].span);
    const std::vector<Diagnostic> found = e_.sink_.take(first);
    if (k == 0) common = found;
    std::erase_if(common, [&](const Diagnostic& a) {
      const bool depends = a.kind == Kind::TimeOutOfRange || a.kind == Kind::TooMuchWork;
      return depends || diagnostics::info(a.kind).level != diagnostics::Level::Error ||
             std::none_of(found.begin(), found.end(), [&](const Diagnostic& x) { return same(a, x); });
    });
  }
  for (Diagnostic& x : common) e_.sink_.add(std::move(x));
}

const Statement* Programs::minimize_of(const Instance& dynamics) const {
  for (const Statement& s : e_.program_[dynamics.declaration->body].statements)
    if (s.kind == StatementKind::Minimize) return &s;
  return nullptr;
}

bool Programs::objective_terms(const Instance& dynamics, ScopePtr scope, NodeId& total, std::vector<NodeId>& terms,
                               std::vector<Term>& texts) {
  const Statement* minimize = minimize_of(dynamics);
  if (!minimize) return false;  // `check` has reported it
  std::vector<SignedTerm> parts;
  flatten(e_.program_, minimize->value, 1, parts);
  bool fine = true;
  for (const SignedTerm& part : parts) {
    const NodeId node = e_.scalar(e_.evaluate(part.expr, scope), "a term of the objective");
    if (!node.valid()) {
      fine = false;
      continue;
    }
    if (e_.drawn(node)) {
      fine = fail<Kind::SampledObjective>(e_.program_[part.expr].span);
      continue;
    }
    terms.push_back(ir::scale(g(), part.sign, node));
    total = total.valid() ? ir::add(g(), total, terms.back()) : terms.back();
    texts.push_back({(part.sign < 0 ? "− " : "") + e_.text(part.expr), e_.program_[part.expr].span});
  }
  return fine && total.valid();
}

bool Programs::objective(Trained& t, const Instance& dynamics, ScopePtr scope, Building& b, NodeId& total,
                         std::vector<NodeId>& terms) {
  if (!objective_terms(dynamics, scope, total, terms, t.model.terms)) return false;
  t.model.objective_text = e_.text(minimize_of(dynamics)->value);
  std::vector<NodeId> outputs{total};
  std::vector<std::string> names{"objective"};
  for (size_t i = 0; i < terms.size(); ++i) outputs.push_back(terms[i]), names.push_back(fmt::format("term{}", i + 1));
  t.model.objective = finish(b, outputs, names);

  std::vector<std::string> entries;
  for (size_t i = 0; i < t.store.parameters.size(); ++i) {
    if (i >= b.initial.size() || !b.initial[i].valid()) return false;
    entries.push_back(t.store.parameters[i].name);
  }
  if (entries.empty())
    return fail<Kind::WrongKindOfValue>(e_.program_[t.declaration->value].span, "an objective without parameters",
                                        "a potential or velocity with a net or `param` in it");
  t.model.initial = finish(b, b.initial, entries);
  return true;
}

bool Programs::optimize(Trained& t, const Declaration& d, Building& b, NodeId total, std::vector<NodeId> terms) {
  Model& m = t.model;
  const size_t count = t.store.parameters.size();
  // Derivatives are taken of the simplified objective: ∇s and ∂ₜs share their passes there, and so do their adjoints.
  std::vector<int> slots;
  for (size_t i = 0; i < count; ++i)
    slots.push_back(static_cast<int>(g()[b.parameter_nodes.at(static_cast<int>(i))].attributes.index));
  terms.push_back(total);
  const size_t own = terms.size();
  if (e_.time_sampler_)
    for (const auto& integral : e_.time_sampler_->integrals) {
      static constexpr const char* kSums[] = {"count", "first", "second"};
      for (size_t i = 0; i < integral.next.size(); ++i) {
        m.statistics.push_back({fmt::format("{}.{}", integral.name, kSums[i]), g()[integral.next[i]].shape, d.name_span});
        terms.push_back(integral.next[i]);
      }
    }
  simplify::Simplified small = simplify::simplify(g(), terms, simplify::Parts::Keep);
  b.graph = std::move(small.graph);
  b.globals.clear();
  b.data_nodes.clear();
  terms = small.outputs;
  const std::vector<NodeId> statistics(terms.begin() + static_cast<ptrdiff_t>(own), terms.end());
  terms.resize(own);
  total = terms.back();
  terms.pop_back();

  const double clip = number_setting(d, "clip", 1e-30, INFINITY, "positive");
  const Value value =
      as_instance(setting_value(d, "optimizer"), DeclarationKind::Optimizer, e_.program_[setting(d, "optimizer")].span);
  const Instance* optimizer = value.instance();
  if (!optimizer) return false;

  std::vector<NodeId> parameters;
  for (int slot : slots) parameters.push_back(g().slot(static_cast<uint32_t>(slot)));
  std::optional<differentiate::Obstacle> obstacle;
  std::vector<NodeId> gradients = differentiate::gradient(g(), total, {parameters}, ir::kNone, &obstacle);
  if (obstacle) {
    auto& x =
        e_.sink_.report<Kind::NotDifferentiable>(d.name_span, ir::info(g()[obstacle->node].op).name, obstacle->reason);
    x.notes.push_back({g()[obstacle->node].origin, "it is used here"});
    return false;
  }
  NodeId squares = ir::constant(g(), 0);
  for (size_t i = 0; i < count; ++i) {
    if (!gradients[i].valid()) {
      const Parameter& p = t.store.parameters[i];
      e_.sink_.report<Kind::UnreachedParameter>(p.span, p.name, m.name);
      gradients[i] = ir::constant(g(), 0, p.shape);
    }
    squares = ir::add(g(), squares, ir::dot(g(), gradients[i], gradients[i]));
  }
  const NodeId length = ir::unary(g(), Op::Sqrt, squares);
  if (std::isfinite(clip)) {
    const NodeId factor = ir::binary(g(), Op::Min, ir::constant(g(), 1), ir::div(g(), ir::constant(g(), clip), length));
    for (NodeId& gradient : gradients) gradient = ir::scale(g(), factor, gradient);
  }

  const NodeId k = input("step", {}, false, Role::StepNumber), n = ir::constant(g(), m.steps);
  ScopePtr opened = e_.open(*optimizer);
  std::vector<std::string> states;
  for (const Statement& s : e_.program_[optimizer->declaration->body].statements)
    if (s.kind == StatementKind::State) {
      states.push_back(s.name);
      m.initial_states.push_back(e_.number(e_.evaluate(s.value, opened), "the initial value of a state").value_or(0));
    }
  m.states = static_cast<int>(states.size());
  const auto update = e_.member(*optimizer, "update", opened);
  if (!update) return false;  // `check` has reported it
  if (update->parameters->size() != 4)
    return fail<Kind::TooManyArguments>(update->span, "update", Elaborator::arguments_text(update->parameters->size()),
                                        4);

  std::vector<NodeId> next, memory, averages;
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    const Parameter& p = t.store.parameters[i];
    ScopePtr inner = e_.scope(opened, true);
    const Value arguments[] = {
        {Tensor{parameters[i]}, p.span}, {Tensor{gradients[i]}, p.span}, {Tensor{k}, p.span}, {Tensor{n}, p.span}};
    for (int a = 0; a < 4; ++a) inner->bind((*update->parameters)[a].name, arguments[a]);
    for (int s = 0; s < m.states; ++s)
      inner->bind(states[s], {Tensor{input(fmt::format("{}.{}", p.name, states[s]), p.shape, false, Role::State,
                                           static_cast<int>(i) * m.states + s)},
                              p.span});
    const size_t reports = e_.sink_.count();
    const Value result = e_.block(update->body, inner);
    const auto traced = [&](bool fine) {
      e_.trace(reports, e_.program_[setting(d, "optimizer")].span);
      return fine;
    };
    if (result.poisoned()) return traced(false);
    auto keep = [&](const Value& v, std::vector<NodeId>& out) {
      NodeId node = e_.tensor(v, "the result of an update");
      if (!node.valid()) return false;
      if (g()[node].shape.rank == 0 && p.shape.rank > 0) node = ir::fill(g(), node, p.shape);
      if (g()[node].shape.count() != p.shape.count())
        return fail<Kind::BadShape>(update->span, fmt::format("the result of `update` for `{}`", p.name),
                                    g()[node].shape.text(), p.shape.text());
      if (!(g()[node].shape == p.shape)) node = ir::reshape(g(), node, p.shape);
      out.push_back(node);
      return true;
    };
    if (!keep(result, next)) return traced(false);
    for (int s = 0; s < m.states; ++s)
      if (!keep(inner->find(states[s])->value, memory)) return false;
    if (m.average > 0) {
      const NodeId before = input(p.name + ".average", p.shape, false, Role::Average, static_cast<int>(i));
      averages.push_back(ir::add(g(), ir::scale(g(), m.average, before), ir::scale(g(), 1 - m.average, next.back())));
    }
  }
  std::vector<NodeId> outputs;
  for (const auto* group : std::initializer_list<const std::vector<NodeId>*>{&next, &memory, &averages, &statistics})
    for (NodeId node : *group) outputs.push_back(node), names.push_back("");
  const size_t weights = outputs.size();
  outputs.push_back(total), names.push_back("objective");
  outputs.push_back(length), names.push_back("gradient_norm");
  if (const auto rate = e_.member(*optimizer, "rate", opened)) {
    const NodeId node = e_.scalar(e_.call_closure(*rate, {{Tensor{k}, {}}, {Tensor{n}, {}}}, rate->span), "`rate`");
    if (!node.valid()) return false;
    outputs.push_back(node), names.push_back("rate");
  }
  for (size_t i = 0; i < terms.size(); ++i) outputs.push_back(terms[i]), names.push_back(fmt::format("term{}", i + 1));
  m.step = finish(b, outputs, names);
  m.step.held = static_cast<int>(weights);
  return true;
}

// --- the learned functions ---

bool Programs::draw(Trained& t) {
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  if (!dyn) return false;
  const Span span = t.model.span;
  const NodeId time = input("t", {}, false, Role::Time);
  const auto path = path_of(*dyn);
  const Value source = path ? Value{PathAt{path, time}, span} : e_.snapshot_at(data_of(*dyn), time, span);
  const NodeId x = e_.draw(source, span);
  if (!x.valid()) return false;
  t.drawn_from = b.drawn_from;
  if (!units(t)) return false;
  // Of the data behind the path, what has as many coordinates as moves; such as are drawn beside it have others.
  std::set<std::shared_ptr<const data::Snapshots>> made_of;
  for (const Source& each : b.drawn_from)
    if (each.samples->timed() && each.samples->dimension == t.model.moving) made_of.insert(each.samples);
  if (const auto data = argument_with_times(*dyn)) {
    t.model.snapshots = data;
  } else if (made_of.size() == 1) {
    const auto samples = *made_of.begin();
    t.model.snapshots = std::make_shared<const Samples>(
        Samples{samples, std::make_shared<const Values>([samples] { return samples->rows; })});
  }
  t.model.draw = finish(b, {carried(t, x, {}, span, "the path")}, {"x"});
  return true;
}

/// The coordinates of the data are those of the model where it draws samples of as many. What is drawn must agree on
/// them.
bool Programs::units(Trained& t) {
  const Source* first = nullptr;
  for (const Source& source : t.drawn_from) {
    if (source.samples->dimension != t.model.moving) continue;
    if (!first) first = &source;
    if (same_units(first->samples->frame.get(), source.samples->frame.get())) continue;
    warn_of_units(t.model.span, source.samples->name, source.samples->frame.get(), first->samples->name,
                  first->samples->frame.get());
    return true;
  }
  if (first) t.model.frame = first->samples->frame;
  return true;
}

void Programs::warn_of_units(Span span, const std::string& a, const data::Frame* of_a, const std::string& b,
                             const data::Frame* of_b) {
  const std::string& standard = of_b && of_b->standardised() ? b : a;
  e_.sink_.report<Kind::MixedUnits>(span, a, units_text(of_a), b, units_text(of_b)).suggestion =
      fmt::format("`standardise = {}` for the other: both then have the same coordinates", standard);
}

NodeId Programs::at_point(const Closure& f, std::string_view name, const std::vector<Value>& at) {
  const bool timed = name == "noise" && f.parameters->size() == 1;
  return e_.tensor(e_.call_closure(f, timed ? std::vector<Value>{at[1]} : at, f.span), std::string(name));
}

bool Programs::functions(Trained& t) {
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  if (!dyn) return false;
  e_.objective_ = false;
  const Span span = t.model.span;
  const NodeId px = input("x", point_shape(t.model.dimension), true, Role::Point),
               pt = input("t", {}, true, Role::PointTime);
  const NodeId x = ir::variable(g(), place(t, px)), time = ir::variable(g(), pt);
  const std::vector<Value> at{{Tensor{x}, span}, {Tensor{time}, span}};
  std::vector<NodeId> outputs;
  std::vector<std::string> names;
  auto put = [&](std::string name, NodeId node, Shape shape) {
    outputs.push_back(node.valid() ? node : ir::constant(g(), 0, shape));
    names.push_back(std::move(name));
  };
  const Closure* s = learned(*dyn);
  const Value value = e_.apply({*s, span}, at, span);
  const NodeId y = e_.tensor(value, "a learned function");
  if (!y.valid()) return false;
  put("value", y, {});
  if (e_.declaration(s->model)->kind == DeclarationKind::Potential && g()[y].shape.rank == 0) {
    std::optional<differentiate::Obstacle> obstacle;
    const std::vector<NodeId> by{x, time};
    const auto gradients = differentiate::gradient(g(), y, {by}, ir::kNone, &obstacle);
    put("gradient", gradients[0], g()[x].shape);
    put("time_derivative", gradients[1], {});
    put("laplacian", differentiate::laplacian(g(), y, x, {}, &obstacle), {});
  }
  ScopePtr scope = e_.open(*dyn);
  for (const char* name : {"drift", "noise", "growth"}) {
    const auto f = e_.member(*dyn, name, scope);
    if (!f) {
      if (name == std::string_view("drift")) return false;  // `check` has reported it
      continue;
    }
    const NodeId node = at_point(*f, name, at);
    if (!node.valid()) return false;
    const Shape wanted = name == std::string_view("drift") ? g()[x].shape : Shape{};
    if (!(g()[node].shape == wanted))
      return fail<Kind::BadShape>(f->span, fmt::format("`{}`", name), g()[node].shape.text(), wanted.text());
    put(name, node, {});
    if (name == std::string_view("noise")) t.model.has_noise = true;
    if (name == std::string_view("growth")) t.model.has_growth = true;
  }
  t.model.functions = finish(b, outputs, names);
  return true;
}

// --- particles ---

bool Programs::stepper(Trained& t, const Declaration& d, Carried what, Stepper& out, int probes) {
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  const Span span = e_.program_[setting(d, "solver")].span;
  const Value solver_value = as_instance(setting_value(d, "solver"), DeclarationKind::Solver, span);
  const Instance* solver = solver_value.instance();
  if (!dyn || !solver) return false;
  e_.objective_ = false;
  out.text = e_.text(setting(d, "solver"));
  ScopePtr opened = e_.open(*dyn), steps = e_.open(*solver);

  const int dimension = t.model.dimension;
  const NodeId x = input("x", point_shape(dimension), true, Role::Point),
               log_weight = input("log_weight", {}, true, Role::LogWeight);
  const NodeId time = input("t", {}, false, Role::Time), h = input("h", {}, false, Role::TimeStep);
  const auto drift = *e_.member(*dyn, "drift", opened);
  const auto growth = e_.member(*dyn, "growth", opened);
  const auto noise = e_.member(*dyn, "noise", opened);
  // A solver's state is [x, log w] as far as there are weights, integrated together. Conditions are no part of it, so that
  // no step can move them: they join x where the drift is asked for, and behind what comes out.
  const int moving = t.model.moving, still = dimension - moving;
  const NodeId conditions = still > 0 ? ir::slice(g(), x, 0, moving, still) : ir::kNone;
  auto with_conditions = [&](NodeId place) {
    return still > 0 ? ir::concat(g(), {e_.as_vector(place), conditions}, 0) : place;
  };
  const NodeId position = still > 0 ? e_.tidy(ir::slice(g(), x, 0, 0, moving)) : x;
  const bool weighted = growth || what == Carried::Densities;
  // Drawn once for all stages of a step, whose field is then as smooth as the drift.
  std::vector<NodeId> directions;
  for (int k = 0; k < probes; ++k) directions.push_back(e_.signs(point_shape(t.model.moving)));
  auto rate = [&](const Value& point, const Value& velocity, const Value& now) -> Value {
    const Value g_now = growth ? e_.call_closure(*growth, {point, now}, span) : e_.constant(0, span);
    if (what == Carried::Particles || g_now.poisoned()) return g_now;
    NodeId divergence = differentiate::divergence(g(), e_.tensor(velocity, "`drift`"), point.get<Tensor>()->node, {},
                                                  nullptr, directions);
    if (!divergence.valid()) divergence = ir::constant(g(), 0);
    if (probes > 0) divergence = ir::scale(g(), 1.0 / probes, divergence);
    return e_.binary("-", {Tensor{divergence}, span}, g_now, span);
  };
  auto field = [&](const std::vector<Value>& a) -> Value {
    if (a.size() != 2 || a[0].poisoned() || a[1].poisoned()) return {};
    NodeId state = e_.tensor(a[0], "a state");
    if (!state.valid()) return {};
    if (weighted) state = e_.tidy(ir::slice(g(), state, 0, 0, moving));
    const Value point{Tensor{ir::variable(g(), e_.tidy(place(t, with_conditions(state))))}, span};
    const Value v = e_.call_closure(drift, {point, a[1]}, span);
    return v.poisoned() || !weighted ? v : e_.vector_of({v, rate(point, v, a[1])}, span);
  };
  const Value f{
      Native{"drift", {"x", "t"}, std::make_shared<const std::function<Value(const std::vector<Value>&)>>(field)}, span};
  const Value state =
      weighted ? e_.vector_of({{Tensor{position}, span}, {Tensor{log_weight}, span}}, span) : Value{Tensor{position}, span};
  NodeId increment = ir::constant(g(), 0, g()[e_.tensor(state, "a state")].shape);
  if (noise) {
    const Declaration* normal = e_.declaration("normal");
    AM_CHECK(normal, "the standard library has no `normal`");
    const NodeId z = e_.draw(e_.instantiate(*normal, {e_.constant(moving)}, span), span);
    const std::vector<Value> arguments = noise->parameters->size() == 1
                                             ? std::vector<Value>{{Tensor{time}, span}}
                                             : std::vector<Value>{{Tensor{place(t, x)}, span}, {Tensor{time}, span}};
    const NodeId sigma = e_.scalar(e_.call_closure(*noise, arguments, span), "`noise`");
    if (!sigma.valid() || !z.valid()) return false;
    NodeId dw = ir::scale(g(), ir::mul(g(), ir::unary(g(), Op::Sqrt, h), sigma), z);
    if (weighted) dw = ir::concat(g(), {e_.as_vector(dw), ir::constant(g(), 0, Shape{1})}, 0);
    increment = ir::variable(g(), dw);
  }
  const auto step = e_.member(*solver, "step", steps);
  if (!step) return false;  // `check` has reported it
  const Value now{Tensor{time}, span}, width{Tensor{h}, span};
  const uint32_t streams = e_.streams_;
  ++e_.drawing_;  // a step may draw
  const Value next = e_.call_closure(*step, {f, state, now, width, {Tensor{increment}, span}}, span);
  --e_.drawing_;
  const bool draws = e_.streams_ > streams;
  const NodeId y = e_.tensor(next, "a step of a solver");
  if (!y.valid()) return false;
  if (const Shape wanted = g()[e_.tensor(state, "a state")].shape; !(g()[y].shape == wanted))
    return fail<Kind::BadShape>(step->span, "the result of `step`", g()[y].shape.text(), wanted.text());
  const auto unfit = [&](std::string_view how, std::string_view wanted) {
    return fail<Kind::BadSetting>(span, "solver", fmt::format("`{}`, whose step {}", solver->declaration->name, how), wanted);
  };
  // What is drawn moves all of the state, and there is no way back along it.
  if (draws && what == Carried::Densities)
    return unfit("draws", "one that integrates, such as `rk4(steps = 50)`, since likelihoods are carried back along the drift");
  if (draws && weighted)
    return unfit("draws", "one that integrates, such as `euler`, since the dynamics has growth");
  const auto error = e_.member(*solver, "error", steps);
  if (error && (noise || draws))
    return unfit("adapts to a smooth solution",
                 noise ? "one with fixed steps, since the dynamics has noise" : "one with fixed steps, since it draws");
  const std::vector<NodeId> reached = ir::reachable(g(), std::vector<NodeId>{y});
  if (noise && std::find(reached.begin(), reached.end(), increment) == reached.end())
    return unfit("leaves out its argument `noise`", "one that adds it, such as `euler`, since the dynamics has noise");
  const NodeId nx = with_conditions(weighted ? e_.tidy(ir::slice(g(), y, 0, 0, moving)) : y);
  const NodeId nw = weighted ? e_.tidy(ir::slice(g(), y, 0, moving, 1)) : log_weight;
  std::vector<NodeId> outputs{nx, nw};
  std::vector<std::string> names{"x", "log_weight"};
  if (error) {
    const NodeId estimate = e_.scalar(e_.call_closure(*error, {f, state, now, width}, span), "`error`");
    if (!estimate.valid()) return false;
    outputs.push_back(estimate), names.push_back("error");
    Binding* tol = solver->scope->find("tol");
    Binding* order = steps->find("order");
    if (!tol || !order)
      return fail<Kind::MissingMember>(solver->declaration->name_span, "solver", solver->declaration->name,
                                       tol ? "order" : "tol");
    out.tolerance = e_.number(tol->value, "`tol`").value_or(1e-6);
    out.order = e_.whole(order->value, "`order`", 1).value_or(1);
    if (out.tolerance <= 0) return fail<Kind::BadSetting>(span, "tol", fmt::format("{:g}", out.tolerance), "positive");
  } else {
    Binding* per_unit = solver->scope->find("steps");
    if (!per_unit)
      return fail<Kind::MissingMember>(solver->declaration->name_span, "solver", solver->declaration->name, "steps");
    const auto n = e_.number(per_unit->value, "`steps`");
    if (!n) return false;
    if (*n <= 0) return fail<Kind::BadSetting>(span, "steps", fmt::format("{:g}", *n), "positive");
    if (*n > kMostSteps)
      return fail<Kind::BadSetting>(span, "steps", fmt::format("{:g}", *n),
                                    fmt::format("at most {} per unit of time", kMostSteps));
    out.steps_per_unit = *n;
  }
  out.step = finish(b, outputs, names);
  out.step.split_products = t.model.step.split_products;
  return true;
}

Programs::Trained* Programs::trained(const std::string& name) {
  for (auto& t : trained_)
    if (t->model.name == name) return t.get();
  return nullptr;  // `check` has reported the name, or its declaration has errors
}

bool Programs::origin(const Trained* t, const Value& v, ExprId given, Span span, Origin& out, Building& b) {
  if (v.poisoned()) return false;
  if (auto* s = v.get<Snapshot>()) {
    if (const auto k = ir::constant_value(g(), s->group)) {
      out.snapshots = s->data;
      out.group = static_cast<size_t>(*k);
    }
  } else if (auto d = v.dataset(); d && d->samples->groups() == 1) {
    out.snapshots = d;
  }
  NodeId x = e_.draw(v, span);
  if (!x.valid()) return false;
  if (t && (g()[x].shape.count() == t->model.moving || given.valid())) {
    x = carried(*t, x, given, span, e_.sources_.text(span));
    if (!x.valid()) return false;
    if (given.valid()) out.snapshots = nullptr;
  }
  out.dimension = g()[x].shape.count();
  out.draw = finish(b, {x}, {"x"});
  return true;
}

bool Programs::sample(const Declaration& d, Sampling& out) {
  // What is wrong with the settings is said even where the model has errors of its own.
  Trained* t = trained(d.model);
  ParameterStore none;
  out.name = d.name, out.model = d.model, out.span = d.name_span;
  {
    Building b;
    start(b, t ? &t->store : &none);
    out.seed = static_cast<uint64_t>(whole_setting(d, "seed", 0));
    out.times = times_setting(setting_value(d, "times"));
    if (out.times.empty()) return false;
    const ExprId start = setting(d, "start");
    if (!start.valid()) return false;
    if (!origin(t, e_.evaluate(start, e_.top_), setting(d, "given"), e_.program_[start].span, out.start, b))
      return false;
    if (t && out.start.dimension != t->model.dimension)
      return fail<Kind::DimensionMismatch>(e_.program_[start].span, e_.text(start), out.start.dimension, d.model,
                                           t->model.dimension);
    const bool given = setting(d, "count").valid();
    out.count = given ? whole_setting(d, "count", 1) : out.start.snapshots ? out.start.rows() : 1000;
    if (out.start.snapshots && out.count != out.start.rows()) out.start.snapshots = nullptr;
    if (!t || !view(*t, d, out.view)) return false;
    for (double time : out.times)
      if (time < t->model.from - 1e-9 || time > t->model.to + 1e-9)
        return fail<Kind::TimeOutOfRange>(e_.program_[setting(d, "times")].span, fmt::format("{:g}", time),
                                          fmt::format("{:g}", t->model.from), fmt::format("{:g}", t->model.to),
                                          d.model);
    const int carried = t->model.dimension - static_cast<int>(out.view.moving) + static_cast<int>(out.view.width());
    if (!picture(d, carried, out.picture)) return false;
  }
  return stepper(*t, d, Carried::Particles, out.stepper);
}

bool Programs::picture(const Declaration& d, int dimension, std::optional<Picture>& out) {
  const Value v = setting_value(d, "picture");
  if (v.poisoned()) return false;
  auto* w = v.get<Word>();
  if (!w || w->group != "picture")
    return fail<Kind::BadSetting>(v.origin, "picture", v.describe(g()), words_of("picture"));
  if (w->name == "none") return true;
  bool fine = true;
  const auto whole = [&](const char* name, int least) {
    const double n = w->find(name)->numbers[0];
    if (n == std::floor(n) && n >= least && n <= kMostPixels) return static_cast<int>(n);
    fine = fail<Kind::BadSetting>(v.origin, name, fmt::format("{:g}", n),
                                  fmt::format("a whole number from {} to {}", least, kMostPixels));
    return least;
  };
  Picture p{.height = whole("height", 0), .width = whole("width", 0), .channels = whole("channels", 1),
            .rows = whole("rows", 1), .columns = whole("columns", 1)};
  if (!fine) return false;
  if (p.channels != 1 && p.channels != 3)
    return fail<Kind::BadSetting>(v.origin, "channels", p.channels, "1, for grey, or 3, for red, green and blue");
  // What is not said follows from the size of a particle.
  const int pixels = dimension / p.channels;
  if (p.height == 0 && p.width == 0) p.height = p.width = static_cast<int>(std::sqrt(pixels));
  if (p.height == 0) p.height = pixels / p.width;
  if (p.width == 0) p.width = pixels / p.height;
  if (const double numbers = static_cast<double>(p.channels) * p.height * p.width; numbers < 1 || numbers > dimension)
    return fail<Kind::BadSetting>(
        v.origin, "picture",
        fmt::format("of {} by {} pixels in {} channel{}", p.height, p.width, p.channels, p.channels == 1 ? "" : "s"),
        fmt::format("of at most the {} numbers of a particle", dimension));
  const std::vector<double>& range = w->find("range")->numbers;
  if (range.size() != 2 || !(range[0] < range[1]) || !std::isfinite(range[1] - range[0]))
    return fail<Kind::BadSetting>(v.origin, "range", fmt::format("{:g}", fmt::join(range, ", ")),
                                  "from black to white, such as 0..1");
  p.low = range[0], p.high = range[1];
  out = p;
  return true;
}

/// Figures are told apart by their labels.
void Programs::name_apart(std::vector<Metric>& metrics) {
  for (Metric& m : metrics)
    if (std::count_if(metrics.begin(), metrics.end(), [&](const Metric& o) { return o.kind == m.kind; }) > 1)
      m.label = e_.sources_.text(m.span);
}

bool Programs::view(const Trained& t, const Declaration& d, data::View& out) {
  const Value v = setting_value(d, "coordinates");
  if (v.poisoned()) return false;
  const Word* word = v.get<Word>();
  if (!word || word->group != "coordinate")
    return fail<Kind::BadSetting>(v.origin, "coordinates", v.describe(g()), words_of("coordinate"));
  std::vector<std::string> genes;
  const ExprId given = setting(d, "genes");
  if (given.valid()) {
    const auto names = text_list(e_, e_.evaluate(given, e_.top_));
    if (!names) return false;
    genes = *names;
  }
  const auto coordinates = word->name == "genes"      ? data::Coordinates::Genes
                           : word->name == "original" ? data::Coordinates::Original
                                                      : data::Coordinates::Standardised;
  std::string what;
  if (t.model.view(coordinates, genes, out, what)) return true;
  e_.sink_.report<Kind::NoSuchCoordinates>(given.valid() ? e_.program_[given].span : v.origin, what);
  return false;
}

bool Programs::metrics(const Declaration& d, Evaluation& out) {
  const Value v = setting_value(d, "metrics");
  if (v.get<List>() && v.get<List>()->items.empty())
    return fail<Kind::BadSetting>(v.origin, "metrics", "an empty list",
                                  fmt::format("at least one of {}", words_of("metric")));
  const std::vector<Value> one{v};
  const std::vector<Value>& items = v.get<List>() ? v.get<List>()->items : one;
  for (const Value& item : items) {
    auto* w = item.get<Word>();
    if (item.poisoned()) return false;
    if (!w || w->group != "metric")
      return fail<Kind::WrongKindOfValue>(item.origin, item.describe(g()),
                                          fmt::format("a metric: {}", words_of("metric")));
    Metric m{.kind = metrics::find(w->name), .arguments = {}, .label = w->name, .span = item.origin};
    for (const metrics::Parameter& p : m.kind->parameters) {
      const Word::Argument& given = *w->find(p.name);
      for (double value : given.numbers)
        if (!p.fits(value))
          return fail<Kind::BadSetting>(item.origin, p.name, fmt::format("{:g}", value), p.range);
      m.arguments.push_back({given.name, given.numbers, given.word});
    }
    out.metrics.push_back(m);
  }
  name_apart(out.metrics);
  return true;
}

bool Programs::evaluation(const Declaration& d, Trained* t, Evaluation& out) {
  ParameterStore none;
  out.model = d.model, out.span = d.model_span;
  Building b;
  start(b, t ? &t->store : &none);
  out.seed = static_cast<uint64_t>(whole_setting(d, "seed", 0));
  out.repeats = whole_setting(d, "repeats", 1);
  const Value mode = setting_value(d, "mode");
  if (auto* w = mode.get<Word>(); w && w->group == "mode")
    out.one_step = w->name == "one_step";
  else if (!mode.poisoned())
    return fail<Kind::BadSetting>(mode.origin, "mode", mode.describe(g()), "one_step or from_start");
  if (!metrics(d, out) || !t) return false;

  const ExprId against = setting(d, "against");
  if (!against.valid()) return false;
  const Span span = e_.program_[against].span;
  out.against_text = e_.text(against);
  const Value reference = e_.evaluate(against, e_.top_);
  if (reference.poisoned()) return false;
  int dimension = 0;
  std::vector<Source> drawn_from;
  if (auto data = reference.dataset()) {
    // What is standardised by data that had a time held out has other units than the script's.
    if (t->model.without) data = in_units(e_, data, t->model.frame);
    if (data->origin.samples) drawn_from.push_back(data->origin);
    out.against = data;
    dimension = data->samples->dimension;
    if (!data->samples->timed())
      return fail<Kind::WrongKindOfValue>(span,
                                          fmt::format("the data set `{}`, which has no times", data->samples->name),
                                          "a data set with times, or a path");
    out.times = spread_out(data->samples->times);
  } else if (auto* i = reference.instance(); i && i->declaration->kind == DeclarationKind::Path) {
    const NodeId time = input("t", {}, false, Role::Time);
    NodeId x = e_.draw({PathAt{*reference.get<std::shared_ptr<const Instance>>(), time}, span}, span);
    if (!x.valid()) return false;
    if (g()[x].shape.count() == t->model.moving) x = carried(*t, x, {}, span, out.against_text);
    if (!x.valid()) return false;
    dimension = g()[x].shape.count();
    out.against_path = true;
    drawn_from = b.drawn_from;
    out.against_draw = finish(b, {x}, {"x"});
    for (int k = 0; k <= 4; ++k) out.times.push_back(t->model.from + (t->model.to - t->model.from) * k / 4);
  } else {
    return fail<Kind::WrongKindOfValue>(span, reference.describe(g()), "a path or a data set with times");
  }
  if (dimension != t->model.dimension)
    return fail<Kind::DimensionMismatch>(span, out.against_text, dimension, d.model, t->model.dimension);
  const auto trained_on = [&](const Source& source) {
    return std::any_of(t->drawn_from.begin(), t->drawn_from.end(),
                       [&](const Source& other) { return share_rows(source, other); });
  };
  if (std::any_of(drawn_from.begin(), drawn_from.end(), trained_on))
    e_.sink_.report<Kind::DataUsedTwice>(span, out.against_text, d.model).suggestion =
        "samples that were held out: `held_out(…)` of data that keep a part of their rows, or another file";
  for (const Source& source : drawn_from)
    if (source.samples->dimension == t->model.moving && !same_units(source.samples->frame.get(), t->model.frame.get())) {
      warn_of_units(span, source.samples->name, source.samples->frame.get(), d.model, t->model.frame.get());
      break;
    }
  if (const ExprId times = setting(d, "times"); times.valid()) {
    out.times = times_setting(e_.evaluate(times, e_.top_));
    for (double time : out.times)
      if (out.against && !out.against->samples->at(time))
        return fail<Kind::MissingTime>(e_.program_[times].span, out.against_text, fmt::format("{:g}", time));
  }
  if (out.times.size() < 2)
    return out.times.empty()
               ? false
               : fail<Kind::BadSetting>(span, "times", "one time only", "a start and at least one time of comparison");
  for (double time : out.times)
    if (time < t->model.from - 1e-9 || time > t->model.to + 1e-9)
      return fail<Kind::TimeOutOfRange>(setting(d, "times").valid() ? e_.program_[setting(d, "times")].span : span,
                                        fmt::format("{:g}", time), fmt::format("{:g}", t->model.from),
                                        fmt::format("{:g}", t->model.to), d.model);
  Value keep;
  if (const Instance* dyn = dynamics(*t->declaration, keep)) {
    out.training = argument_with_times(*dyn);
    if (const auto data = std::static_pointer_cast<const Dataset>(out.training); data && t->model.without)
      out.training = in_units(e_, data, t->model.frame);
  }
  if (setting(d, "count").valid()) out.count = whole_setting(d, "count", 2);
  if (!stepper(*t, d, Carried::Particles, out.stepper)) return false;
  if (!gaps(*t, d, out)) return false;
  return programs_of_metrics(*t, d, out);
}

bool Programs::programs_of_metrics(Trained& t, const Declaration& d, Evaluation& out) {
  const Metric* of_density = nullptr;
  const auto probes_of = [](const Metric& m) { return metrics::argument(m.arguments, "probes").numbers[0]; };
  for (const Metric& m : out.metrics) switch (m.kind->of) {
      case metrics::Of::Clouds: break;
      case metrics::Of::Likelihood:
        // All are made of the same densities.
        if (of_density && (of_density->kind == m.kind || probes_of(*of_density) != probes_of(m)))
          return fail<Kind::BadSetting>(m.span, "metrics",
                                        of_density->kind == m.kind ? fmt::format("a list with two of `{}`", m.kind->name)
                                                                   : "a list that asks for two kinds of `probes`",
                                        "one with one");
        if (!of_density && !likelihood(t, d, m, out)) return false;
        of_density = &m;
        break;
      case metrics::Of::Mass:
        if (!t.model.has_growth)
          return fail<Kind::WrongKindOfValue>(
              m.span, fmt::format("`{}` of a dynamics without `growth`, which keeps its mass", m.kind->name),
              "a distance between samples");
        break;
      case metrics::Of::WeakForm: {
        const bool carried = metrics::argument(m.arguments, "carried").numbers[0] == 1;
        if (out.against_path && !carried && !out.weak_form && !weak_form(t, d, out)) return false;
        break;
      }
      case metrics::Of::Path:
        if (!out.action && !action(t, m, out)) return false;
        break;
    }
  // Of these there is no figure at each time.
  std::erase_if(out.metrics, [](const Metric& m) { return m.kind->of == metrics::Of::Path; });
  if (out.likelihood) return true;
  if (const ExprId given = setting(d, "density"); given.valid())
    return fail<Kind::BadSetting>(e_.program_[given].span, "density", "given without the metrics `nll` and `bpd`",
                                  "left out, or `metrics = nll` added");
  return true;
}

// --- hold-outs ---

bool Programs::hold_outs(const Declaration& d, Evaluation& out) {
  const ExprId given = setting(d, "hold_out");
  if (!given.valid()) return true;
  std::vector<double> times;
  {
    Building b;
    ParameterStore none;
    start(b, &none);
    times = times_setting(setting_value(d, "hold_out"), "hold_out", 1);
  }
  bool fine = !times.empty();
  const Expr& e = e_.program_[given];
  for (size_t k = 0; k < times.size(); ++k) {
    const bool listed = e.kind == ExprKind::List && e.operands.size() == times.size();
    HoldOut& h = out.hold_outs.emplace_back();
    fine = hold_out(d, times[k], listed ? e_.program_[e.operands[k]].span : e.span, out, h) && fine;
  }
  return fine;
}

/// The script once more, with data that have no samples at `time`. What was reported of it as it stands is not reported
/// again; what is wrong without the time alone says so.
bool Programs::hold_out(const Declaration& d, double time, Span span, const Evaluation& whole, HoldOut& out) {
  const Trained& full = *trained(d.model);
  const std::string shown = fmt::format("{:g}", time);
  auto refuse = [&](const std::string& why) { return fail<Kind::CannotHoldOut>(span, shown, d.model, why); };
  if (full.series.empty()) return refuse("it is trained on a path that is not made of snapshots");
  const auto has_time = [&](const std::shared_ptr<const Dataset>& data) { return data->samples->at(time).has_value(); };
  const auto held = std::find_if(full.series.begin(), full.series.end(), has_time);
  const data::Snapshots& s = *(held == full.series.end() ? full.series.front() : *held)->samples;
  auto missing = [&](const data::Snapshots& data, const std::string& name, double at) {
    std::vector<std::string> known;
    for (const double t : data.times) known.push_back(fmt::format("{:g}", t));
    e_.sink_.report<Kind::MissingTime>(span, name, fmt::format("{:g}", at)).suggestion =
        fmt::format("its times are {}", fmt::join(known, ", "));
    return false;
  };
  if (held == full.series.end()) return missing(s, s.name, time);
  const size_t k = *s.at(time);
  const double from = !whole.one_step ? whole.times.front() : k > 0 ? s.times[k - 1] : time;
  if (!(from < time)) return refuse("it is the first one, and particles are carried from a time before it");
  if (whole.against)
    for (const double t : {from, time})
      if (!whole.against->samples->at(t)) return missing(*whole.against->samples, whole.against_text, t);

  const size_t reports = e_.sink_.count();
  Trained t;
  t.model.without = time;
  bool fine = train(*full.declaration, t);
  if (fine && (time < t.model.from - 1e-9 || time > t.model.to + 1e-9))
    return refuse(fmt::format("without it the path goes over {:g}..{:g}", t.model.from, t.model.to));
  fine = fine && evaluation(d, &t, out.evaluation);
  e_.trace(reports, e_.program_[full.declaration->value].span);
  e_.sink_.annotate(reports, {span, fmt::format("this is so without the samples at time {}", shown)},
                    [](const diagnostics::Diagnostic& x) { return diagnostics::info(x.kind).level == diagnostics::Level::Error; });
  if (!fine) return false;
  out.evaluation.times = {from, time};
  out.evaluation.over_path = false;
  out.model = std::move(t.model);
  return true;
}

// --- likelihoods ---

bool Programs::likelihood(Trained& t, const Declaration& d, const Metric& asked, Evaluation& out) {
  if (!setting(d, "density").valid()) {
    e_.sink_.report<Kind::MissingSetting>(asked.span, asked.kind->name, "density").suggestion =
        "the log-density at the first time, such as `density = fn(x) normal_log_density(x)`";
    return false;
  }
  if (t.model.has_noise) {
    e_.sink_.report<Kind::WrongKindOfValue>(asked.span,
                                            fmt::format("`{}` of a dynamics with `noise`, along which the density does "
                                                        "not follow from the drift alone",
                                                        asked.kind->name),
                                            "a distance between samples")
        .suggestion = "`mmd`, `energy`, `w1` or `w2`";
    return false;
  }
  if (out.one_step)
    return fail<Kind::BadSetting>(e_.program_[setting(d, "mode")].span, "mode", "one_step",
                                  fmt::format("from_start: `{}` needs the density that it starts from", asked.kind->name));
  Likelihood& l = out.likelihood.emplace();
  const int probes = static_cast<int>(metrics::argument(asked.arguments, "probes").numbers[0]);
  return density(t, d, l) && divergence_exists(t, asked.span, probes) &&
         stepper(t, d, Carried::Densities, l.back, probes);
}

bool Programs::divergence_exists(Trained& t, Span span, int probes) {
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  if (!dyn) return false;
  e_.objective_ = false;
  const NodeId x =
      ir::variable(g(), place(t, input("x", point_shape(t.model.dimension), true, Role::Point)));
  const NodeId time = input("t", {}, false, Role::Time);
  const auto drift = *e_.member(*dyn, "drift", e_.open(*dyn));
  const NodeId v = e_.tensor(e_.call_closure(drift, {{Tensor{x}, span}, {Tensor{time}, span}}, span), "`drift`");
  if (!v.valid()) return false;
  std::optional<differentiate::Obstacle> obstacle;
  const NodeId sum = differentiate::divergence(g(), v, x, {}, &obstacle);
  if (!obstacle) e_.warn_of_kinks(v, x, span, "∇·drift", 0);
  if (constexpr int kMany = 100; probes == 0 && t.model.moving > kMany && sum.valid())
    e_.sink_.report<Kind::ExactInManyDimensions>(span, "∇·drift", t.model.moving).suggestion =
        "`nll(probes = 8)` estimates it by Hutchinson's probes, without bias";
  return !e_.derived(sum, {}, obstacle, span, "").poisoned();
}

bool Programs::density(Trained& t, const Declaration& d, Likelihood& out) {
  Building b;
  start(b, t);
  e_.objective_ = false;
  const ExprId given = setting(d, "density");
  const Span span = e_.program_[given].span;
  out.text = e_.text(given);
  const Value f = e_.evaluate(given, e_.top_);
  if (f.poisoned()) return false;
  if (!f.get<Closure>()) {
    e_.sink_.report<Kind::WrongKindOfValue>(span, f.describe(g()), "the log-density as a function fn(x) or fn(x, t)")
        .suggestion = "`fn(x) normal_log_density(x)`, or that of another distribution";
    return false;
  }
  const NodeId x = place(t, input("x", point_shape(t.model.dimension), true, Role::Point)),
               time = input("t", {}, false, Role::Time);
  const auto arguments = known_at(t, f, "density", x, time);
  if (!arguments) return false;
  if (arguments->empty()) return fail<Kind::BadSetting>(span, "density", "a function of nothing", "one of x, or of x and t");
  out.known = arguments->size() > 1;
  const NodeId y = e_.scalar(e_.apply(f, *arguments, span), "the log-density");
  if (!y.valid()) return false;
  out.density = finish(b, {y}, {"log_density"});
  return true;
}

std::optional<std::vector<Value>> Programs::known_at(Trained& t, const Value& f, std::string_view setting, NodeId x,
                                                     NodeId time) {
  std::vector<Value> out{{Tensor{x}, f.origin}, {Tensor{time}, f.origin}};
  const Closure* c = f.get<Closure>();
  if (!c) return out;
  ScopePtr conditions = e_.drawn_in(x);
  size_t taken = 0;
  for (const ast::Parameter& p : *c->parameters) {
    if (p.fallback.valid()) break;
    if (++taken <= out.size()) continue;
    Binding* condition = conditions ? conditions->find(p.name) : nullptr;
    if (!condition) {
      e_.sink_.report<Kind::MissingCondition>(p.span, setting, p.name, fmt::format("`{}`", t.model.name));
      return {};
    }
    out.push_back(condition->value);
  }
  out.resize(std::min(out.size(), taken));
  return out;
}

bool Programs::gaps(Trained& t, const Declaration& d, Evaluation& out) {
  struct Known {
    std::string_view setting, member, text;
    bool& there;
    std::vector<std::string> outputs;
  };
  const Known all[] = {{"velocity", "drift", "the known velocity", out.has_velocity, {"gap", "action"}},
                       {"growth", "growth", "the known growth", out.has_growth, {"growth_gap", "growth_square"}}};
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  e_.objective_ = false;
  const auto path = dyn ? path_of(*dyn) : nullptr;
  const double length = t.model.to - t.model.from;
  std::vector<NodeId> outputs;
  std::vector<std::string> names;
  NodeId x = ir::kNone, time = ir::kNone;
  for (const Known& known : all) {
    const ExprId given = setting(d, known.setting);
    if (!given.valid()) continue;
    const Span span = e_.program_[given].span;
    if (!path)
      return fail<Kind::WrongKindOfValue>(span, fmt::format("a {} for a model without a path", known.text.substr(4)),
                                          "a path to take the mean of the gap over");
    const Value f = e_.evaluate(given, e_.top_);
    if (f.poisoned()) return false;
    if (!x.valid()) {
      const NodeId u = g().add(Op::Weyl, {}, {.index = e_.streams_++});
      time = ir::variable(g(), ir::add(g(), ir::constant(g(), t.model.from), ir::scale(g(), length, u)));
      const NodeId drawn = e_.draw({PathAt{path, time}, span}, span);
      if (!drawn.valid()) return false;
      x = e_.tidy(ir::variable(g(), drawn));
    }
    const auto learned = e_.member(*dyn, known.member, e_.open(*dyn));
    if (!learned)
      return fail<Kind::WrongKindOfValue>(span, fmt::format("a {} for a dynamics without any", known.text.substr(4)),
                                          fmt::format("a dynamics with `{}`", known.member));
    const auto at = known_at(t, f, known.setting, x, time);
    if (!at) return false;
    const NodeId exact = e_.tensor(e_.apply(f, *at, span), known.text);
    const NodeId found =
        e_.tensor(e_.call_closure(*learned, {{Tensor{x}, span}, {Tensor{time}, span}}, span), fmt::format("`{}`", known.member));
    if (!exact.valid() || !found.valid()) return false;
    if (!(g()[exact].shape == g()[found].shape))
      return fail<Kind::BadShape>(span, std::string(known.text), g()[exact].shape.text(), g()[found].shape.text());
    for (const NodeId v : {ir::sub(g(), found, exact), exact})
      outputs.push_back(ir::mean(g(), ir::scale(g(), 0.5 * length, ir::dot(g(), v, v))));
    names.insert(names.end(), known.outputs.begin(), known.outputs.end());
    known.there = true;
  }
  if (!outputs.empty()) out.gap = finish(b, outputs, names);
  return true;
}

bool Programs::weak_form(Trained& t, const Declaration& d, Evaluation& out) {
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  if (!dyn) return false;
  e_.objective_ = false;
  const ExprId against = setting(d, "against");
  const Span span = e_.program_[against].span;
  const Value reference = e_.evaluate(against, e_.top_);
  const NodeId from = input("t", {}, false, Role::Time), length = input("h", {}, false, Role::TimeStep);
  const NodeId time = ir::variable(g(), ir::add(g(), from, ir::mul(g(), length, e_.uniform(1))));
  NodeId x = e_.draw({PathAt{*reference.get<std::shared_ptr<const Instance>>(), time}, span}, span);
  if (x.valid() && g()[x].shape.count() == t.model.moving) x = carried(t, x, {}, span, out.against_text);
  if (!x.valid()) return false;
  const std::vector<Value> at{{Tensor{ir::variable(g(), place(t, x))}, span}, {Tensor{time}, span}};
  std::vector<NodeId> outputs{x};
  std::vector<std::string> names{"x"};
  ScopePtr scope = e_.open(*dyn);
  for (const char* name : {"drift", "noise", "growth"}) {
    const auto f = e_.member(*dyn, name, scope);
    if (!f) continue;
    const NodeId y = at_point(*f, name, at);
    if (!y.valid()) return false;
    outputs.push_back(y), names.push_back(name);
  }
  out.weak_form = finish(b, outputs, names);
  return true;
}

/// Of an objective L(s) = B(s) + ∫E F(s) with B linear in s, such as that of `am` and its relatives, d/dα L(αs) − L(s) at
/// α = 1 is ∫E [F′(s)·s − F(s)]: the linear part drops out, and of F = ½|∇s|² + s²/(4λ) that is F again; of a conjugate
/// cost c*(∇s) it is c(∇c*(∇s)), the cost of the drift.
bool Programs::action(Trained& t, const Metric& asked, Evaluation& out) {
  Building b;
  start(b, t);
  Value keep;
  const Instance* dyn = dynamics(*t.declaration, keep);
  if (!dyn) return false;
  ScopePtr scope = e_.open(*dyn);
  if (e_.declaration(learned(*dyn)->model)->kind == DeclarationKind::Potential) {
    const NodeId one = ir::variable(g(), ir::constant(g(), 1));
    e_.learned_scale_ = one;
    e_.probes_ = whole_setting(*t.declaration, "probes", 0, kMostProbes);
    const size_t reports = e_.sink_.count();
    NodeId total;
    std::vector<NodeId> terms;
    std::vector<Term> texts;
    const bool fine = objective_terms(*dyn, scope, total, terms, texts);
    e_.sink_.take(reports);  // what there is to say about the objective was said of the training
    AM_CHECK(fine, "an objective that trains and cannot be scaled");
    const NodeId slope = differentiate::directional(g(), total, {std::vector{one}}, std::vector{ir::constant(g(), 1)});
    const NodeId bound = ir::neg(g(), total);
    out.action = finish(b, {slope.valid() ? ir::add(g(), slope, bound) : bound, bound}, {"action", "bound"});
    return true;
  }
  e_.objective_ = false;
  const auto path = path_of(*dyn);
  if (!path)
    return fail<Kind::WrongKindOfValue>(asked.span, "the action of a velocity without a path",
                                        "a path to take its mean over");
  const double length = t.model.to - t.model.from;
  const NodeId u = g().add(Op::Weyl, {}, {.index = e_.streams_++});
  const NodeId time = ir::variable(g(), ir::add(g(), ir::constant(g(), t.model.from), ir::scale(g(), length, u)));
  const NodeId x = e_.draw({PathAt{path, time}, asked.span}, asked.span);
  if (!x.valid()) return false;
  const std::vector<Value> at{e_.make(ir::variable(g(), x), asked.span), {Tensor{time}, asked.span}};
  const NodeId v = e_.tensor(e_.call_closure(*e_.member(*dyn, "drift", scope), at, asked.span), "`drift`");
  if (!v.valid()) return false;
  out.action = finish(b, {ir::mean(g(), ir::scale(g(), 0.5 * length, ir::dot(g(), v, v)))}, {"action"});
  return true;
}

bool Programs::value(const Asked& asked, Program& out) {
  Trained* t = !asked.model.empty() ? trained(asked.model) : trained_.empty() ? nullptr : trained_[0].get();
  if (!t) return false;
  Building b;
  start(b, *t);
  Value keep;
  const Instance* dyn = dynamics(*t->declaration, keep);
  if (!dyn) return false;
  ScopePtr scope = e_.scope(e_.open(*dyn), true);
  const auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const Span span = e_.program_[asked.expression].span;
  bool fine = true;
  for (const std::string& name : asked.variables) {
    Shape shape;
    if (auto said = asked.shapes.find(name); said != asked.shapes.end()) {
      shape = said->second;
    } else if (among(asked.points, name)) {
      shape = point_shape(t->model.dimension);
    } else if (!among(asked.times, name)) {
      auto& report = e_.sink_.report<Kind::UnknownShape>(span, name);
      std::vector<std::string> known;
      for (const Declaration& d : e_.program_.declarations) known.push_back(d.name);
      // Of short names anything is near.
      const std::string near = name.size() > 2 ? diagnostics::nearest(name, known) : "";
      report.suggestion =
          near.empty() ? fmt::format("`--shape {}=3` makes it a vector of three, `--shape {}=1` a number", name, name)
                       : fmt::format("did you mean `{}`? `--shape {}=3` makes it a vector of three", near, name);
      fine = false;
      continue;
    }
    const NodeId node = input(name, shape, true, shape.rank == 0 ? Role::PointTime : Role::Point);
    scope->bind(name, {Tensor{ir::variable(g(), node)}, span}, true);
  }
  if (!fine) return false;
  const NodeId node = e_.tensor(e_.evaluate(asked.expression, scope), "what is to be derived");
  if (!node.valid()) return false;
  out = finish(b, {node}, {"value"});
  return true;
}

}  // namespace am::elaborate
