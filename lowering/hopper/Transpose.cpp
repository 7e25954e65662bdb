// kernel.transpose: swaps the last two dimensions of a (strided) view, through tiles in shared memory.
//
// Threads. A CTA of 256 threads moves one tile of 64 x 64 elements. Where alignment allows, a thread reads and writes
// 4 bytes (1, 2 or 4 neighbouring elements) at a time, so that a warp covers whole sectors on both sides.
// Shared memory. The tile element by element, rows padded by 4 bytes: then the column reads of a warp fall into
// different banks. Bound by memory; runs once, at load.
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/SmemArena.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kTile = 64;
static constexpr int64_t kThreads = 256;

namespace {

/// One side of the copy: a matrix [.., rows, columns] in memory, of which a CTA sees one tile.
struct Matrix {
  Value pointer;                // of the matrix of this CTA's batch
  int64_t rows, columns;
  int64_t rowStride, columnStride; // elements
  Value firstRow, firstColumn;  // of the tile
  int64_t together;             // neighbouring elements of a row that one access moves
};

class TransposeKernel {
public:
  TransposeKernel(KernelBuilder &k, SmemArena &arena, int64_t bytes)
      : k(k), arena(arena), bytes(bytes), pitch(kTile * bytes + 4), tile(arena.allocate(kTile * pitch)) {}

  void load(const Matrix &from);
  void store(const Matrix &to);

private:
  /// Visits this thread's accesses of the tile: (row, first column, address), inside the matrix only.
  void forEachAccess(const Matrix &matrix, llvm::function_ref<void(Value, Value, Value)> visit);
  Type elementType() const { return IntegerType::get(k.context, 8 * bytes); }

  KernelBuilder &k;
  SmemArena &arena;
  int64_t bytes, pitch, tile;
};

} // namespace

void TransposeKernel::forEachAccess(const Matrix &matrix, llvm::function_ref<void(Value, Value, Value)> visit) {
  int64_t perRow = kTile / matrix.together, rowsAtOnce = kThreads / perRow;
  Value column = k.mul(k.remU(k.threadIndex(), perRow), matrix.together);
  Value firstRow = k.divU(k.threadIndex(), perRow);
  for (int64_t i = 0; i < kTile; i += rowsAtOnce) {
    Value row = k.add(firstRow, i);
    Value wholeRow = k.add(matrix.firstRow, row), wholeColumn = k.add(matrix.firstColumn, column);
    Value inside = k.logicalAnd(k.ltU(wholeRow, matrix.rows), k.ltU(wholeColumn, matrix.columns));
    k.when(inside, [&] {
      Value offset = k.mul(k.zext(wholeRow, k.i64Ty), matrix.rowStride * bytes);
      offset = k.add(offset, k.mul(k.zext(wholeColumn, k.i64Ty), matrix.columnStride * bytes));
      visit(row, column, k.gep(matrix.pointer, offset));
    });
  }
}

void TransposeKernel::load(const Matrix &from) {
  Type access = IntegerType::get(k.context, 8 * bytes * from.together);
  forEachAccess(from, [&](Value row, Value column, Value address) {
    Value word = loadGlobal(k, access, address);
    Value slot = arena.at(tile, k.add(k.mul(row, pitch), k.mul(column, bytes)));
    storeShared(k, word, slot); // columns are multiples of `together`, rows of 4 bytes: aligned
  });
}

void TransposeKernel::store(const Matrix &to) {
  Type access = IntegerType::get(k.context, 8 * bytes * to.together);
  forEachAccess(to, [&](Value row, Value column, Value address) {
    Value word; // elements (column + i, row) of the tile
    for (int64_t i = 0; i < to.together; ++i) {
      Value slot = arena.at(tile, k.add(k.mul(k.add(column, i), pitch), k.mul(row, bytes)));
      Value element = k.zext(loadShared(k, elementType(), slot), access);
      word = i == 0 ? element : k.bitOr(word, k.shl(element, 8 * bytes * i));
    }
    storeGlobal(k, word, address);
  });
}

/// Elements that one access of at most 4 bytes may move: neighbours in memory, aligned in every row and batch.
static int64_t elementsTogether(const DeviceView &view) {
  int64_t rank = view.sizes.size(), bytes = view.elementBytes();
  if (view.strides[rank - 1] != 1)
    return 1;
  int64_t together = std::max<int64_t>(1, 4 / bytes);
  auto divides = [&](int64_t elements) { return elements % together == 0; };
  while (together > 1 && !(view.alignment() % (together * bytes) == 0 && divides(view.sizes[rank - 1]) &&
                           llvm::all_of(ArrayRef(view.strides).drop_back(), divides)))
    together /= 2;
  return together;
}

static Matrix matrixOf(KernelBuilder &k, const DeviceView &view, Value base, Value batch, Value tileRow,
                       Value tileColumn) {
  int64_t rank = view.sizes.size();
  Matrix matrix;
  matrix.rows = view.sizes[rank - 2], matrix.columns = view.sizes[rank - 1];
  matrix.rowStride = view.strides[rank - 2], matrix.columnStride = view.strides[rank - 1];
  matrix.pointer = base;
  for (int64_t i = rank - 3; i >= 0; --i) {
    Value index = i == 0 ? batch : k.remU(batch, view.sizes[i]);
    matrix.pointer =
        k.gep(matrix.pointer, k.mul(k.zext(index, k.i64Ty), view.strides[i] * view.elementBytes()));
    if (i)
      batch = k.divU(batch, view.sizes[i]);
  }
  matrix.firstRow = k.mul(tileRow, kTile), matrix.firstColumn = k.mul(tileColumn, kTile);
  matrix.together = elementsTogether(view);
  return matrix;
}

FailureOr<LaunchPlan> hopper::buildTranspose(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::TransposeOp>(operation);
  DeviceView from = *getDeviceView(op.getX()), to = *getDeviceView(op.getResult());
  int64_t rank = from.sizes.size(), batches = 1;
  for (int64_t size : ArrayRef(from.sizes).drop_back(2))
    batches *= size;
  int64_t tileRows = llvm::divideCeil(from.sizes[rank - 2], kTile);
  int64_t tileColumns = llvm::divideCeil(from.sizes[rank - 1], kTile);
  LaunchPlan launch;
  SmemArena arena(k);
  TransposeKernel kernel(k, arena, from.elementBytes());
  Value source = pointerParameter(k, launch, op.getX()), destination = pointerParameter(k, launch, op.getResult());
  Value column = k.remU(k.blockIndex(), tileColumns), rest = k.divU(k.blockIndex(), tileColumns);
  Value row = k.remU(rest, tileRows), batch = k.divU(rest, tileRows);
  gridDependencyWait(k);
  kernel.load(matrixOf(k, from, source, batch, row, column));
  syncThreads(k);
  gridDependencyTrigger(k);
  kernel.store(matrixOf(k, to, destination, batch, column, row));
  launch.grid = {batches * tileRows * tileColumns, 1, 1};
  launch.threads = kThreads;
  launch.sharedBytes = arena.bytes();
  return launch;
}
