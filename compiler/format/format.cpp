#include "compiler/format/format.h"

#include "compiler/ast/ast.h"
#include "compiler/format/pieces.h"
#include "compiler/parse/parse.h"

namespace am::format {
namespace {

Pieces respell(Pieces pieces, Spelling spelling) {
  for (Piece& piece : pieces) piece.text = spell(piece, spelling);
  return pieces;
}

}  // namespace

std::optional<std::string> format(const source::Sources& sources, source::FileId file, Spelling spelling,
                                  diagnostics::Sink& sink) {
  const int errors = sink.errors();
  ast::Program before;
  parse::parse(sources, file, before, sink);
  if (sink.errors() > errors) return {};
  const Pieces pieces = read_pieces(sources, file, spelling);
  std::string out = lay_out(respell(pieces, spelling), respell(pieces, Spelling::Unicode));

  // Layout must not change meaning, and whoever loses a script to a formatter does not use it twice.
  source::Sources again;
  ast::Program after;
  diagnostics::Sink complaints;
  parse::parse(again, again.add("formatted", out), after, complaints);
  AM_CHECK(!complaints.has_errors() && ast::same(before, after), "the formatted script means something else:\n{}", out);
  return out;
}

}  // namespace am::format
