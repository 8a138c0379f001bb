#include "tests/amc/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace am::testing {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<int> number_of_processes = 0;

}  // namespace

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Process::Process(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
  const auto base = std::filesystem::temp_directory_path() / ("amc_process_" + std::to_string(getpid()) + "_" + std::to_string(++number_of_processes));
  out_ = base.string() + ".out", err_ = base.string() + ".err";
  std::vector<std::string> words{AMC_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int error = posix_spawn(&pid_, AMC_PROGRAM, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("amc does not start");
}

Process::~Process() {
  if (!reaped_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
  std::error_code unused;
  std::filesystem::remove(out_, unused);
  std::filesystem::remove(err_, unused);
}

bool Process::ended() {
  if (!reaped_) reaped_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return reaped_;
}

bool Process::says(const std::string& text, double seconds) {
  const auto began = Clock::now();
  while (contents(out_).find(text) == std::string::npos) {
    if (ended() || std::chrono::duration<double>(Clock::now() - began).count() > seconds) return contents(out_).find(text) != std::string::npos;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void Process::signal(int number) const {
  if (!reaped_) kill(pid_, number);
}

Ended Process::wait() {
  if (!reaped_) waitpid(pid_, &status_, 0);
  reaped_ = true;
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_), contents(out_), contents(err_)};
}

Amc::Amc() {
  std::string name = (std::filesystem::temp_directory_path() / "amc_test_XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  folder_ = name;
  // The user's own compiled programs are neither used nor added to.
  setenv("AMC_CACHE", "off", 1);
}

Amc::~Amc() {
  std::error_code unused;
  std::filesystem::remove_all(folder_, unused);
}

void Amc::write(const std::string& name, const std::string& text) const {
  std::filesystem::create_directories(path(name).parent_path());
  std::ofstream(path(name), std::ios::binary) << text;
}

Ended Amc::amc(const std::vector<std::string>& arguments, const std::string& below) const {
  return Process(below.empty() ? folder_ : folder_ / below, arguments).wait();
}

Csv parse_csv(const std::string& text) {
  Csv csv;
  std::istringstream lines(text);
  std::string line, cell;
  std::getline(lines, line);
  for (std::istringstream cells(line); std::getline(cells, cell, ',');) csv.header.push_back(cell);
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    for (const std::string& name : csv.header) {
      std::getline(cells, cell, ',');
      csv.columns[name].push_back(std::strtod(cell.c_str(), nullptr));
    }
  }
  return csv;
}

::testing::AssertionResult holds_in_order(const std::string& text, const std::vector<std::string>& parts) {
  size_t at = 0;
  for (const std::string& part : parts) {
    at = text.find(part, at);
    if (at == std::string::npos) return ::testing::AssertionFailure() << "missing (in this order): «" << part << "» in\n" << text;
    at += part.size();
  }
  return ::testing::AssertionSuccess();
}

std::string small_script(const std::string& settings) {
  return R"(path q(t) over 0..1 {
  z ~ normal(2)
  [2·t, 0] + (1 + t/2)·z
}
potential s(x, t) = mlp(width = 8, depth = 2)([x, t])
train flow = am(s, q) { )" + settings + " }\n";
}

}  // namespace am::testing
