// Family and schedule of each kernel, from the cost model.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/MlaDecodeResults.h"
#include "dialects/kernel/MlaDecodeTiling.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/kernel/EstimateKernel.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CHOOSESCHEDULEPASS
#include "passes/Passes.h.inc"

namespace {

struct ChooseSchedulePass : impl::ChooseSchedulePassBase<ChooseSchedulePass> {
  using ChooseSchedulePassBase::ChooseSchedulePassBase;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      if (auto gemm = dyn_cast<kernel::GemmOp>(op))
        choose(gemm, rewriter);
      else if (auto grouped = dyn_cast<kernel::GroupedGemmOp>(op))
        choose(grouped);
      else if (auto decode = dyn_cast<kernel::MlaDecodeOp>(op))
        choose(decode, rewriter);
      else if (auto prefill = dyn_cast<kernel::MlaPrefillOp>(op))
        choose(prefill);
    }
    recordEstimate();
  }

  /// The artefact's manifest tells what an entry was expected to take, so that a benchmark can tell how wrong that was.
  void recordEstimate() {
    auto entry = getOperation()->getAttrOfType<DictionaryAttr>("deepseek.entry");
    if (!entry)
      return;
    Builder b(&getContext());
    double seconds = 0, longest = -1;
    StringRef limit;
    SmallVector<Attribute> kernels;
    for (Operation &op : getOperation().getOps()) {
      if (!kernel::isKernel(&op))
        continue;
      const cost::Estimate e = kernel::estimateKernel(&op, kernel::contextOf(getOperation(), context), cost::h200);
      seconds += e.seconds;
      if (e.seconds > longest)
        longest = e.seconds, limit = e.limit;
      kernels.push_back(b.getStringAttr((op.getName().stripDialect() + " " + kernel::describeSchedule(&op)).str()));
    }
    NamedAttrList fields(entry);
    // A plain function is called alone. A model's entries have hundreds of kernels; --explain prints those.
    if (auto kind = dyn_cast_or_null<StringAttr>(entry.get("kind")); kind && kind.getValue() == "function") {
      seconds += cost::h200.loneLaunch;
      fields.set("plan", b.getArrayAttr(kernels));
    }
    fields.set("estimate_us", b.getF64FloatAttr(seconds * 1e6));
    fields.set("limit", b.getStringAttr(limit));
    getOperation()->setAttr("deepseek.entry", fields.getDictionary(&getContext()));
  }

  remark::RemarkOpts opts() {
    return remark::RemarkOpts::name("ChooseSchedule")
        .category("kernel-choose-schedule")
        .function(getOperation().getName());
  }

  kernel::ScheduleAttr schedule(ArrayRef<int64_t> tile, int64_t stages, int64_t split, int64_t warps) {
    return kernel::ScheduleAttr::get(&getContext(), tile, stages, /*cluster=*/1, split, warps);
  }

  kernel::ScheduleAttr schedule(const cost::StreamSchedule &stream) {
    return schedule({stream.tokens, stream.features, stream.kElements}, stream.stages, stream.split, stream.warps);
  }

  void choose(kernel::GemmOp gemm, IRRewriter &rewriter) {
    if (gemm.getSchedule())
      return;
    const cost::GemmShape shape = kernel::gemmShapeOf(gemm);
    const bool tma = kernel::isTmaAddressable(gemm.getA()) && kernel::isTmaAddressable(gemm.getB());
    cost::GemmChoice choice = cost::chooseGemm(shape, tma, cost::h200);
    const bool skinny = choice.family == cost::GemmFamily::Skinny, stream = choice.family == cost::GemmFamily::Stream;
    remark::passed(gemm.getLoc(), opts())
        << llvm::formatv("{0} for {1} x {2} x {3}{4}{5}: {6:F1} us, limited by {7}",
                         skinny   ? "skinny_gemm"
                         : stream ? "streamed skinny_gemm"
                                  : "gemm",
                         shape.m, shape.n, shape.k,
                         shape.heads > 1 ? llvm::formatv(", {0} heads", shape.heads).str() : "",
                         tma ? "" : ", rows not 16-byte aligned", choice.estimate.seconds * 1e6, choice.estimate.limit)
               .str();
    if (!skinny && !stream) {
      cost::TensorCoreTile tile = cost::chooseTensorCoreTile(shape, cost::h200);
      gemm.setScheduleAttr(schedule({tile.m, tile.n, 128 / shape.elementBytes}, tile.stages, tile.split, tile.warps()));
      return;
    }
    rewriter.setInsertionPoint(gemm);
    auto few = kernel::SkinnyGemmOp::create(rewriter, gemm.getLoc(), gemm->getResultTypes(), gemm->getOperands(),
                                            gemm->getAttrs());
    few.setScheduleAttr(stream
                            ? schedule(choice.stream)
                            : schedule({choice.tileM, choice.tileN, shape.k}, /*stages=*/1, /*split=*/1, choice.warps));
    few.getEpilogue().takeBody(gemm.getEpilogue());
    rewriter.replaceOp(gemm, few);
  }

  /// Few rows a group stream B through shared memory, or straight into registers where TMA cannot address it. Many:
  /// tensor-core tiles.
  void choose(kernel::GroupedGemmOp gemm) {
    ArrayRef<int64_t> a = cast<RankedTensorType>(gemm.getA().getType()).getShape();
    ArrayRef<int64_t> b = cast<RankedTensorType>(gemm.getB().getType()).getShape();
    const bool tma = kernel::isTmaAddressable(gemm.getA()) && kernel::isTmaAddressable(gemm.getB());
    const bool fills = cost::fillsTensorCoreTiles(a[0], b[0]);
    if (gemm.getSchedule())
      return;
    remark::passed(gemm.getLoc(), opts())
        << llvm::formatv("grouped_gemm of {0} rows in {1} groups, {2} x {3}{4}: {5}", a[0], b[0], b[1], b[2],
                         tma ? "" : ", rows not 16-byte aligned", fills && tma ? "tensor-core tiles" : "streams B")
               .str();
    if (!tma)
      return;
    const cost::GroupedShape shape{a[0], b[0], b[1], b[2],
                                   int64_t(cast<RankedTensorType>(gemm.getB().getType()).getElementTypeBitWidth() / 8)};
    if (!fills) {
      gemm.setScheduleAttr(schedule(cost::chooseGroupedStream(shape, cost::h200)));
      return;
    }
    cost::TensorCoreTile tile = cost::chooseGroupedTile(shape, cost::h200);
    gemm.setScheduleAttr(schedule({tile.m, tile.n, 128 / shape.elementBytes}, tile.stages, /*split=*/1, tile.warps()));
  }

  /// Warpgroups where sizes allow it and rows are many enough, in parts of the keys where tasks are few; else the
  /// family's own default, single warps.
  void choose(kernel::MlaPrefillOp prefill) {
    if (prefill.getSchedule())
      return;
    const cost::PrefillShape shape = kernel::prefillShapeOf(prefill, context);
    const bool tma = llvm::all_of(prefill->getOperands().take_front(4), kernel::isTmaAddressable);
    const cost::PrefillChoice choice = cost::choosePrefillSchedule(shape, tma, cost::h200);
    const cost::PrefillSchedule &chosen = choice.schedule;
    remark::passed(prefill.getLoc(), opts())
        << llvm::formatv("mla_prefill of {0} tokens in {1} sequences, {2} heads of {3} + {4} and {5} elements{6}: {7}, "
                         "{8} rows by "
                         "{9} keys, {10} stages, {11} parts; {12:F1} us at context {13}, limited by {14}",
                         shape.tokens, shape.sequences, shape.heads, shape.nope, shape.rope, shape.value,
                         tma ? "" : ", not 16-byte aligned", chosen.forWarpgroups() ? "warpgroups" : "single warps",
                         chosen.rows, chosen.keys, chosen.stages, chosen.split, choice.estimate.seconds * 1e6,
                         shape.context, choice.estimate.limit)
               .str();
    if (chosen.forWarpgroups())
      prefill.setScheduleAttr(
          schedule({chosen.rows, chosen.keys, chosen.headGroup}, chosen.stages, chosen.split, chosen.warps));
  }

  /// Rows, keys, stages and warps from the sizes; parts of the positions where few sequences would leave
  /// multiprocessors idle.
  void choose(kernel::MlaDecodeOp decode, IRRewriter &rewriter) {
    if (decode.getSchedule())
      return;
    cost::DecodeShape shape = kernel::decodeShapeOf(decode, kernel::contextOf(getOperation(), context));
    shape.tmaAddressable = kernel::isTmaAddressable(decode.getQLatent()) && kernel::isTmaAddressable(decode.getQRope());
    const int64_t given = kernel::returnsParts(decode) ? decode.getLse().getType().getDimSize(0) : 0;
    std::optional<cost::DecodeChoice> choice = cost::chooseDecodeSchedule(shape, cost::h200, given);
    if (!choice) {
      remark::missed(decode.getLoc(), opts())
          << llvm::formatv("no schedule of mla_decode fits records of {0} elements and pages of {1} positions",
                           shape.latent + shape.rope, shape.page)
                 .str();
      return;
    }
    const cost::DecodeSchedule &chosen = choice->schedule;
    remark::passed(decode.getLoc(), opts())
        << llvm::formatv(
               "mla_decode of {0} tokens, {1} heads, records of {2} + {3}, up to {4} positions: {5} rows by {6} "
               "records, {7} stages, {8} warps, {9} parts; {10:F1} us at context {11}, limited by {12}",
               shape.tokens, shape.heads, shape.latent, shape.rope, shape.capacity, chosen.rows, chosen.keys,
               chosen.stages, chosen.warps, chosen.split, choice->estimate.seconds * 1e6, shape.context,
               choice->estimate.limit)
               .str();
    SmallVector<int64_t> tile = {chosen.rows, chosen.keys};
    if (chosen.columns)
      tile.push_back(chosen.columns);
    kernel::ScheduleAttr attribute = schedule(tile, chosen.stages, chosen.split, chosen.warps);
    auto f32 = rewriter.getF32Type();
    rewriter.setInsertionPoint(decode);
    if (chosen.columns && !decode.getLse()) { // the kernel cuts sequences itself
      const int64_t floats = kernel::MlaDecodeShares{shape.tokens / shape.sequences * shape.heads, shape.sequences,
                                                     shape.latent, shape.capacity}
                                 .scratchFloats();
      auto whole = kernel::MlaDecodeOp::create(
          rewriter, decode.getLoc(), decode.getResult().getType(), RankedTensorType::get({floats}, f32),
          decode.getQLatent(), decode.getQRope(), decode.getCache(), decode.getLayer(), decode.getPositions(),
          decode.getBlockTable(), decode.getScale(), attribute);
      rewriter.replaceOp(decode, whole.getResult());
      return;
    }
    if (chosen.split == 1 || given) {
      decode.setScheduleAttr(attribute);
      return;
    }
    auto partial = RankedTensorType::get({chosen.split, shape.tokens, shape.heads, shape.latent}, f32);
    auto lse = RankedTensorType::get({chosen.split, shape.tokens, shape.heads}, f32);
    auto parts = kernel::MlaDecodeOp::create(
        rewriter, decode.getLoc(), partial, lse, decode.getQLatent(), decode.getQRope(), decode.getCache(),
        decode.getLayer(), decode.getPositions(), decode.getBlockTable(), decode.getScale(), attribute);
    rewriter.replaceOpWithNewOp<kernel::MlaCombineOp>(decode, decode.getResult().getType(), parts.getResult(),
                                                      parts.getLse(), kernel::ScheduleAttr());
  }
};

} // namespace
} // namespace mlir::deepseek
