// Helpers of the dialect's verifiers. Private to dialects/kernel.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::deepseek::kernel {

/// Elements that one scale covers along a row, and along the rows of a weight.
inline constexpr int64_t scaleBlock = 128;
inline int64_t scaleBlocks(int64_t size) { return llvm::divideCeil(size, scaleBlock); }

inline ArrayRef<int64_t> shapeOf(Value value) { return cast<ShapedType>(value.getType()).getShape(); }
inline Type elementOf(Value value) { return cast<ShapedType>(value.getType()).getElementType(); }

inline InFlightDiagnostic &operator<<(InFlightDiagnostic &diag, ArrayRef<int64_t> shape) {
  diag << "[";
  llvm::interleave(shape, [&](int64_t size) { diag << size; }, [&] { diag << ", "; });
  return diag << "]";
}

/// Checks that `value` has the shape `expected`; the error names the operand and both shapes.
inline LogicalResult expectShape(Operation *op, llvm::StringRef name, Value value, ArrayRef<int64_t> expected) {
  if (shapeOf(value) == expected)
    return success();
  InFlightDiagnostic diag = op->emitOpError();
  diag << name << " has shape ";
  diag << shapeOf(value);
  diag << ", expected ";
  diag << expected;
  return diag;
}

inline LogicalResult expectRank(Operation *op, llvm::StringRef name, Value value, int64_t rank) {
  if (int64_t(shapeOf(value).size()) == rank)
    return success();
  return op->emitOpError() << name << " has " << shapeOf(value).size() << " dimensions, expected " << rank;
}

inline LogicalResult expectElement(Operation *op, llvm::StringRef name, Value value, Type expected) {
  if (elementOf(value) == expected)
    return success();
  return op->emitOpError() << name << " has element type " << elementOf(value) << ", expected " << expected;
}

/// `divisor` (called `divisorName`) must divide `size` (called `name`).
inline LogicalResult expectDivides(Operation *op, llvm::StringRef divisorName, int64_t divisor, llvm::StringRef name,
                                   int64_t size) {
  if (divisor > 0 && size % divisor == 0)
    return success();
  return op->emitOpError() << divisorName << " is " << divisor << ", which does not divide " << name << " " << size;
}

/// A paged cache is memref<?xLxPAGExWxT> with `0 <= layer < L` and W = `width`.
LogicalResult verifyCache(Operation *op, Value cache, int64_t layer, int64_t width);

} // namespace mlir::deepseek::kernel
