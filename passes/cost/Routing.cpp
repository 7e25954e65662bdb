// Schedules and times of kernels that route tokens to experts.
#include "passes/cost/Schedules.h"
#include <algorithm>

using namespace mlir::deepseek::cost;

namespace {

constexpr int64_t kRowTile = 16;     // experts of a product instruction
constexpr int64_t kChunk = 32;       // channels that four lanes load at once
constexpr int64_t kChunksOfPart = 8; // fewer cost more to exchange than to load
constexpr int64_t kMostParts = 16;

// Of gate_tokens, in seconds.
constexpr double kFirstLoad = 0.8e-6; // nothing is in the cache
constexpr double kExchange = 0.7e-6;  // a word from one CTA to another that polls it
constexpr double kRoute = 0.4e-6;     // scores and groups of one token
constexpr double kRound = 0.04e-6;    // one choice
constexpr double kSort = 0.3e-6;

bool isPowerOf2(int64_t x) { return x > 0 && (x & (x - 1)) == 0; }

} // namespace

std::optional<RouteTokensSchedule> mlir::deepseek::cost::chooseRouteTokens(const RouteTokensShape &shape) {
  constexpr int64_t mostTokens = 64, mostExperts = 256, mostRowBytes = 32 << 10;
  if (shape.tokens > mostTokens || shape.experts > mostExperts || shape.rowBytes > mostRowBytes)
    return std::nullopt;
  // One multiprocessor routes 16 tokens of 64 experts in the time that a cluster takes to meet; from there on its
  // instructions are what costs.
  constexpr int64_t scoresOfBlock = 1024;
  int64_t cluster = 1;
  while (cluster < 8 && shape.tokens * shape.experts > cluster * scoresOfBlock)
    cluster *= 2;
  // Few warps where few tokens are routed: more CTAs then share the columns of a row.
  return RouteTokensSchedule{cluster, std::clamp<int64_t>(ceilDiv(shape.tokens, cluster), shape.rowBytes ? 2 : 1, 32)};
}

std::optional<GateTokensSchedule> mlir::deepseek::cost::chooseGateTokens(const GateTokensShape &s, const Machine &m) {
  constexpr int64_t mostTokens = 64, mostExperts = 256, lanes = 32, mostWarps = 16;
  const int64_t perLane = s.experts / lanes, groupSize = s.experts / s.groups;
  const bool wholeLanes = s.groups == 1 || (perLane && groupSize % perLane == 0 && isPowerOf2(groupSize / perLane));
  if (s.tokens > mostTokens || s.experts > mostExperts || s.experts % lanes || s.groups > lanes || s.topK > lanes ||
      !wholeLanes || s.elementBytes != 2 || s.hidden % 8)
    return std::nullopt;
  // With more tokens a CTA reads more of x than of the gate: wider tiles of experts read it less often.
  constexpr int64_t manyTokens = 16, manyExperts = 128;
  GateTokensSchedule t{1, kRowTile, 0, 1, 1};
  if (s.tokens > manyTokens && s.experts >= manyExperts)
    t.experts = 2 * kRowTile;
  const int64_t tiles = s.experts / t.experts, chunks = ceilDiv(s.hidden, kChunk);
  t.parts =
      std::clamp<int64_t>(m.computeUnits / tiles, 1, std::min<int64_t>(ceilDiv(chunks, kChunksOfPart), kMostParts));
  const int64_t ofPart = ceilDiv(chunks, t.parts);
  const int64_t each = ceilDiv(ofPart, mostWarps); // chunks of a warp
  t.warps = ceilDiv(ofPart, each);
  t.channels = t.warps * each * kChunk;
  t.parts = ceilDiv(chunks * kChunk, t.channels);
  // One CTA routes a token in each warp; more tokens than that find an SM each.
  t.routed = s.tokens <= std::min<int64_t>(t.warps, 8) ? s.tokens : ceilDiv(s.tokens, tiles * t.parts);
  return t;
}

Estimate mlir::deepseek::cost::gateTokensEstimate(const GateTokensShape &s, const GateTokensSchedule &t,
                                                  const Machine &m) {
  const double tokens = double(s.tokens), experts = double(s.experts), hidden = double(s.hidden);
  const double width = double(s.elementBytes), bytes = width * hidden * (experts + tokens);
  const double flops = 2 * tokens * experts * hidden;
  const double perCta = width * double(t.channels) * (double(t.experts) + tokens);
  const double loads = kFirstLoad + std::max(bytes / m.readBandwidth, perCta / m.fetchRate);
  const bool apart = ceilDiv(s.tokens, t.routed) > 1; // choices are exchanged, too
  const double rest = kExchange + kRoute + kRound * double(s.topK) + kSort + (apart ? kExchange + kSort : 0);
  return boundedBy(bytes, flops, {{loads + rest, "latency"}}, m);
}
