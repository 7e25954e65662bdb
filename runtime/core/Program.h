// A loaded artefact, ready to be called: its code, its device (for GPU targets), its kernels and its table of buffers.
// Nothing of the file is executed before every check of ArtifactFile has passed and the target fits this machine.
#pragma once

#include "runtime/core/ArtifactFile.h"
#include "runtime/core/Context.h"
#include "runtime/core/KernelLoader.h"
#include "runtime/core/Memory.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dsrt {

// Hears of each entry before it is called and after it has been called; a watchdog or a timeline.
class EntryObserver {
public:
  virtual ~EntryObserver() = default;
  virtual void begin(const std::string &entry) = 0;
  virtual void end() = 0;
};

struct ProgramOptions {
  int threads = 0; // of the CPU target; 0: OMP_NUM_THREADS, or else one for each physical core
  int device = 0;  // index of the GPU
};

class Program {
public:
  static StatusOr<std::unique_ptr<Program>> load(const std::string &path, const ProgramOptions &options);
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;
  ~Program();

  const std::string &path() const { return file.path(); }
  const Manifest &manifest() const { return file.manifest(); }
  Memory &memory() { return *storage; }
  const Device *device() const { return gpu.get(); } // null for the CPU target
  DsrtContext &context() { return state; }

  // Allocates every buffer but those that grow with the cache. Inputs start as zeros.
  Status allocateBuffers();
  // Allocates the others with `pages` pages, all zero: a kernel may read a page's unused records, which are then
  // finite.
  Status allocateCache(int64_t pages);
  // Exactly the buffers that `isWanted` accepts, `pages` pages of caches among them; what others had is given back.
  Status allocateOnly(const std::function<bool(const BufferInfo &)> &isWanted, int64_t pages);
  int64_t pages() const { return cachePages; }
  // Bytes of one page over all buffers that grow with the cache.
  int64_t bytesPerPage() const;
  int64_t bytesAllocated() const { return allocated; }

  // Null while it is not allocated.
  void *address(int32_t buffer) const { return addresses[buffer]; }
  int64_t bufferBytes(int32_t buffer) const { return manifest().buffers[buffer].bytes(cachePages); }
  // Fills a role's buffers with bytes of 0xFF, which are NaN in every float type.
  Status poison(BufferRole role);

  // Calls an entry. On a GPU its work is enqueued and may not have run yet.
  Status call(int32_t entry);

private:
  explicit Program(ArtifactFile file) : file(std::move(file)) {}
  Status open(const ProgramOptions &options);
  Status allocate(int32_t buffer);
  void releaseBuffers();

  ArtifactFile file;
  std::unique_ptr<Device> gpu;
  std::unique_ptr<Memory> storage;
  std::unique_ptr<KernelLoader> kernels;
  DsrtContext state;
  std::vector<DsrtEntryFn> entries;
  std::vector<void *> addresses;
  int64_t cachePages = 0, allocated = 0;
};

// What must be in the environment before the first CPU artefact, and with it its OpenMP runtime, is loaded.
Status configureHostThreads(int threads);

} // namespace dsrt
