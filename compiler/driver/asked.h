// The expression of `amc derive`: what people write for a function, as the language writes it.
#pragma once

#include <optional>

#include "compiler/driver/compile.h"

namespace am {

/// Parses options.expression. Functions may stand in it without arguments: `∇s` means ∇s(x, t), with the parameters of
/// s as variables. Names that nothing declares are variables, too. Reports what is wrong; then there is no result.
std::optional<elaborate::Asked> parse_asked(Script& script, const CompileOptions& options);

}  // namespace am
