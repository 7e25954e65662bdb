// The layout of a quantised record of the latent cache: the latent as e4m3, a f32 scale for each 128 of its elements,
// the rotated part as bf16, one after the other without padding. 512 + 64 elements take 512 + 16 + 128 = 656 bytes. A
// cache of such records has element type i8. Compiled code reads it, and whoever fills a cache writes it. Plain
// numbers; C++, unlike DsrtAbi.h.
#pragma once

#include <stdint.h>

namespace dsrt {

struct QuantizedRecord {
  int64_t latent, rope; // elements

  static constexpr int64_t kBlock = 128; // elements of the latent that share a scale

  constexpr bool isKnown() const { return latent > 0 && latent % kBlock == 0 && rope > 0 && rope % 2 == 0; }
  constexpr int64_t scales() const { return latent / kBlock; }
  constexpr int64_t scaleOffset() const { return latent; } // bytes, like the rest
  constexpr int64_t ropeOffset() const { return scaleOffset() + scales() * 4; }
  constexpr int64_t bytes() const { return ropeOffset() + rope * 2; }
};

} // namespace dsrt
