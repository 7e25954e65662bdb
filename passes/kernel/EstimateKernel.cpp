// Sizes of kernel operations, as the cost model wants them.
#include "passes/kernel/EstimateKernel.h"
#include "dialects/kernel/BufferView.h"
#include "dialects/kernel/MlaDecodeResults.h"
#include "dialects/kernel/MlaDecodeTiling.h"
#include "dialects/kernel/StreamSchedule.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::kernel;

static ArrayRef<int64_t> shapeOf(Value value) { return cast<ShapedType>(value.getType()).getShape(); }
static int64_t elementBytes(Value value) {
  return llvm::divideCeil(cast<ShapedType>(value.getType()).getElementTypeBitWidth(), 8);
}
static double bytesOf(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor ? double(tensor.getNumElements()) * double(elementBytes(value)) : 0; // a cache is not read whole
}

bool kernel::isTmaAddressable(Value operand) {
  constexpr int64_t tmaAlignment = 16; // bytes: of a tensor map's address and pitches
  FailureOr<BufferView> view = getBufferView(operand);
  if (failed(view) || (view->sizes.back() != 1 && view->strides.back() != 1))
    return false;
  const int64_t bytes = cast<RankedTensorType>(operand.getType()).getElementTypeBitWidth() / 8;
  auto aligned = [&](int64_t elements) { return elements * bytes % tmaAlignment == 0; };
  // A dimension of one element has any stride.
  for (auto [size, stride] : llvm::zip(llvm::drop_end(view->sizes), llvm::drop_end(view->strides)))
    if (size != 1 && !aligned(stride))
      return false;
  return aligned(view->offset);
}

bool kernel::isKernel(Operation *op) {
  return isa_and_present<KernelDialect>(op->getDialect()) && isa<func::FuncOp>(op->getParentOp()) &&
         !isa<LoadBufferOp, StoreBufferOp, BufferMemRefOp, LaunchOp>(op);
}

cost::GemmShape kernel::gemmShapeOf(Operation *op) {
  Value x = op->getOperand(0), w = op->getOperand(1);
  ArrayRef<int64_t> a = shapeOf(x), b = shapeOf(w);
  return {a[0], b[b.size() - 2], a.back(), a.size() == 3 ? a[1] : 1, elementBytes(w)};
}

/// Positions of a sequence that a block table of a cache reaches.
static int64_t capacityOf(Value cache, Value blockTable) { return shapeOf(blockTable)[1] * shapeOf(cache)[2]; }

cost::DecodeShape kernel::decodeShapeOf(MlaDecodeOp op, int64_t context) {
  ArrayRef<int64_t> q = shapeOf(op.getQLatent());
  const int64_t capacity = capacityOf(op.getCache(), op.getBlockTable());
  return {/*tokens=*/q[0],
          /*sequences=*/shapeOf(op.getBlockTable())[0],
          /*heads=*/q[1],
          /*latent=*/q[2],
          /*rope=*/shapeOf(op.getQRope())[2],
          /*page=*/shapeOf(op.getCache())[2],
          capacity,
          std::min(context, capacity),
          /*tmaAddressable=*/true,
          /*partial=*/returnsParts(op),
          op.hasQuantizedCache()};
}

/// The schedule's tile of two sizes or more, if there is one that can be divided by: the builders refuse others.
static std::optional<ScheduleAttr> tiledSchedule(Operation *op) {
  auto schedule = op->getAttrOfType<ScheduleAttr>("schedule");
  if (!schedule || schedule.getTile().size() < 2 || llvm::any_of(schedule.getTile(), [](int64_t n) { return n < 1; }) ||
      std::min({schedule.getStages(), schedule.getSplit(), schedule.getWarps()}) < 1)
    return std::nullopt;
  return schedule;
}

static cost::Estimate estimateTensorCore(GemmOp op, const cost::Machine &m) {
  const cost::GemmShape shape = gemmShapeOf(op);
  cost::TensorCoreTile tile = cost::chooseTensorCoreTile(shape, m);
  if (std::optional<ScheduleAttr> schedule = tiledSchedule(op))
    tile = {schedule->getTile()[0], schedule->getTile()[1], schedule->getStages(), 0, schedule->getSplit()};
  return cost::tensorCoreEstimate(shape, tile, m);
}

static cost::Estimate estimateSkinny(SkinnyGemmOp op, const cost::Machine &m) {
  const cost::GemmShape shape = gemmShapeOf(op);
  std::optional<ScheduleAttr> schedule = tiledSchedule(op);
  if (schedule && isStreamSchedule(*schedule)) {
    ArrayRef<int64_t> tile = schedule->getTile();
    return cost::streamProductEstimate(
        shape, {tile[0], tile[1], tile[2], schedule->getStages(), schedule->getSplit(), schedule->getWarps()}, m);
  }
  if (schedule)
    return cost::skinnyEstimate(shape, schedule->getTile()[0], schedule->getTile()[1], schedule->getWarps(), m);
  return cost::chooseGemm(shape, /*tmaAddressable=*/false, m).estimate;
}

static cost::Estimate estimateGrouped(GroupedGemmOp op, const cost::Machine &m) {
  ArrayRef<int64_t> b = shapeOf(op.getB());
  const cost::GroupedShape shape{shapeOf(op.getA())[0], b[0], b[1], b[2], elementBytes(op.getB())};
  std::optional<ScheduleAttr> schedule = tiledSchedule(op);
  if (!schedule || schedule->getStages() == 1 || isStreamSchedule(*schedule))
    return cost::groupedEstimate(shape, /*tile=*/nullptr, m);
  const cost::TensorCoreTile tile{schedule->getTile()[0], schedule->getTile()[1], schedule->getStages(), 0};
  return cost::groupedEstimate(shape, &tile, m);
}

static cost::Estimate estimateDecode(MlaDecodeOp op, int64_t context, const cost::Machine &m) {
  const cost::DecodeShape shape = decodeShapeOf(op, context);
  if (std::optional<ScheduleAttr> schedule = tiledSchedule(op)) {
    const cost::DecodeSchedule given{
        schedule->getTile()[0], schedule->getTile()[1], schedule->getStages(),
        schedule->getWarps(),   schedule->getSplit(),   schedule->getTile().size() > 2 ? schedule->getTile()[2] : 0};
    if (given.columns ||
        MlaDecodeTiling{shape.latent, shape.rope, given.rows, given.keys, given.stages, given.warps}.isKnown())
      return cost::decodeEstimate(shape, given, m);
  }
  std::optional<cost::DecodeChoice> choice =
      cost::chooseDecodeSchedule(shape, m, returnsParts(op) ? shapeOf(op.getLse())[0] : 1);
  return choice ? choice->estimate : cost::Estimate();
}

static cost::Estimate estimateCombine(MlaCombineOp op, const cost::Machine &m) {
  ArrayRef<int64_t> partial = shapeOf(op.getPartial());
  cost::DecodeShape shape{};
  shape.tokens = partial[1], shape.heads = partial[2], shape.latent = partial[3];
  return cost::combineEstimate(shape, partial[0], m);
}

cost::PrefillShape kernel::prefillShapeOf(MlaPrefillOp op, int64_t context) {
  ArrayRef<int64_t> q = shapeOf(op.getQNope());
  const int64_t sequences = op.getSequences(), capacity = shapeOf(op.getKv())[0] / sequences;
  return {/*tokens=*/q[0],
          sequences,
          /*heads=*/q[1],
          /*nope=*/q[2],
          /*rope=*/shapeOf(op.getQRope())[2],
          /*value=*/shapeOf(op.getResult())[2],
          std::min(std::max(context, q[0] / sequences), capacity)};
}

static cost::Estimate estimatePrefill(MlaPrefillOp op, int64_t context, const cost::Machine &m) {
  const cost::PrefillShape shape = prefillShapeOf(op, context);
  cost::PrefillSchedule schedule = cost::defaultPrefillSchedule(shape);
  if (std::optional<ScheduleAttr> given = tiledSchedule(op)) {
    ArrayRef<int64_t> tile = given->getTile();
    schedule = {tile[0],          tile[1], given->getStages(), given->getWarps(), tile.size() > 2 ? tile[2] : 1,
                given->getSplit()};
  }
  return cost::prefillEstimate(shape, schedule, m);
}

static cost::Estimate estimateStream(Operation *op, const cost::Machine &m);

static cost::Estimate estimateGateTokens(GateTokensOp op, const cost::Machine &m) {
  ArrayRef<int64_t> x = shapeOf(op.getX());
  const cost::GateTokensShape shape{x[0],
                                    shapeOf(op.getGate())[0],
                                    x[1],
                                    int64_t(op.getTopK()),
                                    op.getGroup() == RouteGroup::None ? 1 : int64_t(op.getNGroup()),
                                    elementBytes(op.getGate())};
  std::optional<cost::GateTokensSchedule> schedule = cost::chooseGateTokens(shape, m);
  if (std::optional<ScheduleAttr> given = tiledSchedule(op); given && given->getTile().size() == 3) {
    ArrayRef<int64_t> tile = given->getTile();
    schedule = cost::GateTokensSchedule{tile[0], tile[1], tile[2], given->getSplit(), given->getWarps()};
  }
  return schedule ? cost::gateTokensEstimate(shape, *schedule, m) : estimateStream(op, m);
}

static cost::Estimate estimateGather(CacheGatherOp op, int64_t context, const cost::Machine &m) {
  const double positions =
      double(shapeOf(op.getBlockTable())[0]) * double(std::min(context, capacityOf(op.getCache(), op.getBlockTable())));
  const double record = double(shapeOf(op.getCache())[3] * elementBytes(op.getCache()));
  return cost::streamEstimate(2 * positions * record, positions, m);
}

/// A row fusion reads its rows, what it gathers, and its other whole operands once.
static cost::Estimate estimateRows(RowFusionOp op, const cost::Machine &m) {
  double bytes = 0;
  for (auto [index, input, argument] : llvm::enumerate(op.getInputs(), op.getBody().getArguments())) {
    double gathered = 0;
    bool onlyGathered = llvm::is_contained(op.getWhole(), int64_t(index)) && !argument.use_empty();
    for (Operation *user : argument.getUsers()) {
      auto gather = dyn_cast<RowGatherOp>(user);
      if (gather && gather.getTable() == argument)
        gathered += double(op.getRows()) * bytesOf(gather.getResult());
      else
        onlyGathered = false;
    }
    bytes += onlyGathered ? gathered : bytesOf(input);
  }
  for (Value result : op.getResults())
    bytes += bytesOf(result);
  op.getBody().walk([&](RowCacheStoreOp store) {
    bytes += double(op.getRows()) * double(shapeOf(store.getCache())[3] * elementBytes(store.getCache()));
  });
  return cost::streamEstimate(bytes, double(op.getRows()), m);
}

/// A kernel that reads its operands and writes its results once.
static cost::Estimate estimateStream(Operation *op, const cost::Machine &m) {
  double bytes = 0;
  for (Value value : op->getOperands())
    bytes += bytesOf(value);
  for (Value value : op->getResults())
    bytes += bytesOf(value);
  return cost::streamEstimate(bytes, std::max(1.0, bytes / 64e3), m);
}

int64_t kernel::contextOf(func::FuncOp function, int64_t standard) {
  auto context = function->getAttrOfType<IntegerAttr>("deepseek.context");
  return context ? context.getInt() : standard;
}

std::string kernel::describeSchedule(Operation *op) {
  auto schedule = op->getAttrOfType<ScheduleAttr>("schedule");
  if (!schedule)
    return "";
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleave(schedule.getTile(), os, "x");
  os << "]";
  auto add = [&](int64_t count, const char *name) {
    if (count > 1)
      os << " " << count << " " << name;
  };
  add(schedule.getStages(), "stages");
  add(schedule.getCluster(), "CTAs");
  add(schedule.getSplit(), "parts");
  add(schedule.getWarps(), "warps");
  return text;
}

/// What an epilogue joins is not stored: a smaller D than the shape says.
template <typename Op> static cost::Estimate withEpilogue(Op op, cost::Estimate estimate) {
  if (op.hasEpilogue())
    estimate.bytes -= double(op.parts() - 1) * bytesOf(op.getResult());
  return estimate;
}

cost::Estimate kernel::estimateKernel(Operation *op, int64_t context, const cost::Machine &m) {
  return llvm::TypeSwitch<Operation *, cost::Estimate>(op)
      .Case([&](GemmOp op) { return withEpilogue(op, estimateTensorCore(op, m)); })
      .Case([&](SkinnyGemmOp op) { return withEpilogue(op, estimateSkinny(op, m)); })
      .Case([&](GroupedGemmOp op) { return withEpilogue(op, estimateGrouped(op, m)); })
      .Case([&](MlaDecodeOp op) { return estimateDecode(op, context, m); })
      .Case([&](MlaCombineOp op) { return estimateCombine(op, m); })
      .Case([&](MlaPrefillOp op) { return estimatePrefill(op, context, m); })
      .Case([&](RouteOp op) {
        return cost::routeEstimate(shapeOf(op.getLogits())[0], shapeOf(op.getLogits())[1], op.getTopK(), m);
      })
      .Case([&](SortTokensOp op) { return cost::sortEstimate(shapeOf(op.getTokenOf())[0], op.getGroups(), m); })
      .Case([&](GateTokensOp op) { return estimateGateTokens(op, m); })
      .Case([&](CacheGatherOp op) { return estimateGather(op, context, m); })
      .Case([&](RowFusionOp op) { return estimateRows(op, m); })
      .Default([&](Operation *op) { return estimateStream(op, m); });
}
