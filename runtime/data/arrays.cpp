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

bool add_row_weights(const Array& array, const Origin& origin, Snapshots& out) {
  if (array.shape.size() == 1) return add_weights(numbers(array), origin.member, origin.span, origin.sink, out);
  origin.malformed(fmt::format("{} has shape {}, and one weight for each of {} samples is needed", origin.subject(),
                               shape_text(array.shape), out.count()));
  return false;
}

/// Genes are called "PCs[7]" by their place in the loadings, since archives rarely hold texts.
bool add_components(const Array& loadings, const Origin& origin, const std::optional<Array>& centre,
                    const Origin& centre_origin, Snapshots& out) {
  const auto width = static_cast<size_t>(out.dimension);
  if (loadings.shape.size() != 2 || loadings.shape[1] != width || loadings.count() == 0) {
    origin.malformed(fmt::format("{} has shape {}, and [genes, {}] is needed, a column for each coordinate",
                                 origin.subject(), shape_text(loadings.shape), width));
    return false;
  }
  auto components = std::make_shared<Components>();
  for (size_t gene = 0; gene < loadings.shape[0]; ++gene)
    components->names.push_back(fmt::format("{}[{}]", shown(origin.member), gene));
  components->loadings = numbers(loadings);
  if (centre) components->centre = numbers(*centre);
  if (centre && (centre->shape.size() != 1 || components->centre.size() != components->genes())) {
    centre_origin.malformed(fmt::format("{} has shape {}, and one number for each of {} genes is needed",
                                        centre_origin.subject(), shape_text(centre->shape), components->genes()));
    return false;
  }
  if (report_non_finite(components->loadings, std::vector<std::string>(width, origin.member), origin.path, origin.span,
                        origin.sink) ||
      report_non_finite(components->centre, {centre_origin.member}, origin.path, origin.span, origin.sink))
    return false;
  out.frame = std::make_shared<const Frame>(Frame{.of = "", .mean = {}, .scale = {}, .components = components});
  return true;
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
  // A member for each option that names one, in this order.
  const std::string names[] = {options.x, options.time, options.weight, options.loadings, options.centre};
  enum { X, Time, Weight, Loadings, Centre };
  std::vector<Origin> origins;
  std::vector<std::optional<Array>> arrays;
  for (const std::string& name : names) {
    origins.push_back({path, "npz", name, span, sink});
    arrays.push_back(name.empty() ? std::nullopt : members.take(origins.back()));
  }
  for (size_t k = 0; k < arrays.size(); ++k)
    if (!names[k].empty() && !arrays[k]) return std::nullopt;
  std::optional<Snapshots> out = coordinates(*arrays[X], origins[X]);
  if (!out || (arrays[Time] && !add_times(*arrays[Time], origins[Time], *out)) ||
      (arrays[Weight] && !add_row_weights(*arrays[Weight], origins[Weight], *out)) ||
      (arrays[Loadings] &&
       !add_components(*arrays[Loadings], origins[Loadings], arrays[Centre], origins[Centre], *out)))
    return std::nullopt;
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
