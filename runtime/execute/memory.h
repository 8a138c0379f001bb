// Memory that programs run in.
#pragma once

#include <cstddef>
#include <memory>

namespace am::execute {

struct Free {
  void operator()(std::byte* memory) const;
};
using Memory = std::unique_ptr<std::byte[], Free>;

/// Zeroed memory on a cache line. From a few megabytes on it asks for huge pages: matrix products walk through many
/// pages at once, and the processor remembers where a few dozen of them are. Throws std::bad_alloc.
Memory allocate(size_t bytes);

}  // namespace am::execute
