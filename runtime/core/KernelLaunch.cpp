// dsrt_kernel_launch: enqueues one kernel of the artefact on the context's stream.
#include "runtime/core/Context.h"

using namespace dsrt;

static std::string describe(const DsrtLaunchConfig &config) {
  return "grid " + std::to_string(config.grid[0]) + "x" + std::to_string(config.grid[1]) + "x" +
         std::to_string(config.grid[2]) + ", " + std::to_string(config.threads) + " threads, cluster " +
         std::to_string(config.cluster) + ", " + std::to_string(config.sharedBytes) + " bytes of shared memory";
}

static bool isValid(const DsrtLaunchConfig &config) {
  return config.grid[0] >= 1 && config.grid[1] >= 1 && config.grid[2] >= 1 && config.threads >= 1 &&
         config.threads <= 1024 && config.cluster >= 1 && config.cluster <= 16 && config.sharedBytes >= 0 &&
         config.grid[0] % config.cluster == 0;
}

static Status launch(DsrtContext &context, const DsrtLaunchConfig &config, void **arguments) {
  LoadedKernel &kernel = context.kernels[config.kernel];
  const CudaDriver &cuda = context.device->driver();
  if (config.sharedBytes > kernel.sharedBytes)
    return Status::error("more than the manifest's " + std::to_string(kernel.sharedBytes) + " bytes of shared memory");
  if (config.cluster > 8 && !kernel.wideClusters) {
    DSRT_CUDA_TRY(cuda, cuFuncSetAttribute(kernel.function, cuFuncAttributeNonPortableClusterSizeAllowed, 1));
    kernel.wideClusters = true;
  }
  CuLaunchAttribute attributes[2] = {};
  unsigned count = 0;
  if (config.cluster > 1) {
    attributes[count].id = cuLaunchAttributeClusterDimension;
    attributes[count++].value.clusterDim = {static_cast<unsigned>(config.cluster), 1, 1};
  }
  if (config.programmatic) {
    attributes[count].id = cuLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].value.programmaticStreamSerialization = 1;
  }
  CuLaunchConfig launchConfig = {};
  launchConfig.gridX = static_cast<unsigned>(config.grid[0]);
  launchConfig.gridY = static_cast<unsigned>(config.grid[1]);
  launchConfig.gridZ = static_cast<unsigned>(config.grid[2]);
  launchConfig.blockX = static_cast<unsigned>(config.threads);
  launchConfig.blockY = launchConfig.blockZ = 1;
  launchConfig.sharedBytes = static_cast<unsigned>(config.sharedBytes);
  launchConfig.stream = context.device->stream();
  launchConfig.attributes = attributes;
  launchConfig.attributeCount = count;
  DSRT_CUDA_TRY(cuda, cuLaunchKernelEx(&launchConfig, kernel.function, arguments, nullptr));
  return Status();
}

extern "C" int32_t dsrt_kernel_launch(void *opaque, void *configPointer, void *argumentsPointer) {
  auto *context = static_cast<DsrtContext *>(opaque);
  auto *config = static_cast<const DsrtLaunchConfig *>(configPointer);
  if (!context)
    return abiFailure;
  if (!context->device)
    return context->fail("dsrt_kernel_launch was called by an artefact for the CPU");
  if (!config || config->kernel < 0 || static_cast<size_t>(config->kernel) >= context->kernels.size())
    return context->fail("dsrt_kernel_launch: kernel " + (config ? std::to_string(config->kernel) : "null") + " of " +
                         std::to_string(context->kernels.size()));
  const std::string &name = context->kernels[config->kernel].name;
  if (!isValid(*config))
    return context->fail("kernel " + name + " cannot be launched with " + describe(*config));
  ++context->launches;
  if (Status status = launch(*context, *config, static_cast<void **>(argumentsPointer)); !status.ok())
    return context->fail("launch of kernel " + name + " (" + describe(*config) + "): " + status.message());
  return 0;
}
