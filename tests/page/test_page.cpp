// The report in a browser.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

#include "runtime/report/report.h"

namespace am::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The first browser of the search path; empty if there is none.
std::string browser() {
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');)
    for (const char* name : {"chromium", "chromium-browser", "google-chrome", "chrome"})
      if (const fs::path file = fs::path(folder) / name; access(file.c_str(), X_OK) == 0) return file;
  return "";
}

struct Pixels {
  size_t width = 0, height = 0, channels = 0;
  std::vector<unsigned char> bytes;
};

uint32_t big_endian(const std::string& text, size_t at) {
  uint32_t out = 0;
  for (size_t k = 0; k < 4; ++k) out = out << 8 | static_cast<unsigned char>(text[at + k]);
  return out;
}

/// A PNG of eight bits a channel that is not interlaced, as browsers write them (PNG specification, sections 5 and 9).
Pixels decode(const std::string& png) {
  Pixels out;
  std::string packed;
  for (size_t at = 8; at + 12 <= png.size(); at += 12 + big_endian(png, at)) {
    const std::string type = png.substr(at + 4, 4), data = png.substr(at + 8, big_endian(png, at));
    if (type == "IHDR") {
      out.width = big_endian(data, 0), out.height = big_endian(data, 4);
      out.channels = data[9] == 6 ? 4 : 3;
    }
    if (type == "IDAT") packed += data;
  }
  const size_t line = out.width * out.channels;
  std::vector<unsigned char> raw(out.height * (line + 1));
  uLongf size = raw.size();
  if (uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(packed.data()), packed.size()) != Z_OK) return {};
  out.bytes.resize(out.height * line);
  for (size_t y = 0; y < out.height; ++y)
    for (size_t i = 0; i < line; ++i) {
      const auto before = [&](size_t rows, size_t pixels) -> int {
        return rows > y || pixels * out.channels > i ? 0 : out.bytes[(y - rows) * line + i - pixels * out.channels];
      };
      const int a = before(0, 1), b = before(1, 0), c = before(1, 1), p = a + b - c;
      const int paeth = std::abs(p - a) <= std::abs(p - b) && std::abs(p - a) <= std::abs(p - c) ? a
                        : std::abs(p - b) <= std::abs(p - c)                                     ? b
                                                                                                 : c;
      const int predicted[] = {0, a, b, (a + b) / 2, paeth};
      out.bytes[y * line + i] = static_cast<unsigned char>(raw[y * (line + 1) + 1 + i] + predicted[raw[y * (line + 1)] % 5]);
    }
  return out;
}

/// A run in two dimensions with all there is, in five with menus, and in one.
Report everything() {
  std::mt19937_64 random(1);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) / 9007199254740992.0; };
  Report report{.title = "everything.am", .script = "potential s(x, t) = 1\n"};
  for (const int d : {2, 5, 1}) {
    Motion m{.name = fmt::format("in {} dimensions", d), .dimension = d, .times = {0, 0.5, 1}};
    Reference reference{.times = {0, 1}};
    std::vector<double> cloud(static_cast<size_t>(400 * d));
    for (double& x : cloud) x = uniform();
    for (size_t k = 0; k < 3; ++k) {
      m.points.push_back(cloud);
      if (k != 1) reference.points.push_back(cloud);
      for (size_t i = 0; i < cloud.size(); ++i) cloud[i] += 0.2 + 0.1 * static_cast<double>(i % static_cast<size_t>(d));
    }
    m.coordinates.assign(static_cast<size_t>(d), "<script>document.title = 'taken'</script>");
    if (d == 2) {
      for (size_t k = 0; k < 3; ++k) {
        m.weights.emplace_back(), m.growth.emplace_back();
        for (size_t i = 0; i < 400; ++i) m.weights[k].push_back(1 + static_cast<double>(i % 7 * k)), m.growth[k].push_back(i % 3 - 1.0);
      }
      Field field{.side = 21, .low = {-0.5, -0.5}, .high = {2, 2}, .times = {0, 1}};
      for (int k = 0; k < 2; ++k) {
        field.drift.emplace_back(), field.potential.emplace_back(), field.growth.emplace_back();
        for (int n = 0; n < 21 * 21; ++n) {
          const double x = n % 21 / 10.0 - 1, y = n / 21 / 10.0 - 1;
          field.drift[k].insert(field.drift[k].end(), {-y, x + k});
          field.potential[k].push_back(x * x + y), field.growth[k].push_back(x * y);
        }
      }
      m.field = field;
    }
    report.motions.push_back(std::move(m));
    report.references.push_back(std::move(reference));
  }
  report.training = {{.title = "Training", .x_label = "step", .y_label = "loss", .series = {{"loss", {0, 1, 2}, {3, 2, 1}}}}};
  return report;
}

class Page : public ::testing::Test {
 protected:
  void SetUp() override {
    program_ = browser();
    if (program_.empty()) GTEST_SKIP() << "no chromium on the search path: the page was not opened";
    std::string name = (fs::temp_directory_path() / "amc_page_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~Page() override {
    std::error_code unused;
    if (!folder_.empty()) fs::remove_all(folder_, unused);
  }

  /// Opens a page with more arguments; gives what the browser printed, and what it said about it in `errors`.
  std::string open(const std::string& page, const std::string& fragment, std::vector<std::string> more) {
    std::ofstream(folder_ / "report.html", std::ios::binary) << page;
    std::vector<std::string> words{program_,
                                   "--headless",
                                   "--no-sandbox",
                                   "--disable-gpu",
                                   "--no-first-run",
                                   "--disable-background-networking",
                                   "--disable-component-update",
                                   "--disable-sync",
                                   "--disable-quic",
                                   "--enable-logging=stderr",
                                   "--hide-scrollbars",
                                   fmt::format("--user-data-dir={}", (folder_ / "profile").string())};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(fmt::format("file://{}{}", (folder_ / "report.html").string(), fragment));
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = (folder_ / "out").string(), err = (folder_ / "err").string();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid = -1;
    EXPECT_EQ(posix_spawn(&pid, program_.c_str(), &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    waitpid(pid, &status, 0);
    std::istringstream said(contents(err));
    errors.clear();
    for (std::string line; std::getline(said, line);)
      if (line.find("CONSOLE") != std::string::npos) errors += line + "\n";
    return contents(out);
  }

  /// What the page saw when it looked at itself.
  Json checked(const std::string& page) {
    const std::string document = open(page, "#check", {"--dump-dom"}), start = "<pre id=\"check-result\">";
    const size_t from = document.find(start);
    if (from == std::string::npos) return {};
    std::string text = document.substr(from + start.size(), document.find("</pre>", from) - from - start.size());
    for (const auto& [entity, character] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}})
      for (size_t at; (at = text.find(entity)) != std::string::npos;) text.replace(at, std::string(entity).size(), character);
    return Json::parse(text, nullptr, false);
  }

  std::string program_;
  fs::path folder_;
  std::string errors;  // of the page's console
};

TEST_F(Page, TheSliderMovesTheDotsAndEveryControlChangesThePicture) {
  const Json seen = checked(html(everything()));
  EXPECT_EQ(errors, "");
  ASSERT_TRUE(seen.is_object());
  EXPECT_EQ(seen["errors"], Json::array());
  ASSERT_EQ(seen["players"].size(), 3u);
  for (const Json& player : seen["players"]) {
    SCOPED_TRACE(player.dump());
    EXPECT_GT(player["canvas"], 100);
    EXPECT_GT(player["drawn"], 1000);
    EXPECT_EQ(player["same"], 0);
    EXPECT_GT(player["moved"], 200);
    EXPECT_EQ(player["time"], 1);
    for (const auto& [name, changed] : player["controls"].items()) EXPECT_GT(changed, 0) << name;
  }
  const auto& two = seen["players"][0]["controls"];
  for (const char* name : {"colouring", "flow", "showParticles", "showData", "showPaths", "showPotential", "showGrowth"})
    EXPECT_TRUE(two.contains(name)) << name;
  EXPECT_TRUE(seen["players"][1]["controls"].contains("across"));
}

TEST_F(Page, AnEmptyReportIsOpenedWithoutAnError) {
  const Json seen = checked(html({}));
  EXPECT_EQ(errors, "");
  ASSERT_TRUE(seen.is_object());
  EXPECT_EQ(seen["errors"], Json::array());
}

// The test itself sees an error of the page's script.
TEST_F(Page, AnErrorIsSeen) {
  std::string page = html(everything());
  page.replace(page.find("readTheme();\n"), 10, "readThema(");
  checked(page);
  EXPECT_NE(errors, "");
}

TEST_F(Page, TwentyThousandParticlesArePlayed) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  Report report{.title = "many.am"};
  Motion m{.name = "many", .dimension = 2};
  std::vector<double> cloud(40'000);
  for (double& x : cloud) x = normal(random);
  for (int k = 0; k <= 100; ++k) {
    m.times.push_back(k / 100.0);
    m.points.push_back(cloud);
    for (size_t i = 0; i < cloud.size(); i += 2) cloud[i] += 0.02;
  }
  report.motions.push_back(std::move(m));
  const std::string page = html(report);
  const Json seen = checked(page);
  EXPECT_EQ(errors, "");
  ASSERT_EQ(seen["players"].size(), 1u);
  EXPECT_GT(seen["players"][0]["moved"], 1000);
  RecordProperty("megabytes", fmt::format("{:.1f}", static_cast<double>(page.size()) / 1e6));
  fmt::print("a page of {:.1f} MB, {:.1f} ms a frame\n", static_cast<double>(page.size()) / 1e6,
             seen["players"][0]["milliseconds"].get<double>());
}

// In light and in dark: the picture has many colours, its corner is the paper's, and the dots are there.
TEST_F(Page, AScreenshotIsNotBlank) {
  for (const bool dark : {false, true}) {
    SCOPED_TRACE(dark ? "dark" : "light");
    const fs::path file = folder_ / "page.png";
    std::vector<std::string> more{"--screenshot=" + file.string(), "--window-size=1100,1000"};
    if (dark) more.push_back("--blink-settings=preferredColorScheme=0");
    open(html(everything()), "#t=0.5", more);
    EXPECT_EQ(errors, "");
    const Pixels p = decode(contents(file));
    ASSERT_EQ(p.width, 1100u);
    ASSERT_EQ(p.height, 1000u);
    std::set<std::array<unsigned char, 3>> colours;
    for (size_t i = 0; i + 2 < p.bytes.size(); i += p.channels) colours.insert({p.bytes[i], p.bytes[i + 1], p.bytes[i + 2]});
    EXPECT_GT(colours.size(), 200u);
    if (dark)
      EXPECT_LT(p.bytes[0], 60);
    else
      EXPECT_EQ(p.bytes[0], 255);
  }
}

}  // namespace
}  // namespace am::report
