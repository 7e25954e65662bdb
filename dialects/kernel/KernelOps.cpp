// The generated definitions of all operations.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.cpp.inc"
