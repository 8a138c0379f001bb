#include "markup.h"

#include <algorithm>
#include <cctype>

namespace am::report::markup {
namespace {

constexpr std::string_view kEntities[][2] = {
    {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}};

struct Tag {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  bool closing = false, empty = false;
};

struct Node {
  bool is_tag;
  Tag tag;
  std::string text;
};

struct Reader {
  std::string_view rest;
  std::string problem = {};
  std::vector<Node> nodes = {};

  void fail(std::string what) {
    if (problem.empty()) problem = what.append(" before ").append(rest.substr(0, 60));
    rest = {};
  }
  bool take(std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
  }
  std::string until(std::string_view stop) {
    const size_t end = rest.find(stop);
    if (end == std::string_view::npos) return fail(std::string(stop) + " is missing"), "";
    const std::string result(rest.substr(0, end));
    rest.remove_prefix(end + stop.size());
    return result;
  }
  std::string name() {
    size_t end = 0;
    while (end < rest.size() && (std::isalnum(static_cast<unsigned char>(rest[end])) || rest[end] == '-')) ++end;
    const std::string result(rest.substr(0, end));
    rest.remove_prefix(end);
    if (result.empty()) fail("no name");
    return result;
  }
  void spaces() {
    while (!rest.empty() && std::isspace(static_cast<unsigned char>(rest[0]))) rest.remove_prefix(1);
  }

  /// Text with its entities resolved; any other `&` is a mistake.
  std::string resolved(std::string_view raw) {
    std::string result;
    while (!raw.empty()) {
      const auto* entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                        [&](const auto& each) { return raw.starts_with(each[0]); });
      if (entity != std::end(kEntities)) {
        result += (*entity)[1];
        raw.remove_prefix((*entity)[0].size());
        continue;
      }
      const auto c = static_cast<unsigned char>(raw[0]);
      if (c == '&' || c == '>' || c == '<') fail(std::string("bare ") + raw[0]);
      if (c < 0x20 && c != '\n' && c != '\t') fail("control character");
      result += raw[0];
      raw.remove_prefix(1);
    }
    return result;
  }

  void attribute(Tag& tag) {
    const std::string key = name();
    if (!take("=\"")) return fail("attribute " + key + " without quotes");
    tag.attributes.emplace_back(key, resolved(until("\"")));
  }

  void tag() {
    Tag tag;
    tag.closing = take("/");
    tag.name = name();
    for (spaces(); !rest.empty() && rest[0] != '>' && rest[0] != '/'; spaces()) attribute(tag);
    tag.empty = take("/");
    if (!take(">")) return fail("tag " + tag.name + " does not end");
    const bool raw = !tag.closing && (tag.name == "script" || tag.name == "style");
    if (tag.name == "meta") tag.empty = true;
    nodes.push_back({true, tag, ""});
    if (!raw) return;
    until(tag.name == "script" ? "</script>" : "</style>");
    tag.closing = true;
    nodes.push_back({true, tag, ""});
  }

  void read() {
    take("<!DOCTYPE html>");
    while (!rest.empty()) {
      if (take("<")) {
        tag();
        continue;
      }
      const std::string_view raw = rest.substr(0, rest.find('<'));
      rest.remove_prefix(raw.size());
      nodes.push_back({false, {}, resolved(raw)});
    }
  }

  void match() {
    std::vector<std::string> open;
    for (const Node& node : nodes) {
      if (!node.is_tag || node.tag.empty) continue;
      if (!node.tag.closing) {
        open.push_back(node.tag.name);
      } else if (open.empty() || open.back() != node.tag.name) {
        return fail(node.tag.name + " closes " + (open.empty() ? "nothing" : open.back()));
      } else {
        open.pop_back();
      }
    }
    if (!open.empty()) fail(open.back() + " is not closed");
  }
};

Reader parsed(std::string_view document) {
  Reader reader{document};
  reader.read();
  reader.match();
  return reader;
}

}  // namespace

std::string problem(std::string_view document) { return parsed(document).problem; }

std::vector<std::string> texts(std::string_view document) {
  std::vector<std::string> result;
  for (const Node& node : parsed(document).nodes)
    if (!node.is_tag) result.push_back(node.text);
  return result;
}

std::vector<std::string> attributes(std::string_view document, std::string_view tag, std::string_view name) {
  std::vector<std::string> result;
  for (const Node& node : parsed(document).nodes)
    for (const auto& [key, value] : node.tag.attributes)
      if (node.tag.name == tag && key == name) result.push_back(value);
  return result;
}

}  // namespace am::report::markup
