// Host code of kernel launches: calls of the runtime's dsrt_tensor_map_encode and dsrt_kernel_launch.
#pragma once

#include "lowering/HostToLlvm/HostAbi.h"

namespace mlir::deepseek {

/// Replaces every kernel.launch of an entry (which already has the ABI's signature) by runtime calls; the entry returns the first code that is not 0. Requires
/// the module's kernel.binary operations: a kernel's index is its place among them.
LogicalResult lowerLaunches(func::FuncOp function, EntryArguments entry, const BufferIndices &buffers);

} // namespace mlir::deepseek
