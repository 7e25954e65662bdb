// Collectives: verifiers.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

/// How a collective changes the size of dimension `dim`.
enum class Resize { None, TimesRanks, OverRanks };

/// The result type of a collective on `x`, or an error.
static FailureOr<RankedTensorType> resultOf(Operation *op, RankedTensorType x, int64_t ranks, Resize resize, int64_t dim, bool slices) {
  // all_reduce_c1, all_gather_c1, reduce_scatter_c1, all_to_all_c1
  if (ranks < 1)
    return op->emitOpError() << "ranks must be positive, got " << ranks;
  SmallVector<int64_t> shape(x.getShape());
  if (resize == Resize::None && !slices)
    return x;
  // all_gather_c2, reduce_scatter_c2, all_to_all_c2
  if (dim < 0 || dim >= x.getRank())
    return op->emitOpError() << "dim must be in [0, " << x.getRank() << "), got " << dim;
  // reduce_scatter_c3, all_to_all_c3
  if (slices && shape[dim] % ranks != 0)
    return op->emitOpError() << "dimension " << dim << " of size " << shape[dim] << " must be a multiple of the " << ranks << " ranks";
  if (resize == Resize::TimesRanks)
    shape[dim] *= ranks;
  if (resize == Resize::OverRanks)
    shape[dim] /= ranks;
  return RankedTensorType::get(shape, x.getElementType());
}

static LogicalResult expectResult(Operation *op, Type got, FailureOr<RankedTensorType> expected) {
  if (failed(expected))
    return failure();
  if (auto future = dyn_cast<FutureType>(got))
    got = future.getResult();
  // all_reduce_c2, all_gather_c3, reduce_scatter_c4, all_to_all_c4
  if (got != *expected)
    return op->emitOpError() << "result must be " << *expected << ", got " << got;
  return success();
}

LogicalResult AllReduceOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::None, 0, false));
}
LogicalResult AllReduceStartOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::None, 0, false));
}
LogicalResult AllGatherOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::TimesRanks, getDim(), false));
}
LogicalResult AllGatherStartOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::TimesRanks, getDim(), false));
}
LogicalResult ReduceScatterOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::OverRanks, getDim(), true));
}
LogicalResult ReduceScatterStartOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::OverRanks, getDim(), true));
}
LogicalResult AllToAllOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::None, getDim(), true));
}
LogicalResult AllToAllStartOp::verify() {
  return expectResult(*this, getType(), resultOf(*this, getX().getType(), getRanks(), Resize::None, getDim(), true));
}

LogicalResult WaitOp::verify() {
  // wait_c1
  auto future = cast<FutureType>(getFuture().getType());
  if (getType() != future.getResult())
    return emitOpError() << "result must be " << future.getResult() << ", got " << getType();
  return success();
}
