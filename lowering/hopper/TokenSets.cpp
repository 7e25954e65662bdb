// Sets of tokens as bits in shared memory.
#include "lowering/hopper/TokenSets.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

TokenSets::TokenSets(KernelBuilder &k, SmemArena &arena, int64_t tokens, int64_t experts, int64_t topK)
    : k(k), arena(arena), tokens(tokens), experts(experts), topK(topK), words(llvm::divideCeil(tokens, 32)),
      bits(arena.allocate(4 * words * experts)), starts(arena.allocate(4 * experts)),
      choices(arena.allocate(4 * tokens * topK)) {}

void TokenSets::clear(Value thread, int64_t threads) {
  Value zero = k.i32(0);
  k.loop(thread, k.i32(words * experts), threads, [&](Value i) { storeShared(k, zero, arena.at(bits, k.mul(i, 4))); });
}

void TokenSets::add(Value pair, Value expert) {
  Value token = k.divU(pair, topK);
  atomicOrShared(k, bitWord(expert, k.shrU(token, 5)), k.shl(k.i32(1), k.bitAnd(token, 31)));
}

void TokenSets::scan(llvm::function_ref<void(Value, Value)> store) {
  const int64_t perLane = llvm::divideCeil(experts, 32);
  Value lane = k.laneIndex(), first = k.mul(lane, perLane), sum = k.i32(0);
  Values sizes;
  for (int64_t i = 0; i < perLane; ++i) {
    Value expert = k.minU(k.add(first, i), experts - 1), size = k.i32(0);
    for (int64_t word = 0; word < words; ++word)
      size = k.add(size, popCount(k, loadShared(k, k.i32Ty, bitWord(expert, k.i32(word)))));
    sizes.push_back(experts % 32 ? k.select(k.ltU(k.add(first, i), experts), size, k.i32(0)) : size);
    sum = k.add(sum, sizes.back());
  }
  Value begin = sum; // inclusive over the lanes
  for (int64_t delta = 1; delta < 32; delta *= 2)
    begin = k.add(begin, k.select(k.geU(lane, delta), shuffleUp(k, begin, delta), k.i32(0)));
  begin = k.sub(begin, sum);
  for (auto [i, size] : llvm::enumerate(sizes)) {
    Value expert = k.add(first, static_cast<int64_t>(i));
    auto emit = [&] {
      storeShared(k, begin, start(expert));
      store(expert, begin);
    };
    if (experts % 32)
      k.when(k.ltU(expert, experts), emit);
    else
      emit();
    begin = k.add(begin, size);
  }
  k.when(k.eq(lane, 31), [&] { store(k.i32(experts), begin); });
}

Value TokenSets::place(Value token, Value expert) {
  Value row = loadShared(k, k.i32Ty, start(expert));
  Value own = k.shrU(token, 5), below = k.sub(k.shl(k.i32(1), k.bitAnd(token, 31)), 1);
  for (int64_t word = 0; word < words; ++word) {
    Value set = loadShared(k, k.i32Ty, bitWord(expert, k.i32(word)));
    Value counted = words == 1 ? k.bitAnd(set, below)
                               : k.select(k.ltU(k.i32(word), own), set,
                                          k.select(k.eq(k.i32(word), own), k.bitAnd(set, below), k.i32(0)));
    row = k.add(row, popCount(k, counted));
  }
  return row;
}
