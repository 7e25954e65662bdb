// What a machine can do, as measured: the constants every estimate is made from.
#pragma once

#include <string_view>

namespace mlir::deepseek::cost {

struct Machine {
  double readBandwidth;  // bytes/s of a read-only stream
  double matrixRate;     // FLOP/s of bf16 matrix products with f32 accumulation
  double kernelOverhead; // s a kernel adds to its data's time: launch, ramp and drain
  double loneLaunch;     // s more for a call that nothing precedes: no earlier kernel hides its start
  int computeUnits;      // multiprocessors, or cores
  double scaledRate;     // FLOP/s of block-scaled fp8 products
  double warpRate;       // FLOP/s of products by single warps (mma.sync)
  double cacheBandwidth; // bytes/s of reads that hit the second-level cache
  double cacheBytes;     // of it that a kernel can count on
  double fetchLatency;   // s from a load to its data under load: bytes under way / latency bounds a unit's rate
  double fetchRate;      // bytes/s that one unit can take in
  double clock;          // cycles/s of a unit
  bool hasKernels;       // runs the kernels of lowering/hopper: their schedules decide
};

/// One H200. Measured: read stream (4.5 to 4.7 by GPU), 8192^3 products, boundary between memory-bound kernels of a
/// graph with programmatic dependent launch (1.9 us without); the smallest kernels alone between two events (3.4 us);
/// the latency follows from the rates measured with 16 and 24 KB under way for each multiprocessor. Estimates: single
/// warps, cache, clock.
inline constexpr Machine h200{.readBandwidth = 4.6e12,
                              .matrixRate = 777e12,
                              .kernelOverhead = 1.7e-6,
                              .loneLaunch = 1.6e-6,
                              .computeUnits = 132,
                              .scaledRate = 1480e12,
                              .warpRate = 400e12,
                              .cacheBandwidth = 5.5e12,
                              .cacheBytes = 30e6,
                              .fetchLatency = 0.67e-6,
                              .fetchRate = 100e9,
                              .clock = 1.755e9,
                              .hasKernels = true};
/// Two cores with AVX2: a desk machine, for choices on the CPU target.
inline constexpr Machine hostCpu{.readBandwidth = 10e9,
                                 .matrixRate = 60e9,
                                 .kernelOverhead = 2e-6,
                                 .loneLaunch = 0,
                                 .computeUnits = 2,
                                 .scaledRate = 60e9,
                                 .warpRate = 60e9,
                                 .cacheBandwidth = 20e9,
                                 .cacheBytes = 1e6,
                                 .fetchLatency = 1e-7,
                                 .fetchRate = 10e9,
                                 .clock = 2.5e9,
                                 .hasKernels = false};

inline const Machine &machineOf(std::string_view target) { return target == "cpu" ? hostCpu : h200; }

} // namespace mlir::deepseek::cost
