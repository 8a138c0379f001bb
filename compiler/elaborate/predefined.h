// What the compiler provides by name, for documentation and suggestions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace am::elaborate {

struct Predefined {
  std::string_view group;  // "function", "constant", "data member", or that of a word: "metric", "mode", …
  std::string_view name;
  std::string signature;  // "take(x, from, count)"; what may be left out as "time = …"
  std::string_view doc;   // sentences
};

std::vector<Predefined> predefined();

/// The words of a group, for a message: "w1, w2 or mmd".
std::string words_of(std::string_view group);

}  // namespace am::elaborate
