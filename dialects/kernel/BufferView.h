// Where a value's elements lie: kernels read and write through views without copying.
#pragma once

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::deepseek::kernel {

/// A strided view of a root value. Sizes are those of the viewed value; offset and strides are in elements of the root's
/// row-major storage.
struct BufferView {
  Value root;
  int64_t offset = 0;
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<int64_t> strides;

  /// True if the elements follow one another in row-major order.
  bool isContiguous() const;
};

/// Follows tensor.extract_slice, expand_shape, collapse_shape and cast down to the value that owns storage (a kernel's result, a
/// kernel.load_buffer, a block argument). Fails when a collapse_shape joins dimensions that are not contiguous in
/// the root, or when a size is dynamic.
FailureOr<BufferView> getBufferView(Value value);

} // namespace mlir::deepseek::kernel
