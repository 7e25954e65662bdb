// Scalar arithmetic, control flow and the frame of a device function.
#include "lowering/hopper/blocks/KernelBuilder.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mlir::deepseek::hopper;

static constexpr llvm::StringLiteral kSharedSymbol = "dynamic_shared";
static constexpr int64_t kSharedAlignment = 1024; // what a 128-byte swizzle needs
static constexpr int64_t kTensorMapBytes = 128, kTensorMapAlignment = 64;

KernelBuilder::KernelBuilder(OpBuilder &builder, Location loc, StringRef name)
    : context(builder.getContext()), b(builder), loc(loc) {
  i1Ty = b.getI1Type(), i8Ty = b.getI8Type(), i16Ty = b.getI16Type(), i32Ty = b.getI32Type(), i64Ty = b.getI64Type();
  f16Ty = b.getF16Type(), bf16Ty = b.getBF16Type(), f32Ty = b.getF32Type(), f64Ty = b.getF64Type();
  ptrTy = LLVM::LLVMPointerType::get(context, 0), globalTy = LLVM::LLVMPointerType::get(context, 1);
  sharedTy = LLVM::LLVMPointerType::get(context, 3), clusterTy = LLVM::LLVMPointerType::get(context, 7);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {});
  function = LLVM::LLVMFuncOp::create(b, loc, name, type);
  b.setInsertionPointToStart(function.addEntryBlock(b));
}

LLVM::LLVMStructType KernelBuilder::structOf(Type element, int64_t count) const {
  return LLVM::LLVMStructType::getLiteral(context, SmallVector<Type>(count, element));
}

// --- the function
// -------------------------------------------------------------------------------------------------------

Value KernelBuilder::addParameter(Type type, bool tensorMap) {
  parameterTypes.push_back(type);
  parameterIsMap.push_back(tensorMap);
  return function.getBody().front().addArgument(type, loc);
}

Value KernelBuilder::sharedBase() {
  auto module = function->getParentOfType<ModuleOp>();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(kSharedSymbol);
  if (!global) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    global =
        LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(i8Ty, 0), /*isConstant=*/false, LLVM::Linkage::External,
                               kSharedSymbol, Attribute(), kSharedAlignment, sharedTy.getAddressSpace());
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

Value KernelBuilder::deviceState(int64_t bytes) {
  constexpr int64_t alignment = 256;
  auto type = LLVM::LLVMArrayType::get(i8Ty, static_cast<unsigned>(bytes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  auto global =
      LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/false, LLVM::Linkage::Internal,
                             (function.getName() + "_state").str(), Attribute(), alignment, globalTy.getAddressSpace());
  {
    OpBuilder::InsertionGuard inInitializer(b);
    b.createBlock(&global.getInitializerRegion());
    LLVM::ReturnOp::create(b, loc, LLVM::ZeroOp::create(b, loc, type).getResult());
  }
  b.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AddressOfOp::create(b, loc, global);
}

void KernelBuilder::finish(int64_t threads, int64_t minBlocks, int64_t cluster) {
  LLVM::ReturnOp::create(b, loc, ValueRange{});
  function.setFunctionType(LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), parameterTypes));
  NamedAttribute mapAttributes[] = {
      b.getNamedAttr("llvm.byval", TypeAttr::get(LLVM::LLVMArrayType::get(i8Ty, kTensorMapBytes))),
      b.getNamedAttr("llvm.align", b.getI64IntegerAttr(kTensorMapAlignment)),
      b.getNamedAttr("nvvm.grid_constant", b.getUnitAttr())};
  SmallVector<DictionaryAttr> attributes;
  for (bool isMap : parameterIsMap)
    attributes.push_back(isMap ? b.getDictionaryAttr(mapAttributes) : b.getDictionaryAttr({}));
  function.setAllArgAttrs(attributes);
  function->setAttr("nvvm.kernel", b.getUnitAttr());
  function->setAttr("nvvm.reqntid", b.getDenseI32ArrayAttr({static_cast<int32_t>(threads), 1, 1}));
  function->setAttr("nvvm.minctasm", b.getI32IntegerAttr(minBlocks));
  if (cluster > 1)
    function->setAttr("nvvm.cluster_dim", b.getDenseI32ArrayAttr({static_cast<int32_t>(cluster), 1, 1}));
}

// --- constants
// -------------------------------------------------------------------------------------------------------------

Value KernelBuilder::constant(Type type, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}
Value KernelBuilder::i1(bool value) { return arith::ConstantOp::create(b, loc, b.getBoolAttr(value)); }
Value KernelBuilder::i32(int64_t value) { return constant(i32Ty, value); }
Value KernelBuilder::i64(int64_t value) { return constant(i64Ty, value); }
Value KernelBuilder::f32(double value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value)); }
Value KernelBuilder::undef(Type type) { return LLVM::UndefOp::create(b, loc, type); }
Value KernelBuilder::zero(Type type) { return LLVM::ZeroOp::create(b, loc, type); }

// --- integers
// ----------------------------------------------------------------------------------------------------------------

Value KernelBuilder::rhs(Value x, Int y) { return y.value ? y.value : constant(x.getType(), y.constant); }

#define INTEGER_OP(name, Op)                                                                                           \
  Value KernelBuilder::name(Value x, Int y) { return b.createOrFold<arith::Op>(loc, x, rhs(x, y)); }
INTEGER_OP(add, AddIOp)
INTEGER_OP(sub, SubIOp)
INTEGER_OP(mul, MulIOp)
INTEGER_OP(divU, DivUIOp)
INTEGER_OP(remU, RemUIOp)
INTEGER_OP(divS, DivSIOp)
INTEGER_OP(remS, RemSIOp)
INTEGER_OP(bitAnd, AndIOp)
INTEGER_OP(bitOr, OrIOp)
INTEGER_OP(bitXor, XOrIOp)
INTEGER_OP(shl, ShLIOp)
INTEGER_OP(shrU, ShRUIOp)
INTEGER_OP(shrS, ShRSIOp)
INTEGER_OP(minU, MinUIOp)
INTEGER_OP(maxU, MaxUIOp)
INTEGER_OP(minS, MinSIOp)
INTEGER_OP(maxS, MaxSIOp)
#undef INTEGER_OP

#define COMPARE_OP(name, predicate)                                                                                    \
  Value KernelBuilder::name(Value x, Int y) {                                                                          \
    return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::predicate, x, rhs(x, y));                          \
  }
COMPARE_OP(eq, eq)
COMPARE_OP(ne, ne)
COMPARE_OP(ltU, ult)
COMPARE_OP(leU, ule)
COMPARE_OP(gtU, ugt)
COMPARE_OP(geU, uge)
COMPARE_OP(ltS, slt)
COMPARE_OP(leS, sle)
COMPARE_OP(gtS, sgt)
COMPARE_OP(geS, sge)
#undef COMPARE_OP

Value KernelBuilder::ceilDivU(Value x, int64_t y) { return divU(add(x, y - 1), y); }
Value KernelBuilder::zext(Value x, Type type) {
  return x.getType() == type ? x : b.createOrFold<arith::ExtUIOp>(loc, type, x);
}
Value KernelBuilder::sext(Value x, Type type) {
  return x.getType() == type ? x : b.createOrFold<arith::ExtSIOp>(loc, type, x);
}
Value KernelBuilder::trunc(Value x, Type type) {
  return x.getType() == type ? x : b.createOrFold<arith::TruncIOp>(loc, type, x);
}
Value KernelBuilder::intToFloat(Value x, Type type) { return arith::SIToFPOp::create(b, loc, type, x); }
Value KernelBuilder::floatToInt(Value x, Type type) { return arith::FPToSIOp::create(b, loc, type, x); }

// --- floating point
// ------------------------------------------------------------------------------------------------------------

Value KernelBuilder::fadd(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
Value KernelBuilder::fsub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
Value KernelBuilder::fmul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
Value KernelBuilder::fdiv(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
Value KernelBuilder::fma(Value x, Value y, Value z) {
  return LLVM::FMAOp::create(b, loc, x.getType(), ValueRange{x, y, z});
}
Value KernelBuilder::fmax(Value x, Value y) { return LLVM::MaxNumOp::create(b, loc, x.getType(), x, y); }
Value KernelBuilder::fmin(Value x, Value y) { return LLVM::MinNumOp::create(b, loc, x.getType(), x, y); }
Value KernelBuilder::fneg(Value x) { return arith::NegFOp::create(b, loc, x); }
Value KernelBuilder::fabs(Value x) { return LLVM::FAbsOp::create(b, loc, x.getType(), x); }
Value KernelBuilder::fcmp(arith::CmpFPredicate predicate, Value x, Value y) {
  return arith::CmpFOp::create(b, loc, predicate, x, y);
}

// --- values
// ------------------------------------------------------------------------------------------------------------------------

Value KernelBuilder::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(loc, condition, x, y);
}
Value KernelBuilder::bitcast(Value x, Type type) {
  return x.getType() == type ? x : LLVM::BitcastOp::create(b, loc, type, x);
}
Value KernelBuilder::extract(Value vector, int64_t index) {
  return LLVM::ExtractElementOp::create(b, loc, vector, i32(index));
}
Value KernelBuilder::insert(Value vector, Value element, int64_t index) {
  return LLVM::InsertElementOp::create(b, loc, vector, element, i32(index));
}

Value KernelBuilder::vector(ValueRange elements) {
  Value result = undef(vec(elements.size(), elements.front().getType()));
  for (auto [index, element] : llvm::enumerate(elements))
    result = insert(result, element, index);
  return result;
}

Values KernelBuilder::elements(Value vector) {
  Values result;
  for (int64_t i = 0, e = cast<VectorType>(vector.getType()).getNumElements(); i < e; ++i)
    result.push_back(extract(vector, i));
  return result;
}

Value KernelBuilder::member(Value structure, int64_t index) {
  return LLVM::ExtractValueOp::create(b, loc, structure, ArrayRef<int64_t>{index});
}

Values KernelBuilder::members(Value structure) {
  Values result;
  for (int64_t i = 0, e = cast<LLVM::LLVMStructType>(structure.getType()).getBody().size(); i < e; ++i)
    result.push_back(member(structure, i));
  return result;
}

Value KernelBuilder::structure(ValueRange elements) {
  Value result = undef(LLVM::LLVMStructType::getLiteral(context, SmallVector<Type>(elements.getTypes())));
  for (auto [index, element] : llvm::enumerate(elements))
    result = LLVM::InsertValueOp::create(b, loc, result, element, ArrayRef<int64_t>{static_cast<int64_t>(index)});
  return result;
}

Value KernelBuilder::gep(Value pointer, Int byteOffset) {
  if (!byteOffset.value && byteOffset.constant == 0)
    return pointer;
  if (!byteOffset.value && (byteOffset.constant < INT32_MIN || byteOffset.constant > INT32_MAX))
    byteOffset = Int(i64(byteOffset.constant));
  LLVM::GEPArg argument =
      byteOffset.value ? LLVM::GEPArg(byteOffset.value) : LLVM::GEPArg(static_cast<int32_t>(byteOffset.constant));
  return LLVM::GEPOp::create(b, loc, pointer.getType(), i8Ty, pointer, ArrayRef<LLVM::GEPArg>{argument});
}

Value KernelBuilder::pointerToInt(Value pointer, Type type) { return LLVM::PtrToIntOp::create(b, loc, type, pointer); }

// --- identity
// ------------------------------------------------------------------------------------------------------------------------

Value KernelBuilder::threadIndex() { return NVVM::ThreadIdXOp::create(b, loc, i32Ty); }

Value KernelBuilder::blockIndex(int dim) {
  if (dim == 0)
    return NVVM::BlockIdXOp::create(b, loc, i32Ty);
  return dim == 1 ? Value(NVVM::BlockIdYOp::create(b, loc, i32Ty)) : Value(NVVM::BlockIdZOp::create(b, loc, i32Ty));
}

Value KernelBuilder::blockCount(int dim) {
  if (dim == 0)
    return NVVM::GridDimXOp::create(b, loc, i32Ty);
  return dim == 1 ? Value(NVVM::GridDimYOp::create(b, loc, i32Ty)) : Value(NVVM::GridDimZOp::create(b, loc, i32Ty));
}

Value KernelBuilder::laneIndex() { return bitAnd(threadIndex(), 31); }
Value KernelBuilder::warpIndex() { return uniform(shrU(threadIndex(), 5)); }
Value KernelBuilder::clusterRank() { return NVVM::ClusterId::create(b, loc, i32Ty); }

Value KernelBuilder::uniform(Value x) {
  return NVVM::ShflOp::create(b, loc, x.getType(), i32(-1), x, i32(0), i32(31), NVVM::ShflKind::idx, UnitAttr());
}

// --- control flow
// ------------------------------------------------------------------------------------------------------------------------

Values KernelBuilder::loop(Value lower, Value upper, Int step, ValueRange init,
                           llvm::function_ref<Values(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(b, loc, lower, upper, rhs(lower, step), init);
  OpBuilder::InsertionGuard guard(b);
  if (init.empty()) {
    b.setInsertionPoint(op.getBody()->getTerminator());
    body(op.getInductionVar(), {});
    return {};
  }
  b.setInsertionPointToStart(op.getBody());
  Values next = body(op.getInductionVar(), op.getRegionIterArgs());
  scf::YieldOp::create(b, loc, next);
  return Values(op.getResults());
}

void KernelBuilder::loop(Value lower, Value upper, Int step, llvm::function_ref<void(Value)> body) {
  loop(lower, upper, step, ValueRange(), [&](Value index, ValueRange) -> Values {
    body(index);
    return {};
  });
}

Values KernelBuilder::loopWhile(ValueRange init, llvm::function_ref<Value(ValueRange)> condition,
                                llvm::function_ref<Values(ValueRange)> body) {
  auto op = scf::WhileOp::create(b, loc, init.getTypes(), init);
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locations(init.size(), loc);
  Block *before = b.createBlock(&op.getBefore(), {}, init.getTypes(), locations);
  Value holds = condition(before->getArguments());
  scf::ConditionOp::create(b, loc, holds, before->getArguments());
  Block *after = b.createBlock(&op.getAfter(), {}, init.getTypes(), locations);
  Values next = body(after->getArguments());
  scf::YieldOp::create(b, loc, next);
  return Values(op.getResults());
}

void KernelBuilder::when(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(b, loc, condition, static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenBlock()->getTerminator());
  then();
  if (!otherwise)
    return;
  b.setInsertionPoint(op.elseBlock()->getTerminator());
  otherwise();
}

Values KernelBuilder::whenElse(Value condition, TypeRange types, llvm::function_ref<Values()> then,
                               llvm::function_ref<Values()> otherwise) {
  auto op = scf::IfOp::create(b, loc, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op.getThenRegion().front());
  Values thenValues = then();
  scf::YieldOp::create(b, loc, thenValues);
  b.setInsertionPointToStart(&op.getElseRegion().front());
  Values otherValues = otherwise();
  scf::YieldOp::create(b, loc, otherValues);
  return Values(op.getResults());
}

void KernelBuilder::role(Value warp, int64_t firstWarp, int64_t count, llvm::function_ref<void()> body) {
  Value inside = count == 1 ? eq(warp, firstWarp) : ltU(sub(warp, firstWarp), count);
  when(inside, [&] {
    int64_t outerWarps = std::exchange(currentRoleWarps, count), outerRole = std::exchange(currentRole, ++roles);
    body();
    currentRoleWarps = outerWarps, currentRole = outerRole;
  });
}

void KernelBuilder::electedRole(Value warp, int64_t theWarp, llvm::function_ref<void()> body) {
  role(warp, theWarp, 1, [&] {
    Value one = NVVM::ElectSyncOp::create(b, loc, i1Ty, Value());
    when(one, [&] {
      bool outer = std::exchange(elected, true);
      body();
      elected = outer;
    });
  });
}

Value KernelBuilder::inlineAsm(Type result, StringRef text, StringRef constraints, ValueRange operands,
                               bool sideEffects) {
  auto op = LLVM::InlineAsmOp::create(b, loc, result ? TypeRange{result} : TypeRange{}, operands, text, constraints,
                                      sideEffects,
                                      /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                      LLVM::AsmDialectAttr::get(context, LLVM::AsmDialect::AD_ATT), ArrayAttr());
  return result ? op.getRes() : Value();
}
