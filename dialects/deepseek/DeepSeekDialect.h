// The deepseek dialect itself: attributes, types, registration.
#pragma once

#include "dialects/deepseek/DeepSeekAttrs.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/deepseek/DeepSeekDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/deepseek/DeepSeekTypes.h.inc"
