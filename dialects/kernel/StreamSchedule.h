// How a schedule asks for the stream family: wgmma with B's rows on its 64-row side, for few rows of A.
#pragma once

#include "dialects/kernel/KernelOps.h"

namespace mlir::deepseek::kernel {

/// True for a schedule <tile = [rows of A, rows of B, elements of K], stages > 1, warps> whose warps are four for each
/// 64 rows of B and one that loads (two with scales): never whole warpgroups, as those of tensor-core tiles are. Of a
/// skinny_gemm or grouped_gemm.
inline bool isStreamSchedule(ScheduleAttr schedule) {
  return schedule && schedule.getTile().size() == 3 && schedule.getStages() > 1 && schedule.getWarps() % 4 != 0;
}

} // namespace mlir::deepseek::kernel
