// The schedules that `--search` tries: of each operation all that its builder has code for and a multiprocessor has
// room for. What the compiler refuses all the same (registers, mostly) is reported by --prepare.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dsrt {

struct OpSchedule {
  std::string op; // of the kernel dialect
  std::vector<int64_t> tile;
  int64_t stages = 1, split = 1, warps = 4;

  // As it stands behind an operation's arguments.
  std::string attribute() const;
  std::string text() const { return op + attribute(); }
};
// Nothing where the compiler chooses.
inline std::string attributeOf(const OpSchedule *schedule) { return schedule ? schedule->attribute() : ""; }

// D [m, n] = A [m, k] B [n, k]^T by each of the three families: tensor-core tiles (kernel.gemm), weights streamed into
// wgmma, and weights read into registers (both kernel.skinny_gemm), the last two for few rows.
struct ProductSize {
  int64_t m, n, k, elementBytes;
};
std::vector<OpSchedule> productSchedules(const ProductSize &size);

// `rows` rows in `groups` groups, the largest of which has `mostRows`.
struct GroupedSize {
  int64_t rows, groups, mostRows, n, k, elementBytes;
};
std::vector<OpSchedule> groupedSchedules(const GroupedSize &size);

// Absorbed attention over records of 512 + 64 elements in pages of 64 positions: products of warpgroups, and but for a
// quantised cache of single warps. `rows`: query rows of a sequence.
struct DecodeSize {
  int64_t sequences, rows, context;
  bool isQuantized;
};
std::vector<OpSchedule> decodeSchedules(const DecodeSize &size);

// Naive attention of a chunk, 128 + 64 and 128 elements a head.
struct PrefillSize {
  int64_t heads, chunk, context;
};
std::vector<OpSchedule> prefillSchedules(const PrefillSize &size);

} // namespace dsrt
