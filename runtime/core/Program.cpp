#include "runtime/core/Program.h"

#include "runtime/core/AbiTable.h"
#include "runtime/core/CpuInfo.h"

#include <cstdlib>
#include <dlfcn.h>
#include <utility>

namespace dsrt {

Status configureHostThreads(int threads) {
  if (threads < 0 || threads > 4096)
    return Status::error("the number of threads must be from 1 to 4096, got " + std::to_string(threads));
  bool isOverride = threads > 0;
  setenv("OMP_NUM_THREADS", std::to_string(isOverride ? threads : physicalCores()).c_str(), isOverride);
  // Where other processes keep the cores busy, a worker that waits for one holds all others up for milliseconds: OpenMP
  // may use fewer threads then. Results do not depend on it.
  if (!isOverride)
    setenv("OMP_DYNAMIC", "true", /*overwrite=*/0);
  // A worker spins this many milliseconds before it sleeps: longer than the host needs between two decode steps, and
  // short beside the default of 200, which keeps cores busy that other processes want.
  setenv("KMP_BLOCKTIME", "10", /*overwrite=*/0);
  return Status();
}

StatusOr<std::unique_ptr<Program>> Program::load(const std::string &path, const ProgramOptions &options) {
  DSRT_ASSIGN_OR_RETURN(ArtifactFile file, ArtifactFile::open(path));
  std::unique_ptr<Program> program(new Program(std::move(file)));
  DSRT_RETURN_IF_ERROR(program->open(options));
  return program;
}

static Status checkTarget(const Manifest &manifest, const Device *device, const std::string &path) {
  DSRT_RETURN_IF_ERROR(checkCpuLevel(manifest.cpu, path));
  if (device && device->capability() != manifest.capability())
    return Status::error(path + " is for " + manifest.target + ", GPU " + std::to_string(device->index()) + " (" +
                         device->name() + ") has compute capability " + std::to_string(device->capability() / 10) +
                         "." + std::to_string(device->capability() % 10));
  return Status();
}

Status Program::open(const ProgramOptions &options) {
  DSRT_RETURN_IF_ERROR(checkAbiExports());
  if (manifest().isGpu()) {
    auto opened = Device::open(options.device);
    if (!opened.ok())
      return Status::error(path() + " is for " + manifest().target + ": " + opened.status().message());
    gpu = std::move(*opened);
  }
  DSRT_RETURN_IF_ERROR(checkTarget(manifest(), gpu.get(), path()));
  if (gpu) {
    DSRT_ASSIGN_OR_RETURN(storage, createDeviceMemory(*gpu));
    kernels = std::make_unique<KernelLoader>(*gpu);
    DSRT_RETURN_IF_ERROR(kernels->load(manifest(), file.kernels(), path(), state.kernels));
    state.device = gpu.get();
  } else {
    storage = createHostMemory();
    DSRT_RETURN_IF_ERROR(configureHostThreads(options.threads));
  }

  // dlopen searches for a name without a slash. The library is never closed: threads of its OpenMP runtime live on.
  std::string name = path().find('/') == std::string::npos ? "./" + path() : path();
  void *library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return Status::error("cannot load " + path() + ": " + dlerror());
  for (const EntryInfo &entry : manifest().entries) {
    void *symbol = dlsym(library, ("dsrt_entry_" + entry.name).c_str());
    if (!symbol)
      return Status::error(path() + " has no symbol dsrt_entry_" + entry.name + ", which its manifest names");
    entries.push_back(reinterpret_cast<DsrtEntryFn>(symbol));
  }
  addresses.assign(manifest().buffers.size(), nullptr);
  return Status();
}

Program::~Program() {
  if (gpu)
    (void)gpu->makeCurrent();
  releaseBuffers();
}

void Program::releaseBuffers() {
  if (gpu)
    (void)gpu->synchronize();
  for (void *&address : addresses)
    if (address)
      storage->release(std::exchange(address, nullptr));
  allocated = 0;
}

Status Program::allocate(int32_t buffer) {
  const BufferInfo &info = manifest().buffers[buffer];
  int64_t bytes = bufferBytes(buffer);
  DSRT_ASSIGN_OR_RETURN(addresses[buffer], storage->allocate(static_cast<size_t>(bytes), "buffer '" + info.name + "'"));
  allocated += bytes;
  bool startsAsZero = info.role == BufferRole::Input || info.role == BufferRole::Cache;
  return startsAsZero ? storage->fill(addresses[buffer], 0, static_cast<size_t>(bytes)) : Status();
}

Status Program::allocateBuffers() {
  for (size_t i = 0; i < addresses.size(); ++i)
    if (!manifest().buffers[i].dependsOnPages() && !addresses[i])
      DSRT_RETURN_IF_ERROR(allocate(static_cast<int32_t>(i)));
  return Status();
}

Status Program::allocateCache(int64_t pages) {
  if (pages < 1 || (bytesPerPage() && pages > (int64_t(1) << 46) / bytesPerPage()))
    return Status::error("a cache of " + std::to_string(pages) + " pages of " + std::to_string(bytesPerPage()) +
                         " bytes is not possible");
  cachePages = pages;
  for (size_t i = 0; i < addresses.size(); ++i)
    if (manifest().buffers[i].dependsOnPages() && !addresses[i])
      DSRT_RETURN_IF_ERROR(allocate(static_cast<int32_t>(i)));
  return Status();
}

Status Program::allocateOnly(const std::function<bool(const BufferInfo &)> &isWanted, int64_t pages) {
  releaseBuffers();
  cachePages = pages;
  for (size_t i = 0; i < addresses.size(); ++i)
    if (isWanted(manifest().buffers[i]))
      DSRT_RETURN_IF_ERROR(allocate(static_cast<int32_t>(i)));
  return Status();
}

int64_t Program::bytesPerPage() const {
  int64_t bytes = 0;
  for (const BufferInfo &buffer : manifest().buffers)
    if (buffer.dependsOnPages())
      bytes += buffer.bytes(1);
  return bytes;
}

Status Program::poison(BufferRole role) {
  for (size_t i = 0; i < addresses.size(); ++i)
    if (manifest().buffers[i].role == role && addresses[i])
      DSRT_RETURN_IF_ERROR(
          storage->fill(addresses[i], 0xFF, static_cast<size_t>(bufferBytes(static_cast<int32_t>(i)))));
  return Status();
}

Status Program::call(int32_t entry) {
  state.error.clear();
  int32_t code = entries[entry](&state, addresses.data());
  if (code == 0)
    return Status();
  std::string reason = state.error.empty() ? "it returned code " + std::to_string(code) : state.error;
  return Status::error("entry " + manifest().entries[entry].name + " of " + path() + " failed: " + reason);
}

} // namespace dsrt
