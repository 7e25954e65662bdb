// Joins the parts of a split mla_decode: a weighted sum over the parts of each row, all in f32.
//
// A warp takes 32 * V consecutive columns of one row, V being what a load of at most 16 bytes holds. It finds the
// maximum lse (each lane looks at every 32nd part), then reads the parts in their order, eight at a time to have eight
// loads under way. No shared memory, no barriers.
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

struct CombinePlan {
  int64_t parts, rows, columns, vector, warps;
  Type element;
  int64_t chunks() const { return llvm::divideCeil(columns, 32 * vector); } // of a row, one for each warp
  int64_t tasks() const { return rows * chunks(); }
};
struct Operands {
  Value partial, lse, result;
};

constexpr int64_t kLoadsInFlight = 8;

Value minusInfinity(KernelBuilder &k) { return k.f32(-std::numeric_limits<double>::infinity()); }

Value loadLse(KernelBuilder &k, const CombinePlan &plan, Value lse, Value part, Value row) {
  Value index = k.add(k.mul(k.zext(part, k.i64Ty), plan.rows), k.zext(row, k.i64Ty));
  return loadGlobal(k, k.f32Ty, k.gep(lse, k.mul(index, 4)));
}

/// The maximum lse of a row, 0 if all are -inf (their weights are 0 then, not NaN).
Value findBase(KernelBuilder &k, const CombinePlan &plan, Value lse, Value row) {
  Value top = minusInfinity(k), lane = k.laneIndex();
  for (int64_t first = 0; first < plan.parts; first += 32) // a lane past the end looks at the last part again
    top = k.fmax(top, loadLse(k, plan, lse, k.minU(k.add(lane, first), plan.parts - 1), row));
  top = warpMax(k, top);
  return k.select(k.feq(top, minusInfinity(k)), k.f32(0), top);
}

/// One warp's task.
void buildCombineBody(KernelBuilder &k, const CombinePlan &plan, const Operands &operands, Value row, Value chunk) {
  Value base = findBase(k, plan, operands.lse, row);
  Value column = k.mul(k.add(k.mul(chunk, 32), k.laneIndex()), plan.vector);
  k.when(k.ltU(column, plan.columns), [&] {
    Type loadType = plan.vector == 1 ? k.f32Ty : Type(k.vec(plan.vector, k.f32Ty));
    int64_t unroll = std::min(plan.parts, kLoadsInFlight);
    Values state(plan.vector + 1, k.f32(0)); // sums of the columns, sum of the weights
    state = k.loop(k.i32(0), k.i32(plan.parts), unroll, state, [&](Value first, ValueRange values) -> Values {
      Values weights, loads;
      for (int64_t i = 0; i < unroll; ++i) {
        Value part = k.add(first, i), known = k.minU(part, plan.parts - 1);
        Value weight = exp2Fast(k, k.fsub(loadLse(k, plan, operands.lse, known, row), base));
        weights.push_back(k.select(k.eq(part, known), weight, k.f32(0)));
        Value index = k.add(k.mul(k.zext(known, k.i64Ty), plan.rows), k.zext(row, k.i64Ty));
        Value offset = k.add(k.mul(index, plan.columns), k.zext(column, k.i64Ty));
        loads.push_back(loadGlobal(k, loadType, k.gep(operands.partial, k.mul(offset, 4))));
      }
      Values next = llvm::to_vector<8>(values);
      for (auto [weight, load] : llvm::zip(weights, loads)) {
        for (int64_t i = 0; i < plan.vector; ++i)
          next[i] = k.fma(weight, plan.vector == 1 ? load : k.extract(load, i), next[i]);
        next.back() = k.fadd(next.back(), weight);
      }
      return next;
    });

    Value some = k.fgt(state.back(), k.f32(0));
    Value inverse = k.select(some, reciprocalFast(k, state.back()), k.f32(0));
    Values results;
    for (int64_t i = 0; i < plan.vector; ++i)
      results.push_back(fromF32(k, k.fmul(state[i], inverse), plan.element));
    Value offset = k.add(k.mul(k.zext(row, k.i64Ty), plan.columns), k.zext(column, k.i64Ty));
    Value target = k.gep(operands.result, k.mul(offset, plan.element.getIntOrFloatBitWidth() / 8));
    storeGlobal(k, plan.vector == 1 ? results.front() : k.vector(results), target);
  });
}

} // namespace

FailureOr<LaunchPlan> hopper::buildMlaCombine(Operation *op, KernelBuilder &k) {
  auto combine = cast<kernel::MlaCombineOp>(op);
  FailureOr<DeviceView> partial = getDeviceView(combine.getPartial()), lse = getDeviceView(combine.getLse());
  if (failed(partial) || failed(lse))
    return failure();
  if (!partial->isContiguous() || !lse->isContiguous())
    return op->emitError("partial results and lse must be contiguous");
  int64_t columns = partial->sizes[3], vector = columns % 4 == 0 ? 4 : columns % 2 == 0 ? 2 : 1;
  CombinePlan plan{partial->sizes[0], partial->sizes[1] * partial->sizes[2],
                   columns,           vector,
                   /*warps=*/4,       cast<RankedTensorType>(combine.getResult().getType()).getElementType()};

  LaunchPlan launch;
  Operands operands{pointerParameter(k, launch, combine.getPartial()), pointerParameter(k, launch, combine.getLse()),
                    pointerParameter(k, launch, combine.getResult())};
  gridDependencyWait(k, partial->sizes[1]);
  Value task = k.add(k.mul(k.blockIndex(), plan.warps), k.warpIndex());
  k.when(k.ltU(task, plan.tasks()),
         [&] { buildCombineBody(k, plan, operands, k.divU(task, plan.chunks()), k.remU(task, plan.chunks())); });

  launch.grid[0] = llvm::divideCeil(plan.tasks(), plan.warps);
  launch.threads = plan.warps * 32;
  return launch;
}
