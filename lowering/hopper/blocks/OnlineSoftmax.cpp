// Online softmax on accumulator fragments.
#include "lowering/hopper/blocks/OnlineSoftmax.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kLanesPerRow = 4;
static Value minusInfinity(KernelBuilder &k) { return k.f32(-std::numeric_limits<double>::infinity()); }

SoftmaxRows SoftmaxRows::start(KernelBuilder &k) {
  SoftmaxRows rows;
  rows.max = {minusInfinity(k), minusInfinity(k)};
  rows.sum = {k.f32(0), k.f32(0)};
  return rows;
}

Values SoftmaxRows::add(KernelBuilder &k, ValueRange scores, Value scale, std::array<Value, 2> &rescale) {
  SmallVector<Value> probabilities(scores.begin(), scores.end());
  for (int64_t row = 0; row < 2; ++row) {
    Value top = probabilities[2 * row];
    for (size_t i = 0; i < probabilities.size(); i += 4)
      for (int64_t j = 0; j < 2; ++j)
        top = k.fmax(top, probabilities[i + 2 * row + j]);
    top = k.fmax(max[row], k.fmul(warpMax(k, top, kLanesPerRow), scale));
    // -inf minus -inf is NaN: subtract 0 instead while every key of the row is masked.
    Value base = k.select(k.feq(top, minusInfinity(k)), k.f32(0), top);
    rescale[row] = exp2Fast(k, k.fsub(max[row], base));
    Value negated = k.fneg(base), part = k.fmul(sum[row], rescale[row]);
    for (size_t i = 0; i < probabilities.size(); i += 4)
      for (int64_t j = 0; j < 2; ++j) {
        Value &p = probabilities[i + 2 * row + j];
        p = exp2Fast(k, k.fma(p, scale, negated));
        part = k.fadd(part, p);
      }
    max[row] = top;
    sum[row] = part;
  }
  Values fragments; // sixteen keys: A[0], A[1] from the first group of eight, A[2], A[3] from the second
  for (size_t i = 0; i < probabilities.size(); i += 2)
    fragments.push_back(packBf16(k, probabilities[i], probabilities[i + 1]));
  return fragments;
}

void SoftmaxRows::finish(KernelBuilder &k) {
  for (Value &part : sum)
    part = warpSum(k, part, kLanesPerRow);
}

Value SoftmaxRows::inverse(KernelBuilder &k, int64_t row) const {
  return k.select(k.fgt(sum[row], k.f32(0)), reciprocalFast(k, sum[row]), k.f32(0));
}

Value SoftmaxRows::logSum(KernelBuilder &k, int64_t row) const {
  return k.select(k.fgt(sum[row], k.f32(0)), k.fadd(max[row], log2Fast(k, sum[row])), minusInfinity(k));
}
