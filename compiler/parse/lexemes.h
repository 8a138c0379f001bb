// The tokens of a script as the parser reads them, for those who need what a tree forgets: spellings, parentheses and
// the places of line ends and comments.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/source/source.h"

namespace am::parse {

enum class LexemeKind : uint8_t {
  DeclarationWord,  // const, data, path … where a declaration begins, and `fn` wherever a name follows
  StatementWord,    // param, state, repeat, minimize, if, else
  InnerWord,        // by, over, from
  Name,
  Binder,  // a name with `=` or `~` after it
  Member,  // a name that opens `name(parameters) body` inside braces
  Lambda,  // `fn` with `(` after it
  Number,
  Superscript,
  String,
  Derivative,    // ∇, ∇·, Δ, grad, div, lap
  DerivativeOf,  // ∂t, d[t], ∇[y], grad[y]
  Plus,
  Minus,
  Dot,
  Times,
  Divide,
  Caret,
  Compare,
  And,
  Or,
  Not,
  Equals,
  Tilde,
  Dots,
  Point,
  Comma,
  Colon,
  OpenParenthesis,
  OpenBracket,
  OpenBrace,
  OpenBar,
  Expectation,  // `E[`
  Integral,     // `∫[`
  CloseParenthesis,
  CloseBracket,
  CloseBrace,
  CloseBar,
  End,
};

struct Lexeme {
  LexemeKind kind;
  uint32_t begin = 0;
  uint32_t end = 0;
  /// Closes the head of `E[…] e`, `∫[…] e` or `fn(…) e`.
  bool ends_head = false;
  /// A statement, declaration or setting ends with it.
  bool ends_statement = false;
};

/// The lexemes of a file that parses without errors, the last one being `End`. Between them lie blanks, line ends,
/// comments and semicolons.
std::vector<Lexeme> lexemes(const source::Sources& sources, source::FileId file);

}  // namespace am::parse
