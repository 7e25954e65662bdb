// How a CTA of kernel.mla_decode shares its work between warps, and what that takes: part of the meaning of the
// operation's schedule. Whoever chooses a schedule and whoever builds the kernel read it, so that what the one chooses
// the other can build. Plain numbers, no MLIR.
#pragma once

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

} // namespace mlir::deepseek::kernel
