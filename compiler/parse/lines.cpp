#include <antlr4-runtime.h>

#include "compiler/parse/tokens.h"

namespace am::parse {
namespace {

/// Tokens after which a statement is not finished, whatever follows.
bool goes_on_after(const Reading& reading, const Token& token) {
  switch (token.type) {
    case AmParser::COMMA:
    case AmParser::EQUALS:
    case AmParser::TILDE:
    case AmParser::POINT:
    case AmParser::COLON:
    case AmParser::NOT:
    case AmParser::LBRACE: return true;
    // The words grad, lap and div may be names.
    default:
      return is_infix(token.type) ||
             (is_derivative(token.type) && static_cast<unsigned char>(reading.text[token.begin]) >= 0x80);
  }
}

/// Tokens that cannot begin a statement, so that a line which begins with one goes on.
bool goes_on_before(size_t type) {
  return is_infix(type) || is_closing(type) || type == AmParser::EQUALS || type == AmParser::LBRACE ||
         type == AmParser::ELSE;
}

/// True if a statement or declaration certainly begins here, so that the line before it ended too early.
bool begins_anew(const Tokens& tokens, size_t at) {
  if (at + 1 >= tokens.size()) return false;
  const size_t next = tokens[at + 1].type;
  if (is_declaration_word(tokens[at].type) && is_name_like(next)) return true;
  return is_name_like(tokens[at].type) && (next == AmParser::EQUALS || next == AmParser::TILDE);
}

class Lines {
 public:
  Lines(Reading& reading, const Tokens& in) : reading_(reading), in_(in) {}
  Tokens run();

 private:
  bool dropped(size_t at) const;
  void separate(uint32_t end);
  void follow_brackets(const Token& token);

  Reading& reading_;
  const Tokens& in_;
  Tokens out_;
  std::vector<size_t> open_;
};

bool Lines::dropped(size_t at) const {
  if (!open_.empty() && open_.back() != AmParser::LBRACE) return true;
  while (in_[at].type == AmParser::NEWLINE) ++at;
  if (!out_.empty() && goes_on_after(reading_, out_.back()))
    return out_.back().type == AmParser::LBRACE || !begins_anew(in_, at);
  return goes_on_before(in_[at].type);
}

/// Ends the statement, if one has begun. The separator stands right behind it, before any comment.
void Lines::separate(uint32_t end) {
  if (out_.empty() || out_.back().type == AmParser::SEPARATOR) return;
  if (out_.back().type == AmParser::LBRACE) return;
  out_.push_back({AmParser::SEPARATOR, out_.back().end, std::max(end, out_.back().end)});
}

void Lines::follow_brackets(const Token& token) {
  if (is_opening(token.type) && !token.unclosed) open_.push_back(token.type);
  if (is_closing(token.type) && !open_.empty()) open_.pop_back();
}

Tokens Lines::run() {
  out_.reserve(in_.size());
  for (size_t at = 0; at < in_.size(); ++at) {
    const Token& token = in_[at];
    if (token.type == AmParser::NEWLINE) {
      if (!dropped(at)) separate(0);
      continue;
    }
    const bool listing = !open_.empty() && (open_.back() == AmParser::LBRACKET || open_.back() == AmParser::LPAREN);
    if (token.type == AmParser::SEMICOLON && listing) {
      reading_.report<Kind::SyntaxError>(token, "`;` ends a statement, and a bracket is still open").suggestion =
          "between elements and arguments write `,`";
      out_.push_back({AmParser::COMMA, token.begin, token.end});
      continue;
    }
    if (token.type == AmParser::SEMICOLON) {
      separate(token.end);
      continue;
    }
    if (token.type == AmParser::RBRACE || token.type == antlr4::Token::EOF) separate(0);
    follow_brackets(token);
    out_.push_back(token);
  }
  return std::move(out_);
}

}  // namespace

Tokens end_statements(Reading& reading, const Tokens& tokens) { return Lines(reading, tokens).run(); }

}  // namespace am::parse
