// A graph together with values for its inputs, for tests that compare graphs by what they compute.
#pragma once

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "compiler/ir/build.h"
#include "compiler/ir/interpret.h"

namespace am::ir {

/// Values of several samples of several draws, as one list for each output.
using Values = std::vector<std::vector<double>>;

struct Bench {
  Graph g;
  Bindings bindings{.samples = 3, .seed = 7, .step = 2};
  std::mt19937_64 random{20240501};

  double draw(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); }

  /// An input with uniform values.
  NodeId input(Shape shape, bool sampled, double low = -1, double high = 1) {
    return input(shape, sampled, [&] { return draw(low, high); });
  }

  NodeId input(Shape shape, bool sampled, const std::function<double()>& value) {
    const NodeId id = g.input("x" + std::to_string(g.slots().size()), shape, sampled);
    auto& values = bindings.inputs[g[id].attributes.index];
    values.resize(shape.count() * (sampled ? bindings.samples : 1));
    for (double& x : values) x = value();
    return id;
  }

  std::vector<double>& bound(NodeId input) { return bindings.inputs[g[input].attributes.index]; }

  std::vector<double> value(NodeId id) const { return interpret(g, {&id, 1}, bindings)[0]; }
  double number(NodeId id) const { return value(id).at(0); }

  /// ∂scalar/∂input by central differences, element by element; of a sampled input as a density with respect to the mean.
  std::vector<double> differences(NodeId scalar, NodeId input, double step) {
    std::vector<double> out;
    const double weight = g[input].sampled ? static_cast<double>(bindings.samples) : 1;
    for (double& x : bound(input)) {
      const double before = x;
      x = before + step;
      const double above = number(scalar);
      x = before - step;
      const double below = number(scalar);
      x = before;
      out.push_back(weight * (above - below) / (2 * step));
    }
    return out;
  }

  /// The mean over samples, or the value itself if it has none.
  NodeId average(NodeId x) { return g[x].sampled ? mean(g, x) : x; }
};

/// |x − y| relative to the larger of one and |y|.
inline double error(double x, double y) { return std::fabs(x - y) / std::max(1.0, std::fabs(y)); }

/// Of a list against another that may be shorter by the number of samples, being shared.
inline double error(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() < y.size()) return error(y, x);
  if (y.empty() || x.size() % y.size()) return INFINITY;
  double worst = 0;
  const size_t lanes = x.size() / y.size();
  for (size_t i = 0; i < x.size(); ++i) worst = std::fmax(worst, error(x[i], y[i / lanes]));
  for (double v : x) worst = std::isnan(v) ? INFINITY : worst;
  return worst;
}

}  // namespace am::ir
