// Candidates of prefill attention, ranked by their estimated time.
#include "passes/cost/Prefill.h"
#include "dialects/kernel/MlaPrefillTiling.h"
#include <algorithm>
#include <bit>

using namespace mlir::deepseek::cost;
using mlir::deepseek::kernel::MlaPrefillTiling;

namespace {

constexpr double kElementBytes = MlaPrefillTiling::kElementBytes;
// Measured on an H200 (docs/kernels/mla-prefill.md). Two consumers reach the matrix rate: their products and softmax
// run side by side; one waits for its own. Short tiles lose some of it. Where few multiprocessors work, they find a
// higher clock.
constexpr double kSingleShare = 0.70, kLonePairTime = 0.88, kLoneSingleTime = 0.95;
double keysShare(int64_t keys) { return keys >= 128 ? 1 : keys >= 112 ? 0.985 : keys >= 96 ? 0.96 : 0.89; }
// Of a task beside its tiles: positions, query, first keys, last values, output. Of a kernel: the ramp, in which the
// first task's start is hidden: 512 tokens of 16 heads take 11.2 us in 64 rows, 14.5 in 128 rows and two parts.
constexpr double kTaskSeconds = 3.8e-6, kFirstTaskSeconds = 1.6e-6, kStartSeconds = 2e-6;
// Of a task in parts: writing them, two barriers of the cluster, reading them.
constexpr double kJoinSeconds = 3e-6;
/// Clusters of `split` CTAs, one to a multiprocessor, that run at once on an H200: processors come in groups of
/// different sizes.
int64_t clustersAtOnce(int64_t split, const Machine &m) {
  return split == 1 ? m.computeUnits : split == 2 ? 66 : split == 4 ? 31 : 15;
}

// The form for single warps: share of the rate of single warps, a tile's latency and a task's.
constexpr double kWarpShare = 0.75, kWarpTileSeconds = 1.38e-6, kWarpTaskSeconds = 1e-6;

MlaPrefillTiling tilingOf(const PrefillShape &s, const PrefillSchedule &schedule) {
  return {s.nope, s.rope, s.value, schedule.rows, schedule.keys, schedule.stages};
}

/// Tiles of keys of all tasks of one head of one sequence, and of its last rows.
struct TileCount {
  double all = 0, most = 0;
};
TileCount countTiles(const PrefillShape &s, const PrefillSchedule &schedule) {
  const int64_t tokens = s.tokens / s.sequences, before = std::max<int64_t>(s.context - tokens, 0);
  TileCount count;
  for (int64_t row = 0; row < tokens; row += schedule.rows) {
    const int64_t visible = std::min(before + std::min(row + schedule.rows, tokens), s.context);
    count.most = double(ceilDiv(std::max<int64_t>(visible, 1), schedule.keys));
    count.all += count.most;
  }
  return count;
}

/// Equal groups of heads whose keys and values the second-level cache can hold while all their tiles run. As few groups
/// as possible: each begins with its longest tasks, and those of the last one decide when the kernel ends.
int64_t headGroupOf(const PrefillShape &s) {
  constexpr double kHeldBytes = 40e6;
  const int64_t heads = s.heads * s.sequences;
  const double headBytes = kElementBytes * double(std::max<int64_t>(s.context, 1) * (s.nope + s.value));
  const int64_t most = std::clamp<int64_t>(int64_t(kHeldBytes / headBytes), 1, heads);
  return ceilDiv(heads, ceilDiv(heads, most));
}

} // namespace

bool PrefillSchedule::forWarpgroups() const { return warps == MlaPrefillTiling::warpsFor(rows); }

PrefillSchedule mlir::deepseek::cost::defaultPrefillSchedule(const PrefillShape &s) {
  const int64_t rows =
      std::clamp<int64_t>(int64_t(std::bit_ceil(uint64_t(std::max<int64_t>(s.tokens / s.sequences, 1)))), 16, 64);
  return {rows, /*keys=*/64, /*stages=*/2, /*warps=*/rows / 16, /*headGroup=*/1, /*split=*/1};
}

Estimate mlir::deepseek::cost::prefillEstimate(const PrefillShape &s, const PrefillSchedule &schedule,
                                               const Machine &m) {
  const int64_t tokens = s.tokens / s.sequences;
  const double instances = double(s.heads * s.sequences), elements = double(s.nope + s.rope + s.value);
  const double tasks = instances * double(ceilDiv(tokens, schedule.rows)), units = double(m.computeUnits);
  const TileCount tiles = countTiles(s, schedule);
  const double before = double(std::max<int64_t>(s.context - tokens, 0));
  const double pairs = instances * double(tokens) * (before + 0.5 * double(tokens + 1));

  Estimate e;
  e.flops = 2 * pairs * elements;
  e.bytes = kElementBytes * (instances * (double(s.nope + s.value) * double(s.context) + elements * double(tokens)) +
                             double(s.sequences * s.context * s.rope));
  const double tileFlops = 2 * double(schedule.rows * schedule.keys) * elements * units;
  double busy, longest; // seconds of a multiprocessor with its share of all tiles, and with the longest task
  if (schedule.forWarpgroups()) {
    const bool pair = schedule.rows > MlaPrefillTiling::kGroupRows;
    const double tile = tileFlops / (keysShare(schedule.keys) * (pair ? 1 : kSingleShare) * m.matrixRate);
    const double active = std::min(1.0, tasks * double(schedule.split) / units);
    const double lone = pair ? kLonePairTime : kLoneSingleTime, clock = lone + (1 - lone) * active;
    const double join = schedule.split > 1 ? kJoinSeconds : 0;
    busy = instances * tiles.all * tile / units +
           std::max(1.0, tasks * double(schedule.split) / units) * (kTaskSeconds + join);
    longest = double(ceilDiv(int64_t(tiles.most), schedule.split)) * tile * clock + kFirstTaskSeconds + join;
  } else {
    busy = instances * tiles.all * tileFlops / (kWarpShare * m.warpRate) / units;
    longest = tiles.most * kWarpTileSeconds + kWarpTaskSeconds;
  }
  const double loads = std::max(tiles.most / double(schedule.split), instances * tiles.all / units) *
                       double(schedule.keys) * elements * kElementBytes / m.fetchRate;
  return boundedBy(e.bytes, e.flops,
                   {{e.bytes / m.readBandwidth, "memory"},
                    {loads, "loads"},
                    {busy + kStartSeconds, "products"},
                    {longest + kStartSeconds, "latency"}},
                   m);
}

PrefillChoice mlir::deepseek::cost::choosePrefillSchedule(const PrefillShape &s, bool tmaAddressable,
                                                          const Machine &m) {
  PrefillSchedule simple = defaultPrefillSchedule(s);
  PrefillChoice best{simple, prefillEstimate(s, simple, m)};
  if (!tmaAddressable)
    return best;
  const int64_t headGroup = headGroupOf(s);
  for (int64_t rows : {64, 128})
    for (int64_t keys : {128, 112, 96, 64})
      for (int64_t stages : {2, 3, 4})
        for (int64_t split : {1, 2, 4, 8}) {
          const PrefillSchedule schedule{rows, keys, stages, MlaPrefillTiling::warpsFor(rows), headGroup, split};
          const int64_t tasks = s.heads * s.sequences * ceilDiv(s.tokens / s.sequences, rows);
          if (!tilingOf(s, schedule).fits() || !tilingOf(s, schedule).splits(split) ||
              (split > 1 && tasks > clustersAtOnce(split, m))) // parts are for idle multiprocessors
            continue;
          const Estimate e = prefillEstimate(s, schedule, m);
          if (e.seconds < best.estimate.seconds)
            best = {schedule, e};
        }
  return best;
}
