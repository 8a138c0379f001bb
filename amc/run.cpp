// `amc run`: trains, samples, evaluates, reports.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "amc/folder.h"
#include "amc/progress.h"

namespace am::program {

namespace {

using diagnostics::Kind;
using Clock = std::chrono::steady_clock;

constexpr double kCheckpointSeconds = 30;
constexpr int kReports = 1000;  // rows of metrics.csv, about
constexpr size_t kDrawnParticles = 2000;
constexpr std::string_view kFloor =
    "The floor is the same figure between two independent real samples of the same sizes\n(of half a snapshot each "
    "where there are too few rows); below it a smaller number means nothing";

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

std::string_view plural(long long n) { return n == 1 ? "" : "s"; }

class Run {
 public:
  Run(const Arguments& a, Script& script, const Machine& machine) : a_(a), script_(script), machine_(machine) {}
  int all();

 private:
  bool train(const elaborate::Model& m);
  bool sample(const elaborate::Sampling& s);
  bool evaluate(const elaborate::Evaluation& e);
  bool report();
  void add_motion(std::string name, const flow::Particles& p, const elaborate::Model& m,
                  const std::vector<double>& times);
  void print_table(const elaborate::Evaluation& e, const flow::EvaluationResult& r);
  void add_charts(const elaborate::Evaluation& e, const flow::EvaluationResult& r);
  bool load_checkpoints();
  std::optional<flow::Weights> start(const elaborate::Model& m, const std::string& checkpoint);

  const Arguments& a_;
  Script& script_;
  const Machine& machine_;
  RunFolder folder_;
  report::Report report_;
  nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
  std::map<std::string, flow::Weights> weights_;  // of trained models
  std::map<std::string, flow::Weights> loaded_;   // from checkpoints, before training goes on
  Clock::time_point began_ = Clock::now();
};

/// Reads what there is to resume before anything in the folder changes: a checkpoint that does not fit leaves it as it
/// was.
bool Run::load_checkpoints() {
  bool fine = true;
  for (const auto& m : script_.elaborated.models) {
    const std::string checkpoint = folder_.file(m.name + "/checkpoint.npz");
    if (!a_.resume || !std::filesystem::exists(checkpoint)) continue;
    auto w = flow::load(checkpoint, m, script_.sink);
    if (w) loaded_[m.name] = std::move(*w);
    fine = fine && w;
  }
  return fine;
}

std::optional<flow::Weights> Run::start(const elaborate::Model& m, const std::string& checkpoint) {
  if (auto w = loaded_.find(m.name); w != loaded_.end()) {
    fmt::print("{}: resumed at step {}\n", m.name, grouped(w->second.step));
    return std::move(w->second);
  }
  if (a_.resume) fmt::print("{}: no checkpoint at {}, starting anew\n", m.name, checkpoint);
  return flow::initialise(m, machine_, script_.sink);
}

bool Run::train(const elaborate::Model& m) {
  const std::string checkpoint = folder_.file(m.name + "/checkpoint.npz");
  std::error_code unused;
  std::filesystem::create_directories(folder_.file(m.name), unused);
  const auto asked = weights_.empty() ? began_ : Clock::now();
  auto w = start(m, checkpoint);
  if (!w) return false;
  long long parameters = 0;
  for (const auto& p : m.parameters) parameters += p.shape.count();
  fmt::print("{}: {} parameter{}, {} step{} of {} sample{}, {}, {} thread{}\n", m.name, grouped(parameters),
             plural(parameters), grouped(m.steps), plural(m.steps), grouped(m.batch), plural(m.batch),
             m.f64 ? "f64" : "f32", machine_.threads, plural(machine_.threads));
  std::fflush(stdout);

  MetricsFile metrics(folder_.file(m.name + "/metrics.csv"), m, w->step);
  ProgressLine line(!a_.json);
  const int first = w->step;
  const auto began = Clock::now();
  auto saved = began;
  bool fine = true;
  flow::TrainOptions options{.report_every = std::max(1, m.steps / kReports)};
  options.stop = &interrupted;
  options.report = [&](const flow::Progress& p, const flow::Weights& now) {
    metrics.add(p);
    if (p.step == first + 1 && first == 0)
      fmt::print("{}: first step after {:.2f} s\n", m.name, since(asked)), std::fflush(stdout);
    const double rate = (p.step - first) / std::max(1e-9, p.seconds);
    line.show(fmt::format("{}: step {} of {}, {:.0f} steps/s, objective {:.4f}, {} left", m.name, grouped(p.step),
                          grouped(m.steps), rate, p.objective, duration((m.steps - p.step) / rate)));
    if (since(saved) > kCheckpointSeconds) {
      fine = flow::save(checkpoint, m, now, script_.sink) && metrics.flush(script_.sink);
      saved = Clock::now();
    }
    return fine;
  };
  const flow::Ending ending = flow::train(m, *w, machine_, options, script_.sink);
  line.end();
  // Whatever ended it, what was reached is kept; after a failure these are the last weights with a finite objective.
  fine = flow::save(checkpoint, m, *w, script_.sink) && metrics.flush(script_.sink) && fine;
  report_.charts.push_back(metrics.chart(m));
  const double seconds = since(began);
  if (ending == flow::Ending::Stopped && fine)
    fmt::print("{}: stopped at step {}; checkpoint in {}; to go on, add `--resume` to the same command\n", m.name,
               grouped(w->step), checkpoint);
  if (ending == flow::Ending::Failed && fine)
    fmt::print("{}: the weights of step {}, before training failed, are kept in {}\n", m.name, grouped(w->step),
               checkpoint);
  if (ending != flow::Ending::Finished || !fine) return false;
  if (first < m.steps)
    fmt::print("{}: trained in {} ({:.0f} steps/s)\n", m.name, duration(seconds), (m.steps - first) / seconds);
  else
    fmt::print("{}: nothing to train: the checkpoint is of step {}, and `steps` is {}\n", m.name, grouped(first),
               grouped(m.steps));
  report_.formulas.push_back({m.name + " minimises", m.objective_text});
  weights_[m.name] = std::move(*w);
  return true;
}

void Run::add_motion(std::string name, const flow::Particles& p, const elaborate::Model& m,
                     const std::vector<double>& times) {
  const size_t count = p.points[0].size() / p.dimension, shown = std::min(count, kDrawnParticles);
  report::Motion motion{.name = std::move(name), .dimension = p.dimension, .times = p.times};
  report::Reference reference;
  for (size_t k = 0; k < p.times.size(); ++k) {
    const auto& x = p.points[k];
    motion.points.emplace_back(x.begin(), x.begin() + static_cast<ptrdiff_t>(shown * p.dimension));
    if (!p.weights.empty())
      motion.weights.emplace_back(p.weights[k].begin(), p.weights[k].begin() + static_cast<ptrdiff_t>(shown));
  }
  for (double time : times) {
    auto drawn = flow::draw(m.draw, m.dimension, time, shown, 7, m.f64, machine_, script_.sink);
    if (!drawn) break;
    reference.times.push_back(time);
    reference.points.push_back(std::move(*drawn));
  }
  folder_.write(fmt::format("figures/{}.svg", motion.name), report::svg(motion, reference), script_.sink);
  report_.motions.push_back(std::move(motion));
  report_.references.push_back(std::move(reference));
}

bool Run::sample(const elaborate::Sampling& s) {
  auto w = weights_.find(s.model);
  const elaborate::Model* m = script_.elaborated.model(s.model);
  if (w == weights_.end() || !m) return false;
  const auto began = Clock::now();
  const auto p = flow::sample(s, *m, w->second, machine_, script_.sink);
  if (!p) return false;
  const std::string name = script_.elaborated.samplings.size() == 1 ? "paths.npz" : s.name + ".npz";
  if (!folder_.write_particles(name, *p, s.view, script_.sink)) return false;
  fmt::print("{}: {} particles at {} times by {} in {:.2f} s → {}\n", s.name, grouped(s.count), s.times.size(),
             s.stepper.text, since(began), folder_.file(name));
  if (!p->mass.empty()) {
    std::string masses;
    for (size_t k = 0; k < p->times.size(); ++k)
      masses += fmt::format("{}{:.3f} at t = {:g}", k ? ", " : "", p->mass[k], p->times[k]);
    fmt::print("{}: mass {}\n", s.name, masses);
  }
  add_motion(s.name, *p, *m, s.times);
  return true;
}

/// The unit of distances between the points of a model.
std::string units(const elaborate::Model& m) {
  return m.frame && m.frame->standardised() ? fmt::format("standard deviations of `{}`", m.frame->of)
                                            : "the units of the data";
}

/// "–" for what there is not.
std::string figure_text(std::optional<double> v) { return v ? fmt::format("{:.4f}", *v) : "–"; }

/// The numbers of a figure with their headings, as far as its metric has them.
struct Column {
  std::string heading;
  std::optional<double> value, deviation;
  bool averages = true;  // over the times
};

std::vector<Column> columns(const flow::Figure& f) {
  std::vector<Column> out{{f.metric, f.value, f.deviation}};
  if (f.bits_per_dimension) {
    out.push_back({"± error", f.standard_error, {}, false});
    out.push_back({"bits/dim", f.bits_per_dimension, {}});
  }
  if (f.real_mass) {
    out.push_back({"± error", f.standard_error, {}, false});
    out.push_back({"data", f.real_mass, {}});
    return out;
  }
  out.push_back({"floor", f.floor, {}});
  if (f.p) out.push_back({"p", f.p, {}, false});
  return out;
}

constexpr std::string_view kFitFootnote =
    "fit is the largest residual of its test functions, in standard deviations of a sample; p is the chance of as much where "
    "the field is exact, its floor what chance gives on average.";

/// Whether all is as the field says, from p at several times: Bonferroni's bound.
std::string fit_verdict(const elaborate::Evaluation& e, const flow::EvaluationResult& r, size_t i) {
  double least = 1;
  const flow::Comparison* where = nullptr;
  for (const auto& c : r.comparisons)
    if (const auto& f = c.figures[i]; f.p && (!where || *f.p < least)) least = *f.p, where = &c;
  if (!where) return "";
  const double all = std::min(1.0, least * static_cast<double>(r.comparisons.size()));
  return fmt::format("{} of {}: p = {:.3g} for all {} time{} together, least at t = {:g} ({})", e.metrics[i].label, e.model,
                     all, r.comparisons.size(), plural(static_cast<long long>(r.comparisons.size())), where->time,
                     where->figures[i].worst);
}

constexpr std::string_view kLikelihoodFootnote =
    "nll is in nats for each sample, ± the standard error of this mean; its floor is that of the known density on the same "
    "samples, where one was given.";

void Run::print_table(const elaborate::Evaluation& e, const flow::EvaluationResult& r) {
  const auto& first = r.comparisons[0];
  fmt::print("\n{} against {}, {}, {} carried against {} real samples{}\n", e.model, e.against_text,
             e.one_step ? "one step" : "from the start", first.generated, first.reference,
             e.repeats > 1 ? fmt::format(", mean of {} repeats", e.repeats) : "");
  if (const elaborate::Model* m = script_.elaborated.model(e.model); m->frame && m->frame->standardised())
    fmt::print("distances are in {}\n", units(*m));
  report::Table table{.title = fmt::format("{} against {}", e.model, e.against_text)};
  table.header = {"t"};
  std::string head = fmt::format("{:>8}", "t");
  std::vector<int> widths;
  for (const auto& f : first.figures)
    for (const Column& column : columns(f)) {
      widths.push_back(std::max(column.deviation ? 12 : 10, static_cast<int>(column.heading.size()) + 2));
      head += fmt::format("{:>{}}", column.heading, widths.back());
      table.header.push_back(column.heading);
    }
  fmt::print("{}\n", head);
  std::vector<std::optional<double>> sums(widths.size(), 0);
  const auto n = static_cast<double>(r.comparisons.size());
  size_t impossible = 0;
  for (const auto& c : r.comparisons) {
    std::string row = fmt::format("{:>8}", fmt::format("{:g}", c.time));
    std::vector<std::string> cells{fmt::format("{:g}", c.time)};
    size_t i = 0;
    for (const auto& f : c.figures) {
      impossible += f.impossible;
      for (const Column& column : columns(f)) {
        // No mean of what is missing somewhere.
        if (column.value && column.averages && sums[i])
          *sums[i] += *column.value / n;
        else
          sums[i].reset();
        row += fmt::format("{:>{}}", figure_text(column.value), widths[i++]);
        cells.push_back(figure_text(column.value) +
                        (column.deviation.value_or(0) > 0 ? " ± " + figure_text(column.deviation) : ""));
      }
    }
    fmt::print("{}\n", row);
    table.rows.push_back(cells);
  }
  if (r.comparisons.size() > 1) {
    std::string row = fmt::format("{:>8}", "mean");
    std::vector<std::string> cells{"mean"};
    for (size_t i = 0; i < sums.size(); ++i) {
      row += fmt::format("{:>{}}", figure_text(sums[i]), widths[i]);
      cells.push_back(figure_text(sums[i]));
    }
    fmt::print("{}\n", row);
    table.rows.push_back(cells);
  }
  table.footnote = fmt::format("{}.", kFloor);
  if (e.likelihood) table.footnote += fmt::format(" {}", kLikelihoodFootnote);
  if (impossible > 0)
    table.footnote += fmt::format(" {} real samples lie where the model has no density, which makes it infinite.",
                                  grouped(static_cast<long long>(impossible)));
  if (std::any_of(e.metrics.begin(), e.metrics.end(), [](const auto& m) { return m.kind->of == metrics::Of::WeakForm; }))
    table.footnote += fmt::format(" {}", kFitFootnote);
  // The floor is explained once, below the last table.
  if (table.footnote.size() > kFloor.size() + 1) fmt::print("{}\n", table.footnote.substr(kFloor.size() + 2));
  for (size_t i = 0; i < e.metrics.size(); ++i)
    if (const std::string verdict = fit_verdict(e, r, i); !verdict.empty()) {
      fmt::print("{}\n", verdict);
      report_.facts.push_back({fmt::format("{} of {}", e.metrics[i].label, e.model), verdict.substr(verdict.find("p = "))});
    }
  if (r.learned_action) {
    std::string text = fmt::format("{:.5f} ± {:.5f}", r.learned_action->value, r.learned_action->standard_error);
    if (r.action_bound)
      text += fmt::format("; of the least action a lower bound is −objective, {:.5f} ± {:.5f}", r.action_bound->value,
                          r.action_bound->standard_error);
    fmt::print("learned action {}\n", text);
    report_.facts.push_back({"learned action of " + e.model, text});
  }
  if (r.gap) {
    fmt::print("action gap ½∫E|drift − exact|² = {:.5f}, {:.3f} % of the action {:.5f}\n", *r.gap,
               100 * *r.gap / *r.action, *r.action);
    report_.facts.push_back({"action gap of " + e.model, fmt::format("{:.5f} ({:.3f} % of the action {:.5f})", *r.gap,
                                                                     100 * *r.gap / *r.action, *r.action)});
  }
  fmt::print("objective {:.5f} over {} draws\n", r.objective, grouped(static_cast<long long>(r.objective_samples)));
  report_.facts.push_back({"objective of " + e.model, fmt::format("{:.5f}", r.objective)});
  report_.tables.push_back(std::move(table));
}

/// A label in a file name: `mmd(gamma = 1)` as mmd_gamma_1.
std::string file_name_of(std::string_view label) {
  std::string out;
  for (const char c : label)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.')
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  while (out.ends_with('_')) out.pop_back();
  return out;
}

void Run::add_charts(const elaborate::Evaluation& e, const flow::EvaluationResult& r) {
  if (r.comparisons.size() < 2) return;
  for (size_t i = 0; i < e.metrics.size(); ++i) {
    report::Chart chart{.title = fmt::format("{} of {} over time", e.metrics[i].label, e.model),
                        .x_label = "t",
                        .y_label = e.metrics[i].label};
    report::Series value{.name = e.metrics[i].label, .dots = true}, floor{.name = "sampling floor", .dashed = true};
    for (const auto& c : r.comparisons) {
      value.x.push_back(c.time), value.y.push_back(c.figures[i].value);
      if (c.figures[i].floor) floor.x.push_back(c.time), floor.y.push_back(*c.figures[i].floor);
    }
    chart.series = {value};
    if (!floor.x.empty()) chart.series.push_back(floor);
    folder_.write(fmt::format("figures/{}_{}.svg", e.model, file_name_of(e.metrics[i].label)), report::svg(chart), script_.sink);
    report_.charts.push_back(std::move(chart));
  }
}

nlohmann::ordered_json as_json(const elaborate::Evaluation& e, const flow::EvaluationResult& r) {
  nlohmann::ordered_json j;
  j["model"] = e.model, j["against"] = e.against_text, j["mode"] = e.one_step ? "one_step" : "from_start";
  j["repeats"] = e.repeats, j["seed"] = e.seed, j["solver"] = e.stepper.text;
  for (const metrics::Metric& m : metrics::table()) j["definitions"][std::string(m.name)] = m.definition;
  j["definitions"]["floor"] =
      "the same figure between two independent real samples of the same sizes, or of half a snapshot each where there are "
      "too few rows; of nll, what a known density gives on the same real samples";
  for (const auto& m : e.metrics)
    for (const metrics::Argument& a : m.arguments)
      if (!a.word.empty())
        j["arguments"][m.label][a.name] = a.word;
      else if (a.numbers.size() == 1)
        j["arguments"][m.label][a.name] = a.numbers[0];
      else
        j["arguments"][m.label][a.name] = a.numbers;
  if (e.likelihood) j["density"] = e.likelihood->text;
  for (const auto& c : r.comparisons) {
    nlohmann::ordered_json row{{"t", c.time}, {"generated", c.generated}, {"reference", c.reference}};
    for (const auto& f : c.figures) {
      row[f.metric] = {{"value", f.value}, {"deviation", f.deviation}};
      if (f.standard_error) row[f.metric]["standard_error"] = *f.standard_error;
      if (f.bits_per_dimension) row[f.metric]["bits_per_dimension"] = *f.bits_per_dimension;
      if (f.impossible > 0) row[f.metric]["samples_without_density"] = f.impossible;
      if (f.real_mass) row[f.metric]["data"] = *f.real_mass;
      if (f.p) row[f.metric]["p"] = *f.p, row[f.metric]["worst"] = f.worst;
      if (f.floor) row[f.metric]["floor"] = *f.floor, row[f.metric]["floor_deviation"] = *f.floor_deviation;
    }
    j["comparisons"].push_back(row);
  }
  j["objective"] = r.objective, j["objective_samples"] = r.objective_samples;
  if (r.learned_action)
    j["learned_action"] = {{"value", r.learned_action->value}, {"standard_error", r.learned_action->standard_error}};
  if (r.action_bound)
    j["action_lower_bound"] = {{"value", r.action_bound->value}, {"standard_error", r.action_bound->standard_error}};
  if (r.gap) j["gap"] = *r.gap, j["action"] = *r.action, j["relative_gap"] = *r.gap / *r.action;
  return j;
}

bool Run::evaluate(const elaborate::Evaluation& e) {
  auto w = weights_.find(e.model);
  const elaborate::Model* m = script_.elaborated.model(e.model);
  if (w == weights_.end() || !m) return false;
  const auto r = flow::evaluate(e, *m, w->second, machine_, script_.sink);
  if (!r) return false;
  print_table(e, *r);
  add_charts(e, *r);
  results_.push_back(as_json(e, *r));
  results_.back()["units"] = units(*m);
  return folder_.write("evaluation.json", results_.dump(2) + "\n", script_.sink);
}

bool Run::report() {
  report_.title = std::filesystem::path(a_.file).filename().string();
  report_.script = std::string(script_.sources.text(script_.file));
  for (const auto& chart : report_.charts)
    if (chart.x_label == "step")
      folder_.write(fmt::format("figures/{}.svg", chart.title.substr(chart.title.rfind(' ') + 1) + "_training"),
                    report::svg(chart), script_.sink);
  for (const auto& m : script_.elaborated.models)
    report_.facts.push_back({m.name, fmt::format("{} steps of {} samples, seed {}, {}", grouped(m.steps),
                                                 grouped(m.batch), m.seed, m.f64 ? "f64" : "f32")});
  if (!folder_.write("report.html", report::html(report_), script_.sink)) return false;
  if (!report_.tables.empty()) fmt::print("\n{}.\n", kFloor);
  fmt::print("\nreport: {}\n", folder_.file("report.html"));
  return true;
}

int Run::all() {
  const auto& todo = script_.elaborated;
  const std::string name = std::filesystem::path(a_.file).stem().string();
  std::string kept;
  if (!folder_.make(a_.out.empty() ? "runs/" + name : a_.out, a_.resume, kept, script_.sink) || !load_checkpoints() ||
      !folder_.write_config(a_, script_, machine_, script_.sink))
    return print_diagnostics(a_, script_.sink, script_.sources, false);
  if (!kept.empty()) fmt::print("the run that was in {} is kept in {}\n", folder_.path(), kept);
  bool fine = true;
  for (const auto& m : todo.models) fine = fine && train(m);
  for (const auto& s : todo.samplings) fine = fine && !interrupted && sample(s);
  for (const auto& e : todo.evaluations) fine = fine && !interrupted && evaluate(e);
  fine = fine && report();
  if (script_.sink.has_errors()) return print_diagnostics(a_, script_.sink, script_.sources, false);
  return fine ? kDone : interrupted ? kInterrupted : kOurBug;
}

}  // namespace

int run(const Arguments& a) {
  int code = kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  const auto machine = machine_of(a, code);
  if (!machine) return code;
  if (script->elaborated.models.empty()) {
    script->sink.report<Kind::NothingToRun>({script->file, 0, 0});
    return print_diagnostics(a, script->sink, script->sources, false);
  }
  return Run(a, *script, *machine).all();
}

}  // namespace am::program
