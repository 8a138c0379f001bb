// Times training steps and sampling of one problem, block by block as a line on standard input asks for them: our side
// of bench/run, whose protocol bench/README.md states.
//
//   bench_steps --kind am --dimension 5 --width 64 --batch 512     then lines such as `ours 0.3`, `peak 0.05`
//   bench_steps … --print-script                                   the script that is measured
//   bench_steps … --count 2                                        under callgrind: collects two steps and nothing else
#include <fmt/format.h>
#include <immintrin.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/flow/flow.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

namespace am {
namespace {

struct Options {
  std::string what = "train", kind = "am", products = "auto", cpu;
  int dimension = 2, width = 64, depth = 4, batch = 256, steps = 100, threads = 1, count = 0;
  size_t cache_bytes = 0;
  bool print_script = false;
};

/// Rollouts start at samples of the path at 0 and take steps of 1/100 until `steps` are done.
std::string script(const Options& o) {
  std::string text =
      fmt::format(R"(path q(t) over 0..1 {{
  x0 ~ normal({0})
  z ~ normal({0})
  (1 − t)·x0 + t·(2 + 0.5·z)
}}
potential s(x, t) = ½·|x − mlp(width = {1}, depth = {2}, out = {0})([t, x])|²
train flow = {3}(s, q{4}) {{ steps = 1_000_000_000; batch = {5}; optimizer = adam(lr = 1e-4); clip = 1.0; ema = 0.9999; products = {6} }}
)",
                  o.dimension, o.width, o.depth, o.kind, o.kind == "eam" ? ", sigma = 0.5" : "", o.batch, o.products);
  if (o.what == "sample")
    text += fmt::format(
        "sample paths from flow {{ start = q(0); count = {}; times = 0..{} by {}; solver = euler(steps = 100) }}\n",
        o.batch, o.steps / 100.0, o.steps / 100.0);
  return text;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Processor time of all threads.
double cpu_seconds() {
  rusage use;
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) { return t.tv_sec + 1e-6 * t.tv_usec; };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// The largest resident set so far, in MB.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

/// Turns of 24 independent chains of fused multiply-adds: enough to cover the latency, few enough for registers.
constexpr int kChains = 24, kTurns = 2000;

__attribute__((target("avx512f"))) void multiply_add_512() {
  __m512 x[kChains];
  for (auto& v : x) v = _mm512_set1_ps(1);
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int i = 0; i < kTurns; ++i)
#pragma GCC unroll 24
    for (auto& v : x) v = _mm512_fmadd_ps(v, a, b);
  // Nothing of it may be left out.
  for (auto& v : x) asm volatile("" : : "v"(v));
}

/// AVX2 has sixteen registers: twelve chains, twice.
__attribute__((target("avx2,fma"))) void multiply_add_256() {
  __m256 x[kChains / 2];
  for (auto& v : x) v = _mm256_set1_ps(1);
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int i = 0; i < 2 * kTurns; ++i)
#pragma GCC unroll 12
    for (auto& v : x) v = _mm256_fmadd_ps(v, a, b);
  for (auto& v : x) asm volatile("" : : "x"(v));
}

/// GFLOP/s of fused multiply-adds in registers in f32, over `seconds`, of all threads together; 0 without such
/// instructions.
double fma_peak(double seconds, int threads) {
  const bool wide = __builtin_cpu_supports("avx512f");
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0;
  const double flops = 2.0 * kChains * kTurns * (wide ? 16 : 8);
  std::vector<double> rates(threads);
  const auto measure = [&](int thread) {
    const double start = now();
    double took = 0;
    for (long turns = 1; took < seconds; ++turns) {
      wide ? multiply_add_512() : multiply_add_256();
      took = now() - start;
      rates[thread] = turns * flops / took / 1e9;
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(measure, i);
  measure(0);
  for (auto& other : others) other.join();
  double sum = 0;
  for (double rate : rates) sum += rate;
  return sum;
}

void say(const std::string& fields) {
  fmt::print("{{{}}}\n", fields);
  std::fflush(stdout);
}

/// The side of the protocol that asks: reads lines until one asks for a block, and answers when it is over.
class Blocks {
 public:
  explicit Blocks(int threads) : threads_(threads) {}

  /// Seconds that the next block is to last; 0 at the end of the input.
  double next() {
    double rested = cpu_seconds();
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string variant;
      double seconds = 0;
      words >> variant >> seconds;
      if (variant == "peak") {
        const double before = cpu_seconds();
        say(fmt::format(R"("variant": "peak", "gflops": {:.3f})", fma_peak(seconds, threads_)));
        rested += cpu_seconds() - before;
      } else if (variant == "ours" && seconds > 0) {
        began_cpu_ = cpu_seconds();
        idle_cpu_ = began_cpu_ - rested;
        return seconds;
      } else {
        say(R"("error": "a line is `ours SECONDS` or `peak SECONDS`")");
      }
    }
    return 0;
  }

  void answer(long calls, double seconds) {
    say(fmt::format(
        R"("variant": "ours", "calls": {}, "seconds": {:.9f}, "cpu": {:.6f}, "idle_cpu": {:.6f}, "rss_mb": {:.1f})",
        calls, seconds, cpu_seconds() - began_cpu_, idle_cpu_, peak_memory()));
  }

 private:
  int threads_;
  double began_cpu_ = 0, idle_cpu_ = 0;
};

void first_call(double began, double value) {
  say(fmt::format(R"("variant": "ours", "value": {:.9g}, "first_call_s": {:.4f}, "rss_mb": {:.1f})", value,
                  now() - began, peak_memory()));
}

void ready(const Machine& machine, double flops) {
  say(fmt::format(
      R"("ready": true, "program": "amc", "version": "{}", "cpu": "{}", "vector_bytes": {}, "plan_gflop": {:.6f}, "rss_mb": {:.1f})",
      version(), machine.target.cpu, machine.target.vector_bytes, flops / 1e9, peak_memory()));
}

/// Training runs on as it does for users; the time passes in the report, where the next block is waited for.
bool train(const elaborate::Model& model, flow::Weights& weights, const Machine& machine, const Options& o,
           double began, diagnostics::Sink& sink) {
  const double flops = plan_of(model, machine.target).flops_contract * o.batch;
  // A look at the clock every ten milliseconds or so: a billion operations.
  const int every = o.count > 0 ? 1 : std::max(1, static_cast<int>(1e9 / flops));
  constexpr int kWarm = 3;
  Blocks blocks(o.threads);
  double seconds = 0, start = 0;
  int first = 0;
  const auto report = [&](const flow::Progress& p, const flow::Weights&) {
    const double at = now();
    if (p.step == 1) first_call(began, p.objective);
    if (o.count > 0) {
      if (p.step == kWarm) CALLGRIND_START_INSTRUMENTATION;
      if (p.step == kWarm + o.count) CALLGRIND_STOP_INSTRUMENTATION;
      return p.step < kWarm + o.count;
    }
    if (seconds == 0) {
      if (p.step < kWarm) return true;
      ready(machine, flops);
    } else if (at - start < seconds) {
      return true;
    } else {
      blocks.answer(p.step - first, at - start);
    }
    seconds = blocks.next();
    first = p.step, start = now();
    return seconds > 0;
  };
  return flow::train(model, weights, machine, {.report_every = every, .report = report}, sink) == flow::Ending::Stopped;
}

/// What a rollout of `steps` takes: the time of a whole sampling less that of one which ends where it starts, which has
/// all of the preparations.
bool sample(elaborate::Sampling sampling, const elaborate::Model& model, const flow::Weights& weights,
            const Machine& machine, const Options& o, double began, diagnostics::Sink& sink) {
  const std::vector<double> times = sampling.times;
  bool fine = true;
  double value = 0;
  const auto timed = [&](std::vector<double> at) {
    const double start = now();
    sampling.times = std::move(at);
    const auto particles = flow::sample(sampling, model, weights, machine, sink);
    fine = fine && particles;
    if (particles) value = particles->points.back()[0];
    return now() - start;
  };
  timed(times);
  first_call(began, value);
  ready(machine, 0);
  Blocks blocks(o.threads);
  for (double seconds; fine && (seconds = blocks.next()) > 0;) {
    long calls = 0;
    double took = 0;
    for (; took < seconds && fine; ++calls) took += timed(times) - timed({times[0]});
    blocks.answer(calls, took);
  }
  return fine;
}

int run(const Options& o, double began) {
  const std::string text = script(o);
  if (o.print_script) return fmt::print("{}", text), 0;
  std::string error;
  Machine machine{
      .target = jit::host_target(o.cpu, error), .threads = o.threads, .cache = jit::Cache::of_environment()};
  if (!error.empty()) return fmt::print(stderr, "{}\n", error), 1;
  if (o.cache_bytes > 0) machine.target.cache_bytes = o.cache_bytes;
  const auto compiled = compile("bench.am", text, {});
  diagnostics::Sink& sink = compiled->sink;
  bool fine = compiled->usable();
  if (fine) {
    const elaborate::Model& model = compiled->elaborated.models[0];
    auto weights = flow::initialise(model, machine, sink);
    fine = weights &&
           (o.what == "sample" ? sample(compiled->elaborated.samplings[0], model, *weights, machine, o, began, sink)
                               : train(model, *weights, machine, o, began, sink));
  }
  for (const auto& d : sink.sorted()) fmt::print(stderr, "{}\n", diagnostics::render(d, compiled->sources));
  return fine ? 0 : 1;
}

}  // namespace
}  // namespace am

int main(int argc, char** argv) {
  const double began = am::now();
  am::Options o;
  CLI::App app("Training steps and sampling of one problem, timed in blocks");
  app.add_option("--what", o.what)->check(CLI::IsMember({"train", "sample"}));
  app.add_option("--kind", o.kind)->check(CLI::IsMember({"am", "eam", "uam"}));
  app.add_option("--products", o.products)->check(CLI::IsMember({"auto", "plain"}));
  app.add_option("--dimension", o.dimension)->check(CLI::PositiveNumber);
  app.add_option("--width", o.width)->check(CLI::PositiveNumber);
  app.add_option("--depth", o.depth, "hidden layers")->check(CLI::PositiveNumber);
  app.add_option("--batch", o.batch, "samples of a step, or particles")->check(CLI::PositiveNumber);
  app.add_option("--steps", o.steps, "of a rollout, each of 1/100")->check(CLI::PositiveNumber);
  app.add_option("--threads", o.threads)->check(CLI::PositiveNumber);
  app.add_option("--cpu", o.cpu, "make code for this CPU, as of `amc --cpu`");
  app.add_option("--cache-bytes", o.cache_bytes, "make code for a second-level cache of this size");
  app.add_option("--count", o.count, "run so many steps under callgrind's eyes, and end")->check(CLI::PositiveNumber);
  app.add_flag("--print-script", o.print_script, "the script that is measured");
  CLI11_PARSE(app, argc, argv);
  return am::run(o, began);
}
