// Block-scaled products of GemmBody: e4m3 with an f32 scale for 128 channels of a row of A and one for 128 x 128
// elements of B.
//
// The products of one K block go to registers of their own (parts) and are added to the sums in f32 with both scales.
// Scales come with the operands: every four K blocks the producer loads the next four of each row into a slot of a ring
// in shared memory, on the full barrier of the first of them. A slot needs no barrier to be emptied: when its successor
// in the ring is loaded, the stages of its K blocks have been released. (Loaded by the consumers from global memory,
// 256 rows would take 256 lines of the little L1 that shared memory leaves, and miss it.) Scales whose rows TMA cannot
// address are loaded from global memory a K block ahead.
#include "lowering/hopper/GemmBody.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/TensorMap.h"
#include <numeric>

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kScaleBlock = 128; // elements of K and N under one scale
static constexpr int64_t kScaleBytes = 4;
static constexpr int64_t kTmaAlignment = 128; // of boxes in shared memory
// Block-scaled tiles up to this wide have registers for two K blocks' products beside the sums; a lone consumer has no
// setmaxnreg and ptxas spills sooner.
static constexpr int64_t kTwoPartsColumns = 128, kTwoPartsColumnsAlone = 96;

/// Blocks of B's scales that the columns of one tile touch at most: tiles start at multiples of their own width.
static int64_t columnBlocks(int64_t tileN) {
  return llvm::divideCeil(kScaleBlock - std::gcd(tileN, kScaleBlock) + tileN, kScaleBlock);
}

// --- scales in shared memory ---

static TensorMapShape scalesMap(const DeviceView &view, bool leadingBatch, int64_t rows) {
  TensorMapShape shape = rowsMap(view, leadingBatch, GemmBody::kSlotBlocks, rows);
  shape.swizzle = 0;
  return shape;
}

/// Bytes of one slot: A's rows, then B's.
static int64_t slotBytesA(const GemmProblem &p) { return p.tileM * GemmBody::kSlotBlocks * kScaleBytes; }
static int64_t slotBytesB(const GemmProblem &p) { return columnBlocks(p.tileN) * GemmBody::kSlotBlocks * kScaleBytes; }
int64_t GemmBody::scaleSlotBytes() const { return slotBytesA(problem) + slotBytesB(problem); }

std::string GemmBody::whyNotSharedScales() const {
  if (problem.split > 1)
    return "the CTAs of split K begin anywhere";
  if (kBlocks % kSlotBlocks)
    return "rows of scales are no multiple of 16 bytes";
  std::string why = whyNotTma(scalesMap(problem.aScales, false, problem.tileM), problem.aScales.byteOffset);
  return why.empty()
             ? whyNotTma(scalesMap(problem.bScales, true, columnBlocks(problem.tileN)), problem.bScales.byteOffset)
             : why;
}

void GemmBody::planScales(LaunchPlan &plan, const ProductOperands &operands) {
  if (!whyNotSharedScales().empty()) {
    pointerAScales = pointerParameter(k, plan, operands.aScales);
    pointerBScales = pointerParameter(k, plan, operands.bScales);
    return;
  }
  // The producer is at most `stages` K blocks ahead of the slowest consumer.
  scaleSlots = llvm::divideCeil(problem.stages + kSlotBlocks - 1, kSlotBlocks);
  offsetAScales = arena.allocate(scaleSlots * slotBytesA(problem), kTmaAlignment);
  offsetBScales = arena.allocate(scaleSlots * kTmaAlignment, kTmaAlignment);
  mapAScales = tensorMapParameter(k, plan, operands.aScales, scalesMap(problem.aScales, false, problem.tileM));
  mapBScales =
      tensorMapParameter(k, plan, operands.bScales, scalesMap(problem.bScales, true, columnBlocks(problem.tileN)));
}

void GemmBody::loadScaleSlot(const GemmTile &tile, Value kBlock, Value slot, Value full) {
  tmaLoad(k, arena.at(offsetAScales, k.mul(slot, slotBytesA(problem))), mapAScales, {kBlock, tile.row}, full);
  tmaLoad(k, arena.at(offsetBScales, k.mul(slot, kTmaAlignment)), mapBScales,
          coordinates(kBlock, k.divU(tile.column, kScaleBlock), tile.batch, problem.grouped), full);
}

Value GemmBody::nextScaleSlot(Value slot) {
  if (scaleSlots == 0)
    return slot;
  Value next = k.add(slot, 1);
  return k.select(k.eq(next, scaleSlots), k.i32(0), next);
}

/// The scales of K block `index` of a slot.
GemmBody::Scales GemmBody::readScales(const GemmTile &tile, Value slot, int64_t index) {
  constexpr int64_t rowBytes = kSlotBlocks * kScaleBytes;
  Scales scales;
  Accumulator layout(k, problem.tileN);
  Value firstRow = k.add(k.mul(consumer, 64 * problem.rowBlocks()), layout.row(0));
  Value ofA = k.add(k.mul(slot, slotBytesA(problem)), k.mul(firstRow, rowBytes));
  for (int64_t i = 0; i < 2 * problem.rowBlocks(); ++i)
    scales.row.push_back(
        loadShared(k, k.f32Ty,
                   arena.at(offsetAScales + 8 * i % 16 * rowBytes + i / 2 * 64 * rowBytes + index * kScaleBytes, ofA)));
  for (int64_t i = 0; i < columnBlocks(problem.tileN); ++i)
    scales.column.push_back(loadShared(
        k, k.f32Ty, arena.at(offsetBScales + i * rowBytes + index * kScaleBytes, k.mul(slot, kTmaAlignment))));
  return scales;
}

// --- scales from global memory ---

Values GemmBody::valuesOf(const Scales &scales) {
  Values all = scales.row;
  llvm::append_range(all, scales.column);
  return all;
}
GemmBody::Scales GemmBody::scalesOf(ValueRange values) {
  int64_t rows = 2 * problem.rowBlocks();
  return {Values(values.take_front(rows)), Values(values.drop_front(rows))};
}
int64_t GemmBody::scaleCount() const { return 2 * problem.rowBlocks() + columnBlocks(problem.tileN); }

GemmBody::Scales GemmBody::loadScales(const GemmTile &tile, Value kBlock) {
  auto load = [&](Value base, Value element) {
    return loadGlobal(k, k.f32Ty, k.gep(base, k.mul(element, kScaleBytes)));
  };
  Scales scales;
  Accumulator layout(k, problem.tileN);
  ArrayRef<int64_t> a = problem.aScales.strides, b = ArrayRef(problem.bScales.strides).take_back(2);
  for (int64_t i = 0; i < 2 * problem.rowBlocks(); ++i) {
    Value row = k.minU(k.add(firstRow(tile, i / 2), layout.row(i % 2)), problem.m() - 1);
    scales.row.push_back(load(pointerAScales, k.add(k.mul(row, a[0]), k.mul(kBlock, a[1]))));
  }
  int64_t blocks = llvm::divideCeil(problem.n(), kScaleBlock);
  Value first = k.divU(tile.column, kScaleBlock), inMatrix = k.mul(kBlock, b[1]);
  if (problem.grouped)
    inMatrix = k.add(inMatrix, k.mul(tile.batch, problem.bScales.strides[0]));
  for (int64_t i = 0; i < columnBlocks(problem.tileN); ++i)
    scales.column.push_back(load(pointerBScales, k.add(inMatrix, k.mul(k.minU(k.add(first, i), blocks - 1), b[0]))));
  return scales;
}

// --- products ---

/// sum += part * scales. `touched`: which of the scales' blocks of B each segment of the columns lies in.
void GemmBody::promote(MutableArrayRef<Value> sum, Accumulator &part, ArrayRef<Value> rowScales,
                       ArrayRef<Value> columnScales, ArrayRef<Value> touched) {
  int64_t segment = problem.tileN / touched.size();
  Value scale[2];
  for (int64_t i = 0; i < part.size(); ++i) {
    int64_t column = i / 4 * 8, h = i / 2 % 2;
    if (i % 4 == 0 && column % segment == 0) {
      Value ofB = columnScales[0];
      for (size_t b = 1; b < columnScales.size(); ++b)
        ofB = k.select(k.geU(touched[column / segment], b), columnScales[b], ofB);
      scale[0] = k.fmul(rowScales[0], ofB), scale[1] = k.fmul(rowScales[1], ofB);
    }
    sum[i] = k.fma(part[i], scale[h], sum[i]);
  }
}

/// `count` K blocks from `kBlock` on. A unit is the products of one K block with one block of 64 rows; up to `ahead` of
/// them are under way: while one is scaled and added, the tensor cores work on the next. Not across iterations of a
/// loop: ptxas then waits for everything.
void GemmBody::multiplyChunk(Values &sum, const GemmTile &tile, Value kBlock, int64_t count, int64_t ahead,
                             GemmState &state, Scales &scales, ArrayRef<Value> touched) {
  const int64_t perBlock = problem.rowBlocks(), units = count * perBlock;
  SmallVector<PipelineState> states;
  SmallVector<Scales> scalesOf; // by K block
  if (scaleSlots == 0)
    scalesOf.push_back(scales);
  Accumulators parts;
  auto start = [&](int64_t unit) {
    if (unit % perBlock == 0) {
      int64_t block = unit / perBlock;
      if (scaleSlots == 0) // early: a block ahead
        scalesOf.push_back(loadScales(tile, k.minU(k.add(kBlock, block + 1), kBlocks - 1)));
      pipeline.wait(state.operands);
      if (scaleSlots > 0) {
        scalesOf.push_back(readScales(tile, state.scaleSlot, block % kSlotBlocks));
        if (block % kSlotBlocks == kSlotBlocks - 1)
          state.scaleSlot = nextScaleSlot(state.scaleSlot);
      }
      states.push_back(state.operands);
      state.operands = pipeline.advance(state.operands);
    }
    // In the registers of the unit that was added last: ptxas runs out of aligned ranges otherwise.
    parts.push_back(unit < ahead ? Accumulator(k, problem.tileN) : parts[unit - ahead]);
    issue(parts.back(), states.back(), WgmmaType::E4M3, /*accumulate=*/false, unit % perBlock);
  };
  for (int64_t unit = 0; unit < std::min(ahead, units); ++unit)
    start(unit);
  for (int64_t unit = 0; unit < units; ++unit) {
    const int64_t block = unit / perBlock, rows = unit % perBlock, size = problem.tileN / 2;
    parts[unit].wait(std::min(ahead, units - unit) - 1);
    if (rows == perBlock - 1)
      pipeline.release(states[block]);
    Values part(ArrayRef(sum).slice(rows * size, size));
    promote(part, parts[unit], ArrayRef(scalesOf[block].row).slice(2 * rows, 2), scalesOf[block].column, touched);
    part = pinRegisters(k, part); // LLVM would sink the additions past the products that reuse their operands
    llvm::copy(part, sum.begin() + rows * size);
    if (unit + ahead < units)
      start(unit + ahead);
  }
  if (scaleSlots == 0)
    scales = scalesOf[count];
}

GemmState GemmBody::multiplyScaled(Accumulators &accs, const GemmTile &tile, GemmState state) {
  // Columns of a tile come in segments that lie within one block of B's scales.
  int64_t segment = std::gcd(problem.tileN, kScaleBlock);
  SmallVector<Value> touched;
  Value columnInBlock = k.remU(tile.column, kScaleBlock);
  for (int64_t column = 0; column < problem.tileN; column += segment)
    touched.push_back(k.divU(k.add(columnInBlock, column), kScaleBlock));

  Values carried = state.values();
  const int64_t carriedScales = scaleSlots == 0 ? scaleCount() : 0, perRows = problem.tileN / 2;
  if (carriedScales > 0)
    llvm::append_range(carried, valuesOf(loadScales(tile, kBegin)));
  carried.append(problem.rowBlocks() * perRows, k.f32(0));
  int64_t widest = problem.consumers() == 2 ? kTwoPartsColumns : kTwoPartsColumnsAlone;
  int64_t ahead = problem.tileN <= widest && problem.rowBlocks() == 1 ? 2 : 1;
  int64_t chunk = ahead == 1 && scaleSlots == 0 ? 1 : problem.tileN <= 64 ? 8 : 4; // more spill
  auto blocks = [&](int64_t count) {
    return [=, this, &tile, &touched](Value kBlock, ValueRange values) -> Values {
      GemmState current(values);
      Scales scales;
      if (carriedScales > 0)
        scales = scalesOf(values.slice(GemmState::kValues, carriedScales));
      Values sum(values.drop_front(GemmState::kValues + carriedScales));
      multiplyChunk(sum, tile, kBlock, count, ahead, current, scales, touched);
      Values result = current.values();
      if (carriedScales > 0)
        llvm::append_range(result, valuesOf(scales));
      llvm::append_range(result, sum);
      return result;
    };
  };
  int64_t fewest = kBlocks / problem.split, whole = fewest / chunk * chunk; // of a CTA
  const int64_t rest = scaleSlots > 0 ? kSlotBlocks : 1;
  if (whole > 0)
    carried = k.loop(kBegin, k.add(kBegin, whole), chunk, carried, blocks(chunk));
  if (problem.split > 1 || whole < kBlocks)
    carried = k.loop(k.add(kBegin, whole), kEnd, rest, carried, blocks(rest));
  ValueRange sums = ValueRange(carried).drop_front(GemmState::kValues + carriedScales);
  for (auto [rowBlock, acc] : llvm::enumerate(accs))
    acc.assign(sums.slice(rowBlock * perRows, perRows));
  return GemmState(carried);
}
