// What the readers of tables and of arrays share: complaints, and grouping by time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/data/data.h"
#include "runtime/data/npz.h"

namespace am::data {

/// A damaged file often has thousands of bad cells: the first few are reported, the rest is counted.
class Problems {
 public:
  explicit Problems(source::Span span) : span_(span) {}

  template <diagnostics::Kind kind, class... Args>
  void add(const Args&... args) {
    if (found_++ < kMost) shown_.push_back(diagnostics::make<kind>(span_, args...));
  }
  size_t found() const { return found_; }
  /// Hands everything to the sink; true if there was anything.
  bool report(diagnostics::Sink& sink);

 private:
  static constexpr size_t kMost = 5;
  source::Span span_;
  std::vector<diagnostics::Diagnostic> shown_;
  size_t found_ = 0;
};

/// What the system refuses is a missing file; the rest is a malformed one.
void report_file(const FileError& error, const std::string& path, std::string_view format, source::Span span,
                 diagnostics::Sink& sink);

/// `noun` says what the names are ("columns", "members").
void report_missing(const std::string& path, const std::string& name, const std::vector<std::string>& names,
                    std::string_view noun, source::Span span, diagnostics::Sink& sink);

/// The first of the names, and how many more there are: "`a`, `b` and 3 more".
std::string name_list(const std::vector<std::string>& names);

/// Reports values of a table [·, columns] that are not finite; true if there are any.
bool report_non_finite(const std::vector<double>& values, const std::vector<std::string>& columns,
                       const std::string& path, source::Span span, diagnostics::Sink& sink);

/// Numbers that were kept in single precision, which turns 0.1 into 0.100000001, as their author wrote them: the
/// shortest that give the same float.
std::vector<double> as_written(std::vector<double> singles);

/// Keeps the weights of the samples, which are grouped already. Reports a weight that is negative or not finite, and a
/// snapshot without any; false then.
bool add_weights(std::vector<double> weights, const std::string& column, source::Span span, diagnostics::Sink& sink,
                 Snapshots& out);

/// Brings the rows and their times in the order of time; rows of one time keep their order.
void sort_by_time(std::vector<double>& row_times, Snapshots& out);

/// The first row whose time is below that of the row before it, if there is one.
std::optional<size_t> first_fall(const std::vector<double>& times);

/// Fills `times` and `offsets` from the time of each row. Times that fall are reported with `suggestion`, and false is
/// returned: sorting in silence would hide that the rows are not what their author believes.
bool group_by_time(const std::vector<double>& row_times, const std::string& suggestion, source::Span span,
                   diagnostics::Sink& sink, Snapshots& out);

}  // namespace am::data
