// How a CTA of kernel.mla_decode shares its work between warps, and what that takes: part of the meaning of the
// operation's schedule. Whoever chooses a schedule and whoever builds the kernel read it, so that what the one chooses
// the other can build. Plain numbers, no MLIR.
#pragma once

#include "dialects/kernel/QuantizedRecord.h"
#include <algorithm>
#include <cstdint>
#include <iterator>

namespace mlir::deepseek::kernel {

struct MlaDecodeTiling {
  int64_t latent, rope;              // elements of a cache record
  int64_t rows, keys, stages, warps; // the schedule: tile = [rows, keys]

  static constexpr int64_t kSizes[] = {16, 32, 64}; // of rows and keys
  static constexpr int64_t kWarps[] = {1, 2, 4, 8, 16};
  static constexpr int64_t kMaxStages = 64;              // the start of the pipeline is unrolled
  static constexpr int64_t kElementBytes = 2;            // bf16
  static constexpr int64_t kMaxSharedBytes = 227 * 1024; // of one CTA on sm_90
  static constexpr int64_t kRegisterFile = 65536;        // of one multiprocessor

  /// True if every field is one that the kernel has code for; the functions below take it for granted.
  bool isKnown() const {
    auto among = [](const auto &values, int64_t value) {
      return std::find(std::begin(values), std::end(values), value) != std::end(values);
    };
    return among(kSizes, rows) && among(kSizes, keys) && among(kWarps, warps) && stages >= 2 && stages <= kMaxStages;
  }

  static constexpr int64_t divideCeil(int64_t size, int64_t part) { return (size + part - 1) / part; }

  int64_t width() const { return latent + rope; }
  int64_t strips() const { return divideCeil(width(), 32); } // of the depth: fragments are read in strips of two

  // The scores are spread over rows, then keys, then the depth.
  int64_t rowWarps() const { return std::min(warps, rows / 16); }
  int64_t keyWarps() const { return std::min(warps / rowWarps(), keys / 8); }
  int64_t depthWarps() const { return warps / (rowWarps() * keyWarps()); }
  // The output is spread over rows, then columns. Few tiles of rows to a warp: their probabilities and sums are
  // registers, and their softmax is repeated by all column warps.
  int64_t outputRowWarps() const { return std::min(warps, std::max<int64_t>(1, rows / (warps > 8 ? 16 : 32))); }
  int64_t columnWarps() const { return warps / outputRowWarps(); }

  // What a warp holds, in tiles of 16 rows, groups of 8 keys, pairs of 8 columns.
  int64_t scoreTiles() const { return rows / 16 / rowWarps(); }
  int64_t scoreGroups() const { return keys / 8 / keyWarps(); }
  int64_t outputTiles() const { return rows / 16 / outputRowWarps(); }
  int64_t columnPairs() const { return divideCeil(latent, 16); }
  int64_t outputPairs() const { return divideCeil(columnPairs(), columnWarps()); }
  int64_t accumulators() const { return outputTiles() * outputPairs() * 8; } // f32 registers of a lane

  int64_t threads() const { return warps * 32; }
  /// About what a lane needs: sums of the output; scores, probabilities, sums and maxima of its rows; the rest as
  /// observed.
  int64_t registers() const { return accumulators() + outputTiles() * (keys * 3 / 4 + 4) + 36; }
  int64_t maxRegisters() const { return std::min<int64_t>(255, kRegisterFile / threads()); }

  int64_t pitch() const { return strips() * 32 * kElementBytes + 16; } // of a row; 16: no bank conflicts for ldmatrix
  int64_t recordTileBytes() const { return keys * pitch(); }
  int64_t queryBytes() const { return rows * pitch(); }
  int64_t scorePitch() const { return keys + 8; } // floats; the eight rows of a fragment lie in different banks
  int64_t scoreBytes() const { return depthWarps() * rows * scorePitch() * 4; }
  int64_t sharedBytes() const { return stages * recordTileBytes() + queryBytes() + scoreBytes(); }

  bool fits() const { return registers() <= maxRegisters() && sharedBytes() <= kMaxSharedBytes; }
};

/// The same for products of warpgroups (wgmma): a schedule whose tile has a third size, the columns of the output that
/// a warpgroup holds. One warpgroup copies, one makes the scores, two hold half of the output's columns each.
struct MlaDecodeWgmmaTiling {
  int64_t latent, rope, heads, page;
  int64_t stages;
  bool quantized = false; // records of QuantizedRecord.h, which the warpgroup that copies converts

  static constexpr int64_t kRows = 64;      // of a product
  static constexpr int64_t kKeys = 32;      // of a tile; handled two by two
  static constexpr int64_t kColumns = 64;   // of a swizzled block
  static constexpr int64_t kLeastHeads = 8; // blocks of fewer query rows would start amid a swizzle's pattern
  static constexpr int64_t kWarps = 16;
  static constexpr int64_t kValueRegisters = 160;
  int64_t producerRegisters() const { return quantized ? 40 : 24; }
  int64_t scoreRegisters() const { return quantized ? 152 : 168; }
  // Quantised records on their way: chunks of four, a ring of two for each of the four warps that convert. Three are no
  // faster, nor are six with three stages of tiles.
  static constexpr int64_t kChunkRecords = 4, kChunkStages = 2, kChunkWarps = 4;
  int64_t chunkBytes() const { return kChunkRecords * QuantizedRecord{latent, rope}.bytes(); }
  int64_t chunkSlots() const { return quantized ? kChunkStages * kChunkWarps : 0; }
  int64_t chunkRingBytes() const { return chunkSlots() * chunkBytes(); }
  static constexpr int64_t kProbabilityStages = 2;
  static constexpr int64_t kMinStages = 3;   // the scores are a tile ahead of the values, the query takes two
  static constexpr int64_t kShareBytes = 32; // what a CTA knows of its share of the work

  int64_t width() const { return latent + rope; }
  int64_t blocks() const { return width() / kColumns; }
  /// The query's share in registers: steps of 16 columns, four registers each; four steps to a block. 16 of quantised
  /// records spill where a sequence has several tokens.
  int64_t registerSteps() const { return std::min<int64_t>(4 * blocks(), quantized ? 15 : 22); }
  int64_t firstSharedBlock() const { return registerSteps() / 4; }
  int64_t sharedBlocks() const { return blocks() - firstSharedBlock(); }
  int64_t valueColumns() const { return latent / 2; } // of a warpgroup
  /// Columns of one product. ptxas gives no instruction more registers than a kernel of 512 threads starts with.
  int64_t productColumns() const { return valueColumns() % 128 == 0 ? 128 : 64; }
  int64_t tileBytes() const { return kKeys * width() * 2; }
  int64_t sharedBytes() const {
    const int64_t probabilities = kRows * kKeys * 2, scales = kRows * 4, barriers = 16;
    return stages * (tileBytes() + barriers) + sharedBlocks() * kRows * kColumns * 2 +
           kProbabilityStages * (probabilities + scales + barriers) + chunkRingBytes() + chunkSlots() * 8 + kRows * 4 +
           kShareBytes + kSlack;
  }
  int64_t maxStages() const {
    MlaDecodeWgmmaTiling t = *this;
    for (t.stages = 16; t.stages > 0 && t.sharedBytes() > MlaDecodeTiling::kMaxSharedBytes; --t.stages)
      ;
    return t.stages;
  }
  /// What the kernel has code for.
  bool isKnown() const {
    return latent > 0 && latent % 128 == 0 && latent <= 512 && rope > 0 && rope % kColumns == 0 && width() <= 576 &&
           (heads % kRows == 0 || (heads >= kLeastHeads && kRows % heads == 0)) && heads > 0 && page % kKeys == 0;
  }
  bool fits() const { return isKnown() && stages >= kMinStages && stages <= maxStages(); }

private:
  static constexpr int64_t kSlack = 1024; // alignment of swizzled tiles
};

/// How kernels on warpgroup products share all tiles of all sequences: evenly, whatever the lengths, which only the
/// device knows. CTAs of the row tiles that read the same records stay together, in groups; each group takes a stretch
/// of the sequences put end to end. A sequence that is cut leaves partial results in scratch memory, which the CTAs
/// that hold its parts join at their end.
struct MlaDecodeShares {
  int64_t rows; // query rows of a sequence
  int64_t sequences, latent;
  int64_t capacity; // positions of a sequence that its block table reaches
  bool cuts = true; // has scratch memory; else sequences stay whole

  static constexpr int64_t kRows = MlaDecodeWgmmaTiling::kRows, kPairKeys = 2 * MlaDecodeWgmmaTiling::kKeys;
  static constexpr int64_t kMultiprocessors = 132;
  static constexpr int64_t kMostTogether = 4; // row tiles: more do not need less memory traffic
  static constexpr int64_t kTaskPairs = 1;    // what the start and the end of a task cost, in pairs of tiles
  static constexpr int64_t kCutPairs = 4;     // what equal shares may cost beyond that: two parts a group, joined
  static constexpr int64_t kLeastPairs = 2;   // of a part, where shares are equal
  static constexpr double kPartPairs =
      0.02; // 64 rows of a part, stored and read by one of many CTAs; in pairs of tiles

  int64_t rowTiles() const { return MlaDecodeTiling::divideCeil(rows, kRows); }
  int64_t together() const {
    int64_t count = std::min(kMostTogether, rowTiles());
    while (rowTiles() % count != 0)
      --count;
    return count;
  }
  /// A sequence counts once for each `together()` of its row tiles.
  int64_t copies() const { return rowTiles() / together(); }
  int64_t items() const { return sequences * copies(); }
  int64_t groups() const {
    const int64_t pairs = std::max<int64_t>(1, MlaDecodeTiling::divideCeil(capacity, kPairKeys));
    return std::min(kMultiprocessors / together(), cuts ? items() * pairs : items());
  }
  int64_t blocks() const { return groups() * together(); }

  int64_t slotRows() const { return MlaDecodeTiling::divideCeil(std::min(rows, kRows), 16) * 16; }
  double partPairs() const { return kPartPairs * double(together()) * double(slotRows()) / double(kRows); }
  int64_t slots() const { return 2 * blocks(); } // parts that begin, parts that end a share
  int64_t scratchFloats() const { return slots() * (slotRows() * latent + kRows); } // and log2 of the sums
};

} // namespace mlir::deepseek::kernel
