// What a CTA of kernel.mla_prefill takes when warpgroups attend (wgmma): part of the meaning of the operation's
// schedule tile = [rows, keys, heads of a group], stages, split, warps. Whoever chooses a schedule and whoever builds
// the kernel read it. Plain numbers, no MLIR.
#pragma once

#include <cstdint>

namespace mlir::deepseek::kernel {

struct MlaPrefillTiling {
  int64_t nope, rope, value;  // elements of a head
  int64_t rows, keys, stages; // the schedule

  static constexpr int64_t kElementBytes = 2;                 // bf16
  static constexpr int64_t kRowBytes = 128, kBoxColumns = 64; // of a shared-memory tile: one swizzle row
  static constexpr int64_t kGroupRows = 64;                   // of a consumer warpgroup
  static constexpr int64_t kStep = 16;                        // elements of the depth, or keys, of one product
  static constexpr int64_t kMaxStages = 8;
  static constexpr int64_t kMaxSharedBytes = 227 * 1024; // of one CTA on sm_90
  static constexpr int64_t kMaxRegisters = 232;          // of a consumer's thread

  static constexpr int64_t boxesOf(int64_t columns) { return (columns + kBoxColumns - 1) / kBoxColumns; }
  /// A schedule of `rows` rows is for warpgroups if it has a producer warpgroup beside the consumers'.
  static constexpr int64_t warpsFor(int64_t rows) { return 4 + rows / 16; }

  int64_t consumers() const { return rows / kGroupRows; }
  int64_t threads() const { return 128 * (1 + consumers()); }
  int64_t depthBoxes() const { return boxesOf(nope) + boxesOf(rope); }
  int64_t valueBoxes() const { return boxesOf(value); }
  int64_t queryBytes() const { return depthBoxes() * kGroupRows * kRowBytes; } // of a consumer
  int64_t keyBoxBytes() const { return keys * kRowBytes; }
  int64_t keyBytes() const { return depthBoxes() * keyBoxBytes(); }
  int64_t valueBytes() const { return valueBoxes() * keyBoxBytes(); }
  int64_t barrierBytes() const { return 16 * (1 + 2 * stages); }
  int64_t sharedBytes() const {
    return consumers() * queryBytes() + stages * (keyBytes() + valueBytes()) + barrierBytes();
  }
  /// About what a consumer's thread needs: output, scores, probabilities; the rest as observed.
  int64_t registers() const { return value / 2 + keys / 2 + keys / 4 + 48; }

  /// Parts of the keys, each for a CTA of a cluster. Their outputs meet in the memory of the key tiles: f32 rows, then
  /// the rows' maxima and sums.
  static constexpr int64_t kMaxSplit = 8;                  // CTAs of a cluster
  int64_t exchangePitch() const { return value * 4 + 32; } // 32: rows of a half-warp's stores in different banks
  int64_t exchangeBytes() const { return rows * (exchangePitch() + 8); }
  bool splits(int64_t parts) const {
    return parts == 1 || ((parts == 2 || parts == 4 || parts == kMaxSplit) && exchangeBytes() <= stages * keyBytes());
  }

  /// True if the kernel has code for these sizes.
  bool isKnown() const {
    return (rows == 64 || rows == 128) && keys >= kStep && keys <= 256 && keys % kStep == 0 && stages >= 2 &&
           stages <= kMaxStages && nope % kStep == 0 && rope % kStep == 0 && value % kStep == 0 && nope > 0 &&
           rope > 0 && value > 0 && value <= 256;
  }
  bool fits() const { return isKnown() && sharedBytes() <= kMaxSharedBytes && registers() <= kMaxRegisters; }
};

} // namespace mlir::deepseek::kernel
