// A native program with its buffers bound by role. Internal to this folder.
#pragma once

#include <deque>
#include <map>

#include "runtime/execute/execute.h"
#include "runtime/flow/flow.h"

namespace am::flow {

inline lower::Precision precision_of(bool f64) { return f64 ? lower::Precision::F64 : lower::Precision::F32; }

/// A key for one purpose of one seed: streams of different purposes never meet.
uint64_t key(uint64_t seed, std::string_view purpose, uint64_t repeat = 0);

/// Compiles a program and keeps a runner, the data it reads, and a call whose slots are filled in.
class Session {
 public:
  /// Reports CompilerFailure and is empty if the code generator fails.
  Session(const elaborate::Program& program, bool f64, size_t samples, const Machine& machine, diagnostics::Sink& sink,
          source::Span span);
  explicit operator bool() const { return runner_ != nullptr; }

  lower::Precision precision() const { return precision_; }
  execute::Call& call() { return call_; }
  const lower::Plan& plan() const { return runner_->plan(); }
  /// Number of the output of this name, or −1.
  int output(std::string_view name) const;
  /// Binds every slot of this role; `index` chooses among several.
  void bind(elaborate::Role role, const void* data, int index = -1);
  void bind_weights(const std::vector<Buffer>& parameters);
  void bind_statistics(const Weights& weights);
  /// A shared scalar that this session keeps.
  void set(elaborate::Role role, double value);
  bool reads(elaborate::Role role) const;
  /// Makes a buffer for an output, bound to it. Sampled outputs get `samples` columns.
  Buffer make_output(int output, size_t samples);
  void run(size_t samples, uint64_t seed, uint32_t step, uint32_t first_sample = 0);

 private:
  lower::Precision precision_;
  NativeProgram program_;
  std::unique_ptr<execute::Runner> runner_;
  execute::Call call_;
  std::deque<Buffer> owned_;
  std::map<elaborate::Role, Buffer*> scalars_;
  std::multimap<std::pair<elaborate::Role, int>, size_t> slots_;  // by role and index: a step binds all of them
};

/// The rows of samples; nothing, reported, where a simulation fails.
const std::vector<double>* rows_of(const elaborate::Samples& samples, diagnostics::Sink& sink);

/// Distance between elements of sampled buffers: samples, rounded up so that whole vectors fit.
inline size_t stride_of(size_t samples) { return (samples + 63) / 64 * 64; }

}  // namespace am::flow
