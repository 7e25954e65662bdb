// The generated definitions of all operations.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

#define GET_OP_CLASSES
#include "dialects/deepseek/DeepSeekOps.cpp.inc"
