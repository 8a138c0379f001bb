// Compiled objects on disk, so that a program that was compiled before is only linked.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "compiler/jit/jit.h"

namespace am::jit {

/// This compiler and LLVM, by the hashes that the linker wrote into them, and LLVM's version. Empty if they carry no hash.
const std::string& this_build();

/// All that code depends on, hashed: the graph with its outputs, every lowering option, the target, and the compiler's
/// build. Empty without a build: then nothing is kept.
std::string key_of(const ir::Graph& graph, std::span<const ir::NodeId> outputs, const lower::Options& options,
                   const std::string& build = this_build());

/// A folder of entries, one file each, `<key>.amc`. Any number of processes may use it at once: an entry is written
/// beside its place and renamed, and it is believed only if it carries its own key and the checksum of its content. What is
/// broken, foreign or owned by another user counts as missing and is replaced. A folder that cannot be read or
/// written, or is full, is as good as none: nothing here fails.
class Cache {
 public:
  /// What the entries may take together. The ones that were not used for longest go first.
  static constexpr uint64_t kLimit = uint64_t{256} << 20;

  /// Keeps nothing.
  Cache() = default;
  explicit Cache(std::string folder, uint64_t limit = kLimit) : folder_(std::move(folder)), limit_(limit) {}
  /// In $AMC_CACHE, else in $XDG_CACHE_HOME/amc, else in ~/.cache/amc; nowhere if AMC_CACHE is `off` or there is no home.
  static Cache of_environment();

  /// Empty: nothing is kept.
  const std::string& folder() const { return folder_; }
  std::optional<Object> find(const std::string& key) const;
  void keep(const std::string& key, const Object& object) const;

  struct Usage {
    size_t entries = 0;
    uint64_t bytes = 0, limit = 0;
  };
  Usage usage() const;

 private:
  std::string path(const std::string& key) const;
  void trim() const;

  std::string folder_;
  uint64_t limit_ = kLimit;
};

}  // namespace am::jit
