#include "runtime/core/KernelLoader.h"

#include <cstring>

namespace dsrt {

KernelLoader::~KernelLoader() {
  for (auto &[offset, module] : modules)
    (void)device.driver().cuModuleUnload(module);
}

StatusOr<CuModule> KernelLoader::module(const KernelInfo &kernel, std::span<const std::byte> section) {
  for (auto &[offset, module] : modules)
    if (offset == kernel.offset)
      return module;
  std::span<const std::byte> cubin = section.subspan(kernel.offset, kernel.size);
  // The driver takes no size: it must at least find an ELF file.
  if (cubin.size() < 64 || std::memcmp(cubin.data(), "\177ELF", 4) != 0)
    return Status::error("its cubin is not an ELF file");
  CuModule module = nullptr;
  DSRT_CUDA_TRY(device.driver(), cuModuleLoadData(&module, cubin.data()));
  modules.emplace_back(kernel.offset, module);
  return module;
}

Status KernelLoader::load(const Manifest &manifest, std::span<const std::byte> section, const std::string &where,
                          std::vector<LoadedKernel> &kernels) {
  const CudaDriver &cuda = device.driver();
  for (const KernelInfo &kernel : manifest.kernels) {
    auto loadOne = [&]() -> Status {
      DSRT_ASSIGN_OR_RETURN(CuModule module, this->module(kernel, section));
      LoadedKernel loaded{kernel.name, nullptr, kernel.sharedBytes, false};
      DSRT_CUDA_TRY(cuda, cuModuleGetFunction(&loaded.function, module, kernel.symbol.c_str()));
      int sharedBytes = static_cast<int>(kernel.sharedBytes);
      if (sharedBytes > 0)
        DSRT_CUDA_TRY(cuda, cuFuncSetAttribute(loaded.function, cuFuncAttributeMaxDynamicSharedBytes, sharedBytes));
      kernels.push_back(std::move(loaded));
      return Status();
    };
    if (Status status = loadOne(); !status.ok())
      return Status::error(where + ": kernel " + kernel.name + " (symbol " + kernel.symbol + ", " +
                           std::to_string(kernel.sharedBytes) + " bytes of shared memory): " + status.message());
  }
  return Status();
}

} // namespace dsrt
