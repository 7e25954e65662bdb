// Tiles of 16-bit elements in shared memory for mma.sync: their layout, the copies that fill them, the fragments read
// from them.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// `rows` x `columns` elements. `pitch`, the bytes from row to row, is an odd multiple of 16: the eight rows of a
/// matrix that loadMatrix reads lie in different banks.
struct PaddedTile {
  int64_t rows = 0, columns = 0, pitch = 0;

  PaddedTile() = default;
  /// `usedColumns` is rounded up to whole fragments (16); the columns above it must be zero (zeroColumns).
  PaddedTile(int64_t rows, int64_t usedColumns)
      : rows(rows), columns((usedColumns + 15) / 16 * 16), pitch(columns * kElementBytes + 16) {}

  static constexpr int64_t kElementBytes = 2;
  int64_t bytes() const { return rows * pitch; }
  int64_t offset(int64_t row, int64_t column) const { return row * pitch + column * kElementBytes; }
};

// --- filling
// ---------------------------------------------------------------------------------------------------------------

/// Writes zeros into columns [first, tile.columns) of all rows, by all `threads` of the CTA. Ordinary stores.
void zeroColumns(KernelBuilder &k, const PaddedTile &tile, Value tilePointer, int64_t first, Value thread,
                 int64_t threads);

/// The largest power of two, at most 16, that divides all of `bytes` (sizes, offsets and strides of a copy; zeros are
/// ignored).
int64_t copyUnit(ArrayRef<int64_t> bytes);

/// `rows` rows of `rowBytes` bytes each, moved by `threads` threads in pieces of `unit` bytes. Units of 4 to 16 bytes
/// are cp.async (the caller commits and waits); units of 2 are loads and stores.
struct RowCopy {
  int64_t rows, rowBytes, unit, threads;

  /// Copies to `tilePointer` (row r at r * tilePitch) from row r's address `source(r)`; rows where `valid(r)` is false
  /// become zero and their address is not read.
  void gather(KernelBuilder &k, Value thread, Value tilePointer, int64_t tilePitch,
              llvm::function_ref<Value(Value)> source, llvm::function_ref<Value(Value)> valid) const;
  /// The same from rows at `source + r * sourcePitch` bytes.
  void strided(KernelBuilder &k, Value thread, Value tilePointer, int64_t tilePitch, Value source, int64_t sourcePitch,
               llvm::function_ref<Value(Value)> valid) const;

private:
  void copy(KernelBuilder &k, Value thread, Value tilePointer, int64_t tilePitch,
            llvm::function_ref<Value(Value row, int64_t rowOffset, Value columnBytes)> source,
            llvm::function_ref<Value(Value)> valid) const;
};

// --- reading: a pointer that includes the lane's share is computed once per tile, fragments are constant offsets from
// it ------

/// For mma's A operand from a tile [m][k], and (transposed) for its B operand from a tile [k][n].
Value squarePointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer);
/// For mma's B operand from a tile [n][k], 16 rows (n) and 16 columns (k) at a time.
Value pairPointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer);
/// For mma's B operand from a tile [n][k], 8 rows (n) and 32 columns (k) at a time.
Value stripPointer(KernelBuilder &k, const PaddedTile &tile, Value tilePointer);

/// The same pointer as a value that LLVM cannot move out of a loop: it would hoist the address of every fragment of a
/// tile that stays in place, a register each.
Value pinnedPointer(KernelBuilder &k, Value sharedPointer);

} // namespace mlir::deepseek::hopper
