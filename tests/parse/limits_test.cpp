// Text of any size and nesting ends in a tree or a message, never in a crash.
#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

std::string times(int n, const std::string& text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(Limits, TwoHundredNestedBracketsParse) {
  EXPECT_EQ(formula(times(200, "(") + "x" + times(200, ")")), "x");
  EXPECT_TRUE(parse_formula(times(200, "[") + times(200, "]")).expression.valid());
  EXPECT_TRUE(parse_formula(times(200, "f(") + "x" + times(200, ")")).expression.valid());
}

struct Nest {
  std::string open, middle, close;
};

void expect_refusal(const Nest& nest, int n) {
  const Parsed parsed = parse_formula(times(n, nest.open) + nest.middle + times(n, nest.close));
  ASSERT_EQ(parsed.sink.sorted().size(), 1u) << nest.open << nest.close;
  EXPECT_NE(parsed.complaints().find("nested"), std::string::npos) << nest.open << nest.close;
  EXPECT_FALSE(parsed.expression.valid());
}

TEST(Limits, DeeperNestingIsOneClearError) {
  const std::vector<Nest> nests = {{"(", "x", ")"},     {"[", "x", "]"},        {"|", "x", "|"},      {"f(", "x", ")"},
                                   {"x[", "0", "]"},    {"fn(x) ", "x", ""},    {"not ", "x", ""},    {"2^", "x", ""},
                                   {"a·", "x", ""},     {"−", "x", ""},         {"∇", "x", ""},       {"a + ", "x", ""},
                                   {"a and ", "x", ""}, {"", "x", "²  "},       {"", "x", "[0]"},     {"", "x", "(0)"},
                                   {"", "x", ".a"},     {"E[x ~ q] ", "x", ""}, {"fn(x) {", "x", "}"}};
  for (const Nest& nest : nests) expect_refusal(nest, 3000);
  for (const Nest& nest : {nests[0], nests[8], nests[11]}) expect_refusal(nest, 100'000);
}

TEST(Limits, DeepBlocksAreRefusedToo) {
  for (const char* opening : {"repeat 2 {", "if a {", "fn g(x) {", "g(x) {"}) {
    const Parsed parsed = parse_program("fn f(x) {" + times(5000, opening) + "x" + times(5001, "}"));
    ASSERT_EQ(parsed.sink.sorted().size(), 1u) << opening;
    EXPECT_NE(parsed.complaints().find("nested"), std::string::npos) << opening;
  }
  const Parsed chain = parse_program("fn f(x) {" + times(5000, "if a { b } else ") + "{ c } }");
  EXPECT_NE(chain.complaints().find("nested"), std::string::npos);
}

TEST(Limits, InvalidUtf8HasAPlace) {
  const Parsed parsed = parse_program("const σ = 1\nconst b = \"\xC3(\"\n");
  const auto found = parsed.sink.sorted();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, diagnostics::Kind::InvalidUtf8);
  EXPECT_EQ(parsed.sources.locate(found[0].span).line, 2);
  EXPECT_EQ(parsed.sources.locate(found[0].span).column, 12);
  EXPECT_TRUE(parsed.program.declarations.empty());
}

/// Random lines made of the language's own tokens: most are wrong, none may crash or loop.
TEST(Limits, AnyTokensEndInATreeOrAMessage) {
  const std::vector<std::string> words = {
      "const", "fn",    "path",   "train", "sample", "from",  "over",    "by",    "if",  "else", "repeat", "minimize",
      "param", "x",     "s",      "d",     "[t]",    "d[t] ", "grad ",   "∇",     "∂t ", "Δ",    "∇·",     "E[",
      "∫[",    "(",     ")",      "[",     "]",      "{",     "}",       "|",     "‖",   "=",    "~",      "==",
      "..",    ".",     ",",      ";",     "\n",     "+",     "−",       "·",     "/",   "^",    "²",      "1",
      "½",     "\"a\"", "\"",     "#c\n",  "##d\n",  "and",   "not",     ":",     "**",  "//a",  "?",      "fn(x)",
      "\r\n",  "é",     "lambda", "let",   "x = ",   "x ~ ",  "f(x) = ", "f(x) {"};
  std::mt19937 random(7);
  int clean = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    const int length = 1 + static_cast<int>(random() % 40);
    for (int i = 0; i < length; ++i) text += words[random() % words.size()] + (random() % 3 ? " " : "");
    const Parsed parsed = parse_program(text);
    clean += parsed.sink.sorted().empty();
    for (const auto& d : parsed.sink.sorted()) {
      ASSERT_TRUE(d.span.known()) << text;
      ASSERT_LE(d.span.begin, d.span.end) << text;
      ASSERT_LE(d.span.end, text.size()) << text;
      ASSERT_FALSE(d.message.empty());
    }
    // What is kept of a wrong program can still be printed.
    ast::print(parsed.program);
  }
  EXPECT_LT(clean, 400);
}

TEST(Limits, LongFilesTakeTimeInProportion) {
  const std::string line = "fn f(x) = a·x[0]² + |x − b|/(2·c)\n";
  const auto seconds = [&](int n) {
    const std::string text = times(n, line);
    const std::clock_t begin = std::clock();
    EXPECT_EQ(parse_program(text).program.declarations.size(), static_cast<size_t>(n));
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  seconds(100);
  const double small = std::min({seconds(500), seconds(500), seconds(500)});
  EXPECT_LT(seconds(4000), 40 * small + 0.2);
}

}  // namespace
}  // namespace am::parse::testing
