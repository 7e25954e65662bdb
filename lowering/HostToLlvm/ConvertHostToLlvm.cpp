// Entries get the signature of the ABI, buffers become addresses of the table, and the module gets the artefact's
// sections.
#include "lowering/HostToLlvm/HostAbi.h"
#include "lowering/HostToLlvm/Launches.h"
#include "lowering/Passes.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTHOSTTOLLVMPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

/// The memref at `address`: row-major, with as many leading elements as the caller cares to use where that is dynamic.
Value memRefAt(OpBuilder &builder, Location loc, const LLVMTypeConverter &converter, MemRefType type, Value address) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  (void)type.getStridesAndOffset(strides, offset);
  auto descriptor = MemRefDescriptor::poison(builder, loc, converter.convertType(type));
  descriptor.setAllocatedPtr(builder, loc, address);
  descriptor.setAlignedPtr(builder, loc, address);
  descriptor.setConstantOffset(builder, loc, 0);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    // Code reads a cache through its block table and never asks for the number of pages.
    descriptor.setConstantSize(builder, loc, dim, type.isDynamicDim(dim) ? INT32_MAX : type.getDimSize(dim));
    descriptor.setConstantStride(builder, loc, dim, strides[dim]);
  }
  return UnrealizedConversionCastOp::create(builder, loc, type, Value(descriptor)).getResult(0);
}

struct ConvertHostToLlvmPass : public deepseek::impl::ConvertHostToLlvmPassBase<ConvertHostToLlvmPass> {
  using ConvertHostToLlvmPassBase::ConvertHostToLlvmPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<std::string> manifest = buildManifest(module, target, cpu);
    if (failed(manifest))
      return signalPassFailure();
    BufferIndices indices(module);
    LLVMTypeConverter converter(&getContext());
    for (auto func : module.getOps<func::FuncOp>())
      if (func->hasAttr(kEntryAttrName) && failed(convertEntry(func, indices, converter)))
        return signalPassFailure();
    emitArtifactSections(module, *manifest);
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<kernel::BufferOp, kernel::BinaryOp>(op))
        op.erase();
    module->removeAttr("deepseek.config");
    module->removeAttr("deepseek.model");
  }

private:
  LogicalResult convertEntry(func::FuncOp func, const BufferIndices &indices, const LLVMTypeConverter &converter) {
    EntryArguments entry = giveEntrySignature(func);
    func->removeAttr(kEntryAttrName);
    func.walk([&](kernel::BufferMemRefOp op) {
      OpBuilder builder(op);
      Value address = loadBufferAddress(builder, op.getLoc(), entry, indices[op.getBuffer()]);
      auto type = cast<MemRefType>(op.getType());
      op.replaceAllUsesWith(memRefAt(builder, op.getLoc(), converter, type, address));
      op.erase();
    });
    return lowerLaunches(func, entry, indices);
  }
};

} // namespace
