// The generators against published vectors and against what uniformity demands.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "compiler/ir/random.h"

namespace am::ir {
namespace {

using Words = std::array<uint32_t, 4>;

TEST(Philox, GivesThePublishedVectors) {
  // Known answers of Random123 for philox4x32 with 10 rounds.
  EXPECT_EQ(philox({0, 0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, UnitIntervalIsOpenAndExactInSinglePrecision) {
  EXPECT_EQ(unit_interval(0), 0x1p-24);
  EXPECT_EQ(unit_interval(~0u), 1 - 0x1p-24);
  for (uint32_t word : {1u, 77777u, 0x80000000u, 0xfffffe00u})
    EXPECT_EQ(static_cast<float>(unit_interval(word)), unit_interval(word));
}

TEST(Philox, DrawsDifferByEveryCoordinate) {
  const double here = uniform(1, 2, 3, 4, 5);
  EXPECT_NE(here, uniform(2, 2, 3, 4, 5));
  EXPECT_NE(here, uniform(1, 3, 3, 4, 5));
  EXPECT_NE(here, uniform(1, 2, 4, 4, 5));
  EXPECT_NE(here, uniform(1, 2, 3, 5, 5));
  EXPECT_NE(here, uniform(1, 2, 3, 4, 6));
}

TEST(Philox, MomentsAreThoseOfTheUniformDistribution) {
  const int n = 100'000;
  double first = 0, second = 0;
  for (int i = 0; i < n; ++i) {
    const double u = uniform(11, 0, 0, i, 0);
    first += u / n, second += u * u / n;
  }
  // Five standard errors: √(1/12/n) and √(4/45/n).
  EXPECT_NEAR(first, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(second, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
}

TEST(Weyl, FillsTheIntervalMoreEvenlyThanDraws) {
  // Discrepancy of n points of a sequence with bounded quotients is O(log n / n); independent draws give about 1/√n.
  const int n = 4096;
  std::vector<double> u;
  for (int i = 0; i < n; ++i) u.push_back(weyl(5, 1, i));
  std::sort(u.begin(), u.end());
  double worst = 0;
  for (int i = 0; i < n; ++i) worst = std::max({worst, std::fabs(u[i] - double(i) / n), std::fabs(u[i] - (i + 1.0) / n)});
  EXPECT_LT(worst, 4.0 / n);
}

TEST(Weyl, StepsBySquareRootOfTwo) {
  for (uint32_t i : {0u, 1u, 1000u}) {
    const double step = weyl(3, 2, i + 1) - weyl(3, 2, i);
    EXPECT_NEAR(step - std::floor(step), std::sqrt(2.0) - 1, 1e-6);
  }
  EXPECT_NE(weyl(3, 2, 0), weyl(3, 1, 0));
}

}  // namespace
}  // namespace am::ir
