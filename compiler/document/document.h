// The documentation of everything that has a name, made from the comments and tables where it is declared.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace am::document {

/// One name. A comment `## …` is read so: its first sentence is the summary, what follows `Source:` the source, and the
/// rest the text, whose indented lines are formulas.
struct Entry {
  std::string name;
  std::string signature;  // "net mlp(width, depth, out = 1, act = silu)"
  std::string summary;
  std::string text;
  std::string source;
};

struct Section {
  std::string name;   // "nets", "train", "diagnostics": what a reader asks for
  std::string title;  // "Nets, `stdlib/nets.am`"
  std::string intro;  // the comment that a file begins with
  std::vector<Entry> entries;
  bool brief = false;  // entries of one sentence each: a table
};

/// The standard library file by file, then what the compiler provides by name, then settings.
std::vector<Section> library();
/// The catalogue of diagnostics.
Section diagnostics();
/// Both.
std::vector<Section> everything();
/// The declarations of a script; it is parsed and nothing more. Its syntax errors are reported.
Section script(std::string name, std::string text, source::Sources& sources, diagnostics::Sink& sink);

/// Every entry of this name; a net and a path may share one.
std::vector<const Entry*> find(std::span<const Section> sections, std::string_view name);
/// Every section of this name: functions are in a file of the library and built in.
std::vector<const Section*> find_sections(std::span<const Section> sections, std::string_view name);
/// The name of an entry or section that may have been meant; empty if none is near.
std::string nearest(std::span<const Section> sections, std::string_view name);

/// For a terminal: an entry in full, the entries of a section or of all sections in a line each.
std::string text(const Entry& entry);
std::string text(const Section& section);
std::string text(std::span<const Section> sections);

/// The same in full as Markdown.
std::string markdown(const Entry& entry);
std::string markdown(const Section& section);
/// The entries of a section as rows.
std::string table(const Section& section);
/// With a backslash before every sign that has a meaning in Markdown, outside of `code`; `cell`: within a table.
std::string escaped(std::string_view text, bool cell = false);
/// The page docs/stdlib.md.
std::string page(std::span<const Section> sections);

}  // namespace am::document
