#include <antlr4-runtime.h>

#include "compiler/parse/tokens.h"

namespace am::parse {
namespace {

/// Words of other languages, and what they are called here. An empty word is dropped from the script.
struct Foreign {
  std::string_view word;
  size_t at_top;  // the declaration it becomes
  std::string_view top_suggestion, block_suggestion;
};
constexpr Foreign kForeign[] = {
    {"let", AmParser::CONST, "write `const x = …`", "write `x = …`"},
    {"var", AmParser::CONST, "write `const x = …`", "write `x = …`"},
    {"val", AmParser::CONST, "write `const x = …`", "write `x = …`"},
    {"auto", AmParser::CONST, "write `const x = …`", "write `x = …`"},
    {"def", AmParser::FN, "write `fn f(x) = …`", "write `fn f(x) = …`"},
    {"func", AmParser::FN, "write `fn f(x) = …`", "write `fn f(x) = …`"},
    {"function", AmParser::FN, "write `fn f(x) = …`", "write `fn f(x) = …`"},
};

const std::vector<std::pair<std::string, size_t>>& declaration_words() {
  static const std::vector<std::pair<std::string, size_t>> words = {{"const", AmParser::CONST},
                                                                    {"fn", AmParser::FN},
                                                                    {"net", AmParser::NET},
                                                                    {"distribution", AmParser::DISTRIBUTION},
                                                                    {"data", AmParser::DATA},
                                                                    {"path", AmParser::PATH},
                                                                    {"potential", AmParser::POTENTIAL},
                                                                    {"velocity", AmParser::VELOCITY},
                                                                    {"dynamics", AmParser::DYNAMICS},
                                                                    {"optimizer", AmParser::OPTIMIZER},
                                                                    {"solver", AmParser::SOLVER},
                                                                    {"train", AmParser::TRAIN},
                                                                    {"sample", AmParser::SAMPLE},
                                                                    {"evaluate", AmParser::EVALUATE}};
  return words;
}

const std::vector<std::pair<std::string, size_t>>& statement_words() {
  static const std::vector<std::pair<std::string, size_t>> words = {{"minimize", AmParser::MINIMIZE},
                                                                    {"repeat", AmParser::REPEAT},
                                                                    {"param", AmParser::PARAM},
                                                                    {"state", AmParser::STATE}};
  return words;
}

/// The word of the list that the author probably meant, and its token type.
std::pair<std::string, size_t> nearest_word(const std::string& word,
                                            const std::vector<std::pair<std::string, size_t>>& words) {
  std::vector<std::string> spellings;
  for (const auto& [spelling, type] : words) spellings.push_back(spelling);
  const std::string best = diagnostics::nearest(word, spellings);
  for (const auto& [spelling, type] : words)
    if (spelling == best) return {spelling, type};
  return {};
}

class Roles {
 public:
  Roles(Reading& reading, const Tokens& in) : reading_(reading), in_(in) {}
  Tokens run();

 private:
  size_t next_type() const { return at_ + 1 < in_.size() ? in_[at_ + 1].type : antlr4::Token::EOF; }
  bool at_start() const {
    return out_.empty() || out_.back().type == AmParser::SEPARATOR || out_.back().type == AmParser::LBRACE;
  }
  bool at_top() const { return depth_ == 0 && !reading_.formula; }
  bool opens_member() const;
  size_t role(const Token& token) const;
  size_t word_role(const Token& token) const;
  bool mend_opening_word(Token& token);
  bool mend_foreign_word(Token& token, const std::string& word);
  bool mend_misspelt_word(Token& token, const std::string& word);

  Reading& reading_;
  const Tokens& in_;
  Tokens out_;
  size_t at_ = 0;
  int depth_ = 0;
};

/// `name( … )` with `=` or `{` behind it, at the beginning of a statement in braces.
bool Roles::opens_member() const {
  if (!at_start() || at_top() || next_type() != AmParser::LPAREN) return false;
  int parentheses = 0, braces = 0;
  for (size_t at = at_ + 1; at + 1 < in_.size(); ++at) {
    const size_t type = in_[at].type;
    parentheses += (type == AmParser::LPAREN) - (type == AmParser::RPAREN);
    braces += (type == AmParser::LBRACE) - (type == AmParser::RBRACE);
    if (type == AmParser::SEPARATOR && braces == 0) return false;
    if (parentheses == 0) return in_[at + 1].type == AmParser::EQUALS || in_[at + 1].type == AmParser::LBRACE;
  }
  return false;
}

size_t Roles::word_role(const Token& token) const {
  const size_t next = next_type();
  const auto keyword_if = [&](bool condition) { return condition ? token.type : size_t{AmParser::NAME}; };
  const bool binds = next == AmParser::EQUALS || next == AmParser::TILDE;
  switch (token.type) {
    case AmParser::FN: return next == AmParser::LPAREN ? AmParser::LAMBDA : AmParser::FN;
    case AmParser::IF:
    case AmParser::ELSE:
    case AmParser::AND:
    case AmParser::OR:
    case AmParser::NOT: return token.type;
    case AmParser::MINIMIZE:
    case AmParser::REPEAT: return keyword_if(at_start() && !at_top() && !binds);
    case AmParser::PARAM:
    case AmParser::STATE: return keyword_if(at_start() && !at_top() && is_name_like(next));
    case AmParser::BY:
    case AmParser::OVER:
    case AmParser::FROM: return keyword_if(!out_.empty() && ends_operand(out_.back()));
    default: return keyword_if(at_start() && at_top() && !binds);
  }
}

size_t Roles::role(const Token& token) const {
  size_t type = token.type;
  if (!is_word(type) && type != AmParser::NAME) return type;
  if (!out_.empty() && out_.back().type == AmParser::POINT) return AmParser::NAME;
  if (next_type() == AmParser::EQUALS) return AmParser::BINDER;
  if (is_word(type)) type = word_role(token);
  if (type != AmParser::NAME) return type;
  if (next_type() == AmParser::TILDE) return AmParser::BINDER;
  return opens_member() ? AmParser::MEMBER : AmParser::NAME;
}

/// True if the word is to be dropped.
bool Roles::mend_foreign_word(Token& token, const std::string& word) {
  if (word == "return" && !at_top()) {
    reading_.report<Kind::SyntaxError>(token, "`return` is not needed: the last expression of a block is its result");
    return true;
  }
  if (word == "const" && !at_top()) {
    reading_.report<Kind::SyntaxError>(token, "`const` stands outside of braces").suggestion = "write `x = …`";
    return true;
  }
  for (const Foreign& foreign : kForeign) {
    if (foreign.word != word) continue;
    reading_.report<Kind::SyntaxError>(token, fmt::format("`{}` is not a word of the language", word)).suggestion =
        at_top() ? foreign.top_suggestion : foreign.block_suggestion;
    token.type = foreign.at_top;
    return !at_top() && foreign.at_top == AmParser::CONST;
  }
  return false;
}

bool Roles::mend_misspelt_word(Token& token, const std::string& word) {
  const auto [meant, type] = nearest_word(word, at_top() ? declaration_words() : statement_words());
  if (meant.empty()) return false;
  reading_.report<Kind::SyntaxError>(token, fmt::format("`{}` is not a word of the language", word)).suggestion =
      fmt::format("did you mean `{}`?", meant);
  token.type = type;
  return false;
}

/// At the beginning of a statement, two names in a row mean that the first was to be a keyword.
bool Roles::mend_opening_word(Token& token) {
  const bool constant = token.type == AmParser::CONST && !at_top();
  if (reading_.formula || !at_start() || (token.type != AmParser::NAME && !constant)) return false;
  const size_t next = next_type();
  const std::string word = reading_.word(token);
  const bool returns = word == "return" && next != AmParser::EQUALS && next != AmParser::TILDE;
  const bool two_operands =
      is_name_like(next) ||
      (!at_top() && (next == AmParser::NUMBER || next == AmParser::EXPECTATION || next == AmParser::INTEGRAL));
  if (!two_operands && !returns) return false;
  if (mend_foreign_word(token, word)) return true;
  return token.type == AmParser::NAME && mend_misspelt_word(token, word);
}

Tokens Roles::run() {
  out_.reserve(in_.size());
  for (at_ = 0; at_ < in_.size(); ++at_) {
    Token token = in_[at_];
    if (mend_opening_word(token)) continue;
    if (token.type != antlr4::Token::EOF) token.type = role(token);
    depth_ += (token.type == AmParser::LBRACE) - (token.type == AmParser::RBRACE);
    out_.push_back(token);
  }
  return std::move(out_);
}

}  // namespace

Tokens assign_roles(Reading& reading, const Tokens& tokens) { return Roles(reading, tokens).run(); }

}  // namespace am::parse
