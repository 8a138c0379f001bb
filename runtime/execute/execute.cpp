#include "runtime/execute/execute.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/workers.h"

namespace am::execute {
namespace {

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t tiles_of(const lower::Plan& plan, size_t samples) { return (samples + plan.tile - 1) / plan.tile; }

/// The threads that a program can keep busy.
int most_threads(const lower::Plan& plan) {
  int most = plan.groups;
  for (const lower::Stage& stage : plan.stages) most = std::max(most, stage.pieces);
  return most;
}

}  // namespace

struct Runner::State {
  State(std::shared_ptr<const jit::Executable> program, int threads)
      : executable(std::move(program)), workers(std::clamp(threads, 1, most_threads(executable->plan()))) {
    const lower::Plan& plan = executable->plan();
    arena_bytes = round_up(plan.tile_bytes);
    shared = allocate(plan.shared_bytes);
    partial = allocate(plan.partial_bytes * plan.groups);
    arenas = allocate(arena_bytes * workers.threads());
  }

  void stages(const lower::Frame& frame, int phase);
  void tiles(const lower::Frame& frame, int phase);
  void group(lower::Frame frame, int phase, size_t first, size_t last, int thread);

  std::shared_ptr<const jit::Executable> executable;
  Workers workers;
  size_t arena_bytes = 0;
  Memory shared, partial, arenas;
};

/// The shared work before the tiles of a phase.
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

/// Tiles `first` … `last` − 1 into the partial sums of a group. `frame.partial` is already the group's.
void Runner::State::group(lower::Frame frame, int phase, size_t first, size_t last, int thread) {
  const lower::Plan& plan = executable->plan();
  frame.arena = arenas.get() + thread * arena_bytes;
  std::memset(frame.partial, 0, plan.partial_bytes);
  for (size_t tile = first; tile < last; ++tile) {
    frame.tile_start = static_cast<uint32_t>(tile * plan.tile);
    executable->tiles()[phase](&frame);
  }
}

void Runner::State::tiles(const lower::Frame& frame, int phase) {
  const lower::Plan& plan = executable->plan();
  const size_t tiles = tiles_of(plan, frame.samples), groups = frame.groups;
  const auto work = [&](int g, int thread) {
    lower::Frame own = frame;
    own.partial = partial.get() + g * plan.partial_bytes;
    group(own, phase, tiles * g / groups, tiles * (g + 1) / groups, thread);
  };
  workers.run(static_cast<int>(groups), std::cref(work));
}

Runner::Runner(std::shared_ptr<const jit::Executable> executable, int threads)
    : state_(std::make_unique<State>(std::move(executable), threads)) {}
Runner::~Runner() = default;
Runner::Runner(Runner&&) noexcept = default;
Runner& Runner::operator=(Runner&&) noexcept = default;

const lower::Plan& Runner::plan() const { return state_->executable->plan(); }

void Runner::run(const Call& call) {
  AM_CHECK(call.inputs.size() == plan().inputs.size() && call.outputs.size() == plan().outputs.size(),
           "a call with {} inputs and {} outputs", call.inputs.size(), call.outputs.size());
  AM_CHECK(call.samples > 0 && call.samples < (uint64_t{1} << 31), "a call with {} samples", call.samples);
  const FlushDenormals flush;
  lower::Frame frame{};
  frame.inputs = call.inputs.data();
  frame.outputs = call.outputs.data();
  frame.shared = state_->shared.get();
  frame.arena = state_->arenas.get();
  frame.partial = state_->partial.get();
  frame.seed = call.seed;
  frame.stride = call.stride == 0 ? call.samples : call.stride;
  frame.step = call.step;
  frame.first_sample = call.first_sample;
  frame.samples = static_cast<uint32_t>(call.samples);
  frame.groups = static_cast<uint32_t>(std::min<size_t>(tiles_of(plan(), call.samples), plan().groups));
  for (int phase = 0; phase < plan().phases; ++phase) {
    state_->stages(frame, phase);
    state_->tiles(frame, phase);
  }
  state_->stages(frame, plan().phases);
}

}  // namespace am::execute
