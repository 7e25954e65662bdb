// Memory accesses as LLVM operations, with inline assembly where LLVM has no way to give a cache hint.
#include "lowering/hopper/blocks/Memory.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static int64_t byteSize(Type type) {
  int64_t count = 1;
  if (auto vector = dyn_cast<VectorType>(type))
    count = vector.getNumElements();
  return count * getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8;
}

/// A global load spelled `instruction`, as i32 registers that are then cast to `type`.
static Value loadWords(KernelBuilder &k, StringRef instruction, Type type, Value pointer) {
  int64_t words = byteSize(type) / 4;
  StringRef vectorSuffix = words == 4 ? ".v4" : words == 2 ? ".v2" : "";
  std::string text = (instruction + vectorSuffix + ".b32 ").str(), constraints;
  text += words == 1 ? "$0" : words == 2 ? "{$0, $1}" : "{$0, $1, $2, $3}";
  text += ", [$" + std::to_string(words) + "];";
  for (int64_t i = 0; i < words; ++i)
    constraints += "=r,";
  constraints += "l";
  if (words == 1)
    return k.bitcast(k.inlineAsm(k.i32Ty, text, constraints, pointer, /*sideEffects=*/true), type);
  Value loaded = k.inlineAsm(k.structOf(k.i32Ty, words), text, constraints, pointer, /*sideEffects=*/true);
  return k.bitcast(k.vector(k.members(loaded)), type);
}

Value hopper::loadGlobal(KernelBuilder &k, Type type, Value pointer, Cache cache) {
  if (cache == Cache::Stream && byteSize(type) >= 4)
    return loadWords(k, "ld.global.nc.L1::no_allocate.L2::128B", type, pointer);
  auto load = LLVM::LoadOp::create(k.b, k.loc, type, pointer, byteSize(type));
  load.setInvariant(cache != Cache::Default);
  return load;
}

Value hopper::loadRelaxed(KernelBuilder &k, Type type, Value pointer) {
  return loadWords(k, "ld.relaxed.gpu.global", type, pointer);
}

void hopper::storeRelaxed(KernelBuilder &k, Value value, Value pointer) {
  const int64_t words = byteSize(value.getType()) / 4;
  if (words == 1)
    return void(k.inlineAsm(Type(), "st.relaxed.gpu.global.b32 [$0], $1;", "l,r", {pointer, value}, true));
  Values operands{pointer};
  llvm::append_range(operands, k.elements(value));
  StringRef text = words == 4 ? "st.relaxed.gpu.global.v4.b32 [$0], {$1, $2, $3, $4};"
                              : "st.relaxed.gpu.global.v2.b32 [$0], {$1, $2};";
  k.inlineAsm(Type(), text, words == 4 ? "l,r,r,r,r" : "l,r,r", operands, /*sideEffects=*/true);
}

void hopper::storeGlobal(KernelBuilder &k, Value value, Value pointer) {
  LLVM::StoreOp::create(k.b, k.loc, value, pointer, byteSize(value.getType()));
}
Value hopper::loadShared(KernelBuilder &k, Type type, Value pointer) {
  return LLVM::LoadOp::create(k.b, k.loc, type, pointer, byteSize(type));
}
void hopper::storeShared(KernelBuilder &k, Value value, Value pointer) {
  LLVM::StoreOp::create(k.b, k.loc, value, pointer, byteSize(value.getType()));
}
Value hopper::loadCluster(KernelBuilder &k, Type type, Value pointer) { return loadShared(k, type, pointer); }

Value hopper::loadGlobalIf(KernelBuilder &k, Value condition, Type type, Value pointer, Cache cache, Value otherwise) {
  Values loaded = k.whenElse(
      condition, type, [&]() -> Values { return {loadGlobal(k, type, pointer, cache)}; },
      [&]() -> Values { return {otherwise ? otherwise : k.zero(type)}; });
  return loaded.front();
}

void hopper::prefetchToL2(KernelBuilder &k, Value globalPointer, int64_t bytes) {
  NVVM::CpAsyncBulkPrefetchOp::create(k.b, k.loc, globalPointer, k.i32(bytes), Value());
}

void hopper::cpAsync(KernelBuilder &k, Value sharedPointer, Value globalPointer, int64_t bytes, Value valid) {
  Value size = valid ? k.select(valid, k.i32(bytes), k.i32(0)) : Value();
  // cg (L2 only) exists for 16 bytes alone.
  auto modifier = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(k.b, k.loc, sharedPointer, globalPointer, bytes, modifier, size);
}
void hopper::cpAsyncCommit(KernelBuilder &k) { NVVM::CpAsyncCommitGroupOp::create(k.b, k.loc); }
void hopper::cpAsyncWait(KernelBuilder &k, int64_t pending) { NVVM::CpAsyncWaitGroupOp::create(k.b, k.loc, pending); }

Values hopper::loadMatrix(KernelBuilder &k, Value sharedPointer, int64_t count, bool transposed) {
  Type type = count == 1 ? k.i32Ty : Type(k.structOf(k.i32Ty, count));
  Value loaded = NVVM::LdMatrixOp::create(
      k.b, k.loc, type, sharedPointer, count, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(k.context, 8, 8), NVVM::LdStMatrixEltType::B16);
  return count == 1 ? Values{loaded} : k.members(loaded);
}
void hopper::storeMatrix(KernelBuilder &k, Value sharedPointer, ValueRange matrices, bool transposed) {
  NVVM::StMatrixOp::create(k.b, k.loc, sharedPointer, matrices,
                           transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(k.context, 8, 8), NVVM::LdStMatrixEltType::B16);
}

// LLVM emits a relaxed atomic whatever ordering is asked for; nothing stronger is promised here.
static Value atomicAdd(KernelBuilder &k, Value pointer, Value value) {
  auto kind = isa<FloatType>(value.getType()) ? LLVM::AtomicBinOp::fadd : LLVM::AtomicBinOp::add;
  return LLVM::AtomicRMWOp::create(k.b, k.loc, kind, pointer, value, LLVM::AtomicOrdering::monotonic, "device");
}
Value hopper::atomicAddGlobal(KernelBuilder &k, Value pointer, Value value) { return atomicAdd(k, pointer, value); }
Value hopper::atomicAddShared(KernelBuilder &k, Value pointer, Value value) { return atomicAdd(k, pointer, value); }
void hopper::atomicOrShared(KernelBuilder &k, Value pointer, Value bits) {
  LLVM::AtomicRMWOp::create(k.b, k.loc, LLVM::AtomicBinOp::_or, pointer, bits, LLVM::AtomicOrdering::monotonic,
                            "device");
}

Value hopper::swizzle(KernelBuilder &k, Value row, Int columnBytes, int64_t rowBytes) {
  Value column = columnBytes.value ? columnBytes.value : k.i32(columnBytes.constant);
  // 128-byte rows: chunk ^= row % 8; 64: chunk ^= (row / 2) % 4; 32: chunk ^= (row / 4) % 2.
  Value pattern = rowBytes == 128  ? k.bitAnd(row, 7)
                  : rowBytes == 64 ? k.bitAnd(k.shrU(row, 1), 3)
                                   : k.bitAnd(k.shrU(row, 2), 1);
  return k.add(k.mul(row, rowBytes), k.bitXor(column, k.shl(pattern, 4)));
}
