// Points and velocities in the coordinates of a file and of genes, against products written out.
#include <gtest/gtest.h>

#include "runtime/data/view.h"

namespace am::data {
namespace {

using Numbers = std::vector<double>;

/// Two components of three genes, standardised: x = (pc − mean)/scale, gene = loadings·pc + centre.
std::shared_ptr<const Frame> frame(bool standardised = true) {
  auto components = std::make_shared<Components>();
  components->names = {"Sox2", "Gata1", "Pou5f1"};
  components->loadings = {1, 2, 3, 4, 5, 6};
  components->centre = {100, 200, 300};
  auto out = std::make_shared<Frame>();
  out->components = components;
  if (standardised) out->of = "cells", out->mean = {10, 20}, out->scale = {2, 4};
  return out;
}

TEST(View, OriginalCoordinatesUndoTheStandardisation) {
  const View view{.frame = frame(), .moving = 2};
  EXPECT_EQ(view.positions(Numbers{1, 1, -1, 0}, 2), (Numbers{12, 24, 8, 20}));
  EXPECT_EQ(view.velocities(Numbers{1, 1}), (Numbers{2, 4}));
  EXPECT_EQ(view.to_model(Numbers{12, 24, 8, 20}, 2), (Numbers{1, 1, -1, 0}));
  EXPECT_EQ(view.width(), 2u);
}

TEST(View, WhatFollowsTheCoordinatesStays) {
  const View view{.frame = frame(), .moving = 2};
  EXPECT_EQ(view.positions(Numbers{1, 1, 7}, 3), (Numbers{12, 24, 7}));
  EXPECT_EQ(view.to_model(Numbers{12, 24, 7}, 3), (Numbers{1, 1, 7}));
  const View genes{.coordinates = Coordinates::Genes, .frame = frame(), .moving = 2, .genes = {0}};
  EXPECT_EQ(genes.positions(Numbers{1, 1, 7}, 3), (Numbers{100 + 12 + 2 * 24, 7}));
}

TEST(View, GenesAreTheDirectProduct) {
  const View view{.coordinates = Coordinates::Genes, .frame = frame(), .moving = 2};
  // The component (1, 1) is (12, 24) in the file, and the velocity (1, 1) is (2, 4): no mean is added to it.
  EXPECT_EQ(view.positions(Numbers{1, 1}, 2),
            (Numbers{1 * 12 + 2 * 24 + 100, 3 * 12 + 4 * 24 + 200, 5 * 12 + 6 * 24 + 300}));
  EXPECT_EQ(view.velocities(Numbers{1, 1}), (Numbers{1 * 2 + 2 * 4, 3 * 2 + 4 * 4, 5 * 2 + 6 * 4}));
  EXPECT_EQ(view.names(), (std::vector<std::string>{"Sox2", "Gata1", "Pou5f1"}));
  const View two{.coordinates = Coordinates::Genes, .frame = frame(false), .moving = 2, .genes = {2, 0}};
  EXPECT_EQ(two.positions(Numbers{1, 10}, 2), (Numbers{365, 121}));
  EXPECT_EQ(two.names(), (std::vector<std::string>{"Pou5f1", "Sox2"}));
  EXPECT_EQ(two.width(), 2u);
}

TEST(View, WithoutStandardisationOrByWishNothingChanges) {
  const Numbers x{1, 1, -1, 0};
  for (const View& view : {View{.coordinates = Coordinates::Standardised, .frame = frame(), .moving = 2},
                           View{.frame = frame(false), .moving = 2}, View{.frame = nullptr, .moving = 2}}) {
    EXPECT_EQ(view.positions(x, 2), x);
    EXPECT_EQ(view.velocities(x), x);
    EXPECT_EQ(view.to_model(x, 2), x);
  }
}

}  // namespace
}  // namespace am::data
