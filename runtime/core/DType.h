// The element types of buffers and tensors, under the names of docs/artifact.md.
// The float types narrower than 32 bits are storage formats: their values are converted here, bit by bit, so that the
// runtime needs no compiler support for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dsrt {

enum class DType : uint8_t { F32, F16, BF16, F8E4M3, F8E8M0, I32, I64, U8 };

// The name in a manifest: f32 f16 bf16 f8E4M3FN f8E8M0FNU i32 i64 u8.
std::string_view dtypeName(DType type);
std::optional<DType> dtypeFromName(std::string_view name);
// The name in a safetensors header: F32 F16 BF16 F8_E4M3 F8_E8M0 I32 I64 U8.
std::optional<DType> dtypeFromSafetensors(std::string_view name);
size_t dtypeBytes(DType type);
bool isFloat(DType type);

// Element `index` of an array of `type` that may lie at any address.
double loadElement(DType type, const void *data, size_t index);
// Rounds to nearest, ties to even; f8E4M3FN saturates at 448 and f8E8M0FNU keeps the nearest power of two.
void storeElement(DType type, void *data, size_t index, double value);

} // namespace dsrt
