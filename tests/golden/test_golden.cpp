// One test for each golden, named by its folder and file; and the catalogue of diagnostics against all of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "compiler/parse/parse.h"
#include "tests/golden/checks.h"
#include "tests/parse/support.h"

namespace am::golden {

Answer check_syntax(const Expectation& e, const ast::Program& program, const source::Sources& sources,
                    source::FileId file, int line) {
  const ast::Declaration* nearest = nullptr;
  for (const ast::Declaration& d : program.declarations)
    if (d.span.file == file && sources.locate(d.span).line < line) nearest = &d;
  if (!nearest) return {"", "no declaration stands above"};
  std::string text =
      e.key == "tree" ? parse::testing::prefix_form(program, *nearest)
                      : ast::print(program, *nearest, e.key == "ascii" ? ast::Spelling::Ascii : ast::Spelling::Unicode);
  while (text.ends_with('\n')) text.pop_back();
  for (size_t at; (at = text.find('\n')) != std::string::npos;) text.replace(at, 1, " ⏎ ");
  return {fmt::format("#~ {}: {}", e.key, text), ""};
}

namespace {

namespace fs = std::filesystem;

const std::string kFolder = AM_SOURCE_DIR "/tests/golden";

std::vector<std::string> goldens() {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder))
    if (entry.path().extension() == ".am")
      out.push_back(fs::relative(entry.path(), kFolder).replace_extension("").string());
  std::sort(out.begin(), out.end());
  return out;
}

Golden open(const std::string& name) { return read(fmt::format("{}/{}.am", kFolder, name), name); }

/// Parse alone, or the whole compiler: what a mistake of one stage does in later ones is part of what is expected.
std::unique_ptr<Script> compiled(const Golden& golden, const std::string& text) {
  // File names start at a script's folder, and are the same on every machine if that starts at the goldens'.
  fs::current_path(kFolder);
  if (golden.stage != "parse") return compile(golden.name, text, golden.options);
  auto s = std::make_unique<Script>();
  s->file = s->sources.add(golden.name, text);
  parse::parse(s->sources, s->file, s->program, s->sink);
  return s;
}

bool is_syntax(const std::string& key) { return key == "print" || key == "ascii" || key == "tree"; }

/// What the golden should look like, line by line, and what cannot be put right by rewriting.
struct Verdict {
  std::vector<std::string> lines;
  std::vector<std::string> complaints;
  bool failed = false;  // the script has errors
};

Verdict judge(const Golden& golden) {
  Verdict out;
  const Values values = values_of(golden);
  out.complaints = values.complaints;
  const auto script = compiled(golden, golden.text + values.addition);
  std::vector<diagnostics::Diagnostic> own;
  for (const auto& d : script->sink.sorted()) {
    out.failed = out.failed || diagnostics::info(d.kind).level == diagnostics::Level::Error;
    // Expressions that compare have no gradient; the parameters may be those of nets of the library.
    if (d.kind == diagnostics::Kind::UnreachedParameter && d.message.find("`golden_model") != std::string::npos)
      continue;
    if (d.span.file == script->file && d.span.begin >= golden.text.size() && !values.addition.empty()) {
      out.complaints.push_back("an expectation cannot be evaluated: " + diagnostics::render(d, script->sources));
    } else {
      own.push_back(d);
    }
  }
  if (!out.failed)
    for (const std::string& c : check_values(values, *script)) out.complaints.push_back(c);
  auto rows = annotations(golden, own, script->sources, script->file);
  for (const Line& line : golden.lines) {
    if (line.diagnostic) continue;
    if (!line.expectation) {
      out.lines.push_back(line.text);
      out.lines.insert(out.lines.end(), rows[line.number].begin(), rows[line.number].end());
      continue;
    }
    const Expectation e = parts(line);
    Answer answer;
    if (is_syntax(e.key))
      answer = check_syntax(e, script->program, script->sources, script->file, line.number);
    else if (e.key != "value" && e.key != "at")
      answer = out.failed ? Answer{"", "the script has errors"} : check_model(e, *script);
    if (!answer.complaint.empty())
      out.complaints.push_back(fmt::format("line {}: `{}`: {}", line.number, line.text, answer.complaint));
    out.lines.push_back(answer.text.empty() ? line.text : answer.text);
  }
  return out;
}

/// Where two texts differ, as lines with `-` (expected) and `+` (what the compiler gives).
std::string difference(const std::vector<Line>& before, const std::vector<std::string>& after) {
  std::string out;
  size_t i = 0, k = 0;
  while (i < before.size() || k < after.size()) {
    const bool script = i < before.size() && !before[i].expectation;
    if (i < before.size() && k < after.size() && before[i].text == after[k]) {
      if (script) out += "  " + before[i].text + "\n";
      ++i, ++k;
    } else if (i < before.size() && before[i].expectation) {
      out += "- " + before[i++].text + "\n";
    } else if (k < after.size()) {
      out += "+ " + after[k++] + "\n";
    } else {
      out += "- " + before[i++].text + "\n";
    }
  }
  return out;
}

class Goldens : public testing::TestWithParam<std::string> {};

TEST_P(Goldens, Holds) {
  const Golden golden = open(GetParam());
  for (const std::string& c : golden.complaints) ADD_FAILURE() << golden.path << ": " << c;
  if (!golden.complaints.empty()) return;
  const Verdict verdict = judge(golden);
  SCOPED_TRACE(golden.claim);
  for (const std::string& c : verdict.complaints) ADD_FAILURE() << golden.path << ": " << c;
  const std::string file = golden.name.substr(golden.name.find('/') + 1);
  EXPECT_EQ(file.starts_with("fail_"), verdict.failed)
      << golden.path << ": a golden is called fail_… if and only if its script has an error";
  std::string before, after;
  for (const Line& line : golden.lines) before += line.text + "\n";
  for (const std::string& line : verdict.lines) after += line + "\n";
  if (before == after) return;
  if (const char* update = std::getenv("AM_UPDATE_GOLDENS"); update && std::string_view(update) == "1") {
    std::ofstream(golden.path, std::ios::binary) << after;
    fmt::print("rewritten: {}\n", golden.path);
    return;
  }
  ADD_FAILURE() << golden.path << " (AM_UPDATE_GOLDENS=1 rewrites it)\n" << difference(golden.lines, verdict.lines);
}

INSTANTIATE_TEST_SUITE_P(All, Goldens, testing::ValuesIn(goldens()), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

/// A golden that expects nothing and says nothing of failure can hardly fail.
TEST(Goldens, ExpectSomething) {
  for (const std::string& name : goldens()) {
    const Golden golden = open(name);
    EXPECT_TRUE(std::any_of(golden.lines.begin(), golden.lines.end(), [](const Line& l) { return l.expectation; }))
        << name;
  }
}

// Kinds that no script alone can raise. Tests of those parts cover them: data files (tests/data), training and sampling
// (tests/flow), the program and the system (tests/amc).
constexpr std::string_view kBeyondScripts[] = {
    "BadCommandLine", "UnreadableScript", "NothingToRun",  "MissingColumn",   "BadCell",
    "RaggedRow",      "NonFiniteCell",    "EmptyData",     "OneTimeOnly",     "UnsortedTimes",
    "MalformedFile",  "MissingTime",      "NonFiniteLoss", "NonFiniteSample", "SolverStuck",
    "CannotWrite",    "OutOfMemory",      "BadCheckpoint", "CompilerFailure", "UnknownShape",
    "BadShapeOption", "DataUsedTwice",    "BadWeights",    "MixedUnits",      "UnusedMass",
};
// Kinds of the catalogue that the compiler does not raise yet. This list only shrinks.
constexpr std::string_view kNotRaisedYet[] = {"NotDifferentiable"};

TEST(Catalogue, EveryKindHasAGolden) {
  std::set<std::string> expected;
  for (const std::string& name : goldens())
    for (const std::string& kind : kinds(open(name))) expected.insert(kind);
  const std::set<std::string_view> beyond(std::begin(kBeyondScripts), std::end(kBeyondScripts)),
      later(std::begin(kNotRaisedYet), std::end(kNotRaisedYet));
  for (int k = 0; k < diagnostics::kKindCount; ++k) {
    const std::string kind(diagnostics::info(static_cast<diagnostics::Kind>(k)).name);
    const bool excused = beyond.count(kind) || later.count(kind);
    EXPECT_TRUE(expected.count(kind) || excused) << "no golden expects " << kind;
    EXPECT_FALSE(expected.count(kind) && excused) << "a golden expects " << kind << ", which is listed as an exception";
    expected.erase(kind);
  }
  for (const std::string& kind : expected)
    ADD_FAILURE() << "goldens expect " << kind << ", which the catalogue does not have";
}

}  // namespace
}  // namespace am::golden
