// Scores and values of multi-query attention with products of warpgroups; see MlaDecodeWgmma.cpp.
#include "lowering/hopper/MlaDecodeWgmma.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

// --- scores
// -------------------------------------------------------------------------------------------------------------------

/// The query as A operands: four registers for each 16 columns. Rows past the query's hold anything: a row of a product
/// depends on no other.
Values WgmmaDecode::loadQuery(PipelineState &state) {
  PipelineState first = state;
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.wait(state);
    state = records.advance(state);
  }
  Value row = k.add(k.mul(k.bitAnd(warp, 3), 16), k.bitAnd(lane, 15)), column = k.shl(k.shrU(lane, 4), 4);
  // Pinned, or LLVM would compute all addresses once and keep them during every task.
  Values pinned = pinRegisters(k, {row, column});
  row = pinned[0], column = pinned[1];
  Value stage = first.stage;
  if (queryTiles == 2)
    stage = k.select(k.geU(row, kKeys), records.advance(first).stage, stage);
  Value base = k.mul(stage, tiling.tileBytes());
  Values query;
  for (int64_t block = 0; block < tiling.blocks(); ++block)
    for (int64_t step = 0; step < kRowBytes; step += kStepBytes) {
      Value from = swizzle(k, k.add(k.bitAnd(row, kKeys - 1), block * queryRows), k.add(column, step), kRowBytes);
      Values fragment = loadMatrix(k, arena.at(ring, k.add(base, from)), 4);
      const int64_t shared = block - tiling.firstSharedBlock();
      if (isInRegisters(block, step))
        query.append(fragment);
      else
        storeMatrix(
            k, arena.at(queryColumns + shared * kRows * kRowBytes, swizzle(k, row, k.add(column, step), kRowBytes)),
            fragment);
    }
  if (tiling.sharedBlocks() > 0) {
    fenceAsyncShared(k);
    namedBarrier(k, kScoresBarrier, kScoreWarps * 32);
  }
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.release(first);
    first = records.advance(first);
  }
  return query;
}

Accumulator WgmmaDecode::issueScores(ArrayRef<Value> query, const PipelineState &state) {
  Accumulator scores(k, kKeys);
  records.wait(state);
  Value keys = wgmmaDescriptor(k, arena.at(ring, k.mul(state.stage, tiling.tileBytes())));
  wgmmaFence(k);
  Value shared = wgmmaDescriptor(k, arena.at(queryColumns));
  for (int64_t block = 0; block < tiling.blocks(); ++block)
    for (int64_t step = 0, steps = kRowBytes / kStepBytes; step < steps; ++step) {
      const int64_t i = block * steps + step, rest = block - tiling.firstSharedBlock();
      Value b = advanceDescriptor(k, keys, block * kBlockBytes + step * kStepBytes);
      if (isInRegisters(block, step * kStepBytes))
        scores.multiplyRegisters(WgmmaType::BF16, query.slice(4 * i, 4), b, i > 0);
      else
        scores.multiply(WgmmaType::BF16, advanceDescriptor(k, shared, rest * kRows * kRowBytes + step * kStepBytes), b,
                        i > 0);
    }
  wgmmaCommit(k);
  return scores;
}

/// Zeros in the place of records that no row sees.
void WgmmaDecode::clearTail(Value tile, const PipelineState &record) {
  Value left = k.maxS(k.sub(count, k.mul(tile, kKeys)), 0);
  k.when(k.ltS(left, kKeys), [&] {
    Value thread = k.bitAnd(k.threadIndex(), 127), chunk = k.shl(k.bitAnd(thread, 7), 4), first = k.shrU(thread, 3);
    Value stage = arena.at(ring, k.mul(record.stage, tiling.tileBytes()));
    k.loop(k.add(left, first), k.i32(kKeys), 16, [&](Value row) {
      Value pointer = k.gep(stage, k.add(k.mul(row, kRowBytes), chunk));
      for (int64_t block = 0; block < plan.tiling.latent / kColumns; ++block)
        storeShared(k, k.zero(k.vec(4, k.i32Ty)), k.gep(pointer, block * kBlockBytes));
    });
  });
}

/// -inf where a row may not look; nothing to do for tiles that all rows of the warp see whole.
void WgmmaDecode::hide(Accumulator &scores, Value tile) {
  Value first = k.mul(tile, kKeys);
  scores.assign(k.whenElse(
      k.gtS(k.add(first, kKeys), clear), ValueRange(scores.values()).getTypes(),
      [&] {
        Value hidden = k.f32(-std::numeric_limits<double>::infinity()), position = k.add(first, scores.column(0));
        Values masked;
        for (int64_t i = 0; i < scores.size(); ++i) {
          Value visible = k.sub(limits[i / 2 % 2], position);
          masked.push_back(k.select(k.geS(visible, 8 * (i / 4) + i % 2), scores[i], hidden));
        }
        return masked;
      },
      [&] { return scores.values(); }));
}

/// Where some row's score exceeds its maximum by more than kSlack, rows take new maxima. Returns the rows' factors.
std::array<Value, 2> WgmmaDecode::raiseMaxima(Accumulator &scores, SoftmaxRows &softmax) {
  Value top[2], exceeds;
  for (int64_t h = 0; h < 2; ++h) {
    top[h] = scores[2 * h];
    for (int64_t i = 0; i < scores.size(); i += 4)
      for (int64_t c = 0; c < 2; ++c)
        top[h] = k.fmax(top[h], scores[i + 2 * h + c]);
    top[h] = k.fmul(top[h], scaleLog2);
    Value more = k.fgt(top[h], k.fadd(softmax.max[h], k.f32(kSlack)));
    exceeds = exceeds ? k.logicalOr(exceeds, more) : more;
  }
  Values next = k.whenElse(
      anyLane(k, exceeds), {k.f32Ty, k.f32Ty, k.f32Ty, k.f32Ty},
      [&] {
        Values maxima, factors;
        for (int64_t h = 0; h < 2; ++h) {
          Value whole = warpMax(k, top[h], /*width=*/4), old = softmax.max[h];
          maxima.push_back(k.select(k.fgt(whole, k.fadd(old, k.f32(kSlack))), whole, old));
          factors.push_back(exp2Fast(k, k.fsub(old, maxima.back())));
        }
        maxima.append(factors);
        return maxima;
      },
      [&]() -> Values { return {softmax.max[0], softmax.max[1], k.f32(1), k.f32(1)}; });
  softmax.max = {next[0], next[1]};
  return {next[2], next[3]};
}

/// Softmax of a tile; its probabilities and the factors of the rows to the values' warps.
PipelineState WgmmaDecode::publish(Accumulator &scores, Value tile, SoftmaxRows &softmax, const PipelineState &record,
                                   PipelineState probability) {
  records.release(record); // the values' warps keep it until they have seen its probabilities
  hide(scores, tile);
  std::array<Value, 2> factor = raiseMaxima(scores, softmax),
                       negated = {k.fneg(softmax.max[0]), k.fneg(softmax.max[1])};
  Values fragments; // sixteen keys: A[0], A[1] from the first group of eight, A[2], A[3] from the second
  for (int64_t i = 0; i < scores.size(); i += 2) {
    for (int64_t c = 0; c < 2; ++c)
      scores[i + c] = exp2Fast(k, k.fma(scores[i + c], scaleLog2, negated[i / 2 % 2]));
    fragments.push_back(packBf16(k, scores[i], scores[i + 1]));
  }

  probabilities.acquire(probability);
  k.when(k.eq(k.bitAnd(lane, 3), 0), [&] {
    for (int64_t h = 0; h < 2; ++h)
      storeShared(k, factor[h], factorPointer(probability, scores.row(h)));
  });
  Value matrix = k.shrU(lane, 3), buffer = arena.at(probabilityBuffers, k.mul(probability.stage, kProbabilityBytes));
  Value thread = k.bitAnd(k.threadIndex(), 127);
  Value row = k.add(k.add(k.mul(k.shrU(thread, 5), 16), k.mul(k.bitAnd(matrix, 1), 8)), k.bitAnd(lane, 7));
  for (int64_t step = 0; step < kKeys / 16; ++step) {
    Value column = k.add(k.mul(k.shrU(matrix, 1), 16), step * kStepBytes);
    storeMatrix(k, k.gep(buffer, swizzle(k, row, column, kProbabilityRow)), ValueRange(fragments).slice(4 * step, 4));
  }
  clearTail(tile, record);
  fenceAsyncShared(k);
  probabilities.commitStores(probability);

  for (int64_t h = 0; h < 2; ++h) {
    softmax.sum[h] = k.fmul(softmax.sum[h], factor[h]);
    for (int64_t i = 2 * h; i < scores.size(); i += 4)
      softmax.sum[h] = k.fadd(softmax.sum[h], k.fadd(scores[i], scores[i + 1]));
  }
  return probabilities.advance(probability);
}

Values WgmmaDecode::makeScores(ValueRange state) {
  scaleLog2 = k.f32(plan.scale * 1.4426950408889634);
  Accumulator rows(k, kKeys);
  // Rows of one token have one limit; what rows past the sequence's see is nobody's affair.
  const bool oneToken = plan.heads % 16 == 0 || plan.tokens == plan.sequences;
  limits[0] = limitOf(rows.row(0));
  limits[1] = oneToken ? limits[0] : limitOf(rows.row(1));
  clear = warpReduce(k, k.minS(limits[0], limits[1]), [&](Value x, Value y) { return k.minS(x, y); });
  clear = k.uniform(k.add(clear, 1));
  PipelineState issued(state), probability(state.drop_front(2));
  Values query = loadQuery(issued);
  SoftmaxRows softmax = SoftmaxRows::start(k);
  softmax.max = {k.f32(kLeast), k.f32(kLeast)}; // finite: a row without keys so far needs no case of its own
  Value end = k.add(begin, k.mul(pairs, 2));
  auto pack = [&] {
    Values values = issued.values();
    llvm::append_range(values, probability.values());
    llvm::append_range(values, softmax.values());
    return values;
  };
  // The end of the second tile's products runs during the first one's softmax.
  Values carried = k.loop(begin, end, 2, pack(), [&](Value tile, ValueRange values) -> Values {
    PipelineState first(values), second = records.advance(first);
    probability = PipelineState(values.drop_front(2)), softmax = SoftmaxRows(values.drop_front(4));
    Accumulator even = issueScores(query, first), odd = issueScores(query, second);
    even.wait(1);
    probability = publish(even, tile, softmax, first, probability);
    odd.wait(0);
    probability = publish(odd, k.add(tile, 1), softmax, second, probability);
    issued = records.advance(second);
    return pack();
  });
  issued = PipelineState(carried), probability = PipelineState(ValueRange(carried).drop_front(2));
  softmax = SoftmaxRows(ValueRange(carried).drop_front(4));

  setTaskAgain();
  softmax.finish(k);
  probabilities.acquire(probability);
  k.when(k.eq(k.bitAnd(lane, 3), 0), [&] {
    for (int64_t h = 0; h < 2; ++h) {
      storeShared(k, softmax.inverse(k, h), factorPointer(probability, rows.row(h)));
      if (shares.cuts)
        storeShared(k, softmax.logSum(k, h), k.gep(arena.at(logSums), k.shl(rows.row(h), 2)));
    }
  });
  probabilities.commitStores(probability);
  Values next = issued.values();
  next.append(probabilities.advance(probability).values());
  return next;
}

// --- values
// -------------------------------------------------------------------------------------------------------------------

WgmmaDecode::Sums WgmmaDecode::sumsOf(ValueRange values) {
  Sums sums;
  const int64_t columns = tiling.productColumns(), size = columns / 2;
  for (int64_t i = 0; i < tiling.valueColumns() / columns; ++i)
    values.empty() ? sums.emplace_back(k, columns) : sums.emplace_back(k, columns, values.slice(i * size, size));
  return sums;
}

void WgmmaDecode::issueValues(Sums &sums, const PipelineState &record, const PipelineState &probability,
                              bool accumulate) {
  Value a = wgmmaDescriptor(k, arena.at(probabilityBuffers, k.mul(probability.stage, kProbabilityBytes)),
                            /*leadingBytes, unused=*/16, /*strideBytes=*/8 * kProbabilityRow, kProbabilityRow);
  Value tile =
      k.add(k.mul(record.stage, tiling.tileBytes()), k.mul(half, tiling.valueColumns() / kColumns * kBlockBytes));
  Value b =
      wgmmaDescriptor(k, arena.at(ring, tile), /*leadingBytes=*/kBlockBytes, /*strideBytes=*/8 * kRowBytes, kRowBytes);
  wgmmaFence(k);
  for (int64_t step = 0; step < kKeys / 16; ++step)
    for (auto [i, sum] : llvm::enumerate(sums))
      sum.multiply(
          WgmmaType::BF16, advanceDescriptor(k, a, step * kStepBytes),
          advanceDescriptor(k, b, step * 16 * kRowBytes + i * tiling.productColumns() / kColumns * kBlockBytes),
          accumulate || step > 0, /*transposeB=*/true);
  wgmmaCommit(k);
}

std::array<Value, 2> WgmmaDecode::loadFactors(const PipelineState &state) {
  Accumulator rows(k, tiling.productColumns());
  return {loadShared(k, k.f32Ty, factorPointer(state, rows.row(0))),
          loadShared(k, k.f32Ty, factorPointer(state, rows.row(1)))};
}

Values WgmmaDecode::addValues(ValueRange carried) {
  PipelineState record(carried), probability(carried.drop_front(2));
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.wait(record);
    records.release(record);
    record = records.advance(record);
  }
  auto finish = [&](Sums &sums) {
    for (Accumulator &sum : sums)
      sum.wait(0);
    probabilities.releaseLanes(probability);
    records.release(record);
    probability = probabilities.advance(probability);
    record = records.advance(record);
    Values values = probability.values();
    llvm::append_range(values, record.values());
    for (Accumulator &sum : sums)
      llvm::append_range(values, sum.values());
    return values;
  };
  // The first tile is peeled: it defines the sums.
  Sums first = sumsOf({});
  records.wait(record);
  probabilities.wait(probability);
  issueValues(first, record, probability, /*accumulate=*/false);
  Values state = finish(first);
  state = k.loop(k.i32(1), k.mul(pairs, 2), 1, state, [&](Value, ValueRange values) -> Values {
    probability = PipelineState(values), record = PipelineState(values.drop_front(2));
    Sums sums = sumsOf(values.drop_front(4));
    records.wait(record);
    probabilities.wait(probability);
    std::array<Value, 2> factor = loadFactors(probability);
    rescale(sums, factor);
    issueValues(sums, record, probability, /*accumulate=*/true);
    return finish(sums);
  });
  probability = PipelineState(state), record = PipelineState(ValueRange(state).drop_front(2));
  Sums sums = sumsOf(ValueRange(state).drop_front(4));
  probabilities.wait(probability);
  std::array<Value, 2> inverse = loadFactors(probability);
  probabilities.releaseLanes(probability); // log2 of the sums stays until this role has come to the next task's end
  setTaskAgain();
  storeTask(sums, inverse);
  Values next = record.values();
  next.append(probabilities.advance(probability).values());
  return next;
}

/// Most tiles scale nothing down.
void WgmmaDecode::rescale(Sums &sums, ArrayRef<Value> factor) {
  Value one = k.f32(1), some = k.logicalNot(k.logicalAnd(k.feq(factor[0], one), k.feq(factor[1], one)));
  Values all;
  for (Accumulator &sum : sums)
    llvm::append_range(all, sum.values());
  Values scaled = k.whenElse(
      anyLane(k, some), ValueRange(all).getTypes(),
      [&] {
        Values products;
        for (auto [i, value] : llvm::enumerate(all))
          products.push_back(k.fmul(value, factor[i / 2 % 2]));
        return products;
      },
      [&] { return all; });
  const int64_t size = sums.front().size();
  for (auto [i, sum] : llvm::enumerate(sums))
    sum.assign(ValueRange(scaled).slice(i * size, size));
}

/// Four vectors of four registers make eight neighbouring columns for each lane: lane q of the four that share a row
/// gets those of vector q. Two exchanges of pairs.
static Values gatherColumns(KernelBuilder &k, Value lane, ArrayRef<Value> packed) {
  Value isOdd = k.ne(k.bitAnd(lane, 1), 0), isHigh = k.ne(k.bitAnd(lane, 2), 0);
  Values pairs; // of the lanes that differ in bit 0: vectors 0 or 1, vectors 2 or 3
  for (int64_t i = 0; i < 4; i += 2) {
    Value own = k.select(isOdd, packed[i + 1], packed[i]);
    Value got = shuffleXor(k, k.select(isOdd, packed[i], packed[i + 1]), 1);
    pairs.append({k.select(isOdd, got, own), k.select(isOdd, own, got)});
  }
  Values low, high;
  for (int64_t i = 0; i < 2; ++i) {
    Value own = k.select(isHigh, pairs[2 + i], pairs[i]);
    Value got = shuffleXor(k, k.select(isHigh, pairs[i], pairs[2 + i]), 2);
    low.push_back(k.select(isHigh, got, own));
    high.push_back(k.select(isHigh, own, got));
  }
  low.append(high);
  return low;
}

/// Four packed vectors of the warp's columns from `column` on, 32 in all, of one row; 16 bytes a lane.
void WgmmaDecode::storeEight(Value row, Value column, ArrayRef<Value> packed) {
  Values eight = gatherColumns(k, lane, packed);
  k.when(k.ltU(k.add(firstRow, row), plan.sequenceRows()), [&] {
    Value place = k.add(k.add(k.mul(half, tiling.valueColumns()), k.shl(k.bitAnd(lane, 3), 3)), column);
    Value element = k.add(k.mul(globalRow(row), plan.tiling.latent), k.zext(place, k.i64Ty));
    storeGlobal(k, k.vector(eight), k.gep(operands.result, k.mul(element, 2)));
  });
}

void WgmmaDecode::storeRows(Sums &sums, ArrayRef<Value> inverse) {
  int64_t column = 0;
  for (Accumulator &sum : sums)
    for (int64_t i = 0; i < sum.size(); i += 16, column += 32)
      for (int64_t h = 0; h < 2; ++h) {
        Values packed;
        for (int64_t at = i + 2 * h; at < i + 16; at += 4)
          packed.push_back(packBf16(k, k.fmul(sum[at], inverse[h]), k.fmul(sum[at + 1], inverse[h])));
        storeEight(rowOfLane(h), k.i32(column), packed);
      }
}

/// Of a whole item to the result; a part to scratch memory, unless this CTA joins it with the only other one.
void WgmmaDecode::storeTask(Sums &sums, ArrayRef<Value> inverse) {
  // Pinned, or LLVM would compute all addresses once and keep them during every task.
  llvm::SaveAndRestore<Value> keptLane(lane), keptWarp(warp), keptHalf(half);
  Value thread = pinRegisters(k, {k.threadIndex()})[0];
  lane = k.bitAnd(thread, 31), warp = k.shrU(thread, 5), half = k.shrU(k.sub(warp, kValues), 2);
  if (!shares.cuts)
    return storeRows(sums, inverse);
  auto store = [&] { k.when(isPart(), [&] { storePart(sums, inverse); }, [&] { storeRows(sums, inverse); }); };
  if (!keepsHeads())
    return store();
  k.when(joinsTail(), [&] { joinTail(sums, inverse); }, store);
}
