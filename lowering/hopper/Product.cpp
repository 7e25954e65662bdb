// The views of a matrix product's operands.
#include "lowering/hopper/Product.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

LogicalResult ProductViews::assign(const ProductOperands &operands) {
  scaled = static_cast<bool>(operands.aScales);
  const std::pair<Value, DeviceView *> views[] = {
      {operands.a, &a}, {operands.b, &b}, {operands.d, &d}, {operands.aScales, &aScales}, {operands.bScales, &bScales}};
  for (auto [value, view] : views) {
    if (!value)
      continue;
    FailureOr<DeviceView> found = getDeviceView(value);
    if (failed(found))
      return failure();
    *view = *found;
  }
  return success();
}
