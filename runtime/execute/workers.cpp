#include "runtime/execute/workers.h"

#include <immintrin.h>

namespace am::execute {
namespace {

/// Turns of looking for work before a thread sleeps: half a millisecond, longer than what a step does on one thread and
/// shorter than anyone would notice. Where threads share cores, one that looks around keeps another from working.
constexpr int kSpins = 20'000, kSpinsWhereCoresAreShared = 100;

constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;

}  // namespace

FlushDenormals::FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kFlushToZero | kDenormalsAreZero); }
FlushDenormals::~FlushDenormals() { _mm_setcsr(before_); }

Workers::Workers(int threads)
    : spins_(static_cast<unsigned>(threads) <= std::thread::hardware_concurrency() ? kSpins : kSpinsWhereCoresAreShared) {
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
}

Workers::~Workers() {
  stop_ = true;
  ticket_ += uint64_t{1} << 2 * kBits;
  ticket_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::serve(int thread) {
  const FlushDenormals flush;
  while (!stop_) {
    help(thread);
    const uint64_t seen = ticket_;
    for (int i = 0; i < spins_ && ticket_.load(std::memory_order_relaxed) == seen; ++i) _mm_pause();
    if (!stop_) ticket_.wait(seen);
  }
}

/// Claims pieces until none is left.
void Workers::help(int thread) {
  constexpr uint64_t mask = (1u << kBits) - 1;
  uint64_t ticket = ticket_;
  while ((ticket & mask) < (ticket >> kBits & mask)) {
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
    (*work_)(static_cast<int>(ticket & mask), thread);
    ++done_;
    ticket = ticket_;
  }
}

void Workers::run(int pieces, const std::function<void(int, int)>& work) {
  if (threads_.empty() || pieces <= 1) {
    for (int piece = 0; piece < pieces; ++piece) work(piece, 0);
    return;
  }
  work_ = &work;
  done_ = 0;
  const uint64_t round = (ticket_ >> 2 * kBits) + 1;
  ticket_ = round << 2 * kBits | static_cast<uint64_t>(pieces) << kBits;
  ticket_.notify_all();
  help(0);
  for (int i = 0; done_ < pieces; ++i) i < spins_ ? _mm_pause() : std::this_thread::yield();
}

}  // namespace am::execute
