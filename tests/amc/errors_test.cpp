// What is wrong with script, settings or data is said before anything is trained or written, with its place.
#include "tests/amc/process.h"
#include "tests/data/anndata_files.h"

namespace am::testing {
namespace {

/// Trains on the two columns of cells.csv.
const std::string kScript = R"(data cells = csv("cells.csv", time = "t", columns = "x1".."x2")
path q = linear(cells)
potential s(x, t) = mlp(width = 4, depth = 1)([x, t])
train flow = am(s, q) { steps = 5; batch = 16 }
)";
const std::string kGood = "t,x1,x2\n0,1,2\n0,2,3\n1,3,4\n1,4,6\n";

struct BadData {
  std::string name;
  std::string csv;
  std::vector<std::string> says;  // in this order
};
void PrintTo(const BadData& d, std::ostream* out) { *out << d.name; }

class DataErrors : public Amc, public ::testing::WithParamInterface<BadData> {};

TEST_P(DataErrors, AreSaidBeforeTraining) {
  write("x.am", kScript);
  write("cells.csv", GetParam().csv);
  const Ended e = amc({"run", "x.am"});
  EXPECT_EQ(e.code, 2) << e.err;
  EXPECT_EQ(e.out, "");
  std::vector<std::string> says{"x.am:1:14: error: "};
  says.insert(says.end(), GetParam().says.begin(), GetParam().says.end());
  EXPECT_TRUE(holds_in_order(e.err, says));
  // The excerpt points at the call that reads the file.
  EXPECT_TRUE(holds(e.err, " 1 | data cells = csv(\"cells.csv\", time = \"t\", columns = \"x1\"..\"x2\")\n   |              ^~~~"));
  EXPECT_FALSE(there("runs"));
  EXPECT_EQ(amc({"check", "x.am"}).code, 2);
}

INSTANTIATE_TEST_SUITE_P(
    All, DataErrors,
    ::testing::Values(
        BadData{"MissingColumn", "t,x1,xx2\n0,1,2\n1,2,3\n", {"cells.csv", "has no column `x2`", "`t`, `x1`, `xx2`", "did you mean `"}},
        BadData{"MissingTime", "time,x1,x2\n0,1,2\n1,2,3\n", {"has no column `t`", "`time`, `x1`, `x2`"}},
        BadData{"NotANumber", "t,x1,x2\n0,1,2\n0,oops,3\n1,3,4\n", {"cells.csv:3: ", "column `x1` holds `oops`", "not a number"}},
        BadData{"TwoBadCells", "t,x1,x2\n0,1,two\n0,one,3\n1,3,4\n", {"cells.csv:2: ", "`x2`", "`two`", "cells.csv:3: ", "`x1`", "`one`", "2 errors in x.am"}},
        BadData{"NoRows", "t,x1,x2\n", {"holds no samples", "[EmptyData]"}},
        BadData{"NothingAtAll", "", {"holds no samples", "[EmptyData]"}},
        BadData{"OneTime", "t,x1,x2\n3,1,2\n3,2,3\n", {"`cells` holds one time only (3)", "at least two", "1 error in x.am"}},
        BadData{"NotFinite", "t,x1,x2\n0,1,2\n1,nan,3\n", {"row 2", "column `x1`", "nan", "finite"}},
        BadData{"Infinite", "t,x1,x2\n0,1,2\n1,2,-inf\n", {"row 2", "column `x2`", "-inf", "finite"}},
        BadData{"OutOfOrder", "t,x1,x2\n0,1,2\n1,2,3\n0.5,2,3\n", {"the time falls from 1 to 0.5 at row 3", "help: sort"}},
        BadData{"Ragged", "t,x1,x2\n0,1,2\n1,2\n", {"cells.csv:3: ", "2 cells", "header has 3"}}),
    [](const auto& info) { return info.param.name; });

struct BadCells {
  std::string name, arguments, says;
};
void PrintTo(const BadCells& d, std::ostream* out) { *out << d.name; }

class CellErrors : public Amc, public ::testing::WithParamInterface<BadCells> {};

TEST_P(CellErrors, PointAtTheData) {
  const data::testing::Folder folder;
  write("good.h5ad", data::testing::contents(data::testing::new_layout(folder)));
  write("bad.h5ad", read("good.h5ad").substr(0, 3000));
  write("x.am", fmt::format("data cells = {}\npath q = linear(cells)\npotential s(x, t) = mlp(4, 1)([x, t])\n"
                            "train flow = am(s, q) {{ steps = 5; batch = 16 }}\n",
                            GetParam().arguments));
  const Ended e = amc({"run", "x.am"});
  EXPECT_EQ(e.code, GetParam().says.empty() ? 0 : 2) << e.err;
  if (GetParam().says.empty()) return;
  EXPECT_EQ(e.out, "");
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:1:14: error: ", GetParam().says, "1 error in x.am"}));
  EXPECT_FALSE(holds(e.err, "HDF5-DIAG"));
  EXPECT_FALSE(there("runs"));
}

INSTANTIATE_TEST_SUITE_P(
    All, CellErrors,
    ::testing::Values(BadCells{"None", "h5ad(\"good.h5ad\", time = \"day\", columns = 1)", ""},
                      BadCells{"Column", "h5ad(\"good.h5ad\", time = \"days\")", "did you mean `day`?"},
                      BadCells{"Array", "h5ad(\"good.h5ad\", time = \"day\", x = \"obsm/pca\")",
                               "its arrays are `X`, `obsm/X_line`"},
                      BadCells{"Texts", "h5ad(\"good.h5ad\", time = \"kind\")", "holds `stem`, `late 2`"},
                      BadCells{"Missing", "h5ad(\"good.h5ad\", time = \"gap\")", "row 2, column `gap` is nan"},
                      BadCells{"Truncated", "h5ad(\"bad.h5ad\", time = \"day\")", "truncated file"},
                      BadCells{"NotHdf5", "h5ad(\"x.am\", time = \"day\")", "does not begin as an HDF5 file does"},
                      BadCells{"Nowhere", "h5ad(\"no.h5ad\", time = \"day\")", "`no.h5ad` cannot be opened"},
                      BadCells{"NotIdx", "idx(\"x.am\")", "does not begin as an IDX file does"}),
    [](const auto& info) { return info.param.name; });

TEST_F(Amc, MissingDataFileIsNamedAndPointedAt) {
  write("x.am", kScript);
  const Ended e = amc({"run", "x.am"});
  EXPECT_EQ(e.code, 2);
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:1:14: error: ", "`cells.csv` cannot be opened", "No such file", "[MissingFile]"}));
  EXPECT_FALSE(there("runs"));
}

TEST_F(Amc, DimensionsOfDataAndPotentialMustAgree) {
  write("x.am", R"(data cells = csv("cells.csv", time = "t", columns = "x1".."x3")
path q = linear(cells)
potential s(x, t) {
  param A: R[2, 2] = lecun_normal()
  ½·x·(A·x)
}
train flow = am(s, q) { steps = 5 }
)");
  write("cells.csv", "t,x1,x2,x3\n0,1,2,3\n0,2,3,1\n1,3,4,2\n");
  const Ended e = amc({"run", "x.am"});
  EXPECT_EQ(e.code, 1);
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:5:9: error: ", "R[2, 2]", "R[3]", "½·x·(A·x)", "^", "1 error in x.am"}));
  EXPECT_FALSE(there("runs"));
}

TEST_F(Amc, SeveralErrorsComeTogetherInSourceOrder) {
  write("x.am", R"(path q(t) over 0..1 { z ~ normal(2)
  z + [t, 0] }
potential s(x, t) = mpl(width = 8, depth = 2)([x, t])
train flow = am(s, q) { steps = 20; bach = 32 }
sample p from flw { start = q(0); times = [0, 1] }
)");
  const Ended e = amc({"run", "x.am"});
  EXPECT_EQ(e.code, 1);
  EXPECT_TRUE(holds_in_order(e.err, {"x.am:3:21: error: ", "`mpl`", "3 | potential s(x, t) = mpl(", "\n   |                     ^~~\n", "help: did you mean `mlp`?",
                                     "x.am:4:37: error: ", "`bach`", "help: did you mean `batch`?",
                                     "x.am:5:15: error: ", "`flw`", "`flow`", "3 errors in x.am"}));
}

TEST_F(Amc, ScriptsThatCannotBeRead) {
  for (const std::string name : {"nowhere.am", "."}) {
    const Ended e = amc({"run", name});
    EXPECT_EQ(e.code, 1);
    EXPECT_TRUE(holds(e.err, "`" + name + "` cannot be read"));
  }
  write("latin.am", "# caf\xe9\n");
  EXPECT_EQ(amc({"check", "latin.am"}).code, 1);
  write("empty.am", "");
  const Ended e = amc({"run", "empty.am"});
  EXPECT_EQ(e.code, 1);
  EXPECT_TRUE(holds(e.err, "trains nothing"));
}

struct BadOption {
  std::string name;
  std::vector<std::string> options;
  std::vector<std::string> says;
};
void PrintTo(const BadOption& o, std::ostream* out) { *out << o.name; }

class OptionErrors : public Amc, public ::testing::WithParamInterface<BadOption> {};

TEST_P(OptionErrors, SayWhatToWrite) {
  write("x.am", "const a = 1\n" + kScript + "sample p from flow { start = q(0); times = [a − 1, a]; count = 3 }\n");
  write("cells.csv", kGood);
  std::vector<std::string> words{"run", "x.am"};
  words.insert(words.end(), GetParam().options.begin(), GetParam().options.end());
  const Ended e = amc(words);
  EXPECT_EQ(e.code, 1) << e.err;
  EXPECT_TRUE(holds_in_order(e.err, GetParam().says));
  EXPECT_FALSE(there("runs"));
}

INSTANTIATE_TEST_SUITE_P(
    All, OptionErrors,
    ::testing::Values(
        BadOption{"UnknownSetting", {"--set", "train.flow.step=3"}, {"train.flow.step", "did you mean `train.flow.steps`?"}},
        BadOption{"UnknownModel", {"--set", "train.flo.steps=3"}, {"train.flo.steps", "did you mean `train.flow.steps`?"}},
        BadOption{"NothingLikeIt", {"--set", "colour=3"}, {"colour", "KIND.NAME.SETTING", "train.flow.steps"}},
        BadOption{"NoEquals", {"--set", "train.flow.steps"}, {"`--set train.flow.steps`", "NAME=VALUE"}},
        BadOption{"NoValue", {"--set", "train.flow.steps="}, {"--set train.flow.steps:1:1: error: "}},
        BadOption{"Unclosed", {"--set", "train.flow.steps=(3"}, {"--set train.flow.steps:1:1: error: ", "`(` is never closed"}},
        BadOption{"NotANumber", {"--set", "train.flow.steps=abc"}, {"--set train.flow.steps:1:1: error: ", "nothing named `abc`"}},
        BadOption{"Negative", {"--set", "train.flow.steps=-3"}, {"--set train.flow.steps:1:1: error: ", "-3", "whole number ≥ 1"}},
        BadOption{"Fraction", {"--set", "train.flow.batch=2.5"}, {"--set train.flow.batch:1:1: error: ", "2.5", "whole number ≥ 1"}},
        BadOption{"OutOfRange", {"--set", "train.flow.ema=2"}, {"--set train.flow.ema:1:1: error: ", "`ema` is 2", "between 0 and 1"}},
        BadOption{"UnknownData", {"--data", "cels=y.csv"}, {"--data cels", "no data `cels`", "did you mean `cells`?"}},
        BadOption{"UnknownConst", {"--const", "b=2"}, {"--const b", "no const `b`", "it has `a`"}},
        BadOption{"ConstNotANumber", {"--const", "a=two"}, {"--const a", "`two` is not a number"}},
        BadOption{"Cpu", {"--cpu", "pentium"}, {"unknown cpu `pentium`", "native", "x86-64-v3"}},
        BadOption{"Threads", {"--threads", "-1"}, {"--threads", "-1"}},
        BadOption{"UnknownOption", {"--bogus"}, {"--bogus", "--help"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Amc, TwoBadOptionsAreBothReported) {
  write("x.am", small_script("steps = 5"));
  const Ended e = amc({"run", "x.am", "--set", "train.flow.stps=1", "--const", "a=1"});
  EXPECT_EQ(e.code, 1);
  EXPECT_TRUE(holds(e.err, "train.flow.stps"));
  EXPECT_TRUE(holds(e.err, "--const a"));
  EXPECT_TRUE(holds(e.err, "2 errors"));
}

TEST_F(Amc, CommandLinesWithoutACommand) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"frobnicate"}, {"run"}, {"emit", "x.am"}}) {
    const Ended e = amc(words);
    EXPECT_EQ(e.code, 1);
    EXPECT_TRUE(holds(e.err, "--help"));
  }
}

TEST_F(Amc, FoldersThatCannotBeWritten) {
  write("x.am", small_script("steps = 5"));
  write("file", "here");
  for (const std::string out : {"file", "file/below", "/proc/nowhere"}) {
    const Ended e = amc({"run", "x.am", "--out", out});
    EXPECT_EQ(e.code, 4) << e.err;
    EXPECT_TRUE(holds_in_order(e.err, {"cannot write `" + out + "`", "[CannotWrite]"}));
  }
  EXPECT_EQ(read("file"), "here");
}

TEST_F(Amc, AFolderWhereAFileBelongsIsSaidAfterTraining) {
  write("x.am", small_script("steps = 5"));
  std::filesystem::create_directories(path("out/flow/checkpoint.npz/taken"));
  const Ended e = amc({"run", "x.am", "--out", "out"});
  EXPECT_EQ(e.code, 4) << e.err;
  EXPECT_TRUE(holds(e.err, "cannot write `out/flow/checkpoint.npz`"));
}

}  // namespace
}  // namespace am::testing
