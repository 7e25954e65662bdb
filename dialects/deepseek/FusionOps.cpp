// Fusion regions: verifier.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult FusionOp::verify() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  // fusion_c1
  if (getPattern().empty())
    return emitOpError() << "needs the name of its pattern";
  // fusion_c2
  if (yield.getValues().getTypes() == getResultTypes())
    return success();
  InFlightDiagnostic diag = emitOpError() << "results must be the " << yield.getValues().size() << " yielded values' types";
  diag.attachNote(yield.getLoc()) << "yielded here";
  return diag;
}
