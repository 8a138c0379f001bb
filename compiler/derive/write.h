// Terms on the page, in text or LaTeX, with no more brackets than precedence asks for.
#pragma once

#include <map>
#include <string>

#include "compiler/derive/derive.h"
#include "compiler/derive/terms.h"

namespace am::derive {

/// A name in both notations: W₁ and W_{1}.
struct Name {
  std::string text, latex;
  const std::string& in(Notation notation) const { return notation == Notation::Text ? text : latex; }
};

/// A name as scripts write it, with Greek letters, subscripts and primes, and perhaps a number: (W, 1) gives W₁.
Name name_of(std::string_view word, int number = 0);

/// What stands for a term: leaves and intermediate results.
using Names = std::map<TermId, Name>;

struct Page {
  const Terms& terms;
  const ir::Graph& graph;
  const Names& names;
  Notation notation;
};

/// The term by its definition, its parts by their names.
std::string write(const Page& page, TermId term);

/// Characters as a reader counts them.
size_t width(std::string_view text);

}  // namespace am::derive
