// What a kernel family is: a function that builds the device code of one kernel operation and says how to launch it.
// lowering/KernelToNvvm runs the families listed in Kernels.def; a family knows no addresses, so operations that differ
// in their buffers only share one kernel.
#pragma once

#include "dialects/kernel/KernelOps.h"
#include "lowering/hopper/blocks/KernelBuilder.h"
#include "lowering/hopper/blocks/TensorMap.h"

namespace mlir::deepseek::hopper {

/// Where an operand or result of a kernel operation lies.
struct DeviceView {
  FlatSymbolRefAttr buffer;
  int64_t byteOffset = 0;
  Type element;
  llvm::SmallVector<int64_t> sizes;   // elements; ShapedType::kDynamic for the pages of a cache (dimension 0)
  llvm::SmallVector<int64_t> strides; // elements
  bool readOnly = false;              // nothing that this entry runs writes it: may be read before gridDependencyWait

  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
  /// The largest power of two up to `limit` that divides the address (buffers are 256-byte aligned).
  int64_t alignment(int64_t limit = 16) const;
  /// True if elements follow one another in row-major order.
  bool isContiguous() const;
};

/// Follows views (getBufferView) to a load_buffer, a buffer_memref, or a kernel's result and its `placement`. Reports
/// at `value` when there is no address.
FailureOr<DeviceView> getDeviceView(Value value);

/// One kernel parameter, in terms of the operation that is built: its operand or result, never an address.
struct KernelArgument {
  enum class Kind { Pointer, TensorMap, Integer } kind;
  Value value;            // operand or result of the operation
  int64_t byteOffset = 0; // added to the view's
  int64_t integer = 0;
  TensorMapShape shape;
};

/// How to launch a built kernel. `threads`, `grid` and `sharedBytes` are for the builder to set.
struct LaunchPlan {
  std::array<int64_t, 3> grid = {1, 1, 1};
  int64_t threads = 128;
  int64_t cluster = 1;      // CTAs along x; divides grid[0]
  int64_t sharedBytes = 0;  // dynamic shared memory
  int64_t minBlocks = 1;    // CTAs that must fit one SM: bounds the registers
  bool programmatic = true; // programmatic dependent launch: the kernel executes gridDependencyWait
  llvm::SmallVector<KernelArgument> arguments;
};

// Each adds one parameter to the kernel and its argument to the plan. `value` is an operand or result of the operation.
/// A global pointer to the first element of `value`'s view plus `byteOffset`.
Value pointerParameter(KernelBuilder &k, LaunchPlan &plan, Value value, int64_t byteOffset = 0);
/// A tensor map over memory that starts at `value`'s view plus `byteOffset`; `shape` speaks for itself.
Value tensorMapParameter(KernelBuilder &k, LaunchPlan &plan, Value value, TensorMapShape shape, int64_t byteOffset = 0);
Value integerParameter(KernelBuilder &k, LaunchPlan &plan, int64_t integer);

/// TMA's name for an element type: bytes for fp8.
Type tensorMapElement(Type element);

/// A kernel family: builds the body of `k`'s function for `op`, without the final return, and returns how to launch it.
/// On failure it has reported an error on `op`.
using BuildKernel = FailureOr<LaunchPlan> (*)(Operation *op, KernelBuilder &k);

struct KernelFamily {
  llvm::StringLiteral operation; // "kernel.gemm"
  llvm::StringLiteral name;      // prefix of the symbols: "gemm"
  BuildKernel build;
};
llvm::ArrayRef<KernelFamily> kernelFamilies();
const KernelFamily *lookupKernelFamily(Operation *op);

// The families.
#define DS_KERNEL(Stem, operation, architectures) FailureOr<LaunchPlan> build##Stem(Operation *op, KernelBuilder &k);
#include "lowering/hopper/Kernels.def"

} // namespace mlir::deepseek::hopper
