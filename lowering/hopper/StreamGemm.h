// Products with few rows of A on wgmma with swapped operands, shared by kernel.skinny_gemm and kernel.grouped_gemm.
#pragma once

#include "lowering/hopper/Kernel.h"

namespace mlir::deepseek::hopper {

/// Builds the kernel, or returns why it cannot: an empty plan with a reason.
struct StreamBuild {
  LaunchPlan plan;
  std::string whyNot; // empty: built
};
FailureOr<StreamBuild> buildStreamProduct(kernel::SkinnyGemmOp op, KernelBuilder &k);
FailureOr<StreamBuild> buildStreamGroups(kernel::GroupedGemmOp op, KernelBuilder &k);

} // namespace mlir::deepseek::hopper
