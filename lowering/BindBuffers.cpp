// Arguments, results and parameters become the table of buffers that entries share. Trees of concat and stack over
// parameters become slices of one buffer, filled by the loader.
#include "dialects/deepseek/DeepSeekOps.h"
#include "dialects/kernel/KernelOps.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_BINDBUFFERSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;
using kernel::BufferRole;

namespace {

constexpr StringLiteral kBufferAttr = "deepseek.buffer";
constexpr StringLiteral kEntryAttr = "deepseek.entry";

/// A row of the table while it grows.
struct Buffer {
  BufferRole role;
  Type type;
  Location loc;
  SmallVector<Attribute> sources;
};

class BufferTable {
public:
  /// Declares buffer `name` or widens it to hold `type` too. Entries share a prefix of a buffer, so all dimensions
  /// except one leading dimension must agree, unless the contents are used as a whole (block tables).
  LogicalResult declare(StringRef name, BufferRole role, Type type, Location loc);
  Buffer &operator[](StringRef name) { return rows.find(StringAttr::get(context, name))->second; }
  bool contains(StringRef name) { return rows.contains(StringAttr::get(context, name)); }
  void materialize(ModuleOp module);
  explicit BufferTable(MLIRContext *context) : context(context) {}

private:
  MLIRContext *context;
  llvm::MapVector<StringAttr, Buffer> rows;
};

LogicalResult BufferTable::declare(StringRef name, BufferRole role, Type type, Location loc) {
  auto [it, isNew] = rows.insert({StringAttr::get(context, name), Buffer{role, type, loc, {}}});
  Buffer &buffer = it->second;
  if (isNew)
    return success();
  auto conflict = [&](const Twine &what) {
    InFlightDiagnostic diag = emitError(loc) << "buffer '" << name << "' " << what;
    diag.attachNote(buffer.loc) << "buffer first used here";
    return diag;
  };
  if (buffer.role != role)
    return conflict("is " + kernel::stringifyBufferRole(role) + " here and " +
                    kernel::stringifyBufferRole(buffer.role) + " elsewhere");
  auto known = dyn_cast<RankedTensorType>(buffer.type), other = dyn_cast<RankedTensorType>(type);
  if (!known || !other)
    return buffer.type == type
               ? success()
               : LogicalResult(conflict("has another type elsewhere") << ": " << type << " and " << buffer.type);
  bool fits = known.getElementType() == other.getElementType() && known.getRank() == other.getRank() &&
              (known.getRank() == 0 || known.getShape().drop_front() == other.getShape().drop_front());
  if (!fits)
    return conflict("must have one element type and equal dimensions after the first in all entries, got ")
           << type << " and " << buffer.type;
  if (other.getNumElements() > known.getNumElements())
    buffer.type = other;
  return success();
}

void BufferTable::materialize(ModuleOp module) {
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  for (auto &[name, buffer] : rows)
    kernel::BufferOp::create(builder, buffer.loc, name, buffer.role,
                             buffer.sources.empty() ? ArrayAttr() : builder.getArrayAttr(buffer.sources), buffer.type);
}


SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Collects where each parameter under `value` lies in a buffer that holds `value` at element `offset` with
/// `strides`. Fails if `value` is no tree of concat and stack over checkpoint parameters, or splits one.
LogicalResult collectSources(Value value, int64_t offset, ArrayRef<int64_t> strides, SymbolTable &symbols,
                             SmallVectorImpl<Attribute> &sources) {
  if (auto load = value.getDefiningOp<LoadParameterOp>()) {
    RankedTensorType type = load.getType();
    auto parameter = symbols.lookup<ParameterOp>(load.getParameter());
    if (!parameter || parameter.getDerived())
      return failure();
    for (auto [size, stride, expected] : llvm::zip_equal(type.getShape(), strides, rowMajorStrides(type.getShape())))
      if (size != 1 && stride != expected)
        return failure();
    int64_t elementBytes = (type.getElementTypeBitWidth() + 7) / 8;
    sources.push_back(kernel::SourceAttr::get(value.getContext(), load.getParameter(), offset * elementBytes, type));
    return success();
  }
  if (auto concat = value.getDefiningOp<ConcatOp>()) {
    for (Value input : concat.getInputs()) {
      if (failed(collectSources(input, offset, strides, symbols, sources)))
        return failure();
      offset += cast<RankedTensorType>(input.getType()).getDimSize(concat.getDim()) * strides[concat.getDim()];
    }
    return success();
  }
  if (auto stack = value.getDefiningOp<StackOp>()) {
    for (Value input : stack.getInputs()) {
      if (failed(collectSources(input, offset, strides.drop_front(), symbols, sources)))
        return failure();
      offset += strides.front();
    }
    return success();
  }
  return failure();
}

/// The sources of a buffer that holds `value`; empty if it cannot be loaded piece by piece.
SmallVector<Attribute> foldToSources(Value value, SymbolTable &symbols) {
  SmallVector<Attribute> sources;
  auto type = cast<RankedTensorType>(value.getType());
  if (failed(collectSources(value, 0, rowMajorStrides(type.getShape()), symbols, sources)))
    sources.clear();
  return sources;
}

struct BindBuffersPass : public deepseek::impl::BindBuffersPassBase<BindBuffersPass> {
  void runOnOperation() override;

private:
  LogicalResult bindSignature(func::FuncOp func, BufferTable &table);
  LogicalResult bindArgument(BlockArgument arg, StringRef name, BufferTable &table, OpBuilder &builder);
  void foldStoredParameters(func::FuncOp func, SymbolTable &symbols, BufferTable &table);
  void foldJoinedParameters(func::FuncOp func, SymbolTable &symbols, BufferTable &table);
  LogicalResult bindParameters(func::FuncOp func, SymbolTable &symbols, BufferTable &table);

  /// Sources -> name of the buffer that has them, so that every entry shares one copy.
  llvm::DenseMap<Attribute, StringAttr> joined;
};

/// The buffer of argument or result `index`: named by its attribute, or after the function when that is no entry.
FailureOr<std::string> bufferName(func::FuncOp func, Attribute attr, bool isEntry, StringRef kind, unsigned index) {
  if (auto name = dyn_cast_or_null<StringAttr>(attr))
    return name.str();
  if (isEntry)
    return func.emitError() << "entry @" << func.getName() << ": " << kind << " " << index << " has no " << kBufferAttr
                            << " attribute";
  return (func.getName() + "." + kind.take_front(kind == "argument" ? 3 : 6) + Twine(index)).str();
}

LogicalResult BindBuffersPass::bindArgument(BlockArgument arg, StringRef name, BufferTable &table, OpBuilder &builder) {
  Type type = arg.getType();
  if (auto cache = dyn_cast<LatentCacheType>(type)) {
    auto memref =
        MemRefType::get({ShapedType::kDynamic, cache.getLayers(), cache.getPage(), cache.getLatent() + cache.getRope()},
                        cache.getElement());
    if (failed(table.declare(name, BufferRole::Cache, memref, arg.getLoc())))
      return failure();
    Value view = kernel::BufferMemRefOp::create(builder, arg.getLoc(), memref, name);
    arg.replaceAllUsesWith(UnrealizedConversionCastOp::create(builder, arg.getLoc(), type, view).getResult(0));
    return success();
  }
  if (auto memref = dyn_cast<MemRefType>(type); memref && memref.getRank() > 0 && memref.isDynamicDim(0) &&
                                                memref.getNumDynamicDims() == 1 && memref.getLayout().isIdentity()) {
    if (failed(table.declare(name, BufferRole::Cache, memref, arg.getLoc())))
      return failure();
    arg.replaceAllUsesWith(kernel::BufferMemRefOp::create(builder, arg.getLoc(), memref, name));
    return success();
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return emitError(arg.getLoc()) << "argument " << arg.getArgNumber()
                                   << " must be a static tensor, a latent cache or a cache memref, got " << type;
  if (failed(table.declare(name, BufferRole::Input, tensor, arg.getLoc())))
    return failure();
  arg.replaceAllUsesWith(kernel::LoadBufferOp::create(builder, arg.getLoc(), tensor, name));
  return success();
}

LogicalResult BindBuffersPass::bindSignature(func::FuncOp func, BufferTable &table) {
  auto builder = OpBuilder::atBlockBegin(&func.front());
  bool isEntry = func->hasAttr(kEntryAttr);
  for (BlockArgument arg : func.getArguments()) {
    unsigned index = arg.getArgNumber();
    FailureOr<std::string> name = bufferName(func, func.getArgAttr(index, kBufferAttr), isEntry, "argument", index);
    if (failed(name) || failed(bindArgument(arg, *name, table, builder)))
      return failure();
  }
  Operation *terminator = func.front().getTerminator();
  builder.setInsertionPoint(terminator);
  for (OpOperand &operand : terminator->getOpOperands()) {
    unsigned index = operand.getOperandNumber();
    FailureOr<std::string> name = bufferName(func, func.getResultAttr(index, kBufferAttr), isEntry, "result", index);
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (failed(name))
      return failure();
    if (!type || !type.hasStaticShape())
      return func.emitError() << "result " << index << " must be a static tensor, got " << operand.get().getType();
    if (failed(table.declare(*name, BufferRole::Output, type, terminator->getLoc())))
      return failure();
    kernel::StoreBufferOp::create(builder, terminator->getLoc(), operand.get(), *name);
  }
  terminator->setOperands({});
  func.front().eraseArguments(0, func.getNumArguments());
  func.setType(builder.getFunctionType({}, {}));
  func.removeArgAttrsAttr();
  func.removeResAttrsAttr();
  if (!isEntry)
    func->setAttr(kEntryAttr,
                  builder.getDictionaryAttr(builder.getNamedAttr("kind", builder.getStringAttr("function"))));
  return success();
}

/// Derived parameters that are only joined from checkpoint tensors become parameter buffers.
void BindBuffersPass::foldStoredParameters(func::FuncOp func, SymbolTable &symbols, BufferTable &table) {
  for (auto store : llvm::make_early_inc_range(func.getOps<StoreParameterOp>())) {
    SmallVector<Attribute> sources = foldToSources(store.getValue(), symbols);
    if (sources.empty())
      continue;
    StringRef name = store.getParameter();
    (void)table.declare(name, BufferRole::Parameter, store.getValue().getType(), store.getLoc());
    joined.try_emplace(ArrayAttr::get(&getContext(), sources), StringAttr::get(&getContext(), name));
    table[name].sources = std::move(sources);
    store.erase();
  }
}

/// Parameters joined inside an entry: one buffer, named after the first tensor and how many follow it.
void BindBuffersPass::foldJoinedParameters(func::FuncOp func, SymbolTable &symbols, BufferTable &table) {
  SmallVector<Operation *> joins;
  // Outermost joins first, so that an inner one has vanished when its turn comes.
  func.walk([&](Operation *op) {
    if (isa<ConcatOp, StackOp>(op))
      joins.push_back(op);
  });
  for (Operation *op : llvm::reverse(joins)) {
    if (op->use_empty()) {
      op->erase();
      continue;
    }
    SmallVector<Attribute> sources = foldToSources(op->getResult(0), symbols);
    if (sources.empty())
      continue;
    std::string fresh = (cast<kernel::SourceAttr>(sources.front()).getTensor() + "+" + Twine(sources.size() - 1)).str();
    while (table.contains(fresh) || symbols.lookup(fresh))
      fresh += "'";
    auto [it, isNew] =
        joined.try_emplace(ArrayAttr::get(&getContext(), sources), StringAttr::get(&getContext(), fresh));
    if (isNew) {
      (void)table.declare(fresh, BufferRole::Parameter, op->getResult(0).getType(), op->getLoc());
      table[fresh].sources = std::move(sources);
    }
    OpBuilder builder(op);
    op->getResult(0).replaceAllUsesWith(
        kernel::LoadBufferOp::create(builder, op->getLoc(), op->getResult(0).getType(), it->second));
    op->erase();
  }
}

LogicalResult BindBuffersPass::bindParameters(func::FuncOp func, SymbolTable &symbols, BufferTable &table) {
  auto result = func.walk([&](Operation *op) -> WalkResult {
    OpBuilder builder(op);
    if (auto load = dyn_cast<LoadParameterOp>(op)) {
      auto parameter = symbols.lookup<ParameterOp>(load.getParameter());
      StringRef name = load.getParameter();
      if (load.use_empty()) {
        load.erase();
        return WalkResult::skip();
      }
      // A derived parameter that is loaded piece by piece has its row already, as a parameter.
      bool known = table.contains(name) && table[name].role == BufferRole::Parameter;
      BufferRole role = parameter.getDerived() && !known ? BufferRole::Derived : BufferRole::Parameter;
      if (failed(table.declare(name, role, load.getType(), parameter.getLoc())))
        return WalkResult::interrupt();
      if (role == BufferRole::Parameter && !parameter.getDerived())
        table[name].sources = {kernel::SourceAttr::get(&getContext(), name, 0, load.getType())};
      load.replaceAllUsesWith(cast<TypedValue<RankedTensorType>>(
          kernel::LoadBufferOp::create(builder, load.getLoc(), load.getType(), name).getResult()));
      load.erase();
      return WalkResult::skip();
    }
    if (auto store = dyn_cast<StoreParameterOp>(op)) {
      if (failed(table.declare(store.getParameter(), BufferRole::Derived, store.getValue().getType(), store.getLoc())))
        return WalkResult::interrupt();
      kernel::StoreBufferOp::create(builder, store.getLoc(), store.getValue(), store.getParameter());
      store.erase();
      return WalkResult::skip();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

void BindBuffersPass::runOnOperation() {
  ModuleOp module = getOperation();
  SymbolTable symbols(module);
  BufferTable table(&getContext());
  joined.clear();
  SmallVector<func::FuncOp> entries;
  for (auto func : module.getOps<func::FuncOp>())
    if (func.isPublic() && !func.isDeclaration())
      entries.push_back(func);
  for (func::FuncOp func : entries) {
    if (!func.getBody().hasOneBlock())
      return func.emitError() << "@" << func.getName() << " must have a single block", signalPassFailure();
    if (failed(bindSignature(func, table)))
      return signalPassFailure();
  }
  for (func::FuncOp func : entries)
    foldStoredParameters(func, symbols, table);
  for (func::FuncOp func : entries) {
    foldJoinedParameters(func, symbols, table);
    if (failed(bindParameters(func, symbols, table)))
      return signalPassFailure();
  }
  for (auto parameter : llvm::make_early_inc_range(module.getOps<ParameterOp>()))
    parameter.erase();
  table.materialize(module);
}

} // namespace
