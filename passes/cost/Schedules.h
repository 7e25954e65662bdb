// Which kernel family and schedule suits a shape.
#pragma once

#include "passes/cost/Estimate.h"
#include <cstdint>
#include <optional>

namespace mlir::deepseek::cost {

/// A matrix product D [m, n] = A [m, k] B [n, k]^T, `heads` times.
struct GemmShape {
  int64_t m, n, k, heads;
  int64_t elementBytes; // of A and B
};

enum class GemmFamily { Skinny, Stream, TensorCore };

/// Few rows on wgmma, B's rows on its 64-row side: a CTA computes tokens x features elements of D, `stages` stages of
/// kElements of K are under way; `split` CTAs of a cluster share K.
struct StreamSchedule {
  int64_t tokens, features, kElements, stages, split, warps;
};
StreamSchedule chooseStream(const GemmShape &shape, const Machine &machine);
Estimate streamProductEstimate(const GemmShape &shape, const StreamSchedule &schedule, const Machine &machine);

struct GemmChoice {
  GemmFamily family;
  int64_t tileM, tileN, warps; // of the skinny family; the tensor-core family has its own table
  StreamSchedule stream;       // of the stream family
  Estimate estimate;
};

/// `tmaAddressable`: rows of A and B start at multiples of 16 bytes.
GemmChoice chooseGemm(const GemmShape &shape, bool tmaAddressable, const Machine &machine);

/// Tile and pipeline of the tensor-core family: a CTA computes m x n elements of D, `stages` K blocks of 128 bytes are
/// under way; `split` CTAs of a cluster share K.
struct TensorCoreTile {
  int64_t m, n, stages;
  double seconds; // estimate, without the launch and the memory's bandwidth
  int64_t split = 1;

  int64_t warps() const { return m > 64 ? 12 : 8; } // one warpgroup loads, up to two multiply
};
TensorCoreTile chooseTensorCoreTile(const GemmShape &shape, const Machine &machine);

/// Share of the matrix rate that full tiles of m x n reach while their operands arrive in time.
double tensorCoreShare(const GemmShape &shape, int64_t m, int64_t n);

/// The product in tiles of `tile`: waves of tiles, each as fast as its operands arrive and its share of the rate
/// allows.
Estimate tensorCoreEstimate(const GemmShape &shape, const TensorCoreTile &tile, const Machine &machine);

/// The product by single warps that share K, `tileM` x `tileN` elements of D to a CTA: B is read once for each tile of
/// rows.
Estimate skinnyEstimate(const GemmShape &shape, int64_t tileM, int64_t tileN, int64_t warps, const Machine &machine);

/// A grouped product: `rows` rows that choose among `groups` matrices of n x k; a matrix without rows is not read.
/// `tile`: of tensor cores, or null where B is streamed by single warps.
struct GroupedShape {
  int64_t rows, groups, n, k;
  int64_t elementBytes;
};
Estimate groupedEstimate(const GroupedShape &shape, const TensorCoreTile *tile, const Machine &machine);
/// Tile of a grouped product with many rows.
TensorCoreTile chooseGroupedTile(const GroupedShape &shape, const Machine &machine);
/// The stream schedule of a grouped product.
StreamSchedule chooseGroupedStream(const GroupedShape &shape, const Machine &machine);

/// Whether the groups of a grouped product, `rows` in all, have rows enough for tensor-core tiles.
bool fillsTensorCoreTiles(int64_t rows, int64_t groups);

/// Experts of a few tokens, their order and the tokens' rows in one kernel: every cluster routes all tokens.
struct RouteTokensShape {
  int64_t tokens, experts, topK;
  int64_t rowBytes; // gathered for a token
};
struct RouteTokensSchedule {
  int64_t cluster, warps; // CTAs that share the routing, warps of each
};
/// Nothing where separate kernels are as fast.
std::optional<RouteTokensSchedule> chooseRouteTokens(const RouteTokensShape &shape);

/// route and sort_tokens by themselves.
Estimate routeEstimate(int64_t tokens, int64_t experts, int64_t topK, const Machine &machine);
Estimate sortEstimate(int64_t pairs, int64_t groups, const Machine &machine);

/// As above, with the router's product, tokens x experts x hidden, in the same kernel and no rows.
struct GateTokensShape {
  int64_t tokens, experts, hidden, topK;
  int64_t groups; // 1: no limit
  int64_t elementBytes;
};
/// A CTA multiplies `experts` by `channels`; `parts` CTAs share the channels. The last CTAs route `routed` tokens each.
struct GateTokensSchedule {
  int64_t routed, experts, channels, parts, warps;
};
/// Nothing where the product is a kernel of its own.
std::optional<GateTokensSchedule> chooseGateTokens(const GateTokensShape &shape, const Machine &machine);
Estimate gateTokensEstimate(const GateTokensShape &shape, const GateTokensSchedule &schedule, const Machine &machine);

} // namespace mlir::deepseek::cost
