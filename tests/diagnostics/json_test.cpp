// Diagnostics for programs: places count from one in lines and columns, from zero in bytes, and ends lie behind.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compiler/diagnostics/diagnostics.h"

namespace am::diagnostics {
namespace {

using Json = nlohmann::json;

TEST(Json, HasEveryMember) {
  source::Sources sources;
  const source::FileId file = sources.add("σ.am", "const σ = 1\nfn f(x) = σ + foo\n");
  const uint32_t begin = 13 + 15;  // σ takes two bytes
  Diagnostic d = make<Kind::UnknownName>({file, begin, begin + 3}, "foo");
  d.notes.push_back({{file, 6, 8}, "a note"});
  d.notes.push_back({{}, "nowhere"});
  d.suggestion = "write `bar`";
  const std::string line = json(d, sources);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Json expected = {{"kind", "UnknownName"},
                         {"level", "error"},
                         {"blame", "script"},
                         {"exit_code", 1},
                         {"message", "nothing named `foo` is in scope here"},
                         {"place",
                          {{"file", "σ.am"},
                           {"line", 2},
                           {"column", 15},
                           {"end_line", 2},
                           {"end_column", 18},
                           {"begin_byte", begin},
                           {"end_byte", begin + 3}}},
                         {"notes",
                          {{{"message", "a note"},
                            {"place",
                             {{"file", "σ.am"},
                              {"line", 1},
                              {"column", 7},
                              {"end_line", 1},
                              {"end_column", 8},
                              {"begin_byte", 6},
                              {"end_byte", 8}}}},
                           {{"message", "nowhere"}, {"place", nullptr}}}},
                         {"help", "write `bar`"}};
  EXPECT_EQ(Json::parse(line), expected) << line;
}

TEST(Json, SaysWhoseFaultItIsAndBearsAnyBytes) {
  const Json d = Json::parse(json(make<Kind::MissingFile>({}, "a\xff", "No such file"), {}));
  EXPECT_EQ(d["blame"], "data");
  EXPECT_EQ(d["exit_code"], 2);
  EXPECT_EQ(d["place"], nullptr);
  EXPECT_EQ(d["help"], nullptr);
  EXPECT_EQ(Json::parse(json(make<Kind::UnusedDeclaration>({}, "const", "a"), {}))["level"], "warning");
  EXPECT_EQ(Json::parse(json_of_internal_error("x.cpp:1: oh"))["exit_code"], 70);
}

}  // namespace
}  // namespace am::diagnostics
