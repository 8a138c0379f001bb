// What holds for every script: the tree stays, comments stay, a second time changes nothing, and the spellings lead
// back to each other. Over all scripts there are, and over generated ones strewn with blanks, line ends and comments.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "compiler/format/format.h"
#include "compiler/parse/lexemes.h"
#include "tests/parse/forest.h"
#include "tests/parse/support.h"

namespace am::format {
namespace {

using parse::testing::Parsed;

std::string formatted(const std::string& text, Spelling spelling) {
  source::Sources sources;
  diagnostics::Sink sink;
  const auto out = format(sources, sources.add("x.am", text), spelling, sink);
  return out ? *out : "has errors";
}

/// Every comment, without what is blank at its end.
std::vector<std::string> comments(const std::string& text) {
  std::vector<std::string> out;
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (text[at] == '#' && !quoted) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string comment = text.substr(at, end - at);
      while (std::isspace(static_cast<unsigned char>(comment.back()))) comment.pop_back();
      out.push_back(comment);
      at = end - 1;
    }
  }
  return out;
}

/// What stands between two neighbouring declarations or statements.
struct Gap {
  bool empty_line = false, comment = false;
};
std::vector<Gap> gaps(const Parsed& parsed) {
  std::vector<Gap> out;
  const std::string_view text = parsed.sources.text(parsed.file);
  const auto note = [&](const auto& items) {
    for (size_t i = 1; i < items.size(); ++i) {
      const std::string_view gap = text.substr(items[i - 1].span.end, items[i].span.begin - items[i - 1].span.end);
      int newlines = 0, most = 0;
      for (const char c : gap) {
        newlines = c == '\n' ? newlines + 1 : std::isspace(static_cast<unsigned char>(c)) || c == ';' ? newlines : 0;
        most = std::max(most, newlines);
      }
      out.push_back({most > 1, gap.find('#') != std::string_view::npos});
    }
  };
  note(parsed.program.declarations);
  for (const ast::Block& block : parsed.program.blocks) note(block.statements);
  return out;
}

void expect_properties(const std::string& text, const std::string& what) {
  const Parsed parsed = parse::testing::parse_program(text);
  ASSERT_EQ(parsed.complaints(), "") << what;
  const auto said = comments(text);
  const auto apart = gaps(parsed);
  std::map<Spelling, std::string> out;
  for (const Spelling spelling : {Spelling::AsWritten, Spelling::Unicode, Spelling::Ascii}) {
    const std::string result = out[spelling] = formatted(text, spelling);
    const std::string about = what + "\n" + text + "\nbecomes\n" + result;
    ASSERT_EQ(formatted(result, spelling), result) << about;
    const Parsed again = parse::testing::parse_program(result);
    ASSERT_EQ(again.complaints(), "") << about;
    ASSERT_TRUE(ast::same(parsed.program, again.program)) << about;
    ASSERT_EQ(comments(result), said) << about;
    const auto after = gaps(again);
    ASSERT_EQ(after.size(), apart.size()) << about;
    for (size_t i = 0; i < apart.size(); ++i) {
      // Comments that had to move may bring a line of their own with them.
      const bool free = apart[i].comment || after[i].comment;
      ASSERT_TRUE(after[i].empty_line == apart[i].empty_line || (free && after[i].empty_line)) << i << " " << about;
    }
    ASSERT_EQ(result.find("\n\n\n"), std::string::npos) << about;
    ASSERT_EQ(result.find(" \n"), std::string::npos) << about;
    ASSERT_TRUE(result.empty() || (result.ends_with("\n") && !result.ends_with("\n\n"))) << about;
  }
  ASSERT_EQ(formatted(out[Spelling::Unicode], Spelling::Ascii), out[Spelling::Ascii]) << what << "\n" << text;
  ASSERT_EQ(formatted(out[Spelling::Ascii], Spelling::Unicode), out[Spelling::Unicode]) << what << "\n" << text;
  // What an author wrote in one spelling stays in it.
  for (const Spelling spelling : {Spelling::Unicode, Spelling::Ascii})
    ASSERT_EQ(formatted(out[spelling], Spelling::AsWritten), out[spelling]) << what << "\n" << text;
}

TEST(FormatProperties, EveryScriptThereIs) {
  const auto files = parse::testing::scripts({"examples", "stdlib", "bench", "scripts", "tests", "../shared/scripts"});
  ASSERT_GT(files.size(), 100u);
  for (const auto& path : files) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    expect_properties(text.str(), path.string());
  }
}

/// Those among the scripts with errors whose errors come after parsing.
TEST(FormatProperties, ScriptsThatFailAfterParsing) {
  int seen = 0;
  const std::filesystem::path root = AM_SOURCE_DIR;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "tests/golden")) {
    if (entry.path().extension() != ".am" || !entry.path().filename().string().starts_with("fail_")) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    if (!parse::testing::parse_program(text.str()).complaints().empty()) {
      EXPECT_EQ(formatted(text.str(), Spelling::AsWritten), "has errors");
      continue;
    }
    ++seen;
    expect_properties(text.str(), entry.path().string());
  }
  EXPECT_GT(seen, 30);
}

TEST(FormatProperties, OtherLineEndsTabsAndMarksChangeNothing) {
  for (const auto& path : parse::testing::scripts({"examples", "stdlib"})) {
    std::stringstream stream;
    stream << std::ifstream(path).rdbuf();
    const std::string text = stream.str(), expected = formatted(text, Spelling::AsWritten);
    std::string windows = "\xEF\xBB\xBF", tabs;
    for (size_t i = 0; i < text.size(); ++i) {
      windows += text[i] == '\n' ? "\r\n" : std::string(1, text[i]);
      const bool indents = text[i] == ' ' && (i == 0 || text[i - 1] == '\n' || text[i - 1] == ' ');
      const size_t line = text.rfind('\n', i) + 1;
      tabs += indents && text.find_first_not_of(' ', line) > i ? '\t' : text[i];
    }
    EXPECT_EQ(formatted(windows, Spelling::AsWritten), expected) << path;
    EXPECT_EQ(formatted(tabs, Spelling::AsWritten), expected) << path;
    EXPECT_EQ(formatted(text.substr(0, text.size() - 1), Spelling::AsWritten), expected) << path;
  }
}

TEST(FormatProperties, DeepNesting) {
  for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{
           {"(", ")"}, {"[", "]"}, {"f(x, ", ")"}, {"∇(", ")"}, {"−", ""}, {"E[x ~ q] (", " + 1)"}}) {
    std::string text = "x";
    for (int i = 0; i < 200; ++i) text = open + text + close;
    expect_properties("const c = " + text, open);
  }
}

/// Strews blanks, line ends, empty lines and comments between the lexemes of a script, as far as they leave its tree.
class Strewer {
 public:
  explicit Strewer(unsigned seed) : random_(seed) {}

  std::string strew(std::string text) {
    const Parsed original = parse::testing::parse_program(text);
    for (int tries = 0; tries < 25; ++tries) {
      source::Sources sources;
      const auto file = sources.add("x.am", text);
      const auto lexemes = parse::lexemes(sources, file);
      const uint32_t at = lexemes[random_() % lexemes.size()].begin;
      // Behind a comment on the same line nothing would be code any more.
      std::string changed = text;
      changed.insert(at, litter());
      const Parsed parsed = parse::testing::parse_program(changed);
      if (parsed.complaints().empty() && ast::same(original.program, parsed.program)) text = changed;
    }
    return text;
  }

 private:
  std::string litter() {
    const std::string number = std::to_string(++count_);
    switch (random_() % 8) {
      case 0: return " ";
      case 1: return "\t  ";
      case 2: return "\n";
      case 3: return "\n\n\n";
      case 4: return " # c" + number + "\n";
      case 5: return "\n  # own" + number + " \"\n";
      case 6: return "\n\n## doc" + number + "\n\n";
      default: return " #a" + number + "\n#b\n\n\t## c ½·x grad\n";
    }
  }
  std::mt19937 random_;
  int count_ = 0;
};

/// Declarations of every kind; `@` stands for an expression.
const char* const kDeclarations[] = {
    "data cells = csv(\"a # no comment.csv\", x = @)\ndata b = csv(\"b\", x = 1)\n",
    "path q(t) over 0..@ { z ~ normal(2); long = @; z + @ }\n",
    "path p(d)(t) over d.start..d.end {\n  x ~ d(t)\n  x\n}\n",
    "net n(out = @) {\n  apply(x) {\n    param W: R[out, dim(x)] = @\n    param b: R = 1\n    W·x + b\n  }\n}\n",
    "dynamics a(s, q) {\n  minimize E[x ~ q(0)] ( s + @ ) − ∫[t = 0..1] E[x ~ q(t)] ( @ + @ )\n  drift(x, t) = ∇s(x, "
    "t)\n"
    "  noise(t) = @\n  growth(x, t) { a = @; a }\n}\n",
    "optimizer o(lr = 1) {\n  state m = 0\n  state velocity = @\n  update(p, g) { if lr > 1 { p } else if @ { g } else "
    "{ m } }\n}\n",
    "train m = am(s, q) { steps = 5_000; data = @ }\ntrain other = uam(s, q) { steps = 1 }\n",
    "sample p from m {\n  start = @\n  times = 0..1 by 0.1\n}\nevaluate m { metrics = [w2, @] }\n",
    "potential s(x, t) = ½·|x − mlp(width = 3)([x, t])|²·@\n",
    "fn g(x) {\n  fn h(y) = map(fn(z) { a = @; a }, y)\n  repeat 3 { x = h(x) }\n  x\n}\n",
};

TEST(FormatProperties, GeneratedScripts) {
  parse::testing::Forest forest(5);
  Strewer strewer(7);
  std::mt19937 random(3);
  for (int i = 0; i < 400 && !HasFatalFailure(); ++i) {
    const ast::Program tree = forest.tree();
    const ast::Spelling spelling = i % 2 == 0 ? ast::Spelling::Unicode : ast::Spelling::Ascii;
    std::string text = ast::print(tree, spelling);
    std::string more = kDeclarations[random() % std::size(kDeclarations)];
    for (size_t at = more.find('@'); at != std::string::npos; at = more.find('@', at)) {
      const ast::Program other = forest.tree();
      const std::string inner = "(" + ast::print(other, other.declarations[0].value, spelling) + ")";
      more.replace(at, 1, inner);
      at += inner.size();
    }
    text += more;
    ASSERT_EQ(parse::testing::parse_program(text).complaints(), "") << text;
    expect_properties(strewer.strew(text), "generated script " + std::to_string(i));
  }
}

}  // namespace
}  // namespace am::format
