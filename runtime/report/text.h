// Text and numbers as SVG, HTML and JSON want them.
#pragma once

#include <string>
#include <string_view>

namespace am::report {

/// Escapes for XML and HTML, in text and in attributes. Bytes that are not UTF-8 and control characters, which XML
/// forbids even when escaped, become U+FFFD.
std::string escape(std::string_view text);

/// A JSON string with its quotes, safe inside <script>: no `<` is left in it.
std::string json(std::string_view text);

/// A JSON number with nine significant digits; what is not finite becomes null.
std::string json(double value);

/// Integers grouped by three: 20 000.
std::string grouped(long long value);

/// A number for a person to read: four significant digits, a real minus sign.
std::string readable(double value);

/// 10 to the power, as text.
std::string power_of_ten(int exponent);

/// About how wide a text is in a sans-serif font of `size`, in the same unit; on the generous side.
double text_width(std::string_view text, double size);

/// The text, or its beginning and an ellipsis if it is wider than `width`.
std::string fitted(std::string_view text, double width, double size);

}  // namespace am::report
