#include "compiler/lower/emit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ops.h"
#include "compiler/lower/kernels.h"
#include "compiler/lower/loop.h"
#include "compiler/lower/product.h"
#include "compiler/lower/split_plan.h"
#include "compiler/lower/writer.h"

namespace am::lower {
namespace {

using ir::Node;
using ir::Op;
using llvm::Value;

/// An operand of a product. Strides in numbers: a sampled element is a row of the tile.
struct Matrix {
  Value* pointer;
  int64_t row, column;
  bool sampled;
};

/// Writes one section: calls of kernels in straight order.
class SectionWriter {
 public:
  /// `writer...`: what a Writer is made of, of a function whose first argument is the frame.
  template <class... Arguments>
  SectionWriter(const Program& program, const Section& section, Unit& unit, const Arguments&... writer)
      : p_(program), g_(program.graph), section_(section), w_(unit, writer...) {}
  llvm::Function* write(std::span<const Step> steps);

 private:
  Value* frame() { return w_.argument(0); }
  Value* bytes_from(Value* pointer, size_t offset);
  Value* bytes_from(Value* pointer, Value* offset) {
    return w_.b.CreateInBoundsGEP(w_.b.getInt8Ty(), pointer, offset);
  }
  Value* slot(Value* table, int index);
  Value* global(NodeId id);
  Value* pointer(const Place& place, NodeId id);
  Value* pointer(NodeId base) { return pointer(p_.place(base, section_.phase), base); }
  Value* partial(const SumPlan& sum);
  Value* tile_slot(Value* table, int index);
  int64_t width(NodeId id) const { return g_[id].sampled ? p_.plan.tile : 1; }
  Value* start(const Ref& ref) { return w_.at(pointer(ref.base), ref.view.offset * width(ref.base)); }
  Matrix matrix(NodeId id, bool transpose);

  void step(const Step& step);
  void loop(const Step& step);
  void gather(NodeId id);
  void product(const Step& step);
  void mean_product(NodeId id);
  void split_product(NodeId id, Value* a, Value* b, Value* c);
  void panels(const Panels& panels, int index);
  void pack(const Pack& pack, int index);
  void finish(NodeId id);
  void combine(NodeId id, int pieces);
  void zero(NodeId id);
  Epilogue epilogue(const Step& step);

  const Program& p_;
  const Graph& g_;
  const Section& section_;
  Writer w_;
  // From the frame.
  Value *inputs_, *outputs_, *steady_, *shared_, *arena_, *partial_;
  Value *valid_ = nullptr, *stride_ = nullptr, *tile_start_ = nullptr;
  Value *scale_ = nullptr, *groups_ = nullptr;  // where 1/samples stands; number of groups
  Piece piece_;

  friend class LoopBuilder;
};

Value* SectionWriter::bytes_from(Value* pointer, size_t offset) {
  return offset == 0 ? pointer : w_.b.CreateConstInBoundsGEP1_64(w_.b.getInt8Ty(), pointer, offset);
}

/// Entry `index` of the frame's table of inputs or outputs.
Value* SectionWriter::slot(Value* table, int index) {
  return w_.b.CreateLoad(w_.b.getPtrTy(), bytes_from(table, index * sizeof(void*)));
}

/// The same for a sampled one, from the tile's first sample on.
Value* SectionWriter::tile_slot(Value* table, int index) {
  return w_.at(slot(table, index), w_.b.CreateZExt(tile_start_, w_.b.getInt64Ty()));
}

/// A constant or a table as an array in the module.
Value* SectionWriter::global(NodeId id) {
  const std::string name = fmt::format("table_{}", id.value);
  if (auto* known = w_.unit.module.getNamedGlobal(name)) return known;
  const Node& node = g_[id];
  const bool is_table = node.op == Op::Table;
  std::vector<llvm::Constant*> values;
  for (int e = 0; e < node.shape.count(); ++e)
    values.push_back(llvm::ConstantFP::get(
        w_.unit.element, is_table ? g_.table_values(node.attributes.index)[e] : node.attributes.value));
  auto* type = llvm::ArrayType::get(w_.unit.element, values.size());
  auto* array = new llvm::GlobalVariable(w_.unit.module, type, true, llvm::GlobalValue::InternalLinkage,
                                         llvm::ConstantArray::get(type, values), name);
  array->setAlignment(llvm::Align(64));
  return array;
}

Value* SectionWriter::pointer(const Place& place, NodeId id) {
  switch (place.kind) {
    case Place::Kind::Arena: return bytes_from(arena_, place.offset);
    case Place::Kind::Steady: return bytes_from(steady_, place.offset);
    case Place::Kind::Shared: return bytes_from(shared_, place.offset);
    case Place::Kind::Input: return slot(inputs_, place.index);
    case Place::Kind::Output: return slot(outputs_, place.index);
    case Place::Kind::Global: return global(id);
    case Place::Kind::None: break;
  }
  AM_CHECK(false, "node {} has no place", id.value);
  return nullptr;
}

Value* SectionWriter::partial(const SumPlan& sum) {
  return bytes_from(partial_, sum.offset * p_.plan.element_bytes());
}

Matrix SectionWriter::matrix(NodeId id, bool transpose) {
  const Ref& ref = p_.ref(id);
  const int64_t unit = width(ref.base);
  Matrix m{start(ref), ref.view.strides[0] * unit, ref.view.strides[1] * unit, g_[ref.base].sampled};
  if (transpose) std::swap(m.row, m.column);
  return m;
}

llvm::Function* SectionWriter::write(std::span<const Step> steps) {
  inputs_ = frame_pointer(w_, frame(), offsetof(Frame, inputs));
  outputs_ = frame_pointer(w_, frame(), offsetof(Frame, outputs));
  steady_ = frame_pointer(w_, frame(), offsetof(Frame, steady));
  shared_ = frame_pointer(w_, frame(), offsetof(Frame, shared));
  arena_ = frame_pointer(w_, frame(), offsetof(Frame, arena));
  partial_ = frame_pointer(w_, frame(), offsetof(Frame, partial));
  if (section_.tile) {
    tile_start_ = frame_number(w_, frame(), offsetof(Frame, tile_start), 32);
    Value* rest = w_.b.CreateSub(frame_number(w_, frame(), offsetof(Frame, samples), 32), tile_start_);
    valid_ = w_.b.CreateZExt(rest, w_.b.getInt64Ty());
    valid_ = w_.b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, valid_, w_.index(p_.plan.tile));
    stride_ = frame_number(w_, frame(), offsetof(Frame, stride), 64);
  } else if (section_.phase > 0) {
    Value* samples = frame_number(w_, frame(), offsetof(Frame, samples), 32);
    scale_ = w_.b.CreateAlloca(w_.unit.element);
    Value* one = llvm::ConstantFP::get(w_.unit.element, 1);
    w_.store(w_.b.CreateFDiv(one, w_.b.CreateUIToFP(samples, w_.unit.element)), scale_);
    groups_ = w_.b.CreateZExt(frame_number(w_, frame(), offsetof(Frame, groups), 32), w_.b.getInt64Ty());
  }
  piece_.count = section_.pieces;
  if (section_.pieces > 1)
    piece_.number = w_.b.CreateZExt(frame_number(w_, frame(), offsetof(Frame, piece), 32), w_.b.getInt64Ty());
  for (const Step& s : steps) step(s);
  return w_.finish();
}

void SectionWriter::step(const Step& s) {
  const Node& node = g_[s.node];
  switch (s.kind) {
    case Step::Kind::Load:
      return call_input(w_, node.shape.count(), tile_slot(inputs_, node.attributes.index),
                        pointer(s.node), stride_, valid_);
    case Step::Kind::Output: {
      const Ref& ref = p_.ref(s.node);
      return call_output(w_, ref.view, pointer(ref.base), tile_slot(outputs_, s.index), stride_, valid_);
    }
    case Step::Kind::Draw: return call_draw(w_, node, frame(), pointer(s.node), valid_);
    case Step::Kind::Gather: return gather(s.node);
    case Step::Kind::Loop: return loop(s);
    case Step::Kind::Product: return product(s);
    case Step::Kind::Panels: return panels(p_.panels[s.index], s.index);
    case Step::Kind::Pack: return pack(p_.packs[s.index], s.index);
    case Step::Kind::MeanProduct: return mean_product(s.node);
    case Step::Kind::Finish: return finish(s.node);
    case Step::Kind::Combine: return combine(s.node, s.index);
  }
}

void SectionWriter::gather(NodeId id) {
  const NodeId table_id = g_[id].operands[0], index_id = g_[id].operands[1];
  const Ref& table = p_.ref(table_id);
  const View& view = table.view;
  call_gather(w_,
              {view.shape[0], view.shape[1], view.strides[0], view.strides[1], g_[table_id].sampled,
               g_[index_id].sampled, section_.tile},
              start(table), start(p_.ref(index_id)), pointer(id));
}

void SectionWriter::product(const Step& step) {
  const NodeId id = step.node;
  const Node& node = g_[id];
  const Matrix a = matrix(node.operands[0], node.attributes.transpose_a);
  const Matrix b = matrix(node.operands[1], node.attributes.transpose_b);
  const int rows = node.shape[0], columns = node.shape[1];
  const int depth = g_[node.operands[0]].shape[node.attributes.transpose_a ? 0 : 1];
  const int64_t tile = p_.plan.tile;
  Value* c = p_.stored[id.value] ? pointer(id) : llvm::ConstantPointerNull::get(w_.b.getPtrTy());
  if (p_.split_products.contains(id)) return split_product(id, nullptr, b.pointer, c);
  const auto panels = p_.panels_of.find(id);
  Value* left = panels == p_.panels_of.end() ? a.pointer : pointer(p_.panel_places[panels->second], id);
  // Weights times `wide` columns of samples.
  const auto weights_product = [&](int64_t wide, Value* from, Value* to) {
    Product product{rows, static_cast<int>(wide), depth, a.row, a.column, b.row, 1, columns * tile};
    product.a_panels = panels != p_.panels_of.end();
    if (step.members.empty()) return call_product(w_, product, left, from, to);
    call_product(w_, product, epilogue(step), left, from, to);
  };
  if (a.sampled && b.sampled)
    return call_lane_product(w_, {rows, columns, depth, a.row, a.column, b.row, b.column}, a.pointer, b.pointer, c);
  if (b.sampled && (columns == 1 || b.column == tile)) return weights_product(columns * tile, b.pointer, c);
  if (b.sampled)
    return w_.loop(columns, [&](Value* j) {
      weights_product(tile, w_.at(b.pointer, w_.b.CreateMul(j, w_.index(b.column))),
                      w_.at(c, w_.b.CreateMul(j, w_.index(tile))));
    });
  // Row i of the result, seen as [column][sample], is Bᵀ times row i of A.
  if (a.sampled)
    return w_.loop(rows, [&](Value* i) {
      call_product(w_, {columns, static_cast<int>(tile), depth, b.column, b.row, a.column, 1, tile}, b.pointer,
                   w_.at(a.pointer, w_.b.CreateMul(i, w_.index(a.row))),
                   w_.at(c, w_.b.CreateMul(i, w_.index(columns * tile))));
    });
  if (columns == 1)
    return call_product(w_, {1, rows, depth, 0, b.row, a.column, a.row, rows}, b.pointer, a.pointer, c);
  call_product(w_, {rows, columns, depth, a.row, a.column, b.row, b.column, columns}, a.pointer, b.pointer, c);
}

void SectionWriter::panels(const Panels& panels, int index) {
  if (panels.split)
    return call_split(w_, split_of(panels), start(panels.matrix), pointer(p_.panel_places[index], panels.matrix.base),
                      piece_);
  call_row_panels(w_, panels.rows(), panels.depth(), panels.row_stride(), panels.depth_stride(), start(panels.matrix),
                  pointer(p_.panel_places[index], panels.matrix.base), piece_);
}

void SectionWriter::pack(const Pack& pack, int index) {
  const int lanes = p_.plan.lanes;
  const int padded = (pack.columns() + lanes - 1) / lanes * lanes;
  Value *from = start(pack.matrix), *to = pointer(p_.pack_places[index], pack.matrix.base);
  const Transposition t{pack.columns(), pack.column_stride() * p_.plan.tile, padded};
  w_.loop(pack.depth(), [&](Value* k) {
    call_transposition(w_, t, w_.at(from, w_.b.CreateMul(k, w_.index(pack.depth_stride() * p_.plan.tile))),
                       w_.at(to, w_.b.CreateMul(k, w_.index(int64_t{p_.plan.tile} * padded))), valid_);
  });
}

/// Adds Σ over k and over samples of A(i, k)·B(k, j), or with i and j exchanged.
void SectionWriter::mean_product(NodeId id) {
  const MeanPlan& mean = p_.means.at(id);
  const SumPlan& sum = p_.sums.at(mean.into);
  const Node& node = g_[mean.product];
  const Pack& pack = p_.packs[mean.pack];
  const ir::Attributes& attributes = node.attributes;
  const Matrix a = sum.flipped ? matrix(node.operands[1], !attributes.transpose_b)
                               : matrix(node.operands[0], attributes.transpose_a);
  Value* b = pointer(p_.pack_places[mean.pack], pack.matrix.base);
  Value* c = partial(sum);
  const Product product{.rows = sum.rows, .columns = sum.padded, .depth = p_.plan.tile, .a_row = a.row, .a_depth = 1,
                        .c_row = sum.padded, .accumulate = true, .subtract = mean.negative, .b_panels = true};
  w_.loop(pack.depth(), [&](Value* k) {
    Value* left = w_.at(a.pointer, w_.b.CreateMul(k, w_.index(a.column)));
    Value* right = w_.at(b, w_.b.CreateMul(k, w_.index(int64_t{p_.plan.tile} * sum.padded)));
    p_.split_products.contains(id) ? split_product(id, left, right, c) : call_product(w_, product, left, right, c);
  });
}

/// The left operand of a Product is weights, which are split already.
void SectionWriter::split_product(NodeId id, Value* a, Value* b, Value* c) {
  const TileProduct t = tile_product(p_, id);
  Value* right = bytes_from(arena_, p_.split_offset);
  Value* left = bytes_from(right, t.right_bytes());
  if (const auto panels = p_.panels_of.find(id); panels != p_.panels_of.end())
    left = pointer(p_.panel_places[panels->second], id);
  else call_split(w_, t.left, a, left);
  t.right_in_panels ? call_split_panels(w_, t.right, b, right) : call_split(w_, t.right, b, right);
  call_split_product(w_, t.product, left, right, c);
}

void SectionWriter::finish(NodeId id) {
  const SumPlan& sum = p_.sums.at(id);
  Value *from = partial(sum), *to = pointer(id);
  if (!sum.product) return call_sum_lanes(w_, sum.rows, from, to, scale_, groups_);
  LoopKernel kernel{.pointers = 3};
  std::vector<int64_t> strides{sum.padded, 1}, dense{sum.columns, 1};
  kernel.axes = {sum.rows, sum.columns};
  if (sum.flipped) {
    kernel.axes = {sum.columns, sum.rows};
    strides = {1, sum.padded};
    dense = {sum.rows, 1};
  }
  using Kind = Item::Kind;
  const int total = kernel.add({.kind = Kind::Load, .access = kernel.access({Access::Kind::Groups, 0, 0, strides})});
  const int scale = kernel.add({.kind = Kind::Load, .access = kernel.access({Access::Kind::Shared, 1, 0, {0, 0}})});
  const int value = kernel.add({.kind = Kind::Compute, .op = Op::Mul, .operands = {total, scale}});
  kernel.add({.kind = Kind::Store, .access = kernel.access({Access::Kind::Shared, 2, 0, dense}), .operands = {value}});
  call_shared_loop(w_, std::move(kernel), {from, scale_, to}, groups_, {});
}

/// The sum of what the pieces have summed, in their order.
void SectionWriter::combine(NodeId id, int pieces) {
  Value* from = pointer(p_.piece_places.at(id), id);
  const auto sum = w_.loop(pieces - 1, {w_.load_scalar(from)}, [&](Value* k, const Writer::Carried& before) {
    Value* piece = w_.load_scalar(bytes_from(from, w_.b.CreateMul(w_.b.CreateAdd(k, w_.index(1)), w_.index(64))));
    return Writer::Carried{w_.b.CreateFAdd(before[0], piece)};
  });
  w_.store(sum[0], pointer(id));
}

void SectionWriter::zero(NodeId id) {
  const int64_t bytes = g_[id].shape.count() * width(id) * w_.unit.element_bytes;
  w_.b.CreateMemSet(pointer(id), w_.b.getInt8(0), bytes, llvm::MaybeAlign(w_.unit.element_bytes));
}

/// Makes the items of a step's members.
class LoopBuilder {
 public:
  LoopBuilder(SectionWriter& s, const Step& step) : s_(s), step_(step) {
    kernel_.tile = s.section_.tile;
    for (int axis = 0; axis < step.shape.rank; ++axis) kernel_.axes.push_back(step.shape[axis]);
  }
  void call();
  Epilogue epilogue();

 private:
  using Kind = Item::Kind;
  int pointer_number(Value* pointer);
  int base_number(NodeId base);
  int operand(const Ref& ref);
  int access(NodeId base, const View& view);
  void write(Kind kind, int access, int value) { kernel_.add({.kind = kind, .access = access, .operands = {value}}); }
  void member(const Member& member);
  void compute(NodeId id);
  void finish(NodeId id);
  void keep(NodeId id, int value);
  void copy(NodeId id, int part);
  void sum(NodeId id);
  void mean_sum(NodeId id);
  void output(const Member& member);

  SectionWriter& s_;
  const Step& step_;
  LoopKernel kernel_;
  std::vector<Value*> pointers_;
  std::map<NodeId, int> bases_;   // pointer numbers
  std::map<NodeId, int> inside_;  // items of the nodes that are computed here
  std::map<int, int> loads_;      // items by access
};

int LoopBuilder::pointer_number(Value* pointer) {
  pointers_.push_back(pointer);
  return kernel_.pointers++;
}

int LoopBuilder::base_number(NodeId base) {
  const auto known = bases_.find(base);
  return known != bases_.end() ? known->second : bases_[base] = pointer_number(s_.pointer(base));
}

int LoopBuilder::access(NodeId base, const View& view) {
  const auto kind = s_.g_[base].sampled ? Access::Kind::Sampled : Access::Kind::Shared;
  return kernel_.access({kind, base_number(base), view.offset, squeezed_strides(view)});
}

int LoopBuilder::operand(const Ref& ref) {
  if (const auto known = inside_.find(ref.base); known != inside_.end()) return known->second;
  const Node& base = s_.g_[ref.base];
  if (base.op == Op::Const) return kernel_.add({.kind = Kind::Constant, .value = base.attributes.value});
  const bool own = step_.kind == Step::Kind::Product && ref.base == step_.node;
  const int from = own ? kernel_.access({.kind = Access::Kind::Product}) : access(ref.base, ref.view);
  const auto known = loads_.find(from);
  if (known != loads_.end()) return known->second;
  return loads_[from] = kernel_.add({.kind = Kind::Load, .access = from});
}

void LoopBuilder::compute(NodeId id) {
  const Node& node = s_.g_[id];
  std::vector<int> operands;
  for (NodeId x : node.operands) operands.push_back(operand(s_.p_.ref(x)));
  keep(id, kernel_.add({.kind = Kind::Compute, .op = node.op, .operands = operands}));
}

/// Notes that an item is the value of a node, and stores it if the node has a place.
void LoopBuilder::keep(NodeId id, int value) {
  inside_[id] = value;
  if (s_.p_.stored[id.value]) write(Kind::Store, access(id, whole(s_.g_[id].shape)), value);
}

void LoopBuilder::finish(NodeId id) {
  const Access sums{Access::Kind::Groups, pointer_number(s_.partial(s_.p_.sums.at(id))), 0, *sum_strides(s_.p_, id)};
  const Access one{Access::Kind::Shared, pointer_number(s_.scale_), 0, std::vector<int64_t>(sums.strides.size())};
  const int total = kernel_.add({.kind = Kind::Load, .access = kernel_.access(sums)});
  const int scale = kernel_.add({.kind = Kind::Load, .access = kernel_.access(one)});
  keep(id, kernel_.add({.kind = Kind::Compute, .op = Op::Mul, .operands = {total, scale}}));
}

/// Where operand `part` of a Concat, Pad or Reshape lies in the result.
View destination(const Graph& g, const Node& node, const View& operand, int part) {
  const ir::Attributes& a = node.attributes;
  View out = whole(node.op == Op::Reshape ? operand.shape : node.shape);
  out.shape = operand.shape;
  if (node.op == Op::Pad) out.offset = a.start * out.strides[a.axis];
  if (node.op == Op::Concat)
    for (int k = 0; k < part; ++k) out.offset += g[node.operands[k]].shape[a.axis] * out.strides[a.axis];
  return out;
}

void LoopBuilder::copy(NodeId id, int part) {
  const Node& node = s_.g_[id];
  const Ref& from = s_.p_.ref(node.operands[part]);
  if (node.op == Op::Pad) s_.zero(id);
  const int value = operand(from);
  write(Kind::Store, access(id, destination(s_.g_, node, from.view, part)), value);
}

void LoopBuilder::sum(NodeId id) {
  const Node& node = s_.g_[id];
  const Ref& from = s_.p_.ref(node.operands[0]);
  View to{from.view.shape};
  const View kept = whole(node.shape);
  for (int axis = 0, k = 0; axis < to.shape.rank; ++axis)
    if (!(node.attributes.axis >> axis & 1)) to.strides[axis] = kept.strides[k++];
  const int value = operand(from);
  if (s_.section_.pieces == 1) {
    s_.zero(id);
    return write(Kind::Add, access(id, to), value);
  }
  // Each piece has its own place, which `combine` reads.
  Value* offset = s_.w_.b.CreateMul(s_.piece_.number, s_.w_.index(64));
  Value* place = s_.bytes_from(s_.pointer(s_.p_.piece_places.at(id), id), offset);
  s_.w_.store(llvm::ConstantFP::get(s_.w_.unit.element, 0), place);
  const std::vector<int64_t> strides = squeezed_strides(to);
  write(Kind::Add, kernel_.access({Access::Kind::Shared, pointer_number(place), 0, strides}), value);
}

void LoopBuilder::mean_sum(NodeId id) {
  const Ref& from = s_.p_.ref(s_.g_[id].operands[0]);
  const MeanPlan& mean = s_.p_.means.at(id);
  const int to = pointer_number(s_.partial(s_.p_.sums.at(mean.into)));
  int value = operand(from);
  if (mean.negative) value = kernel_.add({.kind = Kind::Compute, .op = Op::Neg, .operands = {value}});
  write(Kind::Add, kernel_.access({Access::Kind::Lanes, to, 0, squeezed_strides(whole(from.view.shape))}), value);
}

void LoopBuilder::output(const Member& member) {
  const Ref& from = s_.p_.ref(member.node);
  const int to = pointer_number(s_.slot(s_.outputs_, member.part));
  const int value = operand(from);
  write(Kind::Store, kernel_.access({Access::Kind::Shared, to, 0, squeezed_strides(whole(from.view.shape))}), value);
}

void LoopBuilder::member(const Member& member) {
  switch (member.kind) {
    case Member::Kind::Compute: return compute(member.node);
    case Member::Kind::Finish: return finish(member.node);
    case Member::Kind::Copy: return copy(member.node, member.part);
    case Member::Kind::Sum: return sum(member.node);
    case Member::Kind::MeanSum: return mean_sum(member.node);
    case Member::Kind::Output: return output(member);
  }
}

void LoopBuilder::call() {
  for (const Member& m : step_.members) member(m);
  if (kernel_.tile) return call_tile_loop(s_.w_, std::move(kernel_), pointers_, s_.valid_);
  call_shared_loop(s_.w_, std::move(kernel_), pointers_, s_.groups_, s_.piece_);
}

Epilogue LoopBuilder::epilogue() {
  for (const Member& m : step_.members) member(m);
  return {std::move(kernel_), std::move(pointers_), s_.valid_, s_.p_.stored[step_.node.value]};
}

Epilogue SectionWriter::epilogue(const Step& step) { return LoopBuilder(*this, step).epilogue(); }

void SectionWriter::loop(const Step& step) { LoopBuilder(*this, step).call(); }

}  // namespace

namespace {

/// Note [parts]. The code generator takes more than twice the time for a function of twice the size: a long section is a
/// function that calls its parts, which have about this many steps and members of loops each.
constexpr size_t kPartSize = 64;

/// Where each part ends.
std::vector<size_t> parts(const std::vector<Step>& steps) {
  std::vector<size_t> ends;
  size_t size = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    size += 1 + steps[i].members.size();
    if (size < kPartSize && i + 1 < steps.size()) continue;
    ends.push_back(i + 1);
    size = 0;
  }
  return ends;
}

void emit_section(Unit& unit, const Program& program, const Section& section) {
  const std::string name =
      section.tile ? fmt::format("am_tile_{}", section.phase) : fmt::format("am_shared_{}", section.stage);
  const std::span<const Step> steps = section.steps;
  const std::vector<size_t> ends = parts(section.steps);
  if (ends.size() <= 1) {
    SectionWriter(program, section, unit, name).write(steps);
    return;
  }
  Writer whole(unit, name);
  size_t begin = 0;
  for (size_t end : ends) {
    SectionWriter part(program, section, unit, fmt::format("{}_from_{}", name, begin), 1, 0);
    whole.b.CreateCall(part.write(steps.subspan(begin, end - begin)), {whole.argument(0)});
    begin = end;
  }
  whole.finish();
}

}  // namespace

void emit(const Program& program, llvm::Module& module) {
  const Plan& plan = program.plan;
  llvm::Type* element = plan.precision == Precision::F32 ? llvm::Type::getFloatTy(module.getContext())
                                                         : llvm::Type::getDoubleTy(module.getContext());
  Unit unit{module, program.options.target, element, static_cast<int>(plan.element_bytes()), plan.lanes, plan.tile,
            static_cast<int64_t>(plan.partial_bytes), {}};
  for (const Section& section : program.sections) emit_section(unit, program, section);
}

}  // namespace am::lower
