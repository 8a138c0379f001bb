// Commands that train nothing: check, emit, derive, data, info, eval.
#include <algorithm>
#include <cmath>

#include "amc/program.h"
#include "amc/progress.h"
#include "compiler/derive/derive.h"
#include "compiler/differentiate/differentiate.h"
#include "compiler/ir/build.h"
#include "compiler/simplify/simplify.h"
#include "runtime/data/data.h"
#include "runtime/data/npz.h"

namespace am::program {

using diagnostics::Kind;
using diagnostics::make;

namespace {

const elaborate::Model* choose_model(const Arguments& a, const Script& script) {
  const auto& models = script.elaborated.models;
  const elaborate::Model* m =
      a.model.empty() ? (models.empty() ? nullptr : &models[0]) : script.elaborated.model(a.model);
  if (!m)
    complain(a,
             make<Kind::BadCommandLine>({}, models.empty() ? "the script trains no model"
                                                           : fmt::format("the script trains no model `{}`", a.model)));
  return m;
}

std::string mebibytes(size_t bytes) { return fmt::format("{:.2f} MiB", static_cast<double>(bytes) / (1 << 20)); }

void print_cache(const jit::Cache& cache) {
  if (cache.folder().empty()) {
    fmt::print("cache off\n");
    return;
  }
  const jit::Cache::Usage used = cache.usage();
  fmt::print("cache {}: {} compiled program{}, {} of at most {}\n", cache.folder(), grouped(static_cast<long long>(used.entries)),
             used.entries == 1 ? "" : "s", mebibytes(used.bytes), mebibytes(used.limit));
}

void print_plan(const elaborate::Model& m, const lower::Target& target) {
  const lower::Plan plan = plan_of(m, target);
  fmt::print("{}: training step of {} samples\n", m.name, m.batch);
  fmt::print("  tile {} samples, vectors of {} lanes, {} phase{}\n", plan.tile, plan.lanes, plan.phases,
             plan.phases == 1 ? "" : "s");
  fmt::print("  memory: {} shared, {} a thread, {} for each of {} groups of tiles\n", mebibytes(plan.shared_bytes),
             mebibytes(plan.tile_bytes), mebibytes(plan.partial_bytes), plan.groups);
  const double straight = plan.flops_contract - plan.flops_transposed - plan.flops_sums;
  fmt::print("  work: {:.1f} kflop a sample in products ({:.1f} weights × samples, {:.1f} transposed, {:.1f} summed over samples), "
             "{:.1f} k elementwise operations\n",
             plan.flops_contract / 1e3, straight / 1e3, plan.flops_transposed / 1e3, plan.flops_sums / 1e3,
             plan.flops_other / 1e3);
  fmt::print("  {:.1f} Mflop a step in products; predicted {:.0f} % of one core's peak rate of multiply-adds\n",
             plan.flops_contract * m.batch / 1e6, 100 * plan.share_of_peak);
  if (!m.step.split_products) return;
  if (lower::has_bf16_tiles(target)) fmt::print("  {} products on tiles of bf16\n", plan.split_products);
  else fmt::print("  no products on tiles of bf16: this processor has none\n");
}

}  // namespace

int check(const Arguments& a) {
  int code = kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  const auto machine = machine_of(a, code);
  if (!machine) return code;
  for (const auto& m : script->elaborated.models) {
    const lower::Plan plan = plan_of(m, machine->target);
    long long parameters = 0;
    for (const auto& p : m.parameters) parameters += p.shape.count();
    fmt::print("{}: R[{}], t in {:g}..{:g}, {} parameter{}, tile {}, {} working memory\n", m.name, m.dimension, m.from,
               m.to, grouped(parameters), parameters == 1 ? "" : "s", plan.tile,
               mebibytes(plan.shared_bytes + plan.tile_bytes + plan.partial_bytes));
  }
  fmt::print("{}: no errors\n", a.file);
  return kDone;
}

int emit(const Arguments& a) {
  int code = kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  const auto machine = machine_of(a, code);
  if (!machine) return code;
  std::string error;
  const std::string text = am::emit(*script, a.stage, a.model, machine->target, error);
  if (!error.empty()) return complain(a, make<Kind::BadCommandLine>({}, error));
  fmt::print("{}", text);
  return kDone;
}

namespace {

/// The output of Model::functions that an expression such as "∇s", "grad s" or "drift" asks for, where `s` is what the
/// model learns; empty if none.
std::string function_named(const Script& script, const elaborate::Model& m, std::string_view expression) {
  std::string e;
  for (char c : expression)
    if (c != ' ') e += c;
  if (const size_t call = e.find('('); call != std::string::npos) e.resize(call);
  for (size_t i = script.own; i < script.program.declarations.size(); ++i) {
    const auto& d = script.program.declarations[i];
    if (d.kind != ast::DeclarationKind::Potential && d.kind != ast::DeclarationKind::Velocity) continue;
    // A parameter is called after the function it belongs to: "s.mlp.linear.W".
    if (!m.parameters[0].name.starts_with(d.name + ".")) continue;
    if (e == d.name) return "value";
    if (e == "∇" + d.name || e == "grad" + d.name) return "gradient";
    if (e == "∂t" + d.name || e == "d[t]" + d.name || e == "∂ₜ" + d.name) return "time_derivative";
    if (e == "Δ" + d.name || e == "∆" + d.name || e == "lap" + d.name) return "laplacian";
  }
  const auto& names = m.functions.names;
  return std::find(names.begin(), names.end(), e) == names.end() ? "" : e;
}

}  // namespace

bool of_objective(std::string_view expression) { return expression.ends_with("objective"); }

namespace {

/// The objective, or its gradient by a parameter, simplified. On failure says why.
std::optional<simplify::Simplified> of_objective(const Arguments& a, const elaborate::Model& m) {
  const std::string& expression = a.expression;
  const ir::NodeId objective = m.objective.outputs[0];
  if (expression == "objective") return simplify::simplify(m.objective.graph, {&objective, 1});
  const size_t open = expression.find('['), close = expression.find(']');
  const std::string name =
      close == std::string::npos || open > close ? "" : expression.substr(open + 1, close - open - 1);
  std::vector<std::string> known;
  for (const auto& p : m.parameters) known.push_back(p.name);
  ir::Graph g = m.objective.graph;
  for (uint32_t slot = 0; slot < g.slots().size(); ++slot)
    if (m.objective.inputs[slot].role == elaborate::Role::Parameter && g.slots()[slot].name == name) {
      const ir::NodeId by = g.slot(slot), gradient = differentiate::gradient(g, objective, {{&by, 1}})[0];
      const ir::NodeId output = gradient.valid() ? gradient : ir::constant(g, 0, g.slots()[slot].shape);
      return simplify::simplify(g, {&output, 1});
    }
  complain(a, make<Kind::BadCommandLine>({}, fmt::format("`{}`: write `objective`, or `∇[PARAMETER] objective` with one of {}",
                                                         expression, fmt::join(known, ", "))));
  return {};
}

}  // namespace

int derive(const Arguments& a) {
  int code = kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  const elaborate::Model* m = choose_model(a, *script);
  if (!m) return kScript;
  std::optional<simplify::Simplified> small;
  if (of_objective(a.expression))
    small = of_objective(a, *m);
  else if (const auto& asked = script->elaborated.asked)
    small = simplify::simplify(asked->graph, asked->outputs);
  if (!small) return kScript;
  fmt::print("{}\n", derive::mathematics(small->graph, small->outputs[0],
                                         of_objective(a.expression) ? a.expression : script->asked,
                                         a.latex ? derive::Notation::Latex : derive::Notation::Text));
  return kDone;
}

int describe_data(const Arguments& a) {
  diagnostics::Sink sink;
  const std::string text = data::describe(a.file, sink);
  if (sink.has_errors()) return print_diagnostics(a, sink, {});
  fmt::print("{}", text);
  return kDone;
}

int info(const Arguments& a) {
  int code = kDone;
  const auto machine = machine_of(a, code);
  if (!machine) return code;
  fmt::print("amc {}\n", version());
  fmt::print("CPU {}: {}-byte vectors ({} f32 lanes), second-level cache {}, {} threads\n", machine->target.cpu,
             machine->target.vector_bytes, machine->target.lanes(lower::Precision::F32),
             mebibytes(machine->target.cache_bytes), machine->threads);
  fmt::print("LLVM {}\n", jit::llvm_version());
  print_cache(machine->cache);
  if (a.file.empty()) return kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  for (const auto& m : script->elaborated.models) print_plan(m, machine->target);
  return kDone;
}

namespace {

/// Splits "s,∇s,∂t s" at commas.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (size_t from = 0; from <= text.size();) {
    const size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) out.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

}  // namespace

namespace {

/// Puts values [count, size] of a function into the coordinates of the view. Else says why that cannot be, what "it"
/// is or needs.
std::string show_in(const data::View& view, const elaborate::Model& m, const std::string& name, size_t count, int& size,
                    std::vector<double>& values) {
  const bool genes = view.coordinates == data::Coordinates::Genes;
  if (view.coordinates == data::Coordinates::Standardised || (!genes && !view.standardised())) return "";
  const bool vector = name == "drift" || (name == "value" && size == m.moving && size > 1);
  if (vector) {
    values = view.velocities(values);
    size = static_cast<int>(view.width());
    return "";
  }
  if (name == "gradient" && !genes) {
    for (size_t k = 0; k < values.size(); ++k) values[k] /= view.frame->scale[k % view.moving];
    return "";
  }
  if (name == "noise" && !genes) {
    // The same in all directions of the model, not in those of the file: one number for each.
    std::vector<double> each;
    for (size_t i = 0; i < count; ++i)
      for (size_t k = 0; k < view.moving; ++k) each.push_back(view.frame->scale[k] * values[i]);
    values = std::move(each);
    size = static_cast<int>(view.moving);
    return "";
  }
  if (name == "laplacian" || name == "gradient" || name == "noise")
    return "is by the coordinates of the model: `--coordinates=standardised` shows it";
  return "";
}

}  // namespace

int eval(const Arguments& a) {
  int code = kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  const auto machine = machine_of(a, code);
  const elaborate::Model* m = machine ? choose_model(a, *script) : nullptr;
  if (!m) return code ? code : kScript;

  data::View view;
  std::string what;
  const auto coordinates = a.coordinates == "genes"      ? data::Coordinates::Genes
                           : a.coordinates == "original" ? data::Coordinates::Original
                                                         : data::Coordinates::Standardised;
  if (!m->view(coordinates, split(a.genes), view, what)) return complain(a, make<Kind::NoSuchCoordinates>({}, what));
  const std::vector<std::string> genes = view.names();

  std::vector<std::string> columns{"t"};
  for (int i = 1; i <= m->moving; ++i) columns.push_back(fmt::format("x{}", i));
  for (const elaborate::Parameter& c : m->conditions)
    for (int i = 1; i <= c.shape.count(); ++i)
      columns.push_back(c.shape.rank == 0 ? c.name : fmt::format("{}{}", c.name, i));
  const auto points = data::read_csv(a.at, {.columns = columns}, {}, script->sink);
  const auto weights = !points         ? std::optional<flow::Weights>()
                       : a.run.empty() ? flow::initialise(*m, *machine, script->sink)
                                       : flow::load(a.run + "/" + m->name + "/checkpoint.npz", *m, script->sink);
  if (!weights) return print_diagnostics(a, script->sink, script->sources, false);
  std::vector<double> x, t;
  const size_t width = columns.size(), count = points->count();
  for (size_t i = 0; i < count; ++i) {
    t.push_back(points->rows[i * width]);
    x.insert(x.end(), points->rows.begin() + static_cast<ptrdiff_t>(i * width + 1),
             points->rows.begin() + static_cast<ptrdiff_t>((i + 1) * width));
  }
  auto values = flow::functions_at(*m, *weights, view.to_model(x, width - 1), t, *machine, script->sink);
  if (!values) return print_diagnostics(a, script->sink, script->sources, false);
  std::vector<std::string> refusals;
  for (size_t k = 0; k < values->names.size(); ++k)
    refusals.push_back(show_in(view, *m, values->names[k], count, values->sizes[k], values->values[k]));

  std::vector<std::pair<size_t, std::string>> shown;  // output, title
  for (const std::string& expression : split(a.show)) {
    const std::string name = function_named(*script, *m, expression);
    const auto at = std::find(values->names.begin(), values->names.end(), name);
    if (at == values->names.end())
      return complain(a, make<Kind::BadCommandLine>(
                             {}, fmt::format("`{}` is not a function of `{}`; write s, ∇s, ∂t s, Δs with the "
                                             "potential's name for s, or one of {}",
                                             expression, m->name, fmt::join(values->names, ", "))));
    const size_t k = static_cast<size_t>(at - values->names.begin());
    if (!refusals[k].empty())
      return complain(a, make<Kind::BadCommandLine>({}, fmt::format("`{}` {}", expression, refusals[k])));
    shown.push_back({k, expression});
  }
  for (size_t k = 0; a.show.empty() && k < values->names.size(); ++k) {
    if (refusals[k].empty()) shown.push_back({k, values->names[k]});
    if (!refusals[k].empty()) fmt::print(stderr, "{} is left out: it {}\n", values->names[k], refusals[k]);
  }

  std::string out = fmt::format("{}", fmt::join(columns, ","));
  for (const auto& [k, title] : shown)
    for (int e = 0; e < values->sizes[k]; ++e)
      out += values->sizes[k] == 1 && genes.empty()
                 ? "," + title
                 : fmt::format(",{}[{}]", title,
                               genes.size() == static_cast<size_t>(values->sizes[k]) ? genes[e] : std::to_string(e));
  out += "\n";
  for (size_t i = 0; i < count; ++i) {
    out += fmt::format("{:.9g}", t[i]);
    for (int d = 0; d < m->dimension; ++d) out += fmt::format(",{:.9g}", x[i * m->dimension + d]);
    for (const auto& [k, title] : shown)
      for (int e = 0; e < values->sizes[k]; ++e)
        out += fmt::format(",{:.9g}", values->values[k][i * values->sizes[k] + e]);
    out += "\n";
  }
  if (a.out.empty()) {
    fmt::print("{}", out);
    return kDone;
  }
  if (const data::FileError error = data::write_text(a.out, out))
    return complain(a, make<Kind::CannotWrite>({}, a.out, error.what));
  return kDone;
}

}  // namespace am::program
