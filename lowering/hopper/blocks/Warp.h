// Exchange and reduction among the lanes of a warp and the warps of a CTA.
#pragma once

#include "lowering/hopper/blocks/SmemArena.h"

namespace mlir::deepseek::hopper {

Value shuffleXor(KernelBuilder &k, Value x, int64_t mask); // the value of lane ^ mask; 32-bit types
Value shuffleIndex(KernelBuilder &k, Value x, Value lane);
Value shuffleDown(KernelBuilder &k, Value x, int64_t delta); // the value of lane + delta; own value past the end
Value shuffleUp(KernelBuilder &k, Value x, int64_t delta);
Value ballot(KernelBuilder &k, Value condition); // i32, bit of each lane
Value anyLane(KernelBuilder &k, Value condition);
Value popCount(KernelBuilder &k, Value x);
Value matchAny(KernelBuilder &k, Value x); // i32: lanes that hold the same i32
Value laneMaskLess(KernelBuilder &k);      // i32: bits of the lanes below this one

using Combine = llvm::function_ref<Value(Value, Value)>;

/// Butterfly over groups of `width` (a power of two) neighbouring lanes; every lane gets the result. The order is
/// fixed, so results are reproducible.
Value warpReduce(KernelBuilder &k, Value x, Combine combine, int64_t width = 32);
Value warpSum(KernelBuilder &k, Value x, int64_t width = 32); // f32 or i32
Value warpMax(KernelBuilder &k, Value x, int64_t width = 32);

/// Reduces over all `warps` warps of the CTA; every thread gets the result. Contains two CTA barriers: all threads must
/// call it. `scratch`: offset of 4 * warps bytes of shared memory, 16-byte aligned.
Value blockReduce(KernelBuilder &k, SmemArena &arena, int64_t scratch, int64_t warps, Value x, Combine combine);
Value blockSum(KernelBuilder &k, SmemArena &arena, int64_t scratch, int64_t warps, Value x);
Value blockMax(KernelBuilder &k, SmemArena &arena, int64_t scratch, int64_t warps, Value x);

} // namespace mlir::deepseek::hopper
