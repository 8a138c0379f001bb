// A graph as terms.
#pragma once

#include "compiler/derive/terms.h"

namespace am::derive {

/// The term of `output`, with names for the functions found. Leaves refer to nodes of `graph`.
TermId read(const ir::Graph& graph, ir::NodeId output, Terms& terms);

}  // namespace am::derive
