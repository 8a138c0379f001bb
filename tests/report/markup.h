// A small checker of XML and HTML, and the few questions the tests ask a document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace am::report::markup {

/// The first thing wrong with the document, or nothing: tags that do not match, attributes without quotes, a bare `&`
/// or `>`, bytes XML forbids. Knows HTML's doctype, its void elements, and that <script> and <style> hold raw text.
std::string problem(std::string_view document);

/// The text between tags, one entry for each run, entities resolved; without what <script> and <style> hold.
std::vector<std::string> texts(std::string_view document);

/// Values of an attribute, in order.
std::vector<std::string> attributes(std::string_view document, std::string_view tag, std::string_view name);

}  // namespace am::report::markup
