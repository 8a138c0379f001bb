// Runs a graph through the interpreter and through compiled code, and compares.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/ir/build.h"
#include "compiler/ir/interpret.h"
#include "runtime/execute/execute.h"

namespace am::test {

using ir::Graph;
using ir::NodeId;
using ir::Shape;

/// A graph under test: builds its nodes, gives its outputs. Inputs get values between `low` and `high`.
struct Case {
  std::string name;
  std::function<std::vector<NodeId>(Graph&)> build;
  double low = -2, high = 2;
  /// Inputs of slots that hold row numbers of a table of this many rows, −1 and beyond included.
  int rows = 0;
};

struct Setting {
  lower::Precision precision = lower::Precision::F32;
  std::string cpu;        // empty: this machine
  size_t samples = 100;
  int tile = 0;
  int threads = 1;
  uint32_t step = 3, first_sample = 11;
  bool split_products = false;
  int held = 0;           // outputs that are held back
  bool refused = false;   // and not written
};
std::string text(const Setting& setting);

/// What outputs hold before a run.
constexpr double kGuard = 12345;

/// A compiled graph, to be run several times. Fails the test where it does not compile.
class Compiled {
 public:
  Compiled(const Graph& graph, const std::vector<NodeId>& outputs, const Setting& setting);
  /// The outputs, as doubles, in the interpreter's layout.
  std::vector<std::vector<double>> run(const ir::Bindings& bindings, int threads) const;

 private:
  const Graph& graph_;
  std::vector<NodeId> outputs_;
  Setting setting_;
  std::shared_ptr<const jit::Executable> executable_;
};

/// The outputs of compiled code, compiled for this one run.
std::vector<std::vector<double>> run_compiled(const Graph& graph, const std::vector<NodeId>& outputs,
                                              const ir::Bindings& bindings, const Setting& setting);

/// Values for all slots, exact in f32.
ir::Bindings random_bindings(const Graph& graph, const Case& c, const Setting& setting);

/// Fails the test where compiled code and interpreter differ by more than this, relative to the largest magnitude in the
/// output or 1: 1e-12 in f64, 1e-5 in f32.
void expect_equal(const Case& c, const Setting& setting);

/// Every width of vectors and precision that this machine can run, for each number of samples.
void expect_equal_everywhere(const Case& c, const std::vector<size_t>& samples = {1, 7, 100});

/// The processors to test: 16, 32 and 64 bytes, those that this machine lacks left out.
const std::vector<std::string>& processors();

}  // namespace am::test
