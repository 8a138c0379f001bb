// Every operation but products and means, sampled and shared, against the interpreter.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compare.h"
#include "compiler/ir/ops.h"

namespace am::test {
namespace {

using ir::Op;

/// x in [0, 1] brought to where the operation's derivative checks sample.
NodeId to_probe(Graph& g, NodeId x, const std::array<double, 2>& probe) {
  const NodeId low = ir::constant(g, probe[0], g[x].shape);
  return ir::add(g, ir::scale(g, probe[1] - probe[0], x), low);
}

/// All elementwise operations on inputs of their own, of which `sampled` has a bit for each that is sampled.
Case elementwise(Shape shape, unsigned sampled) {
  const auto build = [=](Graph& g) {
    std::vector<NodeId> out;
    for (int k = 0; k < ir::kOpCount; ++k) {
      const ir::OpInfo& row = ir::info(static_cast<Op>(k));
      if (row.lower->kind != ir::LoweringKind::Elementwise) continue;
      std::vector<NodeId> x;
      for (int i = 0; i < row.arity; ++i)
        x.push_back(to_probe(g, g.input(fmt::format("x{}", i), shape, sampled >> i & 1), row.probe.value));
      out.push_back(g.add(static_cast<Op>(k), x));
    }
    return out;
  };
  return {fmt::format("elementwise {}", shape.text()), build, 0, 1};
}

TEST(Ops, EveryElementwiseOperation) {
  for (unsigned sampled : {0u, 1u, 2u, 7u}) {
    expect_equal_everywhere(elementwise({3}, sampled), {7});
    expect_equal_everywhere(elementwise({}, sampled), {100});
  }
}

/// Sums and products of inputs of many sizes.
Case sizes(unsigned sampled) {
  const auto build = [=](Graph& g) {
    std::vector<NodeId> out;
    for (int size : {1, 2, 3, 5, 16, 17, 50, 64, 100})
      for (Shape shape : {Shape{size}, Shape{3, size}, Shape{size, 2}}) {
        const NodeId x = g.input("x", shape, sampled & 1), y = g.input("y", shape, sampled & 2);
        out.push_back(ir::mul(g, ir::add(g, x, y), y));
      }
    return out;
  };
  return {fmt::format("sizes, sampled {}", sampled), build};
}

TEST(Ops, EverySize) {
  for (unsigned sampled : {0u, 1u, 2u, 3u}) expect_equal_everywhere(sizes(sampled), {1, 16, 100});
}

const std::vector<std::pair<std::string, std::function<NodeId(Graph&, NodeId)>>> kMaps = {
    {"broadcast in front", [](Graph& g, NodeId x) { return ir::broadcast(g, x, {2, 5, 18}, 1); }},
    {"broadcast behind", [](Graph& g, NodeId x) { return ir::broadcast(g, x, {5, 18, 3}, 4); }},
    {"broadcast between", [](Graph& g, NodeId x) { return ir::broadcast(g, x, {5, 2, 18}, 2); }},
    {"transpose", [](Graph& g, NodeId x) { return ir::transpose(g, x); }},
    {"reshape", [](Graph& g, NodeId x) { return ir::reshape(g, x, {9, 10}); }},
    {"reshape of a transpose", [](Graph& g, NodeId x) { return ir::reshape(g, ir::transpose(g, x), {90}); }},
    {"unit axis of a transpose", [](Graph& g, NodeId x) { return ir::reshape(g, ir::transpose(g, x), {18, 1, 5}); }},
    {"slice of rows", [](Graph& g, NodeId x) { return ir::slice(g, x, 0, 1, 3); }},
    {"slice of columns", [](Graph& g, NodeId x) { return ir::slice(g, x, 1, 2, 7); }},
    {"slice of a slice, transposed",
     [](Graph& g, NodeId x) { return ir::transpose(g, ir::slice(g, ir::slice(g, x, 1, 3, 9), 0, 2, 2)); }},
    {"reshape of a slice", [](Graph& g, NodeId x) { return ir::reshape(g, ir::slice(g, x, 1, 2, 6), {30}); }},
    {"pad rows", [](Graph& g, NodeId x) { return ir::pad(g, x, 0, 2, 8); }},
    {"pad columns", [](Graph& g, NodeId x) { return ir::pad(g, x, 1, 0, 20); }},
    {"concat rows", [](Graph& g, NodeId x) { return ir::concat(g, {x, ir::slice(g, x, 0, 1, 2), x}, 0); }},
    {"concat columns", [](Graph& g, NodeId x) { return ir::concat(g, {x, ir::constant(g, 3, {5, 1}), x}, 1); }},
    {"sum of rows", [](Graph& g, NodeId x) { return ir::sum(g, x, 1); }},
    {"sum of columns", [](Graph& g, NodeId x) { return ir::sum(g, x, 2); }},
    {"sum of all", [](Graph& g, NodeId x) { return ir::sum_all(g, x); }},
    {"sum of a transpose", [](Graph& g, NodeId x) { return ir::sum(g, ir::transpose(g, x), 2); }},
    {"sum of a broadcast", [](Graph& g, NodeId x) { return ir::sum(g, ir::broadcast(g, x, {2, 5, 18}, 1), 5); }},
    {"sum of a reshape, broadcast again",
     [](Graph& g, NodeId x) {
       return ir::broadcast(g, ir::sum(g, ir::reshape(g, x, {6, 15}), 2), {6, 4}, 2);
     }},
};

/// An index map between elementwise work: as a view, stored, and of an input.
Case mapped(const std::string& name, bool sampled, const std::function<NodeId(Graph&, NodeId)>& map) {
  return {name, [=](Graph& g) {
            const NodeId x = ir::unary(g, Op::Tanh, g.input("x", {5, 18}, sampled));
            const NodeId y = map(g, x);
            return std::vector<NodeId>{y, ir::mul(g, y, y), ir::neg(g, map(g, g.slot(0)))};
          }};
}

TEST(Ops, IndexMapsAndSums) {
  for (const auto& [name, map] : kMaps)
    for (bool sampled : {false, true}) expect_equal_everywhere(mapped(name, sampled, map), {100});
}

/// What derivatives along `d` directions are made of: factors repeated along an axis at the end, sums over this axis,
/// shared matrices, means; with values that stand still stored, read and summed in the loop that moves.
Case directions(int rows, int d) {
  return {fmt::format("{} directions of {}", d, rows), [=](Graph& g) {
            const NodeId f = g.input("f", {rows}, true), j = g.input("j", {rows, d}, true);
            const NodeId w = g.input("w", {rows, d}, false), v = g.input("v", {rows}, false);
            const auto repeat = [&](NodeId x) { return ir::broadcast(g, x, {rows, d}, 2); };
            const NodeId slope = ir::unary(g, Op::Tanh, f), scaled = ir::mul(g, repeat(slope), j);
            const NodeId squares = ir::sum(g, ir::mul(g, scaled, scaled), 2), first = ir::mul(g, repeat(f), w);
            const NodeId both = ir::add(g, ir::mul(g, repeat(ir::mul(g, squares, f)), scaled), ir::mul(g, repeat(v), j));
            return std::vector<NodeId>{scaled, squares, first, both, ir::sum(g, ir::mul(g, first, j), 2), ir::mean(g, both),
                                       ir::mean(g, ir::sum(g, both, 2)), ir::sum(g, ir::mul(g, w, repeat(v)), 2),
                                       ir::sum(g, ir::add(g, ir::unary(g, Op::Exp, repeat(f)), j), 2)};
          }};
}

TEST(Ops, Directions) {
  expect_equal_everywhere(directions(3, 2), {7, 100});
  expect_equal_everywhere(directions(20, 5), {100});
  expect_equal_everywhere(directions(1, 17), {7});
}

TEST(Ops, MixedSharedAndSampledParts) {
  expect_equal_everywhere({"concat of shared and sampled", [](Graph& g) {
                             const NodeId x = g.input("x", {3}, true), w = g.input("w", {2}, false);
                             const NodeId y = ir::concat(g, {w, x, ir::constant(g, 1, {1})}, 0);
                             return std::vector<NodeId>{y, ir::mul(g, y, y), ir::concat(g, {x, x}, 0)};
                           }});
}

TEST(Ops, OutputsOfEveryKind) {
  expect_equal_everywhere({"outputs", [](Graph& g) {
                             const NodeId x = g.input("x", {2, 3}, true), w = g.input("w", {2, 3}, false);
                             const NodeId table = g.table({1, 2, 3, 4, 5, 6}, {2, 3});
                             const NodeId y = ir::add(g, x, w), v = ir::mul(g, w, table);
                             return std::vector<NodeId>{x, w, table, y, y, v, v, ir::transpose(g, y), ir::transpose(g, v),
                                                        ir::constant(g, 4, {17}), ir::slice(g, x, 1, 1, 1)};
                           }});
}

TEST(Ops, NothingSampled) {
  expect_equal_everywhere({"an optimizer's update", [](Graph& g) {
                             const Shape shape{17, 9};
                             const NodeId p = g.input("p", shape, false), m = g.input("m", shape, false),
                                          d = g.input("d", shape, false), rate = g.input("rate", {}, false);
                             const NodeId next = ir::add(g, ir::scale(g, 0.9, m), ir::scale(g, 0.1, d));
                             const NodeId size = ir::unary(g, Op::Sqrt, ir::mul(g, d, d));
                             const NodeId step = ir::scale(g, rate, ir::div(g, next, ir::add(g, size, ir::constant(g, 1, shape))));
                             return std::vector<NodeId>{ir::sub(g, p, step), next, ir::dot(g, next, d)};
                           }});
}

TEST(Ops, Rows) {
  for (bool table_sampled : {false, true})
    for (bool index_sampled : {false, true}) {
      const auto build = [=](Graph& g) {
        const NodeId table = g.input("table", {6, 17}, table_sampled), index = g.input("row", {2}, index_sampled);
        const NodeId second = ir::reshape(g, ir::slice(g, index, 0, 1, 1), {});
        const NodeId x = ir::row(g, table, second);
        return std::vector<NodeId>{x, ir::mul(g, x, x), ir::row(g, ir::transpose(g, table), second),
                                   ir::row(g, ir::slice(g, table, 1, 3, 4), second)};
      };
      expect_equal_everywhere({"row", build, -2, 2, 6});
    }
}

TEST(Ops, RowOfAConstantTable) {
  expect_equal_everywhere({"row of constants", [](Graph& g) {
                             const NodeId index = g.input("row", {}, true);
                             return std::vector<NodeId>{ir::row(g, g.table({1, 2, 3, 4, 5, 6}, {3, 2}), index),
                                                        ir::row(g, ir::constant(g, 2, {3, 1}), index)};
                           }, -2, 2, 3});
}

}  // namespace
}  // namespace am::test
