#include "compiler/driver/stdlib.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "compiler/ast/ast.h"

namespace am {
namespace {

/// What the compiler itself makes use of, whether or not a script says so: the noise of solvers is normal.
constexpr std::string_view kAlways[] = {"normal"};

/// A declaration of the library with its documentation and all lines up to the next one.
struct Part {
  size_t file, begin, end;
  std::string_view name;
};

bool starts_word(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool in_word(char c) { return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)); }

/// Calls `use` with each run of ASCII letters, digits and underscores: every name of the library is one, and what else
/// is taken for one does no harm.
template <class Use>
void words(std::string_view text, Use use) {
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    if (starts_word(text[i]))
      while (end < text.size() && in_word(text[end])) ++end;
    if (end > i) use(text.substr(i, end - i));
    i = std::max(end, i + 1);
  }
}

/// The name that a line declares, or nothing.
std::string_view declared(std::string_view line) {
  if (line.empty() || !starts_word(line[0])) return {};
  std::string_view found[2];
  int count = 0;
  words(line, [&](std::string_view word) {
    if (count < 2) found[count] = word;
    ++count;
  });
  for (int k = 0; k <= static_cast<int>(ast::DeclarationKind::Evaluate); ++k)
    if (found[0] == ast::keyword(static_cast<ast::DeclarationKind>(k))) return found[1];
  return {};
}

/// Where the `##` lines right above a line begin.
size_t documentation(std::string_view text, size_t line) {
  while (line > 0) {
    const size_t above = line < 2 ? 0 : text.rfind('\n', line - 2) + 1;
    if (!text.substr(above).starts_with("##")) break;
    line = above;
  }
  return line;
}

std::vector<Part> parts_of_library() {
  std::vector<Part> out;
  const auto files = standard_library();
  for (size_t file = 0; file < files.size(); ++file) {
    const std::string_view text = files[file].text;
    for (size_t line = 0; line < text.size();) {
      const size_t next = std::min(text.find('\n', line), text.size() - 1) + 1;
      if (const auto name = declared(text.substr(line, next - line)); !name.empty())
        out.push_back({file, documentation(text, line), text.size(), name});
      if (out.size() > 1 && out[out.size() - 2].file == file) out[out.size() - 2].end = out.back().begin;
      line = next;
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> needed_library(std::span<const std::string_view> texts) {
  static const std::vector<Part> parts = parts_of_library();
  std::multimap<std::string_view, const Part*> by_name;
  for (const Part& part : parts) by_name.emplace(part.name, &part);
  const auto files = standard_library();
  std::vector<std::string> out;
  for (const LibraryFile& file : files) {
    out.emplace_back(file.text);
    for (char& c : out.back())
      if (c != '\n') c = ' ';
  }
  std::vector<std::string_view> to_read(texts.begin(), texts.end());
  to_read.insert(to_read.end(), std::begin(kAlways), std::end(kAlways));
  std::set<std::string_view> seen;
  while (!to_read.empty()) {
    const std::string_view text = to_read.back();
    to_read.pop_back();
    words(text, [&](std::string_view word) {
      if (!seen.insert(word).second) return;
      for (auto [part, end] = by_name.equal_range(word); part != end; ++part) {
        const Part& p = *part->second;
        const std::string_view body = files[p.file].text.substr(p.begin, p.end - p.begin);
        std::copy(body.begin(), body.end(), out[p.file].begin() + static_cast<ptrdiff_t>(p.begin));
        to_read.push_back(body);
      }
    });
  }
  return out;
}

}  // namespace am
