// Which machine we are on, and which part of it may be used.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "compiler/jit/jit.h"

namespace am::jit {
namespace {

using Features = llvm::StringMap<bool>;

/// A level of the x86-64 psABI: everything before it in `kLevels`, and these features.
struct Level {
  const char* name;
  int vector_bytes;
  std::vector<const char*> adds;
};

std::span<const Level> levels() {
  static const Level kLevels[] = {
      {"x86-64-v2", 16, {"sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16", "sahf"}},
      {"x86-64-v3", 32, {"avx", "avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"}},
      {"x86-64-v4", 64, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}},
  };
  return kLevels;
}

/// What the machine lacks of the levels up to and including `level`.
std::vector<const char*> missing(const Features& features, const Level& level) {
  std::vector<const char*> names;
  for (const Level& l : levels()) {
    std::ranges::copy_if(l.adds, std::back_inserter(names), [&](const char* f) { return !features.lookup(f); });
    if (&l == &level) break;
  }
  return names;
}

/// LLVM's feature string, in alphabetic order so that it is the same in every run.
std::string joined(const Features& features) {
  std::vector<std::string> all;
  for (const auto& feature : features)
    all.push_back(fmt::format("{}{}", feature.second ? '+' : '-', feature.first().str()));
  std::ranges::sort(all);
  return fmt::format("{}", fmt::join(all, ","));
}

int widest_vector(const Features& features) {
  const auto has = [&](auto... names) { return (features.lookup(names) && ...); };
  if (has("avx512f", "avx512dq", "avx512bw", "avx512vl")) return 64;
  return has("avx2", "fma") ? 32 : 16;
}

size_t second_level_cache() {
  const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? static_cast<size_t>(bytes) : size_t{1} << 20;
}

const Level* find_level(const std::string& name) {
  const auto found = std::ranges::find(levels(), name, &Level::name);
  return found == levels().end() ? nullptr : &*found;
}

/// Linux's request for a part of the processor's state that is large and therefore not every process's, and the number of
/// the part that holds the tiles. <asm/prctl.h> does not name them everywhere.
constexpr int kRequestState = 0x1023, kTileState = 18;

}  // namespace

bool allow_tiles() { return syscall(SYS_arch_prctl, kRequestState, kTileState) == 0; }

lower::Target host_target(const std::string& cpu, std::string& error) {
  const bool native = cpu.empty() || cpu == "native";
  const Level* level = native ? &levels().front() : find_level(cpu);
  error.clear();
  if (!level) {
    error = fmt::format("unknown cpu `{}`; known are native", cpu);
    for (const Level& l : levels()) error += fmt::format(", {}", l.name);
    return {};
  }
  const Features features = llvm::sys::getHostCPUFeatures();
  if (const auto lacking = missing(features, *level); !lacking.empty()) {
    error = fmt::format("this machine cannot run {} code: it has no {}", level->name, fmt::join(lacking, ", "));
    return {};
  }
  if (!native) return {level->name, "", level->vector_bytes, second_level_cache()};
  return {llvm::sys::getHostCPUName().str(), joined(features), widest_vector(features), second_level_cache()};
}

}  // namespace am::jit
