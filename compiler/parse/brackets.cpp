#include <antlr4-runtime.h>

#include <utility>

#include "compiler/parse/tokens.h"

namespace am::parse {
namespace {

/// The type that closes what `type` opens.
size_t partner(size_t type) {
  switch (type) {
    case AmParser::LPAREN: return AmParser::RPAREN;
    case AmParser::LBRACE: return AmParser::RBRACE;
    case AmParser::OPEN_BAR: return AmParser::CLOSE_BAR;
    default: return AmParser::RBRACKET;
  }
}

class Pairing {
 public:
  Pairing(Reading& reading, Tokens tokens) : reading_(reading), in_(std::move(tokens)) {}
  Tokens run();

 private:
  void take(size_t at);
  bool take_double_bar(size_t at);
  void turn_bar(Token& bar) const;
  void note_operand(const Token& token);
  bool close(Token& token);
  bool opens_head(size_t opener) const;
  void leave_open();
  void restart_at_declaration(size_t at);
  /// The bracket's own character; `E[` opens with its last.
  Token bracket(const Token& token) const { return {token.type, token.end - (bar_width(token)), token.end}; }
  static uint32_t bar_width(const Token& token) {
    return token.type == AmParser::OPEN_BAR ? token.end - token.begin : 1;
  }

  Reading& reading_;
  Tokens in_;
  Tokens out_;
  std::vector<size_t> open_;
  /// A brace closed over brackets that were open inside of it.
  bool brace_taken_ = false;
  /// The token before ends an operand.
  bool operand_ended_ = false;
};

/// A bar closes the innermost bracket if that is a bar like it and an operand has just ended.
void Pairing::turn_bar(Token& bar) const {
  const bool closes = !open_.empty() && out_[open_.back()].type == AmParser::OPEN_BAR && operand_ended_ &&
                      reading_.word(out_[open_.back()]) == reading_.word(bar);
  bar.type = closes ? AmParser::CLOSE_BAR : AmParser::OPEN_BAR;
}

/// A line's end ends what could have gone on, but not inside brackets. After an operand `by`, `over` and `from` are
/// keywords, elsewhere names, which are operands.
void Pairing::note_operand(const Token& token) {
  const size_t type = token.type;
  if (type == AmParser::NEWLINE) {
    operand_ended_ = operand_ended_ && !open_.empty() && out_[open_.back()].type != AmParser::LBRACE;
    return;
  }
  const bool word = type == AmParser::BY || type == AmParser::OVER || type == AmParser::FROM;
  // The brace of `fn(x) { … }` ends an operand; after any other no bar can stand.
  operand_ended_ = word ? !operand_ended_ : may_end_operand(token) || type == AmParser::RBRACE;
}

/// Reports the innermost open bracket and forgets it. A brace is closed here; the others are ignored by the layout.
void Pairing::leave_open() {
  Token& token = out_[open_.back()];
  const Token place = bracket(token);
  reading_.report<Kind::MissingBracket>(place, reading_.word(place));
  open_.pop_back();
  if (token.type != AmParser::LBRACE) {
    token.unclosed = true;
    return;
  }
  const uint32_t here = out_.back().end;
  out_.push_back({AmParser::RBRACE, here, here});
  out_.push_back({AmParser::NEWLINE, here, here});
}

bool Pairing::opens_head(size_t opener) const {
  const size_t type = out_[opener].type;
  size_t before = opener;
  while (before > 0 && out_[before - 1].type == AmParser::NEWLINE) --before;
  const bool lambda = type == AmParser::LPAREN && before > 0 && out_[before - 1].type == AmParser::FN;
  return lambda || type == AmParser::EXPECTATION || type == AmParser::INTEGRAL;
}

/// True if the closing token is to be kept. It may close an outer bracket, but `)` and `]` never reach across `{`.
bool Pairing::close(Token& token) {
  size_t depth = open_.size();
  while (depth > 0) {
    const size_t type = out_[open_[depth - 1]].type;
    if (partner(type) == token.type) break;
    if (type == AmParser::LBRACE)
      depth = 0;
    else
      --depth;
  }
  if (depth > 0) {
    brace_taken_ = brace_taken_ || (token.type == AmParser::RBRACE && open_.size() > depth);
    while (open_.size() > depth) leave_open();
    token.ends_head = opens_head(open_.back());
    open_.pop_back();
    return true;
  }
  const bool crossed = !open_.empty() && out_[open_.back()].type != AmParser::LBRACE;
  if (crossed) {
    const Token opener = bracket(out_[open_.back()]);
    reading_
        .report<Kind::SyntaxError>(token, fmt::format("`{}` closes `{}`", reading_.word(token), reading_.word(opener)))
        .notes.push_back({reading_.span(opener), "opened here"});
    open_.pop_back();
    return true;
  }
  // `(x + 1}`: that brace was to be another bracket, so the last one of its block is left over.
  if (token.type == AmParser::RBRACE && std::exchange(brace_taken_, false)) return false;
  reading_.report<Kind::SyntaxError>(token, fmt::format("`{}` closes nothing", reading_.word(token)));
  return false;
}

/// A declaration word and a name at the beginning of a line are never inside brackets, so what is open there was
/// forgotten. Braces only give way to a line that is not indented, and not to `fn`, which may stand in braces.
void Pairing::restart_at_declaration(size_t at) {
  const bool line_start = at > 0 && in_[at - 1].type == AmParser::NEWLINE;
  if (!line_start || open_.empty() || !is_declaration_word(in_[at].type) || !is_name_like(in_[at + 1].type)) return;
  const bool outermost = in_[at].begin == in_[at - 1].end && in_[at].type != AmParser::FN;
  while (!open_.empty() && (outermost || out_[open_.back()].type != AmParser::LBRACE)) leave_open();
}

/// `a || b`, where no norm may begin or end, was meant as `or`.
bool Pairing::take_double_bar(size_t at) {
  const Token &first = in_[at], &second = in_[at + 1];
  const bool norm_open = !open_.empty() && out_[open_.back()].type == AmParser::OPEN_BAR;
  if (first.type != AmParser::BAR || second.type != AmParser::BAR || first.end != second.begin) return false;
  if (norm_open || !operand_ended_) return false;
  out_.push_back({AmParser::OR, first.begin, second.end});
  operand_ended_ = false;
  reading_.report<Kind::SyntaxError>(out_.back(), "`||` is not an operator").suggestion = "write `or`";
  return true;
}

void Pairing::take(size_t at) {
  Token token = in_[at];
  restart_at_declaration(at);
  if (token.type == AmParser::BAR) turn_bar(token);
  if (is_closing(token.type) && token.type != AmParser::CLOSE_BAR && !close(token)) return;
  if (token.type == AmParser::CLOSE_BAR) open_.pop_back();
  if (is_opening(token.type)) open_.push_back(out_.size());
  note_operand(token);
  out_.push_back(token);
}

Tokens Pairing::run() {
  out_.reserve(in_.size());
  for (size_t at = 0; at + 1 < in_.size(); ++at) {
    if (take_double_bar(at))
      ++at;
    else
      take(at);
  }
  while (!open_.empty()) leave_open();
  out_.push_back(in_.back());
  return std::move(out_);
}

}  // namespace

Tokens pair_brackets(Reading& reading, Tokens tokens) { return Pairing(reading, std::move(tokens)).run(); }

}  // namespace am::parse
