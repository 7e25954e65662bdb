// The row program of every row-wise operation. A new row-wise operation needs a case in getRowWise and a function here.
#include "lowering/DeepSeekToKernel/RowProgram.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::deepseek;

namespace {

ArrayRef<int64_t> shapeOf(Value value) {
  if (auto scaled = dyn_cast<BlockScaledType>(value.getType()))
    return scaled.getShape();
  return cast<RankedTensorType>(value.getType()).getShape();
}

int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

/// An operation on the last dimension of `x`: all dimensions before it are rows.
RowWise lastDimension(Value x, SmallVector<Value> whole = {}) {
  ArrayRef<int64_t> shape = shapeOf(x);
  return {product(shape.drop_back()), std::move(whole), shape.size() != 2};
}

bool hasBlockRows(Type type) { return cast<BlockScaledType>(type).getBlock()[0] != 1; }

// One function for each operation; `p.row` is the operand's row, all arithmetic is f32.

void addEmbedding(EmbeddingOp op, RowProgram &p) {
  Value table = p.whole(op.getTable());
  auto type = cast<RankedTensorType>(table.getType());
  Value row = kernel::RowGatherOp::create(p.body, p.loc,
                                          RankedTensorType::get(type.getShape().drop_front(), type.getElementType()),
                                          table, p.row(op.getTokens(), 0));
  p.defineRounded(op.getResult(), row);
}

void addTakeRows(TakeRowsOp op, RowProgram &p) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Value row = kernel::RowGatherOp::create(p.body, p.loc,
                                          RankedTensorType::get(type.getShape().drop_front(), type.getElementType()),
                                          p.whole(op.getX()), p.row(op.getRows(), 0));
  p.define(op.getResult(), row);
}

void addAdd(AddOp op, RowProgram &p) {
  int64_t rank = shapeOf(op.getResult()).size() - 1;
  p.defineRounded(op.getResult(),
                  arith::AddFOp::create(p.body, p.loc, p.rowF32(op.getLhs(), rank), p.rowF32(op.getRhs(), rank)));
}

void addSwiglu(SwigluOp op, RowProgram &p) {
  int64_t rank = shapeOf(op.getResult()).size() - 1;
  Value gate = p.rowF32(op.getGate(), rank), up = p.rowF32(op.getUp(), rank);
  Value one = p.constant(gate.getType(), 1.0);
  Value exp = math::ExpOp::create(p.body, p.loc, arith::NegFOp::create(p.body, p.loc, gate));
  Value silu = arith::DivFOp::create(p.body, p.loc, gate, arith::AddFOp::create(p.body, p.loc, one, exp));
  p.defineRounded(op.getResult(), arith::MulFOp::create(p.body, p.loc, silu, up));
}

void addRmsNorm(RmsNormOp op, RowProgram &p) {
  p.defineRounded(op.getResult(), normaliseRow(p, p.rowF32(op.getX(), 1), LatentNorm::Rms,
                                               op.getEps().convertToDouble(), op.getWeight(), {}));
}

void addLayerNorm(LayerNormOp op, RowProgram &p) {
  p.defineRounded(op.getResult(), normaliseRow(p, p.rowF32(op.getX(), 1), LatentNorm::Layer,
                                               op.getEps().convertToDouble(), op.getWeight(), op.getBias()));
}

void addRopeAngles(RopeAnglesOp op, RowProgram &p) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  YarnAttr yarn = op.getYarn();
  SmallVector<double> frequencies = inverseFrequencies(yarn, 2 * type.getDimSize(1));
  p.define(op.getResult(),
           kernel::RowAnglesOp::create(p.body, p.loc,
                                       RankedTensorType::get(type.getShape().drop_front(), type.getElementType()),
                                       p.row(op.getPositions(), 0), frequencies, yarn.getMagnitude().getValue()));
}

void addRope(RopeOp op, RowProgram &p) {
  int64_t rank = shapeOf(op.getResult()).size() - 1;
  Value x = p.rowF32(op.getX(), rank), angles = p.row(op.getAngles(), 2);
  auto pairs =
      op.getLayout() == RopeLayout::Interleaved ? kernel::RopePairs::Interleaved : kernel::RopePairs::HalfSplit;
  p.defineRounded(op.getResult(), kernel::RowRopeOp::create(p.body, p.loc, x.getType(), x, angles, pairs));
}

void addAppend(LatentCacheAppendOp op, RowProgram &p, Value cache) {
  Type element = cast<MemRefType>(cache.getType()).getElementType();
  Value latent = p.toElement(p.row(op.getLatent(), 1), element), key = p.toElement(p.row(op.getKRope(), 1), element);
  kernel::RowCacheStoreOp::create(p.body, p.loc, latent, key, p.whole(cache), op.getLayer(),
                                  p.row(op.getPositions(), 0), p.whole(op.getBlockTable()));
}

void addQuantize(QuantizeOp op, RowProgram &p) {
  auto type = cast<BlockScaledType>(op.getResult().getType());
  p.defineScaled(op.getResult(), quantizedRow(p, p.rowF32(op.getX(), 1), type.getScaleFormat()));
}

/// The row of scales that belongs to this row of a weight with 128x128 blocks: of matrix e = i / N, row i % N.
Value blockScales(BlockScaledType type, RowProgram &p, Value scales) {
  auto i32 = RankedTensorType::get({}, p.body.getI32Type());
  Value row = kernel::RowIndexOp::create(p.body, p.loc, i32), block = p.index(type.getBlock()[0]), index;
  if (type.getShape().size() == 2) {
    index = arith::DivUIOp::create(p.body, p.loc, row, block);
  } else {
    ArrayRef<int64_t> shape = type.getShape(), scaleShape = type.getScaleType().getShape();
    Value rows = p.index(shape[shape.size() - 2]), blocks = p.index(scaleShape[shape.size() - 2]);
    Value matrix = arith::MulIOp::create(p.body, p.loc, arith::DivUIOp::create(p.body, p.loc, row, rows), blocks);
    Value inMatrix = arith::DivUIOp::create(p.body, p.loc, arith::RemUIOp::create(p.body, p.loc, row, rows), block);
    index = arith::AddIOp::create(p.body, p.loc, matrix, inMatrix);
  }
  Value table = p.whole(scales);
  auto tableType = cast<RankedTensorType>(table.getType());
  return kernel::RowGatherOp::create(
      p.body, p.loc, RankedTensorType::get({tableType.getDimSize(1)}, p.body.getF32Type()), table, index);
}

void addMoeCombine(MoeCombineOp op, RowProgram &p) {
  Value table = p.whole(op.getRows()), rowOf = p.row(op.getRowOf(), 1), weights = p.row(op.getWeights(), 1);
  auto tableType = cast<RankedTensorType>(table.getType());
  auto i32 = RankedTensorType::get({}, p.body.getI32Type()), f32 = RankedTensorType::get({}, p.body.getF32Type());
  auto gathered = RankedTensorType::get({tableType.getDimSize(1)}, tableType.getElementType());
  Value sum;
  for (int64_t k = 0, e = shapeOf(op.getRowOf())[1]; k < e; ++k) {
    Value index = kernel::RowExtractOp::create(p.body, p.loc, i32, rowOf, k);
    Value weight = kernel::RowExtractOp::create(p.body, p.loc, f32, weights, k);
    Value row = p.toElement(kernel::RowGatherOp::create(p.body, p.loc, gathered, table, index), p.body.getF32Type());
    Value term = arith::MulFOp::create(p.body, p.loc, p.broadcast(weight, row.getType()), row);
    sum = sum ? Value(arith::AddFOp::create(p.body, p.loc, sum, term)) : term;
  }
  p.defineRounded(op.getResult(), sum);
}

} // namespace

ScaledPair mlir::deepseek::quantizedRow(RowProgram &p, Value x, ScaleFormat format) {
  int64_t width = cast<RankedTensorType>(x.getType()).getDimSize(0);
  auto quantized = kernel::RowQuantizeOp::create(
      p.body, p.loc, RankedTensorType::get({width}, Float8E4M3FNType::get(x.getContext())),
      RankedTensorType::get({int64_t(llvm::divideCeil(width, 128))}, p.body.getF32Type()), x,
      format == ScaleFormat::UE8M0);
  return {quantized.getData(), quantized.getScales()};
}

Value mlir::deepseek::dequantizedRow(Value scaled, RowProgram &p, Lowering &lowering) {
  auto type = cast<BlockScaledType>(scaled.getType());
  ScaledPair row;
  if (hasBlockRows(type)) {
    ScaledPair pair = lowering.getScaled(scaled);
    ArrayRef<int64_t> scales = shapeOf(pair.scales);
    Value table = lowering.reshape(p.loc, pair.scales, {product(scales.drop_back()), scales.back()});
    row = {p.row(pair.data, 1), blockScales(type, p, table)};
  } else {
    row = p.scaledRow(scaled);
  }
  auto rowType = RankedTensorType::get(shapeOf(row.data), p.body.getF32Type());
  return kernel::RowDequantizeOp::create(p.body, p.loc, rowType, row.data, row.scales);
}

Value mlir::deepseek::normaliseRow(RowProgram &p, Value x, LatentNorm kind, double eps, Value weight, Value bias) {
  if (kind == LatentNorm::None)
    return x;
  Type type = x.getType();
  if (kind == LatentNorm::Layer)
    x = arith::SubFOp::create(p.body, p.loc, x, p.broadcast(p.reduceMean(x), type));
  Value square = p.reduceMean(arith::MulFOp::create(p.body, p.loc, x, x));
  Value shifted = arith::AddFOp::create(p.body, p.loc, square, p.constant(square.getType(), eps));
  Value scale = p.broadcast(math::RsqrtOp::create(p.body, p.loc, shifted), type);
  Value result = arith::MulFOp::create(p.body, p.loc, x, scale);
  if (weight)
    result = arith::MulFOp::create(p.body, p.loc, result, p.wholeF32(weight));
  if (bias)
    result = arith::AddFOp::create(p.body, p.loc, result, p.wholeF32(bias));
  return result;
}

std::optional<RowWise> mlir::deepseek::getRowWise(Operation *op) {
  using Result = std::optional<RowWise>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([](EmbeddingOp op) -> Result { return RowWise{shapeOf(op.getTokens())[0], {op.getTable()}}; })
      .Case([](TakeRowsOp op) -> Result { return RowWise{shapeOf(op.getRows())[0], {op.getX()}}; })
      .Case<AddOp, SwigluOp, RopeOp, RopeAnglesOp>(
          [](auto op) -> Result { return RowWise{shapeOf(op.getResult())[0], {}}; })
      .Case([](RmsNormOp op) -> Result { return lastDimension(op.getX(), {op.getWeight()}); })
      .Case([](LayerNormOp op) -> Result { return lastDimension(op.getX(), {op.getWeight(), op.getBias()}); })
      .Case([](LatentCacheAppendOp op) -> Result { return RowWise{shapeOf(op.getLatent())[0], {op.getBlockTable()}}; })
      .Case([](MoeCombineOp op) -> Result { return RowWise{shapeOf(op.getResult())[0], {op.getRows()}}; })
      .Case([](QuantizeOp op) -> Result {
        if (hasBlockRows(op.getResult().getType()))
          return std::nullopt;
        return lastDimension(op.getX());
      })
      .Case([](DequantizeOp op) -> Result {
        RowWise result = lastDimension(op.getX());
        if (hasBlockRows(op.getX().getType()))
          result.whole.push_back(op.getX());
        return result;
      })
      .Default([](Operation *) -> Result { return std::nullopt; });
}

void mlir::deepseek::addToRowProgram(Operation *op, RowProgram &p, Lowering &lowering) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](EmbeddingOp op) { addEmbedding(op, p); })
      .Case([&](TakeRowsOp op) { addTakeRows(op, p); })
      .Case([&](AddOp op) { addAdd(op, p); })
      .Case([&](SwigluOp op) { addSwiglu(op, p); })
      .Case([&](RmsNormOp op) { addRmsNorm(op, p); })
      .Case([&](LayerNormOp op) { addLayerNorm(op, p); })
      .Case([&](RopeAnglesOp op) { addRopeAngles(op, p); })
      .Case([&](RopeOp op) { addRope(op, p); })
      .Case([&](LatentCacheAppendOp op) { addAppend(op, p, lowering.cacheMemRef(p.loc, op.getCache())); })
      .Case([&](QuantizeOp op) { addQuantize(op, p); })
      .Case([&](DequantizeOp op) { p.defineRounded(op.getResult(), dequantizedRow(op.getX(), p, lowering)); })
      .Case([&](MoeCombineOp op) { addMoeCombine(op, p); });
}
