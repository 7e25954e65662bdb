// Vertical fusion: groups of row-wise operations that one kernel computes. To add a pattern, write a function that
// collects its operations from a root, and a line in `patterns`; docs/HACKING.md walks through one.
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/graph/FusionNames.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_FUSEPASS
#include "passes/Passes.h.inc"

namespace {

using Group = llvm::SetVector<Operation *>;

/// The only user of `value` that is an `Op`, if there is exactly one such user in the block.
template <typename Op> Op uniqueUser(Value value) {
  Op found;
  for (Operation *user : value.getUsers())
    if (auto op = dyn_cast<Op>(user)) {
      if (found && found != op)
        return {};
      found = op;
    }
  return found;
}

/// Adds the quantisation of `value`, if there is one.
void addQuantize(Value value, Group &group) {
  if (auto quantize = uniqueUser<QuantizeOp>(value))
    group.insert(quantize);
}

// Each collector starts at a root and returns the operations that belong together; fewer than two means no match.

/// Adds what computes a term of the residual stream, row by row, for this sum alone: sums, and the combination of the experts' rows.
void addTerms(AddOp add, Group &group) {
  for (Value term : add.getOperands()) {
    Operation *producer = term.getDefiningOp();
    if (!producer || !producer->hasOneUse())
      continue;
    if (auto inner = dyn_cast<AddOp>(producer))
      addTerms(inner, group);
    if (isa<AddOp, MoeCombineOp>(producer))
      group.insert(producer);
  }
}

/// [experts' combination + shared expert ->] residual add -> rms_norm [-> quantise]
Group collectAddNorm(Operation *root) {
  Group group;
  auto add = dyn_cast<AddOp>(root);
  if (!add)
    return group;
  if (auto norm = uniqueUser<RmsNormOp>(add.getResult())) {
    addTerms(add, group);
    group.insert(add);
    group.insert(norm);
    addQuantize(norm.getResult(), group);
  }
  return group;
}

/// rms_norm -> quantise
Group collectNormQuantize(Operation *root) {
  Group group;
  if (auto norm = dyn_cast<RmsNormOp>(root)) {
    group.insert(norm);
    addQuantize(norm.getResult(), group);
  }
  return group;
}

/// swiglu -> quantise
Group collectSwigluQuantize(Operation *root) {
  Group group;
  if (auto swiglu = dyn_cast<SwigluOp>(root)) {
    group.insert(swiglu);
    addQuantize(swiglu.getResult(), group);
  }
  return group;
}

/// latent norm, rotary embedding of key and query -> cache append
Group collectRopeAppend(Operation *root) {
  Group group;
  auto append = dyn_cast<LatentCacheAppendOp>(root);
  if (!append)
    return group;
  if (auto norm = append.getLatent().getDefiningOp(); norm && isa<RmsNormOp, LayerNormOp>(norm) && norm->hasOneUse())
    group.insert(norm);
  auto keyRope = append.getKRope().getDefiningOp<RopeOp>();
  if (keyRope && keyRope->hasOneUse())
    group.insert(keyRope);
  // The query's rotation uses the same angles; it joins if its input is ready where the records are written.
  if (keyRope)
    for (Operation *user : keyRope.getAngles().getUsers()) {
      auto rope = dyn_cast<RopeOp>(user);
      if (rope && rope != keyRope && rope->getBlock() == append->getBlock() && rope.getX().getType().getRank() == 3 &&
          rope->isBeforeInBlock(append) &&
          llvm::all_of(rope->getUsers(), [&](Operation *next) { return append->isBeforeInBlock(next); })) {
        group.insert(rope);
        break;
      }
    }
  group.insert(append);
  return group;
}

/// gate projection -> moe_gate
Group collectRouter(Operation *root) {
  Group group;
  auto gate = dyn_cast<MoeGateOp>(root);
  if (!gate)
    return group;
  if (auto logits = gate.getLogits().getDefiningOp<LinearOp>(); logits && logits->hasOneUse()) {
    group.insert(logits);
    group.insert(gate);
  }
  return group;
}

struct FusionPattern {
  StringLiteral name;
  Group (*collect)(Operation *root);
};

/// In order of precedence: an operation that an earlier pattern took is not looked at again.
constexpr FusionPattern patterns[] = {
    {"rope_append", collectRopeAppend},
    {"add_norm", collectAddNorm},
    {"norm_quantize", collectNormQuantize},
    {"swiglu_quantize", collectSwigluQuantize},
    {"router", collectRouter},
};

struct FusePass : impl::FusePassBase<FusePass> {
  using FusePassBase::FusePassBase;

  bool isEnabled(StringRef name) { return !llvm::is_contained(disable, name) && !llvm::is_contained(disable, "all"); }

  void runOnOperation() override {
    for (const std::string &name : disable)
      if (name != "all" && llvm::none_of(patterns, [&](const FusionPattern &p) { return p.name == name; })) {
        InFlightDiagnostic error = getOperation().emitError();
        error << "deepseek-fuse: no pattern is called '" << name << "'; there are all";
        for (const FusionPattern &pattern : patterns)
          error << ", " << pattern.name;
        return signalPassFailure();
      }
    for (const FusionPattern &pattern : patterns)
      if (isEnabled(pattern.name))
        apply(pattern);
  }

  void apply(const FusionPattern &pattern) {
    SmallVector<Operation *> roots;
    getOperation().walk([&](Operation *op) {
      if (!op->getParentOfType<FusionOp>() && !isa<FusionOp>(op))
        roots.push_back(op);
    });
    llvm::SmallPtrSet<Operation *, 16> taken;
    for (Operation *root : roots) {
      if (taken.contains(root))
        continue;
      Group group = pattern.collect(root);
      if (group.size() < 2 || llvm::any_of(group, [](Operation *op) { return op->getParentOfType<FusionOp>(); }))
        continue;
      auto opts = remark::RemarkOpts::name("Fuse").category("deepseek-fuse").function(getOperation().getName());
      if (std::string reason = whyNotMovable(group); !reason.empty()) {
        remark::missed(root->getLoc(), opts) << pattern.name << ": " << reason;
        continue;
      }
      remark::passed(root->getLoc(), opts) << llvm::formatv("{0}: {1} operations in one kernel", pattern.name, group.size()).str();
      taken.insert(group.begin(), group.end());
      wrap(group, pattern.name);
    }
  }

  static Operation *lastOf(const Group &group) {
    Operation *last = group.front();
    for (Operation *op : group)
      if (last->isBeforeInBlock(op))
        last = op;
    return last;
  }

  /// The region takes the place of the group's last operation: nothing may need its results before, and no side effect may be crossed.
  static std::string whyNotMovable(const Group &group) {
    Operation *last = lastOf(group);
    for (Operation *op : group) {
      if (op->getBlock() != last->getBlock())
        return "operations are in different blocks";
      if (!isPure(op) && op != last)
        return "an operation with side effects would move";
      for (Operation *user : op->getUsers())
        if (!group.contains(user) && user->getBlock() == last->getBlock() && user->isBeforeInBlock(last))
          return "a result is needed before the last operation of the group";
    }
    return "";
  }

  static void wrap(const Group &group, StringRef name) {
    Operation *last = lastOf(group);
    SmallVector<Operation *> ops(group.begin(), group.end());
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    SmallVector<Value> results;
    for (Operation *op : ops)
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !group.contains(user); }))
          results.push_back(result);

    OpBuilder b(last);
    auto fusion = FusionOp::create(b, last->getLoc(), TypeRange(ValueRange(results)), name);
    for (auto [inside, outside] : llvm::zip(results, fusion.getResults()))
      inside.replaceUsesWithIf(outside, [&](OpOperand &use) { return !group.contains(use.getOwner()); });
    Block *body = b.createBlock(&fusion.getBody());
    for (Operation *op : ops)
      op->moveBefore(body, body->end());
    b.setInsertionPointToEnd(body);
    YieldOp::create(b, last->getLoc(), results);
  }
};

} // namespace

SmallVector<StringRef> verticalFusionNames() {
  return llvm::map_to_vector(patterns, [](const FusionPattern &pattern) -> StringRef { return pattern.name; });
}

} // namespace mlir::deepseek
