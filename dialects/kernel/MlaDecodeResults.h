// What the second result of kernel.mla_decode, `lse`, stands for.
#pragma once

#include "dialects/kernel/KernelOps.h"

namespace mlir::deepseek::kernel {

/// True if the results are parts for mla_combine, with an lse `[s, T, H]`. An lse of one dimension comes with a whole
/// result `[T, H, r]`: scratch memory in which the kernel joins parts of its own (MlaDecodeShares); its contents mean
/// nothing.
bool returnsParts(MlaDecodeOp op);

} // namespace mlir::deepseek::kernel
