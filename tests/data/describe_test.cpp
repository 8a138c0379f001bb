#include "runtime/data/data.h"
#include "tests/data/anndata_files.h"
#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::npy_of;
using testing::told;

/// What `describe` says about a file, with its path taken out; or what it reports.
std::string describe_bytes(const std::string& name, const std::string& bytes) {
  const Folder folder;
  const std::string path = folder.write(name, bytes);
  diagnostics::Sink sink;
  std::string out = describe(path, sink);
  EXPECT_EQ(out.empty(), sink.has_errors()) << "either text or an error";
  if (out.empty()) return told(sink, path);
  for (size_t at = out.find(path); at != std::string::npos; at = out.find(path)) out.replace(at, path.size(), "FILE");
  return out;
}

void expect_holds(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no\n  " << part << "\nin\n" << text;
}

TEST(Describe, ATableInFull) {
  EXPECT_EQ(describe_bytes("a.csv", "t,x1,x2\n0,1,0.5\n0,2,1.5\n1,3,2.5\n"),
            "FILE: 3 rows, 3 columns\n\n"
            "  t            integer  0 to 1, mean 0.333333\n"
            "  x1           integer  1 to 3, mean 2\n"
            "  x2           real     0.5 to 2.5, mean 1.5\n\n"
            "time `t`: 2 snapshots\n"
            "  0        2 rows\n"
            "  1        1 row\n\n"
            "nothing is wrong: no duplicate rows, no non-finite values\n\n"
            "data cells = csv(\"FILE\", time = \"t\", columns = \"x1\"..\"x2\")\n");
}

TEST(Describe, WhatIsWrongWithATable) {
  const std::string text = describe_bytes("a.csv", "day,x\n0,1\n0,1\n2,nan\n1,oops\n1,2,3\n1,3\n");
  expect_holds(text, "1 row repeats an earlier one");
  expect_holds(text, "1 row out of time order: sort by `day`");
  expect_holds(text, "column `x`: 1 non-finite value");
  expect_holds(text, "column `x`: 1 cell not a number, the first `oops` in line 5");
  expect_holds(text, "1 row with another number of cells than the header, the first in line 6");
}

TEST(Describe, TheDataLineSelectsColumns) {
  expect_holds(describe_bytes("a.csv", "cell,x3,x4,day\na,1,2,0\nb,1,3,0\n"),
               "csv(\"FILE\", time = \"day\", columns = \"x3\"..\"x4\")");
  expect_holds(describe_bytes("a.csv", "time,height,weight\n0,1,2\n1,2,3\n"), "csv(\"FILE\", time = \"time\")\n");
  expect_holds(describe_bytes("a.csv", "kind,height,weight\na,1,2\nb,2,3\n"),
               "csv(\"FILE\", columns = [\"height\", \"weight\"])");
  expect_holds(describe_bytes("a.csv", "x09,x10\n1,2\n3,4\n"), "csv(\"FILE\")\n");
  expect_holds(describe_bytes("a.tsv.gz", testing::gzipped("t\tx\n0\t1\n1\t1\n")), "csv(\"FILE\", time = \"t\")\n");
}

TEST(Describe, ColumnsThatCannotBeTimes) {
  expect_holds(describe_bytes("a.csv", "time,x\nmorning,1\nnoon,2\n"), "no column is named like a time");
  std::string many = "t,x\n";
  for (int k = 0; k < 1500; ++k) many += fmt::format("{},1\n", k);
  expect_holds(describe_bytes("a.csv", many), "no column is named like a time");
}

TEST(Describe, WeightsAreNoCoordinates) {
  expect_holds(describe_bytes("a.csv", "t,x1,x2,w\n0,1,2,1\n1,2,3,0.5\n"),
               "csv(\"FILE\", time = \"t\", columns = \"x1\"..\"x2\", weight = \"w\")\n");
  // A negative one cannot be a weight.
  expect_holds(describe_bytes("a.csv", "t,x,w\n0,1,1\n1,2,-1\n"), "csv(\"FILE\", time = \"t\")\n");
  const std::string weighed = testing::zip({{.name = "w.npy", .text = npy_of({1, 2, 3}, "(3,)")},
                                            {.name = "pca.npy", .text = npy_of({1, 2, 3}, "(3,)")}});
  expect_holds(describe_bytes("a.npz", weighed), "data cells = npz(\"FILE\", x = \"pca\", weight = \"w\")\n");
}

TEST(Describe, ParticlesOfARunAreNoSamples) {
  const std::string paths = testing::zip({{.name = "mass.npy", .text = npy_of({1, 2}, "(2,)")},
                                          {.name = "t.npy", .text = npy_of({0, 1}, "(2,)")},
                                          {.name = "w.npy", .text = npy_of({.5, .5, .5, .5}, "(2, 2)")},
                                          {.name = "x.npy", .text = npy_of({1, 2, 3, 4}, "(2, 2, 1)")}});
  const std::string text = describe_bytes("paths.npz", paths);
  expect_holds(text, "particles of a run, 2 particles at 2 times recorded in `x`");
  EXPECT_EQ(text.find("data cells"), std::string::npos) << text;
}

TEST(Describe, Archives) {
  const std::string genes = testing::npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", "a\0\0\0");
  const std::string bytes = testing::zip({{.name = "X.npy", .text = npy_of({1, 2, 3, 4, 1, 2}, "(3, 2)")},
                                          {.name = "day.npy", .text = npy_of({3, 5, 3}, "(3,)")},
                                          {.name = "genes.npy", .text = genes}});
  const std::string text = describe_bytes("a.npz", bytes);
  expect_holds(text, "FILE: 3 arrays");
  expect_holds(text, "  X                    float64  [3, 2]         1 to 4, mean 2.16667");
  expect_holds(text, "genes");
  expect_holds(text, "not readable");
  expect_holds(text, "time `day`: 2 snapshots\n  3        2 rows\n  5        1 row");
  expect_holds(text, "1 row repeats an earlier one");
  expect_holds(text, "1 row out of time order");
  expect_holds(text, "data cells = npz(\"FILE\", x = \"X\", time = \"day\")");
}

TEST(Describe, Arrays) {
  const std::string text = describe_bytes("a.npy", npy_of({1, NAN, 3, 4}, "(2, 2)"));
  expect_holds(text, "float64  [2, 2]         1 to 4, mean 2.66667");
  expect_holds(text, "1 non-finite value");
  expect_holds(text, "data cells = npy(\"FILE\")");
  expect_holds(describe_bytes("b.npy", npy_of({1, 2}, "(1, 1, 2)")), "no array has shape [count, d]");
}

TEST(Describe, Cells) {
  const Folder folder;
  const std::string path = testing::new_layout(folder);
  diagnostics::Sink sink;
  const std::string text = describe(path, sink);
  EXPECT_EQ(told(sink), "");
  expect_holds(text, ": 9 columns of `obs`, 4 arrays\n");
  expect_holds(text, "  day                  float64  0 to 7, mean 2.66667\n");
  expect_holds(text, "  kind                 category 2 texts: `stem`, `late 2`\n");
  expect_holds(text, "  X                    float32  [6, 3] csr     0 to 7, mean 1.55556\n");
  expect_holds(text, "  obsm/X_pca           float32  [6, 2]         10 to 61, mean 35.5\n");
  expect_holds(text, "  varm/PCs             float64  [3, 2]         1 to 6, mean 3.5\n");
  expect_holds(text, "time `day`: 3 snapshots\n  0        2 rows\n  3        3 rows\n  7        1 row\n");
  expect_holds(text, "to look at:\n  `obs/gap`: 1 missing value\n  `obs/nullable`: 1 missing value\n\n");
  expect_holds(text, fmt::format("data cells = h5ad(\"{}\", time = \"day\", x = \"obsm/X_pca\")\n", path));
}

TEST(Describe, CellsOfOldFiles) {
  const Folder folder;
  diagnostics::Sink sink;
  const std::string text = describe(testing::old_layout(folder), sink);
  EXPECT_EQ(told(sink), "");
  expect_holds(text, "  stage                category 3 texts: `E6.5`, `E5.25`, `E10`\n");
  expect_holds(text, "  obsm/X_umap          float32  [6, 1]         0.5 to 0.5, mean 0.5\n");
}

TEST(Describe, DamagedCells) {
  EXPECT_EQ(describe_bytes("a.h5ad", "hello"),
            "MalformedFile: `FILE` is not a readable h5ad file: it does not begin as an HDF5 file does\n");
  expect_holds(describe_bytes("a", "\x89HDF\r\n\x1a\n"), "it is damaged or breaks off");
}

TEST(Describe, Images) {
  const std::string bytes("\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\1\2", 20);
  const std::string text = describe_bytes("t10k-images-idx3-ubyte", bytes);
  expect_holds(text, "  array [2, 1, 2]      uint8    [2, 2]         1 to 2, mean 1.5\n");
  expect_holds(text, "1 row repeats an earlier one");
  expect_holds(text, "data cells = idx(\"FILE\")\n");
  expect_holds(describe_bytes("a-ubyte", "hello"), "it does not begin as an IDX file does");
}

TEST(Describe, FilesThatCannotBeRead) {
  EXPECT_EQ(describe_bytes("a.csv", "x\n"), "EmptyData: `FILE` holds no samples\n");
  expect_holds(describe_bytes("a.csv", "x\n\"1\n"), "the quote opened in line 2 is never closed");
  expect_holds(describe_bytes("a.npz", "hello"), "it is not a zip archive, or it breaks off");
  diagnostics::Sink sink;
  EXPECT_EQ(describe("/nonexistent/a.csv", sink), "");
  expect_holds(told(sink), "MissingFile");
}

TEST(Describe, EmbryoidTrainingSet) {
  const std::string path = testing::real_file("eb_full/train_pca5.csv");
  if (path.empty()) GTEST_SKIP() << "the shared data sets are not beside this source tree";
  diagnostics::Sink sink;
  const std::string text = describe(path, sink);
  expect_holds(text, "14071 rows, 6 columns");
  expect_holds(
      text,
      "  0        1831 rows\n  1        3615 rows\n  2        2728 rows\n  3        3115 rows\n  4        2782 rows");
  expect_holds(text, "time = \"t\", columns = \"x1\"..\"x5\")");
}

}  // namespace
}  // namespace am::data
