// Conversions between the storage types and f32, in the packed forms that the hardware has, and fast functions.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

// --- pairs in an i32: the first element in the low half
// -------------------------------------------------------------------
Value packBf16(KernelBuilder &k, Value low, Value high); // two f32, rounded to nearest even
Value packF16(KernelBuilder &k, Value low, Value high);
std::pair<Value, Value> unpackBf16(KernelBuilder &k, Value pair); // to two f32, exact
std::pair<Value, Value> unpackF16(KernelBuilder &k, Value pair);

// --- e4m3, bytes in increasing order
// ---------------------------------------------------------------------------------------
/// Four e4m3 in an i32 to two i32 of f16 pairs, exact.
std::pair<Value, Value> e4m3ToF16(KernelBuilder &k, Value four);
/// Four e4m3 in an i32 to four f32, exact.
Values e4m3ToF32(KernelBuilder &k, Value four);
/// Four f32 to e4m3 in an i32, nearest even, saturating at 448.
Value f32ToE4m3(KernelBuilder &k, ValueRange four);

/// Any scalar of a storage type (f32, bf16, f16; i8 read as e4m3) to f32, and back. For the odd element; use the packed
/// forms in bulk.
Value toF32(KernelBuilder &k, Value x);
Value fromF32(KernelBuilder &k, Value x, Type type);

// --- approximations of 2^-22 relative error or better
// ------------------------------------------------------------------------
Value exp2Fast(KernelBuilder &k, Value x); // 2^x; denormal results are zero
Value log2Fast(KernelBuilder &k, Value x);
Value reciprocalFast(KernelBuilder &k, Value x);
Value rsqrtFast(KernelBuilder &k, Value x);
Value tanhFast(KernelBuilder &k, Value x); // 2^-11
Value expFast(KernelBuilder &k, Value x);  // exp2Fast(x * log2 e)

} // namespace mlir::deepseek::hopper
