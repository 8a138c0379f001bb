// What an expression of a script evaluates to while the graph is being built.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/ir/graph.h"
#include "runtime/data/data.h"

namespace am::elaborate {

struct Value;
struct Scope;
/// Scopes live as long as the elaborator; closures may point back into the scope that holds them.
using ScopePtr = Scope*;

/// Comes out of an expression that was already reported; whatever uses it stays quiet.
struct Poison {};

/// A tensor of one sample.
struct Tensor {
  ir::NodeId node;
};

/// A function of the script: `fn`, a lambda, a member of a net or dynamics, a potential or velocity.
struct Closure {
  std::string name;
  const std::vector<ast::Parameter>* parameters = nullptr;
  ast::BlockId body;
  ScopePtr scope = nullptr;
  source::Span span;
  /// The potential or velocity whose parameters its layers are, or empty.
  std::string model;
};

/// Something with hyper-parameters that was not called yet: net, distribution, path, optimizer, solver, dynamics.
struct Maker {
  const ast::Declaration* declaration;
};

/// A maker with its hyper-parameters bound.
struct Instance {
  const ast::Declaration* declaration;
  ScopePtr scope = nullptr;
  /// Of a layer: the place that made it, which names its parameters.
  std::string place;
};

/// Where samples come from.
struct Source {
  std::string file;                                // empty: from none
  std::shared_ptr<const data::Snapshots> samples;  // as they were read; null: from none
};

/// Samples from a file, a simulation or made from others, and how to draw one of them.
struct Dataset : Samples {
  /// The file and its samples that these are, or that these are made from.
  Source origin;
  /// Null, or [rows, 2]: Vose's alias table, with which rows of a snapshot are drawn in proportion to their masses.
  std::shared_ptr<const Values> alias_table;
  /// The same for rows of any snapshot.
  std::shared_ptr<const Values> whole_alias_table;
  /// The rows of the file that are left out, or null.
  std::shared_ptr<const Dataset> rest;
  source::Span span;
  /// Null, or what the samples come from if their number was left open: a simulation that starts from them runs as
  /// many as it needs.
  std::shared_ptr<const Simulation> simulation;

  /// How the coordinates lead back to those of a file; null if that is not known.
  const data::Frame* frame() const { return origin.samples ? origin.samples->frame.get() : nullptr; }
};

/// One snapshot of a data set. The group may depend on a sample (a random time).
struct Snapshot {
  std::shared_ptr<const Dataset> data;
  ir::NodeId group;
};

/// A distribution made of others by arithmetic, `50·normal(3)`: draws what it is made of, each time anew.
struct Random {
  std::shared_ptr<const std::function<Value()>> draw;
};

/// A path at a time.
struct PathAt {
  std::shared_ptr<const Instance> path;
  ir::NodeId time;
};

/// `a..b by c` of numbers, or of texts that end in a number.
struct Range {
  double from = 0, to = 0, step = 0;  // step 0: not said
  std::string prefix;                 // of texts
  bool text = false;
};

struct List {
  std::vector<Value> items;
};

/// A function that the compiler provides (builtins.cpp), perhaps bound to a data set (`d.time`).
struct Builtin {
  const struct BuiltinInfo* info;
  std::shared_ptr<const Dataset> self;
};

/// A function made by the compiler for a script's function to call: the drift that a solver steps along.
struct Native {
  std::string name;
  std::vector<std::string> parameters;
  std::shared_ptr<const std::function<Value(const std::vector<Value>&)>> call;
};

/// A word with a meaning to the runtime: a metric, a mode, a precision; with arguments where it takes some.
struct Word {
  std::string name;
  std::string group;  // "metric", "mode", "precision", "product"
  std::map<std::string, std::vector<double>> arguments;
};

struct Value {
  std::variant<Poison, Tensor, std::string, List, Range, Closure, Maker, std::shared_ptr<const Instance>,
               std::shared_ptr<const Dataset>, Snapshot, PathAt, Random, Builtin, Native, Word>
      is;
  source::Span origin;

  template <class T>
  const T* get() const {
    return std::get_if<T>(&is);
  }
  bool poisoned() const { return std::holds_alternative<Poison>(is); }
  const Instance* instance() const {
    auto* p = get<std::shared_ptr<const Instance>>();
    return p ? p->get() : nullptr;
  }
  std::shared_ptr<const Dataset> dataset() const {
    auto* p = get<std::shared_ptr<const Dataset>>();
    return p ? *p : nullptr;
  }
  /// "a number", "a function", "a data set", … for messages.
  std::string describe(const ir::Graph& g) const;
};

struct Binding {
  std::string name;
  Value value;
  /// Drawn, integrated over, or an argument that a derivative is taken by: held fixed in derivatives by others.
  bool variable = false;
};

struct Scope {
  ScopePtr parent = nullptr;
  /// Assignments do not reach beyond the function they stand in.
  bool function = false;
  std::vector<Binding> bindings;

  Binding* find(std::string_view name);
  void bind(std::string name, Value value, bool variable = false);
};

}  // namespace am::elaborate
