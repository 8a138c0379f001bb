#include "amc/program.h"
#include "compiler/document/document.h"

namespace am::program {

int doc(const Arguments& a) {
  std::vector<document::Section> sections;
  const bool own = !a.file.empty();
  if (own) {
    const auto text = read_file(a.file);
    if (!text) return complain(a, diagnostics::make<diagnostics::Kind::UnreadableScript>({}, a.file));
    source::Sources sources;
    diagnostics::Sink sink;
    sections.push_back(document::script(a.file, *text, sources, sink));
    if (const int code = print_diagnostics(a, sink, sources); code != kDone) return code;
  }
  if (a.name.empty() && own) {
    fmt::print("{}", a.markdown ? document::markdown(sections[0]) : document::text(sections[0]));
    return kDone;
  }
  if (a.name.empty()) {
    fmt::print("{}", a.markdown ? document::page(document::library()) : document::text(document::everything()));
    return kDone;
  }
  for (document::Section& s : document::everything()) sections.push_back(std::move(s));
  const auto entries = document::find(sections, a.name);
  const auto found = document::find_sections(sections, a.name);
  if (entries.empty() && found.empty()) {
    const std::string near = document::nearest(sections, a.name);
    auto error = diagnostics::make<diagnostics::Kind::BadCommandLine>(
        {}, fmt::format("nothing named `{}` is documented", a.name));
    error.suggestion = near.empty() ? "`amc doc` lists what is" : fmt::format("did you mean `{}`?", near);
    return complain(a, error);
  }
  bool first = true;
  for (const document::Entry* e : entries) {
    fmt::print("{}{}", first ? "" : "\n", a.markdown ? document::markdown(*e) : document::text(*e));
    first = false;
  }
  for (const document::Section* section : found) {
    fmt::print("{}{}", first ? "" : "\n", a.markdown ? document::markdown(*section) : document::text(*section));
    first = false;
  }
  return kDone;
}

}  // namespace am::program
