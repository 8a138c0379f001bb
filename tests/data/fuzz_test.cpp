// Valid files, damaged at random from fixed seeds. The claim is that nothing crashes (the sanitizers look on where they
// are built in), that a reader gives either data or an error, and that the data it gives are consistent.

#include <cmath>
#include <random>

#include "runtime/data/data.h"
#include "runtime/data/npz.h"
#include "tests/data/anndata_files.h"
#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::npy_of;

constexpr int kVariants = 2000;
/// These are read in processes of their own, which take longer to start than to read.
constexpr int kHdf5Variants = 300;

constexpr size_t kAllWays = 7;
/// Those that leave the length as it is.
constexpr size_t kWaysInPlace = 4;

/// Flips bits, overwrites, removes or repeats pieces, or cuts off the end: one to four times.
std::string damage(std::string bytes, std::mt19937& random, size_t ways) {
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : random() % bound; };
  constexpr std::string_view kSharp("\0\xff\"\n\r,;'()-9{}\x7f\x80", 17);
  for (size_t times = 1 + below(4); times-- > 0 && !bytes.empty();) {
    const size_t at = below(bytes.size()), length = 1 + below(std::min<size_t>(8, bytes.size() - at));
    switch (below(ways)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
      case 1: bytes[at] = kSharp[below(kSharp.size())]; break;
      case 2: bytes.replace(at, length, length, '\xff'); break;
      case 3: bytes.replace(at, length, length, '\0'); break;
      case 4: bytes.erase(at, length); break;
      case 5: bytes.insert(at, bytes.substr(at, length)); break;
      case 6: bytes.resize(at); break;
    }
  }
  return bytes;
}

void expect_consistent(const Snapshots& data) {
  ASSERT_GT(data.dimension, 0);
  EXPECT_EQ(data.columns.size(), static_cast<size_t>(data.dimension));
  EXPECT_EQ(data.count() * static_cast<size_t>(data.dimension), data.rows.size());
  ASSERT_FALSE(data.offsets.empty());
  EXPECT_EQ(data.offsets.back(), data.count());
  for (const double value : data.rows) ASSERT_TRUE(std::isfinite(value));
  for (size_t k = 1; k < data.times.size(); ++k) ASSERT_LT(data.times[k - 1], data.times[k]);
  for (size_t k = 0; k < data.times.size(); ++k) ASSERT_LT(data.offsets[k], data.offsets[k + 1]);
}

/// Damages `valid` in many ways and hands each to `read`, which returns what it read. Both outcomes must occur, or the
/// damage is so large or so small that the test says nothing.
template <class Read>
void fuzz(const std::string& name, const std::string& valid, Read read, int variants = kVariants,
          size_t ways = kAllWays) {
  const Folder folder;
  std::mt19937 random(20240229);
  int accepted = 0, refused = 0;
  for (int variant = 0; variant < variants; ++variant) {
    const std::string path = folder.write(name, damage(valid, random, ways));
    diagnostics::Sink sink;
    const std::optional<Snapshots> data = read(path, sink);
    ASSERT_NE(data.has_value(), sink.has_errors()) << "variant " << variant;
    if (data) expect_consistent(*data);
    if (::testing::Test::HasFatalFailure()) FAIL() << "variant " << variant;
    ++(data ? accepted : refused);
    diagnostics::Sink described;
    const std::string text = describe(path, described);
    ASSERT_EQ(text.empty(), described.has_errors()) << "variant " << variant;
  }
  EXPECT_GT(accepted, variants / 200);
  EXPECT_GT(refused, variants / 200);
}

std::string valid_csv() {
  std::string text = "t,x1,\"x2\"\n";
  for (int row = 0; row < 12; ++row) text += fmt::format("{},{}.25,\"-{}e-1\"\r\n", row / 4, row, row * row);
  return text;
}

std::string valid_npz(bool deflate) {
  const std::vector<double> times{0, 0, 0, 1, 1, 2};
  std::vector<double> x;
  for (int k = 0; k < 12; ++k) x.push_back(0.5 * k);
  return testing::zip({{.name = "X.npy", .text = npy_of(x, "(6, 2)"), .deflate = deflate},
                       {.name = "t.npy", .text = npy_of(times, "(6,)"), .deflate = deflate, .streamed = deflate}});
}

std::optional<Snapshots> read_table(const std::string& path, diagnostics::Sink& sink) {
  return read_csv(path, {.time = "t"}, {}, sink);
}
std::optional<Snapshots> read_archive(const std::string& path, diagnostics::Sink& sink) {
  Archive all;
  const FileError error = read_npz(path, all);
  EXPECT_FALSE(error.system) << error.what;
  return read_npz(path, NpzOptions{.time = "t"}, {}, sink);
}
std::optional<Snapshots> read_array(const std::string& path, diagnostics::Sink& sink) {
  return read_npy(path, {}, sink);
}

std::optional<Snapshots> read_images(const std::string& path, diagnostics::Sink& sink) {
  return read_idx(path, {}, {}, sink);
}
std::optional<Snapshots> read_cells(const std::string& path, diagnostics::Sink& sink) {
  return read_h5ad(path, {.time = "stage", .x = "X"}, {}, sink);
}

/// HDF5 notices another length at once, so most of the damage is in place.
void fuzz_h5ad(const std::string& valid) {
  fuzz("a.h5ad", valid, read_cells, 50);
  fuzz("a.h5ad", valid, read_cells, kHdf5Variants, kWaysInPlace);
}

std::string valid_h5ad(std::string (*make)(const Folder&)) {
  const Folder folder;
  return testing::contents(make(folder));
}

TEST(Fuzz, Csv) { fuzz("a.csv", valid_csv(), read_table); }
TEST(Fuzz, Npy) { fuzz("a.npy", npy_of({1, 2, 3, 4, 5, 6}, "(3, 2)"), read_array); }
TEST(Fuzz, NpyColumnMajorBigEndian) {
  const std::string header = "{'descr': '>f4', 'fortran_order': True, 'shape': (3, 2), }\n";
  fuzz("a.npy", testing::npy(header, std::string(24, '\x3f'), 2), read_array);
}
TEST(Fuzz, NpzStored) { fuzz("a.npz", valid_npz(false), read_archive); }
TEST(Fuzz, NpzDeflated) { fuzz("a.npz", valid_npz(true), read_archive); }
TEST(Fuzz, Idx) {
  fuzz("a-ubyte", std::string("\0\0\15\2\0\0\0\3\0\0\0\2", 12) + std::string(24, '\x3f'), read_images);
}
TEST(Fuzz, H5ad) {
  fuzz_h5ad(valid_h5ad([](const Folder& f) { return testing::new_layout(f); }));
}
TEST(Fuzz, H5adOfOldVersions) { fuzz_h5ad(valid_h5ad(testing::old_layout)); }
// Gzip's own header holds a few bytes that may change without harm, so some variants are accepted.
TEST(Fuzz, Gzip) { fuzz("a.csv.gz", testing::gzipped(valid_csv()), read_table); }

}  // namespace
}  // namespace am::data
