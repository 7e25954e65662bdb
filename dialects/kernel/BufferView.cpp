// Resolution of tensor views to root, offset and strides.
#include "dialects/kernel/BufferView.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

bool BufferView::isContiguous() const {
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != expected)
      return false;
    expected *= sizes[i];
  }
  return true;
}

static FailureOr<BufferView> rootView(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return failure();
  BufferView view{value, 0, SmallVector<int64_t>(type.getShape()), SmallVector<int64_t>(type.getRank())};
  int64_t stride = 1;
  for (int64_t i = type.getRank(); i-- > 0;) {
    view.strides[i] = stride;
    stride *= view.sizes[i];
  }
  return view;
}

static FailureOr<BufferView> sliceView(tensor::ExtractSliceOp op) {
  FailureOr<BufferView> source = getBufferView(op.getSource());
  if (failed(source) || !op.getOffsets().empty() || !op.getSizes().empty() || !op.getStrides().empty())
    return failure();
  BufferView view{source->root, source->offset, {}, {}};
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (int64_t i = 0, e = source->sizes.size(); i < e; ++i) {
    view.offset += op.getStaticOffsets()[i] * source->strides[i];
    if (dropped.test(i))
      continue;
    view.sizes.push_back(op.getStaticSizes()[i]);
    view.strides.push_back(op.getStaticStrides()[i] * source->strides[i]);
  }
  return view;
}

static FailureOr<BufferView> expandView(tensor::ExpandShapeOp op) {
  FailureOr<BufferView> source = getBufferView(op.getSrc());
  if (failed(source) || !op.getResultType().hasStaticShape())
    return failure();
  BufferView view{source->root, source->offset, SmallVector<int64_t>(op.getResultType().getShape()), {}};
  view.strides.resize(view.sizes.size());
  for (auto [sourceDim, group] : llvm::enumerate(op.getReassociationIndices())) {
    int64_t stride = source->strides[sourceDim];
    for (int64_t dim : llvm::reverse(group)) {
      view.strides[dim] = stride;
      stride *= view.sizes[dim];
    }
  }
  return view;
}

static FailureOr<BufferView> collapseView(tensor::CollapseShapeOp op) {
  FailureOr<BufferView> source = getBufferView(op.getSrc());
  if (failed(source))
    return failure();
  BufferView view{source->root, source->offset, {}, {}};
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t size = 1, stride = 1;
    bool first = true;
    for (int64_t dim : llvm::reverse(group)) {
      if (source->sizes[dim] == 1)
        continue;
      if (first)
        stride = source->strides[dim];
      else if (source->strides[dim] != stride * size)
        return failure(); // the joined dimensions are not contiguous in the root
      first = false;
      size *= source->sizes[dim];
    }
    view.sizes.push_back(size);
    view.strides.push_back(stride);
  }
  return view;
}

FailureOr<BufferView> mlir::deepseek::kernel::getBufferView(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op))
    return sliceView(slice);
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op))
    return expandView(expand);
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op))
    return collapseView(collapse);
  if (auto cast = dyn_cast_or_null<tensor::CastOp>(op))
    return getBufferView(cast.getSource());
  return rootView(value);
}
