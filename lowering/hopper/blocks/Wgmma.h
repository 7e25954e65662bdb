// wgmma: matrix products of a warpgroup (four warps, 128 threads), with B, and A if wanted, read from shared memory.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// Element types of the multiplicands. One instruction covers 32 bytes of K: 16 elements of 16 bits, 32 of fp8.
enum class WgmmaType { BF16, F16, E4M3 };

/// The descriptor (i64) of an operand tile in shared memory with a 128-byte swizzle, K-major: rows of 128 bytes, groups
/// of eight rows 1024 bytes apart; rows longer than 128 bytes are several such tiles. `pointer` plus multiples of 32
/// bytes (advanceDescriptor) steps along K within a tile.
Value wgmmaDescriptor(KernelBuilder &k, Value sharedPointer);
/// The general form: `leadingBytes` and `strideBytes` as the PTX manual's matrix-descriptor defines them for the tile's
/// layout; swizzle 0, 32, 64, 128. A transposed operand (MN-major, 16-bit types only) with a 128-byte swizzle is made
/// of 64-element rows along MN, one row per k: `strideBytes` between groups of eight k (1024 if they follow one
/// another), `leadingBytes` between groups of 64 along MN.
Value wgmmaDescriptor(KernelBuilder &k, Value sharedPointer, int64_t leadingBytes, int64_t strideBytes,
                      int64_t swizzle);
Value advanceDescriptor(KernelBuilder &k, Value descriptor, Int bytes);

/// Orders register writes before the wgmma that follow.
void wgmmaFence(KernelBuilder &k);
void wgmmaCommit(KernelBuilder &k);

/// The accumulator of a 64 x n tile, n a multiple of 8 up to 256: n/2 f32 registers of each thread. Register 4*j + 2*h
/// + c lies at row 16 * (warp % 4) + lane / 4 + 8 * h, column 8 * j + 2 * (lane % 4) + c. Registers are SSA values:
/// carry values() through loops. Define an accumulator by a first product with `accumulate` false (never by zeros
/// before a loop: ptxas then serialises the products).
class Accumulator {
public:
  Accumulator(KernelBuilder &k, int64_t n) : k(k), n(n), registers(n / 2, k.undef(k.f32Ty)) {}
  Accumulator(KernelBuilder &k, int64_t n, ValueRange values) : k(k), n(n), registers(values) {}

  /// D = A B^T (+ D), asynchronous; operands as descriptors. `transposeB` reads B as MN-major.
  void multiply(WgmmaType type, Value descriptorA, Value descriptorB, bool accumulate, bool transposeB = false);
  /// The same with A's 64 x 16 tile in four i32 registers of each thread, in the layout of accumulator registers 4*j ..
  /// 4*j+7 packed in pairs: (0,1), (2,3), (4,5), (6,7). 16-bit types.
  void multiplyRegisters(WgmmaType type, ValueRange a, Value descriptorB, bool accumulate, bool transposeB = false);
  /// Waits until at most `pending` committed groups are under way, and ties the registers to it: nothing reads them
  /// earlier.
  void wait(int64_t pending);
  /// An ordering point without an instruction: what computes the registers stays before it, what uses them after.
  void pin();

  Value row(int64_t h) const; // row of registers with this h, of the warpgroup's 64 (h: bit 1 of the register's index)
  Value column(int64_t index) const; // column of register `index`
  Value &operator[](int64_t index) { return registers[index]; }
  int64_t size() const { return registers.size(); }
  Values values() const { return registers; }
  void assign(ValueRange values) { registers = Values(values); }

private:
  KernelBuilder &k;
  int64_t n;
  Values registers;
};

/// Passes values (f32, i32, i64) through an empty instruction, so that nothing that makes them moves past it. Used for
/// A registers before wgmmaFence, and for descriptors inside loops, which LLVM would otherwise hoist and spill.
Values pinRegisters(KernelBuilder &k, ValueRange values);

} // namespace mlir::deepseek::hopper
