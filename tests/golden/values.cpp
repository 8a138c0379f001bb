// `value:` and `at …:`: expressions of the language, by the interpreter and by native code.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include "compiler/ir/interpret.h"
#include "runtime/flow/flow.h"
#include "tests/golden/checks.h"

namespace am::golden {
namespace {

/// "x = [1, 2], t = 0.5".
void read_point(const std::string& text, Values::Item& item) {
  const size_t x = text.find("x = "), t = text.find("t = ");
  if (x != std::string::npos)
    item.point = numbers(text.substr(x + 4, t > x && t != std::string::npos ? t - x - 4 : std::string::npos));
  if (t != std::string::npos)
    item.time = numbers(text.substr(t + 4, x > t && x != std::string::npos ? x - t - 4 : std::string::npos)).at(0);
}

/// What stands behind the script: a model whose learned function is the list of all expressions over points of one
/// dimension.
std::string model_text(int dimension, const std::string& list) {
  return fmt::format(
      "\npath golden_path{0}(t) over 0..1 {{ z ~ normal({0}); z }}"
      "\nvelocity golden_value{0}(x, t) {{ param golden_zero: R = 0; golden_zero + [{1}] }}"
      "\ndynamics golden_dynamics{0}(v, q) {{ minimize E[x ~ q(0)] sum(v(x, 0)); drift(x, t) = x }}"
      "\ntrain golden_model{0} = golden_dynamics{0}(golden_value{0}, golden_path{0}) {{ steps = 1; precision = f64 "
      "}}\n",
      dimension, list);
}

int dimension_of(const Values::Item& item) { return std::max<int>(1, static_cast<int>(item.point.size())); }

}  // namespace

Values values_of(const Golden& golden) {
  Values out;
  std::map<int, std::string> lists;
  for (size_t i = 0; i < golden.lines.size(); ++i) {
    const Line& line = golden.lines[i];
    if (!line.expectation || line.diagnostic) continue;
    const Expectation e = parts(line);
    if (e.key != "value" && e.key != "at") continue;
    Values::Item item{.line = static_cast<int>(i)};
    const std::string sign = " ± ";
    const size_t equals = e.rest.rfind(" = "), tolerance = e.rest.rfind(sign);
    if (equals == std::string::npos) {
      out.complaints.push_back(fmt::format("line {}: `EXPRESSION = NUMBER ± TOLERANCE` is expected", line.number));
      continue;
    }
    item.expression = e.rest.substr(0, equals);
    item.expected =
        numbers(e.rest.substr(equals + 3, tolerance == std::string::npos ? tolerance : tolerance - equals - 3));
    if (tolerance != std::string::npos) item.tolerance = numbers(e.rest.substr(tolerance + sign.size())).at(0);
    if (e.key == "at") read_point(e.subject, item);
    std::string& list = lists[dimension_of(item)];
    list += (list.empty() ? "" : ", ") + item.expression;
    out.items.push_back(item);
  }
  for (const auto& [dimension, list] : lists) out.addition += model_text(dimension, list);
  return out;
}

namespace {

struct Row {
  const Values::Item* item;
  size_t offset;
};

void compare(const Row& row, std::span<const double> got, double least, std::string_view by,
             std::vector<std::string>& complaints) {
  for (size_t k = 0; k < row.item->expected.size(); ++k) {
    const double want = row.item->expected[k], off = std::fabs(got[k] - want);
    if (!(off <= std::max(row.item->tolerance, least * (1 + std::fabs(want)))))
      complaints.push_back(fmt::format("line {}: entry {} of `{}` is {:.12g} by {}, expected {:.12g}",
                                       row.item->line + 1, k, row.item->expression, got[k], by, want));
  }
}

std::vector<double> interpreted(const elaborate::Model& m, const flow::Weights& w, const Values::Item& at) {
  ir::Bindings bindings{.samples = 1};
  for (size_t slot = 0; slot < m.functions.inputs.size(); ++slot) {
    const elaborate::Input& in = m.functions.inputs[slot];
    auto& values = bindings.inputs[static_cast<uint32_t>(slot)];
    if (in.role == elaborate::Role::Point) values = at.point.empty() ? std::vector<double>{0} : at.point;
    if (in.role == elaborate::Role::PointTime) values = {at.time};
    if (in.role == elaborate::Role::Data) values = in.data->get();
    if (in.role == elaborate::Role::Parameter)
      for (size_t i = 0; i < w.parameters[in.index].count(); ++i) values.push_back(w.parameters[in.index].get(i));
  }
  return ir::interpret(m.functions.graph, std::span(m.functions.outputs).first(1), bindings)[0];
}

}  // namespace

std::vector<std::string> check_values(const Values& values, const Script& script) {
  std::vector<std::string> complaints;
  std::set<int> dimensions;
  for (const auto& item : values.items) dimensions.insert(dimension_of(item));
  std::string error;
  const Machine machine{.target = jit::host_target("", error), .threads = 1};
  for (int dimension : dimensions) {
    const elaborate::Model* found = script.elaborated.model(fmt::format("golden_model{}", dimension));
    if (!found) {
      complaints.push_back("the expressions of the expectations cannot be compiled");
      continue;
    }
    elaborate::Model model = *found;
    diagnostics::Sink sink;
    std::vector<Row> rows;
    std::vector<double> points, times;
    size_t size = 0;
    for (const auto& item : values.items) {
      if (dimension_of(item) != dimension) continue;
      rows.push_back({&item, size});
      size += item.expected.size();
      std::vector<double> point = item.point;
      point.resize(dimension);
      points.insert(points.end(), point.begin(), point.end());
      times.push_back(item.time);
    }
    for (bool f64 : {true, false}) {
      model.f64 = f64;
      const auto weights = flow::initialise(model, machine, sink);
      const auto native = flow::functions_at(model, *weights, points, times, machine, sink);
      if (static_cast<size_t>(native->sizes[0]) != size) {
        complaints.push_back(fmt::format("the expressions over R[{}] have {} entries together, their expectations {}",
                                         dimension, native->sizes[0], size));
        break;
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        compare(rows[i], std::span(native->values[0]).subspan(i * size + rows[i].offset), f64 ? 1e-12 : 1e-5,
                f64 ? "native code in f64" : "native code in f32", complaints);
        if (f64)
          compare(rows[i], std::span<const double>(interpreted(model, *weights, *rows[i].item)).subspan(rows[i].offset),
                  1e-13, "the interpreter", complaints);
      }
    }
  }
  return complaints;
}

}  // namespace am::golden
