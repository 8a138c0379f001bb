// A reader of formulas in the text notation, written from what a person would take them to mean. It knows nothing of
// how they were made.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace am::derive {

/// A number, vector or matrix for each sample, or for all of them. A row is a matrix of one row; columns are vectors.
struct Value {
  std::vector<int> sizes;
  std::vector<std::vector<double>> samples;
  size_t count() const { return samples[0].size(); }
};

using Known = std::map<std::string, Value>;

/// Throws std::runtime_error, saying where, if the formula does not make sense.
Value read_formula(std::string_view formula, const Known& known);

}  // namespace am::derive
