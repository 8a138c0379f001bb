// Means of figures over times and over trainings, by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/flow/flow.h"

namespace am::flow {
namespace {

Figure figure(std::vector<double> by_repeat, double floor) {
  Figure f{.metric = "w1", .by_repeat = by_repeat, .floor = floor};
  for (const double v : by_repeat) f.value += v / static_cast<double>(by_repeat.size());
  return f;
}

TEST(Summary, TheDeviationOfAMeanOverTimesIsThatOfTheRepeatsMeans) {
  // The repeats go up at one time where they go down at the other: each time varies, and their mean does not.
  const std::vector<Figure> m = means({{1, 10, 20, {figure({1, 3}, 0.5)}}, {2, 10, 20, {figure({7, 5}, 1.5)}}});
  ASSERT_EQ(m.size(), 1u);
  EXPECT_EQ(m[0].metric, "w1");
  EXPECT_DOUBLE_EQ(m[0].value, 4);
  EXPECT_EQ(m[0].by_repeat, (std::vector<double>{4, 4}));
  EXPECT_DOUBLE_EQ(m[0].deviation, 0);
  EXPECT_DOUBLE_EQ(*m[0].floor, 1);
  const std::vector<Figure> together = means({{1, 10, 20, {figure({1, 3}, 0.5)}}, {2, 10, 20, {figure({5, 7}, 1.5)}}});
  EXPECT_DOUBLE_EQ(together[0].deviation, std::sqrt(2.0));
}

TEST(Summary, WhatIsMissingSomewhereHasNoMean) {
  Figure without = figure({2}, 0);
  without.floor.reset();
  const std::vector<Figure> m = means({{1, 10, 20, {figure({1}, 0.5)}}, {2, 10, 20, {without}}});
  EXPECT_FALSE(m[0].floor.has_value());
  EXPECT_TRUE(means({}).empty());
}

EvaluationResult result(double value, double deviation, double objective) {
  Figure f = figure({value}, 0.25);
  f.deviation = deviation;
  EvaluationResult r{.comparisons = {{1, 10, 20, {f}}}, .gap = objective / 10, .action = 7, .objective = objective};
  r.means = means(r.comparisons);
  return r;
}

TEST(Summary, SeedsAndRepeatsAreKeptApart) {
  const EvaluationResult r = over_seeds({result(1, 3, 10), result(2, 4, 20), result(6, 0, 60)}, true);
  const Figure& f = r.comparisons[0].figures[0];
  EXPECT_EQ(f.by_seed, (std::vector<double>{1, 2, 6}));
  EXPECT_DOUBLE_EQ(f.value, 3);
  EXPECT_DOUBLE_EQ(f.seed_deviation, std::sqrt(7.0));  // (4 + 1 + 9)/2
  EXPECT_DOUBLE_EQ(f.deviation, std::sqrt(25.0 / 3));
  EXPECT_DOUBLE_EQ(*f.floor, 0.25);
  EXPECT_DOUBLE_EQ(r.means[0].value, 3);
  EXPECT_DOUBLE_EQ(r.means[0].seed_deviation, std::sqrt(7.0));
  EXPECT_DOUBLE_EQ(r.objective, 30);
  EXPECT_DOUBLE_EQ(deviation(r.objective_by_seed), std::sqrt(700.0));
  EXPECT_EQ(r.gap_by_seed, (std::vector<double>{1, 2, 6}));
  EXPECT_DOUBLE_EQ(*r.gap, 3);
  EXPECT_DOUBLE_EQ(*r.action, 7);
}

TEST(Summary, OneTrainingStaysAsItIsUnlessItHasASeedOfItsOwn) {
  EXPECT_TRUE(over_seeds({result(1, 3, 10)}, false).comparisons[0].figures[0].by_seed.empty());
  const Figure f = over_seeds({result(1, 3, 10)}, true).comparisons[0].figures[0];
  EXPECT_EQ(f.by_seed, (std::vector<double>{1}));
  EXPECT_EQ(f.seed_deviation, 0);
  EXPECT_EQ(f.deviation, 3);
}

TEST(Summary, TimesOfDifferentTrainingsAreJoinedInOrder) {
  EvaluationResult late = result(5, 0, 0);
  late.comparisons[0].time = 2;
  late.references = {{9}};
  const EvaluationResult all = joined({result(1, 0, 0), late});
  ASSERT_EQ(all.comparisons.size(), 2u);
  EXPECT_EQ(all.comparisons[1].time, 2);
  EXPECT_DOUBLE_EQ(all.means[0].value, 3);
  EXPECT_EQ(all.references.size(), 1u);
}

}  // namespace
}  // namespace am::flow
