// Writing and joining parts of an attention.
#include "lowering/hopper/blocks/SoftmaxExchange.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

Value SoftmaxExchange::outputAt(Value row, Value column) {
  return arena.at(offset, k.add(k.mul(row, pitch(columns)), k.mul(column, 4)));
}
Value SoftmaxExchange::rowAt(Value row) { return arena.at(offset + rows * pitch(columns), k.mul(row, kRowBytes)); }

void SoftmaxExchange::write(Value firstRow, ArrayRef<Value> output, const SoftmaxRows &softmax) {
  Value quad = k.bitAnd(k.laneIndex(), 3);
  for (int64_t half = 0; half < 2; ++half) {
    Value row = k.add(firstRow, 8 * half), target = outputAt(row, k.mul(quad, 2));
    for (int64_t group = 0; group < columns / 8; ++group)
      storeShared(k, k.vector({output[4 * group + 2 * half], output[4 * group + 2 * half + 1]}),
                  k.gep(target, group * 8 * 4));
    k.when(k.eq(quad, 0), [&] { storeShared(k, k.vector({softmax.max[half], softmax.sum[half]}), rowAt(row)); });
  }
}

void SoftmaxExchange::join(Value thread, int64_t threads, llvm::function_ref<void(Value, Value, Value)> store) {
  int64_t share = rows / parts, pieces = columns / 4;
  Value firstRow = k.mul(k.clusterRank(), share);
  k.loop(thread, k.i32(share * pieces), threads, [&](Value item) {
    Value row = k.add(firstRow, k.divU(item, pieces)), column = k.mul(k.remU(item, pieces), 4);
    Values sums, outputs;
    for (int64_t part = 0; part < parts; ++part) {
      Value rank = k.i32(part);
      sums.push_back(loadCluster(k, k.vec(2, k.f32Ty), clusterAddress(k, rowAt(row), rank)));
      outputs.push_back(loadCluster(k, k.vec(4, k.f32Ty), clusterAddress(k, outputAt(row, column), rank)));
    }
    Value hidden = k.f32(-std::numeric_limits<double>::infinity()), top = hidden, sum = k.f32(0);
    for (Value own : sums)
      top = k.fmax(top, k.extract(own, 0));
    top = k.select(k.feq(top, hidden), k.f32(0), top); // no part has seen a key: all weights are 0
    Values joined(4, k.f32(0));
    for (auto [own, output] : llvm::zip(sums, outputs)) {
      Value weight = exp2Fast(k, k.fsub(k.extract(own, 0), top));
      sum = k.fma(weight, k.extract(own, 1), sum);
      for (auto [i, element] : llvm::enumerate(joined))
        element = k.fma(weight, k.extract(output, i), element);
    }
    Value inverse = k.select(k.fgt(sum, k.f32(0)), reciprocalFast(k, sum), k.f32(0));
    Values scaled;
    for (Value element : joined)
      scaled.push_back(k.fmul(element, inverse));
    store(row, column, k.vector({packBf16(k, scaled[0], scaled[1]), packBf16(k, scaled[2], scaled[3])}));
  });
}
