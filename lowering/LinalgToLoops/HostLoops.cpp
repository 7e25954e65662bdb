#include "lowering/LinalgToLoops/HostLoops.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::host;

bool host::hasUnitStride(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref && memref.getRank() > 0 && memref.isLastDimUnitStride();
}

/// Elements that the loops of `op` visit; unknown extents count as `assumed`.
static int64_t workOf(linalg::LinalgOp op, int64_t assumed) {
  int64_t work = 1;
  for (int64_t size : op.getStaticLoopRanges())
    work *= ShapedType::isDynamic(size) ? assumed : size;
  return work;
}

static void serializeSmallLoops(Operation *root) {
  SmallVector<scf::ParallelOp> small;
  root->walk([&](scf::ParallelOp op) {
    int64_t work = 0, trips = 1;
    op.walk([&](linalg::LinalgOp inner) { work += workOf(inner, kAssumedExtent); });
    for (auto [lower, upper] : llvm::zip_equal(op.getLowerBound(), op.getUpperBound())) {
      std::optional<int64_t> from = getConstantIntValue(lower), to = getConstantIntValue(upper);
      trips *= from && to ? *to - *from : kAssumedExtent;
    }
    if (work * trips < kParallelWork && op.getInitVals().empty() && op.getNumLoops() == 1)
      small.push_back(op);
  });
  for (scf::ParallelOp op : small) {
    OpBuilder builder(op);
    auto loop = scf::ForOp::create(builder, op.getLoc(), op.getLowerBound()[0], op.getUpperBound()[0], op.getStep()[0]);
    op.getInductionVars()[0].replaceAllUsesWith(loop.getInductionVar());
    op.getBody()->getTerminator()->erase();
    loop.getBody()->getOperations().splice(loop.getBody()->begin(), op.getBody()->getOperations());
    op.erase();
  }
}

void host::chooseThreads(Operation *root) {
  serializeSmallLoops(root);
  root->walk([](linalg::LinalgOp op) {
    if (workOf(op, /*assumed=*/1) >= kParallelWork)
      op->setAttr(kThreadsAttrName, UnitAttr::get(op->getContext()));
  });
}

LoopBuilder::LoopBuilder(linalg::LinalgOp op, OpBuilder &builder) : ImplicitLocOpBuilder(op.getLoc(), builder) {
  staticSizes = op.getStaticLoopRanges();
  for (Range range : op.createLoopRanges(*this, getLoc()))
    sizes.push_back(getValueOrCreateConstantIndexOp(*this, getLoc(), range.size));
  // What is not known may be small.
  threads = (op->hasAttr(kThreadsAttrName) || workOf(op, /*assumed=*/1) >= kParallelWork) &&
            !op->getParentOfType<scf::ParallelOp>();
}

Value LoopBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }

Value LoopBuilder::roundDown(Value value, int64_t step) {
  if (std::optional<int64_t> known = getConstantIntValue(value))
    return index(*known / step * step);
  if (step == 1)
    return value;
  return arith::SubIOp::create(*this, value, arith::RemUIOp::create(*this, value, index(step)));
}

/// Number of iterations, if it is known.
static std::optional<int64_t> tripCount(Value lower, Value upper, int64_t step) {
  std::optional<int64_t> from = getConstantIntValue(lower), to = getConstantIntValue(upper);
  if (!from || !to)
    return lower == upper ? std::optional<int64_t>(0) : std::nullopt;
  return *to <= *from ? 0 : llvm::divideCeil(*to - *from, step);
}

void LoopBuilder::loop(Value lower, Value upper, int64_t step, Body body) {
  loop(lower, upper, step, ValueRange{}, [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>{};
  });
}

SmallVector<Value> LoopBuilder::loop(Value lower, Value upper, int64_t step, ValueRange init,
                                     function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  std::optional<int64_t> trips = tripCount(lower, upper, step);
  if (trips == 0)
    return llvm::to_vector(init);
  if (trips == 1)
    return body(lower, init);
  auto forOp = scf::ForOp::create(*this, lower, upper, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(forOp.getBody());
  SmallVector<Value> next = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, next);
  return llvm::to_vector(ValueRange(forOp.getResults()));
}

void LoopBuilder::parallelLoop(Value lower, Value upper, int64_t step, Body body) {
  if (std::optional<int64_t> trips = tripCount(lower, upper, step); trips && *trips < 2)
    return loop(lower, upper, step, body);
  auto parallel = scf::ParallelOp::create(*this, lower, upper, index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(parallel.getBody());
  threads = false; // inside, one thread has the work to itself
  body(parallel.getInductionVars()[0]);
  threads = true;
}

SmallVector<Value> LoopBuilder::indices(AffineMap map, ArrayRef<Value> ivs) {
  SmallVector<Value> result;
  for (unsigned position = 0; position < map.getNumResults(); ++position) {
    if (auto dim = dyn_cast<AffineDimExpr>(map.getResult(position))) {
      result.push_back(ivs[dim.getPosition()]);
      continue;
    }
    SmallVector<OpFoldResult> operands(ivs);
    OpFoldResult applied = affine::makeComposedFoldedAffineApply(*this, getLoc(), map.getSubMap({position}), operands);
    result.push_back(getValueOrCreateConstantIndexOp(*this, getLoc(), applied));
  }
  return result;
}

Value LoopBuilder::toF32(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isF32())
    return value;
  auto vector = dyn_cast<VectorType>(value.getType());
  return arith::ExtFOp::create(*this, vector ? Type(vector.clone(getF32Type())) : Type(getF32Type()), value);
}

Value LoopBuilder::loadLanes(Value memref, ValueRange indices, int64_t count) {
  auto element = cast<MemRefType>(memref.getType()).getElementType();
  return vector::LoadOp::create(*this, VectorType::get({count}, element), memref, indices);
}
