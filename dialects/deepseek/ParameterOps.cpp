// Parameters and parameter-only operations: symbol uses and verifiers.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

/// A use of a parameter must name a deepseek.parameter of the same type.
static LogicalResult verifyParameterUse(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr name, Type type,
                                        bool mustBeDerived) {
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(op, name);
  if (!parameter)
    return op->emitOpError() << "names " << name << ", which is no deepseek.parameter of this module";
  if (parameter.getType() != type) {
    InFlightDiagnostic diag = op->emitOpError() << "has type " << type << " but " << name << " is " << parameter.getType();
    diag.attachNote(parameter.getLoc()) << "parameter declared here";
    return diag;
  }
  if (mustBeDerived && !parameter.getDerived())
    return op->emitOpError() << "stores to " << name << ", which is not derived";
  return success();
}

LogicalResult LoadParameterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameterUse(*this, symbols, getParameterAttr(), getType(), /*mustBeDerived=*/false);
}

LogicalResult StoreParameterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameterUse(*this, symbols, getParameterAttr(), getValue().getType(), /*mustBeDerived=*/true);
}


LogicalResult ConcatOp::verify() {
  // concat_c1
  if (getInputs().empty())
    return emitOpError() << "needs at least one input";
  auto first = cast<RankedTensorType>(getInputs().front().getType());
  const int64_t dim = getDim();
  if (dim < 0 || dim >= first.getRank())
    return emitOpError() << "dim must be in [0, " << first.getRank() << "), got " << dim;
  // concat_c2
  SmallVector<int64_t> expected(first.getShape());
  expected[dim] = 0;
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    auto type = cast<RankedTensorType>(input.getType());
    std::string name = "input " + std::to_string(i);
    if (failed(expectRank(*this, name, type, first.getRank())) || failed(expectElement(*this, name, type, first.getElementType())))
      return failure();
    SmallVector<int64_t> shape(first.getShape());
    shape[dim] = type.getDimSize(dim);
    if (failed(expectShape(*this, name, type, shape)))
      return failure();
    expected[dim] += type.getDimSize(dim);
  }
  // concat_c3
  if (failed(expectElement(*this, "result", getType(), first.getElementType())))
    return failure();
  return expectShape(*this, "result", getType(), expected);
}

LogicalResult StackOp::verify() {
  // stack_c1
  if (getInputs().empty())
    return emitOpError() << "needs at least one input";
  auto first = cast<RankedTensorType>(getInputs().front().getType());
  for (auto [i, input] : llvm::enumerate(getInputs()))
    if (input.getType() != first)
      return emitOpError() << "input " << i << " must be " << first << " like the first, got " << input.getType();
  // stack_c2
  SmallVector<int64_t> expected(first.getShape());
  expected.insert(expected.begin(), getInputs().size());
  if (failed(expectElement(*this, "result", getType(), first.getElementType())))
    return failure();
  return expectShape(*this, "result", getType(), expected);
}

/// kv_b_proj [H*(dn+dv), r]: the number of heads, or an error.
static FailureOr<int64_t> headsOf(Operation *op, Type weight, int64_t nope, int64_t value) {
  // absorb_key_c1, absorb_value_c1
  if (nope <= 0 || value <= 0)
    return op->emitOpError() << "nope and value must be positive, got " << nope << " and " << value;
  // absorb_key_c2, absorb_value_c2
  if (failed(expectRank(op, "weight", weight, 2)))
    return failure();
  if (shapeOf(weight)[0] % (nope + value) != 0)
    return op->emitOpError() << "the weight's " << shapeOf(weight)[0] << " rows must be a multiple of nope + value = " << nope + value;
  return shapeOf(weight)[0] / (nope + value);
}

LogicalResult AbsorbKeyOp::verify() {
  Type weight = getWeight().getType();
  FailureOr<int64_t> heads = headsOf(*this, weight, getNope(), getValue());
  // absorb_key_c3
  return failed(heads) ? failure() : expectShape(*this, "result", getType(), {*heads, shapeOf(weight)[1], int64_t(getNope())});
}

LogicalResult AbsorbValueOp::verify() {
  Type weight = getWeight().getType();
  FailureOr<int64_t> heads = headsOf(*this, weight, getNope(), getValue());
  // absorb_value_c3
  return failed(heads) ? failure() : expectShape(*this, "result", getType(), {*heads, int64_t(getValue()), shapeOf(weight)[1]});
}
