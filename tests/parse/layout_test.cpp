// Where statements end.
#include <gtest/gtest.h>

#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

void check(const std::vector<std::pair<const char*, const char*>>& rows) {
  for (const auto& [text, tree] : rows) EXPECT_EQ(block(text), tree) << text;
}

TEST(Layout, AStatementEndsWithItsLine) {
  check({
      {"\n a = 1\n b = 2\n\n\n a + b\n", "{(let a 1) (let b 2) (+ a b)}"},
      {"a = 1; b = 2; c", "{(let a 1) (let b 2) c}"},
      {"a = 1;\n;; b", "{(let a 1) b}"},
      {"a = f\n (b)", "{(let a f) b}"},
      {"a = f\n [b]", "{(let a f) (list b)}"},
      {"a = b\n |c|", "{(let a b) (norm c)}"},
      {"a = 1 # + comment\n b", "{(let a 1) b}"},
  });
}

TEST(Layout, ALineGoesOnAfterAnOperatorAndBeforeOne) {
  check({
      {"a +\n b", "{(+ a b)}"},
      {"a ·\n\n # why\n b", "{(· a b)}"},
      {"a\n + b", "{(+ a b)}"},
      {"a\n\n − b", "{(- a b)}"},
      {"a\n - b", "{(- a b)}"},
      {"a\n and b\n or not\n c", "{(or (and a b) (not c))}"},
      {"a\n == b", "{(== a b)}"},
      {"y =\n a", "{(let y a)}"},
      {"y ~\n a", "{(draw y a)}"},
      {"0..\n 1", "{(range 0 1 _)}"},
      {"∇\n s(x)", "{(grad (call s x))}"},
      {"g(y) =\n y\n a", "{(member g (y) {y}) a}"},
  });
}

TEST(Layout, LinesDoNotCountInsideBrackets) {
  check({
      {"f(\n a,\n b\n )", "{(call f a b)}"},
      {"(a\n (b)\n )", "{(call a b)}"},
      {"[\n a\n ,\n b]", "{(list a b)}"},
      {"|a\n + b\n |", "{(norm (+ a b))}"},
      {"E[x ~\n q(t)\n ] f", "{(expect x: (call q t) f)}"},
      {"|fn\n (y) |y||", "{(norm (fn (y) {(norm y)}))}"},
      {"∫[t = 0..1\n ] (\n f )", "{(integral t: 0 1 _ f)}"},
  });
}

TEST(Layout, BracesInsideBracketsBeginAnew) {
  check({{"g(fn(y) {\n a = y\n a\n },\n b)", "{(call g (fn (y) {(let a y) a}) b)}"}});
}

TEST(Layout, BracesAndElseMayStandOnTheNextLine) {
  EXPECT_EQ(declarations("train m = a\n{\n steps = 1\n}\nfn f(x)\n = x"), "train m = a steps=1\nfn f (x) {x}");
  check({{"if a\n {\n b\n }\n else\n {\n c\n }\n", "{(if a {b} {c})}"}});
}

TEST(Layout, CarriageReturnsAndAByteOrderMarkAreBlanks) {
  EXPECT_EQ(declarations("\xEF\xBB\xBF"
                         "const a = 1\r\n## doc\r\nconst b = a\r\n  + 2\r\n"),
            "const a = 1\nconst b = (+ a 2)");
  const Parsed parsed = parse_program("\xEF\xBB\xBF## doc\r\nconst σ = ?\r\n");
  ASSERT_EQ(parsed.sink.sorted().size(), 1u);
  EXPECT_EQ(parsed.sources.text(parsed.sink.sorted()[0].span), "?");
}

TEST(Layout, EmptyFilesAreEmptyPrograms) {
  for (const char* text : {"", "\n", "  \t\n\r\n", "# only a comment", "## only documentation", "\xEF\xBB\xBF", ";;"})
    EXPECT_EQ(declarations(text), "") << text;
}

}  // namespace
}  // namespace am::parse::testing
