// Loads, stores and copies: global, shared and between them.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// How a global load treats the caches.
enum class Cache {
  Default, // L1 and L2
  Stream,  // read once, never again by this CTA: no L1 allocation, 128-byte L2 prefetch. Read-only data only
  Constant // read-only for the whole kernel: the non-coherent path. NOT for what an earlier kernel wrote before
           // gridDependencyWait
};

/// A scalar or vector of 1, 2, 4, 8 or 16 bytes, aligned to its size.
Value loadGlobal(KernelBuilder &k, Type type, Value pointer, Cache cache = Cache::Default);
void storeGlobal(KernelBuilder &k, Value value, Value pointer);
Value loadShared(KernelBuilder &k, Type type, Value pointer);
void storeShared(KernelBuilder &k, Value value, Value pointer);
/// Through a clusterAddress, same rules.
Value loadCluster(KernelBuilder &k, Type type, Value pointer);
/// `value` where `condition`, else no access and `otherwise` (zeros when null).
Value loadGlobalIf(KernelBuilder &k, Value condition, Type type, Value pointer, Cache cache = Cache::Default,
                   Value otherwise = Value());

/// Words that other CTAs of this kernel write, or read, while it runs: each i32 is whole, and nothing is ordered.
/// Vectors of 2 or 4 words, aligned to their size, too.
Value loadRelaxed(KernelBuilder &k, Type type, Value pointer);
void storeRelaxed(KernelBuilder &k, Value value, Value pointer);

/// Requests that `bytes` (a multiple of 16, aligned to 16) be brought into L2. By one lane.
void prefetchToL2(KernelBuilder &k, Value globalPointer, int64_t bytes);

/// Copies 4, 8 or 16 bytes from global to shared memory without registers. With `valid` false zeros are written,
/// nothing is read.
void cpAsync(KernelBuilder &k, Value sharedPointer, Value globalPointer, int64_t bytes, Value valid = Value());
void cpAsyncCommit(KernelBuilder &k);
/// Waits until at most `pending` committed groups of this thread are under way.
void cpAsyncWait(KernelBuilder &k, int64_t pending);

/// Loads `count` (1, 2, 4) 8x8 matrices of 16-bit elements; lane 8*i + r gives the address of row r of matrix i. Each
/// lane gets one i32 (two elements) of each matrix: row lane/4, columns 2*(lane%4) and the next; transposed: of the
/// transposed matrix.
Values loadMatrix(KernelBuilder &k, Value sharedPointer, int64_t count, bool transposed = false);
/// The reverse, with 1, 2 or 4 matrices.
void storeMatrix(KernelBuilder &k, Value sharedPointer, ValueRange matrices, bool transposed = false);

/// Atomic add of a float or integer in global memory, relaxed; returns the old value.
Value atomicAddGlobal(KernelBuilder &k, Value pointer, Value value);
/// Atomic add of an i32 in shared memory, relaxed; returns the old value.
Value atomicAddShared(KernelBuilder &k, Value pointer, Value value);
/// Sets bits of an i32 in shared memory, relaxed.
void atomicOrShared(KernelBuilder &k, Value pointer, Value bits);

/// The byte offset inside a tile whose rows are `rowBytes` (32, 64 or 128) long, as TMA writes it with that swizzle:
/// the 16-byte chunk's index is XORed with the row's. `column` in bytes; the tile starts at a multiple of 8 * rowBytes.
Value swizzle(KernelBuilder &k, Value row, Int columnBytes, int64_t rowBytes);

} // namespace mlir::deepseek::hopper
