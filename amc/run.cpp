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
  int all();

 private:
  bool train(const elaborate::Model& m);
  bool sample(const elaborate::Sampling& s);
  bool evaluate(const elaborate::Evaluation& e);
  bool report();
  void print_table(const elaborate::Evaluation& e, const flow::EvaluationResult& r);
  bool load_checkpoints();
  std::optional<flow::Weights> start(const elaborate::Model& m, const std::string& checkpoint);

  const Arguments& a_;
  Script& script_;
  const Machine& machine_;
  RunFolder folder_;
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
  weights_[m.name] = std::move(*w);
  return true;
}

bool Run::sample(const elaborate::Sampling& s) {
  auto w = weights_.find(s.model);
  const elaborate::Model* m = script_.elaborated.model(s.model);
  if (w == weights_.end() || !m) return false;
  const auto began = Clock::now();
  const auto p = flow::sample(s, *m, w->second, machine_, script_.sink);
  if (!p) return false;
  const std::string name = particles_file(script_, s);
  if (!folder_.write_particles(name, *p, s.view, script_.sink)) return false;
  fmt::print("{}: {} particles at {} times by {} in {:.2f} s → {}\n", s.name, grouped(s.count), s.times.size(),
             s.stepper.text, since(began), folder_.file(name));
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
  std::optional<double> value, deviation;
  bool averages = true;  // over the times
};

std::vector<Column> columns(const flow::Figure& f) {
  std::vector<Column> out{{f.metric, f.value, f.deviation}};
  if (f.bits_per_dimension) {
    out.push_back({"± error", f.standard_error, {}, false});
    out.push_back({"bits/dim", f.bits_per_dimension, {}});
  }
  out.push_back({"floor", f.floor, {}});
  return out;
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
  std::string head = fmt::format("{:>8}", "t");
  std::vector<int> widths;
  for (const auto& f : first.figures)
    for (const Column& column : columns(f)) {
      widths.push_back(column.deviation ? 12 : 10);
      head += fmt::format("{:>{}}", column.heading, widths.back());
    }
  fmt::print("{}\n", head);
  std::vector<std::optional<double>> sums(widths.size(), 0);
  const auto n = static_cast<double>(r.comparisons.size());
  size_t impossible = 0;
  for (const auto& c : r.comparisons) {
    std::string row = fmt::format("{:>8}", fmt::format("{:g}", c.time));
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
      }
    }
    fmt::print("{}\n", row);
  }
  if (r.comparisons.size() > 1) {
    std::string row = fmt::format("{:>8}", "mean");
    for (size_t i = 0; i < sums.size(); ++i) row += fmt::format("{:>{}}", figure_text(sums[i]), widths[i]);
    fmt::print("{}\n", row);
  }
  if (e.likelihood) fmt::print("{}\n", kLikelihoodFootnote);
  if (impossible > 0)
    fmt::print("{} real samples lie where the model has no density, which makes it infinite.\n",
               grouped(static_cast<long long>(impossible)));
  if (r.gap)
    fmt::print("action gap ½∫E|drift − exact|² = {:.5f}, {:.3f} % of the action {:.5f}\n", *r.gap,
               100 * *r.gap / *r.action, *r.action);
  fmt::print("objective {:.5f} over {} draws\n", r.objective, grouped(static_cast<long long>(r.objective_samples)));
}

nlohmann::ordered_json as_json(const elaborate::Evaluation& e, const flow::EvaluationResult& r) {
  nlohmann::ordered_json j;
  j["model"] = e.model, j["against"] = e.against_text, j["mode"] = e.one_step ? "one_step" : "from_start";
  j["repeats"] = e.repeats, j["seed"] = e.seed, j["solver"] = e.stepper.text;
  j["definitions"] = {
      {"w1", "min E|x - y| over couplings, exact"},
      {"w2", "(min E|x - y|^2)^(1/2) over couplings, exact"},
      {"mmd", "squared maximum mean discrepancy, unbiased, kernel scale*exp(-gamma|x-y|^2) averaged over gamma"},
      {"energy", "2E|x - y| - E|x - x'| - E|y - y'|, unbiased"},
      {"spread", "root of the ratio of total variances, generated over real"},
      {"nll", "mean over the real samples of -log q_t(x), nats; q_t is the start density carried along the drift"},
      {"floor",
       "the same figure between two independent real samples of the same sizes, or of half a snapshot each where there are "
       "too few rows; of nll, what a known density gives on the same real samples"}};
  for (const auto& m : e.metrics)
    if (m.name == "mmd") j["kernel"] = {{"gamma", m.gammas}, {"scale", m.scale}};
  if (e.likelihood) j["density"] = e.likelihood->text;
  for (const auto& c : r.comparisons) {
    nlohmann::ordered_json row{{"t", c.time}, {"generated", c.generated}, {"reference", c.reference}};
    for (const auto& f : c.figures) {
      row[f.metric] = {{"value", f.value}, {"deviation", f.deviation}};
      if (f.standard_error) row[f.metric]["standard_error"] = *f.standard_error;
      if (f.bits_per_dimension) row[f.metric]["bits_per_dimension"] = *f.bits_per_dimension;
      if (f.impossible > 0) row[f.metric]["samples_without_density"] = f.impossible;
      if (f.floor) row[f.metric]["floor"] = *f.floor, row[f.metric]["floor_deviation"] = *f.floor_deviation;
    }
    j["comparisons"].push_back(row);
  }
  j["objective"] = r.objective, j["objective_samples"] = r.objective_samples;
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
  results_.push_back(as_json(e, *r));
  results_.back()["units"] = units(*m);
  return folder_.write("evaluation.json", results_.dump(2) + "\n", script_.sink);
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
