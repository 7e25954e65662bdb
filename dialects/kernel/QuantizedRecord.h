// Quantised records of the latent cache, as the compiler calls them. The layout is the ABI's: compiled code shares it
// with whoever fills a cache.
#pragma once

#include "runtime/abi/QuantizedRecord.h"

namespace mlir::deepseek::kernel {

using dsrt::QuantizedRecord;

} // namespace mlir::deepseek::kernel
