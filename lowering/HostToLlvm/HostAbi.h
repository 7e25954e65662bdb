// The artefact's ABI as host code sees it: entry points, the buffer table, sections and runtime calls. The only place
// below which runtime symbols are spelled.
#pragma once

#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::deepseek {

/// Attribute of a function that is an entry point: {kind, tokens, rows}.
inline constexpr llvm::StringLiteral kEntryAttrName = "deepseek.entry";

/// Position of each buffer in the artefact's table: the order of the declarations.
class BufferIndices {
public:
  explicit BufferIndices(ModuleOp module);
  int64_t operator[](StringRef name) const { return indices.lookup(name); }

private:
  llvm::StringMap<int64_t> indices;
};

/// The values that every entry point gets: `int32_t dsrt_entry_<name>(DsrtContext *, void *const *buffers)`.
struct EntryArguments {
  Value context;
  Value buffers;
};

/// Gives an entry without arguments and results the signature of the ABI; it returns 0 at its end.
EntryArguments giveEntrySignature(func::FuncOp func);

/// Address of buffer `index` of the table.
Value loadBufferAddress(OpBuilder &builder, Location loc, EntryArguments entry, int64_t index);

/// The manifest (docs/artifact.md) of a module whose entries are still functions. Errors name the buffer or attribute.
FailureOr<std::string> buildManifest(ModuleOp module, StringRef target, StringRef cpu);

/// Globals in the sections .deepseek.header, .deepseek.manifest and, for GPU targets, .deepseek.kernels (the objects of
/// the module's `kernel.binary`s, one after another). The writer of the file completes the header.
void emitArtifactSections(ModuleOp module, StringRef manifest);

} // namespace mlir::deepseek
