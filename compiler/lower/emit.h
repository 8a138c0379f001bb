// A placed program as a module.
#pragma once

#include "compiler/lower/program.h"

namespace llvm {
class Module;
}

namespace am::lower {

/// Writes `am_shared_p` and `am_tile_p` for every section.
void emit(const Program& program, llvm::Module& module);

}  // namespace am::lower
