// Synchronisation: CTA and named barriers, mbarriers, fences, clusters, register budgets, programmatic dependent
// launch.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

// --- threads of a CTA
// --------------------------------------------------------------------------------------------------------
void syncThreads(KernelBuilder &k);
/// `threads` (a multiple of 32) threads meet at barrier `id` 1..15. Barrier 0 is syncThreads'. A constant id costs one
/// hardware barrier, a run-time id reserves all sixteen.
void namedBarrier(KernelBuilder &k, Int id, int64_t threads);
/// Arrives at a named barrier without waiting.
void namedBarrierArrive(KernelBuilder &k, Int id, int64_t threads);
void syncWarp(KernelBuilder &k);
/// True in exactly one lane of the (converged) warp.
Value electLane(KernelBuilder &k);

// --- mbarriers: 8 bytes of shared memory each
// ---------------------------------------------------------------------------------
void mbarrierInit(KernelBuilder &k, Value barrier, int64_t arrivals);
void mbarrierArrive(KernelBuilder &k, Value barrier);
/// Arrives and announces `bytes` that TMA will deliver before the phase may complete.
void mbarrierArriveExpect(KernelBuilder &k, Value barrier, Int bytes);
/// Arrives on the barrier at the same offset in CTA `rank` of the cluster.
void mbarrierArriveRemote(KernelBuilder &k, Value barrier, Value rank);
/// Spins until the phase of this parity has completed. A fresh barrier's parity-1 phase counts as complete.
void mbarrierWait(KernelBuilder &k, Value barrier, Value parity);
/// Makes the thread's earlier cp.async count as one arrival once they have landed.
void mbarrierArriveOnCpAsync(KernelBuilder &k, Value barrier);

// --- fences
// ------------------------------------------------------------------------------------------------------------------
/// Orders mbarrier initialisation before other threads' and TMA's use; follow with syncThreads or clusterSync.
void fenceBarrierInit(KernelBuilder &k);
/// Orders this thread's shared-memory writes before TMA stores and wgmma that read them (generic to async proxy).
void fenceAsyncShared(KernelBuilder &k);
/// Orders this thread's global writes before other CTAs' reads on the same GPU.
void fenceDevice(KernelBuilder &k);

// --- clusters
// ----------------------------------------------------------------------------------------------------------------
void clusterSync(KernelBuilder &k);
/// The shared-memory address at the same offset in CTA `rank` of the cluster (for loads and stores).
Value clusterAddress(KernelBuilder &k, Value sharedPointer, Value rank);

// --- registers: a multiple of 8, executed by every warp of a warpgroup
// --------------------------------------------------------
void increaseRegisters(KernelBuilder &k, int64_t count);
void decreaseRegisters(KernelBuilder &k, int64_t count);

// --- programmatic dependent launch
// -------------------------------------------------------------------------------------------
/// Waits until the kernels before this one have finished and their writes are visible. EVERY thread that reads or
/// writes memory shared with other kernels passes it first, and every CTA executes it even if it has no work: the next
/// kernel's wait covers this grid only, so a CTA that leaves early would let it read what an older kernel still writes.
void gridDependencyWait(KernelBuilder &k);
/// Lets the next kernel start its prologue once every CTA of this one has come here or left: with many rows late,
/// because its CTAs take room of this one's. Further calls change nothing.
void gridDependencyTrigger(KernelBuilder &k);
/// Wait of a kernel with `rows` rows of activations. With few of them, as in decode, the trigger comes first: the next
/// kernel's CTAs fit beside this one's and have requested their weights when it ends.
void gridDependencyWait(KernelBuilder &k, int64_t rows);

} // namespace mlir::deepseek::hopper
