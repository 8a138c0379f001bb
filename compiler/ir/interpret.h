// The reference interpreter: any graph, op by op, in f64. The oracle of the tests, never the product.
#pragma once

#include <map>
#include <vector>

#include "compiler/ir/graph.h"

namespace am::ir {

struct Bindings {
  /// By slot. A shared input holds its elements; a sampled one holds [element][sample].
  std::map<uint32_t, std::vector<double>> inputs;
  size_t samples = 1;
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t first_sample = 0;
};

/// The values of `outputs`: a shared one as its elements, a sampled one as [element][sample].
std::vector<std::vector<double>> interpret(const Graph& graph, std::span<const NodeId> outputs,
                                           const Bindings& bindings);

}  // namespace am::ir
