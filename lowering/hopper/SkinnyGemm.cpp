// D = A B^T for few rows of A: B is read once, at memory speed, straight into the registers of mma.sync.
//
// A CTA computes mTile rows (multiples of 8) by nTile columns (multiples of 16). Its warps share the reduction: warp w
// takes units w, w + warps, ... of K, and their partial sums meet in shared memory, added in the order of the warps.
//
// B's rows are the 16-row side of the instruction, A's rows (tokens) its 8-column side. A lane loads 16 neighbouring
// bytes of K for B's rows g and g + 8 (g = lane / 4) and for A's row g; because both sides permute K alike, any order
// of K inside a unit gives the same sum. The next unit of B is in flight while the present one is multiplied; the first
// is requested before the kernel waits for its predecessors.
//
// Block-scaled: e4m3 becomes f16 (exact), products of each 128 channels are summed apart and multiplied by both scales.
//
// Shared memory: warps x mTile x (nTile + 4) f32 of partial sums, after the loop. Barriers: one CTA barrier before they
// are added.
#include "lowering/hopper/SkinnyGemm.h"
#include "dialects/kernel/BufferView.h"
#include "dialects/kernel/StreamSchedule.h"
#include "lowering/hopper/StreamGemm.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Mma.h"
#include "lowering/hopper/blocks/Sync.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t chunkBytes = 64;   // of one row: four lanes of 16 bytes
constexpr int64_t chunksPerUnit = 4; // loads in flight per row and lane
constexpr int64_t scaleBlock = 128;  // channels of one scale
constexpr int64_t partialPad = 4;    // f32 between rows of partial sums

/// Registers of one lane for one row and chunk: 16 bytes.
using Chunk = Values;

class SkinnyBody {
public:
  SkinnyBody(KernelBuilder &k, const SkinnyShape &shape, const SkinnyPointers &pointers, Value mBase, Value mEnd,
             Value nBase)
      : k(k), s(shape), p(pointers), mBase(mBase), mEnd(mEnd), nBase(nBase) {
    Value lane = k.laneIndex();
    group = k.shrU(lane, 2);
    quad = k.bitAnd(lane, 3);
    warp = k.warpIndex();
    setRuns();
  }

  int64_t chunkElements() const { return chunkBytes / s.elementBytes(); }
  int64_t unitElements() const { return chunkElements() * chunksPerUnit; }
  int64_t units() const { return llvm::divideCeil(s.k, unitElements()); }
  int64_t mTiles() const { return s.mTile / 8; }
  int64_t nTiles() const { return s.nTile / 16; }

  /// Sums over this warp's units: [nTile][mTile][4] registers.
  Values accumulate(llvm::function_ref<void()> beforeInputs) {
    const size_t sums = 4 * mTiles() * nTiles();
    Values carried(sums, k.f32(0));
    llvm::append_range(carried, loadB(warp));
    beforeInputs();
    Values result = k.loop(warp, k.i32(units()), s.warps, carried, [&](Value unit, ValueRange values) -> Values {
      Values acc(values.take_front(sums)), present(values.drop_front(sums));
      Values next = loadB(k.add(unit, s.warps));
      acc = multiply(unit, present, acc);
      llvm::append_range(acc, next);
      return acc;
    });
    result.truncate(sums);
    return result;
  }

private:
  /// Where the runs of this tile begin in B, and its first column of D or of the plain result.
  void setRuns() {
    column = nBase;
    runs = {nBase};
    if (!s.epilogue)
      return;
    Value number = k.divU(nBase, s.nTile);
    plain = s.plainColumns ? k.ltU(number, s.plainTiles()) : Value();
    column = k.mul(k.sub(number, s.plainTiles()), s.runRows());
    if (plain)
      column = k.select(plain, nBase, column);
    runs.clear();
    for (int64_t run = 0; run < s.parts; ++run) {
      Value offset = k.i32(s.plainColumns + run * s.columns);
      runs.push_back(k.add(column, plain ? k.select(plain, k.i32(run * s.runRows()), offset) : offset));
    }
  }

  int64_t runOf(int64_t tile, int64_t half) { return (16 * tile + 8 * half) / s.runRows(); }
  /// Element index along K of this lane's part of a chunk.
  Value laneK(Value unit, int64_t chunk) {
    return k.add(k.add(k.mul(unit, unitElements()), chunk * chunkElements()), k.mul(quad, 16 / s.elementBytes()));
  }

  /// 16 bytes of a row from element `at` of K on, zeros past K; `vector`: bytes of the widest aligned load.
  Chunk loadChunk(Value row, Value at, int64_t vector, Cache cache) {
    const int64_t bytes = s.elementBytes();
    auto part = [&](int64_t byte, Type type) -> Value {
      Value element = k.add(at, byte / bytes);
      Value pointer = k.gep(row, k.mul(element, bytes));
      if (s.k % unitElements() == 0)
        return loadGlobal(k, type, pointer, cache);
      return loadGlobalIf(k, k.ltU(element, s.k), type, pointer, cache);
    };
    if (vector == 16)
      return k.elements(part(0, k.vec(4, k.i32Ty)));
    Chunk words;
    for (int64_t byte = 0; byte < 16; byte += std::max<int64_t>(vector, 4)) {
      if (vector == 8) {
        llvm::append_range(words, k.elements(part(byte, k.vec(2, k.i32Ty))));
      } else if (vector == 4) {
        words.push_back(part(byte, k.i32Ty));
      } else { // assemble a word from halves or bytes
        Value word = k.i32(0);
        for (int64_t i = 0; i < 4; i += vector)
          word = k.bitOr(word, k.shl(k.zext(part(byte + i, vector == 2 ? k.i16Ty : k.i8Ty), k.i32Ty), 8 * i));
        words.push_back(word);
      }
    }
    return words;
  }

  /// Rows g and g + 8 of every 16-row tile, all chunks of a unit; zeros past the last unit. Rows past N repeat the last
  /// row: their sums are not stored.
  Values loadB(Value unit) {
    const int64_t words = nTiles() * 2 * chunksPerUnit * 4;
    return k.whenElse(
        k.ltU(unit, units()), SmallVector<Type>(words, k.i32Ty),
        [&]() -> Values {
          Values loaded;
          for (int64_t tile = 0; tile < nTiles(); ++tile)
            for (int64_t half = 0; half < 2; ++half) {
              Value first = k.add(runs[runOf(tile, half)], (16 * tile + 8 * half) % s.runRows());
              Value n = k.minU(k.add(first, group), s.n - 1);
              Value row = rowPointer(p.b, n, s.bPitch);
              for (int64_t chunk = 0; chunk < chunksPerUnit; ++chunk)
                llvm::append_range(
                    loaded, loadChunk(row, laneK(unit, chunk), s.bVector, s.streamB ? Cache::Stream : Cache::Default));
            }
          return loaded;
        },
        [&]() -> Values { return Values(words, k.i32(0)); });
  }

  Value rowPointer(Value base, Value row, int64_t pitch) {
    return k.gep(base, k.mul(k.zext(row, k.i64Ty), pitch * s.elementBytes()));
  }

  /// This lane's part of row g of tile `tile` of A; zeros for rows that are not there.
  Chunk loadA(Value unit, int64_t chunk, int64_t tile) {
    Value m = k.add(k.add(mBase, 8 * tile), group);
    return k.whenElse(
        k.ltU(m, mEnd), SmallVector<Type>(4, k.i32Ty),
        [&]() -> Values {
          return loadChunk(rowPointer(p.a, m, s.aPitch), laneK(unit, chunk), s.aVector, Cache::Default);
        },
        [&]() -> Values { return Values(4, k.i32(0)); });
  }

  /// acc += B's unit times A's unit.
  Values multiply(Value unit, ArrayRef<Value> b, Values acc) {
    const int64_t chunksPerScale = s.blockScaled ? scaleBlock / chunkElements() : chunksPerUnit;
    for (int64_t first = 0; first < chunksPerUnit; first += chunksPerScale) {
      Values sums = s.blockScaled ? Values(acc.size(), k.f32(0)) : acc;
      for (int64_t chunk = first; chunk < first + chunksPerScale; ++chunk)
        for (int64_t tile = 0; tile < mTiles(); ++tile) {
          Chunk a = loadA(unit, chunk, tile);
          for (int64_t n = 0; n < nTiles(); ++n) {
            ArrayRef<Value> low = b.slice(((2 * n) * chunksPerUnit + chunk) * 4, 4);
            ArrayRef<Value> high = b.slice(((2 * n + 1) * chunksPerUnit + chunk) * 4, 4);
            multiplyChunk(low, high, a, MutableArrayRef<Value>(sums).slice(4 * (n * mTiles() + tile), 4));
          }
        }
      acc = s.blockScaled ? addScaled(unit, first / chunksPerScale, sums, acc) : sums;
    }
    return acc;
  }

  void multiplyChunk(ArrayRef<Value> low, ArrayRef<Value> high, ArrayRef<Value> a, MutableArrayRef<Value> sums) {
    auto product = [&](Type element, Value l0, Value h0, Value l1, Value h1, Value a0, Value a1) {
      Values d = mma16816(k, element, {l0, h0, l1, h1}, {a0, a1}, sums);
      llvm::copy(d, sums.begin());
    };
    if (!s.blockScaled) {
      for (int64_t i = 0; i < 4; i += 2)
        product(k.bf16Ty, low[i], high[i], low[i + 1], high[i + 1], a[i], a[i + 1]);
      return;
    }
    for (int64_t i = 0; i < 4; ++i) {
      auto [l0, l1] = e4m3ToF16(k, low[i]);
      auto [h0, h1] = e4m3ToF16(k, high[i]);
      auto [a0, a1] = e4m3ToF16(k, a[i]);
      product(k.f16Ty, l0, h0, l1, h1, a0, a1);
    }
  }

  /// acc + sums * (scale of B's block * scale of A's row), for scale block `block` of the unit.
  Values addScaled(Value unit, int64_t block, ArrayRef<Value> sums, Values acc) {
    const int64_t blocks = llvm::divideCeil(s.k, scaleBlock);
    Value kBlock = k.add(k.mul(unit, unitElements() / scaleBlock), block);
    Value inside = k.ltU(kBlock, blocks);
    auto scale = [&](Value base, Value row, int64_t pitch, Value valid) {
      Value index = k.add(k.mul(k.zext(row, k.i64Ty), pitch), k.zext(kBlock, k.i64Ty));
      return loadGlobalIf(k, k.logicalAnd(inside, valid), k.f32Ty, k.gep(base, k.mul(index, 4)));
    };
    Values b; // a run of 8, 16 or 32 rows lies in one block of 128
    for (Value run : runs)
      b.push_back(scale(p.bScales, k.divU(run, scaleBlock), s.bScalePitch, k.i1(true)));
    for (int64_t tile = 0; tile < mTiles(); ++tile)
      for (int64_t column = 0; column < 2; ++column) {
        Value m = k.add(k.add(mBase, 8 * tile + column), k.mul(quad, 2));
        Value a = scale(p.aScales, m, s.aScalePitch, k.ltU(m, mEnd));
        Values both;
        for (Value ofRun : b)
          both.push_back(k.fmul(a, ofRun));
        for (int64_t n = 0; n < nTiles(); ++n)
          for (int64_t half = 0; half < 2; ++half) {
            int64_t i = 4 * (n * mTiles() + tile) + 2 * half + column;
            acc[i] = k.fma(sums[i], both[runOf(n, half)], acc[i]);
          }
      }
    return acc;
  }

public:
  /// Adds the warps' partial sums and stores the tile.
  void store(SmemArena &arena, ArrayRef<Value> acc) {
    const int64_t pitch = s.nTile + partialPad, warpFloats = s.mTile * pitch;
    const int64_t partials = arena.allocate(4 * s.warps * warpFloats);
    for (int64_t n = 0; n < nTiles(); ++n)
      for (int64_t tile = 0; tile < mTiles(); ++tile)
        for (int64_t i = 0; i < 4; ++i) {
          Value m = k.add(k.mul(quad, 2), 8 * tile + (i & 1));
          Value column = k.add(group, 16 * n + 8 * (i >> 1));
          Value index = k.add(k.add(k.mul(warp, warpFloats), k.mul(m, pitch)), column);
          storeShared(k, acc[4 * (n * mTiles() + tile) + i], arena.at(partials, k.mul(index, 4)));
        }
    syncThreads(k);
    auto sumOf = [&](Value m, Value column, int64_t run) {
      Value offset = k.mul(k.add(k.mul(m, pitch), column), 4);
      const int64_t base = partials + 4 * run * s.runRows();
      Value sum = loadShared(k, k.f32Ty, arena.at(base, offset));
      for (int64_t w = 1; w < s.warps; ++w)
        sum = k.fadd(sum, loadShared(k, k.f32Ty, arena.at(base + 4 * w * warpFloats, offset)));
      return sum;
    };
    auto storeColumns = [&](Value d, int64_t dPitch, Type output, int64_t columns, int64_t ofTile, bool joined) {
      k.loop(k.threadIndex(), k.i32(s.mTile * ofTile), s.threads(), [&](Value i) {
        Value m = k.divU(i, ofTile), inTile = k.remU(i, ofTile);
        Value row = k.add(mBase, m), n = k.add(column, inTile);
        k.when(k.logicalAnd(k.ltU(row, mEnd), k.ltU(n, columns)), [&] {
          Values sums = {sumOf(m, inTile, 0)};
          for (int64_t run = 1; joined && run < s.parts; ++run)
            sums.push_back(sumOf(m, inTile, run));
          Value result = joined ? emitEpilogue(k, *s.epilogue, sums) : sums[0];
          Value index = k.add(k.mul(k.zext(row, k.i64Ty), dPitch), k.zext(n, k.i64Ty));
          storeGlobal(k, fromF32(k, result, output), k.gep(d, k.mul(index, output.getIntOrFloatBitWidth() / 8)));
        });
      });
    };
    auto storeResult = [&] {
      storeColumns(p.d, s.dPitch, s.output, s.columns, s.runRows(), /*joined=*/s.epilogue != nullptr);
    };
    if (!plain)
      return storeResult();
    k.when(
        plain, [&] { storeColumns(p.plain, s.plainPitch, s.plainOutput, s.plainColumns, s.nTile, /*joined=*/false); },
        storeResult);
  }

private:
  KernelBuilder &k;
  const SkinnyShape &s;
  const SkinnyPointers &p;
  Value mBase, mEnd, nBase;
  Value group, quad, warp;
  Value column, plain; // first of this tile; whether it is one of the plain result, or null
  Values runs;
};

} // namespace

void hopper::skinnyGemmBody(KernelBuilder &k, SmemArena &arena, const SkinnyShape &shape,
                            const SkinnyPointers &pointers, Value mBase, Value mEnd, Value nBase,
                            llvm::function_ref<void()> beforeInputs) {
  SkinnyBody body(k, shape, pointers, mBase, mEnd, nBase);
  Values sums = body.accumulate(beforeInputs);
  body.store(arena, sums);
}

LogicalResult hopper::checkSkinnyElements(Operation *op, const DeviceView &a, const DeviceView &b, Type output,
                                          bool scaled) {
  const bool narrow = isa<Float8E4M3FNType>(a.element) && isa<Float8E4M3FNType>(b.element);
  if (scaled ? !narrow : !(a.element.isBF16() && b.element.isBF16()))
    return op->emitError() << "operands must be " << (scaled ? "f8E4M3FN with scales" : "bf16")
                           << " on this target, got " << a.element << " and " << b.element;
  if (!output.isBF16() && !output.isF32())
    return op->emitError() << "the result must be bf16 or f32 on this target, got " << output;
  if ((a.sizes.back() != 1 && a.strides.back() != 1) || (b.sizes.back() != 1 && b.strides.back() != 1))
    return op->emitError() << "the reduction dimension must be contiguous, got strides " << a.strides.back() << " and "
                           << b.strides.back();
  return success();
}

LogicalResult hopper::planSkinny(Operation *op, std::optional<kernel::ScheduleAttr> schedule, int64_t rows,
                                 SkinnyShape &shape) {
  shape.mTile = rows <= 8 ? 8 : rows <= 16 ? 16 : 32;
  // Words assembled from halves or bytes take registers of their own while a unit is loaded.
  const bool assembled = std::min(shape.aVector, shape.bVector) < 4;
  shape.nTile = rows <= 16 || shape.blockScaled || assembled ? 16 : 32;
  shape.warps = 8;
  if (schedule) {
    ArrayRef<int64_t> tile = schedule->getTile();
    if (tile.size() < 2)
      return op->emitError() << "the schedule's tile must give rows of A and of B, got " << tile.size() << " sizes";
    shape.mTile = tile[0];
    shape.nTile = tile[1];
    shape.warps = schedule->getWarps();
  }
  if (shape.mTile <= 0 || shape.mTile % 8 || shape.nTile <= 0 || shape.nTile % 16 || shape.mTile * shape.nTile > 1024 ||
      scaleBlock % shape.nTile)
    return op->emitError()
           << "tile [" << shape.mTile << ", " << shape.nTile
           << "] must be multiples of 8 and 16, at most 1024 elements, and divide a scale block of 128 rows";
  if (shape.warps < 1 || shape.warps > 16)
    return op->emitError() << "warps must be in [1, 16], got " << shape.warps;
  return success();
}

LogicalResult SkinnyShape::setColumns(Operation *op, const ProductOperands &operands, int64_t rowsOfB) {
  ProductViews views;
  if (failed(views.assign(operands)))
    return failure();
  n = rowsOfB, columns = views.columns(), plainColumns = views.plainColumns();
  epilogue = views.epilogue, parts = views.parts();
  if (plainColumns)
    plainPitch = views.plain.strides[0], plainOutput = views.plain.element;
  if (nTile % (8 * parts))
    return op->emitError() << "a tile of " << nTile << " rows of B has no runs of 8 rows for " << parts << " parts";
  if (epilogue && blockScaled && (plainColumns % runRows() || columns % runRows()))
    return op->emitError() << "parts of " << columns << " columns after " << plainColumns << " have runs of "
                           << runRows() << " rows with more than one block of scales";
  return success();
}

int64_t hopper::skinnyVectorBytes(const DeviceView &view) {
  int64_t bytes = view.alignment(16);
  auto fits = [&](int64_t elements) { return elements * view.elementBytes() % bytes == 0; };
  while (bytes > view.elementBytes() && !(fits(view.sizes.back()) && llvm::all_of(llvm::drop_end(view.strides), fits)))
    bytes /= 2;
  return bytes;
}

FailureOr<LaunchPlan> hopper::buildSkinnyGemm(Operation *op, KernelBuilder &k) {
  auto gemm = cast<kernel::SkinnyGemmOp>(op);
  std::optional<kernel::ScheduleAttr> schedule = gemm.getSchedule();
  if (kernel::isStreamSchedule(gemm.getScheduleAttr())) {
    FailureOr<StreamBuild> build = buildStreamProduct(gemm, k);
    if (failed(build) || build->whyNot.empty())
      return failed(build) ? FailureOr<LaunchPlan>(failure()) : build->plan;
    remark::missed(op->getLoc(), remark::RemarkOpts::name("SkinnyGemm").category("convert-kernel-to-nvvm"))
        << "skinny gemm on mma.sync instead of wgmma: " << build->whyNot;
    schedule = std::nullopt;
  }
  return buildSkinnyProduct(op, k, ProductOperands::of(gemm), schedule);
}

FailureOr<LaunchPlan> hopper::buildSkinnyProduct(Operation *op, KernelBuilder &k, const ProductOperands &operands,
                                                 std::optional<kernel::ScheduleAttr> schedule) {
  const bool scaled = bool(operands.aScales);
  FailureOr<DeviceView> a = getDeviceView(operands.a), b = getDeviceView(operands.b), d = getDeviceView(operands.d);
  if (failed(a) || failed(b) || failed(d) || failed(checkSkinnyElements(op, *a, *b, d->element, scaled)))
    return failure();
  const bool batched = a->sizes.size() == 3;
  const int64_t rows = a->sizes[0], heads = batched ? a->sizes[1] : 1;

  SkinnyShape shape;
  shape.k = a->sizes.back();
  shape.aPitch = a->strides[0];
  shape.bPitch = b->strides[batched ? 1 : 0];
  shape.dPitch = d->strides[0];
  shape.blockScaled = scaled;
  shape.output = d->element;
  shape.aVector = skinnyVectorBytes(*a);
  shape.bVector = skinnyVectorBytes(*b);
  FailureOr<kernel::BufferView> bRoot = kernel::getBufferView(operands.b);
  shape.streamB = succeeded(bRoot) && bRoot->root.getDefiningOp<kernel::LoadBufferOp>();
  if (failed(planSkinny(op, schedule, rows, shape)) ||
      failed(shape.setColumns(op, operands, b->sizes[batched ? 1 : 0])))
    return failure();

  LaunchPlan plan;
  SmemArena arena(k);
  SkinnyPointers p;
  p.a = pointerParameter(k, plan, operands.a);
  p.b = pointerParameter(k, plan, operands.b);
  p.d = pointerParameter(k, plan, operands.d);
  if (operands.plain)
    p.plain = pointerParameter(k, plan, operands.plain);
  if (scaled) {
    FailureOr<DeviceView> aScales = getDeviceView(operands.aScales), bScales = getDeviceView(operands.bScales);
    if (failed(aScales) || failed(bScales))
      return failure();
    shape.aScalePitch = aScales->strides[0];
    shape.bScalePitch = bScales->strides[0];
    p.aScales = pointerParameter(k, plan, operands.aScales);
    p.bScales = pointerParameter(k, plan, operands.bScales);
  }
  if (batched) { // one head for each z
    Value head = k.zext(k.blockIndex(2), k.i64Ty);
    auto shift = [&](Value base, int64_t stride, int64_t bytes) { return k.gep(base, k.mul(head, stride * bytes)); };
    p.a = shift(p.a, a->strides[1], a->elementBytes());
    p.b = shift(p.b, b->strides[0], b->elementBytes());
    p.d = shift(p.d, d->strides[1], d->elementBytes());
  }
  if (!shape.streamB)
    gridDependencyWait(k, rows);
  skinnyGemmBody(k, arena, shape, p, k.mul(k.blockIndex(1), shape.mTile), k.i32(rows),
                 k.mul(k.blockIndex(0), shape.nTile), [&] {
                   if (shape.streamB)
                     gridDependencyWait(k, rows);
                 });
  gridDependencyTrigger(k);
  plan.grid = {shape.columnTiles(), int64_t(llvm::divideCeil(rows, shape.mTile)), heads};
  plan.threads = shape.threads();
  plan.sharedBytes = arena.bytes();
  return plan;
}
