// The sort of a few tokens' (token, choice) pairs by expert: what kernel.route_tokens and kernel.gate_tokens share.
//
// A token chooses an expert at most once, so an expert's pairs are a set of tokens: bits in shared memory. A pair's
// place is the expert's offset plus the number of lower bits. Bits are set atomically, in any order. Order: clear;
// barrier; add; barrier; scan, by one warp; barrier; place.
#pragma once

#include "lowering/hopper/blocks/SmemArena.h"

namespace mlir::deepseek::hopper {

class TokenSets {
public:
  /// Shared memory: ceil(T / 32) words of bits and an offset for each expert, T x K choices.
  TokenSets(KernelBuilder &k, SmemArena &arena, int64_t tokens, int64_t experts, int64_t topK);

  int64_t pairs() const { return tokens * topK; }
  /// By `threads` threads; `thread` is one's number among them.
  void clear(Value thread, int64_t threads);
  /// Where the expert of a pair lies, for the kernel to store.
  Value choice(Value pair) { return arena.at(choices, k.mul(pair, 4)); }
  /// Adds the token of a pair to the set of its expert.
  void add(Value pair, Value expert);
  /// Offsets of the experts, by one warp: each lane has neighbouring experts. `store` gets each expert, the one past
  /// the last too, and its offset.
  void scan(llvm::function_ref<void(Value expert, Value offset)> store);
  /// The sorted row of a token's pair.
  Value place(Value token, Value expert);

private:
  Value bitWord(Value expert, Value word) { return arena.at(bits, k.mul(k.add(k.mul(expert, words), word), 4)); }
  Value start(Value expert) { return arena.at(starts, k.mul(expert, 4)); }

  KernelBuilder &k;
  SmemArena &arena;
  int64_t tokens, experts, topK, words; // words of bits of an expert
  int64_t bits, starts, choices;        // offsets in shared memory
};

} // namespace mlir::deepseek::hopper
