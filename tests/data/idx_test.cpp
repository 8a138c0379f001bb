#include "runtime/data/idx.h"

#include "runtime/data/data.h"
#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::told;

using Numbers = std::vector<double>;

/// A header and the bytes behind it.
std::string idx(int type, const std::vector<size_t>& shape, const std::string& body) {
  std::string out{'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  for (const size_t extent : shape)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(extent >> shift & 0xFF);
  return out + body;
}

struct Reading {
  std::optional<Snapshots> data;
  std::string messages;
};

Reading read(const std::string& bytes, const std::string& labels = "") {
  const Folder folder;
  const std::string path = folder.write("images", bytes);
  diagnostics::Sink sink;
  const std::string other = labels.empty() ? "" : folder.write("labels", labels);
  auto data = read_idx(path, {.labels = other}, {}, sink);
  return {std::move(data), told(sink, other.empty() ? path : folder.path(""))};
}

const std::string kImages = idx(0x08, {3, 2, 2}, "\1\2\3\4\5\6\7\10\11\12\13\377");

TEST(Idx, RowsAreFlattened) {
  for (const std::string& bytes : {kImages, testing::gzipped(kImages)}) {
    const Reading r = read(bytes);
    ASSERT_TRUE(r.data) << r.messages;
    EXPECT_EQ(r.data->dimension, 4);
    EXPECT_EQ(r.data->rows, (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}));
    EXPECT_EQ(r.data->columns, (std::vector<std::string>{"[:, 0, 0]", "[:, 0, 1]", "[:, 1, 0]", "[:, 1, 1]"}));
    EXPECT_FALSE(r.data->timed());
  }
}

TEST(Idx, EveryTypeIsBigEndian) {
  using namespace std::string_literals;
  const std::pair<int, std::string> cases[] = {{0x09, "\xfe\1"s},
                                               {0x0B, "\xff\xfe\0\1"s},
                                               {0x0C, "\xff\xff\xff\xfe\0\0\0\1"s},
                                               {0x0D, "\xc0\0\0\0\x3f\x80\0\0"s},
                                               {0x0E, "\xc0\0\0\0\0\0\0\0\x3f\xf0\0\0\0\0\0\0"s}};
  for (const auto& [type, body] : cases) {
    const Reading r = read(idx(type, {2}, body));
    ASSERT_TRUE(r.data) << r.messages;
    EXPECT_EQ(r.data->rows, (Numbers{-2, 1})) << type;
    EXPECT_EQ(r.data->dimension, 1);
  }
  const Reading four = read(idx(0x08, {1, 1, 2, 2}, "\1\2\3\4"));
  ASSERT_TRUE(four.data) << four.messages;
  EXPECT_EQ(four.data->dimension, 4);
}

TEST(Idx, LabelsStandAsTimes) {
  const Reading r = read(kImages, idx(0x08, {3}, "\7\2\7"));
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->times, (Numbers{2, 7}));
  EXPECT_EQ(r.data->offsets, (std::vector<size_t>{0, 1, 3}));
  EXPECT_EQ(r.data->rows, (Numbers{5, 6, 7, 8, 1, 2, 3, 4, 9, 10, 11, 255}));
  EXPECT_EQ(read(kImages, idx(0x08, {2}, "\7\2")).messages,
            "MalformedFile: `FILElabels` is not a readable idx file: its array has shape [2], and one label for each "
            "of 3 samples is needed\n");
}

TEST(Idx, WhatIsWrongIsSaid) {
  const std::string start = "MalformedFile: `FILE` is not a readable idx file: ";
  const std::string header = start + "it does not begin as an IDX file does: two zeros, an element type, 1 to 4 axes\n";
  EXPECT_EQ(read("hello").messages, header);
  EXPECT_EQ(read("").messages, header);
  EXPECT_EQ(read(idx(0x0A, {1}, "1")).messages, header);
  EXPECT_EQ(read(idx(0x08, {1, 1, 1, 1, 1}, "1")).messages, header);
  EXPECT_EQ(read(kImages.substr(0, 9)).messages, start + "its header breaks off\n");
  EXPECT_EQ(read(kImages.substr(0, 20)).messages,
            start + "its shape [3, 2, 2] does not fit the 4 bytes that are there\n");
  EXPECT_EQ(read(kImages + "x").messages, start + "its shape [3, 2, 2] does not fit the 13 bytes that are there\n");
  const size_t large = 0xFFFFFFFF;
  EXPECT_EQ(read(idx(0x0E, {large, large, large}, "x")).messages,
            start + "its shape [4294967295, 4294967295, 4294967295] does not fit the 1 bytes that are there\n");
  EXPECT_EQ(read(idx(0x08, {0, 3}, "")).messages, "EmptyData: `FILE` holds no samples\n");
  EXPECT_EQ(read(idx(0x0D, {1}, std::string("\x7f\xc0\0\0", 4))).messages,
            "NonFiniteCell: FILE: row 1, column `[:]` is nan; every value must be finite\n");
}

TEST(Idx, Mnist) {
  const std::string images = testing::real_file("mnist_t10k/t10k-images-idx3-ubyte.gz");
  if (images.empty()) GTEST_SKIP() << "the shared data sets are not beside this source tree";
  diagnostics::Sink sink;
  const auto digits =
      read_idx(images, {.labels = testing::real_file("mnist_t10k/t10k-labels-idx1-ubyte.gz")}, {}, sink);
  ASSERT_TRUE(digits) << told(sink);
  EXPECT_EQ(digits->dimension, 784);
  EXPECT_EQ(digits->count(), 10000u);
  EXPECT_EQ(digits->times, (Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  // How many there are of each digit, as published with the set.
  EXPECT_EQ(digits->offsets, (std::vector<size_t>{0, 980, 2115, 3147, 4157, 5139, 6031, 6989, 8017, 8991, 10000}));
}

}  // namespace
}  // namespace am::data
