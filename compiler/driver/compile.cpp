#include "compiler/driver/compile.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "compiler/check/check.h"
#include "compiler/check/settings.h"
#include "compiler/driver/asked.h"
#include "compiler/driver/simulate.h"
#include "compiler/driver/stdlib.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/parse/parse.h"
#include "compiler/simplify/simplify.h"

namespace am {

using diagnostics::Kind;

namespace {

/// An expression that comes from elsewhere than the script: a default, or the command line.
ast::ExprId parse_fragment(Script& s, const std::string& name, std::string_view text) {
  const source::FileId file = s.sources.add(name, std::string(text));
  return parse::parse_expression(s.sources, file, s.program, s.sink);
}

/// ", such as `…`": a setting that the script has, of the kind and by the name that were asked for as far as there is one.
std::string example_of(const std::string& key, const std::vector<std::string>& known) {
  if (known.empty()) return ", and the script has nothing with settings";
  const std::string kind = key.substr(0, key.find('.') + 1), name = key.substr(key.rfind('.') + 1);
  auto fits = [&](const std::string& k) { return (kind.empty() || k.starts_with(kind)) && k.ends_with("." + name); };
  auto best = std::find_if(known.begin(), known.end(), fits);
  if (best == known.end())
    best = std::find_if(known.begin(), known.end(), [&](const std::string& k) { return k.starts_with(kind); });
  return fmt::format(", such as `{}`", best == known.end() ? known.front() : *best);
}

/// "train.flow.steps" names a setting of a declaration of the script.
bool known_setting(const Script& s, const std::string& key, std::string& why) {
  std::vector<std::string> known;
  for (size_t i = s.own; i < s.program.declarations.size(); ++i) {
    const ast::Declaration& d = s.program.declarations[i];
    for (const check::SettingInfo& setting : check::settings())
      if (setting.of == d.kind)
        known.push_back(fmt::format("{}.{}.{}", ast::keyword(d.kind),
                                    d.kind == ast::DeclarationKind::Evaluate ? d.model : d.name, setting.name));
  }
  if (std::find(known.begin(), known.end(), key) != known.end()) return true;
  const std::string near = diagnostics::nearest(key, known);
  if (near.empty())
    why = fmt::format("there is no such setting; it is written KIND.NAME.SETTING{}", example_of(key, known));
  else
    why = fmt::format("there is no such setting; did you mean `{}`?", near);
  return false;
}

/// True if the script declares something of this kind and name; else says which there are.
bool declares(const Script& s, ast::DeclarationKind kind, const std::string& name, std::string& why) {
  std::vector<std::string> known;
  for (size_t i = s.own; i < s.program.declarations.size(); ++i)
    if (s.program.declarations[i].kind == kind) known.push_back(s.program.declarations[i].name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return true;
  const std::string near = diagnostics::nearest(name, known);
  why = fmt::format("the script has no {} `{}`", ast::keyword(kind), name);
  if (!near.empty())
    why += fmt::format("; did you mean `{}`?", near);
  else if (!known.empty())
    why += fmt::format("; it has `{}`", fmt::join(known, "`, `"));
  return false;
}

Machine this_machine() {
  std::string error;
  Machine m{.target = jit::host_target("", error)};
  AM_CHECK(error.empty(), "this machine is no target: {}", error);
  m.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return m;
}

elaborate::Options overrides(Script& s, const CompileOptions& options) {
  elaborate::Options out{.data_folder = options.data_folder};
  out.simulate = [machine = options.machine, progress = options.simulating](const elaborate::Simulation& simulation) {
    return simulate(simulation, machine ? *machine : this_machine(), progress);
  };
  std::string why;
  for (const check::SettingInfo& setting : check::settings())
    if (!setting.fallback.empty() && setting.fallback != "!") {
      const std::string key = fmt::format("{}.{}", ast::keyword(setting.of), setting.name);
      out.defaults[key] = parse_fragment(s, "default of " + key, setting.fallback);
    }
  for (const auto& [key, text] : options.settings) {
    if (!known_setting(s, key, why)) {
      s.sink.report<Kind::BadOverride>({}, "--set " + key, why);
      continue;
    }
    const ast::ExprId value = parse_fragment(s, "--set " + key, text);
    if (value.valid()) out.settings[key] = value;
  }
  for (const auto& [name, file] : options.data) {
    if (declares(s, ast::DeclarationKind::Data, name, why))
      out.data[name] = file;
    else
      s.sink.report<Kind::BadOverride>({}, "--data " + name, why);
  }
  for (const auto& [name, text] : options.constants) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (!declares(s, ast::DeclarationKind::Const, name, why))
      s.sink.report<Kind::BadOverride>({}, "--const " + name, why);
    else if (text.empty() || *end || !std::isfinite(value))
      s.sink.report<Kind::BadOverride>({}, "--const " + name, fmt::format("`{}` is not a number", text));
    else
      out.constants[name] = value;
  }
  return out;
}

/// Null if only part of the library was read and something in the script is wrong: messages may speak of the rest of
/// it.
std::unique_ptr<Script> compile_with(const std::vector<std::string>& library, const std::string& name,
                                     const std::string& text, const CompileOptions& options, bool whole) {
  auto s = std::make_unique<Script>();
  for (size_t k = 0; k < library.size(); ++k) {
    const source::FileId file = s->sources.add(fmt::format("stdlib/{}", standard_library()[k].name), library[k]);
    if (library[k].find_first_not_of(" \n") != std::string::npos) parse::parse(s->sources, file, s->program, s->sink);
  }
  s->own = s->program.declarations.size();
  s->file = s->sources.add(name, text);
  parse::parse(s->sources, s->file, s->program, s->sink);
  // After a syntax error a declaration may be missing, and every use of it would look wrong.
  if (s->sink.has_errors()) return s;
  elaborate::Options elaborate_options = overrides(*s, options);
  if (s->sink.has_errors()) return s;
  if (!options.expression.empty()) {
    elaborate_options.asked = parse_asked(*s, options);
    if (!elaborate_options.asked) return s;
    s->asked = ast::print(s->program, elaborate_options.asked->expression);
  }
  std::vector<check::Override> from_command_line;
  for (const auto& [key, value] : elaborate_options.settings)
    from_command_line.push_back({key.substr(key.rfind('.') + 1), value});
  std::vector<check::Predefined> predefined;
  for (const elaborate::Predefined& p : elaborate::predefined())
    if (p.group != "data member") predefined.push_back({std::string(p.name), std::string(p.group)});
  check::check(s->program, s->own, predefined, from_command_line, s->sink);
  if (!whole && s->sink.has_errors()) return nullptr;
  s->elaborated = elaborate::elaborate(s->program, s->sources, elaborate_options, s->sink);
  return s;
}

}  // namespace

std::unique_ptr<Script> compile(std::string name, std::string text, const CompileOptions& options) {
  std::vector<std::string_view> texts{text};
  for (const auto& [key, value] : options.settings) texts.push_back(value);
  for (const check::SettingInfo& setting : check::settings()) texts.push_back(setting.fallback);
  if (options.expression.empty())
    if (auto script = compile_with(needed_library(texts), name, text, options, false)) return script;
  std::vector<std::string> whole;
  for (const LibraryFile& file : standard_library()) whole.emplace_back(file.text);
  return compile_with(whole, name, text, options, true);
}

namespace {

/// Code for a simplified graph: from the cache, or made and put there.
std::shared_ptr<const jit::Executable> code_of(const simplify::Simplified& small, const lower::Options& options,
                                               const jit::Cache& cache, std::string& error) {
  const std::string key = cache.folder().empty() ? "" : jit::key_of(small.graph, small.outputs, options);
  if (auto kept = cache.find(key))
    if (auto code = jit::load(*std::move(kept), options.target, error)) return code;
  auto made = jit::generate(lower::lower(small.graph, small.outputs, options), options.target, error);
  if (!made) return nullptr;
  cache.keep(key, *made);
  return jit::load(*std::move(made), options.target, error);
}

lower::Options options_of(const elaborate::Program& program, lower::Precision precision, const lower::Target& target,
                          size_t samples) {
  return {.precision = precision, .target = target, .samples = samples, .split_products = program.split_products,
          .held = program.held};
}

}  // namespace

NativeProgram make_native(const elaborate::Program& program, lower::Precision precision, const Machine& machine,
                          size_t samples, std::string& error) {
  const simplify::Simplified small = simplify::simplify(program.graph, program.outputs);
  NativeProgram out{nullptr, program.inputs, program.names};
  lower::Options options = options_of(program, precision, machine.target, samples);
  for (elaborate::Role role : {elaborate::Role::Time, elaborate::Role::TimeStep})
    for (int slot : out.slots(role)) options.varying.push_back(slot);
  out.code = code_of(small, options, machine.cache, error);
  return out;
}

std::vector<int> NativeProgram::slots(elaborate::Role role) const {
  std::vector<int> out;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].role == role) out.push_back(static_cast<int>(i));
  return out;
}

namespace {

lower::Precision precision_of(const elaborate::Model& m) {
  return m.f64 ? lower::Precision::F64 : lower::Precision::F32;
}

lower::Options options_of(const elaborate::Model& m, const lower::Target& target) {
  return options_of(m.step, precision_of(m), target, static_cast<size_t>(m.batch));
}

lower::Lowered lowered_step(const elaborate::Model& m, const lower::Target& target) {
  const simplify::Simplified small = simplify::simplify(m.step.graph, m.step.outputs);
  return lower::lower(small.graph, small.outputs, options_of(m, target));
}

std::string graph_text(const elaborate::Program& p) {
  const simplify::Simplified small = simplify::simplify(p.graph, p.outputs);
  return ir::print(small.graph, small.outputs);
}

/// The script alone, without the standard library.
std::string script_text(const Script& s) {
  std::string out;
  for (size_t i = s.own; i < s.program.declarations.size(); ++i)
    out += ast::print(s.program, s.program.declarations[i]) + "\n";
  return out;
}

}  // namespace

const std::vector<std::string>& stages() {
  static const std::vector<std::string> names = {"ast", "graph", "gradient", "tiles", "llvm", "asm"};
  return names;
}

std::string emit(const Script& script, std::string_view stage, std::string_view model, const lower::Target& target,
                 std::string& error) {
  if (stage == "ast") return script_text(script);
  const elaborate::Model* m = model.empty() && !script.elaborated.models.empty() ? &script.elaborated.models[0]
                                                                                 : script.elaborated.model(model);
  if (!m) {
    error = model.empty() ? "the script trains no model" : fmt::format("there is no model `{}`", model);
    return "";
  }
  if (stage == "graph") return graph_text(m->objective);
  if (stage == "gradient") return graph_text(m->step);
  if (stage == "tiles") return lowered_step(*m, target).schedule;
  if (stage == "llvm") return lower::print_llvm(lowered_step(*m, target));
  if (stage == "asm") return jit::assembly(lowered_step(*m, target), target);
  error = fmt::format("`{}` is not a stage; they are {}", stage, fmt::join(stages(), ", "));
  return "";
}

lower::Plan plan_of(const elaborate::Model& m, const lower::Target& target) {
  const simplify::Simplified small = simplify::simplify(m.step.graph, m.step.outputs);
  return lower::plan(small.graph, small.outputs, options_of(m, target));
}

std::string version() { return AM_VERSION; }

}  // namespace am
