// mma.sync.
#include "lowering/hopper/blocks/Mma.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

Values hopper::mma16816(KernelBuilder &k, Type element, ValueRange a, ValueRange b, ValueRange c) {
  bool half = element.isF16();
  auto type = half ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  // The operation wants vectors for f16 and integers for bf16; callers hold i32 registers either way.
  auto convert = [&](ValueRange registers) {
    SmallVector<Value> result;
    for (Value value : registers)
      result.push_back(half ? k.bitcast(value, k.vec(2, k.f16Ty)) : value);
    return result;
  };
  Value result = NVVM::MmaOp::create(k.b, k.loc, k.structOf(k.f32Ty, 4), convert(a), convert(b), SmallVector<Value>(c),
                                     ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
                                     std::array<NVVM::MMATypes, 2>{type, type},
                                     std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  return k.members(result);
}
