// What a machine can do, as measured: the constants every estimate is made from.
#pragma once

#include <string_view>

namespace mlir::deepseek::cost {

struct Machine {
  double readBandwidth;    // bytes/s of a read-only stream
  double matrixRate;       // FLOP/s of bf16 matrix products with f32 accumulation
  double kernelOverhead;   // s a kernel adds to its data's time: launch, ramp and drain
  int computeUnits;        // multiprocessors, or cores
};

/// One H200: read stream, 8192^3 product and boundary between memory-bound kernels as measured (docs/benchmarks.md).
inline constexpr Machine h200{4.6e12, 777e12, 1.9e-6, 132};
/// Two cores with AVX2: a desk machine, for choices on the CPU target.
inline constexpr Machine hostCpu{10e9, 60e9, 2e-6, 2};

inline const Machine &machineOf(std::string_view target) { return target == "cpu" ? hostCpu : h200; }

} // namespace mlir::deepseek::cost
