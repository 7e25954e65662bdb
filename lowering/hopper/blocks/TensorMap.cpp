// TMA instructions.
#include "lowering/hopper/blocks/TensorMap.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kTmaAlignment = 16, kMaxBox = 256;

int64_t TensorMapShape::boxBytes() const {
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  for (int64_t size : box)
    bytes *= size;
  return bytes;
}

std::string hopper::whyNotTma(const TensorMapShape &shape, int64_t byteOffset) {
  if (byteOffset % kTmaAlignment)
    return llvm::formatv("its address is {0} bytes past a multiple of 16", byteOffset % kTmaAlignment);
  for (int64_t stride : shape.strides)
    if (stride % kTmaAlignment)
      return llvm::formatv("a stride of {0} bytes is not a multiple of 16", stride);
  for (int64_t size : shape.box)
    if (size > kMaxBox)
      return llvm::formatv("a box of {0} elements exceeds 256", size);
  return "";
}

void hopper::prefetchTensorMap(KernelBuilder &k, Value map) {
  NVVM::PrefetchOp::create(k.b, k.loc, NVVM::PrefetchCacheLevelAttr(), NVVM::CacheEvictionPriorityAttr(), map, Value(),
                           k.b.getUnitAttr(), UnitAttr(), UnitAttr());
}

static void load(KernelBuilder &k, Value destination, Value map, ValueRange coordinates, Value barrier, Value mask) {
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(k.b, k.loc, destination, map, coordinates, barrier,
                                                         ValueRange{}, mask, Value(), NVVM::TMALoadMode::TILE,
                                                         /*isCTAOnly=*/!mask, NVVM::CTAGroupKindAttr(), Value());
}

void hopper::tmaLoad(KernelBuilder &k, Value sharedPointer, Value map, ValueRange coordinates, Value barrier) {
  load(k, sharedPointer, map, coordinates, barrier, Value());
}

void hopper::tmaLoadMulticast(KernelBuilder &k, Value sharedPointer, Value map, ValueRange coordinates, Value barrier,
                              int64_t mask) {
  Value destination = LLVM::AddrSpaceCastOp::create(k.b, k.loc, k.clusterTy, sharedPointer);
  load(k, destination, map, coordinates, barrier, k.constant(k.i16Ty, mask));
}

void hopper::tmaStore(KernelBuilder &k, Value map, Value sharedPointer, ValueRange coordinates) {
  NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(k.b, k.loc, map, sharedPointer, coordinates, Value(),
                                                     NVVM::TMAStoreMode::TILE, Value());
}

void hopper::bulkLoad(KernelBuilder &k, Value sharedPointer, Value globalPointer, Int bytes, Value barrier) {
  Value size = bytes.value ? bytes.value : k.i32(bytes.constant);
  k.inlineAsm(Type(), "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [$0], [$1], $2, [$3];",
              "r,l,r,r,~{memory}",
              {k.pointerToInt(sharedPointer, k.i32Ty), globalPointer, size, k.pointerToInt(barrier, k.i32Ty)},
              /*sideEffects=*/true);
}

void hopper::tmaStoreCommit(KernelBuilder &k) { NVVM::CpAsyncBulkCommitGroupOp::create(k.b, k.loc); }
void hopper::tmaStoreWaitRead(KernelBuilder &k, int64_t pending) {
  NVVM::CpAsyncBulkWaitGroupOp::create(k.b, k.loc, pending, k.b.getUnitAttr());
}
void hopper::tmaStoreWait(KernelBuilder &k, int64_t pending) {
  NVVM::CpAsyncBulkWaitGroupOp::create(k.b, k.loc, pending, UnitAttr());
}
