// What a kernel operation costs, by the cost model (passes/cost).
#pragma once

#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/cost/Attention.h"
#include "passes/cost/Prefill.h"
#include "passes/cost/Schedules.h"
#include <string>

namespace mlir::deepseek::kernel {

/// Sizes of a gemm or skinny_gemm.
cost::GemmShape gemmShapeOf(Operation *op);
/// Sizes of a mla_decode; its sequences have `context` positions, or as many as their block table reaches.
cost::DecodeShape decodeShapeOf(MlaDecodeOp op, int64_t context);
/// The last chunk of sequences that are `context` positions long, as far as the rows of keys reach.
cost::PrefillShape prefillShapeOf(MlaPrefillOp op, int64_t context);

/// True if TMA can address the operand: every row starts at a multiple of 16 bytes.
bool isTmaAddressable(Value operand);
/// True for the operations that become kernels.
bool isKernel(Operation *op);
/// Positions of a sequence that `function` is estimated and scheduled for: its `deepseek.context`, or `standard`.
int64_t contextOf(func::FuncOp function, int64_t standard);
/// A schedule as tables show it, "[128x256x64] 4 stages 12 warps"; empty without one.
std::string describeSchedule(Operation *op);
/// The estimate of a kernel operation, by its schedule where it has one. `context`: positions of a sequence that
/// attention is estimated for.
cost::Estimate estimateKernel(Operation *op, int64_t context, const cost::Machine &machine);

} // namespace mlir::deepseek::kernel
