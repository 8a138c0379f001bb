// Threads that share out numbered pieces of work.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace am::execute {

/// The caller of `run` works too and never waits for a thread that is still asleep: a piece belongs to whoever claims
/// it. A thread that finds nothing to do looks around for a while before it sleeps, since the next phase is near.
class Workers {
 public:
  /// `threads` counts the caller.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const { return static_cast<int>(threads_.size()) + 1; }
  /// Calls work(piece, thread) for pieces 0 … pieces − 1; returns when all are done. The caller is thread 0.
  void run(int pieces, const std::function<void(int piece, int thread)>& work);

 private:
  static constexpr int kBits = 16;
  void serve(int thread);
  void help(int thread);

  const int spins_;
  /// Round, number of pieces, next piece: one word, so that a late thread cannot claim a piece of another round.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> stop_{false};
  const std::function<void(int, int)>* work_ = nullptr;
  std::vector<std::thread> threads_;
};

/// Makes denormal numbers zero while it lives: they are slow, and generated code promises nothing about them.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned before_;
};

}  // namespace am::execute
