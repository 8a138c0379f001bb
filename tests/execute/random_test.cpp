// Random graphs: what one thought of no test for. A failure prints the graph, which the seed makes again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "compare.h"

namespace am::test {
namespace {

using ir::Op;

/// Grows a graph of small shapes whose values stay of order one.
class Grower {
 public:
  Grower(Graph& g, unsigned seed) : g_(g), random_(seed) {}
  std::vector<NodeId> grow(int steps) {
    for (int i = 0; i < 4; ++i) nodes_.push_back(input());
    for (int i = 0; i < steps; ++i) nodes_.push_back(step());
    std::vector<NodeId> out;
    for (int i = 0; i < 4; ++i) out.push_back(pick());
    for (int i = 0; i < 3; ++i) out.push_back(ir::mean(g_, pick()));
    out.push_back(nodes_.back());
    return out;
  }

 private:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  NodeId pick() { return nodes_[below(static_cast<int>(nodes_.size()))]; }
  const Shape& shape(NodeId x) const { return g_[x].shape; }

  NodeId input() {
    const int sizes[] = {1, 2, 3, 5, 17};
    Shape s;
    for (int rank = below(3); s.rank < rank;) s.sizes[s.rank++] = sizes[below(5)];
    return g_.input("x", s, below(3) > 0);
  }

  /// A node like `x`: one of its shape, or x.
  NodeId partner(NodeId x) {
    for (int i = 0; i < 10; ++i)
      if (const NodeId y = pick(); shape(y) == shape(x)) return y;
    return x;
  }

  NodeId elementwise(NodeId x) {
    const NodeId y = partner(x);
    switch (below(9)) {
      case 0: return ir::unary(g_, Op::Tanh, x);
      case 1: return ir::unary(g_, Op::Sin, x);
      case 2: return ir::scale(g_, 0.5, ir::add(g_, x, y));
      case 3: return ir::scale(g_, 0.5, ir::sub(g_, x, y));
      case 4: return ir::mul(g_, ir::unary(g_, Op::Sin, x), y);
      case 5: return ir::neg(g_, x);
      case 6: return ir::binary(g_, Op::Min, x, y);
      case 7: return ir::unary(g_, Op::Sigmoid, x);
      default: return ir::sub(g_, ir::constant(g_, 1, shape(x)), x);
    }
  }

  NodeId moved(NodeId x) {
    Shape s = shape(x);
    const int axis = s.rank ? below(s.rank) : 0, size = s.rank ? s[axis] : 1;
    switch (below(6)) {
      case 0: {
        if (s.rank > 2) return x;
        Shape wide;
        const int at = below(s.rank + 1);
        for (int k = 0; k <= s.rank; ++k) wide.sizes[wide.rank++] = k == at ? 1 + below(4) : s[k - (k > at)];
        return ir::broadcast(g_, x, wide, 1 << at);
      }
      case 1: return s.rank == 2 ? ir::transpose(g_, x) : x;
      case 2: return ir::reshape(g_, x, below(2) ? Shape{s.count()} : s.rank == 2 ? Shape{s[1], s[0]} : Shape{1, s.count()});
      case 3: {
        if (s.rank == 0) return x;
        const int start = below(size);
        return ir::slice(g_, x, axis, start, 1 + below(size - start));
      }
      case 4: return s.rank && s.count() < 200 ? ir::pad(g_, x, axis, below(3), size + 2 + below(3)) : x;
      default: return s.rank && s.count() < 200 ? ir::concat(g_, {x, partner(x)}, axis) : x;
    }
  }

  NodeId product(NodeId x) {
    if (shape(x).rank != 2) return elementwise(x);
    for (int i = 0; i < 20; ++i) {
      const NodeId y = pick();
      if (shape(y).rank != 2) continue;
      for (int bits = 0; bits < 4; ++bits)
        if (shape(x)[bits & 1 ? 0 : 1] == shape(y)[bits & 2 ? 1 : 0])
          return ir::scale(g_, 0.2, ir::matmul(g_, x, y, bits & 1, bits & 2));
    }
    return ir::scale(g_, 0.2, ir::matmul(g_, x, x, false, true));
  }

  NodeId step() {
    const NodeId x = pick();
    switch (below(12)) {
      case 0: return input();
      case 1: case 2: case 3: return moved(x);
      case 4: return shape(x).rank ? ir::scale(g_, 0.3, ir::sum(g_, x, 1 + below((1 << shape(x).rank) - 1))) : x;
      case 5: case 6: return product(x);
      case 7: return below(2) ? ir::mean(g_, x) : elementwise(x);
      default: return elementwise(x);
    }
  }

  Graph& g_;
  std::mt19937 random_;
  std::vector<NodeId> nodes_;
};

TEST(Random, GraphsAgreeWithTheInterpreter) {
  for (unsigned seed = 0; seed < 240; ++seed) {
    const Case c{fmt::format("seed {}", seed), [=](Graph& g) { return Grower(g, seed).grow(10 + seed % 40); }, -1, 1};
    const size_t samples[] = {1, 5, 33, 100};
    expect_equal(c, {.precision = lower::Precision::F64,
                     .cpu = processors()[seed % processors().size()],
                     .samples = samples[seed % 4],
                     .tile = seed % 5 ? 0 : 16});
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace am::test
