// Compiled programs on disk, as a user meets them: runs that differ in nothing but their start.
#include <elf.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>

#include "tests/amc/process.h"

namespace am::testing {
namespace {

namespace fs = std::filesystem;

class CacheOfAmc : public Amc {
 protected:
  CacheOfAmc() {
    setenv("AMC_CACHE", path("cache").c_str(), 1);
    write("x.am", small_script("steps = 3; batch = 64"));
  }

  std::vector<fs::path> entries() const {
    std::vector<fs::path> out;
    if (there("cache"))
      for (const auto& file : fs::directory_iterator(path("cache"))) out.push_back(file.path());
    return out;
  }
  /// The checkpoint that training leaves, which holds all bits of the result.
  std::string trained(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"run", "x.am", "--out", "out"};
    words.insert(words.end(), more.begin(), more.end());
    const Ended ended = amc(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.err.find("cache"), std::string::npos) << ended.err;
    return read("out/flow/checkpoint.npz");
  }
};

TEST_F(CacheOfAmc, WarmAndColdGiveTheSameBits) {
  const std::string cold = trained();
  const auto kept = entries();
  ASSERT_EQ(kept.size(), 2u) << "initial weights, training step";
  std::map<fs::path, std::string> before;
  for (const auto& entry : kept) before[entry] = contents(entry);
  EXPECT_EQ(trained(), cold);
  EXPECT_EQ(trained({"--no-cache"}), cold);
  EXPECT_EQ(trained({"--threads", "2"}), cold);
  EXPECT_EQ(entries().size(), 2u);
  for (const auto& [entry, bytes] : before) EXPECT_EQ(contents(entry), bytes);
}

TEST_F(CacheOfAmc, WhatIsRunIsWhatIsKept) {
  // A damaged entry is replaced; one that is whole is used: its file is not written again.
  const std::string cold = trained();
  const auto kept = entries();
  ASSERT_EQ(kept.size(), 2u);
  const auto written = [&](const fs::path& entry) { return fs::hard_link_count(entry); };
  for (const auto& entry : kept) fs::create_hard_link(entry, path(entry.filename().string()));
  std::string damaged = contents(kept[0]);
  damaged[damaged.size() / 2] ^= 1;
  fs::remove(kept[0]);
  write("cache/" + kept[0].filename().string(), damaged);
  EXPECT_EQ(trained(), cold);
  EXPECT_EQ(contents(kept[0]), read(kept[0].filename().string())) << "healed";
  EXPECT_EQ(written(kept[0]), 1u);
  EXPECT_EQ(written(kept[1]), 2u) << "still the first file";
}

TEST_F(CacheOfAmc, CodeForTileRegistersRunsInAnotherProcess) {
  // The system grants them to processes one by one, to one that makes the code and to one that finds it.
  std::string script = small_script("steps = 3; batch = 64");
  script.replace(script.find("width = 8"), 9, "width = 96");
  write("x.am", script);
  const std::string cold = trained();
  EXPECT_EQ(entries().size(), 2u);
  EXPECT_EQ(trained(), cold);
  EXPECT_EQ(entries().size(), 2u);
}

TEST_F(CacheOfAmc, OffKeepsNothing) {
  trained({"--no-cache"});
  EXPECT_FALSE(there("cache"));
  setenv("AMC_CACHE", "off", 1);
  trained();
  EXPECT_FALSE(there("cache"));
  EXPECT_FALSE(there("off"));
}

TEST_F(CacheOfAmc, AFolderThatCannotBeIsNoError) {
  const std::string cold = trained();
  write("file", "text");
  setenv("AMC_CACHE", (path("file") / "cache").c_str(), 1);
  EXPECT_EQ(trained(), cold);
  EXPECT_TRUE(holds(amc({"info"}).out, "0 compiled programs"));
  EXPECT_EQ(read("file"), "text");
}

TEST_F(CacheOfAmc, TwoRunsAtOnceShareIt) {
  const std::string cold = trained({"--no-cache"});
  std::vector<std::unique_ptr<Process>> runs;
  for (const std::string out : {"a", "b", "c"})
    runs.push_back(std::make_unique<Process>(folder(), std::vector<std::string>{"run", "x.am", "--out", out}));
  for (auto& run : runs) {
    const Ended ended = run->wait();
    EXPECT_EQ(ended.code, 0) << ended.err;
  }
  for (const std::string out : {"a", "b", "c"}) EXPECT_EQ(read(out + "/flow/checkpoint.npz"), cold);
  EXPECT_EQ(entries().size(), 2u);
}

TEST_F(CacheOfAmc, InfoSaysWhereItIsAndWhatItHolds) {
  EXPECT_TRUE(holds(amc({"info"}).out, "cache " + path("cache").string() + ": 0 compiled programs, 0.00 MiB of at most 256.00 MiB"));
  trained();
  EXPECT_TRUE(holds(amc({"info"}).out, "cache " + path("cache").string() + ": 2 compiled programs, 0.0"));
  setenv("AMC_CACHE", "off", 1);
  EXPECT_TRUE(holds(amc({"info"}).out, "cache off\n"));
}

/// Where the identity of its build stands in a program file.
size_t build_identity(const std::string& file) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  for (int i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, file.data() + header.e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type != SHT_NOTE) continue;
    Elf64_Nhdr note;
    std::memcpy(&note, file.data() + section.sh_offset, sizeof note);
    if (note.n_type == NT_GNU_BUILD_ID) return section.sh_offset + sizeof note + 4;
  }
  return 0;
}

TEST_F(CacheOfAmc, AnotherBuildOfTheCompilerHasEntriesOfItsOwn) {
  trained();
  const auto kept = entries();
  std::string program = contents(AMC_PROGRAM);
  const size_t at = build_identity(program);
  ASSERT_NE(at, 0u);
  const auto run = [&] {
    write("other", program);
    fs::permissions(path("other"), fs::perms::owner_all);
    const std::string command = fmt::format("cd {} && ./other run x.am --out out > log 2>&1", folder().string());
    const int status = std::system(command.c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << read("log");
  };
  run();
  EXPECT_EQ(entries().size(), 2u) << "the same build under another name";
  program[at + 7] ^= 1;
  run();
  EXPECT_EQ(entries().size(), 4u);
  for (const auto& entry : kept) EXPECT_TRUE(fs::exists(entry));
}

}  // namespace
}  // namespace am::testing
