// Declarations in any order are the same program with the same mistakes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "compiler/driver/compile.h"

namespace am {
namespace {

namespace fs = std::filesystem;

/// Of two declarations of one name the later one is in error: here the order is what is wrong.
constexpr std::string_view kAboutOrder[] = {"fail_duplicate_name", "fail_overrides"};
constexpr int kShuffles = 8;

std::string contents(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

std::unique_ptr<Script> compiled(const std::string& text) {
  return compile("x.am", text, {.data_folder = AM_SOURCE_DIR "/examples"});
}

/// Every report with the text of its line, since places move.
std::multiset<std::string> reports(const Script& script) {
  std::multiset<std::string> out;
  for (const auto& d : script.sink.sorted()) {
    const std::string_view line = d.span.known() ? script.sources.locate(d.span).line_text : "";
    out.insert(fmt::format("{}: {} | {}", diagnostics::info(d.kind).name, d.message, line));
  }
  return out;
}

/// The training step of each model, printed, by name.
std::map<std::string, std::string> steps(const Script& script) {
  std::map<std::string, std::string> out;
  std::string error;
  for (const auto& m : script.elaborated.models) out[m.name] = emit(script, "gradient", m.name, {}, error);
  return out;
}

/// The declarations as texts. Each keeps the lines it stands on.
std::vector<std::string> declarations(const Script& script) {
  std::vector<std::string> out;
  for (size_t i = script.own; i < script.program.declarations.size(); ++i)
    out.emplace_back(script.sources.text(script.program.declarations[i].span));
  return out;
}

class AnyOrder : public testing::TestWithParam<std::string> {};

TEST_P(AnyOrder, IsTheSame) {
  std::string script;
  const auto first = compiled(contents(AM_SOURCE_DIR "/" + GetParam()));
  std::vector<std::string> parts = declarations(*first);
  if (parts.size() < 2) return;  // there is one order only
  for (const std::string& part : parts) script += part + "\n";
  const auto plain = compiled(script);
  std::mt19937 random(7);
  for (int turn = 0; turn < kShuffles; ++turn) {
    std::shuffle(parts.begin(), parts.end(), random);
    std::string shuffled;
    for (const std::string& part : parts) shuffled += part + "\n";
    const auto other = compiled(shuffled);
    EXPECT_EQ(reports(*plain), reports(*other)) << shuffled;
    EXPECT_EQ(steps(*plain), steps(*other)) << shuffled;
  }
}

std::vector<std::string> scripts() {
  std::vector<std::string> out;
  for (const std::string folder :
       {"examples", "tests/golden/check", "tests/golden/graph", "tests/golden/differentiate"})
    for (const auto& entry : fs::directory_iterator(AM_SOURCE_DIR "/" + folder)) {
      const std::string name = entry.path().stem().string();
      if (entry.path().extension() != ".am" || std::count(std::begin(kAboutOrder), std::end(kAboutOrder), name))
        continue;
      if (contents(entry.path()).find("TooMuchWork") != std::string::npos) continue;  // slow, and says nothing more
      out.push_back(folder + "/" + name + ".am");
    }
  std::sort(out.begin(), out.end());
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, AnyOrder, testing::ValuesIn(scripts()), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

}  // namespace
}  // namespace am
