// What we tell the user: kinds, levels, exit codes, and the sink that collects them.
//
// User errors and our own bugs are different types: a stage reports user errors to a `Sink` and goes on; a broken
// invariant of ours is an `InternalError`, thrown by `AM_CHECK` and turned into exit code 70 by the program.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/source.h"

namespace am::diagnostics {

enum class Level { Error, Warning, Note };

/// Whose fault it is, which is the exit code of the program (design.md, Running).
enum class Blame { Script = 1, Data = 2, Numerics = 3, System = 4, Nobody = 0 };

enum class Kind {
#define AM_KIND(name, ...) name,
#include "compiler/diagnostics/kinds.def"
#undef AM_KIND
};

struct KindInfo {
  std::string_view name;
  Level level;
  Blame blame;
  std::string_view message;
};

namespace detail {
inline constexpr KindInfo kKinds[] = {
#define AM_KIND(name, level, blame, message) {#name, Level::level, Blame::blame, message},
#include "compiler/diagnostics/kinds.def"
#undef AM_KIND
};
/// The number of slots `{0}`, `{1}`, … of a message: one more than the highest.
consteval int slots(std::string_view message) {
  int count = 0;
  for (size_t i = 0; i + 2 < message.size(); ++i)
    if (message[i] == '{' && message[i + 2] == '}' && message[i + 1] - '0' + 1 > count)
      count = message[i + 1] - '0' + 1;
  return count;
}
}  // namespace detail

constexpr const KindInfo& info(Kind kind) { return detail::kKinds[static_cast<int>(kind)]; }
inline constexpr int kKindCount = sizeof(detail::kKinds) / sizeof(KindInfo);

/// A place that helps to understand a diagnostic, with a sentence of its own.
struct Note {
  source::Span span;
  std::string message;
};

struct Diagnostic {
  Kind kind;
  source::Span span;
  std::string message;
  std::vector<Note> notes;
  /// What to write instead; empty if we do not know.
  std::string suggestion;
};

/// Makes a diagnostic. The arguments are names, shapes, numbers; their number is checked when we compile.
template <Kind kind, class... Args>
Diagnostic make(source::Span span, const Args&... args) {
  static_assert(sizeof...(args) == detail::slots(info(kind).message), "wrong number of arguments for this kind");
  return {kind, span, fmt::format(fmt::runtime(info(kind).message), args...), {}, {}};
}

/// Collects what the stages report.
class Sink {
 public:
  template <Kind kind, class... Args>
  Diagnostic& report(source::Span span, const Args&... args) {
    return add(make<kind>(span, args...));
  }
  Diagnostic& add(Diagnostic diagnostic);

  bool has_errors() const { return errors_ > 0; }
  size_t count() const { return items_.size(); }
  /// Adds a note to each report from number `first` on for which `wanted` holds.
  template <class Wanted>
  void annotate(size_t first, const Note& note, Wanted wanted) {
    for (size_t k = first; k < items_.size(); ++k)
      if (wanted(items_[k])) items_[k].notes.push_back(note);
  }
  /// Takes back the reports from number `first` on.
  std::vector<Diagnostic> take(size_t first);
  int errors() const { return errors_; }
  /// In source order; two reports of one kind at one place are one.
  std::vector<Diagnostic> sorted() const;
  /// The exit code that what was reported asks for: 0, or that of the first error.
  int exit_code() const;

 private:
  std::vector<Diagnostic> items_;
  int errors_ = 0;
};

/// "file:line:column: error: message [Kind]", the line, a caret, notes, and what to write instead.
std::string render(const Diagnostic& diagnostic, const source::Sources& sources);

/// The same for programs to read: a JSON object on one line (docs/diagnostics.md, For programs).
std::string json(const Diagnostic& diagnostic, const source::Sources& sources);
/// A bug of ours, for programs to read.
std::string json_of_internal_error(std::string_view what);

/// The candidate that a slip of the hand most likely turned into `name`, or empty if none is near enough to suggest.
/// The measure is edit distance with transpositions, in which likely slips (case, a doubled letter, a neighbouring key)
/// count a little less. Among those equally near, one of `fitting` wins: the names of things that make sense where
/// `name` stands.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates,
                    const std::vector<std::string>& fitting = {});

/// A failure that is not the user's fault.
struct InternalError : std::logic_error {
  using std::logic_error::logic_error;
};
[[noreturn]] void internal_error(const char* file, int line, const std::string& what);

}  // namespace am::diagnostics

/// States an invariant of ours. Never used for what a user can cause.
#define AM_CHECK(condition, ...)                                                                    \
  do {                                                                                              \
    if (!(condition))                                                                               \
      ::am::diagnostics::internal_error(__FILE__, __LINE__,                                         \
                                        std::string(#condition) + ": " + fmt::format(__VA_ARGS__)); \
  } while (false)
