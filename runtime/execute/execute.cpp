#include "runtime/execute/execute.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/workers.h"

namespace am::execute {
namespace {

/// Tiles are shared out in this many groups at most, each with partial sums of its own. The number must not depend on
/// the threads, or the sums would.
constexpr size_t kMaxGroups = 8;

/// Fewer sums than this are not worth another thread.
constexpr size_t kPieceBytes = 1 << 15;

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

template <class T>
void add(void* to, const void* from, size_t bytes) {
  auto* x = static_cast<T*>(to);
  const auto* y = static_cast<const T*>(from);
  for (size_t i = 0; i < bytes / sizeof(T); ++i) x[i] += y[i];
}

}  // namespace

struct Runner::State {
  State(std::shared_ptr<const jit::Executable> program, int threads)
      : executable(std::move(program)), workers(std::clamp(threads, 1, static_cast<int>(kMaxGroups))) {
    const lower::Plan& plan = executable->plan();
    partial_bytes = round_up(plan.partial_bytes);
    arena_bytes = round_up(plan.tile_bytes);
    shared = allocate(plan.shared_bytes);
    partial = allocate(partial_bytes * kMaxGroups);
    arenas = allocate(arena_bytes * workers.threads());
  }

  void phase(const lower::Frame& frame, int number, size_t samples);
  void group(lower::Frame frame, int number, size_t first, size_t last, int thread);
  void add_groups(size_t groups);

  std::shared_ptr<const jit::Executable> executable;
  Workers workers;
  size_t partial_bytes = 0, arena_bytes = 0;
  Memory shared, partial, arenas;
};

/// Tiles `first` … `last` − 1 into the partial sums of group `number`. `frame.partial` is already the group's.
void Runner::State::group(lower::Frame frame, int number, size_t first, size_t last, int thread) {
  const lower::Plan& plan = executable->plan();
  frame.arena = arenas.get() + thread * arena_bytes;
  std::memset(frame.partial, 0, plan.partial_bytes);
  for (size_t tile = first; tile < last; ++tile) {
    frame.tile_start = static_cast<uint32_t>(tile * plan.tile);
    executable->tiles()[number](&frame);
  }
}

/// The sums of all groups, in order, into the first one's. Threads share out the elements.
void Runner::State::add_groups(size_t groups) {
  if (groups == 1) return;
  const bool narrow = executable->plan().precision == lower::Precision::F32;
  const size_t lines = partial_bytes / 64;
  const size_t pieces = std::clamp<size_t>(partial_bytes / kPieceBytes, 1, kMaxGroups);
  const auto work = [&](int piece, int) {
    const size_t from = lines * piece / pieces * 64, to = lines * (piece + 1) / pieces * 64;
    std::byte* sums = partial.get() + from;
    for (size_t g = 1; g < groups; ++g) {
      const std::byte* more = sums + g * partial_bytes;
      narrow ? add<float>(sums, more, to - from) : add<double>(sums, more, to - from);
    }
  };
  workers.run(static_cast<int>(pieces), std::cref(work));
}

void Runner::State::phase(const lower::Frame& frame, int number, size_t samples) {
  const size_t tile = executable->plan().tile;
  const size_t tiles = (samples + tile - 1) / tile;
  const size_t groups = std::min(tiles, kMaxGroups);
  const auto work = [&](int g, int thread) {
    lower::Frame own = frame;
    own.partial = partial.get() + g * partial_bytes;
    group(own, number, tiles * g / groups, tiles * (g + 1) / groups, thread);
  };
  workers.run(static_cast<int>(groups), std::cref(work));
  add_groups(groups);
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
  const jit::Executable& program = *state_->executable;
  for (int phase = 0; phase < plan().phases; ++phase) {
    program.shared()[phase](&frame);
    state_->phase(frame, phase, call.samples);
  }
  program.shared()[plan().phases](&frame);
}

}  // namespace am::execute
