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

/// A tile is carried through this many steps at once, or as many as leave the values that these share this small: they
/// are to stay in cache beside the tile.
constexpr size_t kMostSteps = 64, kStepsBytes = 1 << 17;

/// Tiles that are carried are shared out in this many pieces at most: enough that threads finish together.
constexpr size_t kMaxPieces = 64;

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
    shared_bytes = round_up(plan.shared_bytes);
    const auto sampled = [](const ir::Slot& slot) { return slot.sampled; };
    carries = plan.phases == 1 && plan.partial_bytes == 0 &&
              std::all_of(plan.outputs.begin(), plan.outputs.end(), sampled);
    const size_t ahead = carries ? std::clamp<size_t>(kStepsBytes / std::max<size_t>(1, shared_bytes), 1, kMostSteps) : 1;
    frames.resize(ahead);
    inputs.resize(ahead * plan.inputs.size());
    outputs.resize(ahead * plan.outputs.size());
    numbers = allocate(ahead * plan.inputs.size() * plan.element_bytes());
    steady = allocate(plan.steady_bytes);
    shared = allocate(ahead * shared_bytes);
    partial = allocate(partial_bytes * kMaxGroups);
    arenas = allocate(arena_bytes * workers.threads());
  }

  lower::Frame frame(const Call& call) const;
  void prepare(const Call& call, const March& march, size_t first, size_t steps);
  void vary(const March& march, size_t step, size_t k);
  void carry(size_t steps, size_t samples);
  void whole(size_t samples);
  void spread(const Call& call, const March& march) const;
  void phase(const lower::Frame& frame, int number, size_t samples);
  void group(lower::Frame frame, int number, size_t first, size_t last, int thread);
  void add_groups(size_t groups);

  std::shared_ptr<const jit::Executable> executable;
  Workers workers;
  bool carries = false;  // the tiles of a step need nothing of each other
  size_t shared_bytes = 0, partial_bytes = 0, arena_bytes = 0;
  // Of the steps that a tile is carried through at once.
  std::vector<lower::Frame> frames;
  std::vector<const void*> inputs;  // [step][slot]
  std::vector<void*> outputs;       // [step][output]
  Memory numbers, steady, shared, partial, arenas;
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

lower::Frame Runner::State::frame(const Call& call) const {
  lower::Frame out{};
  out.arena = arenas.get();
  out.partial = partial.get();
  out.seed = call.seed;
  out.stride = call.stride == 0 ? call.samples : call.stride;
  out.first_sample = call.first_sample;
  out.samples = static_cast<uint32_t>(call.samples);
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
    frames[k].steady = steady.get();
    frames[k].shared = shared.get() + k * shared_bytes;
    frames[k].step = call.step + static_cast<uint32_t>(step);
  }
}

/// The steps of the first frames, tile by tile.
void Runner::State::carry(size_t steps, size_t samples) {
  const jit::Executable& program = *executable;
  for (size_t k = 0; k < steps; ++k) program.shared()[0](&frames[k]);
  const size_t tile = program.plan().tile;
  const size_t tiles = (samples + tile - 1) / tile, pieces = std::min(tiles, kMaxPieces);
  const auto work = [&](int piece, int thread) {
    for (size_t i = tiles * piece / pieces; i < tiles * (piece + 1) / pieces; ++i)
      for (size_t k = 0; k < steps; ++k) {
        lower::Frame own = frames[k];
        own.arena = arenas.get() + thread * arena_bytes;
        own.tile_start = static_cast<uint32_t>(i * tile);
        program.tiles()[0](&own);
      }
  };
  workers.run(static_cast<int>(pieces), std::cref(work));
}

/// The step of the first frame, all samples of a phase before the next.
void Runner::State::whole(size_t samples) {
  const jit::Executable& program = *executable;
  const lower::Frame& frame = frames[0];
  for (int number = 0; number < program.plan().phases; ++number) {
    program.shared()[number](&frame);
    phase(frame, number, samples);
  }
  program.shared()[program.plan().phases](&frame);
}

template <class T>
void spread_rows(T* rows, size_t count, size_t stride, size_t samples) {
  for (size_t e = count; e-- > 0;) std::fill_n(rows + e * stride, samples, T{rows[e]});
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
  for (size_t done = 0; done < march.steps;) {
    const size_t steps = std::min(state_->frames.size(), march.steps - done);
    state_->prepare(call, march, done, steps);
    if (done == 0 && state_->executable->steady()) state_->executable->steady()(state_->frames.data());
    if (state_->carries) {
      state_->carry(steps, call.samples);
    } else {
      state_->whole(call.samples);
      state_->spread(call, march);
    }
    done += steps;
  }
  if (march.steps % 2)
    for (March::State& s : march.states) std::swap(s.now, s.next);
}

}  // namespace am::execute
