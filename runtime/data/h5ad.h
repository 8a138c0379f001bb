// What `describe` asks of AnnData files.
#pragma once

#include <string>

#include "compiler/diagnostics/diagnostics.h"

namespace am::data {

/// By the first bytes, and where there are none by the name.
bool is_hdf5(const std::string& path);
std::string describe_h5ad(const std::string& path, diagnostics::Sink& sink);

}  // namespace am::data
