// Expressions as mathematics: what groups, what stands above and below, and that names stay text.
#include <gtest/gtest.h>

#include <regex>

#include "compiler/parse/parse.h"

namespace am {
namespace {

std::string mathml(const std::string& expression) {
  source::Sources sources;
  ast::Program program;
  diagnostics::Sink sink;
  const ast::ExprId id = parse::parse_expression(sources, sources.add("e", expression), program, sink);
  EXPECT_TRUE(id.valid() && !sink.has_errors()) << expression;
  return id.valid() ? ast::mathml(program, id) : "";
}

/// Without tags: what is read from left to right.
std::string read(const std::string& expression) {
  std::string text = std::regex_replace(mathml(expression), std::regex("<[^>]*>"), "");
  for (size_t at; (at = text.find("\u2061")) != std::string::npos;) text.erase(at, 3);
  return text;
}

TEST(Mathml, ReadsAsWritten) {
  EXPECT_EQ(read("a + b·c - d"), "a+b·c−d");
  EXPECT_EQ(read("(a + b)·c"), "(a+b)·c");
  EXPECT_EQ(read("a - (b - c)"), "a−(b−c)");
  EXPECT_EQ(read("-(a + b)"), "−(a+b)");
  EXPECT_EQ(read("s(x, 0)"), "s(x,0)");
  EXPECT_EQ(read("[x, t] * y"), "[x,t]⊙y");
  EXPECT_EQ(read("a <= b and not c"), "a≤b∧¬c");
  EXPECT_EQ(read("d.start"), "d.start");
  EXPECT_EQ(read("|grad s(x, t)|"), "|∇s(x,t)|");
  EXPECT_EQ(read("div v(x, t) + lap s(x, t)"), "∇·v(x,t)+Δs(x,t)");
}

// Where the layout groups there are no parentheses; elsewhere they are those of the script.
TEST(Mathml, LayoutGroups) {
  EXPECT_EQ(mathml("(a + b)/(c·d)"),
            "<math display=\"block\"><mfrac><mrow><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow></mrow><mrow><mrow><mi>c</mi>"
            "<mo>·</mo><mi>d</mi></mrow></mrow></mfrac></math>");
  EXPECT_EQ(read("x^(a + b)"), "xa+b");
  EXPECT_EQ(read("(a + b)^2"), "(a+b)2");
  EXPECT_EQ(read("(-x)^2"), "(−x)2");
  EXPECT_NE(mathml("½·x").find("<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"), std::string::npos);
  EXPECT_NE(mathml("x₁₂").find("<msub><mi>x</mi><mn>12</mn></msub>"), std::string::npos);
  EXPECT_NE(mathml("sqrt(a + b)").find("<msqrt>"), std::string::npos);
}

TEST(Mathml, BigSignsHaveWhatTheyAreOver) {
  EXPECT_NE(mathml("E[x ~ q(t)] s(x, t)").find("<munder><mo movablelimits=\"false\">𝔼</mo><mrow><mi>x</mi><mo>∼</mo>"), std::string::npos);
  EXPECT_NE(mathml("∫[t = 0..1] f(t)").find("<msubsup><mo>∫</mo><mrow><mn>0</mn></mrow><mrow><mn>1</mn></mrow></msubsup>"), std::string::npos);
  // E takes the whole product behind it; what comes before a factor needs parentheses, a sum ends it.
  EXPECT_EQ(read("E[x ~ q(t)] a·b + c"), "𝔼x∼q(t)a·b+c");
  EXPECT_EQ(read("(E[x ~ q(t)] a)·b"), "(𝔼x∼q(t)a)·b");
  EXPECT_EQ(read("E[x ~ q(t)] (a + b)"), "𝔼x∼q(t)(a+b)");
}

TEST(Mathml, TextStaysText) {
  EXPECT_NE(mathml("f(\"<script>&\")").find("<mtext>&lt;script&gt;&amp;</mtext>"), std::string::npos);
  EXPECT_NE(mathml("a < b").find("<mo>&lt;</mo>"), std::string::npos);
}

}  // namespace
}  // namespace am
