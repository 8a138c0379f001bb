// Printing and parsing again gives the same tree, in both spellings, and a second print changes nothing.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/parse/forest.h"
#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

using ast::Program;
using ast::Spelling;

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void expect_round_trip(const Program& program, const std::string& what) {
  for (const Spelling spelling : {Spelling::Unicode, Spelling::Ascii}) {
    const std::string printed = ast::print(program, spelling);
    const Parsed again = parse_program(printed);
    ASSERT_EQ(again.complaints(), "") << what << "\nprinted as\n" << printed;
    ASSERT_TRUE(ast::same(program, again.program)) << what << "\nprinted as\n" << printed;
    ASSERT_EQ(ast::print(again.program, spelling), printed) << what;
  }
}

TEST(RoundTrip, ScriptsAndTheStandardLibrary) {
  const auto files = scripts({"examples", "stdlib", "scripts", "../shared/scripts"});
  if (files.empty()) GTEST_SKIP() << "no scripts beside the sources";
  for (const auto& path : files) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    const Parsed parsed = parse_program(text.str());
    EXPECT_EQ(parsed.complaints(), "") << path;
    EXPECT_FALSE(parsed.program.declarations.empty()) << path;
    expect_round_trip(parsed.program, path.string());
  }
}

TEST(RoundTrip, EveryDeclarationAndStatement) {
  for (const char* text : {
           "## What it is.\n##\n## More.\nconst a = 4·π\nconst b = ∞\nconst c = ⅓\n",
           "fn f(x, t = 1) = −x\nfn g(x) { a = 1\n (−x) }\nfn h(x) { (−x)\n a\n }\nfn e(x) { }",
           "net n(out = 1) { apply(x) { param W: R[out, dim(x)] = z()\n param b: R\n W·x + b } }",
           "path q(t) over 0..1 { z ~ normal(2)\n z }\npath p(d)(t) over d.start..d.end { x ~ d(t); x }\npath o = "
           "ot(d)",
           "dynamics a(s, q) { fn w(t) = 1\n minimize E[x ~ q] s\n drift(x, t) = ∇s(x, t)\n noise(t) { a = 1; a } }",
           "optimizer o(lr = 1) { state m = 0\n update(p, g) { if lr > 1 { p } else if lr { g } else { m } } }",
           "fn f(x) { repeat 3 { x = g(x) }\n (minimize(x)) }",
           "train m = am(s, q) { steps = 5_000; data = d }\nsample p from m { }\nevaluate m { metrics = [w2] }",
           "fn f(x) = map(fn(y) { a = y; repeat 2 { a = a·a }; a }, x)",
           "data d = csv(\"a \\\"quoted\\\" \\\\ name.csv\", columns = \"x1\"..\"x5\")",
       }) {
    const Parsed parsed = parse_program(text);
    ASSERT_EQ(parsed.complaints(), "") << text;
    expect_round_trip(parsed.program, text);
  }
}

TEST(RoundTrip, PrintsCanonically) {
  const auto print = [](const std::string& text, Spelling spelling) {
    const Parsed parsed = parse_formula(text);
    return parsed.expression.valid() ? ast::print(parsed.program, parsed.expression, spelling) : parsed.complaints();
  };
  const std::vector<std::array<const char*, 3>> rows = {
      {"(a)+(b@c)", "a + b·c", "a + b @ c"},
      {"0.5*|grad s(x,t)|^2", "0.5 * |∇s(x, t)|²", "0.5 * |grad s(x, t)|^2"},
      {"½·σ²·Δs(x)", "½·σ²·Δs(x)", "0.5 @ σ^2 @ lap s(x)"},
      {"d[t](w·s)", "∂t (w·s)", "d[t] (w @ s)"},
      {"(E[x ~ q] a)·b", "(E[x ~ q] a)·b", "(E[x ~ q] a) @ b"},
      {"b·(E[x ~ q] a)", "b·E[x ~ q] a", "b @ E[x ~ q] a"},
      {"integral[t=0..1 by gauss(8)] f", "∫[t = 0..1 by gauss(8)] f", "integral[t = 0..1 by gauss(8)] f"},
      {"x^-1", "x^(−1)", "x^(-1)"},
      {"(-x)^2", "(−x)²", "(-x)^2"},
      {"a-(b-c)", "a − (b − c)", "a - (b - c)"},
      {"‖x‖", "|x|", "|x|"},
      {"not (a and b)", "not (a and b)", "not (a and b)"},
      {"a <= 2*pi", "a ≤ 2 * π", "a <= 2 * pi"},
      {"1e−4", "1e−4", "1e-4"},
  };
  for (const auto& [text, unicode, ascii] : rows) {
    EXPECT_EQ(print(text, Spelling::Unicode), unicode);
    EXPECT_EQ(print(text, Spelling::Ascii), ascii);
  }
}

TEST(RoundTrip, AsciiSpellingIsAscii) {
  const Parsed parsed = parse_program(
      "fn f(x) = ½·|∇s(x)|² − ∂t s(x)/⅔ + Δs(x)·∇·v(x)·π·∞ + ∇[x] s(x)\n"
      "const c = ∫[t = 0..1] E[x ~ q(t)] 1e−4 ≤ a and b ≠ c and ‖x‖ ≥ 1\n");
  ASSERT_EQ(parsed.complaints(), "");
  EXPECT_TRUE(is_ascii(ast::print(parsed.program, Spelling::Ascii))) << ast::print(parsed.program, Spelling::Ascii);
}

TEST(RoundTrip, LongObjectivesBreakAtTheirTerms) {
  const Parsed parsed = parse_program(
      "dynamics a(s, q) { minimize E[x ~ q(q.start)] s(x, q.start) − E[x ~ q(q.end)] s(x, q.end) + "
      "∫[t = q.start..q.end] E[x ~ q(t)] (first(x, t)·second(x, t)·third(x, t) + fourth(x, t)·fifth(x, t)·sixth(x, t)) "
      "}");
  EXPECT_EQ(ast::print(parsed.program), R"(dynamics a(s, q) {
  minimize E[x ~ q(q.start)] s(x, q.start)
      − E[x ~ q(q.end)] s(x, q.end)
      + ∫[t = q.start..q.end] E[x ~ q(t)] (
          first(x, t)·second(x, t)·third(x, t)
        + fourth(x, t)·fifth(x, t)·sixth(x, t))
}
)");
  expect_round_trip(parsed.program, "a long objective");
}

TEST(Same, SeesEveryDifference) {
  const std::vector<const char*> programs = {"const a = 1",
                                             "const b = 1",
                                             "const a = 2",
                                             "data a = 1",
                                             "## doc\nconst a = 1",
                                             "const a = x",
                                             "const a = \"1\"",
                                             "const a = x + 1",
                                             "const a = x·1",
                                             "const a = f(1)",
                                             "const a = f(k = 1)",
                                             "const a = [1]",
                                             "const a = ∇x",
                                             "const a = ∇[y] x",
                                             "const a = fn(x) 1",
                                             "const a = fn(y) 1",
                                             "fn a(x) = 1",
                                             "fn a(x = 1) = 1",
                                             "fn a(x) { y = 1 }",
                                             "fn a(x) { y ~ 1 }",
                                             "fn a(x) { y(x) = 1 }",
                                             "fn a(x) { fn y(x) = 1 }",
                                             "train a = 1",
                                             "train a = 1 { k = 1 }",
                                             "train a = 1 { k = 2 }",
                                             "sample a from b",
                                             "sample a from c",
                                             "path a(t) over 0..1 { t }",
                                             "path a(t) over 0..2 { t }",
                                             "path a(d)(t) over 0..1 { t }",
                                             "fn a(x) { if x { 1 } }",
                                             "fn a(x) { if x { 1 } else { 2 } }",
                                             "const a = E[x ~ q] 1",
                                             "const a = E[y ~ q] 1",
                                             "const a = 0..1",
                                             "const a = 0..1 by 1"};
  for (size_t i = 0; i < programs.size(); ++i)
    for (size_t j = 0; j < programs.size(); ++j)
      EXPECT_EQ(ast::same(parse_program(programs[i]).program, parse_program(programs[j]).program), i == j)
          << programs[i] << " and " << programs[j];
  EXPECT_TRUE(ast::same(parse_program("const a = ½").program, parse_program("\n const a =  0.5 # c").program));
}

TEST(RoundTrip, RandomTreesKeepTheirShape) {
  Forest forest(11);
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i)
    expect_round_trip(forest.tree(), "random tree " + std::to_string(i));
}

}  // namespace
}  // namespace am::parse::testing
