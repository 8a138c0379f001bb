#include "compiler/parse/complain.h"

#include <optional>

#include "compiler/parse/words.h"

namespace am::parse {
namespace {

using antlr4::misc::IntervalSet;
using diagnostics::Diagnostic;
using diagnostics::make;
using grammar::AmParser;

/// What is known at a mistake.
struct Place {
  const Reading& reading;
  const Tokens& tokens;
  size_t found;  // index of the token that does not fit
  size_t rule;
  IntervalSet expected;

  const Token& token() const { return tokens[found]; }
  const Token& before() const { return tokens[found == 0 ? 0 : found - 1]; }
  bool has_before() const { return found > 0 && before().type != AmParser::SEPARATOR; }
  size_t type() const { return token().type; }
  std::string word() const { return reading.word(token()); }
  std::string word_before() const { return reading.word(before()); }
  source::Span span() const { return reading.span(token()); }
  bool expects(size_t type) const { return expected.contains(type); }
  bool expects_expression() const { return expects(AmParser::NUMBER) && expects(AmParser::LPAREN); }
  /// An expression has just ended, and an operator could have gone on with it.
  bool follows_expression() const {
    const bool in_braces = rule == AmParser::RuleCondition || rule == AmParser::RuleRepeat;
    const bool ends = expects(AmParser::SEPARATOR) || expects(AmParser::RPAREN) || expects(AmParser::RBRACKET) ||
                      expects(AmParser::CLOSE_BAR) || (in_braces && expects(AmParser::LBRACE));
    return found > 0 && ends_operand(before()) && ends && !expects_expression() && rule != AmParser::RuleParameters;
  }
};

bool begins_operand(size_t type) {
  return type == AmParser::NAME || type == AmParser::MEMBER || type == AmParser::BINDER || type == AmParser::NUMBER ||
         type == AmParser::STRING || type == AmParser::LPAREN || type == AmParser::LBRACKET ||
         type == AmParser::OPEN_BAR || type == AmParser::EXPECTATION || type == AmParser::INTEGRAL ||
         type == AmParser::LAMBDA || is_derivative(type);
}

std::string end_words(const Place& at) {
  if (at.word().find(';') != std::string::npos) return "`;`";
  const size_t next = at.found + 1 < at.tokens.size() ? at.tokens[at.found + 1].type : antlr4::Token::EOF;
  const uint32_t next_begin = at.found + 1 < at.tokens.size() ? at.tokens[at.found + 1].begin : at.token().end;
  const std::string_view between = at.reading.text.substr(at.token().end, next_begin - at.token().end);
  if (next == AmParser::RBRACE && between.find('\n') == std::string_view::npos) return "`}`";
  if (next == antlr4::Token::EOF && between.find('\n') == std::string_view::npos) return "the end of the text";
  return "the end of the line";
}

/// The token that does not fit, as the author sees it.
std::string found_words(const Place& at) {
  if (at.type() == AmParser::SEPARATOR) return end_words(at);
  if (at.type() == antlr4::Token::EOF) return "the end of the text";
  return fmt::format("`{}`", at.word());
}

std::string after_words(const Place& at) { return at.has_before() ? fmt::format(" after `{}`", at.word_before()) : ""; }

/// A token type as a reader would name it; empty for those that go without saying.
std::string_view type_words(size_t type) {
  switch (type) {
    case AmParser::NAME: return "a name";
    case AmParser::SEPARATOR: return "the end of the line";
    case AmParser::EQUALS: return "`=`";
    case AmParser::TILDE: return "`~`";
    case AmParser::COMMA: return "`,`";
    case AmParser::COLON: return "`:`";
    case AmParser::DOTS: return "`..`";
    case AmParser::LPAREN: return "`(`";
    case AmParser::RPAREN: return "`)`";
    case AmParser::LBRACKET: return "`[`";
    case AmParser::RBRACKET: return "`]`";
    case AmParser::LBRACE: return "`{`";
    case AmParser::RBRACE: return "`}`";
    case AmParser::CLOSE_BAR: return "a closing `|`";
    case AmParser::OVER: return "`over`";
    case AmParser::FROM: return "`from`";
    case AmParser::BY: return "`by`";
    case AmParser::IF: return "`if`";
    default: return {};
  }
}

std::string expected_words(const Place& at) {
  if (at.expects_expression()) return "an expression";
  std::string out;
  for (const ssize_t type : at.expected.toList()) {
    const std::string_view words = type < 0 ? std::string_view{} : type_words(static_cast<size_t>(type));
    if (words.empty()) continue;
    out += (out.empty() ? "" : " or ") + std::string(words);
  }
  return out.empty() ? "something else" : out;
}

/// The innermost bracket open before the token, or nothing.
const Token* enclosing(const Place& at) {
  int depth = 0;
  for (size_t i = at.found; i-- > 0;) {
    const Token& token = at.tokens[i];
    if (is_closing(token.type)) ++depth;
    if (is_opening(token.type) && depth-- == 0) return &token;
    if (token.type == AmParser::SEPARATOR && depth == 0) return nullptr;
  }
  return nullptr;
}

// Each of the following knows one frequent mistake, and says nothing where it does not apply.
using Answer = std::optional<Diagnostic>;

Diagnostic syntax_error(source::Span span, const std::string& message, std::string suggestion = "") {
  Diagnostic d = make<Kind::SyntaxError>(span, message);
  d.suggestion = std::move(suggestion);
  return d;
}

Answer comparison_for_binding(const Place& at) {
  if (!at.expects(AmParser::EQUALS) || at.type() != AmParser::COMPARE || at.word() != "==") return {};
  Diagnostic d = make<Kind::AssignmentInExpression>(at.span(), "==");
  d.suggestion = "write `=`";
  return d;
}

Answer binding_at_top(const Place& at) {
  if (at.rule != AmParser::RuleProgram || at.type() != AmParser::BINDER) return {};
  return syntax_error(at.span(), fmt::format("a declaration begins with a word that says what `{}` is", at.word()),
                      fmt::format("write `const {} = …`", at.word()));
}

Answer stray_at_top(const Place& at) {
  if (at.rule != AmParser::RuleProgram) return {};
  return syntax_error(
      at.span(), fmt::format("expected a declaration, such as `fn`, `path` or `train`, found {}", found_words(at)));
}

Answer stray_in_settings(const Place& at) {
  if (at.rule != AmParser::RuleSettings) return {};
  return syntax_error(at.span(), fmt::format("expected a setting, written `name = value`, found {}", found_words(at)));
}

/// `steps: 100` and `mlp(width: 64)`.
Answer colon_for_equals(const Place& at) {
  const bool binds = at.expects(AmParser::EQUALS) || (at.follows_expression() && at.before().type == AmParser::NAME);
  if (at.type() != AmParser::COLON || !binds) return {};
  return syntax_error(at.span(), "`:` binds no name", fmt::format("write `{} = …`", at.word_before()));
}

Answer comma_between_settings(const Place& at) {
  if (at.type() != AmParser::COMMA || at.rule != AmParser::RuleSetting || at.before().type == AmParser::EQUALS)
    return {};
  return syntax_error(at.span(), "settings stand on lines of their own, or have `;` between them", "write `;`");
}

/// `1,000`.
Answer comma_in_number(const Place& at) {
  const bool digits = at.found + 1 < at.tokens.size() && at.tokens[at.found + 1].type == AmParser::NUMBER;
  if (at.type() != AmParser::COMMA || at.before().type != AmParser::NUMBER || !digits) return {};
  const std::string right = at.reading.word(at.tokens[at.found + 1]);
  return syntax_error(at.span(), "a number has no commas in it", fmt::format("write `{}_{}`", at.word_before(), right));
}

/// `h += 1`.
Answer augmented_assignment(const Place& at) {
  if (at.type() != AmParser::EQUALS || !is_infix(at.before().type) || at.before().end != at.token().begin) return {};
  const std::string op = at.word_before();
  const std::string name = at.found > 1 ? at.reading.word(at.tokens[at.found - 2]) : "h";
  return syntax_error(source::cover(at.reading.span(at.before()), at.span()),
                      fmt::format("`{}=` is not an operator", op), fmt::format("write `{} = {} {} …`", name, name, op));
}

/// Words of other languages in front of what they rule.
Answer foreign_statement(const Place& at) {
  if (at.word() == "elif" || at.word() == "elsif")
    return syntax_error(at.span(), fmt::format("`{}` is not a word of the language", at.word()), "write `else if`");
  const std::string word = at.found > 0 ? at.word_before() : "";
  if ((word != "for" && word != "while") || !begins_operand(at.type())) return {};
  return syntax_error(at.reading.span(at.before()), fmt::format("`{}` is not a word of the language", word),
                      "write `repeat n { … }`, with n known at compile time");
}

/// `E(x ~ q)`, `E{x ~ q}` and `∫[0..1]`.
Answer expectation_in_words(const Place& at) {
  if (at.found > 0 && at.before().type == AmParser::INTEGRAL && at.type() == AmParser::NUMBER)
    return syntax_error(at.span(), "a time integral names its variable", "write `∫[t = a..b] …`");
  for (size_t i = at.found + 1; i-- > 1;) {
    const size_t type = at.tokens[i].type;
    if (at.tokens[i].type == AmParser::SEPARATOR) return {};
    if ((type == AmParser::LPAREN || type == AmParser::LBRACE) && at.reading.word(at.tokens[i - 1]) == "E" &&
        (at.type() == AmParser::TILDE || at.type() == AmParser::LBRACE))
      return syntax_error(at.reading.span(at.tokens[i]), "an expectation has square brackets", "write `E[x ~ …] …`");
  }
  return {};
}

/// `∇²s`, `∇_x s`, `∂s(x, t)/∂t` and `d/dt s(x, t)`.
Answer derivative_in_words(const Place& at) {
  if (at.found == 0) return {};
  const size_t before = at.before().type;
  if (before == AmParser::GRADIENT && (at.type() == AmParser::SUPERSCRIPT || at.type() == AmParser::CARET))
    return syntax_error(source::cover(at.reading.span(at.before()), at.span()), "`∇` has no powers",
                        "the Laplacian is written `Δs(x, t)`");
  const std::string word = at.word_before();
  if (at.found > 1 && at.tokens[at.found - 2].type == AmParser::GRADIENT && word.starts_with("_") && word.size() > 1)
    return syntax_error(at.reading.span(at.before()), "the variable of `∇` stands in brackets",
                        fmt::format("write `∇[{}] …`", word.substr(1)));
  if (at.found > 2 && word.size() > 1 && word[0] == 'd' && at.tokens[at.found - 2].type == AmParser::DIVIDE &&
      at.reading.word(at.tokens[at.found - 3]) == "d")
    return syntax_error(source::cover(at.reading.span(at.tokens[at.found - 3]), at.reading.span(at.before())),
                        "a derivative is no quotient",
                        fmt::format("write `∂{} …` or `d[{}] …`", word.substr(1), word.substr(1)));
  if (at.type() != AmParser::COMMA) return {};
  const Token* bracket = enclosing(at);
  if (!bracket || bracket->type != AmParser::LPAREN || bracket == at.tokens.data()) return {};
  const Token& partial = *(bracket - 1);
  if (partial.type != AmParser::PARTIAL) return {};
  const std::string function = at.reading.word(partial).substr(std::string_view("∂").size());
  return syntax_error(at.reading.span(partial),
                      fmt::format("`∂{}` is a derivative by the variable `{}`", function, function),
                      fmt::format("write `∂t {}(…)`", function));
}

/// `param W = zeros()` and `potential s = …`.
Answer unfinished_head(const Place& at) {
  if (at.type() != AmParser::EQUALS || at.found < 2) return {};
  if (at.rule == AmParser::RuleParam)
    return syntax_error(
        at.span(), fmt::format("the parameter `{}` has no type", at.word_before()),
        fmt::format("write `param {}: R = …`, with `R[n]` for a vector, `R[n, m]` for a matrix", at.word_before()));
  if (!at.expects(AmParser::LPAREN)) return {};
  const std::string keyword = at.reading.word(at.tokens[at.found - 2]);
  return syntax_error(at.span(), fmt::format("expected `(` after `{}`, found `=`", at.word_before()),
                      fmt::format("write `{} {}(x, t) = …`", keyword, at.word_before()));
}

/// `x + 1 = 3` and `f(x)[0] = 1`: only names are bound.
Answer binding_of_expression(const Place& at) {
  if ((at.type() != AmParser::EQUALS && at.type() != AmParser::TILDE) || !at.follows_expression()) return {};
  return syntax_error(at.span(), fmt::format("`{}` needs a single name on its left", at.word()),
                      at.type() == AmParser::EQUALS ? "to compare, write `==`" : "");
}

/// `if a = 3 {`, `(x = 1)`, `y + z ~ q`: a binding in the middle of an expression.
Answer binding_in_expression(const Place& at) {
  if (at.type() != AmParser::BINDER || !at.expects_expression()) return {};
  const Token& sign = at.tokens[at.found + 1];
  const bool equals = sign.type == AmParser::EQUALS;
  return syntax_error(at.reading.span(sign),
                      fmt::format("`{}` binds a name, and this is the middle of an expression", at.reading.word(sign)),
                      equals ? "to compare, write `==`" : "");
}

Answer chained_comparison(const Place& at) {
  if (at.type() != AmParser::COMPARE || !at.follows_expression()) return {};
  return syntax_error(at.span(), "comparisons do not chain", "write `a < b and b < c`");
}

Answer statement_word_in_expression(const Place& at) {
  if (at.type() != AmParser::IF && at.type() != AmParser::ELSE) return {};
  if (at.type() == AmParser::ELSE && at.rule != AmParser::RuleStatement)
    return syntax_error(at.span(), "this `else` has no `if` before it");
  return syntax_error(at.span(), fmt::format("`{}` is a statement and has no value", at.word()),
                      "between values choose with `where(condition, a, b)`");
}

Answer foreign_lambda(const Place& at) {
  if (at.found == 0 || at.before().type != AmParser::NAME) return {};
  const bool lambda = at.word_before() == "lambda" || at.word_before() == "λ";
  if (!lambda || (at.type() != AmParser::NAME && at.type() != AmParser::COLON)) return {};
  return syntax_error(at.reading.span(at.before()), "a function without a name begins with `fn`", "write `fn(x) …`");
}

Answer nested_declaration(const Place& at) {
  if (at.found < 1 || at.before().type != AmParser::NAME || !begins_operand(at.type())) return {};
  const bool start = at.found < 2 || at.tokens[at.found - 2].type == AmParser::SEPARATOR ||
                     at.tokens[at.found - 2].type == AmParser::LBRACE;
  const std::string word = at.word_before();
  if (!start || !is_declaration_spelling(word)) return {};
  return syntax_error(at.reading.span(at.before()),
                      fmt::format("`{}` declares something outside of braces only", word));
}

/// Two operands in a row.
Answer missing_operator(const Place& at) {
  if (!at.follows_expression() || !begins_operand(at.type())) return {};
  const std::string left = at.word_before(), right = at.word();
  const Token* bracket = enclosing(at);
  const bool listed = bracket && (bracket->type == AmParser::LPAREN || bracket->type == AmParser::LBRACKET);
  // Of a bar or a derivative only the sign is at hand.
  const bool sign = at.type() == AmParser::OPEN_BAR || is_derivative(at.type());
  const std::string factor =
      at.type() == AmParser::OPEN_BAR ? fmt::format("{}…{}", right, right) : right + (sign ? "…" : "");
  const std::string suggestion =
      at.before().type == AmParser::NUMBER && !listed ? fmt::format("to multiply, write `{}·{}`", left, factor) : "";
  return syntax_error(
      at.span(),
      fmt::format("{} is missing between `{}` and `{}`", listed ? "an operator or `,`" : "an operator", left, right),
      suggestion);
}

Answer bad_parameter(const Place& at) {
  if (at.rule != AmParser::RuleParameters || at.before().type != AmParser::LPAREN) return {};
  return syntax_error(at.span(), fmt::format("expected the name of a parameter or `)`, found {}", found_words(at)));
}

Answer leading_plus(const Place& at) {
  if (at.type() != AmParser::PLUS || !at.expects_expression()) return {};
  return syntax_error(at.span(), "`+` stands between two expressions, not in front of one");
}

Diagnostic expected_something(const Place& at) {
  const bool statement = at.rule == AmParser::RuleBlock && at.expects_expression();
  return syntax_error(at.span(), fmt::format("expected {}{}, found {}", statement ? "a statement" : expected_words(at),
                                             statement ? "" : after_words(at), found_words(at)));
}

constexpr Answer (*kKnownMistakes[])(const Place&) = {
    comparison_for_binding, colon_for_equals,   comma_between_settings, comma_in_number,
    augmented_assignment,   foreign_statement,  expectation_in_words,   derivative_in_words,
    unfinished_head,        binding_at_top,     stray_at_top,           stray_in_settings,
    foreign_lambda,         nested_declaration, binding_in_expression,  statement_word_in_expression,
    binding_of_expression,  chained_comparison, missing_operator,       leading_plus,
    bad_parameter};

Diagnostic describe(const Place& at) {
  for (const auto& known : kKnownMistakes)
    if (Answer answer = known(at)) return *answer;
  return expected_something(at);
}

bool ends_with_separator(size_t rule) {
  return rule == AmParser::RuleStatement || rule == AmParser::RuleSetting || rule == AmParser::RuleDeclaration ||
         rule == AmParser::RuleFormula || rule == AmParser::RuleProgram;
}

bool is_loop(size_t rule) {
  return rule == AmParser::RuleProgram || rule == AmParser::RuleBlock || rule == AmParser::RuleSettings;
}

}  // namespace

antlr4::Token* Complainer::recoverInline(antlr4::Parser* parser) { throw antlr4::InputMismatchException(parser); }

void Complainer::complain(antlr4::Parser* parser, size_t found) {
  const Place at{reading_, tokens_, found, parser->getContext()->getRuleIndex(), parser->getExpectedTokens()};
  mistake_ = found;
  message_ = describe(at);
}

void Complainer::reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) {
  if (climbing_) return;
  climbing_ = true;
  complain(parser, error.getOffendingToken()->getTokenIndex());
}

void Complainer::recover(antlr4::Parser* parser, std::exception_ptr error) {
  antlr4::ParserRuleContext* context = parser->getContext();
  if (!ends_with_separator(context->getRuleIndex())) std::rethrow_exception(error);
  climbing_ = false;
  skip(parser, context->start->getTokenIndex());
}

/// The index behind the statement that begins at `begin` and is wrong at `mistake`: behind its separator, or at the
/// brace that closes what it stands in.
size_t Complainer::end_of_statement(size_t begin, size_t mistake) const {
  int braces = 0;
  for (size_t i = begin; i < tokens_.size(); ++i) {
    const size_t type = tokens_[i].type;
    if (type == antlr4::Token::EOF) return i;
    if (type == AmParser::LBRACE) ++braces;
    if (type == AmParser::RBRACE && braces-- == 0) return i;
    if (type == AmParser::SEPARATOR && braces == 0 && i >= mistake) return i + 1;
  }
  return tokens_.size() - 1;
}

void Complainer::skip(antlr4::Parser* parser, size_t begin) {
  const size_t end = end_of_statement(begin, mistake_);
  const uint32_t last = reading_.line_end(tokens_[std::max(mistake_, end > 0 ? end - 1 : 0)].end);
  if (!reading_.has_report_in(tokens_[begin].begin, last)) reading_.sink.add(std::move(message_));
  parser->getTokenStream()->seek(end);
}

void Complainer::sync(antlr4::Parser* parser) {
  if (!is_loop(parser->getContext()->getRuleIndex())) return;
  const auto& wanted = parser->getATN().nextTokens(parser->getATN().states[parser->getState()]);
  for (;;) {
    const size_t at = parser->getTokenStream()->index();
    const size_t type = tokens_[at].type;
    if (wanted.contains(type) || type == antlr4::Token::EOF || type == AmParser::RBRACE) return;
    complain(parser, at);
    skip(parser, at);
  }
}

}  // namespace am::parse
