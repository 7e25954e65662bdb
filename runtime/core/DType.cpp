#include "runtime/core/DType.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace dsrt {

namespace {
struct Row {
  DType type;
  std::string_view name, safetensors;
  size_t bytes;
  bool isFloat;
};
constexpr Row rows[] = {
    {DType::F32, "f32", "F32", 4, true},
    {DType::F16, "f16", "F16", 2, true},
    {DType::BF16, "bf16", "BF16", 2, true},
    {DType::F8E4M3, "f8E4M3FN", "F8_E4M3", 1, true},
    {DType::F8E8M0, "f8E8M0FNU", "F8_E8M0", 1, true},
    {DType::I32, "i32", "I32", 4, false},
    {DType::I64, "i64", "I64", 8, false},
    {DType::U8, "u8", "U8", 1, false},
};
const Row &row(DType type) { return rows[static_cast<size_t>(type)]; }

template <typename T> T loadAs(const void *data, size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T), sizeof(T));
  return value;
}
template <typename T> void storeAs(void *data, size_t index, T value) {
  std::memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

// A float format with `exponentBits` and `mantissaBits`: its value, infinities and NaN as IEEE has them.
double decodeIeee(uint32_t bits, int exponentBits, int mantissaBits) {
  uint32_t mantissa = bits & ((1u << mantissaBits) - 1);
  uint32_t exponent = (bits >> mantissaBits) & ((1u << exponentBits) - 1);
  double sign = (bits >> (exponentBits + mantissaBits)) & 1 ? -1.0 : 1.0;
  int bias = (1 << (exponentBits - 1)) - 1;
  if (exponent == (1u << exponentBits) - 1)
    return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0)
    return sign * std::ldexp(mantissa, 1 - bias - mantissaBits);
  return sign * std::ldexp(mantissa | (1u << mantissaBits), static_cast<int>(exponent) - bias - mantissaBits);
}

// The magnitude of `value` in such a format, ties to even; above the largest finite value it runs on into the exponents
// that stand for infinity, which the caller clamps.
uint32_t encodeMagnitude(double value, int exponentBits, int mantissaBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent = value == 0 ? 1 - bias : std::max(std::ilogb(value), 1 - bias);
  exponent = std::min(exponent, bias + 2);
  double units = std::nearbyint(std::ldexp(value, mantissaBits - exponent)); // in units of the last place
  units = std::min(units, static_cast<double>(4u << mantissaBits));
  uint32_t mantissa = static_cast<uint32_t>(units);
  uint32_t field = static_cast<uint32_t>(exponent + bias);
  // A subnormal has field 1 here and no leading one; a carry out of the mantissa steps the exponent by itself.
  return ((field - 1) << mantissaBits) + mantissa;
}

uint32_t encodeIeee(double value, int exponentBits, int mantissaBits) {
  uint32_t sign = std::signbit(value) ? 1u << (exponentBits + mantissaBits) : 0;
  uint32_t infinity = ((1u << exponentBits) - 1) << mantissaBits;
  if (std::isnan(value))
    return sign | infinity | (1u << (mantissaBits - 1));
  return sign | std::min(encodeMagnitude(std::fabs(value), exponentBits, mantissaBits), infinity);
}

double decodeE4M3(uint8_t bits) {
  if ((bits & 0x7F) == 0x7F)
    return std::numeric_limits<double>::quiet_NaN();
  // All exponents are finite in this format, unlike IEEE's.
  int exponent = (bits >> 3) & 15, mantissa = bits & 7;
  double magnitude = exponent ? std::ldexp(8 + mantissa, exponent - 10) : std::ldexp(mantissa, -9);
  return bits & 0x80 ? -magnitude : magnitude;
}

uint8_t encodeE4M3(double value) {
  uint8_t sign = std::signbit(value) ? 0x80 : 0;
  if (std::isnan(value))
    return sign | 0x7F;
  return sign | static_cast<uint8_t>(std::min<uint32_t>(encodeMagnitude(std::fabs(value), 4, 3), 0x7E));
}

uint8_t encodeE8M0(double value) {
  if (!(value > 0))
    return std::isnan(value) ? 0xFF : 0;
  return static_cast<uint8_t>(std::clamp(std::nearbyint(std::log2(value)) + 127, 0.0, 254.0));
}
} // namespace

std::string_view dtypeName(DType type) { return row(type).name; }
size_t dtypeBytes(DType type) { return row(type).bytes; }
bool isFloat(DType type) { return row(type).isFloat; }

std::optional<DType> dtypeFromName(std::string_view name) {
  for (const Row &r : rows)
    if (r.name == name)
      return r.type;
  return std::nullopt;
}

std::optional<DType> dtypeFromSafetensors(std::string_view name) {
  for (const Row &r : rows)
    if (r.safetensors == name)
      return r.type;
  return std::nullopt;
}

double loadElement(DType type, const void *data, size_t index) {
  switch (type) {
  case DType::F32:
    return loadAs<float>(data, index);
  case DType::F16:
    return decodeIeee(loadAs<uint16_t>(data, index), 5, 10);
  case DType::BF16:
    return std::bit_cast<float>(static_cast<uint32_t>(loadAs<uint16_t>(data, index)) << 16);
  case DType::F8E4M3:
    return decodeE4M3(loadAs<uint8_t>(data, index));
  case DType::F8E8M0: {
    uint8_t bits = loadAs<uint8_t>(data, index);
    return bits == 0xFF ? std::numeric_limits<double>::quiet_NaN() : std::ldexp(1.0, bits - 127);
  }
  case DType::I32:
    return loadAs<int32_t>(data, index);
  case DType::I64:
    return static_cast<double>(loadAs<int64_t>(data, index));
  case DType::U8:
    return loadAs<uint8_t>(data, index);
  }
  return 0;
}

void storeElement(DType type, void *data, size_t index, double value) {
  switch (type) {
  case DType::F32:
    return storeAs(data, index, static_cast<float>(value));
  case DType::F16:
    return storeAs(data, index, static_cast<uint16_t>(encodeIeee(value, 5, 10)));
  case DType::BF16:
    return storeAs(data, index, static_cast<uint16_t>(encodeIeee(value, 8, 7)));
  case DType::F8E4M3:
    return storeAs(data, index, encodeE4M3(value));
  case DType::F8E8M0:
    return storeAs(data, index, encodeE8M0(value));
  case DType::I32:
    return storeAs(data, index, static_cast<int32_t>(value));
  case DType::I64:
    return storeAs(data, index, static_cast<int64_t>(value));
  case DType::U8:
    return storeAs(data, index, static_cast<uint8_t>(value));
  }
}

} // namespace dsrt
