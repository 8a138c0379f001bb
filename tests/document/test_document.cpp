// What `amc doc` says, and the pages that are made of it.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "compiler/check/settings.h"
#include "compiler/document/document.h"
#include "compiler/driver/stdlib.h"
#include "compiler/elaborate/predefined.h"
#include "compiler/ir/ops.h"

namespace am::document {
namespace {

std::string read_doc(const std::string& name) {
  std::ostringstream out;
  out << std::ifstream(fmt::format("{}/docs/{}", AM_SOURCE_DIR, name), std::ios::binary).rdbuf();
  return out.str();
}

Entry only(const Section& s) {
  EXPECT_EQ(s.entries.size(), 1u);
  return s.entries.at(0);
}

Section of(const std::string& text) {
  source::Sources sources;
  diagnostics::Sink sink;
  Section out = script("x.am", text, sources, sink);
  EXPECT_FALSE(sink.has_errors());
  return out;
}

TEST(Document, ReadsACommentInItsParts) {
  const Entry e = only(of(R"(## A layer with
## a gate. It has remarks, eq. (3).
##
##   h = a ⊙ b
##
## More remarks. Source: A Book (Ann. Math.), 1999,
## section 2.
net gated(width, out = 1, act = silu) { apply(x) { x } }
)"));
  EXPECT_EQ(e.name, "gated");
  EXPECT_EQ(e.signature, "net gated(width, out = 1, act = silu)");
  EXPECT_EQ(e.summary, "A layer with a gate.");
  EXPECT_EQ(e.text, "It has remarks, eq. (3).\n\n  h = a ⊙ b\n\nMore remarks.");
  EXPECT_EQ(e.source, "A Book (Ann. Math.), 1999, section 2.");
  EXPECT_EQ(
      text(e),
      "net gated(width, out = 1, act = silu)\n  A layer with a gate.\n\n  It has remarks, eq. (3).\n\n    h = a ⊙ b\n"
      "\n  More remarks.\n\n  Source: A Book (Ann. Math.), 1999, section 2.\n");
  EXPECT_EQ(markdown(e),
            "### `net gated(width, out = 1, act = silu)`\n\nA layer with a gate.\n\nIt has remarks, eq. (3).\n\n\n"
            "      h = a ⊙ b\n\n\nMore remarks.\n\nSource: A Book (Ann. Math.), 1999, section 2.\n");
}

TEST(Document, SignaturesSayHowAThingIsCalled) {
  const Section s = of(R"(# About it.

const n = 3
fn f(x, order = 2) = x
distribution d() { z ~ normal(2); z }
path q(t) over 0..1 { z ~ normal(n); z }
path r(first, last = 3)(t) over 0..2 { z ~ normal(2); z }
path p = r(1)
train m = am(s, q) { steps = 1 }
sample a from m { times = [0, 1] }
evaluate m { against = q }
)");
  std::vector<std::string> found;
  for (const Entry& e : s.entries) found.push_back(e.signature);
  EXPECT_EQ(found, (std::vector<std::string>{"const n = 3", "fn f(x, order = 2)", "distribution d()",
                                             "path q(t) over 0..1", "path r(first, last = 3)(t) over 0..2",
                                             "path p = r(1)", "train m = am(s, q)", "sample a from m", "evaluate m"}));
  EXPECT_EQ(s.intro, "About it.");
}

TEST(Document, FindsWhatIsDeclaredAnywhere) {
  const auto all = everything();
  for (const char* name :
       {"mlp", "exp", "erf", "ot", "UnknownName", "steps", "bandwidth", "pi", "mmd", "one_step", "f64"})
    EXPECT_FALSE(find(all, name).empty()) << name;
  EXPECT_EQ(find(all, "linear").size(), 2u) << "the net and the path";
  EXPECT_EQ(find(all, "exp").at(0)->signature, "exp(x)");
  EXPECT_EQ(find(all, "where").at(0)->signature, "where(condition, then, otherwise)");
  ASSERT_EQ(find_sections(all, "train").size(), 1u);
  EXPECT_EQ(find_sections(all, "functions").size(), 2u) << "of the library, and built in";
  EXPECT_NE(text(*find_sections(all, "train")[0]).find("steps = 1_000"), std::string::npos);
  EXPECT_TRUE(find_sections(all, "tran").empty());
  EXPECT_TRUE(find(all, "mpl").empty());
  EXPECT_EQ(nearest(all, "mpl"), "mlp");
  EXPECT_EQ(nearest(all, "UnknownNmae"), "UnknownName");
  EXPECT_EQ(nearest(all, "qqqqqqqqqqqq"), "");
}

/// Everything with a name has a sentence, and none of it is lost on the way.
TEST(Document, HasASentenceForEverything) {
  size_t entries = 0;
  for (const Section& s : library())
    for (const Entry& e : s.entries) {
      ++entries;
      EXPECT_TRUE(e.summary.ends_with('.')) << e.signature << ": " << e.summary;
      EXPECT_EQ(e.summary.find("  "), std::string::npos) << e.signature;
    }
  EXPECT_GT(entries, 80u);
  const auto all = everything();
  for (int k = 0; k < ir::kOpCount; ++k)
    if (const ir::OpInfo& op = ir::info(ir::Op(k)); !op.doc.empty()) {
      const auto found = find(all, op.name);
      EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const Entry* e) { return e->summary == op.doc; }))
          << op.name;
    }
  EXPECT_EQ(find_sections(all, "train").at(0)->entries.size() + find_sections(all, "sample").at(0)->entries.size() +
                find_sections(all, "evaluate").at(0)->entries.size(),
            check::settings().size());
  for (const elaborate::Predefined& p : elaborate::predefined()) EXPECT_FALSE(find(all, p.name).empty()) << p.name;
  EXPECT_EQ(diagnostics().entries.size(), static_cast<size_t>(diagnostics::kKindCount));
  for (const LibraryFile& file : standard_library())
    EXPECT_FALSE(find_sections(all, file.name.substr(0, file.name.find('.'))).empty()) << file.name;
}

TEST(Document, DiagnosticsHaveOpenSlotsAndConsequences) {
  const auto all = everything();
  const Entry& e = *find(all, "UnknownName").at(0);
  EXPECT_EQ(e.signature, "error UnknownName");
  EXPECT_EQ(e.summary, "nothing named `…` is in scope here");
  EXPECT_NE(e.text.find("Exit code 1"), std::string::npos);
}

constexpr const char* kRemake = "`scripts/docs` makes it again";

/// The first line in which two texts differ; empty if they do not.
std::string difference(const std::string& there, const std::string& made) {
  std::istringstream a(there), b(made);
  for (int number = 1;; ++number) {
    std::string x, y;
    const bool more = static_cast<bool>(std::getline(a, x)), made_more = static_cast<bool>(std::getline(b, y));
    if (!more && !made_more) return "";
    if (more != made_more || x != y) return fmt::format("line {}: `{}` should be `{}`", number, x, y);
  }
}

TEST(Pages, TheLibraryIsAsItsCommentsSay) {
  EXPECT_EQ(difference(read_doc("stdlib.md"), page(library())), "") << kRemake;
}

/// Tables between `<!-- amc doc --markdown NAME -->` and `<!-- end -->`.
TEST(Pages, TablesOfSettingsAreThoseOfTheCompiler) {
  const std::string text = read_doc("language.md");
  const auto all = everything();
  std::set<std::string> seen;
  const std::string mark = "<!-- amc doc --markdown ", end = "<!-- end -->";
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const size_t name_end = text.find(" -->\n", at);
    const std::string name = text.substr(at + mark.size(), name_end - at - mark.size());
    const size_t from = name_end + 5, to = text.find(end, from);
    ASSERT_NE(to, std::string::npos) << name;
    const auto found = find_sections(all, name);
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_EQ(difference(text.substr(from, to - from), table(*found[0])), "") << name << ": " << kRemake;
    seen.insert(name);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"train", "sample", "evaluate"}));
}

}  // namespace
}  // namespace am::document
