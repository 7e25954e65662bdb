// The body of a matrix product with few rows, shared by kernel.skinny_gemm (one matrix) and kernel.grouped_gemm (one of
// many, found on the device).
#pragma once

#include "lowering/hopper/Product.h"
#include "lowering/hopper/blocks/SmemArena.h"

namespace mlir::deepseek::hopper {

/// What is constant for a kernel: sizes, pitches (elements between rows) and the tile of one CTA.
struct SkinnyShape {
  int64_t n = 0, k = 0; // output features, reduction size
  int64_t aPitch = 0, bPitch = 0, dPitch = 0;
  int64_t aScalePitch = 0, bScalePitch = 0; // block-scaled only
  int64_t aVector = 16, bVector = 16;       // bytes of the widest aligned load
  bool blockScaled = false;                 // e4m3 with scales; otherwise bf16
  Type output;                              // bf16 or f32
  int64_t mTile = 8, nTile = 16, warps = 8; // rows of A, rows of B, warps that share the reduction
  bool streamB = true;                      // B is a parameter: read past L1, before the kernels it depends on finish
  Region *epilogue = nullptr;               // joins `parts` of `columns` columns each, after `plainColumns`
  int64_t parts = 1, columns = 0, plainColumns = 0, plainPitch = 0;
  Type plainOutput;

  int64_t elementBytes() const { return blockScaled ? 1 : 2; }
  int64_t threads() const { return 32 * warps; }
  // As StreamProblem's: rows of B in a tile come in a run for each part.
  int64_t runRows() const { return nTile / parts; }
  int64_t plainTiles() const { return llvm::divideCeil(plainColumns, nTile); }
  int64_t columnTiles() const { return plainTiles() + llvm::divideCeil(columns, runRows()); }

  /// Sizes of B's rows and D, and the epilogue. Reports on `op` what no tile of this family can join.
  LogicalResult setColumns(Operation *op, const ProductOperands &operands, int64_t rowsOfB);
};

/// Addresses of row 0 of each operand, for this CTA's matrix.
struct SkinnyPointers {
  Value a, b, d, aScales, bScales, plain;
};

/// Widths, tile and warps for `rows` rows from the schedule attribute (tile = [rows of A, rows of B, unused], warps),
/// or a default. Reports on `op`.
LogicalResult planSkinny(Operation *op, std::optional<kernel::ScheduleAttr> schedule, int64_t rows, SkinnyShape &shape);
/// Bytes (1..16) of the widest load along the last dimension that the view's address, pitches and size allow.
int64_t skinnyVectorBytes(const DeviceView &view);
/// True if D = A B^T of these element types can be computed; reports on `op` otherwise.
LogicalResult checkSkinnyElements(Operation *op, const DeviceView &a, const DeviceView &b, Type output, bool scaled);

/// Computes rows [mBase, min(mBase + mTile, mEnd)) and the column tile whose number times nTile is nBase: columns
/// [nBase, nBase + nTile) of D, unless there is an epilogue. `beforeInputs` runs after
/// the first loads of B are under way and before A is read (the wait for earlier kernels goes there).
void skinnyGemmBody(KernelBuilder &k, SmemArena &arena, const SkinnyShape &shape, const SkinnyPointers &pointers,
                    Value mBase, Value mEnd, Value nBase, llvm::function_ref<void()> beforeInputs);

/// Builds the whole kernel of a plain or batched product of any sizes, pitches and alignment. `schedule` as planSkinny.
FailureOr<LaunchPlan> buildSkinnyProduct(Operation *op, KernelBuilder &k, const ProductOperands &operands,
                                         std::optional<kernel::ScheduleAttr> schedule);

} // namespace mlir::deepseek::hopper
