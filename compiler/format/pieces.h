// What a script consists of between its blanks: lexemes, each with the comments and line ends before it. Internal to
// this folder.
#pragma once

#include <string>
#include <vector>

#include "compiler/format/format.h"
#include "compiler/parse/lexemes.h"

namespace am::format {

using parse::LexemeKind;

struct Comment {
  std::string text;
  bool own_line = false;      // else it ends a line of code
  bool blank_before = false;  // an empty line stands above
  int gap = 0;                // blanks between the code and it
};

struct Piece {
  LexemeKind kind;
  std::string text;
  bool ends_head = false;
  bool ends_statement = false;
  /// A Superscript that another power follows or precedes has no other spelling.
  bool stacked = false;

  // What stands before it.
  std::vector<Comment> comments;
  bool newline = false;
  bool blank_line = false;  // between the last comment, or the piece before, and it
  bool spaced = false;      // blanks on the same line as the piece before

  // Its place among the others.
  int partner = -1;  // of a bracket
  int inside = -1;   // the innermost bracket that is open; of a closing one, its partner

  bool boundary = false;  // a statement begins or ends, or a brace closes
  bool unary = false;     // of a Minus
  bool infix = false;     // an operator with a left operand, before which a line may break
};

using Pieces = std::vector<Piece>;

/// True of what may stand to the left of an operator, a brace among it.
bool ends_operand(const Piece& piece);

/// True where a line may break inside a statement without a change of meaning, and break well.
bool may_break(const Pieces& pieces, size_t i);

/// The pieces of a file that parses. Line ends and comments where canonical layout has no room for them have moved to
/// the nearest place that has.
Pieces read_pieces(const source::Sources& sources, source::FileId file, Spelling spelling);

/// The piece's text. In both changed spellings, alternatives within one (`∆`, `⋅`, `‖`, `∂ₜ`, `1e−4`) become one.
std::string spell(const Piece& piece, Spelling spelling);

/// Lays out pieces whose texts are spelt. Lines break by their length in `unicode`, the same pieces in that spelling,
/// so that the two spellings of a script have the same lines.
std::string lay_out(Pieces pieces, const Pieces& unicode);

}  // namespace am::format
