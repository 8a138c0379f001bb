// Runs compiled programs over samples: memory allocated once, tiles spread over threads, sums in a fixed order.
#pragma once

#include <cstdint>
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
};

/// Holds the arenas and the worker threads of one program. Nothing is allocated in `run`. The results are the same
/// bits for any number of threads: groups of tiles and pieces of the shared work do not depend on it, and their sums are
/// added in order. Threads beyond what the plan can keep busy are not started.
class Runner {
 public:
  Runner(std::shared_ptr<const jit::Executable> executable, int threads);
  ~Runner();
  Runner(Runner&&) noexcept;
  Runner& operator=(Runner&&) noexcept;
  void run(const Call& call);
  const lower::Plan& plan() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace am::execute
