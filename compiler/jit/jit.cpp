// LLVM's ORC JIT, set up for modules that need no help: no static initialisers, no library but three memory functions.
#include "compiler/jit/jit.h"

#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/CompileUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

// Only the parts of the X86 back end that making code, of which some is in assembly, and printing it take; initialising
// all targets costs start-up time.
extern "C" void LLVMInitializeX86TargetInfo();
extern "C" void LLVMInitializeX86Target();
extern "C" void LLVMInitializeX86TargetMC();
extern "C" void LLVMInitializeX86AsmPrinter();
extern "C" void LLVMInitializeX86AsmParser();

namespace am::jit {

struct Executable::Code {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

Executable::Executable(lower::Plan plan, std::unique_ptr<Code> code, std::vector<TileFunction> shared,
                       std::vector<TileFunction> tiles)
    : plan_(std::move(plan)), code_(std::move(code)), shared_(std::move(shared)), tiles_(std::move(tiles)) {}

Executable::~Executable() = default;

namespace {

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
}

/// Small and position-independent: the default code model puts code out of reach of ordinary calls.
llvm::orc::JITTargetMachineBuilder machine_builder(const lower::Target& target) {
  initialise_llvm();
  llvm::orc::JITTargetMachineBuilder builder{llvm::Triple(LLVM_HOST_TRIPLE)};
  builder.setCPU(target.cpu);
  builder.getFeatures() = llvm::SubtargetFeatures(target.features);
  builder.setCodeModel(llvm::CodeModel::Small);
  builder.setRelocationModel(llvm::Reloc::PIC_);
  builder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  return builder;
}

/// The only functions from outside that generated code may call: the code generator makes calls of them from loops and
/// large loads and stores. Any other name, such as one of the C library's mathematics, fails to link, on purpose.
llvm::Error allow_memory_functions(llvm::orc::LLJIT& jit) {
  const auto symbol = [](auto* function) {
    return llvm::orc::ExecutorSymbolDef(llvm::orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported);
  };
  return jit.getMainJITDylib().define(llvm::orc::absoluteSymbols({
      {jit.mangleAndIntern("memcpy"), symbol(&std::memcpy)},
      {jit.mangleAndIntern("memmove"), symbol(&std::memmove)},
      {jit.mangleAndIntern("memset"), symbol(&std::memset)},
  }));
}

/// The text of an error and, first, what the session had to say about it. Takes the error.
std::string text_of(llvm::Error error, const std::string& session = {}) {
  return session + llvm::toString(std::move(error));
}

/// The verifier's complaint about a module, or nothing.
std::optional<std::string> malformed(const llvm::Module& module) {
  std::string complaint;
  llvm::raw_string_ostream stream(complaint);
  if (!llvm::verifyModule(module, &stream)) return std::nullopt;
  return "generated code is malformed: " + complaint;
}

/// Tells `perf` where each kernel lies: a line a function in /tmp/perf-PID.map, where it looks for code that was made
/// at run time. Asked for by AMC_PERF_MAP in the environment.
class PerfMap : public llvm::orc::ObjectLinkingLayer::Plugin {
 public:
  void modifyPassConfig(llvm::orc::MaterializationResponsibility&, llvm::jitlink::LinkGraph&,
                        llvm::jitlink::PassConfiguration& passes) override {
    // Kernels are called by section and offset: nothing would keep their names.
    passes.PrePrunePasses.push_back([](llvm::jitlink::LinkGraph& graph) {
      for (llvm::jitlink::Symbol* symbol : graph.defined_symbols())
        if (symbol->isCallable() && symbol->hasName()) symbol->setLive(true);
      return llvm::Error::success();
    });
    passes.PostFixupPasses.push_back([](llvm::jitlink::LinkGraph& graph) {
      const std::string name = fmt::format("/tmp/perf-{}.map", getpid());
      if (std::FILE* file = std::fopen(name.c_str(), "a")) {
        for (llvm::jitlink::Symbol* symbol : graph.defined_symbols())
          if (symbol->isCallable() && symbol->hasName())
            fmt::print(file, "{:x} {:x} {}\n", symbol->getAddress().getValue(), symbol->getSize(),
                       symbol->getName().str());
        std::fclose(file);
      }
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility&) override { return llvm::Error::success(); }
  llvm::Error notifyRemovingResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey, llvm::orc::ResourceKey) override {}
};

/// Addresses of `<prefix>0` to `<prefix><count - 1>`.
llvm::Expected<std::vector<TileFunction>> look_up(llvm::orc::LLJIT& jit, const char* prefix, int count) {
  std::vector<TileFunction> functions;
  for (int i = 0; i < count; ++i) {
    auto address = jit.lookup(fmt::format("{}{}", prefix, i));
    if (!address) return address.takeError();
    functions.push_back(address->toPtr<TileFunction>());
  }
  return functions;
}

llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> link(const std::string& code, const lower::Target& target,
                                                       std::string& session) {
  // No platform: there are no static initialisers to run and no runtime library to load.
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(machine_builder(target))
                 .setLinkProcessSymbolsByDefault(false)
                 .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                 .create();
  if (!jit) return jit;
  (*jit)->getExecutionSession().setErrorReporter(
      [&session](llvm::Error e) { session += llvm::toString(std::move(e)) + "; "; });
  if (auto* linker = llvm::dyn_cast<llvm::orc::ObjectLinkingLayer>(&(*jit)->getObjLinkingLayer());
      linker && std::getenv("AMC_PERF_MAP"))
    linker->addPlugin(std::make_shared<PerfMap>());
  if (auto e = allow_memory_functions(**jit)) return e;
  if (auto e = (*jit)->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(code, "am"))) return e;
  return jit;
}

/// The module for this machine, ready for its code generator.
void set_target(llvm::Module& module, const llvm::TargetMachine& machine) {
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
}

}  // namespace

std::optional<Object> generate(lower::Lowered lowered, const lower::Target& target, std::string& error) {
  error.clear();
  if (auto complaint = malformed(*lowered.module)) {
    error = *std::move(complaint);
    return {};
  }
  auto machine = machine_builder(target).createTargetMachine();
  if (!machine) {
    error = text_of(machine.takeError());
    return {};
  }
  set_target(*lowered.module, **machine);
  auto code = llvm::orc::SimpleCompiler(**machine)(*lowered.module);
  if (!code) {
    error = text_of(code.takeError());
    return {};
  }
  return Object{std::move(lowered.plan), (*code)->getBuffer().str()};
}

std::shared_ptr<const Executable> load(Object object, const lower::Target& target, std::string& error) {
  error.clear();
  // Asked in every process that runs such code, also where it was kept by another one.
  if (object.plan.split_products > 0 && !allow_tiles()) {
    error = "the system does not let this process use the processor's tile registers";
    return nullptr;
  }
  std::string session;
  auto jit = link(object.code, target, session);
  if (!jit) {
    error = text_of(jit.takeError(), session);
    return nullptr;
  }
  auto shared = look_up(**jit, "am_shared_", static_cast<int>(object.plan.stages.size()));
  auto tiles = look_up(**jit, "am_tile_", object.plan.phases);
  if (!shared || !tiles) {
    error = text_of(llvm::joinErrors(shared.takeError(), tiles.takeError()), session);
    return nullptr;
  }
  // The session's reporter refers to a local variable of ours.
  (*jit)->getExecutionSession().setErrorReporter([](llvm::Error e) { llvm::consumeError(std::move(e)); });
  auto code = std::make_unique<Executable::Code>(Executable::Code{std::move(*jit)});
  return std::make_shared<const Executable>(std::move(object.plan), std::move(code), std::move(*shared),
                                            std::move(*tiles));
}

std::shared_ptr<const Executable> compile(lower::Lowered lowered, const lower::Target& target, std::string& error) {
  auto object = generate(std::move(lowered), target, error);
  return object ? load(*std::move(object), target, error) : nullptr;
}

std::string assembly(const lower::Lowered& lowered, const lower::Target& target) {
  auto machine = machine_builder(target).createTargetMachine();
  if (!machine) return text_of(machine.takeError());
  const auto module = llvm::CloneModule(*lowered.module);
  set_target(*module, **machine);
  llvm::SmallVector<char> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return "this target cannot print assembly";
  passes.run(*module);
  return std::string(text.begin(), text.end());
}

std::string llvm_version() { return LLVM_VERSION_STRING; }

}  // namespace am::jit
