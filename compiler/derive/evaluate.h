// Terms as numbers: what a formula says, computed.
#pragma once

#include "compiler/derive/terms.h"
#include "compiler/ir/interpret.h"

namespace am::derive {

/// The value of a term, as ir::interpret gives that of a node: elements, or [element][sample] if it is sampled.
std::vector<double> evaluate(const Terms& terms, TermId term, const ir::Graph& graph, const ir::Bindings& bindings);

}  // namespace am::derive
