// The program `amc` as a process, in a folder of its own.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace am::testing {

/// How a process ended and what it said.
struct Ended {
  int code = -1;  // exit code; 128 + signal where a signal ended it
  std::string out, err;
};

/// A running `amc`. Its output goes to files, so that it never waits for a reader.
class Process {
 public:
  Process(const std::filesystem::path& folder, const std::vector<std::string>& arguments);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills it if nobody waited for it.
  ~Process();

  /// True once `text` stands in its standard output; false when it ended without, or after `seconds`.
  bool says(const std::string& text, double seconds = 20);
  void signal(int number) const;
  Ended wait();

 private:
  bool ended();

  std::filesystem::path out_, err_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool reaped_ = false;
};

std::string contents(const std::filesystem::path& path);

/// A fixture whose working folder is empty at first and goes away at the end.
class Amc : public ::testing::Test {
 protected:
  Amc();
  ~Amc() override;

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  std::string read(const std::string& name) const { return contents(path(name)); }
  void write(const std::string& name, const std::string& text) const;
  bool there(const std::string& name) const { return std::filesystem::exists(path(name)); }

  /// Runs to the end, in the working folder or below it.
  Ended amc(const std::vector<std::string>& arguments, const std::string& below = "") const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

/// A csv file: its header, and its cells by column.
struct Csv {
  std::vector<std::string> header;
  std::map<std::string, std::vector<double>> columns;
};
Csv parse_csv(const std::string& text);

/// True if `text` holds every part, one after the other.
::testing::AssertionResult holds_in_order(const std::string& text, const std::vector<std::string>& parts);
inline ::testing::AssertionResult holds(const std::string& text, const std::string& part) { return holds_in_order(text, {part}); }

/// A path without data and a small net: the smallest script that trains.
std::string small_script(const std::string& settings);

}  // namespace am::testing
