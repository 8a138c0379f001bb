// From the parser's contexts to the tree.
#pragma once

#include "AmParser.h"
#include "compiler/ast/ast.h"
#include "compiler/parse/tokens.h"

namespace am::parse {

/// Deeper trees are refused, so that every pass over the tree may recurse.
inline constexpr int kMaxDepth = 1000;

/// Appends the declarations. Those that hold a mistake are left out; statements that do become `ExprKind::Error`.
void build(Reading& reading, const Tokens& tokens, grammar::AmParser::ProgramContext* context, ast::Program& program);

/// Invalid if the context holds a mistake.
ast::ExprId build(Reading& reading, const Tokens& tokens, grammar::AmParser::FormulaContext* context,
                  ast::Program& program);

}  // namespace am::parse
