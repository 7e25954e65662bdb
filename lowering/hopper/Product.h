// The operands of a matrix product D = A B^T, for every family that computes one.
#pragma once

#include "lowering/hopper/Kernel.h"

namespace mlir::deepseek::hopper {

/// Values of the operation, for the kernel's arguments. The scales are null unless block-scaled, `plain` and `epilogue`
/// unless the operation has them.
struct ProductOperands {
  Value a, b, d, aScales, bScales, plain;
  Region *epilogue = nullptr;

  template <typename Op> static ProductOperands of(Op op) {
    return {op.getA(),
            op.getB(),
            op.getResult(),
            op.getAScales(),
            op.getBScales(),
            op.getPlain(),
            op.hasEpilogue() ? &op.getEpilogue() : nullptr};
  }
};

/// Everything about the operands but their addresses.
struct ProductViews {
  DeviceView a;       // [M, K] or [M, H, K]
  DeviceView b;       // [N, K], or [H, N, K], one matrix for each head or group
  DeviceView d;       // as A, with N for K; with an epilogue a part of N
  DeviceView plain;   // [M, S]: the columns before the epilogue's parts, if they are wanted
  DeviceView aScales; // [M, ceil(K/128)] if scaled
  DeviceView bScales; // [ceil(N/128), ceil(K/128)] if scaled, or [H, ...]
  bool scaled = false;
  bool grouped = false; // B (and its scales) has a leading dimension that A and D lack
  Region *epilogue = nullptr;

  /// Fills the views, `scaled` and `epilogue`; reports what has no address and what an epilogue cannot hold.
  LogicalResult assign(const ProductOperands &operands);

  int64_t m() const { return a.sizes.front(); }
  int64_t n() const { return b.sizes[b.sizes.size() - 2]; }
  int64_t k() const { return a.sizes.back(); }
  bool batched() const { return a.sizes.size() == 3; }
  int64_t batches() const { return batched() ? a.sizes[1] : 1; }

  // Columns of the product: `plainColumns`, then `parts` times those of D.
  int64_t parts() const { return epilogue ? epilogue->getNumArguments() : 1; }
  int64_t columns() const { return d.sizes.back(); }
  int64_t plainColumns() const { return plain.sizes.empty() ? 0 : plain.sizes.back(); }
};

/// One element of D from the sums of the epilogue's parts, in f32.
Value emitEpilogue(KernelBuilder &k, Region &epilogue, ValueRange sums);

} // namespace mlir::deepseek::hopper
