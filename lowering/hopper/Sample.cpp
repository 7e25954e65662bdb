// kernel.sample: a token for each row of logits.
//
// Threads. A cluster of CTAs for each row, as many as few rows leave idle; every step is a pass over the row, which
// stays in L2. A greedy row is done after the first pass (argmax). Numerics. Candidates are ordered by keys of z =
// logits / temperature, a correctly rounded division, so ties are those of the reference. A candidate weighs exp(z -
// max z) in fixed point, 2^31 for the best one: sums are exact and do not depend on an order. Against sums in f32 the
// outcome differs only where the random number, or top_p, falls within rounding of a boundary between two tokens.
// Shared memory. The histograms of RowSelect, 66 KB.
#include "lowering/hopper/RowSelect.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

class SampleKernel {
public:
  SampleKernel(KernelBuilder &k, RowSelect &row, int64_t length) : k(k), row(row), length(length) {}

  Value temperature, topK, topP, seed, position; // of the row

  /// The token, uniform.
  Value emit();

private:
  Value draw(Value largest);
  Value randomBits();

  KernelBuilder &k;
  RowSelect &row;
  int64_t length;
};

} // namespace

static constexpr double kWeightOfBest = 0x1p31;

/// The top 24 bits of splitmix64's output number position + 1 from `seed`, as an i64.
Value SampleKernel::randomBits() {
  auto xorShift = [&](Value x, int64_t bits) { return k.bitXor(x, k.shrU(x, bits)); };
  Value number = k.add(k.sext(position, k.i64Ty), 1);
  Value z = k.add(seed, k.mul(number, static_cast<int64_t>(0x9E3779B97F4A7C15u)));
  z = k.mul(xorShift(z, 30), static_cast<int64_t>(0xBF58476D1CE4E5B9u));
  z = k.mul(xorShift(z, 27), static_cast<int64_t>(0x94D049BB133111EBu));
  return k.shrU(xorShift(z, 31), 40);
}

Value SampleKernel::draw(Value largest) {
  Value best = k.fdiv(largest, temperature);
  Candidates all;
  all.key = [&](Value x) { return orderedKey(k, k.fdiv(x, temperature)); };
  Candidates weighted = all;
  weighted.weight = [&](Value x) -> Value {
    Value share = expAccurate(k, k.fsub(k.fdiv(x, temperature), best));
    return arith::FPToUIOp::create(k.b, k.loc, k.i32Ty, k.fmul(share, k.f32(kWeightOfBest)));
  };
  auto within = [&](std::pair<Value, Value> prefix) {
    return [this, prefix](Value key, Value index) { return inPrefix(k, key, index, prefix); };
  };

  Value limited = k.logicalAnd(k.gtS(topK, 0), k.ltS(topK, length));
  Values byCount = k.whenElse(
      limited, TypeRange{k.i32Ty, k.i32Ty},
      [&]() -> Values {
        auto [key, limit] = prefixOf(k, row, all, k.zext(topK, k.i64Ty));
        return {key, limit};
      },
      [&]() -> Values { return {k.i32(0), k.i32(INT32_MAX)}; });
  weighted.member = within({byCount[0], byCount[1]});
  Value total = row.totalWeight(weighted);

  Values byMass = k.whenElse(
      k.flt(topP, k.f32(1)), TypeRange{k.i32Ty, k.i32Ty, k.i64Ty},
      [&]() -> Values {
        // The least whole weight that is not below top_p * total, and at least 1: the best candidate always stays.
        Value share = LLVM::FPExtOp::create(k.b, k.loc, k.f64Ty, topP);
        Value wanted = k.fmul(share, arith::UIToFPOp::create(k.b, k.loc, k.f64Ty, total));
        wanted = LLVM::FCeilOp::create(k.b, k.loc, k.f64Ty, wanted);
        Value target = k.maxS(arith::FPToSIOp::create(k.b, k.loc, k.i64Ty, wanted), 1);
        auto [key, limit] = prefixOf(k, row, weighted, k.minS(target, total));
        Candidates kept = weighted;
        kept.member = within({key, limit});
        return {key, limit, row.totalWeight(kept)};
      },
      [&]() -> Values { return {byCount[0], byCount[1], total}; });
  weighted.member = within({byMass[0], byMass[1]});

  // floor(u * total) with u = bits / 2^24, in two parts that fit 64 bits.
  Value bits = randomBits(), mass = byMass[2];
  Value target = k.mul(bits, k.shrU(mass, 24));
  target = k.add(target, k.shrU(k.mul(bits, k.bitAnd(mass, 0xffffff)), 24));
  return row.firstExceeding(weighted, target);
}

Value SampleKernel::emit() {
  auto [key, argmax] = row.argmax([&](Value x) { return orderedKey(k, x); });
  Value largest = fromOrderedKey(k, key);
  Values token = k.whenElse(
      k.fgt(temperature, k.f32(0)), k.i32Ty,
      [&, argmax = argmax]() -> Values {
        Value drawn = draw(largest);
        return {k.select(k.ltS(drawn, 0), argmax, drawn)}; // no weights at all: infinities or NaN among the logits
      },
      [&, argmax = argmax]() -> Values { return {argmax}; });
  return token.front();
}

/// Enough for the row, few enough that a thread has 128 registers.
static int64_t chooseWarps(std::optional<kernel::ScheduleAttr> schedule, int64_t length) {
  int64_t wanted = schedule ? schedule->getWarps() : std::min<int64_t>(16, llvm::divideCeil(length, 256));
  return std::clamp<int64_t>(wanted, 1, 16);
}

/// CTAs that share a row: up to a portable cluster, as long as each has a few thousand logits and there are SMs for
/// all.
static int64_t chooseCluster(std::optional<kernel::ScheduleAttr> schedule, int64_t rows, int64_t length) {
  if (schedule)
    return std::clamp<int64_t>(llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, schedule->getCluster()))), 1,
                               8);
  // Registers leave room for one CTA on an SM, and clusters of eight for 120 of them on 132.
  constexpr int64_t computeUnits = 132, blocksOfEight = 120, logitsOfBlock = 4096;
  int64_t cluster = 8;
  while (cluster > 1 &&
         (rows * cluster > (cluster == 8 ? blocksOfEight : computeUnits) || length < cluster * logitsOfBlock))
    cluster /= 2;
  return cluster;
}

FailureOr<LaunchPlan> hopper::buildSample(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::SampleOp>(operation);
  DeviceView logits = *getDeviceView(op.getLogits());
  int64_t rows = logits.sizes[0], length = logits.sizes[1], warps = chooseWarps(op.getSchedule(), length);
  if (length > RowSelect::kMaxLength)
    return op.emitError() << "sample has rows of " << length << " logits, expected " << RowSelect::kMaxLength
                          << " at most";
  LaunchPlan launch;
  SmemArena arena(k);
  const int64_t cluster = chooseCluster(op.getSchedule(), rows, length);
  RowSelect row(k, arena, length, warps, cluster);
  SampleKernel kernel(k, row, length);
  Value index = k.divU(k.blockIndex(), cluster);
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
  gridDependencyWait(k, rows);
  Value *slots[] = {&kernel.temperature, &kernel.topK, &kernel.topP, &kernel.seed, &kernel.position};
  for (auto [slot, address] : llvm::zip(slots, addresses))
    *slot = loadGlobal(k, address.second, address.first);
  row.setRow(logits, pointer, index);
  Value token = kernel.emit();
  gridDependencyTrigger(k);
  Value first = k.eq(k.threadIndex(), 0);
  if (cluster > 1)
    first = k.logicalAnd(first, k.eq(k.clusterRank(), 0));
  k.when(first, [&, result = result] { storeGlobal(k, token, result); });
  row.finish();
  launch.grid = {rows * cluster, 1, 1};
  launch.cluster = cluster;
  launch.threads = row.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
