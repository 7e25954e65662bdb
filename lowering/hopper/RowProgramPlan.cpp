// What a row program may contain, and how its rows are spread over threads.
#include "lowering/hopper/RowProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kWarpRow = 512;    // elements of a row that one warp handles alone
static constexpr int64_t kMaxVector = 8;    // elements of an access: 16 bytes of bf16
static constexpr int64_t kMaxThreads = 512; // unless the schedule says so
static constexpr int64_t kQuantizeBlock = 128;
static constexpr int64_t kTargetBlocks = 264;    // two CTAs for each SM: enough to spread rows without a reduction
static constexpr int64_t kQuantizedSmall = 4096; // of a wider row to be quantised, four vectors a thread cost registers
static constexpr int64_t kMaxUnrolled = 8;       // chunks in straight-line code

int64_t hopper::rowWidth(Value value) { return cast<RankedTensorType>(value.getType()).getNumElements(); }
int64_t RowPlan::chunks(int64_t width) const { return llvm::divideCeil(width, lanes * vectors.lookup(width)); }

// --- what a program may contain
// ----------------------------------------------------------------------------------------------

bool hopper::isRowElementwise(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp, arith::MaximumFOp,
             arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp, arith::CmpFOp, arith::SelectOp, arith::CmpIOp,
             arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivUIOp, arith::RemUIOp, arith::DivSIOp,
             arith::RemSIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::ShLIOp, arith::ShRUIOp, arith::ShRSIOp,
             arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp, arith::ExtUIOp, arith::SIToFPOp,
             arith::UIToFPOp, arith::FPToSIOp, arith::ExtFOp, arith::TruncFOp, math::AbsFOp, math::ExpOp, math::Exp2Op,
             math::FmaOp, math::RsqrtOp, math::SqrtOp>(op);
}

static LogicalResult checkElementwise(Operation *op) {
  auto shape = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || type.getShape() != shape)
      return op->emitError() << "operands of a row program's elementwise operation must have the result's shape, got "
                             << operand.getType();
    Type element = type.getElementType();
    bool converts = isa<arith::ExtFOp, arith::TruncFOp>(op);
    if (isa<FloatType>(element) && !element.isF32() && !converts)
      return op->emitError() << "arithmetic of a row program is f32, got " << element;
  }
  return success();
}

/// Quantised values exist for natural accesses only: they may be stored, dequantised, reduced and computed with, not
/// looked up at another place.
static LogicalResult checkNaturalUses(Operation *quantize, Value value) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    auto rope = dyn_cast<kernel::RowRopeOp>(user);
    bool moves = isa<kernel::RowExtractOp>(user) || (rope && use.getOperandNumber() == 1) ||
                 (rope && rope.getPairs() == kernel::RopePairs::HalfSplit);
    auto dequantize = dyn_cast<kernel::RowDequantizeOp>(user);
    bool foreign = dequantize && isa<kernel::RowQuantizeOp>(value.getDefiningOp()) &&
                   dequantize.getData().getDefiningOp() != dequantize.getScales().getDefiningOp();
    if (moves || foreign) {
      InFlightDiagnostic diagnostic =
          quantize->emitError("the results of row_quantize are used at other places of the row");
      diagnostic.attachNote(user->getLoc()) << "here";
      return diagnostic;
    }
    if (isa<kernel::RowReduceOp>(user))
      continue;
    for (Value result : user->getResults())
      if (failed(checkNaturalUses(quantize, result)))
        return failure();
  }
  return success();
}

static LogicalResult checkQuantize(kernel::RowQuantizeOp op) {
  if (rowWidth(op.getX()) < 2)
    return op.emitError("row_quantize expects a vector of 2 elements or more");
  for (OpOperand &use : op.getScales().getUses())
    if (!isa<kernel::RowYieldOp, kernel::RowDequantizeOp>(use.getOwner()))
      return op.emitError("the scales of row_quantize can only be yielded or used by row_dequantize");
  if (failed(checkNaturalUses(op, op.getData())))
    return failure();
  return checkNaturalUses(op, op.getScales());
}

static LogicalResult checkRope(kernel::RowRopeOp op) {
  auto [x, angles] = std::make_pair(op.getX().getType().getShape(), op.getAngles().getType().getShape());
  if (x.empty() || x.back() % 2 || op.getAngles().getType().getNumElements() != x.back())
    return op.emitError() << "row_rope expects an even last dimension D and D/2 x 2 angles, got " << op.getX().getType()
                          << " and " << op.getAngles().getType();
  return success();
}

static LogicalResult checkCacheStore(kernel::RowCacheStoreOp op) {
  int64_t rows = op->getParentOfType<kernel::RowFusionOp>().getRows();
  ArrayRef<int64_t> table = op.getBlockTable().getType().getShape();
  if (op.getCache().getType().getRank() != 4 || table.size() != 2 || table[0] == 0 || rows % table[0])
    return op.emitError() << "row_cache_store expects a cache of rank 4 and a block table whose rows divide the "
                          << rows << " rows, got " << op.getCache().getType() << " and "
                          << op.getBlockTable().getType();
  return success();
}

static bool isStorable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return isa<MemRefType>(type);
  Type element = tensor.getElementType();
  return tensor.hasStaticShape() && tensor.getNumElements() > 0 &&
         (element.isF32() || element.isBF16() || element.isF16() || element.isInteger(32) || element.isInteger(1) ||
          isa<Float8E4M3FNType>(element));
}

static LogicalResult checkTypes(Operation *op, TypeRange types) {
  for (Type type : types)
    if (!isStorable(type))
      return op->emitError() << "a row program's values are f32, bf16, f16, f8E4M3FN or i32, got " << type;
  return success();
}

static LogicalResult checkOperation(Operation *op) {
  if (failed(checkTypes(op, op->getOperandTypes())) || failed(checkTypes(op, op->getResultTypes())))
    return failure();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](kernel::RowQuantizeOp quantize) { return checkQuantize(quantize); })
      .Case([](kernel::RowRopeOp rope) { return checkRope(rope); })
      .Case([](arith::ConstantOp constant) -> LogicalResult {
        if (isa<SplatElementsAttr>(constant.getValue()))
          return success();
        return constant.emitError("constants of a row program must be splats");
      })
      .Case([](kernel::RowGatherOp gather) -> LogicalResult {
        if (isa<BlockArgument>(gather.getTable()))
          return success();
        return gather.emitError("row_gather reads an operand of the row_fusion");
      })
      .Case([](kernel::RowCacheStoreOp store) { return checkCacheStore(store); })
      .Case<kernel::RowReduceOp, kernel::RowBroadcastOp, kernel::RowExtractOp, kernel::RowDequantizeOp,
            kernel::RowAnglesOp, kernel::RowIndexOp, kernel::RowYieldOp>([](Operation *) { return success(); })
      .Default([](Operation *other) -> LogicalResult {
        if (isRowElementwise(other))
          return checkElementwise(other);
        return other->emitError("this operation cannot be part of a row program");
      });
}

// --- widths and vectors
// -------------------------------------------------------------------------------------------------------

/// True if the operand is read element by element along with others, not looked up.
static bool isStreamedUse(OpOperand &use) {
  Operation *user = use.getOwner();
  if (isa<kernel::RowGatherOp, kernel::RowExtractOp, kernel::RowAnglesOp>(user))
    return false;
  if (isa<kernel::RowCacheStoreOp>(user))
    return use.getOperandNumber() < 2; // latent and key
  if (isa<kernel::RowRopeOp>(user))
    return use.getOperandNumber() == 0; // angles are looked up
  if (isa<kernel::RowDequantizeOp>(user))
    return use.getOperandNumber() == 0; // scales are looked up
  return true;
}

llvm::SmallVector<BlockArgument> hopper::streamedArguments(kernel::RowFusionOp op) {
  SmallVector<BlockArgument> result;
  for (BlockArgument argument : op.getBody().getArguments())
    if (isa<RankedTensorType>(argument.getType()) && rowWidth(argument) > 1 &&
        llvm::any_of(argument.getUses(), isStreamedUse))
      result.push_back(argument);
  return result;
}

/// Bounds of an access to values of one width.
struct VectorBounds {
  int64_t least = 1, most = kMaxVector;
};

static llvm::MapVector<int64_t, VectorBounds> widthsOf(kernel::RowFusionOp op) {
  llvm::MapVector<int64_t, VectorBounds> widths;
  auto add = [&](Value value) {
    if (rowWidth(value) > 1)
      widths[rowWidth(value)];
  };
  for (BlockArgument argument : streamedArguments(op))
    add(argument);
  for (Operation &inner : op.getBody().front()) {
    if (auto quantize = dyn_cast<kernel::RowQuantizeOp>(inner)) {
      VectorBounds &bounds = widths[rowWidth(quantize.getX())];
      bounds.least = std::max<int64_t>(bounds.least, kQuantizeBlock / 32); // a block lies in one warp
      continue;
    }
    for (Value result : inner.getResults())
      add(result);
    if (auto rope = dyn_cast<kernel::RowRopeOp>(inner)) {
      int64_t last = rope.getX().getType().getShape().back();
      bool interleaved = rope.getPairs() == kernel::RopePairs::Interleaved;
      VectorBounds &bounds = widths[rowWidth(rope.getX())];
      int64_t run = interleaved ? last : last / 2; // an access has one partner access
      bounds.most = std::min<int64_t>(bounds.most, run & -run);
      bounds.least = std::max<int64_t>(bounds.least, interleaved ? 2 : 1);
    }
    if (auto angles = dyn_cast<kernel::RowAnglesOp>(inner))
      widths[rowWidth(angles)].least = std::max<int64_t>(widths[rowWidth(angles)].least, 2);
  }
  return widths;
}

// --- the plan
// --------------------------------------------------------------------------------------------------------------------

static int64_t roundUp(int64_t value, int64_t multiple) { return llvm::divideCeil(value, multiple) * multiple; }

/// Bytes that one row loads.
static int64_t rowBytes(kernel::RowFusionOp op) {
  int64_t bytes = 0;
  auto add = [&](Value value) {
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    bytes += rowWidth(value) * llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  };
  for (BlockArgument argument : streamedArguments(op))
    add(argument);
  for (auto gather : op.getBody().getOps<kernel::RowGatherOp>())
    add(gather.getResult());
  return bytes;
}

/// CTAs of a cluster that share a row which is reduced: for few rows, so many that none loads for long.
static int64_t chooseCluster(kernel::RowFusionOp op, int64_t widest) {
  if (op.getSchedule())
    return std::clamp<int64_t>(
        llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, op.getSchedule()->getCluster()))), 1, 8);
  // A cluster takes 0.7 us more than a CTA: rows of 64 KB lose by it, rows of 300 KB gain 1.4 us.
  constexpr int64_t computeUnits = 132, leastBytes = 128 << 10, bytesOfBlock = 16 << 10, elementsOfBlock = 512;
  int64_t cluster = 1;
  if (rowBytes(op) < leastBytes)
    return cluster;
  while (cluster < 8 && 2 * cluster * op.getRows() <= computeUnits && rowBytes(op) >= 2 * cluster * bytesOfBlock &&
         widest >= 2 * cluster * elementsOfBlock)
    cluster *= 2;
  return cluster;
}

static int64_t chooseThreads(int64_t width, bool reduces, bool small) {
  if (!reduces) { // vectors evenly over CTAs of up to 256 threads
    int64_t vectors = llvm::divideCeil(width, kMaxVector);
    return roundUp(llvm::divideCeil(vectors, llvm::divideCeil(vectors, 256)), 32);
  }
  int64_t chunks = llvm::divideCeil(width, kMaxVector * kMaxThreads);
  if (small) // many rows: small CTAs end and begin at different times, so loads and stores overlap
    chunks = std::max(chunks, std::min<int64_t>(4, width / kWarpRow));
  return roundUp(llvm::divideCeil(width, kMaxVector * chunks), 32);
}

/// Registers that hold the operands of a row while its reductions run.
static int64_t residentRegisters(kernel::RowFusionOp op, const RowPlan &plan, bool reduces) {
  int64_t registers = 0;
  for (BlockArgument argument : streamedArguments(op)) {
    int64_t width = rowWidth(argument);
    int64_t elements = std::min(plan.chunks(width), plan.chunksPerBlock) * plan.vectors.lookup(width);
    int64_t perWord = reduces ? 1 : elementsPerWord(cast<RankedTensorType>(argument.getType()).getElementType());
    registers += llvm::divideCeil(elements, perWord);
  }
  return registers;
}

static void planThreads(kernel::RowFusionOp op, RowPlan &plan, int64_t widest, bool reduces) {
  int64_t warps = op.getSchedule() ? op.getSchedule()->getWarps() : 0;
  if (widest <= kWarpRow) {
    if (!warps)
      warps = plan.rows >= 4 * kTargetBlocks ? 4 : 1;
    plan.lanes = 32;
    plan.rowsPerBlock = warps;
    plan.threads = 32 * warps;
    return;
  }
  if (reduces)
    plan.columnBlocks = chooseCluster(op, widest);
  plan.cluster = plan.columnBlocks > 1;
  widest = llvm::divideCeil(widest, plan.columnBlocks);
  // What is gathered stays in registers, too.
  const bool small = plan.rows >= 4 * kTargetBlocks && op.getBody().getOps<kernel::RowGatherOp>().empty() &&
                     (widest <= kQuantizedSmall || op.getBody().getOps<kernel::RowQuantizeOp>().empty());
  plan.threads = plan.lanes = warps ? 32 * warps : chooseThreads(widest, reduces, small);
}

static LogicalResult planVectors(kernel::RowFusionOp op, RowPlan &plan,
                                 const llvm::MapVector<int64_t, VectorBounds> &widths) {
  for (auto [width, bounds] : widths) {
    int64_t count = kMaxVector;
    while (count > 1 && width <= plan.lanes * count / 2)
      count /= 2;
    count = std::min(std::max(count, bounds.least), bounds.most);
    if (count < bounds.least)
      return op.emitError() << "a row of " << width << " elements is both quantised in blocks of 128 and rotated in "
                            << "runs of " << bounds.most;
    plan.vectors[width] = count;
  }
  return success();
}

FailureOr<RowPlan> hopper::planRows(kernel::RowFusionOp op) {
  RowPlan plan;
  plan.rows = op.getRows();
  bool reduces = false;
  for (Operation &inner : op.getBody().front()) {
    if (failed(checkOperation(&inner)))
      return failure();
    reduces |= isa<kernel::RowReduceOp>(inner);
  }
  llvm::MapVector<int64_t, VectorBounds> widths = widthsOf(op);
  int64_t widest = 1;
  for (auto [width, bounds] : widths)
    widest = std::max(widest, width);
  planThreads(op, plan, widest, reduces);
  if (plan.threads < 32 || plan.threads > 1024)
    return op.emitError() << "schedule has " << plan.threads / 32 << " warps, expected 1 to 32";
  if (failed(planVectors(op, plan, widths)))
    return failure();
  for (auto [width, count] : plan.vectors)
    plan.chunksPerBlock = std::max(plan.chunksPerBlock, plan.chunks(width));
  if (plan.cluster)
    plan.chunksPerBlock = llvm::divideCeil(plan.chunksPerBlock, plan.columnBlocks);
  else if (!reduces && plan.rowsPerBlock == 1 && widest > kWarpRow) {
    int64_t blocks = std::min<int64_t>(plan.chunksPerBlock, llvm::divideCeil(kTargetBlocks, plan.rows));
    plan.chunksPerBlock = llvm::divideCeil(plan.chunksPerBlock, blocks);
    // Of many rows two vectors a thread are enough loads under way; more only cost registers, so CTAs that run.
    if (plan.rows >= 4 * kTargetBlocks)
      plan.chunksPerBlock = std::min<int64_t>(plan.chunksPerBlock, 2);
    int64_t chunks = 1;
    for (auto [width, count] : plan.vectors)
      chunks = std::max(chunks, plan.chunks(width));
    plan.columnBlocks = llvm::divideCeil(chunks, plan.chunksPerBlock);
  }
  // Half of a thread's share of the register file, at most 128.
  int64_t budget = std::min<int64_t>(128, 32768 / plan.threads);
  plan.streamed = plan.chunksPerBlock > kMaxUnrolled || residentRegisters(op, plan, reduces) > budget;
  return plan;
}
