// The parts of the page that are not C++: its style sheet and the script of the player.
#pragma once

#include <string_view>

namespace am::report {

extern const std::string_view kStyle, kPlayer;

}  // namespace am::report
