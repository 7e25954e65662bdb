// Loads the cubins of an artefact into a device and resolves its kernels.
#pragma once

#include "runtime/core/Context.h"
#include "runtime/core/Manifest.h"

#include <cstddef>
#include <span>
#include <vector>

namespace dsrt {

class KernelLoader {
public:
  explicit KernelLoader(const Device &device) : device(device) {}
  KernelLoader(const KernelLoader &) = delete;
  ~KernelLoader();

  // Appends one LoadedKernel for each of the manifest's kernels, in its order. `where` opens each error message.
  Status load(const Manifest &manifest, std::span<const std::byte> section, const std::string &where,
              std::vector<LoadedKernel> &kernels);

private:
  StatusOr<CuModule> module(const KernelInfo &kernel, std::span<const std::byte> section);
  const Device &device;
  std::vector<std::pair<uint64_t, CuModule>> modules; // by offset: kernels may share a cubin
};

} // namespace dsrt
