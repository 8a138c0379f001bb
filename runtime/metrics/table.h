// The metrics that scripts can ask for, as a table: names, parameters, definitions, and what computes those of clouds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/metrics/metrics.h"

namespace am::metrics {

/// What a metric was asked for with: `gamma = [1, 0.1]` has numbers, `gamma = median` a word in their place.
struct Argument {
  std::string name;
  std::vector<double> numbers;
  std::string word;
};
using Arguments = std::vector<Argument>;

/// One that a metric takes, with its default and what each of its numbers must be.
struct Parameter {
  std::string_view name;
  std::vector<double> fallback;  // one number, or a list of any length
  std::string_view range;        // in words: "positive"
  bool (*fits)(double value);
  std::string_view words = {};  // the group of words that may stand there instead
};

/// What a figure is made of, which says who computes it.
enum class Of {
  Clouds,      // of particles and of real samples: `measure`, here
  Likelihood,  // real samples carried back to a known density
  Mass,        // the weights that particles have grown to
  WeakForm,    // the learned field along a path, or particles, under test functions
  Path,        // the learned functions along the model's own path: one figure, not one for each time
};

struct Metric {
  std::string_view name;
  Of of;
  std::vector<Parameter> parameters;
  std::string_view doc;         // sentences, for `amc doc`
  std::string_view definition;  // a line of ASCII, for evaluation.json
  /// The figure of clouds of particles and of real samples; `seed` is for what it draws itself. Null for the others.
  double (*measure)(const Cloud& particles, const Cloud& real, const Arguments& arguments, uint64_t seed);
};

const std::vector<Metric>& table();

/// By its name; null if there is none.
const Metric* find(std::string_view name);

/// The arguments that were given, completed by defaults, by name.
const Argument& argument(const Arguments& arguments, std::string_view name);

}  // namespace am::metrics
