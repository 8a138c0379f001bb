#include <csignal>

#include "runtime/data/data.h"
#include "runtime/data/isolated.h"
#include "tests/data/anndata_files.h"
#include "tests/data/archives.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::H5;
using testing::Texts;
using testing::told;

using Numbers = std::vector<double>;
using Sizes = std::vector<size_t>;

struct Reading {
  std::optional<Snapshots> data;
  std::string messages;
};

Reading read(const std::string& path, const H5adOptions& options) {
  diagnostics::Sink sink;
  auto data = read_h5ad(path, options, {}, sink);
  return {std::move(data), told(sink, path)};
}

Reading read_new(const H5adOptions& options) {
  const Folder folder;
  return read(testing::new_layout(folder), options);
}

/// The rows of the two components in the order of time, rows of one time in that of the file.
const Numbers kSorted{20, 21, 50, 51, 10, 11, 40, 41, 60, 61, 30, 31};

TEST(H5ad, SortsRowsByTime) {
  const Reading r = read_new({.time = "day"});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->dimension, 2);
  EXPECT_EQ(r.data->times, (Numbers{0, 3, 7}));
  EXPECT_EQ(r.data->offsets, (Sizes{0, 2, 5, 6}));
  EXPECT_EQ(r.data->rows, kSorted);
  EXPECT_EQ(r.data->columns, (Texts{"obsm/X_pca[:, 0]", "obsm/X_pca[:, 1]"}));
}

TEST(H5ad, WithoutTimesRowsStayInTheirOrder) {
  const Reading r = read_new({});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->rows, testing::kComponents);
  EXPECT_FALSE(r.data->timed());
}

TEST(H5ad, TimesOfEveryEncoding) {
  const std::pair<std::string, Numbers> cases[] = {
      {"single", {0.1, 0.3, 0.7}}, {"stage", {5.25, 6.5, 10}}, {"word", {1, 3, 7}}};
  for (const auto& [column, times] : cases) {
    const Reading r = read_new({.time = column});
    ASSERT_TRUE(r.data) << r.messages;
    EXPECT_EQ(r.data->times, times) << column;
    EXPECT_EQ(r.data->rows, kSorted) << column;
  }
}

TEST(H5ad, TextsThatAreNoTimesAreListed) {
  EXPECT_EQ(read_new({.time = "kind"}).messages,
            "MalformedFile: `FILE` is not a readable h5ad file: its `obs/kind` holds `stem`, `late 2`, and each must "
            "hold one number, with the same words around it, such as `day 3`\n");
}

TEST(H5ad, MissingTimesAreRows) {
  EXPECT_EQ(read_new({.time = "gap"}).messages,
            "NonFiniteCell: FILE: row 2, column `gap` is nan; every value must be finite\n");
  EXPECT_EQ(read_new({.time = "nullable"}).messages,
            "NonFiniteCell: FILE: row 6, column `nullable` is nan; every value must be finite\n");
}

TEST(H5ad, FirstComponentsAndNamedGenes) {
  const Reading first = read_new({.time = "day", .first = 1});
  ASSERT_TRUE(first.data) << first.messages;
  EXPECT_EQ(first.data->rows, (Numbers{20, 50, 10, 40, 60, 30}));
  for (const char* x : {"X", "layers/counts"}) {
    const Reading all = read_new({.x = x});
    ASSERT_TRUE(all.data) << all.messages;
    EXPECT_EQ(all.data->columns, testing::kGenes);
    EXPECT_EQ(all.data->rows, (Numbers{1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 5, 0, 0, 0, 0, 6, 0, 7})) << x;
    const Reading two = read_new({.x = x, .columns = {"Pou5f1", "Sox2", "Pou5f1"}});
    ASSERT_TRUE(two.data) << two.messages;
    EXPECT_EQ(two.data->rows, (Numbers{0, 1, 0, 0, 0, 0, 3, 0, 3, 0, 4, 0, 0, 0, 0, 7, 6, 7})) << x;
    const Reading few = read_new({.x = x, .first = 2});
    ASSERT_TRUE(few.data) << few.messages;
    EXPECT_EQ(few.data->rows, (Numbers{1, 0, 0, 2, 0, 0, 4, 5, 0, 0, 6, 0})) << x;
  }
  const Reading line = read_new({.x = "obsm/X_line"});
  ASSERT_TRUE(line.data) << line.messages;
  EXPECT_EQ(line.data->rows, (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST(H5ad, NamesThatAreNotThere) {
  EXPECT_EQ(read_new({.time = "days"}).messages,
            "MissingColumn: `FILE` has no column `days`\nnote: its columns of `obs` are `day`, `gap`, `kind`, "
            "`nullable`, `pair`, `single`, `stage`, `weight`, `word`\nhelp: did you mean `day`?\n");
  EXPECT_EQ(read_new({.x = "obsm/X_pac"}).messages,
            "MissingColumn: `FILE` has no column `obsm/X_pac`\nnote: its arrays are `X`, `obsm/X_line`, `obsm/X_pca`, "
            "`layers/counts`\nhelp: did you mean `obsm/X_pca`?\n");
  EXPECT_EQ(read_new({.x = "X", .columns = {"Gata2"}}).messages,
            "MissingColumn: `FILE` has no column `Gata2`\nnote: its columns are `Sox2`, `Gata1`, `Pou5f1`\nhelp: did "
            "you mean `Gata1`?\n");
  EXPECT_NE(read_new({.first = 3}).messages.find("has no column `obsm/X_pca[:, 2]`"), std::string::npos);
}

TEST(H5ad, OldLayouts) {
  const Folder folder;
  const std::string old = testing::old_layout(folder);
  for (const char* column : {"day", "stage"}) {
    const Reading r = read(old, {.time = column});
    ASSERT_TRUE(r.data) << r.messages;
    EXPECT_EQ(r.data->rows, kSorted);
    EXPECT_EQ(r.data->times, column == std::string("day") ? (Numbers{0, 3, 7}) : (Numbers{5.25, 6.5, 10}));
  }
  const Reading one = read(old, {.time = "day", .first = 1});
  ASSERT_TRUE(one.data) << one.messages;
  EXPECT_EQ(one.data->rows, (Numbers{20, 50, 10, 40, 60, 30}));
  const Reading x = read(old, {.x = "X"});
  ASSERT_TRUE(x.data) << x.messages;
  EXPECT_EQ(x.data->rows, (Numbers{0, 0, 0, 0, 0, 9}));
  EXPECT_NE(read(old, {.x = "obsm/X_tsne"}).messages.find("`X`, `obsm/X_pca`, `obsm/X_umap`"), std::string::npos);
  for (const bool reference : {true, false}) {
    const Reading r = read(testing::middle_layout(folder, reference), {.time = "stage", .x = "X"});
    ASSERT_TRUE(r.data) << r.messages;
    EXPECT_EQ(r.data->rows, kSorted);
    EXPECT_EQ(r.data->times, (Numbers{5.25, 6.5, 10}));
  }
}

TEST(H5ad, RecordsWithEnumerations) {
  const Folder folder;
  const std::string path = testing::record_layout(folder);
  const Reading stage = read(path, {.time = "stage", .x = "X"});
  ASSERT_TRUE(stage.data) << stage.messages;
  EXPECT_EQ(stage.data->times, (Numbers{5.25, 6.5, 10}));
  EXPECT_EQ(stage.data->rows, kSorted);
  // An enumeration of two names is no truth value.
  const Reading kind = read(path, {.time = "kind", .x = "raw/X"});
  ASSERT_TRUE(kind.data) << kind.messages;
  EXPECT_EQ(kind.data->times, (Numbers{1, 2}));
  EXPECT_NE(read(path, {.time = "barcod", .x = "X"}).messages.find("its columns of `obs` are `stage`, `kind`"),
            std::string::npos);
}

TEST(H5ad, TruthValuesAreNumbers) {
  const Reading r = read_new({.time = "pair"});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->times, (Numbers{0, 1}));
}

TEST(H5ad, WeightsAreSortedWithTheirRows) {
  const Reading r = read_new({.time = "day", .weight = "weight"});
  ASSERT_TRUE(r.data) << r.messages;
  EXPECT_EQ(r.data->weights, (Numbers{2, 5, 1, 4, 6, 3}));
  EXPECT_EQ(r.data->file_rows, (Sizes{1, 4, 0, 3, 5, 2}));
  EXPECT_NE(read_new({.time = "day", .weight = "kind"}).messages.find("weights are numbers"), std::string::npos);
}

TEST(H5ad, LoadingsAndTheirCentre) {
  const Reading plain = read_new({.time = "day"});
  ASSERT_TRUE(plain.data) << plain.messages;
  ASSERT_TRUE(plain.data->frame);
  EXPECT_EQ(plain.data->frame->components->names, testing::kGenes);
  EXPECT_EQ(plain.data->frame->components->loadings, (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(plain.data->frame->components->centre, Numbers());  // scanpy does not record it
  const Reading second = read_new({.columns = {"obsm/X_pca[:, 1]"}, .centre = "var/mean"});
  ASSERT_TRUE(second.data) << second.messages;
  EXPECT_EQ(second.data->frame->components->loadings, (Numbers{2, 4, 6}));
  EXPECT_EQ(second.data->frame->components->centre, (Numbers{7, 8, 9}));
  // Nobody says that these are components.
  EXPECT_FALSE(read_new({.x = "obsm/X_line"}).data->frame);
  EXPECT_NE(read_new({.loadings = "varm/PC"}).messages.find("did you mean `varm/PCs`?"), std::string::npos);
  EXPECT_NE(read_new({.centre = "X"}).messages.find("its components are not those of `X`"), std::string::npos);
}

/// Components that are (X − mean)·PCs, from X dense and in both sparse forms.
TEST(H5ad, TheCentreOfWhatComponentsWereMadeOf) {
  const Numbers x{1, 0, 2, 0, 4, 0, 3, 0, 0, 0, 0, 6}, loadings{1, 0, 0.5, 2, 0, -1}, mean{1, 1, 2};
  Numbers components;
  for (size_t row = 0; row < 4; ++row)
    for (size_t k = 0; k < 2; ++k) {
      double value = 0;
      for (size_t gene = 0; gene < 3; ++gene) value += (x[3 * row + gene] - mean[gene]) * loadings[2 * gene + k];
      components.push_back(value);
    }
  const Folder folder;
  for (const char* form : {"dense", "csr_matrix", "csc_matrix"}) {
    const std::string path = folder.path("made.h5ad");
    {
      const H5 file(testing::make_file(path)), var(testing::make_table(file, "var", testing::kGenes));
      const H5 obsm(testing::make_group(file, "obsm", "dict")), varm(testing::make_group(file, "varm", "dict"));
      H5(testing::put(obsm, "X_pca", components, {4, 2}));
      H5(testing::put(varm, "PCs", loadings, {3, 2}));
      if (form == std::string("dense")) H5(testing::put(file, "X", x, {4, 3}));
      if (form == std::string("csr_matrix"))
        testing::put_sparse(file, "X", form, {4, 3}, {1, 2, 4, 3, 6}, {0, 2, 1, 0, 2}, {0, 2, 3, 4, 5});
      if (form == std::string("csc_matrix"))
        testing::put_sparse(file, "X", form, {4, 3}, {1, 3, 4, 2, 6}, {0, 2, 1, 0, 3}, {0, 2, 3, 5});
    }
    const Reading r = read(path, {.centre = "X"});
    ASSERT_TRUE(r.data) << form << r.messages;
    EXPECT_EQ(r.data->frame->components->centre, mean) << form;
  }
}

/// A file with X alone.
std::string bare(const Folder& folder, const Numbers& x, const std::vector<hsize_t>& shape,
                 hid_t type = H5T_IEEE_F64LE) {
  const std::string path = folder.path("bare.h5ad");
  const H5 file(testing::make_file(path));
  H5(testing::put(file, "X", x, shape, type));
  return path;
}

TEST(H5ad, ValuesAndShapesThatDoNotFit) {
  const Folder folder;
  EXPECT_EQ(read(bare(folder, {1, 2, NAN, 4}, {2, 2}), {.x = "X"}).messages,
            "NonFiniteCell: FILE: row 2, column `X[:, 0]` is nan; every value must be finite\n");
  EXPECT_EQ(read(bare(folder, {1, 2}, {1, 2, 1}), {.x = "X"}).messages,
            "MalformedFile: `FILE` is not a readable h5ad file: its `X`: it has shape [1, 2, 1], and [count, d] or "
            "[count] is needed\n");
  EXPECT_EQ(read(bare(folder, {}, {0, 3}), {.x = "X"}).messages, "EmptyData: `FILE` holds no samples\n");
  EXPECT_NE(read(bare(folder, {1}, {1}), {.time = "day", .x = "X"}).messages.find("columns of `obs` are none"),
            std::string::npos);
}

TEST(H5ad, DeclaredSizesAreNotBelieved) {
  const Folder folder;
  const std::string path = folder.path("large.h5ad");
  {
    const H5 file(testing::make_file(path)), space(testing::space_of({hsize_t{1} << 40, 1 << 20}));
    const H5 creation(H5Pcreate(H5P_DATASET_CREATE));
    const hsize_t chunk[] = {1024, 1024};
    H5Pset_chunk(creation, 2, chunk);
    H5Pset_deflate(creation, 1);
    H5(H5Dcreate2(file, "X", H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    const H5 sparse(testing::make_group(file, "obsm"));
    testing::put_sparse(sparse, "X_pca", "csc_matrix", {1l << 44, 2}, {1}, {0}, {0, 1, 1});
    testing::put_sparse(sparse, "damaged", "csr_matrix", {2, 2}, {1, 2}, {0, 7}, {0, 1, 2});
    testing::put_sparse(sparse, "wrong", "csr_matrix", {2, 2}, {1, 2}, {0, 1}, {0, 5, 2});
  }
  const auto says = [&](const std::string& x, const std::string& what) {
    const std::string messages = read(path, {.x = x, .first = x == "X" ? size_t{1} : size_t{0}}).messages;
    EXPECT_NE(messages.find(what), std::string::npos) << messages;
  };
  says("X", "more than this machine's memory");
  says("obsm/X_pca", "more than this machine's memory");
  says("obsm/damaged", "an entry has index 7 of 2");
  says("obsm/wrong", "its `indptr` does not fit the entries");
}

TEST(H5ad, FilesThatAreNone) {
  const Folder folder;
  EXPECT_EQ(read(folder.write("a.h5ad", "hello"), {}).messages,
            "MalformedFile: `FILE` is not a readable h5ad file: it does not begin as an HDF5 file does\n");
  EXPECT_EQ(read(folder.path("nowhere.h5ad"), {}).messages,
            "MissingFile: the file `FILE` cannot be opened: No such file or directory\n");
  EXPECT_EQ(read(folder.path(""), {}).messages, "MissingFile: the file `FILE` cannot be opened: Is a directory\n");
  EXPECT_NE(read(folder.write("a.h5ad.gz", testing::gzipped("x")), {}).messages.find("gunzip"), std::string::npos);
  const std::string whole = testing::contents(testing::new_layout(folder));
  const Reading r = read(folder.write("b.h5ad", whole.substr(0, whole.size() / 2)), {.time = "day"});
  EXPECT_NE(r.messages.find("it is damaged or breaks off (truncated file"), std::string::npos) << r.messages;
}

TEST(H5ad, TheLibraryPrintsNothing) {
  const Folder folder;
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  read(folder.write("a.h5ad", "\x89HDF\r\n\x1a\n"), {});
  EXPECT_EQ(::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr(), "");
}

TEST(Isolated, CrashesAndEndlessLoopsAreErrors) {
  const auto nothing = [](Channel&) {};
  EXPECT_EQ(isolated(
                5, [] { return std::raise(SIGSEGV), FileError{}; }, nothing)
                .what,
            "it is damaged, and the HDF5 library crashed on it");
  volatile bool on = true;
  EXPECT_EQ(isolated(
                1,
                [&] {
                  while (on) {
                  }
                  return FileError{};
                },
                nothing)
                .what,
            "it is damaged: reading it took more than 1 seconds");
  EXPECT_TRUE(isolated(
                  5, []() -> FileError { throw std::bad_alloc(); }, nothing)
                  .system);
  EXPECT_THROW(isolated(
                   5, []() -> FileError { throw 1; }, nothing),
               diagnostics::InternalError);
}

TEST(Isolated, PassesEverything) {
  std::vector<double> numbers;
  std::vector<std::string> texts;
  size_t one = 0;
  const auto work = [&] {
    numbers.assign(3'000'000, 0.5);
    texts = {"", "a", std::string(100, 'b')};
    one = 1;
    return FileError{};
  };
  EXPECT_FALSE(isolated(60, work, [&](Channel& channel) { channel(numbers)(texts)(one); }));
  EXPECT_EQ(numbers, Numbers(3'000'000, 0.5));
  EXPECT_EQ(texts, (Texts{"", "a", std::string(100, 'b')}));
  EXPECT_EQ(one, 1u);
}

}  // namespace
}  // namespace am::data
