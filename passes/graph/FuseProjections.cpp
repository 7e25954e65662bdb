// Horizontal fusion: projections that share an input become one projection of the concatenated weights.
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/graph/FusionNames.h"
#include "passes/graph/ParameterOnly.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_FUSEPROJECTIONSPASS
#include "passes/Passes.h.inc"

namespace {

/// Output features and reduction size sit in the last two dimensions; experts may come before them.
ArrayRef<int64_t> weightShape(Value weight) {
  if (auto scaled = dyn_cast<BlockScaledType>(weight.getType()))
    return scaled.getShape();
  return cast<RankedTensorType>(weight.getType()).getShape();
}

int64_t outputFeatures(Value weight) { return weightShape(weight).drop_back().back(); }

/// The concatenation of the weights along their output features.
Value concatWeights(OpBuilder &b, Location loc, ArrayRef<Value> weights) {
  const int64_t dim = weightShape(weights.front()).size() - 2;
  auto concat = [&](SmallVector<Value> parts) -> Value {
    auto first = cast<RankedTensorType>(parts.front().getType());
    SmallVector<int64_t> shape(first.getShape());
    shape[dim] = 0;
    for (Value part : parts)
      shape[dim] += cast<RankedTensorType>(part.getType()).getDimSize(dim);
    return ConcatOp::create(b, loc, RankedTensorType::get(shape, first.getElementType()), parts, dim);
  };
  auto scaled = dyn_cast<BlockScaledType>(weights.front().getType());
  if (!scaled)
    return concat(SmallVector<Value>(weights));
  // Whole blocks (whyNotJoinable): quantising the joined weight gives the joined quantised weights.
  if (llvm::all_of(weights, [](Value weight) { return weight.getDefiningOp<QuantizeOp>(); })) {
    Value joined = concat(llvm::map_to_vector(weights, [](Value weight) -> Value { return weight.getDefiningOp<QuantizeOp>().getX(); }));
    auto type = BlockScaledType::get(b.getContext(), cast<RankedTensorType>(joined.getType()).getShape(), scaled.getElementType(),
                                     scaled.getBlock(), scaled.getScaleFormat());
    return QuantizeOp::create(b, loc, type, joined);
  }
  SmallVector<Value> data, scales;
  for (Value weight : weights) {
    auto type = cast<BlockScaledType>(weight.getType());
    auto unpacked = UnpackScaledOp::create(b, loc, type.getDataType(), type.getScaleType(), weight);
    SmallVector<Value> folded;
    if (succeeded(b.tryFold(unpacked, folded)) && !folded.empty()) { // unpack(pack(d, s)) is d, s
      unpacked.erase();
      data.push_back(folded[0]);
      scales.push_back(folded[1]);
    } else {
      data.push_back(unpacked.getData());
      scales.push_back(unpacked.getScales());
    }
  }
  Value joined = concat(data), joinedScales = concat(scales);
  auto type = BlockScaledType::get(b.getContext(), cast<RankedTensorType>(joined.getType()).getShape(), scaled.getElementType(),
                                   scaled.getBlock(), scaled.getScaleFormat());
  return PackScaledOp::create(b, loc, type, joined, joinedScales);
}

/// Why these weights cannot be joined, or an empty string.
std::string whyNotJoinable(ArrayRef<Value> weights) {
  auto scaled = dyn_cast<BlockScaledType>(weights.front().getType());
  if (!scaled)
    return "";
  for (Value weight : weights.drop_back())
    if (outputFeatures(weight) % scaled.getBlock()[0] != 0)
      return llvm::formatv("{0} output features are not whole blocks of {1} rows", outputFeatures(weight), scaled.getBlock()[0]);
  return "";
}

struct FuseProjectionsPass : impl::FuseProjectionsPassBase<FuseProjectionsPass> {
  using FuseProjectionsPassBase::FuseProjectionsPassBase;

  bool isEnabled(StringRef name) { return !llvm::is_contained(disable, name) && !llvm::is_contained(disable, "all"); }

  void runOnOperation() override {
    for (const std::string &name : disable)
      if (name != "projections" && name != "experts" && name != "all") {
        getOperation().emitError() << "deepseek-fuse-projections: no fusion is called '" << name << "'; there are projections, experts, all";
        return signalPassFailure();
      }
    if (getOperation().isDeclaration())
      return;
    if (isEnabled("projections") || isEnabled("experts"))
      gatherParameterWork(getOperation());
    if (isEnabled("projections"))
      fuseAll<LinearOp>("projections", [](LinearOp op) { return op.getX(); });
    if (isEnabled("experts"))
      fuseAll<GroupedLinearOp>("experts", [](GroupedLinearOp op) { return op.getRows(); });
  }

  template <typename Op> void fuseAll(StringRef name, function_ref<Value(Op)> inputOf) {
    // Same input, same element types of result and weight, same scale format: in program order.
    llvm::MapVector<Value, SmallVector<Op>> byInput;
    getOperation().walk([&](Op op) {
      if (dependsOnParametersOnly(op.getWeight()))
        byInput[inputOf(op)].push_back(op);
    });
    for (auto &[input, ops] : byInput) {
      SmallVector<SmallVector<Op>> groups; // of compatible projections: a router's f32 logits must not keep the others apart
      for (Op op : ops) {
        auto group = llvm::find_if(groups, [&](const auto &other) { return isCompatible(other.front(), op); });
        if (group == groups.end())
          groups.push_back({op});
        else
          group->push_back(op);
      }
      for (ArrayRef<Op> group : groups)
        if (group.size() > 1)
          fuse<Op>(name, group);
    }
  }

  template <typename Op> static bool isCompatible(Op a, Op b) {
    auto elementAndFormat = [](Value weight) -> std::pair<Type, int> {
      if (auto scaled = dyn_cast<BlockScaledType>(weight.getType()))
        return {scaled.getElementType(), int(scaled.getScaleFormat())};
      return {cast<RankedTensorType>(weight.getType()).getElementType(), -1};
    };
    return a->getBlock() == b->getBlock() && a.getType().getElementType() == b.getType().getElementType() &&
           elementAndFormat(a.getWeight()) == elementAndFormat(b.getWeight());
  }

  template <typename Op> void fuse(StringRef name, ArrayRef<Op> group) {
    Op first = group.front();
    auto opts = remark::RemarkOpts::name("FuseProjections").category("deepseek-fuse-projections").function(getOperation().getName());
    SmallVector<Value> weights;
    for (Op op : group)
      weights.push_back(op.getWeight());
    if (std::string reason = whyNotJoinable(weights); !reason.empty()) {
      remark::missed(first.getLoc(), opts) << name << ": " << reason;
      return;
    }
    // The first projection's place: the shared input is there, and the weights are at the start of the function.
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(first);
    Value weight = concatWeights(rewriter, first.getLoc(), weights);
    int64_t total = outputFeatures(weight), rows = first.getType().getDimSize(0), at = 0;
    Op joined = cast<Op>(rewriter.clone(*first));
    joined.getWeightMutable().assign(weight);
    joined.getResult().setType(RankedTensorType::get({rows, total}, first.getType().getElementType()));
    remark::passed(first.getLoc(), opts) << llvm::formatv("{0}: {1} projections in one of {2} output features", name, group.size(), total).str();
    for (Op op : group) {
      int64_t size = op.getType().getDimSize(1);
      SmallVector<OpFoldResult> offsets = {rewriter.getIndexAttr(0), rewriter.getIndexAttr(at)};
      SmallVector<OpFoldResult> sizes = {rewriter.getIndexAttr(rows), rewriter.getIndexAttr(size)};
      SmallVector<OpFoldResult> strides(2, rewriter.getIndexAttr(1));
      Value slice = tensor::ExtractSliceOp::create(rewriter, op.getLoc(), joined.getResult(), offsets, sizes, strides);
      rewriter.replaceAllUsesWith(op.getResult(), slice);
      at += size;
    }
    for (Op op : group)
      rewriter.eraseOp(op);
  }

  /// Moves what depends on parameters alone to the start of the function, so that a weight is at hand wherever a projection is joined. One sweep: asking for the
  /// order of operations while moving them one by one would renumber the block again and again.
  static void gatherParameterWork(func::FuncOp function) {
    Block &block = function.getBody().front();
    llvm::DenseSet<Value> known;
    SmallVector<Operation *> work;
    for (Operation &op : block)
      if (isa<LoadParameterOp>(op) || (op.getNumOperands() > 0 && op.getNumRegions() == 0 && isPure(&op) &&
                                       llvm::all_of(op.getOperands(), [&](Value operand) { return known.contains(operand); }))) {
        known.insert(op.result_begin(), op.result_end());
        work.push_back(&op);
      }
    if (work.empty())
      return;
    work.front()->moveBefore(&block, block.begin());
    for (size_t i = 1; i < work.size(); ++i)
      work[i]->moveAfter(work[i - 1]);
  }
};

} // namespace

SmallVector<StringRef> horizontalFusionNames() { return {"projections", "experts"}; }

} // namespace mlir::deepseek
