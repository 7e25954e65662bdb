// Each group of sorted rows times its own matrix (the experts of a layer), for few rows a group.
//
// The grid is static: x walks the columns of D, y the row tiles that M rows in E groups can need at most. A CTA finds
// its group and rows from the offsets on the device (scheduler/Grouped.h) and leaves if there are none; then it is a
// skinny product (SkinnyGemm.h).
#include "dialects/kernel/BufferView.h"
#include "lowering/hopper/SkinnyGemm.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/scheduler/Grouped.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

FailureOr<LaunchPlan> hopper::buildGroupedGemm(Operation *op, KernelBuilder &k) {
  auto gemm = cast<kernel::GroupedGemmOp>(op);
  const bool scaled = bool(gemm.getAScales());
  FailureOr<DeviceView> a = getDeviceView(gemm.getA()), b = getDeviceView(gemm.getB()),
                        d = getDeviceView(gemm.getResult());
  if (failed(a) || failed(b) || failed(d) || failed(checkSkinnyElements(op, *a, *b, d->element, scaled)))
    return failure();
  const int64_t rows = a->sizes[0], groups = b->sizes[0];

  SkinnyShape shape;
  shape.n = b->sizes[1];
  shape.k = b->sizes[2];
  shape.aPitch = a->strides[0];
  shape.bPitch = b->strides[1];
  shape.dPitch = d->strides[0];
  shape.blockScaled = scaled;
  shape.output = d->element;
  shape.aVector = skinnyVectorBytes(*a);
  shape.bVector = skinnyVectorBytes(*b);
  // Rows of one group, if they spread evenly; uneven groups take more tiles or leave lanes idle, never wrong.
  if (failed(planSkinny(op, gemm.getSchedule(), llvm::divideCeil(rows, groups), shape)))
    return failure();

  LaunchPlan plan;
  SmemArena arena(k);
  SkinnyPointers p;
  p.a = pointerParameter(k, plan, gemm.getA());
  p.b = pointerParameter(k, plan, gemm.getB());
  p.d = pointerParameter(k, plan, gemm.getResult());
  Value offsets = pointerParameter(k, plan, gemm.getOffsets());
  int64_t bScaleStride = 0;
  if (scaled) {
    FailureOr<DeviceView> aScales = getDeviceView(gemm.getAScales()), bScales = getDeviceView(gemm.getBScales());
    if (failed(aScales) || failed(bScales))
      return failure();
    shape.aScalePitch = aScales->strides[0];
    shape.bScalePitch = bScales->strides[1];
    bScaleStride = bScales->strides[0];
    p.aScales = pointerParameter(k, plan, gemm.getAScales());
    p.bScales = pointerParameter(k, plan, gemm.getBScales());
  }

  gridDependencyWait(k); // the offsets, and so the matrix, come from the kernel before
  GroupedTile tile = findGroupedTile(k, offsets, groups, shape.mTile, k.blockIndex(1));
  k.when(tile.valid, [&] {
    Value group = k.zext(tile.group, k.i64Ty);
    p.b = k.gep(p.b, k.mul(group, b->strides[0] * b->elementBytes()));
    if (scaled)
      p.bScales = k.gep(p.bScales, k.mul(group, bScaleStride * 4));
    skinnyGemmBody(k, arena, shape, p, tile.rowBegin, tile.rowEnd, k.mul(k.blockIndex(0), shape.nTile), [] {});
  });
  gridDependencyTrigger(k);
  plan.grid = {int64_t(llvm::divideCeil(shape.n, shape.nTile)), maxGroupedTiles(rows, groups, shape.mTile), 1};
  plan.threads = shape.threads();
  plan.sharedBytes = arena.bytes();
  return plan;
}
