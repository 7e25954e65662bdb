// Registration of the dialect, its attributes and the rotary frequencies that YarnAttr describes.
#include "dialects/deepseek/DeepSeekDialect.h"
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::deepseek;

#include "dialects/deepseek/DeepSeekDialect.cpp.inc"
#include "dialects/deepseek/DeepSeekEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/deepseek/DeepSeekAttrs.cpp.inc"

void DeepSeekDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/deepseek/DeepSeekAttrs.cpp.inc"
      >();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/deepseek/DeepSeekOps.cpp.inc"
      >();
}

llvm::SmallVector<double> deepseek::inverseFrequencies(YarnAttr yarn, int64_t dim) {
  const double theta = yarn.getTheta().getValueAsDouble(), factor = yarn.getFactor().getValueAsDouble();
  llvm::SmallVector<double> frequencies;
  for (int64_t i = 0; i < dim / 2; ++i)
    frequencies.push_back(std::pow(theta, -2.0 * double(i) / double(dim)));
  if (factor == 1.0)
    return frequencies;
  // The dimension whose wave turns `rotations` times over the original context.
  auto dimensionOf = [&](double rotations) {
    return double(dim) * std::log(double(yarn.getOriginalContext()) / (rotations * 2.0 * M_PI)) / (2.0 * std::log(theta));
  };
  double low = std::max(std::floor(dimensionOf(yarn.getBetaFast().getValueAsDouble())), 0.0);
  double high = std::min(std::ceil(dimensionOf(yarn.getBetaSlow().getValueAsDouble())), double(dim - 1));
  if (low == high)
    high += 0.001; // the ramp would divide by zero
  for (int64_t i = 0; i < dim / 2; ++i) {
    double interpolated = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / factor * interpolated + frequencies[i] * (1.0 - interpolated);
  }
  return frequencies;
}
