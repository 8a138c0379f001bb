// amc fmt: files are laid out in place, or named, or printed, and never harmed.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/amc/process.h"

namespace am::testing {
namespace {

const std::string kUntidy = "const a=½·π   # half\n\n\nfn f( x )=∇x\n";
const std::string kTidy = "const a = ½·π   # half\n\nfn f(x) = ∇x\n";
const std::string kAscii = "const a = .5 @ pi   # half\n\nfn f(x) = grad x\n";
const std::string kWrong = "const a = (1\nconst b=2\n";

mode_t mode(const std::filesystem::path& path) {
  struct stat about = {};
  return stat(path.c_str(), &about) == 0 ? about.st_mode & 07777 : 0;
}

TEST_F(Amc, FmtWritesInPlaceAndKeepsPermissions) {
  write("x.am", kUntidy);
  chmod(path("x.am").c_str(), 0640);
  const Ended e = amc({"fmt", "x.am"});
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.out + e.err, "");
  EXPECT_EQ(read("x.am"), kTidy);
  EXPECT_EQ(mode(path("x.am")), 0640u);
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder()), {}), 1);
  struct stat before = {}, after = {};
  stat(path("x.am").c_str(), &before);
  EXPECT_EQ(amc({"fmt", "x.am"}).code, 0);
  stat(path("x.am").c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino) << "a tidy file is not written again";
}

TEST_F(Amc, FmtFollowsLinks) {
  write("below/x.am", kUntidy);
  std::filesystem::create_symlink("below/x.am", path("link.am"));
  EXPECT_EQ(amc({"fmt", "link.am"}).code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(path("link.am")));
  EXPECT_EQ(read("below/x.am"), kTidy);
}

TEST_F(Amc, FmtTurnsSpellingsBothWays) {
  write("x.am", kTidy);
  EXPECT_EQ(amc({"fmt", "--ascii", "x.am"}).code, 0);
  EXPECT_EQ(read("x.am"), kAscii);
  EXPECT_EQ(amc({"fmt", "x.am"}).code, 0);
  EXPECT_EQ(read("x.am"), kAscii);
  EXPECT_EQ(amc({"fmt", "--unicode", "x.am"}).code, 0);
  EXPECT_EQ(read("x.am"), kTidy);
}

TEST_F(Amc, FmtChecksWithoutWriting) {
  write("tidy.am", kTidy);
  write("untidy.am", kUntidy);
  EXPECT_EQ(amc({"fmt", "--check", "tidy.am"}).code, 0);
  const Ended e = amc({"fmt", "--check", "tidy.am", "untidy.am"});
  EXPECT_EQ(e.code, 1);
  EXPECT_EQ(e.out, "untidy.am would change\n");
  EXPECT_EQ(read("untidy.am"), kUntidy);
  EXPECT_EQ(amc({"fmt", "--check", "--ascii", "tidy.am"}).code, 1);
}

TEST_F(Amc, FmtPrintsOnRequest) {
  write("x.am", kUntidy);
  const Ended printed = amc({"fmt", "--stdout", "x.am"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out, kTidy);
  EXPECT_EQ(read("x.am"), kUntidy);
}

TEST_F(Amc, FmtReadsStandardInput) {
  write("x.am", kUntidy);
  const auto piped = [&](const std::string& options) {
    const std::string command = fmt::format("{} fmt {} - < {} > {}", AMC_PROGRAM, options, path("x.am").string(), path("out").string());
    const int code = WEXITSTATUS(std::system(command.c_str()));
    return fmt::format("{}:{}", code, read("out"));
  };
  EXPECT_EQ(piped(""), "0:" + kTidy);
  EXPECT_EQ(piped("--ascii"), "0:" + kAscii);
  EXPECT_EQ(piped("--check"), "1:standard input would change\n");
  EXPECT_EQ(read("x.am"), kUntidy);
}

TEST_F(Amc, FmtLeavesScriptsWithErrorsAlone) {
  write("wrong.am", kWrong);
  write("x.am", kUntidy);
  for (const std::string option : {"--ascii", "--check", "--stdout"}) {
    const Ended e = amc({"fmt", option, "wrong.am"});
    EXPECT_EQ(e.code, 1);
    EXPECT_EQ(e.out, "");
    EXPECT_TRUE(holds_in_order(e.err, {"wrong.am:1:11: error: ", "[MissingBracket]", "1 error in wrong.am"}));
    EXPECT_EQ(read("wrong.am"), kWrong);
  }
  // The others are laid out all the same.
  EXPECT_EQ(amc({"fmt", "wrong.am", "x.am"}).code, 1);
  EXPECT_EQ(read("wrong.am"), kWrong);
  EXPECT_EQ(read("x.am"), kTidy);
  // What only a later stage would refuse has a layout.
  write("x.am", "const a=unknown\n");
  EXPECT_EQ(amc({"fmt", "x.am"}).code, 0);
  EXPECT_EQ(read("x.am"), "const a = unknown\n");
}

TEST_F(Amc, FmtSaysWhatItCannotReadOrWrite) {
  const Ended missing = amc({"fmt", "nowhere.am"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(holds(missing.err, "`nowhere.am` cannot be read"));
  EXPECT_EQ(amc({"fmt"}).code, 1);
  EXPECT_EQ(amc({"fmt", "--ascii", "--unicode", "x.am"}).code, 1);
  EXPECT_EQ(amc({"fmt", "--check", "--stdout", "x.am"}).code, 1);
  if (geteuid() == 0) return;  // whom nothing is forbidden
  write("x.am", kUntidy);
  chmod(path("x.am").c_str(), 0440);
  const Ended closed = amc({"fmt", "x.am"});
  EXPECT_EQ(closed.code, 4);
  EXPECT_TRUE(holds(closed.err, "cannot write `x.am`"));
  EXPECT_EQ(read("x.am"), kUntidy);
}

}  // namespace
}  // namespace am::testing
