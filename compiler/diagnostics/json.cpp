// Diagnostics for editors and other programs. The names of members are a promise: docs/diagnostics.md, For programs.
#include <nlohmann/json.hpp>

#include "compiler/diagnostics/diagnostics.h"

namespace am::diagnostics {
namespace {

using Json = nlohmann::ordered_json;

std::string_view level_name(Level level) {
  switch (level) {
    case Level::Error: return "error";
    case Level::Warning: return "warning";
    case Level::Note: return "note";
  }
  return "";
}

std::string_view blame_name(Blame blame) {
  switch (blame) {
    case Blame::Script: return "script";
    case Blame::Data: return "data";
    case Blame::Numerics: return "numerics";
    case Blame::System: return "system";
    case Blame::Nobody: return "nobody";
  }
  return "";
}

/// Where a span is, or null. Lines and columns count from one, bytes from zero; ends lie behind the last character.
Json place(source::Span span, const source::Sources& sources) {
  if (!span.known()) return nullptr;
  const source::Location begin = sources.locate(span);
  const source::Location end = sources.locate({span.file, span.end, span.end});
  return {{"file", begin.file},       {"line", begin.line},       {"column", begin.column}, {"end_line", end.line},
          {"end_column", end.column}, {"begin_byte", span.begin}, {"end_byte", span.end}};
}

/// What a message quotes of a file or of the command line may be any bytes.
std::string line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string json(const Diagnostic& diagnostic, const source::Sources& sources) {
  const KindInfo& kind = info(diagnostic.kind);
  Json out{{"kind", kind.name},
           {"level", level_name(kind.level)},
           {"blame", blame_name(kind.blame)},
           {"exit_code", static_cast<int>(kind.blame)},
           {"message", diagnostic.message},
           {"place", place(diagnostic.span, sources)},
           {"notes", Json::array()},
           {"help", nullptr}};
  for (const Note& note : diagnostic.notes)
    out["notes"].push_back({{"message", note.message}, {"place", place(note.span, sources)}});
  if (!diagnostic.suggestion.empty()) out["help"] = diagnostic.suggestion;
  return line(out);
}

std::string json_of_internal_error(std::string_view what) {
  return line({{"kind", "InternalError"},
               {"level", "error"},
               {"blame", "amc"},
               {"exit_code", 70},
               {"message", what},
               {"place", nullptr},
               {"notes", Json::array()},
               {"help", "this is a bug of amc: please report it with the script"}});
}

}  // namespace am::diagnostics
