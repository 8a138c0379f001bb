// The members of an .npz one at a time, for readers that need only some of them.
#pragma once

#include <string>

#include "runtime/data/npz.h"
#include "runtime/data/zip.h"

namespace am::data {

/// The member's name as NumPy gives it, without `.npy`.
std::string array_name(const Member& member);

FileError read_member(ByteView archive, const Member& member, Array& array);

}  // namespace am::data
