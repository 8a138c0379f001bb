#include "compiler/derive/derive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "compiler/derive/names.h"
#include "compiler/derive/read.h"
#include "compiler/derive/terms.h"
#include "compiler/derive/write.h"

namespace am::derive {
namespace {

/// R[64] or \mathbb{R}^{64}.
std::string shape_text(const ir::Shape& shape, Notation notation) {
  if (notation == Notation::Text) return shape.text();
  std::string sizes;
  for (int axis = 0; axis < shape.rank; ++axis) sizes += (axis ? " \\times " : "") + std::to_string(shape[axis]);
  return shape.rank == 0 ? "\\mathbb{R}" : "\\mathbb{R}^{" + sizes + "}";
}

/// The functions in use that need words, in the order of their table.
std::vector<std::pair<std::string, std::string>> functions_in(const Terms& terms, TermId root, Notation notation) {
  std::set<Function> used;
  for (TermId id : reachable(terms, root))
    if (terms[id].kind == Kind::Call && !info(terms[id].function).definition.empty()) used.insert(terms[id].function);
  std::vector<std::pair<std::string, std::string>> out;
  for (Function f : used) {
    const bool text = notation == Notation::Text;
    out.push_back({fmt::format("{}(z)", text ? info(f).text : info(f).latex),
                   std::string(text ? info(f).definition : info(f).latex_definition)});
  }
  return out;
}

std::string join(const std::vector<std::string>& lines, std::string_view separator) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : std::string(separator)) + line;
  return out;
}

/// ∂t s and ∂ₜs are one; then the arguments, of which a mean over samples has none.
std::string heading(const ir::Graph& graph, bool sampled, std::string_view name, Notation notation) {
  std::vector<std::string> arguments;
  for (const ir::Slot& slot : graph.slots())
    if (sampled && slot.sampled && !is_parameter(slot)) arguments.push_back(name_of(slot.name).in(notation));
  std::string word(name);
  if (word.starts_with("∂t ")) word.replace(0, std::string_view("∂t ").size(), "∂ₜ");
  const bool closed = arguments.empty() || word.find('(') != std::string::npos;
  return name_of(word).in(notation) + (closed ? "" : "(" + join(arguments, ", ") + ")");
}

/// Rows of two columns and a remark, the remarks aligned.
std::string table(const std::vector<std::array<std::string, 2>>& rows) {
  size_t widest = 0;
  for (const auto& row : rows) widest = std::max(widest, width(row[0]));
  std::string out;
  for (const auto& row : rows) {
    out += "  " + row[0];
    if (!row[1].empty()) out += std::string(widest - width(row[0]) + 4, ' ') + row[1];
    out += '\n';
  }
  return out;
}

std::string as_text(const std::string& heading, const Derivation& d) {
  std::string out = fmt::format("{} = {}\n", heading, d.result);
  std::vector<std::array<std::string, 2>> where, functions, legend;
  for (size_t k = 0; k < d.where.size(); ++k)
    where.push_back({d.where[k].first + " = " + d.where[k].second, d.shapes[k]});
  for (const auto& [left, right] : d.functions) functions.push_back({left + " = " + right, ""});
  for (const auto& [left, right] : d.legend)
    legend.push_back({left + (right.find(" : ") == std::string::npos ? " : " : " = ") + right, ""});
  if (!where.empty()) out += "with\n" + table(where);
  if (!functions.empty()) out += "where\n" + table(functions);
  if (!legend.empty()) out += "for\n" + table(legend);
  return out;
}

/// For \text{…}: letters of other alphabets stand in formulas of their own.
std::string escaped(std::string_view words) {
  const auto foreign = [&](size_t i) { return static_cast<unsigned char>(words[i]) >= 0x80; };
  std::string out;
  for (size_t i = 0; i < words.size();) {
    size_t end = i;
    while (end < words.size() && foreign(end)) ++end;
    if (end > i) out += "$" + name_of(words.substr(i, end - i)).latex + "$";
    else out += words[end++] == '_' ? "\\_" : std::string(1, words[i]);
    i = end;
  }
  return out;
}

std::string as_latex(const std::string& heading, const Derivation& d) {
  std::vector<std::string> lines{heading + " &= " + d.result};
  for (size_t k = 0; k < d.where.size(); ++k)
    lines.push_back(fmt::format("{} &= {} && \\in {}", d.where[k].first, d.where[k].second, d.shapes[k]));
  for (const auto& [left, right] : d.functions) lines.push_back(left + " &= " + right);
  for (const auto& [left, right] : d.legend) lines.push_back(left + " &: \\text{" + escaped(right) + "}");
  return "\\begin{aligned}\n" + join(lines, " \\\\\n") + "\n\\end{aligned}\n";
}

}  // namespace

Derivation derive(const ir::Graph& graph, ir::NodeId output, Notation notation) {
  Terms terms;
  TermId root = read(graph, output, terms);
  if (terms[root].kind == Kind::Opaque) root = terms[root].parts[0].term;
  const Naming naming = choose_names(terms, root, graph);
  const Page page{terms, graph, naming.names, notation};
  Derivation out;
  for (TermId id : naming.where) {
    out.where.push_back({naming.names.at(id).in(notation), write(page, id)});
    out.shapes.push_back(shape_text(terms[id].shape, notation));
  }
  out.functions = functions_in(terms, root, notation);
  for (const auto& [id, meaning] : naming.legend) out.legend.push_back({naming.names.at(id).in(notation), meaning});
  out.result = write(page, root);
  return out;
}

std::string mathematics(const ir::Graph& graph, ir::NodeId output, std::string_view name, Notation notation) {
  const Derivation d = derive(graph, output, notation);
  const std::string left = heading(graph, graph[output].sampled, name, notation);
  return notation == Notation::Text ? as_text(left, d) : as_latex(left, d);
}

}  // namespace am::derive
