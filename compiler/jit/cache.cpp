// Note [entries]. An entry is `kMagic`, its key, the checksum of the rest, and the rest: the plan and the object file.
// The checksum covers lengths too, so that a shortened or lengthened file never passes.
#include "compiler/jit/cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <llvm-c/Core.h>
#include <llvm/Support/BLAKE3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "compiler/jit/bytes.h"

namespace am::jit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "amc object\n";
constexpr size_t kHashBytes = 32, kKeyDigits = 2 * kHashBytes;
/// Of an entry, and of what is to become one.
constexpr std::string_view kSuffix = ".amc", kBeside = ".amc.", kRandom = "XXXXXX";
/// A writer that takes longer has died.
constexpr auto kStale = std::chrono::hours(1);

std::string hash_of(std::string_view bytes) {
  llvm::BLAKE3 hasher;
  hasher.update(llvm::StringRef(bytes.data(), bytes.size()));
  const auto hash = hasher.final<kHashBytes>();
  return std::string(hash.begin(), hash.end());
}

std::string digits(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

/// The build identity among the notes of a program or library, or nothing.
std::string build_id(std::string_view notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof note);
    const size_t name = sizeof note, content = name + (note.n_namesz + 3) / 4 * 4;
    const size_t end = content + (note.n_descsz + 3) / 4 * 4;
    if (end > notes.size()) return "";
    if (note.n_type == NT_GNU_BUILD_ID && notes.substr(name, note.n_namesz) == std::string_view("GNU\0", 4))
      return std::string(notes.substr(content, note.n_descsz));
    notes.remove_prefix(end);
  }
  return "";
}

/// The build identity of the program or library that this address is in.
std::string build_of(const void* address) {
  struct Search {
    uintptr_t address;
    std::string found;
  } search{reinterpret_cast<uintptr_t>(address), ""};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        Search& s = *static_cast<Search*>(data);
        const std::span<const ElfW(Phdr)> headers(info->dlpi_phdr, info->dlpi_phnum);
        const bool inside = std::ranges::any_of(headers, [&](const ElfW(Phdr)& h) {
          return h.p_type == PT_LOAD && s.address - info->dlpi_addr - h.p_vaddr < h.p_memsz;
        });
        if (!inside) return 0;
        for (const ElfW(Phdr)& h : headers)
          if (h.p_type == PT_NOTE && s.found.empty())
            s.found = build_id({reinterpret_cast<const char*>(info->dlpi_addr + h.p_vaddr), h.p_memsz});
        return 1;
      },
      &search);
  return search.found;
}

/// A regular file of our own, in full, marked as used now.
std::optional<std::string> read(const std::string& path) {
  // Should it be a pipe, opening it does not wait for a writer.
  const int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return {};
  struct stat status {};
  std::string bytes;
  bool fine = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid();
  if (fine) bytes.resize(static_cast<size_t>(status.st_size));
  for (size_t done = 0; fine && done < bytes.size();) {
    const ssize_t n = ::read(file, bytes.data() + done, bytes.size() - done);
    fine = n > 0;
    if (fine) done += static_cast<size_t>(n);
  }
  if (fine) futimens(file, nullptr);
  close(file);
  return fine ? std::optional(std::move(bytes)) : std::nullopt;
}

bool write(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

struct Entry {
  fs::path path;
  uint64_t bytes;
  fs::file_time_type used;
  bool finished;  // else a file that is being written, or was when its writer died
};

/// Our files in the folder; nothing else that lies there is ever touched.
std::vector<Entry> entries(const std::string& folder) {
  std::vector<Entry> out;
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    const std::string name = file->path().filename().string();
    if (name.find_first_not_of("0123456789abcdef") != kKeyDigits) continue;
    const std::string_view rest = std::string_view(name).substr(kKeyDigits);
    const bool finished = rest == kSuffix;
    if (!finished && !(rest.starts_with(kBeside) && rest.size() == kBeside.size() + kRandom.size())) continue;
    std::error_code gone;
    const uint64_t bytes = file->file_size(gone);
    const auto used = file->last_write_time(gone);
    if (!gone) out.push_back({file->path(), bytes, used, finished});
  }
  return out;
}

}  // namespace

const std::string& this_build() {
  static const std::string text = [] {
    const std::string ours = build_of(reinterpret_cast<const void*>(&key_of));
    const std::string llvms = build_of(reinterpret_cast<const void*>(&LLVMContextCreate));
    if (ours.empty() || llvms.empty()) return std::string();
    return fmt::format("{} {} {}", digits(ours), digits(llvms), llvm_version());
  }();
  return text;
}

std::string key_of(const ir::Graph& graph, std::span<const ir::NodeId> outputs, const lower::Options& options,
                   const std::string& build) {
  if (build.empty()) return "";
  Writer w;
  w(build, options, graph.slots(), graph.size());
  for (uint32_t i = 0; i < graph.size(); ++i) {
    const ir::Node& node = graph[{i}];
    w(node);
    if (node.op == ir::Op::Table) w(graph.table_values(node.attributes.index));
  }
  w(std::vector(outputs.begin(), outputs.end()));
  return digits(hash_of(w.bytes));
}

Cache Cache::of_environment() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  const std::string asked = variable("AMC_CACHE"), caches = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (asked == "off") return {};
  if (!asked.empty()) return Cache(asked);
  // The specification of these folders asks to ignore a relative one.
  if (caches.starts_with('/')) return Cache(caches + "/amc");
  return home.empty() ? Cache() : Cache(home + "/.cache/amc");
}

std::string Cache::path(const std::string& key) const { return fmt::format("{}/{}{}", folder_, key, kSuffix); }

std::optional<Object> Cache::find(const std::string& key) const {
  if (folder_.empty() || key.empty()) return {};
  const auto bytes = read(path(key));
  const std::string head = fmt::format("{}{}", kMagic, key);
  if (!bytes || !bytes->starts_with(head) || bytes->size() < head.size() + kHashBytes) return {};
  const std::string_view rest = std::string_view(*bytes).substr(head.size() + kHashBytes);
  if (bytes->compare(head.size(), kHashBytes, hash_of(rest)) != 0) return {};
  Object object;
  Reader r(rest);
  fields(r, object.plan);
  r(object.code);
  return r.fine && r.rest.empty() ? std::optional(std::move(object)) : std::nullopt;
}

void Cache::keep(const std::string& key, const Object& object) const {
  if (folder_.empty() || key.empty()) return;
  Writer w;
  w(object.plan, object.code);
  const std::string bytes = fmt::format("{}{}{}{}", kMagic, key, hash_of(w.bytes), w.bytes);
  if (bytes.size() > limit_) return;
  std::error_code error;
  if (fs::create_directories(folder_, error)) fs::permissions(folder_, fs::perms::owner_all, error);
  std::string beside = fmt::format("{}/{}{}{}", folder_, key, kBeside, kRandom);
  const int file = mkstemp(beside.data());
  if (file < 0) return;
  const bool written = write(file, bytes);
  if (close(file) == 0 && written && std::rename(beside.c_str(), path(key).c_str()) == 0) return trim();
  unlink(beside.c_str());
}

Cache::Usage Cache::usage() const {
  Usage out{.limit = limit_};
  for (const Entry& entry : entries(folder_)) out.entries += entry.finished, out.bytes += entry.bytes;
  return out;
}

/// Removes what writers left that died, and the entries that were not used for longest while there is too much.
void Cache::trim() const {
  std::vector<Entry> all = entries(folder_);
  std::ranges::sort(all, {}, &Entry::used);
  uint64_t bytes = 0;
  for (const Entry& entry : all) bytes += entry.bytes;
  const auto now = fs::file_time_type::clock::now();
  for (const Entry& entry : all) {
    const bool stale = !entry.finished && now - entry.used > kStale;
    if (!stale && (bytes <= limit_ || !entry.finished)) continue;
    std::error_code gone;
    fs::remove(entry.path, gone);
    bytes -= entry.bytes;
  }
}

}  // namespace am::jit
