// The state behind DsrtContext, which compiled code passes through to the dsrt_* functions. On the CPU target there is
// no device, and the functions that need one fail with a message.
#pragma once

#include "runtime/abi/DsrtAbi.h"
#include "runtime/core/Device.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dsrt {

struct LoadedKernel {
  std::string name;
  CuFunction function;
  int64_t sharedBytes; // the dynamic shared memory that the function was set up for
  bool wideClusters;   // whether clusters of more than 8 CTAs were asked for and allowed
};

// The code that dsrt_* functions return for every failure; the message is in the context.
constexpr int32_t abiFailure = 1;

} // namespace dsrt

struct DsrtContext {
  const dsrt::Device *device = nullptr;
  std::vector<dsrt::LoadedKernel> kernels;
  int64_t launches = 0; // kernels enqueued so far
  std::string error;    // of the first call that failed since it was cleared

  int32_t fail(std::string message) {
    if (error.empty())
      error = std::move(message);
    return dsrt::abiFailure;
  }
};
