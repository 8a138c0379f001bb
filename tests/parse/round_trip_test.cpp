// Printing and parsing again gives the same tree, in both spellings, and a second print changes nothing.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
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

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> out;
  const std::filesystem::path root = AM_SOURCE_DIR;
  for (const char* folder : {"examples", "stdlib", "scripts", "../shared/scripts"}) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".am" && !entry.path().filename().string().starts_with("fail_"))
        out.push_back(entry.path());
  }
  return out;
}

TEST(RoundTrip, ScriptsAndTheStandardLibrary) {
  const auto files = scripts();
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

/// Builds trees of every kind at random, among them ones with unfortunate names.
class Forest {
 public:
  explicit Forest(unsigned seed) : random_(seed) {}

  Program tree() {
    program_ = {};
    ast::Declaration d{.kind = ast::DeclarationKind::Const, .name = "c"};
    d.value = grow(1 + pick(5));
    program_.declarations.push_back(d);
    ast::Block block;
    for (size_t i = 0, n = 1 + pick(3); i < n; ++i)
      block.statements.push_back({.kind = ast::StatementKind::Result, .value = grow(1 + pick(3))});
    ast::Declaration f{.kind = ast::DeclarationKind::Fn, .name = "f", .parameters = {{.name = "x"}}};
    f.body = program_.add(block);
    program_.declarations.push_back(f);
    return program_;
  }

 private:
  size_t pick(size_t n) { return random_() % n; }
  std::string word() {
    static const std::vector<std::string> words = {"x",        "y",        "E",    "d",     "grad",   "lap",
                                                   "div",      "integral", "by",   "pi",    "over",   "from",
                                                   "minimize", "data",     "path", "state", "repeat", "inf"};
    return words[pick(words.size())];
  }
  ExprId leaf() {
    switch (pick(4)) {
      case 0: return program_.add({.kind = ExprKind::Number, .text = "2", .number = 2});
      case 1: return program_.add({.kind = ExprKind::Number, .text = "½", .number = 0.5});
      case 2: return program_.add({.kind = ExprKind::String, .text = "a\"\\"});
      default: return program_.add({.kind = ExprKind::Name, .text = word()});
    }
  }
  ast::BlockId body(size_t height) {
    ast::Block block;
    if (pick(2)) block.statements.push_back({.kind = ast::StatementKind::Let, .name = word(), .value = grow(height)});
    block.statements.push_back({.kind = ast::StatementKind::Result, .value = grow(height)});
    return program_.add(block);
  }
  ExprId grow(size_t height) {
    if (height == 0) return leaf();
    const auto child = [&] { return grow(height - 1 - pick(height)); };
    // Not `==`: between a name and a value on a line of its own it is taken for a mistyped binding.
    static const std::vector<std::string> operators = {"+", "-", "·", "*", "/", "^", "<", "<=", "!=", "and", "or"};
    Expr e{.kind = static_cast<ExprKind>(4 + pick(15))};
    switch (e.kind) {
      case ExprKind::List: e.operands.assign(pick(3), leaf()); break;
      case ExprKind::Call: {
        ExprId callee = child();
        if (program_[callee].kind == ExprKind::Number) callee = program_.add({.kind = ExprKind::Name, .text = word()});
        e.operands = {callee};
        for (size_t i = pick(3); i-- > 0;) e.arguments.push_back({.name = pick(2) ? word() : "", .value = child()});
        break;
      }
      case ExprKind::Index: e.operands = {child(), child()}; break;
      case ExprKind::Member: e.operands = {child()}, e.text = word(); break;
      case ExprKind::Unary: e.operands = {child()}, e.text = pick(2) ? "-" : "not"; break;
      case ExprKind::Binary: e.operands = {child(), child()}, e.text = operators[pick(operators.size())]; break;
      case ExprKind::Gradient: e.operands = {child()}, e.text = pick(2) ? "" : "y"; break;
      case ExprKind::Partial: e.operands = {child()}, e.text = "t"; break;
      case ExprKind::Expectation: e.operands = {child(), child()}, e.names.assign(1 + pick(2), "x"); break;
      case ExprKind::Integral:
        e.operands = {child(), child(), pick(2) ? child() : ExprId{}, child()}, e.names = {"t"};
        break;
      case ExprKind::Range: e.operands = {child(), child(), pick(2) ? child() : ExprId{}}; break;
      case ExprKind::Lambda:
        e.parameters = {{.name = word(), .fallback = pick(2) ? leaf() : ExprId{}}}, e.body = body(height - 1);
        break;
      default: e.operands = {child()}; break;
    }
    return program_.add(std::move(e));
  }

  std::mt19937 random_;
  Program program_;
};

TEST(RoundTrip, RandomTreesKeepTheirShape) {
  Forest forest(11);
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i)
    expect_round_trip(forest.tree(), "random tree " + std::to_string(i));
}

}  // namespace
}  // namespace am::parse::testing
