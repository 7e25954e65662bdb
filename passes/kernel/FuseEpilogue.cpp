// Compute what is done element by element with a product's columns where the product's sums are.
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/graph/FusionNames.h"
#include "passes/kernel/EstimateKernel.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "passes/Passes.h.inc"

llvm::SmallVector<llvm::StringRef> kernelFusionNames() { return {"epilogue"}; }

namespace {

constexpr int64_t mostParts = 2; // of the smallest tiles, of 16 rows of B in runs of 8

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Columns [first, first + count) of all rows of a product.
struct Columns {
  Value value;
  int64_t first, count;
};

/// What a use of a product's result reads, if that is whole columns.
std::optional<Columns> columnsOf(Operation *user, Value product) {
  auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
  if (!slice)
    return Columns{product, 0, tensorType(product).getDimSize(1)};
  if (slice.getType().getRank() != 2 || llvm::is_contained(slice.getStaticOffsets(), ShapedType::kDynamic) ||
      slice.getStaticOffset(0) != 0 || !slice.hasUnitStride() ||
      slice.getType().getDimSize(0) != tensorType(product).getDimSize(0))
    return std::nullopt;
  return Columns{slice.getResult(), slice.getStaticOffset(1), slice.getType().getDimSize(1)};
}

/// Conversions that vanish: of what the fusion reads, to f32, and of its result.
bool isEdgeConversion(Operation &op, kernel::RowYieldOp yield) {
  if (isa<arith::ExtFOp>(op))
    return isa<BlockArgument>(op.getOperand(0));
  return isa<arith::TruncFOp>(op) && op.getResult(0).hasOneUse() && op.getResult(0) == yield.getValues()[0];
}

/// True if the program computes every element alone, from f32 values.
bool isElementwise(kernel::RowFusionOp fusion) {
  if (fusion.getLimit() || !fusion.getWhole().empty() || fusion.getNumResults() != 1 || fusion.getSchedule() ||
      tensorType(fusion.getResult(0)).getRank() != 2)
    return false;
  auto yield = cast<kernel::RowYieldOp>(fusion.getBody().front().getTerminator());
  if (isa<BlockArgument>(yield.getValues()[0]))
    return false;
  for (Operation &op : fusion.getBody().front().without_terminator()) {
    if (isa<kernel::KernelDialect>(op.getDialect()))
      return false;
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (!isa<SplatElementsAttr>(constant.getValue()))
        return false;
      continue;
    }
    if (isEdgeConversion(op, yield))
      continue;
    const bool mixed = isa<arith::SelectOp, arith::ExtFOp, arith::TruncFOp>(op);
    if (!mixed && llvm::any_of(op.getOperands(), [](Value v) { return !tensorType(v).getElementType().isF32(); }))
      return false;
  }
  return true;
}

struct FuseEpiloguePass : impl::FuseEpiloguePassBase<FuseEpiloguePass> {
  using FuseEpiloguePassBase::FuseEpiloguePassBase;

  void runOnOperation() override {
    SmallVector<kernel::RowFusionOp> fusions;
    getOperation().walk([&](kernel::RowFusionOp fusion) { fusions.push_back(fusion); });
    for (kernel::RowFusionOp fusion : fusions) {
      Value product = productOf(fusion);
      if (!product || !isElementwise(fusion))
        continue;
      Operation *op = product.getDefiningOp();
      if (auto gemm = dyn_cast_or_null<kernel::GemmOp>(op))
        fuse(gemm, fusion);
      else if (auto grouped = dyn_cast_or_null<kernel::GroupedGemmOp>(op))
        fuse(grouped, fusion);
    }
  }

private:
  /// What all inputs are slices of, or the only input.
  static Value productOf(kernel::RowFusionOp fusion) {
    Value product;
    for (Value input : fusion.getInputs()) {
      auto slice = input.getDefiningOp<tensor::ExtractSliceOp>();
      Value source = slice ? slice.getSource() : input;
      if (product && source != product)
        return {};
      product = source;
    }
    return product;
  }

  /// The parts of the product's columns that the fusion reads, in their order, and slices of the columns before. Empty
  /// parts and a reason if the fusion cannot be an epilogue.
  static SmallVector<Columns> partsOf(Value product, kernel::RowFusionOp fusion, SmallVectorImpl<Columns> &plain,
                                      std::string &why) {
    SmallVector<Columns> parts;
    for (Operation *user : product.getUsers()) {
      std::optional<Columns> columns = columnsOf(user, product);
      if (!columns)
        return why = "the product is read in other ways than by columns", SmallVector<Columns>();
      if (!llvm::is_contained(fusion.getInputs(), columns->value)) {
        plain.push_back(*columns);
        continue;
      }
      if (!llvm::all_of(columns->value.getUsers(), [&](Operation *reader) { return reader == fusion; }))
        return why = "other kernels read the columns too", SmallVector<Columns>();
      parts.push_back(*columns);
    }
    llvm::sort(parts, [](const Columns &a, const Columns &b) { return a.first < b.first; });
    const int64_t first = parts.front().first, count = parts.front().count;
    for (auto [index, part] : llvm::enumerate(parts))
      if (part.count != count || part.first != first + int64_t(index) * count)
        return why = "the columns are no equal parts, one after another", SmallVector<Columns>();
    if (int64_t(parts.size()) > mostParts || parts.size() != fusion.getInputs().size() ||
        first + int64_t(parts.size()) * count != tensorType(product).getDimSize(1))
      return why = "the parts are not the product's last columns, each read once", SmallVector<Columns>();
    if (llvm::any_of(plain, [&](const Columns &c) { return c.first + c.count > first; }))
      return why = "other kernels read the columns too", SmallVector<Columns>();
    return parts;
  }

  // --- where it pays ---

  /// Why the kernel that the product becomes has no epilogue, or an empty string.
  static std::string whyNotFamily(kernel::GemmOp gemm, bool tma) {
    const cost::GemmChoice choice = cost::chooseGemm(kernel::gemmShapeOf(gemm), tma, cost::h200);
    if (choice.family == cost::GemmFamily::TensorCore)
      return "tensor-core tiles have no epilogue";
    return choice.family == cost::GemmFamily::Stream && choice.stream.features % 64 ? "low tiles have no epilogue" : "";
  }
  static std::string whyNotFamily(kernel::GroupedGemmOp gemm, bool tma) {
    if (tma && cost::fillsTensorCoreTiles(tensorType(gemm.getA()).getDimSize(0), tensorType(gemm.getB()).getDimSize(0)))
      return "tensor-core tiles have no epilogue";
    return "";
  }

  // --- the rewrite ---

  template <typename Op> void fuse(Op op, kernel::RowFusionOp fusion) {
    auto opts =
        remark::RemarkOpts::name("FuseEpilogue").category("kernel-fuse-epilogue").function(getOperation().getName());
    Value product = op.getResult();
    if (op.hasEpilogue() || tensorType(product).getRank() != 2)
      return;
    SmallVector<Columns> plain;
    std::string why;
    SmallVector<Columns> parts = partsOf(product, fusion, plain, why);
    if (why.empty())
      why = whyNotFamily(op, kernel::isTmaAddressable(op.getA()) && kernel::isTmaAddressable(op.getB()));
    if (why.empty() && op.getAScales())
      why = "after a block-scaled product comes a quantisation, which is a kernel of its own";
    if (!why.empty()) {
      remark::missed(fusion.getLoc(), opts) << why;
      return;
    }
    remark::passed(fusion.getLoc(), opts)
        << llvm::formatv("{0} parts of {1} columns joined where {2} sums them", parts.size(), parts.front().count,
                         op->getName().stripDialect())
               .str();
    rewrite(op, fusion, parts, plain);
  }

  template <typename Op>
  void rewrite(Op op, kernel::RowFusionOp fusion, ArrayRef<Columns> parts, ArrayRef<Columns> plain) {
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(op);
    const int64_t rows = tensorType(op.getResult()).getDimSize(0), before = plain.empty() ? 0 : parts.front().first;
    assert((plain.empty() ? parts.front().first == 0 : true) && "columns before the parts are read");
    SmallVector<Type> types = {fusion.getResult(0).getType()};
    if (before)
      types.push_back(RankedTensorType::get({rows, before}, tensorType(op.getResult()).getElementType()));
    auto fused = Op::create(rewriter, rewriter.getFusedLoc({op.getLoc(), fusion.getLoc()}), types, op->getOperands(),
                            op->getAttrs());
    moveProgram(fused.getEpilogue(), fusion, parts);
    for (const Columns &columns : plain) {
      auto slice = columns.value.getDefiningOp<tensor::ExtractSliceOp>();
      rewriter.setInsertionPoint(slice);
      rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(slice, slice.getType(), fused.getPlain(),
                                                          slice.getMixedOffsets(), slice.getMixedSizes(),
                                                          slice.getMixedStrides());
    }
    rewriter.replaceOp(fusion, fused.getResult());
    for (const Columns &part : parts)
      if (auto slice = part.value.template getDefiningOp<tensor::ExtractSliceOp>())
        rewriter.eraseOp(slice);
    rewriter.eraseOp(op);
  }

  /// The row program, on the sums of one element of each part.
  static void moveProgram(Region &epilogue, kernel::RowFusionOp fusion, ArrayRef<Columns> parts) {
    OpBuilder b(fusion.getContext());
    Block &body = epilogue.emplaceBlock();
    b.setInsertionPointToEnd(&body);
    IRMapping map;
    Block &program = fusion.getBody().front();
    for (const Columns &part : parts) {
      const auto input = llvm::find(fusion.getInputs(), part.value) - fusion.getInputs().begin();
      map.map(program.getArgument(input), body.addArgument(b.getF32Type(), part.value.getLoc()));
    }
    auto yield = cast<kernel::RowYieldOp>(program.getTerminator());
    for (Operation &op : program.without_terminator()) {
      if (isEdgeConversion(op, yield)) {
        map.map(op.getResult(0), map.lookup(op.getOperand(0)));
        continue;
      }
      if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
        auto value = cast<TypedAttr>(cast<SplatElementsAttr>(constant.getValue()).getSplatValue<Attribute>());
        map.map(constant.getResult(), arith::ConstantOp::create(b, op.getLoc(), value).getResult());
        continue;
      }
      Operation *copy = b.clone(op, map);
      copy->getResult(0).setType(tensorType(op.getResult(0)).getElementType());
    }
    kernel::EpilogueYieldOp::create(b, yield.getLoc(), map.lookup(yield.getValues()[0]));
  }
};

} // namespace
} // namespace mlir::deepseek
