// `amc run`: trains, samples, evaluates, and makes the report of it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "amc/pictures.h"
#include "amc/progress.h"
#include "amc/report.h"

namespace am::program {

namespace {

using diagnostics::Kind;
using Clock = std::chrono::steady_clock;

constexpr double kCheckpointSeconds = 30;
constexpr int kReports = 1000;  // rows of metrics.csv, about
constexpr std::string_view kFloor =
    "The floor is the same figure between two independent real samples of the same sizes\n(of half a snapshot each "
    "where there are too few rows); below it a smaller number means nothing";

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

std::string_view plural(long long n) { return n == 1 ? "" : "s"; }

class Run {
 public:
  Run(const Arguments& a, Script& script, const Machine& machine) : a_(a), script_(script), machine_(machine) {}
  /// Everything that the script declares.
  int all();
  /// What it samples or evaluates alone, with the models of a finished run.
  int from_run();

 private:
  bool train(const elaborate::Model& m);
  bool sample(const elaborate::Sampling& s);
  bool evaluate(const elaborate::Evaluation& e);
  /// The figures of every seed; empty where one has no weights, or after a report.
  std::vector<flow::EvaluationResult> figures(const elaborate::Evaluation& e, const elaborate::Model& m);
  bool hold_out(const elaborate::Evaluation& e);
  bool train_seeds(const elaborate::Model& m);
  bool write_results();
  bool report();
  bool write_picture(const std::string& name, const flow::Particles& p, const elaborate::Sampling& s);
  void print_table(const std::string& title, const elaborate::Evaluation& e, const flow::EvaluationResult& r);
  bool load_checkpoints();
  /// The weights of a finished training.
  bool load_trained(const elaborate::Model& m);
  std::optional<flow::Weights> start(const elaborate::Model& m, const std::string& checkpoint);

  const Arguments& a_;
  Script& script_;
  const Machine& machine_;
  RunFolder folder_;
  nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
  std::map<std::string, flow::Weights> weights_;  // of trained models, by the folder of the training
  std::map<std::string, flow::Weights> loaded_;   // from checkpoints, before training goes on
  Clock::time_point began_ = Clock::now();
};

/// Reads what there is to resume before anything in the folder changes: a checkpoint that does not fit leaves it as it
/// was.
bool Run::load_checkpoints() {
  bool fine = true;
  auto look = [&](const elaborate::Model& m) {
    for (const auto& one : for_each_seed(m)) {
      const std::string folder = training_folder(one), checkpoint = folder_.file(folder + "/checkpoint.npz");
      if (!a_.resume || !std::filesystem::exists(checkpoint)) continue;
      auto w = flow::load(checkpoint, one, script_.sink);
      if (w) loaded_[folder] = std::move(*w);
      fine = fine && w;
    }
  };
  for (const auto& m : script_.elaborated.models) look(m);
  for (const auto& e : script_.elaborated.evaluations)
    for (const auto& h : e.hold_outs) look(h.model);
  return fine;
}

std::optional<flow::Weights> Run::start(const elaborate::Model& m, const std::string& checkpoint) {
  const std::string name = training_name(m);
  if (auto w = loaded_.find(training_folder(m)); w != loaded_.end()) {
    fmt::print("{}: resumed at step {}\n", name, grouped(w->second.step));
    return std::move(w->second);
  }
  if (a_.resume) fmt::print("{}: no checkpoint at {}, starting anew\n", name, checkpoint);
  return flow::initialise(m, machine_, script_.sink);
}

bool Run::train(const elaborate::Model& m) {
  const std::string folder = training_folder(m), name = training_name(m);
  const std::string checkpoint = folder_.file(folder + "/checkpoint.npz");
  std::error_code unused;
  std::filesystem::create_directories(folder_.file(folder), unused);
  const auto asked = weights_.empty() ? began_ : Clock::now();
  auto w = start(m, checkpoint);
  if (!w) return false;
  long long parameters = 0;
  for (const auto& p : m.parameters) parameters += p.shape.count();
  fmt::print("{}: {} parameter{}, {} step{} of {} sample{}, {}, {} thread{}\n", name, grouped(parameters),
             plural(parameters), grouped(m.steps), plural(m.steps), grouped(m.batch), plural(m.batch),
             m.f64 ? "f64" : "f32", machine_.threads, plural(machine_.threads));
  std::fflush(stdout);

  MetricsFile metrics(folder_.file(folder + "/metrics.csv"), m, w->step);
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
      fmt::print("{}: first step after {:.2f} s\n", name, since(asked)), std::fflush(stdout);
    const double rate = (p.step - first) / std::max(1e-9, p.seconds);
    line.show(fmt::format("{}: step {} of {}, {:.0f} steps/s, objective {:.4f}, {} left", name, grouped(p.step),
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
  const double seconds = since(began);
  if (ending == flow::Ending::Stopped && fine)
    fmt::print("{}: stopped at step {}; checkpoint in {}; to go on, add `--resume` to the same command\n", name,
               grouped(w->step), checkpoint);
  if (ending == flow::Ending::Failed && fine)
    fmt::print("{}: the weights of step {}, before training failed, are kept in {}\n", name, grouped(w->step),
               checkpoint);
  if (ending != flow::Ending::Finished || !fine) return false;
  if (first < m.steps)
    fmt::print("{}: trained in {} ({:.0f} steps/s)\n", name, duration(seconds), (m.steps - first) / seconds);
  else
    fmt::print("{}: nothing to train: the checkpoint is of step {}, and `steps` is {}\n", name, grouped(first),
               grouped(m.steps));
  weights_[folder] = std::move(*w);
  return true;
}

bool Run::train_seeds(const elaborate::Model& m) {
  for (const auto& one : for_each_seed(m))
    // Two evaluations may hold out the same time.
    if (!weights_.count(training_folder(one)) && (interrupted || !train(one))) return false;
  return true;
}

/// Of the particles as they are written.
bool Run::write_picture(const std::string& name, const flow::Particles& p, const elaborate::Sampling& s) {
  const auto row = static_cast<size_t>(p.dimension);
  report::Motion motion{.dimension = static_cast<int>(row - s.view.moving + s.view.width()), .times = p.times};
  for (const auto& points : p.points) motion.points.push_back(s.view.positions(points, row));
  const report::Sheet sheet{.height = s.picture->height, .width = s.picture->width, .channels = s.picture->channels,
                            .low = s.picture->low, .high = s.picture->high, .rows = s.picture->rows,
                            .columns = s.picture->columns};
  return folder_.write(name, report::png(motion, sheet), script_.sink);
}

bool Run::sample(const elaborate::Sampling& s) {
  const elaborate::Model* m = script_.elaborated.model(s.model);
  auto w = m ? weights_.find(training_folder(*m)) : weights_.end();
  if (w == weights_.end()) return false;
  const auto began = Clock::now();
  const auto p = flow::sample(s, *m, w->second, machine_, script_.sink);
  if (!p) return false;
  const std::string name = particles_file(script_, s);
  if (!folder_.write_particles(name, *p, s.view, script_.sink)) return false;
  if (s.picture && !write_picture(std::filesystem::path(name).replace_extension(".png"), *p, s)) return false;
  fmt::print("{}: {} particles at {} times by {} in {:.2f} s → {}\n", s.name, grouped(s.count), s.times.size(),
             s.stepper.text, since(began), folder_.file(name));
  if (m->seeds.size() > 1)
    fmt::print("{}: by the training with seed {}, the first of {}\n", s.name, m->seed, m->seeds.size());
  if (!p->mass.empty()) {
    std::string masses;
    for (size_t k = 0; k < p->times.size(); ++k)
      masses += fmt::format("{}{:.3f} at t = {:g}", k ? ", " : "", p->mass[k], p->times[k]);
    fmt::print("{}: mass {}\n", s.name, masses);
  }
  return write_pictures(folder_, s, *m, w->second, *p, machine_, script_.sink);
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
  std::optional<double> value;
};

/// Those that a metric has at any time; `f` may be a mean over the times, which has fewer.
std::vector<Column> columns(const flow::Figure& at_a_time, const flow::Figure& f, int repeats) {
  std::vector<Column> out{{f.metric, f.value}};
  if (!f.by_seed.empty()) out.push_back({"± seeds", f.seed_deviation});
  if (repeats > 1) out.push_back({"± repeats", f.deviation});
  if (at_a_time.standard_error || at_a_time.of_density) out.push_back({"± error", f.standard_error});
  if (at_a_time.bits_per_dimension) out.push_back({"bits/dim", f.bits_per_dimension});
  if (at_a_time.real_mass) {
    out.push_back({"data", f.real_mass});
    return out;
  }
  out.push_back({"floor", f.floor});
  if (at_a_time.p) out.push_back({"p", f.p});
  return out;
}

/// On the terminal: a label such as `mmd(gamma = median)` may be long.
int width_of(const Column& c) { return std::max(11, static_cast<int>(c.heading.size()) + 2); }

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
    "nll is in nats for each sample, bpd in bits for each coordinate rounded to its width, ± the standard error of this "
    "mean; the floor is that of the known density on the same samples, where one was given.";

void Run::print_table(const std::string& title, const elaborate::Evaluation& e, const flow::EvaluationResult& r) {
  const auto& first = r.comparisons[0];
  std::string means = e.repeats > 1 ? fmt::format("{} repeats", e.repeats) : "";
  if (const size_t seeds = first.figures[0].by_seed.size(); seeds > 0)
    means = fmt::format("{}{}{} seed{}", means, means.empty() ? "" : " and ", seeds, plural(static_cast<long long>(seeds)));
  fmt::print("\n{} against {}, {}, {} carried against {} real samples{}{}\n", title, e.against_text,
             e.one_step ? "one step" : "from the start", first.generated, first.reference,
             means.empty() ? "" : ", mean of ", means);
  if (const elaborate::Model* m = script_.elaborated.model(e.model); m->frame && m->frame->standardised())
    fmt::print("distances are in {}\n", units(*m));
  std::string head = fmt::format("{:>8}", "t");
  for (const auto& f : first.figures)
    for (const Column& column : columns(f, f, e.repeats))
      head += fmt::format("{:>{}}", column.heading, width_of(column));
  fmt::print("{}\n", head);
  auto add = [&](const std::string& label, const std::vector<flow::Figure>& figures) {
    std::string row = fmt::format("{:>8}", label);
    for (size_t i = 0; i < figures.size(); ++i)
      for (const Column& column : columns(first.figures[i], figures[i], e.repeats))
        row += fmt::format("{:>{}}", figure_text(column.value), width_of(column));
    fmt::print("{}\n", row);
  };
  size_t impossible = 0;
  for (const auto& c : r.comparisons) {
    add(fmt::format("{:g}", c.time), c.figures);
    for (const auto& f : c.figures) impossible += f.impossible;
  }
  if (r.comparisons.size() > 1) add("mean", r.means);
  if (e.likelihood) fmt::print("{}\n", kLikelihoodFootnote);
  if (impossible > 0)
    fmt::print("{} real samples lie where the model has no density, which makes it infinite.\n",
               grouped(static_cast<long long>(impossible)));
  if (std::any_of(e.metrics.begin(), e.metrics.end(), [](const auto& m) { return m.kind->of == metrics::Of::WeakForm; }))
    fmt::print("{}\n", kFitFootnote);
  for (size_t i = 0; i < e.metrics.size(); ++i)
    if (const std::string verdict = fit_verdict(e, r, i); !verdict.empty()) fmt::print("{}\n", verdict);
  if (r.learned_action) {
    std::string text = fmt::format("{:.5f} ± {:.5f}", r.learned_action->value, r.learned_action->standard_error);
    if (r.action_bound)
      text += fmt::format("; of the least action a lower bound is −objective, {:.5f} ± {:.5f}", r.action_bound->value,
                          r.action_bound->standard_error);
    fmt::print("learned action {}\n", text);
  }
  if (!e.over_path) return;
  auto spread = [](const std::vector<double>& by_seed) {
    return by_seed.empty() ? std::string() : fmt::format(" ± {:.5f}", flow::deviation(by_seed));
  };
  const auto print_gap = [&](std::string_view name, std::string_view learned, std::string_view size, double gap, double own,
                             std::optional<double> relative, const std::string& deviation) {
    const std::string share = own > 0 ? fmt::format("{:.3f} % of the {} {:.5f}", 100 * *relative, size, own)
                                      : fmt::format("where the known one is 0");
    fmt::print("{} gap ½∫E|{} − exact|² = {:.5f}{}, {}\n", name, learned, gap, deviation, share);
  };
  if (r.gap) print_gap("action", "drift", "action", *r.gap, *r.action, r.relative_gap(), spread(r.gap_by_seed));
  if (r.growth_gap)
    print_gap("growth", "growth", "known ½∫E growth²", *r.growth_gap, *r.growth_square, r.relative_growth_gap(),
              spread(r.growth_gap_by_seed));
  const std::string objective = fmt::format("{:.5f}{}", r.objective, spread(r.objective_by_seed));
  fmt::print("objective {} over {} draws\n", objective, grouped(static_cast<long long>(r.objective_samples)));
}

nlohmann::ordered_json as_json(const flow::Figure& f) {
  nlohmann::ordered_json j{{"value", f.value}, {"deviation", f.deviation}};
  if (!f.by_seed.empty()) j["seed_deviation"] = f.seed_deviation, j["by_seed"] = f.by_seed;
  if (f.standard_error) j["standard_error"] = *f.standard_error;
  if (f.bits_per_dimension) j["bits_per_dimension"] = *f.bits_per_dimension;
  if (f.impossible > 0) j["samples_without_density"] = f.impossible;
  if (f.real_mass) j["data"] = *f.real_mass;
  if (f.p) j["p"] = *f.p, j["worst"] = f.worst;
  if (f.floor) j["floor"] = *f.floor;
  if (f.floor_deviation) j["floor_deviation"] = *f.floor_deviation;
  return j;
}

void put_figures(nlohmann::ordered_json& row, const std::vector<flow::Figure>& figures) {
  for (const auto& f : figures) row[f.metric] = as_json(f);
}

nlohmann::ordered_json as_json(const flow::Comparison& c) {
  nlohmann::ordered_json row{{"t", c.time}};
  row["generated"] = c.generated, row["reference"] = c.reference;
  put_figures(row, c.figures);
  return row;
}

nlohmann::ordered_json as_json(const elaborate::Evaluation& e, const elaborate::Model& m,
                               const flow::EvaluationResult& r) {
  nlohmann::ordered_json j;
  j["model"] = e.model, j["against"] = e.against_text, j["mode"] = e.one_step ? "one_step" : "from_start";
  j["repeats"] = e.repeats, j["seed"] = e.seed, j["solver"] = e.stepper.text;
  if (!m.seeds.empty()) j["seeds"] = m.seeds;
  j["definitions"]["deviation"] = "standard deviation (n - 1) over the repeats of one training; root mean square over seeds";
  j["definitions"]["seed_deviation"] =
      "standard deviation (n - 1) over trainings that differ in their seed, of their means over repeats";
  for (const metrics::Metric& m : metrics::table()) j["definitions"][std::string(m.name)] = m.definition;
  j["definitions"]["floor"] =
      "the same figure between two independent real samples of the same sizes, or of half a snapshot each where there are "
      "too few rows; of nll and bpd, what a known density gives on the same real samples";
  for (const auto& m : e.metrics)
    for (const metrics::Argument& a : m.arguments)
      if (!a.word.empty())
        j["arguments"][m.label][a.name] = a.word;
      else if (a.numbers.size() == 1)
        j["arguments"][m.label][a.name] = a.numbers[0];
      else
        j["arguments"][m.label][a.name] = a.numbers;
  if (e.likelihood) j["density"] = e.likelihood->text;
  for (const auto& c : r.comparisons) j["comparisons"].push_back(as_json(c));
  put_figures(j["mean"], r.means);
  j["objective"] = r.objective, j["objective_samples"] = r.objective_samples;
  if (!m.seeds.empty()) {
    j["objective_by_seed"] = r.objective_by_seed;
    j["objective_seed_deviation"] = flow::deviation(r.objective_by_seed);
  }
  if (r.learned_action)
    j["learned_action"] = {{"value", r.learned_action->value}, {"standard_error", r.learned_action->standard_error}};
  if (r.action_bound)
    j["action_lower_bound"] = {{"value", r.action_bound->value}, {"standard_error", r.action_bound->standard_error}};
  if (r.gap) j["gap"] = *r.gap, j["action"] = *r.action;
  if (r.growth_gap) j["growth_gap"] = *r.growth_gap, j["growth_square"] = *r.growth_square;
  if (const auto relative = r.relative_gap()) j["relative_gap"] = *relative;
  if (const auto relative = r.relative_growth_gap()) j["relative_growth_gap"] = *relative;
  if (r.gap && !m.seeds.empty())
    j["gap_by_seed"] = r.gap_by_seed, j["gap_seed_deviation"] = flow::deviation(r.gap_by_seed);
  if (r.growth_gap && !m.seeds.empty())
    j["growth_gap_by_seed"] = r.growth_gap_by_seed, j["growth_gap_seed_deviation"] = flow::deviation(r.growth_gap_by_seed);
  return j;
}

/// Of the hold-outs that are done.
nlohmann::ordered_json as_json(const elaborate::Evaluation& e, const flow::EvaluationResult& r) {
  nlohmann::ordered_json j{{"mode", e.one_step ? "one_step" : "from_start"}};
  for (size_t k = 0; k < r.comparisons.size(); ++k) {
    const elaborate::HoldOut& h = e.hold_outs[k];
    nlohmann::ordered_json row{{"t", r.comparisons[k].time}, {"from", h.evaluation.times[0]}};
    elaborate::Model any = h.model;
    any.seeds.clear();
    row["folder"] = training_folder(any);
    row.update(as_json(r.comparisons[k]));
    j["comparisons"].push_back(row);
  }
  put_figures(j["mean"], r.means);
  return j;
}

std::vector<flow::EvaluationResult> Run::figures(const elaborate::Evaluation& e, const elaborate::Model& m) {
  std::vector<flow::EvaluationResult> out;
  for (const auto& one : for_each_seed(m)) {
    auto w = weights_.find(training_folder(one));
    auto r = w == weights_.end() ? std::nullopt : flow::evaluate(e, one, w->second, machine_, script_.sink, out.empty());
    if (!r) return {};
    out.push_back(std::move(*r));
  }
  return out;
}

bool Run::write_results() { return folder_.write("evaluation.json", results_.dump(2) + "\n", script_.sink); }

bool Run::evaluate(const elaborate::Evaluation& e) {
  const elaborate::Model* m = script_.elaborated.model(e.model);
  if (!m) return false;
  auto each = figures(e, *m);
  if (each.empty()) return false;
  const auto r = flow::over_seeds(std::move(each), !m->seeds.empty());
  print_table(e.model, e, r);
  results_.push_back(as_json(e, *m, r));
  results_.back()["units"] = units(*m);
  return write_results() && (e.hold_outs.empty() || hold_out(e));
}

bool Run::hold_out(const elaborate::Evaluation& e) {
  const bool seeded = !e.hold_outs[0].model.seeds.empty();
  std::vector<std::vector<flow::EvaluationResult>> at_times(for_each_seed(e.hold_outs[0].model).size());
  flow::EvaluationResult all;
  for (const elaborate::HoldOut& h : e.hold_outs) {
    if (!weights_.count(training_folder(h.model))) fmt::print("\n");
    if (!train_seeds(h.model) || interrupted) return false;
    auto each = figures(h.evaluation, h.model);
    if (each.empty()) return false;
    std::vector<flow::EvaluationResult> so_far;
    for (size_t k = 0; k < each.size(); ++k) {
      at_times[k].push_back(std::move(each[k]));
      so_far.push_back(flow::joined(at_times[k]));
    }
    all = flow::over_seeds(std::move(so_far), seeded);
    results_.back()["hold_out"] = as_json(e, all);
    if (!write_results()) return false;
  }
  print_table(fmt::format("{} trained without each time", e.model), e.hold_outs[0].evaluation, all);
  return true;
}

bool Run::report() {
  if (!write_report(folder_, script_.sink)) return false;
  if (!results_.empty()) fmt::print("\n{}.\n", kFloor);
  fmt::print("\nreport: {}\n", folder_.file("report.html"));
  return true;
}

int Run::all() {
  const auto& todo = script_.elaborated;
  const std::string name = std::filesystem::path(a_.file).stem().string();
  std::string kept;
  if (!folder_.make(a_.out.empty() ? "runs/" + name : a_.out, a_.resume, kept, script_.sink) || !load_checkpoints() ||
      !folder_.set_aside(folder_.of_finished_run(), kept, script_.sink) || !folder_.write_config(a_, script_, machine_, script_.sink))
    return print_diagnostics(a_, script_.sink, script_.sources, false);
  if (!kept.empty())
    fmt::print("{} in {} is kept in {}\n", a_.resume ? "what a finished run left" : "the run that was", folder_.path(), kept);
  bool fine = true;
  for (const auto& m : todo.models) fine = fine && train_seeds(m);
  for (const auto& s : todo.samplings) fine = fine && !interrupted && sample(s);
  for (const auto& e : todo.evaluations) fine = fine && !interrupted && evaluate(e);
  fine = fine && report();
  if (script_.sink.has_errors()) return print_diagnostics(a_, script_.sink, script_.sources, false);
  return fine ? kDone : interrupted ? kInterrupted : kOurBug;
}

bool Run::load_trained(const elaborate::Model& m) {
  const std::string folder = training_folder(m);
  if (weights_.count(folder)) return true;
  auto w = flow::load(folder_.file(folder + "/checkpoint.npz"), m, script_.sink);
  if (!w) return false;
  if (w->step < m.steps)
    fmt::print("{}: the checkpoint is of step {} of {}\n", training_name(m), grouped(w->step), grouped(m.steps));
  weights_[folder] = std::move(*w);
  return true;
}

int Run::from_run() {
  const auto& todo = script_.elaborated;
  const bool samples = a_.command == "sample";
  if (samples ? todo.samplings.empty() : todo.evaluations.empty())
    return complain(a_, diagnostics::make<Kind::BadCommandLine>(
                            {}, fmt::format("`amc {}`: the script has no `{}` declaration", a_.command, a_.command)));
  bool fine = folder_.open(a_.run, script_.sink);
  std::vector<std::string> replaced;
  auto load_seeds = [&](const elaborate::Model& m) {
    for (const auto& one : for_each_seed(m)) fine = fine && load_trained(one);
  };
  if (samples) {
    for (const auto& s : todo.samplings) {
      fine = fine && load_trained(*todo.model(s.model));
      replaced.insert(replaced.end(), {particles_file(script_, s), pictures_file(s.name)});
    }
  } else {
    replaced.push_back("evaluation.json");
    for (const auto& e : todo.evaluations) {
      load_seeds(*todo.model(e.model));
      for (const auto& h : e.hold_outs) load_seeds(h.model);
    }
  }
  std::string kept;
  fine = fine && folder_.set_aside(replaced, kept, script_.sink);
  if (!kept.empty()) fmt::print("what this replaces in {} is kept in {}\n", folder_.path(), kept);
  if (samples)
    for (const auto& s : todo.samplings) fine = fine && !interrupted && sample(s);
  else
    for (const auto& e : todo.evaluations) fine = fine && !interrupted && evaluate(e);
  fine = fine && report();
  if (script_.sink.has_errors()) return print_diagnostics(a_, script_.sink, script_.sources, false);
  return fine ? kDone : interrupted ? kInterrupted : kOurBug;
}

/// The script and the machine, and whichever of the two is wanted of a run.
int with_run(const Arguments& a, int (Run::*what)()) {
  int code = kDone;
  const auto script = open_script(a, code);
  if (!script) return code;
  const auto machine = machine_of(a, code);
  if (!machine) return code;
  if (script->elaborated.models.empty()) {
    script->sink.report<Kind::NothingToRun>({script->file, 0, 0});
    return print_diagnostics(a, script->sink, script->sources, false);
  }
  return (Run(a, *script, *machine).*what)();
}

}  // namespace

int run(const Arguments& a) { return with_run(a, &Run::all); }
int from_run(const Arguments& a) { return with_run(a, &Run::from_run); }

}  // namespace am::program
