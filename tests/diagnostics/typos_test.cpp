// Slips of the hand in every name that a script may hold, and how often the right name is suggested.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "compiler/check/settings.h"
#include "compiler/driver/compile.h"
#include "compiler/driver/stdlib.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/parse/parse.h"

namespace am {
namespace {

using ast::DeclarationKind;

/// A script in which `@` is the name, or `@` in a setting's key on the command line.
struct Place {
  std::string name, script;
  std::string option = {}, key = {};  // "set", "data" or "const"
};

const std::string kBase = R"(const scale = 2
fn helper(x) = scale·x
net gated(width) { apply(x) { linear(width)(x) } }
distribution ring(radius) { z ~ normal(2); radius·z }
data cells = csv("cells.csv", time = "day")
path moving(t) over 0..1 { z ~ ring(scale); helper(z) }
path joined = linear(cells)
potential energy(x, t) = gated(1)([x, t])
velocity field(x, t) = mlp(4, 1, out = 2)([x, t])
dynamics powered(s, q) { minimize E[x ~ q(q.end)] s(x, q.end); drift(x, t) = ∇s(x, t) }
optimizer signed(lr = 1e-3) { update(p, g, k, n) = p − lr·g }
solver halfway_step(steps = 5) { step(f, x, t, h, noise) = x + h·f(x, t) + noise }
train flow = powered(energy, moving) { steps = 1 }
train other = fm(field, moving) { steps = 1 }
)";

/// Where a declaration of each kind is used by its name.
std::string use(DeclarationKind kind) {
  switch (kind) {
    case DeclarationKind::Const: return "fn probe(x) = @·x";
    case DeclarationKind::Fn: return "fn probe(x) = 1 + @(x)";
    case DeclarationKind::Net: return "potential probe(x, t) = @(4)([x, t])";
    case DeclarationKind::Distribution: return "path probe(t) over 0..1 { z ~ @(2); z }";
    case DeclarationKind::Data: return "path probe = linear(@)";
    case DeclarationKind::Path: return "path probe = @(cells)";
    case DeclarationKind::Potential:
    case DeclarationKind::Velocity: return "train probe = powered(@, moving)";
    case DeclarationKind::Dynamics: return "train probe = @(energy, moving)";
    case DeclarationKind::Optimizer: return "train probe = powered(energy, moving) { optimizer = @ }";
    case DeclarationKind::Solver: return "sample probe from flow { start = moving(0); times = [0, 1]; solver = @ }";
    case DeclarationKind::Train: return "sample probe from @ { start = moving(0); times = [0, 1] }";
    case DeclarationKind::Sample:
    case DeclarationKind::Evaluate: break;
  }
  return "";
}

/// Where a declaration is called with an argument by name, and evaluated.
std::string call(const ast::Declaration& d) {
  const std::string train = "\ntrain probe_train = powered(probe, moving) { steps = 1 }";
  switch (d.kind) {
    case DeclarationKind::Fn: return fmt::format("potential probe(x, t) = {}(@ = 1)", d.name) + train;
    case DeclarationKind::Net: return fmt::format("potential probe(x, t) = {}(@ = 1)([x, t])", d.name) + train;
    case DeclarationKind::Distribution:
      return fmt::format("path probe(t) over 0..1 {{ z ~ {}(@ = 1); z }}\ntrain t = powered(energy, probe)", d.name);
    case DeclarationKind::Path: return fmt::format("path probe = {}(@ = 1)\ntrain t = powered(energy, probe)", d.name);
    case DeclarationKind::Dynamics: return fmt::format("train probe = {}(@ = 1)", d.name);
    case DeclarationKind::Optimizer:
      return fmt::format("train probe = powered(energy, moving) {{ optimizer = {}(@ = 1) }}", d.name);
    case DeclarationKind::Solver:
      return fmt::format("sample probe from flow {{ start = moving(0); times = [0, 1]; solver = {}(@ = 1) }}", d.name);
    default: return "";
  }
}

ast::Program parsed(const std::vector<std::string_view>& texts) {
  source::Sources sources;
  diagnostics::Sink sink;
  ast::Program program;
  for (std::string_view text : texts) parse::parse(sources, sources.add("x.am", std::string(text)), program, sink);
  EXPECT_FALSE(sink.has_errors());
  return program;
}

/// Every place of the language where a name is written, with each name of three letters and more that fits there. All
/// names, short ones too, go to `valid`: what happens to be one is no typo.
std::vector<Place> places(std::set<std::string>& valid) {
  std::vector<Place> out;
  auto add = [&](std::string_view name, const std::string& line) {
    valid.insert(std::string(name));
    if (!line.empty() && source::code_points(name) >= 3) out.push_back({std::string(name), kBase + line + "\n"});
  };
  std::vector<std::string_view> texts{kBase};
  for (const LibraryFile& file : standard_library()) texts.push_back(file.text);
  const ast::Program program = parsed(texts);
  for (const ast::Declaration& d : program.declarations) {
    add(d.name, use(d.kind));
    for (const ast::Parameter& p : d.parameters) add(p.name, call(d));
  }
  for (const elaborate::Predefined& b : elaborate::predefined()) {
    if (b.group == "function") add(b.name, "fn probe(x) = 1 + @(x)");
    if (b.group == "constant") add(b.name, "fn probe(x) = x + @");
    if (b.group == "metric") add(b.name, "evaluate flow { against = moving; metrics = [@] }");
    if (b.group == "mode") add(b.name, "evaluate flow { against = moving; mode = @ }");
    if (b.group == "time sampler") add(b.name, "train probe = powered(energy, moving) { time_sampler = @ }");
    if (b.group == "coordinate") add(b.name, "sample probe from flow { start = moving(0); times = [0, 1]; coordinates = @ }");
    if (b.group == "precision") add(b.name, "train probe = powered(energy, moving) { precision = @ }");
  }
  for (const elaborate::BuiltinInfo& b : elaborate::builtins())
    for (std::string_view p : b.parameters)
      add(p.substr(0, p.find('?')),
          fmt::format("potential probe(x, t) = {}(@ = 1)\ntrain p = powered(probe, moving)", b.name));
  for (const elaborate::BuiltinInfo& m : elaborate::data_members())
    add(m.name, "path probe(t) over 0..1 { a ~ cells; a·cells.@ }\ntrain p = powered(energy, probe)");
  for (const char* name : {"start", "end"})
    add(name, "path probe(t) over 0..moving.@ { [t, t] }\ntrain p = powered(energy, probe)");
  for (const check::SettingInfo& s : check::settings()) {
    if (s.of == DeclarationKind::Train) add(s.name, "train probe = powered(energy, moving) { @ = 1 }");
    if (s.of == DeclarationKind::Sample) add(s.name, "sample probe from flow { @ = 1 }");
    if (s.of == DeclarationKind::Evaluate) add(s.name, "evaluate flow { @ = 1 }");
  }
  const std::map<std::string, std::vector<std::pair<std::string, std::string>>> members = {
      {"dynamics probe(s, q) { minimize E[x ~ q(0)] s(x, 0); drift(x, t) = x; @(t) = 1 }",
       {{"noise", ""}, {"growth", ""}}},
      {"dynamics probe(s, q) { minimize E[x ~ q(0)] s(x, 0); @(x, t) = x }", {{"drift", ""}}},
      {"net probe(width) { @(x) = x }", {{"apply", ""}}},
      {"optimizer probe() { update(p, g, k, n) = p; @(k, n) = 1 }", {{"rate", ""}}},
      {"optimizer probe() { @(p, g, k, n) = p }", {{"update", ""}}},
      {"solver probe(steps = 1) { @(f, x, t, h, noise) = x }", {{"step", ""}}},
      {"solver probe(tol = 1) { step(f, x, t, h, noise) = x; @(f, x, t, h) = 1 }", {{"error", ""}}},
  };
  for (const auto& [script, names] : members)
    for (const auto& [name, unused] : names) add(name, script);
  const std::pair<const char*, const char*> keywords[] = {
      {"const", "@ probe = 1"},
      {"net", "@ probe(width) { apply(x) { x } }"},
      {"distribution", "@ probe(radius) { z ~ normal(2); z }"},
      {"data", "@ probe = csv(\"cells.csv\")"},
      {"path", "@ probe(t) over 0..1 { z ~ normal(2); z }"},
      {"potential", "@ probe(x, t) = x"},
      {"velocity", "@ probe(x, t) = x"},
      {"dynamics", "@ probe(s, q) { minimize E[x ~ q(0)] s(x, 0); drift(x, t) = x }"},
      {"optimizer", "@ probe(lr) { update(p, g, k, n) = p }"},
      {"solver", "@ probe(steps = 1) { step(f, x, t, h, noise) = x }"},
      {"train", "@ probe = powered(energy, moving)"},
      {"sample", "@ probe from flow { start = moving(0); times = [0, 1] }"},
      {"evaluate", "@ flow { against = moving }"},
      {"minimize", "dynamics probe(s, q) { @ E[x ~ q(0)] s(x, 0); drift(x, t) = x }"},
      {"repeat", "fn probe(x) { h = x; @ 3 { h = 2·h }; h }"},
      {"param", "net probe(k) { apply(x) { @ W: R = ones(); W·x } }"},
      {"state", "optimizer probe(lr) { @ m = 0; update(p, g, k, n) = p }"},
  };
  for (const auto& [word, script] : keywords) add(word, script);
  for (const check::SettingInfo& s : check::settings()) {
    const bool train = s.of == DeclarationKind::Train;
    if (s.of == DeclarationKind::Sample) continue;
    const std::string prefix = train ? "train.flow." : "evaluate.flow.";
    out.push_back(
        {std::string(s.name), kBase + (train ? "" : "evaluate flow { against = moving }\n"), "set", prefix + "@"});
  }
  out.push_back({"flow", kBase, "set", "train.@.steps"});
  out.push_back({"train", kBase, "set", "@.flow.steps"});
  out.push_back({"cells", kBase, "data", "@"});
  out.push_back({"scale", kBase, "const", "@"});
  return out;
}

constexpr int kSlips = 5;
constexpr std::string_view kSlipNames[] = {"dropped", "doubled", "exchanged", "next key", "case"};

char next_key(char c, std::mt19937& random) {
  static const std::map<char, std::string> near = {
      {'q', "wa"},   {'w', "qes"},  {'e', "wrd"},  {'r', "etf"},  {'t', "ryg"},  {'y', "tuh"},  {'u', "yij"},
      {'i', "uok"},  {'o', "ipl"},  {'p', "ol"},   {'a', "qsz"},  {'s', "adwx"}, {'d', "sfec"}, {'f', "dgrv"},
      {'g', "fhtb"}, {'h', "gjyn"}, {'j', "hkum"}, {'k', "jli"},  {'l', "kop"},  {'z', "xas"},  {'x', "zcsd"},
      {'c', "xvdf"}, {'v', "cbfg"}, {'b', "vngh"}, {'n', "bmhj"}, {'m', "njk"},  {'1', "2"},    {'2', "13"},
      {'3', "24"},   {'4', "35"},   {'5', "46"},   {'6', "57"},   {'_', "-"}};
  const auto found = near.find(c);
  if (found == near.end() || c == '_') return c;
  return found->second[random() % found->second.size()];
}

std::string slip(std::string name, int kind, std::mt19937& random) {
  const size_t at = random() % name.size();
  switch (kind) {
    case 0: name.erase(at, 1); break;
    case 1: name.insert(at, 1, name[at]); break;
    case 2: std::swap(name[at], name[(at + 1) % name.size() ? at + 1 : at - 1]); break;
    case 3: name[at] = next_key(name[at], random); break;
    case 4: name[at] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[at]))); break;
  }
  return name;
}

std::string put(std::string text, const std::string& name) {
  for (size_t at; (at = text.find('@')) != std::string::npos;) text.replace(at, 1, name);
  return text;
}

bool suggested(const Script& script, const std::string& name) {
  for (const auto& d : script.sink.sorted())
    for (const std::string* text : {&d.suggestion, &d.message})
      if (text->find("`" + name + "`") != std::string::npos && text->find("did you mean") != std::string::npos)
        return true;
  return false;
}

TEST(Typos, GetTheRightSuggestion) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / fmt::format("am_typos_{}", getpid());
  fs::create_directories(folder);
  std::ofstream(folder / "cells.csv") << "day,x1,x2\n0,1,2\n0,2,3\n1,3,4\n1,4,6\n";
  const CompileOptions options{.data_folder = folder.string()};
  std::set<std::string> valid = {"fn", "if", "else", "and", "or", "not", "by", "over", "from"};
  const std::vector<Place> all = places(valid);
  std::mt19937 random(3);
  int tried = 0, right = 0;
  int tried_of[kSlips] = {}, right_of[kSlips] = {};
  std::string missed;
  for (const Place& p : all)
    for (int kind = 0; kind < kSlips; ++kind) {
      const std::string typo = slip(p.name, kind, random);
      const bool name_like = std::isalpha(static_cast<unsigned char>(typo[0])) || typo[0] == '_';
      if (typo == p.name || valid.count(typo) || !name_like) continue;
      CompileOptions o = options;
      if (p.option == "set") o.settings[put(p.key, typo)] = "1";
      if (p.option == "data") o.data[put(p.key, typo)] = "cells.csv";
      if (p.option == "const") o.constants[put(p.key, typo)] = "1";
      const std::string wanted = p.option == "set" ? put(p.key, p.name) : p.name;
      const auto script = compile("x.am", put(p.script, typo), o);
      const bool fine = suggested(*script, wanted);
      ++tried, ++tried_of[kind];
      right += fine, right_of[kind] += fine;
      if (!fine) {
        missed += fmt::format("{} for {}", typo, p.name);
        for (const auto& d : script->sink.sorted()) missed += fmt::format(" [{}: {}]", d.message, d.suggestion);
        missed += "\n";
      }
    }
  fs::remove_all(folder);
  for (int kind = 0; kind < kSlips; ++kind)
    fmt::print("{}: {} of {}\n", kSlipNames[kind], right_of[kind], tried_of[kind]);
  fmt::print("right suggestions: {} of {}, {:.1f} %\n", right, tried, 100.0 * right / tried);
  EXPECT_GT(tried, 500);
  EXPECT_GE(right, 0.95 * tried) << missed;
  if (right < tried) fmt::print("missed:\n{}", missed);
}

}  // namespace
}  // namespace am
