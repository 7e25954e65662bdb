// Types of the deepseek dialect: block-scaled tensors, the latent cache, futures.
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;

#define GET_TYPEDEF_CLASSES
#include "dialects/deepseek/DeepSeekTypes.cpp.inc"

void DeepSeekDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/deepseek/DeepSeekTypes.cpp.inc"
      >();
}

RankedTensorType BlockScaledType::getDataType() const { return RankedTensorType::get(getShape(), getElementType()); }

RankedTensorType BlockScaledType::getScaleType() const {
  SmallVector<int64_t> shape(getShape());
  for (int i = 0; i < 2; ++i) {
    int64_t &dim = shape[shape.size() - 2 + i];
    dim = llvm::divideCeil(dim, getBlock()[i]);
  }
  return RankedTensorType::get(shape, Float32Type::get(getContext()));
}

Type BlockScaledType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape, block;
  Type element;
  StringRef format;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(element) ||
      parser.parseComma() || parser.parseDimensionList(block, /*allowDynamic=*/false, /*withTrailingX=*/false) ||
      parser.parseComma())
    return {};
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&format))
    return {};
  std::optional<ScaleFormat> scale = symbolizeScaleFormat(format);
  if (!scale)
    return parser.emitError(loc, "scale format must be f32 or ue8m0, got ") << format, Type();
  if (parser.parseGreater())
    return {};
  return parser.getChecked<BlockScaledType>(parser.getContext(), shape, element, block, *scale);
}

void BlockScaledType::print(AsmPrinter &printer) const {
  printer << '<';
  for (int64_t dim : getShape())
    printer << dim << 'x';
  printer << getElementType() << ", " << getBlock()[0] << 'x' << getBlock()[1] << ", "
          << stringifyScaleFormat(getScaleFormat()) << '>';
}

LogicalResult BlockScaledType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape, Type element,
                                      ArrayRef<int64_t> block, ScaleFormat) {
  if (shape.size() < 2)
    return emitError() << "block-scaled tensor needs at least 2 dimensions, got " << shape.size();
  if (!isa<Float8E4M3FNType>(element))
    return emitError() << "block-scaled element type must be f8E4M3FN, got " << element;
  if (block.size() != 2 || block[0] <= 0 || block[1] <= 0)
    return emitError() << "block must have 2 positive sizes";
  return success();
}

LogicalResult LatentCacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers, int64_t page, int64_t latent,
                                      int64_t rope, Type element) {
  if (layers <= 0 || page <= 0 || latent <= 0 || rope <= 0)
    return emitError() << "layers, page, latent and rope must be positive, got " << layers << ", " << page << ", " << latent
                       << ", " << rope;
  if (!isa<BFloat16Type, Float32Type>(element))
    return emitError() << "cache element type must be bf16 or f32, got " << element;
  return success();
}
