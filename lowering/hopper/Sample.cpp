// kernel.sample: a token for each row of logits.
//
// Threads. A cluster of CTAs for each row, as many as few rows leave idle. The row is read once and stays in shared
// memory as keys (RowSelect); a greedy row is done then. Numerics. Candidates are ordered by keys of z = logits /
// temperature, a correctly rounded division, so ties are those of the reference. A candidate weighs exp(z - max z) in
// fixed point, 2^31 for the best one: sums are exact and do not depend on an order. Against sums in f32 the outcome
// differs only where the random number, or top_p, falls within rounding of a boundary between two tokens. Shared
// memory. RowSelect's: 39 KB and the CTA's part of the row.
#include "lowering/hopper/RowSelect.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/MathExtras.h"

#include <numbers>

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

class SampleKernel {
public:
  SampleKernel(KernelBuilder &k, SmemArena &arena, RowSelect &row, int64_t length, int64_t cluster)
      : k(k), arena(arena), row(row), length(length), cluster(cluster) {}

  /// Requests a parameter of the row (4 or 8 bytes); its value, once the largest logit is known.
  void request(Value address, Type type);

  /// Calls `store` with the token in one thread of the cluster.
  void emit(llvm::function_ref<void(Value)> store);

private:
  enum Parameter { Temperature, TopK, TopP, Seed, Position };
  Value parameter(Parameter which) {
    auto [offset, type] = requested[which];
    return loadShared(k, type, arena.at(offset));
  }
  void draw(Value largest, Value argmax, llvm::function_ref<void(Value)> store);
  Value randomBits();

  KernelBuilder &k;
  SmemArena &arena;
  RowSelect &row;
  int64_t length, cluster;
  SmallVector<std::pair<int64_t, Type>> requested; // offsets in shared memory
};

} // namespace

static constexpr double kWeightOfBest = 0x1p31;

void SampleKernel::request(Value address, Type type) {
  int64_t bytes = type.getIntOrFloatBitWidth() / 8;
  requested.push_back({arena.allocate(bytes), type});
  // Without registers: these hold the row.
  k.when(k.eq(k.threadIndex(), 0), [&] { cpAsync(k, arena.at(requested.back().first), address, bytes); });
}

/// The top 24 bits of splitmix64's output number position + 1 from `seed`, as an i64.
Value SampleKernel::randomBits() {
  auto xorShift = [&](Value x, int64_t bits) { return k.bitXor(x, k.shrU(x, bits)); };
  Value number = k.add(k.sext(parameter(Position), k.i64Ty), 1);
  Value z = k.add(parameter(Seed), k.mul(number, static_cast<int64_t>(0x9E3779B97F4A7C15u)));
  z = k.mul(xorShift(z, 30), static_cast<int64_t>(0xBF58476D1CE4E5B9u));
  z = k.mul(xorShift(z, 27), static_cast<int64_t>(0x94D049BB133111EBu));
  return k.shrU(xorShift(z, 31), 40);
}

/// e^x for x <= 0 within 3 units in the last place, 0 below e^-100 and for what is no number.
static Value expOfNegative(KernelBuilder &k, Value x) {
  const double log2e = std::numbers::log2e, high = static_cast<float>(log2e);
  Value bounded = k.fmax(x, k.f32(-100)), power = k.fmul(bounded, k.f32(high));
  // What the product has lost.
  Value rest = k.fma(bounded, k.f32(high), k.fneg(power));
  rest = k.fma(bounded, k.f32(log2e - high), rest);
  Value result = exp2Fast(k, power);
  return k.fma(k.fmul(result, rest), k.f32(std::numbers::ln2), result);
}

void SampleKernel::draw(Value largest, Value argmax, llvm::function_ref<void(Value)> store) {
  Value temperature = parameter(Temperature), topK = parameter(TopK), topP = parameter(TopP);
  Value best = k.fdiv(largest, temperature);
  row.setKeys([&](Value x) { return orderedKey(k, k.fdiv(x, temperature)); });
  RowSelect::Weight weight = [&](Value key) -> Value {
    Value share = expOfNegative(k, k.fsub(fromOrderedKey(k, key), best));
    return arith::FPToUIOp::create(k.b, k.loc, k.i32Ty, k.fmul(share, k.f32(kWeightOfBest)));
  };
  auto prefixIf = [&](Value condition, const RowPrefix &otherwise, llvm::function_ref<RowPrefix()> find) -> RowPrefix {
    auto pair = [](const RowPrefix &prefix) { return Values{prefix.key, prefix.limit}; };
    Values found = k.whenElse(
        condition, TypeRange{k.i32Ty, k.i32Ty}, [&]() -> Values { return pair(find()); },
        [&]() -> Values { return pair(otherwise); });
    return {found[0], found[1]};
  };
  const RowPrefix all = wholeRow(k);
  Value limited = k.logicalAnd(k.gtS(topK, 0), k.ltS(topK, length));
  const RowPrefix byCount =
      prefixIf(limited, all, [&] { return row.prefixOf(all, nullptr, [&](Value) { return k.zext(topK, k.i64Ty); }); });
  const RowPrefix byMass = prefixIf(k.flt(topP, k.f32(1)), byCount, [&] {
    return row.prefixOf(byCount, weight, [&](Value total) -> Value {
      // The least whole weight that is not below top_p * total, and at least 1: the best candidate always stays.
      Value share = LLVM::FPExtOp::create(k.b, k.loc, k.f64Ty, topP);
      Value wanted = k.fmul(share, arith::UIToFPOp::create(k.b, k.loc, k.f64Ty, total));
      wanted = LLVM::FCeilOp::create(k.b, k.loc, k.f64Ty, wanted);
      return k.minS(k.maxS(arith::FPToSIOp::create(k.b, k.loc, k.i64Ty, wanted), 1), total);
    });
  });
  // floor(u * total) with u = bits / 2^24, in two parts that fit 64 bits.
  Value bits = randomBits();
  row.findExceeding(
      byMass, weight,
      [&](Value total) {
        Value target = k.mul(bits, k.shrU(total, 24));
        return k.add(target, k.shrU(k.mul(bits, k.bitAnd(total, 0xffffff)), 24));
      },
      // Without any weights, with infinities among the logits: the largest.
      [&](Value index) { store(k.select(k.ltS(index, 0), argmax, index)); });
}

void SampleKernel::emit(llvm::function_ref<void(Value)> store) {
  auto [largest, argmax] = row.argmax([&] { cpAsyncWait(k, 0); });
  k.when(
      k.fgt(parameter(Temperature), k.f32(0)),
      [&, largest = largest, argmax = argmax] { draw(largest, argmax, store); },
      [&, argmax = argmax] {
        Value first = k.eq(k.threadIndex(), 0);
        if (cluster > 1)
          first = k.logicalAnd(first, k.eq(k.clusterRank(), 0));
        k.when(first, [&] { store(argmax); });
      });
}

static RowSpread spreadRow(std::optional<kernel::ScheduleAttr> schedule, const DeviceView &logits) {
  const int64_t rows = logits.sizes[0], length = logits.sizes[1];
  RowSpread spread{length, 0, 8};
  spread.warps = std::clamp<int64_t>(schedule ? schedule->getWarps() : llvm::divideCeil(length, 256), 1, 32);
  if (schedule) {
    auto wanted = static_cast<uint64_t>(std::max<int64_t>(1, schedule->getCluster()));
    spread.cluster = std::clamp<int64_t>(llvm::bit_floor(wanted), 1, 8);
    return spread;
  }
  // As long as each CTA has a few thousand logits and an SM of its own; clusters of eight fit 120 of the 132. A larger
  // part of a row must not be too large to stay in shared memory.
  constexpr int64_t computeUnits = 132, unitsOfEight = 120, logitsOfBlock = 4096;
  while (spread.cluster > 1 && length < spread.cluster * logitsOfBlock)
    spread.cluster /= 2;
  auto hasRoom = [&] { return rows * spread.cluster <= (spread.cluster == 8 ? unitsOfEight : computeUnits); };
  while (spread.cluster > 1 && !hasRoom() && RowSpread{length, spread.warps, spread.cluster / 2}.isResident())
    spread.cluster /= 2;
  // More warps have 64 registers each: enough for a part of the row that is loaded at once, by vectors.
  if (!spread.isResident() || rowVector(logits) == 1 || spread.tiles(4) > RowSpread::kVectorsInFlight)
    spread.warps = std::min<int64_t>(spread.warps, 16);
  return spread;
}

FailureOr<LaunchPlan> hopper::buildSample(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::SampleOp>(operation);
  DeviceView logits = *getDeviceView(op.getLogits());
  int64_t rows = logits.sizes[0], length = logits.sizes[1];
  if (length > RowSelect::kMaxLength)
    return op.emitError() << "sample has rows of " << length << " logits, expected " << RowSelect::kMaxLength
                          << " at most";
  LaunchPlan launch;
  SmemArena arena(k);
  const RowSpread spread = spreadRow(op.getSchedule(), logits);
  Value index = k.divU(k.blockIndex(), spread.cluster);
  Value pointer = pointerParameter(k, launch, op.getLogits());
  auto prepare = [&](Value operand) -> std::pair<Value, Type> { // address of this row's element
    DeviceView view = *getDeviceView(operand);
    Type type = view.element;
    Value base = pointerParameter(k, launch, operand);
    return {k.gep(base, k.mul(index, view.strides[0] * view.elementBytes())), type};
  };
  SmallVector<std::pair<Value, Type>> addresses;
  for (Value operand : {Value(op.getTemperature()), Value(op.getTopK()), Value(op.getTopP()), Value(op.getSeed()),
                        Value(op.getPositions())})
    addresses.push_back(prepare(operand));
  auto [result, resultType] = prepare(op.getResult());
  RowSelect row(k, arena, spread, logits, pointer, index);
  SampleKernel kernel(k, arena, row, length, spread.cluster);
  gridDependencyWait(k, rows);
  for (auto [address, type] : addresses)
    kernel.request(address, type);
  cpAsyncCommit(k);
  kernel.emit([&, result = result](Value token) { storeGlobal(k, token, result); });
  gridDependencyTrigger(k);
  row.finish();
  launch.grid = {rows * spread.cluster, 1, 1};
  launch.cluster = spread.cluster;
  launch.threads = 32 * spread.warps;
  launch.sharedBytes = arena.bytes();
  return launch;
}
