// The pieces of kernel.row_fusion's code generator.
//
// A row's values are never arrays in memory: every value of the program is a function of an element index, evaluated on
// demand for the few neighbouring elements that one thread holds (an Access). A thread's natural accesses cover the row
// in vectors: vector number `chunk * lanes + thread`. Values can also be evaluated elsewhere (a rotation's partner, the
// scale of a block); only what row_quantize makes needs neighbouring lanes and so its natural accesses.
#pragma once

#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/SmemArena.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::deepseek::hopper {

/// Number of elements of a value of the program; 1 for what is uniform over the row.
int64_t rowWidth(Value value);

/// How rows and their elements are spread over threads.
struct RowPlan {
  int64_t rows = 0;
  int64_t threads = 0;      // of a CTA
  int64_t lanes = 0;        // threads that share a row: a warp or the CTA
  int64_t rowsPerBlock = 1; // 1, or the warps of a CTA
  int64_t columnBlocks = 1; // CTAs that share a row: of a cluster if the program reduces, along y if not
  bool cluster = false;
  int64_t chunksPerBlock = 1; // of the widest value
  bool streamed = false;      // rows too wide for registers: loops that load again, instead of unrolled code
  llvm::MapVector<int64_t, int64_t> vectors; // width -> elements of one natural access

  /// Natural accesses of one thread to values of this width.
  int64_t chunks(int64_t width) const;
};

/// Checks that the program is one this generator can build, and plans it. Reports errors on the operation concerned.
FailureOr<RowPlan> planRows(kernel::RowFusionOp op);

/// True of the `arith` and `math` operations that a program may compute with, element by element.
bool isRowElementwise(Operation *op);
/// The scalar form of an elementwise operation that has a block or a PTX function of its own; null otherwise. `exact`:
/// division is correctly rounded.
Value emitRowFunction(KernelBuilder &k, Operation *op, ValueRange x, bool exact);

/// The block arguments that elementwise work reads directly: what is worth loading early.
llvm::SmallVector<BlockArgument> streamedArguments(kernel::RowFusionOp op);

/// A run of `count` neighbouring elements of a value of `width` elements; `base` is a multiple of `count`.
struct Access {
  int64_t id;
  int64_t width, count;
  Value base;        // i32
  bool full = false; // known to lie inside the row
  bool natural = false;
};

/// The elements of an access. 4-byte elements: one each; bf16, f16: pairs in i32; e4m3: fours in i32. Elements of an
/// access beyond the row hold some valid element of it.
struct RowVector {
  Type element;
  int64_t count = 0;
  Values words;
};
int64_t elementsPerWord(Type element);
/// To count f32 values, exact; and back, rounding.
Values rowToF32(KernelBuilder &k, const RowVector &x);
RowVector rowFromF32(KernelBuilder &k, ValueRange x, Type element);

/// All of the values combined, in a tree: the order is that of the values, the way to the result short.
Value reducePairwise(Values values, llvm::function_ref<Value(Value, Value)> combine);

/// One row of an operand in memory.
struct StridedRow {
  Value pointer;
  Type element;
  llvm::SmallVector<std::pair<int64_t, int64_t>> dims; // (size, stride) in elements, joined where contiguous
  int64_t alignment = 1;                               // bytes, of the row's first element
  Cache cache = Cache::Default;
};
/// The row `index` (null: the view has no row dimension) of a view that starts at `pointer`.
StridedRow stridedRow(KernelBuilder &k, const DeviceView &view, Value pointer, Value index);

/// i1 for element `offset` of the access, or null if it is known to lie inside the row.
Value elementValid(KernelBuilder &k, const Access &access, int64_t offset);
RowVector loadRow(KernelBuilder &k, const StridedRow &row, const Access &access);
/// Stores the elements that lie inside the row.
void storeRow(KernelBuilder &k, const StridedRow &row, const Access &access, const RowVector &x);

/// Evaluates values of one row program. What it emits dominates what is emitted later, unless `pushScope` says that a
/// loop body begins: uniform values must have been evaluated before.
class RowEvaluator {
public:
  RowEvaluator(KernelBuilder &k, SmemArena &arena, LaunchPlan &launch, kernel::RowFusionOp op, const RowPlan &plan);

  /// Puts tables into shared memory; followed by a CTA barrier if it returns true.
  bool prepareTables();

  Access naturalAccess(int64_t width, Value chunk); // chunk: i32 in [0, plan.chunks(width))
  Access naturalAccess(int64_t width, int64_t chunk);

  RowVector eval(Value value, const Access &access);
  Value evalUniform(Value value); // the only element
  void setUniform(Value value, Value scalar);
  /// e4m3 data and scale of the block that the (natural) access lies in.
  std::pair<RowVector, Value> evalQuantize(kernel::RowQuantizeOp op, const Access &access);

  const DeviceView &view(Value value) const { return operands.find(value)->second.first; }
  Value pointer(Value value) const { return operands.find(value)->second.second; }

  KernelBuilder &k;
  const RowPlan &plan;
  kernel::RowFusionOp op;
  Value row, thread; // of the grid; of the threads of a CTA that share the row
  Value columnBlock; // of the CTAs that share the row

private:
  Access access(int64_t width, int64_t count, Value base);
  RowVector compute(Value value, const Access &access);
  RowVector computeArgument(BlockArgument argument, const Access &access);
  RowVector computeElementwise(Operation *op, const Access &access);
  RowVector computeAngles(kernel::RowAnglesOp op, const Access &access);
  RowVector computeRope(kernel::RowRopeOp op, const Access &access);
  RowVector computeDequantize(kernel::RowDequantizeOp op, const Access &access);

  SmemArena &arena;
  llvm::DenseMap<Value, std::pair<DeviceView, Value>> operands; // block arguments and results
  llvm::DenseMap<std::pair<Value, int64_t>, RowVector> known;   // by access
  llvm::DenseMap<std::pair<int64_t, int64_t>, Access> natural;  // by width and chunk
  llvm::DenseMap<Operation *, int64_t> tables;                  // frequencies in shared memory
  Access uniform;
  int64_t nextId = 1;
};

} // namespace mlir::deepseek::hopper
