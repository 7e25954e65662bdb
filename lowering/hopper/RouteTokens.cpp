// kernel.route_tokens: few tokens' experts, the pairs sorted by expert, and the tokens' rows in that order.
//
// Threads. CTA (t, part) stores the rows of token t: it loads its part of the columns along with the logits, and stores
// them once for each of the token's choices when it knows where. For that it needs every token's choices. A cluster of
// CTAs routes all tokens, a warp for each (RouteToken.h): CTA r tokens r, r + C, ...; choices are stored to the shared
// memory of all C. All clusters do the same at the same time, so they exchange nothing. Without tables there is one
// cluster. CTA 0 stores the small results, each CTA of the first cluster the choices of its own tokens.
// Sorting. By sets of tokens (TokenSets.h).
// Order. Bits = 0; wait; rows and logits are requested; route; barrier of the cluster; each CTA sets all bits; barrier;
// warp 0 scans the sizes of the sets; barrier; stores.
// Shared memory. E scores for each warp; ceil(T / 32) words of bits and an offset for each expert; T x K choices.
#include "lowering/hopper/RouteToken.h"
#include "lowering/hopper/RowProgram.h"
#include "lowering/hopper/TokenSets.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t kMaxTokens = 128;
constexpr int64_t kMaxExperts = 1024;
constexpr int64_t kMaxRegisters = 32; // of a thread, for its part of the rows

/// One table's columns in the CTAs of a token.
struct TablePlan {
  DeviceView from, to;
  Value source, destination; // global pointers
  int64_t width, vector;     // elements of a row, of an access
  int64_t chunks;            // accesses of a thread
  SmallVector<std::pair<Access, RowVector>> loaded;
};

class RouteTokensKernel {
public:
  RouteTokensKernel(KernelBuilder &k, kernel::RouteTokensOp op, LaunchPlan &launch)
      : k(k), op(op), launch(launch), rule(routeRule(op, shapeOf(op.getLogits())[1])), arena(k), router(k, rule),
        tokens(shapeOf(op.getLogits())[0]) {}

  LogicalResult plan();
  void emit();

private:
  static ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }
  void loadTables();
  void routeAll();
  void sortPairs();
  void storePermutation();
  void storeTables();

  KernelBuilder &k;
  kernel::RouteTokensOp op;
  LaunchPlan &launch;
  const RouteRule rule;
  SmemArena arena;
  TokenRouter router;
  int64_t tokens;
  std::optional<TokenSets> sets;
  int64_t cluster = 1, warps = 1, parts = 1;
  SmallVector<TablePlan, 1> tables;
  int64_t scores = 0; // offset in shared memory
  Value logits, bias, weights, indices, offsets, rowOf, tokenOf;
  Value rank, token, part;    // of this CTA
  Value isFirst, storesSmall; // CTA 0; the first cluster
};

} // namespace

LogicalResult RouteTokensKernel::plan() {
  if (tokens > kMaxTokens || rule.experts > kMaxExperts)
    return op.emitError() << "route_tokens has " << tokens << " tokens and " << rule.experts << " experts, expected "
                          << kMaxTokens << " and " << kMaxExperts << " at most";
  for (Value result : op.getResults())
    if (!getDeviceView(result)->isContiguous())
      return op.emitError("route_tokens' results must be contiguous");
  cluster = op.getSchedule() ? op.getSchedule()->getCluster() : 1;
  if (!llvm::isPowerOf2_64(cluster) || cluster > 8)
    return op.emitError() << "route_tokens has clusters of " << cluster << " CTAs, expected 1, 2, 4 or 8";
  // Eight scores of a lane are four registers each: 32 warps have room for that.
  const int64_t most = std::clamp<int64_t>(256 / rule.perLane() / 8 * 8, 4, 32);
  warps = std::clamp<int64_t>(op.getSchedule() ? op.getSchedule()->getWarps() : tokens, 1, most);
  int64_t rowVectors = 1; // accesses of a row of the widest table
  for (auto [table, result] : llvm::zip(op.getTables(), op.getGathered())) {
    TablePlan plan{*getDeviceView(table), *getDeviceView(result), {}, {}, 1, 1, 1, {}};
    plan.width = cast<RankedTensorType>(table.getType()).getNumElements() / tokens;
    plan.vector = 16 / plan.from.elementBytes();
    rowVectors = std::max<int64_t>(rowVectors, llvm::divideCeil(plan.width, plan.vector));
    tables.push_back(plan);
  }
  // CTAs of a token: as many as have columns, as long as the GPU holds them at once.
  constexpr int64_t blocks = 132;
  parts = std::clamp<int64_t>(llvm::divideCeil(rowVectors, 32 * warps), 1, std::max<int64_t>(1, blocks / tokens));
  int64_t registers = 0;
  for (TablePlan &table : tables) {
    table.chunks = llvm::divideCeil(llvm::divideCeil(table.width, table.vector), 32 * warps * parts);
    registers += 4 * table.chunks;
  }
  if (registers > kMaxRegisters)
    return op.emitError() << "route_tokens holds " << 4 * registers
                          << " bytes of a token's rows in each thread, expected " << 4 * kMaxRegisters << " at most";
  return success();
}

void RouteTokensKernel::loadTables() {
  int64_t id = 1;
  for (TablePlan &table : tables) {
    StridedRow row = stridedRow(k, table.from, table.source, token);
    for (int64_t i = 0; i < table.chunks; ++i) {
      Value chunk = k.add(k.mul(k.add(k.mul(k.i32(i), parts), part), 32 * warps), k.threadIndex());
      Access access{id++, table.width, table.vector, k.mul(chunk, table.vector), /*full=*/false, /*natural=*/false};
      table.loaded.push_back({access, loadRow(k, row, access)});
    }
  }
}

/// The choices of all tokens, in every CTA of the cluster.
void RouteTokensKernel::routeAll() {
  Value warp = k.warpIndex(), warpScores = arena.at(scores, k.mul(warp, rule.scoreBytes()));
  auto routeOne = [&](Value t) {
    RoutedToken routed = router.route(router.loadLogits(logits, *getDeviceView(op.getLogits()), t), warpScores);
    router.forEachChoice(routed, [&](Value column, Value weight, Value index) {
      Value pair = k.add(k.mul(t, rule.topK), column);
      for (int64_t i = 0; i < cluster; ++i)
        storeShared(k, index, cluster > 1 ? clusterAddress(k, sets->choice(pair), k.i32(i)) : sets->choice(pair));
      k.when(storesSmall, [&] {
        storeGlobal(k, weight, k.gep(weights, k.mul(pair, 4)));
        storeGlobal(k, index, k.gep(indices, k.mul(pair, 4)));
      });
    });
    syncWarp(k); // the scores are about to be written again
  };
  Value first = k.add(k.mul(warp, cluster), rank);
  if (tokens == warps * cluster)
    routeOne(first);
  else
    k.loop(first, k.i32(tokens), warps * cluster, routeOne);
}

void RouteTokensKernel::sortPairs() {
  k.loop(k.threadIndex(), k.i32(sets->pairs()), 32 * warps,
         [&](Value pair) { sets->add(pair, loadShared(k, k.i32Ty, sets->choice(pair))); });
  syncThreads(k);
  k.when(k.eq(k.warpIndex(), 0), [&] {
    sets->scan([&](Value expert, Value offset) {
      k.when(isFirst, [&] { storeGlobal(k, offset, k.gep(offsets, k.mul(expert, 4))); });
    });
  });
  syncThreads(k);
}

void RouteTokensKernel::storePermutation() {
  k.when(isFirst, [&] {
    k.loop(k.threadIndex(), k.i32(sets->pairs()), 32 * warps, [&](Value pair) {
      Value theToken = k.divU(pair, rule.topK);
      Value row = sets->place(theToken, loadShared(k, k.i32Ty, sets->choice(pair)));
      storeGlobal(k, row, k.gep(rowOf, k.mul(pair, 4)));
      storeGlobal(k, theToken, k.gep(tokenOf, k.mul(row, 4)));
    });
  });
}

void RouteTokensKernel::storeTables() {
  // Lane j knows where choice 32 b + j goes.
  Values places;
  for (int64_t base = 0; base < rule.topK; base += 32) {
    Value j = k.minU(k.add(k.laneIndex(), base), rule.topK - 1);
    places.push_back(sets->place(token, loadShared(k, k.i32Ty, sets->choice(k.add(k.mul(token, rule.topK), j)))));
  }
  for (int64_t j = 0; j < rule.topK; ++j) {
    Value row = shuffleIndex(k, places[j / 32], k.i32(j % 32));
    for (TablePlan &table : tables) {
      StridedRow to = stridedRow(k, table.to, table.destination, row);
      for (auto &[access, x] : table.loaded)
        storeRow(k, to, access, x);
    }
  }
}

void RouteTokensKernel::emit() {
  scores = arena.allocate(rule.scoreBytes() * warps);
  sets.emplace(k, arena, tokens, rule.experts, rule.topK);
  logits = pointerParameter(k, launch, op.getLogits());
  if (op.getBias())
    bias = pointerParameter(k, launch, op.getBias());
  Value *results[] = {&weights, &indices, &offsets, &rowOf, &tokenOf};
  for (auto [pointer, result] : llvm::zip(results, op.getResults()))
    *pointer = pointerParameter(k, launch, result);
  for (auto [table, from, to] : llvm::zip(tables, op.getTables(), op.getGathered()))
    table.source = pointerParameter(k, launch, from), table.destination = pointerParameter(k, launch, to);
  // Blocks (t, part), then those that fill the last cluster: they route, too, and store nothing.
  Value block = k.blockIndex();
  rank = cluster > 1 ? k.clusterRank() : k.i32(0);
  token = k.minU(k.divU(block, parts), tokens - 1), part = k.remU(block, parts);
  isFirst = k.eq(block, 0), storesSmall = k.ltU(block, cluster);
  const int64_t stores = tables.empty() ? 0 : tokens * parts,
                blocks = llvm::alignTo(std::max<int64_t>(stores, 1), cluster);

  sets->clear(k.threadIndex(), 32 * warps);
  router.waitWithBias(bias, op.getBias(), tokens);
  loadTables();
  if (cluster > 1)
    clusterSync(k); // all have begun: their shared memory may be written
  routeAll();
  cluster > 1 ? clusterSync(k) : syncThreads(k);
  sortPairs();
  storePermutation();
  if (stores == blocks)
    storeTables();
  else if (stores)
    k.when(k.ltU(block, stores), [&] { storeTables(); });
  launch.grid = {blocks, 1, 1};
  launch.cluster = cluster;
  launch.threads = 32 * warps;
  launch.sharedBytes = arena.bytes();
}

FailureOr<LaunchPlan> hopper::buildRouteTokens(Operation *operation, KernelBuilder &k) {
  LaunchPlan launch;
  RouteTokensKernel kernel(k, cast<kernel::RouteTokensOp>(operation), launch);
  if (failed(kernel.plan()))
    return failure();
  kernel.emit();
  return launch;
}
