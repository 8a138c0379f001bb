#include <antlr4-runtime.h>

#include "AmLexer.h"
#include "compiler/parse/tokens.h"

namespace am::parse {
namespace {

/// Walks along UTF-8 text and tells the byte offset of a code point; asked for ascending ones.
class ByteOffsets {
 public:
  explicit ByteOffsets(std::string_view text) : text_(text) {}
  uint32_t of(size_t code_point) {
    for (; seen_ < code_point && byte_ < text_.size(); ++seen_) {
      ++byte_;
      while (byte_ < text_.size() && (text_[byte_] & 0xC0) == 0x80) ++byte_;
    }
    return byte_;
  }

 private:
  std::string_view text_;
  size_t seen_ = 0;
  uint32_t byte_ = 0;
};

}  // namespace

Tokens lex(std::string_view text) {
  // The library drops a byte order mark and counts from what follows, so we drop it ourselves.
  const uint32_t mark = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  antlr4::ANTLRInputStream input{std::string(text.substr(mark))};
  grammar::AmLexer lexer(&input);
  lexer.removeErrorListeners();
  ByteOffsets bytes(text.substr(mark));
  Tokens out;
  for (;;) {
    const std::unique_ptr<antlr4::Token> token = lexer.nextToken();
    if (token->getType() == antlr4::Token::EOF) break;
    const uint32_t begin = bytes.of(token->getStartIndex());
    const uint32_t end = bytes.of(token->getStopIndex() + 1);
    out.push_back({token->getType(), begin + mark, end + mark});
  }
  const auto size = static_cast<uint32_t>(text.size());
  out.push_back({antlr4::Token::EOF, size, size});
  return out;
}

}  // namespace am::parse
