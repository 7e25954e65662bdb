// TMA: bulk copies of tensor boxes between global and shared memory, described by a tensor map that the host encodes.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// What a tensor map describes. Dimension 0 is the contiguous one; everything outside `dims` loads as zeros and is not
/// stored.
struct TensorMapShape {
  Type element;                       // f32, bf16, f16, i32, or i8 for bytes and fp8
  llvm::SmallVector<int64_t> dims;    // elements, rank 1..5
  llvm::SmallVector<int64_t> strides; // bytes, multiples of 16, of dimensions 1 and up
  llvm::SmallVector<int64_t>
      box; // elements of one copy, at most 256 each; box[0] bytes are a multiple of 16 and at most `swizzle`
  int64_t swizzle = 0; // bytes: 0, 32, 64, 128
  int64_t boxBytes() const;
};

/// Why TMA cannot address this (pitch, alignment of `byteOffset`), or an empty string. The runtime's allocations are
/// 256-byte aligned.
std::string whyNotTma(const TensorMapShape &shape, int64_t byteOffset);

void prefetchTensorMap(KernelBuilder &k, Value map);
/// Starts the copy of the box at `coordinates` (dimension 0 first, i32) into shared memory; its bytes count towards
/// `barrier`. One thread.
void tmaLoad(KernelBuilder &k, Value sharedPointer, Value map, ValueRange coordinates, Value barrier);
/// The same copy into every CTA of the cluster whose bit is set in `mask`, each with its own barrier at the same
/// offset.
void tmaLoadMulticast(KernelBuilder &k, Value sharedPointer, Value map, ValueRange coordinates, Value barrier,
                      int64_t mask);
/// Starts the copy of a box out of shared memory; after fenceAsyncShared by the writers and a barrier. One thread,
/// which also commits and waits.
void tmaStore(KernelBuilder &k, Value map, Value sharedPointer, ValueRange coordinates);
/// As tmaLoad for `bytes` (a multiple of 16) contiguous bytes at 16-byte aligned addresses; needs no tensor map.
void bulkLoad(KernelBuilder &k, Value sharedPointer, Value globalPointer, Int bytes, Value barrier);
void tmaStoreCommit(KernelBuilder &k);
/// Until at most `pending` committed stores still read shared memory.
void tmaStoreWaitRead(KernelBuilder &k, int64_t pending);
/// Until at most `pending` committed stores are incomplete. Needed before the CTA ends.
void tmaStoreWait(KernelBuilder &k, int64_t pending);

} // namespace mlir::deepseek::hopper
