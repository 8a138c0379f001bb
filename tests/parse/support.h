// What the tests of the parser share: parsing a snippet, and writing a tree out in full.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compiler/parse/parse.h"

namespace am::parse::testing {

/// A snippet, its tree and what was said about it.
struct Parsed {
  source::Sources sources;
  source::FileId file;
  ast::Program program;
  diagnostics::Sink sink;
  ast::ExprId expression;

  /// Every diagnostic as the user sees it; empty if there is none.
  std::string complaints() const;
};

Parsed parse_program(const std::string& text);
Parsed parse_formula(const std::string& text);

/// The tree in prefix form, so that grouping shows: `a + b·c` is `(+ a (· b c))`.
std::string prefix_form(const ast::Program& program, ast::ExprId id);
std::string prefix_form(const ast::Program& program, ast::BlockId id);
std::string prefix_form(const ast::Program& program, const ast::Declaration& declaration);

/// Of an expression, or its complaints.
std::string formula(const std::string& text);
/// Of all declarations, one a line, or the complaints.
std::string declarations(const std::string& text);
/// Of the body of `fn f(x) { text }`, or the complaints.
std::string block(const std::string& text);

/// Scripts in these folders, where they are there, beside the sources; not those that are to fail.
std::vector<std::filesystem::path> scripts(const std::vector<std::string>& folders);

}  // namespace am::parse::testing
