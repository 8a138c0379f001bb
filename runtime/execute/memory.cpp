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
  // What is large begins at a huge page, but does not take whole ones: of a last one in part the rest would be lost.
  const bool large = bytes >= kHugePage;
  const size_t whole = (bytes + kLine) / kLine * kLine;
  void* memory = nullptr;
  if (posix_memalign(&memory, large ? kHugePage : kLine, whole) != 0) throw std::bad_alloc();
  // Only a hint: without huge pages all is well, and slower.
  if (large) madvise(memory, whole / kHugePage * kHugePage, MADV_HUGEPAGE);
  std::memset(memory, 0, whole);
  return Memory(static_cast<std::byte*>(memory));
}

}  // namespace am::execute
