// Conversions and fast functions.
#include "lowering/hopper/blocks/Convert.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static Value packPair(KernelBuilder &k, Value low, Value high, Type element) {
  return k.bitcast(LLVM::FPTruncOp::create(k.b, k.loc, k.vec(2, element), k.vector({low, high})), k.i32Ty);
}
Value hopper::packBf16(KernelBuilder &k, Value low, Value high) { return packPair(k, low, high, k.bf16Ty); }
Value hopper::packF16(KernelBuilder &k, Value low, Value high) { return packPair(k, low, high, k.f16Ty); }

std::pair<Value, Value> hopper::unpackBf16(KernelBuilder &k, Value pair) {
  // A bf16 is the upper half of the f32 of the same value.
  return {k.bitcast(k.shl(pair, 16), k.f32Ty), k.bitcast(k.bitAnd(pair, 0xffff0000ll), k.f32Ty)};
}
std::pair<Value, Value> hopper::unpackF16(KernelBuilder &k, Value pair) {
  Value halves = k.bitcast(pair, k.vec(2, k.f16Ty));
  auto extend = [&](int64_t index) -> Value {
    return LLVM::FPExtOp::create(k.b, k.loc, k.f32Ty, k.extract(halves, index));
  };
  return {extend(0), extend(1)};
}

std::pair<Value, Value> hopper::e4m3ToF16(KernelBuilder &k, Value four) {
  auto convert = [&](Value two) {
    Value bytes = k.bitcast(two, k.vec(2, k.i8Ty));
    Value halves = NVVM::ConvertF8x2ToF16x2Op::create(k.b, k.loc, k.vec(2, k.f16Ty), bytes, BoolAttr(),
                                                      TypeAttr::get(Float8E4M3FNType::get(k.context)));
    return k.bitcast(halves, k.i32Ty);
  };
  return {convert(k.trunc(four, k.i16Ty)), convert(k.trunc(k.shrU(four, 16), k.i16Ty))};
}

Values hopper::e4m3ToF32(KernelBuilder &k, Value four) {
  auto [low, high] = e4m3ToF16(k, four);
  auto [a, b] = unpackF16(k, low);
  auto [c, d] = unpackF16(k, high);
  return {a, b, c, d};
}

Value hopper::f32ToE4m3(KernelBuilder &k, ValueRange four) {
  auto convert = [&](Value low, Value high) { // the operation puts its first operand into the upper byte
    Value two = NVVM::ConvertF32x2ToF8x2Op::create(k.b, k.loc, k.i16Ty, high, low, NVVM::FPRoundingMode::RN,
                                                   NVVM::SaturationMode::SATFINITE,
                                                   /*relu=*/false, Float8E4M3FNType::get(k.context));
    return k.zext(two, k.i32Ty);
  };
  return k.bitOr(convert(four[0], four[1]), k.shl(convert(four[2], four[3]), 16));
}

Value hopper::toF32(KernelBuilder &k, Value x) {
  if (x.getType().isF32())
    return x;
  if (x.getType().isInteger(8))
    return e4m3ToF32(k, k.zext(x, k.i32Ty)).front();
  return LLVM::FPExtOp::create(k.b, k.loc, k.f32Ty, x);
}
Value hopper::fromF32(KernelBuilder &k, Value x, Type type) {
  if (type.isF32())
    return x;
  if (type.isInteger(8))
    return k.trunc(f32ToE4m3(k, {x, x, x, x}), k.i8Ty);
  return LLVM::FPTruncOp::create(k.b, k.loc, type, x);
}

static Value unaryAsm(KernelBuilder &k, StringRef instruction, Value x) {
  return k.inlineAsm(k.f32Ty, (instruction + " $0, $1;").str(), "=f,f", x, /*sideEffects=*/false);
}
Value hopper::exp2Fast(KernelBuilder &k, Value x) { return unaryAsm(k, "ex2.approx.ftz.f32", x); }
Value hopper::log2Fast(KernelBuilder &k, Value x) { return unaryAsm(k, "lg2.approx.ftz.f32", x); }
Value hopper::reciprocalFast(KernelBuilder &k, Value x) { return unaryAsm(k, "rcp.approx.ftz.f32", x); }
Value hopper::rsqrtFast(KernelBuilder &k, Value x) { return unaryAsm(k, "rsqrt.approx.ftz.f32", x); }
Value hopper::tanhFast(KernelBuilder &k, Value x) { return unaryAsm(k, "tanh.approx.f32", x); }
Value hopper::expFast(KernelBuilder &k, Value x) { return exp2Fast(k, k.fmul(x, k.f32(1.4426950408889634))); }
