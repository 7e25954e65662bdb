// Times of kernels whose schedule does not depend on the estimate.
#include "passes/cost/Estimate.h"
#include <algorithm>

using namespace mlir::deepseek::cost;

static constexpr double streamBytesUnderWay = 32e3; // of a CTA of 256 threads with two vector loads each

Estimate mlir::deepseek::cost::boundedBy(double bytes, double flops, std::initializer_list<Bound> bounds,
                                         const Machine &m) {
  const Bound most = std::max(bounds, [](const Bound &a, const Bound &b) { return a.seconds < b.seconds; });
  return {bytes, flops, most.seconds + m.kernelOverhead, most.seconds > m.kernelOverhead ? most.name : "launch"};
}

Estimate mlir::deepseek::cost::streamEstimate(double bytes, double blocks, const Machine &m) {
  const double units = std::min(blocks, double(m.computeUnits));
  const double rate = std::min({m.readBandwidth, units * m.fetchRate, blocks * streamBytesUnderWay / m.fetchLatency});
  return boundedBy(bytes, 0, {{bytes / rate, "memory"}}, m);
}
