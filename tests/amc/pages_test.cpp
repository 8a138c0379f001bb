// Pages of docs/ whose commands are run: what a page shows is what `amc` prints.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/amc/process.h"

namespace am::testing {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// The words of a command; what stands in quotes is one word.
std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> out;
  std::string word;
  bool quoted = false, any = false;
  for (char c : command + " ") {
    if (c == '"')
      quoted = !quoted, any = true;
    else if (c != ' ' || quoted)
      word += c, any = true;
    else if (any)
      out.push_back(word), word.clear(), any = false;
  }
  return out;
}

/// A block of `am` that begins with `# NAME.am` is that file. In a block of `console`, `$ amc …` is a command, and what
/// follows, up to the next one, its output.
class Pages : public Amc, public ::testing::WithParamInterface<const char*> {
 protected:
  std::string run(const std::string& command) const {
    std::vector<std::string> words = words_of(command);
    words.erase(words.begin());
    const Ended e = amc(words);
    EXPECT_EQ(e.code, 0) << command << "\n" << e.err;
    std::string out = e.out;
    while (out.ends_with('\n')) out.pop_back();
    return out + "\n";
  }

  /// The page with the outputs of its commands as they are.
  std::string as_it_should_be(const std::string& page) {
    std::string out;
    const std::vector<std::string> lines = lines_of(page);
    for (size_t i = 0; i < lines.size(); ++i) {
      out += lines[i] + "\n";
      const bool script = lines[i] == "```am", console = lines[i] == "```console";
      if (!script && !console) continue;
      std::string body;
      size_t end = i + 1;
      while (end < lines.size() && lines[end] != "```") body += lines[end++] + "\n";
      if (script && body.starts_with("# ")) write(body.substr(2, body.find('\n') - 2), body);
      if (script) out += body;
      for (size_t k = i + 1; console && k < end; ++k)
        if (lines[k].starts_with("$ amc ")) {
          if (k > i + 1) out += "\n";
          out += lines[k] + "\n" + run(lines[k].substr(2));
          ++commands_;
        }
      i = end - 1;
    }
    return out;
  }

  int commands_ = 0;
};

TEST_P(Pages, ShowWhatTheirCommandsPrint) {
  const std::filesystem::path file = std::filesystem::path(AM_SOURCE_DIR) / "docs" / GetParam();
  const std::string page = contents(file), wanted = as_it_should_be(page);
  EXPECT_GT(commands_, 0);
  if (std::getenv("AM_UPDATE_GOLDENS"))
    std::ofstream(file) << wanted;
  else
    EXPECT_EQ(page, wanted) << "AM_UPDATE_GOLDENS=1 rewrites the page";
}

INSTANTIATE_TEST_SUITE_P(Docs, Pages, ::testing::Values("how_it_differentiates.md"));

}  // namespace
}  // namespace am::testing
