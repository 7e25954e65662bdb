// The operands of a matrix product D = A B^T, for every family that computes one.
#pragma once

#include "lowering/hopper/Kernel.h"

namespace mlir::deepseek::hopper {

/// Values of the operation, for the kernel's arguments. The scales are null unless block-scaled.
struct ProductOperands {
  Value a, b, d, aScales, bScales;

  template <typename Op> static ProductOperands of(Op op) {
    return {op.getA(), op.getB(), op.getResult(), op.getAScales(), op.getBScales()};
  }
};

/// Everything about the operands but their addresses.
struct ProductViews {
  DeviceView a;       // [M, K] or [M, H, K]
  DeviceView b;       // [N, K], or [H, N, K], one matrix for each head or group
  DeviceView d;       // as A, with N for K
  DeviceView aScales; // [M, ceil(K/128)] if scaled
  DeviceView bScales; // [ceil(N/128), ceil(K/128)] if scaled, or [H, ...]
  bool scaled = false;
  bool grouped = false; // B (and its scales) has a leading dimension that A and D lack

  /// Fills the views and `scaled`; failure if an operand has no address.
  LogicalResult assign(const ProductOperands &operands);

  int64_t m() const { return a.sizes.front(); }
  int64_t n() const { return d.sizes.back(); }
  int64_t k() const { return a.sizes.back(); }
  bool batched() const { return a.sizes.size() == 3; }
  int64_t batches() const { return batched() ? a.sizes[1] : 1; }
};

} // namespace mlir::deepseek::hopper
