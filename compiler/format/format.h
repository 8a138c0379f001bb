// A script in canonical layout.
#pragma once

#include <optional>
#include <string>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace am::format {

enum class Spelling { AsWritten, Unicode, Ascii };

/// The text of the file laid out anew, with every comment; nothing if it does not parse, which is reported. It works on
/// the tokens rather than on the tree, so that spellings, parentheses and the lines of a formula stay their author's.
/// Formatting the result again changes nothing.
std::optional<std::string> format(const source::Sources& sources, source::FileId file, Spelling spelling,
                                  diagnostics::Sink& sink);

}  // namespace am::format
