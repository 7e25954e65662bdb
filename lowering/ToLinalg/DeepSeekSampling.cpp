// From logits to tokens.
#include "lowering/ToLinalg/DeepSeekPatterns.h"
#include "lowering/ToLinalg/Selection.h"

using namespace mlir;
using namespace mlir::deepseek;

static SmallVector<Value> emitArgmaxOp(LinalgEmitter &b, ArgmaxOp op) { return {emitArgmax(b, op.getX())}; }
static SmallVector<Value> emitTopKOp(LinalgEmitter &b, TopKOp op) {
  auto [values, indices] = emitTopK(b, op.getX(), op.getK());
  return {values, indices};
}
static SmallVector<Value> emitSampleOp(LinalgEmitter &b, SampleOp op) {
  return {emitSample(
      b, {op.getLogits(), op.getTemperature(), op.getTopK(), op.getTopP(), op.getSeed(), op.getPositions()})};
}

void mlir::deepseek::populateSamplingToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<ArgmaxOp>(patterns, emitArgmaxOp);
  addEmitter<TopKOp>(patterns, emitTopKOp);
  addEmitter<SampleOp>(patterns, emitSampleOp);
}
