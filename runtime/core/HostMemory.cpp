#include "runtime/core/CpuInfo.h"
#include "runtime/core/Memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace dsrt {

namespace {
struct HostUploader : Uploader {
  Status upload(void *to, const void *from, size_t bytes) override {
    std::memcpy(to, from, bytes);
    return Status();
  }
  Status finish() override { return Status(); }
};

struct HostMemory : Memory {
  std::string describe() const override { return "host memory"; }

  StatusOr<void *> allocate(size_t bytes, const std::string &what) override {
    void *address = nullptr;
    if (posix_memalign(&address, 64, std::max<size_t>(bytes, 64)) != 0)
      return Status::error("cannot allocate " + std::to_string(bytes) + " bytes of host memory for " + what + ": " +
                           std::to_string(availableHostMemory()) + " are available");
    return address;
  }
  void release(void *address) override { std::free(address); }
  StatusOr<size_t> availableBytes() const override { return availableHostMemory(); }

  Status write(void *to, const void *from, size_t bytes) override { return copy(to, from, bytes); }
  Status read(void *to, const void *from, size_t bytes) override { return copy(to, from, bytes); }
  Status copy(void *to, const void *from, size_t bytes) override {
    if (bytes)
      std::memcpy(to, from, bytes);
    return Status();
  }
  Status fill(void *to, unsigned char byte, size_t bytes) override {
    std::memset(to, byte, bytes);
    return Status();
  }
  Status synchronize() override { return Status(); }
  StatusOr<std::unique_ptr<Uploader>> createUploader() override {
    return std::unique_ptr<Uploader>(std::make_unique<HostUploader>());
  }
};
} // namespace

std::unique_ptr<Memory> createHostMemory() { return std::make_unique<HostMemory>(); }

} // namespace dsrt
