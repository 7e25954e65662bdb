// CudaDriver.h restates parts of cuda.h. Where a toolkit is installed, the two are compared.
#include "runtime/core/CudaDriver.h"

#include <gtest/gtest.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

#include <type_traits>

namespace {
using namespace dsrt;

static_assert(sizeof(CuLaunchAttribute) == sizeof(CUlaunchAttribute));
static_assert(offsetof(CuLaunchAttribute, value) == offsetof(CUlaunchAttribute, value));
static_assert(sizeof(CuLaunchConfig) == sizeof(CUlaunchConfig));
static_assert(offsetof(CuLaunchConfig, sharedBytes) == offsetof(CUlaunchConfig, sharedMemBytes));
static_assert(offsetof(CuLaunchConfig, stream) == offsetof(CUlaunchConfig, hStream));
static_assert(offsetof(CuLaunchConfig, attributes) == offsetof(CUlaunchConfig, attrs));
static_assert(offsetof(CuLaunchConfig, attributeCount) == offsetof(CUlaunchConfig, numAttrs));
static_assert(sizeof(CUtensorMap) == 128);
static_assert(sizeof(CuDevicePtr) == sizeof(CUdeviceptr));

static_assert(int(cuLaunchAttributeClusterDimension) == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);
static_assert(int(cuLaunchAttributeProgrammaticStreamSerialization) ==
              CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
static_assert(int(cuFuncAttributeMaxDynamicSharedBytes) == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
static_assert(int(cuFuncAttributeNonPortableClusterSizeAllowed) == CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
static_assert(int(cuDeviceAttributeMultiprocessorCount) == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
static_assert(int(cuDeviceAttributeMemoryClockRate) == CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
static_assert(int(cuDeviceAttributeMemoryBusWidth) == CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
static_assert(int(cuDeviceAttributeCapabilityMajor) == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
static_assert(int(cuDeviceAttributeCapabilityMinor) == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
static_assert(int(cuStreamCaptureModeThreadLocal) == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
static_assert(int(cuStreamNonBlocking) == CU_STREAM_NON_BLOCKING);
static_assert(int(cuEventDefault) == CU_EVENT_DEFAULT);
static_assert(int(cuEventDisableTiming) == CU_EVENT_DISABLE_TIMING);
static_assert(int(cuTensorMapUint8) == CU_TENSOR_MAP_DATA_TYPE_UINT8);
static_assert(int(cuTensorMapInt32) == CU_TENSOR_MAP_DATA_TYPE_INT32);
static_assert(int(cuTensorMapFloat16) == CU_TENSOR_MAP_DATA_TYPE_FLOAT16);
static_assert(int(cuTensorMapFloat32) == CU_TENSOR_MAP_DATA_TYPE_FLOAT32);
static_assert(int(cuTensorMapBfloat16) == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
static_assert(int(cuTensorMapL2Promotion256B) == CU_TENSOR_MAP_L2_PROMOTION_L2_256B);
static_assert(CU_TENSOR_MAP_SWIZZLE_128B == 3 && CU_TENSOR_MAP_SWIZZLE_64B == 2 && CU_TENSOR_MAP_SWIZZLE_32B == 1);

// How a type travels in a call: pointers by their depth only, the rest by size. Two signatures that agree in this are
// the same call.
template <typename T> constexpr int passing() {
  if constexpr (std::is_pointer_v<T>)
    return 100;
  else
    return int(sizeof(T)) + (std::is_floating_point_v<T> ? 50 : 0);
}
template <typename R, typename... P, typename S, typename... Q> constexpr bool sameCall(R (*)(P...), S (*)(Q...)) {
  if constexpr (sizeof...(P) != sizeof...(Q))
    return false;
  else
    return sizeof(R) == sizeof(S) && ((passing<P>() == passing<Q>()) && ...);
}

TEST(CudaDriver, SignaturesAreThoseOfTheHeader) {
  // cuda.h's macros map a symbol to the version that it declares.
#define DSRT_CUDA_FUNCTION(name, symbol, ...)                                                                          \
  EXPECT_TRUE(sameCall(static_cast<CuResult (*)(__VA_ARGS__)>(nullptr), static_cast<decltype(&::symbol)>(nullptr)))    \
      << #symbol;
#include "runtime/core/CudaFunctions.def"
#undef DSRT_CUDA_FUNCTION
}
} // namespace
#endif

// Without a driver the answer is an error, every time it is asked for.
TEST(CudaDriver, LoadsOrSaysWhyNot) {
  auto driver = dsrt::CudaDriver::load();
  EXPECT_EQ(driver.ok(), dsrt::CudaDriver::load().ok());
  if (!driver.ok())
    EXPECT_FALSE(driver.status().message().empty());
}
