// Shapes of one sample: a number, a vector, a matrix, at most a stack of matrices.
#pragma once

#include <array>
#include <initializer_list>
#include <string>

namespace am::ir {

/// Sizes of the axes, row-major: the last axis is contiguous. A scalar has rank 0.
struct Shape {
  /// The last is that of directions, which derivatives add.
  static constexpr int kMaxRank = 5;
  int rank = 0;
  std::array<int, kMaxRank> sizes{};

  Shape() = default;
  Shape(std::initializer_list<int> list) {
    for (int size : list) sizes[rank++] = size;
  }
  int operator[](int axis) const { return sizes[axis]; }
  /// Number of elements.
  int count() const {
    int n = 1;
    for (int i = 0; i < rank; ++i) n *= sizes[i];
    return n;
  }
  bool operator==(const Shape&) const = default;
  /// As a script writes it: R, R[3], R[3, 4].
  std::string text() const;
};

}  // namespace am::ir
