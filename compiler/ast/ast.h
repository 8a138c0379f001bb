// The program as written.
//
// Nodes are records in one arena, addressed by ids, so a tree is a value and passes may keep side tables by id.
// One record serves every kind of expression: what a kind uses is said beside its enumerator. That costs a few unused
// words per node and saves a class hierarchy; scripts are small.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/source/source.h"

namespace am::ast {

using source::Span;

struct ExprId {
  uint32_t value = UINT32_MAX;
  bool valid() const { return value != UINT32_MAX; }
  bool operator==(const ExprId&) const = default;
};
struct BlockId {
  uint32_t value = UINT32_MAX;
  bool valid() const { return value != UINT32_MAX; }
  bool operator==(const BlockId&) const = default;
};

enum class ExprKind : uint8_t {
  Error,        // stands where the parser found no expression; quiet from here on
  Number,       // number; text as written
  String,       // text without quotes, escapes undone
  Name,         // text
  List,         // operands: `[a, b]`
  Call,         // operands[0] is what is called; arguments
  Index,        // operands: base, index:      x[0]
  Member,       // operands[0]; text:          q.start
  Unary,        // text: "-" or "not"; operands[0]
  Binary,       // text: + - · * / ^ < <= > >= == != and or; operands: left, right
  Norm,         // operands[0]:                |v|  (also written norm(v), then it is a Call)
  Gradient,     // operands[0]; text: variable, or empty for the first argument of the call: ∇s(x, t), ∇[y] e
  Partial,      // operands[0]; text: variable:  ∂t e
  Laplacian,    // operands[0], a call:          Δs(x, t)
  Divergence,   // operands[0], a call:          ∇·v(x, t)
  Expectation,  // names: bound variables (1 or 2); operands: the source q(t), the body:  E[x, u ~ q(t)] e
  Integral,     // names: {variable}; operands: from, to, rule or invalid id, body:       ∫[t = a..b by r] e
  Range,        // operands: from, to, step or invalid id:  0..1 by 0.1, "x1".."x5"
  Lambda,       // parameters; body:             fn(x) e
  Shape,        // operands: sizes:              R[out, dim(x)]; `R` alone has none
};

/// `value` or `name = value`, in a call.
struct Argument {
  std::string name;  // empty if given by position
  Span name_span;
  ExprId value;
};

/// `name` or `name = default`, in a declaration.
struct Parameter {
  std::string name;
  Span span;
  ExprId fallback;  // invalid if there is none
};

struct Expr {
  ExprKind kind = ExprKind::Error;
  Span span;
  /// The operator's own place, or that of the name; the narrow place to point at.
  Span focus;
  std::string text;
  double number = 0;
  std::vector<ExprId> operands;
  std::vector<Argument> arguments;
  std::vector<std::string> names;
  std::vector<Parameter> parameters;
  BlockId body;
};

enum class StatementKind : uint8_t {
  Let,       // name = value
  Draw,      // name ~ value
  Param,     // param name: type = value
  State,     // state name = value           (optimizers)
  Repeat,    // repeat value { body }
  If,        // if value { body } else { otherwise }
  Function,  // fn name(parameters) body, or a member: apply(x) { … }, drift(x, t) = …; `member` tells which
  Minimize,  // minimize value
  Result,    // value: an expression on its own; the last one of a block is the block's result
};

struct Statement {
  StatementKind kind;
  Span span;
  std::string name;
  Span name_span;
  ExprId value;
  ExprId type;  // Param: a Shape expression
  std::vector<Parameter> parameters;
  bool member = false;
  BlockId body;
  BlockId otherwise;
};

struct Block {
  Span span;
  std::vector<Statement> statements;
};

/// `name = value` in the braces of train, sample and evaluate.
struct Setting {
  std::string name;
  Span name_span;
  ExprId value;
};

enum class DeclarationKind : uint8_t {
  Const,         // const name = value
  Fn,            // fn name(parameters) body
  Net,           // net name(parameters) { apply(x) { … } }
  Distribution,  // distribution name(parameters) { draws; result }
  Data,          // data name = value
  Path,          // path name(time) over range { … }; path name(hyper)(time) over range { … }; path name = value
  Potential,     // potential name(parameters) body
  Velocity,      // velocity name(parameters) body
  Dynamics,      // dynamics name(parameters) { minimize …; drift(x, t) = … }
  Optimizer,     // optimizer name(parameters) { state …; update(p, g, …) { … } }
  Solver,        // solver name(parameters) { step(f, x, t, h, noise) { … } }
  Train,         // train name = value { settings }
  Sample,        // sample name from model { settings }
  Evaluate,      // evaluate model { settings }
};

struct Declaration {
  DeclarationKind kind;
  Span span;
  std::string name;
  Span name_span;
  std::string doc;                    // the `##` lines above it, joined by newlines
  std::vector<Parameter> parameters;  // of the thing; the hyper-parameters of a path that has two lists
  std::vector<Parameter> variables;   // of a path: its time
  ExprId range;                       // of a path: what stands after `over`
  ExprId value;                       // what stands after `=`
  std::string model;                  // sample: what stands after `from`; evaluate: the model's name
  Span model_span;
  BlockId body;  // `fn f(x) = e` has a block of one Result
  std::vector<Setting> settings;
};

/// The arena and the declarations in it, in source order; the standard library's come first.
struct Program {
  std::vector<Expr> expressions;
  std::vector<Block> blocks;
  std::vector<Declaration> declarations;

  const Expr& operator[](ExprId id) const { return expressions[id.value]; }
  const Block& operator[](BlockId id) const { return blocks[id.value]; }
  ExprId add(Expr expr);
  BlockId add(Block block);
};

/// The keyword that opens a declaration of this kind.
std::string_view keyword(DeclarationKind kind);

enum class Spelling { Unicode, Ascii };

/// Prints in canonical layout. Parsing what it prints gives the same tree, but for spans.
std::string print(const Program& program, Spelling spelling = Spelling::Unicode);
std::string print(const Program& program, const Declaration& declaration, Spelling spelling = Spelling::Unicode);
std::string print(const Program& program, ExprId expr, Spelling spelling = Spelling::Unicode);

/// An expression as an element <math> of MathML Core, set as mathematics sets it: fractions, powers, limits of
/// integrals and what an expectation is over below its sign. Names and texts are escaped.
std::string mathml(const Program& program, ExprId expr);

/// True if the two trees differ in nothing but spans, arena positions and the spelling of numbers.
bool same(const Program& a, const Program& b);

}  // namespace am::ast
