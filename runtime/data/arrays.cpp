#include <climits>

#include "runtime/data/archive.h"
#include "runtime/data/data.h"
#include "runtime/data/npy.h"
#include "runtime/data/snapshots.h"
#include "runtime/data/table.h"

namespace am::data {
namespace {

using diagnostics::Kind;
using diagnostics::Sink;
using source::Span;

/// Where an array comes from, for messages.
struct Origin {
  const std::string& path;
  std::string_view format;
  std::string member;  // empty for an .npy
  Span span;
  Sink& sink;

  void malformed(const std::string& what) const { sink.report<Kind::MalformedFile>(span, path, format, what); }
  /// What a sentence about the array begins with.
  std::string subject() const { return member.empty() ? "its array" : fmt::format("its member `{}`", shown(member)); }
};

/// "X[:, 3]" as one would write it in Python, or the member's name if it has one coordinate without an axis.
std::string column_name(const Origin& origin, const Array& array, size_t k) {
  if (array.shape.size() == 1) return origin.member.empty() ? "[:]" : shown(origin.member);
  return fmt::format("{}[:, {}]", shown(origin.member), k);
}

std::optional<Snapshots> coordinates(const Array& array, const Origin& origin) {
  const size_t rank = array.shape.size();
  if (rank != 1 && rank != 2) {
    origin.malformed(
        fmt::format("{} has shape {}, and [count, d] or [count] is needed", origin.subject(), shape_text(array.shape)));
    return std::nullopt;
  }
  const size_t width = rank == 1 ? 1 : array.shape[1];
  if (array.count() == 0 || width > INT_MAX) {
    origin.sink.report<Kind::EmptyData>(origin.span, origin.path);
    return std::nullopt;
  }
  Snapshots out{.name = origin.path, .dimension = static_cast<int>(width), .rows = numbers(array)};
  for (size_t k = 0; k < width; ++k) out.columns.push_back(column_name(origin, array, k));
  if (report_non_finite(out.rows, out.columns, origin.path, origin.span, origin.sink)) return std::nullopt;
  out.offsets = {0, out.count()};
  return out;
}

bool add_times(const Array& array, const Origin& origin, Snapshots& out) {
  const bool column = array.shape.size() == 1 || (array.shape.size() == 2 && array.shape[1] == 1);
  if (!column || array.count() != out.count()) {
    origin.malformed(fmt::format("{} has shape {}, and one time for each of {} samples is needed", origin.subject(),
                                 shape_text(array.shape), out.count()));
    return false;
  }
  const std::vector<double> times = array.dtype == "<f4" ? as_written(numbers(array)) : numbers(array);
  if (report_non_finite(times, {origin.member}, origin.path, origin.span, origin.sink)) return false;
  out.offsets.clear();
  const std::string help = fmt::format("sort the rows of every member by `{}`", shown(origin.member));
  return group_by_time(times, help, origin.span, origin.sink, out);
}

/// An archive in memory, from which members are taken by name.
class Members {
 public:
  FileError open(const std::string& path) {
    if (FileError error = read_file(path, bytes_)) return error;
    return list_members(bytes_, members_);
  }

  std::optional<Array> take(const Origin& origin) const {
    Array array;
    for (const Member& member : members_) {
      if (array_name(member) != origin.member) continue;
      const FileError error = read_member(bytes_, member, array);
      if (!error) return array;
      origin.malformed(error.what);
      return std::nullopt;
    }
    report_missing(origin.path, origin.member, names(), "members", origin.span, origin.sink);
    return std::nullopt;
  }

 private:
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Member& member : members_) names.push_back(array_name(member));
    return names;
  }

  Bytes bytes_;
  std::vector<Member> members_;
};

}  // namespace

std::optional<Snapshots> read_npz(const std::string& path, const NpzOptions& options, Span span, Sink& sink) {
  Members members;
  if (const FileError error = members.open(path)) {
    report_file(error, path, "npz", span, sink);
    return std::nullopt;
  }
  const Origin x_origin{path, "npz", options.x, span, sink}, time_origin{path, "npz", options.time, span, sink};
  const std::optional<Array> x = members.take(x_origin);
  const std::optional<Array> time = options.time.empty() ? std::nullopt : members.take(time_origin);
  if (!x || (!options.time.empty() && !time)) return std::nullopt;
  std::optional<Snapshots> out = coordinates(*x, x_origin);
  if (out && time && !add_times(*time, time_origin, *out)) return std::nullopt;
  return out;
}

std::optional<Snapshots> read_npy(const std::string& path, Span span, Sink& sink) {
  Array array;
  if (const FileError error = read_npy(path, array)) {
    report_file(error, path, "npy", span, sink);
    return std::nullopt;
  }
  return coordinates(array, {path, "npy", "", span, sink});
}

}  // namespace am::data
