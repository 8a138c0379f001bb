// The standard library is documented and tested entry by entry.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <set>
#include <sstream>

#include "compiler/driver/stdlib.h"
#include "compiler/parse/parse.h"
#include "tests/golden/checks.h"

namespace am::golden {
namespace {

namespace fs = std::filesystem;
using ast::Declaration;
using ast::DeclarationKind;

/// All of the library; compiling a script reads only what it needs of it.
const ast::Program& library() {
  static const ast::Program program = [] {
    source::Sources sources;
    diagnostics::Sink sink;
    ast::Program out;
    for (const LibraryFile& file : standard_library())
      parse::parse(sources, sources.add(std::string(file.name), std::string(file.text)), out, sink);
    EXPECT_FALSE(sink.has_errors());
    return out;
  }();
  return program;
}

/// A net and a path may share a name, so the word for the kind goes with it.
std::string entry(const Declaration& d) { return fmt::format("{} {}", ast::keyword(d.kind), d.name); }

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// What the goldens of the library use.
struct Use {
  std::set<std::string> words;    // names in scripts and in expectations
  std::set<std::string> paths;    // what stands behind `path q =`
  std::set<std::string> checked;  // names in scripts of which every model's gradient is checked
};

void collect_words(const std::string& text, std::set<std::string>& out) {
  std::string word;
  for (char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
    } else {
      out.insert(word);
      word.clear();
    }
  }
}

Use used() {
  Use out;
  for (const auto& file : fs::directory_iterator(AM_SOURCE_DIR "/tests/golden/stdlib")) {
    if (file.path().extension() != ".am") continue;
    const Golden golden = read(file.path().string(), fmt::format("stdlib/{}", file.path().stem().string()));
    std::set<std::string> words;
    int models = 0, gradients = 0;
    for (const Line& line : golden.lines) {
      const bool evaluated = line.text.starts_with("#~ value: ") || line.text.starts_with("#~ at ");
      if (line.text.starts_with("#") && !evaluated) {
        gradients += line.text.starts_with("#~ gradcheck ");
        continue;
      }
      models += line.text.starts_with("train ");
      collect_words(line.text.substr(0, line.text.find(" # ")), words);
      if (!line.text.starts_with("path ")) continue;
      const size_t equals = line.text.find(" = "), bracket = line.text.find('(', equals);
      if (equals != std::string::npos && bracket != std::string::npos)
        out.paths.insert(trimmed(line.text.substr(equals + 3, bracket - equals - 3)));
    }
    out.words.insert(words.begin(), words.end());
    EXPECT_TRUE(gradients == 0 || gradients == models)
        << golden.path << ": " << gradients << " of " << models << " models are gradchecked";
    if (gradients > 0) out.checked.insert(words.begin(), words.end());
  }
  return out;
}

std::vector<const Declaration*> entries() {
  std::vector<const Declaration*> out;
  for (const Declaration& d : library().declarations) out.push_back(&d);
  return out;
}

/// `##` comments are made into docs/stdlib.md: a sentence, then formulas and remarks, then where it comes from.
TEST(Library, EveryEntrySaysWhatItIsAndItsSource) {
  ASSERT_FALSE(entries().empty());
  for (const Declaration* d : entries()) {
    SCOPED_TRACE(entry(*d));
    const std::vector<std::string> doc = lines(d->doc);
    ASSERT_GE(doc.size(), 2u) << "a sentence and a line `Source: …` are needed";
    EXPECT_TRUE(doc[0].ends_with(".")) << "the first line is one sentence: " << doc[0];
    size_t source = 0;
    for (size_t i = 0; i < doc.size(); ++i)
      if (doc[i].starts_with("Source: ")) source = source ? doc.size() : i;
    EXPECT_TRUE(source > 0 && source < doc.size()) << "one line `Source: …`, behind what it is, is needed";
    EXPECT_TRUE(source + 2 >= doc.size()) << "the source stands last, on one line or two";
    EXPECT_TRUE(doc.back().ends_with(".")) << doc.back();
    for (const std::string& line : doc) EXPECT_EQ(line, trimmed(line));
  }
}

TEST(Library, EveryEntryHasAGolden) {
  const Use use = used();
  for (const Declaration* d : entries()) {
    const auto& where = d->kind == DeclarationKind::Path ? use.paths : use.words;
    EXPECT_TRUE(where.count(d->name)) << "no golden in tests/golden/stdlib uses the " << entry(*d);
  }
}

TEST(Library, EveryNetAndDynamicsIsGradchecked) {
  const Use use = used();
  for (const Declaration* d : entries()) {
    if (d->kind != DeclarationKind::Net && d->kind != DeclarationKind::Dynamics) continue;
    EXPECT_TRUE(use.checked.count(d->name)) << "no gradient is checked through the " << entry(*d);
  }
}

}  // namespace
}  // namespace am::golden
