// The evaluator behind `elaborate`: expressions of the script to values, tensors of which are nodes of the graph under
// construction. Internal to this folder.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/differentiate/differentiate.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/value.h"
#include "compiler/ir/build.h"

namespace am::elaborate {

using ast::ExprId;
using diagnostics::Kind;
using ir::NodeId;
using source::Span;

class Elaborator;

/// The arguments of a call of a builtin, evaluated and matched with its parameters; missing ones are poisoned.
struct CallArguments {
  Span span;
  std::vector<Value> values;
  std::vector<ExprId> expressions;
  std::vector<bool> given;
  std::shared_ptr<const Dataset> self;
};

struct BuiltinInfo {
  std::string_view name;
  std::vector<std::string_view> parameters;  // "name" must be given, "name?" may be left out
  Value (*call)(Elaborator& e, const CallArguments& a);
  std::string_view doc;
};

/// Every function that the compiler provides, by name; members of data sets are in `data_members`.
const std::vector<BuiltinInfo>& builtins();
const std::vector<BuiltinInfo>& data_members();
/// Words and constants with a fixed meaning: pi, inf, metrics, modes, precisions.
std::optional<Value> builtin_constant(ir::Graph& g, std::string_view name);

/// Where the learned tensors of one model are kept while its programs are built.
struct ParameterStore {
  std::vector<Parameter> parameters;
  std::map<std::string, int> numbers;              // by potential, place and name
  std::map<std::string, std::string> layer_names;  // by place
  std::map<std::string, int> layer_counts;         // by parent and net
  bool closed = false;                             // the training step is built: no more may appear
};

/// Importance sampling of the times of integrals: a density constant on each of `bins` parts of the range, that follows
/// the running spread of the integrand there. See time_sampler.cpp.
struct TimeSampler {
  int bins = 32;
  double floor = 0.2;   // the share of the density that stays uniform
  double decay = 0.99;  // of the running sums, per step

  /// One integral's share of it.
  struct Integral {
    std::string name;
    NodeId count, first, second;  // running sums over the samples of each bin: 1, f, f²
    NodeId bin;                   // sampled: one-hot
    std::vector<NodeId> next;     // of count, first, second; empty until the integrand was watched
  };
  std::vector<Integral> integrals;
};

/// A time drawn for an integral: the integral is the mean of weight·integrand.
struct TimeDraw {
  NodeId time, weight;
  std::optional<size_t> integral;  // the number of the sampler's integral that wants to know the integrand
};

/// The program under construction.
struct Building {
  ir::Graph graph;
  std::vector<Input> inputs;
  std::map<int, NodeId> parameter_nodes;
  std::map<std::string, NodeId> data_nodes;
  std::map<const ast::Declaration*, Value> globals;
  std::vector<Source> drawn_from;
  bool asked_for_mass = false;
  std::vector<NodeId> initial;  // initial element of each parameter, in the program that makes them
};

class Elaborator {
 public:
  Elaborator(const ast::Program& program, const source::Sources& sources, const Options& options,
             diagnostics::Sink& sink);

  // --- programs (programs.cpp) ---
  Elaborated run();

  // --- expressions (expressions.cpp) ---
  Value evaluate(ExprId id, ScopePtr scope);
  /// The block's last expression; poison if it has none (check says so).
  Value block(ast::BlockId id, ScopePtr scope);
  Value call_closure(const Closure& closure, const std::vector<Value>& arguments, Span span,
                     std::string_view place = {});
  /// Calls a closure, layer, constant or builtin with values.
  Value apply(const Value& callee, const std::vector<Value>& arguments, Span span);
  /// A maker called with values; what is left out takes its default.
  Value instantiate(const ast::Declaration& d, const std::vector<Value>& arguments, Span span);
  /// A member function of an instance: `apply`, `drift`, `update`, `step`; nothing if it has none.
  std::optional<Closure> member(const Instance& instance, std::string_view name, ScopePtr scope);
  /// Binds an instance's body-level functions and lets to a new scope below the instance's own.
  ScopePtr open(const Instance& instance);

  // --- tensors (tensors.cpp) ---
  Value binary(std::string_view op, const Value& a, const Value& b, Span span);
  Value unary_minus(const Value& x, Span span);
  Value elementwise(ir::Op op, std::vector<Value> operands, Span span);
  Value vector_of(const std::vector<Value>& items, Span span);
  Value index(const Value& base, const Value& at, Span span);
  Value norm(const Value& x, Span span);
  /// For a function or a layer that stands where a number is needed: what to write; empty for other values.
  std::string how_to_call(const Value& v) const;
  /// The tensor, or kNone after an error that names `what`.
  NodeId tensor(const Value& v, std::string_view what);
  NodeId scalar(const Value& v, std::string_view what);
  std::optional<double> number(const Value& v, std::string_view what);
  std::optional<int> whole(const Value& v, std::string_view what, int least);
  /// R[1] and R are one type: a vector of one becomes a number.
  NodeId tidy(NodeId node);
  NodeId as_vector(NodeId node);
  Value make(NodeId node, Span span) { return {Tensor{tidy(node)}, span}; }
  Value constant(double v, Span span = {}) { return {Tensor{ir::constant(g(), v)}, span}; }

  // --- draws (draws.cpp) ---
  /// One sample of a distribution, snapshot, data set or path at a time. With `velocity`, also ∂/∂t of a path's draw
  /// with its own draws held fixed.
  NodeId draw(const Value& source, Span span, NodeId* velocity = nullptr);
  Value expectation(ExprId id, ScopePtr scope);
  Value integral(ExprId id, ScopePtr scope);
  /// `∫[t = a..b by rule] e`.
  Value quadrature(ExprId id, const Range& range, ScopePtr scope);
  /// What an integral runs over, at a time.
  Value integrand(ExprId id, NodeId time, const Range& range, ScopePtr scope);
  /// A time for an integral: low-discrepancy, or by the time sampler of the training where it is the outermost.
  TimeDraw draw_time(const Range& range, bool outermost);
  /// Tells the time sampler what the integrand was.
  void watch(const TimeDraw& time, NodeId integrand);
  /// True if a value depends on a draw other than through a mean.
  bool drawn(NodeId node) const;
  NodeId uniform(int count);
  /// The snapshot of `data` nearest to a time, or at it if the time is known.
  Value snapshot_at(const std::shared_ptr<const Dataset>& data, NodeId time, Span span);
  NodeId data_node(const std::shared_ptr<const Values>& values, ir::Shape shape, std::string name);
  NodeId draw_row(const Dataset& data, NodeId group);
  /// How many of the increasing thresholds lie at or below a time.
  NodeId reached(const std::vector<double>& thresholds, NodeId time);
  /// True of what can be drawn from; arithmetic on it gives a distribution.
  static bool random(const Value& v);

  // --- simulations (simulate.cpp) ---
  /// Moves particles drawn from `start` by `move(x, t, h)`, `steps` times over a range of times.
  Value simulate(const CallArguments& a);
  bool stages(const Value& start, const Value& move, const Range& over, int steps, Simulation& out, Span span);

  // --- derivatives (derivatives.cpp) ---
  Value derivative(ExprId id, ScopePtr scope);
  Value gradient(ExprId id, ScopePtr scope);
  Value partial(ExprId id, ScopePtr scope);
  Value laplacian(ExprId id, ScopePtr scope);
  Value divergence(ExprId id, ScopePtr scope);
  /// True if the body takes a derivative by a variable of this name.
  bool differentiates_by(ast::BlockId body, const std::string& name);

  ir::Graph& g() { return building_->graph; }
  diagnostics::Sink& sink() { return sink_; }
  const ast::Program& program() const { return program_; }
  const Options& options() const { return options_; }
  const source::Sources& sources() const { return sources_; }
  Value poison() const { return {}; }
  /// "1 argument", "2 arguments", for messages.
  static std::string arguments_text(size_t count);
  std::string text(ExprId id) const { return ast::print(program_, id); }
  std::map<std::string, std::shared_ptr<const Dataset>>& dataset_cache() { return datasets_; }
  std::map<std::string, std::shared_ptr<const Values>>& number_cache() { return numbers_; }
  std::string current_data() const { return current_data_; }
  /// The program under construction makes use of total masses.
  void ask_for_mass() { building_->asked_for_mass = true; }

 private:
  friend class Programs;

  const ast::Declaration* declaration(std::string_view name) const;
  Value name(const ast::Expr& expr, ScopePtr scope);
  Value global(const ast::Declaration& d);
  Value evaluate_global(const ast::Declaration& d);
  Value call(ExprId id, ScopePtr scope);
  Value call_builtin(const Builtin& builtin, const ast::Expr& expr, ScopePtr scope);
  Value call_word(const Word& word, const ast::Expr& expr, ScopePtr scope);
  Value call_dataset(const std::shared_ptr<const Dataset>& data, const std::vector<Value>& arguments, Span span);
  /// Reports arguments of a dynamics or path that cannot be what its body does with them: a path that is called like a
  /// function, a function that is drawn from, a path that is asked for snapshots.
  bool fits(const ast::Declaration& declaration, const ast::Expr& call, ScopePtr bound);
  Value make_instance(const Maker& maker, const ast::Expr& expr, ScopePtr scope);
  Value member_value(const ast::Expr& expr, ScopePtr scope);
  /// The function `mass` of a path's body, of its time and hyper-parameters alone; of a path without one it is 1.
  Value path_mass(const Instance& path, Span span);
  Value list(const ast::Expr& expr, ScopePtr scope);
  Value range(const ast::Expr& expr, ScopePtr scope);
  /// For each parameter the argument that is meant for it, or null; what does not fit is reported.
  std::vector<const ast::Argument*> match(std::string_view callee, const std::vector<std::string>& names,
                                          const ast::Expr& call, bool& fine);
  /// Binds the arguments of a call to parameters in `into`; defaults see the parameters before them.
  bool bind_arguments(std::string_view callee, const std::vector<ast::Parameter>& parameters, const ast::Expr& call,
                      ScopePtr caller, ScopePtr into, const std::function<Value(size_t, Value)>& adapt = {},
                      const Closure* learned = nullptr);
  /// The condition of a learned function that a call leaves out: what the path that drew the first argument, `point`,
  /// calls by that name.
  std::optional<Value> condition(const Closure& learned, const std::string& name, const Value& point);
  /// The scope of the path that drew a value, or null.
  ScopePtr drawn_in(NodeId point) const;
  Value invoke(const Closure& closure, const ast::Expr& call, ScopePtr caller);
  /// The place of a call within the one being evaluated: no two calls share it, so no two layers share parameters.
  std::string site(const ast::Expr& call) const;
  Value run_body(const Closure& closure, ScopePtr scope, std::string place);
  void statement(const ast::Statement& s, ScopePtr scope, Value& result);
  /// True if `check` has said of a statement that it does not belong where it stands.
  bool misplaced(Span span) const;
  void parameter(const ast::Statement& s, ScopePtr scope);
  void assign(ScopePtr scope, const std::string& name, Value value);
  std::string layer_name(const std::string& place, std::string_view net);
  ScopePtr scope(ScopePtr parent, bool function = false);
  /// Evaluates `operand` with the first argument of its innermost call replaced by a fresh variable.
  Value with_first_argument(ExprId operand, ScopePtr scope, Span span, NodeId& variable);
  std::vector<NodeId> held(ScopePtr scope, NodeId but) const;
  Value derived(NodeId result, ir::Shape shape, const std::optional<differentiate::Obstacle>& obstacle, Span span,
                std::string_view by);
  /// Says so where y jumps along a line of x, or for `order` 1 its gradient does: a further derivative, `what`, does not
  /// see it.
  void warn_of_kinks(NodeId y, NodeId x, Span span, std::string_view what, int order);
  /// Hutchinson's probes for a derivative in as many directions as x has elements; none where it is exact.
  std::vector<NodeId> probes(NodeId y, NodeId x, ExprId expr);
  /// An estimate of one sample: it may enter the objective only linearly.
  NodeId as_estimate(NodeId sum, size_t count);
  struct Estimate {
    NodeId node;
    bool by_probes = false;
  };
  /// Where to point: at the expression, or where the script's training leads to it.
  Span in_script(Span span) const { return in_library(span) && training_.known() ? training_ : span; }
  /// False, once reported, if an estimate since number `first` enters `body` other than linearly.
  bool affine(NodeId body, size_t first, Span span);
  NodeId draw_one(const Value& source, Span span, NodeId* velocity);
  bool within(const PathAt& path, Span span);
  bool in_objective(Span span, std::string_view what);
  /// A report in the library moves to the place of the script that led there, `span`; its own becomes a note. What the
  /// library says further about that place has the same cause.
  void trace(size_t first_report, Span span);
  bool in_library(Span span) const;
  /// False, once reported, when a script unrolls to more than anyone can wait for.
  bool affordable(Span span);
  /// The times of a path, `over a..b`; nothing after an error.
  std::optional<Range> path_range(const Instance& path);
  /// Keeps the size of a vector that a path works with, for `sizes_`.
  void remember_size(const ir::Shape& shape);
  /// Reports a definition in terms of itself, at the first by name of those that lead to each other.
  void report_cycle(std::vector<std::pair<std::string, Span>> members);
  /// The result of a potential must be a number; says so at the potential.
  Value check_potential(const Closure& closure, Value result);

  const ast::Program& program_;
  const source::Sources& sources_;
  const Options& options_;
  diagnostics::Sink& sink_;
  std::map<std::string, const ast::Declaration*, std::less<>> declarations_;
  std::deque<Scope> scopes_;
  Scope* top_ = nullptr;
  Building* building_ = nullptr;
  ParameterStore* store_ = nullptr;
  std::string owner_;  // the potential or velocity being evaluated
  std::string place_;
  int depth_ = 0;                          // of calls
  int sample_depth_ = 0;                   // of enclosing E and ∫
  int drawing_ = 0;                        // of draws within draws
  long long work_ = 0;                     // expressions evaluated in the program under construction
  bool objective_ = true;                  // an expectation may stand here: not in a drift, whose samples are particles
  std::map<uint32_t, Range> time_ranges_;  // of the variables of integrals
  std::map<uint32_t, ScopePtr> drawn_in_;  // what was bound where a path drew a point
  std::vector<NodeId> conditions_;         // held fixed in derivatives by others
  std::vector<NodeId> differentiated_;     // variables of derivatives, in the order they were met
  std::set<uint32_t> warned_;              // expressions that were warned of, in whichever program
  std::optional<TimeSampler> time_sampler_;  // of the training under construction; none: low-discrepancy times
  uint32_t streams_ = 0;
  std::vector<Estimate> estimates_;
  int probes_ = 0;  // of each Laplacian and divergence of the objective; 0: exact
  Span training_;   // the dynamics of the training being elaborated, as the script calls it
  std::map<uint32_t, Value> substituted_;  // first arguments, by call expression
  std::map<std::string, std::shared_ptr<const Dataset>> datasets_;
  std::map<std::string, std::shared_ptr<const Values>> numbers_;  // made of data sets
  std::string current_data_;  // the data declaration being evaluated, for --data
  std::vector<const ast::Declaration*> in_progress_;
  std::vector<std::pair<std::string, Span>> calls_;  // of closures, outermost first
  /// While a path is in error: the shape that its samples are taken to have, to find mistakes elsewhere.
  std::optional<ir::Shape> assumed_;
  std::vector<int> sizes_;     // of vectors seen in the paths of a training, for guesses at that shape
  bool prefer_words_ = false;  // `metrics = energy` means the metric, whatever the script calls by that name
  bool prefer_paths_ = false;  // `path q = linear(d)` means the path of that name, not the net
};

}  // namespace am::elaborate
