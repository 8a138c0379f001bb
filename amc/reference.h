// The scripts of examples/reference, built into the program.
#pragma once

#include <span>

#include "compiler/driver/stdlib.h"

namespace am {

std::span<const LibraryFile> reference_problems();

}  // namespace am
