// Enums and attributes of the deepseek dialect, and the one place that computes rotary frequencies.
#pragma once

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectImplementation.h"

#include "dialects/deepseek/DeepSeekEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/deepseek/DeepSeekAttrs.h.inc"

namespace mlir::deepseek {
/// Rotary inverse frequencies (radians per position) of a head of `dim` elements: dim / 2 values, computed in float64.
llvm::SmallVector<double> inverseFrequencies(YarnAttr yarn, int64_t dim);
} // namespace mlir::deepseek
