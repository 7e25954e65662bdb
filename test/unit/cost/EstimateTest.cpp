// Estimated times of kernels against figures measured on an H200, and that they keep to the machine's limits.
#include "passes/cost/MlaForm.h"
#include "passes/cost/Schedules.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::deepseek::cost;

namespace {

struct Measured {
  int64_t m, n, k, elementBytes;
  double seconds;
};

// Products that were measured alone, in one run: block-scaled ones have one byte for an element. A product alone pays a
// launch and a ramp of up to 6 us that a kernel in a graph does not; 15 % cover it for these sizes, and the spread
// between GPUs (8 %).
constexpr Measured kMeasured[] = {{1, 7168, 18432, 2, 67.1e-6},   {8, 7168, 18432, 2, 70.0e-6},
                                  {1, 7168, 18432, 1, 35.5e-6},   {8192, 8192, 8192, 2, 1355e-6},
                                  {4096, 7168, 16384, 1, 730e-6}, {8192, 8192, 8192, 1, 816e-6}};

TEST(Estimate, AgreesWithMeasuredProducts) {
  for (const Measured &row : kMeasured) {
    const GemmShape shape{row.m, row.n, row.k, 1, row.elementBytes};
    const Estimate e = chooseGemm(shape, /*tmaAddressable=*/true, h200).estimate;
    EXPECT_NEAR(e.seconds, row.seconds, 0.15 * row.seconds)
        << row.m << " x " << row.n << " x " << row.k << ", " << row.elementBytes << " bytes";
  }
}

struct Row {
  int64_t m, n, k, elementBytes;
  GemmFamily family;
  const char *limit;
};

// Few rows stream the weights, small matrices as fast as loads follow each other; many rows want tensor-core tiles.
constexpr Row kTable[] = {{1, 4096, 7168, 2, GemmFamily::Stream, "memory"},
                          {1, 64, 2048, 2, GemmFamily::Stream, "loads"},
                          {1, 129280, 7168, 2, GemmFamily::Skinny, "memory"},
                          {2, 7168, 16384, 1, GemmFamily::Stream, "memory"},
                          {4096, 7168, 2048, 2, GemmFamily::TensorCore, "products"},
                          {8192, 8192, 8192, 2, GemmFamily::TensorCore, "products"}};

TEST(Estimate, LimitsOfProducts) {
  for (const Row &row : kTable) {
    const GemmShape shape{row.m, row.n, row.k, 1, row.elementBytes};
    const GemmChoice choice = chooseGemm(shape, /*tmaAddressable=*/true, h200);
    EXPECT_EQ(choice.family, row.family) << row.m << " x " << row.n << " x " << row.k;
    EXPECT_STREQ(choice.estimate.limit, row.limit) << row.m << " x " << row.n << " x " << row.k;
  }
  EXPECT_EQ(chooseGemm({4096, 4096, 97, 1, 2}, /*tmaAddressable=*/false, h200).family, GemmFamily::Skinny);
  EXPECT_EQ(chooseGemm({32, 7168, 7168, 1, 2}, true, h200).family, GemmFamily::Stream);
  // 64 rows in bf16, us: streamed and in tensor-core tiles (2026-11-22). Tiles that share K promise too much.
  EXPECT_EQ(chooseGemm({64, 36864, 7168, 1, 2}, true, h200).family, GemmFamily::TensorCore); // 134, 130
  EXPECT_EQ(chooseGemm({64, 32768, 512, 1, 2}, true, h200).family, GemmFamily::TensorCore);  // 10.7, 9.4
  EXPECT_EQ(chooseGemm({64, 7168, 2048, 1, 2}, true, h200).family, GemmFamily::TensorCore);  // 9.8, 8.8
  EXPECT_EQ(chooseGemm({64, 7168, 16384, 1, 2}, true, h200).family, GemmFamily::Stream);     // 63.0, 64.4
  EXPECT_EQ(chooseGemm({64, 4096, 7168, 1, 2}, true, h200).family, GemmFamily::Stream);      // 20.8, 21.9
  EXPECT_EQ(chooseGemm({128, 4096, 7168, 1, 2}, true, h200).family, GemmFamily::Stream);     // 23.0, 24.9
  EXPECT_EQ(chooseGemm({128, 7168, 2048, 1, 2}, true, h200).family, GemmFamily::TensorCore); // 11.4, 10.3
  EXPECT_EQ(chooseGemm({128, 36864, 7168, 1, 2}, true, h200).family, GemmFamily::TensorCore); // rings would be short
  EXPECT_EQ(chooseGemm({129, 576, 7168, 1, 2}, true, h200).family, GemmFamily::TensorCore);
  EXPECT_EQ(chooseGemm({8, 4096, 97, 1, 2}, /*tmaAddressable=*/false, h200).family, GemmFamily::Skinny);
}

// More CTAs than are resident at once are small ones; few take all the warps that share K.
TEST(Estimate, SkinnyWarpsFollowTheGrid) {
  EXPECT_EQ(chooseGemm({1, 2048, 2048, 1, 2}, /*tmaAddressable=*/true, h200).warps, 8); // 128 CTAs
  EXPECT_EQ(chooseGemm({1, 4224, 2048, 1, 2}, true, h200).warps, 8);                    // 264: two on each
  EXPECT_EQ(chooseGemm({1, 4240, 2048, 1, 2}, true, h200).warps, 4);
  EXPECT_EQ(chooseGemm({16, 5696, 2048, 1, 2}, true, h200).warps, 4);
  EXPECT_EQ(chooseGemm({1, 512, 128, 16, 2}, true, h200).warps, 4); // 16 heads of 32 CTAs
}

// No estimate beats the machine: never less than its bytes over the bandwidth, or its products over the rate.
TEST(Estimate, ProductsRespectTheLimits) {
  for (int64_t elementBytes : {1, 2})
    for (int64_t m : {1, 16, 64, 500, 4096})
      for (int64_t n : {64, 576, 7168, 129280})
        for (int64_t k : {64, 512, 7168})
          for (bool tma : {false, true}) {
            const GemmShape shape{m, n, k, 1, elementBytes};
            const Estimate e = chooseGemm(shape, tma, h200).estimate;
            EXPECT_GE(e.seconds, e.bytes / h200.readBandwidth + h200.kernelOverhead);
            EXPECT_GE(e.seconds, e.flops / (elementBytes == 1 ? h200.scaledRate : h200.matrixRate));
            EXPECT_DOUBLE_EQ(e.flops, 2.0 * double(m) * double(n) * double(k));
            EXPECT_DOUBLE_EQ(e.bytes, double(elementBytes * (n * k + m * k) + 2 * m * n));
          }
}

TEST(Estimate, StreamsAreLaunchesOrMemory) {
  const Estimate small = streamEstimate(8192, 1, h200), large = streamEstimate(256 << 20, 4096, h200);
  EXPECT_STREQ(small.limit, "launch");
  EXPECT_NEAR(small.seconds, h200.kernelOverhead, 0.2e-6);
  EXPECT_STREQ(large.limit, "memory");
  EXPECT_DOUBLE_EQ(large.seconds, (256 << 20) / h200.readBandwidth + h200.kernelOverhead);
  // One CTA cannot take in what all multiprocessors can.
  EXPECT_GT(streamEstimate(256 << 20, 1, h200).seconds, 40 * large.seconds);
}

// Weights of experts without tokens are not read: eight tokens of six choices touch at most 48 of 256.
TEST(Estimate, GroupedProductsReadUsedMatricesOnly) {
  const double matrix = 2048.0 * 7168;
  const TensorCoreTile tile{128, 128, 6, 0};
  EXPECT_LT(groupedEstimate({48, 256, 2048, 7168, 1}, nullptr, h200).bytes, 49 * matrix);
  EXPECT_GT(groupedEstimate({48, 256, 2048, 7168, 1}, nullptr, h200).bytes, 40 * matrix);
  EXPECT_GT(groupedEstimate({100000, 256, 2048, 7168, 1}, &tile, h200).bytes, 256 * matrix);
  EXPECT_STREQ(groupedEstimate({48, 256, 2048, 7168, 1}, nullptr, h200).limit, "memory");
  EXPECT_STREQ(groupedEstimate({1 << 20, 256, 2048, 7168, 1}, &tile, h200).limit, "products");
  // Groups of 129 rows need two tiles each, as groups of 256 do.
  EXPECT_EQ(groupedEstimate({193 * 64, 64, 1408, 2048, 2}, &tile, h200).seconds,
            groupedEstimate({256 * 64, 64, 1408, 2048, 2}, &tile, h200).seconds);
  EXPECT_DOUBLE_EQ(groupedEstimate({1, 1, 16, 16, 2}, nullptr, h200).bytes, 2 * (256 + 16 + 16));
}

struct FormRow {
  int64_t tokens, sequences, heads, latent;
  bool absorbed;
};

// New tokens look at latents; a long chunk of one sequence expands them once.
constexpr FormRow kForms[] = {{1, 1, 16, 512, true},      {16, 16, 16, 512, true},    {8, 8, 128, 512, true},
                              {128, 128, 128, 512, true}, {2048, 1, 128, 512, false}, {512, 1, 16, 512, false},
                              {1, 1, 16, 1536, true}};

TEST(MlaForm, Table) {
  for (const FormRow &row : kForms) {
    const MlaShape shape{row.tokens, row.sequences, 4096, row.heads, row.latent, 64, 128, 128, 2, 2, 64};
    EXPECT_EQ(mlaAbsorbedSeconds(shape, h200) <= mlaNaiveSeconds(shape, h200), row.absorbed)
        << row.tokens << " tokens of " << row.sequences << ", " << row.heads
        << " heads: " << mlaAbsorbedSeconds(shape, h200) << " against " << mlaNaiveSeconds(shape, h200);
  }
}

// Records that no schedule of the absorbed kernel holds have the naive form only; a CPU has no such limit.
TEST(MlaForm, WideRecordsStayNaive) {
  const MlaShape shape{1, 1, 4096, 16, 8192, 64, 128, 128, 2, 2, 64};
  EXPECT_TRUE(std::isinf(mlaAbsorbedSeconds(shape, h200)));
  EXPECT_TRUE(std::isfinite(mlaNaiveSeconds(shape, h200)));
  EXPECT_TRUE(std::isfinite(mlaAbsorbedSeconds(shape, hostCpu)));
}

} // namespace
