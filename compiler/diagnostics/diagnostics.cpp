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

/// Edit distance in which exchanging two neighbours counts one (optimal string alignment).
int distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

Diagnostic& Sink::add(Diagnostic diagnostic) {
  errors_ += info(diagnostic.kind).level == Level::Error;
  items_.push_back(std::move(diagnostic));
  return items_.back();
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

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  int best_distance = std::max<int>(1, static_cast<int>(name.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const int d = distance(name, candidate);
    if (d < best_distance) best = candidate, best_distance = d;
  }
  return best;
}

void internal_error(const char* file, int line, const std::string& what) {
  throw InternalError(fmt::format("{}:{}: {}", file, line, what));
}

}  // namespace am::diagnostics
