// The last step: an object file becomes an artefact, an ELF shared object whose header tells its size and checksum.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::deepseek::compiler {

/// Links `object` (with ld.lld, a child process) into the artefact `path`. The file appears complete or not at all: it
/// is written under a temporary name in the same directory and renamed.
llvm::Error writeArtifact(llvm::ArrayRef<char> object, llvm::StringRef path);

} // namespace mlir::deepseek::compiler
