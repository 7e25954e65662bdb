// The registry of kernel families, and the addresses of values.
#include "lowering/hopper/Kernel.h"
#include "dialects/kernel/BufferView.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

// --- registry
// -----------------------------------------------------------------------------------------------------------

static llvm::SmallVector<KernelFamily> makeFamilies() {
  return {
#define DS_KERNEL(Stem, operation, architectures) KernelFamily{"kernel." operation, operation, &build##Stem},
#include "lowering/hopper/Kernels.def"
  };
}

llvm::ArrayRef<KernelFamily> hopper::kernelFamilies() {
  static const llvm::SmallVector<KernelFamily> families = makeFamilies();
  return families;
}

const KernelFamily *hopper::lookupKernelFamily(Operation *op) {
  for (const KernelFamily &family : kernelFamilies())
    if (op->getName().getStringRef() == family.operation)
      return &family;
  return nullptr;
}

// --- addresses
// ---------------------------------------------------------------------------------------------------------------

int64_t DeviceView::alignment(int64_t limit) const {
  while (limit > 1 && byteOffset % limit)
    limit /= 2;
  return limit;
}

bool DeviceView::isContiguous() const {
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != expected)
      return false;
    expected *= sizes[i];
  }
  return true;
}

namespace {
struct RootAddress {
  FlatSymbolRefAttr buffer;
  int64_t offset = 0;
  bool readOnly = false;
};
} // namespace

/// The buffer and byte offset of a value that owns storage.
static FailureOr<RootAddress> getRootAddress(Value root) {
  Operation *op = root.getDefiningOp();
  if (auto load = dyn_cast_or_null<kernel::LoadBufferOp>(op))
    return RootAddress{load.getBufferAttr(), 0, /*readOnly=*/true};
  if (auto memref = dyn_cast_or_null<kernel::BufferMemRefOp>(op)) {
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(memref.getType().getStridesAndOffset(strides, offset)))
      return failure();
    const int64_t layer = memref.getLayer(), bytes = memref.getType().getElementTypeBitWidth() / 8;
    return RootAddress{memref.getBufferAttr(), layer ? layer * strides[1] * bytes : 0};
  }
  if (op)
    if (auto placement = op->getAttrOfType<ArrayAttr>("placement")) {
      unsigned index = cast<OpResult>(root).getResultNumber();
      if (index < placement.size())
        if (auto pointer = dyn_cast<kernel::PointerArgAttr>(placement[index]))
          return RootAddress{pointer.getBuffer(), pointer.getOffset()};
    }
  return emitError(root.getLoc()) << "this value has no address: expected kernel.load_buffer, kernel.buffer_memref or "
                                     "an operation with a `placement` (-kernel-plan-memory)";
}

static FailureOr<DeviceView> getMemRefView(Value value) {
  while (auto cast = value.getDefiningOp<UnrealizedConversionCastOp>())
    value = cast.getInputs().front();
  auto type = dyn_cast<MemRefType>(value.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || failed(type.getStridesAndOffset(strides, offset)))
    return emitError(value.getLoc()) << "expected a strided memref of a buffer, got " << value.getType();
  FailureOr<RootAddress> root = getRootAddress(value);
  if (failed(root))
    return failure();
  return DeviceView{root->buffer, root->offset,  type.getElementType(), SmallVector<int64_t>(type.getShape()),
                    strides,      root->readOnly};
}

FailureOr<DeviceView> hopper::getDeviceView(Value value) {
  if (!isa<RankedTensorType>(value.getType()))
    return getMemRefView(value);
  FailureOr<kernel::BufferView> view = kernel::getBufferView(value);
  if (failed(view))
    return emitError(value.getLoc()) << "this value is not a strided view of a buffer; it must be copied first";
  FailureOr<RootAddress> root = getRootAddress(view->root);
  if (failed(root))
    return failure();
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  return DeviceView{root->buffer,  root->offset + view->offset * elementBytes, element, view->sizes, view->strides,
                    root->readOnly};
}

// --- parameters
// ----------------------------------------------------------------------------------------------------------------

Value hopper::pointerParameter(KernelBuilder &k, LaunchPlan &plan, Value value, int64_t byteOffset) {
  plan.arguments.push_back({KernelArgument::Kind::Pointer, value, byteOffset, 0, {}});
  return k.addParameter(k.globalTy);
}

Value hopper::tensorMapParameter(KernelBuilder &k, LaunchPlan &plan, Value value, TensorMapShape shape,
                                 int64_t byteOffset) {
  plan.arguments.push_back({KernelArgument::Kind::TensorMap, value, byteOffset, 0, std::move(shape)});
  return k.addParameter(k.ptrTy, /*tensorMap=*/true);
}

Value hopper::integerParameter(KernelBuilder &k, LaunchPlan &plan, int64_t integer) {
  plan.arguments.push_back({KernelArgument::Kind::Integer, Value(), 0, integer, {}});
  return k.addParameter(k.i32Ty);
}

Type hopper::tensorMapElement(Type element) {
  return element.getIntOrFloatBitWidth() == 8 ? IntegerType::get(element.getContext(), 8) : element;
}
