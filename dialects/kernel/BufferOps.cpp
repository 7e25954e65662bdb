// Buffer operations: verifiers and folds.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult BufferOp::verify() { return success(); }
LogicalResult LoadBufferOp::verifySymbolUses(SymbolTableCollection &) { return success(); }
LogicalResult BufferMemRefOp::verifySymbolUses(SymbolTableCollection &) { return success(); }
LogicalResult StoreBufferOp::verifySymbolUses(SymbolTableCollection &) { return success(); }
