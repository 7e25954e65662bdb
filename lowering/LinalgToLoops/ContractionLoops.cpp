// Sums of products as register tiles. A tile is R rows by C columns of the result; its accumulators stay in registers
// over the whole sum, so that each vector loaded serves R or C multiply-adds. Vectors lie along the sum where both
// operands are contiguous along it ("dot": x [T, K] times w [N, K]), else along the result's columns ("outer": weights
// [H, J] times values [J, V]). Which thread computes a tile does not change its result.
#include "lowering/LinalgToLoops/HostLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::host;

namespace {

/// Columns that one block of rows visits before the next rows come: 16 columns of weights fit the first cache.
constexpr int64_t kColumnBlock = 16;

struct Contraction {
  Value rowOperand, columnOperand, result;
  AffineMap rowMap, columnMap, resultMap;
  SmallVector<unsigned> outer;  ///< loops around the tiles, all parallel
  std::optional<unsigned> rows; ///< loop over rows of the tile: moves the row operand only
  unsigned columns = 0;         ///< loop over columns of the tile: moves the column operand only
  unsigned sum = 0;
  bool alongSum = false; ///< where vectors lie; else along the columns
};

/// Whether `value` is `argument`, widened or not.
bool readsArgument(Value value, Value argument) {
  if (auto extend = value.getDefiningOp<arith::ExtFOp>())
    value = extend.getIn();
  return value == argument;
}

/// The body adds the product of its two inputs to its output, and says that the sum may be reassociated.
bool isSumOfProducts(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || body->getNumArguments() != 3)
    return false;
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  auto reassociates = [](auto arithmetic) {
    return arith::bitEnumContainsAll(arithmetic.getFastmath(),
                                     arith::FastMathFlags::reassoc | arith::FastMathFlags::contract);
  };
  if (!add || !add.getType().isF32() || !reassociates(add))
    return false;
  Value sum = body->getArgument(2), other = add.getLhs() == sum ? add.getRhs() : add.getLhs();
  auto product = other.getDefiningOp<arith::MulFOp>();
  if ((add.getLhs() != sum && add.getRhs() != sum) || !product || !reassociates(product))
    return false;
  return readsArgument(product.getLhs(), body->getArgument(0)) && readsArgument(product.getRhs(), body->getArgument(1));
}

bool endsWith(AffineMap map, unsigned dim) {
  return map.getNumResults() > 0 && map.getResult(map.getNumResults() - 1) == getAffineDimExpr(dim, map.getContext());
}

FailureOr<Contraction> matchContraction(linalg::LinalgOp op) {
  if (!isSumOfProducts(op))
    return failure();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [map, operand] : llvm::zip_equal(maps, op->getOperands()))
    if (!map.isProjectedPermutation() || !isa<MemRefType>(operand.getType()))
      return failure();
  Contraction c{
      op->getOperand(0), op->getOperand(1), op->getOperand(2), maps[0], maps[1], maps[2], {}, {}, 0, 0, false};

  SmallVector<unsigned> sums, rows, columns;
  for (auto [dim, iterator] : llvm::enumerate(op.getIteratorTypesArray())) {
    bool inRow = c.rowMap.isFunctionOfDim(dim), inColumn = c.columnMap.isFunctionOfDim(dim);
    if (!inRow && !inColumn)
      return failure();
    if (iterator == utils::IteratorType::reduction)
      sums.push_back(dim);
    else if (inRow && inColumn)
      c.outer.push_back(dim);
    else
      (inRow ? rows : columns).push_back(dim);
  }
  if (sums.size() != 1 || !c.rowMap.isFunctionOfDim(sums[0]) || !c.columnMap.isFunctionOfDim(sums[0]))
    return failure();
  c.sum = sums[0];
  if (columns.empty() || (!rows.empty() && endsWith(c.resultMap, rows.back()) && !endsWith(c.columnMap, c.sum))) {
    std::swap(c.rowOperand, c.columnOperand);
    std::swap(c.rowMap, c.columnMap);
    std::swap(rows, columns);
  }
  if (columns.empty())
    return failure();
  c.columns = columns.pop_back_val();
  if (!rows.empty())
    c.rows = rows.pop_back_val();
  c.outer.append(rows);
  c.outer.append(columns);

  bool columnUnit = hasUnitStride(c.columnOperand.getType());
  c.alongSum =
      endsWith(c.rowMap, c.sum) && endsWith(c.columnMap, c.sum) && columnUnit && hasUnitStride(c.rowOperand.getType());
  bool alongColumns = endsWith(c.columnMap, c.columns) && endsWith(c.resultMap, c.columns) && columnUnit &&
                      hasUnitStride(c.result.getType());
  if (!c.alongSum && !alongColumns)
    return failure();
  return c;
}

class ContractionEmitter {
public:
  ContractionEmitter(linalg::LinalgOp op, const Contraction &c, OpBuilder &builder)
      : c(c), b(op, builder), ivs(op.getNumLoops()) {}
  void emit() { emitOuter(0); }

private:
  /// A tile: from row and column on, `lanes` elements to a vector.
  struct Tile {
    int64_t rows, columns, lanes;
  };

  void emitOuter(size_t depth);
  void emitRows();
  void emitColumns(Value firstRow, Value endRow, int64_t rows, bool fewRows);
  void emitTile(Value row, Value column, Tile tile);
  SmallVector<Value> accumulate(Value row, Value column, Tile tile, Value from, Value to, int64_t step);
  Value loadOperand(Value operand, AffineMap map, bool vector, int64_t lanes);
  void at(std::optional<unsigned> dim, Value base, int64_t offset);

  const Contraction &c;
  LoopBuilder b;
  SmallVector<Value> ivs;
};

void ContractionEmitter::emitOuter(size_t depth) {
  if (depth == c.outer.size())
    return emitRows();
  unsigned dim = c.outer[depth];
  auto body = [&](Value iv) {
    ivs[dim] = iv;
    emitOuter(depth + 1);
  };
  if (depth == 0 && b.worthThreads() && b.staticSize(dim) > 1)
    b.parallelLoop(b.index(0), b.size(dim), 1, body);
  else
    b.loop(b.index(0), b.size(dim), 1, body);
}

void ContractionEmitter::emitRows() {
  Value zero = b.index(0), one = b.index(1);
  if (!c.rows)
    return emitColumns(zero, one, 1, /*fewRows=*/true);
  int64_t rows = b.staticSize(*c.rows), tile = ShapedType::isDynamic(rows) ? 4 : std::min<int64_t>(4, rows);
  if (tile == 0)
    return;
  Value full = b.roundDown(b.size(*c.rows), tile);
  emitColumns(zero, full, tile, rows == tile);
  if (ShapedType::isDynamic(rows))
    emitColumns(full, b.size(*c.rows), 1, /*fewRows=*/true);
  else if (rows % tile)
    emitColumns(full, b.size(*c.rows), rows % tile, /*fewRows=*/true);
}

/// All columns of rows [firstRow, endRow), `rows` at a time; `fewRows` if that makes at most three tiles.
void ContractionEmitter::emitColumns(Value firstRow, Value endRow, int64_t rows, bool fewRows) {
  int64_t extent = b.staticSize(c.columns), width = c.alongSum ? 1 : kLanes;
  // Eight accumulators hide the latency of the multiply-add and leave registers for what is loaded.
  Tile tile{rows, std::max<int64_t>(1, 8 / rows), kLanes};
  if (!ShapedType::isDynamic(extent) && extent >= width)
    tile.columns = std::min(tile.columns, extent / width);
  int64_t step = tile.columns * width;
  auto forRows = [&](Value column, Tile shape) {
    b.loop(firstRow, endRow, rows, [&](Value row) { emitTile(row, column, shape); });
  };
  // Several blocks of rows share the columns of a block while these are in the first cache.
  int64_t block = fewRows ? step : llvm::alignTo(kColumnBlock, step);
  Value full = b.roundDown(b.size(c.columns), step);
  auto visitBlock = [&](Value first) {
    if (fewRows)
      return forRows(first, tile);
    Value end = arith::MinUIOp::create(b, arith::AddIOp::create(b, first, b.index(block)), full);
    b.loop(firstRow, endRow, rows,
           [&](Value row) { b.loop(first, end, step, [&](Value column) { emitTile(row, column, tile); }); });
  };
  if (b.worthThreads())
    b.parallelLoop(b.index(0), full, block, visitBlock);
  else
    b.loop(b.index(0), full, block, visitBlock);
  // What is left: whole vectors, then single columns.
  if (ShapedType::isDynamic(extent)) {
    Value whole = b.roundDown(b.size(c.columns), width);
    b.loop(full, whole, width, [&](Value column) { forRows(column, {rows, 1, kLanes}); });
    b.loop(whole, b.size(c.columns), 1, [&](Value column) { forRows(column, {rows, 1, 1}); });
    return;
  }
  if (int64_t left = extent % step / width)
    forRows(full, {rows, left, kLanes});
  b.loop(b.index(extent / width * width), b.index(extent), 1, [&](Value column) { forRows(column, {rows, 1, 1}); });
}

void ContractionEmitter::at(std::optional<unsigned> dim, Value base, int64_t offset) {
  if (dim)
    ivs[*dim] = offset ? Value(arith::AddIOp::create(b, base, b.index(offset))) : base;
}

/// A vector of `lanes`, or one element in all of them; in f32.
Value ContractionEmitter::loadOperand(Value operand, AffineMap map, bool vector, int64_t lanes) {
  SmallVector<Value> indices = b.indices(map, ivs);
  if (vector)
    return b.toF32(b.loadLanes(operand, indices, lanes));
  Value element = b.toF32(memref::LoadOp::create(b, operand, indices));
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, b.getF32Type()), element);
}

/// The accumulators of the tile, rows outermost, over [from, to) of the sum.
SmallVector<Value> ContractionEmitter::accumulate(Value row, Value column, Tile tile, Value from, Value to,
                                                  int64_t step) {
  auto type = VectorType::get({tile.lanes}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> init(tile.rows * tile.columns, zero);
  auto contract = arith::FastMathFlags::contract;
  return b.loop(from, to, step, init, [&](Value k, ValueRange sums) {
    ivs[c.sum] = k;
    SmallVector<Value> rowValues, next;
    for (int64_t r = 0; r < tile.rows; ++r) {
      at(c.rows, row, r);
      rowValues.push_back(loadOperand(c.rowOperand, c.rowMap, c.alongSum, tile.lanes));
    }
    next.resize(sums.size());
    for (int64_t i = 0; i < tile.columns; ++i) {
      at(c.columns, column, c.alongSum ? i : i * tile.lanes);
      Value value = loadOperand(c.columnOperand, c.columnMap, /*vector=*/true, tile.lanes);
      for (int64_t r = 0; r < tile.rows; ++r) {
        Value product = arith::MulFOp::create(b, rowValues[r], value, contract);
        next[r * tile.columns + i] = arith::AddFOp::create(b, sums[r * tile.columns + i], product, contract);
      }
    }
    return next;
  });
}

void ContractionEmitter::emitTile(Value row, Value column, Tile tile) {
  Value zero = b.index(0), extent = b.size(c.sum);
  SmallVector<Value> sums, rest;
  if (c.alongSum) {
    tile.lanes = kLanes;
    Value whole = b.roundDown(extent, kLanes);
    sums = accumulate(row, column, tile, zero, whole, kLanes);
    if (int64_t known = b.staticSize(c.sum); ShapedType::isDynamic(known) || known % kLanes)
      rest = accumulate(row, column, {tile.rows, tile.columns, 1}, whole, extent, 1);
  } else {
    sums = accumulate(row, column, tile, zero, extent, 1);
  }
  auto any = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t i = 0; i < tile.columns; ++i) {
      at(c.rows, row, r);
      at(c.columns, column, c.alongSum ? i : i * tile.lanes);
      SmallVector<Value> indices = b.indices(c.resultMap, ivs);
      Value sum = sums[r * tile.columns + i];
      if (!c.alongSum) {
        Value old = b.loadLanes(c.result, indices, tile.lanes);
        vector::StoreOp::create(b, arith::AddFOp::create(b, old, sum).getResult(), c.result, indices);
        continue;
      }
      sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD, sum, any);
      if (!rest.empty())
        sum = arith::AddFOp::create(b, sum,
                                    vector::ExtractOp::create(b, rest[r * tile.columns + i], ArrayRef<int64_t>{0}));
      Value old = memref::LoadOp::create(b, c.result, indices);
      memref::StoreOp::create(b, arith::AddFOp::create(b, old, sum), c.result, indices);
    }
}

} // namespace

LogicalResult host::emitContraction(linalg::LinalgOp op, OpBuilder &builder) {
  FailureOr<Contraction> contraction = matchContraction(op);
  if (failed(contraction))
    return failure();
  ContractionEmitter(op, *contraction, builder).emit();
  return success();
}
