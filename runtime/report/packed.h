// Numbers packed into a page: 16 bits each, as base64. Twenty thousand particles at a hundred times are eleven megabytes so, and
// as decimal text thirty.
#pragma once

#include <span>
#include <string>

namespace am::report {

/// Values from low to high as the numbers −32767 … 32767, little endian; what lies beyond an end stands at it, what is
/// not finite is −32768. A value within is off by at most (high − low)/131068.
std::string packed(std::span<const double> values, double low, double high);

/// Bytes as base64 (RFC 4648).
std::string base64(std::span<const unsigned char> bytes);

}  // namespace am::report
