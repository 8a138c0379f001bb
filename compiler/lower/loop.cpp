// Note [tile loops]. Elements are the outer loops, samples the inner one, which does a few vectors at a time so that
// chains of dependent instructions overlap. Where every access runs through its rows in order, elements and samples are
// one loop.
//
// Note [repeated columns]. Derivatives along several directions have an axis for these at their end, along which factors
// are repeated and squares are summed. Where anything stands still along the last axis, this axis is the innermost loop,
// inside that over the vectors of a row: what stands still is read and computed once, and sums stay in registers.
//
// Note [shared loops]. The innermost axis is the vector; its end is masked, since nothing may be touched beyond a value.
// A single element is computed in all lanes and one is stored.
#include "compiler/lower/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"
#include "compiler/lower/vector_math.h"

namespace am::lower {

int LoopKernel::access(const Access& access) {
  const auto known = std::find(accesses.begin(), accesses.end(), access);
  if (known == accesses.end()) return accesses.push_back(access), static_cast<int>(accesses.size() - 1);
  return static_cast<int>(known - accesses.begin());
}

int LoopKernel::add(Item item) {
  items.push_back(std::move(item));
  return static_cast<int>(items.size() - 1);
}

namespace {

using llvm::Value;

/// Drops the axes of size 1.
void squeeze(LoopKernel& kernel) {
  for (size_t axis = kernel.axes.size(); axis-- > 0;) {
    if (kernel.axes[axis] != 1) continue;
    kernel.axes.erase(kernel.axes.begin() + axis);
    for (Access& a : kernel.accesses) a.strides.erase(a.strides.begin() + axis);
  }
}

/// Joins neighbouring axes that every access walks through as if they were one.
void collapse(LoopKernel& kernel) {
  for (size_t axis = kernel.axes.size(); axis-- > 1;) {
    const int size = kernel.axes[axis];
    const bool joins = std::all_of(kernel.accesses.begin(), kernel.accesses.end(), [&](const Access& a) {
      return a.strides[axis - 1] == a.strides[axis] * size;
    });
    if (!joins) continue;
    kernel.axes[axis - 1] *= size;
    kernel.axes.erase(kernel.axes.begin() + axis);
    for (Access& a : kernel.accesses) a.strides.erase(a.strides.begin() + axis - 1);
  }
}

/// Samples join the last axis if there is only this axis and every access is to sampled elements in order.
bool is_flat(const LoopKernel& kernel) {
  return kernel.axes.size() == 1 && std::all_of(kernel.accesses.begin(), kernel.accesses.end(), [](const Access& a) {
           return a.kind == Access::Kind::Sampled && a.strides[0] == 1;
         });
}

std::string key_of(const LoopKernel& kernel) {
  std::string key = kernel.tile ? "loop_tile" : "loop_shared";
  for (int size : kernel.axes) key += fmt::format("_{}", size);
  for (const Access& a : kernel.accesses) {
    key += fmt::format("|{}p{}+{}", "srl"[static_cast<int>(a.kind)], a.pointer, a.offset);
    for (int64_t stride : a.strides) key += fmt::format("*{}", stride);
  }
  for (const Item& item : kernel.items) {
    key += fmt::format(";{}", static_cast<int>(item.kind));
    if (item.kind == Item::Kind::Constant) key += fmt::format("={}", item.value);
    if (item.kind == Item::Kind::Compute) key += ir::info(item.op).name;
    if (item.access >= 0) key += fmt::format("@{}", item.access);
    for (int x : item.operands) key += fmt::format(",{}", x);
  }
  return key;
}

/// Writes the body of one kernel.
class Body {
 public:
  Body(Writer& w, const LoopKernel& kernel, Value* valid)
      : w_(w), k_(kernel), valid_(valid), scalars_(w.b, w.unit.element, w.unit.lanes) {}
  void write_tile();
  void write_shared();

 private:
  using Vectors = std::vector<Value*>;
  int unroll(int vectors) const;
  void nest(size_t axis, size_t end, const std::function<void()>& inside);
  Value* position(const Access& access) const;
  Value* compute(const Item& item, const std::vector<Vectors>& values, int u);

  bool repeats_columns() const;
  int64_t width(const Access& access) const;
  Vectors tile_starts() const;
  Value* splat(const Access& access, Value* start) const;
  void tile_rows(int vectors);
  void tile_columns(int vectors);
  /// Vectors from where each access starts, and the single numbers among them.
  struct Places {
    Vectors starts, splats;
  };
  void tile_items(const std::vector<size_t>& which, const Places& places, Value* first, int count,
                  std::vector<Vectors>& values);
  void add_lanes(Value* pointer, const Vectors& values, Value* first);
  void shared_vector(const Vectors& starts, int lanes, bool single);
  Value* load_shared(const Access& access, Value* pointer, int lanes, bool single);
  void store_shared(const Access& access, Value* pointer, Value* value, int lanes, bool single);
  void add_shared(const Access& access, Value* pointer, Value* value, int lanes, bool single);
  int64_t inner_stride(const Access& access) const { return access.strides.empty() ? 0 : access.strides.back(); }

  Writer& w_;
  const LoopKernel& k_;
  Value* valid_;
  VectorScalars scalars_;
  Vectors indices_;  // of the loops we are in
};

/// Vectors at a time: several while the body is short enough for the registers.
int Body::unroll(int vectors) const {
  int most = k_.items.size() <= 12 ? 4 : k_.items.size() <= 32 ? 2 : 1;
  while (vectors % most) --most;
  return most;
}

void Body::nest(size_t axis, size_t end, const std::function<void()>& inside) {
  if (axis == end) return inside();
  w_.loop(k_.axes[axis], [&](Value* i) {
    indices_.push_back(i);
    nest(axis + 1, end, inside);
    indices_.pop_back();
  });
}

/// Number of the element that the access means in this turn of the loops.
Value* Body::position(const Access& access) const {
  Value* out = w_.index(access.offset);
  for (size_t k = 0; k < indices_.size(); ++k) out = w_.scaled(indices_[k], access.strides[k], out);
  return out;
}

Value* Body::compute(const Item& item, const std::vector<Vectors>& values, int u) {
  ir::Scalar x[3];
  for (size_t k = 0; k < item.operands.size(); ++k) x[k] = VectorScalars::of(values[item.operands[k]][u]);
  return VectorScalars::value(ir::info(item.op).lower->scalar(scalars_, x));
}

void Body::write_tile() {
  const int vectors = w_.unit.row_vectors();
  if (is_flat(k_)) {
    indices_ = {w_.index(0)};
    tile_rows(k_.axes[0] * vectors);
  } else if (repeats_columns()) {
    nest(0, k_.axes.size() - 1, [&] { tile_columns(vectors); });
  } else {
    nest(0, k_.axes.size(), [&] { tile_rows(vectors); });
  }
}

/// True if something stands still along the last axis.
bool Body::repeats_columns() const {
  return !k_.axes.empty() && std::any_of(k_.accesses.begin(), k_.accesses.end(), [&](const Access& a) {
    return inner_stride(a) == 0 && a.kind != Access::Kind::Lanes;
  });
}

/// What an element takes, in numbers.
int64_t Body::width(const Access& access) const {
  switch (access.kind) {
    case Access::Kind::Shared: return 1;
    case Access::Kind::Sampled: return w_.unit.tile;
    case Access::Kind::Lanes: return w_.unit.lanes;
  }
  return 1;
}

/// Where each access is in this turn of the loops.
Body::Vectors Body::tile_starts() const {
  Vectors out;
  for (const Access& access : k_.accesses)
    out.push_back(w_.at(w_.argument(access.pointer), w_.b.CreateMul(position(access), w_.index(width(access)))));
  return out;
}

Value* Body::splat(const Access& access, Value* start) const {
  return access.kind == Access::Kind::Shared ? w_.load_splat(start) : nullptr;
}

/// All samples of one element: `vectors` vectors from where each access starts.
void Body::tile_rows(int vectors) {
  Places places{tile_starts(), {}};
  for (size_t a = 0; a < k_.accesses.size(); ++a)
    places.splats.push_back(splat(k_.accesses[a], places.starts[a]));
  std::vector<size_t> all(k_.items.size());
  std::iota(all.begin(), all.end(), 0);
  const int count = unroll(vectors);
  w_.loop(vectors / count, [&](Value* i) {
    std::vector<Vectors> values(k_.items.size());
    tile_items(all, places, w_.b.CreateMul(i, w_.index(int64_t{count} * w_.unit.lanes)), count, values);
  });
}

/// All samples of the elements along the last axis. See note [repeated columns].
void Body::tile_columns(int vectors) {
  std::vector<size_t> still, moving, sums;
  std::vector<bool> moves(k_.items.size());
  for (size_t n = 0; n < k_.items.size(); ++n) {
    const Item& item = k_.items[n];
    const Access* access = item.access < 0 ? nullptr : &k_.accesses[item.access];
    const bool stands = !access || inner_stride(*access) == 0;
    if (item.kind == Item::Kind::Add && stands && access->kind == Access::Kind::Sampled) {
      sums.push_back(n);
      continue;
    }
    moves[n] = !stands || item.kind == Item::Kind::Add ||
               std::any_of(item.operands.begin(), item.operands.end(), [&](int x) { return moves[x]; });
    (moves[n] ? moving : still).push_back(n);
  }
  Places first_column{tile_starts(), {}};
  for (size_t a = 0; a < k_.accesses.size(); ++a)
    first_column.splats.push_back(
        inner_stride(k_.accesses[a]) == 0 ? splat(k_.accesses[a], first_column.starts[a]) : nullptr);
  const int count = unroll(vectors);
  w_.loop(vectors / count, [&](Value* i) {
    Value* first = w_.b.CreateMul(i, w_.index(int64_t{count} * w_.unit.lanes));
    std::vector<Vectors> values(k_.items.size());
    tile_items(still, first_column, first, count, values);
    const auto column = [&](Value* j, const Writer::Carried& before) {
      Places places = first_column;
      for (size_t a = 0; a < k_.accesses.size(); ++a) {
        const Access& access = k_.accesses[a];
        if (inner_stride(access) == 0) continue;
        places.starts[a] =
            w_.at(places.starts[a], w_.b.CreateMul(j, w_.index(inner_stride(access) * width(access))));
        places.splats[a] = splat(access, places.starts[a]);
      }
      tile_items(moving, places, first, count, values);
      Writer::Carried after;
      for (size_t n : sums)
        for (int u = 0; u < count; ++u)
          after.push_back(w_.b.CreateFAdd(before[after.size()], values[k_.items[n].operands[0]][u]));
      return after;
    };
    const Writer::Carried totals =
        w_.loop(k_.axes.back(), Writer::Carried(sums.size() * count, w_.zero()), column);
    for (size_t s = 0; s < sums.size(); ++s)
      for (int u = 0; u < count; ++u) {
        Value* row = w_.at(first_column.starts[k_.items[sums[s]].access], first);
        Value* to = w_.at(row, int64_t{u} * w_.unit.lanes);
        w_.store(w_.b.CreateFAdd(w_.load(to), totals[s * count + u]), to);
      }
  });
}

void Body::tile_items(const std::vector<size_t>& which, const Places& places, Value* first, int count,
                      std::vector<Vectors>& values) {
  const auto pointer = [&](const Item& item, int u) {
    return w_.at(w_.at(places.starts[item.access], first), int64_t{u} * w_.unit.lanes);
  };
  for (size_t n : which) {
    const Item& item = k_.items[n];
    if (item.kind == Item::Kind::Add && k_.accesses[item.access].kind == Access::Kind::Lanes) {
      add_lanes(places.starts[item.access], values[item.operands[0]], first);
      continue;
    }
    for (int u = 0; u < count; ++u) {
      switch (item.kind) {
        case Item::Kind::Constant: values[n].push_back(VectorScalars::value(scalars_.constant(item.value))); break;
        case Item::Kind::Compute: values[n].push_back(compute(item, values, u)); break;
        case Item::Kind::Load: {
          Value* number = places.splats[item.access];
          values[n].push_back(number ? number : w_.load(pointer(item, u)));
          break;
        }
        case Item::Kind::Store: w_.store(values[item.operands[0]][u], pointer(item, u)); break;
        case Item::Kind::Add: {
          Value* to = pointer(item, u);
          w_.store(w_.b.CreateFAdd(w_.load(to), values[item.operands[0]][u]), to);
          break;
        }
      }
    }
  }
}

/// Adds the valid lanes to a vector of partial sums.
void Body::add_lanes(Value* pointer, const Vectors& values, Value* first) {
  Value* sum = w_.load(pointer);
  for (size_t u = 0; u < values.size(); ++u) {
    Value* lane = w_.b.CreateAdd(first, w_.index(static_cast<int64_t>(u) * w_.unit.lanes));
    sum = w_.b.CreateFAdd(sum, w_.b.CreateSelect(w_.valid_lanes(lane, valid_), values[u], w_.zero()));
  }
  w_.store(sum, pointer);
}

void Body::write_shared() {
  const int lanes = w_.unit.lanes;
  const size_t outer = k_.axes.empty() ? 0 : k_.axes.size() - 1;
  const int inner = k_.axes.empty() ? 1 : k_.axes.back();
  nest(0, outer, [&] {
    const auto vector = [&](Value* first, int valid) {
      Vectors starts;
      for (const Access& access : k_.accesses)
        starts.push_back(w_.at(w_.argument(access.pointer), w_.scaled(first, inner_stride(access), position(access))));
      shared_vector(starts, valid, inner == 1);
    };
    w_.loop(inner / lanes, [&](Value* i) { vector(w_.b.CreateMul(i, w_.index(lanes)), lanes); });
    if (inner % lanes) vector(w_.index(inner / lanes * lanes), inner % lanes);
  });
}

Value* Body::load_shared(const Access& access, Value* pointer, int lanes, bool single) {
  const int64_t stride = inner_stride(access);
  if (single || stride == 0) return w_.load_splat(pointer);
  if (stride != 1) return w_.gather(pointer, stride, w_.first_lanes(lanes));
  return lanes == w_.unit.lanes ? w_.load(pointer) : w_.load_masked(pointer, w_.first_lanes(lanes), w_.zero());
}

void Body::store_shared(const Access& access, Value* pointer, Value* value, int lanes, bool single) {
  const int64_t stride = inner_stride(access);
  if (single) return w_.store(w_.b.CreateExtractElement(value, uint64_t{0}), pointer);
  if (stride != 1) return w_.scatter(value, pointer, stride, w_.first_lanes(lanes));
  lanes == w_.unit.lanes ? w_.store(value, pointer) : w_.store_masked(value, pointer, w_.first_lanes(lanes));
}

void Body::add_shared(const Access& access, Value* pointer, Value* value, int lanes, bool single) {
  if (!single && inner_stride(access) != 0) {
    Value* before = load_shared(access, pointer, lanes, single);
    return store_shared(access, pointer, w_.b.CreateFAdd(before, value), lanes, single);
  }
  Value* sum = single ? w_.b.CreateExtractElement(value, uint64_t{0})
                      : w_.sum_lanes(w_.b.CreateSelect(w_.first_lanes(lanes), value, w_.zero()));
  w_.store(w_.b.CreateFAdd(w_.load_scalar(pointer), sum), pointer);
}

void Body::shared_vector(const Vectors& starts, int lanes, bool single) {
  std::vector<Vectors> values(k_.items.size());
  for (size_t n = 0; n < k_.items.size(); ++n) {
    const Item& item = k_.items[n];
    const Access* access = item.access < 0 ? nullptr : &k_.accesses[item.access];
    Value* pointer = access ? starts[item.access] : nullptr;
    switch (item.kind) {
      case Item::Kind::Constant: values[n] = {VectorScalars::value(scalars_.constant(item.value))}; break;
      case Item::Kind::Compute: values[n] = {compute(item, values, 0)}; break;
      case Item::Kind::Load: values[n] = {load_shared(*access, pointer, lanes, single)}; break;
      case Item::Kind::Store: store_shared(*access, pointer, values[item.operands[0]][0], lanes, single); break;
      case Item::Kind::Add: add_shared(*access, pointer, values[item.operands[0]][0], lanes, single); break;
    }
  }
}

}  // namespace

void call_loop(Writer& w, LoopKernel kernel, const std::vector<Value*>& pointers, Value* valid) {
  AM_CHECK(static_cast<int>(pointers.size()) == kernel.pointers, "a loop kernel of {} pointers", pointers.size());
  squeeze(kernel);
  collapse(kernel);
  const std::string key = key_of(kernel);
  llvm::Function*& function = w.unit.kernels[key];
  if (!function) {
    const std::string name = fmt::format("{}_{}", kernel.tile ? "loop" : "shared_loop", w.unit.kernels.size());
    Writer k(w.unit, name, kernel.pointers, kernel.tile ? 1 : 0);
    Body body(k, kernel, kernel.tile ? k.argument(kernel.pointers) : nullptr);
    kernel.tile ? body.write_tile() : body.write_shared();
    function = k.finish();
  }
  std::vector<Value*> arguments = pointers;
  if (kernel.tile) arguments.push_back(valid);
  w.b.CreateCall(function, arguments);
}

}  // namespace am::lower
