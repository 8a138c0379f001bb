// Figures about numbers that `describe` prints: ranges, times, duplicates, and guesses from names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace am::data {

/// Range and mean of the finite values, and how many are not.
struct Figures {
  size_t finite = 0, non_finite = 0;
  double least = 0, greatest = 0, sum = 0;
  bool whole = true;  // every finite value is an integer

  void add(double value);
  double mean() const { return finite == 0 ? 0 : sum / static_cast<double>(finite); }
};

/// "0 to 4, mean 2.1", or that there is none.
std::string range_text(const Figures& figures);

/// How much `name` sounds like a time: 0 is not at all, and a larger number beats a smaller one.
int time_likeness(std::string_view name);

/// Whether `name` sounds like the weights of samples.
bool is_weight(std::string_view name);

/// Whether all values are finite and few enough of them differ to be the times of snapshots.
bool could_be_times(std::span<const double> values);

/// One line for each time with its number of rows.
std::string times_text(std::string_view name, std::span<const double> times);

/// Rows of a row-major table that equal an earlier one, bit for bit.
size_t duplicate_rows(std::span<const double> rows, size_t width);

/// Rows whose time is below that of the row before.
size_t falls(std::span<const double> times);

/// `"x1".."x5"` if the names are a numbered run of at least two.
std::optional<std::string> as_range(const std::vector<std::string>& names);

/// A text literal of the language.
std::string quoted(std::string_view text);

/// "1 row", "2 rows".
std::string counted(size_t count, std::string_view noun);

/// The lines that name what is wrong, or that nothing is.
class Findings {
 public:
  void add(size_t count, std::string line);
  /// `falls` rows stand out of the order of `time`, in a file whose reader does not sort.
  void rows(size_t duplicates, size_t falls, std::string_view time);
  std::string text() const;

 private:
  std::vector<std::string> lines_;
};

}  // namespace am::data
