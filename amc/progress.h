// Progress for people: one line that rewrites itself on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace am::program {

class ProgressLine {
 public:
  /// Says nothing unless `shown`.
  explicit ProgressLine(bool shown);
  /// Shows `text`: at most ten times a second on a terminal, every ten seconds elsewhere, always if `force`.
  void show(const std::string& text, bool force = false);
  /// Ends the line, so that other output starts on one of its own.
  void end();

 private:
  bool shown_, terminal_;
  bool open_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// "3 s", "2 min 05 s", "1 h 12 min".
std::string duration(double seconds);
/// "12,345".
std::string grouped(long long n);

}  // namespace am::program
