// Tokens between the lexer and the parser, and the reading they belong to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "AmParser.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace am::parse {

using diagnostics::Kind;
using grammar::AmParser;

/// A token type of the grammar and the bytes [begin, end) it stands for.
struct Token {
  size_t type = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  /// An opening bracket, no brace, that nothing closes: reported, and ignored by the layout.
  bool unclosed = false;
  /// Closes the head of `E[…] e`, `∫[…] e` or `fn(…) e`, so that an operand begins after it and none has ended.
  bool ends_head = false;
};

using Tokens = std::vector<Token>;

/// One run over one file: its text, where to report, and what the tokens alone cannot say.
struct Reading {
  source::FileId file;
  std::string_view text;
  diagnostics::Sink& sink;
  /// Where mistakes were reported before parsing. The parser adds nothing to a statement that holds one of them.
  std::vector<uint32_t> reported = {};
  /// The `##` lines above the token that begins here.
  std::map<uint32_t, std::string> docs = {};
  /// The text is one expression, so nothing in it begins a declaration.
  bool formula = false;
  /// Takes the suggestions of reports that are not made.
  diagnostics::Diagnostic quiet = {};

  source::Span span(uint32_t begin, uint32_t end) const { return {file, begin, end}; }
  source::Span span(const Token& token) const { return span(token.begin, token.end); }
  std::string word(const Token& token) const { return std::string(text.substr(token.begin, token.end - token.begin)); }

  /// Reports the first mistake of a line; what follows it there is likely to follow from it, and stays quiet.
  template <Kind kind, class... Args>
  diagnostics::Diagnostic& report(const Token& token, const Args&... args) {
    const bool first = !has_report_in(line_begin(token.begin), line_end(token.begin));
    reported.push_back(token.begin);
    return first ? sink.report<kind>(span(token), args...) : (quiet = {});
  }
  uint32_t line_begin(uint32_t at) const {
    const size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    return before == std::string_view::npos ? 0 : static_cast<uint32_t>(before + 1);
  }
  uint32_t line_end(uint32_t at) const { return static_cast<uint32_t>(std::min(text.find('\n', at), text.size())); }
  bool has_report_in(uint32_t begin, uint32_t end) const {
    return std::any_of(reported.begin(), reported.end(), [&](uint32_t at) { return begin <= at && at <= end; });
  }
};

inline bool is_declaration_word(size_t type) { return type >= AmParser::CONST && type <= AmParser::EVALUATE; }
inline bool is_word(size_t type) { return type >= AmParser::CONST && type <= AmParser::NOT; }
/// A word that may turn out to be a name; the reserved ones may not.
inline bool is_name_like(size_t type) {
  switch (type) {
    case AmParser::NAME:
    case AmParser::BINDER: return true;
    case AmParser::FN:
    case AmParser::IF:
    case AmParser::ELSE:
    case AmParser::AND:
    case AmParser::OR:
    case AmParser::NOT: return false;
    default: return is_word(type);
  }
}
inline bool is_derivative(size_t type) {
  return type == AmParser::GRADIENT || type == AmParser::LAPLACIAN || type == AmParser::DIVERGENCE ||
         type == AmParser::PARTIAL || type == AmParser::PARTIAL_OF || type == AmParser::GRADIENT_OF;
}
inline bool is_opening(size_t type) {
  return type == AmParser::LPAREN || type == AmParser::LBRACKET || type == AmParser::LBRACE ||
         type == AmParser::OPEN_BAR || type == AmParser::EXPECTATION || type == AmParser::INTEGRAL;
}
inline bool is_closing(size_t type) {
  return type == AmParser::RPAREN || type == AmParser::RBRACKET || type == AmParser::RBRACE ||
         type == AmParser::CLOSE_BAR;
}
/// An operator that needs an operand on its left, so that no statement begins with it.
inline bool is_infix(size_t type) {
  switch (type) {
    case AmParser::PLUS:
    case AmParser::MINUS:
    case AmParser::DOT:
    case AmParser::TIMES:
    case AmParser::DIVIDE:
    case AmParser::CARET:
    case AmParser::COMPARE:
    case AmParser::AND:
    case AmParser::OR:
    case AmParser::DOTS: return true;
    default: return false;
  }
}
/// True if an operand ends with such a token, once the roles of words are known.
inline bool ends_operand(const Token& token) {
  switch (token.type) {
    case AmParser::NAME:
    case AmParser::NUMBER:
    case AmParser::STRING:
    case AmParser::SUPERSCRIPT:
    case AmParser::RPAREN:
    case AmParser::RBRACKET:
    case AmParser::CLOSE_BAR: return !token.ends_head;
    default: return false;
  }
}
/// The same before that. Of the words that may be names, `by`, `over` and `from` are more likely to be keywords.
inline bool may_end_operand(const Token& token) {
  const size_t type = token.type;
  const bool likely_keyword = type == AmParser::BY || type == AmParser::OVER || type == AmParser::FROM;
  return ends_operand(token) || (is_name_like(type) && !likely_keyword);
}

/// The lexer's tokens, comments and blanks left out, ended by EOF.
Tokens lex(std::string_view text);
/// Reports and repairs slips that a single token or a few neighbours show; collects the documentation.
Tokens mend(Reading& reading, const Tokens& tokens);
/// Pairs brackets, reports those without partner, and turns bars into opening and closing ones.
Tokens pair_brackets(Reading& reading, Tokens tokens);
/// Turns line ends and semicolons into separators: exactly one at the end of every statement.
Tokens end_statements(Reading& reading, const Tokens& tokens);
/// Decides by place which words are keywords and which are names.
Tokens assign_roles(Reading& reading, const Tokens& tokens);

}  // namespace am::parse
