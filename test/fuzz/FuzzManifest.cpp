// Whatever the text is, the parser returns an error or a manifest whose parameters and kernels lie where they may.
#include "runtime/core/Manifest.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  constexpr uint64_t kernelBytes = 1 << 20;
  auto manifest = dsrt::parseManifest({reinterpret_cast<const char *>(data), size}, "fuzz", kernelBytes);
  if (!manifest.ok())
    return 0;
  for (const dsrt::ParameterInfo &parameter : manifest->parameters)
    if (parameter.offset + parameter.bytes() > manifest->buffers.at(parameter.buffer).bytes(0))
      std::abort();
  for (const dsrt::KernelInfo &kernel : manifest->kernels)
    if (kernel.offset + kernel.size > kernelBytes)
      std::abort();
  return 0;
}
