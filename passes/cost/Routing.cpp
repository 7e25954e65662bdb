// Schedules and times of kernels that route tokens to experts.
#include "passes/cost/Schedules.h"
#include <algorithm>

using namespace mlir::deepseek::cost;

namespace {

constexpr int64_t kRowTile = 16;     // experts of a product instruction
constexpr int64_t kChunk = 32;       // channels that four lanes load at once
constexpr int64_t kChunksOfPart = 8; // fewer cost more to exchange than to load
constexpr int64_t kMostParts = 16;

// Of route: cycles of a multiprocessor for a token, and for each of a lane's experts.
constexpr double kRouteCycles = 60, kRouteLaneCycles = 22;
// Of sort_tokens, in seconds: its barriers; a pair, with a cluster for 4096 or more.
constexpr double kSortStart = 1.6e-6, kSortPair = 0.27e-9;

// Of gate_tokens, in seconds.
constexpr double kFirstLoad = 0.6e-6; // nothing is in the cache
constexpr double kLoadShare = 0.5;    // of a multiprocessor's rate: its copies are short rows
constexpr double kExchange = 0.6e-6;  // a word from one CTA to another that polls it
constexpr double kRoute = 0.4e-6;     // scores and groups of one token
constexpr double kRound = 0.04e-6;    // one choice
constexpr double kSort = 0.2e-6, kSentPair = 2e-9;

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
  // A CTA for each of few tokens: warps that route share a multiprocessor's instructions (8 tokens of V3 take 1.9 us
  // longer in one CTA). Two for some more: choices of fewer CTAs arrive together.
  constexpr int64_t fewTokens = 4;
  t.routed =
      std::max<int64_t>(s.tokens > fewTokens && s.tokens <= manyTokens ? 2 : 1, ceilDiv(s.tokens, tiles * t.parts));
  t.routed = std::min(t.routed, t.warps);
  return t;
}

Estimate mlir::deepseek::cost::gateTokensEstimate(const GateTokensShape &s, const GateTokensSchedule &t,
                                                  const Machine &m) {
  const double tokens = double(s.tokens), experts = double(s.experts), hidden = double(s.hidden);
  const double width = double(s.elementBytes), bytes = width * hidden * (experts + tokens);
  const double flops = 2 * tokens * experts * hidden;
  const double perCta = width * double(t.channels) * (double(t.experts) + tokens);
  const double loads = kFirstLoad + std::max(bytes / m.readBandwidth, perCta / (kLoadShare * m.fetchRate));
  const bool apart = ceilDiv(s.tokens, t.routed) > 1; // choices are exchanged, too
  const double choices = apart ? kExchange + kSentPair * tokens * double(s.topK) : 0;
  const double rest = kExchange + kRoute + kRound * double(s.topK) + kSort + choices;
  return boundedBy(bytes, flops, {{loads + rest, "latency"}}, m);
}

Estimate mlir::deepseek::cost::routeEstimate(int64_t tokens, int64_t experts, int64_t topK, const Machine &m) {
  const double bytes = double(tokens) * double(4 * experts + 8 * topK), perLane = double(ceilDiv(experts, 32));
  const double cycles = double(tokens) * (kRouteCycles + kRouteLaneCycles * perLane) / double(m.computeUnits);
  const double latency = kRoute + kRound * double(topK);
  return boundedBy(bytes, 0, {{bytes / m.readBandwidth, "memory"}, {latency + cycles / m.clock, "latency"}}, m);
}

Estimate mlir::deepseek::cost::sortEstimate(int64_t pairs, int64_t groups, const Machine &m) {
  const double bytes = double(4 * (3 * pairs + groups));
  return boundedBy(bytes, 0, {{kSortStart + kSortPair * double(pairs), "latency"}}, m);
}
