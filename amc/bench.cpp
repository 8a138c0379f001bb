// `amc bench`: scripts that state their exact answers, trained and compared with them.
#include <ctime>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "amc/program.h"
#include "amc/reference.h"
#include "compiler/document/document.h"

namespace am::program {

namespace {

using diagnostics::Kind;
using diagnostics::make;

/// The largest relative gap of a problem that counts as solved.
constexpr double kBar = 0.02;
constexpr std::string_view kSuite = "reference";

struct Problem {
  std::string name, text;
  std::string file;  // for diagnostics
  bool read = true;
};

/// What one `evaluate` with a known answer gave.
struct Row {
  std::string problem, dynamics, exact;
  int dimension = 0;
  std::optional<double> gap, growth_gap;
  /// A gap that is too large, as NaN is, or that there is none at all.
  std::optional<double> failure() const {
    for (const auto& g : {gap, growth_gap})
      if (g && !(*g <= kBar)) return g;
    return gap || growth_gap ? std::nullopt : std::optional<double>(NAN);
  }
};

struct Outcome {
  std::unique_ptr<Script> script;
  std::vector<Row> rows;
  double seconds = 0;  // of processor time, from the text to the gaps
  bool states_answer = false;
  bool done = false;
};

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The `##` lines as one, without the period at its end.
std::string in_words(std::string doc) {
  std::replace(doc.begin(), doc.end(), '\n', ' ');
  while (doc.ends_with('.') || doc.ends_with(' ')) doc.pop_back();
  return doc;
}

/// The dynamics that a model is trained by: `am` of `am(s, q)`.
std::string dynamics_of(const ast::Program& program, std::string_view model) {
  for (const ast::Declaration& d : program.declarations) {
    if (d.kind != ast::DeclarationKind::Train || d.name != model) continue;
    const ast::Expr& e = program[d.value];
    return e.kind == ast::ExprKind::Call ? program[e.operands[0]].text : e.text;
  }
  return "";
}

/// The comments above the evaluations that `rows` are of, in their order.
std::vector<std::string> answers(const Script& script) {
  std::vector<std::string> out;
  for (size_t i = script.own; i < script.program.declarations.size(); ++i)
    if (script.program.declarations[i].kind == ast::DeclarationKind::Evaluate)
      out.push_back(in_words(script.program.declarations[i].doc));
  return out;
}

/// Trains and evaluates on this thread alone: its time is the problem's.
void solve(const Problem& problem, const Machine& machine, Outcome& out) {
  const double began = thread_seconds();
  CompileOptions options{.data_folder = std::filesystem::path(problem.file).parent_path().string()};
  options.machine = machine;
  out.script = compile(problem.file, problem.text, options);
  Script& script = *out.script;
  const auto known = [](const elaborate::Evaluation& e) { return e.has_velocity || e.has_growth; };
  const auto& evaluations = script.elaborated.evaluations;
  out.states_answer = std::any_of(evaluations.begin(), evaluations.end(), known);
  if (!script.usable() || !out.states_answer) return;
  std::map<std::string, flow::Weights> trained;
  for (const auto& m : script.elaborated.models) {
    auto w = flow::initialise(m, machine, script.sink);
    if (!w || flow::train(m, *w, machine, {}, script.sink) != flow::Ending::Finished) return;
    trained[m.name] = std::move(*w);
  }
  const std::vector<std::string> words = answers(script);
  for (size_t k = 0; k < evaluations.size(); ++k) {
    const elaborate::Evaluation& e = evaluations[k];
    if (!known(e)) continue;
    const elaborate::Model& m = *script.elaborated.model(e.model);
    const auto r = flow::evaluate(e, m, trained.at(e.model), machine, script.sink);
    if (!r) return;
    const bool only = script.elaborated.models.size() == 1;
    out.rows.push_back({.problem = only ? problem.name : fmt::format("{}, {}", problem.name, e.model),
                        .dynamics = dynamics_of(script.program, e.model),
                        .exact = k < words.size() ? words[k] : "",
                        .dimension = m.moving,
                        .gap = r->relative_gap(),
                        .growth_gap = r->relative_growth_gap()});
  }
  out.seconds = thread_seconds() - began;
}

/// The table, a row as soon as it and those before it are known.
class Table {
 public:
  Table(bool markdown, size_t width) : markdown_(markdown), width_(width) {
    if (markdown_) {
      fmt::print("| problem | d | dynamics | exact answer | gap | growth gap | bar | seconds |\n");
      fmt::print("| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |\n");
    } else {
      fmt::print("{:<{}}  {:>2}  {:<8}  {:>8}  {:>10}  {:>4}  {:>7}  {}\n", "problem", width_, "d", "dynamics", "gap",
                 "growth gap", "bar", "seconds", "exact answer");
    }
    std::fflush(stdout);
  }

  /// `seconds` stand with the first row of a problem.
  void add(const Problem& problem, const Row& row, std::optional<double> seconds) {
    const auto percent = [](std::optional<double> g) { return g ? fmt::format("{:.3f} %", 100 * *g) : "–"; };
    const std::string took = seconds ? fmt::format("{:.1f}", *seconds) : "", bar = fmt::format("{:g} %", 100 * kBar);
    if (markdown_)
      fmt::print("| [{}](../examples/reference/{}.am) | {} | `{}` | {} | {} | {} | {} | {} |\n", row.problem, problem.name,
                 row.dimension, row.dynamics, document::escaped(row.exact, true), percent(row.gap), percent(row.growth_gap),
                 bar, took);
    else
      fmt::print("{:<{}}  {:>2}  {:<8}  {:>8}  {:>10}  {:>4}  {:>7}  {}\n", row.problem, width_, row.dimension, row.dynamics,
                 percent(row.gap), percent(row.growth_gap), bar, took, row.exact);
    std::fflush(stdout);
  }

 private:
  bool markdown_;
  size_t width_;
};

std::vector<Problem> problems(const Arguments& a) {
  std::vector<Problem> out;
  for (const std::string& file : a.files) {
    if (file == kSuite) {
      for (const LibraryFile& f : reference_problems())
        out.push_back({.name = std::filesystem::path(f.name).stem(), .text = std::string(f.text),
                       .file = fmt::format("examples/reference/{}", f.name)});
      continue;
    }
    const auto text = read_file(file);
    out.push_back({.name = std::filesystem::path(file).stem(), .text = text.value_or(""), .file = file, .read = text.has_value()});
  }
  return out;
}

/// The exit code of an outcome. What is wrong with the script goes to stderr, gaps that are too large to `failures`.
int judge(const Arguments& a, const Problem& problem, const Outcome& out, std::vector<std::string>& failures) {
  if (const int code = print_diagnostics(a, out.script->sink, out.script->sources, false)) return code;
  if (!out.states_answer)
    return complain(a, make<Kind::BadCommandLine>({}, fmt::format("`{}` states no exact answer: `bench` needs an `evaluate` with "
                                                                  "`velocity` or `growth`", problem.file)));
  int code = kDone;
  for (const Row& row : out.rows)
    if (const auto gap = row.failure()) {
      failures.push_back(fmt::format("{}: the gap of {:.3g} % is above the bar of {:g} %", row.problem, 100 * *gap, 100 * kBar));
      code = kNumerics;
    }
  return code;
}

}  // namespace

int bench(const Arguments& a) {
  const std::vector<Problem> all = problems(a);
  for (const Problem& p : all)
    if (!p.read) return complain(a, make<Kind::UnreadableScript>({}, p.file));
  int code = kDone;
  auto machine = machine_of(a, code);
  if (!machine) return code;
  const size_t at_once = std::min<size_t>(std::exchange(machine->threads, 1), all.size());

  std::vector<Outcome> outcomes(all.size());
  std::mutex mutex;
  std::condition_variable news;
  std::atomic<size_t> next = 0;
  std::vector<std::exception_ptr> thrown(all.size());
  std::vector<std::jthread> threads;
  for (size_t t = 0; t < at_once; ++t)
    threads.emplace_back([&] {
      for (size_t k; (k = next++) < all.size();) {
        try {
          solve(all[k], *machine, outcomes[k]);
        } catch (...) {
          thrown[k] = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        outcomes[k].done = true;
        news.notify_all();
      }
    });

  size_t width = std::string_view("problem").size();
  for (const Problem& p : all) width = std::max(width, p.name.size());
  Table table(a.markdown, width);
  std::vector<std::string> failures;
  for (size_t k = 0; k < all.size(); ++k) {
    std::unique_lock lock(mutex);
    news.wait(lock, [&] { return outcomes[k].done; });
    lock.unlock();
    if (thrown[k]) {
      next = all.size();
      threads.clear();
      std::rethrow_exception(thrown[k]);
    }
    const auto& rows = outcomes[k].rows;
    for (size_t i = 0; i < rows.size(); ++i)
      table.add(all[k], rows[i], i == 0 ? std::optional(outcomes[k].seconds) : std::nullopt);
    code = std::max(code, judge(a, all[k], outcomes[k], failures));
  }
  for (const std::string& failure : failures) fmt::print("{}\n", failure);
  return code;
}

}  // namespace am::program
