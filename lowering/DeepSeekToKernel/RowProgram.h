// Builds kernel.row_fusion: the program of one row, operation by operation. Private to this folder.
#pragma once

#include "lowering/DeepSeekToKernel/Lowering.h"

namespace mlir::deepseek {

class RowProgram {
public:
  /// A program for `rows` rows; the fusion is created by `finish` at the builder's insertion point.
  RowProgram(Lowering &lowering, Location loc, int64_t rows);

  /// The row of `value`, which has the last `rank` dimensions of the value: computed by the program already, or a new
  /// input.
  Value row(Value value, int64_t rank);
  /// The same, in f32.
  Value rowF32(Value value, int64_t rank);
  /// Data and scales of a block-scaled value's row.
  ScaledPair scaledRow(Value value);
  /// An input that every row sees whole.
  Value whole(Value value);
  Value wholeF32(Value value) { return toElement(whole(value), body.getF32Type()); }

  /// Says that `value` of the original program has the row `row`.
  void define(Value value, Value row) { rows[value] = {row, Value()}; }
  void defineScaled(Value value, ScaledPair row) { rows[value] = row; }
  /// Rounds an f32 row once to the element type of `value`, then defines it.
  void defineRounded(Value value, Value row);

  /// Creates the fusion; it yields `yielded`.
  kernel::RowFusionOp finish(ValueRange yielded, Value limit = {});
  /// Creates the fusion with one result for each of `results` (two for a block-scaled one) and replaces them.
  void finishAndReplace(ValueRange results);

  // Arithmetic on rows.
  Value toElement(Value row, Type element);
  Value constant(Type type, double value);
  Value index(int64_t value);
  /// Sum of a row's elements divided by their number, for every element.
  Value reduceMean(Value row);
  Value broadcast(Value scalar, Type type);

  OpBuilder body;
  Location loc;

private:
  Value addInput(Value value, bool isWhole);

  Lowering &lowering;
  int64_t numRows;
  Region region;
  SmallVector<Value> inputs;
  SmallVector<int64_t> wholeInputs;
  llvm::DenseMap<Value, Value> arguments[2]; // of rows, and whole
  llvm::DenseMap<Value, ScaledPair> rows;
};

/// What makes an operation row-wise: its number of rows, and the operands that every row sees whole (they cannot be
/// computed by the same fusion).
struct RowWise {
  int64_t rows;
  SmallVector<Value> whole;
  /// The rows are not those of the leading dimension alone: the operation is row-wise on its own, not among others.
  bool flattens = false;
};

/// Nothing if the operation is not row-wise.
std::optional<RowWise> getRowWise(Operation *op);

/// Adds a row-wise operation to the program.
void addToRowProgram(Operation *op, RowProgram &program, Lowering &lowering);

/// The row of a block-scaled value, dequantised to f32. With blocks of 128x128 the scales of its block row are
/// gathered.
Value dequantizedRow(Value scaled, RowProgram &program, Lowering &lowering);

/// Quantises an f32 row with blocks of 128.
ScaledPair quantizedRow(RowProgram &program, Value x, ScaleFormat format);

/// Normalises a row of latents as `latentNorm` says, in f32.
Value normaliseRow(RowProgram &program, Value x, LatentNorm kind, double eps, Value weight, Value bias);

} // namespace mlir::deepseek
