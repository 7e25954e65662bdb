#include "runtime/core/DType.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace dsrt;

namespace {
double roundTrip(DType type, double value) {
  char bytes[8];
  storeElement(type, bytes, 0, value);
  return loadElement(type, bytes, 0);
}

TEST(DType, NamesAndSizesAreThoseOfTheManifest) {
  const std::pair<const char *, size_t> expected[] = {{"f32", 4},       {"f16", 2}, {"bf16", 2}, {"f8E4M3FN", 1},
                                                      {"f8E8M0FNU", 1}, {"i32", 4}, {"i64", 8},  {"u8", 1}};
  for (auto [name, bytes] : expected) {
    auto type = dtypeFromName(name);
    ASSERT_TRUE(type.has_value()) << name;
    EXPECT_EQ(dtypeBytes(*type), bytes);
    EXPECT_EQ(dtypeName(*type), name);
  }
  EXPECT_FALSE(dtypeFromName("f64").has_value());
  EXPECT_EQ(dtypeFromSafetensors("F8_E4M3"), DType::F8E4M3);
}

// Every bit pattern of the narrow types must survive a round trip.
TEST(DType, RoundTripsEveryValue) {
  for (DType type : {DType::F16, DType::BF16}) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      uint16_t in = static_cast<uint16_t>(bits), out;
      double value = loadElement(type, &in, 0);
      storeElement(type, &out, 0, value);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(loadElement(type, &out, 0)));
      else
        ASSERT_EQ(in, out) << dtypeName(type) << " " << value;
    }
  }
  for (uint32_t bits = 0; bits < 0x100; ++bits) {
    uint8_t in = static_cast<uint8_t>(bits), out;
    double value = loadElement(DType::F8E4M3, &in, 0);
    storeElement(DType::F8E4M3, &out, 0, value);
    if (!std::isnan(value))
      EXPECT_EQ(in, out) << value;
    value = loadElement(DType::F8E8M0, &in, 0);
    storeElement(DType::F8E8M0, &out, 0, value);
    EXPECT_EQ(in, out);
  }
}

TEST(DType, RoundsToNearestEven) {
  EXPECT_EQ(roundTrip(DType::BF16, 1.0 + 1.0 / 256), 1.0);             // a tie, down to even
  EXPECT_EQ(roundTrip(DType::BF16, 1.0 + 3.0 / 256), 1.0 + 4.0 / 256); // a tie, up to even
  EXPECT_EQ(roundTrip(DType::F16, 65520), std::numeric_limits<double>::infinity());
  EXPECT_EQ(roundTrip(DType::F16, 65519), 65504);
  EXPECT_EQ(roundTrip(DType::F8E4M3, 17), 16);
  EXPECT_EQ(roundTrip(DType::F8E4M3, 1e9), 448); // saturates
  EXPECT_EQ(roundTrip(DType::F8E4M3, -std::numeric_limits<double>::infinity()), -448);
  EXPECT_EQ(roundTrip(DType::F8E4M3, 0.001953125 / 2), 0); // half of the smallest subnormal
  EXPECT_EQ(roundTrip(DType::F8E4M3, 0.0029296875), 0.00390625);
  EXPECT_TRUE(std::isnan(roundTrip(DType::F8E4M3, std::nan(""))));
  EXPECT_EQ(roundTrip(DType::F8E8M0, 0.25), 0.25);
}
} // namespace
