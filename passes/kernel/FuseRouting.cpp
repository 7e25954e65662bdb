// Choose a few tokens' experts, sort them and gather their rows in one kernel.
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/cost/Schedules.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_FUSEROUTINGPASS
#include "passes/Passes.h.inc"

namespace {

int64_t rowBytes(RankedTensorType table) {
  return table.getNumElements() / table.getDimSize(0) * llvm::divideCeil(table.getElementTypeBitWidth(), 8);
}

/// The tables of a row fusion that does nothing but gather rows of `tokens`-row tables by `tokenOf`, one for each
/// result; nothing for any other fusion.
SmallVector<Value> gatheredTables(kernel::RowFusionOp fusion, Value tokenOf, int64_t tokens) {
  Block &body = fusion.getBody().front();
  if (fusion.getLimit())
    return {};
  SmallVector<Value> tables;
  for (Value yielded : cast<kernel::RowYieldOp>(body.getTerminator()).getValues()) {
    auto gather = yielded.getDefiningOp<kernel::RowGatherOp>();
    auto index = gather ? dyn_cast<BlockArgument>(gather.getIndex()) : BlockArgument();
    auto table = gather ? dyn_cast<BlockArgument>(gather.getTable()) : BlockArgument();
    if (!index || !table || fusion.getInputs()[index.getArgNumber()] != tokenOf ||
        llvm::is_contained(fusion.getWhole(), int64_t(index.getArgNumber())))
      return {};
    tables.push_back(fusion.getInputs()[table.getArgNumber()]);
    if (cast<RankedTensorType>(tables.back().getType()).getDimSize(0) != tokens)
      return {};
  }
  // The gathers and their yield are all there is.
  return body.getOperations().size() == tables.size() + 1 ? tables : SmallVector<Value>();
}

struct FuseRoutingPass : impl::FuseRoutingPassBase<FuseRoutingPass> {
  using FuseRoutingPassBase::FuseRoutingPassBase;

  void runOnOperation() override {
    SmallVector<kernel::SortTokensOp> sorts;
    getOperation().walk([&](kernel::SortTokensOp sort) { sorts.push_back(sort); });
    for (kernel::SortTokensOp sort : sorts)
      fuse(sort);
  }

  /// The first fusion that gathers rows which are known where the tokens are sorted.
  static kernel::RowFusionOp findGather(kernel::SortTokensOp sort, int64_t tokens) {
    for (Operation *user : sort.getTokenOf().getUsers()) {
      auto fusion = dyn_cast<kernel::RowFusionOp>(user);
      if (!fusion || fusion->getBlock() != sort->getBlock())
        continue;
      SmallVector<Value> tables = gatheredTables(fusion, sort.getTokenOf(), tokens);
      auto isKnown = [&](Value table) {
        Operation *op = table.getDefiningOp();
        return !op || op->getBlock() != sort->getBlock() || op->isBeforeInBlock(sort);
      };
      if (!tables.empty() && llvm::all_of(tables, isKnown))
        return fusion;
    }
    return {};
  }

  /// The product whose result is the logits and nothing else.
  static kernel::GemmOp findProduct(kernel::RouteOp route) {
    auto product = route.getLogits().getDefiningOp<kernel::GemmOp>();
    if (!product || !product->hasOneUse() || product.getAScales() || product.getRows() || product.getSchedule() ||
        product.getA().getType().getElementType() != product.getB().getType().getElementType())
      return {};
    return product;
  }

  /// Product, route and sort in one kernel, unless rows are gathered: then route_tokens gathers them in what would
  /// otherwise be a kernel of its own.
  bool fuseProduct(kernel::RouteOp route, kernel::SortTokensOp sort) {
    kernel::GemmOp product = findProduct(route);
    const int64_t tokens = route.getLogits().getType().getDimSize(0);
    if (!product || findGather(sort, tokens))
      return false;
    auto opts =
        remark::RemarkOpts::name("FuseRouting").category("kernel-fuse-routing").function(getOperation().getName());
    const cost::GateTokensShape shape{tokens,
                                      int64_t(sort.getGroups()),
                                      product.getA().getType().getDimSize(1),
                                      int64_t(route.getTopK()),
                                      int64_t(route.getGroup() == kernel::RouteGroup::None ? 1 : route.getNGroup()),
                                      product.getA().getType().getElementTypeBitWidth() / 8};
    std::optional<cost::GateTokensSchedule> chosen = cost::chooseGateTokens(shape, cost::h200);
    if (!chosen) {
      remark::missed(route.getLoc(), opts)
          << llvm::formatv("product of {0} tokens, {1} channels and {2} experts: a kernel of its own", tokens,
                           shape.hidden, shape.experts)
                 .str();
      return false;
    }
    remark::passed(route.getLoc(), opts)
        << llvm::formatv("product of {0} tokens, {1} channels and {2} experts, routed and sorted in one kernel", tokens,
                         shape.hidden, shape.experts)
               .str();
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(sort);
    SmallVector<Type> types(route.getResultTypes());
    llvm::append_range(types, sort.getResultTypes());
    auto schedule =
        kernel::ScheduleAttr::get(&getContext(), {chosen->routed, chosen->experts, chosen->channels}, /*stages=*/1,
                                  /*cluster=*/1, chosen->parts, chosen->warps);
    auto fused = kernel::GateTokensOp::create(rewriter, route.getLoc(), types, product.getA(), product.getB(),
                                              route.getBias(), route.getTopKAttr(), route.getNGroupAttr(),
                                              route.getTopkGroupAttr(), route.getScoreAttr(), route.getGroupAttr(),
                                              route.getNormalizeAttr(), route.getScaleAttr(), schedule);
    rewriter.replaceOp(sort, ValueRange{fused.getOffsets(), fused.getRowOf(), fused.getTokenOf()});
    rewriter.replaceOp(route, ValueRange{fused.getWeights(), fused.getIndices()});
    rewriter.eraseOp(product);
    return true;
  }

  void fuse(kernel::SortTokensOp sort) {
    auto route = sort.getIndices().getDefiningOp<kernel::RouteOp>();
    auto opts =
        remark::RemarkOpts::name("FuseRouting").category("kernel-fuse-routing").function(getOperation().getName());
    auto isLater = [&](Operation *user) {
      return user == sort || (user->getBlock() == sort->getBlock() && sort->isBeforeInBlock(user));
    };
    if (!route || route.getLogits().getType().getDimSize(1) != int64_t(sort.getGroups()) ||
        !llvm::all_of(route->getUsers(), isLater)) {
      remark::missed(sort.getLoc(), opts) << "what is sorted is not what one route chose";
      return;
    }
    const int64_t tokens = route.getLogits().getType().getDimSize(0), experts = sort.getGroups();
    if (fuseProduct(route, sort))
      return;
    kernel::RowFusionOp gather = findGather(sort, tokens);
    SmallVector<Value> tables = gather ? gatheredTables(gather, sort.getTokenOf(), tokens) : SmallVector<Value>();
    int64_t bytes = 0;
    for (Value table : tables)
      bytes += rowBytes(cast<RankedTensorType>(table.getType()));
    std::optional<cost::RouteTokensSchedule> chosen =
        cost::chooseRouteTokens({tokens, experts, int64_t(route.getTopK()), bytes});
    if (!chosen) {
      remark::missed(sort.getLoc(), opts)
          << llvm::formatv("{0} tokens, {1} experts, rows of {2} bytes: separate kernels", tokens, experts, bytes)
                 .str();
      return;
    }
    remark::passed(sort.getLoc(), opts) << llvm::formatv(
                                               "{0} tokens routed, sorted and gathered from {1} tables in one kernel",
                                               tokens, tables.size())
                                               .str();
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(sort);
    SmallVector<Type> types(route.getResultTypes());
    llvm::append_range(types, sort.getResultTypes());
    if (gather)
      llvm::append_range(types, gather.getResultTypes());
    auto schedule = kernel::ScheduleAttr::get(&getContext(), {tokens, experts}, /*stages=*/1, chosen->cluster,
                                              /*split=*/1, chosen->warps);
    auto fused = kernel::RouteTokensOp::create(rewriter, route.getLoc(), types, route.getLogits(), route.getBias(),
                                               tables, route.getTopKAttr(), route.getNGroupAttr(),
                                               route.getTopkGroupAttr(), route.getScoreAttr(), route.getGroupAttr(),
                                               route.getNormalizeAttr(), route.getScaleAttr(), schedule);
    if (gather)
      rewriter.replaceOp(gather, fused.getGathered());
    rewriter.replaceOp(sort, ValueRange{fused.getOffsets(), fused.getRowOf(), fused.getTokenOf()});
    rewriter.replaceOp(route, ValueRange{fused.getWeights(), fused.getIndices()});
  }
};

} // namespace
} // namespace mlir::deepseek
