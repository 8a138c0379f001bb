// Arithmetic on values: shapes are checked here, with the script's operators in the message.
#include <algorithm>
#include <cmath>

#include "compiler/elaborate/elaborator.h"
#include "compiler/ir/ops.h"

namespace am::elaborate {

using ir::Op;
using ir::Shape;

std::string Value::describe(const ir::Graph& g) const {
  struct Describe {
    const ir::Graph& g;
    std::string operator()(const Poison&) { return "an error"; }
    std::string operator()(const Tensor& t) {
      const Shape& s = g[t.node].shape;
      return s.rank == 0 ? "a number" : "a tensor of shape " + s.text();
    }
    std::string operator()(const std::string&) { return "a text"; }
    std::string operator()(const List&) { return "a list"; }
    std::string operator()(const Range&) { return "a range"; }
    std::string operator()(const Closure& c) {
      return c.model.empty() ? "a function" : "the learned function `" + c.model + "`";
    }
    std::string operator()(const Maker& m) {
      const auto& parameters = m.declaration->parameters;
      const bool complete =
          std::all_of(parameters.begin(), parameters.end(), [](const auto& p) { return p.fallback.valid(); });
      return fmt::format("the {} `{}`{}", ast::keyword(m.declaration->kind), m.declaration->name,
                         complete ? "" : " without its arguments");
    }
    std::string operator()(const std::shared_ptr<const Instance>& i) {
      return "the " + std::string(ast::keyword(i->declaration->kind)) + " `" + i->declaration->name + "`";
    }
    std::string operator()(const std::shared_ptr<const Dataset>& d) {
      return "the data set `" + d->samples->name + "`";
    }
    std::string operator()(const Snapshot&) { return "a snapshot of a data set"; }
    std::string operator()(const PathAt&) { return "a path at a time"; }
    std::string operator()(const Random&) { return "a distribution"; }
    std::string operator()(const Builtin& b) { return "the function `" + std::string(b.info->name) + "`"; }
    std::string operator()(const Native& n) { return "the function `" + n.name + "`"; }
    std::string operator()(const Word& w) { return "the " + w.group + " `" + w.name + "`"; }
  };
  return std::visit(Describe{g}, is);
}

NodeId Elaborator::tensor(const Value& v, std::string_view what) {
  if (auto* t = v.get<Tensor>()) return t->node;
  if (!v.poisoned())
    sink_.report<Kind::WrongKindOfValue>(v.origin, v.describe(g()), fmt::format("a number or tensor for {}", what))
        .suggestion = how_to_call(v);
  return ir::kNone;
}

std::string Elaborator::how_to_call(const Value& v) const {
  if (!v.origin.known() || in_library(v.origin)) return "";
  const std::string_view written = sources_.text(v.origin);
  if (v.instance() && v.instance()->declaration->kind == ast::DeclarationKind::Net)
    return fmt::format("a net is applied to its input: `{}(…)`", written);
  if (auto* c = v.get<Closure>(); c && !c->model.empty())
    return fmt::format("it has a value at a point: `{}(x, t)`", written);
  if (auto* c = v.get<Closure>(); (c && c->name != "fn") || v.get<Builtin>())
    return fmt::format("it has a value once it is called: `{}(…)`", written);
  return "";
}

NodeId Elaborator::scalar(const Value& v, std::string_view what) {
  if (!v.poisoned() && !v.get<Tensor>()) {
    sink_.report<Kind::WrongKindOfValue>(v.origin, v.describe(g()), fmt::format("a number for {}", what)).suggestion =
        how_to_call(v);
    return ir::kNone;
  }
  const NodeId node = tensor(v, what);
  if (!node.valid() || g()[node].shape.rank == 0) return node;
  sink_.report<Kind::NotAScalar>(v.origin, what, g()[node].shape.text());
  return ir::kNone;
}

std::optional<double> Elaborator::number(const Value& v, std::string_view what) {
  const NodeId node = scalar(v, what);
  if (!node.valid()) return {};
  if (auto value = ir::constant_value(g(), node)) return value;
  sink_.report<Kind::NotAConstant>(v.origin, what);
  return {};
}

std::optional<int> Elaborator::whole(const Value& v, std::string_view what, int least) {
  const auto value = number(v, what);
  if (!value) return {};
  if (*value == std::floor(*value) && *value >= least && *value < 2e9) return static_cast<int>(*value);
  const bool large = *value == std::floor(*value) && *value >= least;
  sink_.report<Kind::WrongKindOfValue>(
      v.origin, fmt::format("{:g}", *value),
      large ? fmt::format("a smaller number for {}", what) : fmt::format("a whole number ≥ {} for {}", least, what));
  return {};
}

NodeId Elaborator::tidy(NodeId node) {
  const Shape& s = g()[node].shape;
  return s.rank == 1 && s[0] == 1 ? ir::reshape(g(), node, {}) : node;
}

NodeId Elaborator::as_vector(NodeId node) { return g()[node].shape.rank == 0 ? ir::reshape(g(), node, {1}) : node; }

Value Elaborator::elementwise(Op op, std::vector<Value> operands, Span span) {
  std::vector<NodeId> nodes;
  for (const Value& v : operands) {
    // The words are made only where there is something to say: this runs for every operation of a script.
    nodes.push_back(v.get<Tensor>() ? v.get<Tensor>()->node : tensor(v, fmt::format("`{}`", ir::info(op).name)));
    if (!nodes.back().valid()) return poison();
  }
  Shape shape;
  for (NodeId n : nodes)
    if (g()[n].shape.rank > 0) {
      if (shape.rank > 0 && !(shape == g()[n].shape)) {
        auto& d = sink_.report<Kind::ShapeMismatch>(span, ir::info(op).name, shape.text(), g()[n].shape.text());
        remember_size(shape), remember_size(g()[n].shape);
        for (size_t k = 0; k < nodes.size(); ++k)
          if (g()[nodes[k]].shape.rank > 0 && operands[k].origin.known())
            d.notes.push_back({operands[k].origin, fmt::format("this has shape {}", g()[nodes[k]].shape.text())});
        return poison();
      }
      shape = g()[n].shape;
    }
  for (NodeId& n : nodes)
    if (g()[n].shape.rank == 0) n = ir::fill(g(), n, shape);
  g().set_origin(span);
  return make(g().add(op, nodes), span);
}

namespace {

/// x^n for a whole n ≥ 0, by squaring.
NodeId whole_power(ir::Graph& g, NodeId x, int n) {
  if (n == 0) return ir::constant(g, 1);
  if (n == 1) return x;
  const NodeId half = whole_power(g, x, n / 2), square = ir::mul(g, half, half);
  return n % 2 ? ir::mul(g, square, x) : square;
}

}  // namespace

bool Elaborator::random(const Value& v) {
  if (v.get<Random>() || v.get<Snapshot>() || v.get<PathAt>() || v.dataset()) return true;
  auto* m = v.get<Maker>();
  auto* i = v.instance();
  const ast::Declaration* d = m ? m->declaration : i ? i->declaration : nullptr;
  return d && d->kind == ast::DeclarationKind::Distribution;
}

Value Elaborator::binary(std::string_view op, const Value& a, const Value& b, Span span) {
  if (a.poisoned() || b.poisoned()) return poison();
  if (random(a) || random(b)) {
    auto sample = [this, span](const Value& v) -> Value {
      if (!random(v)) return v;
      const NodeId drawn = draw(v, v.origin);
      return drawn.valid() ? make(drawn, v.origin.known() ? v.origin : span) : poison();
    };
    auto both = [this, op = std::string(op), a, b, span, sample] { return binary(op, sample(a), sample(b), span); };
    return {Random{std::make_shared<const std::function<Value()>>(both)}, span};
  }
  auto operand = [&](const Value& v) {
    return v.get<Tensor>() ? v.get<Tensor>()->node : tensor(v, fmt::format("`{}`", op));
  };
  const NodeId x = operand(a), y = operand(b);
  if (!x.valid() || !y.valid()) return poison();
  const Shape sx = g()[x].shape, sy = g()[y].shape;
  g().set_origin(span);
  auto mismatch = [&] {
    remember_size(sx), remember_size(sy);
    auto& d = sink_.report<Kind::ShapeMismatch>(span, op, sx.text(), sy.text());
    if (a.origin.known()) d.notes.push_back({a.origin, fmt::format("this has shape {}", sx.text())});
    if (b.origin.known()) d.notes.push_back({b.origin, fmt::format("this has shape {}", sy.text())});
    return poison();
  };
  const bool scalars = sx.rank == 0 && sy.rank == 0;
  if (op == "·" && sx.rank > 0 && sy.rank > 0) {
    if (sx.rank == 1 && sy.rank == 1) return sx == sy ? make(ir::dot(g(), x, y), span) : mismatch();
    if (sx.rank == 2 && sy.rank == 1) return sx[1] == sy[0] ? make(ir::matvec(g(), x, y), span) : mismatch();
    if (sx.rank == 2 && sy.rank == 2 && sx[1] == sy[0]) return make(ir::matmul(g(), x, y), span);
    // W·x with one input or output: R[n, 1] and R[1, n] meet a number or a vector of one.
    return mismatch();
  }
  if (op == "·" && sx.rank == 2 && sy.rank == 0 && sx[1] == 1) return make(ir::matvec(g(), x, y), span);
  if (op == "^") {
    if (!scalars) {
      auto& d = sink_.report<Kind::BadShape>(span, "the base or the exponent of a power", (sx.rank ? sx : sy).text(),
                                             "a number");
      d.suggestion = "write `|v|²` for the squared length, or `v*v` for the square of each element";
      return poison();
    }
    const auto n = ir::constant_value(g(), y);
    if (n && *n == std::floor(*n) && std::fabs(*n) <= 64) {
      const NodeId power = whole_power(g(), x, static_cast<int>(std::fabs(*n)));
      return make(*n < 0 ? ir::div(g(), ir::constant(g(), 1), power) : power, span);
    }
    if (n && *n == 0.5) return make(ir::unary(g(), Op::Sqrt, x), span);
    return make(ir::binary(g(), Op::Pow, x, y), span);
  }
  if (sx.rank > 0 && sy.rank > 0 && !(sx == sy)) return mismatch();
  auto of = [&](Op o) { return elementwise(o, {a, b}, span); };
  if (op == "+") return of(Op::Add);
  if (op == "-") return of(Op::Sub);
  if (op == "·" || op == "*") {
    // x·sigmoid(x) is an operation of its own, whose derivatives are made of what it gives.
    for (const auto& [u, v] : {std::pair(x, y), std::pair(y, x)})
      if (g()[v].op == Op::Sigmoid && g()[v].operands[0] == u) return make(ir::unary(g(), Op::Silu, u), span);
    return of(Op::Mul);
  }
  if (op == "/") return of(Op::Div);
  if (op == "<") return of(Op::Less);
  if (op == ">") return elementwise(Op::Less, {b, a}, span);
  if (op == "==") return of(Op::Equal);
  auto negated = [&](const Value& v) { return elementwise(Op::Sub, {constant(1), v}, span); };
  if (op == "!=") return negated(of(Op::Equal));
  if (op == "<=") return negated(elementwise(Op::Less, {b, a}, span));
  if (op == ">=") return negated(of(Op::Less));
  if (op == "and") return of(Op::Mul);
  if (op == "or") return of(Op::Max);
  AM_CHECK(false, "operator {}", op);
}

Value Elaborator::unary_minus(const Value& x, Span span) {
  if (x.poisoned() || !tensor(x, "`−`").valid()) return poison();
  return elementwise(Op::Neg, {x}, span);
}

Value Elaborator::vector_of(const std::vector<Value>& items, Span span) {
  std::vector<NodeId> parts;
  for (const Value& v : items) {
    if (v.poisoned()) return poison();
    const NodeId node = tensor(v, "an entry of a vector");
    if (!node.valid()) return poison();
    if (g()[node].shape.rank > 1) {
      sink_.report<Kind::BadShape>(v.origin, "an entry of a vector", g()[node].shape.text(), "a number or a vector");
      return poison();
    }
    parts.push_back(as_vector(node));
  }
  g().set_origin(span);
  return make(ir::concat(g(), parts, 0), span);
}

Value Elaborator::index(const Value& base, const Value& at, Span span) {
  if (base.poisoned() || at.poisoned()) return poison();
  const NodeId x = tensor(base, "an indexed value");
  const auto k = whole(at, "an index", 0);
  if (!x.valid() || !k) return poison();
  const Shape shape = g()[x].shape;
  if (shape.rank != 1) {
    if (shape.rank == 0 && *k == 0) return base;
    sink_.report<Kind::BadShape>(base.origin, "an indexed value", shape.text(), "a vector");
    return poison();
  }
  if (*k >= shape[0]) {
    sink_.report<Kind::IndexOutOfRange>(at.origin, *k, shape.text()).suggestion =
        fmt::format("indices count from 0 to {}", shape[0] - 1);
    return poison();
  }
  g().set_origin(span);
  return make(ir::slice(g(), x, 0, *k, 1), span);
}

Value Elaborator::norm(const Value& x, Span span) {
  if (x.poisoned()) return poison();
  const NodeId node = tensor(x, "a norm");
  if (!node.valid()) return poison();
  g().set_origin(span);
  if (g()[node].shape.rank == 0) return make(ir::unary(g(), Op::Abs, node), span);
  return make(ir::unary(g(), Op::Sqrt, ir::dot(g(), node, node)), span);
}

}  // namespace am::elaborate
