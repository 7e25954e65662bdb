// Evaluation of a row program's values for the elements that one thread holds.
#include "lowering/hopper/RowProgram.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Warp.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kQuantizeBlock = 128;
static constexpr int64_t kUniformId = 0;

static Type elementType(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

RowEvaluator::RowEvaluator(KernelBuilder &k, SmemArena &arena, LaunchPlan &launch, kernel::RowFusionOp op,
                           const RowPlan &plan)
    : k(k), plan(plan), op(op), arena(arena) {
  // -convert-kernel-to-nvvm has resolved every view before.
  for (auto [argument, operand] : llvm::zip(op.getBody().getArguments(), op.getInputs()))
    operands[argument] = {*getDeviceView(operand), pointerParameter(k, launch, operand)};
  for (Value result : op.getResults())
    operands[result] = {*getDeviceView(result), pointerParameter(k, launch, result)};
  bool warpRows = plan.lanes == 32;
  thread = warpRows ? k.laneIndex() : k.threadIndex();
  row = warpRows ? k.add(k.mul(k.blockIndex(), plan.rowsPerBlock), k.warpIndex()) : k.blockIndex();
  if (plan.cluster)
    row = k.divU(k.blockIndex(), plan.columnBlocks), columnBlock = k.clusterRank();
  else
    columnBlock = plan.columnBlocks > 1 ? k.blockIndex(1) : k.i32(0);
  uniform = Access{kUniformId, 1, 1, k.i32(0), /*full=*/true, /*natural=*/false};
}

bool RowEvaluator::prepareTables() {
  for (auto angles : op.getBody().getOps<kernel::RowAnglesOp>()) {
    ArrayRef<double> frequencies = angles.getFrequencies();
    int64_t table = arena.allocate(8 * frequencies.size());
    tables[angles] = table;
    k.when(k.eq(k.threadIndex(), 0), [&] {
      for (auto [index, frequency] : llvm::enumerate(frequencies)) {
        Value constant = arith::ConstantOp::create(k.b, k.loc, k.b.getF64FloatAttr(frequency));
        storeShared(k, constant, arena.at(table + 8 * static_cast<int64_t>(index)));
      }
    });
  }
  return !tables.empty();
}

// --- accesses
// ----------------------------------------------------------------------------------------------------------------

Access RowEvaluator::access(int64_t width, int64_t count, Value base) {
  return Access{nextId++, width, count, base, /*full=*/false, /*natural=*/false};
}

Access RowEvaluator::naturalAccess(int64_t width, Value chunk) {
  int64_t count = plan.vectors.lookup(width);
  if (plan.columnBlocks > 1)
    chunk = k.add(k.mul(columnBlock, plan.chunksPerBlock), chunk);
  Access result = access(width, count, k.mul(k.add(k.mul(chunk, plan.lanes), thread), count));
  bool exact = plan.columnBlocks == 1 || plan.chunks(width) == plan.columnBlocks * plan.chunksPerBlock;
  result.full = exact && width % (plan.lanes * count) == 0;
  result.natural = true;
  return result;
}

Access RowEvaluator::naturalAccess(int64_t width, int64_t chunk) {
  auto known = natural.find({width, chunk});
  if (known != natural.end())
    return known->second;
  Access result = naturalAccess(width, k.i32(chunk));
  if (plan.columnBlocks == 1)
    result.full = (chunk + 1) * plan.lanes * result.count <= width;
  natural.try_emplace({width, chunk}, result);
  return result;
}

// --- evaluation
// --------------------------------------------------------------------------------------------------------------

RowVector RowEvaluator::eval(Value value, const Access &requested) {
  const Access &access = rowWidth(value) == 1 ? uniform : requested;
  auto found = known.find({value, access.id});
  if (found != known.end())
    return found->second;
  RowVector result = compute(value, access);
  known.try_emplace({value, access.id}, result);
  return result;
}

Value RowEvaluator::evalUniform(Value value) { return eval(value, uniform).words.front(); }
void RowEvaluator::setUniform(Value value, Value scalar) {
  known[{value, kUniformId}] = RowVector{elementType(value), 1, {scalar}};
}

RowVector RowEvaluator::compute(Value value, const Access &access) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return computeArgument(argument, access);
  auto replicate = [&](Value scalar) {
    return RowVector{elementType(value), access.count, Values(access.count, scalar)};
  };
  return llvm::TypeSwitch<Operation *, RowVector>(value.getDefiningOp())
      .Case([&](arith::ConstantOp constant) {
        auto splat = cast<SplatElementsAttr>(constant.getValue());
        if (isa<IntegerType>(splat.getElementType()))
          return replicate(arith::ConstantOp::create(k.b, k.loc, splat.getSplatValue<IntegerAttr>()));
        Value scalar = k.f32(splat.getSplatValue<APFloat>().convertToDouble());
        return rowFromF32(k, Values(access.count, scalar), splat.getElementType());
      })
      .Case([&](kernel::RowIndexOp) { return replicate(row); })
      .Case([&](kernel::RowQuantizeOp quantize) { return evalQuantize(quantize, access).first; })
      .Case([&](kernel::RowBroadcastOp broadcast) { return replicate(evalUniform(broadcast.getX())); })
      .Case([&](kernel::RowExtractOp extract) {
        Access one = this->access(rowWidth(extract.getX()), 1, k.i32(extract.getIndex()));
        one.full = true;
        return eval(extract.getX(), one);
      })
      .Case([&](kernel::RowGatherOp gather) {
        const DeviceView &table = view(gather.getTable());
        Value index = evalUniform(gather.getIndex());
        index = k.select(k.ltU(index, table.sizes[0]), index, k.i32(0));
        return loadRow(k, stridedRow(k, table, pointer(gather.getTable()), index), access);
      })
      .Case([&](kernel::RowAnglesOp angles) { return computeAngles(angles, access); })
      .Case([&](kernel::RowRopeOp rope) { return computeRope(rope, access); })
      .Case([&](kernel::RowDequantizeOp dequantize) { return computeDequantize(dequantize, access); })
      .Default([&](Operation *elementwise) { return computeElementwise(elementwise, access); });
}

RowVector RowEvaluator::computeArgument(BlockArgument argument, const Access &access) {
  bool whole = llvm::is_contained(op.getWhole(), static_cast<int64_t>(argument.getArgNumber()));
  return loadRow(k, stridedRow(k, view(argument), pointer(argument), whole ? Value() : row), access);
}

/// True if all that becomes of the value is products rounded to 16 bits or fewer, so that a few more roundings of its
/// own do not show.
static bool isRoundedLater(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (isa<arith::MulFOp>(user))
      return isRoundedLater(user->getResult(0));
    return isa<arith::TruncFOp, kernel::RowQuantizeOp>(user);
  });
}

/// The x of `y / (1 + exp(-x))` where a fast sigmoid of x will do; null for any other operation.
static Value fastSigmoidOperand(Operation *op) {
  auto divide = dyn_cast<arith::DivFOp>(op);
  auto sum = divide ? divide.getRhs().getDefiningOp<arith::AddFOp>() : arith::AddFOp();
  if (!sum || !isRoundedLater(divide))
    return Value();
  for (auto [one, power] : {std::pair(sum.getLhs(), sum.getRhs()), std::pair(sum.getRhs(), sum.getLhs())}) {
    auto exp = power.getDefiningOp<math::ExpOp>();
    auto negated = exp ? exp.getOperand().getDefiningOp<arith::NegFOp>() : arith::NegFOp();
    if (negated && matchPattern(one, m_OneFloat()))
      return negated.getOperand();
  }
  return Value();
}

Value hopper::emitRowFunction(KernelBuilder &k, Operation *op, ValueRange x, bool exact) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::AbsFOp) { return k.fabs(x[0]); })
      .Case([&](math::ExpOp) { return expAccurate(k, x[0]); })
      .Case([&](math::Exp2Op) { return exp2Fast(k, x[0]); })
      .Case([&](math::RsqrtOp) { return rsqrtFast(k, x[0]); })
      .Case([&](math::SqrtOp) { return LLVM::SqrtOp::create(k.b, k.loc, k.f32Ty, x[0]); })
      .Case([&](math::FmaOp) { return k.fma(x[0], x[1], x[2]); })
      .Case([&](arith::DivFOp) { return exact ? Value() : divideFast(k, x[0], x[1]); })
      .Default([](Operation *) { return Value(); });
}

RowVector RowEvaluator::computeElementwise(Operation *elementwise, const Access &access) {
  Value value = elementwise->getResult(0);
  Type element = elementType(value);
  if (Value x = fastSigmoidOperand(elementwise)) {
    RowVector result = eval(elementwise->getOperand(0), access);
    for (auto [y, operand] : llvm::zip(result.words, eval(x, access).words))
      y = k.fmul(y, sigmoidFast(k, operand));
    return result;
  }
  SmallVector<RowVector> operandVectors;
  for (Value operand : elementwise->getOperands())
    operandVectors.push_back(eval(operand, access));
  if (isa<arith::ExtFOp>(elementwise))
    return RowVector{element, access.count, rowToF32(k, operandVectors[0])};
  if (isa<arith::TruncFOp>(elementwise))
    return rowFromF32(k, rowToF32(k, operandVectors[0]), element);
  RowVector result{element, access.count, {}};
  for (int64_t i = 0; i < access.count; ++i) {
    Values scalars;
    IRMapping mapping;
    for (auto [operand, vector] : llvm::zip(elementwise->getOperands(), operandVectors)) {
      scalars.push_back(vector.words[i]);
      mapping.map(operand, vector.words[i]);
    }
    Value scalar = emitRowFunction(k, elementwise, scalars, access.id == kUniformId);
    if (!scalar) {
      Operation *copy = k.b.clone(*elementwise, mapping);
      copy->getResult(0).setType(element);
      scalar = copy->getResult(0);
    }
    result.words.push_back(scalar);
  }
  return result;
}

// --- rotation
// ----------------------------------------------------------------------------------------------------------------

RowVector RowEvaluator::computeAngles(kernel::RowAnglesOp angles, const Access &access) {
  Value position = arith::SIToFPOp::create(k.b, k.loc, k.f64Ty, evalUniform(angles.getPosition()));
  Value magnitude = k.f32(angles.getMagnitude().convertToDouble());
  int64_t pairs = angles.getFrequencies().size(), table = tables.lookup(angles);
  RowVector result{k.f32Ty, access.count, {}};
  for (int64_t i = 0; i < access.count; i += 2) {
    Value pair = k.minU(k.shrU(k.add(access.base, i), 1), pairs - 1);
    Value frequency = loadShared(k, k.f64Ty, arena.at(table, k.mul(pair, 8)));
    auto [cosine, sine] = cosSin(k, k.fmul(position, frequency));
    result.words.append({k.fmul(cosine, magnitude), k.fmul(sine, magnitude)});
  }
  return result;
}

RowVector RowEvaluator::computeRope(kernel::RowRopeOp rope, const Access &access) {
  int64_t last = rope.getX().getType().getShape().back(), half = last / 2;
  Values x = rowToF32(k, eval(rope.getX(), access));
  Value column = rowWidth(rope.getX()) == last ? access.base : k.remU(access.base, last);
  RowVector result{k.f32Ty, access.count, {}};
  if (rope.getPairs() == kernel::RopePairs::Interleaved) {
    RowVector angles = eval(rope.getAngles(), this->access(last, access.count, column));
    for (int64_t i = 0; i < access.count; i += 2) {
      Value cosine = angles.words[i], sine = angles.words[i + 1];
      result.words.push_back(k.fsub(k.fmul(x[i], cosine), k.fmul(x[i + 1], sine)));
      result.words.push_back(k.fadd(k.fmul(x[i], sine), k.fmul(x[i + 1], cosine)));
    }
    return result;
  }
  // (a, b) at (i, i + D/2): the lower half takes a cos - b sin, the upper half b cos + a sin.
  Value lower = k.ltU(column, half);
  Value partnerBase = k.select(lower, k.add(access.base, half), k.sub(access.base, half));
  Values partner = rowToF32(k, eval(rope.getX(), this->access(access.width, access.count, partnerBase)));
  Value first = k.mul(k.select(lower, column, k.sub(column, half)), 2);
  RowVector angles = eval(rope.getAngles(), this->access(last, 2 * access.count, first));
  for (int64_t i = 0; i < access.count; ++i) {
    Value sine = k.select(lower, k.fneg(angles.words[2 * i + 1]), angles.words[2 * i + 1]);
    result.words.push_back(k.fadd(k.fmul(x[i], angles.words[2 * i]), k.fmul(partner[i], sine)));
  }
  return result;
}

// --- block scaling
// -----------------------------------------------------------------------------------------------------------

RowVector RowEvaluator::computeDequantize(kernel::RowDequantizeOp dequantize, const Access &access) {
  Values data = rowToF32(k, eval(dequantize.getData(), access));
  // An access lies in one block: its length divides 128.
  Value scale;
  if (auto quantize = dequantize.getScales().getDefiningOp<kernel::RowQuantizeOp>()) {
    scale = evalQuantize(quantize, access).second;
  } else {
    Access block = this->access(rowWidth(dequantize.getScales()), 1, k.divU(access.base, kQuantizeBlock));
    scale = eval(dequantize.getScales(), block).words.front();
  }
  RowVector result{k.f32Ty, access.count, {}};
  for (Value x : data)
    result.words.push_back(k.fmul(x, scale));
  return result;
}

std::pair<RowVector, Value> RowEvaluator::evalQuantize(kernel::RowQuantizeOp quantize, const Access &access) {
  auto key = std::make_pair(quantize.getData(), access.id);
  if (auto found = known.find(key); found != known.end())
    return {found->second, known.find({quantize.getScales(), access.id})->second.words.front()};
  Values x = rowToF32(k, eval(quantize.getX(), access));
  Values magnitudes;
  for (auto [index, element] : llvm::enumerate(x)) {
    Value magnitude = k.fabs(element), valid = elementValid(k, access, index);
    magnitudes.push_back(valid ? k.select(valid, magnitude, k.f32(0)) : magnitude);
  }
  Value largest = reducePairwise(magnitudes, [&](Value a, Value b) { return k.fmax(a, b); });
  largest = warpMax(k, largest, kQuantizeBlock / access.count);
  BlockScale block = blockScale(k, largest, quantize.getPowerOfTwo());
  for (Value &element : x)
    element = scaleDown(k, block, element);
  RowVector data = rowFromF32(k, x, elementType(quantize.getData()));
  known[key] = data;
  known[{quantize.getScales(), access.id}] = RowVector{k.f32Ty, 1, {block.scale}};
  return {data, block.scale};
}
