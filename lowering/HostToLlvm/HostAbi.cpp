// Entry signatures, buffer addresses and the artefact's sections.
#include "lowering/HostToLlvm/HostAbi.h"
#include "runtime/abi/DsrtAbi.h"
#include <cstring>

using namespace mlir;
using namespace mlir::deepseek;

BufferIndices::BufferIndices(ModuleOp module) {
  for (auto [index, buffer] : llvm::enumerate(module.getOps<kernel::BufferOp>()))
    indices[buffer.getSymName()] = index;
}

EntryArguments mlir::deepseek::giveEntrySignature(func::FuncOp func) {
  Builder builder(func.getContext());
  Type pointer = LLVM::LLVMPointerType::get(func.getContext());
  Block &body = func.front();
  EntryArguments entry{body.addArgument(pointer, func.getLoc()), body.addArgument(pointer, func.getLoc())};
  func.setType(builder.getFunctionType({pointer, pointer}, builder.getI32Type()));
  func.setName(("dsrt_entry_" + func.getName()).str());
  Operation *terminator = body.getTerminator();
  OpBuilder atEnd(terminator);
  Value zero = LLVM::ConstantOp::create(atEnd, terminator->getLoc(), builder.getI32Type(), 0);
  terminator->setOperands(zero);
  return entry;
}

Value mlir::deepseek::loadBufferAddress(OpBuilder &builder, Location loc, EntryArguments entry, int64_t index) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Value slot =
      LLVM::GEPOp::create(builder, loc, pointer, pointer, entry.buffers, ArrayRef<LLVM::GEPArg>{int32_t(index)});
  auto address = LLVM::LoadOp::create(builder, loc, pointer, slot);
  address.setInvariant(true); // the table is not written while an entry runs
  return address;
}

static void addSection(ModuleOp module, StringRef name, StringRef section, StringRef contents, uint64_t alignment) {
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), contents.size());
  auto global = LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Private,
                                       name, builder.getStringAttr(contents), alignment);
  global.setSectionAttr(builder.getStringAttr(section));
}

void mlir::deepseek::emitArtifactSections(ModuleOp module, StringRef manifest) {
  DsrtHeader header{};
  std::memcpy(header.magic, DSRT_MAGIC, sizeof(header.magic));
  header.abiVersion = DSRT_ABI_VERSION;
  addSection(module, "dsrt_header", ".deepseek.header",
             StringRef(reinterpret_cast<const char *>(&header), sizeof(header)), alignof(DsrtHeader));
  addSection(module, "dsrt_manifest", ".deepseek.manifest", manifest, 1);
  SmallVector<StringRef> names{"dsrt_header", "dsrt_manifest"};
  std::string objects;
  for (auto binary : module.getOps<kernel::BinaryOp>())
    objects += binary.getObject();
  if (!objects.empty()) {
    addSection(module, "dsrt_kernels", ".deepseek.kernels", objects, 16);
    names.push_back("dsrt_kernels");
  }

  // Nothing refers to the sections, so llvm.used keeps them.
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  auto type = LLVM::LLVMArrayType::get(pointer, names.size());
  auto used = LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/false, LLVM::Linkage::Appending,
                                     "llvm.used", Attribute());
  used.setSectionAttr(builder.getStringAttr("llvm.metadata"));
  builder.createBlock(&used.getInitializerRegion());
  Value list = LLVM::PoisonOp::create(builder, module.getLoc(), type);
  for (auto [index, name] : llvm::enumerate(names)) {
    Value address = LLVM::AddressOfOp::create(builder, module.getLoc(), pointer, name);
    list = LLVM::InsertValueOp::create(builder, module.getLoc(), list, address, int64_t(index));
  }
  LLVM::ReturnOp::create(builder, module.getLoc(), list);
}
