// Runs compiled programs over samples: memory allocated once, tiles spread over threads, sums in a fixed order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "compiler/jit/jit.h"

namespace am::execute {

/// One run over `samples` samples. Buffers are in the plan's precision; a shared one holds its elements row-major, a
/// sampled one [element][stride]. Inputs that the program does not use may be null. Outputs must not overlap inputs.
struct Call {
  std::vector<const void*> inputs;  // by slot
  std::vector<void*> outputs;       // by output
  size_t samples = 1;
  size_t stride = 0;                // 0: samples
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t first_sample = 0;
  /// Asked when all other outputs are there whether those that are held back (`lower::Options::held`) shall be written;
  /// they stay what they are if not. Without it they are.
  std::function<bool()> accept;
};

/// Runs of one program in a row, numbered from `Call::step` on: what a step gives is what the next one starts from.
struct March {
  /// A sampled value that travels, in two buffers of its own. Whatever the call has for its slots does not count.
  struct State {
    std::vector<int> inputs;  // slots that read it
    int output = 0;           // that gives the next one; every particle gets it, even if it does not depend on a sample
    void* now = nullptr;      // before: where it starts from; afterwards: where it has come to
    void* next = nullptr;     // room for another
  };
  /// A shared number that differs from step to step, such as the time.
  struct Varying {
    std::vector<int> inputs;      // slots that read it
    std::vector<double> values;  // by step
  };
  std::vector<State> states;
  std::vector<Varying> varying;
  size_t steps = 1;
};

/// Holds the arenas and the worker threads of one program. Nothing is allocated in its runs. The results are the same
/// bits for any number of threads: groups of tiles and pieces of the shared work do not depend on it, and their sums are
/// added in order. Threads beyond what the plan can keep busy are not started.
class Runner {
 public:
  Runner(std::shared_ptr<const jit::Executable> executable, int threads);
  ~Runner();
  Runner(Runner&&) noexcept;
  Runner& operator=(Runner&&) noexcept;
  void run(const Call& call);
  /// The same numbers as `run` step by step. A program without means and without shared outputs is gone through tile by
  /// tile: a tile is carried through as many steps as there is room for what these share, while it sits in cache.
  /// Other programs need all samples of a step before the next.
  void run(const Call& call, March& march);
  const lower::Plan& plan() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace am::execute
