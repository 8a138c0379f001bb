// Pages of docs/ whose commands are run: what a page shows is what `amc` prints.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
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

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

/// A line without what differs from machine to machine, seconds, threads and tiles, taken apart into its numbers and
/// the rest.
struct Line {
  explicit Line(const std::string& line) {
    static const std::regex seconds(R"((\d+ min )?[\d.,]+ (s\b|steps/s))"),
        machine(R"(\d+ threads?|tile \d+, [\d.]+ [KM]iB)"), number(R"(-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?)");
    const std::string text = std::regex_replace(std::regex_replace(line, seconds, "SECONDS"), machine, "MACHINE");
    form = std::regex_replace(text, number, "#");
    // Columns are as wide as their numbers are long.
    form = std::regex_replace(form, std::regex(" +#"), " #");
    for (std::sregex_iterator i(text.begin(), text.end(), number), end; i != end; ++i) numbers.push_back(i->str());
  }

  std::string form;
  std::vector<std::string> numbers;
};

/// Whole numbers are equal. Others are close: the last digits of training depend on the CPU.
bool same(const std::string& shown, const std::string& printed) {
  const Line a(shown), b(printed);
  if (a.form != b.form || a.numbers.size() != b.numbers.size()) return false;
  for (size_t i = 0; i < a.numbers.size(); ++i) {
    if (a.numbers[i] == b.numbers[i]) continue;
    if (a.numbers[i].find('.') == std::string::npos) return false;
    const double x = std::stod(a.numbers[i]), y = std::stod(b.numbers[i]);
    if (std::abs(x - y) > 0.002 + 0.01 * std::abs(x)) return false;
  }
  return true;
}

/// What a page should show for a command that printed this: lines that are the same as they are shown, others as
/// printed. A line `…` on the page stands for any lines.
std::vector<std::string> reconciled(const std::vector<std::string>& shown, const std::vector<std::string>& printed) {
  std::vector<std::string> out;
  size_t at = 0;
  bool gap = false;
  for (const std::string& line : shown) {
    if (line == "…") {
      gap = true;
      out.push_back(line);
      continue;
    }
    // Behind a gap the line itself is looked for, and if there is none, one that differs in its numbers.
    size_t found = at;
    while (gap && found < printed.size() && !same(line, printed[found])) ++found;
    if (gap && found == printed.size())
      for (found = at; found < printed.size() && Line(printed[found]).form != Line(line).form;) ++found;
    gap = false;
    if (found >= printed.size()) {
      out.push_back("NOT PRINTED: " + line);
      continue;
    }
    out.push_back(same(line, printed[found]) ? line : printed[found]);
    at = found + 1;
  }
  if (!gap)
    out.insert(out.end(), printed.begin() + static_cast<std::ptrdiff_t>(std::min(at, printed.size())), printed.end());
  return out;
}

/// A block that begins with `# NAME.EXTENSION` is that file, and one that begins with `# NAME.EXTENSION, further` its
/// next part. In a block of `console`, `$ …` is a command for a shell, and what follows, up to the next one, what it
/// prints.
class Shown : public Amc {
 protected:
  /// The repository as its reader sees it from its root.
  Shown() {
    std::filesystem::create_directory(path("scripts"));
    std::filesystem::create_symlink(AMC_PROGRAM, path("scripts/amc"));
    std::filesystem::create_symlink(std::filesystem::path(AM_SOURCE_DIR) / "examples", path("examples"));
  }

  std::vector<std::string> run(const std::string& command) const {
    const std::string shell =
        fmt::format("export LC_ALL=C PATH='{}':$PATH; cd '{}' && {{ {}\n}} 2> messages",
                    std::filesystem::path(AMC_PROGRAM).parent_path().string(), folder().string(), command);
    FILE* pipe = ::popen(shell.c_str(), "r");
    std::string out;
    char buffer[4096];
    for (size_t n; pipe && (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
    const int code = pipe ? ::pclose(pipe) : -1;
    const std::string messages = read("messages");
    EXPECT_EQ(code != 0, messages.find(" error: ") != std::string::npos) << command << "\n" << messages;
    if (code != 0) out += messages;
    std::vector<std::string> lines = lines_of(out);
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }

  void write_file(const std::vector<std::string>& body) const {
    static const std::regex first(R"(# (\S+\.\w+)(, further|:.*)?)");
    std::smatch m;
    if (body.empty() || !std::regex_match(body[0], m, first)) return;
    write(m[1], (m[2] == ", further" ? read(m[1]) : std::string()) + joined(body));
  }

  /// The lines of a block of `console` as they should be.
  std::vector<std::string> answered(const std::vector<std::string>& body) {
    std::vector<std::string> out;
    for (size_t k = 0; k < body.size();) {
      const std::string command = body[k++];
      if (!command.starts_with("$ ")) {
        ADD_FAILURE() << "no command prints this: " << command;
        continue;
      }
      std::vector<std::string> shown;
      while (k < body.size() && !body[k].starts_with("$ ")) shown.push_back(body[k++]);
      while (!shown.empty() && shown.back().empty()) shown.pop_back();
      if (!out.empty()) out.push_back("");
      out.push_back(command);
      for (const std::string& line : reconciled(shown, run(command.substr(2)))) out.push_back(line);
      ++commands_;
    }
    return out;
  }

  /// `<!-- figure FILE OF_DOCS -->`: a file of docs/ that a run wrote.
  void compare_figure(const std::string& mark) const {
    static const std::regex form(R"(<!-- figure (\S+) (\S+) -->)");
    std::smatch m;
    ASSERT_TRUE(std::regex_match(mark, m, form)) << mark;
    const std::string drawn = read(m[1]), name = std::string(AM_SOURCE_DIR) + "/docs/" + m[2].str();
    if (std::getenv("AM_UPDATE_GOLDENS")) std::ofstream(name) << drawn;
    const std::vector<std::string> a = lines_of(contents(name)), b = lines_of(drawn);
    ASSERT_EQ(a.size(), b.size()) << mark;
    EXPECT_FALSE(a.empty()) << mark;
    for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same(a[i], b[i])) << name << ":" << i + 1 << "\n" << b[i];
  }

  /// The page with the outputs of its commands as they are.
  std::string as_it_should_be(const std::string& page) {
    std::vector<std::string> out;
    const std::vector<std::string> lines = lines_of(page);
    for (size_t i = 0; i < lines.size(); ++i) {
      out.push_back(lines[i]);
      if (lines[i].starts_with("<!-- figure")) compare_figure(lines[i]);
      if (!lines[i].starts_with("```")) continue;
      std::vector<std::string> body;
      while (++i < lines.size() && lines[i] != "```") body.push_back(lines[i]);
      if (out.back() == "```console") body = answered(body);
      write_file(body);
      out.insert(out.end(), body.begin(), body.end());
      out.push_back("```");
    }
    return joined(out);
  }

  int commands_ = 0;
};

class Pages : public Shown, public ::testing::WithParamInterface<const char*> {};

TEST_P(Pages, ShowWhatTheirCommandsPrint) {
  const std::filesystem::path file = std::filesystem::path(AM_SOURCE_DIR) / "docs" / GetParam();
  const std::string page = contents(file), wanted = as_it_should_be(page);
  EXPECT_GT(commands_, 0);
  if (std::getenv("AM_UPDATE_GOLDENS"))
    std::ofstream(file) << wanted;
  else
    EXPECT_EQ(page, wanted) << "AM_UPDATE_GOLDENS=1 rewrites the page";
}

INSTANTIATE_TEST_SUITE_P(Docs, Pages, ::testing::Values("how_it_differentiates.md", "tour.md"));

/// Pages that are wrong on purpose.
TEST(ShownLines, SeeWhatIsNotPrinted) {
  const std::vector<std::string> printed{"a 1", "w2    0.2099", "b: trained in 2 s (599 steps/s), 2 threads", "end"};
  const auto fine = [&](const std::vector<std::string>& shown) { return reconciled(shown, printed) == shown; };
  EXPECT_TRUE(fine(printed));
  EXPECT_TRUE(fine({"a 1", "…"}));
  EXPECT_TRUE(fine({"…", "w2    0.2101", "b: trained in 1 min 03 s (9 steps/s), 1 thread", "…"}));
  EXPECT_TRUE(fine({"…", "end"}));
  EXPECT_EQ(reconciled({"…", "1  -0.5", "…"}, {"1   0.25", "2  0.5"}),
            std::vector<std::string>({"…", "1   0.25", "…"}));
  EXPECT_FALSE(fine({"a 1"}));
  EXPECT_FALSE(fine({"a 2", "…"}));
  EXPECT_FALSE(fine({"…", "w2    0.2199", "…"}));
  EXPECT_FALSE(fine({"…", "a 1"}));
  EXPECT_FALSE(fine({"…", "end", "a 1"}));
  EXPECT_FALSE(fine({"…", "c", "…"}));
}

}  // namespace
}  // namespace am::testing
