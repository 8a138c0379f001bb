#include "runtime/data/npz.h"

#include <sys/stat.h>

#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::contents;
using testing::Entry;
using testing::Folder;
using testing::little;
using testing::npy_of;
using testing::zip;

struct Reading {
  Archive archive;
  std::string what;
};

Reading read(const std::string& bytes) {
  const Folder folder;
  Reading out;
  out.what = read_npz(folder.write("a.npz", bytes), out.archive).what;
  return out;
}

const std::string kTwo = npy_of({1.5, 2}, "(2,)");

Archive sample_archive() {
  const std::vector<float> weights{1, 2, 3, 4, 5, 6};
  const std::vector<double> scale{0.1};
  const std::vector<int64_t> step{-7};
  return {{"layer/W", Array::of(std::span(weights), {2, 3})},
          {"scale", Array::of(std::span(scale), {1})},
          {"step", Array::of(std::span(step), {})},
          {"empty", Array::of(std::span(weights).first(0), {0, 3})},
          {"meta", Array::of("{\"a\": 1}")},
          {"σ", Array::of(std::span(scale), {1, 1, 1})}};
}

TEST(Npz, WhatIsWrittenIsRead) {
  const Folder folder;
  const std::string path = folder.path("a.npz");
  ASSERT_EQ(write_npz(path, sample_archive()).what, "");
  Archive archive;
  ASSERT_EQ(read_npz(path, archive).what, "");
  const Archive expected = sample_archive();
  ASSERT_EQ(archive.size(), expected.size());
  for (const auto& [name, array] : expected) {
    EXPECT_EQ(archive.at(name).dtype, array.dtype) << name;
    EXPECT_EQ(archive.at(name).shape, array.shape) << name;
    EXPECT_EQ(archive.at(name).bytes, array.bytes) << name;
  }
  EXPECT_EQ(archive.at("layer/W").at(4), 5);
  EXPECT_EQ(archive.at("step").at(0), -7);
}

TEST(Npz, EqualContentsGiveEqualBytes) {
  const Folder folder;
  ASSERT_EQ(write_npz(folder.path("a.npz"), sample_archive()).what, "");
  ASSERT_EQ(write_npz(folder.path("b.npz"), sample_archive()).what, "");
  EXPECT_EQ(contents(folder.path("a.npz")), contents(folder.path("b.npz")));
}

TEST(Npz, ArrayBytesBeginAtAMultipleOf64WithinTheirMember) {
  const Folder folder;
  const std::vector<double> value{0.25};
  for (size_t rank = 0; rank < 40; ++rank) {
    ASSERT_EQ(write_npz(folder.path("a.npz"), {{"x", Array::of(std::span(value), std::vector<size_t>(rank, 1))}}).what,
              "");
    const std::string bytes = contents(folder.path("a.npz"));
    const size_t start = bytes.find("\x93NUMPY");
    const std::string body(reinterpret_cast<const char*>(value.data()), 8);
    EXPECT_EQ((bytes.find(body, start) - start) % 64, 0u) << rank;
    EXPECT_EQ(bytes[bytes.find(body, start) - 1], '\n') << rank;
    Archive archive;
    EXPECT_EQ(read_npz(folder.path("a.npz"), archive).what, "") << rank;
  }
}

TEST(Npz, WritingReplacesAndLeavesNothingBeside) {
  const Folder folder;
  const std::string path = folder.path("a.npz");
  ASSERT_EQ(write_text(path, "old").what, "");
  ASSERT_EQ(write_npz(path, sample_archive()).what, "");
  EXPECT_EQ(folder.files(), 1u);
  EXPECT_EQ(contents(path).substr(0, 2), "PK");
}

TEST(Npz, WritingThatFailsSaysSoAndLeavesNothing) {
  const Folder folder;
  const FileError absent = write_text(folder.path("none/a.txt"), "text");
  EXPECT_TRUE(absent.system);
  EXPECT_EQ(absent.what, "No such file or directory");
  // A folder stands where the file should go: the rename is what fails.
  ASSERT_EQ(mkdir(folder.path("a.npz").c_str(), 0700), 0);
  const FileError taken = write_npz(folder.path("a.npz"), sample_archive());
  EXPECT_TRUE(taken.system);
  EXPECT_EQ(taken.what, "Is a directory");
  EXPECT_EQ(folder.files(), 1u) << "the temporary file is removed";
}

TEST(Npz, AFullDiskIsReported) {
  struct stat about = {};
  if (stat("/dev/full", &about) != 0) GTEST_SKIP() << "this system has no /dev/full";
  const Folder folder;
  const std::string temporary = fmt::format("{}.tmp-{}", folder.path("a.txt"), getpid());
  ASSERT_EQ(symlink("/dev/full", temporary.c_str()), 0);
  const FileError error = write_text(folder.path("a.txt"), "text");
  EXPECT_TRUE(error.system);
  EXPECT_EQ(error.what, "No space left on device");
  EXPECT_EQ(folder.files(), 0u);
}

TEST(Npz, MembersAsOtherProgramsWriteThem) {
  const std::string large = npy_of(std::vector<double>(20000, 0.5), "(20000,)");
  const Reading r = read(zip({{.name = "stored.npy", .text = kTwo},
                              {.name = "deflated.npy", .text = large, .deflate = true},
                              {.name = "streamed.npy", .text = kTwo, .deflate = true, .streamed = true},
                              {.name = "savez.npy", .text = kTwo, .local_zip64 = true},
                              {.name = "bare", .text = kTwo}},
                             "a comment with PK\5\6 in it, longer than the record it imitates"));
  ASSERT_EQ(r.what, "");
  EXPECT_EQ(r.archive.size(), 5u);
  for (const char* name : {"stored", "streamed", "savez", "bare"}) {
    ASSERT_TRUE(r.archive.contains(name)) << name;
    EXPECT_EQ(r.archive.at(name).at(0), 1.5) << name;
  }
  EXPECT_EQ(r.archive.at("deflated").count(), 20000u);
  EXPECT_EQ(r.archive.at("deflated").at(19999), 0.5);
}

TEST(Npz, RefusedInWords) {
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = kTwo, .flags = 1}})).what, "its member `x.npy` is encrypted");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = kTwo, .declared_size = 0xFFFFFFFF}})).what,
            "it is a zip64 archive; only archives and members below 4 GiB are read");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = kTwo, .method = 12}})).what,
            "its member `x.npy` is damaged: compression method 12 is not known");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = kTwo}, {.name = "x.npy", .text = kTwo}})).what,
            "it has two members `x`");
  EXPECT_EQ(read(zip({{.name = "a.txt", .text = "hello"}})).what,
            "its member `a.txt`: it does not begin as a NumPy array does");
}

TEST(Npz, DamageIsFound) {
  EXPECT_EQ(read("").what, "it is not a zip archive, or it breaks off");
  const std::string good = zip({{.name = "x.npy", .text = kTwo}});
  EXPECT_EQ(read(good.substr(0, good.size() - 1)).what, "it is not a zip archive, or it breaks off");
  EXPECT_EQ(read(good.substr(1)).what, "its directory is damaged");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = kTwo, .declared_crc = 1}})).what,
            "its member `x.npy` is damaged: its checksum is wrong");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = kTwo, .declared_size = 3}})).what.substr(0, 30),
            "its member `x.npy` is damaged:");
  std::string flipped = good;
  flipped[flipped.find("(2,)") + 1] = '3';
  EXPECT_EQ(read(flipped).what, "its member `x.npy` is damaged: its checksum is wrong");
}

TEST(Npz, DeclaredSizesBoundInflation) {
  const std::string zeros(1 << 20, '\0');
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = zeros, .deflate = true, .declared_size = 100}})).what,
            "its member `x.npy` is damaged: it inflates to more than the 100 bytes it declares");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = zeros, .deflate = true, .declared_size = 0x7FFFFFFF}})).what,
            "its member `x.npy` is damaged: no compression reaches the size it declares");
  EXPECT_EQ(read(zip({{.name = "x.npy", .text = zeros, .deflate = true, .declared_size = (1 << 20) + 1}})).what,
            "its member `x.npy` is damaged: 1048576 bytes of 1048577 are there");
}

TEST(Npz, MembersThatShareBytesAreRefused) {
  // Two directory entries for one member, the second a copy of the first.
  std::string bytes = zip({{.name = "x.npy", .text = kTwo}});
  const size_t directory = bytes.find("PK\1\2"), end = bytes.find("PK\5\6");
  const std::string entry = bytes.substr(directory, end - directory);
  bytes = bytes.substr(0, end) + entry + "PK\5\6" + little(0, 4) + little(2, 2) + little(2, 2) +
          little(2 * entry.size(), 4) + little(directory, 4) + little(0, 2);
  EXPECT_EQ(read(bytes).what, "its members overlap");
}

TEST(Npz, EmbryoidComponents) {
  const std::string path = testing::real_file("eb_full/pca20.npz");
  if (path.empty()) GTEST_SKIP() << "the shared data sets are not beside this source tree";
  Archive archive;
  ASSERT_EQ(read_npz(path, archive).what, "");
  EXPECT_EQ(archive.at("X").shape, (std::vector<size_t>{16821, 20}));
  EXPECT_EQ(archive.at("X").dtype, "<f4");
  EXPECT_EQ(archive.at("t").dtype, "<i4");
  EXPECT_EQ(archive.at("train_mean").dtype, "<f8");
}

}  // namespace
}  // namespace am::data
