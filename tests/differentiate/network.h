// A perceptron with silu layers as elaborate builds it, and Action Matching's integrand, for tests.
#pragma once

#include "compiler/differentiate/differentiate.h"
#include "tests/ir/evaluate.h"

namespace am::ir {

struct Network {
  Bench& b;
  std::vector<NodeId> weights, biases;

  /// Weight matrices between layers of `sizes` entries; all shared inputs.
  Network(Bench& bench, const std::vector<int>& sizes) : b(bench) {
    for (size_t i = 1; i < sizes.size(); ++i) {
      weights.push_back(b.input({sizes[i], sizes[i - 1]}, false));
      biases.push_back(b.input({sizes[i]}, false));
    }
  }

  std::vector<NodeId> parameters() const {
    std::vector<NodeId> out = weights;
    out.insert(out.end(), biases.begin(), biases.end());
    return out;
  }

  /// The last layer's vector for an input vector.
  NodeId operator()(NodeId h) const {
    Graph& g = b.g;
    for (size_t i = 0; i < weights.size(); ++i) {
      h = add(g, matvec(g, weights[i], h), biases[i]);
      if (i + 1 < weights.size()) h = mul(g, h, unary(g, Op::Sigmoid, h));
    }
    return h;
  }

  NodeId with_time(NodeId x, NodeId t) const { return (*this)(concat(b.g, {x, reshape(b.g, t, {1})}, 0)); }
  /// A scalar function of position and time.
  NodeId s(NodeId x, NodeId t) const { return reshape(b.g, with_time(x, t), {}); }
};

/// ½|∇s|² + ∂ₜs with s, ∇s and ∂ₜs each taken through aliases of its own.
struct Integrand {
  NodeId s, gradient, rate, value;
  Integrand(const Network& net, NodeId x, NodeId t) {
    Graph& g = net.b.g;
    s = net.s(x, t);
    const NodeId at_x = variable(g, x), at_t = variable(g, t);
    gradient = differentiate::gradient(g, net.s(at_x, t), {{&at_x, 1}})[0];
    rate = differentiate::gradient(g, net.s(x, at_t), {{&at_t, 1}})[0];
    value = add(g, scale(g, 0.5, dot(g, gradient, gradient)), rate);
  }
};

}  // namespace am::ir
