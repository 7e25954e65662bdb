// Loads that see other CTAs' progress.
#include "lowering/hopper/blocks/Grid.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

Value hopper::loadAcquire(KernelBuilder &k, Value globalPointer) {
  return LLVM::LoadOp::create(k.b, k.loc, k.i32Ty, globalPointer, /*alignment=*/4, /*isVolatile=*/false,
                              /*isNonTemporal=*/false, /*isInvariant=*/false, /*isInvariantGroup=*/false,
                              LLVM::AtomicOrdering::acquire, "device");
}

Value hopper::multiprocessorCount(KernelBuilder &k) { return NVVM::SmDimOp::create(k.b, k.loc, k.i32Ty); }
