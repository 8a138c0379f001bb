// Formulas letter by letter.
#include <gtest/gtest.h>

#include <sstream>

#include "compiler/derive/write.h"
#include "tests/derive/examples.h"

namespace am::derive {
namespace {

TEST(Number, IsWrittenAsOneWritesIt) {
  EXPECT_EQ(number(0.5), "½");
  EXPECT_EQ(number(-0.75), "−¾");
  EXPECT_EQ(number(1.0 / 3), "⅓");
  EXPECT_EQ(number(3), "3");
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(14000), "14000");
  EXPECT_EQ(number(3.14159265358979), "3.14159");
  EXPECT_EQ(number(1e-5), "10⁻⁵");
  EXPECT_EQ(number(-2.5e12), "−2.5·10¹²");
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(-2.5e12, Notation::Latex), "-2.5 \\cdot 10^{12}");
  EXPECT_EQ(number(0.25, Notation::Latex), "\\tfrac{1}{4}");
}

/// A potential of two hidden layers of three.
struct TwoLayers : testing::Test {
  Examples e;
  Examples::Potential s = e.perceptron({3, 3});
};

TEST_F(TwoLayers, Gradient) {
  EXPECT_EQ(e.text(e.gradient(s), "∇s"), R"(∇s(x, t) = (W₁ᵀ·(silu′(z₁) ⊙ (W₂ᵀ·(W₃ᵀ ⊙ silu′(z₂)))))[0:2]
with
  z₁ = W₁·[x, t] + b₁    R[3]
  a₁ = silu(z₁)          R[3]
  z₂ = W₂·a₁ + b₂        R[3]
where
  silu(z) = z·sigmoid(z)
  silu′(z) = sigmoid(z)·(1 + z·(1 − sigmoid(z)))
for
  W₁ = s.mlp.linear.W : R[3, 3]
  b₁ = s.mlp.linear.b : R[3]
  W₂ = s.mlp.linear2.W : R[3, 3]
  b₂ = s.mlp.linear2.b : R[3]
  W₃ = s.mlp.linear3.W : R[1, 3]
  x : R[2]
  t : R
)");
}

TEST_F(TwoLayers, TimeDerivative) {
  EXPECT_EQ(e.text(e.rate(s), "∂t s"), R"(∂ₜs(x, t) = (W₁ᵀ·(silu′(z₁) ⊙ (W₂ᵀ·(W₃ᵀ ⊙ silu′(z₂)))))[2]
with
  z₁ = W₁·[x, t] + b₁    R[3]
  a₁ = silu(z₁)          R[3]
  z₂ = W₂·a₁ + b₂        R[3]
where
  silu(z) = z·sigmoid(z)
  silu′(z) = sigmoid(z)·(1 + z·(1 − sigmoid(z)))
for
  W₁ = s.mlp.linear.W : R[3, 3]
  b₁ = s.mlp.linear.b : R[3]
  W₂ = s.mlp.linear2.W : R[3, 3]
  b₂ = s.mlp.linear2.b : R[3]
  W₃ = s.mlp.linear3.W : R[1, 3]
  x : R[2]
  t : R
)");
}

TEST_F(TwoLayers, Laplacian) {
  EXPECT_EQ(e.text(e.laplacian(s), "Δs"), R"(Δs(x, t) = c₁ + W₃·(silu″(z₂) ⊙ sum(M₁ ⊙ M₁, 1))
with
  z₁ = W₁·[x, t] + b₁                            R[3]
  a₁ = silu(z₁)                                  R[3]
  z₂ = W₂·a₁ + b₂                                R[3]
  v₁ = silu″(z₁) ⊙ (W₂ᵀ·(W₃ᵀ ⊙ silu′(z₂)))       R[3]
  c₁ = sum(W₁[:, 0:2] ⊙ W₁[:, 0:2], 1)·v₁        R
  M₁ = W₂·(W₁[:, 0:2] ⊙ (silu′(z₁)·ones(2)ᵀ))    R[3, 2]
where
  silu(z) = z·sigmoid(z)
  silu′(z) = sigmoid(z)·(1 + z·(1 − sigmoid(z)))
  silu″(z) = sigmoid(z)·(1 − sigmoid(z))·(2 + z·(1 − 2·sigmoid(z)))
for
  W₁ = s.mlp.linear.W : R[3, 3]
  b₁ = s.mlp.linear.b : R[3]
  W₂ = s.mlp.linear2.W : R[3, 3]
  b₂ = s.mlp.linear2.b : R[3]
  W₃ = s.mlp.linear3.W : R[1, 3]
  x : R[2]
  t : R
)");
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST_F(TwoLayers, ObjectiveHasNoArguments) {
  EXPECT_EQ(first_line(e.text(ir::mean(e.g, e.integrand(s)), "L")), "L = E[v₁[2] + ½·|v₁[0:2]|²]");
}

TEST(Text, SquaresLengthsAndSigns) {
  Examples e;
  const auto s = e.half_square({3});
  EXPECT_EQ(first_line(e.text(s(e.x, e.t), "s")), "s(x, t) = ½·|x − (W₂·a₁ + b₂)|²");
  EXPECT_EQ(first_line(e.text(e.gradient(s), "∇s")), "∇s(x, t) = x − h₁ − (W₁ᵀ·(silu′(z₁) ⊙ (W₂ᵀ·(x − h₁))))[0:2]");
  Graph& g = e.g;
  const NodeId r = ir::unary(g, Op::Sqrt, ir::dot(g, e.x, e.x));
  EXPECT_EQ(first_line(e.text(ir::div(g, e.x, ir::fill(g, r, {2})), "e")), "e(x, t) = x/|x|");
  EXPECT_EQ(first_line(e.text(ir::neg(g, ir::sub(g, e.x, ir::fill(g, e.t, {2}))), "e")), "e(x, t) = t − x");
}

TEST(Text, NamesNeverMeanTwoThings) {
  Examples e;
  const NodeId z = e.named("z₁", {2}, true);
  const auto net = e.layers("s.mlp", {3, 3, 1});
  const std::string text = e.text(ir::add(e.g, e.mlp(net, z, e.t), ir::constant(e.g, 1, {1})), "s");
  EXPECT_NE(text.find("z₂ = W₁·[z₁, t] + b₁"), std::string::npos) << text;
}

TEST(Text, LayersAppliedTwiceAreTwo) {
  Examples e;
  const auto s = e.perceptron({3});
  const std::string text = e.text(ir::sub(e.g, s(e.x, e.t), s(e.x, ir::constant(e.g, 1))), "e");
  EXPECT_EQ(first_line(text), "e(x, t) = W₂·a₁ − W₂·a₂");
}

TEST(Text, LinesStayShort) {
  for (Activation activation : {Activation::Silu, Activation::Tanh, Activation::Softplus}) {
    Examples e;
    e.activation = activation;
    const auto s = e.perceptron({3, 3, 3, 3});
    for (NodeId id : {e.gradient(s), e.laplacian(s), ir::mean(e.g, e.integrand(s))}) {
      const auto simple = simplify::simplify(e.g, {&id, 1});
      const Derivation d = derive(simple.graph, simple.outputs[0], Notation::Text);
      EXPECT_LE(width(d.result), 60u) << d.result;
      for (const auto& [name, formula] : d.where) EXPECT_LE(width(formula), 60u) << formula;
    }
  }
}

TEST(Text, PrimesStandWhereTheyAreFound) {
  for (const auto& [activation, slope] :
       {std::pair(Activation::Tanh, "tanh′(z₁)"), std::pair(Activation::Softplus, "softplus′(z₁)"),
        std::pair(Activation::Sigmoid, "sigmoid′(z₁)")}) {
    Examples e;
    e.activation = activation;
    const std::string text = e.text(e.gradient(e.perceptron({3})), "∇s");
    EXPECT_EQ(first_line(text), std::string("∇s(x, t) = (W₁ᵀ·(W₂ᵀ ⊙ ") + slope + "))[0:2]");
  }
}

}  // namespace
}  // namespace am::derive
