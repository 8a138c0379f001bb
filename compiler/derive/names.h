// What gets a name on the page: leaves, layers, and what would be written twice or make a line too long.
#pragma once

#include <vector>

#include "compiler/derive/write.h"

namespace am::derive {

struct Naming {
  Names names;
  /// Leaves that occur, with what they are: parameters first, then other inputs, tables and draws.
  std::vector<std::pair<TermId, std::string>> legend;
  /// Named intermediate results, parts before wholes.
  std::vector<TermId> where;
};

Naming choose_names(const Terms& terms, TermId root, const ir::Graph& graph);

/// True for a slot of a parameter: its name has a dot, as in s.mlp.linear.W.
bool is_parameter(const ir::Slot& slot);

}  // namespace am::derive
