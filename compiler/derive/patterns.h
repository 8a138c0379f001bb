// Named functions in the pieces that differentiation leaves them in.
#pragma once

#include "compiler/derive/terms.h"

namespace am::derive {

/// Replaces in a sum every group of terms that is the definition of a named function times a common factor: so
/// g·σ(z) + g·z·σ(z)·(1 − σ(z)) becomes g·silu′(z). Products of sums are opened where that lets a name be found.
Linear with_names(Terms& terms, Linear linear);

/// Names what is a single product, everywhere in a finished term: z·σ(z) is silu(z). It comes last, since the sums
/// above are found by their bare pieces.
TermId polished(Terms& terms, TermId root);

}  // namespace am::derive
