#include "compiler/diagnostics/diagnostics.h"

#include <algorithm>

namespace am::diagnostics {
namespace {

std::string_view level_word(Level level) {
  switch (level) {
    case Level::Error: return "error";
    case Level::Warning: return "warning";
    case Level::Note: return "note";
  }
  return "";
}

/// The source line and, below it, a caret and tildes under the span.
std::string excerpt(const source::Location& at) {
  std::string pad;
  int column = 1;
  for (size_t i = 0; i < at.line_text.size() && column < at.column; ++i) {
    if ((at.line_text[i] & 0xC0) == 0x80) continue;
    pad += at.line_text[i] == '\t' ? '\t' : ' ';
    ++column;
  }
  const std::string number = std::to_string(at.line);
  return fmt::format(" {} | {}\n {} | {}^{}\n", number, at.line_text, std::string(number.size(), ' '), pad,
                     std::string(at.width - 1, '~'));
}

std::string place(const source::Location& at) { return fmt::format("{}:{}:{}: ", at.file, at.line, at.column); }

}  // namespace

Diagnostic& Sink::add(Diagnostic diagnostic) {
  errors_ += info(diagnostic.kind).level == Level::Error;
  items_.push_back(std::move(diagnostic));
  return items_.back();
}

std::vector<Diagnostic> Sink::take(size_t first) {
  std::vector<Diagnostic> out(std::make_move_iterator(items_.begin() + static_cast<ptrdiff_t>(first)),
                              std::make_move_iterator(items_.end()));
  items_.resize(first);
  for (const Diagnostic& d : out) errors_ -= info(d.kind).level == Level::Error;
  return out;
}

std::vector<Diagnostic> Sink::sorted() const {
  std::vector<Diagnostic> out;
  for (const Diagnostic& d : items_) {
    const bool repeated = std::any_of(out.begin(), out.end(), [&](const Diagnostic& o) {
      return o.kind == d.kind && o.span == d.span && o.message == d.message;
    });
    if (!repeated) out.push_back(d);
  }
  std::stable_sort(out.begin(), out.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.span.file.value, a.span.begin) < std::pair(b.span.file.value, b.span.begin);
  });
  return out;
}

int Sink::exit_code() const {
  for (const Diagnostic& d : items_)
    if (info(d.kind).level == Level::Error) return static_cast<int>(info(d.kind).blame);
  return 0;
}

std::string render(const Diagnostic& diagnostic, const source::Sources& sources) {
  const KindInfo& kind = info(diagnostic.kind);
  std::string out;
  if (diagnostic.span.known()) out += place(sources.locate(diagnostic.span));
  out += fmt::format("{}: {} [{}]\n", level_word(kind.level), diagnostic.message, kind.name);
  if (diagnostic.span.known()) out += excerpt(sources.locate(diagnostic.span));
  for (const Note& note : diagnostic.notes) {
    if (note.span.known()) {
      const source::Location at = sources.locate(note.span);
      out += place(at) + "note: " + note.message + "\n" + excerpt(at);
    } else {
      out += "  note: " + note.message + "\n";
    }
  }
  if (!diagnostic.suggestion.empty()) out += "  help: " + diagnostic.suggestion + "\n";
  return out;
}

void internal_error(const char* file, int line, const std::string& what) {
  throw InternalError(fmt::format("{}:{}: {}", file, line, what));
}

}  // namespace am::diagnostics
