// A node of a graph as mathematics that a person can follow.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/ir/graph.h"

namespace am::derive {

enum class Notation { Text, Latex };

/// Pairs are a name and what it stands for.
struct Derivation {
  /// Intermediate results, each before its first use by another or by the result: z₁ and W₁·[x, t] + b₁.
  std::vector<std::pair<std::string, std::string>> where;
  /// Their shapes, R[64]; in the same order.
  std::vector<std::string> shapes;
  /// silu′(z) and sigmoid(z)·(1 + z·(1 − sigmoid(z))), for the functions that the rest uses.
  std::vector<std::pair<std::string, std::string>> functions;
  /// Short names of parameters and other leaves: W₁ and `s.mlp.linear.W : R[64, 3]`.
  std::vector<std::pair<std::string, std::string>> legend;
  std::string result;
};

/// Intermediate results get a name if they are layers or activations, if they are used more than once and are not tiny,
/// or if a line would be longer than about sixty characters. Slices count from 0 and leave out their end, [0:2].
Derivation derive(const ir::Graph& graph, ir::NodeId output, Notation notation);

/// The same as lines of text, or as one `aligned` environment (of amsmath) for use in a formula. `name` is what the
/// output is called, ∇s or ∂ₜs; the arguments are added: the graph's sampled inputs that are not parameters.
std::string mathematics(const ir::Graph& graph, ir::NodeId output, std::string_view name, Notation notation);

/// A number as one writes it: ½, 0.1, 10⁻⁵; six digits.
std::string number(double value, Notation notation = Notation::Text);

}  // namespace am::derive
