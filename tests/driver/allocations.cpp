#include "tests/driver/allocations.h"

#include <algorithm>
#include <cstdlib>
#include <new>

std::atomic<size_t> am::testing::allocations = 0;

void* operator new(size_t size) {
  ++am::testing::allocations;
  if (void* p = std::malloc(std::max<size_t>(size, 1))) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
