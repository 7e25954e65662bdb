// Cost of the two forms of MLA. Each kernel takes the larger of its bytes over bandwidth and its FLOPs over rate, plus
// a fixed cost.
#include "passes/cost/MlaForm.h"
#include <algorithm>

using namespace mlir::deepseek::cost;

static double kernelSeconds(double bytes, double flops, const Machine &m) {
  return std::max(bytes / m.readBandwidth, flops / m.matrixRate) + m.kernelOverhead;
}

double mlir::deepseek::cost::mlaNaiveSeconds(const MlaShape &s, const Machine &m) {
  const double positions = double(s.sequences) * double(s.context);
  const double expanded = double(s.heads) * double(s.nope + s.value);
  const double element = 2; // bytes of an expanded key or value
  // Gather the latents, expand them to keys and values, attend. A token attends to half of its own chunk: context is
  // large, so ignored.
  double gather = kernelSeconds(2 * positions * double(s.latent + s.rope) * double(s.cacheBytes), 0, m);
  double expand = kernelSeconds(expanded * double(s.latent) * double(s.weightBytes) +
                                    positions * (double(s.latent) + expanded) * element,
                                2 * positions * expanded * double(s.latent), m);
  double attend =
      kernelSeconds(positions * (expanded + double(s.rope)) * element,
                    2 * double(s.tokens) * double(s.context) * double(s.heads) * double(s.nope + s.rope + s.value), m);
  return gather + expand + attend;
}

double mlir::deepseek::cost::mlaAbsorbedSeconds(const MlaShape &s, const Machine &m) {
  const double positions = double(s.sequences) * double(s.context), tokens = double(s.tokens);
  auto project = [&](int64_t headSize) { // one of the two absorbed factors
    double weights = double(s.heads) * double(s.latent) * double(headSize);
    return kernelSeconds(weights * double(s.weightBytes), 2 * tokens * weights, m);
  };
  double attend = kernelSeconds(positions * double(s.latent + s.rope) * double(s.cacheBytes),
                                2 * tokens * double(s.context) * double(s.heads) * double(2 * s.latent + s.rope), m);
  return project(s.nope) + attend + project(s.value);
}
