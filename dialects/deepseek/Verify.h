// What the verifiers of the deepseek dialect share: comparing shapes with an error that states both values.
#pragma once

#include "dialects/deepseek/DeepSeekOps.h"

namespace mlir::deepseek {

/// Shape of a ranked tensor or of a block-scaled tensor's data.
ArrayRef<int64_t> shapeOf(Type type);
/// Element type of a ranked tensor or of a block-scaled tensor's data.
Type elementTypeOf(Type type);

/// Emits "<what> must be 8x256, got 8x128" unless the shapes agree.
LogicalResult expectShape(Operation *op, StringRef what, Type type, ArrayRef<int64_t> expected);
/// Emits "<what> must have rank 2, got 3 (8x4x16)" unless it does.
LogicalResult expectRank(Operation *op, StringRef what, Type type, int64_t rank);
/// Emits "<what> must have element type bf16, got f32" unless it does.
LogicalResult expectElement(Operation *op, StringRef what, Type type, Type expected);

/// The two operands of a projection: both plain, or both block-scaled with blocks 1x128 and 128x128 and equal scale formats.
LogicalResult verifyScaledPair(Operation *op, Type input, Type weight);

/// positions [T] and block_table [S, P] with S dividing T.
LogicalResult verifySequences(Operation *op, Type positions, Type blockTable, int64_t tokens);

} // namespace mlir::deepseek
