#include "compiler/lower/writer.h"

#include <llvm/IR/Intrinsics.h>

namespace am::lower {

using llvm::Value;

namespace {

/// For the machine that the module is for; generated code does not throw.
void set_attributes(llvm::Function& function, const Target& target) {
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.addFnAttr("target-cpu", target.cpu);
  function.addFnAttr("target-features", target.features);
  // Some processors' tuning prefers narrower vectors than they have.
  if (target.vector_bytes == 64) function.addFnAttr("prefer-vector-width", "512");
}

}  // namespace

void Writer::begin(const std::string& name, llvm::ArrayRef<llvm::Type*> parameters, bool internal) {
  auto* type = llvm::FunctionType::get(b.getVoidTy(), parameters, false);
  function = llvm::Function::Create(
      type, internal ? llvm::Function::InternalLinkage : llvm::Function::ExternalLinkage, name, unit.module);
  set_attributes(*function, unit.target);
  b.SetInsertPoint(llvm::BasicBlock::Create(unit.context(), "entry", function));
}

Writer::Writer(Unit& unit, const std::string& name, int pointers, int numbers) : unit(unit), b(unit.context()) {
  std::vector<llvm::Type*> parameters(pointers, b.getPtrTy());
  parameters.insert(parameters.end(), numbers, b.getInt64Ty());
  begin(name, parameters, true);
  function->addFnAttr(llvm::Attribute::NoInline);
}

Writer::Writer(Unit& unit, const std::string& name) : unit(unit), b(unit.context()) {
  begin(name, {b.getPtrTy()}, false);
}

llvm::Function* Writer::finish() {
  b.CreateRetVoid();
  return function;
}

Writer::Carried Writer::loop(int64_t count, Carried carried,
                             const std::function<Carried(Value* i, const Carried&)>& body) {
  if (count <= 0) return carried;
  if (count == 1) return body(index(0), carried);
  llvm::BasicBlock* before = b.GetInsertBlock();
  auto* head = llvm::BasicBlock::Create(unit.context(), "loop", function);
  b.CreateBr(head);
  b.SetInsertPoint(head);
  llvm::PHINode* i = b.CreatePHI(b.getInt64Ty(), 2);
  i->addIncoming(index(0), before);
  std::vector<llvm::PHINode*> phis;
  for (Value*& value : carried) {
    phis.push_back(b.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
    value = phis.back();
  }
  carried = body(i, carried);
  Value* next = b.CreateAdd(i, index(1), "", true, true);
  llvm::BasicBlock* last = b.GetInsertBlock();
  i->addIncoming(next, last);
  for (size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(carried[k], last);
  auto* after = llvm::BasicBlock::Create(unit.context(), "done", function);
  b.CreateCondBr(b.CreateICmpULT(next, index(count)), head, after);
  b.SetInsertPoint(after);
  return carried;
}

void Writer::loop(int64_t count, const std::function<void(Value* i)>& body) {
  loop(count, {}, [&](Value* i, const Carried&) {
    body(i);
    return Carried{};
  });
}

void Writer::loop(Value* count, const std::function<void(Value* i)>& body) {
  loop(count, {}, [&](Value* i, const Carried&) {
    body(i);
    return Carried{};
  });
}

Writer::Carried Writer::loop(Value* count, Carried carried,
                             const std::function<Carried(Value* i, const Carried&)>& body) {
  llvm::BasicBlock* before = b.GetInsertBlock();
  auto* head = llvm::BasicBlock::Create(unit.context(), "loop", function);
  auto* after = llvm::BasicBlock::Create(unit.context(), "done", function);
  b.CreateCondBr(b.CreateICmpSGT(count, index(0)), head, after);
  b.SetInsertPoint(head);
  llvm::PHINode* i = b.CreatePHI(b.getInt64Ty(), 2);
  i->addIncoming(index(0), before);
  Carried inside;
  std::vector<llvm::PHINode*> phis;
  for (Value* value : carried) {
    phis.push_back(b.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
    inside.push_back(phis.back());
  }
  inside = body(i, inside);
  Value* next = b.CreateAdd(i, index(1), "", true, true);
  llvm::BasicBlock* last = b.GetInsertBlock();
  i->addIncoming(next, last);
  for (size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(inside[k], last);
  b.CreateCondBr(b.CreateICmpSLT(next, count), head, after);
  b.SetInsertPoint(after);
  for (size_t k = 0; k < phis.size(); ++k) {
    llvm::PHINode* result = b.CreatePHI(carried[k]->getType(), 2);
    result->addIncoming(carried[k], before);
    result->addIncoming(inside[k], last);
    carried[k] = result;
  }
  return carried;
}

Range Writer::share(int turns, const Piece& piece) {
  if (piece.count == 1) return {index(0), index(turns)};
  const auto bound = [&](Value* number) { return b.CreateUDiv(b.CreateMul(number, index(turns)), index(piece.count)); };
  return {bound(piece.number), bound(b.CreateAdd(piece.number, index(1)))};
}

Range Writer::clamp(const Range& range, int64_t from, int64_t to) {
  const auto clamped = [&](Value* number) {
    number = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, number, index(from));
    return b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, number, index(to));
  };
  return {clamped(range.from), clamped(range.to)};
}

Value* Writer::at(Value* base, Value* offset) { return b.CreateInBoundsGEP(unit.element, base, offset); }
Value* Writer::at(Value* base, int64_t offset) { return offset == 0 ? base : at(base, index(offset)); }

Value* Writer::scaled(Value* x, int64_t a, Value* y) {
  if (a == 0) return y;
  return b.CreateAdd(a == 1 ? x : b.CreateMul(x, index(a)), y);
}

Value* Writer::load(Value* pointer) { return b.CreateAlignedLoad(unit.vector(), pointer, align()); }
Value* Writer::load_scalar(Value* pointer) { return b.CreateAlignedLoad(unit.element, pointer, align()); }
Value* Writer::load_splat(Value* pointer) { return splat(load_scalar(pointer)); }
void Writer::store(Value* value, Value* pointer) { b.CreateAlignedStore(value, pointer, align()); }

Value* Writer::load_masked(Value* pointer, Value* mask, Value* otherwise) {
  return b.CreateMaskedLoad(unit.vector(), pointer, align(), mask, otherwise);
}

void Writer::store_masked(Value* value, Value* pointer, Value* mask) {
  b.CreateMaskedStore(value, pointer, align(), mask);
}

namespace {

Value* lanes_at(Writer& w, Value* pointer, std::span<const int64_t> offsets) {
  std::vector<llvm::Constant*> numbers;
  for (int64_t offset : offsets) numbers.push_back(w.b.getInt64(offset));
  return w.b.CreateInBoundsGEP(w.unit.element, pointer, llvm::ConstantVector::get(numbers));
}

std::vector<int64_t> multiples(int64_t stride, int count) {
  std::vector<int64_t> out;
  for (int lane = 0; lane < count; ++lane) out.push_back(lane * stride);
  return out;
}

}  // namespace

Value* Writer::gather(Value* pointer, int64_t stride, Value* mask) {
  return gather(pointer, multiples(stride, unit.lanes), mask);
}

Value* Writer::gather(Value* pointer, std::span<const int64_t> offsets, Value* mask) {
  return b.CreateMaskedGather(unit.vector(), lanes_at(*this, pointer, offsets), align(), mask, zero());
}

void Writer::scatter(Value* value, Value* pointer, int64_t stride, Value* mask) {
  b.CreateMaskedScatter(value, lanes_at(*this, pointer, multiples(stride, unit.lanes)), align(), mask);
}

void Writer::prefetch(Value* pointer) {
  b.CreateIntrinsic(llvm::Intrinsic::prefetch, {b.getPtrTy()}, {pointer, b.getInt32(0), b.getInt32(3), b.getInt32(1)});
}

void Writer::prefetch_to_write(Value* pointer) {
  b.CreateIntrinsic(llvm::Intrinsic::prefetch, {b.getPtrTy()}, {pointer, b.getInt32(1), b.getInt32(3), b.getInt32(1)});
}

Value* Writer::multiply_add(Value* x, Value* y, Value* z) {
  return b.CreateIntrinsic(x->getType(), llvm::Intrinsic::fmuladd, {x, y, z});
}

Value* Writer::sum_lanes(Value* vector) {
  llvm::FastMathFlags reassociate;
  reassociate.setAllowReassoc();
  auto* sum = b.CreateFAddReduce(llvm::ConstantFP::getNegativeZero(unit.element), vector);
  sum->setFastMathFlags(reassociate);
  return sum;
}

Value* Writer::iota() {
  std::vector<llvm::Constant*> lanes;
  for (int lane = 0; lane < unit.lanes; ++lane) lanes.push_back(b.getInt32(lane));
  return llvm::ConstantVector::get(lanes);
}

Value* Writer::first_lanes(int count) {
  std::vector<llvm::Constant*> lanes;
  for (int lane = 0; lane < unit.lanes; ++lane) lanes.push_back(b.getInt1(lane < count));
  return llvm::ConstantVector::get(lanes);
}

Value* Writer::valid_lanes(Value* first, Value* valid) {
  Value* rest = b.CreateTrunc(b.CreateSub(valid, first), b.getInt32Ty());
  return b.CreateICmpSLT(iota(), splat(rest));
}

}  // namespace am::lower
