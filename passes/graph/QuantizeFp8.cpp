// FP8 quantisation of projections whose weights came in a wider type.
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/graph/ParameterOnly.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_QUANTIZEFP8PASS
#include "passes/Passes.h.inc"

namespace {

constexpr int64_t blockSize = 128; // the only block DeepSeek's FP8 format knows

struct QuantizeFp8Pass : impl::QuantizeFp8PassBase<QuantizeFp8Pass> {
  using QuantizeFp8PassBase::QuantizeFp8PassBase;

  void runOnOperation() override {
    std::optional<ScaleFormat> format = symbolizeScaleFormat(scaleFormat);
    if (!format) {
      getOperation().emitError() << "deepseek-quantize-fp8: scale-format must be f32 or ue8m0, got " << scaleFormat;
      return signalPassFailure();
    }
    SmallVector<Operation *> candidates;
    getOperation().walk([&](Operation *op) {
      if (isa<LinearOp, GroupedLinearOp, MlaOp>(op))
        candidates.push_back(op);
    });
    DenseMap<Value, Value> quantized; // several projections share one quantised input
    for (Operation *op : candidates) {
      if (auto linear = dyn_cast<LinearOp>(op))
        rewrite(linear, &linear.getXMutable(), linear.getWeightMutable(), *format, quantized);
      else if (auto grouped = dyn_cast<GroupedLinearOp>(op))
        rewrite(grouped, &grouped.getRowsMutable(), grouped.getWeightMutable(), *format, quantized);
      else // the latents are quantised as part of the operation
        rewrite(cast<MlaOp>(op), /*input=*/nullptr, cast<MlaOp>(op).getKvBMutable(), *format, quantized);
    }
  }

  /// Gate and head: what follows compares the values with one another.
  static bool decides(Value logits) {
    return llvm::any_of(logits.getUsers(), [](Operation *user) {
      return isa<MoeGateOp, SampleOp, ArgmaxOp, TopKOp, func::ReturnOp>(user);
    });
  }

  template <typename Op>
  void rewrite(Op op, OpOperand *input, OpOperand &weight, ScaleFormat format, DenseMap<Value, Value> &quantized) {
    auto opts =
        remark::RemarkOpts::name("QuantizeFp8").category("deepseek-quantize-fp8").function(getOperation().getName());
    if (isa<BlockScaledType>(weight.get().getType()))
      return;
    if (decides(op.getResult())) {
      remark::missed(op.getLoc(), opts) << "kept: its result decides on experts or tokens";
      return;
    }
    if (!dependsOnParametersOnly(weight.get())) {
      remark::missed(op.getLoc(), opts) << "kept: the weight depends on more than parameters";
      return;
    }
    OpBuilder b(op);
    auto quantize = [&](Value x, int64_t blockRows) -> Value {
      auto type = cast<RankedTensorType>(x.getType());
      auto scaled = BlockScaledType::get(b.getContext(), type.getShape(), b.getType<Float8E4M3FNType>(),
                                         {blockRows, blockSize}, format);
      return QuantizeOp::create(b, op.getLoc(), scaled, x);
    };
    weight.set(quantize(weight.get(), blockSize));
    if (input) {
      Value &x = quantized[input->get()];
      if (!x) {
        b.setInsertionPointAfterValue(input->get());
        x = quantize(input->get(), 1);
      }
      input->set(x);
    }
    remark::passed(op.getLoc(), opts) << "quantised weight and input";
  }
};

} // namespace
} // namespace mlir::deepseek
