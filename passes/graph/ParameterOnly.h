// Which values depend on parameters alone.
#pragma once

#include "mlir/IR/Value.h"

namespace mlir::deepseek {

/// True if `value` is a parameter, or is computed without side effects from parameters alone.
bool dependsOnParametersOnly(Value value);

/// True for operations that only look at a parameter in another way (packing data with scales, views): they cost nothing and stay at their use.
bool isParameterView(Operation *op);

} // namespace mlir::deepseek
