// Emits linalg, tensor and scf: what the lowerings of both dialects to linalg are written with. All arithmetic is f32;
// narrower tensors are extended when they are read and rounded once when they are written.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::deepseek {

/// Data and scales of a block-scaled tensor: `data[..., r, c] * scales[..., r / rows, c / columns]`.
struct ScaledTensor {
  Value data;
  Value scales;
  int64_t blockRows = 1;
  int64_t blockColumns = 128;
};

class LinalgEmitter : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Sizes = ArrayRef<OpFoldResult>;
  /// Scalar body of an elementwise operation: the scalars read, in f32 where they are floats.
  using ScalarBody = function_ref<Value(LinalgEmitter &, ValueRange)>;
  /// Body of a loop: induction variable and carried values to the next carried values.
  using LoopBody = function_ref<SmallVector<Value>(LinalgEmitter &, Value, ValueRange)>;

  // Scalars.
  Value constIndex(int64_t value);
  Value constI32(int64_t value);
  Value constI64(int64_t value);
  Value constF32(double value);
  Value add(Value a, Value b);  ///< index or integer
  Value toIndex(Value integer); ///< sign-extends
  Value toI32(Value index);
  /// Scalar float to f32, exact.
  Value toF32(Value scalar);
  /// f32 to a narrower float: nearest even; f8E4M3FN saturates at +-448 (NaN stays NaN).
  Value fromF32(Value scalar, Type element);
  Value cmpI(arith::CmpIPredicate predicate, Value a, Value b);
  Value cmpF(arith::CmpFPredicate predicate, Value a, Value b);
  Value select(Value condition, Value a, Value b);

  // Tensors.
  static RankedTensorType typeOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()); }
  /// Static or dynamic sizes of `tensor`.
  SmallVector<OpFoldResult> sizesOf(Value tensor);
  Value sizeOf(Value tensor, int64_t dim); ///< as an index value
  Value empty(Sizes sizes, Type element);
  Value filled(Sizes sizes, Value scalar);
  Value zeros(Sizes sizes, Type element);
  Value extract(Value tensor, ValueRange indices);
  Value insert(Value scalar, Value tensor, ValueRange indices);
  /// Slice [offset, offset + size) of dimension `dim`, all of the others.
  Value slice(Value tensor, int64_t dim, OpFoldResult offset, OpFoldResult size);
  /// Sub-tensor at `index` of dimension 0, without that dimension.
  Value row(Value tensor, OpFoldResult index);
  /// `tensor` with slice(dim, offset, ...) replaced by `part`.
  Value insertSlice(Value part, Value tensor, int64_t dim, OpFoldResult offset);
  Value insertRow(Value part, Value tensor, OpFoldResult index);

  // Elementwise and reductions.
  AffineMap identityMap(int64_t rank) { return getMultiDimIdentityMap(rank); }
  /// Map of `rank` dimensions to the listed ones.
  AffineMap dimsMap(int64_t rank, ArrayRef<unsigned> dims);
  /// `result[i...] = body(inputs read through their maps)`, rounded to `element` if that is a float.
  Value elementwise(ValueRange inputs, ArrayRef<AffineMap> maps, Sizes sizes, Type element, ScalarBody body);
  /// All inputs have the result's shape.
  Value elementwise(ValueRange inputs, Type element, ScalarBody body);
  /// `tensor` with another float element type; itself if that is its type.
  Value cast(Value tensor, Type element);
  using ImplicitLocOpBuilder::getType;
  /// Sum over the last dimension of body(x), f32.
  Value sumLast(Value x, ScalarBody body);
  /// Maximum over the last dimension of body(x), at least `atLeast`; NaN propagates.
  Value maxLast(Value x, Value atLeast, ScalarBody body);
  /// Rows of `tensor` chosen by an i32 tensor; an index outside the tensor gives row 0.
  Value gatherRows(Value tensor, Value rows, Type element);

  // Products. `iterators` in loop order; f32 accumulation onto `init` (zeros if null).
  Value contract(Value a, Value b, ArrayRef<AffineMap> maps, ArrayRef<utils::IteratorType> iterators, Sizes sizes,
                 Value init = {});
  /// x [T, K], w [N, K] -> [T, N] f32.
  Value linear(Value x, Value w, Value init = {});
  /// The same with a scale for each block of 128 channels (and of rows): the sums over 128 channels are scaled in f32.
  Value scaledLinear(const ScaledTensor &x, const ScaledTensor &w);
  /// x [T, H, K], w [H, N, K] -> [T, H, N] f32.
  Value headLinear(Value x, Value w);

  // FP8 (numerics: deepseek.quantize). Any rank; blocks cover the last two dimensions.
  ScaledTensor quantize(Value x, int64_t blockRows, int64_t blockColumns, bool powerOfTwo);
  /// In f32, rounded once to `element`.
  Value dequantize(const ScaledTensor &x, Type element);

  // Control flow.
  SmallVector<Value> loop(Value lower, Value upper, ValueRange init, LoopBody body);
  SmallVector<Value> loop(int64_t upper, ValueRange init, LoopBody body) {
    return loop(constIndex(0), constIndex(upper), init, body);
  }
  SmallVector<Value> branch(Value condition, function_ref<SmallVector<Value>(LinalgEmitter &)> whenTrue,
                            function_ref<SmallVector<Value>(LinalgEmitter &)> whenFalse);
  /// Runs `body` for each index below `upper`, possibly in parallel; each gives row `index` of the result [upper, ...].
  Value parallelRows(int64_t upper, Value init, function_ref<Value(LinalgEmitter &, Value index)> body);

private:
  Value reduceLast(Value x, Value init, ScalarBody body, function_ref<Value(LinalgEmitter &, Value, Value)> combine);
  Value quantizationScale(Value amax, bool powerOfTwo);
};

} // namespace mlir::deepseek
