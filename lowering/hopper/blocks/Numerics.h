// Functions whose accuracy a kernel promises, and keys that order floats as integers.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

// --- f32 functions. Convert.h has faster ones. NaN in, NaN out.
/// e^x within 2 units in the last place for every x (expFast loses |x| * 2^-24); denormal results included.
Value expAccurate(KernelBuilder &k, Value x);
/// 1 / (1 + e^-x) within 4 units in the last place.
Value sigmoid(KernelBuilder &k, Value x);
/// The same for results of 8 bits or fewer: within |x| 2^-23 + 2^-21 of it (2^-16 at most), 0 below 2^-126. A third of
/// the instructions.
Value sigmoidFast(KernelBuilder &k, Value x);
/// x / y within 2 units in the last place, full range (div.full); k.fdiv rounds correctly and costs three times as
/// much.
Value divideFast(KernelBuilder &k, Value x, Value y);
/// Cosine and sine of an f64 angle. The reduction to a quadrant is f64 and exact to 1e-10 for |angle| < 2^26; the
/// series are f32, |error| < 1.2e-7.
std::pair<Value, Value> cosSin(KernelBuilder &k, Value angle);

// --- e4m3 with a scale for each block
/// The scale of a block whose largest magnitude is known: max(largest, 1e-4) / 448, rounded up to a power of two or
/// not. It is correctly rounded, and so is each e4m3 that `scaleDown` leads to: scales and data are the same bits on
/// every target.
struct BlockScale {
  Value scale;
  Value inverse; // exact, of a power of two; else correctly rounded
  Value divisor; // what the product with `inverse` is corrected by; null for a power of two
};
BlockScale blockScale(KernelBuilder &k, Value largest, bool powerOfTwo);
/// x / scale, to be rounded to e4m3.
Value scaleDown(KernelBuilder &k, const BlockScale &block, Value x);

// --- selection
/// An i32 that, compared unsigned, orders as the f32 does; -0 and +0 have one key. Zero is below the key of every
/// number.
Value orderedKey(KernelBuilder &k, Value x);
/// The f32 of a key (of +0 for both zeros).
Value fromOrderedKey(KernelBuilder &k, Value key);
/// Unsigned maximum and minimum of an i32 over the 32 lanes, in one instruction each.
Value warpMaxUnsigned(KernelBuilder &k, Value x);
Value warpMinUnsigned(KernelBuilder &k, Value x);

/// Candidates held in registers: each lane has `keys` (0: none) of the elements `indices`.
struct LaneCandidates {
  Values keys, indices;
};
struct Winner {
  Value key, index; // the same in all lanes
};
/// The warp's largest key and, of the elements that have it, the lowest index. The winner is then removed (key 0).
Winner takeBest(KernelBuilder &k, LaneCandidates &candidates);

} // namespace mlir::deepseek::hopper
