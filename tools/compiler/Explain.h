// What --explain prints: the plan of each entry in numbers, and the decisions that led to it.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

namespace llvm {
class raw_ostream;
}

namespace mlir::deepseek::compiler {

/// Decisions of passes, in an order that does not depend on threads: by pass, by function. Equal ones of a function are
/// counted.
class DecisionLog {
public:
  void add(const remark::detail::Remark &remark);
  void print(llvm::raw_ostream &os) const;

private:
  using Key = std::tuple<std::string, std::string, std::string>; // pass, function, message
  std::mutex mutex;                                              // passes work on several functions at once
  std::map<Key, int64_t> decisions;
};

/// Switches on remarks; they go to `log`.
LogicalResult collectDecisions(MLIRContext &context, std::shared_ptr<DecisionLog> log);

/// For each function: its kernels, equal ones on one line, with schedule, bytes, FLOPs, predicted time and limit, and
/// the sum. The module is that of the "kernel" phase. Attention is estimated for sequences of `context` positions, or
/// as many as the block table reaches.
void printPlan(ModuleOp module, int64_t context, llvm::raw_ostream &os);

} // namespace mlir::deepseek::compiler
