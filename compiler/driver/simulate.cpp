#include "compiler/driver/simulate.h"

#include <cmath>

#include "compiler/ir/random.h"
#include "runtime/execute/execute.h"

namespace am {

using elaborate::Role;

namespace {

/// One program of a simulation, its particles [coordinate][stride].
class Mover {
 public:
  Mover(const elaborate::Program& program, const elaborate::Simulation& s, const Machine& machine)
      : code_(native(program, s, machine)), runner_(code_.code, machine.threads) {
    call_.inputs.assign(runner_.plan().inputs.size(), nullptr);
    call_.outputs.assign(1, nullptr);
    call_.samples = s.count;
    for (size_t i = 0; i < code_.inputs.size(); ++i) {
      const elaborate::Input& in = code_.inputs[i];
      if (in.role == Role::Data) call_.inputs[i] = in.data->get().data();
      if (in.role == Role::Time) call_.inputs[i] = &time_;
      if (in.role == Role::TimeStep) call_.inputs[i] = &width_;
    }
  }

  void run(const double* x, double* next, double time, double width, uint64_t seed, uint32_t step) {
    time_ = time, width_ = width;
    for (size_t i = 0; i < code_.inputs.size(); ++i)
      if (code_.inputs[i].role == Role::Point) call_.inputs[i] = x;
    call_.outputs[0] = next;
    call_.seed = seed, call_.step = step;
    runner_.run(call_);
  }
  /// What does not depend on a draw comes out once, not once for each particle.
  bool sampled() const { return runner_.plan().outputs[0].sampled; }

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
  double time_ = 0, width_ = 0;
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
  std::vector<double> x(n * d), next(n * d), out;
  out.reserve(s.instants() * n * d);
  size_t done = 0, all = 0;
  for (const auto& stage : s.stages) all += static_cast<size_t>(stage.steps);
  auto keep = [&] {
    for (size_t i = 0; i < n; ++i)
      for (size_t k = 0; k < d; ++k) out.push_back(x[k * n + i]);
  };
  // Numbers that are not finite stay so: looking now and then is enough.
  auto finite = [&](double time) {
    for (double v : x)
      if (!std::isfinite(v)) throw elaborate::SimulationFailure(s.span, s.name, time);
  };

  Mover start(s.start, s, machine);
  start.run(nullptr, x.data(), s.stages.front().from, 0, key(s.seed, 0), 0);
  if (!start.sampled())
    for (size_t k = d; k-- > 0;) std::fill_n(x.begin() + static_cast<ptrdiff_t>(k * n), n, x[k]);
  finite(s.stages.front().from);
  for (size_t stage = 0; stage < s.stages.size(); ++stage) {
    const auto& p = s.stages[stage];
    const bool record = s.record && stage + 1 == s.stages.size();
    Mover move(p.move, s, machine);
    const double h = (p.to - p.from) / p.steps;
    if (record) keep();
    for (int i = 0; i < p.steps; ++i) {
      move.run(x.data(), next.data(), p.from + h * i, h, key(s.seed, static_cast<uint32_t>(stage + 1)),
               static_cast<uint32_t>(i));
      if (!move.sampled())
        for (size_t k = d; k-- > 0;) std::fill_n(next.begin() + static_cast<ptrdiff_t>(k * n), n, next[k]);
      std::swap(x, next);
      if (record) keep();
      if (++done % 64 == 0 || i + 1 == p.steps) {
        finite(p.from + h * (i + 1));
        if (progress) progress(s.name, done, all);
      }
    }
  }
  if (!s.record) keep();
  return out;
}

}  // namespace am
