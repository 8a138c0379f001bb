#include "tests/flow/trained.h"

#include <fstream>
#include <sstream>

namespace am {

Machine test_machine(int threads) {
  std::string error;
  Machine m{.target = jit::host_target("", error), .threads = threads};
  EXPECT_EQ(error, "");
  return m;
}

std::string messages(const Script& script) {
  std::string out;
  for (const auto& d : script.sink.sorted()) out += diagnostics::render(d, script.sources);
  return out;
}

Trained train_script(const std::string& text, const CompileOptions& options, int threads) {
  Trained t{.script = compile("test.am", text, options), .weights = {}};
  EXPECT_TRUE(t.script->usable()) << messages(*t.script);
  if (!t.script->usable()) return t;
  const Machine machine = test_machine(threads);
  for (const auto& m : t.script->elaborated.models) {
    auto w = flow::initialise(m, machine, t.script->sink);
    if (!w) break;
    EXPECT_EQ(flow::train(m, *w, machine, {}, t.script->sink), flow::Ending::Finished) << messages(*t.script);
    t.weights[m.name] = std::move(*w);
  }
  return t;
}

flow::EvaluationResult evaluate_script(Trained& t, size_t k) {
  const auto& e = t.script->elaborated.evaluations.at(k);
  auto r = flow::evaluate(e, *t.script->elaborated.model(e.model), t.of(e.model), test_machine(), t.script->sink);
  EXPECT_TRUE(r) << messages(*t.script);
  return r ? *r : flow::EvaluationResult{};
}

std::string source_text(const std::string& path) {
  std::ifstream in(std::string(AM_SOURCE_DIR "/") + path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace am
