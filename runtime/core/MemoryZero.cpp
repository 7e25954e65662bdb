// dsrt_memory_zero: enqueues a fill of device memory with zero bytes.
#include "runtime/core/Context.h"

using namespace dsrt;

static Status zero(const Device &device, void *address, int64_t bytes) {
  DSRT_CUDA_TRY(device.driver(), cuMemsetD8Async(reinterpret_cast<CuDevicePtr>(address), 0, static_cast<size_t>(bytes),
                                                 device.stream()));
  return Status();
}

extern "C" int32_t dsrt_memory_zero(void *opaque, void *address, int64_t bytes) {
  auto *context = static_cast<DsrtContext *>(opaque);
  if (!context)
    return abiFailure;
  if (!context->device)
    return context->fail("dsrt_memory_zero was called by an artefact for the CPU");
  if (bytes < 0)
    return context->fail("dsrt_memory_zero: " + std::to_string(bytes) + " bytes");
  if (bytes == 0)
    return 0;
  if (Status status = zero(*context->device, address, bytes); !status.ok())
    return context->fail("dsrt_memory_zero of " + std::to_string(bytes) + " bytes: " + status.message());
  return 0;
}
