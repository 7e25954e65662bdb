// kernel.block_quantize: e4m3 with one scale for each 128x128 block of a weight.
//
// Threads. A CTA of 256 threads has one block: 16 threads for a row of it (8 neighbouring elements each), 16 rows at a
// time, 8 times. The elements stay in registers between the search for the largest and the conversion.
// Shared memory. 4 bytes for each warp. Bound by memory; runs once, at load.
#include "lowering/hopper/RowProgram.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kBlock = 128;
static constexpr int64_t kVector = 8;
static constexpr int64_t kThreads = 256;
static constexpr int64_t kRowsAtOnce = kThreads * kVector / kBlock;

/// The matrix of batch `batch` of a view [N, K] or [E, N, K], as a view of its own.
static DeviceView matrixOf(KernelBuilder &k, DeviceView view, Value &pointer, Value batch) {
  if (view.sizes.size() == 2)
    return view;
  int64_t bytes = view.strides[0] * view.elementBytes();
  pointer = k.gep(pointer, k.mul(k.zext(batch, k.i64Ty), bytes));
  view.byteOffset |= bytes; // only its alignment matters from here on
  view.sizes.erase(view.sizes.begin());
  view.strides.erase(view.strides.begin());
  return view;
}

FailureOr<LaunchPlan> hopper::buildBlockQuantize(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::BlockQuantizeOp>(operation);
  ArrayRef<int64_t> shape = op.getX().getType().getShape();
  int64_t rows = shape[shape.size() - 2], columns = shape.back(), batches = shape.size() == 3 ? shape[0] : 1;
  int64_t blockRows = llvm::divideCeil(rows, kBlock), blockColumns = llvm::divideCeil(columns, kBlock);
  LaunchPlan launch;
  SmemArena arena(k);
  int64_t scratch = arena.allocate(4 * kThreads / 32);
  Value from = pointerParameter(k, launch, op.getX()), data = pointerParameter(k, launch, op.getData());
  Value scales = pointerParameter(k, launch, op.getScales());
  Value blockColumn = k.remU(k.blockIndex(), blockColumns), rest = k.divU(k.blockIndex(), blockColumns);
  Value blockRow = k.remU(rest, blockRows), batch = k.divU(rest, blockRows);
  DeviceView fromView = matrixOf(k, *getDeviceView(op.getX()), from, batch);
  DeviceView dataView = matrixOf(k, *getDeviceView(op.getData()), data, batch);
  DeviceView scaleView = matrixOf(k, *getDeviceView(op.getScales()), scales, batch);

  int64_t perRow = kBlock / kVector;
  Value column = k.add(k.mul(blockColumn, kBlock), k.mul(k.remU(k.threadIndex(), perRow), kVector));
  Access access{1, columns, kVector, column, /*full=*/columns % kBlock == 0, /*natural=*/false};
  auto rowAt = [&](int64_t i) {
    return k.add(k.add(k.mul(blockRow, kBlock), k.divU(k.threadIndex(), perRow)), i * kRowsAtOnce);
  };
  gridDependencyWait(k);
  SmallVector<Values> elements;
  Value largest = k.f32(0);
  for (int64_t i = 0; i < kBlock / kRowsAtOnce; ++i) {
    Value exists = k.ltU(rowAt(i), rows), row = k.select(exists, rowAt(i), k.i32(0));
    elements.push_back(rowToF32(k, loadRow(k, stridedRow(k, fromView, from, row), access)));
    for (auto [j, x] : llvm::enumerate(elements.back())) {
      Value counts = elementValid(k, access, j);
      counts = counts ? k.logicalAnd(counts, exists) : exists;
      largest = k.fmax(largest, k.select(counts, k.fabs(x), k.f32(0)));
    }
  }
  largest = blockMax(k, arena, scratch, kThreads / 32, largest);
  BlockScale block = blockScale(k, largest, op.getPowerOfTwo());
  gridDependencyTrigger(k);
  for (auto [i, values] : llvm::enumerate(elements)) {
    for (Value &x : values)
      x = scaleDown(k, block, x);
    Value row = rowAt(i);
    k.when(k.ltU(row, rows), [&, values = values] {
      storeRow(k, stridedRow(k, dataView, data, row), access, rowFromF32(k, values, dataView.element));
    });
  }
  k.when(k.eq(k.threadIndex(), 0), [&] {
    Access one{2, blockColumns, 1, blockColumn, /*full=*/true, /*natural=*/false};
    storeRow(k, stridedRow(k, scaleView, scales, blockRow), one, RowVector{k.f32Ty, 1, {block.scale}});
  });
  launch.grid = {batches * blockRows * blockColumns, 1, 1};
  launch.threads = kThreads;
  launch.sharedBytes = arena.bytes();
  return launch;
}
