// A script compiled, trained and evaluated, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "runtime/flow/flow.h"

namespace am {

Machine test_machine(int threads = 2);

/// Every diagnostic as text, for failure messages.
std::string messages(const Script& script);

struct Trained {
  std::unique_ptr<Script> script;
  std::map<std::string, flow::Weights> weights;

  const elaborate::Model& model(size_t k = 0) const { return script->elaborated.models[k]; }
  const flow::Weights& of(const std::string& name) const { return weights.at(name); }
};

/// Compiles and trains every model of the script; a failure fails the test and leaves `weights` short.
Trained train_script(const std::string& text, const CompileOptions& options = {}, int threads = 2);

flow::EvaluationResult evaluate_script(Trained& t, size_t k = 0);

/// The text of a file below the source folder.
std::string source_text(const std::string& path);

}  // namespace am
