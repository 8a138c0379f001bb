// Modules written by hand stand in for the lowering: they are compiled, run and refused.
#include <gtest/gtest.h>
#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SourceMgr.h>

#include <thread>

#include "compiler/jit/jit.h"

namespace am::jit {
namespace {

/// A module from its text, as a program of one phase.
lower::Lowered program(const std::string& text) {
  lower::Lowered lowered;
  lowered.plan.stages = {{0}, {1}};
  lowered.context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic diagnostic;
  lowered.module = llvm::parseAssemblyString(text, diagnostic, *lowered.context);
  EXPECT_TRUE(lowered.module) << diagnostic.getMessage().str();
  return lowered;
}

/// am_tile_0 writes 16 times `number` to the first output; the shared functions do nothing.
std::string sixteen_times(const std::string& number) {
  std::string text = R"(
define void @am_shared_0(ptr %frame) { ret void }
define void @am_shared_1(ptr %frame) { ret void }
define void @am_tile_0(ptr %frame) {
  %field = getelementptr ptr, ptr %frame, i64 1
  %outputs = load ptr, ptr %field
  %out = load ptr, ptr %outputs
  store <16 x float> splat (float NUMBER), ptr %out, align 4
  ret void
}
)";
  return text.replace(text.find("NUMBER"), 6, number);
}

lower::Target native() {
  std::string error;
  auto target = host_target("", error);
  EXPECT_EQ(error, "");
  return target;
}

std::vector<float> run(const Executable& executable) {
  std::vector<float> out(17, -1);
  void* outputs[] = {out.data()};
  const lower::Frame frame{.outputs = outputs};
  executable.tiles().at(0)(&frame);
  return out;
}

std::vector<float> expected(float number) {
  std::vector<float> out(17, number);
  out.back() = -1;
  return out;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Compile, GivesFunctionsThatRun) {
  std::string error;
  const auto executable = compile(program(sixteen_times("2.5")), native(), error);
  ASSERT_TRUE(executable) << error;
  EXPECT_EQ(error, "");
  EXPECT_EQ(executable->shared().size(), 2u);
  EXPECT_EQ(executable->tiles().size(), 1u);
  const lower::Frame frame{};
  for (const auto function : executable->shared()) function(&frame);
  EXPECT_EQ(run(*executable), expected(2.5f));
}

TEST(Compile, MissingFunctionIsNamed) {
  std::string error;
  auto lowered = program(sixteen_times("1.0"));
  lowered.plan.phases = 2;
  EXPECT_FALSE(compile(std::move(lowered), native(), error));
  EXPECT_TRUE(contains(error, "am_tile_1")) << error;
  lowered = program(sixteen_times("1.0"));
  lowered.plan.stages.push_back({1});
  EXPECT_FALSE(compile(std::move(lowered), native(), error));
  EXPECT_TRUE(contains(error, "am_shared_2")) << error;
}

TEST(Compile, LibraryCallsDoNotLink) {
  std::string error;
  const auto lowered = R"(
declare float @expf(float)
define void @am_shared_0(ptr %frame) { ret void }
define void @am_shared_1(ptr %frame) { ret void }
define void @am_tile_0(ptr %frame) {
  %y = call float @expf(float 1.0)
  store float %y, ptr %frame
  ret void
})";
  EXPECT_FALSE(compile(program(lowered), native(), error));
  EXPECT_TRUE(contains(error, "expf")) << error;
}

TEST(Compile, MemoryFunctionsLink) {
  const auto text = R"(
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define void @am_shared_0(ptr %frame) { ret void }
define void @am_shared_1(ptr %frame) { ret void }
define void @am_tile_0(ptr %frame) {
  %field = getelementptr ptr, ptr %frame, i64 1
  %outputs = load ptr, ptr %field
  %out = load ptr, ptr %outputs
  %size_field = getelementptr i64, ptr %frame, i64 6
  %size = load i64, ptr %size_field
  call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 %size, i1 false)
  ret void
})";
  std::string error;
  const auto executable = compile(program(text), native(), error);
  ASSERT_TRUE(executable) << error;
  std::vector<float> out(8, 1);
  void* outputs[] = {out.data()};
  const lower::Frame frame{.outputs = outputs, .stride = 7 * sizeof(float)};
  executable->tiles()[0](&frame);
  EXPECT_EQ(out, (std::vector<float>{0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST(Compile, MalformedModuleIsRefused) {
  auto lowered = program(sixteen_times("1.0"));
  // A block without an end.
  llvm::BasicBlock::Create(*lowered.context, "open", lowered.module->getFunction("am_tile_0"));
  std::string error;
  EXPECT_FALSE(compile(std::move(lowered), native(), error));
  EXPECT_TRUE(contains(error, "malformed")) << error;
}

TEST(Compile, ExecutablesAreIndependent) {
  std::shared_ptr<const Executable> executables[2];
  std::string errors[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back(
        [&, i] { executables[i] = compile(program(sixteen_times(i ? "3.0" : "7.0")), native(), errors[i]); });
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(executables[0] && executables[1]) << errors[0] << errors[1];
  threads.clear();
  std::vector<float> outputs[2];
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 1000; ++round) outputs[i] = run(*executables[i]);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(outputs[0], expected(7));
  EXPECT_EQ(outputs[1], expected(3));
  executables[0] = nullptr;
  EXPECT_EQ(run(*executables[1]), expected(3));
}

TEST(Target, NativeIsWideEnough) {
  const auto target = native();
  EXPECT_FALSE(target.cpu.empty());
  EXPECT_TRUE(contains(target.features, "+sse4.2"));
  EXPECT_EQ(contains(target.features, "+avx512vl"), target.vector_bytes == 64);
  EXPECT_GE(target.cache_bytes, size_t{1} << 16);
  EXPECT_EQ(target.lanes(lower::Precision::F32), target.vector_bytes / 4);
  EXPECT_EQ(target.lanes(lower::Precision::F64), target.vector_bytes / 8);
}

TEST(Target, ForcedLevelsUseTheirRegisters) {
  const std::tuple<const char*, int, const char*> levels[] = {
      {"x86-64-v2", 16, "xmm"}, {"x86-64-v3", 32, "ymm"}, {"x86-64-v4", 64, "zmm"}};
  for (const auto& [cpu, bytes, registers] : levels) {
    std::string error;
    const auto target = host_target(cpu, error);
    if (!error.empty()) {
      EXPECT_TRUE(contains(error, "it has no")) << error;
      continue;
    }
    EXPECT_EQ(target.vector_bytes, bytes);
    EXPECT_TRUE(contains(assembly(program(sixteen_times("2.5")), target), registers)) << cpu;
    const auto executable = compile(program(sixteen_times("2.5")), target, error);
    ASSERT_TRUE(executable) << error;
    EXPECT_EQ(run(*executable), expected(2.5f));
  }
}

TEST(Target, UnknownNameListsTheKnown) {
  std::string error;
  host_target("x86-64-v9", error);
  EXPECT_EQ(error, "unknown cpu `x86-64-v9`; known are native, x86-64-v2, x86-64-v3, x86-64-v4");
}

TEST(Assembly, NamesTheFunctionsAndLeavesTheModule) {
  const auto lowered = program(sixteen_times("2.5"));
  const auto text = assembly(lowered, native());
  EXPECT_TRUE(contains(text, "am_tile_0:"));
  EXPECT_EQ(text, assembly(lowered, native()));
}

TEST(Version, IsLlvms) { EXPECT_EQ(llvm_version().substr(0, 3), "19."); }

}  // namespace
}  // namespace am::jit
