// Note [tile loops]. Elements are the outer loops, samples the inner one, which does a few vectors at a time so that
// chains of dependent instructions overlap. Where every access runs through its rows in order, elements and samples are
// one loop.
//
// Note [shared loops]. The innermost axis is the vector; its end is masked, since nothing may be touched beyond a value.
// A single element is computed in all lanes and one is stored. What is summed along the innermost axis is summed lane by
// lane, and the lanes at its end. A kernel takes the range of the outermost axis that it is to go through; if that is the
// innermost one too, in blocks of a few vectors, of which the last may be smaller.
#include "compiler/lower/loop.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

std::string text_of(const LoopKernel& kernel) {
  std::string key = kernel.tile ? "loop_tile" : "loop_shared";
  for (int size : kernel.axes) key += fmt::format("_{}", size);
  for (const Access& a : kernel.accesses) {
    key += fmt::format("|{}p{}+{}", "srlpg"[static_cast<int>(a.kind)], a.pointer, a.offset);
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

namespace {

/// Writes the body of one kernel.
class Body {
 public:
  Body(Writer& w, const LoopKernel& kernel)
      : w_(w), k_(kernel), scalars_(w.b, w.unit.element, w.unit.lanes) {
    if (kernel.tile) valid_ = w.argument(kernel.pointers);
  }
  void write_tile();
  void write_shared();
  void write_part(const LoopPart& part, Value* valid);
  /// Turns of a shared kernel's outermost loop.
  static int shared_turns(const Unit& unit, const LoopKernel& kernel) {
    return kernel.axes.size() > 1 ? kernel.axes[0] : blocks(unit, kernel);
  }

 private:
  using Vectors = std::vector<Value*>;
  static int unroll(const LoopKernel& kernel);
  /// The same for so many vectors, without a rest.
  int unroll(int vectors) const {
    int count = unroll(k_);
    while (vectors % count) --count;
    return count;
  }
  /// Blocks of a shared kernel's innermost axis.
  static int blocks(const Unit& unit, const LoopKernel& kernel);
  void nest(size_t axis, size_t end, const std::function<void()>& inside);
  Value* position(const Access& access) const;
  Value* compute(const Item& item, const std::vector<Vectors>& values, int u);

  struct Rows {
    Vectors starts, splats;
  };
  Rows rows_of_element();
  void tile_rows(int vectors);
  void tile_vectors(const Vectors& starts, const Vectors& splats, Value* first, int count);
  void add_lanes(Value* pointer, const Vectors& values, Value* first);
  void shared_rows(size_t axis, const Range& range);
  void shared_line(const Range& blocks);
  Vectors shared_vectors(Value* first, int count, int lanes, Vectors sums);
  Value* load_shared(const Access& access, Value* pointer, int lanes);
  Vectors load_groups(const Access& access, Value* pointer, int count, int lanes);
  void store_shared(const Access& access, Value* pointer, Value* value, int lanes);
  bool is_single() const { return inner_size(k_) == 1; }
  /// True if the item adds up along the innermost axis.
  bool is_sum(const Item& item) const {
    return item.kind == Item::Kind::Add && inner_stride(k_.accesses[item.access]) == 0 && !is_single();
  }
  static int inner_size(const LoopKernel& kernel) { return kernel.axes.empty() ? 1 : kernel.axes.back(); }
  static int64_t inner_stride(const Access& access) { return access.strides.empty() ? 0 : access.strides.back(); }

  Writer& w_;
  const LoopKernel& k_;
  Value* valid_ = nullptr;
  VectorScalars scalars_;
  Vectors indices_;  // of the loops we are in
};

/// Vectors at a time: several while the body is short enough for the registers.
int Body::unroll(const LoopKernel& kernel) { return kernel.items.size() <= 12 ? 4 : kernel.items.size() <= 32 ? 2 : 1; }

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
  if (is_flat(k_)) {
    indices_ = {w_.index(0)};
    tile_rows(k_.axes[0] * w_.unit.row_vectors());
  } else {
    nest(0, k_.axes.size(), [&] { tile_rows(w_.unit.row_vectors()); });
  }
}

/// Where each access starts for the element that we are at, and what is the same for all samples.
Body::Rows Body::rows_of_element() {
  Rows out;
  for (const Access& access : k_.accesses) {
    if (access.kind == Access::Kind::Product) {
      out.starts.push_back(nullptr), out.splats.push_back(nullptr);
      continue;
    }
    Value* base = w_.argument(k_.first_pointer + access.pointer);
    Value* element = position(access);
    const int64_t width = access.kind == Access::Kind::Sampled ? w_.unit.tile
                          : access.kind == Access::Kind::Lanes ? w_.unit.lanes
                                                               : 1;
    out.starts.push_back(w_.at(base, w_.b.CreateMul(element, w_.index(width))));
    out.splats.push_back(access.kind == Access::Kind::Shared ? w_.load_splat(out.starts.back()) : nullptr);
  }
  return out;
}

/// All samples of one element: `vectors` vectors from where each access starts.
void Body::tile_rows(int vectors) {
  const auto [starts, splats] = rows_of_element();
  const int count = unroll(vectors);
  w_.loop(vectors / count, [&](Value* i) {
    tile_vectors(starts, splats, w_.b.CreateMul(i, w_.index(int64_t{count} * w_.unit.lanes)), count);
  });
}

void Body::write_part(const LoopPart& part, Value* valid) {
  indices_ = part.indices;
  valid_ = valid;
  Rows rows = rows_of_element();
  const int count = unroll(part.vectors);
  w_.loop(part.vectors / count, [&](Value* i) {
    Value* done = w_.b.CreateMul(i, w_.index(int64_t{count} * w_.unit.lanes));
    Value* first = w_.b.CreateAdd(part.first, done);
    // Pointers count samples from the tile's first one on.
    Value* product = w_.at(w_.at(part.product, done), w_.b.CreateNeg(first));
    for (size_t i = 0; i < k_.accesses.size(); ++i)
      if (k_.accesses[i].kind == Access::Kind::Product) rows.starts[i] = product;
    tile_vectors(rows.starts, rows.splats, first, count);
  });
}

void Body::tile_vectors(const Vectors& starts, const Vectors& splats, Value* first, int count) {
  std::vector<Vectors> values(k_.items.size());
  const auto pointer = [&](const Item& item, int u) {
    return w_.at(w_.at(starts[item.access], first), int64_t{u} * w_.unit.lanes);
  };
  for (size_t n = 0; n < k_.items.size(); ++n) {
    const Item& item = k_.items[n];
    if (item.kind == Item::Kind::Add && k_.accesses[item.access].kind == Access::Kind::Lanes) {
      add_lanes(starts[item.access], values[item.operands[0]], first);
      continue;
    }
    for (int u = 0; u < count; ++u) {
      switch (item.kind) {
        case Item::Kind::Constant: values[n].push_back(VectorScalars::value(scalars_.constant(item.value))); break;
        case Item::Kind::Compute: values[n].push_back(compute(item, values, u)); break;
        case Item::Kind::Load:
          values[n].push_back(splats[item.access] ? splats[item.access] : w_.load(pointer(item, u)));
          break;
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

int Body::blocks(const Unit& unit, const LoopKernel& kernel) {
  const int block = unroll(kernel) * unit.lanes;
  return (inner_size(kernel) + block - 1) / block;
}

void Body::write_shared() { shared_rows(0, {w_.argument(k_.pointers), w_.argument(k_.pointers + 1)}); }

void Body::shared_rows(size_t axis, const Range& range) {
  const auto row = [&](Value* i) {
    indices_.push_back(i);
    const int turns = axis + 2 < k_.axes.size() ? k_.axes[axis + 1] : blocks(w_.unit, k_);
    shared_rows(axis + 1, {w_.index(0), w_.index(turns)});
    indices_.pop_back();
  };
  if (axis + 1 >= k_.axes.size()) return shared_line(range);
  w_.loop(w_.b.CreateSub(range.to, range.from), [&](Value* i) { row(w_.b.CreateAdd(range.from, i)); });
}

/// Blocks of the innermost axis.
void Body::shared_line(const Range& blocks) {
  const int lanes = w_.unit.lanes, count = unroll(k_), block = count * lanes, size = inner_size(k_);
  Vectors sums;
  for (const Item& item : k_.items)
    if (is_sum(item)) sums.push_back(w_.zero());
  Value* whole = w_.b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, blocks.to, w_.index(size / block));
  if (size >= block)
    sums = w_.loop(w_.b.CreateSub(whole, blocks.from), sums, [&](Value* i, const Vectors& carried) {
      return shared_vectors(w_.b.CreateMul(w_.b.CreateAdd(blocks.from, i), w_.index(block)), count, lanes, carried);
    });
  if (size % block)
    sums = w_.loop(w_.b.CreateSub(blocks.to, whole), sums, [&](Value*, Vectors carried) {
      const int first = size / block * block, vectors = size % block / lanes;
      carried = w_.loop(vectors, std::move(carried), [&](Value* i, const Vectors& inside) {
        return shared_vectors(w_.scaled(i, lanes, w_.index(first)), 1, lanes, inside);
      });
      if (size % lanes) carried = shared_vectors(w_.index(first + vectors * lanes), 1, size % lanes, std::move(carried));
      return carried;
    });
  size_t k = 0;
  for (const Item& item : k_.items) {
    if (!is_sum(item)) continue;
    const Access& access = k_.accesses[item.access];
    Value* to = w_.at(w_.argument(access.pointer), position(access));
    w_.store(w_.b.CreateFAdd(w_.load_scalar(to), w_.sum_lanes(sums[k++])), to);
  }
}

Value* Body::load_shared(const Access& access, Value* pointer, int lanes) {
  const int64_t stride = inner_stride(access);
  if (is_single() || stride == 0) return w_.load_splat(pointer);
  if (stride != 1) return w_.gather(pointer, stride, w_.first_lanes(lanes));
  return lanes == w_.unit.lanes ? w_.load(pointer) : w_.load_masked(pointer, w_.first_lanes(lanes), w_.zero());
}

/// The groups' sums of `count` vectors, added in the order of the groups.
Writer::Carried Body::load_groups(const Access& access, Value* pointer, int count, int lanes) {
  const auto load = [&](Value* from) {
    Vectors out;
    for (int u = 0; u < count; ++u)
      out.push_back(load_shared(access, w_.at(from, u * lanes * inner_stride(access)), lanes));
    return out;
  };
  Value* more = w_.b.CreateSub(w_.argument(k_.pointers + 2), w_.index(1));
  return w_.loop(more, load(pointer), [&](Value* g, const Vectors& sums) {
    Value* distance = w_.b.CreateMul(w_.b.CreateAdd(g, w_.index(1)), w_.index(w_.unit.partial_bytes));
    Vectors next = load(w_.b.CreateInBoundsGEP(w_.b.getInt8Ty(), pointer, distance));
    for (int u = 0; u < count; ++u) next[u] = w_.b.CreateFAdd(sums[u], next[u]);
    return next;
  });
}

void Body::store_shared(const Access& access, Value* pointer, Value* value, int lanes) {
  const int64_t stride = inner_stride(access);
  if (is_single()) return w_.store(w_.b.CreateExtractElement(value, uint64_t{0}), pointer);
  if (stride != 1) return w_.scatter(value, pointer, stride, w_.first_lanes(lanes));
  lanes == w_.unit.lanes ? w_.store(value, pointer) : w_.store_masked(value, pointer, w_.first_lanes(lanes));
}

/// `count` vectors of `lanes` elements from element `first` on; returns the sums along the axis, these included.
Writer::Carried Body::shared_vectors(Value* first, int count, int lanes, Vectors sums) {
  Vectors starts;
  for (const Access& access : k_.accesses)
    starts.push_back(w_.at(w_.argument(access.pointer), w_.scaled(first, inner_stride(access), position(access))));
  std::vector<Vectors> values(k_.items.size());
  size_t sum = 0;
  for (size_t n = 0; n < k_.items.size(); ++n) {
    const Item& item = k_.items[n];
    const Access* access = item.access < 0 ? nullptr : &k_.accesses[item.access];
    if (access && access->kind == Access::Kind::Groups) {
      values[n] = load_groups(*access, starts[item.access], count, lanes);
      continue;
    }
    for (int u = 0; u < count; ++u) {
      Value* to = access ? w_.at(starts[item.access], u * lanes * inner_stride(*access)) : nullptr;
      Value* value = item.operands.empty() ? nullptr : values[item.operands[0]][u];
      switch (item.kind) {
        case Item::Kind::Constant: values[n].push_back(VectorScalars::value(scalars_.constant(item.value))); break;
        case Item::Kind::Compute: values[n].push_back(compute(item, values, u)); break;
        case Item::Kind::Load: values[n].push_back(load_shared(*access, to, lanes)); break;
        case Item::Kind::Store: store_shared(*access, to, value, lanes); break;
        case Item::Kind::Add:
          if (is_sum(item)) {
            if (lanes < w_.unit.lanes) value = w_.b.CreateSelect(w_.first_lanes(lanes), value, w_.zero());
            sums[sum] = w_.b.CreateFAdd(sums[sum], value);
          } else {
            store_shared(*access, to, w_.b.CreateFAdd(load_shared(*access, to, lanes), value), lanes);
          }
      }
    }
    sum += is_sum(item);
  }
  return sums;
}

/// The kernel's function, with `numbers` of parameters behind the pointers.
llvm::Function* loop_function(Unit& unit, const LoopKernel& kernel, int numbers) {
  llvm::Function*& function = unit.kernels[text_of(kernel)];
  if (function) return function;
  Writer w(unit, fmt::format("{}_{}", kernel.tile ? "loop" : "shared_loop", unit.kernels.size()), kernel.pointers, numbers);
  Body body(w, kernel);
  kernel.tile ? body.write_tile() : body.write_shared();
  return function = w.finish();
}

void simplify(LoopKernel& kernel) {
  squeeze(kernel);
  collapse(kernel);
}

}  // namespace

void write_loop_part(Writer& w, const LoopKernel& kernel, const LoopPart& part, Value* valid) {
  Body(w, kernel).write_part(part, valid);
}

void call_tile_loop(Writer& w, LoopKernel kernel, const std::vector<Value*>& pointers, Value* valid) {
  AM_CHECK(static_cast<int>(pointers.size()) == kernel.pointers, "a loop kernel of {} pointers", pointers.size());
  simplify(kernel);
  std::vector<Value*> arguments = pointers;
  arguments.push_back(valid);
  w.b.CreateCall(loop_function(w.unit, kernel, 1), arguments);
}

void call_shared_loop(Writer& w, LoopKernel kernel, const std::vector<Value*>& pointers, Value* groups,
                      const Piece& piece) {
  AM_CHECK(static_cast<int>(pointers.size()) == kernel.pointers, "a loop kernel of {} pointers", pointers.size());
  simplify(kernel);
  const Range range = w.share(Body::shared_turns(w.unit, kernel), piece);
  std::vector<Value*> arguments = pointers;
  arguments.insert(arguments.end(), {range.from, range.to, groups ? groups : w.index(1)});
  w.b.CreateCall(loop_function(w.unit, kernel, 3), arguments);
}

}  // namespace am::lower
