// One array in the format of the MNIST files, big-endian.
#pragma once

#include "runtime/data/file.h"
#include "runtime/data/npz.h"

namespace am::data {

/// Whether the first bytes are those of such a file: two zeros, an element type, one to four axes.
bool is_idx(ByteView bytes);
FileError parse_idx(ByteView bytes, Array& array);
/// All axes but the first become one.
void flatten(Array& array);

}  // namespace am::data
