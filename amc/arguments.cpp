#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "amc/program.h"
#include "amc/progress.h"

namespace am::program {

std::atomic<bool> interrupted = false;

namespace {

using diagnostics::Kind;
using diagnostics::make;

/// The first signal asks training to end at a checkpoint; a second one ends the program at once.
void on_signal(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

void reports(CLI::App& c, Arguments& a) {
  c.add_option_function<std::string>(
       "--diagnostics", [&a](const std::string& format) { a.json = format == "json"; },
       "text, or json: one object a line on standard error")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json");
}

void common(CLI::App& c, Arguments& a) {
  c.add_option("file", a.file, "the script")->required();
  reports(c, a);
  c.add_option("--set", a.set, "KIND.NAME.SETTING=VALUE, such as train.flow.steps=100");
  c.add_option("--data", a.data, "NAME=FILE: read a data set from another file");
  c.add_option("--const", a.constants, "NAME=NUMBER: another value for a constant");
  c.add_option("--cpu", a.cpu, "make code for this CPU: native, x86-64-v2, x86-64-v3, x86-64-v4");
}

void caches(CLI::App& c, Arguments& a) {
  c.add_flag("--no-cache", a.no_cache, "neither use nor keep compiled programs; `amc info` says where they are");
}

int dispatch(const Arguments& a) {
  if (a.command == "run") return run(a);
  if (a.command == "sample" || a.command == "evaluate") return from_run(a);
  if (a.command == "check") return check(a);
  if (a.command == "emit") return emit(a);
  if (a.command == "derive") return derive(a);
  if (a.command == "data") return describe_data(a);
  if (a.command == "bench") return bench(a);
  if (a.command == "eval") return eval(a);
  if (a.command == "fmt") return format(a);
  if (a.command == "doc") return doc(a);
  if (a.command == "report") return report(a);
  return info(a);
}

bool is_error(const diagnostics::Diagnostic& d) { return diagnostics::info(d.kind).level == diagnostics::Level::Error; }

/// NAME=VALUE options as a map.
bool pairs(const Arguments& a, const std::vector<std::string>& list, std::string_view option,
           std::map<std::string, std::string>& out) {
  for (const std::string& item : list) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      complain(a, make<Kind::BadCommandLine>({}, fmt::format("`{} {}` is not of the form NAME=VALUE", option, item)));
      return false;
    }
    out[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return true;
}

/// A command line that cannot be read was still meant for a person or a program.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--diagnostics=json" ||
        (word == "--diagnostics" && i + 1 < argc && argv[i + 1] == std::string_view("json")))
      return true;
  }
  return false;
}

void print(const Arguments& a, const diagnostics::Diagnostic& d, const source::Sources& sources) {
  fmt::print(stderr, "{}\n", a.json ? diagnostics::json(d, sources) : diagnostics::render(d, sources));
}

}  // namespace

int complain(const Arguments& a, const diagnostics::Diagnostic& error) {
  std::fflush(stdout);
  print(a, error, {});
  return static_cast<int>(diagnostics::info(error.kind).blame);
}

int run_command(int argc, char** argv) {
  Arguments a;
  CLI::App app("Learns how a population moves from snapshots, by Action Matching.", "amc");
  app.require_subcommand(1);
  app.set_version_flag("--version", "amc " + version());

  auto* c = app.add_subcommand("run", "train, sample and evaluate what the script declares");
  common(*c, a);
  c->add_option("--threads", a.threads, "threads to use; default: all cores")->check(CLI::Range(0, 4096));
  c->add_flag("--resume", a.resume, "go on from the checkpoints of the run folder");
  c->add_option("--out", a.out, "run folder; default: runs/SCRIPT");
  caches(*c, a);
  for (const auto& [name, what] : {std::pair("sample", "do what the script samples, with the models of a finished run"),
                                   std::pair("evaluate", "do what the script evaluates, with the models of a finished run")}) {
    c = app.add_subcommand(name, what);
    common(*c, a);
    c->add_option("--run", a.run, "run folder whose checkpoints to use; what comes out is written there too")->required();
    c->add_option("--threads", a.threads, "threads to use; default: all cores")->check(CLI::Range(0, 4096));
    caches(*c, a);
  }
  c = app.add_subcommand("check", "parse, check, differentiate, plan memory; nothing runs");
  common(*c, a);
  c = app.add_subcommand("emit", "print a stage of the compiler");
  common(*c, a);
  c->add_option("--stage", a.stage, "ast, graph, gradient, tiles, llvm, asm")->required();
  c->add_option("--model", a.model, "the `train` declaration; default: the first");
  c = app.add_subcommand("derive", "print a derivative as mathematics");
  common(*c, a);
  c->add_option("expression", a.expression,
                "an expression over the script's names, such as ∇s, ∂t s, Δs (grad s, d[t] s, lap s), ∇·v or drift; "
                "objective; or ∇[PARAMETER] objective")
      ->required();
  c->add_option("--shape", a.shapes, "NAME=SIZE: the size of a variable of the expression, such as y=3 or A=2x3");
  c->add_option("--model", a.model, "the `train` declaration; default: the first");
  c->add_flag("--latex", a.latex, "LaTeX instead of text");
  c = app.add_subcommand("data", "say what a data file holds");
  c->add_option("file", a.file, "a csv, tsv, npy, npz, h5ad or idx file")->required();
  reports(*c, a);
  c = app.add_subcommand("eval", "values of the learned functions at given points");
  common(*c, a);
  c->add_option("--run", a.run, "run folder whose checkpoint to use; default: initial parameters");
  c->add_option("--at", a.at, "csv file with the columns t, x1 … xd, and the conditions by name")->required();
  c->add_option("--coordinates", a.coordinates,
                "of the points and of what is shown: original, those of the data's file; standardised, those of the "
                "model; genes, for velocities alone")
      ->check(CLI::IsMember({"original", "standardised", "genes"}));
  c->add_option("--genes", a.genes, "with --coordinates=genes: which, by default all: SOX2,GATA1");
  c->add_option("--show", a.show, "what to show: s,∇s,∂t s,Δs,drift,noise,growth");
  c->add_option("--out", a.out, "file to write; default: print");
  caches(*c, a);
  c->add_option("--model", a.model, "the `train` declaration; default: the first");
  c = app.add_subcommand("bench", "train scripts that state their exact answers, and say how far from them they end");
  c->add_option("files", a.files, "scripts; `reference` means all of examples/reference")->required();
  reports(*c, a);
  c->add_option("--threads", a.threads, "problems to solve at once, each on a thread of its own; default: all cores")
      ->check(CLI::Range(0, 4096));
  c->add_flag("--markdown", a.markdown, "the table as Markdown");
  c->add_option("--cpu", a.cpu, "make code for this CPU: native, x86-64-v2, x86-64-v3, x86-64-v4");
  caches(*c, a);
  c = app.add_subcommand("fmt", "lay scripts out canonically, in place");
  c->add_option("files", a.files, "scripts; `-` reads standard input and prints")->required();
  reports(*c, a);
  auto* ascii = c->add_flag("--ascii", a.ascii, "spell operators in ASCII: grad s, x^2, a @ b");
  c->add_flag("--unicode", a.unicode, "spell operators as mathematics: ∇s, x², a·b")->excludes(ascii);
  auto* only_check =
      c->add_flag("--check", a.only_check, "change nothing; name the files that would change, and exit with 1");
  c->add_flag("--stdout", a.to_stdout, "print instead of writing the files")->excludes(only_check);
  c = app.add_subcommand("doc", "documentation of a name, or of everything");
  c->add_option("name", a.name, "a name of the library, a setting, a diagnostic, a section such as `nets` or `train`");
  c->add_option("--file", a.file, "a script, whose declarations with their ## comments come first");
  reports(*c, a);
  c->add_flag("--markdown", a.markdown, "Markdown instead of text; without a name the page docs/stdlib.md");
  c = app.add_subcommand("report", "make report.html and the figures of a run again, from its folder");
  c->add_option("folder", a.file, "a run's folder, such as runs/SCRIPT")->required();
  reports(*c, a);
  c->add_option("--threads", a.threads, "threads to use; default: all cores")->check(CLI::Range(0, 4096));
  caches(*c, a);
  c = app.add_subcommand("info", "version, CPU and vector width; with a script, the plan of its programs");
  c->add_option("file", a.file, "a script");
  reports(*c, a);
  c->add_option("--cpu", a.cpu, "as if on this CPU");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e), kDone;
    a.json = asks_for_json(argc, argv);
    if (a.json) return complain(a, make<Kind::BadCommandLine>({}, e.what()));
    app.exit(e);
    return kScript;
  }
  for (CLI::App* used : app.get_subcommands()) a.command = used->get_name();
  if (a.command == "run" || a.command == "sample" || a.command == "evaluate") {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
  }
  try {
    return dispatch(a);
  } catch (const std::bad_alloc&) {
    auto error = make<Kind::OutOfMemory>({});
    error.suggestion = "a smaller `batch` of the training, or a smaller `count` of the sampling, needs less";
    return complain(a, error);
  } catch (const std::exception& e) {  // InternalError among them
    if (a.json)
      fmt::print(stderr, "{}\n", diagnostics::json_of_internal_error(e.what()));
    else
      fmt::print(stderr, "internal error: {}\nThis is a bug of amc. Please report it with the script.\n", e.what());
    return kOurBug;
  }
}

std::optional<std::string> read_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) return {};
  std::ifstream in(path, std::ios::binary);
  if (!in) return {};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

int print_diagnostics(const Arguments& a, const diagnostics::Sink& sink, const source::Sources& sources,
                      bool warnings) {
  // What was printed before comes first where both go to one file.
  std::fflush(stdout);
  for (const auto& d : sink.sorted())
    if (warnings || is_error(d)) print(a, d, sources);
  return sink.exit_code();
}

void print_error_count(const diagnostics::Sink& sink, const std::string& file) {
  const auto shown = sink.sorted();
  const auto errors = std::count_if(shown.begin(), shown.end(), is_error);
  fmt::print(stderr, "{} error{} in {}\n", errors, errors == 1 ? "" : "s", file);
}

std::unique_ptr<Script> open_script(const Arguments& a, int& code) {
  const auto text = read_file(a.file);
  if (!text) {
    code = complain(a, make<Kind::UnreadableScript>({}, a.file));
    return nullptr;
  }
  CompileOptions options{.data_folder = std::filesystem::path(a.file).parent_path().string()};
  if (!pairs(a, a.set, "--set", options.settings) || !pairs(a, a.data, "--data", options.data) ||
      !pairs(a, a.constants, "--const", options.constants)) {
    code = kScript;
    return nullptr;
  }
  options.machine = machine_of(a, code);
  if (!options.machine) return nullptr;
  struct Simulating {
    ProgressLine line{true};
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    bool shown = false;
  };
  if (!a.json)
    options.simulating = [state = std::make_shared<std::map<std::string, Simulating>>()](const std::string& name,
                                                                                        size_t done, size_t all) {
    Simulating& s = (*state)[name];
    // What is over in a moment needs no line.
    s.shown = s.shown || std::chrono::steady_clock::now() - s.began > std::chrono::milliseconds(500);
    if (!s.shown) return;
    const auto count = [](size_t n) { return grouped(static_cast<long long>(n)); };
    s.line.show(fmt::format("simulating {}: step {} of {}", name, count(done), count(all)), done == all);
    if (done == all) s.line.end();
  };
  if (a.command == "derive" && !of_objective(a.expression)) {
    options.expression = a.expression, options.model = a.model;
    if (!pairs(a, a.shapes, "--shape", options.shapes)) {
      code = kScript;
      return nullptr;
    }
  }
  auto script = compile(a.file, *text, options);
  code = print_diagnostics(a, script->sink, script->sources, a.command != "derive");
  if (!script->usable()) {
    if (!a.json) print_error_count(script->sink, a.file);
    return nullptr;
  }
  return script;
}

std::optional<Machine> machine_of(const Arguments& a, int& code) {
  std::string error;
  Machine m{.target = jit::host_target(a.cpu, error), .threads = a.threads};
  if (!error.empty()) {
    code = complain(a, make<Kind::BadCommandLine>({}, error));
    return {};
  }
  if (!a.no_cache) m.cache = jit::Cache::of_environment();
  if (m.threads == 0) m.threads = std::max(1u, std::thread::hardware_concurrency());
  return m;
}

}  // namespace am::program
