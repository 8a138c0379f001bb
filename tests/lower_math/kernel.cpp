#include "tests/lower_math/kernel.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <cstddef>
#include <sstream>
#include <stdexcept>

namespace am::lower {
namespace {

llvm::Type* element(llvm::IRBuilderBase& builder, Cell cell) {
  switch (cell) {
    case Cell::F32: return builder.getFloatTy();
    case Cell::F64: return builder.getDoubleTy();
    case Cell::Word: return builder.getInt32Ty();
  }
  throw std::logic_error("no such cell");
}

/// The pointer number `index` in the table of pointers at `offset` in the frame.
llvm::Value* array(llvm::IRBuilderBase& builder, llvm::Value* frame, size_t offset, size_t index) {
  llvm::Value* table =
      builder.CreateLoad(builder.getPtrTy(), builder.CreateConstGEP1_64(builder.getInt8Ty(), frame, offset));
  return builder.CreateLoad(builder.getPtrTy(), builder.CreateConstGEP1_64(builder.getPtrTy(), table, index));
}

llvm::Function* void_function(llvm::Module& module, const char* name) {
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(module.getContext()),
                                       {llvm::PointerType::getUnqual(module.getContext())}, false);
  return llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
}

void write_empty(llvm::Module& module, const char* name) {
  llvm::IRBuilder<>(llvm::BasicBlock::Create(module.getContext(), "", void_function(module, name))).CreateRetVoid();
}

/// for (i = 0; i < frame.stride; i += lanes) outputs[i] = body(inputs[i])
void write_loop(llvm::Module& module, const Signature& signature, const Body& body) {
  llvm::Function* function = void_function(module, "am_tile_0");
  llvm::LLVMContext& context = module.getContext();
  llvm::BasicBlock* entry = llvm::BasicBlock::Create(context, "entry", function);
  llvm::BasicBlock* loop = llvm::BasicBlock::Create(context, "loop", function);
  llvm::BasicBlock* exit = llvm::BasicBlock::Create(context, "exit", function);
  llvm::IRBuilder<> builder(entry);
  llvm::Value* frame = function->getArg(0);
  std::vector<llvm::Value*> from, to;
  for (size_t k = 0; k < signature.inputs.size(); ++k)
    from.push_back(array(builder, frame, offsetof(Frame, inputs), k));
  for (size_t k = 0; k < signature.outputs.size(); ++k)
    to.push_back(array(builder, frame, offsetof(Frame, outputs), k));
  llvm::Value* count = builder.CreateLoad(
      builder.getInt64Ty(), builder.CreateConstGEP1_64(builder.getInt8Ty(), frame, offsetof(Frame, stride)));
  builder.CreateBr(loop);

  builder.SetInsertPoint(loop);
  llvm::PHINode* i = builder.CreatePHI(builder.getInt64Ty(), 2);
  i->addIncoming(builder.getInt64(0), entry);
  std::vector<llvm::Value*> arguments;
  for (size_t k = 0; k < from.size(); ++k) {
    llvm::Type* cell = element(builder, signature.inputs[k]);
    arguments.push_back(builder.CreateAlignedLoad(llvm::FixedVectorType::get(cell, signature.lanes),
                                                  builder.CreateGEP(cell, from[k], i), llvm::Align(4)));
  }
  const auto results = body(builder, arguments);
  for (size_t k = 0; k < to.size(); ++k)
    builder.CreateAlignedStore(results[k], builder.CreateGEP(element(builder, signature.outputs[k]), to[k], i),
                               llvm::Align(4));
  llvm::Value* next = builder.CreateAdd(i, builder.getInt64(signature.lanes));
  i->addIncoming(next, loop);
  builder.CreateCondBr(builder.CreateICmpULT(next, count), loop, exit);
  builder.SetInsertPoint(exit);
  builder.CreateRetVoid();
}

std::vector<std::string> calls_in(const std::string& assembly) {
  std::vector<std::string> calls;
  std::istringstream lines(assembly);
  for (std::string line; std::getline(lines, line);)
    if (line.find("\tcall") != std::string::npos) calls.push_back(line);
  return calls;
}

}  // namespace

Kernel::Kernel(const Target& target, const Signature& signature, const Body& body) {
  Lowered lowered;
  lowered.context = std::make_unique<llvm::LLVMContext>();
  lowered.module = std::make_unique<llvm::Module>("kernel", *lowered.context);
  write_empty(*lowered.module, "am_shared_0");
  write_empty(*lowered.module, "am_shared_1");
  write_loop(*lowered.module, signature, body);
  calls_ = calls_in(jit::assembly(lowered, target));
  std::string error;
  executable_ = jit::compile(std::move(lowered), target, error);
  if (!executable_) throw std::runtime_error(error);
}

void Kernel::operator()(std::vector<const void*> inputs, std::vector<void*> outputs, size_t count) const {
  const Frame frame{.inputs = inputs.data(), .outputs = outputs.data(), .stride = count};
  executable_->tiles()[0](&frame);
}

}  // namespace am::lower
