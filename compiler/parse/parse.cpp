#include "compiler/parse/parse.h"

#include "compiler/parse/build.h"
#include "compiler/parse/complain.h"
#include "compiler/parse/lexemes.h"
#include "compiler/parse/tokens.h"

namespace am::parse {
namespace {

using grammar::AmParser;

/// Rules open at once. A bracket takes a dozen, so some three hundred brackets may be open; a stack of eight megabytes
/// holds several times that.
constexpr size_t kMaxRules = 4000;

struct TooDeep {
  size_t token;
};

/// The generated parser recurses as deep as the text nests; this one stops in time. It keeps the chain of open rules
/// itself, as the library tells when a rule is entered and not when it is left.
class BoundedParser : public AmParser {
 public:
  using AmParser::AmParser;
  void enterRule(antlr4::ParserRuleContext* context, size_t state, size_t rule) override {
    while (!open_.empty() && open_.back() != context->parent) open_.pop_back();
    open_.push_back(context);
    if (open_.size() > kMaxRules) throw TooDeep{getTokenStream()->index()};
    AmParser::enterRule(context, state, rule);
  }
  /// A labelled alternative puts its own context in place of the rule's.
  void enterOuterAlt(antlr4::ParserRuleContext* context, size_t alternative) override {
    if (!open_.empty()) open_.back() = context;
    AmParser::enterOuterAlt(context, alternative);
  }

 private:
  std::vector<antlr4::tree::ParseTree*> open_;
};

/// The library's own tokens, with byte offsets in place of its character indices.
std::vector<std::unique_ptr<antlr4::Token>> to_library(const Tokens& tokens) {
  std::vector<std::unique_ptr<antlr4::Token>> out;
  out.reserve(tokens.size());
  for (const Token& token : tokens) out.push_back(std::make_unique<antlr4::CommonToken>(token.type));
  return out;
}

bool is_text(const source::Sources& sources, source::FileId file, diagnostics::Sink& sink) {
  const std::string_view text = sources.text(file);
  const size_t bad = source::invalid_utf8(text);
  if (bad == std::string_view::npos) return true;
  const auto at = static_cast<uint32_t>(bad);
  sink.report<Kind::InvalidUtf8>({file, at, at + 1});
  return false;
}

/// Everything between the text and the parser.
Tokens prepare(Reading& reading) {
  Tokens tokens = mend(reading, lex(reading.text));
  tokens = pair_brackets(reading, std::move(tokens));
  tokens = end_statements(reading, tokens);
  return assign_roles(reading, tokens);
}

LexemeKind lexeme_kind(size_t type) {
  if (is_declaration_word(type)) return LexemeKind::DeclarationWord;
  switch (type) {
    case AmParser::PARAM:
    case AmParser::STATE:
    case AmParser::REPEAT:
    case AmParser::MINIMIZE:
    case AmParser::IF:
    case AmParser::ELSE: return LexemeKind::StatementWord;
    case AmParser::BY:
    case AmParser::OVER:
    case AmParser::FROM: return LexemeKind::InnerWord;
    case AmParser::NAME: return LexemeKind::Name;
    case AmParser::BINDER: return LexemeKind::Binder;
    case AmParser::MEMBER: return LexemeKind::Member;
    case AmParser::LAMBDA: return LexemeKind::Lambda;
    case AmParser::NUMBER: return LexemeKind::Number;
    case AmParser::SUPERSCRIPT: return LexemeKind::Superscript;
    case AmParser::STRING: return LexemeKind::String;
    case AmParser::GRADIENT:
    case AmParser::DIVERGENCE:
    case AmParser::LAPLACIAN: return LexemeKind::Derivative;
    case AmParser::PARTIAL:
    case AmParser::PARTIAL_OF:
    case AmParser::GRADIENT_OF: return LexemeKind::DerivativeOf;
    case AmParser::PLUS: return LexemeKind::Plus;
    case AmParser::MINUS: return LexemeKind::Minus;
    case AmParser::DOT: return LexemeKind::Dot;
    case AmParser::TIMES: return LexemeKind::Times;
    case AmParser::DIVIDE: return LexemeKind::Divide;
    case AmParser::CARET: return LexemeKind::Caret;
    case AmParser::COMPARE: return LexemeKind::Compare;
    case AmParser::AND: return LexemeKind::And;
    case AmParser::OR: return LexemeKind::Or;
    case AmParser::NOT: return LexemeKind::Not;
    case AmParser::EQUALS: return LexemeKind::Equals;
    case AmParser::TILDE: return LexemeKind::Tilde;
    case AmParser::DOTS: return LexemeKind::Dots;
    case AmParser::POINT: return LexemeKind::Point;
    case AmParser::COMMA: return LexemeKind::Comma;
    case AmParser::COLON: return LexemeKind::Colon;
    case AmParser::LPAREN: return LexemeKind::OpenParenthesis;
    case AmParser::LBRACKET: return LexemeKind::OpenBracket;
    case AmParser::LBRACE: return LexemeKind::OpenBrace;
    case AmParser::OPEN_BAR: return LexemeKind::OpenBar;
    case AmParser::EXPECTATION: return LexemeKind::Expectation;
    case AmParser::INTEGRAL: return LexemeKind::Integral;
    case AmParser::RPAREN: return LexemeKind::CloseParenthesis;
    case AmParser::RBRACKET: return LexemeKind::CloseBracket;
    case AmParser::RBRACE: return LexemeKind::CloseBrace;
    case AmParser::CLOSE_BAR: return LexemeKind::CloseBar;
    case antlr4::Token::EOF: return LexemeKind::End;
  }
  AM_CHECK(false, "token {} stands in no script without errors", type);
  return LexemeKind::End;
}

/// Runs `use` on a parser over the prepared tokens.
template <class Use>
void with_parser(Reading& reading, Use use) {
  const Tokens tokens = prepare(reading);
  antlr4::ListTokenSource source(to_library(tokens));
  antlr4::CommonTokenStream stream(&source);
  BoundedParser parser(&stream);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<Complainer>(reading, tokens));
  try {
    use(parser, tokens);
  } catch (const TooDeep& at) {
    reading.report<Kind::SyntaxError>(tokens[at.token], "this is nested too deeply to be read").suggestion =
        "name its parts on lines of their own";
  }
}

}  // namespace

std::vector<Lexeme> lexemes(const source::Sources& sources, source::FileId file) {
  diagnostics::Sink unused;
  Reading reading{file, sources.text(file), unused};
  std::vector<Lexeme> out;
  for (const Token& token : prepare(reading)) {
    if (token.type == AmParser::SEPARATOR)
      out.back().ends_statement = true;
    else
      out.push_back({lexeme_kind(token.type), token.begin, token.end, token.ends_head});
  }
  return out;
}

void parse(const source::Sources& sources, source::FileId file, ast::Program& program, diagnostics::Sink& sink) {
  if (!is_text(sources, file, sink)) return;
  Reading reading{file, sources.text(file), sink};
  with_parser(reading,
              [&](AmParser& parser, const Tokens& tokens) { build(reading, tokens, parser.program(), program); });
}

ast::ExprId parse_expression(const source::Sources& sources, source::FileId file, ast::Program& program,
                             diagnostics::Sink& sink) {
  ast::ExprId out;
  if (!is_text(sources, file, sink)) return out;
  Reading reading{.file = file, .text = sources.text(file), .sink = sink, .formula = true};
  const int errors = sink.errors();
  with_parser(reading,
              [&](AmParser& parser, const Tokens& tokens) { out = build(reading, tokens, parser.formula(), program); });
  return sink.errors() > errors ? ast::ExprId{} : out;
}

}  // namespace am::parse
