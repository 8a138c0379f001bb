// What happens where the grammar does not fit: one message for the statement, then on behind it.
#pragma once

#include <antlr4-runtime.h>

#include "AmParser.h"
#include "compiler/parse/tokens.h"

namespace am::parse {

/// Reports the first mistake of a statement in plain words and skips the rest of it. The statement, setting or
/// declaration it happened in keeps the exception, which is how `build` knows to leave it out.
///
/// A mistake climbs to the innermost rule that ends with a separator; there the text up to that separator is dropped.
/// Junk where a statement should begin never reaches a rule: it is dropped between two turns of the loop.
class Complainer : public antlr4::ANTLRErrorStrategy {
 public:
  Complainer(Reading& reading, const Tokens& tokens) : reading_(reading), tokens_(tokens) {}

  void reset(antlr4::Parser*) override {}
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void recover(antlr4::Parser* parser, std::exception_ptr error) override;
  void sync(antlr4::Parser* parser) override;
  bool inErrorRecoveryMode(antlr4::Parser*) override { return false; }
  void reportMatch(antlr4::Parser*) override {}
  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override;

 private:
  size_t end_of_statement(size_t begin, size_t mistake) const;
  void skip(antlr4::Parser* parser, size_t begin);
  void complain(antlr4::Parser* parser, size_t found);

  Reading& reading_;
  const Tokens& tokens_;
  bool climbing_ = false;
  /// Where the mistake being dealt with is, and what to say of it once we know that nothing else was said.
  size_t mistake_ = 0;
  diagnostics::Diagnostic message_ = {};
};

}  // namespace am::parse
