// Random records of a quantised latent cache of 512 + 64 elements, and what they mean. The layout is the ABI's; the
// arithmetic is written down once more, apart from the compiler's.
#pragma once

#include "runtime/abi/QuantizedRecord.h"
#include "runtime/core/DType.h"
#include "tools/deepseek-bench/TestData.h"

#include <vector>

namespace dsrt {

inline constexpr QuantizedRecord quantizedLayout{/*latent=*/512, /*rope=*/64};
inline constexpr size_t quantizedLatent = quantizedLayout.latent, quantizedRope = quantizedLayout.rope,
                        quantizedScales = quantizedLayout.scales(), quantizedRecordBytes = quantizedLayout.bytes();

// Whole records; elements of about unit variance.
inline void fillRecords(std::vector<char> &bytes, uint64_t seed) {
  Random random(seed);
  for (size_t at = 0; at + quantizedRecordBytes <= bytes.size(); at += quantizedRecordBytes) {
    char *record = bytes.data() + at;
    for (size_t i = 0; i < quantizedLatent; ++i)
      storeElement(DType::F8E4M3, record, i, 128 * random.normal());
    for (size_t i = 0; i < quantizedScales; ++i)
      storeElement(DType::F32, record + quantizedLayout.scaleOffset(), i, (0.5 + random.uniform()) / 128);
    for (size_t i = 0; i < quantizedRope; ++i)
      storeElement(DType::BF16, record + quantizedLayout.ropeOffset(), i, random.normal());
  }
}

// A record, its bytes given as numbers, as elements: e4m3 times scale, rounded to bf16 as the operation says.
inline void readRecord(const float *bytes, float *elements) {
  char record[quantizedRecordBytes], rounded[2];
  for (size_t i = 0; i < quantizedRecordBytes; ++i)
    record[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]));
  for (size_t i = 0; i < quantizedLatent; ++i) {
    const double scale = loadElement(DType::F32, record + quantizedLayout.scaleOffset(), i / QuantizedRecord::kBlock);
    storeElement(DType::BF16, rounded, 0, static_cast<float>(loadElement(DType::F8E4M3, record, i) * scale));
    elements[i] = static_cast<float>(loadElement(DType::BF16, rounded, 0));
  }
  for (size_t i = 0; i < quantizedRope; ++i)
    elements[quantizedLatent + i] =
        static_cast<float>(loadElement(DType::BF16, record + quantizedLayout.ropeOffset(), i));
}

} // namespace dsrt
