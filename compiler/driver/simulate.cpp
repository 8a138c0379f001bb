#include "compiler/driver/simulate.h"

#include <algorithm>
#include <cmath>

#include "compiler/ir/random.h"
#include "runtime/execute/execute.h"

namespace am {

using elaborate::Role;

namespace {

/// Steps between two looks at the particles, at which the progress is told too. Numbers that are not finite stay so.
constexpr int kLookEvery = 64;

/// One program of a simulation, its particles [coordinate][stride].
class Mover {
 public:
  Mover(const elaborate::Program& program, const elaborate::Simulation& s, const Machine& machine)
      : code_(native(program, s, machine)), runner_(code_.code, machine.threads) {
    call_.inputs.assign(runner_.plan().inputs.size(), nullptr);
    call_.outputs.assign(1, nullptr);
    call_.samples = s.count;
    for (size_t i = 0; i < code_.inputs.size(); ++i)
      if (code_.inputs[i].role == Role::Data) call_.inputs[i] = code_.inputs[i].data->get().data();
  }

  /// Steps at these times, each of this width, numbered from `step` on in their stream.
  void run(std::vector<double>& x, std::vector<double>& other, std::vector<double> times, double width, uint64_t seed,
           uint32_t step) {
    call_.seed = seed, call_.step = step;
    execute::March march{.steps = times.size()};
    march.states.push_back({code_.slots(Role::Point), 0, x.data(), other.data()});
    march.varying.push_back({code_.slots(Role::TimeStep), std::vector<double>(times.size(), width)});
    march.varying.push_back({code_.slots(Role::Time), std::move(times)});
    runner_.run(call_, march);
    if (march.states[0].now != x.data()) std::swap(x, other);
  }

 private:
  static NativeProgram native(const elaborate::Program& p, const elaborate::Simulation& s, const Machine& machine) {
    std::string error;
    NativeProgram out = make_native(p, lower::Precision::F64, machine, s.count, error);
    AM_CHECK(out, "the simulation `{}` does not compile: {}", s.name, error);
    return out;
  }

  NativeProgram code_;
  execute::Runner runner_;
  execute::Call call_;
};

/// Streams of different stages never meet.
uint64_t key(uint64_t seed, uint32_t stage) {
  const auto w = ir::philox({stage, 0, 0x51A7E, 0}, seed);
  return uint64_t{w[0]} << 32 | w[1];
}

}  // namespace

std::vector<double> simulate(const elaborate::Simulation& s, const Machine& machine,
                             const std::function<void(const std::string&, size_t, size_t)>& progress) {
  const size_t n = s.count, d = static_cast<size_t>(s.dimension);
  std::vector<double> x(n * d), other(n * d), out;
  out.reserve(s.instants() * n * d);
  size_t done = 0, all = 0;
  for (const auto& stage : s.stages) all += static_cast<size_t>(stage.steps);
  auto keep = [&] {
    for (size_t i = 0; i < n; ++i)
      for (size_t k = 0; k < d; ++k) out.push_back(x[k * n + i]);
  };
  auto finite = [&](double time) {
    for (double v : x)
      if (!std::isfinite(v)) throw elaborate::SimulationFailure(s.span, s.name, time);
  };

  const double from = s.stages.front().from;
  Mover(s.start, s, machine).run(x, other, {from}, 0, key(s.seed, 0), 0);
  finite(from);
  for (size_t stage = 0; stage < s.stages.size(); ++stage) {
    const auto& p = s.stages[stage];
    const bool record = s.record && stage + 1 == s.stages.size();
    Mover move(p.move, s, machine);
    const double h = (p.to - p.from) / p.steps;
    if (record) keep();
    for (int i = 0; i < p.steps;) {
      std::vector<double> times;
      const int last = record ? i + 1 : std::min(i + kLookEvery, p.steps);
      for (; i < last; ++i) times.push_back(p.from + h * i);
      const auto first = static_cast<uint32_t>(i - times.size());
      done += times.size();
      move.run(x, other, std::move(times), h, key(s.seed, static_cast<uint32_t>(stage + 1)), first);
      if (record) keep();
      if (i % kLookEvery == 0 || i == p.steps) {
        finite(p.from + h * i);
        if (progress) progress(s.name, done, all);
      }
    }
  }
  if (!s.record) keep();
  return out;
}

}  // namespace am
