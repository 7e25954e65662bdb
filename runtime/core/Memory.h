// The memory that an artefact's buffers live in: the host's for the CPU target, a GPU's for the others. Work on it is
// ordered with the entries that use it (Device::stream() on a GPU); `read` and `synchronize` wait for it.
#pragma once

#include "runtime/core/Device.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <memory>
#include <string>

namespace dsrt {

// Copies large host arrays into a Memory; each thread that uploads has its own.
class Uploader {
public:
  virtual ~Uploader() = default;
  // `from` has been read when this returns; the copy itself may still be under way.
  virtual Status upload(void *to, const void *from, size_t bytes) = 0;
  virtual Status finish() = 0;
};

class Memory {
public:
  virtual ~Memory() = default;
  virtual std::string describe() const = 0;
  // At least 64-byte aligned; `what` names the buffer in the error.
  virtual StatusOr<void *> allocate(size_t bytes, const std::string &what) = 0;
  virtual void release(void *address) = 0;
  virtual StatusOr<size_t> availableBytes() const = 0;

  // `from` is host memory and may be reused when this returns.
  virtual Status write(void *to, const void *from, size_t bytes) = 0;
  // `to` is host memory and complete when this returns.
  virtual Status read(void *to, const void *from, size_t bytes) = 0;
  virtual Status copy(void *to, const void *from, size_t bytes) = 0;
  virtual Status fill(void *to, unsigned char byte, size_t bytes) = 0;
  virtual Status synchronize() = 0;
  virtual StatusOr<std::unique_ptr<Uploader>> createUploader() = 0;
};

std::unique_ptr<Memory> createHostMemory();
// `device` must outlive the memory.
StatusOr<std::unique_ptr<Memory>> createDeviceMemory(const Device &device);

} // namespace dsrt
