// The CUDA driver, loaded when it is first needed: the program has no link-time dependency on CUDA and needs no toolkit
// to build. The types and constants below restate the few parts of cuda.h that the runtime uses; a test compares them
// with cuda.h where a toolkit is installed.
#pragma once

#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace dsrt {

using CuResult = int;
using CuDevice = int;
using CuDevicePtr = unsigned long long;
using CuContext = struct CuContextState *;
using CuModule = struct CuModuleState *;
using CuFunction = struct CuFunctionState *;
using CuStream = struct CuStreamState *;
using CuEvent = struct CuEventState *;
using CuGraph = struct CuGraphState *;
using CuGraphExec = struct CuGraphExecState *;

struct CuLaunchAttribute {
  int id;
  char pad[4];
  union {
    char bytes[64];
    struct {
      unsigned x, y, z;
    } clusterDim;
    int programmaticStreamSerialization;
  } value;
};

struct CuLaunchConfig {
  unsigned gridX, gridY, gridZ;
  unsigned blockX, blockY, blockZ;
  unsigned sharedBytes;
  CuStream stream;
  CuLaunchAttribute *attributes;
  unsigned attributeCount;
};

enum : int {
  cuLaunchAttributeClusterDimension = 4,
  cuLaunchAttributeProgrammaticStreamSerialization = 6,
  cuFuncAttributeMaxDynamicSharedBytes = 8,
  cuFuncAttributeNonPortableClusterSizeAllowed = 14,
  cuDeviceAttributeMultiprocessorCount = 16,
  cuDeviceAttributeMemoryClockRate = 36, // kHz
  cuDeviceAttributeMemoryBusWidth = 37,  // bits
  cuDeviceAttributeCapabilityMajor = 75,
  cuDeviceAttributeCapabilityMinor = 76,
  cuStreamCaptureModeThreadLocal = 1,
  cuStreamNonBlocking = 1,
  cuEventDefault = 0,
  cuEventDisableTiming = 2,
  cuTensorMapInt32 = 3,
  cuTensorMapFloat16 = 6,
  cuTensorMapFloat32 = 7,
  cuTensorMapBfloat16 = 9,
  cuTensorMapUint8 = 0,
  cuTensorMapL2Promotion256B = 3,
};

struct CudaDriver {
#define DSRT_CUDA_FUNCTION(name, symbol, ...) CuResult (*name)(__VA_ARGS__) = nullptr;
#include "runtime/core/CudaFunctions.def"
#undef DSRT_CUDA_FUNCTION

  // Loads libcuda.so.1 and initialises it, once per process.
  static StatusOr<const CudaDriver *> load();
};

// The error of a failed call: what was called, what the driver says, where.
Status cudaError(const CudaDriver &driver, CuResult code, const char *expression, const char *file, int line);

// Runs `driver.call` and leaves the enclosing function with its Status where it fails:
// DSRT_CUDA_TRY(driver, cuMemAlloc(&address, bytes)).
#define DSRT_CUDA_TRY(driver, call)                                                                                    \
  do {                                                                                                                 \
    if (::dsrt::CuResult dsrtResult_ = (driver).call; dsrtResult_ != 0)                                                \
      return ::dsrt::cudaError((driver), dsrtResult_, #call, __FILE__, __LINE__);                                      \
  } while (false)

} // namespace dsrt
