#include "runtime/flow/session.h"

#include <algorithm>
#include <limits>

#include "compiler/ir/random.h"

namespace am::flow {

using diagnostics::Kind;
using elaborate::Role;

uint64_t key(uint64_t seed, std::string_view purpose, uint64_t repeat) {
  // FNV-1a of the purpose, then one round of the generator to spread it.
  uint64_t h = 0xCBF29CE484222325ull;
  for (char c : purpose) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  const auto w = ir::philox({static_cast<uint32_t>(h), static_cast<uint32_t>(h >> 32), static_cast<uint32_t>(repeat),
                             static_cast<uint32_t>(repeat >> 32)},
                            seed);
  return uint64_t{w[0]} << 32 | w[1];
}

namespace {

/// The numbers, or nothing after a report.
const std::vector<double>* numbers(const elaborate::Values& values, diagnostics::Sink& sink) {
  try {
    return &values.get();
  } catch (const elaborate::SimulationFailure& f) {
    sink.report<Kind::NonFiniteSample>(f.span, f.name, fmt::format("{:g}", f.at)).suggestion =
        "smaller steps; and look for a logarithm, root or quotient of what may be zero or negative";
    return nullptr;
  }
}

}  // namespace

const std::vector<double>* rows_of(const elaborate::Samples& samples, diagnostics::Sink& sink) {
  return numbers(*samples.rows, sink);
}

Session::Session(const elaborate::Program& program, bool f64, size_t samples, const Machine& machine,
                 diagnostics::Sink& sink, source::Span span)
    : precision_(precision_of(f64)) {
  std::string error;
  program_ = make_native(program, precision_, machine, samples, error);
  if (!program_) {
    sink.report<Kind::CompilerFailure>(span, error);
    return;
  }
  runner_ = std::make_unique<execute::Runner>(program_.code, machine.threads);
  const lower::Plan& plan = runner_->plan();
  call_.inputs.assign(plan.inputs.size(), nullptr);
  call_.outputs.assign(plan.outputs.size(), nullptr);
  std::map<const elaborate::Values*, const void*> known;
  for (size_t i = 0; i < program_.inputs.size(); ++i) {
    const elaborate::Input& in = program_.inputs[i];
    slots_.emplace(std::pair(in.role, in.index), i);
    if (in.role != Role::Data) continue;
    const void*& data = known[in.data.get()];
    if (!data) {
      const std::vector<double>* values = numbers(*in.data, sink);
      if (!values) {
        runner_.reset();
        return;
      }
      Buffer& b = owned_.emplace_back(precision_, values->size());
      for (size_t k = 0; k < values->size(); ++k) b.set(k, (*values)[k]);
      data = b.data();
    }
    call_.inputs[i] = data;
  }
}

int Session::output(std::string_view name) const {
  auto it = std::find(program_.names.begin(), program_.names.end(), name);
  return it == program_.names.end() ? -1 : static_cast<int>(it - program_.names.begin());
}

void Session::bind(Role role, const void* data, int index) {
  auto slot = slots_.lower_bound({role, index < 0 ? std::numeric_limits<int>::min() : index});
  for (; slot != slots_.end() && slot->first.first == role && (index < 0 || slot->first.second == index); ++slot)
    call_.inputs[slot->second] = data;
}

void Session::bind_weights(const std::vector<Buffer>& parameters) {
  for (size_t k = 0; k < parameters.size(); ++k) bind(Role::Parameter, parameters[k].data(), static_cast<int>(k));
}

void Session::bind_statistics(const Weights& weights) {
  for (size_t k = 0; k < weights.statistics.size(); ++k)
    bind(Role::Statistic, weights.statistics[k].data(), static_cast<int>(k));
}

void Session::set(Role role, double value) {
  Buffer*& b = scalars_[role];
  if (!b) {
    b = &owned_.emplace_back(precision_, 1);
    bind(role, b->data());
  }
  b->set(0, value);
}

bool Session::reads(Role role) const {
  return std::any_of(program_.inputs.begin(), program_.inputs.end(), [&](const auto& in) { return in.role == role; });
}

Buffer Session::make_output(int output, size_t samples) {
  const ir::Slot& slot = plan().outputs[output];
  Buffer b(precision_, static_cast<size_t>(slot.shape.count()) * (slot.sampled ? stride_of(samples) : 1));
  call_.outputs[output] = b.data();
  return b;
}

void Session::run(size_t samples, uint64_t seed, uint32_t step, uint32_t first_sample) {
  call_.samples = samples;
  call_.stride = stride_of(samples);
  call_.seed = seed;
  call_.step = step;
  call_.first_sample = first_sample;
  runner_->run(call_);
}

}  // namespace am::flow
