#include "runtime/data/labels.h"

#include <gtest/gtest.h>

#include <cmath>

namespace am::data {
namespace {

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

Numbers read(const Texts& labels) {
  Numbers out;
  const FileError error = label_numbers(labels, out);
  EXPECT_EQ(error.what, "");
  return out;
}

bool refused(const Texts& labels) {
  Numbers out;
  return !label_numbers(labels, out).what.empty();
}

TEST(Labels, Numbers) {
  EXPECT_EQ(read({"1", "2.5", "-3", "1e2", " 4 "}), (Numbers{1, 2.5, -3, 100, 4}));
  EXPECT_TRUE(std::isnan(read({"day 1", "nan"})[1]));
}

TEST(Labels, OneNumberAmongTheSameWords) {
  EXPECT_EQ(read({"day 3", "Day 10", "day3.5"}), (Numbers{3, 10, 3.5}));
  EXPECT_EQ(read({"E6.5", "E7.25"}), (Numbers{6.5, 7.25}));
  EXPECT_EQ(read({"1 day", "2 days"}), (Numbers{1, 2}));
  EXPECT_EQ(read({"12h", "0h"}), (Numbers{12, 0}));
  EXPECT_EQ(read({"day -2", "day 3"}), (Numbers{-2, 3}));
  EXPECT_EQ(read({"-2 days"}), (Numbers{-2}));
}

TEST(Labels, WhatCouldMeanTwoThings) {
  for (const Texts& labels : std::vector<Texts>{{"stem"},
                                                {""},
                                                {"day 0-3"},
                                                {"D-3"},
                                                {"D.5"},
                                                {"1.2.3"},
                                                {"3h", "3d"},
                                                {"1", "day 2"},
                                                {"day 1", "week 2"},
                                                {"D–3"},
                                                {"1,5"}})
    EXPECT_TRUE(refused(labels)) << labels.back();
}

}  // namespace
}  // namespace am::data
