// Declarations and statements, and what the tree keeps of them.
#include <gtest/gtest.h>

#include "tests/parse/support.h"

namespace am::parse::testing {
namespace {

TEST(Declarations, EveryKindHasItsForm) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"const a = 4·pi", "const a = (· 4 pi)"},
      {"fn f(x, t = 1) = x", "fn f (x t=1) {x}"},
      {"fn f(x) { y = x; y }", "fn f (x) {(let y x) y}"},
      {"net n(out) { apply(x) { param W: R[out, dim(x)] = init(); W·x } }",
       "net n (out) {(member apply (x) {(param W (shape out (call dim x)) (call init)) (· W x)})}"},
      {"distribution normal(d = 1) { u ~ uniform01(d); u }",
       "distribution normal (d=1) {(draw u (call uniform01 d)) u}"},
      {"data d = csv(\"a.csv\")", "data d = (call csv 'a.csv')"},
      {"path q(t) over 0..1 { z ~ normal(2); z }", "path q at (t) over (range 0 1 _) {(draw z (call normal 2)) z}"},
      {"path linear(d)(t) over d.start..d.end { x ~ d(t); x }",
       "path linear (d) at (t) over (range (.start d) (.end d) _) {(draw x (call d t)) x}"},
      {"path q = ot(cells)", "path q = (call ot cells)"},
      {"potential s(x, t) = |x|²", "potential s (x t) {(^ (norm x) 2)}"},
      {"velocity v(x, t) { x }", "velocity v (x t) {x}"},
      {"dynamics am(s, q, weight = fn(t) 1) { minimize s; drift(x, t) = ∇s(x, t); noise(t) = 1 }",
       "dynamics am (s q weight=(fn (t) {1})) {(minimize s) (member drift (x t) {(grad (call s x t))}) "
       "(member noise (t) {1})}"},
      {"dynamics c(s) { fn w(t) = 1 − t\n minimize w(0) }",
       "dynamics c (s) {(fn w (t) {(- 1 t)}) (minimize (call w 0))}"},
      {"optimizer adam(lr = 1e-3) { state m = 0; update(p, g) { m = g; p − lr * m } }",
       "optimizer adam (lr=1e-3) {(state m 0) (member update (p g) {(let m g) (- p (* lr m))})}"},
      {"solver rk4(steps = 20) { step(f, x) { f(x) }\n error(x) { x } }",
       "solver rk4 (steps=20) {(member step (f x) {(call f x)}) (member error (x) {x})}"},
      {"train m = am(s, q) { steps = 5; data = d }", "train m = (call am s q) steps=5 data=d"},
      {"train m = am(s, q)", "train m = (call am s q)"},
      {"sample p from m { start = q(0) }", "sample p of m start=(call q 0)"},
      {"evaluate m { against = q }", "evaluate of m against=q"},
      {"evaluate m", "evaluate of m"},
  };
  for (const auto& [text, tree] : rows) EXPECT_EQ(declarations(text), tree) << text;
}

TEST(Declarations, StatementsHaveTheirForms) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"repeat 3 { h = g(h) }\n h", "{(repeat 3 {(let h (call g h))}) h}"},
      {"if a == 1 { b } else { c }", "{(if (== a 1) {b} {c})}"},
      {"if a { b }\n else if c { d }\n else { e }", "{(if a {b} {(if c {d} {e})})}"},
      {"param k: R\n k", "{(param k (shape)) k}"},
      {"param k: ℝ = 0\n k", "{(param k (shape) 0) k}"},
      {"state = 1; param = 2; minimize = 3; repeat ~ q; state + param",
       "{(let state 1) (let param 2) (let minimize 3) (draw repeat q) (+ state param)}"},
      {"", "{}"},
  };
  for (const auto& [text, tree] : rows) EXPECT_EQ(block(text), tree) << text;
}

TEST(Declarations, WordsOfOtherPlacesAreNames) {
  EXPECT_EQ(declarations("const data = 1\nfn path(sample) = data·sample\ntrain over = path(1) { step = 2 }"),
            "const data = 1\nfn path (sample) {(· data sample)}\ntrain over = (call path 1) step=2");
  EXPECT_EQ(declarations("sample from from over"), "sample from of over");
}

TEST(Declarations, DocumentationIsTheDoubleHashLinesAbove) {
  const Parsed parsed = parse_program(
      "## Not about f.\n\n## Twice x.\n##\n##   indented\nfn f(x) = 2·x  ## an ordinary comment\nfn g(x) = x # none\n");
  ASSERT_EQ(parsed.program.declarations.size(), 2u) << parsed.complaints();
  EXPECT_EQ(parsed.program.declarations[0].doc, "Twice x.\n\n  indented");
  EXPECT_EQ(parsed.program.declarations[1].doc, "");
}

TEST(Declarations, SpansPointIntoTheSource) {
  const Parsed parsed = parse_program("const σ₀ = 1 # c\nsample p from flow { }");
  ASSERT_EQ(parsed.program.declarations.size(), 2u) << parsed.complaints();
  EXPECT_EQ(parsed.sources.text(parsed.program.declarations[0].span), "const σ₀ = 1");
  EXPECT_EQ(parsed.sources.text(parsed.program.declarations[0].name_span), "σ₀");
  EXPECT_EQ(parsed.sources.text(parsed.program.declarations[1].model_span), "flow");
}

TEST(Declarations, FilesAreAppended) {
  Parsed parsed = parse_program("fn f(x) = x");
  const source::FileId second = parsed.sources.add("second.am", "fn g(x) = 2·f(x)");
  parse(parsed.sources, second, parsed.program, parsed.sink);
  ASSERT_EQ(parsed.program.declarations.size(), 2u);
  EXPECT_EQ(prefix_form(parsed.program, parsed.program.declarations[1]), "fn g (x) {(· 2 (call f x))}");
  EXPECT_EQ(parsed.program.declarations[1].span.file, second);
}

}  // namespace
}  // namespace am::parse::testing
