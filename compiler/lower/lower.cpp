#include "compiler/lower/lower.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include "compiler/lower/emit.h"
#include "compiler/lower/program.h"

namespace am::lower {

Lowered::Lowered() = default;
Lowered::Lowered(Lowered&&) noexcept = default;
Lowered::~Lowered() = default;

/// The module goes before the context that it lives in.
Lowered& Lowered::operator=(Lowered&& other) noexcept {
  module = std::move(other.module);
  context = std::move(other.context);
  plan = std::move(other.plan);
  schedule = std::move(other.schedule);
  return *this;
}

Program planned(const ir::Graph& graph, const std::vector<ir::NodeId>& outputs, const Options& options) {
  Program program{.graph = graph, .outputs = outputs, .options = options};
  program.plan.precision = options.precision;
  program.plan.lanes = options.target.lanes(options.precision);
  program.plan.inputs = graph.slots();
  for (ir::NodeId id : outputs) program.plan.outputs.push_back({"", graph[id].shape, graph[id].sampled});
  schedule(program);
  place(program);
  program.plan.split_products = static_cast<int>(program.split_products.size());
  return program;
}

Plan plan(const ir::Graph& graph, const std::vector<ir::NodeId>& outputs, const Options& options) {
  return planned(graph, outputs, options).plan;
}

Lowered lower(const ir::Graph& graph, const std::vector<ir::NodeId>& outputs, const Options& options) {
  Program program = planned(graph, outputs, options);
  Lowered out;
  out.context = std::make_unique<llvm::LLVMContext>();
  out.module = std::make_unique<llvm::Module>("am", *out.context);
  emit(program, *out.module);
  out.schedule = describe(program);
  out.plan = std::move(program.plan);
  return out;
}

std::string print_llvm(const Lowered& lowered) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  lowered.module->print(stream, nullptr);
  return text;
}

}  // namespace am::lower
