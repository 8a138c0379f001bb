// Which name a misspelt one was meant to be.
#include <algorithm>
#include <cctype>
#include <tuple>

#include "compiler/diagnostics/diagnostics.h"

namespace am::diagnostics {
namespace {

// Costs in quarters of an edit. A slip that hands often make is a little nearer than another edit, never two edits as
// near as one.
constexpr int kEdit = 4, kSlip = 3, kCase = 1;

std::u32string code_points(std::string_view utf8) {
  std::u32string out;
  for (size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : 4;
    char32_t point = length == 1 ? lead : lead & (0x7F >> length);
    for (size_t k = 1; k < length && i + k < utf8.size(); ++k)
      point = point << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3F);
    out.push_back(point);
    i += length;
  }
  return out;
}

char32_t lower(char32_t c) { return c < 0x80 ? static_cast<char32_t>(std::tolower(static_cast<int>(c))) : c; }

/// Next to each other on a keyboard with the letters in their usual three rows.
bool neighbours(char32_t a, char32_t b) {
  constexpr std::string_view kRows[] = {"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"};
  auto find = [&](char32_t c, int& row, int& column) {
    for (row = 0; row < 4; ++row)
      if (const size_t at = c < 0x80 ? kRows[row].find(static_cast<char>(lower(c))) : std::string_view::npos;
          at != std::string_view::npos) {
        column = static_cast<int>(at);
        return true;
      }
    return false;
  };
  int ra = 0, ca = 0, rb = 0, cb = 0;
  if (!find(a, ra, ca) || !find(b, rb, cb)) return false;
  if (ra == rb) return std::abs(ca - cb) == 1;
  // Each row stands half a key to the right of the one above.
  if (ra > rb) std::swap(ra, rb), std::swap(ca, cb);
  return rb - ra == 1 && (ca == cb || ca == cb + 1);
}

/// What it costs to have typed `typed` for `meant` (optimal string alignment: two neighbours exchanged are one edit).
int distance(const std::u32string& typed, const std::u32string& meant) {
  const size_t n = typed.size(), m = meant.size();
  std::vector<int> d((n + 1) * (m + 1));
  auto at = [&](size_t i, size_t j) -> int& { return d[i * (m + 1) + j]; };
  for (size_t i = 1; i <= n; ++i) at(i, 0) = static_cast<int>(i) * kEdit;
  for (size_t j = 1; j <= m; ++j) at(0, j) = static_cast<int>(j) * kEdit;
  for (size_t i = 1; i <= n; ++i)
    for (size_t j = 1; j <= m; ++j) {
      const char32_t a = typed[i - 1], b = meant[j - 1];
      const int replaced = a == b ? 0 : lower(a) == lower(b) ? kCase : neighbours(a, b) ? kSlip : kEdit;
      const int typed_twice = i > 1 && a == typed[i - 2] ? kSlip : kEdit;
      at(i, j) = std::min({at(i - 1, j) + typed_twice, at(i, j - 1) + kEdit, at(i - 1, j - 1) + replaced});
      if (i > 1 && j > 1 && a == meant[j - 2] && typed[i - 2] == b && a != b)
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + kSlip);
    }
  return at(n, m);
}

size_t common_prefix(const std::u32string& a, const std::u32string& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

size_t common_suffix(const std::u32string& a, const std::u32string& b) {
  return static_cast<size_t>(std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin());
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates,
                    const std::vector<std::string>& fitting) {
  const std::u32string typed = code_points(name);
  // Another letter is another name, not a slip.
  const int most = typed.size() == 1 ? kCase : std::max<int>(1, static_cast<int>(typed.size()) / 3) * kEdit;
  // Whole edits count first, then whether the thing makes sense here, then how likely the slip is.
  using Rank = std::tuple<int, bool, int, ptrdiff_t, std::string_view>;
  const std::string* best = nullptr;
  Rank best_rank;
  for (const std::string& candidate : candidates) {
    const std::u32string meant = code_points(candidate);
    const int cost = distance(typed, meant);
    // Nothing of the name is left when every letter of it is replaced.
    if (candidate == name || cost > most || cost >= static_cast<int>(std::max(typed.size(), meant.size())) * kSlip)
      continue;
    const bool unfit = !fitting.empty() && std::find(fitting.begin(), fitting.end(), candidate) == fitting.end();
    const auto shared = static_cast<ptrdiff_t>(common_prefix(typed, meant) + common_suffix(typed, meant));
    const Rank rank{(cost + kEdit - 1) / kEdit, unfit, cost, -shared, candidate};
    if (!best || rank < best_rank) best = &candidate, best_rank = rank;
  }
  return best ? *best : "";
}

}  // namespace am::diagnostics
