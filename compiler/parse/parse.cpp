#include "compiler/parse/parse.h"

#include "compiler/parse/build.h"
#include "compiler/parse/complain.h"
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
