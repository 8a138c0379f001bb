#include "compiler/derive/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "compiler/ir/build.h"

namespace am::derive {
namespace {

using ir::Graph;
using ir::Op;

constexpr size_t kLine = 60;   // longer lines are cut
constexpr size_t kTiny = 16;   // what is shorter may be written twice
constexpr size_t kWorth = 12;  // what is shorter is not cut out of a long line

std::string_view last_word(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string_view prefix(std::string_view name) { return name.substr(0, name.size() - last_word(name).size()); }

/// Short names of slots: the last word, numbered by the layer it belongs to where several layers have such a word.
struct SlotNames {
  std::vector<Name> names;
  std::vector<int> layer;  // from 1; 0: not numbered

  explicit SlotNames(const Graph& graph) : names(graph.slots().size()), layer(graph.slots().size()) {
    std::map<std::string_view, int> layers, words;
    for (const ir::Slot& slot : graph.slots()) {
      if (!is_parameter(slot)) continue;
      layers.try_emplace(prefix(slot.name), static_cast<int>(layers.size()) + 1);
      ++words[last_word(slot.name)];
    }
    std::set<std::string> taken;
    for (const ir::Slot& slot : graph.slots())
      if (!is_parameter(slot)) taken.insert(slot.name);
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string& full = graph.slots()[i].name;
      names[i] = name_of(full);
      if (!is_parameter(graph.slots()[i])) continue;
      const std::string_view word = last_word(full);
      layer[i] = words[word] > 1 ? layers[prefix(full)] : 0;
      const Name brief = name_of(word, layer[i]);
      if (taken.insert(brief.text).second) names[i] = brief;
    }
  }
};

/// First derivatives: what reverse mode multiplies with.
bool is_slope(Function f) {
  switch (f) {
    case Function::Tanh1:
    case Function::Sigmoid1:
    case Function::Silu1:
    case Function::Softplus1: return true;
    default: return false;
  }
}

bool is_activation(Function f) {
  switch (f) {
    case Function::Tanh:
    case Function::Sigmoid:
    case Function::Silu:
    case Function::Softplus:
    case Function::Sin:
    case Function::Max: return true;
    default: return false;
  }
}

class Chooser {
 public:
  Chooser(const Terms& terms, TermId root, const Graph& graph)
      : terms_(terms), graph_(graph), root_(root), needed_(reachable(terms, root)), slots_(graph) {
    for (TermId id : needed_)
      for (const Part& part : terms_[id].parts) {
        note_use(id, part);
        if (is_square(id)) break;
      }
  }

  Naming run() {
    name_leaves();
    number_layers();
    for (TermId id : needed_) {
      if (id != root_ && deserves(id)) bind(id);
      shorten(id);
    }
    for (TermId id : reading_)
      if (bound(id)) out_.where.push_back(id);
    renumber();
    return std::move(out_);
  }

 private:
  // --- leaves ---

  Name fresh(std::string_view letter, int number) {
    for (;; ++number)
      if (Name name = name_of(letter, number); taken_.insert(name.text).second) return name;
  }

  void name_leaves() {
    for (const Name& name : slots_.names) taken_.insert(name.text);
    std::map<std::tuple<int, uint32_t>, TermId> ordered;
    for (TermId id : needed_)
      if (terms_[id].kind == Kind::Symbol)
        ordered[{order_of(terms_[id]), graph_[terms_[id].node].attributes.index}] = id;
    for (const auto& [key, id] : ordered) name_leaf(id);
  }

  /// Parameters, other inputs, tables, draws.
  int order_of(const Term& t) const {
    const ir::Node& node = graph_[t.node];
    if (node.op != Op::Input) return node.op == Op::Table ? 2 : 3;
    return !is_parameter(graph_.slots()[node.attributes.index]);
  }

  void name_leaf(TermId id) {
    const ir::Node& node = graph_[terms_[id].node];
    const std::string shape = node.shape.text();
    switch (node.op) {
      case Op::Input: {
        const ir::Slot& slot = graph_.slots()[node.attributes.index];
        const Name& name = slots_.names[node.attributes.index];
        const bool same = name.text == slot.name;
        return put_leaf(id, name, same ? shape : fmt::format("{} : {}", slot.name, shape));
      }
      case Op::Table:
        if (literal(id, node)) return;
        if (ir::is_identity(graph_, terms_[id].node)) return put_leaf(id, fresh("I", 0), "unit matrix : " + shape);
        return put_leaf(id, fresh("C", 1), "constants : " + shape);
      case Op::Uniform: return put_leaf(id, fresh("u", 1), "uniform on (0, 1) : " + shape);
      default: return put_leaf(id, fresh("u", 1), "evenly spread on (0, 1) : " + shape);
    }
  }

  void put_leaf(TermId id, const Name& name, std::string meaning) {
    out_.names[id] = name;
    out_.legend.push_back({id, std::move(meaning)});
  }

  /// A short constant vector is written out.
  bool literal(TermId id, const ir::Node& node) {
    if (node.shape.rank != 1 || node.shape[0] > 4) return false;
    std::string text, latex;
    for (double value : graph_.table_values(node.attributes.index)) {
      text += (text.empty() ? "[" : ", ") + number(value, Notation::Text);
      latex += (latex.empty() ? "[" : ", ") + number(value, Notation::Latex);
    }
    out_.names[id] = {text + "]", latex + "]"};
    return true;
  }

  // --- uses ---

  void note_use(TermId user, const Part& part) {
    const Term& u = terms_[user];
    const bool repeats = u.kind == Kind::Product && !terms_.is_scalar(part.term);
    uses_[part.term] += repeats ? static_cast<int>(std::abs(part.weight)) : 1;
    if (u.kind == Kind::Call) arguments_.insert(part.term);
    if (u.kind == Kind::MatMul || u.kind == Kind::Dot) multiplied_.insert(part.term);
  }

  /// |a|², which is written with one a.
  bool is_square(TermId id) const {
    const Term& t = terms_[id];
    return t.kind == Kind::Dot && t.parts[0] == t.parts[1];
  }

  int uses(TermId id) const {
    const auto found = uses_.find(id);
    return found == uses_.end() ? 0 : found->second;
  }

  // --- intermediate results ---

  std::string text(TermId id) const { return write({terms_, graph_, out_.names, Notation::Text}, id); }
  size_t length(TermId id) const { return width(text(id)); }

  /// The layer that a closed sum applies: the number of its matrix.
  int layer_of(TermId id) const {
    for (const Part& part : terms_[terms_[id].parts[0].term].parts) {
      const Term& product = terms_[part.term];
      if (product.kind != Kind::MatMul && product.kind != Kind::Dot) continue;
      for (const Part& factor : product.parts)
        if (const Term& t = terms_[factor.term]; t.kind == Kind::Symbol && graph_[t.node].op == Op::Input && !t.sampled)
          return slots_.layer[graph_[t.node].attributes.index];
    }
    return 0;
  }

  /// By their parameters if each layer is applied once, else in order.
  void number_layers() {
    std::set<int> seen;
    bool own = true;
    std::vector<TermId> layers;
    order(root_);
    for (TermId id : reading_)
      if (terms_[id].kind == Kind::Opaque && arguments_.contains(id)) layers.push_back(id);
    for (TermId id : layers) own &= layer_of(id) > 0 && seen.insert(layer_of(id)).second;
    for (size_t k = 0; k < layers.size(); ++k)
      numbers_[layers[k]] = own ? layer_of(layers[k]) : static_cast<int>(k) + 1;
  }

  /// The number of the layer that the term is a function of, or 0.
  int number_of(TermId id) const {
    const Term& t = terms_[id];
    const auto found = numbers_.find(id);
    if (found != numbers_.end()) return found->second;
    if (t.kind != Kind::Call && t.kind != Kind::Product) return 0;
    for (const Part& part : t.parts) {
      const Term& factor = terms_[part.term];
      const bool counts =
          t.kind == Kind::Call ? factor.kind == Kind::Opaque : factor.kind == Kind::Call && is_slope(factor.function);
      if (const int number = counts ? number_of(part.term) : 0; number > 0) return number;
    }
    return 0;
  }

  bool plain(TermId id) const {
    const Term& t = terms_[id];
    const bool scaled = t.kind == Kind::Sum && t.value == 0 && t.parts.size() == 1;
    return t.kind == Kind::Symbol || t.kind == Kind::Ones || scaled || terms_.is_number(id) || out_.names.contains(id);
  }

  /// An adjoint in reverse mode: a slope times what comes from the layer above.
  bool is_adjoint(TermId id) const {
    const Term& t = terms_[id];
    if (t.kind != Kind::Product || number_of(id) == 0) return false;
    return std::any_of(t.parts.begin(), t.parts.end(), [&](const Part& part) {
      const Term& factor = terms_[part.term];
      const bool from_above = factor.kind == Kind::MatMul && (factor.axis & 1);
      return from_above || (factor.kind == Kind::Symbol && !factor.sampled && graph_[factor.node].op == Op::Input);
    });
  }

  bool deserves(TermId id) const {
    const Term& t = terms_[id];
    if (plain(id)) return false;
    if (t.kind == Kind::Opaque) return arguments_.contains(id) || uses(id) > 1;
    if (t.kind == Kind::Call && is_activation(t.function) && number_of(id) > 0 && multiplied_.contains(id)) return true;
    return uses(id) > 1 && (length(id) > kTiny || (t.kind == Kind::MatMul && uses(id) > 2));
  }

  std::string_view letter_of(TermId id) const {
    const Term& t = terms_[id];
    if (t.kind == Kind::Opaque) return numbers_.contains(id) ? "z" : t.shape.rank == 1 ? "h" : "c";
    if (t.kind == Kind::Call && is_activation(t.function) && number_of(id) > 0) return "a";
    if (is_adjoint(id)) return "δ";
    return t.shape.rank == 0 ? "c" : t.shape.rank == 1 ? "v" : "M";
  }

  bool bound(TermId id) const { return terms_[id].kind != Kind::Symbol && out_.names.contains(id); }

  void bind(TermId id) {
    const std::string_view letter = letter_of(id);
    const bool layered = letter == "z" || letter == "a" || letter == "δ";
    out_.names[id] = fresh(letter, layered ? std::max(number_of(id), 1) : 1);
  }

  /// Lists terms, each after what it needs, as one meets them reading the result: what is subtracted or divides stands
  /// last. `sign` is that of the scaled sum that the term stands in.
  void order(TermId id, double sign = 1) {
    if (!ordered_.insert(id).second) return;
    const bool sum = terms_[id].kind == Kind::Sum;
    const auto visit = [&](bool positive) {
      for (const Part& part : terms_[id].parts)
        if ((part.weight * sign > 0) == positive) order(part.term, sum ? part.weight * sign : 1);
    };
    visit(true);
    visit(false);
    reading_.push_back(id);
  }

  /// Names were given while looking for them; numbers count in reading order.
  void renumber() {
    for (TermId id : out_.where) taken_.erase(out_.names[id].text);
    for (TermId id : out_.where) bind(id);
  }

  /// Cuts the longest part out of a line until it fits.
  void shorten(TermId id) {
    while (!plain_line(id) && length(id) > kLine) {
      TermId longest{};
      size_t most = kWorth;
      for (TermId part : written_within(id))
        if (const size_t n = length(part); n > most && n < kLine) longest = part, most = n;
      if (longest == TermId{}) return;
      bind(longest);
    }
  }

  bool plain_line(TermId id) const { return plain(id) && !out_.names.contains(id); }

  /// Terms that are written in the line of `id`, as far as they could be named.
  std::vector<TermId> written_within(TermId id) const {
    std::vector<TermId> out;
    for (const Part& part : terms_[id].parts) {
      if (out_.names.contains(part.term)) continue;
      if (!plain(part.term) && !(terms_[id].kind == Kind::Opaque)) out.push_back(part.term);
      const auto inner = written_within(part.term);
      out.insert(out.end(), inner.begin(), inner.end());
    }
    return out;
  }

  const Terms& terms_;
  const Graph& graph_;
  TermId root_;
  std::vector<TermId> needed_, reading_;
  SlotNames slots_;
  std::map<TermId, int> uses_, numbers_;
  std::set<TermId> arguments_, multiplied_, ordered_;
  std::set<std::string> taken_;
  Naming out_;
};

}  // namespace

bool is_parameter(const ir::Slot& slot) { return slot.name.find('.') != std::string::npos; }

Naming choose_names(const Terms& terms, TermId root, const Graph& graph) { return Chooser(terms, root, graph).run(); }

}  // namespace am::derive
