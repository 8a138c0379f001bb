// The cache of compiled objects: what its keys tell apart, and which files it believes, replaces and removes.
#include <elf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "compiler/ir/build.h"
#include "compiler/jit/cache.h"

namespace am::jit {
namespace {

namespace fs = std::filesystem;
using ir::NodeId;
using ir::Op;

// --- keys ---

/// What a key is made of; each member is one thing that code depends on.
struct Ingredients {
  std::string slot = "w";
  ir::Shape spare_shape{4};
  bool slot_sampled = false;
  std::vector<double> table{1, 2, 3, 4};
  double constant = 0.5;
  Op unary = Op::Tanh;
  bool transpose_a = false, transpose_b = false, exchanged = false, outputs_exchanged = false, one_output = false;
  int start = 0, axis = 0, stream = 0;
  lower::Options options{.target = {"x86-64-v3", "+avx2", 32, 1 << 20}};
  std::string build = "build 1";

  std::string key() const {
    ir::Graph g;
    const NodeId w = g.input(slot, {2, 2}, slot_sampled), t = g.table(table, {2, 2});
    g.input("spare", spare_shape, false);
    const NodeId product = ir::matmul(g, exchanged ? t : w, exchanged ? w : t, transpose_a, transpose_b);
    const NodeId sum = ir::add(g, product, ir::constant(g, constant, {2, 2}));
    const NodeId part = ir::slice(g, ir::unary(g, unary, sum), axis, start, 1);
    const NodeId draw = g.add(Op::Uniform, {}, {.index = static_cast<uint32_t>(stream)});
    std::vector<NodeId> outputs{part, draw};
    if (outputs_exchanged) std::swap(outputs[0], outputs[1]);
    if (one_output) outputs.pop_back();
    return key_of(g, outputs, options, build);
  }
};

struct Change {
  const char* what;
  void (*apply)(Ingredients&);
};

const Change kChanges[] = {
    {"name of a slot", [](Ingredients& x) { x.slot = "v"; }},
    {"shape of a slot", [](Ingredients& x) { x.spare_shape = {2, 2}; }},
    {"slot is sampled", [](Ingredients& x) { x.slot_sampled = true; }},
    {"number in a table", [](Ingredients& x) { x.table[3] = 5; }},
    {"constant", [](Ingredients& x) { x.constant = 0.25; }},
    {"constant by its last bit", [](Ingredients& x) { x.constant = std::nextafter(0.5, 1); }},
    {"constant is zero", [](Ingredients& x) { x.constant = 0.0; }},
    {"constant is negative zero", [](Ingredients& x) { x.constant = -0.0; }},
    {"operation", [](Ingredients& x) { x.unary = Op::Exp; }},
    {"transposed left operand", [](Ingredients& x) { x.transpose_a = true; }},
    {"transposed right operand", [](Ingredients& x) { x.transpose_b = true; }},
    {"order of operands", [](Ingredients& x) { x.exchanged = true; }},
    {"order of outputs", [](Ingredients& x) { x.outputs_exchanged = true; }},
    {"number of outputs", [](Ingredients& x) { x.one_output = true; }},
    {"start of a slice", [](Ingredients& x) { x.start = 1; }},
    {"axis of a slice", [](Ingredients& x) { x.axis = 1; }},
    {"stream of a draw", [](Ingredients& x) { x.stream = 1; }},
    {"precision", [](Ingredients& x) { x.options.precision = lower::Precision::F64; }},
    {"samples", [](Ingredients& x) { x.options.samples = 513; }},
    {"tile", [](Ingredients& x) { x.options.tile = 64; }},
    {"what varies", [](Ingredients& x) { x.options.varying = {0}; }},
    {"what varies, another one", [](Ingredients& x) { x.options.varying = {1}; }},
    {"split products", [](Ingredients& x) { x.options.split_products = true; }},
    {"cpu", [](Ingredients& x) { x.options.target.cpu = "x86-64-v4"; }},
    {"features", [](Ingredients& x) { x.options.target.features = "+avx2,+fma"; }},
    {"vector bytes", [](Ingredients& x) { x.options.target.vector_bytes = 16; }},
    {"cache bytes", [](Ingredients& x) { x.options.target.cache_bytes = 1 << 21; }},
    {"build of the compiler", [](Ingredients& x) { x.build = "build 2"; }},
};

class CacheKey : public ::testing::TestWithParam<Change> {};

std::string changed(const Change& change) {
  Ingredients x;
  change.apply(x);
  return x.key();
}

TEST_P(CacheKey, TellsIt) { EXPECT_NE(changed(GetParam()), Ingredients().key()) << GetParam().what; }

INSTANTIATE_TEST_SUITE_P(Of, CacheKey, ::testing::ValuesIn(kChanges),
                         [](const auto& info) { return std::to_string(info.index); });

TEST(CacheKeys, DifferFromEachOtherAndNotFromThemselves) {
  std::set<std::string> keys{Ingredients().key()};
  for (const Change& change : kChanges) {
    EXPECT_TRUE(keys.insert(changed(change)).second) << change.what;
    EXPECT_EQ(changed(change), changed(change)) << change.what;
  }
  for (const std::string& key : keys) EXPECT_EQ(key.size(), 64u);
}

TEST(CacheKeys, WithoutABuildThereIsNone) {
  Ingredients x;
  x.build = "";
  EXPECT_EQ(x.key(), "");
}

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The build identity in the file of this program, found by its section rather than by what is loaded of it.
std::string build_of_this_file() {
  const std::string file = contents("/proc/self/exe");
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  std::string out;
  for (int i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, file.data() + header.e_shoff + i * sizeof section, sizeof section);
    Elf64_Nhdr note;
    if (section.sh_type != SHT_NOTE || section.sh_size < sizeof note) continue;
    std::memcpy(&note, file.data() + section.sh_offset, sizeof note);
    if (note.n_type != NT_GNU_BUILD_ID) continue;
    for (size_t k = 0; k < note.n_descsz; ++k)
      out += fmt::format("{:02x}", static_cast<unsigned char>(file[section.sh_offset + sizeof note + 4 + k]));
  }
  return out;
}

TEST(Build, IsWhatTheLinkerWroteAndLlvms) {
  const std::string ours = build_of_this_file();
  EXPECT_EQ(ours.size(), 40u);
  EXPECT_TRUE(this_build().starts_with(ours + " ")) << this_build();
  EXPECT_TRUE(this_build().ends_with(" " + llvm_version())) << this_build();
  // Two hashes and a version: LLVM's shared library, which tests link with, has a hash of its own.
  EXPECT_GT(this_build().size(), 80u);
  EXPECT_EQ(this_build().find(ours, 1), std::string::npos);
}

// --- entries ---

std::string key_number(int k) { return fmt::format("{:064x}", k); }

Object object(const std::string& code) {
  Object out;
  out.plan = {.precision = lower::Precision::F64, .lanes = 8, .tile = 64, .phases = 2};
  out.plan.steady_bytes = 64, out.plan.shared_bytes = 128, out.plan.tile_bytes = 256, out.plan.partial_bytes = 512;
  out.plan.flops_contract = 1.5, out.plan.flops_other = 2.5, out.plan.split_products = 3;
  out.plan.inputs = {{"w", {3, 4}, false}, {"x", {}, true}};
  out.plan.outputs = {{"", {5}, true}};
  out.code = code;
  return out;
}

bool same(const Object& x, const Object& y) {
  const auto slots = [](const std::vector<ir::Slot>& a, const std::vector<ir::Slot>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ir::Slot& s, const ir::Slot& t) {
      return s.name == t.name && s.shape == t.shape && s.sampled == t.sampled;
    });
  };
  const lower::Plan &p = x.plan, &q = y.plan;
  return p.precision == q.precision && p.lanes == q.lanes && p.tile == q.tile && p.phases == q.phases &&
         p.steady_bytes == q.steady_bytes && p.shared_bytes == q.shared_bytes && p.tile_bytes == q.tile_bytes &&
         p.partial_bytes == q.partial_bytes && p.flops_contract == q.flops_contract && p.flops_other == q.flops_other &&
         p.split_products == q.split_products && slots(p.inputs, q.inputs) && slots(p.outputs, q.outputs) &&
         x.code == y.code;
}

class CacheFolder : public ::testing::Test {
 protected:
  CacheFolder() {
    std::string name = (fs::temp_directory_path() / "amc_cache_XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~CacheFolder() override {
    std::error_code unused;
    fs::remove_all(folder_, unused);
  }
  /// A folder that is not there yet.
  std::string below() const { return (folder_ / "a/b").string(); }
  static fs::path file(const Cache& cache, int k) { return fs::path(cache.folder()) / (key_number(k) + ".amc"); }
  static void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  static size_t files(const Cache& cache) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(cache.folder()), {}));
  }
  static void expect_healed(const Cache& cache, const Object& whole, const std::string& what) {
    EXPECT_FALSE(cache.find(key_number(1))) << what;
    cache.keep(key_number(1), whole);
    const auto found = cache.find(key_number(1));
    EXPECT_TRUE(found && same(*found, whole)) << what;
  }

  fs::path folder_;
};

TEST_F(CacheFolder, FindsWhatWasKept) {
  const Cache cache(below());
  EXPECT_FALSE(cache.find(key_number(1)));
  EXPECT_EQ(cache.usage().entries, 0u);
  const Object one = object("code"), two = object(std::string("\0other", 6));
  cache.keep(key_number(1), one);
  cache.keep(key_number(2), two);
  const auto found = Cache(below()).find(key_number(1));
  ASSERT_TRUE(found);
  EXPECT_TRUE(same(*found, one));
  EXPECT_TRUE(same(*cache.find(key_number(2)), two));
  EXPECT_FALSE(cache.find(key_number(3)));
  EXPECT_EQ(cache.usage().entries, 2u);
  EXPECT_EQ(cache.usage().bytes, fs::file_size(file(cache, 1)) + fs::file_size(file(cache, 2)));
  EXPECT_EQ(files(cache), 2u);
  struct stat status {};
  ASSERT_EQ(stat(cache.folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(CacheFolder, WithoutFolderOrKeyNothingIsKept) {
  Cache().keep(key_number(1), object("code"));
  EXPECT_FALSE(Cache().find(key_number(1)));
  const Cache cache(below());
  cache.keep("", object("code"));
  EXPECT_FALSE(cache.find(""));
  EXPECT_FALSE(fs::exists(below()));
}

TEST_F(CacheFolder, EveryDamagedByteIsSeen) {
  const Cache cache(below());
  const Object whole = object("some machine code");
  cache.keep(key_number(1), whole);
  const std::string bytes = contents(file(cache, 1));
  for (size_t i = 0; i < bytes.size(); ++i)
    for (const int bit : {0, 7}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      put(file(cache, 1), damaged);
      EXPECT_FALSE(cache.find(key_number(1))) << fmt::format("bit {} of byte {}", bit, i);
      if (i % 20 == 0) expect_healed(cache, whole, fmt::format("byte {}", i));
    }
}

TEST_F(CacheFolder, EveryOtherLengthIsSeen) {
  const Cache cache(below());
  const Object whole = object("some machine code");
  cache.keep(key_number(1), whole);
  const std::string bytes = contents(file(cache, 1));
  for (size_t size = 0; size < bytes.size(); ++size) {
    put(file(cache, 1), bytes.substr(0, size));
    EXPECT_FALSE(cache.find(key_number(1))) << size << " bytes";
    if (size % 20 == 0) expect_healed(cache, whole, fmt::format("{} bytes", size));
  }
  for (const char* more : {"x", "more of it"}) {
    put(file(cache, 1), bytes + more);
    expect_healed(cache, whole, more);
  }
}

TEST_F(CacheFolder, ForeignThingsInTheWayAreNotBelieved) {
  const Cache cache(below());
  const Object whole = object("some machine code");
  cache.keep(key_number(2), object("another program"));
  fs::copy_file(file(cache, 2), file(cache, 1));
  expect_healed(cache, whole, "the entry of another program");
  put(file(cache, 1), "hello");
  expect_healed(cache, whole, "some text");
  fs::remove(file(cache, 1));
  ASSERT_EQ(mkfifo(file(cache, 1).c_str(), 0600), 0);
  expect_healed(cache, whole, "a pipe that nobody writes to");
  fs::remove(file(cache, 1));
  fs::create_symlink("nowhere", file(cache, 1));
  expect_healed(cache, whole, "a link to nowhere");
  fs::remove(file(cache, 1));
  fs::create_directory(file(cache, 1));
  cache.keep(key_number(1), whole);
  EXPECT_FALSE(cache.find(key_number(1)));
  EXPECT_TRUE(fs::is_directory(file(cache, 1)));
  EXPECT_EQ(files(cache), 2u) << "nothing is left beside";
}

TEST_F(CacheFolder, AnotherUsersEntryIsNotBelieved) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const Cache cache(below());
  cache.keep(key_number(1), object("code"));
  ASSERT_EQ(chown(file(cache, 1).c_str(), 12345, 12345), 0);
  expect_healed(cache, object("code"), "another user's");
}

TEST_F(CacheFolder, AFolderThatCannotBeIsNone) {
  put(folder_ / "file", "text");
  for (const std::string& folder : {(folder_ / "file").string(), (folder_ / "file/cache").string(),
                                    std::string("/proc/amc"), std::string("/dev/null/cache")}) {
    const Cache cache(folder);
    cache.keep(key_number(1), object("code"));
    EXPECT_FALSE(cache.find(key_number(1))) << folder;
    EXPECT_EQ(cache.usage().entries, 0u) << folder;
  }
  EXPECT_EQ(contents(folder_ / "file"), "text");
}

/// Runs `work` in a process of its own; true if it returned true there.
pid_t start(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  return child;
}
bool succeeded(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(CacheFolder, AFullDiskKeepsNothingAndLeavesNothing) {
  const Cache cache(below());
  cache.keep(key_number(2), object("code"));
  // A file may have this many bytes and no more: writing stops in the middle, as on a full disk.
  const bool fine = succeeded(start([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    cache.keep(key_number(1), object(std::string(5000, 'x')));
    return !cache.find(key_number(1));
  }));
  EXPECT_TRUE(fine);
  EXPECT_EQ(files(cache), 1u);
}

TEST_F(CacheFolder, ProcessesWriteReadAndTrimAtOnce) {
  const std::string folder = below();
  const auto code = [](int k) { return std::string(20'000 + 1'000 * k, static_cast<char>('a' + k)); };
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child)
    children.push_back(start([&, child] {
      // Room for a third of what is written: entries go while others read them.
      const Cache cache(folder, 60'000);
      for (int round = 0; round < 300; ++round) {
        const int k = (round + child) % 8;
        if (const auto found = cache.find(key_number(k)); found && !same(*found, object(code(k)))) return false;
        cache.keep(key_number(k), object(code(k)));
      }
      return true;
    }));
  for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
  const Cache cache(folder, 60'000);
  cache.keep(key_number(9), object(code(0)));
  EXPECT_LE(cache.usage().bytes, 60'000u);
  EXPECT_EQ(files(cache), cache.usage().entries);
  for (const auto& entry : fs::directory_iterator(folder)) EXPECT_EQ(entry.path().extension(), ".amc");
  EXPECT_TRUE(same(*cache.find(key_number(9)), object(code(0))));
}

TEST_F(CacheFolder, WhatWasNotUsedForLongestGoesFirst) {
  const std::string code(1'000, 'x');
  const Cache cache(below(), 4'600);  // for three, not four
  const auto aged = [&](int k, int hours) {
    fs::last_write_time(file(cache, k), fs::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  for (int k = 1; k <= 3; ++k) cache.keep(key_number(k), object(code)), aged(k, 10 - k);
  put(fs::path(below()) / "notes.txt", std::string(10'000, 'x'));
  put(fs::path(below()) / (key_number(5) + ".amcx"), "not ours");
  EXPECT_TRUE(cache.find(key_number(1)));  // which makes it young
  cache.keep(key_number(4), object(code));
  EXPECT_TRUE(cache.find(key_number(1)));
  EXPECT_FALSE(cache.find(key_number(2)));
  EXPECT_TRUE(cache.find(key_number(3)));
  EXPECT_TRUE(cache.find(key_number(4)));
  EXPECT_LE(cache.usage().bytes, 4'600u);
  EXPECT_TRUE(fs::exists(fs::path(below()) / "notes.txt"));
  cache.keep(key_number(6), object(std::string(5'000, 'x')));
  EXPECT_FALSE(cache.find(key_number(6))) << "more than all may take";
  EXPECT_EQ(cache.usage().entries, 3u);
}

TEST_F(CacheFolder, WhatADeadWriterLeftIsRemovedInTime) {
  const Cache cache(below());
  cache.keep(key_number(1), object("code"));
  const fs::path young = file(cache, 2).string() + ".abc123", old = file(cache, 3).string() + ".abc123";
  put(young, "being written"), put(old, "left");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  cache.keep(key_number(4), object("code"));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_FALSE(fs::exists(old));
}

TEST(CacheOfEnvironment, IsWhereTheUserWants) {
  struct Case {
    const char *asked, *caches, *home, *folder;
  };
  const Case cases[] = {
      {"/tmp/mine", "/x", "/h", "/tmp/mine"}, {"mine", "/x", "/h", "mine"}, {"off", "/x", "/h", ""},
      {"", "/x", "/h", "/x/amc"},             {nullptr, "/x", "/h", "/x/amc"},
      {nullptr, "relative", "/h", "/h/.cache/amc"},
      {nullptr, nullptr, "/h", "/h/.cache/amc"}, {nullptr, "", "/h", "/h/.cache/amc"}, {nullptr, nullptr, nullptr, ""},
  };
  const char* names[] = {"AMC_CACHE", "XDG_CACHE_HOME", "HOME"};
  std::vector<std::optional<std::string>> before;
  for (const char* name : names) before.push_back(std::getenv(name) ? std::optional<std::string>(std::getenv(name)) : std::nullopt);
  const auto set = [](const char* name, const char* value) { value ? setenv(name, value, 1) : unsetenv(name); };
  for (const Case& c : cases) {
    set(names[0], c.asked), set(names[1], c.caches), set(names[2], c.home);
    EXPECT_EQ(Cache::of_environment().folder(), c.folder);
  }
  for (int i = 0; i < 3; ++i) set(names[i], before[i] ? before[i]->c_str() : nullptr);
}

}  // namespace
}  // namespace am::jit
