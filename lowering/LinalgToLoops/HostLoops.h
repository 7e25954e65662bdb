// What the lowerings of linalg to host loops share: loops, indices, and the two shapes of vector code.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::deepseek::host {

/// f32 elements in a 256-bit register.
constexpr int64_t kLanes = 8;
/// Multiply-adds or elements (100 us of one core or more) below which threads stay asleep: waking them costs 2 to 5 us
/// on an idle machine, but a slice of the scheduler (milliseconds) where other work keeps the cores busy.
constexpr int64_t kParallelWork = int64_t(1) << 21;
/// What an unknown extent (positions of a sequence, rows of an expert) counts as when a loop over rows is weighed.
constexpr int64_t kAssumedExtent = 256;

/// Builds the loops around the code of one linalg operation.
class LoopBuilder : public ImplicitLocOpBuilder {
public:
  LoopBuilder(linalg::LinalgOp op, OpBuilder &builder);

  Value index(int64_t value);
  /// Number of iterations of loop `dim`.
  Value size(unsigned dim) { return sizes[dim]; }
  /// The same if it is known, else ShapedType::kDynamic.
  int64_t staticSize(unsigned dim) { return staticSizes[dim]; }
  /// The largest multiple of `step` that is at most `value`.
  Value roundDown(Value value, int64_t step);

  using Body = function_ref<void(Value)>;
  /// No loop where the number of iterations is known to be 0 or 1.
  void loop(Value lower, Value upper, int64_t step, Body body);
  /// The same with its iterations spread over threads.
  void parallelLoop(Value lower, Value upper, int64_t step, Body body);
  /// A loop that carries values.
  SmallVector<Value> loop(Value lower, Value upper, int64_t step, ValueRange init,
                          function_ref<SmallVector<Value>(Value, ValueRange)> body);

  /// `map` applied to the loops' indices.
  SmallVector<Value> indices(AffineMap map, ArrayRef<Value> ivs);
  /// Value with the element type f32, exact.
  Value toF32(Value value);
  /// `count` elements from `indices` on along the last dimension.
  Value loadLanes(Value memref, ValueRange indices, int64_t count);

  /// Whether the operation has enough work for threads, and runs on one so far.
  bool worthThreads() const { return threads; }

private:
  SmallVector<Value> sizes;
  SmallVector<int64_t> staticSizes;
  bool threads = false;
};

/// The last dimension of `type` is contiguous.
bool hasUnitStride(Type type);

/// A sum of products whose operands allow vectors: along the sum, or along columns that one operand and the result
/// share. Emits register tiles, spread over threads where that pays; fails without a trace where it does not apply.
LogicalResult emitContraction(linalg::LinalgOp op, OpBuilder &builder);

/// Elementwise work, or a reduction of the innermost loop, on vectors along that loop. Fails without a trace where an
/// operand is not contiguous along it, or where an operation has no vector form.
LogicalResult emitVectorLoops(linalg::LinalgOp op, OpBuilder &builder);

/// A linalg operation with this attribute has work for threads, whatever is known of its sizes.
constexpr llvm::StringLiteral kThreadsAttrName = "deepseek.threads";
/// Decides while sizes are known: marks the linalg operations that are worth threads; loops over rows (`scf.parallel`)
/// without work for them become plain loops.
void chooseThreads(Operation *root);

/// exp and exp2 of f32 (scalars and vectors) become arithmetic: one rule for every lane, and no call.
void expandExponentials(Operation *root);

} // namespace mlir::deepseek::host
