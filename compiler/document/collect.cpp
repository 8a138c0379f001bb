// From comments and tables to entries.
#include <algorithm>
#include <cctype>

#include "compiler/ast/ast.h"
#include "compiler/check/settings.h"
#include "compiler/document/document.h"
#include "compiler/driver/stdlib.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/parse/parse.h"

namespace am::document {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

/// A line goes on in the next one unless a sentence ends there, or it is empty or a formula.
void append_line(std::string& text, std::string_view line) {
  const std::string_view last = std::string_view(text).substr(text.rfind('\n') + 1);
  const bool goes_on = !last.empty() && !line.empty() && !last.starts_with("  ") && !line.starts_with("  ") &&
                       !last.ends_with('.') && !last.ends_with(':');
  if (!text.empty()) text += goes_on ? ' ' : '\n';
  text += line;
}

/// The end of a sentence within a line: a period before a space, but not that of an abbreviation such as "Ann. Math.",
/// which stands in brackets. npos if the sentence goes on.
size_t sentence_end(std::string_view line) {
  int depth = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '(') ++depth;
    if (line[i] == ')') --depth;
    if (line[i] == '.' && depth <= 0 && (i + 1 == line.size() || line[i + 1] == ' ')) return i;
  }
  return std::string_view::npos;
}

/// The comment in its parts.
void read_comment(std::string_view comment, Entry& out) {
  enum { Summary, Text, Source } part = Summary;
  for (const std::string& whole : lines_of(comment)) {
    std::string_view line = whole;
    constexpr std::string_view kSource = "Source:";
    const size_t source = line.find(kSource);
    // "Source:" may follow the last remark on its line.
    std::string_view from = source == std::string_view::npos ? "" : line.substr(source + kSource.size());
    if (source != std::string_view::npos) line = line.substr(0, source);
    while (part != Text && line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (part == Source) {
      out.source += fmt::format(" {}", line);
      continue;
    }
    if (part == Summary) {
      const size_t end = sentence_end(line);
      out.summary += fmt::format("{}{}", out.summary.empty() || line.empty() ? "" : " ", line.substr(0, end));
      if (end != std::string_view::npos) {
        out.summary += '.';
        line.remove_prefix(end + 1);
        while (line.starts_with(' ')) line.remove_prefix(1);
        part = Text;
        if (!line.empty()) out.text = line;
      }
    } else if (!line.empty() || source == std::string_view::npos) {
      append_line(out.text, line);
    }
    if (source != std::string_view::npos) {
      while (from.starts_with(' ')) from.remove_prefix(1);
      out.source = from;
      part = Source;
    }
  }
  while (out.text.ends_with('\n')) out.text.pop_back();
}

std::string list(const ast::Program& program, const std::vector<ast::Parameter>& parameters) {
  std::string out;
  for (const ast::Parameter& p : parameters) {
    if (!out.empty()) out += ", ";
    out += p.name;
    if (p.fallback.valid()) out += fmt::format(" = {}", ast::print(program, p.fallback));
  }
  return fmt::format("({})", out);
}

std::string signature(const ast::Program& program, const ast::Declaration& d) {
  using Kind = ast::DeclarationKind;
  std::string out = fmt::format("{} {}", ast::keyword(d.kind), d.kind == Kind::Evaluate ? d.model : d.name);
  if (d.kind == Kind::Sample) out += fmt::format(" from {}", d.model);
  // A path alone may have no list of hyper-parameters.
  const bool value = d.kind == Kind::Const || d.kind == Kind::Data || d.kind == Kind::Train || d.kind == Kind::Sample ||
                     d.kind == Kind::Evaluate;
  if (!d.parameters.empty() || (!value && d.kind != Kind::Path)) out += list(program, d.parameters);
  if (!d.variables.empty()) out += list(program, d.variables);
  if (d.range.valid()) out += fmt::format(" over {}", ast::print(program, d.range));
  if (d.value.valid() && (value || d.kind == Kind::Path)) out += fmt::format(" = {}", ast::print(program, d.value));
  return out;
}

std::vector<Entry> declarations(const ast::Program& program) {
  std::vector<Entry> out;
  for (const ast::Declaration& d : program.declarations) {
    Entry e{.name = d.kind == ast::DeclarationKind::Evaluate ? d.model : d.name, .signature = signature(program, d)};
    read_comment(d.doc, e);
    out.push_back(std::move(e));
  }
  return out;
}

/// The comment that a file begins with, up to an empty line.
std::string introduction(std::string_view text) {
  std::string out;
  for (const std::string& line : lines_of(text)) {
    if (line.empty()) return out;
    if (!line.starts_with("# ")) return "";
    append_line(out, std::string_view(line).substr(2));
  }
  return "";
}

std::string capitalised(std::string_view word) {
  std::string out(word);
  if (!out.empty()) out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  return out;
}

/// What the compiler provides by name, a section for each group.
std::vector<Section> predefined() {
  std::vector<Section> out;
  for (const elaborate::Predefined& p : elaborate::predefined()) {
    const std::string name = fmt::format("{}s", p.group);
    auto section = std::find_if(out.begin(), out.end(), [&](const Section& s) { return s.name == name; });
    if (section == out.end()) {
      out.push_back(
          {.name = name, .title = fmt::format("Built-in {}", name), .intro = {}, .entries = {}, .brief = true});
      section = out.end() - 1;
    }
    Entry e{.name = std::string(p.name), .signature = p.signature};
    read_comment(p.doc, e);
    section->entries.push_back(std::move(e));
  }
  return out;
}

Section settings(ast::DeclarationKind kind) {
  const std::string word(ast::keyword(kind));
  Section out{.name = word, .title = fmt::format("Settings of `{}`", word), .intro = {}, .entries = {}, .brief = true};
  for (const check::SettingInfo& s : check::settings()) {
    if (s.of != kind) continue;
    std::string form(s.name);
    if (s.fallback == "!")
      form += ", required";
    else if (!s.fallback.empty())
      form += fmt::format(" = {}", s.fallback);
    out.entries.push_back(
        {.name = std::string(s.name), .signature = form, .summary = fmt::format("{}.", capitalised(s.meaning))});
  }
  return out;
}

std::string_view consequence(const diagnostics::KindInfo& kind) {
  using diagnostics::Blame;
  switch (kind.blame) {
    case Blame::Script: return "Exit code 1: the script is to be changed.";
    case Blame::Data: return "Exit code 2: the data are to be changed.";
    case Blame::Numerics: return "Exit code 3: numbers left their range.";
    case Blame::System: return "Exit code 4: the system failed.";
    case Blame::Nobody: return "It changes nothing.";
  }
  return "";
}

std::string_view word(diagnostics::Level level) {
  switch (level) {
    case diagnostics::Level::Error: return "error";
    case diagnostics::Level::Warning: return "warning";
    case diagnostics::Level::Note: return "note";
  }
  return "";
}

/// The message with its slots open.
std::string open_slots(std::string_view message) {
  std::string out;
  for (size_t i = 0; i < message.size(); ++i)
    if (i + 2 < message.size() && message[i] == '{' && message[i + 2] == '}') {
      out += "…";
      i += 2;
    } else {
      out += message[i];
    }
  return out;
}

}  // namespace

std::vector<Section> library() {
  std::vector<Section> out;
  for (const LibraryFile& file : standard_library()) {
    source::Sources sources;
    diagnostics::Sink sink;
    ast::Program program;
    parse::parse(sources, sources.add(std::string(file.name), std::string(file.text)), program, sink);
    const std::string stem(file.name.substr(0, file.name.find('.')));
    out.push_back({stem, fmt::format("{}, `stdlib/{}`", capitalised(stem), file.name), introduction(file.text),
                   declarations(program)});
  }
  for (Section& s : predefined()) out.push_back(std::move(s));
  for (auto kind : {ast::DeclarationKind::Train, ast::DeclarationKind::Sample, ast::DeclarationKind::Evaluate})
    out.push_back(settings(kind));
  return out;
}

Section diagnostics() {
  Section out{.name = "diagnostics", .title = "Diagnostics", .intro = {}, .entries = {}, .brief = true};
  for (int k = 0; k < diagnostics::kKindCount; ++k) {
    const auto& kind = diagnostics::info(static_cast<diagnostics::Kind>(k));
    out.entries.push_back(
        {.name = std::string(kind.name),
         .signature = fmt::format("{} {}", word(kind.level), kind.name),
         .summary = open_slots(kind.message),
         .text = fmt::format("{} An example with its repair: docs/diagnostics.md.", consequence(kind)),
         .source = {}});
  }
  return out;
}

std::vector<Section> everything() {
  std::vector<Section> out = library();
  out.push_back(diagnostics());
  return out;
}

Section script(std::string name, std::string text, source::Sources& sources, diagnostics::Sink& sink) {
  Section out{.name = name, .title = fmt::format("`{}`", name), .intro = introduction(text), .entries = {}};
  ast::Program program;
  parse::parse(sources, sources.add(std::move(name), std::move(text)), program, sink);
  out.entries = declarations(program);
  return out;
}

}  // namespace am::document
