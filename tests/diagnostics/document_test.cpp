// docs/diagnostics.md: every kind has a section, its failing script fails with that kind alone, and its repair is one.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "compiler/driver/compile.h"
#include "runtime/flow/flow.h"

namespace am {
namespace {

namespace fs = std::filesystem;
using diagnostics::Kind;
using diagnostics::Level;

/// Kinds of the program, of the system, and such as no script raises: their sections have no script.
constexpr std::string_view kWithoutScript[] = {"BadCommandLine", "UnreadableScript", "NothingToRun",
                                               "UnknownShape",   "BadShapeOption",   "BadCheckpoint",
                                               "CannotWrite",    "OutOfMemory",      "CompilerFailure"};
/// Kinds that nothing raises yet. This list only shrinks.
constexpr std::string_view kNotRaisedYet[] = {"NotDifferentiable"};

/// A fenced block: "am fails", "csv repaired", …
struct Block {
  std::string info, text;
};

struct Section {
  std::string kind;
  std::vector<Block> blocks;
  const Block* find(std::string_view info) const {
    auto it = std::find_if(blocks.begin(), blocks.end(), [&](const Block& b) { return b.info == info; });
    return it == blocks.end() ? nullptr : &*it;
  }
};

struct Document {
  std::string preamble;
  std::vector<Section> sections;
};

const Document& document() {
  static const Document out = [] {
    Document d;
    std::ifstream in(AM_SOURCE_DIR "/docs/diagnostics.md");
    Block* open = nullptr;
    Block preamble;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("### `")) d.sections.push_back({line.substr(5, line.rfind('`') - 5), {}});
      if (!line.starts_with("```")) {
        if (open) open->text += line + "\n";
      } else if (open) {
        open = nullptr;
      } else if (line == "```am preamble") {
        open = &preamble;
      } else {
        d.sections.back().blocks.push_back({line.substr(3), ""});
        open = &d.sections.back().blocks.back();
      }
    }
    d.preamble = preamble.text;
    return d;
  }();
  return out;
}

class Documented : public testing::TestWithParam<int> {
 protected:
  const Section& section() const { return document().sections[GetParam()]; }

  /// Compiles a block, in a folder with the csv block that goes with it, and runs it if its info says so.
  std::unique_ptr<Script> outcome(const Block& block, const std::string& side) {
    const fs::path folder = fs::temp_directory_path() / fmt::format("am_document_{}_{}", getpid(), GetParam());
    fs::create_directories(folder);
    if (const Block* csv = section().find("csv " + side)) std::ofstream(folder / "cells.csv") << csv->text;
    CompileOptions options{.data_folder = folder.string()};
    if (const Block* line = section().find("options " + side)) {
      std::istringstream words(line->text);
      std::string option, pair;
      words >> option >> pair;
      auto& into = option == "--set" ? options.settings : option == "--data" ? options.data : options.constants;
      into[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
    }
    std::string text = document().preamble + block.text;
    if (block.info.ends_with("latin-1"))
      for (size_t at; (at = text.find("\xC3")) != std::string::npos;)
        text.replace(at, 2, 1, static_cast<char>(text[at + 1] | 0x40));
    auto script = compile("x.am", text, options);
    if (block.info.find("run") != std::string::npos && script->usable()) run(*script);
    fs::remove_all(folder);
    return script;
  }

  void run(Script& script) {
    std::string error;
    const Machine machine{.target = jit::host_target("", error), .threads = 1};
    std::map<std::string, flow::Weights> trained;
    for (const auto& m : script.elaborated.models) {
      auto weights = flow::initialise(m, machine, script.sink);
      ASSERT_TRUE(weights);
      flow::train(m, *weights, machine, {}, script.sink);
      trained.emplace(m.name, std::move(*weights));
    }
    for (const auto& s : script.elaborated.samplings)
      if (!script.sink.has_errors())
        flow::sample(s, *script.elaborated.model(s.model), trained.at(s.model), machine, script.sink);
  }

  static std::string all(const Script& script) {
    std::string out;
    for (const auto& d : script.sink.sorted()) out += diagnostics::render(d, script.sources);
    return out;
  }
  static std::multiset<std::string> kinds(const Script& script, Level level) {
    std::multiset<std::string> out;
    for (const auto& d : script.sink.sorted())
      if (diagnostics::info(d.kind).level == level) out.insert(std::string(diagnostics::info(d.kind).name));
    return out;
  }
};

TEST_P(Documented, FailsAndIsRepaired) {
  const std::string& kind = section().kind;
  if (std::count(std::begin(kWithoutScript), std::end(kWithoutScript), kind) ||
      std::count(std::begin(kNotRaisedYet), std::end(kNotRaisedYet), kind)) {
    EXPECT_TRUE(section().blocks.empty()) << kind << " has a script: take it from the list of those without";
    return;
  }
  const Block *fails = nullptr, *repaired = nullptr;
  for (const Block& b : section().blocks) {
    if (b.info.starts_with("am fails") || b.info.starts_with("am run fails")) fails = &b;
    if (b.info.starts_with("am repaired") || b.info.starts_with("am run repaired")) repaired = &b;
  }
  ASSERT_TRUE(fails && repaired) << kind << " has no failing script or no repaired one";
  const auto before = outcome(*fails, "fails"), after = outcome(*repaired, "repaired");
  bool warns = false;
  for (int k = 0; k < diagnostics::kKindCount; ++k)
    if (diagnostics::info(static_cast<Kind>(k)).name == kind)
      warns = diagnostics::info(static_cast<Kind>(k)).level == Level::Warning;
  const std::multiset<std::string> errors = kinds(*before, Level::Error), warnings = kinds(*before, Level::Warning);
  if (warns) {
    EXPECT_TRUE(errors.empty() && warnings.count(kind)) << all(*before);
    EXPECT_EQ(kinds(*after, Level::Warning).count(kind), 0u) << all(*after);
  } else {
    EXPECT_EQ(errors, std::multiset<std::string>{kind}) << all(*before);
  }
  EXPECT_TRUE(kinds(*after, Level::Error).empty()) << all(*after);
}

INSTANTIATE_TEST_SUITE_P(All, Documented, testing::Range(0, static_cast<int>(document().sections.size())),
                         [](const auto& info) { return document().sections[info.param].kind; });

TEST(Document, HasASectionForEveryKindAndNoOther) {
  std::set<std::string> documented, known;
  for (const Section& s : document().sections)
    EXPECT_TRUE(documented.insert(s.kind).second) << s.kind << " stands twice";
  for (int k = 0; k < diagnostics::kKindCount; ++k)
    known.insert(std::string(diagnostics::info(static_cast<Kind>(k)).name));
  EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace am
