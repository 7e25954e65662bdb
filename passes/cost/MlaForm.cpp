// Cost of the two forms of MLA: of the kernels that each becomes, with the schedules that those would get; on a machine
// without kernels, the larger of bytes over bandwidth and FLOPs over rate, plus a fixed cost for each step.
#include "passes/cost/MlaForm.h"
#include "passes/cost/Attention.h"
#include "passes/cost/Prefill.h"
#include "passes/cost/Schedules.h"
#include <algorithm>
#include <limits>

using namespace mlir::deepseek::cost;

static double stepSeconds(double bytes, double flops, const Machine &m) {
  return boundedBy(bytes, flops, {{bytes / m.readBandwidth, "memory"}, {flops / m.matrixRate, "products"}}, m).seconds;
}

static double productSeconds(const GemmShape &s, const Machine &m) {
  const double heads = double(s.heads), weights = heads * double(s.n) * double(s.k);
  if (!m.hasKernels)
    return stepSeconds(weights * double(s.elementBytes) + 2 * heads * double(s.m) * double(s.n + s.k),
                       2 * double(s.m) * weights, m);
  return chooseGemm(s, /*tmaAddressable=*/true, m).estimate.seconds;
}

double mlir::deepseek::cost::mlaNaiveSeconds(const MlaShape &s, const Machine &m) {
  // Gather the latents, expand them to keys and values, attend. A token attends to half of its own chunk: context is
  // large, so ignored.
  const double positions = double(s.sequences) * double(s.context);
  const int64_t expanded = s.heads * (s.nope + s.value);
  const double gather = stepSeconds(2 * positions * double(s.latent + s.rope) * double(s.cacheBytes), 0, m);
  const double expand = productSeconds({s.sequences * s.context, expanded, s.latent, 1, s.weightBytes}, m);
  if (m.hasKernels)
    return gather + expand +
           choosePrefillSchedule({s.tokens, s.sequences, s.heads, s.nope, s.rope, s.value, s.context},
                                 /*tmaAddressable=*/true, m)
               .estimate.seconds;
  const double element = 2; // bytes of an expanded key or value
  return gather + expand +
         stepSeconds(positions * double(expanded + s.rope) * element,
                     2 * double(s.tokens) * double(s.context) * double(s.heads) * double(s.nope + s.rope + s.value), m);
}

double mlir::deepseek::cost::mlaAbsorbedSeconds(const MlaShape &s, const Machine &m) {
  const int64_t factorBytes = std::max<int64_t>(2, s.weightBytes); // a block-scaled weight is dequantised
  const double project = productSeconds({s.tokens, s.latent, s.nope, s.heads, factorBytes}, m) +
                         productSeconds({s.tokens, s.value, s.latent, s.heads, factorBytes}, m);
  if (m.hasKernels) {
    std::optional<DecodeChoice> attend =
        chooseDecodeSchedule({s.tokens, s.sequences, s.heads, s.latent, s.rope, s.page, s.context, s.context}, m);
    return attend ? project + attend->estimate.seconds : std::numeric_limits<double>::infinity();
  }
  return project +
         stepSeconds(double(s.sequences) * double(s.context) * double(s.latent + s.rope) * double(s.cacheBytes),
                     2 * double(s.tokens) * double(s.context) * double(s.heads) * double(2 * s.latent + s.rope), m);
}
