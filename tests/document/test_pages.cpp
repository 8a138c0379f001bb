// The examples of the pages of docs/; README.md says how they are written.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include "compiler/parse/parse.h"
#include "tests/data/anndata_files.h"
#include "tests/data/archives.h"
#include "tests/golden/checks.h"

namespace am::document {
namespace {

namespace fs = std::filesystem;

struct Example {
  std::string info;  // what stands behind the fence
  std::string text;
  std::string extra;  // of the comment behind the block
  int line = 0;       // of the page, where the text begins
  int section = 0;    // number of the heading above
};

struct Page {
  std::string name;
  std::vector<Example> examples;
  std::vector<std::string> complaints;
};

Page read_page(const std::string& name) {
  Page page{.name = name};
  std::ifstream in(fmt::format("{}/docs/{}", AM_SOURCE_DIR, name));
  EXPECT_TRUE(in) << name;
  int number = 0, section = 0;
  // Where a comment `<!-- test` would belong to: the block just ended, with nothing but empty lines since.
  Example* before = nullptr;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with("#")) ++section;
    if (line.starts_with("```")) {
      Example e{.info = golden::trimmed(line.substr(3)), .line = number + 1, .section = section};
      bool closed = false;
      while (!closed && std::getline(in, line)) {
        ++number;
        closed = line.starts_with("```");
        if (!closed) e.text += fmt::format("{}\n", line);
      }
      if (!closed) page.complaints.push_back(fmt::format("line {}: the block has no end", e.line));
      page.examples.push_back(std::move(e));
      before = &page.examples.back();
    } else if (line.starts_with("<!-- test")) {
      if (!before) page.complaints.push_back(fmt::format("line {}: no block stands before this comment", number));
      std::string extra = fmt::format("{}\n", line.substr(std::string("<!-- test").size()));
      while (extra.find("-->") == std::string::npos && std::getline(in, line)) {
        ++number;
        extra += fmt::format("{}\n", line);
      }
      if (before) before->extra = fmt::format("{}\n", extra.substr(0, extra.find("-->")));
      before = nullptr;
    } else if (!line.empty()) {
      before = nullptr;
    }
  }
  return page;
}

/// Cells with three components, which are also their genes, and times as numbers and as categories.
void write_cells(const std::string& path, const std::vector<double>& x, const std::vector<double>& day) {
  using namespace data::testing;
  const H5 file(make_file(path)), obsm(make_group(file, "obsm"));
  const H5 obs(make_table(file, "obs", Texts(day.size(), "cell"))),
      var(make_table(file, "var", {"gene1", "gene2", "gene3"}));
  H5(put(obs, "day", day, {day.size()}));
  put_category(obs, "stage", day, {"E6.5", "E7.0", "E7.5", "E8.0"});
  H5(put(obsm, "X_pca", x, {day.size(), 3}));
  H5(put(file, "X", x, {day.size(), 3}));
}

/// The files that examples read, in a folder of its own.
std::string data_folder() {
  static const std::string folder = [] {
    const std::string path = fmt::format("{}/am_pages_{}", fs::temp_directory_path().string(), ::getpid());
    fs::create_directories(path);
    std::mt19937 random(1);
    std::normal_distribution<double> normal;
    std::vector<double> x, day;
    for (const char* name : {"held", "cells"}) {
      std::ofstream csv(fmt::format("{}/{}.csv", path, name));
      csv << "day,gene1,gene2,gene3\n";
      x.clear(), day.clear();
      for (int t = 0; t < 4; ++t)
        for (int i = 0; i < 20; ++i) {
          double row[3];
          for (double& v : row) x.push_back(v = normal(random) + t);
          csv << fmt::format("{},{},{},{}\n", t, row[0], row[1], row[2]);
          day.push_back(t);
        }
    }
    const auto write = [&](const std::string& name, const std::string& bytes) {
      std::ofstream(fmt::format("{}/{}", path, name), std::ios::binary) << bytes;
    };
    write("weighed.csv", "day,w,gene1,gene2,gene3\n0,1,0,1,2\n0,2,1,1,0\n1,1,2,1,1\n1,3,3,0,2\n");
    const std::string points = data::testing::npy_of(x, "(80, 3)");
    write("points.npy", points);
    write("cells.npz", data::testing::zip({{"pca.npy", points}, {"day.npy", data::testing::npy_of(day, "(80,)")}}));
    write_cells(path + "/cells.h5ad", x, day);
    // Four images of two by two pixels, two of them labelled 3.
    write("images-ubyte", std::string("\0\0\10\3\0\0\0\4\0\0\0\2\0\0\0\2\1\2\3\4\5\6\7\10\4\3\2\1\10\7\6\5", 32));
    write("labels-ubyte", std::string("\0\0\10\1\0\0\0\4\3\0\3\0", 12));
    return path;
  }();
  return folder;
}

ast::Program parsed(const std::string& text) {
  source::Sources sources;
  diagnostics::Sink sink;
  ast::Program program;
  parse::parse(sources, sources.add("example", text), program, sink);
  return program;
}

/// What a page's first block declares for the others: data, path, learned function, and a model if there is none.
std::string lacking(const std::string& text, const ast::Program& first) {
  using Kind = ast::DeclarationKind;
  const ast::Program own = parsed(text);
  std::set<std::string> declared;
  bool trains = false;
  for (const ast::Declaration& d : own.declarations) {
    declared.insert(d.name);
    trains = trains || d.kind == Kind::Train;
  }
  std::string out;
  for (const ast::Declaration& d : first.declarations) {
    const bool offered = d.kind == Kind::Data || d.kind == Kind::Path || d.kind == Kind::Potential;
    if (offered && !declared.count(d.name)) out += fmt::format("{}\n", ast::print(first, d));
  }
  return trains ? out : fmt::format("{}train flow = am(s, q) {{ steps = 1 }}\n", out);
}

/// `e  # = 3` in its parts.
struct Line {
  std::string code, value;
  bool rounded = false;
};

Line read_line(const std::string& line) {
  for (const bool rounded : {false, true}) {
    const std::string mark = rounded ? "# ≈ " : "# = ";
    if (const size_t at = line.find(mark); at != std::string::npos)
      return {golden::trimmed(line.substr(0, at)), golden::trimmed(line.substr(at + mark.size())), rounded};
  }
  return {line, ""};
}

/// Half a unit in the last place that is written.
double half_unit(const std::string& value) {
  size_t places = 0;
  for (size_t at = value.find('.'); at != std::string::npos; at = value.find('.', at + 1)) {
    size_t end = at + 1;
    while (end < value.size() && std::isdigit(static_cast<unsigned char>(value[end]))) ++end;
    places = std::max(places, end - at - 1);
  }
  return 0.5 * std::pow(10.0, -static_cast<double>(places));
}

/// The block as a learned function whose value is the list of the stated expressions.
golden::Values values_of(const Example& example, std::vector<std::string>& complaints) {
  golden::Values out;
  std::string statements, list;
  std::istringstream in(example.text);
  int number = example.line;
  for (std::string text; std::getline(in, text); ++number) {
    const Line line = read_line(text);
    if (line.value.empty()) {
      statements += fmt::format("{}\n", line.code);
      continue;
    }
    std::smatch binding;
    std::string expression = line.code;
    if (std::regex_match(line.code, binding, std::regex(R"(([^\s\[]+)\s+=\s.*)"))) {
      statements += fmt::format("{}\n", line.code);
      expression = binding[1];
    }
    list += fmt::format("{}\n    ({})", list.empty() ? "" : ",", expression);
    golden::Values::Item item{.line = number - 1, .expression = expression, .point = {}};
    item.expected = golden::numbers(line.value);
    if (line.rounded) item.tolerance = half_unit(line.value);
    if (item.expected.empty()) complaints.push_back(fmt::format("line {}: `{}` is no value", number, line.value));
    out.items.push_back(std::move(item));
  }
  if (out.items.empty()) complaints.push_back(fmt::format("line {}: the block states no value", example.line));
  out.addition = fmt::format(
      "path golden_path1(t) over 0..1 {{ z ~ normal(1); z }}\n"
      "velocity golden_value1(x, t) {{\n  param golden_zero: R = 0\n{}  golden_zero + [{}]\n}}\n"
      "dynamics golden_dynamics1(v, q) {{ minimize E[x ~ q(0)] sum(v(x, 0)); drift(x, t) = x }}\n"
      "train golden_model1 = golden_dynamics1(golden_value1, golden_path1) {{ steps = 1; precision = f64 }}\n",
      statements, list);
  return out;
}

std::string rendered(const diagnostics::Diagnostic& d, const Script& script) {
  return diagnostics::render(d, script.sources);
}

/// What a diff adds must stand in its file.
std::vector<std::string> judge_diff(const Example& example) {
  std::istringstream in(example.text);
  std::string line;
  const std::string mark = "--- ";
  if (!std::getline(in, line) || !line.starts_with(mark))
    return {fmt::format("line {}: a diff begins with `--- FILE`", example.line)};
  const std::string name = line.substr(mark.size());
  std::set<std::string> there;
  std::ifstream file(fmt::format("{}/{}", AM_SOURCE_DIR, name));
  for (std::string row; std::getline(file, row);) there.insert(row);
  std::vector<std::string> complaints;
  int added = 0;
  for (int number = example.line + 1; std::getline(in, line); ++number) {
    if (!line.starts_with("+")) continue;
    ++added;
    if (!there.count(line.substr(1))) complaints.push_back(fmt::format("line {}: `{}` lacks this line", number, name));
  }
  if (added == 0) complaints.push_back(fmt::format("line {}: the diff adds nothing", example.line));
  return complaints;
}

/// Blocks of commands, and of files for them that are no scripts, which tests/amc runs on the pages that it names.
bool run_as_commands(const Example& example, const std::string& page) {
  if (example.info != "console" && example.info != "awk") return false;
  std::ifstream in(fmt::format("{}/tests/amc/pages_test.cpp", AM_SOURCE_DIR));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return text.find(fmt::format("\"{}\"", page)) != std::string::npos;
}

/// What is wrong with an example; `before` is the block of declarations that it goes on from.
std::vector<std::string> judge(const Example& example, const Example* before, const ast::Program& first) {
  std::vector<std::string> complaints;
  std::set<std::string> expected;
  golden::Values values;
  std::istringstream words(example.info);
  std::string word;
  words >> word >> word;
  const bool value = word == "value", fail = word == "fail";
  // The text that is judged begins the script, so that its lines are those of the messages.
  std::string text = example.text + example.extra;
  if (value) {
    values = values_of(example, complaints);
    text = (before ? before->text + before->extra : std::string()) + values.addition;
  } else if (fail) {
    while (words >> word) expected.insert(word);
    if (expected.empty()) complaints.push_back(fmt::format("line {}: `am fail` names no kind", example.line));
  } else if (example.info == "diff") {
    return judge_diff(example);
  } else if (example.info != "am") {
    return {fmt::format("line {}: a block of `{}`, which no test reads", example.line, example.info)};
  }
  const size_t own = value ? (before ? before->text.size() : 0) : example.text.size();
  const auto script = compile("example", text + lacking(text, first), {.data_folder = data_folder()});
  std::set<std::string> found;
  for (const diagnostics::Diagnostic& d : script->sink.sorted()) {
    const bool harness = d.span.file == script->file && d.span.begin >= own;
    const bool error = diagnostics::info(d.kind).level == diagnostics::Level::Error;
    // Helpers may be unused, and a function that only has values trains nothing.
    if (harness && !error) continue;
    // What a value block goes on from is judged by itself too, and is used there or here.
    if (value && !error) continue;
    found.insert(std::string(diagnostics::info(d.kind).name));
    if (!fail) complaints.push_back(fmt::format("line {}: {}", example.line, rendered(d, *script)));
  }
  if (fail && found != expected)
    complaints.push_back(fmt::format("line {}: it raises [{}]", example.line, fmt::join(found, ", ")));
  if (!script->usable() || fail) return complaints;
  std::string error;
  const lower::Target target = jit::host_target("", error);
  for (const elaborate::Model& m : script->elaborated.models)
    if (plan_of(m, target).lanes < 1) complaints.push_back(fmt::format("line {}: no plan", example.line));
  if (value)
    for (const std::string& c : golden::check_values(values, *script)) complaints.push_back(c);
  return complaints;
}

class Pages : public testing::TestWithParam<const char*> {};

TEST_P(Pages, HoldWhatTheirExamplesSay) {
  const Page page = read_page(GetParam());
  for (const std::string& c : page.complaints) ADD_FAILURE() << page.name << ": " << c;
  ASSERT_FALSE(page.examples.empty());
  const auto script = std::ranges::find(page.examples, "am", &Example::info);
  const ast::Program first = parsed(script == page.examples.end() ? "" : script->text);
  std::map<std::string, int> count;
  const Example* before = nullptr;
  // A value block that follows is what uses a function: its text counts for that.
  for (size_t i = 0; i < page.examples.size(); ++i) {
    const Example& example = page.examples[i];
    if (run_as_commands(example, page.name)) continue;
    if (before && before->section != example.section) before = nullptr;
    Example whole = example;
    if (example.info == "am")
      for (size_t k = i + 1; k < page.examples.size() && page.examples[k].info == "am value" &&
                             page.examples[k].section == example.section;
           ++k) {
        std::vector<std::string> told_there;
        whole.extra += values_of(page.examples[k], told_there).addition;
        break;
      }
    for (const std::string& c : judge(whole, before, first)) ADD_FAILURE() << page.name << ": " << c;
    ++count[example.info.substr(0, example.info.find(' ', 3))];
    if (example.info == "am") before = &example;
  }
  for (const auto& [info, n] : count) fmt::print("  {}: {} blocks of `{}`\n", page.name, n, info);
}

INSTANTIATE_TEST_SUITE_P(Docs, Pages, testing::Values("language.md", "adding_an_op.md", "metrics.md", "tour.md"), [](const auto& info) {
  const std::string name = info.param;
  return name.substr(0, name.find('.'));
});

TEST(Pages, ReadValuesAsTheyAreWritten) {
  EXPECT_EQ(read_line("a·b   # = 11").value, "11");
  EXPECT_TRUE(read_line("tanh(1)   # ≈ 0.76").rounded);
  EXPECT_EQ(read_line("a = [1, 2]").value, "");
  EXPECT_DOUBLE_EQ(half_unit("[0.25, 3]"), 0.005);
  EXPECT_DOUBLE_EQ(half_unit("11"), 0.5);
}

/// Examples that are wrong on purpose.
TEST(Pages, FindWhatDoesNotHold) {
  const ast::Program first =
      parsed("path q(t) over 0..1 { z ~ normal(2); z + t }\npotential s(x, t) = mlp(8, 2)([x, t])\n");
  const auto complaints = [&](const std::string& info, const std::string& text) {
    return judge({.info = info, .text = text, .extra = "", .line = 1, .section = 0}, nullptr, first).size();
  };
  EXPECT_EQ(complaints("am value", "a = [1, 2]\na·a   # = 5\ntanh(1)   # ≈ 0.76\n"), 0u);
  EXPECT_GT(complaints("am value", "a = [1, 2]\na·a   # = 6\n"), 0u);
  EXPECT_GT(complaints("am value", "tanh(1)   # ≈ 0.77\n"), 0u);
  EXPECT_GT(complaints("am value", "tanh(1)   # = 0.76\n"), 0u);
  EXPECT_GT(complaints("am value", "[1, 2]   # = 1\n"), 0u);
  EXPECT_GT(complaints("am value", "a = 1\n"), 0u);
  EXPECT_EQ(complaints("am", "train m = am(s, q) { steps = 5 }\n"), 0u);
  EXPECT_GT(complaints("am", "train m = am(s, r) { steps = 5 }\n"), 0u);
  EXPECT_GT(complaints("am", "fn unused(x) = x\n"), 0u);
  EXPECT_EQ(complaints("am fail UnknownName", "potential s(x, t) = y\ntrain m = am(s, q) { steps = 5 }\n"), 0u);
  EXPECT_GT(complaints("am fail DuplicateName", "potential s(x, t) = y\ntrain m = am(s, q) { steps = 5 }\n"), 0u);
  EXPECT_GT(complaints("am fail UnknownName", "train m = am(s, q) { steps = 5 }\n"), 0u);
  EXPECT_GT(complaints("", "anything\n"), 0u);
  EXPECT_GT(complaints("python", "anything\n"), 0u);
  const auto commands = [](const std::string& info, const std::string& page) {
    return run_as_commands({.info = info, .text = "", .extra = "", .line = 1, .section = 0}, page);
  };
  EXPECT_TRUE(commands("console", "tour.md"));
  EXPECT_FALSE(commands("console", "language.md"));
  EXPECT_FALSE(commands("am", "tour.md"));
  EXPECT_EQ(complaints("diff", "--- compiler/ir/scalars.h\n+  ROW(Erf, std::erf(x))\n"), 0u);
  EXPECT_GT(complaints("diff", "--- compiler/ir/scalars.h\n+  ROW(Erf, std::erfc(x))\n"), 0u);
  EXPECT_GT(complaints("diff", "--- compiler/ir/no_such_file.h\n+x\n"), 0u);
}

}  // namespace
}  // namespace am::document
