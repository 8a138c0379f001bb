// What canonical layout looks like.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "compiler/format/format.h"
#include "tests/parse/support.h"

namespace am::format {
namespace {

std::string formatted(const std::string& text, Spelling spelling = Spelling::AsWritten) {
  source::Sources sources;
  diagnostics::Sink sink;
  const auto out = format(sources, sources.add("x.am", text), spelling, sink);
  return out ? *out : "has errors";
}

struct Case {
  const char* name;
  const char* before;
  const char* after;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class FormatLayout : public ::testing::TestWithParam<Case> {};

TEST_P(FormatLayout, IsCanonical) {
  EXPECT_EQ(formatted(GetParam().before), GetParam().after);
  EXPECT_EQ(formatted(GetParam().after), GetParam().after);
}

const Case kCases[] = {
    {"Blanks", "fn f( x,y=1 )=-x+y*-2 - g( x )[ 0 ].a^ 2/ 3\n", "fn f(x, y = 1) = -x + y*-2 - g(x)[0].a^2 / 3\n"},
    {"BlanksAroundProducts", "fn f(x) = x *2 + x/ 2 + x  ·  2 + x*2\n", "fn f(x) = x * 2 + x / 2 + x·2 + x*2\n"},
    {"Prefixes", "fn f(x)=∇  s(x)+∂t(s(x))+Δ s(x)- −x+ |x |²\nfn g(x)=not(x)\n",
     "fn f(x) = ∇s(x) + ∂t (s(x)) + Δs(x) - −x + |x|²\nfn g(x) = not (x)\n"},
    {"LettersStayApart", "fn f(x) = grad   s(x) + d[ t ](x) + lap(x)\n", "fn f(x) = grad s(x) + d[t] (x) + lap (x)\n"},
    {"TouchingBracketsMean", "fn f(E, d) = E [0] + d [t](x) + d[0]\n", "fn f(E, d) = E [0] + d [t](x) + d[0]\n"},
    {"Statements", "fn f(x) {\na=1;b = 2\n\n\n\n  c\n\n}\n\n\n\nfn g(x) = 1",
     "fn f(x) {\n  a = 1\n  b = 2\n\n  c\n}\n\nfn g(x) = 1\n"},
    {"OneLine", "fn f(x) {a=1;;b=a;b;}\nfn e(x) {\n}", "fn f(x) { a = 1; b = a; b }\nfn e(x) { }\n"},
    {"BracesOnTheirOwnLine", "fn f(x)\n{\n  if x\n  {\n a }\n  else\n  {\n b }\n}",
     "fn f(x) {\n  if x {\n    a\n  } else {\n    b\n  }\n}\n"},
    {"OperatorsBeginLines", "fn f(x) {\n  a = x +\n  y\n  a\n - a\n}",
     "fn f(x) {\n  a = x\n    + y\n  a\n    - a\n}\n"},
    {"Settings", "train m = am(s, q) {\n steps=5 # five\n\n batch   = 10     # ten\n   seed = 1 # one\n}\n",
     "train m = am(s, q) {\n  steps = 5  # five\n\n  batch = 10  # ten\n  seed  = 1   # one\n}\n"},
    {"Rows", "train a = am(s, q) {steps = 1}\ntrain longer = uam(s, q) { steps = 1 }\n",
     "train a      = am(s, q)  { steps = 1 }\ntrain longer = uam(s, q) { steps = 1 }\n"},
    {"FormulasAreNoRows", "fn f(x) = 1\nfn longer(x) = 2\n", "fn f(x) = 1\nfn longer(x) = 2\n"},
    {"Comments",
     "# first\n\n\n## doc\nfn f(x) { # opens\n# inside\n  a = x # side\n\n\n  # apart\n  a\n  # last\n} # closes\n#end",
     "# first\n\n## doc\nfn f(x) {  # opens\n  # inside\n  a = x  # side\n\n  # apart\n  a\n  # last\n}  # "
     "closes\n#end\n"},
    {"CommentsInBrackets", "const a = f(x, # one\n   # two\n y # three\n )\n",
     "const a = f(x,  # one\n            # two\n            y   # three\n           )\n"},
    {"NoEmptyLinesInFormulas", "const a = f(\n  y = 1, # a\n\n # b\n\n  long=2)\n",
     "const a = f(\n  y    = 1,  # a\n  # b\n  long = 2)\n"},
    {"CommentsWhereNoLineEnds", "fn f(x) {\n  if x # why\n  { x }\n  # or\n  else { ∇ # of\n s(x) }\n}\n",
     "fn f(x) {\n  if x {  # why\n    x\n  } else {\n    # or\n    ∇s(  # of\n      x)\n  }\n}\n"},
    {"DocumentationStaysApart", "const a = x. # c\n ## d\n y\n## e\nconst b = 1\n",
     "const a = x.y  # c\n## d\n\n## e\nconst b = 1\n"},
    {"Windows", "\xEF\xBB\xBF# c\r\nfn f(x) {\r\n\ta = x # d\t\r\n\r\n\ta\r\n}\r\n",
     "# c\nfn f(x) {\n  a = x  # d\n\n  a\n}\n"},
    {"Nothing", "\n \n", ""},
    {"OnlyAComment", "\n\n  # c  ", "# c\n"},
    {"LongCall",
     "optimizer adam(lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, warmup = 0, decay = constant) { state m = "
     "0 }\n",
     "optimizer adam(lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, warmup = 0,\n"
     "               decay = constant) {\n  state m = 0\n}\n"},
    {"LongSettings",
     "train flow = am(s, q) { steps = 5_000; batch = 512; optimizer = adam(lr = 1e-3, warmup = 500, decay = cosine); "
     "ema = 0.999 }\n",
     "train flow = am(s, q) {\n  steps     = 5_000\n  batch     = 512\n"
     "  optimizer = adam(lr = 1e-3, warmup = 500, decay = cosine)\n  ema       = 0.999\n}\n"},
    {"LongObjective",
     "dynamics a(s, q) { minimize E[x ~ q(q.start)] s(x, q.start) − E[x ~ q(q.end)] s(x, q.end) + "
     "∫[t = q.start..q.end] E[x ~ q(t)] (first(x, t)·second(x, t)·third(x, t) + fourth(x, t)·fifth(x, t)·sixth(x, t)) "
     "}",
     "dynamics a(s, q) {\n"
     "  minimize E[x ~ q(q.start)] s(x, q.start) − E[x ~ q(q.end)] s(x, q.end)\n"
     "         + ∫[t = q.start..q.end] E[x ~ q(t)] (first(x, t)·second(x, t)·third(x, t)\n"
     "                                              + fourth(x, t)·fifth(x, t)·sixth(x, t))\n"
     "}\n"},
};
INSTANTIATE_TEST_SUITE_P(All, FormatLayout, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(FormatSpelling, LeadsThereAndBack) {
  struct Row {
    const char *written, *unicode, *ascii;
  };
  for (const Row& row : {
           Row{"½·x² − x⁻¹", "½·x² − x⁻¹", ".5 @ x^2 - x^-1"},
           Row{"0.5*x^12", "0.5*x¹²", "0.5*x^12"},
           Row{"∇s(x) + ∆s(x) + ∇⋅v(x)", "∇s(x) + Δs(x) + ∇·v(x)", "grad s(x) + lap s(x) + div v(x)"},
           Row{"∂ₜ s(x) + ∇[y] s(y)", "∂t s(x) + ∇[y] s(y)", "d[t] s(x) + grad[y] s(y)"},
           Row{"∂t |x| + ∇[x, y]", "∂t (|x|) + ∇([x, y])", "d[t] (|x|) + grad ([x, y])"},
           Row{"𝔼[x ~ q] ∫[t=0..1] x", "E[x ~ q] ∫[t = 0..1] x", "E[x ~ q] integral[t = 0..1] x"},
           Row{"pi*∞ + s′", "π*∞ + s'", "pi*inf + s'"},
           Row{"a <= b and c ≠ d", "a ≤ b and c ≠ d", "a <= b and c != d"},
           Row{"‖x‖·1e−4", "|x|·1e-4", "|x| @ 1e-4"},
           Row{"x^2^3 + x^2[0] + x^a", "x^2³ + x^2[0] + x^a", "x^2^3 + x^2[0] + x^a"},
           Row{"x² ³ + x²^3", "x² ³ + x²^3", "x² ³ + x²^3"},
           Row{"σ·x₀ + \"½\"", "σ·x₀ + \"½\"", "σ @ x₀ + \"½\""},
       }) {
    const auto as = [](const std::string& formula) { return "const c = " + formula + "  # ½·∇s grad s\n"; };
    const std::string unicode = formatted(as(row.written), Spelling::Unicode);
    const std::string ascii = formatted(as(row.written), Spelling::Ascii);
    EXPECT_EQ(unicode, as(row.unicode));
    EXPECT_EQ(ascii, as(row.ascii));
    EXPECT_EQ(formatted(unicode, Spelling::Ascii), ascii);
    EXPECT_EQ(formatted(ascii, Spelling::Unicode), unicode);
  }
}

TEST(FormatLines, BreakAtTheSamePlacesInBothSpellings) {
  const std::string script =
      "fn f(x, t) = ½·|∇s(x, t)|² + ½·|∇s(x, t)|² + ½·|∇s(x, t)|² + ½·|∇s(x, t)|² + ½·|∇s(x, t)|²\n";
  EXPECT_EQ(formatted(script, Spelling::Unicode), script);
  const std::string ascii = formatted(script, Spelling::Ascii);
  EXPECT_EQ(std::count(ascii.begin(), ascii.end(), '\n'), 1);
  EXPECT_GT(ascii.size(), 101u);
}

TEST(FormatLines, NoneIsTooLongThatCanBeBroken) {
  std::string sum = "const c = f(a0, b0)", list = "const d = [0", nested = "x";
  for (int i = 1; i < 400; ++i) sum += " + f(a" + std::to_string(i) + ", b)", list += ", " + std::to_string(i);
  for (int i = 0; i < 30; ++i) nested = "f(" + nested + ", y)";
  for (const std::string& text : {sum, list + "]", "const e = " + nested}) {
    std::istringstream lines(formatted(text + "\n"));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(source::code_points(line), 100) << line;
    EXPECT_GT(count, 5);
    EXPECT_LT(count, 200);
  }
}

TEST(FormatErrors, AreReportedAndNothingComesOut) {
  source::Sources sources;
  diagnostics::Sink sink;
  EXPECT_FALSE(format(sources, sources.add("x.am", "const a = (1\nconst b = 2\n"), Spelling::Ascii, sink));
  EXPECT_EQ(sink.errors(), 1);
}

TEST(FormatExamples, AreCanonical) {
  for (const auto& path : parse::testing::scripts({"examples"})) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(formatted(text.str()), text.str()) << path;
  }
}

}  // namespace
}  // namespace am::format
