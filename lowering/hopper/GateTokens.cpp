// kernel.gate_tokens: the router's product for a few tokens, the choice of their experts, and the pairs sorted by
// expert.
//
// Grid. CTA (tile, part) computes a tile of experts over a part of K for all tokens. The last CTAs then go on: each
// routes some of the tokens, and the very last one sorts. They wait for what the others send, and nothing waits for
// them, so the others can always run.
// Product. A warp takes neighbouring chunks of 32 channels; experts are the 16-row side of mma.sync, tokens its
// 8-column side. A lane copies its 16 bytes of each row to shared memory and reads back just those: cp.async only keeps
// more loads under way than registers would. The gate's are requested before the kernel waits for its predecessors. The
// warps' sums meet in shared memory and are added in the order of the warps.
// Exchange. A partial sum is one word of the kernel's own global memory, inverted, so that zero means "not yet" (an
// inverted zero is a NaN that no addition gives). Its reader polls the word itself, adds the parts in order, and puts
// the zero back for the next launch. Choices go to the sorting CTA in the same way, as index + 1. So nothing needs a
// fence or a counter, and the order of sums never depends on timing.
// Routing. A warp for each token (RouteToken.h), its logits in shared memory.
// Sorting. Few pairs: each is compared with all. More: sets of tokens (TokenSets.h).
// Order. Copies of the gate; wait; copies of x; products; barrier; sums are sent. Routing CTAs: poll; barrier; route;
// choices are sent, or with a single routing CTA stored to shared memory; barrier; sort.
// Shared memory. For each warp its copies, later its sums; logits and scores of the tokens that are routed here;
// choices.
#include "lowering/hopper/RouteToken.h"
#include "lowering/hopper/TokenSets.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Mma.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t kMaxTokens = 64;
constexpr int64_t kChunk = 32;         // channels: four lanes of 16 bytes
constexpr int64_t kLaneBytes = 16;     // of a row in a chunk
constexpr int64_t kComparedPairs = 32; // up to here pairs are compared with one another
constexpr int64_t kPartialPad = 4;     // f32 between rows of the warps' sums

struct GatePlan {
  int64_t tokens, hidden;
  int64_t routed;                // tokens of a routing CTA
  int64_t experts, parts, warps; // experts of a CTA; CTAs that share K; warps of a CTA
  int64_t chunks;                // of a warp
  int64_t tiles() const { return experts / 16; }
  int64_t tokenTiles() const { return llvm::divideCeil(tokens, 8); }
  int64_t routers() const { return llvm::divideCeil(tokens, routed); }
};

class GateTokensKernel {
public:
  GateTokensKernel(KernelBuilder &k, kernel::GateTokensOp op, LaunchPlan &launch)
      : k(k), op(op), launch(launch), rule(routeRule(op, op.getGate().getType().getDimSize(0))), arena(k),
        router(k, rule), lane(k.laneIndex()), warp(k.warpIndex()), thread(k.threadIndex()) {}

  LogicalResult makePlan();
  void emit();

private:
  int64_t threads() const { return 32 * p.warps; }
  int64_t blocks() const { return rule.experts / p.experts * p.parts; }
  int64_t fragments() const { return p.chunks * (2 * p.tiles() + p.tokenTiles()); } // of a lane
  int64_t partialWords() const { return p.tokens * p.parts * rule.experts; }
  bool exchangesChoices() const { return p.routers() > 1; }
  int64_t pitch() const { return p.experts + kPartialPad; } // f32 of a token's sums
  int64_t warpBytes() const { return std::max(kLaneBytes * 32 * fragments(), 4 * 8 * p.tokenTiles() * pitch()); }
  Value slot(int64_t fragment);
  Value choice(Value pair) { return sets ? sets->choice(pair) : arena.at(choices, k.mul(pair, 4)); }
  Value rowChunk(Value base, const DeviceView &view, Value row, int64_t chunk);
  Value isInside(int64_t chunk);
  void copyGate();
  void copyTokens();
  Values multiply();
  void storeSums(ArrayRef<Value> acc);
  void sendSums();
  void receiveLogits();
  void receiveItems(Value first, int64_t count, Value owned);
  void routeOwned();
  void sort();
  void sortByComparison();
  void sortBySets();
  void eachPair(llvm::function_ref<void(Value pair)> visit);
  void receiveChoices();
  void storePlace(Value pair, Value token, Value row);

  KernelBuilder &k;
  kernel::GateTokensOp op;
  LaunchPlan &launch;
  const RouteRule rule;
  GatePlan p{};
  SmemArena arena;
  TokenRouter router;
  Value lane, warp, thread;
  std::optional<TokenSets> sets;
  int64_t copies = 0, logits = 0, scores = 0, choices = 0; // offsets in shared memory
  Value x, gate, weights, indices, offsets, rowOf, tokenOf, state;
  Value tile, part; // of this CTA: its first expert, its part of K
  Value firstToken; // of a routing CTA
  Value firstChunk; // of this warp
};

} // namespace

LogicalResult GateTokensKernel::makePlan() {
  ArrayRef<int64_t> shape = op.getX().getType().getShape();
  p.tokens = shape[0], p.hidden = shape[1];
  const DeviceView xView = *getDeviceView(op.getX()), gateView = *getDeviceView(op.getGate());
  if (!xView.element.isBF16())
    return op.emitError() << "gate_tokens has elements of " << xView.element << ", expected bf16 on this target";
  if (p.tokens > kMaxTokens || !rule.isBlocked())
    return op.emitError() << "gate_tokens has " << p.tokens << " tokens, " << rule.experts << " experts in "
                          << rule.groups << " groups, expected at most " << kMaxTokens
                          << " tokens and a multiple of 32 experts up to 256, whole lanes of them in a group";
  for (const DeviceView &view : {xView, gateView})
    if (view.strides[1] != 1 || view.strides[0] % 8 || view.alignment() < kLaneBytes || p.hidden % 8)
      return op.emitError() << "gate_tokens needs rows of a multiple of 8 channels that start at multiples of 16 bytes";
  for (Value result : op.getResults())
    if (!getDeviceView(result)->isContiguous())
      return op.emitError("gate_tokens' results must be contiguous");
  std::optional<kernel::ScheduleAttr> schedule = op.getSchedule();
  if (!schedule || schedule->getTile().size() != 3)
    return op.emitError("gate_tokens needs a schedule whose tile has three sizes");
  ArrayRef<int64_t> tile = schedule->getTile();
  p.routed = tile[0], p.experts = tile[1], p.parts = schedule->getSplit(), p.warps = schedule->getWarps();
  p.chunks = p.warps > 0 ? llvm::divideCeil(tile[2], kChunk * p.warps) : 0;
  if (p.routed < 1 || p.routed > p.warps || p.warps > 16 || p.experts % 16 || p.experts < 16 ||
      rule.experts % p.experts || p.chunks * kChunk * p.warps * p.parts < p.hidden || blocks() < p.routers() ||
      p.chunks * p.tiles() > 16)
    return op.emitError() << "gate_tokens' schedule routes " << p.routed << " tokens in a CTA of " << p.warps
                          << " warps and multiplies " << p.experts << " experts by " << tile[2] << " channels in "
                          << p.parts << " parts, which does not cover the operands";
  return success();
}

/// This lane's bytes of a fragment.
Value GateTokensKernel::slot(int64_t fragment) {
  return arena.at(copies + 32 * kLaneBytes * fragment, k.add(k.mul(warp, warpBytes()), k.mul(lane, kLaneBytes)));
}

/// This lane's bytes of a row.
Value GateTokensKernel::rowChunk(Value base, const DeviceView &view, Value row, int64_t chunk) {
  Value bytes = k.add(k.mul(k.add(firstChunk, chunk), 2 * kChunk), k.mul(k.bitAnd(lane, 3), kLaneBytes));
  Value offset = k.add(k.mul(k.zext(row, k.i64Ty), 2 * view.strides[0]), k.zext(bytes, k.i64Ty));
  return k.gep(base, offset);
}

/// Whether this lane's channels of a chunk exist; null where all do.
Value GateTokensKernel::isInside(int64_t chunk) {
  if (p.chunks * kChunk * p.warps * p.parts == p.hidden)
    return Value();
  Value channel = k.add(k.mul(k.add(firstChunk, chunk), kChunk), k.mul(k.bitAnd(lane, 3), 8));
  return k.ltU(channel, p.hidden);
}

void GateTokensKernel::copyGate() {
  const DeviceView view = *getDeviceView(op.getGate());
  for (int64_t chunk = 0; chunk < p.chunks; ++chunk)
    for (int64_t half = 0; half < 2 * p.tiles(); ++half) {
      Value row = k.add(k.add(tile, 8 * half), k.shrU(lane, 2));
      cpAsync(k, slot(chunk * 2 * p.tiles() + half), rowChunk(gate, view, row, chunk), kLaneBytes, isInside(chunk));
    }
}

void GateTokensKernel::copyTokens() {
  const DeviceView view = *getDeviceView(op.getX());
  for (int64_t chunk = 0; chunk < p.chunks; ++chunk)
    for (int64_t t = 0; t < p.tokenTiles(); ++t) {
      Value token = k.add(k.shrU(lane, 2), 8 * t), valid = isInside(chunk);
      if (8 * (t + 1) > p.tokens) {
        Value exists = k.ltU(token, p.tokens);
        valid = valid ? k.logicalAnd(valid, exists) : exists;
        token = k.minU(token, p.tokens - 1);
      }
      cpAsync(k, slot(p.chunks * 2 * p.tiles() + chunk * p.tokenTiles() + t), rowChunk(x, view, token, chunk),
              kLaneBytes, valid);
    }
  cpAsyncCommit(k);
}

/// Sums of this warp: [tile][token tile][4].
Values GateTokensKernel::multiply() {
  Values acc(4 * p.tiles() * p.tokenTiles(), k.f32(0));
  auto load = [&](int64_t fragment) { return k.elements(loadShared(k, k.vec(4, k.i32Ty), slot(fragment))); };
  for (int64_t chunk = 0; chunk < p.chunks; ++chunk) {
    SmallVector<Values> experts;
    for (int64_t half = 0; half < 2 * p.tiles(); ++half)
      experts.push_back(load(chunk * 2 * p.tiles() + half));
    for (int64_t t = 0; t < p.tokenTiles(); ++t) {
      Values token = load(p.chunks * 2 * p.tiles() + chunk * p.tokenTiles() + t);
      for (int64_t m = 0; m < p.tiles(); ++m)
        for (int64_t i = 0; i < 4; i += 2) { // both sides permute K alike
          ArrayRef<Value> low = experts[2 * m], high = experts[2 * m + 1];
          MutableArrayRef<Value> sum = MutableArrayRef<Value>(acc).slice(4 * (m * p.tokenTiles() + t), 4);
          Values d = mma16816(k, k.bf16Ty, {low[i], high[i], low[i + 1], high[i + 1]}, {token[i], token[i + 1]}, sum);
          llvm::copy(d, sum.begin());
        }
    }
  }
  return acc;
}

void GateTokensKernel::storeSums(ArrayRef<Value> acc) {
  syncWarp(k); // every lane has read its copies
  Value group = k.shrU(lane, 2), quad = k.bitAnd(lane, 3);
  for (int64_t m = 0; m < p.tiles(); ++m)
    for (int64_t t = 0; t < p.tokenTiles(); ++t)
      for (int64_t i = 0; i < 4; ++i) {
        Value token = k.add(k.mul(quad, 2), 8 * t + (i & 1)), expert = k.add(group, 16 * m + 8 * (i >> 1));
        Value offset = k.add(k.mul(warp, warpBytes()), k.mul(k.add(k.mul(token, pitch()), expert), 4));
        storeShared(k, acc[4 * (m * p.tokenTiles() + t) + i], arena.at(copies, offset));
      }
}

/// Adds the warps' sums, four experts of a token at a time.
void GateTokensKernel::sendSums() {
  const int64_t quads = p.experts / 4;
  auto sendOne = [&](Value item) {
    Value token = k.divU(item, quads), expert = k.mul(k.remU(item, quads), 4);
    Value offset = k.mul(k.add(k.mul(token, pitch()), expert), 4);
    Values total(4, Value());
    for (int64_t w = 0; w < p.warps; ++w)
      for (auto [sum, one] :
           llvm::zip(total, k.elements(loadShared(k, k.vec(4, k.f32Ty), arena.at(copies + w * warpBytes(), offset)))))
        sum = sum ? k.fadd(sum, one) : one;
    Values words;
    for (Value sum : total)
      words.push_back(k.bitXor(k.bitcast(sum, k.i32Ty), -1));
    Value word = k.add(k.mul(k.add(k.mul(token, p.parts), part), rule.experts), k.add(tile, expert));
    storeRelaxed(k, k.vector(words), k.gep(state, k.mul(word, 4)));
  };
  const int64_t items = p.tokens * quads;
  if (items == threads())
    sendOne(thread);
  else if (items < threads())
    k.when(k.ltU(thread, items), [&] { sendOne(thread); });
  else
    k.loop(thread, k.i32(items), threads(), sendOne);
}

/// Logits of `count` items of this thread, `threads` apart: four experts of one of the CTA's tokens each.
void GateTokensKernel::receiveItems(Value first, int64_t count, Value owned) {
  const int64_t quads = rule.experts / 4;
  Values items, pointers;
  for (int64_t i = 0; i < count; ++i) {
    // Past the CTA's last token: the thread's first item once more. No other thread's words may be put back.
    Value item = k.add(first, i * threads());
    items.push_back(i ? k.select(k.ltU(item, owned), item, first) : item);
    Value token = k.add(firstToken, k.divU(items[i], quads));
    Value word = k.add(k.mul(token, p.parts * rule.experts), k.mul(k.remU(items[i], quads), 4));
    pointers.push_back(k.gep(state, k.mul(word, 4)));
  }
  auto at = [&](int64_t item, int64_t of) { return k.gep(pointers[item], 4 * of * rule.experts); };
  Values nothing(count * p.parts * 4, k.i32(0));
  auto isMissing = [&](ValueRange words) {
    Value least = words[0];
    for (Value word : words.drop_front())
      least = k.minU(least, word);
    return k.eq(least, 0);
  };
  Values words = k.loopWhile(nothing, isMissing, [&](ValueRange) {
    Values loaded;
    for (int64_t item = 0; item < count; ++item)
      for (int64_t of = 0; of < p.parts; ++of)
        llvm::append_range(loaded, k.elements(loadRelaxed(k, k.vec(4, k.i32Ty), at(item, of))));
    return loaded;
  });
  for (int64_t item = 0; item < count; ++item) {
    Values sums;
    for (int64_t i = 0; i < 4; ++i) {
      Value sum;
      for (int64_t of = 0; of < p.parts; ++of) {
        Value one = k.bitcast(k.bitXor(words[(item * p.parts + of) * 4 + i], -1), k.f32Ty);
        sum = sum ? k.fadd(sum, one) : one;
      }
      sums.push_back(sum);
    }
    storeShared(k, k.vector(sums), arena.at(logits, k.mul(items[item], 16)));
  }
  Value zero = k.vector(Values(4, k.i32(0)));
  for (int64_t item = 0; item < count; ++item)
    for (int64_t of = 0; of < p.parts; ++of)
      storeRelaxed(k, zero, at(item, of));
}

void GateTokensKernel::receiveLogits() {
  const int64_t items = p.routed * rule.experts / 4, most = std::max<int64_t>(1, 16 / p.parts);
  Value owned = k.mul(k.minU(k.sub(k.i32(p.tokens), firstToken), p.routed), rule.experts / 4);
  auto bounded = [&](Value first, int64_t count) {
    k.when(k.ltU(first, owned), [&] { receiveItems(first, count, owned); });
  };
  // As many words of a thread under way as registers allow.
  for (int64_t base = 0; base < items;) {
    const int64_t count = std::clamp<int64_t>((items - base) / threads(), 1, most);
    bounded(k.add(thread, base), count);
    base += count * threads();
  }
}

/// A warp for each token of this CTA.
void GateTokensKernel::routeOwned() {
  Value token = k.add(firstToken, warp);
  k.when(k.logicalAnd(k.ltU(warp, p.routed), k.ltU(token, p.tokens)), [&] {
    Value row = k.mul(warp, 4 * rule.experts);
    Values logit;
    const int64_t vector = rule.perLane() % 4 == 0 ? 4 : rule.perLane() % 2 == 0 ? 2 : 1;
    for (int64_t i = 0; i < rule.perLane(); i += vector) {
      Value pointer = arena.at(logits, k.add(row, k.mul(router.expert(i), 4)));
      if (vector == 1)
        logit.push_back(loadShared(k, k.f32Ty, pointer));
      else
        llvm::append_range(logit, k.elements(loadShared(k, k.vec(vector, k.f32Ty), pointer)));
    }
    RoutedToken routed = router.route(logit, arena.at(scores, k.mul(warp, rule.scoreBytes())));
    router.forEachChoice(routed, [&](Value column, Value weight, Value index) {
      Value pair = k.mul(k.add(k.mul(token, rule.topK), column), 4);
      if (exchangesChoices())
        storeRelaxed(k, k.add(index, 1), k.gep(state, k.add(pair, 4 * partialWords())));
      else
        storeShared(k, index, choice(k.add(k.mul(token, rule.topK), column)));
      storeGlobal(k, weight, k.gep(weights, pair));
      storeGlobal(k, index, k.gep(indices, pair));
    });
  });
}

void GateTokensKernel::storePlace(Value pair, Value token, Value row) {
  storeGlobal(k, row, k.gep(rowOf, k.mul(pair, 4)));
  storeGlobal(k, token, k.gep(tokenOf, k.mul(row, 4)));
}

/// An expert's offset is the number of pairs of lower experts; a pair's place adds those of its expert before it.
void GateTokensKernel::sortByComparison() {
  const int64_t pairs = p.tokens * rule.topK;
  Values all;
  for (int64_t i = 0; i < pairs; i += 4) { // the array is padded
    Values four = k.elements(loadShared(k, k.vec(4, k.i32Ty), arena.at(choices + 4 * i)));
    for (int64_t j = 0; j < std::min<int64_t>(4, pairs - i); ++j)
      all.push_back(four[j]);
  }
  auto countBelow = [&](Value expert) {
    Value count = k.i32(0);
    for (Value other : all)
      count = k.add(count, k.zext(k.ltU(other, expert), k.i32Ty));
    return count;
  };
  k.loop(thread, k.i32(rule.experts + 1), threads(),
         [&](Value expert) { storeGlobal(k, countBelow(expert), k.gep(offsets, k.mul(expert, 4))); });
  eachPair([&](Value pair) {
    Value expert = loadShared(k, k.i32Ty, choice(pair)), row = countBelow(expert);
    for (auto [i, other] : llvm::enumerate(all)) {
      Value earlier = k.gtU(pair, static_cast<int64_t>(i));
      row = k.add(row, k.zext(k.logicalAnd(k.eq(other, expert), earlier), k.i32Ty));
    }
    storePlace(pair, k.divU(pair, rule.topK), row);
  });
}

void GateTokensKernel::sortBySets() {
  eachPair([&](Value pair) { sets->add(pair, loadShared(k, k.i32Ty, choice(pair))); });
  syncThreads(k);
  k.when(k.eq(warp, 0), [&] {
    sets->scan([&](Value expert, Value offset) { storeGlobal(k, offset, k.gep(offsets, k.mul(expert, 4))); });
  });
  syncThreads(k);
  eachPair([&](Value pair) {
    Value token = k.divU(pair, rule.topK);
    storePlace(pair, token, sets->place(token, loadShared(k, k.i32Ty, choice(pair))));
  });
}

void GateTokensKernel::eachPair(llvm::function_ref<void(Value)> visit) {
  const int64_t pairs = p.tokens * rule.topK;
  if (pairs <= threads())
    k.when(k.ltU(thread, pairs), [&] { visit(thread); });
  else
    k.loop(thread, k.i32(pairs), threads(), visit);
}

/// Choices of all tokens from the CTAs that routed them.
void GateTokensKernel::receiveChoices() {
  eachPair([&](Value pair) {
    Value word = k.gep(state, k.add(k.mul(pair, 4), 4 * partialWords()));
    Value sent = k.loopWhile(
        {k.i32(0)}, [&](ValueRange word) { return k.eq(word[0], 0); },
        [&](ValueRange) { return Values{loadRelaxed(k, k.i32Ty, word)}; })[0];
    storeRelaxed(k, k.i32(0), word);
    storeShared(k, k.sub(sent, 1), choice(pair));
  });
}

void GateTokensKernel::sort() {
  if (exchangesChoices())
    receiveChoices();
  syncThreads(k);
  sets ? sortBySets() : sortByComparison();
}

void GateTokensKernel::emit() {
  copies = arena.allocate(p.warps * warpBytes());
  logits = arena.allocate(4 * p.routed * rule.experts);
  scores = arena.allocate(rule.scoreBytes() * p.routed);
  if (p.tokens * rule.topK <= kComparedPairs)
    choices = arena.allocate(llvm::alignTo(4 * p.tokens * rule.topK, 16));
  else
    sets.emplace(k, arena, p.tokens, rule.experts, rule.topK);
  x = pointerParameter(k, launch, op.getX());
  gate = pointerParameter(k, launch, op.getGate());
  Value bias = op.getBias() ? pointerParameter(k, launch, op.getBias()) : Value();
  Value *results[] = {&weights, &indices, &offsets, &rowOf, &tokenOf};
  for (auto [pointer, result] : llvm::zip(results, op.getResults()))
    *pointer = pointerParameter(k, launch, result);
  state = k.deviceState(4 * (partialWords() + p.tokens * rule.topK));
  const int64_t tiles = rule.experts / p.experts;
  Value block = k.blockIndex();
  tile = k.mul(k.remU(block, tiles), p.experts), part = k.divU(block, tiles);
  firstChunk = k.mul(k.add(k.mul(part, p.warps), warp), p.chunks);

  const bool early = getDeviceView(op.getGate())->readOnly;
  if (early)
    copyGate();
  if (sets)
    sets->clear(thread, threads());
  router.waitWithBias(bias, op.getBias(), p.tokens);
  if (!early)
    copyGate();
  copyTokens();
  cpAsyncWait(k, 0);
  storeSums(multiply());
  syncThreads(k);
  sendSums();
  const int64_t firstRouter = blocks() - p.routers();
  k.when(k.geU(block, firstRouter), [&] {
    firstToken = k.mul(k.sub(block, firstRouter), p.routed);
    receiveLogits();
    syncThreads(k);
    routeOwned();
    if (exchangesChoices())
      k.when(k.eq(block, blocks() - 1), [&] { sort(); });
    else
      sort();
  });
  launch.grid = {blocks(), 1, 1};
  launch.threads = threads();
  launch.sharedBytes = arena.bytes();
}

FailureOr<LaunchPlan> hopper::buildGateTokens(Operation *operation, KernelBuilder &k) {
  LaunchPlan launch;
  GateTokensKernel kernel(k, cast<kernel::GateTokensOp>(operation), launch);
  if (failed(kernel.makePlan()))
    return failure();
  kernel.emit();
  return launch;
}
