// Accurate exponentials, angles and float ordering.
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Convert.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

/// 2^n of an i32 in [-126, 127].
static Value powerOfTwo(KernelBuilder &k, Value n) { return k.bitcast(k.add(k.shl(n, 23), 0x3f800000), k.f32Ty); }

Value hopper::expAccurate(KernelBuilder &k, Value x) {
  // e^x = 2^n 2^f with n + f = x log2 e, |f| <= 1/2. log2 e is split in two floats so that f is as good as x is; 2^n is
  // applied in two halves, which reach denormal results and infinity without overflowing on the way.
  const double log2e = std::numbers::log2e;
  const double high = static_cast<float>(log2e), low = log2e - high;
  Value bounded = arith::MaximumFOp::create(k.b, k.loc, x, k.f32(-110.0)); // e^-110 rounds to zero; NaN stays NaN
  bounded = arith::MinimumFOp::create(k.b, k.loc, bounded, k.f32(100.0));
  // Adding 1.5 * 2^23 rounds to an integer, which the lowest bits then hold. Conversions would do that in the unit of
  // ex2, at a quarter of the rate: whole rows wait for it.
  constexpr double shifter = 0x1.8p23;
  Value shifted = k.fma(bounded, k.f32(high), k.f32(shifter));
  Value n = k.sub(k.bitcast(shifted, k.i32Ty), 0x4b400000);
  Value f = k.fma(bounded, k.f32(high), k.fneg(k.fsub(shifted, k.f32(shifter))));
  f = k.fma(bounded, k.f32(low), f);
  Value half = k.shrS(n, 1);
  Value result = k.fmul(exp2Fast(k, f), powerOfTwo(k, half));
  return k.fmul(result, powerOfTwo(k, k.sub(n, half)));
}

Value hopper::sigmoid(KernelBuilder &k, Value x) {
  return divideFast(k, k.f32(1), k.fadd(k.f32(1), expAccurate(k, k.fneg(x))));
}

Value hopper::sigmoidFast(KernelBuilder &k, Value x) {
  Value power = exp2Fast(k, k.fmul(x, k.f32(-std::numbers::log2e)));
  return reciprocalFast(k, k.fadd(k.f32(1), power));
}

Value hopper::divideFast(KernelBuilder &k, Value x, Value y) {
  return k.inlineAsm(k.f32Ty, "div.full.f32 $0, $1, $2;", "=f,f,f", {x, y}, /*sideEffects=*/false);
}

/// sum_i (-1)^i t^(2i) / (2i + odd)! up to the given number of terms: cos t, or sin t / t.
static Value alternatingSeries(KernelBuilder &k, Value square, int terms, int odd) {
  Value result;
  for (int i = terms - 1; i >= 0; --i) {
    Value coefficient = k.f32((i % 2 ? -1.0 : 1.0) / std::tgamma(2.0 * i + odd + 1.0));
    result = result ? k.fma(result, square, coefficient) : coefficient;
  }
  return result;
}

std::pair<Value, Value> hopper::cosSin(KernelBuilder &k, Value angle) {
  auto f64 = [&](double value) -> Value { return arith::ConstantOp::create(k.b, k.loc, k.b.getF64FloatAttr(value)); };
  // angle = quadrant * pi/2 + t, |t| <= pi/4; pi/2 in two doubles.
  const double halfPi = std::numbers::pi / 2, halfPiRest = 6.123233995736766e-17;
  Value quadrant = LLVM::RoundEvenOp::create(k.b, k.loc, k.f64Ty, k.fmul(angle, f64(1 / halfPi)));
  Value reduced = k.fma(quadrant, f64(-halfPi), angle);
  reduced = k.fma(quadrant, f64(-halfPiRest), reduced);
  Value t = LLVM::FPTruncOp::create(k.b, k.loc, k.f32Ty, reduced);
  Value square = k.fmul(t, t);
  // The first term left out is below 1e-8 (t^10 / 10!) and 2e-9 (t^11 / 11!).
  Value cosine = alternatingSeries(k, square, /*terms=*/6, /*odd=*/0);
  Value sine = k.fmul(t, alternatingSeries(k, square, /*terms=*/5, /*odd=*/1));
  Value q = k.bitAnd(arith::FPToSIOp::create(k.b, k.loc, k.i32Ty, quadrant), 3);
  Value swapped = k.ne(k.bitAnd(q, 1), 0);
  Value cosResult = k.select(swapped, sine, cosine), sinResult = k.select(swapped, cosine, sine);
  // cos is negative in quadrants 1 and 2, sin in 2 and 3.
  cosResult = k.select(k.ne(k.bitAnd(k.add(q, 1), 2), 0), k.fneg(cosResult), cosResult);
  sinResult = k.select(k.ne(k.bitAnd(q, 2), 0), k.fneg(sinResult), sinResult);
  return {cosResult, sinResult};
}

/// (x - quotient * divisor) * reciprocal more: one step that makes an approximate quotient correctly rounded but in the
/// cases that the caller excludes. The sign of a zero stays.
static Value refineQuotient(KernelBuilder &k, Value x, Value divisor, Value reciprocal, Value quotient) {
  return k.fma(k.fma(quotient, divisor, k.fneg(x)), k.fneg(reciprocal), quotient);
}

BlockScale hopper::blockScale(KernelBuilder &k, Value largest, bool powerOfTwo) {
  // The quotient by 448 is correctly rounded: true of each of the 2^23 mantissas, and nothing here is subnormal.
  Value infinity = k.f32(std::numeric_limits<double>::infinity()), reciprocal = k.f32(1.0f / 448.0f);
  Value bounded = k.fmax(largest, k.f32(1e-4f));
  Value scale = refineQuotient(k, bounded, k.f32(448), reciprocal, k.fmul(bounded, reciprocal));
  scale = k.select(k.flt(bounded, infinity), scale, infinity);
  if (!powerOfTwo) {
    // An infinite scale has reciprocal 0, which no remainder must multiply by it. For scales from 2^-126 to 2^126 this
    // is the machine's own sequence for a correctly rounded reciprocal, without the branch for others.
    Value divisor = k.select(k.flt(bounded, infinity), scale, k.f32(0)), start = reciprocalFast(k, scale);
    return {scale, refineQuotient(k, k.f32(1), divisor, start, start), divisor};
  }
  // Any mantissa bit carries into the exponent.
  Value bits = k.bitAnd(k.add(k.bitcast(scale, k.i32Ty), 0x7fffff), 0x7f800000);
  return {k.bitcast(bits, k.f32Ty), k.bitcast(k.sub(k.i32(254 << 23), bits), k.f32Ty), Value()};
}

Value hopper::scaleDown(KernelBuilder &k, const BlockScale &block, Value x) {
  Value quotient = k.fmul(x, block.inverse);
  if (!block.divisor)
    return quotient;
  // With the correctly rounded reciprocal the product is 1.5 units off at most, and one step brings it to within
  // 2^-22 units of the quotient: it rounds differently only if the quotient lies that near the middle of two floats.
  // For e4m3 this matters beside its own midpoints alone; the few pairs (x, scale) that come so near to one of
  // those have been enumerated, and none of them changes its e4m3.
  return refineQuotient(k, x, block.divisor, block.inverse, quotient);
}

Value hopper::orderedKey(KernelBuilder &k, Value x) {
  Value bits = k.bitcast(k.fadd(x, k.f32(0.0)), k.i32Ty); // -0 + 0 is +0
  Value mask = k.bitOr(k.shrS(bits, 31), static_cast<int32_t>(0x80000000u));
  return k.bitXor(bits, mask);
}

Value hopper::fromOrderedKey(KernelBuilder &k, Value key) {
  Value mask = k.bitOr(k.shrS(k.bitXor(key, -1), 31), static_cast<int32_t>(0x80000000u));
  return k.bitcast(k.bitXor(key, mask), k.f32Ty);
}

static Value redux(KernelBuilder &k, Value x, NVVM::ReduxKind kind) {
  return NVVM::ReduxOp::create(k.b, k.loc, k.i32Ty, x, kind, k.i32(-1), /*abs=*/false, /*nan=*/false);
}
Value hopper::warpMaxUnsigned(KernelBuilder &k, Value x) { return redux(k, x, NVVM::ReduxKind::UMAX); }
Value hopper::warpMinUnsigned(KernelBuilder &k, Value x) { return redux(k, x, NVVM::ReduxKind::UMIN); }

Winner hopper::takeBest(KernelBuilder &k, LaneCandidates &candidates) {
  Value best = candidates.keys.front();
  for (Value key : llvm::drop_begin(candidates.keys))
    best = k.maxU(best, key);
  best = warpMaxUnsigned(k, best);
  Value index = k.i32(-1);
  for (auto [key, candidate] : llvm::zip(candidates.keys, candidates.indices))
    index = k.minU(index, k.select(k.eq(key, best), candidate, k.i32(-1)));
  index = warpMinUnsigned(k, index);
  for (auto [key, candidate] : llvm::zip(candidates.keys, candidates.indices))
    key = k.select(k.eq(candidate, index), k.i32(0), key);
  return {best, index};
}
