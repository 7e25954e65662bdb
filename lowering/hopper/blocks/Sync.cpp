// Synchronisation primitives as NVVM operations.
#include "lowering/hopper/blocks/Sync.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static Value i32Of(KernelBuilder &k, Int x) { return x.value ? x.value : k.i32(x.constant); }

void hopper::syncThreads(KernelBuilder &k) { NVVM::Barrier0Op::create(k.b, k.loc); }

void hopper::namedBarrier(KernelBuilder &k, Int id, int64_t threads) {
  NVVM::BarrierOp::create(k.b, k.loc, TypeRange{}, i32Of(k, id), k.i32(threads), NVVM::BarrierReductionAttr(), Value());
}
void hopper::namedBarrierArrive(KernelBuilder &k, Int id, int64_t threads) {
  NVVM::BarrierArriveOp::create(k.b, k.loc, i32Of(k, id), k.i32(threads));
}
void hopper::syncWarp(KernelBuilder &k) { NVVM::SyncWarpOp::create(k.b, k.loc, k.i32(-1)); }
Value hopper::electLane(KernelBuilder &k) { return NVVM::ElectSyncOp::create(k.b, k.loc, k.i1Ty, Value()); }

void hopper::mbarrierInit(KernelBuilder &k, Value barrier, int64_t arrivals) {
  NVVM::MBarrierInitOp::create(k.b, k.loc, barrier, k.i32(arrivals), Value());
}
void hopper::mbarrierArrive(KernelBuilder &k, Value barrier) {
  NVVM::MBarrierArriveOp::create(k.b, k.loc, Type(), barrier, Value(), NVVM::MemScopeKind::CTA, /*relaxed=*/false);
}
void hopper::mbarrierArriveExpect(KernelBuilder &k, Value barrier, Int bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(k.b, k.loc, Type(), barrier, i32Of(k, bytes), NVVM::MemScopeKind::CTA,
                                         /*relaxed=*/false, Value());
}
void hopper::mbarrierArriveRemote(KernelBuilder &k, Value barrier, Value rank) {
  // Scope cta on purpose: a cluster-scope arrive becomes MEMBAR.ALL.GPU and costs a fifth of a GEMM's speed.
  NVVM::MBarrierArriveOp::create(k.b, k.loc, Type(), clusterAddress(k, barrier, rank), Value(), NVVM::MemScopeKind::CTA,
                                 /*relaxed=*/false);
}

void hopper::mbarrierWait(KernelBuilder &k, Value barrier, Value parity) {
  k.loopWhile(
      {},
      [&](ValueRange) -> Value {
        Value done =
            NVVM::MBarrierTryWaitOp::create(k.b, k.loc, k.i1Ty, barrier, parity, Value(), NVVM::MemScopeKind::CTA,
                                            /*relaxed=*/false);
        return k.logicalNot(done);
      },
      [](ValueRange) -> Values { return {}; });
}

void hopper::mbarrierArriveOnCpAsync(KernelBuilder &k, Value barrier) {
  NVVM::CpAsyncMBarrierArriveOp::create(k.b, k.loc, barrier, /*noinc=*/true);
}

void hopper::fenceBarrierInit(KernelBuilder &k) { NVVM::FenceMbarrierInitOp::create(k.b, k.loc); }
void hopper::fenceAsyncShared(KernelBuilder &k) {
  NVVM::FenceProxyOp::create(k.b, k.loc, NVVM::ProxyKindAttr::get(k.context, NVVM::ProxyKind::async_shared),
                             NVVM::SharedSpaceAttr::get(k.context, NVVM::SharedSpace::shared_cta));
}
void hopper::fenceDevice(KernelBuilder &k) {
  LLVM::FenceOp::create(k.b, k.loc, LLVM::AtomicOrdering::acq_rel, "device");
}

void hopper::clusterSync(KernelBuilder &k) {
  NVVM::ClusterArriveOp::create(k.b, k.loc, k.b.getUnitAttr());
  NVVM::ClusterWaitOp::create(k.b, k.loc, k.b.getUnitAttr());
}
Value hopper::clusterAddress(KernelBuilder &k, Value sharedPointer, Value rank) {
  return NVVM::MapaOp::create(k.b, k.loc, k.clusterTy, sharedPointer, rank);
}

void hopper::increaseRegisters(KernelBuilder &k, int64_t count) {
  NVVM::SetMaxRegisterOp::create(k.b, k.loc, count, NVVM::SetMaxRegisterAction::increase);
}
void hopper::decreaseRegisters(KernelBuilder &k, int64_t count) {
  NVVM::SetMaxRegisterOp::create(k.b, k.loc, count, NVVM::SetMaxRegisterAction::decrease);
}

void hopper::gridDependencyWait(KernelBuilder &k) {
  NVVM::GriddepcontrolOp::create(k.b, k.loc, NVVM::GridDepActionKind::wait);
  // LLVM believes that the instruction touches no memory and may move loads before it; this it may not.
  k.inlineAsm(Type(), "", "~{memory}", {}, /*sideEffects=*/true);
}
void hopper::gridDependencyWait(KernelBuilder &k, int64_t rows) {
  // Of V2-Lite's steps, batch 16 gains 1 %, a prefill of 128 tokens (768 rows of experts) loses 14 %
  // (docs/benchmarks.md).
  constexpr int64_t fewRows = 128;
  if (rows <= fewRows)
    gridDependencyTrigger(k);
  gridDependencyWait(k);
}
void hopper::gridDependencyTrigger(KernelBuilder &k) {
  NVVM::GriddepcontrolOp::create(k.b, k.loc, NVVM::GridDepActionKind::launch_dependents);
}
