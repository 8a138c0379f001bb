// `amc derive` of scripts: what is written against what native code computes.
#include <gtest/gtest.h>

#include <random>

#include "compiler/derive/evaluate.h"
#include "compiler/derive/read.h"
#include "compiler/differentiate/differentiate.h"
#include "compiler/driver/compile.h"
#include "compiler/simplify/simplify.h"
#include "tests/derive/as_read.h"
#include "tests/execute/compare.h"

namespace am::derive {
namespace {

constexpr size_t kSamples = 8;

struct Subject {
  std::string name, text;
  std::vector<std::string> expressions;
  std::map<std::string, std::string> shapes = {};
};

const std::string kPath = "path q(t) over 0..1 { z ~ normal(2); [2·t, 0] + (1 + t/2)·z }\n";

std::vector<Subject> subjects() {
  std::vector<Subject> out;
  out.push_back({"gaussian",
                 kPath + R"(potential s(x, t) = mlp(width = 4, depth = 3)([x, t])
fn exact(x, t) = [2, 0] + (x − [2·t, 0]) / (2 + t)
train flow = eam(s, q) { steps = 1 })",
                 {"s", "∇s", "∂t s", "Δs", "drift", "noise", "exact", "∇·exact", "∂t exact", "∇∂t s", "∂t ∇s", "∇Δs",
                  "½·|∇s|² + ∂t s", "∇·drift", "|drift − exact|²", "exact[0]·x[1]"}});
  for (int depth : {1, 2})
    for (const char* activation : {"tanh", "softplus", "mish"})
      out.push_back({activation,
                     kPath + fmt::format("potential s(x, t) = ½·|x − mlp(width = 3, depth = {}, out = 2, act = {})([x, "
                                         "t])|²\ntrain m = am(s, q) {{ steps = 1 }}",
                                         depth, activation),
                     {"s", "∇s", "∂t s", "Δs", "∇Δs"}});
  out.push_back({"custom",
                 kPath + R"(
net gated(width) { apply(h) { a = linear(width)(h); b = linear(width)(h); a * sigmoid(b) } }
potential s(x, t) {
  h = [x, sin(2·pi·t), cos(2·pi·t)]
  repeat 3 { h = gated(4)(h) }
  linear(1)(h)
}
fn temperature(t) = 0.3·(1 − t)
dynamics warm(s, q, cost = 4, rate = 0.1) {
  fn w(t) = 1 − t/2
  fn conjugate(u) = |u|^(cost/(cost − 1))·(cost − 1)/cost
  minimize E[x ~ q(q.start)] w(q.start)·s(x, q.start) − E[x ~ q(q.end)] w(q.end)·s(x, q.end)
         + ∫[t = q.start..q.end] E[x ~ q(t)] (w(t)·conjugate(∇s(x, t)) + ∂t (w(t)·s(x, t)) + w(t)·½·temperature(t)²·Δs(x, t))
  drift(x, t)  = |∇s(x, t)|^(1/(cost − 1) − 1)·∇s(x, t)
  noise(t)     = temperature(t)
  growth(x, t) = rate·s(x, t)
}
train flow = warm(s, q) { steps = 1 })",
                 {"temperature", "∂t temperature", "drift", "noise", "growth", "w", "∇growth", "conjugate(∇s)"}});
  out.push_back({"asked", out.back().text, {"conjugate", "∇conjugate", "Δconjugate"}, {{"u", "3"}}});
  out.push_back({"hydrogen",
                 R"(
const a = 4·pi
fn level(n) = −1/(2·a^2·n^2)
fn psi(x, t) {
  r  = sqrt(|x|² + 0.01)
  A  = exp(−r/(3·a))·a^(−3.5)/(81·sqrt(pi))
  B  = exp(−r/(2·a))·a^(−2.5)/(4·sqrt(2·pi))
  c3 = cos(level(3)·t)
  s3 = −sin(level(3)·t)
  c2 = cos(level(2)·t)
  s2 = −sin(level(2)·t)
  x[2]·[A·(x[0]·c3 + x[1]·s3) + B·c2, A·(x[0]·s3 − x[1]·c3) + B·s2]/sqrt(2)
}
fn density(x)  { p = psi(x, 0); p[0]^2 + p[1]^2 }
fn phase(x, t) { p = psi(x, 14_000·t); atan2(p[1], p[0]) }
path q(t) over 0..1 { z ~ normal(3); z }
potential s(x, t) = ½·|x − mlp(width = 4, depth = 1, out = 3)([t, x])|²
train flow = am(s, q) { steps = 1 })",
                 {"density", "psi", "phase", "∇phase", "∂t phase", "∇density", "Δdensity", "level(3)", "s"}});
  out.push_back({"by another variable", out.back().text, {"∇[y] (phase(y, 0)·x[0])"}, {{"y", "3"}}});
  return out;
}

ir::Bindings random_values(const ir::Graph& g) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(0.1, 1);
  ir::Bindings out{.samples = kSamples, .seed = 11};
  for (uint32_t slot = 0; slot < g.slots().size(); ++slot) {
    const ir::Slot& s = g.slots()[slot];
    for (size_t i = 0; i < s.shape.count() * (s.sampled ? kSamples : 1); ++i)
      out.inputs[slot].push_back((s.sampled || i % 3 ? 1 : -1) * uniform(random));
  }
  return out;
}

/// Terms to rounding; text to the six digits that numbers are written with.
void expect_written(const simplify::Simplified& small, const std::string& what) {
  const ir::Graph& g = small.graph;
  const ir::NodeId output = small.outputs[0];
  const ir::Bindings bindings = random_values(g);
  test::Setting setting{.precision = lower::Precision::F64, .samples = kSamples, .threads = 2};
  const std::vector<double> native = test::run_compiled(g, small.outputs, bindings, setting)[0];
  double scale = 0;
  for (double v : native) scale = std::max(scale, std::fabs(v));
  Terms terms;
  const TermId root = read(g, output, terms);
  const std::vector<double> computed = evaluate(terms, root, g, bindings);
  ASSERT_EQ(computed.size(), native.size()) << what;
  for (size_t i = 0; i < native.size(); ++i)
    EXPECT_NEAR(computed[i], native[i], 1e-10 * scale) << what << " entry " << i;
  const std::string page = mathematics(g, output, what, Notation::Text);
  try {
    const Value v = read_text(g, output, bindings);
    const size_t lanes = g[output].sampled ? kSamples : 1;
    ASSERT_EQ(v.count() * lanes, native.size()) << page;
    for (size_t k = 0; k < native.size(); ++k)
      EXPECT_NEAR(v.samples[v.samples.size() == 1 ? 0 : k % lanes][k / lanes], native[k], 1e-4 * scale) << page;
  } catch (const std::runtime_error& error) {
    ADD_FAILURE() << error.what() << "\n" << page;
  }
}

TEST(Derive, OfEveryFunctionOfAScriptIsWhatNativeCodeComputes) {
  int checked = 0;
  for (const Subject& s : subjects())
    for (const std::string& e : s.expressions) {
      const auto script = compile(s.name, s.text, {.expression = e, .shapes = s.shapes});
      std::string said;
      for (const auto& d : script->sink.sorted()) said += diagnostics::render(d, script->sources);
      ASSERT_TRUE(script->usable() && script->elaborated.asked) << s.name << ": " << e << "\n" << said;
      expect_written(simplify::simplify(script->elaborated.asked->graph, script->elaborated.asked->outputs),
                     s.name + ": " + e);
      ++checked;
    }
  EXPECT_GT(checked, 60);
}

TEST(Derive, OfObjectivesAndTheirGradientsIsWhatNativeCodeComputes) {
  for (const char* train : {"am(s, q)", "eam(s, q, sigma = 0.5)", "uam(s, q)"}) {
    const auto script = compile("objective",
                                kPath + "potential s(x, t) = mlp(width = 3, depth = 2)([x, t])\ntrain m = " + train +
                                    std::string(" { steps = 1 }"),
                                {});
    ASSERT_TRUE(script->usable());
    const elaborate::Model& m = script->elaborated.models.at(0);
    ir::Graph g = simplify::simplify(m.objective.graph, {&m.objective.outputs[0], 1}).graph;
    const ir::NodeId objective{static_cast<uint32_t>(g.size() - 1)};
    expect_written(simplify::simplify(g, {&objective, 1}), std::string(train) + " objective");
    for (uint32_t slot = 0; slot < g.slots().size(); ++slot) {
      const ir::NodeId by = g.slot(slot), gradient = differentiate::gradient(g, objective, {{&by, 1}})[0];
      if (gradient.valid())
        expect_written(simplify::simplify(g, {&gradient, 1}), train + (" by " + g.slots()[slot].name));
    }
  }
}

}  // namespace
}  // namespace am::derive
