#include "tests/golden/golden.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/golden/checks.h"

namespace am::golden {
namespace {

constexpr std::string_view kStages[] = {"parse",    "check", "graph", "differentiate",
                                        "simplify", "lower", "run",   "stdlib"};

/// Diagnostics are marked by carets or by one of a few words; every other expectation has a key before a colon.
bool speaks_of_diagnostic(std::string_view body) {
  for (std::string_view word : {"^", "column ", "end: ", "help: ", "note: ", "note in ", "nowhere ", "in "})
    if (body.starts_with(word)) return true;
  return false;
}

/// Carets under the place. They cannot stand below `#~` itself, so the first two columns are said in words.
std::string marker(const source::Location& at) {
  const std::string carets(at.width, '^');
  return at.column > 2 ? fmt::format("#~{}{}", std::string(at.column - 3, ' '), carets)
                       : fmt::format("#~ column {}: {}", at.column, carets);
}

struct Placed {
  int column;
  std::vector<std::string> rows;
};

void option(Golden& g, std::string_view key, const std::string& value) {
  const size_t equals = value.find('=');
  if (equals == std::string::npos) {
    g.complaints.push_back(fmt::format("`#! {}: {}` is not of the form NAME=VALUE", key, value));
    return;
  }
  auto& options = key == "set" ? g.options.settings : key == "const" ? g.options.constants : g.options.data;
  options[value.substr(0, equals)] = value.substr(equals + 1);
}

void header(Golden& g, const std::string& text, int number) {
  const std::string body = trimmed(std::string_view(text).substr(2));
  if (number == 1) {
    g.claim = body;
  } else if (body.starts_with("stage: ")) {
    g.stage = body.substr(7);
  } else {
    const size_t colon = body.find(": ");
    const std::string key = body.substr(0, colon);
    if (colon != std::string::npos && (key == "set" || key == "const" || key == "data"))
      option(g, key, body.substr(colon + 2));
    else
      g.complaints.push_back(fmt::format("line {}: `{}` is not a heading", number, text));
  }
}

}  // namespace

Expectation parts(const Line& line) {
  const std::string body = trimmed(std::string_view(line.text).substr(2));
  // "key: rest", "key subject: rest" or "key subject".
  const size_t colon = body.find(": ");
  const std::string head = body.substr(0, colon == std::string::npos && body.ends_with(":") ? body.size() - 1 : colon);
  const size_t space = head.find(' ');
  return {head.substr(0, space), space == std::string::npos ? "" : trimmed(head.substr(space)),
          colon == std::string::npos ? "" : trimmed(body.substr(colon + 2))};
}

std::string trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(' ');
  if (from == std::string_view::npos) return "";
  return std::string(text.substr(from, text.find_last_not_of(' ') - from + 1));
}

std::vector<double> numbers(std::string text) {
  for (size_t at; (at = text.find("−")) != std::string::npos;) text.replace(at, std::string("−").size(), "-");
  std::vector<double> out;
  const char* p = text.c_str();
  while (*p) {
    char* end = nullptr;
    const double v = std::strtod(p, &end);
    if (end == p) {
      ++p;
    } else {
      out.push_back(v);
      p = end;
    }
  }
  return out;
}

Golden read(const std::string& path, const std::string& name) {
  Golden g{.path = path, .name = name};
  g.options.data_folder = name.substr(0, name.find('/'));
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  g.text = all.str();
  std::istringstream in(g.text);
  for (std::string text; std::getline(in, text);) {
    Line line{.text = text, .number = static_cast<int>(g.lines.size()) + 1};
    line.expectation = text.starts_with("#~");
    line.diagnostic = line.expectation && speaks_of_diagnostic(trimmed(std::string_view(text).substr(2)));
    if (text.starts_with("#!")) header(g, text, line.number);
    g.lines.push_back(std::move(line));
  }
  if (g.claim.empty()) g.complaints.push_back("the first line does not say what the golden claims: `#! …`");
  if (std::find(std::begin(kStages), std::end(kStages), g.stage) == std::end(kStages))
    g.complaints.push_back(fmt::format("`#! stage: {}` names no stage", g.stage));
  if (name.substr(0, name.find('/')) != g.stage)
    g.complaints.push_back(fmt::format("it lies in another folder than that of its stage `{}`", g.stage));
  return g;
}

std::map<int, std::vector<std::string>> annotations(const Golden& golden,
                                                    const std::vector<diagnostics::Diagnostic>& diagnostics,
                                                    const source::Sources& sources, source::FileId file) {
  std::map<int, std::vector<Placed>> placed;
  const int last =
      std::find_if(golden.lines.rbegin(), golden.lines.rend(), [](const Line& l) { return !l.expectation; })->number;
  /// Puts rows under the line that `at` is in, or below the last one.
  auto put = [&](const source::Location& at, std::string text, std::vector<std::string> more) {
    const bool in_script = at.line <= static_cast<int>(golden.lines.size()) && !golden.lines[at.line - 1].expectation;
    more.insert(more.begin(), (in_script ? marker(at) : "#~ end:") + " " + std::move(text));
    placed[in_script ? at.line : last].push_back({in_script ? at.column : INT32_MAX, std::move(more)});
  };
  for (const diagnostics::Diagnostic& d : diagnostics) {
    std::vector<std::string> more;
    if (!d.suggestion.empty()) more.push_back("#~ help: " + d.suggestion);
    for (const diagnostics::Note& note : d.notes) {
      if (!note.span.known()) more.push_back("#~ note: " + note.message);
      if (!note.span.known() || note.span.file == file) continue;
      const source::Location at = sources.locate(note.span);
      more.push_back(fmt::format("#~ note in {}:{}: {}", at.file, at.line, note.message));
    }
    const std::string text = fmt::format("{}: {}", diagnostics::info(d.kind).name, d.message);
    if (d.span.known() && d.span.file == file) {
      put(sources.locate(d.span), text, more);
    } else {
      const source::Location at = sources.locate(d.span);
      more.insert(more.begin(), d.span.known() ? fmt::format("#~ in {}:{}:{} {}", at.file, at.line, at.column, text)
                                               : "#~ nowhere " + text);
      placed[last].push_back({INT32_MAX, more});
    }
    for (const diagnostics::Note& note : d.notes)
      if (note.span.known() && note.span.file == file) put(sources.locate(note.span), "note: " + note.message, {});
  }
  std::map<int, std::vector<std::string>> out;
  for (auto& [line, items] : placed) {
    std::stable_sort(items.begin(), items.end(), [](const Placed& a, const Placed& b) { return a.column < b.column; });
    for (const Placed& p : items) out[line].insert(out[line].end(), p.rows.begin(), p.rows.end());
  }
  return out;
}

std::vector<std::string> kinds(const Golden& golden) {
  std::vector<std::string> out;
  for (const Line& line : golden.lines) {
    if (!line.diagnostic || trimmed(std::string_view(line.text).substr(2)).starts_with("help: ")) continue;
    // The word before the first colon that a kind could stand before: `^^^ Kind: …`, `nowhere Kind: …`.
    std::istringstream words(line.text.substr(2));
    for (std::string word; words >> word;)
      if (word.size() > 1 && word.back() == ':' && word[0] >= 'A' && word[0] <= 'Z') {
        out.push_back(word.substr(0, word.size() - 1));
        break;
      }
  }
  return out;
}

}  // namespace am::golden
