// Launches: verifiers. The labels name the constraints in LaunchOps.td.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult BinaryOp::verify() {
  // binary_c1
  for (auto [name, value] : {std::pair("shared", int64_t(getSharedBytes())), {"registers", int64_t(getRegisters())}})
    if (value < 0)
      return emitOpError() << name << " is " << value << ", expected 0 or more";
  return success();
}

LogicalResult LaunchOp::verify() {
  // launch_c1
  ArrayRef<int64_t> grid = getGrid();
  if (grid.size() != 3 || llvm::any_of(grid, [](int64_t size) { return size <= 0; }))
    return emitOpError() << "grid must be three positive sizes";
  int64_t threads = getThreads(), cluster = getCluster(), shared = getSharedBytes();
  if (threads < 1 || threads > 1024)
    return emitOpError() << "threads is " << threads << ", expected 1 to 1024";
  if (cluster < 1 || grid[0] % cluster != 0)
    return emitOpError() << "cluster is " << cluster << ", which does not divide grid x " << grid[0];
  if (shared < 0)
    return emitOpError() << "shared is " << shared << ", expected 0 or more bytes";
  // launch_c2
  for (Attribute argument : getArgs())
    if (!isa<PointerArgAttr, IntArgAttr, TensorMapArgAttr>(argument))
      return emitOpError() << "argument " << argument << " is no #kernel.pointer, #kernel.int or #kernel.tensor_map";
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // launch_c3
  if (symbols.lookupNearestSymbolFrom(*this, getKernelAttr()))
    return success();
  return emitOpError() << "names " << getKernelAttr() << ", which is no symbol of this module";
}
