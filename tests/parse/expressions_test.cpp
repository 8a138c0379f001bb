// How expressions group. The right-hand column is the tree in prefix form.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

struct Row {
  const char* text;
  const char* tree;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(formula(row.text), row.tree) << row.text;
}

TEST(Expressions, OperatorsBindAsInMathematics) {
  check({
      {"a + b·c", "(+ a (· b c))"},
      {"a·b + c", "(+ (· a b) c)"},
      {"a − b − c", "(- (- a b) c)"},
      {"a/b·c", "(· (/ a b) c)"},
      {"a*b/c@d", "(· (/ (* a b) c) d)"},
      {"a − −b", "(- a (- b))"},
      {"−a·b", "(· (- a) b)"},
      {"−a + b", "(+ (- a) b)"},
      {"a·−b·c", "(· (· a (- b)) c)"},
      {"−x²", "(- (^ x 2))"},
      {"−x^2", "(- (^ x 2))"},
      {"2^−3", "(^ 2 (- 3))"},
      {"2^−x^3", "(^ 2 (- (^ x 3)))"},
      {"2^3^4", "(^ 2 (^ 3 4))"},
      {"(2^3)^4", "(^ (^ 2 3) 4)"},
      {"x²³", "(^ x 23)"},
      {"x² ³", "(^ (^ x 2) 3)"},
      {"2^x²", "(^ 2 (^ x 2))"},
      {"x⁻¹", "(^ x (- 1))"},
      {"x¹⁰", "(^ x 10)"},
      {"a < b + 1", "(< a (+ b 1))"},
      {"not a < b", "(not (< a b))"},
      {"not a and not b or c", "(or (and (not a) (not b)) c)"},
      {"a or b and c", "(or a (and b c))"},
      {"0..1 by 0.1", "(range 0 1 0.1)"},
      {"a + 1..2·b", "(range (+ a 1) (· 2 b) _)"},
      {"\"x1\"..\"x5\"", "(range 'x1' 'x5' _)"},
      {"(a + b)·c", "(· (+ a b) c)"},
  });
}

TEST(Expressions, DerivativesBindTighterThanPowersAndLooserThanCalls) {
  check({
      {"∇s(x, t)²", "(^ (grad (call s x t)) 2)"},
      {"|∇s(x, t)|²", "(^ (norm (grad (call s x t))) 2)"},
      {"∂t s(x, t)", "(partial:t (call s x t))"},
      {"∂t (w(t)·s(x, t))", "(partial:t (· (call w t) (call s x t)))"},
      {"∂t(w·s)", "(partial:t (· w s))"},
      {"∂ₜ s(x)", "(partial:t (call s x))"},
      {"∂ₜs(x)", "(partial:t (call s x))"},
      {"∂x₀ f", "(partial:x₀ f)"},
      {"Δs(x, t)", "(lap (call s x t))"},
      {"∆s(x, t)", "(lap (call s x t))"},
      {"½·σ²·Δs(x)", "(· (· ½ (^ σ 2)) (lap (call s x)))"},
      {"∇·v(x)", "(div (call v x))"},
      {"∇·∇s(x)", "(div (grad (call s x)))"},
      {"∇∂t s(x)", "(grad (partial:t (call s x)))"},
      {"∇[y] f(x, y)", "(grad:y (call f x y))"},
      {"∇s(x)[0]", "(grad (index (call s x) 0))"},
      {"T·∇phase(x, t)", "(· T (grad (call phase x t)))"},
      {"−∇s(x)", "(- (grad (call s x)))"},
  });
}

TEST(Expressions, AsciiSpellingsMeanTheSame) {
  const std::vector<std::pair<const char*, const char*>> pairs = {
      {"a − b", "a - b"},
      {"a·b", "a @ b"},
      {"x²", "x^2"},
      {"∇s(x)", "grad s(x)"},
      {"∇[y] s(x, y)", "grad[y] s(x, y)"},
      {"∂t s(x, t)", "d[t] s(x, t)"},
      {"∂t (s)", "d[t] (s)"},
      {"Δs(x)", "lap s(x)"},
      {"∇·v(x)", "div v(x)"},
      {"∇Δs(x)", "grad lap s(x)"},
      {"∫[t = a..b] f", "integral[t = a..b] f"},
      {"𝔼[x ~ q(t)] f", "E[x ~ q(t)] f"},
      {"a ≤ b", "a <= b"},
      {"a ≠ b", "a != b"},
      {"2·π", "2·pi"},
      {"∞", "inf"},
      {"s′", "s'"},
  };
  for (const auto& [unicode, ascii] : pairs) EXPECT_EQ(formula(unicode), formula(ascii)) << unicode;
}

TEST(Expressions, NumbersKeepTheirTextAndHaveTheirValue) {
  const std::vector<std::pair<const char*, double>> numbers = {
      {"5_000", 5000}, {"14_000.0", 14000}, {"1e-4", 1e-4}, {"1e−4", 1e-4}, {".5", 0.5},   {"2.5e+3", 2500},
      {"½", 0.5},      {"¼", 0.25},         {"¾", 0.75},    {"⅓", 1.0 / 3}, {"1e-999", 0}, {"0", 0}};
  for (const auto& [text, value] : numbers) {
    const Parsed parsed = parse_formula(text);
    ASSERT_TRUE(parsed.expression.valid()) << text << parsed.complaints();
    EXPECT_EQ(parsed.program[parsed.expression].number, value) << text;
    EXPECT_EQ(parsed.program[parsed.expression].text, text);
  }
}

TEST(Expressions, NamesHoldLettersOfAnyAlphabetSubscriptsAndPrimes) {
  for (const char* name : {"σ", "x₀", "s'", "x₀'", "_a1", "λ_max", "ħ", "ℓ", "é", "ж", "名前", "𝒩", "𝐱ₜ", "x̂", "aᵢⱼ"})
    EXPECT_EQ(formula(name), name);
  for (const char* text : {"aΔb", "a∂b", "a²b"}) EXPECT_NE(formula(text).find("missing"), std::string::npos) << text;
}

TEST(Expressions, TwoDotsAreNeverPartOfANumber) {
  check({{"0..1", "(range 0 1 _)"},
         {"0.5..1.5", "(range 0.5 1.5 _)"},
         {"0...5", "(range 0 .5 _)"},
         {"q.start..q.end", "(range (.start q) (.end q) _)"}});
}

TEST(Expressions, AveragesTakeTheRestOfTheProductButNotOfTheSum) {
  check({
      {"E[x ~ q(0)] a·b − c", "(- (expect x: (call q 0) (· a b)) c)"},
      {"E[x, u ~ q(t)] |u|²", "(expect x: u: (call q t) (^ (norm u) 2))"},
      {"½·E[x ~ q] a·b", "(· ½ (expect x: q (· a b)))"},
      {"−E[x ~ q] a·b", "(- (expect x: q (· a b)))"},
      {"a/E[x ~ q] b/c", "(/ a (expect x: q (/ b c)))"},
      {"(E[x ~ q] a)·b", "(· (expect x: q a) b)"},
      {"∫[t = 0..1] E[x ~ q(t)] f(x)·g", "(integral t: 0 1 _ (expect x: (call q t) (· (call f x) g)))"},
      {"∫[t = a..b by gauss(8)] f + c", "(+ (integral t: a b (call gauss 8) f) c)"},
      {"E[x ~ q] ( a + b )", "(expect x: q (+ a b))"},
  });
}

TEST(Expressions, BarsAreToldApartByWhatStandsBeforeThem) {
  check({
      {"|x|", "(norm x)"},
      {"‖v‖", "(norm v)"},
      {"| |a| − b |", "(norm (- (norm a) b))"},
      {"||a| − b|", "(norm (- (norm a) b))"},
      {"|a − |b||", "(norm (- a (norm b)))"},
      {"|a·|b|·c|", "(norm (· (· a (norm b)) c))"},
      {"|u|^(cost/(cost−1))", "(^ (norm u) (/ cost (- cost 1)))"},
      {"|x| − |y|", "(- (norm x) (norm y))"},
      {"|f(|x|)|", "(norm (call f (norm x)))"},
      {"|[1, |x|]|", "(norm (list 1 (norm x)))"},
      {"|x²|", "(norm (^ x 2))"},
      {"‖|a| − b‖", "(norm (- (norm a) b))"},
      {"norm(v)", "(call norm v)"},
      {"|E[x ~ q] |x| − 1|", "(norm (- (expect x: q (norm x)) 1))"},
      {"|f(fn(x) |x|)|", "(norm (call f (fn (x) {(norm x)})))"},
      {"|a·over|", "(norm (· a over))"},
      {"½·|x − m(x)|²", "(· ½ (^ (norm (- x (call m x))) 2))"},
  });
}

TEST(Expressions, CallsListsAndFunctions) {
  check({
      {"f()", "(call f)"},
      {"n(64)(h)", "(call (call n 64) h)"},
      {"x[0].a(1)", "(call (.a (index x 0)) 1)"},
      {"adam(lr = 1e-3, p)", "(call adam lr=1e-3 p)"},
      {"[x, t]", "(list x t)"},
      {"[]", "(list)"},
      {"fn(x) x + 1", "(fn (x) {(+ x 1)})"},
      {"fn(x, t = 1) { y = x; y·t }", "(fn (x t=1) {(let y x) (· y t)})"},
      {"am(weight = fn(t) 1, b = 2)", "(call am weight=(fn (t) {1}) b=2)"},
      {"(fn(x) x)(3)", "(call (fn (x) {x}) 3)"},
      {"\"a \\\"b\\\" \\\\\"", "'a \"b\" \\'"},
  });
}

TEST(Expressions, WordsAreNamesWhereAKeywordCannotStand) {
  check({
      {"f(from = 1, over = 0..1, by = 2, step = 3, data = d)", "(call f from=1 over=(range 0 1 _) by=2 step=3 data=d)"},
      {"data·path + sample", "(+ (· data path) sample)"},
      {"q.over.from.by", "(.by (.from (.over q)))"},
      {"0..by by from", "(range 0 by from)"},
      {"grad + lap·div", "(+ grad (· lap div))"},
      {"d[i] + d[0]", "(+ (index d i) (index d 0))"},
      {"|d[i]|", "(norm (index d i))"},
      {"0..d[t] by 0.1", "(range 0 (index d t) 0.1)"},
      {"(d[i])(x)", "(call (index d i) x)"},
      {"xE[0]", "(index xE 0)"},
      {"x.d[t]", "(index (.d x) t)"},
      {"d [t]", "(index d t)"},
  });
}

TEST(Expressions, SpansCoverTheWholeOfAnOperandAndFocusItsOperator) {
  const Parsed parsed = parse_formula("σ·(a + b)²");
  const ast::Expr& product = parsed.program[parsed.expression];
  EXPECT_EQ(parsed.sources.text(product.span), "σ·(a + b)²");
  EXPECT_EQ(parsed.sources.text(product.focus), "·");
  const ast::Expr& power = parsed.program[product.operands[1]];
  EXPECT_EQ(parsed.sources.text(power.span), "(a + b)²");
  EXPECT_EQ(parsed.sources.text(parsed.program[power.operands[0]].span), "(a + b)");
  EXPECT_EQ(parsed.sources.locate(power.span).column, 3);
}

// A choice that needs more than one token of lookahead runs the library's prediction, which is slow at first use.
TEST(Grammar, OneTokenOfLookaheadDecidesEverywhere) {
  std::ifstream in(AM_GENERATED_PARSER);
  ASSERT_TRUE(in) << AM_GENERATED_PARSER;
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find("AmParser::program()"), std::string::npos);
  EXPECT_EQ(text.str().find("adaptivePredict"), std::string::npos);
}

}  // namespace
}  // namespace am::parse::testing
