// What is said about mistakes, and where. Columns count code points.
#include <gtest/gtest.h>

#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

using diagnostics::Kind;

struct Row {
  const char* text;
  Kind kind;
  int line, column;
  const char* part;             // of the message
  const char* suggestion = "";  // part of it
};

/// The row's mistake must be the only thing reported.
void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Parsed parsed = parse_program(row.text);
    const auto found = parsed.sink.sorted();
    ASSERT_EQ(found.size(), 1u) << row.text << "\n" << parsed.complaints();
    const source::Location at = parsed.sources.locate(found[0].span);
    EXPECT_EQ(found[0].kind, row.kind) << row.text << "\n" << parsed.complaints();
    EXPECT_EQ(at.line, row.line) << row.text << "\n" << parsed.complaints();
    EXPECT_EQ(at.column, row.column) << row.text << "\n" << parsed.complaints();
    EXPECT_NE(found[0].message.find(row.part), std::string::npos) << row.text << "\n" << parsed.complaints();
    EXPECT_NE(found[0].suggestion.find(row.suggestion), std::string::npos) << row.text << "\n" << parsed.complaints();
  }
}

TEST(Errors, SayWhatWasExpectedInWords) {
  check({
      {"const a = b ·", Kind::SyntaxError, 1, 14, "expected an expression after `·`, found the end of the text"},
      {"const a = b ·\n", Kind::SyntaxError, 1, 14, "expected an expression after `·`, found the end of the line"},
      {"const a = b ·\nconst c = 1\n", Kind::SyntaxError, 1, 14, "after `·`, found the end of the line"},
      {"fn f(x) {\n  y = σ +\n  z = 1\n  z\n}", Kind::SyntaxError, 2, 10, "expected an expression after `+`"},
      {"const a =", Kind::SyntaxError, 1, 10, "expected an expression after `=`"},
      {"const a = f(1, )", Kind::SyntaxError, 1, 16, "expected an expression after `,`, found `)`"},
      {"const = 3", Kind::SyntaxError, 1, 1, "a declaration begins with a word", "const"},
      {"fn f(2) = 1", Kind::SyntaxError, 1, 6, "expected the name of a parameter or `)`, found `2`"},
      {"path q(t) { t }", Kind::SyntaxError, 1, 11, "expected `over` after `)`, found `{`"},
      {"sample p flow", Kind::SyntaxError, 1, 10, "expected `from` after `p`, found `flow`"},
      {"net n(x) = x", Kind::SyntaxError, 1, 10, "expected `{` after `)`, found `=`"},
      {"fn f(x) { a = 1; ) }", Kind::SyntaxError, 1, 18, "`)` closes nothing"},
      {"fn f(x) {\n  = 3\n  x\n}", Kind::SyntaxError, 2, 3, "expected"},
      {"const a = q.", Kind::SyntaxError, 1, 13, "expected a name after `.`"},
      {"const a = E[x] f", Kind::SyntaxError, 1, 14, "expected `~`"},
      {"const a = ∫[t = 0] f", Kind::SyntaxError, 1, 18, "expected `..` after `0`, found `]`"},
      {"const a = +1", Kind::SyntaxError, 1, 11, "`+` stands between two expressions"},
  });
}

TEST(Errors, CountColumnsInCodePoints) {
  check({
      {"const σ₀ = ½·σ σ", Kind::SyntaxError, 1, 16, "an operator is missing between `σ` and `σ`"},
      {"const σ₀ = σ·?", Kind::InvalidCharacter, 1, 14, "`?` is not a character of the language"},
  });
}

TEST(Errors, UnclosedBracketsPointAtTheOpeningOne) {
  check({
      {"fn f(x) {\n  y = sin(x\n  y\n}\n", Kind::MissingBracket, 2, 10, "`(` is never closed"},
      {"const a = [1, 2\nconst b = 3\n", Kind::MissingBracket, 1, 11, "`[` is never closed"},
      {"const a = |x + 1\n", Kind::MissingBracket, 1, 11, "`|` is never closed"},
      {"const a = E[x ~ q f\n", Kind::MissingBracket, 1, 12, "`[` is never closed"},
      {"fn f(x) {\n  x\n\nconst a = 1\n", Kind::MissingBracket, 1, 9, "`{` is never closed"},
      {"const a = f(x]\n", Kind::SyntaxError, 1, 14, "`]` closes `(`"},
      {"const a = x)\n", Kind::SyntaxError, 1, 12, "`)` closes nothing"},
      {"fn f(x) = x }\n", Kind::SyntaxError, 1, 13, "`}` closes nothing"},
      {"const a = (b·|x)·c", Kind::MissingBracket, 1, 14, "`|` is never closed"},
  });
}

TEST(Errors, FrequentMistakesHaveTheirOwnWords) {
  check({
      {"data d = csv(\"a.csv)", Kind::UnterminatedString, 1, 14, "no closing quote"},
      {"const a == 3", Kind::AssignmentInExpression, 1, 9, "`==` compares", "`=`"},
      {"train m = f { steps == 5 }", Kind::AssignmentInExpression, 1, 21, "`==` compares"},
      {"fn f(x) { y == 3\n x }", Kind::AssignmentInExpression, 1, 13, "`==` compares"},
      {"const a = x ** 2", Kind::SyntaxError, 1, 13, "`**` is not an operator", "x^2"},
      {"const a = 1 // one", Kind::SyntaxError, 1, 13, "`//` is no comment", "`#`"},
      {"const a 4", Kind::SyntaxError, 1, 9, "expected `=` after `a`, found `4`"},
      {"train m f(x)", Kind::SyntaxError, 1, 9, "expected `=` after `m`"},
      {"train m = f { steps 5 }", Kind::SyntaxError, 1, 21, "expected `=` after `steps`, found `5`"},
      {"potental s(x, t) = |x|", Kind::SyntaxError, 1, 1, "`potental` is not a word", "`potential`"},
      {"tran m = f", Kind::SyntaxError, 1, 1, "`tran` is not a word", "`train`"},
      {"let x = 3", Kind::SyntaxError, 1, 1, "`let`", "const x"},
      {"var x = 3", Kind::SyntaxError, 1, 1, "`var`", "const x"},
      {"def f(x) = 3", Kind::SyntaxError, 1, 1, "`def`", "fn f(x)"},
      {"fn f(x) { let y = x; y }", Kind::SyntaxError, 1, 11, "`let`", "write `x = …`"},
      {"fn f(x) { return x }", Kind::SyntaxError, 1, 11, "`return` is not needed"},
      {"x = 3", Kind::SyntaxError, 1, 1, "a declaration begins with a word", "const x"},
      {"3 + 4", Kind::SyntaxError, 1, 1, "expected a declaration"},
      {"const f = lambda x: x + 1", Kind::SyntaxError, 1, 11, "begins with `fn`", "fn(x)"},
      {"const f = λx. x + 1", Kind::SyntaxError, 1, 11, "begins with `fn`", "fn(x)"},
      {"const a = 2x", Kind::SyntaxError, 1, 12, "an operator is missing between `2` and `x`", "`2·x`"},
      {"const a = 2(x + 1)", Kind::SyntaxError, 1, 11, "the number `2` is no function", "2·(…)"},
      {"const a = f(x y)", Kind::SyntaxError, 1, 15, "an operator or `,` is missing"},
      {"const a = 0 < x < 1", Kind::SyntaxError, 1, 17, "comparisons do not chain", "a < b and b < c"},
      {"const a = !b", Kind::InvalidCharacter, 1, 11, "`!`", "`not`"},
      {"const a = b && c", Kind::InvalidCharacter, 1, 13, "`&`", "`and`"},
      {"const a = b || c", Kind::SyntaxError, 1, 13, "`||` is not an operator", "`or`"},
      {"fn f(x) { if x = 3 { x } }", Kind::SyntaxError, 1, 16, "`=` binds a name", "`==`"},
      {"fn f(x) { x + 1 = 3\n x }", Kind::SyntaxError, 1, 17, "`=` needs a single name"},
      {"fn f(x) { y = if x { 1 } else { 2 }\n y }", Kind::SyntaxError, 1, 15, "`if` is a statement", "where("},
      {"fn f(x) {\n  potential s(y) = y\n  x\n}", Kind::SyntaxError, 2, 3, "`potential` declares"},
      {"dynamics a(s) { minimise E[x ~ q] s }", Kind::SyntaxError, 1, 17, "`minimise`", "`minimize`"},
      {"net n(k) { apply(x) { param W: Q[k]\n W·x } }", Kind::SyntaxError, 1, 32, "`Q` is not a type", "`R`"},
      {"data d = csv(\"C:\\data\")", Kind::SyntaxError, 1, 17, "`\\d` is not an escape"},
      {"const a = 1e999", Kind::SyntaxError, 1, 11, "too large"},
      {"const a = ∂ t s", Kind::InvalidCharacter, 1, 11, "`∂`", "∂t e"},
      {"train m = f { 3 }", Kind::SyntaxError, 1, 15, "expected a setting"},
      {"fn f(x) = x; else", Kind::SyntaxError, 1, 14, "expected a declaration"},
  });
}

TEST(Errors, SeveralMistakesAreReportedInOneRun) {
  const Parsed parsed = parse_program(
      "const a = ·\n"
      "fn f(x) {\n"
      "  y = (x\n"
      "  z = x y\n"
      "  w = x + 1\n"
      "  w·\n"
      "}\n"
      "potental s(x) = x\n"
      "train m = am(s) {\n"
      "  steps 5\n"
      "  batch = = 2\n"
      "  seed = 1\n"
      "}\n"
      "const b = 1\n");
  std::vector<int> lines;
  for (const auto& d : parsed.sink.sorted()) lines.push_back(parsed.sources.locate(d.span).line);
  EXPECT_EQ(lines, (std::vector<int>{1, 3, 4, 6, 8, 10, 11})) << parsed.complaints();
  std::vector<std::string> names;
  for (const auto& d : parsed.program.declarations) names.push_back(d.name);
  EXPECT_EQ(names, (std::vector<std::string>{"f", "s", "m", "b"}));
  EXPECT_EQ(prefix_form(parsed.program, parsed.program.declarations[0]),
            "fn f (x) {(error) (error) (let w (+ x 1)) (error)}");
  EXPECT_EQ(prefix_form(parsed.program, parsed.program.declarations[2]), "train m = (call am s) seed=1");
}

TEST(Errors, OneStatementComplainsOnce) {
  for (const char* text : {"const a = (x y z = [ ? 3 ** ··\n", "const a = ? ? ? ) ) )\n", "fn f( = { a b c; d e }\n"}) {
    const Parsed parsed = parse_program(text);
    EXPECT_LE(parsed.sink.sorted().size(), 3u) << parsed.complaints();
    EXPECT_GE(parsed.sink.sorted().size(), 1u) << text;
  }
  EXPECT_EQ(parse_program("const a = b c d e f g\n").sink.sorted().size(), 1u);
}

TEST(Errors, FormulasReportAndGiveNothing) {
  for (const char* text : {"", "a +", "a b", "const a = 1", "x = 3", "(a"}) {
    const Parsed parsed = parse_formula(text);
    EXPECT_FALSE(parsed.expression.valid()) << text;
    EXPECT_EQ(parsed.sink.sorted().size(), 1u) << text << parsed.complaints();
  }
}

}  // namespace
}  // namespace am::parse::testing
