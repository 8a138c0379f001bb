#include "compare.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compiler/jit/jit.h"

namespace am::test {
namespace {

constexpr uint64_t kSeed = 0x123456789ABCDEFull;

double tolerance(lower::Precision precision) { return precision == lower::Precision::F64 ? 1e-12 : 1e-5; }

/// A place for `count` numbers in either precision.
class Buffer {
 public:
  Buffer(lower::Precision precision, size_t count) : wide_(precision == lower::Precision::F64) {
    wide_ ? doubles_.resize(count) : floats_.resize(count);
  }
  void set(size_t i, double value) { wide_ ? doubles_[i] = value : floats_[i] = static_cast<float>(value); }
  double get(size_t i) const { return wide_ ? doubles_[i] : floats_[i]; }
  void* data() { return wide_ ? static_cast<void*>(doubles_.data()) : floats_.data(); }

 private:
  bool wide_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

}  // namespace

std::string text(const Setting& s) {
  return fmt::format("{} {} samples {} tile {} threads {}{}", s.precision == lower::Precision::F32 ? "f32" : "f64", s.cpu,
                     s.samples, s.tile, s.threads, s.split_products ? " split" : "") +
         (s.held > 0 ? fmt::format(" held {}", s.held) : "");
}

ir::Bindings random_bindings(const Graph& graph, const Case& c, const Setting& setting) {
  ir::Bindings out{{}, setting.samples, kSeed, setting.step, setting.first_sample};
  std::mt19937 random(7);
  std::uniform_real_distribution<double> number(c.low, c.high), row(-1, c.rows + 1);
  for (uint32_t slot = 0; slot < graph.slots().size(); ++slot) {
    const ir::Slot& s = graph.slots()[slot];
    const bool is_row = c.rows > 0 && s.name.starts_with("row");
    std::vector<double> values(s.shape.count() * (s.sampled ? setting.samples : 1));
    for (double& value : values) value = static_cast<float>(is_row ? row(random) : number(random));
    out.inputs[slot] = std::move(values);
  }
  return out;
}

Compiled::Compiled(const Graph& graph, const std::vector<NodeId>& outputs, const Setting& setting)
    : graph_(graph), outputs_(outputs), setting_(setting) {
  std::string error;
  const lower::Target target = jit::host_target(setting.cpu, error);
  EXPECT_EQ(error, "");
  lower::Lowered lowered =
      lower::lower(graph, outputs, {.precision = setting.precision, .target = target, .samples = setting.samples,
                                    .tile = setting.tile, .split_products = setting.split_products, .held = setting.held});
  const std::string schedule = lowered.schedule;
  executable_ = jit::compile(std::move(lowered), target, error);
  if (!executable_) ADD_FAILURE() << error << "\n" << schedule;
}

std::vector<std::vector<double>> Compiled::run(const ir::Bindings& bindings, int threads) const {
  if (!executable_) return std::vector<std::vector<double>>(outputs_.size());
  execute::Runner runner(executable_, threads);
  execute::Call call{.samples = bindings.samples, .stride = bindings.samples + 3, .seed = bindings.seed};
  call.step = bindings.step;
  call.first_sample = bindings.first_sample;
  if (setting_.refused) call.accept = [] { return false; };
  const auto width = [&](bool sampled) { return sampled ? bindings.samples : 1; };
  const auto stride = [&](bool sampled) { return sampled ? call.stride : 1; };
  std::vector<Buffer> inputs, results;
  for (uint32_t k = 0; k < graph_.slots().size(); ++k) {
    const ir::Slot& slot = graph_.slots()[k];
    const std::vector<double>& from = bindings.inputs.at(k);
    Buffer& to = inputs.emplace_back(setting_.precision, slot.shape.count() * stride(slot.sampled));
    for (int e = 0; e < slot.shape.count(); ++e)
      for (size_t i = 0; i < width(slot.sampled); ++i)
        to.set(e * stride(slot.sampled) + i, from[e * width(slot.sampled) + i]);
  }
  for (NodeId id : outputs_) {
    const size_t size = graph_[id].shape.count() * stride(graph_[id].sampled);
    Buffer& to = results.emplace_back(setting_.precision, size + 1);
    for (size_t i = 0; i <= size; ++i) to.set(i, kGuard);
  }
  for (Buffer& buffer : inputs) call.inputs.push_back(buffer.data());
  for (Buffer& buffer : results) call.outputs.push_back(buffer.data());
  // Twice: nothing may be left over from the first time.
  runner.run(call);
  runner.run(call);
  std::vector<std::vector<double>> out;
  for (size_t k = 0; k < outputs_.size(); ++k) {
    const ir::Node& node = graph_[outputs_[k]];
    std::vector<double>& values = out.emplace_back();
    for (int e = 0; e < node.shape.count(); ++e) {
      for (size_t i = 0; i < width(node.sampled); ++i) values.push_back(results[k].get(e * stride(node.sampled) + i));
      for (size_t i = width(node.sampled); i < stride(node.sampled); ++i)
        EXPECT_EQ(results[k].get(e * stride(node.sampled) + i), kGuard) << "written beyond the samples";
    }
    EXPECT_EQ(results[k].get(node.shape.count() * stride(node.sampled)), kGuard) << "written beyond the output";
  }
  return out;
}

std::vector<std::vector<double>> run_compiled(const Graph& graph, const std::vector<NodeId>& outputs,
                                              const ir::Bindings& bindings, const Setting& setting) {
  return Compiled(graph, outputs, setting).run(bindings, setting.threads);
}

void expect_equal(const Case& c, const Setting& setting) {
  Graph g;
  const std::vector<NodeId> outputs = c.build(g);
  ir::verify(g, "build");
  const ir::Bindings bindings = random_bindings(g, c, setting);
  const auto want = ir::interpret(g, outputs, bindings);
  const auto got = run_compiled(g, outputs, bindings, setting);
  for (size_t k = 0; k < outputs.size(); ++k) {
    double scale = 1;
    for (double value : want[k]) scale = std::max(scale, std::fabs(value));
    ASSERT_EQ(got[k].size(), want[k].size()) << c.name << ", " << text(setting);
    for (size_t i = 0; i < want[k].size(); ++i)
      ASSERT_LE(std::fabs(got[k][i] - want[k][i]), tolerance(setting.precision) * scale)
          << c.name << ", " << text(setting) << ", output " << k << "[" << i << "]: " << got[k][i] << ", not "
          << want[k][i] << "\n" << ir::print(g, outputs);
  }
}

const std::vector<std::string>& processors() {
  static const std::vector<std::string> known = [] {
    std::vector<std::string> out;
    for (const char* cpu : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
      std::string error;
      jit::host_target(cpu, error);
      if (error.empty()) out.push_back(cpu);
      else fmt::print("{} is not tested: {}\n", cpu, error);
    }
    return out;
  }();
  return known;
}

void expect_equal_everywhere(const Case& c, const std::vector<size_t>& samples) {
  for (const std::string& cpu : processors())
    for (auto precision : {lower::Precision::F64, lower::Precision::F32})
      for (size_t n : samples) {
        expect_equal(c, {.precision = precision, .cpu = cpu, .samples = n});
        if (testing::Test::HasFatalFailure()) return;
      }
}

}  // namespace am::test
