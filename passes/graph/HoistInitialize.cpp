// Work that depends on parameters alone is done once, in @initialize.
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/graph/ParameterOnly.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_HOISTINITIALIZEPASS
#include "passes/Passes.h.inc"

namespace {

constexpr StringLiteral initializeName = "initialize";

/// True for what is worth keeping: computed from parameters alone, more than a view, and used by work that is not.
bool isHoistable(Operation *op) {
  if (isa<LoadParameterOp>(op) || isParameterView(op) || op->getNumResults() == 0)
    return false;
  return llvm::all_of(op->getResults(), dependsOnParametersOnly);
}

/// A readable symbol: the operation and the first and last parameter that it is made of.
std::string describe(Operation *op) {
  SmallVector<StringRef> names;
  std::function<void(Value)> collect = [&](Value value) {
    Operation *def = value.getDefiningOp();
    if (auto load = dyn_cast<LoadParameterOp>(def))
      names.push_back(load.getParameter());
    else
      for (Value operand : def->getOperands())
        collect(operand);
  };
  for (Value operand : op->getOperands())
    collect(operand);
  std::string text = (op->getName().stripDialect() + "(" + names.front()).str();
  if (names.size() > 1)
    text += (names.size() > 2 ? " .. " : ", ") + names.back().str();
  return text + ")";
}

class Hoister {
public:
  Hoister(ModuleOp module, StringRef passName) : module(module), symbols(module), passName(passName) {}

  void run() {
    SmallVector<func::FuncOp> functions;
    for (auto fn : module.getOps<func::FuncOp>())
      if (fn.getName() != initializeName)
        functions.push_back(fn);
    for (func::FuncOp fn : functions)
      fn.walk([&](Operation *op) {
        if (isHoistable(op) && hasOtherUse(op))
          hoist(op);
      });
    for (func::FuncOp fn : functions)
      eraseDead(fn);
    if (initialize)
      func::ReturnOp::create(builder, module.getLoc());
  }

private:
  /// Some user is no part of a larger hoistable computation. Views count as their users do.
  static bool hasOtherUse(Operation *op) {
    return llvm::any_of(op->getUsers(), [](Operation *user) {
      return isParameterView(user) ? hasOtherUse(user) || user->use_empty() : !isHoistable(user);
    });
  }

  void hoist(Operation *op) {
    OpBuilder b(op);
    b.setInsertionPointAfter(op);
    for (OpResult result : op->getResults()) {
      SmallVector<std::string> names = derivedNames(result);
      Value loaded;
      if (auto scaled = dyn_cast<BlockScaledType>(result.getType())) {
        Value data = LoadParameterOp::create(b, op->getLoc(), scaled.getDataType(), names[0]);
        Value scales = LoadParameterOp::create(b, op->getLoc(), scaled.getScaleType(), names[1]);
        loaded = PackScaledOp::create(b, op->getLoc(), scaled, data, scales);
      } else {
        loaded = LoadParameterOp::create(b, op->getLoc(), result.getType(), names[0]);
      }
      result.replaceUsesWithIf(loaded, [](OpOperand &use) { return !isHoistable(use.getOwner()); });
    }
  }

  /// The derived parameters that hold `result`: one, or data and scales. Made on first demand, shared by equal computations.
  SmallVector<std::string> derivedNames(OpResult result) {
    std::string key = keyOf(result);
    SmallVector<std::string> &names = derived[key];
    if (!names.empty())
      return names;
    ensureInitialize();
    Value value = cloneInto(result);
    std::string base = uniqueName(describe(result.getOwner()));
    if (auto scaled = dyn_cast<BlockScaledType>(result.getType())) {
      auto unpacked = UnpackScaledOp::create(builder, value.getLoc(), scaled.getDataType(), scaled.getScaleType(), value);
      names = {base, uniqueName(base + ".scale")};
      declare(names[0], unpacked.getData());
      declare(names[1], unpacked.getScales());
    } else {
      names = {base};
      declare(base, value);
    }
    auto opts = remark::RemarkOpts::name("HoistInitialize").category(passName).function(initializeName);
    remark::passed(result.getLoc(), opts) << base;
    return names;
  }

  void declare(StringRef name, Value value) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    top.setInsertionPoint(initialize);
    auto type = cast<RankedTensorType>(value.getType());
    auto parameter = ParameterOp::create(top, value.getLoc(), name, type, /*derived=*/true);
    symbols.insert(parameter);
    StoreParameterOp::create(builder, value.getLoc(), value, name);
  }

  std::string uniqueName(std::string base) {
    std::string name = base;
    for (int i = 1; symbols.lookup(name); ++i)
      name = base + "#" + std::to_string(i);
    return name;
  }

  Value cloneInto(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    // Another function may already have brought an equal value here.
    std::string key = keyOf(value);
    if (auto it = cloned.find(key); it != cloned.end())
      return it->second;
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      mapping.map(operand, cloneInto(operand));
    Operation *copy = builder.clone(*op, mapping);
    for (auto [from, to] : llvm::zip(op->getResults(), copy->getResults()))
      cloned[keyOf(from)] = to;
    return cloned[key];
  }

  /// A text that two values share exactly when the same operations compute them from the same parameters.
  const std::string &keyOf(Value value) {
    std::string &key = keys[value];
    if (!key.empty())
      return key;
    Operation *op = value.getDefiningOp();
    llvm::raw_string_ostream os(key);
    os << op->getName() << '#' << cast<OpResult>(value).getResultNumber() << op->getAttrDictionary()
       << op->getPropertiesAsAttribute() << ':' << value.getType() << '(';
    std::string operands;
    for (Value operand : op->getOperands())
      operands += keyOf(operand) + ",";
    keys[value] += operands + ")";
    return keys[value];
  }

  void ensureInitialize() {
    if (initialize)
      return;
    OpBuilder top = OpBuilder::atBlockEnd(module.getBody());
    for (auto fn : module.getOps<func::FuncOp>()) {
      top.setInsertionPoint(fn);
      break;
    }
    initialize = func::FuncOp::create(top, module.getLoc(), initializeName, top.getFunctionType({}, {}));
    initialize->setAttr("deepseek.entry", top.getDictionaryAttr(top.getNamedAttr("kind", top.getStringAttr(initializeName))));
    symbols.insert(initialize);
    builder = OpBuilder::atBlockBegin(initialize.addEntryBlock());
  }

  static void eraseDead(func::FuncOp fn) {
    SmallVector<Operation *> ops;
    fn.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : llvm::reverse(ops))
      if (op->use_empty() && op->getNumResults() && llvm::all_of(op->getResults(), dependsOnParametersOnly))
        op->erase();
  }

  ModuleOp module;
  SymbolTable symbols;
  StringRef passName;
  func::FuncOp initialize;
  OpBuilder builder{static_cast<MLIRContext *>(nullptr)};
  IRMapping mapping;
  llvm::StringMap<SmallVector<std::string>> derived;
  llvm::StringMap<Value> cloned;
  DenseMap<Value, std::string> keys;
};

struct HoistInitializePass : impl::HoistInitializePassBase<HoistInitializePass> {
  void runOnOperation() override {
    if (auto existing = getOperation().lookupSymbol<func::FuncOp>(initializeName)) {
      existing.emitError() << "deepseek-hoist-initialize: the module already has @" << initializeName;
      return signalPassFailure();
    }
    Hoister(getOperation(), getArgument()).run();
  }
};

} // namespace
} // namespace mlir::deepseek
