// LaTeX that a typesetter would take: no such program is at hand, so its structure is checked instead.
#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "tests/derive/examples.h"

namespace am::derive {
namespace {

const std::set<std::string> kCommands = {"begin",  "end",     "left",  "right",  "frac",  "tfrac", "sqrt",  "mathrm",
                                         "mathbb", "mathbf",  "text",  "odot",   "top",   "cdot",  "times", "in", "mid", 
                                         "nabla",  "partial", "Delta", "delta",  "exp",   "log",   "tanh",  "sin",
                                         "cos",    "max",     "min",   "lfloor", "rfloor"};

/// What is wrong with the text, or nothing.
std::string flaw(const std::string& s) {
  int braces = 0, delimiters = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (static_cast<unsigned char>(s[i]) >= 0x80) return "a character of another alphabet at " + s.substr(i, 20);
    if (s[i] == '{') ++braces;
    if (s[i] == '}' && --braces < 0) return "a brace closes nothing";
    if (s[i] == '_' && (i == 0 || s[i - 1] == ' ' || s[i - 1] == '{')) return "a subscript of nothing";
    if (s[i] != '\\') continue;
    std::string command;
    while (i + 1 < s.size() && std::isalpha(static_cast<unsigned char>(s[i + 1]))) command += s[++i];
    if (command.empty()) {
      if (std::string("\\,_").find(s[++i]) == std::string::npos) return "an unknown command at " + s.substr(i - 1, 20);
      continue;
    }
    if (!kCommands.contains(command)) return "an unknown command \\" + command;
    if (command == "left") ++delimiters;
    if (command == "right" && --delimiters < 0) return "\\right without \\left";
  }
  return braces != 0 ? "braces" : delimiters != 0 ? "\\left without \\right" : "";
}

/// Delimiters do not reach across the columns and lines of the environment.
std::string flaw_in_lines(const std::string& s) {
  std::string cell;
  for (size_t i = 0; i <= s.size(); ++i) {
    if (i < s.size() && s[i] != '&' && s.compare(i, 3, "\\\\\n") != 0) {
      cell += s[i];
      continue;
    }
    if (const std::string found = flaw(cell); !found.empty()) return found + " in " + cell;
    cell.clear();
    if (i < s.size() && s[i] == '\\') i += 2;
  }
  return "";
}

TEST(Latex, OfDerivativesIsWellFormed) {
  for (Activation activation : {Activation::Silu, Activation::Tanh, Activation::Softplus}) {
    Examples e;
    e.activation = activation;
    const auto s = e.perceptron({3, 4, 3}), h = e.half_square({3});
    for (const auto& potential : {s, h}) {
      EXPECT_EQ(flaw_in_lines(e.latex(e.gradient(potential), "∇s")), "");
      EXPECT_EQ(flaw_in_lines(e.latex(e.rate(potential), "∂t s")), "");
      EXPECT_EQ(flaw_in_lines(e.latex(e.laplacian(potential), "Δs")), "");
      EXPECT_EQ(flaw_in_lines(e.latex(ir::mean(e.g, e.integrand(potential)), "L")), "");
    }
  }
}

TEST(Latex, OfQuotientsAndNorms) {
  Examples e;
  const NodeId r = ir::unary(e.g, Op::Sqrt, ir::dot(e.g, e.x, e.x));
  const NodeId unit = ir::div(e.g, e.x, ir::fill(e.g, r, {2}));
  EXPECT_EQ(e.latex(unit, "v"), R"(\begin{aligned}
v(x, t) &= \frac{x}{\left|x\right|} \\
x &: \text{R[2]}
\end{aligned}
)");
}

TEST(Latex, OfAGradient) {
  Examples e;
  EXPECT_EQ(e.latex(e.gradient(e.perceptron({3})), "∇s"), R"(\begin{aligned}
\nabla s(x, t) &= \left(W_{1}^{\top}\,\left(W_{2}^{\top} \odot \mathrm{silu}'\left(z_{1}\right)\right)\right)\left[0:2\right] \\
z_{1} &= W_{1}\,\left[x, t\right] + b_{1} && \in \mathbb{R}^{3} \\
\mathrm{silu}'(z) &= \mathrm{sigmoid}(z)\,(1 + z\,(1 - \mathrm{sigmoid}(z))) \\
W_{1} &: \text{s.mlp.linear.W : R[3, 3]} \\
b_{1} &: \text{s.mlp.linear.b : R[3]} \\
W_{2} &: \text{s.mlp.linear2.W : R[1, 3]} \\
x &: \text{R[2]} \\
t &: \text{R}
\end{aligned}
)");
}

TEST(Latex, SpellsOtherAlphabets) {
  Examples e;
  const NodeId scale = e.named("s.net_1.σ", {2}, false), place = e.named("x₀", {2}, true);
  EXPECT_EQ(e.latex(ir::mul(e.g, scale, place), "∂t v"), R"(\begin{aligned}
\partial_{t}v(x, t, x_{0}) &= \sigma \odot x_{0} \\
\sigma &: \text{s.net\_1.$\sigma$ : R[2]} \\
x_{0} &: \text{R[2]}
\end{aligned}
)");
}

TEST(Latex, CheckerSeesFlaws) {
  EXPECT_NE(flaw("\\left(x"), "");
  EXPECT_NE(flaw("\\frac{1}{2"), "");
  EXPECT_NE(flaw("\\silu"), "");
  EXPECT_NE(flaw("∇s"), "");
  EXPECT_EQ(flaw("\\left(x_{1}\\right)"), "");
}

}  // namespace
}  // namespace am::derive
