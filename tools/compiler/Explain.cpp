#include "tools/compiler/Explain.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/kernel/EstimateKernel.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::compiler;

// --- decisions

void DecisionLog::add(const remark::detail::Remark &remark) {
  std::string message; // getMsg() would repeat what the key says
  for (const remark::detail::Remark::Arg &part : remark.getArgs()) {
    const bool isText = part.key == "Remark";
    if (!isText && !message.empty() && message.back() != ' ')
      message += ' ';
    message += isText ? part.val : part.key + "=" + part.val;
  }
  std::lock_guard<std::mutex> lock(mutex);
  ++decisions[{remark.getCombinedCategoryName().str(), remark.getFunction().str(), std::move(message)}];
}

void DecisionLog::print(llvm::raw_ostream &os) const {
  std::string pass;
  for (const auto &[key, count] : decisions) {
    const auto &[category, function, message] = key;
    if (category != pass) {
      os << "decisions of " << category << "\n";
      pass = category;
    }
    os << "  ";
    if (function != "<unknown function>")
      os << "@" << function << ": ";
    if (count > 1)
      os << count << " x ";
    os << message << "\n";
  }
}

namespace {
class DecisionStreamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit DecisionStreamer(std::shared_ptr<DecisionLog> log) : log(std::move(log)) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override { log->add(remark); }

private:
  std::shared_ptr<DecisionLog> log;
};
} // namespace

LogicalResult compiler::collectDecisions(MLIRContext &context, std::shared_ptr<DecisionLog> log) {
  // `all` widens the kinds that are named, it names none.
  const std::string every = ".*";
  remark::RemarkCategories categories{every, every, every, every, every};
  return remark::enableOptimizationRemarks(context, std::make_unique<DecisionStreamer>(std::move(log)),
                                           std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}

// --- plan

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, [&](int64_t size) { os << size; }, "x");
  return text;
}

/// Sizes by which a reader recognises a kernel: rows, columns and depth of a product, else its first result.
static std::string sizesOf(Operation *op) {
  if (isa<kernel::GemmOp, kernel::SkinnyGemmOp>(op)) {
    const cost::GemmShape s = kernel::gemmShapeOf(op);
    std::string text = shapeText({s.m, s.n, s.k});
    return s.heads == 1 ? text : text + llvm::formatv(", {0} heads", s.heads).str();
  }
  if (auto grouped = dyn_cast<kernel::GroupedGemmOp>(op)) {
    ArrayRef<int64_t> a = grouped.getA().getType().getShape(), b = grouped.getB().getType().getShape();
    return shapeText({a[0], b[1], b[2]}) + llvm::formatv(", {0} groups", b[0]).str();
  }
  if (op->getNumResults() == 0)
    return "";
  auto type = cast<ShapedType>(op->getResult(0).getType());
  std::string text;
  llvm::raw_string_ostream(text) << shapeText(type.getShape()) << " " << type.getElementType();
  return text;
}

static void printFunction(func::FuncOp function, int64_t context, llvm::raw_ostream &os) {
  struct Line {
    std::string text;
    int64_t count = 0;
  };
  std::vector<Line> lines; // in the order of their first kernel
  std::map<std::string, size_t> known;
  int64_t kernels = 0;
  cost::Estimate total;
  context = kernel::contextOf(function, context);
  for (Operation &op : function.getOps()) {
    if (!kernel::isKernel(&op))
      continue;
    const cost::Estimate e = kernel::estimateKernel(&op, context, cost::h200);
    std::string text =
        llvm::formatv("{0,-14}{1,-26}{2,-40}{3,11:F3}{4,11:F3}{5,9:F1}  {6}", op.getName().stripDialect(), sizesOf(&op),
                      kernel::describeSchedule(&op), e.bytes * 1e-6, e.flops * 1e-9, e.seconds * 1e6, e.limit);
    auto [position, isNew] = known.try_emplace(text, lines.size());
    if (isNew)
      lines.push_back({std::move(text), 0});
    ++lines[position->second].count, ++kernels;
    total.bytes += e.bytes, total.flops += e.flops, total.seconds += e.seconds;
  }
  if (kernels == 0)
    return;
  os << "plan of @" << function.getName() << "\n"
     << llvm::formatv("{0,7}  {1,-14}{2,-26}{3,-40}{4,11}{5,11}{6,9}  limit\n", "kernels", "family", "sizes",
                      "schedule", "MB", "GFLOP", "us each");
  for (const Line &line : lines)
    os << llvm::formatv("{0,7}  {1}\n", line.count, line.text);
  os << llvm::formatv("  {0} kernels, {1:F1} MB, {2:F3} GFLOP: {3:F1} us predicted, {4:F1} us of them launches\n\n",
                      kernels, total.bytes * 1e-6, total.flops * 1e-9, total.seconds * 1e6,
                      double(kernels) * cost::h200.kernelOverhead * 1e6);
}

void compiler::printPlan(ModuleOp module, int64_t context, llvm::raw_ostream &os) {
  os << llvm::formatv("predicted for one H200, attention over up to {0} positions\n", context);
  for (auto function : module.getOps<func::FuncOp>())
    printFunction(function, context, os);
}
