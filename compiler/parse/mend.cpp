#include <antlr4-runtime.h>

#include "compiler/parse/tokens.h"

namespace am::parse {
namespace {

/// What to write instead of a character that the language does not have.
struct Replacement {
  std::string_view character, suggestion;
};
constexpr Replacement kReplacements[] = {
    {"&", "write `and`"},
    {"!", "write `not`"},
    {"×", "write `*` for an elementwise product, `·` for an inner or matrix product"},
    {"÷", "write `/`"},
    {"∗", "write `*`"},
    {"?", "a choice by a condition is written `where(condition, a, b)`"},
    {"∫", "the bracket touches the sign: `∫[t = a..b] e`"},
    {"ᵀ", "there is no transpose; `·` of two vectors is their inner product"},
    {"√", "write `sqrt(…)`"},
    {"'", "text stands in double quotes, and a prime touches its name"},
    {"`", "text stands in double quotes"},
    {"‘", "text stands in double quotes"},
    {"’", "text stands in double quotes; a prime is `'`"},
    {"“", "text stands in straight double quotes"},
    {"”", "text stands in straight double quotes"},
    {"–", "the minus sign is `-` or `−`"},
    {"—", "the minus sign is `-` or `−`"},
    {"…", "a range is written `a..b`"},
    {"%", "comments begin with `#`"},
    {"ⁿ", "only digits may be raised; write `^n`"},
    {"∂", "the variable touches the sign: `∂t e`"},
    {"𝔼", "the bracket touches the sign: `𝔼[x ~ q(t)] e`"},
    {"→", "a function is written `fn(x) e`"},
    {"∑", "sums over components are written `sum(…)`"},
};

std::string_view replacement(std::string_view character) {
  for (const Replacement& r : kReplacements)
    if (r.character == character) return r.suggestion;
  return {};
}

/// Copies tokens, looking a few ahead.
class Mender {
 public:
  Mender(Reading& reading, const Tokens& in) : reading_(reading), in_(in) {}
  Tokens run();

 private:
  bool join_bracketed_variable();
  bool begins_operand(size_t ahead) const;
  bool is_spelt_operator() const;
  bool report_slip(const Token& token);
  void note_doc();
  void flush_docs(const Token& token);
  const Token& peek(size_t ahead) const { return in_[std::min(at_ + ahead, in_.size() - 1)]; }
  bool touch(size_t ahead) const { return peek(ahead).end == peek(ahead + 1).begin; }

  Reading& reading_;
  const Tokens& in_;
  Tokens out_;
  size_t at_ = 0;
  std::string doc_;
  bool has_doc_ = false;
};

/// What may follow a derivative spelt in letters. Others, such as a list, would make `d[t][0]` hard to predict.
bool Mender::begins_operand(size_t ahead) const {
  const size_t type = peek(ahead).type;
  return (is_name_like(type) && may_end_operand(peek(ahead))) || type == AmParser::NUMBER || type == AmParser::LPAREN ||
         is_derivative(type);
}

/// grad, lap and div are operators in front of an operand and names elsewhere; `∇`, `Δ` and `∇·` are always operators.
bool Mender::is_spelt_operator() const {
  return is_derivative(peek(0).type) && static_cast<unsigned char>(reading_.text[peek(0).begin]) < 0x80;
}

/// `d[t]` and `grad[y]` in front of an operand become one token; elsewhere they are an element of a vector.
bool Mender::join_bracketed_variable() {
  const std::string word = reading_.word(peek(0));
  const bool partial = peek(0).type == AmParser::NAME && word == "d";
  if (!partial && peek(0).type != AmParser::GRADIENT) return false;
  if (!out_.empty() && out_.back().type == AmParser::POINT) return false;
  const bool shaped = peek(1).type == AmParser::LBRACKET && is_name_like(peek(2).type) &&
                      peek(3).type == AmParser::RBRACKET && touch(0);
  if (!shaped || !begins_operand(4)) return false;
  out_.push_back({partial ? AmParser::PARTIAL_OF : AmParser::GRADIENT_OF, peek(0).begin, peek(3).end});
  at_ += 4;
  return true;
}

/// True if the token is dropped.
bool Mender::report_slip(const Token& token) {
  const std::string word = reading_.word(token);
  switch (token.type) {
    case AmParser::INVALID:
      reading_.report<Kind::InvalidCharacter>(token, word).suggestion = replacement(word);
      return true;
    case AmParser::NAME:
      // `λx. e`: a dot that touches the name and not what follows.
      if (word.starts_with("λ") && peek(1).type == AmParser::POINT && touch(0) && !touch(1))
        reading_.report<Kind::SyntaxError>(token, "a function without a name begins with `fn`").suggestion =
            "write `fn(x) …`";
      return false;
    case AmParser::SLASHES:
      reading_.report<Kind::SyntaxError>(Token{token.type, token.begin, token.begin + 2}, "`//` is no comment")
          .suggestion = "comments begin with `#`";
      return true;
    case AmParser::OPEN_STRING: reading_.report<Kind::UnterminatedString>(token); return false;
    case AmParser::STARS:
      reading_.report<Kind::SyntaxError>(token, "`**` is not an operator").suggestion =
          "powers are written `x^2` or `x²`";
      return false;
    default: return false;
  }
}

/// Documentation is `##` at the beginning of lines; the same after code is an ordinary comment.
void Mender::note_doc() {
  if (!out_.empty() && out_.back().type != AmParser::NEWLINE) return;
  std::string line = reading_.word(peek(0)).substr(2);
  if (line.starts_with(' ')) line.erase(0, 1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.pop_back();
  doc_ += (has_doc_ ? "\n" : "") + line;
  has_doc_ = true;
}

/// A blank line separates documentation from what follows it.
void Mender::flush_docs(const Token& token) {
  if (!has_doc_) return;
  if (token.type != AmParser::NEWLINE) {
    reading_.docs[token.begin] = doc_;
  } else {
    const size_t before = in_[at_ - 1].type;
    if (before == AmParser::DOC) return;
  }
  doc_.clear();
  has_doc_ = false;
}

Tokens Mender::run() {
  while (at_ < in_.size()) {
    const Token token = peek(0);
    if (token.type == AmParser::DOC) {
      note_doc();
      ++at_;
      continue;
    }
    flush_docs(token);
    if (join_bracketed_variable()) continue;
    if (!report_slip(token)) {
      out_.push_back(token);
      const bool selected = out_.size() > 1 && out_[out_.size() - 2].type == AmParser::POINT;
      if (is_spelt_operator() && (selected || !begins_operand(1))) out_.back().type = AmParser::NAME;
      if (token.type == AmParser::STARS) out_.back().type = AmParser::CARET;
      if (token.type == AmParser::OPEN_STRING) out_.back().type = AmParser::STRING;
    }
    ++at_;
  }
  return std::move(out_);
}

}  // namespace

Tokens mend(Reading& reading, const Tokens& tokens) { return Mender(reading, tokens).run(); }

}  // namespace am::parse
