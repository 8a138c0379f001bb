// What single tokens stand for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace am::parse {

/// The name that a token means: `π` is `pi`, `∞` is `inf`, `ℝ` is `R`, and `s′` is `s'`.
std::string name_of(std::string_view word);

/// The variable of `∂t`, `∂ₜ`, `d[t]` or `∇[y]`; empty if the subscript is no letter.
std::string variable_of(std::string_view word);

/// The digits of `²` or `¹⁰`, without their sign.
std::string digits_of(std::string_view superscript);
bool is_negative(std::string_view superscript);

/// The value of a number, or nothing if it is too large to hold.
std::optional<double> number_of(std::string_view word);

/// The operator under its canonical spelling: `−` is `-`, `@` is `·`, `≤` is `<=`.
std::string operator_of(std::string_view word);

bool is_declaration_spelling(std::string_view word);

}  // namespace am::parse
