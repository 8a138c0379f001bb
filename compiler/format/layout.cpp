// Where lines begin and how far in, and what stands under what.
//
// A line ends where a statement does, and inside a statement where its author ended it or where it would be too long.
// The layout is a function of the pieces and of those line ends alone; long lines gain line ends until none is left
// that can be broken. So the layout of what comes out is what came out.
#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <map>
#include <tuple>

#include "compiler/format/pieces.h"

namespace am::format {
namespace {

constexpr int kLineWidth = 100;
constexpr int kIndent = 2;
/// What begins further right than this rather stands on lines of its own.
constexpr int kFarRight = 60;
/// Between code and a comment behind it.
constexpr int kLeastGap = 2;

int width(std::string_view text) { return source::code_points(text); }

/// A line of code, or of a comment alone.
struct Line {
  size_t first = 0, last = 0;  // pieces [first, last)
  int indent = 0;
  int depth = 0;  // braces open where it begins
  bool blank_before = false;
  const Comment* comment = nullptr;
};

class Layout {
 public:
  explicit Layout(Pieces& pieces)
      : pieces_(pieces),
        spread_(pieces.size()),
        hangs_(pieces.size()),
        pad_(pieces.size()),
        column_(pieces.size()),
        statement_(pieces.size()) {}

  void place();
  /// Ends a line in every line that is too long, if it can be; tells whether it did.
  bool break_long_lines();
  std::string text() const;

 private:
  /// A statement, declaration, setting or argument on a line of its own, and what may stand under its like.
  struct Row {
    size_t first = 0;
    std::string kind;
    bool apart = false;  // from the row above
    std::string callee;
    std::map<int, size_t> cells;
  };
  /// A statement being laid out: where it and its value begin.
  struct Statement {
    int start = 0, value = 0;
  };

  const Piece& at(size_t i) const { return pieces_[i]; }
  LexemeKind kind(size_t i) const { return pieces_[i].kind; }
  bool is(size_t i, LexemeKind k) const { return pieces_[i].kind == k; }

  // Blanks.
  std::string between(size_t i) const;
  bool padded(size_t parenthesis) const;
  bool loose(size_t op) const;
  bool ends_operand(size_t i) const;
  int extent(size_t from, size_t to) const;

  // Lines.
  void read_lines();
  bool begins_line(size_t i) const;

  // Tables.
  void align_rows();
  Row row_at(size_t first) const;
  void align(std::vector<Row>& rows, int cell);

  // Columns.
  int indent_of(size_t i) const;
  int content(size_t bracket) const;
  int operand_column(size_t line_start) const;
  void follow(size_t i);

  // Long lines.
  int depth(size_t i) const;
  int precedence(size_t i) const;
  bool break_line(const Line& line);

  Pieces& pieces_;
  std::vector<bool> spread_, hangs_;  // by the opening bracket
  std::vector<int> pad_;              // blanks beyond the usual ones before a piece
  std::vector<int> column_;           // of each piece
  std::vector<Line> lines_;

  std::vector<Statement> statement_;  // that a piece outside of brackets belongs to, as far as it goes before the piece

  // While columns are given.
  std::map<int, Statement> statements_;  // by the brace around them
  std::map<size_t, size_t> line_of_;     // the first piece of the line a bracket stands on
  std::map<size_t, int> body_;           // indentation inside a brace
  size_t line_start_ = 0;
};

// --- blanks ---

bool Layout::ends_operand(size_t i) const { return kind(i) != LexemeKind::CloseBrace && format::ends_operand(at(i)); }

/// The parentheses behind `E[…]` and `∫[…]`, which are large in print, may stand off from what they hold.
bool Layout::padded(size_t parenthesis) const {
  if (!is(parenthesis, LexemeKind::OpenParenthesis) || parenthesis == 0 || !at(parenthesis - 1).ends_head) return false;
  const size_t close = at(parenthesis).partner;
  return close > parenthesis + 1 && (at(parenthesis + 1).spaced || at(close).spaced);
}

/// Blanks around `*` and `/` are the author's, on both sides or none.
bool Layout::loose(size_t op) const { return at(op).spaced || at(op + 1).spaced; }

/// What stands before piece i where the line does not end.
std::string Layout::between(size_t i) const {
  const LexemeKind k = kind(i), p = kind(i - 1);
  if (at(i).boundary) return p == LexemeKind::OpenBrace || k == LexemeKind::CloseBrace ? " " : "; ";
  switch (k) {
    case LexemeKind::CloseParenthesis:
    case LexemeKind::CloseBracket:
    case LexemeKind::CloseBar: return padded(at(i).partner) ? " " : "";
    case LexemeKind::Comma:
    case LexemeKind::Colon:
    case LexemeKind::Point:
    case LexemeKind::Dots:
    case LexemeKind::Caret: return "";
    case LexemeKind::Superscript: return p == LexemeKind::Superscript ? " " : "";
    default: break;
  }
  switch (p) {
    case LexemeKind::OpenParenthesis:
    case LexemeKind::OpenBracket:
    case LexemeKind::OpenBar:
    case LexemeKind::Expectation:
    case LexemeKind::Integral: return padded(i - 1) ? " " : "";
    case LexemeKind::Point:
    case LexemeKind::Dots:
    case LexemeKind::Caret: return "";
    case LexemeKind::Minus: return at(i - 1).unary ? "" : " ";
    case LexemeKind::Derivative: {
      const bool letters = static_cast<unsigned char>(at(i - 1).text[0]) < 0x80;
      return letters || k == LexemeKind::OpenBracket ? " " : "";
    }
    case LexemeKind::Dot: return at(i - 1).text == "@" || begins_line(i - 1) ? " " : "";
    case LexemeKind::Times:
    case LexemeKind::Divide: return loose(i - 1) || begins_line(i - 1) ? " " : "";
    default: break;
  }
  switch (k) {
    case LexemeKind::Dot: return at(i).text == "@" ? " " : "";
    case LexemeKind::Times:
    case LexemeKind::Divide: return loose(i) ? " " : "";
    case LexemeKind::OpenParenthesis:
      return ends_operand(i - 1) || p == LexemeKind::Lambda || p == LexemeKind::Member ? "" : " ";
    case LexemeKind::OpenBracket: {
      // `E[` is an average and `d[t] (x)` a derivative only if the bracket touches.
      const std::string& word = at(i - 1).text;
      const bool taken = p == LexemeKind::Name && (word == "E" || word == "integral" || word == "d" || word == "grad");
      return ends_operand(i - 1) && !(taken && (at(i).spaced || at(i).newline)) ? "" : " ";
    }
    default: return " ";
  }
}

/// Width of the pieces [from, to) on one line, and of what stands before `to`.
int Layout::extent(size_t from, size_t to) const {
  int out = 0;
  for (size_t i = from; i < to; ++i) out += width(at(i).text) + width(between(i + 1)) + pad_[i + 1];
  return out;
}

// --- lines ---

bool Layout::begins_line(size_t i) const {
  if (!at(i).boundary) return i == 0 || at(i).newline;
  return at(i).inside < 0 || spread_[at(i).inside];
}

/// Notes which braces have statements on lines of their own, and which brackets have lines that begin with operators.
void Layout::read_lines() {
  std::fill(spread_.begin(), spread_.end(), false);
  std::fill(hangs_.begin(), hangs_.end(), false);
  std::vector<int> newlines(pieces_.size() + 1);
  for (size_t i = 0; i < pieces_.size(); ++i) newlines[i + 1] = newlines[i] + at(i).newline;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (at(i).infix && at(i).newline && at(i).inside >= 0) hangs_[at(i).inside] = true;
    const auto close = static_cast<size_t>(std::max(at(i).partner, 0));
    if (!is(i, LexemeKind::OpenBrace)) continue;
    const bool empty = close == i + 1;
    spread_[i] = empty ? !at(close).comments.empty() : newlines[close + 1] > newlines[i + 1];
  }
}

// --- tables ---

constexpr int kEquals = 0, kFirstArgument = 1, kBrace = INT_MAX;

Layout::Row Layout::row_at(size_t first) const {
  Row row{.first = first};
  const auto& comments = at(first).comments;
  // Inside a formula no line stays empty.
  row.apart = at(first).boundary && (at(first).blank_line || std::any_of(comments.begin(), comments.end(),
                                                                         [](const auto& c) { return c.blank_before; }));
  switch (kind(first)) {
    case LexemeKind::Binder: row.kind = "="; break;
    case LexemeKind::Member: row.kind = "()"; break;
    case LexemeKind::DeclarationWord:
    case LexemeKind::StatementWord: row.kind = at(first).text; break;
    default: return row;
  }
  if (row.kind == "minimize" || row.kind == "repeat" || row.kind == "if") return {.first = first, .apart = row.apart};
  const bool formula = row.kind == "fn" || row.kind == "potential" || row.kind == "velocity";
  const int inside = at(first).inside;
  for (size_t i = first + 1; i < pieces_.size() && !begins_line(i); ++i) {
    if (at(i).inside == inside && is(i, LexemeKind::Comma)) break;
    if (at(i).inside == inside && (is(i, LexemeKind::Equals) || is(i, LexemeKind::Tilde))) {
      if (!formula) row.cells[kEquals] = i;
      // `data cells = csv("…", …)`: tables call the same reader again and again.
      if (row.kind == "data" && is(i + 1, LexemeKind::Name) && is(i + 2, LexemeKind::OpenParenthesis))
        row.callee = at(i + 1).text;
    }
    if (at(i).inside == inside && is(i, LexemeKind::OpenBrace) && !spread_[i]) row.cells[kBrace] = i;
    const bool argument =
        !row.callee.empty() && is(i - 1, LexemeKind::Comma) && at(i).inside == static_cast<int>(row.cells[kEquals] + 2);
    if (argument) row.cells[kFirstArgument + static_cast<int>(row.cells.size()) - 1] = i;
  }
  return row;
}

/// Pads one cell of neighbouring rows of a kind to the same column.
void Layout::align(std::vector<Row>& rows, int cell) {
  for (size_t from = 0; from < rows.size();) {
    size_t to = from + 1;
    if (rows[from].cells.contains(cell)) {
      const bool argument = cell != kEquals && cell != kBrace;
      while (to < rows.size() && !rows[to].apart && rows[to].kind == rows[from].kind && rows[to].cells.contains(cell) &&
             (!argument || rows[to].callee == rows[from].callee))
        ++to;
      int widest = 0;
      for (size_t r = from; r < to; ++r) widest = std::max(widest, extent(rows[r].first, rows[r].cells[cell]));
      for (size_t r = from; r < to; ++r)
        pad_[rows[r].cells[cell]] += widest - extent(rows[r].first, rows[r].cells[cell]);
    }
    from = to;
  }
}

void Layout::align_rows() {
  std::fill(pad_.begin(), pad_.end(), 0);
  std::map<int, std::vector<Row>> tables;
  for (size_t i = 0; i + 1 < pieces_.size(); ++i) {
    if (!begins_line(i) || is(i, LexemeKind::CloseBrace)) continue;
    const bool argument = i > 0 && (is(i - 1, LexemeKind::Comma) || at(i).inside == static_cast<int>(i) - 1);
    if (at(i).boundary || argument) tables[at(i).inside].push_back(row_at(i));
  }
  for (auto& [inside, rows] : tables) {
    std::map<int, bool> cells;
    for (const Row& row : rows)
      for (const auto& [cell, piece] : row.cells) cells[cell] = true;
    for (const auto& [cell, used] : cells) align(rows, cell);
  }
}

// --- columns ---

/// The column of a line's first operand: an operator before it hangs to the left.
int Layout::operand_column(size_t line_start) const {
  return column_[at(line_start).infix && at(line_start).newline ? line_start + 1 : line_start];
}

/// Where what a bracket holds begins. Where the bracket ends its line, that is two columns in, and two more if lines
/// begin with operators, which then hang to the left of it.
int Layout::content(size_t bracket) const {
  if (!at(bracket + 1).newline) return column_[bracket + 1];
  return operand_column(line_of_.at(bracket)) + (hangs_[bracket] ? 2 * kIndent : kIndent);
}

int Layout::indent_of(size_t i) const {
  const int inside = at(i).inside;
  if (at(i).boundary) {
    if (inside < 0) return 0;
    return body_.at(inside) - (is(i, LexemeKind::CloseBrace) ? kIndent : 0);
  }
  const int hanging = width(at(i).text) + 1;
  if (inside >= 0 && !is(inside, LexemeKind::OpenBrace)) {
    const bool hung = at(inside + 1).newline;
    if (at(i).partner == inside) return hung ? operand_column(line_of_.at(inside)) : column_[inside];
    if (!at(i).infix) return content(inside);
    const int least = hung ? content(inside) - kIndent : padded(inside) ? column_[inside] : content(inside);
    return std::max(content(inside) - hanging, least);
  }
  if (at(i).infix) return std::max(statement_[i].value - hanging, statement_[i].start + kIndent);
  return statement_[i].start + 2 * kIndent;
}

/// Notes what later lines stand under.
void Layout::follow(size_t i) {
  const int inside = at(i).inside;
  const bool in_braces = inside < 0 || is(inside, LexemeKind::OpenBrace);
  if (at(i).boundary) statements_[inside] = {column_[i], column_[i]};
  if (i > 0 && !at(i).boundary && in_braces) {
    const bool value = is(i - 1, LexemeKind::Equals) || is(i - 1, LexemeKind::Tilde) ||
                       (is(i - 1, LexemeKind::StatementWord) && at(i - 1).text == "minimize");
    if (value) statements_[inside].value = column_[i];
  }
  if (at(i).partner <= static_cast<int>(i)) return;
  line_of_[i] = line_start_;
  if (is(i, LexemeKind::OpenBrace))
    body_[i] = kIndent + (in_braces ? statements_[inside].start : operand_column(line_start_));
}

void Layout::place() {
  read_lines();
  align_rows();
  lines_.clear();
  int column = 0, depth = 0;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = at(i);
    statement_[i] = statements_[piece.inside];
    if (begins_line(i)) {
      const int indent = indent_of(i);
      // Comments before a closing bracket belong to what it holds.
      const bool closes = piece.partner >= 0 && piece.partner < static_cast<int>(i);
      const int beside = !closes ? indent : is(i, LexemeKind::CloseBrace) ? indent + kIndent : content(piece.partner);
      for (const Comment& comment : piece.comments) {
        if (!comment.own_line && !lines_.empty())
          lines_.back().comment = &comment;
        else
          lines_.push_back({i, i, beside, depth, comment.blank_before && piece.boundary, &comment});
      }
      if (is(i, LexemeKind::CloseBrace)) --depth;
      lines_.push_back({i, i, indent, depth, piece.blank_line && piece.boundary, nullptr});
      line_start_ = i;
      column = indent;
    } else {
      if (is(i, LexemeKind::CloseBrace)) --depth;
      column += width(between(i)) + pad_[i];
    }
    if (is(i, LexemeKind::OpenBrace)) ++depth;
    column_[i] = column;
    column += width(piece.text);
    lines_.back().last = i + 1;
    follow(i);
  }
}

// --- long lines ---

/// Brackets open around piece i since its statement began.
int Layout::depth(size_t i) const {
  int out = 0;
  for (int open = at(i).inside; open >= 0 && !is(open, LexemeKind::OpenBrace); open = at(open).inside) ++out;
  return out;
}

constexpr int kProduct = 5;

int Layout::precedence(size_t i) const {
  switch (kind(i)) {
    case LexemeKind::Or: return 1;
    case LexemeKind::And: return 2;
    case LexemeKind::Compare: return 3;
    case LexemeKind::Plus:
    case LexemeKind::Minus: return 4;
    case LexemeKind::Dot:
    case LexemeKind::Times:
    case LexemeKind::Divide: return kProduct;
    default: return 0;  // behind a comma
  }
}

/// Ends the line at the loosest place it has: statements in braces first, then outer sums and lists before inner ones,
/// products, and behind opening brackets. Of equal places, the last that leaves a line short enough.
bool Layout::break_line(const Line& line) {
  using Key = std::tuple<int, int, int>;
  Key best{INT_MAX, 0, 0};
  size_t chosen = 0;
  bool fits = false;
  enum { Statements, Sums, Products, Brackets, InnerStatements, FarRight };
  const auto consider = [&](size_t i, const Key& key) {
    const bool short_enough = column_[i - 1] + width(at(i - 1).text) <= kLineWidth;
    if (key > best || (key == best && !(fits && short_enough))) return;
    best = key, chosen = i, fits = short_enough;
  };
  for (size_t i = line.first + 1; i < line.last; ++i) {
    const bool brace = is(i - 1, LexemeKind::OpenBrace) && !is(i, LexemeKind::CloseBrace);
    if (brace) consider(i, {depth(i - 1) == 0 ? Statements : InnerStatements, depth(i - 1), 0});
    // Not inside braces that stay on the line.
    if (is(i, LexemeKind::OpenBrace)) {
      if (at(i).partner < static_cast<int>(line.last) && at(i).partner > static_cast<int>(i) + 1) {
        consider(i + 1, {depth(i) == 0 ? Statements : InnerStatements, depth(i), 0});
        i = at(i).partner;
      }
      continue;
    }
    if (brace || at(i).boundary || !may_break(pieces_, i)) continue;
    if (at(i).inside == static_cast<int>(i) - 1 && at(i).partner != at(i).inside) {
      const bool gains = operand_column(line_of_.at(i - 1)) + 2 * kIndent < column_[i];
      if (gains) consider(i, {Brackets, depth(i), 0});
    } else if ((at(i).infix || is(i - 1, LexemeKind::Comma)) && indent_of(i) < column_[i]) {
      const int place = indent_of(i) > kFarRight ? FarRight : precedence(i) == kProduct ? Products : Sums;
      consider(i, {place, depth(i), precedence(i)});
    }
  }
  if (chosen == 0) return false;
  pieces_[chosen].newline = true;
  return true;
}

bool Layout::break_long_lines() {
  bool broke = false;
  for (const Line& line : lines_) {
    if (line.first == line.last) continue;
    const int end = column_[line.last - 1] + width(at(line.last - 1).text);
    if (end > kLineWidth) broke |= break_line(line);
  }
  return broke;
}

// --- text ---

std::string Layout::text() const {
  std::vector<std::string> code;
  for (const Line& line : lines_) {
    std::string out;
    for (size_t i = line.first; i < line.last; ++i) {
      if (i > line.first) out += fmt::format("{}{:{}}", between(i), "", pad_[i]);
      out += at(i).text;
    }
    code.push_back(fmt::format("{:{}}{}", "", out.empty() ? 0 : line.indent, out));
  }

  // Comments behind neighbouring lines stand under each other, as far from the longest as the nearest one was.
  std::vector<int> comment_column(lines_.size());
  for (size_t from = 0; from < lines_.size();) {
    size_t to = from + 1;
    while (to < lines_.size() && lines_[to].depth == lines_[from].depth && !lines_[to].blank_before) ++to;
    int widest = 0, gap = INT_MAX;
    for (size_t i = from; i < to; ++i) {
      if (lines_[i].comment == nullptr || code[i].empty()) continue;
      widest = std::max(widest, width(code[i]));
      gap = std::min(gap, std::max(kLeastGap, lines_[i].comment->gap));
    }
    for (size_t i = from; i < to; ++i) comment_column[i] = widest + gap;
    from = to;
  }

  std::string out;
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    const bool opens =
        i > 0 && lines_[i - 1].last > lines_[i - 1].first && is(lines_[i - 1].last - 1, LexemeKind::OpenBrace);
    const bool closes = line.last > line.first && is(line.first, LexemeKind::CloseBrace);
    if (line.last > line.first && is(line.first, LexemeKind::End)) break;
    if (line.blank_before && !out.empty() && !opens && !closes) out += "\n";
    out += code[i];
    if (line.comment != nullptr)
      out += fmt::format("{:{}}{}", "", code[i].empty() ? line.indent : comment_column[i] - width(code[i]),
                         line.comment->text);
    out += "\n";
  }
  return out;
}

}  // namespace

std::string lay_out(Pieces pieces, const Pieces& unicode) {
  Pieces measured = unicode;
  Layout measure(measured);
  do measure.place();
  while (measure.break_long_lines());
  for (size_t i = 0; i < pieces.size(); ++i) pieces[i].newline = measured[i].newline;
  Layout layout(pieces);
  layout.place();
  return layout.text();
}

}  // namespace am::format
