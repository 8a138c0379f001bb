#include "compiler/format/pieces.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace am::format {
namespace {

bool is_opening(LexemeKind kind) { return kind >= LexemeKind::OpenParenthesis && kind <= LexemeKind::Integral; }
bool is_closing(LexemeKind kind) { return kind >= LexemeKind::CloseParenthesis && kind <= LexemeKind::CloseBar; }

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Makes pieces of lexemes and of the text between them.
class Reader {
 public:
  Reader(std::string_view text, std::vector<parse::Lexeme> lexemes) : text_(text), in_(std::move(lexemes)) {}
  Pieces run();

 private:
  void read_gap(size_t begin, size_t end, Piece& piece) const;

  std::string_view text_;
  std::vector<parse::Lexeme> in_;
};

/// Blanks, line ends, comments and semicolons.
void Reader::read_gap(size_t begin, size_t end, Piece& piece) const {
  const bool first = begin == 0;
  int newlines = 0, gap = 0;
  for (size_t at = begin; at < end; ++at) {
    const char c = text_[at];
    if (c == '\n') {
      ++newlines;
      gap = 0;
    } else if (c == '#') {
      const size_t stop = std::min(text_.find('\n', at), end);
      std::string comment(text_.substr(at, stop - at));
      comment.erase(comment.find_last_not_of(" \t\r\f") + 1);
      const bool own_line = newlines > 0 || (first && piece.comments.empty());
      piece.comments.push_back({comment, own_line, newlines > 1, gap});
      newlines = 0, gap = 0;
      at = stop - 1;
    } else if (c != ';' && (c & 0xC0) != 0x80) {
      ++gap;
    }
  }
  piece.newline = newlines > 0;
  piece.blank_line = newlines > 1;
  piece.spaced = gap > 0 && !piece.newline;
}

Pieces Reader::run() {
  Pieces out;
  size_t end = 0;
  for (const parse::Lexeme& lexeme : in_) {
    Piece piece{.kind = lexeme.kind,
                .text = std::string(text_.substr(lexeme.begin, lexeme.end - lexeme.begin)),
                .ends_head = lexeme.ends_head,
                .ends_statement = lexeme.ends_statement};
    read_gap(end, lexeme.begin, piece);
    if (piece.kind == LexemeKind::DerivativeOf)
      std::erase_if(piece.text, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
    end = lexeme.end;
    out.push_back(std::move(piece));
  }
  return out;
}

/// Brings comments from where no line ends to the piece behind it.
void move_comments(std::vector<Comment> comments, Piece& to) {
  if (comments.empty()) return;
  for (Comment& comment : comments) comment.blank_before = false;
  // Documentation that stands there already stays apart from what comes to stand above it.
  if (to.boundary && to.inside < 0) (to.comments.empty() ? to.blank_line : to.comments[0].blank_before) = true;
  to.comments.insert(to.comments.begin(), comments.begin(), comments.end());
  to.newline = true;
}

/// The first comment may stand behind code, those after it cannot.
void number_comments(Piece& piece) {
  for (size_t k = 1; k < piece.comments.size(); ++k) piece.comments[k].own_line = true;
  for (Comment& comment : piece.comments) comment.gap = 0;
}

/// Number of pieces from `^` on that make one raised integer, `^2` or `^-1`, which `²` and `⁻¹` can stand for; else 0.
size_t power_at(const Pieces& pieces, size_t i) {
  if (pieces[i].kind != LexemeKind::Caret || pieces[i - 1].kind == LexemeKind::Superscript) return 0;
  const size_t number = pieces[i + 1].kind == LexemeKind::Minus ? i + 2 : i + 1;
  if (pieces[number].kind != LexemeKind::Number || !is_digits(pieces[number].text)) return 0;
  const size_t length = number + 1 - i;
  switch (pieces[number + 1].kind) {
    case LexemeKind::Caret:
    case LexemeKind::Superscript:
    case LexemeKind::Point: return 0;
    case LexemeKind::OpenParenthesis:
    case LexemeKind::OpenBracket: return pieces[number].ends_statement ? length : 0;
    default: return length;
  }
}

/// Makes one piece of `^ 2`, and marks the superscripts that cannot be spelt so.
Pieces join_powers(Pieces pieces) {
  Pieces out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const size_t length = power_at(pieces, i);
    Piece piece = pieces[i];
    if (piece.kind == LexemeKind::Superscript) {
      const LexemeKind next = pieces[i + 1].kind;
      piece.stacked =
          next == LexemeKind::Superscript || next == LexemeKind::Caret || pieces[i - 1].kind == LexemeKind::Superscript;
    }
    if (length > 0) {
      const size_t last = i + length - 1;
      piece.kind = LexemeKind::Superscript;
      piece.text = (length > 2 ? "^-" : "^") + pieces[last].text;
      piece.ends_statement = pieces[last].ends_statement;
      for (; i < last; ++i) {
        const bool moved = !pieces[i + 1].comments.empty();
        move_comments(pieces[i + 1].comments, pieces[i + 2]);
        if (moved) number_comments(pieces[i + 2]);
      }
    }
    out.push_back(std::move(piece));
  }
  return out;
}

void pair(Pieces& pieces) {
  std::vector<int> open;
  for (int i = 0; i < static_cast<int>(pieces.size()); ++i) {
    pieces[i].inside = open.empty() ? -1 : open.back();
    if (is_opening(pieces[i].kind)) open.push_back(i);
    if (!is_closing(pieces[i].kind)) continue;
    pieces[i].partner = open.back();
    pieces[open.back()].partner = i;
    open.pop_back();
  }
}

/// The last piece of the operand, a primary with calls, indices and selections, that begins at `i`.
size_t operand_end(const Pieces& pieces, size_t i) {
  size_t end = pieces[i].partner >= 0 ? pieces[i].partner : i;
  while (!pieces[end].ends_statement) {
    const Piece& next = pieces[end + 1];
    if (next.kind == LexemeKind::OpenParenthesis || next.kind == LexemeKind::OpenBracket)
      end = next.partner;
    else if (next.kind == LexemeKind::Point)
      end += 2;
    else
      break;
  }
  return end;
}

/// The derivatives spelt in letters are none before a list, a norm, a text or one of the inner words. Parentheses make
/// both spellings the same there.
Pieces enclose_operands(const Pieces& pieces) {
  Pieces out;
  std::vector<size_t> ends;
  for (size_t i = 0; i < pieces.size(); ++i) {
    Piece piece = pieces[i];
    const LexemeKind before = i == 0 ? LexemeKind::End : pieces[i - 1].kind;
    const bool derived = before == LexemeKind::Derivative || before == LexemeKind::DerivativeOf;
    const bool unfit =
        piece.kind == LexemeKind::OpenBracket || piece.kind == LexemeKind::OpenBar ||
        piece.kind == LexemeKind::String ||
        (piece.kind == LexemeKind::Name && (piece.text == "by" || piece.text == "over" || piece.text == "from"));
    if (derived && unfit) {
      ends.push_back(operand_end(pieces, i));
      Piece opening{.kind = LexemeKind::OpenParenthesis, .text = "("};
      std::swap(opening.comments, piece.comments);
      out.push_back(std::move(opening));
      piece.newline = piece.spaced = false;
    }
    out.push_back(std::move(piece));
    for (; !ends.empty() && ends.back() == i; ends.pop_back()) {
      Piece closing{.kind = LexemeKind::CloseParenthesis, .text = ")"};
      std::swap(closing.ends_statement, out.back().ends_statement);
      out.push_back(std::move(closing));
    }
  }
  return out;
}

void find_boundaries(Pieces& pieces) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    Piece& piece = pieces[i];
    piece.boundary = i == 0 || piece.kind == LexemeKind::End || piece.kind == LexemeKind::CloseBrace ||
                     pieces[i - 1].ends_statement || pieces[i - 1].kind == LexemeKind::OpenBrace;
    const bool operand = !piece.boundary && ends_operand(pieces[i - 1]);
    piece.unary = piece.kind == LexemeKind::Minus && !operand;
    switch (piece.kind) {
      case LexemeKind::Plus:
      case LexemeKind::Minus:
      case LexemeKind::Dot:
      case LexemeKind::Times:
      case LexemeKind::Divide:
      case LexemeKind::Compare:
      case LexemeKind::And:
      case LexemeKind::Or: piece.infix = operand; break;
      default: break;
    }
  }
}

/// `grad`, `lap`, `div` and `d[t]` at the end of a line inside brackets are names, and would be derivatives were the
/// lines joined.
bool is_name_by_line_end(const Pieces& pieces, size_t i) {
  if (i == 0 || !pieces[i].newline || pieces[i].boundary) return false;
  switch (pieces[i].kind) {
    case LexemeKind::Name:
    case LexemeKind::Number:
    case LexemeKind::OpenParenthesis:
    case LexemeKind::Derivative:
    case LexemeKind::DerivativeOf: break;
    default: return false;
  }
  const Piece& before = pieces[i - 1];
  size_t name = i - 1;
  if (before.kind == LexemeKind::CloseBracket && before.partner > 0 && before.partner + 2 == static_cast<int>(i) - 1)
    name = before.partner - 1;
  if (pieces[name].kind != LexemeKind::Name) return false;
  const std::string& word = pieces[name].text;
  return name + 1 == i ? word == "grad" || word == "lap" || word == "div" : word == "grad" || word == "d";
}

/// Brings comments and the line end before piece i, where lines do not break, to a place where they may.
void move_line_end(Pieces& pieces, size_t i) {
  Piece& from = pieces[i];
  const bool back = pieces[i - 1].infix;
  const bool forward = !from.comments.empty() || from.kind == LexemeKind::Comma;
  from.newline = false;
  if (!back && !forward) return;
  Piece& to = pieces[back ? i - 1 : i + 1];
  to.newline = true;
  if (from.comments.empty()) return;
  if (back)
    to.comments.insert(to.comments.end(), from.comments.begin(), from.comments.end());
  else
    move_comments(from.comments, to);
  number_comments(to);
  from.comments.clear();
}

}  // namespace

bool ends_operand(const Piece& piece) {
  switch (piece.kind) {
    case LexemeKind::Name:
    case LexemeKind::Number:
    case LexemeKind::String:
    case LexemeKind::Superscript:
    case LexemeKind::CloseParenthesis:
    case LexemeKind::CloseBracket:
    case LexemeKind::CloseBrace:
    case LexemeKind::CloseBar: return !piece.ends_head && !piece.ends_statement;
    default: return false;
  }
}

bool may_break(const Pieces& pieces, size_t i) {
  const Piece& piece = pieces[i];
  if (i == 0 || is_name_by_line_end(pieces, i)) return true;
  const int bracket = is_closing(piece.kind) ? piece.partner : piece.inside;
  const LexemeKind open = bracket < 0 ? LexemeKind::OpenBrace : pieces[bracket].kind;
  const LexemeKind before = pieces[i - 1].kind;
  if (piece.infix) return true;
  if (open == LexemeKind::OpenBar || open == LexemeKind::Expectation || open == LexemeKind::Integral) return false;
  if (open == LexemeKind::OpenBrace) return before == LexemeKind::Equals || before == LexemeKind::Tilde;
  return before == LexemeKind::Comma || static_cast<int>(i) - 1 == bracket || is_closing(piece.kind);
}

Pieces read_pieces(const source::Sources& sources, source::FileId file, Spelling spelling) {
  Pieces pieces = Reader(sources.text(file), parse::lexemes(sources, file)).run();
  pair(pieces);
  find_boundaries(pieces);
  pieces = join_powers(std::move(pieces));
  pair(pieces);
  if (spelling != Spelling::AsWritten) {
    pieces = enclose_operands(pieces);
    pair(pieces);
  }
  // A closing bracket counts as inside its pair.
  for (Piece& piece : pieces)
    if (is_closing(piece.kind)) piece.inside = piece.partner;
  find_boundaries(pieces);
  for (size_t i = 1; i < pieces.size(); ++i)
    if (pieces[i].newline && !pieces[i].boundary && !may_break(pieces, i)) move_line_end(pieces, i);
  return pieces;
}

}  // namespace am::format
