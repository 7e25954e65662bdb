// Candidates of decode attention, ranked by their estimated time.
#include "passes/cost/Attention.h"
#include "dialects/kernel/MlaDecodeTiling.h"
#include "dialects/kernel/QuantizedRecord.h"
#include <algorithm>
#include <cmath>

using namespace mlir::deepseek::cost;
using mlir::deepseek::kernel::MlaDecodeTiling;
namespace kernel = mlir::deepseek::kernel;
using mlir::deepseek::kernel::MlaDecodeWgmmaTiling;

namespace {

constexpr double kElementBytes = MlaDecodeTiling::kElementBytes;
constexpr double kPartialBytes = 4;          // partial results are f32
constexpr double kSharedBytesPerClock = 128; // of a multiprocessor
constexpr double kSharedBytesOfUnit = 228e3; // for all CTAs of a multiprocessor
constexpr double kThreadsOfUnit = 2048;
constexpr double kSharedBytesOfSystem = 1024; // that each CTA pays
// Of a tile: two barriers, a round trip of scores through shared memory, the chain of a softmax. Of a product that
// waits for the one before it. Both from the instructions' latencies.
constexpr double kTileClocks = 400, kProductClocks = 33;
// From a CTA's start to its first records: positions, then block table, then records.
constexpr double kStartSeconds = 1.5e-6;
constexpr int64_t kLeastPositionsPerPart = 64; // fewer do not pay for a CTA's start
constexpr int64_t kMaxStages = 6;              // more copies under way than a multiprocessor's share of memory needs

// Products of warpgroups, measured: share of the tensor cores' rate that a long run of tiles reaches; least time of a
// pair of tiles (a round of barriers and softmax); of a task's query, first records, and last results.
constexpr double kWgmmaShare = 0.84, kPairSeconds = 1.0e-6, kWgmmaTaskSeconds = 2.3e-6, kNextTaskSeconds = 1.0e-6;
constexpr double kWgmmaMemoryShare = 0.91; // of the read bandwidth, that copies of single tiles reach
constexpr double kPartialRate = 4e12;      // bytes/s of f32 parts that all CTAs store, and read again, at their ends
constexpr double kJoinSeconds = 3e-6;      // of the CTAs' waiting for one another
// The pair over quantised records, whatever the number of heads: shared memory also holds the records on their way and
// takes the converted ones.
constexpr double kQuantizedPairSeconds = 2.55e-6;

constexpr double kCacheShare = 0.75; // of the second-level cache's rate, that copies of single tiles reach

// Products of single warps: what they take over what their slowest part should, 0.95 to 1.6 in 20 measured cases. Their
// parts are fixed when they are compiled: of several sequences the longest one is waited for, which the work that
// warpgroups share out is not. How uneven lengths will be is not known: the second factor is a choice.
constexpr double kWarpsOverhead = 1.15, kUnevenLengths = 1.13;

constexpr int64_t kSpareRegisters = 32;         // the need for registers is known to about as many
constexpr double kCombineElementsOfBlock = 512; // four warps, four columns a lane
constexpr int64_t kCombinePartsUnderWay = 8;

MlaDecodeTiling tilingOf(const DecodeShape &s, const DecodeSchedule &schedule) {
  return {s.latent, s.rope, schedule.rows, schedule.keys, schedule.stages, schedule.warps};
}
int64_t rowsOfSequence(const DecodeShape &s) { return s.tokens / s.sequences * s.heads; }
double contextOf(const DecodeShape &s) { return double(std::min(s.context, s.capacity)); }

/// Clocks that one tile takes from each part of a multiprocessor, and from start to end.
struct TileClocks {
  double shared, products, softmax, latency;
};

TileClocks clocksOf(const MlaDecodeTiling &t, const Machine &m) {
  const double rows = double(t.rows), keys = double(t.keys), width = double(t.width()), latent = double(t.latent);
  // Every warp of a group reads what the group shares; scores go through shared memory in shares of the depth.
  double bytes = kElementBytes * (keys * width * (1 + double(t.rowWarps())) + rows * width * double(t.keyWarps()) +
                                  keys * latent * double(t.outputRowWarps()));
  bytes += 4 * rows * keys * double(t.depthWarps()) * (1 + double(t.columnWarps()));
  TileClocks clocks;
  clocks.shared = bytes / kSharedBytesPerClock;
  clocks.products = 2 * rows * keys * (width + latent) * double(m.computeUnits) * m.clock / m.warpRate;
  clocks.softmax = double(t.warps * t.outputTiles() * t.keys); // 16 exponentials a clock, repeated by column warps
  const double chain =
      kProductClocks * double(ceilDiv(t.strips(), t.depthWarps())) * (t.scoreTiles() * t.scoreGroups() <= 2 ? 1 : 2);
  clocks.latency = kTileClocks + clocks.softmax + std::max({chain, clocks.shared, clocks.products});
  return clocks;
}

/// CTAs that share a multiprocessor.
double residents(const MlaDecodeTiling &t) {
  const double threads = double(t.threads()), registers = double(ceilDiv(t.registers(), 8) * 8);
  const double fit = std::min({kSharedBytesOfUnit / (double(t.sharedBytes()) + kSharedBytesOfSystem),
                               double(t.kRegisterFile) / (registers * threads), kThreadsOfUnit / threads});
  return std::max(1.0, double(int64_t(fit)));
}

/// The longest share of a group of CTAs, as the kernel finds it on the device (lowering/hopper/MlaDecodeShares.cpp).
struct DecodeShare {
  int64_t pairs, tasks;
  double stored, read; // parts in scratch memory that a CTA stores at its end, and reads
};

DecodeShare shareOf(const kernel::MlaDecodeShares &shares, int64_t pairs) {
  const int64_t items = shares.items(), groups = shares.groups(), total = items * pairs;
  const int64_t equal = ceilDiv(total + items * shares.kTaskPairs, groups), each = groups / items;
  if (each == 0) {
    const int64_t whole = ceilDiv(items, groups), regular = whole * (pairs + shares.kTaskPairs);
    if (equal + shares.kCutPairs < regular)
      return {equal, items / groups + 1, 0, 1}; // the second of two parts is stored while others compute
    return {whole * pairs, whole, 0, 0};
  }
  int64_t part = std::max<int64_t>(1, ceilDiv(pairs, each));
  if (groups > items)
    part = std::min(part, std::max<int64_t>(1, ceilDiv(total, groups - items)));
  part = std::max(part, int64_t(std::sqrt(double(total) * shares.partPairs()) + 0.5));
  if (items > 1 && equal + shares.kCutPairs < part + shares.kTaskPairs)
    return {equal, 2, 0, 1};
  const int64_t parts = ceilDiv(pairs, std::max<int64_t>(1, part));
  const double moved = parts > 2 ? 1 : parts == 2 ? 0.5 : 0; // the first of two parts stays where it is
  return {part, 1, moved, moved};
}

/// Tasks of 64 rows, one CTA to a multiprocessor, which passes from task to task.
Estimate wgmmaEstimate(const DecodeShape &s, const DecodeSchedule &schedule, const Machine &m) {
  const double query = double(s.latent + s.rope) * kElementBytes, context = contextOf(s);
  const double record = s.quantized ? double(kernel::QuantizedRecord{s.latent, s.rope}.bytes()) : query;
  const double sequences = double(s.sequences), rowTiles = double(ceilDiv(rowsOfSequence(s), schedule.rows));
  const kernel::MlaDecodeShares shares{rowsOfSequence(s), s.sequences, s.latent, s.capacity};
  const DecodeShare share = shareOf(shares, ceilDiv(int64_t(context), 2 * schedule.keys));
  const double results = double(s.tokens) * double(s.heads) * double(s.latent),
               elements = double(2 * s.latent + s.rope);
  const double partBytes = double(shares.blocks() * shares.slotRows()) * double(s.latent) * kPartialBytes;

  Estimate e;
  e.bytes = sequences * context * record + double(s.tokens) * double(s.heads) * query + results * kElementBytes;
  e.flops = 2 * double(s.tokens) * double(s.heads) * context * elements;
  const double pairFlops = 2 * double(schedule.rows) * 2 * double(schedule.keys) * elements;
  const double pair = std::max(s.quantized ? kQuantizedPairSeconds : kPairSeconds,
                               pairFlops * double(m.computeUnits) / (m.matrixRate * kWgmmaShare));
  const double join = share.read > 0 ? kJoinSeconds + (share.stored + share.read) * partBytes / kPartialRate : 0;
  const double start = kWgmmaTaskSeconds + join + double(share.tasks - 1) * kNextTaskSeconds;
  const double memory = e.bytes / (m.readBandwidth * kWgmmaMemoryShare) + start;
  const double cache = rowTiles * sequences * context * record / m.cacheBandwidth + start;
  const double products = double(share.pairs) * pair + start;
  return boundedBy(e.bytes, e.flops, {{memory, "memory"}, {cache, "cache"}, {products, "products"}}, m);
}

} // namespace

Estimate mlir::deepseek::cost::decodeEstimate(const DecodeShape &s, const DecodeSchedule &schedule, const Machine &m) {
  if (schedule.columns)
    return wgmmaEstimate(s, schedule, m);
  const MlaDecodeTiling t = tilingOf(s, schedule);
  const double context = contextOf(s), record = double(t.width()) * kElementBytes;
  const double rowTiles = double(ceilDiv(rowsOfSequence(s), t.rows)), sequences = double(s.sequences);
  const int64_t tasks = ceilDiv(rowsOfSequence(s), t.rows) * s.sequences * schedule.split;
  const double tasksOfUnit = double(ceilDiv(tasks, m.computeUnits)); // of the busiest
  const double together = std::min(tasksOfUnit, residents(t)),
               rounds = double(ceilDiv(int64_t(tasksOfUnit), int64_t(together)));
  const double tiles = double(ceilDiv(ceilDiv(int64_t(context), t.keys), schedule.split));

  Estimate e;
  const double results = double(s.tokens) * double(s.heads) * double(s.latent);
  e.bytes = sequences * context * record + double(s.tokens) * double(s.heads) * record +
            results * (schedule.split > 1 ? kPartialBytes * double(schedule.split) : kElementBytes);
  e.flops = 2 * double(s.tokens) * double(s.heads) * context * double(t.width() + t.latent);

  // Row tiles of one sequence run side by side: the first reads memory, the others the cache.
  const double memory = e.bytes / m.readBandwidth,
               cache = rowTiles * sequences * context * record / (m.cacheBandwidth * kCacheShare);
  const double underWay = together * double(t.stages - 1) * double(t.keys) * record;
  const double taskBytes = tiles * double(t.keys) * record + double(t.rows) * record;
  const double loads = tasksOfUnit * taskBytes / std::min(m.fetchRate, underWay / m.fetchLatency);
  const TileClocks clocks = clocksOf(t, m);
  const double unitTiles = tasksOfUnit * tiles;
  const double products = unitTiles * std::max({clocks.shared, clocks.products, clocks.softmax}) / m.clock;
  const double latency = rounds * (tiles * clocks.latency / m.clock + kStartSeconds);

  e = boundedBy(e.bytes, e.flops,
                {{memory, "memory"}, {cache, "cache"}, {loads, "loads"}, {products, "products"}, {latency, "latency"}},
                m);
  e.seconds *= kWarpsOverhead;
  return e;
}

Estimate mlir::deepseek::cost::combineEstimate(const DecodeShape &s, int64_t split, const Machine &m) {
  if (split == 1)
    return {};
  // A warp reads the weights' maximum, then eight parts at a time.
  const double rows = double(s.tokens) * double(s.heads), blocks = rows * double(s.latent) / kCombineElementsOfBlock;
  Estimate e = streamEstimate(rows * double(s.latent) * (kPartialBytes * double(split) + kElementBytes),
                              std::max(1.0, blocks), m);
  const double latency = double(1 + ceilDiv(split, kCombinePartsUnderWay)) * m.fetchLatency + m.kernelOverhead;
  if (latency > e.seconds) {
    e.seconds = latency;
    e.limit = "latency";
  }
  return e;
}

std::optional<DecodeChoice> mlir::deepseek::cost::chooseDecodeSchedule(const DecodeShape &s, const Machine &m,
                                                                       int64_t wantedSplit) {
  std::optional<DecodeChoice> best, tight;
  auto cost = [&](const DecodeSchedule &schedule, const Estimate &e) {
    return e.seconds * (schedule.columns || s.sequences == 1 ? 1 : kUnevenLengths);
  };
  auto consider = [&](const DecodeSchedule &schedule) {
    const MlaDecodeTiling tiling = tilingOf(s, schedule);
    if (!schedule.columns && !tiling.fits())
      return;
    Estimate e = decodeEstimate(s, schedule, m);
    if (!wantedSplit)
      e.seconds += combineEstimate(s, schedule.split, m).seconds;
    std::optional<DecodeChoice> &rank = schedule.columns                                                ? best
                                        : tiling.registers() + kSpareRegisters <= tiling.maxRegisters() ? best
                                                                                                        : tight;
    if (!rank || cost(schedule, e) < cost(rank->schedule, rank->estimate))
      rank = {schedule, e};
  };
  for (int64_t rows : MlaDecodeTiling::kSizes) {
    if (s.quantized)
      break; // products of warpgroups only
    if (rows > 16 && rows / 2 >= rowsOfSequence(s))
      break; // half of the rows would be empty
    const int64_t tasks = s.sequences * ceilDiv(rowsOfSequence(s), rows);
    const int64_t most =
        std::clamp<int64_t>(2 * m.computeUnits / tasks, 1, std::max<int64_t>(1, s.capacity / kLeastPositionsPerPart));
    for (int64_t keys : MlaDecodeTiling::kSizes)
      for (int64_t stages = 2; s.page % keys == 0 && stages <= kMaxStages; ++stages)
        for (int64_t warps : {4, 8, 16})
          for (int64_t split = wantedSplit ? wantedSplit : 1; split <= (wantedSplit ? wantedSplit : most); ++split)
            consider({rows, keys, stages, warps, split});
  }
  MlaDecodeWgmmaTiling wgmma{s.latent, s.rope, s.heads, s.page, /*stages=*/0, s.quantized};
  wgmma.stages = wgmma.maxStages();
  // Eight rows of each of several tokens spill two registers, unless they fill fragments of sixteen.
  const bool spills = !s.quantized && s.tokens > s.sequences && rowsOfSequence(s) % 16 != 0;
  if (s.tmaAddressable && !s.partial && !spills && wgmma.fits())
    consider({wgmma.kRows, wgmma.kKeys, wgmma.stages, wgmma.kWarps, /*split=*/1, wgmma.valueColumns()});
  return best ? best : tight;
}
