// Names and structure of the program as written.
#pragma once

#include <span>
#include <string>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"

namespace am::check {

/// A name that the compiler provides, and what sort of thing it is: "function", "constant", or a group of words
/// ("metric", "mode", "precision", "product").
struct Predefined {
  std::string name, group;
};

/// An expression that stands outside the script, on the command line, in place of a setting.
struct Override {
  std::string setting;  // "precision"
  ast::ExprId value;
};

/// Reports unknown, repeated and unused names, unknown and missing settings, misplaced statements, unknown and missing
/// members, and missing results. `own` is the number of declarations before the user's (the standard library's);
/// `predefined` are the names that the compiler provides; `overrides` replace settings.
void check(const ast::Program& program, size_t own, std::span<const Predefined> predefined,
           std::span<const Override> overrides, diagnostics::Sink& sink);

}  // namespace am::check
