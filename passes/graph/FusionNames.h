// The fusions that a command line can switch by name; each pass owns its list.
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::deepseek {

/// Patterns of deepseek-fuse, in order of precedence.
llvm::SmallVector<llvm::StringRef> verticalFusionNames();
/// Fusions of deepseek-fuse-projections.
llvm::SmallVector<llvm::StringRef> horizontalFusionNames();
/// Passes over kernels.
llvm::SmallVector<llvm::StringRef> kernelFusionNames();

} // namespace mlir::deepseek
