// How often memory was asked for in this program: a measure of work that does not depend on the machine.
#pragma once

#include <atomic>
#include <cstddef>

namespace am::testing {

extern std::atomic<size_t> allocations;

}  // namespace am::testing
