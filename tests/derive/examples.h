// Functions such as scripts state them, with inputs named as elaborate names them.
#pragma once

#include <string>

#include "compiler/derive/derive.h"
#include "compiler/simplify/simplify.h"
#include "tests/differentiate/network.h"

namespace am::derive {

using ir::Bench;
using ir::Graph;
using ir::NodeId;
using ir::Op;
using ir::Shape;

enum class Activation { Silu, Tanh, Softplus, Sigmoid, Mish };

struct Examples {
  Bench b;
  Graph& g = b.g;
  Activation activation = Activation::Silu;
  NodeId x, t;

  /// Points of two entries and times.
  Examples() : x(named("x", {2}, true)), t(named("t", {}, true)) {}
  Examples(const Examples&) = delete;

  NodeId named(std::string name, Shape shape, bool sampled) {
    const NodeId id = g.input(std::move(name), shape, sampled);
    auto& values = b.bindings.inputs[g[id].attributes.index];
    values.resize(shape.count() * (sampled ? b.bindings.samples : 1));
    for (double& value : values) value = b.draw(-1, 1);
    return id;
  }

  NodeId softplus(NodeId z) {
    const NodeId zero = ir::constant(g, 0, g[z].shape);
    return ir::add(g, ir::binary(g, Op::Max, z, zero),
                   ir::unary(g, Op::Log1p, ir::unary(g, Op::Exp, ir::neg(g, ir::unary(g, Op::Abs, z)))));
  }

  NodeId act(NodeId z) {
    switch (activation) {
      case Activation::Silu: return ir::mul(g, z, ir::unary(g, Op::Sigmoid, z));
      case Activation::Tanh: return ir::unary(g, Op::Tanh, z);
      case Activation::Softplus: return softplus(z);
      case Activation::Sigmoid: return ir::unary(g, Op::Sigmoid, z);
      case Activation::Mish: return ir::mul(g, z, ir::unary(g, Op::Tanh, softplus(z)));
    }
    return z;
  }

  struct Layer {
    NodeId weights, bias;
  };

  /// Layers of a perceptron: s.mlp.linear.W, s.mlp.linear2.W and so on.
  std::vector<Layer> layers(const std::string& net, const std::vector<int>& sizes) {
    std::vector<Layer> out;
    for (size_t i = 1; i < sizes.size(); ++i) {
      const std::string layer = net + ".linear" + (i > 1 ? std::to_string(i) : "");
      const NodeId weights = named(layer + ".W", {sizes[i], sizes[i - 1]}, false);
      out.push_back({weights, named(layer + ".b", {sizes[i]}, false)});
    }
    return out;
  }

  NodeId apply(const Layer& layer, NodeId h) { return ir::add(g, ir::matvec(g, layer.weights, h), layer.bias); }
  NodeId with_time(NodeId point, NodeId time) { return ir::concat(g, {point, ir::reshape(g, time, {1})}, 0); }

  NodeId mlp(const std::vector<Layer>& net, NodeId point, NodeId time) {
    NodeId h = with_time(point, time);
    for (size_t i = 0; i < net.size(); ++i) {
      h = apply(net[i], h);
      if (i + 1 < net.size()) h = act(h);
    }
    return h;
  }

  /// Layers that add to what they are given; the last one maps to a number.
  NodeId resnet(const std::vector<Layer>& net, NodeId point, NodeId time) {
    NodeId h = with_time(point, time);
    for (size_t i = 0; i + 1 < net.size(); ++i) h = ir::add(g, h, act(apply(net[i], h)));
    return ir::reshape(g, apply(net.back(), h), {});
  }

  using Potential = std::function<NodeId(NodeId point, NodeId time)>;

  Potential perceptron(const std::vector<int>& widths) {
    std::vector<int> sizes{3};
    sizes.insert(sizes.end(), widths.begin(), widths.end());
    sizes.push_back(1);
    return [this, net = layers("s.mlp", sizes)](NodeId p, NodeId q) { return ir::reshape(g, mlp(net, p, q), {}); };
  }

  /// ½|x − mlp([x, t])|²
  Potential half_square(const std::vector<int>& widths) {
    std::vector<int> sizes{3};
    sizes.insert(sizes.end(), widths.begin(), widths.end());
    sizes.push_back(2);
    return [this, net = layers("s.mlp", sizes)](NodeId p, NodeId q) {
      const NodeId r = ir::sub(g, p, mlp(net, p, q));
      return ir::scale(g, 0.5, ir::dot(g, r, r));
    };
  }

  NodeId gradient(const Potential& s) {
    const NodeId at = ir::variable(g, x);
    return differentiate::gradient(g, s(at, t), {{&at, 1}})[0];
  }
  NodeId rate(const Potential& s) {
    const NodeId at = ir::variable(g, t);
    return differentiate::gradient(g, s(x, at), {{&at, 1}})[0];
  }
  NodeId laplacian(const Potential& s) {
    const NodeId at = ir::variable(g, x);
    return differentiate::laplacian(g, s(at, t), at);
  }
  /// ½|∇s|² + ∂ₜs
  NodeId integrand(const Potential& s) {
    const NodeId v = gradient(s);
    return ir::add(g, ir::scale(g, 0.5, ir::dot(g, v, v)), rate(s));
  }

  std::string text(NodeId id, std::string_view name) const {
    const auto simple = simplify::simplify(g, {&id, 1});
    return mathematics(simple.graph, simple.outputs[0], name, Notation::Text);
  }
  std::string latex(NodeId id, std::string_view name) const {
    const auto simple = simplify::simplify(g, {&id, 1});
    return mathematics(simple.graph, simple.outputs[0], name, Notation::Latex);
  }
};

}  // namespace am::derive
