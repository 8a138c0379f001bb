// Text to tree. The only place that sees the parser library.
#pragma once

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace am::parse {

/// Parses one file and appends its declarations to `program`. Reports every syntax error it can recover from; a
/// declaration with an error in it is left out or holds `ExprKind::Error`.
void parse(const source::Sources& sources, source::FileId file, ast::Program& program, diagnostics::Sink& sink);

/// Parses one expression, as `--set name=…` and `amc derive FILE EXPR` take it. Invalid id if it cannot.
ast::ExprId parse_expression(const source::Sources& sources, source::FileId file, ast::Program& program,
                             diagnostics::Sink& sink);

}  // namespace am::parse
