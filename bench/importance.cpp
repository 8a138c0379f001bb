// Prints the table of docs/importance_sampling.md: the variance of the objective's gradient with both samplers of times.
#include <fmt/format.h>

#include "tests/flow/gradient_steps.h"

namespace am {
namespace {

constexpr const char* kPaths[][2] = {
    {"moves by t, ten times faster about t = ½", "[t + 0.45·tanh(20·(t − ½)), 0] + z"},
    {"the same, four times as far", "[4·(t + 0.45·tanh(20·(t − ½))), 0] + z"},
    {"widens, ten times faster about t = ½", "(1 + t + 0.45·tanh(20·(t − ½)))·z"},
};
constexpr int kTrained[] = {1, 400, 2000, 4000};

std::string script(const char* path, int steps) {
  return fmt::format(R"(
path q(t) over 0..1 {{ z ~ normal(2); {} }}
potential s(x, t) = mlp(width = 32, depth = 2)([x, t])
train learned  = am(s, q) {{ steps = {}; batch = 256; optimizer = adam(lr = 5e-3, decay = cosine); precision = f64 }}
train plain    = am(s, q) {{ batch = 256; optimizer = sgd(lr = 1); precision = f64 }}
train weighted = am(s, q) {{ batch = 256; optimizer = sgd(lr = 1); precision = f64; time_sampler = importance }}
)",
                     path, steps);
}

/// The summed variance of the gradient's entries over a thousand steps at the learned parameters.
double variance(const elaborate::Model& m, const flow::Weights& learned, const Machine& machine, diagnostics::Sink& sink) {
  auto w = flow::initialise(m, machine, sink);
  if (!w) return 0;
  for (size_t k = 0; k < learned.parameters.size(); ++k)
    for (size_t i = 0; i < learned.parameters[k].count(); ++i) w->parameters[k].set(i, learned.parameters[k].get(i));
  GradientSteps gradient(m, *w, machine, sink);
  return gradient ? gradient_moments(gradient, 300, 1'000).total() : 0;
}

int run() {
  std::string error;
  const Machine machine{.target = jit::host_target("", error), .threads = 1};
  fmt::print("| path | trained for | low-discrepancy | importance | ratio |\n| --- | ---: | ---: | ---: | ---: |\n");
  for (const auto& [name, path] : kPaths)
    for (int steps : kTrained) {
      auto s = compile("importance.am", script(path, steps), {});
      const auto& learned = *s->elaborated.model("learned");
      auto w = flow::initialise(learned, machine, s->sink);
      if (!w || flow::train(learned, *w, machine, {}, s->sink) != flow::Ending::Finished) return 1;
      const double plain = variance(*s->elaborated.model("plain"), *w, machine, s->sink);
      const double weighted = variance(*s->elaborated.model("weighted"), *w, machine, s->sink);
      fmt::print("| {} | {} steps | {:.3g} | {:.3g} | {:.2f} |\n", name, steps, plain, weighted, weighted / plain);
      std::fflush(stdout);
    }
  return 0;
}

}  // namespace
}  // namespace am

int main() { return am::run(); }
