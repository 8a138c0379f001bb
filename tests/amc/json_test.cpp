// `--diagnostics=json`: every command says what is wrong as one object a line, and nothing else on standard error.
#include <sys/resource.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/amc/process.h"

namespace am::testing {
namespace {

using Json = nlohmann::json;

/// Every line of standard error must be an object with all members.
std::vector<Json> objects(const std::string& err) {
  std::vector<Json> out;
  std::istringstream in(err);
  for (std::string line; std::getline(in, line);) {
    const Json j = Json::parse(line, nullptr, false);
    EXPECT_FALSE(j.is_discarded()) << "not JSON: " << line;
    if (j.is_discarded()) continue;
    for (const char* member : {"kind", "level", "blame", "exit_code", "message", "place", "notes", "help"})
      EXPECT_TRUE(j.contains(member)) << member << " in " << line;
    out.push_back(j);
  }
  return out;
}

std::vector<std::string> kinds(const std::vector<Json>& all) {
  std::vector<std::string> out;
  for (const Json& j : all) out.push_back(j["kind"]);
  return out;
}

using Kinds = std::vector<std::string>;

const std::string kWrong = R"(path q(t) over 0..1 { z ~ normal(2); z + [1, 2, 3] }
potential s(x, t) = mpl(4, 1)([x, t])
train flow = am(s, q) { steps = 5 }
)";

TEST_F(Amc, JsonGivesKindsPlacesNotesAndHelp) {
  write("x.am", "const unused = 1\n" + kWrong);
  for (const Kinds& words :
       {Kinds{"check"}, {"run"}, {"info"}, {"emit", "--stage", "ast"}, {"derive"}, {"eval", "--at", "p.csv"}}) {
    Kinds line = words;
    line.insert(line.begin() + 1, {"x.am", "--diagnostics=json"});
    if (words[0] == "derive") line.push_back("s");
    const Ended e = amc(line);
    EXPECT_EQ(e.code, 1) << words[0];
    EXPECT_EQ(e.out.find("error"), std::string::npos) << e.out;
    const auto all = objects(e.err);
    if (words[0] == "derive") {  // prints mathematics, and no warnings
      EXPECT_EQ(kinds(all), (Kinds{"ShapeMismatch", "UnknownName"})) << e.err;
      continue;
    }
    ASSERT_EQ(kinds(all), (Kinds{"UnusedDeclaration", "ShapeMismatch", "UnknownName"})) << words[0] << "\n" << e.err;
    EXPECT_EQ(all[0]["level"], "warning");
    EXPECT_EQ(all[0]["exit_code"], 0);
    EXPECT_EQ(all[1]["blame"], "script");
    EXPECT_EQ(all[1]["exit_code"], 1);
    EXPECT_EQ(all[1]["notes"].size(), 2u);
    EXPECT_EQ(all[1]["notes"][1]["message"], "this has shape R[3]");
    EXPECT_EQ(all[1]["notes"][1]["place"]["column"], 42);
    const Json at = {{"file", "x.am"},   {"line", 3},        {"column", 21},  {"end_line", 3},
                     {"end_column", 24}, {"begin_byte", 90}, {"end_byte", 93}};
    EXPECT_EQ(all[2]["place"], at);
    EXPECT_EQ(all[2]["help"], "did you mean `mlp`?");
  }
  // As text, the same mistakes.
  const Ended text = amc({"check", "x.am", "--diagnostics=text"});
  EXPECT_TRUE(
      holds_in_order(text.err, {"[UnusedDeclaration]", "[ShapeMismatch]", "[UnknownName]", "2 errors in x.am"}));
}

TEST_F(Amc, JsonOfWhatHasNoPlaceInAScript) {
  write("x.am", small_script("steps = 5"));
  write("bad.npy", "no array");
  struct Row {
    Kinds words;
    int code;
    std::string kind;
  };
  const Row rows[] = {{{"check", "nowhere.am"}, 1, "UnreadableScript"},
                      {{"check", "x.am", "--set", "steps"}, 1, "BadCommandLine"},
                      {{"check", "x.am", "--set", "train.flow.stps=3"}, 1, "BadOverride"},
                      {{"check", "x.am", "--set", "train.flow.steps=(3"}, 1, "MissingBracket"},
                      {{"check", "x.am", "--cpu", "pentium"}, 1, "BadCommandLine"},
                      {{"check"}, 1, "BadCommandLine"},
                      {{"check", "x.am", "--bogus"}, 1, "BadCommandLine"},
                      {{"emit", "x.am", "--stage", "soup"}, 1, "BadCommandLine"},
                      {{"emit", "x.am", "--stage", "graph", "--model", "m"}, 1, "BadCommandLine"},
                      {{"derive", "x.am", "∇[soup] objective"}, 1, "BadCommandLine"},
                      {{"derive", "x.am", "soup"}, 1, "UnknownShape"},
                      {{"doc", "soupe"}, 1, "BadCommandLine"},
                      {{"fmt", "nowhere.am"}, 1, "UnreadableScript"},
                      {{"data", "bad.npy"}, 2, "MalformedFile"},
                      {{"data", "nowhere.csv"}, 2, "MissingFile"},
                      {{"eval", "x.am", "--at", "nowhere.csv"}, 2, "MissingFile"},
                      {{"run", "x.am", "--out", "x.am"}, 4, "CannotWrite"}};
  for (const Row& row : rows) {
    Kinds words = row.words;
    words.push_back("--diagnostics=json");
    const Ended e = amc(words);
    SCOPED_TRACE(fmt::format("{}", fmt::join(words, " ")));
    EXPECT_EQ(e.code, row.code) << e.err;
    EXPECT_EQ(kinds(objects(e.err)), Kinds{row.kind}) << e.err;
  }
}

TEST_F(Amc, JsonOfARunHasNoProgressInIt) {
  write("x.am", small_script("steps = 300"));
  const Ended fine = amc({"run", "x.am", "--diagnostics", "json"});
  EXPECT_EQ(fine.code, 0);
  EXPECT_EQ(fine.err, "");
  EXPECT_TRUE(holds(fine.out, "trained"));
  write("y.am", small_script("steps = 30; optimizer = sgd(lr = 1e30)"));
  const Ended e = amc({"run", "y.am", "--diagnostics=json"});
  EXPECT_EQ(e.code, 3);
  const auto all = objects(e.err);
  ASSERT_EQ(kinds(all), Kinds{"NonFiniteLoss"});
  EXPECT_EQ(all[0]["blame"], "numerics");
}

/// For as long as it lives, programs that are started have this much address space.
class Confined {
 public:
  explicit Confined(rlim_t bytes) {
    getrlimit(RLIMIT_AS, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_AS, &limit);
  }
  ~Confined() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_;
};

TEST_F(Amc, OutOfMemoryIsSaidAndHasItsCode) {
  write("x.am",
        "path q(t) over 0..1 { z ~ normal(1000); z }\npotential s(x, t) = mlp(4, 1)([x, t])\n"
        "train m = am(s, q) { steps = 1; batch = 8 }\n"
        "sample p from m { start = q(0); times = [0, 1]; count = 10_000_000; solver = euler(steps = 1) }\n");
  const Confined limit(rlim_t{3} << 30);
  const Ended e = amc({"run", "x.am", "--diagnostics=json", "--threads", "1"});
  EXPECT_EQ(e.code, 4) << e.err;
  EXPECT_EQ(kinds(objects(e.err)), Kinds{"OutOfMemory"}) << e.err;
}

}  // namespace
}  // namespace am::testing
