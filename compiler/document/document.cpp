// Entries found by name, and written.
#include "compiler/document/document.h"

#include <algorithm>

namespace am::document {

std::string escaped(std::string_view text, bool cell) {
  std::string out;
  bool code = false;
  for (char c : text) {
    if (c == '`') code = !code;
    if ((!code && (c == '*' || c == '_' || c == '<')) || (cell && c == '|')) out += '\\';
    out += c;
  }
  return out;
}

namespace {

constexpr size_t kNameColumn = 16, kPageWidth = 100;

/// Characters on the screen: all bytes of UTF-8 but those that continue a character.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, size_t columns) {
  return fmt::format("{}{}", text, std::string(columns - std::min(columns, width(text)), ' '));
}

/// Each line broken between words where it grows too long, and set in.
std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!out.empty()) out += '\n';
    const bool formula = line.starts_with("  ");
    while (!formula && width(line) > kPageWidth && line.find(' ') != std::string_view::npos) {
      size_t cut = line.find(' ');
      for (size_t at = cut; at != std::string_view::npos && width(line.substr(0, at)) <= kPageWidth;
           at = line.find(' ', at + 1))
        cut = at;
      out += fmt::format("  {}\n", line.substr(0, cut));
      line.remove_prefix(cut + 1);
    }
    if (!line.empty()) out += fmt::format("  {}", line);
  }
  return out;
}

std::string without_marks(std::string_view title) {
  std::string out(title);
  std::erase(out, '`');
  return out;
}

/// Code within a cell of a table.
std::string in_code(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

/// Indented lines are formulas, which stay lines.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool formula = false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const bool indent = line.starts_with("  ");
    if (indent != formula && !out.empty()) out += '\n';
    formula = indent;
    out += indent ? fmt::format("    {}\n", line) : fmt::format("{}\n", escaped(line));
  }
  return out;
}

}  // namespace

std::vector<const Entry*> find(std::span<const Section> sections, std::string_view name) {
  std::vector<const Entry*> out;
  for (const Section& s : sections)
    for (const Entry& e : s.entries)
      if (e.name == name) out.push_back(&e);
  return out;
}

std::vector<const Section*> find_sections(std::span<const Section> sections, std::string_view name) {
  std::vector<const Section*> out;
  for (const Section& s : sections)
    if (s.name == name) out.push_back(&s);
  return out;
}

std::string nearest(std::span<const Section> sections, std::string_view name) {
  std::vector<std::string> names;
  for (const Section& s : sections) {
    names.push_back(s.name);
    for (const Entry& e : s.entries) names.push_back(e.name);
  }
  return diagnostics::nearest(name, names);
}

std::string text(const Entry& entry) {
  std::string out = fmt::format("{}\n", entry.signature);
  if (!entry.summary.empty()) out += fmt::format("{}\n", indented(entry.summary));
  if (!entry.text.empty()) out += fmt::format("\n{}\n", indented(entry.text));
  if (!entry.source.empty()) out += fmt::format("\n  Source: {}\n", entry.source);
  return out;
}

std::string text(const Section& section) {
  const std::string title = without_marks(section.title);
  std::string out = title == section.name ? fmt::format("{}\n", title) : fmt::format("{} ({})\n", title, section.name);
  if (!section.intro.empty()) out += fmt::format("{}\n", indented(section.intro));
  size_t widest = kNameColumn;
  const auto left = [&](const Entry& e) -> const std::string& { return section.brief ? e.signature : e.name; };
  for (const Entry& e : section.entries) widest = std::max(widest, width(left(e)) + 2);
  for (const Entry& e : section.entries) out += fmt::format("  {}{}\n", padded(left(e), widest), e.summary);
  return out;
}

std::string text(std::span<const Section> sections) {
  std::string out;
  for (const Section& s : sections) out += fmt::format("{}{}", out.empty() ? "" : "\n", text(s));
  return out;
}

std::string markdown(const Entry& entry) {
  std::string out = fmt::format("### `{}`\n", entry.signature);
  if (!entry.summary.empty()) out += fmt::format("\n{}\n", escaped(entry.summary));
  if (!entry.text.empty()) out += fmt::format("\n{}", paragraphs(entry.text));
  if (!entry.source.empty()) out += fmt::format("\nSource: {}\n", escaped(entry.source));
  return out;
}

std::string table(const Section& section) {
  std::string out = "| name | meaning |\n| --- | --- |\n";
  for (const Entry& e : section.entries)
    out += fmt::format("| `{}` | {} |\n", in_code(e.signature), escaped(e.summary, true));
  return out;
}

std::string markdown(const Section& section) {
  std::string out = fmt::format("## {}\n", section.title);
  if (!section.intro.empty()) out += fmt::format("\n{}", paragraphs(section.intro));
  if (section.brief) return fmt::format("{}\n{}", out, table(section));
  for (const Entry& e : section.entries) out += fmt::format("\n{}", markdown(e));
  return out;
}

std::string page(std::span<const Section> sections) {
  std::string out =
      "# The standard library, and what the compiler provides\n\n"
      "Made by `scripts/docs` from the comments and tables where these things are declared; `amc doc NAME` prints an "
      "entry.\n"
      "`stdlib/*.am` is loaded before every script and written in the language itself, without privileges: copy an "
      "entry\n"
      "under another name to change it.\n";
  for (const Section& s : sections) out += fmt::format("\n{}", markdown(s));
  return out;
}

}  // namespace am::document
