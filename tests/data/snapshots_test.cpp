#include "runtime/data/data.h"
#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::npy;
using testing::npy_of;
using testing::raw;
using testing::told;
using testing::zip;

using Numbers = std::vector<double>;

struct Reading {
  std::optional<Snapshots> data;
  std::string messages;
};

Reading read(const std::string& bytes, const NpzOptions& options) {
  const Folder folder;
  const std::string path = folder.write("a.npz", bytes);
  diagnostics::Sink sink;
  return {read_npz(path, options, {}, sink), told(sink, path)};
}

Reading read_x_and_t(const std::string& x, const std::string& t) {
  return read(zip({{.name = "X.npy", .text = x}, {.name = "t.npy", .text = t}}), {.time = "t"});
}

TEST(Snapshots, FromAnArchive) {
  const Reading r = read_x_and_t(npy_of({1, 2, 3, 4, 5, 6}, "(3, 2)"), npy_of({0, 2, 2}, "(3,)"));
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->dimension, 2);
  EXPECT_EQ(r.data->rows, (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(r.data->times, (Numbers{0, 2}));
  EXPECT_EQ(r.data->offsets, (std::vector<size_t>{0, 1, 3}));
  EXPECT_EQ(r.data->columns, (std::vector<std::string>{"X[:, 0]", "X[:, 1]"}));
}

TEST(Snapshots, OneAxisIsOneCoordinate) {
  const Reading r = read(zip({{.name = "X.npy", .text = npy_of({1, 2, 3}, "(3,)")}}), {});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->dimension, 1);
  EXPECT_EQ(r.data->count(), 3u);
  EXPECT_EQ(r.data->groups(), 1u);
}

TEST(Snapshots, MembersThatAreNotAskedForMayBeUnreadable) {
  const std::string genes = npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", "a\0\0\0");
  const Reading r =
      read(zip({{.name = "genes.npy", .text = genes}, {.name = "X.npy", .text = npy_of({1}, "(1,)")}}), {});
  EXPECT_TRUE(r.data) << r.messages;
}

TEST(Snapshots, TimesInSinglePrecisionMeanWhatWasWritten) {
  const std::string t = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", raw<float>({0.1f, 0.3f}));
  const Reading r = read_x_and_t(npy_of({1, 2}, "(2, 1)"), t);
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->times, (Numbers{0.1, 0.3}));
  EXPECT_EQ(r.data->at(0.3), 1u);
}

TEST(Snapshots, MissingMembers) {
  const std::string bytes =
      zip({{.name = "xs.npy", .text = npy_of({1}, "(1,)")}, {.name = "day.npy", .text = npy_of({1}, "(1,)")}});
  EXPECT_EQ(
      read(bytes, {.x = "X", .time = "dya"}).messages,
      "MissingColumn: `FILE` has no column `X`\nnote: its members are `xs`, `day`\n"
      "MissingColumn: `FILE` has no column `dya`\nnote: its members are `xs`, `day`\nhelp: did you mean `day`?\n");
}

TEST(Snapshots, ShapesThatDoNotFit) {
  EXPECT_EQ(
      read_x_and_t(npy_of({1, 2}, "(2, 1)"), npy_of({1, 2, 3}, "(3,)")).messages,
      "MalformedFile: `FILE` is not a readable npz file: its member `t` has shape [3], and one time for each of 2 "
      "samples is needed\n");
  EXPECT_EQ(read_x_and_t(npy_of({1, 2}, "(1, 1, 2)"), npy_of({1}, "(1,)")).messages,
            "MalformedFile: `FILE` is not a readable npz file: its member `X` has shape [1, 1, 2], and [count, d] or "
            "[count] is needed\n");
  EXPECT_EQ(read_x_and_t(npy_of({}, "(0, 3)"), npy_of({}, "(0,)")).messages, "EmptyData: `FILE` holds no samples\n");
  EXPECT_EQ(read_x_and_t(npy_of({}, "(3, 0)"), npy_of({1, 2, 3}, "(3,)")).messages,
            "EmptyData: `FILE` holds no samples\n");
}

TEST(Snapshots, ValuesThatDoNotFit) {
  EXPECT_EQ(read_x_and_t(npy_of({1, 2, 3, NAN}, "(2, 2)"), npy_of({0, 1}, "(2,)")).messages,
            "NonFiniteCell: FILE: row 2, column `X[:, 1]` is nan; every value must be finite\n");
  EXPECT_EQ(read_x_and_t(npy_of({1, 2}, "(2, 1)"), npy_of({0, INFINITY}, "(2,)")).messages,
            "NonFiniteCell: FILE: row 2, column `t` is inf; every value must be finite\n");
  EXPECT_EQ(
      read_x_and_t(npy_of({1, 2}, "(2, 1)"), npy_of({1, 0.5}, "(2,)")).messages,
      "UnsortedTimes: `FILE`: the time falls from 1 to 0.5 at row 2\nhelp: sort the rows of every member by `t`\n");
}

TEST(Snapshots, FromOneArray) {
  const Folder folder;
  diagnostics::Sink sink;
  const auto data = read_npy(folder.write("a.npy", npy_of({1, 2, 3, 4}, "(2, 2)")), {}, sink);
  ASSERT_TRUE(data) << told(sink);
  EXPECT_EQ(data->dimension, 2);
  EXPECT_EQ(data->columns[1], "[:, 1]");
  EXPECT_FALSE(data->timed());
  const std::string path = folder.write("b.npy", "hello");
  EXPECT_FALSE(read_npy(path, {}, sink));
  EXPECT_EQ(told(sink, path),
            "MalformedFile: `FILE` is not a readable npy file: it does not begin as a NumPy array does\n");
}

TEST(Snapshots, AtFindsTimesDespiteRounding) {
  const Snapshots data{.times = {0, 0.1, 0.3, 1e6}};
  EXPECT_EQ(data.at(0.1 + 0.2), 2u);
  EXPECT_EQ(data.at(0.1 + 0.2 - 0.3), 0u);
  EXPECT_EQ(data.at(1e6 + 1e-4), 3u);
  EXPECT_EQ(data.at(0.2), std::nullopt);
  EXPECT_EQ(data.at(1e6 + 1), std::nullopt);
  EXPECT_EQ(data.at(NAN), std::nullopt);
  EXPECT_EQ(Snapshots{}.at(0), std::nullopt);
  const Snapshots picoseconds{.times = {1e-12, 2e-12}};
  EXPECT_EQ(picoseconds.at(2e-12), 1u);
  EXPECT_EQ(picoseconds.at(1.5e-12), std::nullopt);
}

TEST(Snapshots, CiteComponents) {
  const std::string path = testing::real_file("cite/pca50.npz");
  if (path.empty()) GTEST_SKIP() << "the shared data sets are not beside this source tree";
  diagnostics::Sink sink;
  const auto data = read_npz(path, {.x = "X", .time = "day"}, {}, sink);
  ASSERT_TRUE(data) << told(sink);
  EXPECT_EQ(data->dimension, 50);
  EXPECT_EQ(data->times, (Numbers{2, 3, 4, 7}));
  EXPECT_EQ(data->offsets, (std::vector<size_t>{0, 6071, 13714, 22199, 29394}));
}

}  // namespace
}  // namespace am::data
