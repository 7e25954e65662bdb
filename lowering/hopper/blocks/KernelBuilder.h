// The builder that every kernel is written with: an OpBuilder inside one device function, with the types and the scalar
// arithmetic that kernels need under short names. Everything that is not plain arithmetic has a file of its own in this
// folder.
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::deepseek::hopper {

using Values = llvm::SmallVector<Value, 8>;

/// What a Pipeline counted while its kernel was built. -convert-kernel-to-nvvm refuses a kernel whose arrivals are not
/// what its barriers expect.
struct PipelineRecord {
  struct Site {
    int64_t role;     // which role() it is in
    int64_t arrivals; // on the barrier, when that role executes it
  };
  std::string name;
  int64_t stages = 0;
  int64_t fullArrivals = 0;  // arrivals that complete a phase of the full barrier
  int64_t emptyArrivals = 0; // arrivals that complete a phase of the empty barrier
  llvm::SmallVector<Site> commits, releases;
  int64_t acquires = 0, waits = 0; // number of sites

  /// What is wrong, or an empty string. Every site of one role must arrive equally often, and the roles together as
  /// often as the barrier expects.
  std::string check() const;
};

/// The right-hand side of integer arithmetic: a value, or a constant of the left-hand side's type.
class Int {
public:
  Int(Value value) : value(value) {}
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>> Int(T constant) : constant(constant) {}
  Value value;
  int64_t constant = 0;
};

class KernelBuilder {
public:
  /// Opens an llvm.func named `name` without parameters at the insertion point of `builder`; addParameter extends it
  /// and finish closes it.
  KernelBuilder(OpBuilder &builder, Location loc, llvm::StringRef name);

  MLIRContext *context;
  OpBuilder b;
  Location loc;
  LLVM::LLVMFuncOp function;
  llvm::SmallVector<PipelineRecord> pipelines;

  Type i1Ty, i8Ty, i16Ty, i32Ty, i64Ty, f16Ty, bf16Ty, f32Ty, f64Ty;
  LLVM::LLVMPointerType ptrTy, globalTy, sharedTy, clusterTy; // address spaces 0, 1, 3, 7
  VectorType vec(int64_t count, Type element) const { return VectorType::get({count}, element); }
  LLVM::LLVMStructType structOf(Type element, int64_t count) const;

  // --- the function
  // ---------------------------------------------------------------------------------------------------
  /// A new parameter of the kernel. `tensorMap`: 128 bytes by value in parameter space, address taken as a generic
  /// pointer.
  Value addParameter(Type type, bool tensorMap = false);
  /// Base of the dynamic shared memory, aligned to 1024 bytes.
  Value sharedBase();
  /// `bytes` of global memory of this kernel alone, aligned to 256, zero when it is loaded and then what its launches
  /// leave there. Launches follow one another: what one writes before gridDependencyWait may meet the one before.
  Value deviceState(int64_t bytes);
  /// Emits the return and the launch attributes: `threads` per CTA exactly, `minBlocks` resident CTAs the registers
  /// must allow, CTAs of a cluster along x.
  void finish(int64_t threads, int64_t minBlocks, int64_t cluster);

  // --- constants
  // --------------------------------------------------------------------------------------------------------
  Value i1(bool value);
  Value i32(int64_t value);
  Value i64(int64_t value);
  Value f32(double value);
  Value constant(Type type, int64_t value); // integer types
  Value undef(Type type);
  Value zero(Type type); // any scalar, vector or struct

  // --- integers: folded where both sides are constant, identities dropped
  // ------------------------------------------------------
  Value add(Value x, Int y);
  Value sub(Value x, Int y);
  Value mul(Value x, Int y);
  Value divU(Value x, Int y);
  Value remU(Value x, Int y);
  Value divS(Value x, Int y);
  Value remS(Value x, Int y);
  Value ceilDivU(Value x, int64_t y);
  Value bitAnd(Value x, Int y);
  Value bitOr(Value x, Int y);
  Value bitXor(Value x, Int y);
  Value shl(Value x, Int y);
  Value shrU(Value x, Int y);
  Value shrS(Value x, Int y);
  Value minU(Value x, Int y);
  Value maxU(Value x, Int y);
  Value minS(Value x, Int y);
  Value maxS(Value x, Int y);
  Value eq(Value x, Int y);
  Value ne(Value x, Int y);
  Value ltU(Value x, Int y);
  Value leU(Value x, Int y);
  Value gtU(Value x, Int y);
  Value geU(Value x, Int y);
  Value ltS(Value x, Int y);
  Value leS(Value x, Int y);
  Value gtS(Value x, Int y);
  Value geS(Value x, Int y);
  Value logicalAnd(Value x, Value y) { return bitAnd(x, y); }
  Value logicalOr(Value x, Value y) { return bitOr(x, y); }
  Value logicalNot(Value x) { return bitXor(x, 1); }
  Value zext(Value x, Type type);
  Value sext(Value x, Type type);
  Value trunc(Value x, Type type);
  Value intToFloat(Value x, Type type); // signed
  Value floatToInt(Value x, Type type); // signed, towards zero

  // --- floating point
  // --------------------------------------------------------------------------------------------------------
  Value fadd(Value x, Value y);
  Value fsub(Value x, Value y);
  Value fmul(Value x, Value y);
  Value fdiv(Value x, Value y);
  Value fma(Value x, Value y, Value z);
  Value fmax(Value x, Value y); // the other one if one is NaN
  Value fmin(Value x, Value y);
  Value fneg(Value x);
  Value fabs(Value x);
  Value fcmp(arith::CmpFPredicate predicate, Value x, Value y);
  Value flt(Value x, Value y) { return fcmp(arith::CmpFPredicate::OLT, x, y); }
  Value fgt(Value x, Value y) { return fcmp(arith::CmpFPredicate::OGT, x, y); }
  Value feq(Value x, Value y) { return fcmp(arith::CmpFPredicate::OEQ, x, y); }

  // --- values
  // ----------------------------------------------------------------------------------------------------------------
  Value select(Value condition, Value x, Value y);
  Value bitcast(Value x, Type type);
  Value extract(Value vector, int64_t index); // element of a vector
  Value insert(Value vector, Value element, int64_t index);
  Value vector(ValueRange elements); // the vector of these elements
  Values elements(Value vector);
  Value member(Value structure, int64_t index); // element of an llvm.struct
  Values members(Value structure);
  Value structure(ValueRange elements);
  Value gep(Value pointer, Int byteOffset); // pointer plus bytes; i32 offsets are sign-extended
  Value pointerToInt(Value pointer, Type type);

  // --- identity
  // ----------------------------------------------------------------------------------------------------------------
  Value threadIndex(); // in the CTA, x
  Value blockIndex(int dim = 0);
  Value blockCount(int dim = 0);
  Value laneIndex();      // thread index modulo 32
  Value warpIndex();      // thread index / 32, the same register in all lanes (ptxas sees it as uniform)
  Value clusterRank();    // of this CTA in its cluster
  Value uniform(Value x); // broadcasts lane 0's value, so that branches on it are uniform

  // --- control flow
  // --------------------------------------------------------------------------------------------------------------
  /// for (i = lower; i < upper; i += step) with loop-carried values; returns their final values.
  Values loop(Value lower, Value upper, Int step, ValueRange init, llvm::function_ref<Values(Value, ValueRange)> body);
  void loop(Value lower, Value upper, Int step, llvm::function_ref<void(Value)> body);
  /// while (condition(values)) values = body(values).
  Values loopWhile(ValueRange init, llvm::function_ref<Value(ValueRange)> condition,
                   llvm::function_ref<Values(ValueRange)> body);
  void when(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise = nullptr);
  Values whenElse(Value condition, TypeRange types, llvm::function_ref<Values()> then,
                  llvm::function_ref<Values()> otherwise);

  /// Runs `body` for the threads of warps [firstWarp, firstWarp + count) only; inside, roleWarps() is `count`.
  /// Pipelines count their arrivals by it. `warp` is warpIndex().
  void role(Value warp, int64_t firstWarp, int64_t count, llvm::function_ref<void()> body);
  int64_t roleWarps() const { return currentRoleWarps; }
  int64_t roleId() const { return currentRole; } // 0 outside of any role
  /// As `role`, for a single elected lane of one warp.
  void electedRole(Value warp, int64_t theWarp, llvm::function_ref<void()> body);
  bool inElectedRole() const { return elected; }

  /// The only way to spell PTX: blocks/ wrap it, kernels never call it. `result` may be null. See the LLVM manual for
  /// constraints.
  Value inlineAsm(Type result, llvm::StringRef text, llvm::StringRef constraints, ValueRange operands,
                  bool sideEffects);

private:
  Value rhs(Value x, Int y);
  int64_t currentRoleWarps = 0, currentRole = 0, roles = 0;
  bool elected = false;
  llvm::SmallVector<Type> parameterTypes;
  llvm::SmallVector<bool> parameterIsMap;
};

} // namespace mlir::deepseek::hopper
