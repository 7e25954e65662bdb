// The layout of a quantised record of the latent cache: the latent as e4m3, a f32 scale for each 128 of its elements,
// the rotated part as bf16, one after the other without padding. 512 + 64 elements take 512 + 16 + 128 = 656 bytes. A
// cache of such records has element type i8. Plain numbers, no MLIR.
#pragma once

#include <cstdint>

namespace mlir::deepseek::kernel {

struct QuantizedRecord {
  int64_t latent, rope; // elements

  static constexpr int64_t kBlock = 128; // elements of the latent that share a scale

  bool isKnown() const { return latent > 0 && latent % kBlock == 0 && rope > 0 && rope % 2 == 0; }
  int64_t scales() const { return latent / kBlock; }
  int64_t scaleOffset() const { return latent; } // bytes, like the rest
  int64_t ropeOffset() const { return scaleOffset() + scales() * 4; }
  int64_t bytes() const { return ropeOffset() + rope * 2; }
};

} // namespace mlir::deepseek::kernel
