// wgmma instructions and descriptors.
#include "lowering/hopper/blocks/Wgmma.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

Value hopper::wgmmaDescriptor(KernelBuilder &k, Value sharedPointer, int64_t leadingBytes, int64_t strideBytes,
                              int64_t swizzle) {
  // Bits 0-13 address, 16-29 leading, 32-45 stride, all in units of 16 bytes; 62-63 swizzle.
  uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;
  uint64_t fixed = (mode << 62) | (uint64_t(strideBytes >> 4) << 32) | (uint64_t(leadingBytes >> 4) << 16);
  Value address = k.shrU(k.bitAnd(k.pointerToInt(sharedPointer, k.i32Ty), 0x3ffff), 4);
  return k.bitOr(k.zext(address, k.i64Ty), static_cast<int64_t>(fixed));
}

Value hopper::wgmmaDescriptor(KernelBuilder &k, Value sharedPointer) {
  return wgmmaDescriptor(k, sharedPointer, /*leadingBytes, unused=*/16, /*strideBytes=*/1024, /*swizzle=*/128);
}

Value hopper::advanceDescriptor(KernelBuilder &k, Value descriptor, Int bytes) {
  if (!bytes.value)
    return k.add(descriptor, bytes.constant >> 4);
  return k.add(descriptor, k.zext(k.shrU(bytes.value, 4), k.i64Ty));
}

void hopper::wgmmaFence(KernelBuilder &k) { NVVM::WgmmaFenceAlignedOp::create(k.b, k.loc); }
void hopper::wgmmaCommit(KernelBuilder &k) { NVVM::WgmmaGroupSyncAlignedOp::create(k.b, k.loc); }

void Accumulator::multiply(WgmmaType type, Value descriptorA, Value descriptorB, bool accumulate, bool transposeB) {
  auto element = type == WgmmaType::BF16  ? NVVM::WGMMATypes::bf16
                 : type == WgmmaType::F16 ? NVVM::WGMMATypes::f16
                                          : NVVM::WGMMATypes::e4m3;
  auto elementAttr = NVVM::WGMMATypesAttr::get(k.context, element);
  auto positive = NVVM::WGMMAScaleInAttr::get(k.context, NVVM::WGMMAScaleIn::one);
  Value tied = k.structure(registers);
  Value result = NVVM::WgmmaMmaAsyncOp::create(
      k.b, k.loc, tied.getType(), tied, descriptorA, descriptorB,
      NVVM::MMAShapeAttr::get(k.context, 64, n, type == WgmmaType::E4M3 ? 32 : 16), elementAttr, elementAttr,
      NVVM::WGMMATypesAttr::get(k.context, NVVM::WGMMATypes::f32),
      NVVM::WGMMAScaleOutAttr::get(k.context, accumulate ? NVVM::WGMMAScaleOut::one : NVVM::WGMMAScaleOut::zero),
      positive, positive, NVVM::MMALayoutAttr::get(k.context, NVVM::MMALayout::row),
      NVVM::MMALayoutAttr::get(k.context, transposeB ? NVVM::MMALayout::row : NVVM::MMALayout::col),
      NVVM::MMAIntOverflowAttr());
  registers = k.members(result);
}

/// "=f,=f,...,0,1,...": every operand tied to a result of its own register class.
static std::string tiedConstraints(ValueRange values) {
  std::string text;
  for (Value value : values)
    text += value.getType().isF32() ? "=f," : value.getType().isInteger(64) ? "=l," : "=r,";
  for (size_t i = 0; i < values.size(); ++i)
    text += std::to_string(i) + ",";
  return text;
}

static std::string registerList(size_t first, size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

static Values throughAsm(KernelBuilder &k, StringRef text, ValueRange values) {
  std::string constraints = tiedConstraints(values) + "~{memory}";
  if (values.size() == 1)
    return {k.inlineAsm(values[0].getType(), text, constraints, values, /*sideEffects=*/true)};
  Type type = LLVM::LLVMStructType::getLiteral(k.context, SmallVector<Type>(values.getTypes()));
  return k.members(k.inlineAsm(type, text, constraints, values, /*sideEffects=*/true));
}

void Accumulator::multiplyRegisters(WgmmaType type, ValueRange a, Value descriptorB, bool accumulate, bool transposeB) {
  assert(type != WgmmaType::E4M3 && a.size() == 4);
  size_t count = registers.size();
  StringRef element = type == WgmmaType::BF16 ? "bf16" : "f16";
  std::string text = "wgmma.mma_async.sync.aligned.m64n" + std::to_string(n) + "k16.f32." + element.str() + "." +
                     element.str() + " " + registerList(0, count) + ", " + registerList(2 * count, 4) + ", $" +
                     std::to_string(2 * count + 4) + (accumulate ? ", 1" : ", 0") + ", 1, 1" +
                     (transposeB ? ", 1;" : ", 0;");
  SmallVector<Value> operands(registers.begin(), registers.end());
  operands.append(a.begin(), a.end());
  operands.push_back(descriptorB);
  registers = k.members(k.inlineAsm(k.structOf(k.f32Ty, count), text,
                                    tiedConstraints(registers) + "r,r,r,r,l,~{memory}", operands,
                                    /*sideEffects=*/true));
}

void Accumulator::wait(int64_t pending) {
  registers = throughAsm(k, "wgmma.wait_group.sync.aligned " + std::to_string(pending) + ";", registers);
}
void Accumulator::pin() { registers = throughAsm(k, "", registers); }
Values hopper::pinRegisters(KernelBuilder &k, ValueRange values) { return throughAsm(k, "", values); }

Value Accumulator::row(int64_t h) const {
  Value thread = k.bitAnd(k.threadIndex(), 127);
  Value rowInWarp = k.shrU(k.bitAnd(thread, 31), 2);
  return k.add(k.add(k.mul(k.shrU(thread, 5), 16), rowInWarp), 8 * h);
}
Value Accumulator::column(int64_t index) const {
  return k.add(k.mul(k.bitAnd(k.threadIndex(), 3), 2), 8 * (index / 4) + index % 2);
}
