#include "runtime/execute/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace am::execute {
namespace {

constexpr size_t kLine = 64, kHugePage = size_t{2} << 20;

}  // namespace

void Free::operator()(std::byte* memory) const { std::free(memory); }

Memory allocate(size_t bytes) {
  const bool large = bytes >= kHugePage;
  const size_t unit = large ? kHugePage : kLine;
  const size_t whole = (bytes + unit) / unit * unit;
  Memory memory(static_cast<std::byte*>(std::aligned_alloc(unit, whole)));
  if (!memory) throw std::bad_alloc();
  // Only a hint: without huge pages all is well, and slower.
  if (large) madvise(memory.get(), whole, MADV_HUGEPAGE);
  std::memset(memory.get(), 0, bytes);
  return memory;
}

}  // namespace am::execute
