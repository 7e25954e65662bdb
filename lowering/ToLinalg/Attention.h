// Attention over a paged cache, as the lowerings of both dialects to linalg write it.
#pragma once

#include "lowering/ToLinalg/LinalgEmitter.h"

namespace mlir::deepseek {

/// Token t of an entry with T tokens and S block-table rows belongs to sequence t / (T / S).
struct PagedCache {
  Value memref; ///< [pages, L, page, width]
  int64_t layer;
  Value positions;  ///< [T] i32
  Value blockTable; ///< [S, P] i32

  int64_t tokens() const { return LinalgEmitter::typeOf(positions).getDimSize(0); }
  int64_t sequences() const { return LinalgEmitter::typeOf(blockTable).getDimSize(0); }
  int64_t tokensPerSequence() const { return tokens() / sequences(); }
};

/// 1 + the largest position of the tokens of `sequence` (an index value), at most what the block table holds.
Value emitSequenceLength(LinalgEmitter &b, const PagedCache &cache, Value sequence);

/// Page, layer and row of position `position` of `sequence`.
SmallVector<Value> emitRecordIndices(LinalgEmitter &b, const PagedCache &cache, Value sequence, Value position);

/// Records [first, first + count) of `sequence`: [count, width] in f32.
Value emitGatherRecords(LinalgEmitter &b, const PagedCache &cache, Value sequence, Value first, Value count);

/// The same of quantised records (dialects/kernel/QuantizedRecord.h) of `latent` elements, dequantised.
Value emitGatherQuantizedRecords(LinalgEmitter &b, const PagedCache &cache, Value sequence, Value first, Value count,
                                 int64_t latent, int64_t rope);

/// Writes latent[t] and key[t] to the position of token t, rounded to the cache's element type; nothing for -1.
void emitCacheAppend(LinalgEmitter &b, const PagedCache &cache, Value latent, Value key);

/// One token's attention. Scores are a sum of products: queries [H, d] with keys [n, d] or, one for each head, [n, H,
/// d].
struct AttentionTerm {
  Value query;
  Value keys;
};
/// values [n, v] or [n, H, v]; returns [H, v] f32, zeros when n is 0.
Value emitAttendToken(LinalgEmitter &b, ArrayRef<AttentionTerm> terms, Value values, double scale);

} // namespace mlir::deepseek
