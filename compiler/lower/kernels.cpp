#include "compiler/lower/kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "compiler/ir/random.h"
#include "compiler/lower/vector_math.h"

namespace am::lower {

using llvm::Value;

namespace {

/// The kernel of this name, written by `body` if it is new.
llvm::Function* kernel(Unit& unit, const std::string& name, int pointers, int numbers,
                       const std::function<void(Writer&)>& body) {
  llvm::Function*& function = unit.kernels[name];
  if (function) return function;
  Writer w(unit, name, pointers, numbers);
  body(w);
  return function = w.finish();
}

/// Runs over the vectors of a row; `first` is the sample of the vector's first lane.
void for_row(Writer& w, const std::function<void(Value* first)>& body) {
  w.loop(w.unit.row_vectors(), [&](Value* i) { body(w.b.CreateMul(i, w.index(w.unit.lanes))); });
}

Value* row(Writer& w, Value* base, Value* element) {
  return w.at(base, w.b.CreateMul(element, w.index(w.unit.tile)));
}

}  // namespace

Value* frame_pointer(Writer& w, Value* frame, size_t offset) {
  return w.b.CreateLoad(w.b.getPtrTy(), w.b.CreateConstInBoundsGEP1_64(w.b.getInt8Ty(), frame, offset));
}

Value* frame_number(Writer& w, Value* frame, size_t offset, int bits) {
  return w.b.CreateLoad(w.b.getIntNTy(bits), w.b.CreateConstInBoundsGEP1_64(w.b.getInt8Ty(), frame, offset));
}

void call_input(Writer& w, int count, Value* from, Value* to, Value* stride, Value* valid) {
  const auto body = [&](Writer& k) {
    Value *source = k.argument(0), *target = k.argument(1), *stride = k.argument(2), *valid = k.argument(3);
    Value* last = k.b.CreateSub(valid, k.index(1));
    k.loop(count, [&](Value* e) {
      Value* start = k.at(source, k.b.CreateMul(e, stride));
      Value* repeated = k.load_splat(k.at(start, last));
      for_row(k, [&](Value* first) {
        Value* value = k.load_masked(k.at(start, first), k.valid_lanes(first, valid), repeated);
        k.store(value, k.at(row(k, target, e), first));
      });
    });
  };
  w.b.CreateCall(kernel(w.unit, fmt::format("input_{}", count), 2, 2, body), {from, to, stride, valid});
}

void call_output(Writer& w, const View& view, Value* from, Value* to, Value* stride, Value* valid) {
  const std::vector<int64_t> strides = squeezed_strides(view);
  const Shape shape = squeezed(view.shape);
  const auto body = [&](Writer& k) {
    Value *source = k.argument(0), *target = k.argument(1), *stride = k.argument(2), *valid = k.argument(3);
    const auto element = [&](Value* from_element, Value* to_element) {
      Value* start = k.at(target, k.b.CreateMul(to_element, stride));
      for_row(k, [&](Value* first) {
        Value* value = k.load(k.at(row(k, source, from_element), first));
        k.store_masked(value, k.at(start, first), k.valid_lanes(first, valid));
      });
    };
    const std::function<void(int, Value*, Value*)> nest = [&](int axis, Value* from_element, Value* to_element) {
      if (axis == shape.rank) return element(from_element, to_element);
      k.loop(shape[axis], [&](Value* i) {
        nest(axis + 1, k.scaled(i, strides[axis], from_element),
             k.b.CreateAdd(k.b.CreateMul(to_element, k.index(shape[axis])), i));
      });
    };
    nest(0, k.index(view.offset), k.index(0));
  };
  std::string name = fmt::format("output_{}", view.offset);
  for (int axis = 0; axis < shape.rank; ++axis) name += fmt::format("_{}.{}", shape[axis], strides[axis]);
  w.b.CreateCall(kernel(w.unit, name, 2, 2, body), {from, to, stride, valid});
}

namespace {

/// What a draw needs of the frame: numbers of the samples in the lanes, step, seed. All <lanes x i32>.
struct Counters {
  Value *step, *key_low, *key_high, *first;
};

Counters counters(Writer& w, Value* frame) {
  Value* seed = frame_number(w, frame, offsetof(Frame, seed), 64);
  Value* first = w.b.CreateAdd(frame_number(w, frame, offsetof(Frame, first_sample), 32),
                               frame_number(w, frame, offsetof(Frame, tile_start), 32));
  const auto low = [&](Value* x) { return w.splat(w.b.CreateTrunc(x, w.b.getInt32Ty())); };
  return {w.splat(frame_number(w, frame, offsetof(Frame, step), 32)), low(seed), low(w.b.CreateLShr(seed, 32)),
          w.splat(first)};
}

/// Numbers of the samples in the lanes from `first` on, relative to the tile, the last valid one repeated.
Value* lane_samples(Writer& w, Value* first, Value* valid) {
  const auto narrow = [&](Value* x) { return w.splat(w.b.CreateTrunc(x, w.b.getInt32Ty())); };
  Value* lanes = w.b.CreateAdd(w.iota(), narrow(first));
  return w.b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, lanes, narrow(w.b.CreateSub(valid, w.index(1))));
}

void uniform(Writer& w, int count) {
  const Counters c = counters(w, w.argument(0));
  Value *to = w.argument(1), *valid = w.argument(3);
  Value* stream = w.splat(w.b.CreateTrunc(w.argument(2), w.b.getInt32Ty()));
  for_row(w, [&](Value* first) {
    Value* sample = w.b.CreateAdd(c.first, lane_samples(w, first, valid));
    const auto block = [&](Value* number, int elements) {
      Value* counter = w.splat(w.b.CreateTrunc(number, w.b.getInt32Ty()));
      const auto words = emit_philox(w.b, {sample, counter, c.step, stream}, c.key_low, c.key_high);
      Value* element = w.b.CreateMul(number, w.index(4));
      for (int e = 0; e < elements; ++e) {
        Value* value = emit_unit_interval(w.b, words[e], w.unit.element, w.unit.lanes);
        w.store(value, w.at(row(w, to, w.b.CreateAdd(element, w.index(e))), first));
      }
    };
    w.loop(count / 4, [&](Value* i) { block(i, 4); });
    if (count % 4) block(w.index(count / 4), count % 4);
  });
}

/// start + increment·(step·samples + sample), where start is drawn for the stream.
void weyl(Writer& w, int count) {
  const Counters c = counters(w, w.argument(0));
  Value *to = w.argument(1), *valid = w.argument(3);
  Value* none = w.splat(w.b.getInt32(0));
  Value* stream = w.splat(w.b.CreateTrunc(w.b.CreateXor(w.argument(2), w.index(0x80000000)), w.b.getInt32Ty()));
  Value* start = emit_philox(w.b, {none, none, none, stream}, c.key_low, c.key_high)[0];
  Value* samples = w.splat(frame_number(w, w.argument(0), offsetof(Frame, samples), 32));
  Value* offset = w.b.CreateAdd(w.b.CreateMul(c.step, samples), c.first);
  for_row(w, [&](Value* first) {
    Value* number = w.b.CreateAdd(offset, lane_samples(w, first, valid));
    Value* word = w.b.CreateAdd(start, w.b.CreateMul(number, w.splat(w.b.getInt32(ir::kWeylIncrement))));
    Value* value = emit_unit_interval(w.b, word, w.unit.element, w.unit.lanes);
    w.loop(count, [&](Value* e) { w.store(value, w.at(row(w, to, e), first)); });
  });
}

}  // namespace

void call_draw(Writer& w, const ir::Node& node, Value* frame, Value* to, Value* valid) {
  const int count = node.shape.count();
  const bool is_weyl = node.op == ir::Op::Weyl;
  const auto body = [&](Writer& k) { is_weyl ? weyl(k, count) : uniform(k, count); };
  llvm::Function* f = kernel(w.unit, fmt::format("{}_{}", is_weyl ? "weyl" : "uniform", count), 2, 2, body);
  w.b.CreateCall(f, {frame, to, w.index(node.attributes.index), valid});
}

namespace {

/// A number, or a vector of them, truncated and brought into 0 … rows − 1, as i64. NaN becomes 0.
Value* row_number(Writer& w, Value* x, int rows) {
  auto* type = x->getType();
  Value* zero = llvm::Constant::getNullValue(type);
  Value* last = llvm::ConstantFP::get(type, rows - 1);
  x = w.b.CreateSelect(w.b.CreateFCmpOGT(x, zero), x, zero);
  x = w.b.CreateSelect(w.b.CreateFCmpOLT(x, last), x, last);
  Value* number = w.b.CreateFPToSI(x, type->getWithNewType(w.b.getInt32Ty()));
  // The last row's number may have been rounded up.
  Value* most = llvm::ConstantInt::get(number->getType(), rows - 1);
  number = w.b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, number, most);
  return w.b.CreateZExt(number, type->getWithNewType(w.b.getInt64Ty()));
}

void gather_tile(Writer& w, const Gather& g) {
  Value *table = w.argument(0), *index = w.argument(1), *to = w.argument(2);
  const int64_t width = g.table_sampled ? w.unit.tile : 1;
  Value* all = w.first_lanes(w.unit.lanes);
  for_row(w, [&](Value* first) {
    Value* number = row_number(w, g.index_sampled ? w.load(w.at(index, first)) : w.load_splat(index), g.rows);
    Value* offsets = w.b.CreateMul(number, w.splat(w.index(g.row_stride * width)));
    if (g.table_sampled) {
      Value* lanes = w.b.CreateZExt(w.iota(), offsets->getType());
      offsets = w.b.CreateAdd(offsets, w.b.CreateAdd(lanes, w.splat(first)));
    }
    w.loop(g.columns, [&](Value* e) {
      Value* start = w.at(table, w.b.CreateMul(e, w.index(g.column_stride * width)));
      Value* pointers = w.b.CreateInBoundsGEP(w.unit.element, start, offsets);
      Value* value = w.b.CreateMaskedGather(w.unit.vector(), pointers, llvm::Align(w.unit.element_bytes), all, w.zero());
      w.store(value, w.at(row(w, to, e), first));
    });
  });
}

void gather_shared(Writer& w, const Gather& g) {
  Value* number = row_number(w, w.load_scalar(w.argument(1)), g.rows);
  Value* start = w.at(w.argument(0), w.b.CreateMul(number, w.index(g.row_stride)));
  w.loop(g.columns, [&](Value* e) {
    Value* value = w.load_scalar(w.at(start, w.b.CreateMul(e, w.index(g.column_stride))));
    w.store(value, w.at(w.argument(2), e));
  });
}

}  // namespace

void call_gather(Writer& w, const Gather& g, Value* table, Value* index, Value* to) {
  const std::string name = fmt::format("row_{}x{}_{}.{}{}{}{}", g.rows, g.columns, g.row_stride, g.column_stride,
                                       g.table_sampled ? "_table" : "", g.index_sampled ? "_index" : "",
                                       g.tile ? "" : "_shared");
  const auto body = [&](Writer& k) { g.tile ? gather_tile(k, g) : gather_shared(k, g); };
  w.b.CreateCall(kernel(w.unit, name, 3, 0, body), {table, index, to});
}

void call_lane_product(Writer& w, const LaneProduct& p, Value* a, Value* b, Value* c) {
  int count = std::min(4, w.unit.row_vectors());
  while (w.unit.row_vectors() % count) --count;
  const auto sums = [&](Writer& k, Value* x, Value* y) {
    Writer::Carried start(count, k.zero());
    return k.loop(p.depth, start, [&](Value* d, const Writer::Carried& before) {
      Writer::Carried after;
      for (int u = 0; u < count; ++u) {
        Value* left = k.load(k.at(k.at(x, k.b.CreateMul(d, k.index(p.a_depth))), int64_t{u} * k.unit.lanes));
        Value* right = k.load(k.at(k.at(y, k.b.CreateMul(d, k.index(p.b_depth))), int64_t{u} * k.unit.lanes));
        after.push_back(k.multiply_add(left, right, before[u]));
      }
      return after;
    });
  };
  const auto body = [&](Writer& k) {
    k.loop(p.rows, [&](Value* i) {
      k.loop(p.columns, [&](Value* j) {
        Value* x = k.at(k.argument(0), k.b.CreateMul(i, k.index(p.a_row)));
        Value* y = k.at(k.argument(1), k.b.CreateMul(j, k.index(p.b_column)));
        Value* z = row(k, k.argument(2), k.scaled(i, p.columns, j));
        k.loop(k.unit.row_vectors() / count, [&](Value* v) {
          Value* first = k.b.CreateMul(v, k.index(int64_t{count} * k.unit.lanes));
          const Writer::Carried sum = sums(k, k.at(x, first), k.at(y, first));
          for (int u = 0; u < count; ++u) k.store(sum[u], k.at(k.at(z, first), int64_t{u} * k.unit.lanes));
        });
      });
    });
  };
  const std::string name = fmt::format("lane_product_{}x{}x{}_{}.{}_{}.{}", p.rows, p.columns, p.depth, p.a_row,
                                       p.a_depth, p.b_depth, p.b_column);
  w.b.CreateCall(kernel(w.unit, name, 3, 0, body), {a, b, c});
}

void call_sum_lanes(Writer& w, int count, Value* from, Value* to, Value* scale, Value* groups) {
  const auto body = [&](Writer& k) {
    Value* factor = k.load_scalar(k.argument(2));
    k.loop(count, [&](Value* e) {
      Value* first = k.at(k.argument(0), k.b.CreateMul(e, k.index(k.unit.lanes)));
      const Writer::Carried sum = k.loop(k.argument(3), {k.zero()}, [&](Value* g, const Writer::Carried& before) {
        Value* group = k.b.CreateMul(g, k.index(k.unit.partial_bytes));
        Value* vector = k.load(k.b.CreateInBoundsGEP(k.b.getInt8Ty(), first, group));
        return Writer::Carried{k.b.CreateFAdd(before[0], vector)};
      });
      k.store(k.b.CreateFMul(k.sum_lanes(sum[0]), factor), k.at(k.argument(1), e));
    });
  };
  w.b.CreateCall(kernel(w.unit, fmt::format("sum_lanes_{}", count), 3, 1, body), {from, to, scale, groups});
}

}  // namespace am::lower
