#include "compiler/parse/build.h"

#include <antlr4-runtime.h>

#include <typeinfo>

#include "compiler/parse/words.h"

namespace am::parse {
namespace {

using antlr4::ParserRuleContext;
using ast::Argument;
using ast::Block;
using ast::BlockId;
using ast::Declaration;
using ast::DeclarationKind;
using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
using ast::Parameter;
using ast::Setting;
using ast::Statement;
using ast::StatementKind;
using grammar::AmParser;
using source::Span;

template <class Context>
Context* child(ParserRuleContext* context, size_t i) {
  return static_cast<Context*>(context->children[i]);
}
ParserRuleContext* rule(ParserRuleContext* context, size_t i) { return child<ParserRuleContext>(context, i); }
size_t size(const ParserRuleContext* context) { return context->children.size(); }
bool is_rule(ParserRuleContext* context, size_t i) {
  return typeid(*context->children[i]) != typeid(antlr4::tree::TerminalNodeImpl);
}
bool is_rule(ParserRuleContext* context, size_t i, size_t index) {
  return i < size(context) && is_rule(context, i) && rule(context, i)->getRuleIndex() == index;
}

/// One function per rule. Nodes are added children first.
class Builder {
 public:
  Builder(Reading& reading, const Tokens& tokens, ast::Program& program)
      : reading_(reading),
        tokens_(tokens),
        program_(program),
        first_expr_(program.expressions.size()),
        first_block_(program.blocks.size()) {}

  ExprId expression(AmParser::ExpressionContext* context);
  void declaration(AmParser::DeclarationContext* context);

 private:
  // Tokens and places.
  const Token& token(antlr4::Token* t) const { return tokens_[t->getTokenIndex()]; }
  const Token& token(ParserRuleContext* context, size_t i) const {
    return token(child<antlr4::tree::TerminalNode>(context, i)->getSymbol());
  }
  bool is_token(ParserRuleContext* context, size_t i, size_t type) const {
    return i < size(context) && !is_rule(context, i) && token(context, i).type == type;
  }
  Span span(ParserRuleContext* context) const {
    return reading_.span(token(context->start).begin, token(context->stop).end);
  }
  std::string name(ParserRuleContext* context) const { return name_of(reading_.word(token(context->start))); }
  Span place(ExprId id) const { return program_[id].span; }

  // Nodes.
  ExprId add(Expr expr);
  BlockId add(Block block);
  ExprId error(Span span) { return add({.kind = ExprKind::Error, .span = span, .focus = span}); }
  ExprId binary(ExprId left, const Token& op, ExprId right, uint32_t begin);
  ExprId unary(const Token& op, ExprId operand, std::string text);
  int depth(ExprId id) const { return id.valid() && id.value >= first_expr_ ? expr_depth_[id.value - first_expr_] : 0; }
  int depth(BlockId id) const {
    return id.valid() && id.value >= first_block_ ? block_depth_[id.value - first_block_] : 0;
  }
  int depth(const std::vector<Parameter>& parameters) const;
  int depth(const Statement& statement) const;

  // Declarations.
  std::vector<Parameter> parameters(AmParser::ParametersContext* context);
  std::vector<Setting> settings(AmParser::SettingsContext* context);
  void name_declaration(Declaration& d, ParserRuleContext* context) const;
  void value_declaration(Declaration& d, AmParser::ValueDeclarationContext* context);
  void function_declaration(Declaration& d, AmParser::FunctionDeclarationContext* context);
  void maker_declaration(Declaration& d, AmParser::MakerDeclarationContext* context);
  void path_declaration(Declaration& d, AmParser::PathDeclarationContext* context);
  void train_declaration(Declaration& d, AmParser::TrainDeclarationContext* context);
  void sample_declaration(Declaration& d, AmParser::SampleDeclarationContext* context);
  void evaluate_declaration(Declaration& d, AmParser::EvaluateDeclarationContext* context);

  // Statements.
  BlockId body(AmParser::BodyContext* context);
  BlockId block(AmParser::BlockContext* context);
  BlockId result_block(ExprId value);
  Statement statement(AmParser::StatementContext* context, bool last);
  Statement result(AmParser::ExpressionContext* context, bool last);
  Statement binding(AmParser::BindingContext* context);
  Statement param(AmParser::ParamContext* context);
  Statement state(AmParser::StateContext* context);
  Statement repeat(AmParser::RepeatContext* context);
  Statement condition(AmParser::ConditionContext* context);
  Statement function(AmParser::FunctionContext* context);
  Statement member(AmParser::MemberContext* context);
  Statement minimize(AmParser::MinimizeContext* context);
  ExprId shape(AmParser::ShapeContext* context);

  // Expressions, loosest first.
  template <class Operand>
  ExprId chain(ParserRuleContext* context, ExprId (Builder::*operand)(Operand*));
  ExprId lambda(AmParser::LambdaContext* context);
  ExprId disjunction(AmParser::DisjunctionContext* context) { return chain(context, &Builder::conjunction); }
  ExprId conjunction(AmParser::ConjunctionContext* context) { return chain(context, &Builder::negation); }
  ExprId negation(AmParser::NegationContext* context);
  ExprId comparison(AmParser::ComparisonContext* context) { return chain(context, &Builder::range); }
  ExprId range(AmParser::RangeContext* context);
  ExprId sum(AmParser::SumContext* context) { return chain(context, &Builder::product); }
  ExprId product(AmParser::ProductContext* context);
  ExprId factor(AmParser::ProductContext* context, size_t at);
  ExprId expectation(AmParser::ExpectationContext* context);
  ExprId integral(AmParser::IntegralContext* context);
  ExprId power(AmParser::PowerContext* context);
  ExprId raised(ExprId base, const Token& superscript);
  ExprId exponent(AmParser::ExponentContext* context);
  ExprId derivative(AmParser::DerivativeContext* context);
  ExprId derivative_of(const Token& op, ExprId operand);
  ExprId postfix(AmParser::PostfixContext* context);
  ExprId call(ExprId callee, AmParser::CallContext* context);
  ExprId index(ExprId base, AmParser::IndexContext* context);
  ExprId selection(ExprId base, AmParser::SelectionContext* context);
  ExprId primary(AmParser::PrimaryContext* context);
  ExprId number(const Token& token);
  ExprId text(const Token& token);
  ExprId list(AmParser::PrimaryContext* context);

  Reading& reading_;
  const Tokens& tokens_;
  ast::Program& program_;
  /// Heights of the trees made here, by position in the arena from the first one on.
  size_t first_expr_, first_block_;
  std::vector<int> expr_depth_, block_depth_;
  bool too_deep_ = false;
};

// --- nodes ---

ExprId Builder::add(Expr expr) {
  int height = std::max(depth(expr.body), depth(expr.parameters));
  for (const ExprId operand : expr.operands) height = std::max(height, depth(operand));
  for (const Argument& argument : expr.arguments) height = std::max(height, depth(argument.value));
  if (++height > kMaxDepth) {
    const Token at{0, expr.focus.begin, expr.focus.end};
    if (!too_deep_)
      reading_.report<Kind::SyntaxError>(at, fmt::format("this expression is nested more than {} deep", kMaxDepth))
          .suggestion = "name its parts on lines of their own";
    too_deep_ = true;
    expr = {.kind = ExprKind::Error, .span = expr.span, .focus = expr.focus};
    height = 1;
  }
  expr_depth_.push_back(height);
  return program_.add(std::move(expr));
}

BlockId Builder::add(Block block) {
  int height = 0;
  for (const Statement& statement : block.statements) height = std::max(height, depth(statement));
  block_depth_.push_back(height + 1);
  return program_.add(std::move(block));
}

int Builder::depth(const std::vector<Parameter>& parameters) const {
  int height = 0;
  for (const Parameter& parameter : parameters) height = std::max(height, depth(parameter.fallback));
  return height;
}

int Builder::depth(const Statement& s) const {
  return std::max({depth(s.value), depth(s.type), depth(s.parameters), depth(s.body), depth(s.otherwise)});
}

ExprId Builder::binary(ExprId left, const Token& op, ExprId right, uint32_t begin) {
  return add({.kind = ExprKind::Binary,
              .span = reading_.span(begin, place(right).end),
              .focus = reading_.span(op),
              .text = operator_of(reading_.word(op)),
              .operands = {left, right}});
}

ExprId Builder::unary(const Token& op, ExprId operand, std::string text) {
  return add({.kind = ExprKind::Unary,
              .span = reading_.span(op.begin, place(operand).end),
              .focus = reading_.span(op),
              .text = std::move(text),
              .operands = {operand}});
}

// --- declarations ---

DeclarationKind declaration_kind(size_t keyword) {
  switch (keyword) {
    case AmParser::CONST: return DeclarationKind::Const;
    case AmParser::FN: return DeclarationKind::Fn;
    case AmParser::NET: return DeclarationKind::Net;
    case AmParser::DISTRIBUTION: return DeclarationKind::Distribution;
    case AmParser::DATA: return DeclarationKind::Data;
    case AmParser::PATH: return DeclarationKind::Path;
    case AmParser::POTENTIAL: return DeclarationKind::Potential;
    case AmParser::VELOCITY: return DeclarationKind::Velocity;
    case AmParser::DYNAMICS: return DeclarationKind::Dynamics;
    case AmParser::OPTIMIZER: return DeclarationKind::Optimizer;
    case AmParser::SOLVER: return DeclarationKind::Solver;
    case AmParser::TRAIN: return DeclarationKind::Train;
    case AmParser::SAMPLE: return DeclarationKind::Sample;
    case AmParser::EVALUATE: return DeclarationKind::Evaluate;
  }
  AM_CHECK(false, "token {} opens no declaration", keyword);
  return DeclarationKind::Const;
}

void Builder::declaration(AmParser::DeclarationContext* context) {
  if (context->exception) return;
  ParserRuleContext* inner = rule(context, 0);
  const Token& keyword = token(inner->start);
  Declaration d{.kind = declaration_kind(keyword.type), .span = span(inner)};
  if (const auto doc = reading_.docs.find(keyword.begin); doc != reading_.docs.end()) d.doc = doc->second;
  switch (inner->getRuleIndex()) {
    case AmParser::RuleValueDeclaration:
      value_declaration(d, child<AmParser::ValueDeclarationContext>(context, 0));
      break;
    case AmParser::RuleFunctionDeclaration:
      function_declaration(d, child<AmParser::FunctionDeclarationContext>(context, 0));
      break;
    case AmParser::RuleMakerDeclaration:
      maker_declaration(d, child<AmParser::MakerDeclarationContext>(context, 0));
      break;
    case AmParser::RulePathDeclaration: path_declaration(d, child<AmParser::PathDeclarationContext>(context, 0)); break;
    case AmParser::RuleTrainDeclaration:
      train_declaration(d, child<AmParser::TrainDeclarationContext>(context, 0));
      break;
    case AmParser::RuleSampleDeclaration:
      sample_declaration(d, child<AmParser::SampleDeclarationContext>(context, 0));
      break;
    case AmParser::RuleEvaluateDeclaration:
      evaluate_declaration(d, child<AmParser::EvaluateDeclarationContext>(context, 0));
      break;
  }
  program_.declarations.push_back(std::move(d));
}

void Builder::name_declaration(Declaration& d, ParserRuleContext* context) const {
  d.name = name(rule(context, 1));
  d.name_span = span(rule(context, 1));
}

void Builder::value_declaration(Declaration& d, AmParser::ValueDeclarationContext* context) {
  name_declaration(d, context);
  d.value = expression(context->expression());
}

void Builder::function_declaration(Declaration& d, AmParser::FunctionDeclarationContext* context) {
  name_declaration(d, context);
  d.parameters = parameters(context->parameters());
  d.body = body(context->body());
}

void Builder::maker_declaration(Declaration& d, AmParser::MakerDeclarationContext* context) {
  name_declaration(d, context);
  d.parameters = parameters(context->parameters());
  d.body = block(context->block());
}

void Builder::path_declaration(Declaration& d, AmParser::PathDeclarationContext* context) {
  name_declaration(d, context);
  if (context->EQUALS() != nullptr) {
    d.value = expression(context->expression());
    return;
  }
  const auto lists = context->parameters();
  if (lists.size() > 1) d.parameters = parameters(lists[0]);
  d.variables = parameters(lists.back());
  d.range = expression(context->expression());
  d.body = body(context->body());
}

void Builder::train_declaration(Declaration& d, AmParser::TrainDeclarationContext* context) {
  name_declaration(d, context);
  d.value = expression(context->expression());
  d.settings = settings(context->settings());
}

void Builder::sample_declaration(Declaration& d, AmParser::SampleDeclarationContext* context) {
  name_declaration(d, context);
  d.model = name(context->name(1));
  d.model_span = span(context->name(1));
  d.settings = settings(context->settings());
}

void Builder::evaluate_declaration(Declaration& d, AmParser::EvaluateDeclarationContext* context) {
  d.model = name(context->name());
  d.model_span = span(context->name());
  d.settings = settings(context->settings());
}

std::vector<Parameter> Builder::parameters(AmParser::ParametersContext* context) {
  std::vector<Parameter> out;
  for (AmParser::ParameterContext* p : context->parameter()) {
    out.push_back({name(p), span(p->name()), {}});
    if (p->expression() != nullptr) out.back().fallback = expression(p->expression());
  }
  return out;
}

std::vector<Setting> Builder::settings(AmParser::SettingsContext* context) {
  std::vector<Setting> out;
  if (context == nullptr) return out;
  for (AmParser::SettingContext* s : context->setting())
    if (!s->exception) out.push_back({name(s), span(s->name()), expression(s->expression())});
  return out;
}

// --- statements ---

BlockId Builder::result_block(ExprId value) {
  return add(Block{place(value), {{.kind = StatementKind::Result, .span = place(value), .value = value}}});
}

BlockId Builder::body(AmParser::BodyContext* context) {
  if (context->block() != nullptr) return block(context->block());
  return result_block(expression(context->expression()));
}

BlockId Builder::block(AmParser::BlockContext* context) {
  Block out{span(context), {}};
  const auto statements = context->statement();
  for (AmParser::StatementContext* s : statements) out.statements.push_back(statement(s, s == statements.back()));
  return add(std::move(out));
}

Statement Builder::statement(AmParser::StatementContext* context, bool last) {
  if (context->exception) {
    const Span at = reading_.span(token(context->start));
    return {.kind = StatementKind::Result, .span = at, .value = error(at)};
  }
  ParserRuleContext* inner = rule(context, 0);
  switch (inner->getRuleIndex()) {
    case AmParser::RuleBinding: return binding(child<AmParser::BindingContext>(context, 0));
    case AmParser::RuleParam: return param(child<AmParser::ParamContext>(context, 0));
    case AmParser::RuleState: return state(child<AmParser::StateContext>(context, 0));
    case AmParser::RuleRepeat: return repeat(child<AmParser::RepeatContext>(context, 0));
    case AmParser::RuleCondition: return condition(child<AmParser::ConditionContext>(context, 0));
    case AmParser::RuleFunction: return function(child<AmParser::FunctionContext>(context, 0));
    case AmParser::RuleMember: return member(child<AmParser::MemberContext>(context, 0));
    case AmParser::RuleMinimize: return minimize(child<AmParser::MinimizeContext>(context, 0));
    default: return result(child<AmParser::ExpressionContext>(context, 0), last);
  }
}

/// `x == 3` in the middle of a block compares and forgets the answer; its author meant to bind.
Statement Builder::result(AmParser::ExpressionContext* context, bool last) {
  const ExprId value = expression(context);
  const Expr& e = program_[value];
  if (!last && e.kind == ExprKind::Binary && e.text == "==" && program_[e.operands[0]].kind == ExprKind::Name)
    reading_.report<Kind::AssignmentInExpression>(Token{0, e.focus.begin, e.focus.end}, "==").suggestion = "write `=`";
  return {.kind = StatementKind::Result, .span = span(context), .value = value};
}

Statement Builder::binding(AmParser::BindingContext* context) {
  const bool draw = token(context, 1).type == AmParser::TILDE;
  return {.kind = draw ? StatementKind::Draw : StatementKind::Let,
          .span = span(context),
          .name = name(context),
          .name_span = reading_.span(token(context->start)),
          .value = expression(context->expression())};
}

Statement Builder::param(AmParser::ParamContext* context) {
  Statement out{.kind = StatementKind::Param,
                .span = span(context),
                .name = name(context->name()),
                .name_span = span(context->name())};
  out.type = shape(context->shape());
  if (context->expression() != nullptr) out.value = expression(context->expression());
  return out;
}

ExprId Builder::shape(AmParser::ShapeContext* context) {
  const std::string word = name(context);
  Expr out{.kind = ExprKind::Shape, .span = span(context), .focus = span(context->name())};
  if (word != "R") {
    reading_.report<Kind::SyntaxError>(token(context->start), fmt::format("`{}` is not a type of parameters", word))
        .suggestion = "write `R` for a number, `R[n]` for a vector, `R[n, m]` for a matrix";
    return error(out.span);
  }
  for (AmParser::ExpressionContext* extent : context->expression()) out.operands.push_back(expression(extent));
  return add(std::move(out));
}

Statement Builder::state(AmParser::StateContext* context) {
  return {.kind = StatementKind::State,
          .span = span(context),
          .name = name(context->name()),
          .name_span = span(context->name()),
          .value = expression(context->expression())};
}

Statement Builder::repeat(AmParser::RepeatContext* context) {
  Statement out{.kind = StatementKind::Repeat, .span = span(context)};
  out.value = expression(context->expression());
  out.body = block(context->block());
  return out;
}

Statement Builder::condition(AmParser::ConditionContext* context) {
  Statement out{.kind = StatementKind::If, .span = span(context)};
  out.value = expression(context->expression());
  out.body = block(context->block(0));
  if (context->block().size() > 1) out.otherwise = block(context->block(1));
  if (context->condition() != nullptr)
    out.otherwise = add(Block{span(context->condition()), {condition(context->condition())}});
  return out;
}

Statement Builder::function(AmParser::FunctionContext* context) {
  Statement out{.kind = StatementKind::Function,
                .span = span(context),
                .name = name(context->name()),
                .name_span = span(context->name())};
  out.parameters = parameters(context->parameters());
  out.body = body(context->body());
  return out;
}

Statement Builder::member(AmParser::MemberContext* context) {
  Statement out{.kind = StatementKind::Function,
                .span = span(context),
                .name = name(context),
                .name_span = reading_.span(token(context->start))};
  out.parameters = parameters(context->parameters());
  out.member = true;
  out.body = body(context->body());
  return out;
}

Statement Builder::minimize(AmParser::MinimizeContext* context) {
  return {.kind = StatementKind::Minimize, .span = span(context), .value = expression(context->expression())};
}

// --- expressions ---

/// operand (operator operand)*, from the left.
template <class Operand>
ExprId Builder::chain(ParserRuleContext* context, ExprId (Builder::*operand)(Operand*)) {
  ExprId left = (this->*operand)(child<Operand>(context, 0));
  for (size_t i = 1; i + 1 < size(context); i += 2)
    left =
        binary(left, token(context, i), (this->*operand)(child<Operand>(context, i + 1)), token(context->start).begin);
  return left;
}

ExprId Builder::expression(AmParser::ExpressionContext* context) {
  if (is_rule(context, 0, AmParser::RuleLambda)) return lambda(child<AmParser::LambdaContext>(context, 0));
  return disjunction(child<AmParser::DisjunctionContext>(context, 0));
}

ExprId Builder::lambda(AmParser::LambdaContext* context) {
  Expr out{.kind = ExprKind::Lambda, .span = span(context), .focus = reading_.span(token(context->start))};
  out.parameters = parameters(context->parameters());
  out.body = context->block() != nullptr ? block(context->block()) : result_block(expression(context->expression()));
  return add(std::move(out));
}

ExprId Builder::negation(AmParser::NegationContext* context) {
  if (context->comparison() != nullptr) return comparison(context->comparison());
  return unary(token(context, 0), negation(context->negation()), "not");
}

ExprId Builder::range(AmParser::RangeContext* context) {
  const ExprId from = sum(child<AmParser::SumContext>(context, 0));
  if (size(context) == 1) return from;
  Expr out{.kind = ExprKind::Range, .span = span(context), .focus = reading_.span(token(context, 1))};
  const ExprId to = sum(child<AmParser::SumContext>(context, 2));
  const ExprId step = size(context) > 3 ? sum(child<AmParser::SumContext>(context, 4)) : ExprId{};
  out.operands = {from, to, step};
  return add(std::move(out));
}

/// The grammar nests products to the right; the tree leans to the left.
ExprId Builder::product(AmParser::ProductContext* context) {
  const uint32_t begin = token(context->start).begin;
  ExprId left;
  const Token* op = nullptr;
  while (context != nullptr) {
    size_t at = 0;
    while (is_token(context, at, AmParser::MINUS)) ++at;
    const ExprId right = factor(context, at);
    left = op == nullptr ? right : binary(left, *op, right, begin);
    op = at + 1 < size(context) ? &token(context, at + 1) : nullptr;
    context = op == nullptr ? nullptr : child<AmParser::ProductContext>(context, at + 2);
  }
  return left;
}

/// The child at `at`, under the minus signs before it.
ExprId Builder::factor(AmParser::ProductContext* context, size_t at) {
  ExprId out;
  switch (rule(context, at)->getRuleIndex()) {
    case AmParser::RuleExpectation: out = expectation(child<AmParser::ExpectationContext>(context, at)); break;
    case AmParser::RuleIntegral: out = integral(child<AmParser::IntegralContext>(context, at)); break;
    default: out = power(child<AmParser::PowerContext>(context, at)); break;
  }
  while (at-- > 0) out = unary(token(context, at), out, "-");
  return out;
}

ExprId Builder::expectation(AmParser::ExpectationContext* context) {
  Expr out{.kind = ExprKind::Expectation, .span = span(context), .focus = reading_.span(token(context->start))};
  for (AmParser::NameContext* bound : context->name()) out.names.push_back(name(bound));
  const ExprId source = expression(context->expression());
  const ExprId body = product(context->product());
  out.operands = {source, body};
  return add(std::move(out));
}

ExprId Builder::integral(AmParser::IntegralContext* context) {
  Expr out{.kind = ExprKind::Integral, .span = span(context), .focus = reading_.span(token(context->start))};
  out.names = {name(context->name())};
  const auto bounds = context->sum();
  const ExprId from = sum(bounds[0]);
  const ExprId to = sum(bounds[1]);
  const ExprId rule = bounds.size() > 2 ? sum(bounds[2]) : ExprId{};
  out.operands = {from, to, rule, product(context->product())};
  return add(std::move(out));
}

ExprId Builder::power(AmParser::PowerContext* context) {
  const uint32_t begin = token(context->start).begin;
  ExprId base = derivative(child<AmParser::DerivativeContext>(context, 0));
  size_t at = 1;
  for (; is_token(context, at, AmParser::SUPERSCRIPT); ++at) base = raised(base, token(context, at));
  if (at >= size(context)) return base;
  return binary(base, token(context, at), exponent(child<AmParser::ExponentContext>(context, at + 1)), begin);
}

/// `x²` is `x^2`, `x⁻¹` is `x^−1`.
ExprId Builder::raised(ExprId base, const Token& superscript) {
  const std::string word = reading_.word(superscript);
  const std::string digits = digits_of(word);
  const Span at = reading_.span(superscript);
  ExprId power =
      add({.kind = ExprKind::Number, .span = at, .focus = at, .text = digits, .number = number_of(digits).value_or(0)});
  if (is_negative(word)) power = unary(superscript, power, "-");
  return add({.kind = ExprKind::Binary,
              .span = source::cover(place(base), at),
              .focus = at,
              .text = "^",
              .operands = {base, power}});
}

ExprId Builder::exponent(AmParser::ExponentContext* context) {
  size_t at = size(context) - 1;
  ExprId out = power(child<AmParser::PowerContext>(context, at));
  while (at-- > 0) out = unary(token(context, at), out, "-");
  return out;
}

ExprId Builder::derivative(AmParser::DerivativeContext* context) {
  size_t at = size(context) - 1;
  ExprId out = postfix(child<AmParser::PostfixContext>(context, at));
  while (at-- > 0) out = derivative_of(token(context, at), out);
  return out;
}

ExprId Builder::derivative_of(const Token& op, ExprId operand) {
  Expr out{.kind = ExprKind::Gradient,
           .span = reading_.span(op.begin, place(operand).end),
           .focus = reading_.span(op),
           .operands = {operand}};
  const std::string word = reading_.word(op);
  switch (op.type) {
    case AmParser::LAPLACIAN: out.kind = ExprKind::Laplacian; break;
    case AmParser::DIVERGENCE: out.kind = ExprKind::Divergence; break;
    case AmParser::PARTIAL:
    case AmParser::PARTIAL_OF: out.kind = ExprKind::Partial; [[fallthrough]];
    case AmParser::GRADIENT_OF: out.text = variable_of(word); break;
  }
  if (out.kind == ExprKind::Partial && out.text.empty()) {
    reading_.report<Kind::SyntaxError>(op, fmt::format("`{}` does not name a variable", word));
    return error(out.span);
  }
  return add(std::move(out));
}

ExprId Builder::postfix(AmParser::PostfixContext* context) {
  ExprId out = primary(child<AmParser::PrimaryContext>(context, 0));
  for (size_t i = 1; i < size(context); ++i) switch (rule(context, i)->getRuleIndex()) {
      case AmParser::RuleCall: out = call(out, child<AmParser::CallContext>(context, i)); break;
      case AmParser::RuleIndex: out = index(out, child<AmParser::IndexContext>(context, i)); break;
      case AmParser::RuleSelection: out = selection(out, child<AmParser::SelectionContext>(context, i)); break;
    }
  return out;
}

ExprId Builder::call(ExprId callee, AmParser::CallContext* context) {
  if (program_[callee].kind == ExprKind::Number) {
    const Span at = place(callee);
    const std::string word(program_[callee].text);
    reading_.report<Kind::SyntaxError>(Token{0, at.begin, at.end}, fmt::format("the number `{}` is no function", word))
        .suggestion = fmt::format("to multiply, write `{}·(…)`", word);
  }
  Expr out{.kind = ExprKind::Call,
           .span = source::cover(place(callee), span(context)),
           .focus = program_[callee].focus,
           .operands = {callee}};
  for (AmParser::ArgumentContext* a : context->argument()) {
    Argument argument;
    if (size(a) > 1) {
      argument.name = name(a);
      argument.name_span = reading_.span(token(a->start));
    }
    argument.value = expression(a->expression());
    out.arguments.push_back(std::move(argument));
  }
  return add(std::move(out));
}

ExprId Builder::index(ExprId base, AmParser::IndexContext* context) {
  const Span at = source::cover(place(base), span(context));
  const ExprId which = expression(context->expression());
  return add({.kind = ExprKind::Index, .span = at, .focus = program_[base].focus, .operands = {base, which}});
}

ExprId Builder::selection(ExprId base, AmParser::SelectionContext* context) {
  return add({.kind = ExprKind::Member,
              .span = source::cover(place(base), span(context)),
              .focus = span(context->name()),
              .text = name(context->name()),
              .operands = {base}});
}

ExprId Builder::primary(AmParser::PrimaryContext* context) {
  const Token& first = token(context->start);
  const Span at = reading_.span(first);
  switch (first.type) {
    case AmParser::NUMBER: return number(first);
    case AmParser::STRING: return text(first);
    case AmParser::LBRACKET: return list(context);
    case AmParser::LPAREN: {
      const ExprId inner = expression(child<AmParser::ExpressionContext>(context, 1));
      program_.expressions[inner.value].span = span(context);
      return inner;
    }
    case AmParser::OPEN_BAR: {
      const ExprId inner = expression(child<AmParser::ExpressionContext>(context, 1));
      return add({.kind = ExprKind::Norm, .span = span(context), .focus = at, .operands = {inner}});
    }
    default: return add({.kind = ExprKind::Name, .span = at, .focus = at, .text = name_of(reading_.word(first))});
  }
}

ExprId Builder::number(const Token& token) {
  const std::string word = reading_.word(token);
  const std::optional<double> value = number_of(word);
  if (!value) reading_.report<Kind::SyntaxError>(token, fmt::format("the number `{}` is too large", word));
  const Span at = reading_.span(token);
  return add({.kind = ExprKind::Number, .span = at, .focus = at, .text = word, .number = value.value_or(0)});
}

ExprId Builder::text(const Token& token) {
  const std::string word = reading_.word(token);
  const bool closed = word.size() > 1 && word.back() == '"';
  const std::string inner = word.substr(1, word.size() - (closed ? 2 : 1));
  std::string out;
  for (size_t i = 0; i < inner.size(); ++i) {
    const bool escape = inner[i] == '\\' && i + 1 < inner.size();
    if (escape && inner[++i] != '"' && inner[i] != '\\') {
      const auto at = static_cast<uint32_t>(token.begin + i);
      reading_.report<Kind::SyntaxError>(Token{0, at, at + 2}, fmt::format("`\\{}` is not an escape", inner[i]))
          .suggestion = "a backslash is written `\\\\`, a quote `\\\"`";
    }
    out += inner[i];
  }
  const Span at = reading_.span(token);
  return add({.kind = ExprKind::String, .span = at, .focus = at, .text = out});
}

ExprId Builder::list(AmParser::PrimaryContext* context) {
  Expr out{.kind = ExprKind::List, .span = span(context), .focus = span(context)};
  for (size_t i = 1; i + 1 < size(context); i += 2)
    out.operands.push_back(expression(child<AmParser::ExpressionContext>(context, i)));
  return add(std::move(out));
}

}  // namespace

void build(Reading& reading, const Tokens& tokens, AmParser::ProgramContext* context, ast::Program& program) {
  Builder builder(reading, tokens, program);
  for (size_t i = 0; i < size(context); ++i)
    if (is_rule(context, i)) builder.declaration(child<AmParser::DeclarationContext>(context, i));
}

ExprId build(Reading& reading, const Tokens& tokens, AmParser::FormulaContext* context, ast::Program& program) {
  if (context->exception) return {};
  return Builder(reading, tokens, program).expression(child<AmParser::ExpressionContext>(context, 0));
}

}  // namespace am::parse
