// Parts of one attention in the CTAs of a cluster, joined through their shared memory.
#pragma once

#include "lowering/hopper/blocks/OnlineSoftmax.h"
#include "lowering/hopper/blocks/SmemArena.h"

namespace mlir::deepseek::hopper {

/// `rows` x `columns` of output in f32, relative to their rows' maxima, with maxima and sums, at the same offset in
/// every CTA of a cluster of `parts`. Order: every CTA writes; barrier of the cluster; every CTA joins a share of the
/// rows; barrier of the cluster, because memory of a CTA that has ended cannot be read.
class SoftmaxExchange {
public:
  SoftmaxExchange(KernelBuilder &k, SmemArena &arena, int64_t offset, int64_t rows, int64_t columns, int64_t parts)
      : k(k), arena(arena), offset(offset), rows(rows), columns(columns), parts(parts) {}

  static int64_t bytes(int64_t rows, int64_t columns) { return rows * (pitch(columns) + kRowBytes); }

  /// A lane's part of an accumulator (as SoftmaxRows has it; its first row is `row`) after softmax.finish.
  void write(Value row, ArrayRef<Value> output, const SoftmaxRows &softmax);
  /// `store` gets four columns of a row, as bf16 in two i32. `thread` of `threads` that all call it.
  void join(Value thread, int64_t threads, llvm::function_ref<void(Value row, Value column, Value words)> store);

private:
  static constexpr int64_t kRowBytes = 8; // maximum and sum
  /// 32: rows of a half-warp's stores lie in different banks.
  static int64_t pitch(int64_t columns) { return columns * 4 + 32; }
  Value outputAt(Value row, Value column);
  Value rowAt(Value row);

  KernelBuilder &k;
  SmemArena &arena;
  int64_t offset, rows, columns, parts;
};

} // namespace mlir::deepseek::hopper
