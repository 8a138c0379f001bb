// Prints how long sampling takes: 100 Euler steps by the gradient of s = ½·|x − mlp([t, x])|², four hidden layers, on one
// thread (or as many as the first argument says). Beside the time, the rate of the products that no order of evaluation
// can do without, forward and back once for each step.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "runtime/flow/particles.h"

namespace am {
namespace {

constexpr int kSteps = 100, kRounds = 5;

struct Case {
  int dimension, width, count;
};
constexpr Case kCases[] = {{2, 64, 4096}, {5, 64, 4096}, {3, 256, 5000}, {50, 512, 1024}};

std::string script(const Case& c) {
  return fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal({0}); z }}
potential s(x, t) = ½·|x − mlp(width = {1}, depth = 4, out = {0})([t, x])|²
train m = am(s, q) {{ batch = 64 }}
sample p from m {{ start = q(0); count = {2}; times = [0, 1]; solver = euler(steps = {3}) }}
)",
                     c.dimension, c.width, c.count, kSteps);
}

/// Multiplications and additions of the matrix products, of all particles and steps.
double flops(const Case& c) {
  const double weights = (2.0 * c.dimension + 1) * c.width + 3.0 * c.width * c.width;
  return 2 * 2 * weights * c.count * kSteps;
}

/// Seconds of each round; none after a report.
std::vector<double> times(const Case& c, const Machine& machine, int rounds) {
  auto script = compile("sampling.am", am::script(c), {});
  std::vector<double> out;
  if (!script->usable()) return out;
  const elaborate::Model& model = script->elaborated.models[0];
  const elaborate::Sampling& s = script->elaborated.samplings[0];
  const auto weights = flow::initialise(model, machine, script->sink);
  const auto start = flow::draw(s.start.draw, c.dimension, 0, s.count, 1, model.f64, machine, script->sink);
  if (!weights || !start) return out;
  flow::Carrier carrier(s.stepper, model, *weights, s.count, machine, script->sink, s.span);
  if (!carrier) return out;
  for (int round = 0; round < rounds; ++round) {
    carrier.place(*start);
    const auto began = std::chrono::steady_clock::now();
    if (!carrier.carry(0, 1, 1, script->sink)) return {};
    out.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  std::sort(out.begin(), out.end());
  return out;
}

int run(int threads, int rounds) {
  std::string error;
  const Machine machine{.target = jit::host_target("", error), .threads = threads};
  for (const Case& c : kCases) {
    const std::vector<double> seconds = times(c, machine, rounds);
    if (seconds.empty()) return 1;
    const double median = seconds[seconds.size() / 2];
    fmt::print("d = {}, width {}, {} particles: {:.1f} ms (least {:.1f}), {:.0f} GFLOP/s\n", c.dimension, c.width, c.count,
               1e3 * median, 1e3 * seconds[0], 1e-9 * flops(c) / median);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace am

int main(int count, char** arguments) {
  return am::run(count > 1 ? std::atoi(arguments[1]) : 1, count > 2 ? std::atoi(arguments[2]) : am::kRounds);
}
