// Parameters and parameter-only operations: symbol uses and verifiers.
#include "dialects/deepseek/DeepSeekOps.h"

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

LogicalResult ConcatOp::verify() { return success(); }
LogicalResult StackOp::verify() { return success(); }
LogicalResult AbsorbKeyOp::verify() { return success(); }
LogicalResult AbsorbValueOp::verify() { return success(); }
