#include "runtime/execute/execute.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/workers.h"

namespace am::execute {
namespace {

/// A tile is carried through this many steps at once, or as many as leave the values that these share this small: they
/// are to stay in cache beside the tile.
constexpr size_t kMostSteps = 64, kStepsBytes = 1 << 17;

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t tiles_of(const lower::Plan& plan, size_t samples) { return (samples + plan.tile - 1) / plan.tile; }

/// The steps of a march that a tile is carried through at once: one if the tiles of a step need something of each other.
size_t steps_at_once(const lower::Plan& plan) {
  const bool carries = plan.phases == 1 && plan.partial_bytes == 0 &&
                       std::all_of(plan.outputs.begin(), plan.outputs.end(), [](const ir::Slot& s) { return s.sampled; });
  return carries ? std::clamp<size_t>(kStepsBytes / std::max<size_t>(1, plan.shared_bytes), 1, kMostSteps) : 1;
}

/// The threads that a program can keep busy.
int most_threads(const lower::Plan& plan) {
  int most = plan.groups;
  for (const lower::Stage& stage : plan.stages) most = std::max(most, stage.pieces);
  return most;
}

/// Numbers that stand one behind the other, each to all samples of its row.
template <class T>
void spread_rows(T* rows, size_t count, size_t stride, size_t samples) {
  for (size_t e = count; e-- > 0;) std::fill_n(rows + e * stride, samples, T{rows[e]});
}

}  // namespace

struct Runner::State {
  State(std::shared_ptr<const jit::Executable> program, int threads)
      : executable(std::move(program)), workers(std::clamp(threads, 1, most_threads(executable->plan()))) {
    const lower::Plan& plan = executable->plan();
    const size_t ahead = steps_at_once(plan);
    frames.resize(ahead);
    inputs.resize(ahead * plan.inputs.size());
    outputs.resize(ahead * plan.outputs.size());
    numbers = allocate(ahead * plan.inputs.size() * plan.element_bytes());
    arena_bytes = round_up(plan.tile_bytes);
    steady = allocate(plan.steady_bytes);
    shared = allocate(ahead * plan.shared_bytes);
    partial = allocate(plan.partial_bytes * plan.groups);
    arenas = allocate(arena_bytes * workers.threads());
  }

  lower::Frame frame(const Call& call) const;
  void prepare(const Call& call, const March& march, size_t first, size_t steps);
  void vary(const March& march, size_t step, size_t k);
  void spread(const Call& call, const March& march) const;
  void stages(const lower::Frame& frame, int phase);
  void tiles(std::span<const lower::Frame> steps, int phase);
  void group(std::span<const lower::Frame> steps, int phase, int number, int thread);

  std::shared_ptr<const jit::Executable> executable;
  Workers workers;
  size_t arena_bytes = 0;
  // Of the steps that a tile is carried through at once.
  std::vector<lower::Frame> frames;
  std::vector<const void*> inputs;  // [step][slot]
  std::vector<void*> outputs;       // [step][output]
  Memory numbers, steady, shared, partial, arenas;
};

/// The shared work of a phase, which comes before its tiles.
void Runner::State::stages(const lower::Frame& frame, int phase) {
  const std::vector<lower::Stage>& stages = executable->plan().stages;
  for (size_t k = 0; k < stages.size(); ++k) {
    if (stages[k].phase != phase) continue;
    const auto work = [&](int piece, int) {
      lower::Frame own = frame;
      own.piece = static_cast<uint32_t>(piece);
      executable->shared()[k](&own);
    };
    workers.run(stages[k].pieces, std::cref(work));
  }
}

/// The tiles of one group, each through all steps before the next, into the group's partial sums.
void Runner::State::group(std::span<const lower::Frame> steps, int phase, int number, int thread) {
  const lower::Plan& plan = executable->plan();
  const size_t tiles = tiles_of(plan, steps[0].samples), groups = steps[0].groups;
  std::byte* const sums = partial.get() + number * plan.partial_bytes;
  std::memset(sums, 0, plan.partial_bytes);
  for (size_t tile = tiles * number / groups; tile < tiles * (number + 1) / groups; ++tile)
    for (lower::Frame own : steps) {
      own.arena = arenas.get() + thread * arena_bytes;
      own.partial = sums;
      own.tile_start = static_cast<uint32_t>(tile * plan.tile);
      executable->tiles()[phase](&own);
    }
}

void Runner::State::tiles(std::span<const lower::Frame> steps, int phase) {
  const auto work = [&](int number, int thread) { group(steps, phase, number, thread); };
  workers.run(static_cast<int>(steps[0].groups), std::cref(work));
}

Runner::Runner(std::shared_ptr<const jit::Executable> executable, int threads)
    : state_(std::make_unique<State>(std::move(executable), threads)) {}
Runner::~Runner() = default;
Runner::Runner(Runner&&) noexcept = default;
Runner& Runner::operator=(Runner&&) noexcept = default;

const lower::Plan& Runner::plan() const { return state_->executable->plan(); }

lower::Frame Runner::State::frame(const Call& call) const {
  const lower::Plan& plan = executable->plan();
  lower::Frame out{};
  out.steady = steady.get();
  out.arena = arenas.get();
  out.partial = partial.get();
  out.seed = call.seed;
  out.stride = call.stride == 0 ? call.samples : call.stride;
  out.first_sample = call.first_sample;
  out.samples = static_cast<uint32_t>(call.samples);
  out.groups = static_cast<uint32_t>(std::min<size_t>(tiles_of(plan, call.samples), plan.groups));
  return out;
}

/// Step `step` of the march reads its numbers from place `k`.
void Runner::State::vary(const March& march, size_t step, size_t k) {
  const lower::Plan& plan = executable->plan();
  for (const March::Varying& v : march.varying)
    for (int slot : v.inputs) {
      const size_t at = k * plan.inputs.size() + static_cast<size_t>(slot);
      std::byte* number = numbers.get() + at * plan.element_bytes();
      if (plan.precision == lower::Precision::F32)
        *reinterpret_cast<float*>(number) = static_cast<float>(v.values[step]);
      else
        *reinterpret_cast<double*>(number) = v.values[step];
      inputs[at] = number;
    }
}

/// The frames of `steps` steps from number `first` of the march on.
void Runner::State::prepare(const Call& call, const March& march, size_t first, size_t steps) {
  for (size_t k = 0; k < steps; ++k) {
    const void** const in = inputs.data() + k * call.inputs.size();
    void** const out = outputs.data() + k * call.outputs.size();
    std::copy(call.inputs.begin(), call.inputs.end(), in);
    std::copy(call.outputs.begin(), call.outputs.end(), out);
    const size_t step = first + k;
    vary(march, step, k);
    for (const March::State& s : march.states) {
      for (int slot : s.inputs) in[slot] = step % 2 ? s.next : s.now;
      out[s.output] = step % 2 ? s.now : s.next;
    }
    frames[k] = frame(call);
    frames[k].inputs = in, frames[k].outputs = out;
    frames[k].shared = shared.get() + k * executable->plan().shared_bytes;
    frames[k].step = call.step + static_cast<uint32_t>(step);
  }
}

/// States that did not depend on a sample, to all samples.
void Runner::State::spread(const Call& call, const March& march) const {
  const lower::Plan& plan = executable->plan();
  for (const March::State& s : march.states) {
    const ir::Slot& slot = plan.outputs[s.output];
    if (slot.sampled) continue;
    const size_t count = slot.shape.count(), stride = frames[0].stride;
    void* rows = frames[0].outputs[s.output];
    if (plan.precision == lower::Precision::F32)
      spread_rows(static_cast<float*>(rows), count, stride, call.samples);
    else
      spread_rows(static_cast<double*>(rows), count, stride, call.samples);
  }
}

void Runner::run(const Call& call) {
  March one;
  run(call, one);
}

void Runner::run(const Call& call, March& march) {
  AM_CHECK(call.inputs.size() == plan().inputs.size() && call.outputs.size() == plan().outputs.size(),
           "a call with {} inputs and {} outputs", call.inputs.size(), call.outputs.size());
  AM_CHECK(call.samples > 0 && call.samples < (uint64_t{1} << 31), "a call with {} samples", call.samples);
  for (const March::Varying& v : march.varying)
    AM_CHECK(v.values.size() >= march.steps, "{} numbers for {} steps", v.values.size(), march.steps);
  const FlushDenormals flush;
  State& s = *state_;
  for (size_t done = 0; done < march.steps;) {
    const std::span steps(s.frames.data(), std::min(s.frames.size(), march.steps - done));
    s.prepare(call, march, done, steps.size());
    if (done == 0) s.stages(steps[0], lower::kSteady);
    for (int phase = 0; phase <= plan().phases; ++phase) {
      for (const lower::Frame& step : steps) s.stages(step, phase);
      if (phase < plan().phases) s.tiles(steps, phase);
    }
    if (!call.accept || call.accept())
      for (const lower::Frame& step : steps) s.stages(step, plan().phases + 1);
    s.spread(call, march);
    done += steps.size();
  }
  if (march.steps % 2)
    for (March::State& state : march.states) std::swap(state.now, state.next);
}

}  // namespace am::execute
