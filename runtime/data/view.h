// Points and velocities of a model in the coordinates that their reader wants.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/data.h"

namespace am::data {

enum class Coordinates {
  Original,      // of the data's file
  Standardised,  // of the model
  Genes,         // of what the components were made of
};

/// How to show what a model works with. Points are rows of which the first `moving` numbers are coordinates; what follows
/// (conditions) stays as it is.
struct View {
  Coordinates coordinates = Coordinates::Original;
  std::shared_ptr<const Frame> frame;  // null: the model's coordinates are all that is known
  size_t moving = 1;
  std::vector<size_t> genes;  // which of them; empty: all

  bool standardised() const { return frame && frame->standardised(); }
  /// Numbers that stand for the coordinates of one point.
  size_t width() const;
  /// Names of the genes shown; none for other coordinates.
  std::vector<std::string> names() const;

  /// Points [count, row] of the model as shown, [count, width() + row − moving]: scale·x + mean, and of genes
  /// loadings·(scale·x + mean) + centre.
  std::vector<double> positions(std::span<const double> points, size_t row) const;
  /// Velocities [count, moving] as shown, [count, width()]: no mean is added.
  std::vector<double> velocities(std::span<const double> velocities) const;
  /// Points [count, row] of the file as the model knows them: (x − mean)/scale, unless shown ones are the model's.
  std::vector<double> to_model(std::span<const double> points, size_t row) const;
};

}  // namespace am::data
