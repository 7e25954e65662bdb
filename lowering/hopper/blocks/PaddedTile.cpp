// Copies into padded tiles and the lanes' addresses for ldmatrix.
#include "lowering/hopper/blocks/PaddedTile.h"
#include "lowering/hopper/blocks/Memory.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

void hopper::zeroColumns(KernelBuilder &k, const PaddedTile &tile, Value tilePointer, int64_t first, Value thread,
                         int64_t threads) {
  int64_t width = tile.columns - first, count = tile.rows * width;
  if (width == 0)
    return;
  k.loop(thread, k.i32(count), threads, [&](Value index) {
    Value row = k.divU(index, width), column = k.add(k.remU(index, width), first);
    Value offset = k.add(k.mul(row, tile.pitch), k.mul(column, PaddedTile::kElementBytes));
    storeShared(k, k.constant(k.i16Ty, 0), k.gep(tilePointer, offset));
  });
}

int64_t hopper::copyUnit(ArrayRef<int64_t> bytes) {
  int64_t unit = 16;
  for (int64_t value : bytes)
    while (value % unit != 0)
      unit /= 2;
  return unit;
}

/// Threads side by side on one row: a power of two, so that row and column of a thread are a shift and a mask.
static int64_t threadsPerRow(int64_t piecesPerRow, int64_t threads) {
  int64_t dividing = 1;
  while (piecesPerRow % (dividing * 2) == 0 && dividing < 32)
    dividing *= 2;
  // With few dividing threads the neighbours would read far apart: take a whole warp's worth and idle at the row's end.
  int64_t wanted = dividing >= 4 ? dividing : std::min<int64_t>(32, llvm::PowerOf2Ceil(piecesPerRow));
  return std::min(wanted, threads);
}

void RowCopy::copy(KernelBuilder &k, Value thread, Value tilePointer, int64_t tilePitch,
                   llvm::function_ref<Value(Value, int64_t, Value)> source,
                   llvm::function_ref<Value(Value)> valid) const {
  int64_t pieces = rowBytes / unit, across = threadsPerRow(pieces, threads), rowsAtOnce = threads / across;
  Value firstRow = k.divU(thread, across), column = k.remU(thread, across), columnBytes = k.mul(column, unit);
  Value target = k.gep(tilePointer, k.add(k.mul(firstRow, tilePitch), columnBytes));

  auto piece = [&](Value row, Value from, Value to, Value rowValid) {
    if (unit >= 4)
      return cpAsync(k, to, from, unit, rowValid);
    storeShared(k, loadGlobalIf(k, rowValid, k.i16Ty, from), to);
  };
  for (int64_t rowOffset = 0; rowOffset < rows; rowOffset += rowsAtOnce) {
    Value row = k.add(firstRow, rowOffset);
    auto copyRow = [&] {
      Value rowValid = valid(row), from = source(row, rowOffset, columnBytes);
      Value to = k.gep(target, rowOffset * tilePitch);
      for (int64_t first = 0; first < pieces; first += across) {
        Value f = k.gep(from, first * unit), t = k.gep(to, first * unit);
        if (first + across <= pieces)
          piece(row, f, t, rowValid);
        else
          k.when(k.ltU(column, pieces - first), [&] { piece(row, f, t, rowValid); });
      }
    };
    if (rowOffset + rowsAtOnce <= rows)
      copyRow();
    else
      k.when(k.ltU(row, rows), copyRow);
  }
}

void RowCopy::gather(KernelBuilder &k, Value thread, Value tilePointer, int64_t tilePitch,
                     llvm::function_ref<Value(Value)> source, llvm::function_ref<Value(Value)> valid) const {
  copy(
      k, thread, tilePointer, tilePitch,
      [&](Value row, int64_t, Value columnBytes) { return k.gep(source(row), columnBytes); }, valid);
}

void RowCopy::strided(KernelBuilder &k, Value thread, Value tilePointer, int64_t tilePitch, Value source,
                      int64_t sourcePitch, llvm::function_ref<Value(Value)> valid) const {
  int64_t across = threadsPerRow(rowBytes / unit, threads);
  // 64-bit: a row of expanded keys may be long and the tile many rows.
  Value firstRow = k.zext(k.divU(thread, across), k.i64Ty);
  Value own = k.gep(k.gep(source, k.mul(firstRow, sourcePitch)), k.mul(k.remU(thread, across), unit));
  copy(
      k, thread, tilePointer, tilePitch,
      [&](Value, int64_t rowOffset, Value) { return k.gep(own, rowOffset * sourcePitch); }, valid);
}

static Value lanePointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer, Value row, Value chunk) {
  return k.gep(tilePointer, k.add(k.mul(row, tile.pitch), k.mul(chunk, 16)));
}

// loadMatrix takes the address of row lane % 8 of matrix lane / 8. Square: matrices (rows 0-7, left), (rows 8-15,
// left), (rows 0-7, right), (rows 8-15, right): A[0..3] of mma16816; transposed, B[0..1] of the left eight columns and
// B[0..1] of the right eight.
Value hopper::squarePointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer) {
  Value lane = k.laneIndex();
  return lanePointer(k, tile, tilePointer, k.bitAnd(lane, 15), k.shrU(lane, 4));
}

// (rows 0-7, left), (rows 0-7, right), (rows 8-15, left), (rows 8-15, right): B[0..1] of columns n = 0-7, B[0..1] of n
// = 8-15.
Value hopper::pairPointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer) {
  Value lane = k.laneIndex();
  Value row = k.add(k.bitAnd(lane, 7), k.shl(k.shrU(lane, 4), 3));
  return lanePointer(k, tile, tilePointer, row, k.bitAnd(k.shrU(lane, 3), 1));
}

// Four matrices along the row: B[0..1] of the first sixteen k, B[0..1] of the second.
Value hopper::stripPointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer) {
  Value lane = k.laneIndex();
  return lanePointer(k, tile, tilePointer, k.bitAnd(lane, 7), k.shrU(lane, 3));
}

Value hopper::pinnedPointer(KernelBuilder &k, Value sharedPointer) {
  return k.gep(sharedPointer, k.inlineAsm(k.i32Ty, "mov.b32 $0, 0;", "=r", {}, /*sideEffects=*/true));
}
