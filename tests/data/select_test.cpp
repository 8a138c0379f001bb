// Which samples are kept, in which coordinates, and with which masses.
#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/data/npz.h"
#include "runtime/data/select.h"
#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::told;

using Numbers = std::vector<double>;
using Sizes = std::vector<size_t>;

/// Snapshots of the given sizes at times 0, 1, …: row k is (k, 10·k), and weighs k + 1 if weights are asked for.
Snapshots counting(const Sizes& sizes, bool weighted = false) {
  Snapshots out;
  out.name = "cells", out.dimension = 2, out.columns = {"a", "b"};
  out.offsets = {0};
  for (size_t time = 0; time < sizes.size(); ++time) {
    out.times.push_back(static_cast<double>(time));
    for (size_t k = 0; k < sizes[time]; ++k) {
      const auto row = static_cast<double>(out.count());
      out.rows.insert(out.rows.end(), {row, 10 * row});
      if (weighted) out.weights.push_back(row + 1);
    }
    out.offsets.push_back(out.count());
  }
  return out;
}

Parts parted(const Snapshots& all, const Selection& selection) {
  diagnostics::Sink sink;
  auto parts = part(all, selection, {}, sink);
  EXPECT_TRUE(parts) << told(sink);
  return parts ? std::move(*parts) : Parts{};
}

std::string refusal(const Snapshots& all, const Selection& selection) {
  diagnostics::Sink sink;
  EXPECT_FALSE(part(all, selection, {}, sink));
  return told(sink);
}

TEST(Part, WithoutTimes) {
  const Parts parts = parted(counting({2, 1, 3}, true), {.without = {1}});
  EXPECT_EQ(parts.kept.times, (Numbers{0, 2}));
  EXPECT_EQ(parts.kept.offsets, (Sizes{0, 2, 5}));
  EXPECT_EQ(parts.kept.rows, (Numbers{0, 0, 1, 10, 3, 30, 4, 40, 5, 50}));
  EXPECT_EQ(parts.kept.weights, (Numbers{1, 2, 4, 5, 6}));
  EXPECT_EQ(parts.kept.file_rows, (Sizes{0, 1, 3, 4, 5}));
  EXPECT_EQ(parts.rest.times, (Numbers{1}));
  EXPECT_EQ(parts.rest.offsets, (Sizes{0, 1}));
  EXPECT_EQ(parts.rest.rows, (Numbers{2, 20}));
}

TEST(Part, AFractionOfEachSnapshotAndItsComplement) {
  const Snapshots all = counting({100, 50, 1});
  const Parts parts = parted(all, {.keep = 0.8, .seed = 1});
  EXPECT_EQ(parts.kept.offsets, (Sizes{0, 80, 120, 121}));
  // The only row at time 2 is kept, so the rest has no such time.
  EXPECT_EQ(parts.rest.times, (Numbers{0, 1}));
  EXPECT_EQ(parts.rest.offsets, (Sizes{0, 20, 30}));
  Sizes rows = parts.kept.file_rows;
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  rows.insert(rows.end(), parts.rest.file_rows.begin(), parts.rest.file_rows.end());
  std::sort(rows.begin(), rows.end());
  for (size_t k = 0; k < 151; ++k) EXPECT_EQ(rows[k], k);
  for (size_t k = 0; k < parts.rest.count(); ++k)
    EXPECT_EQ(parts.rest.rows[2 * k], static_cast<double>(parts.rest.file_rows[k]));
}

TEST(Part, TheSeedAloneChoosesRows) {
  const Snapshots all = counting({100, 50, 70});
  const Sizes once = parted(all, {.keep = 0.5, .seed = 1}).kept.file_rows;
  EXPECT_EQ(once, parted(all, {.keep = 0.5, .seed = 1}).kept.file_rows);
  EXPECT_NE(once, parted(all, {.keep = 0.5, .seed = 2}).kept.file_rows);
  // Of the snapshots that stay, the same rows whatever else is left out.
  Sizes expected;
  for (const size_t row : once)
    if (row < 100 || row >= 150) expected.push_back(row);
  EXPECT_EQ(parted(all, {.without = {1}, .keep = 0.5, .seed = 1}).kept.file_rows, expected);
  // The rows of this seed, which must never change: results of runs depend on them.
  EXPECT_EQ(parted(counting({10}), {.keep = 0.3, .seed = 1}).kept.file_rows, (Sizes{1, 2, 8}));
}

/// Each row is kept with the same probability. With 400 seeds and keep = 0.3, counts are binomial(400, 0.3): mean 120,
/// standard deviation 9.2. Five of these on either side are exceeded by one of 10 rows with probability 6e-6.
TEST(Part, RowsAreChosenEvenly) {
  Numbers counts(10, 0);
  for (uint64_t seed = 0; seed < 400; ++seed)
    for (const size_t row : parted(counting({10}), {.keep = 0.3, .seed = seed}).kept.file_rows) ++counts[row];
  for (const double count : counts) EXPECT_NEAR(count, 120, 46);
}

TEST(Part, TimesThatAreNotThereAndNothingLeft) {
  EXPECT_EQ(refusal(counting({2, 1}), {.without = {7}}),
            "MissingTime: `cells` has no samples at time 7\nhelp: its times are 0, 1\n");
  EXPECT_EQ(refusal(counting({2, 1}), {.without = {0, 1}}),
            "EmptyData: `cells` holds no samples\nhelp: leave out fewer times\n");
  Snapshots untimed = counting({2});
  untimed.times.clear();
  EXPECT_EQ(refusal(untimed, {.without = {0}}),
            "MissingTime: `cells` has no samples at time 0\nhelp: name its time column\n");
}

TEST(Part, SamplesWithoutTimes) {
  Snapshots all = counting({10});
  all.times.clear();
  const Parts parts = parted(all, {.keep = 0.7});
  EXPECT_EQ(parts.kept.offsets, (Sizes{0, 7}));
  EXPECT_EQ(parts.rest.offsets, (Sizes{0, 3}));
  EXPECT_FALSE(parts.rest.timed());
}

TEST(Frame, StandardisesTheKeptRowsAlone) {
  const Parts parts = parted(counting({2, 2}), {.without = {1}});
  const auto frame = standard_frame(parts.kept);
  EXPECT_EQ(frame->of, "cells");
  EXPECT_EQ(frame->mean, (Numbers{0.5, 5}));
  EXPECT_EQ(frame->scale, (Numbers{0.5, 5}));  // the divisor is the count
  EXPECT_EQ(in_frame(parts.kept, frame).rows, (Numbers{-1, -1, 1, 1}));
  EXPECT_EQ(in_frame(parts.rest, frame).rows, (Numbers{3, 3, 5, 5}));
  EXPECT_EQ(in_frame(parts.rest, frame).frame, frame);
}

TEST(Frame, WeighsRows) {
  Snapshots samples = counting({2});
  samples.weights = {3, 1};
  const auto frame = standard_frame(samples);
  EXPECT_DOUBLE_EQ(frame->mean[0], 0.25);
  EXPECT_DOUBLE_EQ(frame->scale[0], std::sqrt(3) / 4);
}

TEST(Frame, WhatDoesNotVaryKeepsItsUnit) {
  Snapshots samples = counting({3});
  for (size_t row = 0; row < 3; ++row) samples.rows[2 * row] = 1e8 + 0.1;
  const auto frame = standard_frame(samples);
  EXPECT_EQ(frame->scale[0], 1);
  EXPECT_NEAR(in_frame(samples, frame).rows[0], 0, 1e-7);
}

TEST(Masses, AreCountsOrSumsOfWeights) {
  EXPECT_EQ(counted_masses(counting({2, 1, 3})), (Numbers{1, 0.5, 1.5}));
  EXPECT_EQ(counted_masses(counting({2, 1, 3}, true)), (Numbers{1, 1, 5}));  // 1 + 2, 3, 4 + 5 + 6
}

// --- weights in files ---

struct Reading {
  std::optional<Snapshots> data;
  std::string messages;
};

Reading csv(const std::string& text, const CsvOptions& options) {
  const Folder folder;
  const std::string path = folder.write("w.csv", text);
  diagnostics::Sink sink;
  auto data = read_csv(path, options, {}, sink);
  return {std::move(data), told(sink, path)};
}

TEST(Weights, AreAColumnThatIsNoCoordinate) {
  const Reading r = csv("t,w,x\n0,2,5\n0,0,6\n1,.5,7\n", {.time = "t", .weight = "w"});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->columns, (std::vector<std::string>{"x"}));
  EXPECT_EQ(r.data->weights, (Numbers{2, 0, 0.5}));
}

TEST(Weights, ThatWeighNothing) {
  EXPECT_EQ(csv("t,w,x\n0,-2,5\n", {.time = "t", .weight = "w"}).messages,
            "BadWeights: `FILE` cannot be weighed by `w`: row 1 has -2, and a weight is a number from 0 on\n");
  EXPECT_EQ(csv("t,w,x\n0,1,5\n1,0,6\n1,0,7\n", {.time = "t", .weight = "w"}).messages,
            "BadWeights: `FILE` cannot be weighed by `w`: all weights at time 1 are 0\n");
  EXPECT_EQ(csv("w,x\n0,1\n", {.weight = "w"}).messages,
            "BadWeights: `FILE` cannot be weighed by `w`: all weights are 0\n");
}

TEST(Weights, AndComponentsOfArchives) {
  const Folder folder;
  const auto member = [](const Numbers& values, std::vector<size_t> shape) {
    return Array::of(std::span<const double>(values), std::move(shape));
  };
  const std::string path = folder.path("w.npz");
  ASSERT_FALSE(write_npz(path, {{"X", member({1, 2, 3, 4}, {2, 2})},
                                {"w", member({1, 3}, {2})},
                                {"PCs", member({1, 0, 0, 2, 1, 1}, {3, 2})},
                                {"mean", member({7, 8, 9}, {3})},
                                {"short", member({7, 8}, {2})}}));
  const auto read = [&](const NpzOptions& options) {
    diagnostics::Sink sink;
    auto data = read_npz(path, options, {}, sink);
    return Reading{std::move(data), told(sink, path)};
  };
  const Reading r = read({.weight = "w", .loadings = "PCs", .centre = "mean"});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->weights, (Numbers{1, 3}));
  const Components& c = *r.data->frame->components;
  EXPECT_EQ(c.names, (std::vector<std::string>{"PCs[0]", "PCs[1]", "PCs[2]"}));
  EXPECT_EQ(c.loadings, (Numbers{1, 0, 0, 2, 1, 1}));
  EXPECT_EQ(c.centre, (Numbers{7, 8, 9}));
  EXPECT_FALSE(r.data->frame->standardised());
  EXPECT_EQ(read({.loadings = "X", .centre = "mean"}).messages,
            "MalformedFile: `FILE` is not a readable npz file: its member `mean` has shape [3], and one number for "
            "each of 2 genes is needed\n");
  EXPECT_EQ(read({.loadings = "w"}).messages,
            "MalformedFile: `FILE` is not a readable npz file: its member `w` has shape [2], and [genes, 2] is needed, "
            "a column for each coordinate\n");
  EXPECT_EQ(read({.weight = "PCs"}).messages,
            "MalformedFile: `FILE` is not a readable npz file: its member `PCs` has shape [3, 2], and one weight for "
            "each of 2 samples is needed\n");
}

}  // namespace
}  // namespace am::data
