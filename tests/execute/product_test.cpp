// Matrix products of every kind, and the sums of products over samples.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compare.h"

namespace am::test {
namespace {

struct Sizes {
  int m, k, n;
};

/// op(A)·op(B), by itself and summed over the samples.
void add_product(Graph& g, Sizes s, bool ta, bool tb, bool a_sampled, bool b_sampled, std::vector<NodeId>& out) {
  const NodeId a = g.input("a", ta ? Shape{s.k, s.m} : Shape{s.m, s.k}, a_sampled);
  const NodeId b = g.input("b", tb ? Shape{s.n, s.k} : Shape{s.k, s.n}, b_sampled);
  out.push_back(ir::matmul(g, a, b, ta, tb));
  // A second product, which nothing but the mean uses.
  out.push_back(ir::mean(g, ir::matmul(g, ir::neg(g, a), b, ta, tb)));
}

/// All transpositions of products of these sizes.
Case products(std::vector<Sizes> sizes, bool a_sampled, bool b_sampled) {
  const auto build = [=](Graph& g) {
    std::vector<NodeId> out;
    for (Sizes s : sizes)
      for (int bits = 0; bits < 4; ++bits) add_product(g, s, bits & 1, bits & 2, a_sampled, b_sampled, out);
    return out;
  };
  return {fmt::format("products{}{}", a_sampled ? " a sampled" : "", b_sampled ? " b sampled" : ""), build, -1, 1};
}

TEST(Product, SmallOfEveryKind) {
  for (int bits = 0; bits < 4; ++bits)
    expect_equal_everywhere(products({{1, 1, 1}, {2, 3, 5}, {17, 2, 1}, {1, 50, 3}}, bits & 1, bits & 2), {1, 7, 100});
}

TEST(Product, LargerOfEveryKind) {
  for (int bits = 0; bits < 4; ++bits) expect_equal_everywhere(products({{16, 17, 50}}, bits & 1, bits & 2), {100});
}

/// The sizes of layers: weights times samples, and their gradients.
TEST(Product, Layers) {
  const std::vector<Sizes> forward{{64, 3, 1}, {64, 64, 1}, {100, 64, 1}, {1, 64, 1}, {50, 600, 1}, {5, 100, 3}};
  std::vector<Sizes> gradient;
  for (Sizes s : forward) gradient.push_back({s.m, s.n, s.k});
  expect_equal_everywhere(products(forward, false, true), {100});
  expect_equal_everywhere(products(gradient, true, true), {100});
}

/// Large enough for weights in panels, in every precision and width of vectors, and for sums that are called for early.
TEST(Product, WideLayers) {
  for (const std::string& cpu : processors())
    for (auto precision : {lower::Precision::F32, lower::Precision::F64}) {
      const Setting setting{.precision = precision, .cpu = cpu, .samples = 256, .tile = 64};
      expect_equal(products({{130, 257, 1}}, false, true), setting);
      expect_equal(products({{257, 1, 130}}, true, true), setting);
    }
  expect_equal(products({{130, 257, 2}}, false, true), {.samples = 256, .tile = 128});
}

/// Sums of products that enter with the opposite sign, as those of a boundary term do.
TEST(Product, DifferencesOfMeans) {
  expect_equal_everywhere({"differences of means", [](Graph& g) {
                             const NodeId x = g.input("x", {17, 1}, true), y = g.input("y", {9, 1}, true);
                             const NodeId z = g.input("z", {17, 1}, true);
                             const auto mean = [&](NodeId a, NodeId b) {
                               return ir::mean(g, ir::matmul(g, a, b, false, true));
                             };
                             return std::vector<NodeId>{ir::sub(g, mean(x, y), mean(z, y)), ir::neg(g, mean(x, z)),
                                                        ir::sub(g, mean(y, x), mean(y, z))};
                           }, -1, 1});
}

TEST(Product, ViewsAsOperands) {
  expect_equal_everywhere({"slices and transposes", [](Graph& g) {
                             const NodeId w = g.input("w", {20, 30}, false), x = g.input("x", {30, 8}, true);
                             const NodeId part = ir::slice(g, ir::slice(g, w, 1, 3, 10), 0, 2, 7);
                             const NodeId rows = ir::slice(g, x, 0, 5, 10), columns = ir::slice(g, rows, 1, 1, 3);
                             const NodeId sevens = ir::slice(g, x, 1, 0, 7);
                             return std::vector<NodeId>{
                                 ir::matmul(g, part, columns), ir::matmul(g, ir::transpose(g, columns), part, false, true),
                                 ir::matmul(g, ir::transpose(g, part), part), ir::matmul(g, rows, columns, true),
                                 ir::mean(g, ir::matmul(g, rows, columns, true)),
                                 ir::mean(g, ir::matmul(g, sevens, ir::transpose(g, sevens)))};
                           }, -1, 1});
}

TEST(Product, OfConstants) {
  expect_equal_everywhere({"constants", [](Graph& g) {
                             const NodeId x = g.input("x", {3, 2}, true), w = g.input("w", {3, 2}, false);
                             const NodeId t = g.table({1, 2, 3, 4, 5, 6}, {2, 3}), c = ir::constant(g, 2, {4, 3});
                             return std::vector<NodeId>{ir::matmul(g, t, x), ir::matmul(g, c, x), ir::matmul(g, x, t),
                                                        ir::matmul(g, c, w), ir::matmul(g, w, t)};
                           }});
}

}  // namespace
}  // namespace am::test
