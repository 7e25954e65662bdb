// Elementwise linalg and reductions of the innermost loop, on vectors along that loop. Values that do not change along
// it stay scalars; what is left of a row is done by vectors of one element, so that one rule makes every element.
#include "lowering/LinalgToLoops/HostLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::host;

namespace {

/// How an operand moves along the vector's loop.
enum class Access { Uniform, Contiguous, Other };

/// The reduction that a body makes of its one output.
struct Combiner {
  Operation *op = nullptr;
  vector::CombiningKind kind = vector::CombiningKind::ADD;
  TypedAttr neutral;
};

class VectorEmitter {
public:
  VectorEmitter(linalg::LinalgOp op) : op(op), maps(op.getIndexingMapsArray()) {}
  LogicalResult plan();
  void emit(OpBuilder &builder);

private:
  Access accessOf(AffineMap map, Type type);
  LogicalResult planOperands();
  LogicalResult planBody();
  LogicalResult planCombiner();
  bool isLaneIndex(Value value) {
    auto index = value.getDefiningOp<linalg::IndexOp>();
    return index && index.getDim() == dim;
  }

  void emitLoops(LoopBuilder &b, unsigned depth);
  void emitRow(LoopBuilder &b);
  void emitReduction(LoopBuilder &b, Value from, Value to);
  Value reduceRange(LoopBuilder &b, Value total, Value from, Value to, int64_t lanes);
  SmallVector<Value> emitBody(LoopBuilder &b, IRMapping &map, int64_t lanes);
  Value emitLanes(LoopBuilder &b, Operation &inner, IRMapping &map, int64_t lanes);
  Value load(LoopBuilder &b, Value memref, AffineMap map, Access access, int64_t lanes);
  Value spread(LoopBuilder &b, Value value, int64_t lanes);

  linalg::LinalgOp op;
  SmallVector<AffineMap> maps;
  SmallVector<Access> accesses;
  llvm::DenseSet<Value> varying; ///< values of the body that differ from lane to lane
  unsigned dim = 0;
  bool reduces = false;
  int64_t segment = 0; ///< elements of the vector's loop that one element of the result takes; 0 for all
  Combiner combiner;
  SmallVector<Value> ivs;
};

Access VectorEmitter::accessOf(AffineMap map, Type type) {
  bool contiguous = false;
  for (unsigned position = 0; position < map.getNumResults(); ++position) {
    AffineExpr expr = map.getResult(position);
    if (!expr.isFunctionOfDim(dim))
      continue;
    if (position + 1 == map.getNumResults() && expr == getAffineDimExpr(dim, map.getContext()) && hasUnitStride(type)) {
      contiguous = true;
      continue;
    }
    // One scale for a block of elements: a vector never crosses a block.
    auto quotient = dyn_cast<AffineBinaryOpExpr>(expr);
    auto block = quotient ? dyn_cast<AffineConstantExpr>(quotient.getRHS()) : AffineConstantExpr();
    if (!quotient || expr.getKind() != AffineExprKind::FloorDiv || !block ||
        quotient.getLHS() != getAffineDimExpr(dim, map.getContext()) || block.getValue() % kLanes != 0)
      return Access::Other;
  }
  return contiguous ? Access::Contiguous : Access::Uniform;
}

LogicalResult VectorEmitter::planOperands() {
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    auto memref = dyn_cast<MemRefType>(operand.getType());
    Access access = memref ? accessOf(maps[index], memref) : Access::Uniform;
    bool isResult = int64_t(index) >= op.getNumDpsInputs();
    if (access == Access::Other || (isResult && (access == Access::Uniform) != reduces))
      return failure();
    accesses.push_back(access);
    if (access == Access::Contiguous)
      varying.insert(op.getBlock()->getArgument(index));
  }
  return success();
}

LogicalResult VectorEmitter::planBody() {
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (&inner == combiner.op || isa<linalg::IndexOp>(inner))
      continue;
    if (auto loaded = dyn_cast<memref::LoadOp>(inner)) {
      // Lanes may only move along the last, contiguous dimension.
      for (auto [position, index] : llvm::enumerate(loaded.getIndices())) {
        bool last = position + 1 == loaded.getIndices().size();
        if (varying.contains(index) || (isLaneIndex(index) && (!last || !hasUnitStride(loaded.getMemRefType()))))
          return failure();
        if (isLaneIndex(index))
          varying.insert(loaded.getResult());
      }
      continue;
    }
    if (inner.getNumRegions() != 0 || !isPure(&inner) ||
        llvm::any_of(inner.getOperands(), [&](Value value) { return isLaneIndex(value); }))
      return failure();
    if (llvm::none_of(inner.getOperands(), [&](Value value) { return varying.contains(value); }))
      continue;
    if (!OpTrait::hasElementwiseMappableTraits(&inner) || inner.getNumResults() != 1 ||
        !inner.getResult(0).getType().isIntOrFloat())
      return failure();
    varying.insert(inner.getResult(0));
  }
  return success();
}

LogicalResult VectorEmitter::planCombiner() {
  if (op.getNumDpsInits() != 1)
    return failure();
  Value total = op.getBlock()->getArguments().back();
  Operation *last = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!last || last->getBlock() != op.getBlock() || !total.hasOneUse() || *total.user_begin() != last ||
      !total.getType().isF32())
    return failure();
  combiner.op = last;
  Builder b(op.getContext());
  if (auto add = dyn_cast<arith::AddFOp>(last);
      add && arith::bitEnumContainsAll(add.getFastmath(), arith::FastMathFlags::reassoc)) {
    combiner.kind = vector::CombiningKind::ADD;
    combiner.neutral = b.getF32FloatAttr(0.0f);
    return success();
  }
  if (isa<arith::MaximumFOp>(last)) {
    combiner.kind = vector::CombiningKind::MAXIMUMF;
    combiner.neutral = b.getF32FloatAttr(-std::numeric_limits<float>::infinity());
    return success();
  }
  return failure();
}

LogicalResult VectorEmitter::plan() {
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  if (iterators.empty() || !op.hasPureBufferSemantics())
    return failure();
  dim = iterators.size() - 1;
  reduces = iterators.back() == utils::IteratorType::reduction;
  if (failed(planOperands()) || (reduces && failed(planCombiner())) || failed(planBody()))
    return failure();
  if (reduces) {
    for (AffineExpr expr : maps.back().getResults())
      if (expr.isFunctionOfDim(dim))
        segment = cast<AffineConstantExpr>(cast<AffineBinaryOpExpr>(expr).getRHS()).getValue();
    // Otherwise every lane would have to add the same value.
    for (Value operand : combiner.op->getOperands())
      if (operand != op.getBlock()->getArguments().back() && !varying.contains(operand))
        return failure();
    return success();
  }
  return success();
}

void VectorEmitter::emit(OpBuilder &builder) {
  LoopBuilder b(op, builder);
  ivs.resize(op.getNumLoops());
  emitLoops(b, 0);
}

void VectorEmitter::emitLoops(LoopBuilder &b, unsigned depth) {
  if (depth == dim)
    return emitRow(b);
  auto body = [&](Value iv) {
    ivs[depth] = iv;
    emitLoops(b, depth + 1);
  };
  if (depth == 0 && b.worthThreads() && op.getIteratorTypesArray()[0] == utils::IteratorType::parallel)
    b.parallelLoop(b.index(0), b.size(depth), 1, body);
  else
    b.loop(b.index(0), b.size(depth), 1, body);
}

void VectorEmitter::emitRow(LoopBuilder &b) {
  Value zero = b.index(0), end = b.size(dim);
  if (reduces) {
    if (!segment)
      return emitReduction(b, zero, end);
    return b.loop(zero, end, segment, [&](Value from) {
      Value to = arith::MinUIOp::create(b, arith::AddIOp::create(b, from, b.index(segment)), end);
      emitReduction(b, from, to);
    });
  }
  auto step = [&](Value iv, int64_t lanes) {
    ivs[dim] = iv;
    IRMapping map;
    SmallVector<Value> results = emitBody(b, map, lanes);
    for (auto [result, init, index] :
         llvm::zip_equal(results, op.getDpsInits(), llvm::seq<int64_t>(op.getNumDpsInputs(), op->getNumOperands())))
      vector::StoreOp::create(b, spread(b, result, lanes), init, b.indices(maps[index], ivs));
  };
  int64_t known = b.staticSize(dim), lanes = kLanes;
  if (!ShapedType::isDynamic(known) && known < kLanes && llvm::isPowerOf2_64(known))
    lanes = known;
  Value whole = b.roundDown(end, lanes);
  b.loop(zero, whole, lanes, [&](Value iv) { step(iv, lanes); });
  b.loop(whole, end, 1, [&](Value iv) { step(iv, 1); });
}

/// Combines the output's element for [from, to) with what the lanes found.
void VectorEmitter::emitReduction(LoopBuilder &b, Value from, Value to) {
  ivs[dim] = from;
  Value init = op.getDpsInits()[0];
  SmallVector<Value> indices = b.indices(maps.back(), ivs);
  Value total = memref::LoadOp::create(b, init, indices);
  Value length = arith::SubIOp::create(b, to, from);
  Value whole = from == to ? to : Value(arith::AddIOp::create(b, from, b.roundDown(length, kLanes)));
  if (getConstantIntValue(from) == 0)
    whole = b.roundDown(to, kLanes);
  total = reduceRange(b, total, from, whole, kLanes);
  total = reduceRange(b, total, whole, to, 1);
  memref::StoreOp::create(b, total, init, indices);
}

Value VectorEmitter::reduceRange(LoopBuilder &b, Value total, Value from, Value to, int64_t lanes) {
  if (from == to || (getConstantIntValue(from) && getConstantIntValue(from) == getConstantIntValue(to)))
    return total;
  Value output = op.getBlock()->getArguments().back();
  Value neutral = spread(b, arith::ConstantOp::create(b, combiner.neutral), lanes);
  Value sums = b.loop(from, to, lanes, neutral, [&](Value iv, ValueRange carried) {
    ivs[dim] = iv;
    IRMapping map;
    map.map(output, carried[0]);
    return emitBody(b, map, lanes);
  })[0];
  auto add = dyn_cast<arith::AddFOp>(combiner.op);
  auto flags = add ? add.getFastmath() : arith::FastMathFlags::none;
  Value reduced = vector::ReductionOp::create(b, combiner.kind, sums, flags);
  IRMapping map;
  for (Value operand : combiner.op->getOperands())
    map.map(operand, operand == output ? total : reduced);
  return b.clone(*combiner.op, map)->getResult(0);
}

Value VectorEmitter::load(LoopBuilder &b, Value memref, AffineMap map, Access access, int64_t lanes) {
  if (!isa<MemRefType>(memref.getType()))
    return memref;
  SmallVector<Value> indices = b.indices(map, ivs);
  if (access == Access::Contiguous)
    return b.loadLanes(memref, indices, lanes);
  return memref::LoadOp::create(b, memref, indices);
}

Value VectorEmitter::spread(LoopBuilder &b, Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, value.getType()), value);
}

/// One operation of the body on vectors.
Value VectorEmitter::emitLanes(LoopBuilder &b, Operation &inner, IRMapping &map, int64_t lanes) {
  if (auto loaded = dyn_cast<memref::LoadOp>(inner)) {
    SmallVector<Value> indices;
    for (Value index : loaded.getIndices())
      indices.push_back(map.lookupOrDefault(index));
    return b.loadLanes(map.lookupOrDefault(loaded.getMemRef()), indices, lanes);
  }
  SmallVector<Value> operands;
  for (Value operand : inner.getOperands())
    operands.push_back(spread(b, map.lookupOrDefault(operand), lanes));
  Type type = VectorType::get({lanes}, inner.getResult(0).getType());
  return b.create(inner.getLoc(), inner.getName().getIdentifier(), operands, type, inner.getAttrs())->getResult(0);
}

/// What the body yields at `ivs`, where the outputs of a reduction are mapped already.
SmallVector<Value> VectorEmitter::emitBody(LoopBuilder &b, IRMapping &map, int64_t lanes) {
  for (auto [index, argument] : llvm::enumerate(op.getBlock()->getArguments()))
    if (!map.contains(argument) && !argument.use_empty())
      map.map(argument, load(b, op->getOperand(index), maps[index], accesses[index], lanes));
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      map.map(index.getResult(), ivs[index.getDim()]);
    else if (&inner == combiner.op || varying.contains(inner.getResult(0)))
      map.map(inner.getResult(0), emitLanes(b, inner, map, lanes));
    else
      b.clone(inner, map);
  }
  SmallVector<Value> results;
  for (Value value : op.getBlock()->getTerminator()->getOperands())
    results.push_back(map.lookupOrDefault(value));
  return results;
}

} // namespace

LogicalResult host::emitVectorLoops(linalg::LinalgOp op, OpBuilder &builder) {
  VectorEmitter emitter(op);
  if (failed(emitter.plan()))
    return failure();
  emitter.emit(builder);
  return success();
}
