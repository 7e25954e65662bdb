// What the CTAs of a grid see of one another.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// An i32 that other CTAs change. What they had written and fenced before is visible to the thread that sees the
/// change.
Value loadAcquire(KernelBuilder &k, Value globalPointer);

/// %nsmid: the multiprocessors of the GPU. PTX allows it to be larger; on an H200 it is their number, 132.
Value multiprocessorCount(KernelBuilder &k);

} // namespace mlir::deepseek::hopper
