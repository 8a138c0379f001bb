// A derivation as a reader of its text understands it, with numbers for its leaves.
#pragma once

#include "compiler/derive/derive.h"
#include "compiler/derive/read.h"
#include "compiler/derive/terms.h"
#include "compiler/ir/interpret.h"
#include "tests/derive/reader.h"

namespace am::derive {

/// The elements of a slot or a node for each sample.
inline Value value_of(const std::vector<double>& flat, const ir::Shape& shape, bool sampled, size_t samples) {
  Value out;
  for (int axis = 0; axis < shape.rank; ++axis) out.sizes.push_back(shape[axis]);
  while (!out.sizes.empty() && out.sizes.back() == 1) out.sizes.pop_back();
  const size_t n = sampled ? samples : 1;
  out.samples.assign(n, std::vector<double>(flat.size() / n));
  for (size_t e = 0; e < flat.size(); ++e) out.samples[e % n][e / n] = flat[e];
  return out;
}

/// By the names of the legend: a short name, or a name that is the slot's own.
inline Known leaves(const ir::Graph& g, const Derivation& d, const ir::Bindings& bindings, ir::NodeId output) {
  Known known;
  for (const auto& [name, meaning] : d.legend)
    for (uint32_t slot = 0; slot < g.slots().size(); ++slot) {
      const ir::Slot& s = g.slots()[slot];
      if (s.name == name || meaning.starts_with(s.name + " : "))
        known[name] = value_of(bindings.inputs.at(slot), s.shape, s.sampled, bindings.samples);
    }
  std::vector<std::string> draws, tables;
  for (const auto& [name, meaning] : d.legend) {
    if (meaning.starts_with("uniform on") || meaning.starts_with("evenly spread on")) draws.push_back(name);
    if (meaning.starts_with("constants") || meaning.starts_with("unit matrix")) tables.push_back(name);
  }
  size_t drawn = 0, tabled = 0;
  // Draws are named in the order of their streams; a draw whose factor is zero is no term.
  Terms terms;
  const TermId root = read(g, output, terms);
  std::map<uint32_t, ir::NodeId> used, listed;
  for (TermId term : reachable(terms, root)) {
    if (terms[term].kind != Kind::Symbol) continue;
    const ir::Node& node = g[terms[term].node];
    const bool short_list = node.shape.rank == 1 && node.shape[0] <= 4;  // which is written out
    if (node.op == ir::Op::Uniform || node.op == ir::Op::Weyl) used[node.attributes.index] = terms[term].node;
    if (node.op == ir::Op::Table && !short_list) listed[node.attributes.index] = terms[term].node;
  }
  for (const auto& [stream, id] : used)
    known[draws.at(drawn++)] = value_of(ir::interpret(g, {&id, 1}, bindings)[0], g[id].shape, true, bindings.samples);
  for (const auto& [index, id] : listed)
    known[tables.at(tabled++)] = value_of(ir::interpret(g, {&id, 1}, bindings)[0], g[id].shape, false, bindings.samples);
  return known;
}

inline Value read_text(const ir::Graph& g, ir::NodeId output, const ir::Bindings& bindings) {
  const Derivation d = derive(g, output, Notation::Text);
  Known known = leaves(g, d, bindings, output);
  for (const auto& [name, formula] : d.where) known[name] = read_formula(formula, known);
  return read_formula(d.result, known);
}

}  // namespace am::derive
